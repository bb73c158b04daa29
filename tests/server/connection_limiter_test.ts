// ConnectionLimiter and BanList: limits on connections, joins and redeliveries by address, and bans.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../lib/errors.ts";
import {
  addressPrefix,
  BanList,
  ConnectionLimiter,
  type LimiterConfig,
  MAX_PER_ADDRESS,
} from "../../lib/server/connection_limiter.ts";
import { testConfig } from "../testing/test_config.ts";

const pure = { permissions: "none" } as const;
const HOME = "10.0.0.7";
const OTHER = "10.0.0.8";
const JOINS = 2 * MAX_PER_ADDRESS;

/** The default limits, but for what a test overrides. */
function newLimiter(overrides: Partial<LimiterConfig> = {}): ConnectionLimiter {
  return new ConnectionLimiter(testConfig({ limits: overrides }).limits);
}

function assertRefused(code: string, action: () => void): void {
  assertEquals(assertThrows(action, ProtocolError).code, code);
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
  limiter.acquire("10.0.0.1", 0);
  limiter.acquire("10.0.0.2", 0);
  for (const ip of ["10.0.0.3", "127.0.0.1"]) assertRefused("room-full", () => limiter.acquire(ip, 0));
  assertEquals(limiter.connectionCount, 2);
  limiter.release("10.0.0.1");
  limiter.acquire("10.0.0.3", 0);
});

Deno.test("ConnectionLimiter admits 16 connections from one address by default", pure, () => {
  const limiter = newLimiter();
  repeat(MAX_PER_ADDRESS, () => limiter.acquire(HOME, 0));
  assertRefused("address-crowded", () => limiter.acquire(HOME, 0));
  limiter.acquire(OTHER, 0);
  limiter.release(HOME);
  limiter.acquire(HOME, 0);
  assertRefused("address-crowded", () => limiter.acquire(HOME, 0));
});

Deno.test("ConnectionLimiter counts the /64 of an IPv6 customer as one address", pure, () => {
  const limiter = newLimiter({ maxPerAddress: 1 });
  limiter.acquire("2001:db8:1:2::1", 0);
  assertRefused("address-crowded", () => limiter.acquire("2001:db8:1:2:ffff::2", 0));
  limiter.acquire("2001:db8:1:3::1", 0);
  limiter.release("2001:db8:1:2:3:4:5:6");
  limiter.acquire("2001:0db8:0001:0002::9", 0);
});

Deno.test("ConnectionLimiter exempts the loopback address from the limits of one address", pure, () => {
  const limiter = newLimiter({ maxPerAddress: 1 });
  for (const ip of ["127.0.0.1", "127.1.2.3", "::1"]) {
    repeat(100, () => limiter.acquire(ip, 0));
    repeat(100, () => limiter.takeJoin(ip, 0));
    assertEquals(countTrue(() => limiter.acquirePending(ip) && limiter.connectionCount > 0), 256);
    repeat(256, () => limiter.releasePending(ip));
  }
});

Deno.test("ConnectionLimiter has 64 pending connections of one address, 256 in all", pure, () => {
  for (const [maxPerAddress, count] of [[1, 64], [100, 100]] as const) {
    const limiter = newLimiter({ maxPerAddress });
    assertEquals(countTrue(() => limiter.acquirePending(HOME)), count);
    repeat(4, (index) => countTrue(() => limiter.acquirePending(`10.1.0.${index}`)));
    assertEquals(limiter.acquirePending("10.2.0.1"), false);
    limiter.releasePending(HOME);
    assertEquals(limiter.acquirePending("10.2.0.1"), true);
  }
});

Deno.test("ConnectionLimiter.promote() counts a pending connection, also over the limit", pure, () => {
  const limiter = newLimiter({ maxClients: 1, maxPerAddress: 1 });
  limiter.acquire(HOME, 0);
  repeat(300, () => {
    assertEquals(limiter.acquirePending(HOME), true);
    limiter.promote(HOME, 0);
    assertEquals(limiter.connectionCount, 2);
    limiter.release(HOME);
  });
});

Deno.test("takeJoin() allows twice as many joins as connections, then one every 2 s", pure, () => {
  const limiter = newLimiter();
  repeat(JOINS, () => limiter.takeJoin(HOME, 0));
  assertRefused("entering-too-often", () => limiter.takeJoin(HOME, 1_999));
  limiter.takeJoin(HOME, 2_000);
  assertRefused("entering-too-often", () => limiter.takeJoin(HOME, 2_001));
  limiter.takeJoin(OTHER, 2_001);
});

Deno.test("takeJoin() lets all clients of one address join at once, at least 32", pure, () => {
  for (const [maxPerAddress, burst] of [[100, 200], [1, JOINS]] as const) {
    const limiter = newLimiter({ maxPerAddress });
    repeat(burst, () => limiter.takeJoin(HOME, 0));
    assertRefused("entering-too-often", () => limiter.takeJoin(HOME, 0));
  }
});

Deno.test("refundJoin() gives back a join", pure, () => {
  const limiter = newLimiter();
  repeat(JOINS, () => limiter.takeJoin(HOME, 0));
  limiter.refundJoin(HOME, 0);
  limiter.takeJoin(HOME, 0);
  assertRefused("entering-too-often", () => limiter.takeJoin(HOME, 0));
});

Deno.test("takeProbe() allows one address 20 PROBEs at once, then 2 a second", pure, () => {
  const limiter = newLimiter();
  for (let i = 0; i < 20; i++) assert(limiter.takeProbe(HOME, 0));
  assert(!limiter.takeProbe(HOME, 499));
  assert(limiter.takeProbe(HOME, 500));
  assert(!limiter.takeProbe(HOME, 500));
  for (const ip of ["10.0.0.8", ...Array(100).fill("127.0.0.1")]) assert(limiter.takeProbe(ip, 500));
});

Deno.test("takeRedelivery() allows one address 1,024 messages in 120 s, loopback included", pure, () => {
  const limiter = newLimiter();
  for (const ip of [HOME, "127.0.0.1"]) {
    assertEquals(countTrue(() => limiter.takeRedelivery(ip, 0)), 1_024);
    assertEquals(limiter.takeRedelivery(OTHER, 0), true);
    assertEquals(countTrue(() => limiter.takeRedelivery(ip, 60_000)), 512);
  }
});

Deno.test("ConnectionLimiter remembers maxAddresses, and all that are connected", pure, () => {
  const limiter = newLimiter({ maxAddresses: 10, maxPerAddress: 1 });
  limiter.acquire(HOME, 0);
  repeat(100, (index) => {
    limiter.acquire(`10.1.0.${index}`, 0);
    limiter.release(`10.1.0.${index}`);
  });
  assertEquals(limiter.addressCount, 10);
  assertRefused("address-crowded", () => limiter.acquire(HOME, 0));
  limiter.release(HOME);
});

Deno.test("ConnectionLimiter counts more addresses than maxAddresses while all are connected", pure, () => {
  const limiter = newLimiter({ maxAddresses: 2, maxPerAddress: 1 });
  const ips = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
  for (const ip of ips) limiter.acquire(ip, 0);
  for (const ip of ips) assertRefused("address-crowded", () => limiter.acquire(ip, 0));
  for (const ip of ips) limiter.release(ip);
  for (const ip of ips) limiter.takeJoin(ip, 0);
  assertEquals([limiter.connectionCount, limiter.addressCount], [0, 2]);
});

Deno.test("ConnectionLimiter evicts the least recently used address", pure, () => {
  const limiter = newLimiter({ maxAddresses: 2 });
  for (const ip of [HOME, OTHER]) repeat(JOINS, () => limiter.takeJoin(ip, 0));
  limiter.takeRedelivery(HOME, 0);
  limiter.takeJoin("10.0.0.3", 0);
  assertRefused("entering-too-often", () => limiter.takeJoin(HOME, 0));
  limiter.takeJoin(OTHER, 0);
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
  for (const address of ["d", "c"]) bans.remove(address);
  bans.add("d", 1);
  assertEquals(banned(), "ad");
});
