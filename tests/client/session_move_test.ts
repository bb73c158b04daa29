// How a session leaves one server for another on its own, and how far it finds that servers are.

import { assertEquals } from "@std/assert";
import { sessionIdOf } from "../../lib/protocol/frames.ts";
import { FakeServer, makeSaid, makeToken, sync, welcomeTo } from "../testing/raw_peer.ts";
import { SessionFixture } from "../testing/session_fixture.ts";
import { TestClock } from "../testing/test_clock.ts";
import { startServer } from "../testing/test_server.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";

/** For tests that set the clock. */
const PATIENT = { session: { connections: { pingMs: 1e9, pingTimeoutMs: 1e9 } } };

Deno.test("Session that is to move reads to the server's BYE, and keeps what is said meanwhile", async () => {
  const sessionId = sessionIdOf(makeToken("ana"));
  const said = Promise.withResolvers<void>();
  await using first = FakeServer.withWelcome(async (client) => {
    await client.expect("bye");
    await said.promise;
    await client.send(makeSaid("beto", { seq: 0, clientSeq: 1, text: "adiós" }));
    const left = { nick: "ana", address: "::1", connectionLost: false };
    await client.send({ type: "left", seq: 1, timeMs: 0, sessionId, ...left }, { type: "bye" });
    assertEquals(await client.receive(), undefined);
  });
  await using second = startServer();
  let isAsked = false;
  await using ana = new SessionFixture("ana", [first.address, second.address], {
    shouldMove: () => Promise.resolve(!isAsked && (isAsked = true)),
  });
  await ana.joined();
  const leaving = ana.disconnected();
  await flushTasks();
  ana.session.say("hola");
  said.resolve();
  const { isMove, wasJoined } = await leaving;
  assertEquals([isMove, wasJoined, await ana.lines(1)], [true, true, ["beto: adiós"]]);
  await ana.joined();
  assertEquals(await ana.lines(1), ["ana: hola"]);
});

Deno.test("Session aborts shouldMove() at the end of its connection", async () => {
  await using server = FakeServer.withWelcome((client) => client.send({ type: "bye" }));
  const aborted = Promise.withResolvers<boolean>();
  await using ana = new SessionFixture("ana", [server.address], {
    shouldMove: ({ signal }) => {
      signal.addEventListener("abort", () => aborted.resolve(true));
      return aborted.promise;
    },
  });
  await ana.joined();
  assertEquals((await ana.disconnected()).isMove, undefined);
  await withTimeout(aborted.promise, "the end of its wait");
});

Deno.test("Session measures the round trip by HELLO, then by a PING every 30 s, smoothed", async () => {
  const clock = new TestClock(undefined, 0);
  const rtts: (number | undefined)[] = [];
  await using server = new FakeServer(async (client, visit) => {
    clock.advanceTo(0);
    const { resumeToken } = await client.expect("hello");
    clock.advanceTo(400);
    await client.send(welcomeTo("ana", { sessionId: sessionIdOf(resumeToken) }));
    await sync(client);
    for (let count = 1; count <= visit; count++) {
      const nowMs = 400 + count * 30_000;
      clock.advanceTo(nowMs);
      await sync(client);
      await client.expect("ping");
      clock.advanceTo(nowMs + 80 * count);
      await client.send({ type: "pong" });
      await sync(client);
    }
  });
  const servers = [server.address, server.address, server.address];
  await using ana = new SessionFixture("ana", servers, { clock: clock.now, config: PATIENT });
  for (const _ of servers) {
    await ana.joined();
    rtts.push((await ana.disconnected()).rttMs);
  }
  assertEquals(rtts, [400, 80, 90]);
});

Deno.test("Session measures no round trip while a message of its own waits", async () => {
  const clock = new TestClock(undefined, 0);
  await using server = FakeServer.withWelcome(async (client) => {
    await client.expect("say");
    clock.advanceTo(30_000);
    await sync(client);
    await client.send({ type: "bye" });
    assertEquals(await client.receive(), undefined);
  });
  await using ana = new SessionFixture("ana", [server.address], { clock: clock.now, config: PATIENT });
  await ana.joined();
  ana.session.say("hola");
  await ana.disconnected();
});
