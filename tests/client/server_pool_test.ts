// The order in which servers are tried, and the wait before each attempt.

import { assertEquals } from "@std/assert";
import type { Address } from "../../lib/net/address.ts";
import { backoffMs, MAX_SERVERS, ServerPool } from "../../lib/client/server_pool.ts";
import { pure } from "../testing/test_options.ts";

const A = { host: "a", port: 5_000 };
const B = { host: "b", port: 5_000 };
const C = { host: "b", port: 5_001 };
const D = { host: "d", port: 5_000 };

/** A pool of a client that is on a server. */
function poolOn(current: Address, servers: Address[], ip = "10.0.0.7"): ServerPool {
  const pool = new ServerPool(servers);
  pool.setCurrent(current, ip);
  return pool;
}

/** As many servers as a pool holds. */
function manyServers(host: string, count = MAX_SERVERS): Address[] {
  return Array.from({ length: count }, (_, i) => ({ host, port: i + 1 }));
}

/** The first servers that a client tries when none answers. */
function tried(pool: ServerPool, last: Address, count: number): Address[] {
  const servers = [];
  for (let server = last; servers.length < count;) servers.push(server = pool.nextAfter(server));
  return servers;
}

Deno.test("backoffMs() is a random part of a ceiling that doubles from 100 ms to 5 s", pure, () => {
  const attempts = [0, 1, 2, 3, 4, 5, 6, 7, 1e9];
  const waits = (random: number) => attempts.map((attempt) => backoffMs(attempt, () => random));
  assertEquals(waits(0), [0, 0, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals(waits(0.5), [50, 100, 200, 400, 800, 1_600, 2_500, 2_500, 2_500]);
});

const NEXT: [what: string, servers: Address[], last: Address, next: Address][] = [
  ["returns the server that was added next", [A, B, C], B, C],
  ["begins again after the last server", [A, B], B, A],
  ["returns the only server again", [A], A, A],
  ["begins with the first server after an unknown one", [A, B], C, A],
  ["returns its argument if the pool is empty", [], A, A],
  ["ignores case", [A, B], { host: "A", port: 5_000 }, B],
  ["returns no server twice", [A, B, { ...A }, { host: "B", port: 5_000 }], B, A],
];

for (const [what, servers, last, next] of NEXT) {
  Deno.test(`ServerPool.nextAfter() ${what}`, pure, () => {
    assertEquals(new ServerPool(servers).nextAfter(last), next);
  });
}

Deno.test("ServerPool.nextDistinct() skips other addresses of the same server", pure, () => {
  const [name, ip] = [{ host: "localhost", port: 1 }, { host: "127.0.0.1", port: 1 }];
  const pool = new ServerPool([name, ip, A]);
  assertEquals([pool.nextAfter(name), pool.nextDistinct(name), pool.nextDistinct(ip)], [ip, A, A]);
  pool.setCurrent(A, "127.0.0.1");
  pool.update([{ host: "127.0.0.1", port: A.port }], 1n);
  assertEquals([pool.size, pool.nextDistinct(A)], [4, name]);
  const third = { host: "aula", port: 1 };
  const alone = poolOn(third, [name, ip], "127.0.0.1");
  assertEquals([alone.nextDistinct(ip), alone.nextDistinct(third)], [ip, third]);
  alone.add(third);
  alone.add(B);
  assertEquals(alone.nextDistinct(name), B);
  assertEquals(new ServerPool().nextDistinct(ip), ip);
});

Deno.test("ServerPool.isSame() compares ports, and hosts by name and by resolved IP address", pure, () => {
  const pool = new ServerPool();
  const is = (host: string, port = 5_000) => pool.isSame(A, { host, port });
  assertEquals([is("A"), is("A", 5_001), is("aa"), is("10.0.0.7")], [true, false, false, false]);
  pool.setCurrent({ ...A, host: "A" }, "10.0.0.7");
  assertEquals([is("10.0.0.7"), is("10.0.0.7", 5_001)], [true, false]);
});

Deno.test("ServerPool.setCurrent() forgets the name that was resolved longest ago", pure, () => {
  const pool = poolOn(A, [A]);
  const isKnown = () => pool.isSame(A, { host: "10.0.0.7", port: A.port });
  for (let i = 1; i < MAX_SERVERS; i++) pool.setCurrent({ host: `x${i}`, port: 1 }, `10.0.1.${i}`);
  assertEquals(isKnown(), true);
  pool.setCurrent(B, "10.0.0.8");
  assertEquals(isKnown(), false);
});

Deno.test("ServerPool.serversAt() finds the servers of a host in any case, also by its IP", pure, () => {
  const [one, two] = [{ host: "B", port: 5_001 }, { host: "10.0.0.9", port: 5_002 }];
  const pool = new ServerPool([one, A, two]);
  pool.setCurrent(two, two.host);
  assertEquals(["b", "10.0.0.9", "c"].map((host) => pool.serversAt(host)), [[one], [two], []]);
  pool.setCurrent(one, two.host);
  assertEquals(["b", "10.0.0.9"].map((host) => pool.serversAt(host)), [[one, two], [one, two]]);
});

Deno.test("ServerPool.add() holds 64 servers and keeps those known longest", pure, () => {
  const pool = new ServerPool(manyServers("a", MAX_SERVERS + 1));
  assertEquals(pool.size, 64);
  assertEquals(pool.nextAfter({ host: "a", port: 64 }), { host: "a", port: 1 });
});

Deno.test("ServerPool.update() keeps a node that has ended behind those that run", pure, () => {
  const pool = poolOn(A, [A]);
  pool.update([D, A, B], 1n);
  pool.update([A, B, C], 1n);
  assertEquals(tried(pool, A, 4), [B, C, D, A]);
  // The next node has ended, and so has the client's own. The first one is back.
  pool.setCurrent(B, "10.0.0.8");
  pool.update([B], 1n);
  assertEquals(tried(pool, B, 4), [C, D, A, B]);
  pool.update([D, B], 1n);
  assertEquals(tried(pool, B, 4), [D, C, A, B]);
});

for (const known of [[A], [A, B], [B, A], [D, A], [B, D, A], [A, D, B]]) {
  const hosts = known.map(({ host }) => host).join(", ");
  Deno.test(`ServerPool.update() gives the same next server to those who know ${hosts}`, pure, () => {
    const pool = poolOn(A, known);
    for (let i = 0; i < 2; i++) {
      pool.update([B, D], 1n);
      assertEquals(tried(pool, A, 3), [B, D, A]);
    }
    // A client from another server goes on like one that was never there.
    pool.setCurrent(B, "10.0.0.8");
    pool.update([A, D], 2n);
    pool.update([A, D, C], 2n);
    assertEquals(tried(pool, B, 4), [A, D, C, B]);
    // So does a client that returns to a room that still exists.
    pool.setCurrent(A, "10.0.0.7");
    pool.update([B, D], 1n);
    assertEquals(tried(pool, A, 4), [B, D, C, A]);
  });
}

Deno.test("ServerPool.update() keeps a cluster's order, and the current server", pure, () => {
  const pool = poolOn(A, [A]);
  pool.update([D, A, B], 1n);
  pool.update([A, B, C, D], 1n);
  assertEquals(tried(pool, A, 4), [D, B, C, A]);
  pool.setCurrent(D, "10.0.0.9");
  pool.update([A, B, C, D], 1n);
  assertEquals(tried(pool, D, 4), [B, C, A, D]);
  pool.setCurrent(B, "10.0.0.8");
  pool.update([C], 1n);
  assertEquals(tried(pool, B, 4), [C, A, D, B]);
});

Deno.test("ServerPool.update() puts others before the current server under another address", pure, () => {
  const other = { host: "10.0.0.7", port: A.port };
  const pool = poolOn(A, [A], other.host);
  pool.update([other, B], 1n);
  assertEquals(tried(pool, A, 3), [B, other, A]);
});

Deno.test("ServerPool.update() drops the servers that rooms listed longest ago", pure, () => {
  const many = manyServers("many");
  const pool = new ServerPool([A]);
  for (const [room, server] of many.entries()) pool.update([server], BigInt(room));
  assertEquals([pool.size, pool.has(A), pool.has(many[0]!), pool.has(many[1]!)], [64, true, false, true]);
  // Not the servers that are listed now, nor those of the list before.
  pool.update([many[1]!, B], 99n);
  assertEquals([pool.has(many[1]!), pool.has(many[2]!), pool.has(B)], [true, false, true]);
  pool.add(C);
  assertEquals([pool.size, pool.has(C), pool.has(many[1]!), pool.has(many[3]!)], [64, true, true, false]);
  // Nor the current server.
  pool.setCurrent(many[4]!, "10.0.0.7");
  pool.update([D], 100n);
  assertEquals([pool.has(many[4]!), pool.has(many[5]!), pool.has(D)], [true, false, true]);
});

Deno.test("ServerPool.update() keeps the first 64 servers of a long list", pure, () => {
  const pool = poolOn(A, [A]);
  pool.update(manyServers("many", 70), 1n);
  assertEquals([pool.size, tried(pool, A, 2)], [64, manyServers("many", 2)]);
});

Deno.test("ServerPool.update() replaces no server that the user named", pure, () => {
  const pool = new ServerPool(manyServers("a"));
  pool.update([B], 1n);
  assertEquals([pool.size, pool.has(B)], [64, false]);
});

Deno.test("ServerPool.exclude() removes a server for good, although a room lists it again", pure, () => {
  const pool = new ServerPool([A, B, C]);
  pool.exclude(B);
  pool.add({ host: "B", port: 5_000 });
  assertEquals([pool.size, pool.has(B)], [2, false]);
  pool.exclude(D); // not known yet
  pool.update([B, D, C], 1n);
  assertEquals([pool.size, tried(pool, A, 3)], [2, [C, A, C]]);
});

Deno.test("ServerPool.exclude() remembers the last 64, the first server among them", pure, () => {
  const pool = new ServerPool([A, B]);
  const servers = [A, ...manyServers("d", MAX_SERVERS - 1)];
  for (const server of servers) pool.exclude(server);
  assertEquals([pool.size, pool.has(A)], [1, false]);
  for (const server of servers) pool.add(server);
  assertEquals([pool.size, pool.nextAfter(B)], [1, B]);
  pool.exclude(C);
  pool.add(A);
  assertEquals(pool.size, 2);
});
