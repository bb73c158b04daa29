// How a session takes leave, on servers that answer and on those that do not.

import { assert, assertEquals } from "@std/assert";
import { enter, FakeServer, helloOf } from "./peers.ts";
import { startServer } from "./running_server.ts";
import { soon } from "./support.ts";
import { Traveller } from "./traveller.ts";

Deno.test("Session.leave() tells the server, which tells the others", async () => {
  await using server = startServer();
  using beto = (await enter(server.address, helloOf("beto"))).peer;
  await using ana = new Traveller("ana", [server.address]);
  await ana.entered();
  ana.session.say("adiós");
  ana.session.leave();
  await ana.ended();
  await beto.expect("joined");
  assertEquals((await beto.expect("said")).text, "adiós");
  assertEquals((await beto.expect("left")).connectionLost, false);
});

Deno.test("Session.leave() ends what waits for a server to confirm something", async () => {
  await using server = FakeServer.welcoming((client) => client.rest());
  await using ana = new Traveller("ana", [server.address], { outbox: { maxMessages: 1 } });
  await ana.entered();
  ana.session.say("hola");
  const waiting = Promise.all([ana.session.settled(), ana.session.drained()]);
  ana.session.leave();
  await soon(waiting, "nobody to wait any more");
  assertEquals(ana.session.pending.length, 1);
});

Deno.test("Session.leave() waits no more than 0.5 s for a server that does not answer", async () => {
  const leaving = Promise.withResolvers<void>();
  await using server = FakeServer.welcoming(() => leaving.promise);
  await using ana = new Traveller("ana", [server.address]);
  await ana.entered();
  const before = performance.now();
  ana.session.leave();
  await ana.ended();
  const lastProgressMs = performance.now() - before;
  assert(lastProgressMs > 400 && lastProgressMs < 2_000, `took ${lastProgressMs} ms`);
  leaving.resolve();
});

Deno.test("Session.leave() does not wait for a server that has not let it in", async () => {
  const dialled = Promise.withResolvers<void>();
  await using server = new FakeServer(async (client) => {
    dialled.resolve();
    await client.rest();
  });
  await using ana = new Traveller("ana", [server.address]);
  const ended = ana.ended();
  await soon(dialled.promise, "the server to be dialled");
  ana.session.leave();
  await ended;
});

Deno.test("Session.leave() ends a choice of where to go", async () => {
  const asked = Promise.withResolvers<AbortSignal>();
  await using ana = new Traveller("ana", [], {
    nextTarget: (_, { signal }) => {
      asked.resolve(signal);
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined)));
    },
  });
  const ended = ana.ended();
  await asked.promise;
  ana.session.leave();
  await ended;
});
