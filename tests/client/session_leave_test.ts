// How a session leaves, on servers that answer and on those that do not.

import { assert, assertEquals } from "@std/assert";
import { FakeServer, join, makeHello } from "../testing/raw_peer.ts";
import { startServer } from "../testing/test_server.ts";
import { withTimeout } from "../testing/waiting.ts";
import { SessionFixture } from "../testing/session_fixture.ts";

Deno.test("Session.leave() tells the server, which tells the others", async () => {
  await using server = startServer();
  using beto = (await join(server.address, makeHello("beto"))).peer;
  await using ana = new SessionFixture("ana", [server.address]);
  await ana.joined();
  ana.session.say("adiós");
  ana.session.leave();
  await ana.closed();
  await beto.expect("joined");
  assertEquals((await beto.expect("said")).text, "adiós");
  assertEquals((await beto.expect("left")).connectionLost, false);
});

Deno.test("Session.leave() resolves what waits for acks", async () => {
  await using server = FakeServer.withWelcome((client) => client.receiveAll());
  await using ana = new SessionFixture("ana", [server.address], { config: { outbox: { maxMessages: 1 } } });
  await ana.joined();
  ana.session.say("hola");
  const waiting = Promise.all([ana.session.flushed(), ana.session.drained()]);
  ana.session.leave();
  await withTimeout(waiting, "nobody to wait any more");
  assertEquals(ana.session.unacked.length, 1);
});

Deno.test("Session.leave() waits no more than 0.5 s for a server that does not answer", async () => {
  const leaving = Promise.withResolvers<void>();
  await using server = FakeServer.withWelcome(() => leaving.promise);
  await using ana = new SessionFixture("ana", [server.address]);
  await ana.joined();
  const before = performance.now();
  ana.session.leave();
  await ana.closed();
  const lastProgressMs = performance.now() - before;
  assert(lastProgressMs > 400 && lastProgressMs < 2_000, `took ${lastProgressMs} ms`);
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
  await asked.promise;
  ana.session.leave();
  await ended;
});
