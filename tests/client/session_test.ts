// A session on real sockets: what it sends and receives, on one server and the next ones.

import { assert, assertEquals } from "@std/assert";
import { encodeServer, NEVER_CAUGHT_UP, type Said } from "../../lib/protocol/frames.ts";
import { type FakeClient, FakeServer, join, makeHello, makeSaid, welcomeTo } from "../testing/raw_peer.ts";
import { startServer } from "../testing/test_server.ts";
import { freeAddress } from "../testing/addresses.ts";
import { TestClock } from "../testing/test_clock.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";
import { SessionFixture } from "../testing/session_fixture.ts";

/** Waits until a client has read everything that it was sent. */
async function sync(client: FakeClient): Promise<void> {
  await client.send({ type: "ping", head: 0 });
  await client.expect("pong");
}

Deno.test("Session joins, sends, and receives what everyone sends", async () => {
  await using server = startServer();
  using beto = (await join(server.address, makeHello("beto"))).peer;
  await beto.send({ type: "say", clientSeq: 1, timeMs: 0, text: "before" });
  await beto.expect("said");
  await using ana = new SessionFixture("ana", [server.address]);
  const { welcome, truncatedCount, server: where } = await ana.joined();
  assertEquals(where, server.address);
  assertEquals(welcome.members.map(({ nick }) => nick), ["beto", "ana"]);
  assertEquals(truncatedCount, 0);
  ana.session.say("hola");
  assertEquals(ana.session.unacked.length, 1);
  assertEquals(await ana.lines(2), ["history beto: before", "ana: hola"]);
  assertEquals(ana.session.unacked.length, 0);
});

Deno.test("Session resends messages on the next server, which never heard of the first", async () => {
  await using first = startServer();
  await using second = startServer();
  const servers = [first.address, second.address];
  await using ana = new SessionFixture("ana", servers);
  await using beto = new SessionFixture("beto", servers);
  await ana.joined();
  await beto.joined();
  ana.session.say("one");
  beto.session.say("two");
  assertEquals((await ana.lines(2)).sort(), ["ana: one", "beto: two"]);
  assertEquals((await beto.lines(2)).sort(), ["ana: one", "beto: two"]);
  const closing = first.close();
  assertEquals((await ana.disconnected()).error.code, "closing");
  assertEquals((await beto.disconnected()).error.code, "closing");
  await closing;
  ana.session.say("three"); // between two servers
  await ana.joined();
  await beto.joined();
  ana.session.say("four");
  beto.session.say("five");
  // A client that joins only now gets what was resent. No other client is shown it twice.
  for (const fixture of [ana, beto]) {
    const lines = (await fixture.lines(3)).map((line) => line.replace("backfill ", ""));
    assertEquals(lines.toSorted(), ["ana: four", "ana: three", "beto: five"]);
    assert(lines.indexOf("ana: three") < lines.indexOf("ana: four"));
  }
  const { peer: eva, history } = await join(second.address, makeHello("eva", { historyCount: 50 }));
  using _ = eva;
  const texts = history.flatMap((entry) => entry.type === "said" ? [entry] : []);
  assertEquals(texts.map(({ text }) => text).sort(), ["five", "four", "one", "three", "two"]);
  const late = texts.filter(({ redelivered }) => redelivered).map(({ text }) => text);
  assertEquals(late.sort(), ["one", "two"]);
});

Deno.test("Session resends unacked and retained messages before anything new", async () => {
  const timeMs = Date.now() - 60_000;
  await using first = FakeServer.withWelcome(async (client) => {
    await client.expect("say");
    await client.expect("say");
    await client.send(makeSaid("ana", { seq: 0, clientSeq: 1, text: "confirmed", timeMs }));
  });
  await using second = startServer();
  await using ana = new SessionFixture("ana", [first.address, second.address]);
  await ana.joined();
  ana.session.say("confirmed");
  ana.session.say("unconfirmed");
  assertEquals((await ana.disconnected()).error.code, "closed");
  assertEquals(await ana.lines(1), ["ana: confirmed"]);
  await ana.joined();
  ana.session.say("new");
  assertEquals(await ana.lines(2), ["ana: unconfirmed", "ana: new"]);
  const { peer: eva, history } = await join(second.address, makeHello("eva", { historyCount: 50 }));
  using _ = eva;
  const messages = history.flatMap((entry) => entry.type === "said" ? [entry] : []);
  assertEquals(messages.map(({ clientSeq, text, redelivered }) => [clientSeq, text, redelivered]), [
    [1, "confirmed", true],
    [2, "unconfirmed", false],
    [3, "new", false],
  ]);
  assertEquals(messages[0]!.timeMs, timeMs);
});

Deno.test("Session continues where it stopped on a server that it returns to", async () => {
  await using server = startServer({ room: { graceMs: 60_000 } });
  await using interlude = new FakeServer(() => Promise.resolve());
  using beto = (await join(server.address, makeHello("beto"))).peer;
  await using ana = new SessionFixture("ana", [server.address, interlude.address, server.address]);
  await ana.joined();
  await beto.send({ type: "say", clientSeq: 1, timeMs: 0, text: "one" });
  assertEquals(await ana.lines(1), ["beto: one"]);
  // A client with the same resume token replaces ana.
  using _ = (await join(server.address, makeHello("ana"))).peer;
  assertEquals((await ana.disconnected()).error.code, "replaced");
  await beto.send({ type: "say", clientSeq: 2, timeMs: 0, text: "two" });
  while ((await beto.receive() as Said).clientSeq !== 2);
  assertEquals((await ana.disconnected()).error.code, "not-a-chat-server");
  assertEquals((await ana.joined()).truncatedCount, 0);
  assertEquals(await ana.lines(1), ["missed beto: two"]);
});

Deno.test("Session resends what was retained when the server was last heard, nothing older", async () => {
  for (const [lastReceivedMs, expected] of [[150, 2], [50, 1]] as const) {
    const clock = new TestClock();
    clock.advanceTo(0);
    await using first = FakeServer.withWelcome(async (client) => {
      await client.expect("say");
      await client.send(makeSaid("ana", { seq: 0, clientSeq: 1, text: "old" }));
      await sync(client);
      clock.advanceTo(lastReceivedMs);
      await sync(client);
      clock.advanceTo(10_000); // the machine slept
    });
    const heard = Promise.withResolvers<number>();
    await using second = FakeServer.withWelcome(async (client) =>
      heard.resolve((await client.expect("say")).clientSeq)
    );
    const servers = [first.address, second.address];
    await using ana = new SessionFixture("ana", servers, {
      clock: clock.now,
      config: { outbox: { retainAckedMs: 100 } },
    });
    await ana.joined();
    ana.session.say("old");
    await ana.disconnected();
    ana.session.say("new");
    await ana.joined();
    assertEquals(await withTimeout(heard.promise, "what is sent again"), expected);
  }
});

Deno.test("Session sends each server its lag", async () => {
  const clock = new TestClock();
  clock.advanceTo(0);
  const lacks: number[] = [];
  await using server = new FakeServer(async (client, visit) => {
    lacks.push((await client.expect("hello")).lagMs);
    await client.send(welcomeTo("ana"));
    if (visit > 0) return;
    await sync(client);
    clock.advanceTo(100);
    await sync(client);
    clock.advanceTo(150);
  });
  await using ana = new SessionFixture("ana", [server.address, server.address], { clock: clock.now });
  await ana.joined();
  await ana.disconnected();
  await ana.joined();
  assertEquals(lacks, [NEVER_CAUGHT_UP, 50]);
});

Deno.test("Session takes unacked messages as acked if WELCOME says so", async () => {
  await using first = FakeServer.withWelcome((client) => client.expect("say"));
  await using second = FakeServer.withWelcome((client) => client.receiveAll(), { lastClientSeq: 1 });
  await using ana = new SessionFixture("ana", [first.address, second.address]);
  await ana.joined();
  ana.session.say("hola");
  await ana.disconnected();
  const settled = ana.session.flushed();
  await ana.joined();
  await withTimeout(settled, "nothing to be pending");
  assertEquals(ana.session.unacked, []);
});

Deno.test("Session reports how many entries are truncated", async () => {
  const nexts = [10, 25];
  await using server = new FakeServer(async (client, visit) => {
    await client.expect("hello");
    await client.send(welcomeTo("ana", { startSeq: nexts[visit]!, head: 30 }));
  });
  await using ana = new SessionFixture("ana", [server.address, server.address]);
  assertEquals((await ana.joined()).truncatedCount, 0);
  await ana.disconnected();
  assertEquals((await ana.joined()).truncatedCount, 15);
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
  await using ana = new SessionFixture("ana", [server.address]);
  await ana.joined();
  assertEquals(await ana.lines(2), ["eva: one", "eva: two"]);
});

Deno.test("Session answers each PING, sends its own in silence only, and closes a silent connection", async () => {
  const clock = new TestClock();
  clock.advanceTo(0);
  const heard: (string | undefined)[] = [];
  await using server = FakeServer.withWelcome(async (client) => {
    await sync(client);
    for (const monotonicMs of [15, 30, 45]) {
      clock.advanceTo(monotonicMs);
      await client.send({ type: "ping", head: 0 });
      heard.push((await client.receive())?.type);
      await flushTasks(10);
    }
    for (const monotonicMs of [66, 86]) {
      clock.advanceTo(monotonicMs);
      heard.push((await client.receive())?.type);
    }
    clock.advanceTo(105);
    heard.push((await client.receive())?.type);
  });
  await using ana = new SessionFixture("ana", [server.address], {
    clock: clock.now,
    config: { session: { connections: { pingMs: 20, pingTimeoutMs: 60 } } },
  });
  await ana.joined();
  const { wasJoined, error } = await ana.disconnected();
  assertEquals([wasJoined, error.name, error.code], [true, "ConnectionLostError", "silent"]);
  await server[Symbol.asyncDispose]();
  assertEquals(heard, ["pong", "pong", "pong", "ping", "ping", undefined]);
});

for (
  const [what, ticksMs, isReading] of [
    ["was stopped", [100], true],
    ["did not read", [20, 40, 60, 80], false],
  ] as const
) {
  Deno.test(`Session that ${what} does not say that its server was silent`, async () => {
    const clock = new TestClock();
    clock.advanceTo(0);
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
    await using ana = new SessionFixture("ana", [server.address], {
      clock: clock.now,
      config: { session: { connections: { pingMs: 20, pingTimeoutMs: 60 } } },
    });
    await ana.joined();
    const failed = isReading ? ana.disconnected() : undefined;
    await flushTasks();
    isIn.resolve();
    await over.promise;
    const { wasJoined, error } = await (failed ?? ana.disconnected());
    assertEquals([wasJoined, error.name, error.code], [true, "ConnectionLostError", "broken"]);
  });
}

Deno.test("Session stays with a server that answers its PINGs", async () => {
  const clock = new TestClock();
  clock.advanceTo(0);
  await using server = FakeServer.withWelcome(async (client) => {
    await sync(client);
    for (let monotonicMs = 20; monotonicMs <= 200; monotonicMs += 20) {
      clock.advanceTo(monotonicMs);
      await client.expect("ping");
      await client.send({ type: "pong" });
      await sync(client);
    }
    await client.send({ type: "bye" });
  });
  await using ana = new SessionFixture("ana", [server.address], {
    clock: clock.now,
    config: { session: { connections: { pingMs: 20, pingTimeoutMs: 60 } } },
  });
  await ana.joined();
  assertEquals((await ana.disconnected()).error.code, "closing");
});

Deno.test("Session takes no more than its outbox holds until some is acked", async () => {
  const confirm = Promise.withResolvers<void>();
  await using server = FakeServer.withWelcome(async (client) => {
    await confirm.promise;
    await client.send(
      makeSaid("ana", { seq: 0, clientSeq: 1, text: "one" }),
      makeSaid("ana", { seq: 1, clientSeq: 2, text: "two" }),
    );
    await client.receiveAll();
  });
  await using ana = new SessionFixture("ana", [server.address], { config: { outbox: { maxMessages: 2 } } });
  await ana.joined();
  ana.session.say("one");
  assertEquals(ana.session.isFull, false);
  await ana.session.drained();
  ana.session.say("two");
  assertEquals(ana.session.isFull, true);
  const woken: string[] = [];
  const drained = ana.session.drained().then(() => woken.push("drained"));
  const settled = ana.session.flushed().then(() => woken.push("settled"));
  assertEquals(woken, []);
  confirm.resolve();
  await ana.lines(2);
  await withTimeout(Promise.all([drained, settled]), "the outbox to be empty");
  assertEquals([ana.session.isFull, ana.session.unacked], [false, []]);
});

Deno.test("Session.idleMs is the silence of the server, or undefined without one", async () => {
  const clock = new TestClock();
  clock.advanceTo(0);
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
  await ana.disconnected();
  assertEquals(ana.session.idleMs, undefined);
});

Deno.test("Session that never joined was connected for 0 ms, and resolves its waits when it ends", async () => {
  await using ana = new SessionFixture("ana", [freeAddress()]);
  ana.session.say("hola");
  const settled = withTimeout(ana.session.flushed(), "the session to say that nothing comes");
  assertEquals((await ana.disconnected()).connectedForMs, 0);
  assertEquals(await ana.next(), undefined);
  await settled;
  assertEquals(ana.session.unacked.length, 1);
});
