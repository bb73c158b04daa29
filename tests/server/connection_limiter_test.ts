// How many may come, from where, and how often.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../lib/errors.ts";
import {
  addressPrefix,
  ConnectionLimiter,
  type LimiterConfig,
  MAX_PER_ADDRESS,
} from "../../lib/server/connection_limiter.ts";
import { testConfig } from "../test_config.ts";

/** The default limits, but for what a test overrides. */
function newLimiter(overrides: Partial<LimiterConfig> = {}): ConnectionLimiter {
  return new ConnectionLimiter(testConfig({ limits: overrides }).limits);
}

const pure = { permissions: "none" } as const;
const HOME = "10.0.0.7";

function codeOf(refused: () => void): string {
  return assertThrows(refused, ProtocolError).code;
}

Deno.test("Gate lets so many through, and the next when one has left", pure, () => {
  const limiter = newLimiter({ maxClients: 2 });
  limiter.acquire("10.0.0.1", 0);
  limiter.acquire("10.0.0.2", 0);
  assertEquals(codeOf(() => limiter.acquire("10.0.0.3", 0)), "room-full");
  assertEquals(codeOf(() => limiter.acquire("127.0.0.1", 0)), "room-full");
  assertEquals(limiter.connections, 2);
  limiter.release("10.0.0.1");
  limiter.acquire("10.0.0.3", 0);
});

Deno.test("Gate lets 16 through from one address, unless it is told else", pure, () => {
  const limiter = newLimiter();
  for (let i = 0; i < MAX_PER_ADDRESS; i++) limiter.acquire(HOME, 0);
  assertEquals(codeOf(() => limiter.acquire(HOME, 0)), "address-crowded");
  limiter.acquire("10.0.0.8", 0);
  limiter.release(HOME);
  limiter.acquire(HOME, 0);
  assertEquals(codeOf(() => limiter.acquire(HOME, 0)), "address-crowded");
});

Deno.test("Gate takes all of an IPv6 customer for one address", pure, () => {
  const limiter = newLimiter({ maxPerAddress: 1 });
  limiter.acquire("2001:db8:1:2::1", 0);
  assertEquals(codeOf(() => limiter.acquire("2001:db8:1:2:ffff::2", 0)), "address-crowded");
  limiter.acquire("2001:db8:1:3::1", 0);
  limiter.release("2001:db8:1:2:3:4:5:6");
  limiter.acquire("2001:0db8:0001:0002::9", 0);
});

Deno.test("Gate lets the machine itself through as often as it likes", pure, () => {
  const limiter = newLimiter({ maxPerAddress: 1 });
  for (let i = 0; i < 100; i++) {
    for (const ip of ["127.0.0.1", "127.1.2.3", "::1"]) {
      limiter.acquire(ip, 0);
      limiter.takeJoin(ip, 0);
    }
  }
});

Deno.test("Gate.enter() allows a full house twice over, then one every other second", pure, () => {
  const limiter = newLimiter();
  for (let i = 0; i < 2 * MAX_PER_ADDRESS; i++) limiter.takeJoin(HOME, 0);
  assertEquals(codeOf(() => limiter.takeJoin(HOME, 1_999)), "entering-too-often");
  limiter.takeJoin(HOME, 2_000);
  assertEquals(codeOf(() => limiter.takeJoin(HOME, 2_001)), "entering-too-often");
  limiter.takeJoin("10.0.0.8", 2_001);
});

Deno.test(
  "Gate.enter() lets all in at once who may come from one address, however many those are",
  pure,
  () => {
    for (const [maxPerAddress, burst] of [[100, 200], [1, 2 * MAX_PER_ADDRESS]] as const) {
      const limiter = newLimiter({ maxPerAddress });
      for (let i = 0; i < burst; i++) limiter.takeJoin(HOME, 0);
      assertEquals(codeOf(() => limiter.takeJoin(HOME, 0)), "entering-too-often");
    }
  },
);

Deno.test("Gate.excuse() has somebody who was let in for nothing not count", pure, () => {
  const limiter = newLimiter();
  for (let i = 0; i < 2 * MAX_PER_ADDRESS; i++) limiter.takeJoin(HOME, 0);
  limiter.refundJoin(HOME, 0);
  limiter.takeJoin(HOME, 0);
  assertEquals(codeOf(() => limiter.takeJoin(HOME, 0)), "entering-too-often");
});

Deno.test("Gate.isResendFree() gives an address 1,024 messages in 120 s, itself included", pure, () => {
  const limiter = newLimiter();
  for (const ip of [HOME, "127.0.0.1"]) {
    for (let i = 0; i < 1_024; i++) assert(limiter.takeRedelivery(ip, 0));
    assert(!limiter.takeRedelivery(ip, 0));
    assert(limiter.takeRedelivery("10.0.0.8", 0));
    let free = 0;
    while (limiter.takeRedelivery(ip, 60_000)) free++;
    assertEquals(free, 512);
  }
});

Deno.test("Gate remembers so many addresses, and all that somebody is connected from", pure, () => {
  const limiter = newLimiter({ maxAddresses: 10, maxPerAddress: 1 });
  limiter.acquire(HOME, 0);
  for (let i = 0; i < 100; i++) {
    limiter.acquire(`10.1.0.${i}`, 0);
    limiter.release(`10.1.0.${i}`);
  }
  assertEquals(limiter.addresses, 10);
  assertEquals(codeOf(() => limiter.acquire(HOME, 0)), "address-crowded");
  limiter.release(HOME);
});

Deno.test("Gate counts who comes from one address more than it remembers if all are connected", pure, () => {
  const limiter = newLimiter({ maxAddresses: 2, maxPerAddress: 1 });
  const ips = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
  for (const ip of ips) limiter.acquire(ip, 0);
  for (const ip of ips) assertEquals(codeOf(() => limiter.acquire(ip, 0)), "address-crowded");
  for (const ip of ips) limiter.release(ip);
  for (const ip of ips) limiter.takeJoin(ip, 0);
  assertEquals([limiter.connections, limiter.addresses], [0, 2]);
});

Deno.test(
  "addressPrefix() gives an IPv4 address, or the /64 of an IPv6 address however it is written",
  pure,
  () => {
    const blocks = {
      "10.0.0.7": "10.0.0.7",
      "::1": "0:0:0:0::/64",
      "fe80::1%eth0": "fe80:0:0:0::/64",
      "2001:db8::": "2001:db8:0:0::/64",
      "2001:0DB8:0:1:2:3:4:5": "2001:db8:0:1::/64",
      "1:2:3:4:5:6:7::": "1:2:3:4::/64",
      "::5:6:7:8": "0:0:0:0::/64",
      "::4:5:6:7:8": "0:0:0:4::/64",
    };
    for (const [ip, block] of Object.entries(blocks)) assertEquals(addressPrefix(ip), block);
  },
);

Deno.test("Gate forgets the address that it heard of least recently", pure, () => {
  const limiter = newLimiter({ maxAddresses: 2 });
  const enterFrom = (ip: string) => limiter.takeJoin(ip, 0);
  for (let i = 0; i < 2 * MAX_PER_ADDRESS; i++) for (const ip of ["10.0.0.1", "10.0.0.2"]) enterFrom(ip);
  limiter.takeRedelivery("10.0.0.1", 0);
  enterFrom("10.0.0.3");
  assertEquals(codeOf(() => enterFrom("10.0.0.1")), "entering-too-often");
  enterFrom("10.0.0.2");
});
