// A session on real sockets: what it sends and receives, on one server and the next ones.

import { assert, assertEquals } from "@std/assert";
import { encodeServer, NEVER_CAUGHT_UP, type Say, sessionIdOf } from "../../lib/protocol/frames.ts";
import { FakeServer, join, makeHello, makeSaid, sync, welcomeTo } from "../testing/raw_peer.ts";
import { startServer } from "../testing/test_server.ts";
import { SessionFixture } from "../testing/session_fixture.ts";
import { TestClock } from "../testing/test_clock.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";

/** Short, for tests that set the clock. */
const HEARTBEAT = { session: { connections: { pingMs: 20, pingTimeoutMs: 60 } } };

/** A clock whose monotonic time the test sets, from 0 on. */
function newClock(): TestClock {
  return new TestClock(undefined, 0);
}

Deno.test("Session joins, sends, and receives what all members send", async () => {
  await using server = startServer();
  using beto = await join(server.address, makeHello("beto"));
  await beto.send({ type: "say", clientSeq: 1, timeMs: 0, text: "before" });
  await beto.expect("said");
  await using ana = new SessionFixture("ana", [server.address]);
  const { welcome, truncatedCount, server: where, ip } = await ana.joined();
  assertEquals([where, ip, truncatedCount], [server.address, server.address.host, 0]);
  assertEquals(welcome.members.map(({ nick }) => nick), ["beto", "ana"]);
  ana.session.say("hola");
  assertEquals(ana.session.unacked.length, 1);
  assertEquals(await ana.lines(2), ["history beto: before", "ana: hola"]);
  assertEquals(ana.session.unacked.length, 0);
});

Deno.test("Session resends unacked and retained messages before anything new", async () => {
  const timeMs = Date.now() - 60_000;
  await using first = FakeServer.withWelcome(async (client) => {
    await client.expect("say");
    await client.expect("say");
    await client.send(makeSaid("ana", { seq: 0, clientSeq: 1, text: "acked", timeMs }));
  });
  const sent: Say[] = [];
  await using second = FakeServer.withWelcome(async (client) => {
    while (sent.length < 4) sent.push(await client.expect("say"));
  });
  await using ana = await SessionFixture.join([first, second]);
  ana.session.say("acked");
  ana.session.say("unacked");
  assertEquals((await ana.disconnected()).error.code, "closed");
  assertEquals(await ana.lines(1), ["ana: acked"]);
  ana.session.say("between");
  await ana.joined();
  ana.session.say("new");
  await ana.disconnected();
  const expected = [["acked", timeMs], ["unacked", 0], ["between", 0], ["new", 0]];
  assertEquals<unknown>(sent.map(({ text, timeMs }) => [text, timeMs]), expected);
});

for (const [lastReceivedMs, expected] of [[150, 2], [50, 1]] as const) {
  Deno.test(`Session ages acked messages until it last received, here ${lastReceivedMs} ms`, async () => {
    const clock = newClock();
    await using first = FakeServer.withWelcome(async (client) => {
      await client.expect("say");
      await client.send(makeSaid("ana", { seq: 0, clientSeq: 1, text: "old" }));
      await sync(client);
      clock.advanceTo(lastReceivedMs);
      await sync(client);
      clock.advanceTo(10_000); // the machine slept
    });
    const resent = Promise.withResolvers<number>();
    await using second = FakeServer.withWelcome(async (client) => {
      resent.resolve((await client.expect("say")).clientSeq);
    });
    const config = { outbox: { retainAckedMs: 100 } };
    await using ana = await SessionFixture.join([first, second], { clock: clock.now, config });
    ana.session.say("old");
    await ana.disconnected();
    ana.session.say("new");
    await ana.joined();
    assertEquals(await withTimeout(resent.promise, "what is sent again"), expected);
  });
}

Deno.test("Session sends each server its lag, and reads NOOPs", async () => {
  const clock = newClock();
  const lags: number[] = [];
  await using server = FakeServer.withWelcome(async (client, { index }) => {
    if (index > 0) return;
    await sync(client);
    clock.advanceTo(100);
    await client.send({ type: "noop", seq: 0 });
    await sync(client);
    clock.advanceTo(150);
  }, ({ lagMs }) => {
    lags.push(lagMs);
    return {};
  });
  await using ana = await SessionFixture.join([server, server], { clock: clock.now });
  await ana.disconnected();
  await ana.joined();
  assertEquals(lags, [NEVER_CAUGHT_UP, 50]);
});

Deno.test("Session.flushed() resolves if WELCOME has all messages", async () => {
  await using first = FakeServer.withWelcome((client) => client.expect("say"));
  await using second = FakeServer.withWelcome((client) => client.receiveAll(), { lastClientSeq: 1 });
  await using ana = await SessionFixture.join([first, second]);
  ana.session.say("hola");
  await ana.disconnected();
  const flushed = ana.session.flushed();
  await ana.joined();
  await withTimeout(flushed, "the outbox to be empty");
  assertEquals(ana.session.unacked, []);
});

Deno.test("Session reads a WELCOME that comes byte by byte, and what follows at once", async () => {
  await using server = new FakeServer(async (client) => {
    for (const byte of encodeServer(welcomeTo("ana"))) await client.send(new Uint8Array([byte]));
    await client.send(
      new Uint8Array([
        ...encodeServer(makeSaid("eva", { seq: 0, clientSeq: 1, text: "one" })),
        ...encodeServer(makeSaid("eva", { seq: 1, clientSeq: 2, text: "two" })),
      ]),
    );
    await client.receiveAll();
  });
  await using ana = await SessionFixture.join([server]);
  assertEquals(await ana.lines(2), ["eva: one", "eva: two"]);
});

Deno.test("Session answers PING, pings in silence only, and closes a silent connection", async () => {
  const clock = newClock();
  const heard: (string | undefined)[] = [];
  await using server = FakeServer.withWelcome(async (client) => {
    await sync(client);
    for (const monotonicMs of [15, 30, 45]) {
      clock.advanceTo(monotonicMs);
      await client.send({ type: "ping", head: 0 });
      heard.push((await client.receive())?.type);
      await flushTasks(10);
    }
    for (const monotonicMs of [66, 86, 105]) {
      clock.advanceTo(monotonicMs);
      heard.push((await client.receive())?.type);
    }
  });
  await using ana = await SessionFixture.join([server], { clock: clock.now, config: HEARTBEAT });
  const { wasJoined, error } = await ana.disconnected();
  assertEquals([wasJoined, error.name, error.code], [true, "ConnectionLostError", "silent"]);
  await server[Symbol.asyncDispose]();
  assertEquals(heard, ["pong", "pong", "pong", "ping", "ping", undefined]);
});

for (
  const [what, ticksMs, isReading] of [
    ["was suspended", [100], true],
    ["did not read", [20, 40, 60, 80], false],
  ] as const
) {
  Deno.test(`Session that ${what} does not report that its server was silent`, async () => {
    const clock = newClock();
    const [isIn, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using server = FakeServer.withWelcome(async (client) => {
      await isIn.promise;
      for (const monotonicMs of ticksMs) {
        clock.advanceTo(monotonicMs);
        await flushTasks(10);
      }
      over.resolve();
      await client.receiveAll();
    });
    await using ana = await SessionFixture.join([server], { clock: clock.now, config: HEARTBEAT });
    const failed = isReading ? ana.disconnected() : undefined;
    await flushTasks();
    isIn.resolve();
    await over.promise;
    assertEquals((await (failed ?? ana.disconnected())).error.code, "broken");
  });
}

Deno.test("Session.drained() resolves when the outbox has space, flushed() when it is empty", async () => {
  const confirm = Promise.withResolvers<void>();
  await using server = FakeServer.withWelcome(async (client) => {
    await confirm.promise;
    await client.send(
      makeSaid("ana", { seq: 0, clientSeq: 1, text: "one" }),
      makeSaid("ana", { seq: 1, clientSeq: 2, text: "two" }),
    );
    await client.receiveAll();
  });
  await using ana = await SessionFixture.join([server], { config: { outbox: { maxMessages: 2 } } });
  ana.session.say("one");
  assertEquals(ana.session.isFull, false);
  await ana.session.drained();
  ana.session.say("two");
  assertEquals(ana.session.isFull, true);
  const resolved: string[] = [];
  const drained = ana.session.drained().then(() => resolved.push("drained"));
  const flushed = ana.session.flushed().then(() => resolved.push("flushed"));
  await flushTasks();
  assertEquals(resolved, []);
  confirm.resolve();
  await ana.lines(2);
  await withTimeout(Promise.all([drained, flushed]), "the outbox to be empty");
  assertEquals([ana.session.isFull, ana.session.unacked], [false, []]);
});

Deno.test("Session.idleMs is the silence of the server, or undefined without one", async () => {
  const clock = newClock();
  await using server = FakeServer.withWelcome(async (client) => {
    await client.expect("say");
    await client.send({ type: "pong" });
    await client.expect("say");
  });
  await using ana = new SessionFixture("ana", [server.address], { clock: clock.now });
  assertEquals(ana.session.idleMs, undefined);
  await ana.joined();
  clock.advanceTo(3_000);
  assertEquals(ana.session.idleMs, 3_000);
  ana.session.say("hola");
  while (ana.session.idleMs !== 0) await ana.next(); // until the PONG
  ana.session.say("adiós");
  const { connectedForMs } = await ana.disconnected();
  assertEquals([ana.session.idleMs, connectedForMs], [undefined, 3_000]);
});

Deno.test("Session.rename() returns false without a server, and counts requests by server", async () => {
  const rejected = { type: "rejected", code: "nick-taken", request: "eva", reason: "" } as const;
  await using first = FakeServer.withWelcome(async (client) => {
    await client.expect("nick");
    await client.send(rejected);
    await client.expect("nick");
  });
  await using second = FakeServer.withWelcome(async (client) => {
    await client.expect("nick");
    await client.send(rejected, rejected);
  });
  await using ana = new SessionFixture("ana", [first.address, second.address]);
  assertEquals(ana.session.rename("eva"), false);
  await ana.joined();
  assert(ana.session.rename("eva"));
  let event = await ana.next();
  while (event?.type === "entries") event = await ana.next();
  assert(event?.type === "rejected");
  assertEquals([event.error.code, event.error.details.nick], ["nick-taken", "eva"]);
  ana.session.rename("leo");
  assertEquals((await ana.disconnected()).error.code, "closed");
  await ana.joined();
  ana.session.rename("eva");
  assertEquals((await ana.disconnected()).error.code, "garbled"); // one answer too many
});

Deno.test("Session.leave() tells the server, which tells the others", async () => {
  await using server = startServer();
  using beto = await join(server.address, makeHello("beto"));
  await using ana = await SessionFixture.join([server]);
  ana.session.say("adiós");
  ana.session.leave();
  await ana.closed();
  await beto.expect("joined");
  assertEquals((await beto.expect("said")).text, "adiós");
  assertEquals((await beto.expect("left")).connectionLost, false);
});

Deno.test("Session.leave() waits 0.5 s for a server that does not answer, and resolves all waits", async () => {
  const leaving = Promise.withResolvers<void>();
  await using server = FakeServer.withWelcome(() => leaving.promise);
  await using ana = await SessionFixture.join([server], { config: { outbox: { maxMessages: 1 } } });
  ana.session.say("hola");
  const waiting = Promise.all([ana.session.flushed(), ana.session.drained()]);
  const beganMs = performance.now();
  ana.session.leave();
  await withTimeout(waiting, "the waits to end");
  await ana.closed();
  assert(performance.now() - beganMs > 400);
  assertEquals(ana.session.unacked.length, 1);
  leaving.resolve();
});

Deno.test("Session.leave() does not wait for a server that has not sent WELCOME", async () => {
  const dialled = Promise.withResolvers<void>();
  await using server = new FakeServer(async (client) => {
    dialled.resolve();
    await client.receiveAll();
  });
  await using ana = new SessionFixture("ana", [server.address]);
  const ended = ana.closed();
  await withTimeout(dialled.promise, "the server to be dialled");
  ana.session.leave();
  await ended;
  assertEquals(await ana.next(), undefined);
});

Deno.test("Session.leave() aborts nextServer()", async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  await using ana = new SessionFixture("ana", [], {
    nextServer: (_, { signal }) => {
      asked.resolve(signal);
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined)));
    },
  });
  const ended = ana.closed();
  const signal = await asked.promise;
  ana.session.leave();
  await ended;
  assert(signal.aborted);
});

Deno.test("Session.joined() resolves at the first WELCOME", async () => {
  const mayJoin = Promise.withResolvers<void>();
  await using server = new FakeServer(async (client) => {
    const { resumeToken } = await client.expect("hello");
    await mayJoin.promise;
    await client.send(welcomeTo("ana", { sessionId: sessionIdOf(resumeToken) }));
    await client.receiveAll();
  });
  await using ana = new SessionFixture("ana", [server.address]);
  let isJoined = false;
  const joined = ana.session.joined().then(() => isJoined = true);
  const event = ana.joined();
  await flushTasks();
  assertEquals(isJoined, false);
  mayJoin.resolve();
  await event;
  await withTimeout(joined, "joined()");
});
