// ConnectionLimiter and BanList: limits on connections, joins and redeliveries by address, and bans.

import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError, type WireCode } from "../../lib/errors.ts";
import {
  addressPrefix,
  BanList,
  ConnectionLimiter,
  type LimiterConfig,
  MAX_PER_ADDRESS,
  type Slot,
} from "../../lib/server/connection_limiter.ts";
import { testConfig } from "../testing/test_config.ts";
import { pure } from "../testing/test_options.ts";

const HOME = "10.0.0.7";
const OTHER = "10.0.0.8";
const JOINS = 2 * MAX_PER_ADDRESS;

/** The default limits, but for what a test overrides, on a machine with some addresses. */
function newLimiter(
  { localIPs = [], ...overrides }: Partial<LimiterConfig> & { localIPs?: readonly string[] } = {},
): ConnectionLimiter {
  return new ConnectionLimiter(testConfig({ limits: overrides }).limits, () => localIPs);
}

/** A pending handshake. */
function open(limiter: ConnectionLimiter, ip: string, evict = () => {}): Slot {
  return limiter.open(ip, 0, { close: evict });
}

/** A join if the limits allow it, else why not. */
function tryJoin(limiter: ConnectionLimiter, ip: string): Slot | WireCode {
  const slot = open(limiter, ip);
  const refusal = limiter.joinRefusal(slot);
  if (refusal) limiter.release(slot);
  else limiter.join(slot);
  return refusal ?? slot;
}

function joinAs(limiter: ConnectionLimiter, ip: string): Slot {
  const slot = tryJoin(limiter, ip);
  if (typeof slot === "string") throw new Error(slot);
  return slot;
}

function assertTooOften(action: () => void): void {
  assertEquals(assertThrows(action, ProtocolError).code, "entering-too-often");
}

function repeat(count: number, action: (index: number) => void): void {
  for (let index = 0; index < count; index++) action(index);
}

/** How often an action returns true in a row. */
function countTrue(action: () => boolean): number {
  for (let count = 0;; count++) if (!action()) return count;
}

Deno.test("ConnectionLimiter admits up to its limit, and the next connection after a release", pure, () => {
  const limiter = newLimiter({ maxClients: 2 });
  const first = joinAs(limiter, "10.0.0.1");
  joinAs(limiter, "10.0.0.2");
  for (const ip of ["10.0.0.3", "127.0.0.1"]) assertEquals(tryJoin(limiter, ip), "room-full");
  assertEquals(limiter.joinedCount, 2);
  limiter.release(first);
  limiter.release(first); // does not count twice
  joinAs(limiter, "10.0.0.3");
  assertEquals(tryJoin(limiter, "10.0.0.3"), "room-full");
});

Deno.test("ConnectionLimiter admits 16 connections from one address by default", pure, () => {
  const limiter = newLimiter();
  repeat(MAX_PER_ADDRESS - 1, () => joinAs(limiter, HOME));
  const last = joinAs(limiter, HOME);
  assertEquals(tryJoin(limiter, HOME), "address-crowded");
  joinAs(limiter, OTHER);
  limiter.release(last);
  joinAs(limiter, HOME);
  assertEquals(tryJoin(limiter, HOME), "address-crowded");
});

Deno.test("ConnectionLimiter counts no pending handshake against the limits of joins", pure, () => {
  const limiter = newLimiter({ maxClients: 2, maxPerAddress: 1 });
  repeat(60, () => open(limiter, HOME));
  repeat(60, (index) => open(limiter, `10.1.0.${index}`));
  joinAs(limiter, HOME);
  joinAs(limiter, OTHER);
});

Deno.test("ConnectionLimiter counts the /64 of an IPv6 customer as one address", pure, () => {
  const limiter = newLimiter({ maxPerAddress: 1 });
  const first = joinAs(limiter, "2001:db8:1:2::1");
  assertEquals(tryJoin(limiter, "2001:db8:1:2:ffff::2"), "address-crowded");
  joinAs(limiter, "2001:db8:1:3::1");
  limiter.release(first);
  joinAs(limiter, "2001:0db8:0001:0002::9");
});

Deno.test("ConnectionLimiter counts IPv6 addresses of its own networks singly, up to 4 limits", pure, () => {
  const limiter = newLimiter({ localIPs: ["10.0.0.1", "::1", "fe80::1%2", "fd00:9::1"] });
  repeat(MAX_PER_ADDRESS, () => joinAs(limiter, "fd00:9::2"));
  assertEquals(tryJoin(limiter, "fd00:9::2"), "address-crowded");
  repeat(3 * MAX_PER_ADDRESS, (index) => joinAs(limiter, `fd00:9::1:${index}`));
  assertEquals(tryJoin(limiter, "fd00:9::ffff"), "address-crowded");
  repeat(MAX_PER_ADDRESS + 1, (index) => joinAs(limiter, `fe80::${index + 2}%eth0`));
  repeat(MAX_PER_ADDRESS, (index) => joinAs(limiter, `fd00:8::${index}`));
  assertEquals(tryJoin(limiter, "fd00:8::ffff"), "address-crowded");
});

Deno.test("ConnectionLimiter applies 4 times the rates of an address to a /64 that it is in", pure, () => {
  const limiter = newLimiter({ localIPs: ["fd00:9::1"] });
  const joins = (from: number) => {
    for (let index = from;; index++) {
      const slot = open(limiter, `fd00:9::${index.toString(16)}`);
      try {
        limiter.takeJoin(slot, 0);
      } catch {
        return index - from;
      } finally {
        limiter.release(slot);
      }
    }
  };
  assertEquals([joins(2), joins(0x1000)], [4 * JOINS, 0]);
});

Deno.test("ConnectionLimiter exempts this machine from the limits of one address", pure, () => {
  const localIPs = ["10.78.0.2", "fe80::1%2", "fd00:9::1"];
  for (const ip of ["127.0.0.1", "127.1.2.3", "::1", "10.78.0.2", "fe80::1", "fd00:9::1"]) {
    const limiter = newLimiter({ maxPerAddress: 1, localIPs });
    repeat(100, () => joinAs(limiter, ip));
    let evicted = 0;
    const slots = Array.from({ length: 300 }, () => open(limiter, ip, () => evicted++));
    assertEquals(evicted, 0);
    for (const slot of slots) {
      limiter.takeJoin(slot, 0);
      assertEquals(limiter.takeProbe(slot, 0), true);
    }
    joinAs(limiter, "fd00:9::2"); // they do not fill their network
  }
  const limiter = newLimiter({ maxPerAddress: 1, localIPs, isLocalExempt: false });
  joinAs(limiter, "10.78.0.2");
  assertEquals(tryJoin(limiter, "10.78.0.2"), "address-crowded");
});

Deno.test("ConnectionLimiter notices new addresses of this machine within 10 s", pure, () => {
  let localIPs: string[] = [];
  let reads = 0;
  const limiter = new ConnectionLimiter(testConfig({ limits: { maxPerAddress: 1 } }).limits, () => {
    reads++;
    return localIPs;
  });
  const isExempt = (nowMs: number) => limiter.open(HOME, nowMs, { close() {} }).isExempt;
  assertEquals(isExempt(0), false);
  localIPs = [HOME];
  assertEquals([9_999, 10_000, 10_001].map(isExempt), [false, true, true]);
  assertEquals(reads, 2);
});

Deno.test("ConnectionLimiter evicts the oldest of 64 pending handshakes from one address", pure, () => {
  for (const [maxPerAddress, count] of [[1, 64], [100, 100]] as const) {
    const limiter = newLimiter({ maxPerAddress });
    const evicted: number[] = [];
    open(limiter, OTHER, () => evicted.push(-1));
    const slots = Array.from({ length: count }, (_, index) => open(limiter, HOME, () => evicted.push(index)));
    assertEquals(evicted, []);
    repeat(2, () => open(limiter, HOME));
    assertEquals(evicted, [0, 1]);
    limiter.join(slots[2]!);
    limiter.release(slots[3]!);
    repeat(2, () => open(limiter, HOME));
    assertEquals(evicted, [0, 1]);
    open(limiter, HOME);
    assertEquals(evicted, [0, 1, 4]);
    limiter.join(slots[0]!); // too late
    assertEquals(limiter.joinedCount, 1);
  }
});

Deno.test("ConnectionLimiter evicts the oldest of 256 handshakes, or of more free places", pure, () => {
  for (const [maxClients, joined, count] of [[1, 1, 256], [1_000, 0, 1_000], [1_000, 900, 256]] as const) {
    const limiter = newLimiter({ maxClients });
    const ipOf = (index: number) => `10.1.${index >> 4}.${index & 15}`;
    repeat(joined, (index) => joinAs(limiter, ipOf(index)));
    const evicted: number[] = [];
    repeat(count, (index) => open(limiter, ipOf(index), () => evicted.push(index)));
    assertEquals(evicted, []);
    open(limiter, "127.0.0.1");
    open(limiter, HOME);
    assertEquals(evicted, [0, 1]);
  }
});

Deno.test("ConnectionLimiter.join() counts a pending handshake, also over the limit", pure, () => {
  const limiter = newLimiter({ maxClients: 1, maxPerAddress: 1 });
  joinAs(limiter, HOME);
  repeat(300, () => {
    const slot = open(limiter, HOME);
    limiter.join(slot);
    assertEquals(limiter.joinedCount, 2);
    limiter.release(slot);
  });
});

Deno.test("takeJoin() allows twice as many joins as connections, then one every 2 s", pure, () => {
  const limiter = newLimiter();
  const home = open(limiter, HOME);
  repeat(JOINS, () => limiter.takeJoin(home, 0));
  assertTooOften(() => limiter.takeJoin(home, 1_999));
  limiter.takeJoin(home, 2_000);
  assertTooOften(() => limiter.takeJoin(open(limiter, HOME), 2_001));
  limiter.takeJoin(open(limiter, OTHER), 2_001);
});

Deno.test("takeJoin() lets all clients of one address join at once, at least 32", pure, () => {
  for (const [maxPerAddress, burst] of [[100, 200], [1, JOINS]] as const) {
    const home = open(newLimiter({ maxPerAddress }), HOME);
    const limiter = newLimiter({ maxPerAddress });
    repeat(burst, () => limiter.takeJoin(home, 0));
    assertTooOften(() => limiter.takeJoin(home, 0));
  }
});

Deno.test("refundJoin() gives back a join", pure, () => {
  const limiter = newLimiter();
  const home = open(limiter, HOME);
  repeat(JOINS, () => limiter.takeJoin(home, 0));
  limiter.refundJoin(home);
  limiter.takeJoin(home, 0);
  assertTooOften(() => limiter.takeJoin(home, 0));
});

Deno.test("takeProbe() answers 20 probes of one address, and then 2 a second", pure, () => {
  const limiter = newLimiter();
  const home = open(limiter, HOME);
  assertEquals(countTrue(() => limiter.takeProbe(home, 0)), 20);
  assertEquals(limiter.takeProbe(open(limiter, OTHER), 0), true);
  assertEquals(countTrue(() => limiter.takeProbe(home, 2_000)), 4);
});

Deno.test("takeRedelivery() allows one address 1,024 messages in 120 s, loopback included", pure, () => {
  const limiter = newLimiter();
  for (const ip of [HOME, "127.0.0.1"]) {
    const slot = open(limiter, ip);
    assertEquals(countTrue(() => limiter.takeRedelivery(slot, 0)), 1_024);
    assertEquals(limiter.takeRedelivery(open(limiter, OTHER), 0), true);
    assertEquals(countTrue(() => limiter.takeRedelivery(slot, 60_000)), 512);
  }
});

Deno.test("ConnectionLimiter remembers maxAddresses, and all that are connected", pure, () => {
  const limiter = newLimiter({ maxAddresses: 10, maxPerAddress: 1 });
  joinAs(limiter, HOME);
  repeat(100, (index) => limiter.release(joinAs(limiter, `10.1.0.${index}`)));
  assertEquals(limiter.addressCount, 10);
  assertEquals(tryJoin(limiter, HOME), "address-crowded");
});

Deno.test("ConnectionLimiter counts more addresses than maxAddresses while all are connected", pure, () => {
  const limiter = newLimiter({ maxAddresses: 2, maxPerAddress: 1 });
  const ips = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
  const slots = ips.map((ip) => joinAs(limiter, ip));
  for (const ip of ips) assertEquals(tryJoin(limiter, ip), "address-crowded");
  for (const slot of slots) limiter.release(slot);
  for (const ip of ips) limiter.release(open(limiter, ip));
  assertEquals([limiter.joinedCount, limiter.addressCount], [0, 2]);
});

Deno.test("ConnectionLimiter evicts the least recently used address that has no connection", pure, () => {
  const limiter = newLimiter({ maxAddresses: 2 });
  for (const ip of [HOME, OTHER]) {
    const slot = open(limiter, ip);
    repeat(JOINS, () => limiter.takeJoin(slot, 0));
    limiter.release(slot);
  }
  const pending = open(limiter, HOME);
  open(limiter, "10.0.0.3");
  open(limiter, "10.0.0.4");
  assertTooOften(() => limiter.takeJoin(open(limiter, HOME), 0));
  limiter.takeJoin(open(limiter, OTHER), 0);
  limiter.release(pending);
});

const PREFIXES = {
  "10.0.0.7": "10.0.0.7",
  "::1": "0:0:0:0::/64",
  "fe80::1%eth0": "fe80:0:0:0::/64",
  "2001:db8::": "2001:db8:0:0::/64",
  "2001:0DB8:0:1:2:3:4:5": "2001:db8:0:1::/64",
  "1:2:3:4:5:6:7::": "1:2:3:4::/64",
  "::5:6:7:8": "0:0:0:0::/64",
  "::4:5:6:7:8": "0:0:0:4::/64",
};

Deno.test("addressPrefix() gives an IPv4 address, or the /64 of an IPv6 address in any form", pure, () => {
  for (const [ip, prefix] of Object.entries(PREFIXES)) assertEquals(addressPrefix(ip), prefix);
});

Deno.test("BanList bans an address until its ban expires or is replaced, and no other", pure, () => {
  const bans = new BanList({ maxBans: 1_000 });
  bans.add(HOME, 5_000);
  assertEquals([0, 4_999, 5_000].map((nowMs) => bans.has(HOME, nowMs)), [true, true, false]);
  assertEquals(bans.has(OTHER, 0), false);
  bans.add(HOME, 0);
  assertEquals(bans.has(HOME, 0), false);
});

Deno.test("BanList drops the oldest ban when it is full, and counts no removed ban", pure, () => {
  const bans = new BanList({ maxBans: 2 });
  const banned = () => ["a", "b", "c", "d"].filter((address) => bans.has(address, 0)).join("");
  for (const address of ["a", "b", "a", "c"]) bans.add(address, 1);
  assertEquals(banned(), "ac");
  for (const address of ["d", "c"]) bans.remove(address, 0);
  bans.add("d", 1);
  assertEquals(banned(), "ad");
});
