// Limits on connections, joins and redeliveries by address.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../lib/errors.ts";
import {
  addressPrefix,
  ConnectionLimiter,
  type LimiterConfig,
  MAX_PER_ADDRESS,
} from "../../lib/server/connection_limiter.ts";
import { testConfig } from "../testing/test_config.ts";

/** The default limits, but for what a test overrides. */
function newLimiter(overrides: Partial<LimiterConfig> = {}): ConnectionLimiter {
  return new ConnectionLimiter(testConfig({ limits: overrides }).limits);
}

const pure = { permissions: "none" } as const;
const HOME = "10.0.0.7";

function codeOf(action: () => void): string {
  return assertThrows(action, ProtocolError).code;
}

Deno.test("ConnectionLimiter admits up to its limit, and the next connection after a release", pure, () => {
  const limiter = newLimiter({ maxClients: 2 });
  limiter.acquire("10.0.0.1", 0);
  limiter.acquire("10.0.0.2", 0);
  assertEquals(codeOf(() => limiter.acquire("10.0.0.3", 0)), "room-full");
  assertEquals(codeOf(() => limiter.acquire("127.0.0.1", 0)), "room-full");
  assertEquals(limiter.connectionCount, 2);
  limiter.release("10.0.0.1");
  limiter.acquire("10.0.0.3", 0);
});

Deno.test("ConnectionLimiter admits 16 connections from one address by default", pure, () => {
  const limiter = newLimiter();
  for (let i = 0; i < MAX_PER_ADDRESS; i++) limiter.acquire(HOME, 0);
  assertEquals(codeOf(() => limiter.acquire(HOME, 0)), "address-crowded");
  limiter.acquire("10.0.0.8", 0);
  limiter.release(HOME);
  limiter.acquire(HOME, 0);
  assertEquals(codeOf(() => limiter.acquire(HOME, 0)), "address-crowded");
});

Deno.test("ConnectionLimiter counts the /64 of an IPv6 customer as one address", pure, () => {
  const limiter = newLimiter({ maxPerAddress: 1 });
  limiter.acquire("2001:db8:1:2::1", 0);
  assertEquals(codeOf(() => limiter.acquire("2001:db8:1:2:ffff::2", 0)), "address-crowded");
  limiter.acquire("2001:db8:1:3::1", 0);
  limiter.release("2001:db8:1:2:3:4:5:6");
  limiter.acquire("2001:0db8:0001:0002::9", 0);
});

Deno.test("ConnectionLimiter exempts the loopback address from the limits of one address", pure, () => {
  const limiter = newLimiter({ maxPerAddress: 1 });
  for (let i = 0; i < 100; i++) {
    for (const ip of ["127.0.0.1", "127.1.2.3", "::1"]) {
      limiter.acquire(ip, 0);
      limiter.takeJoin(ip, 0);
    }
  }
});

Deno.test("takeJoin() allows twice as many joins as connections, then one every 2 s", pure, () => {
  const limiter = newLimiter();
  for (let i = 0; i < 2 * MAX_PER_ADDRESS; i++) limiter.takeJoin(HOME, 0);
  assertEquals(codeOf(() => limiter.takeJoin(HOME, 1_999)), "entering-too-often");
  limiter.takeJoin(HOME, 2_000);
  assertEquals(codeOf(() => limiter.takeJoin(HOME, 2_001)), "entering-too-often");
  limiter.takeJoin("10.0.0.8", 2_001);
});

Deno.test(
  "takeJoin() lets all clients of one address join at once, however many it may have",
  pure,
  () => {
    for (const [maxPerAddress, burst] of [[100, 200], [1, 2 * MAX_PER_ADDRESS]] as const) {
      const limiter = newLimiter({ maxPerAddress });
      for (let i = 0; i < burst; i++) limiter.takeJoin(HOME, 0);
      assertEquals(codeOf(() => limiter.takeJoin(HOME, 0)), "entering-too-often");
    }
  },
);

Deno.test("refundJoin() gives back a join that failed", pure, () => {
  const limiter = newLimiter();
  for (let i = 0; i < 2 * MAX_PER_ADDRESS; i++) limiter.takeJoin(HOME, 0);
  limiter.refundJoin(HOME, 0);
  limiter.takeJoin(HOME, 0);
  assertEquals(codeOf(() => limiter.takeJoin(HOME, 0)), "entering-too-often");
});

Deno.test("takeRedelivery() allows one address 1,024 messages in 120 s, loopback included", pure, () => {
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

Deno.test(
  "ConnectionLimiter remembers a limited number of addresses, and all that have connections",
  pure,
  () => {
    const limiter = newLimiter({ maxAddresses: 10, maxPerAddress: 1 });
    limiter.acquire(HOME, 0);
    for (let i = 0; i < 100; i++) {
      limiter.acquire(`10.1.0.${i}`, 0);
      limiter.release(`10.1.0.${i}`);
    }
    assertEquals(limiter.addressCount, 10);
    assertEquals(codeOf(() => limiter.acquire(HOME, 0)), "address-crowded");
    limiter.release(HOME);
  },
);

Deno.test("ConnectionLimiter counts more addresses than it remembers while all are connected", pure, () => {
  const limiter = newLimiter({ maxAddresses: 2, maxPerAddress: 1 });
  const ips = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
  for (const ip of ips) limiter.acquire(ip, 0);
  for (const ip of ips) assertEquals(codeOf(() => limiter.acquire(ip, 0)), "address-crowded");
  for (const ip of ips) limiter.release(ip);
  for (const ip of ips) limiter.takeJoin(ip, 0);
  assertEquals([limiter.connectionCount, limiter.addressCount], [0, 2]);
});

Deno.test(
  "addressPrefix() gives an IPv4 address, or the /64 of an IPv6 address however it is written",
  pure,
  () => {
    const prefixes = {
      "10.0.0.7": "10.0.0.7",
      "::1": "0:0:0:0::/64",
      "fe80::1%eth0": "fe80:0:0:0::/64",
      "2001:db8::": "2001:db8:0:0::/64",
      "2001:0DB8:0:1:2:3:4:5": "2001:db8:0:1::/64",
      "1:2:3:4:5:6:7::": "1:2:3:4::/64",
      "::5:6:7:8": "0:0:0:0::/64",
      "::4:5:6:7:8": "0:0:0:4::/64",
    };
    for (const [ip, prefix] of Object.entries(prefixes)) assertEquals(addressPrefix(ip), prefix);
  },
);

Deno.test("ConnectionLimiter evicts the least recently used address", pure, () => {
  const limiter = newLimiter({ maxAddresses: 2 });
  const joinFrom = (ip: string) => limiter.takeJoin(ip, 0);
  for (let i = 0; i < 2 * MAX_PER_ADDRESS; i++) for (const ip of ["10.0.0.1", "10.0.0.2"]) joinFrom(ip);
  limiter.takeRedelivery("10.0.0.1", 0);
  joinFrom("10.0.0.3");
  assertEquals(codeOf(() => joinFrom("10.0.0.1")), "entering-too-often");
  joinFrom("10.0.0.2");
});
