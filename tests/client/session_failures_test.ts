// Why a session could not join, or was disconnected, and what it tells the caller. See also hostile_servers_test.ts.

import { assertEquals } from "@std/assert";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { dial } from "../../lib/net/tcp.ts";
import { encodeServer, sessionIdOf } from "../../lib/protocol/frames.ts";
import type { ConnectionFailure, ConnectTarget } from "../../lib/client/session.ts";
import { FakeServer, join, makeHello, makeSaid, welcomeTo } from "../testing/raw_peer.ts";
import { startServer } from "../testing/test_server.ts";
import { freeAddress } from "../testing/addresses.ts";
import { withTimeout } from "../testing/waiting.ts";
import { SessionFixture, type SessionFixtureOptions } from "../testing/session_fixture.ts";

/** Fails to join at this address. */
async function failToJoin(
  server: Address,
  options?: SessionFixtureOptions,
): Promise<ConnectionFailure["error"]> {
  await using ana = new SessionFixture("ana", [server], options);
  const { error, ...failure } = await ana.disconnected();
  assertEquals(failure, { target: { server, nick: "ana" }, wasJoined: false, connectedForMs: 0 });
  assertEquals(await ana.next(), undefined);
  return error;
}

Deno.test("Session reports why a server rejects it", async () => {
  await using server = startServer();
  using _ = await join(server.address, makeHello("ANA"));
  const { name, code, details } = await failToJoin(server.address);
  const reason = 'nick "ana" is already in use';
  assertEquals([name, code, details], ["ServerError", "nick-taken", { nick: "ana", reason }]);
});

/** A session with one target. */
function sessionTo(target: ConnectTarget, options?: SessionFixtureOptions): SessionFixture {
  const targets = [target];
  return new SessionFixture("ana", [], { nextServer: () => Promise.resolve(targets.shift()), ...options });
}

Deno.test("Session reports a server without WELCOME, as soon as its target says if it does", async () => {
  await using server = new FakeServer((client) => client.receiveAll());
  const config = { session: { welcomeTimeoutMs: 40 } };
  const { name, code, details } = await failToJoin(server.address, { config });
  assertEquals([name, code], ["ConnectError", "no-welcome"]);
  const { host } = server.address;
  assertEquals(details, { server: formatAddress(server.address), host, seconds: 0.04 });
  await using ana = sessionTo({ server: server.address, nick: "ana", answerTimeoutMs: 30 });
  const { error } = await ana.disconnected();
  assertEquals([error.code, error.details.seconds], ["no-welcome", 0.03]);
});

Deno.test("Session gives up a dial that is abandoned, until WELCOME", async () => {
  const dialled = Promise.withResolvers<void>();
  await using silent = new FakeServer(async (client) => {
    await client.expect("hello");
    dialled.resolve();
    await client.receiveAll();
  });
  const abandoned = new AbortController();
  await using ana = sessionTo({ server: silent.address, nick: "ana", abandoned: abandoned.signal });
  const disconnected = ana.disconnected();
  await dialled.promise;
  abandoned.abort();
  const { wasJoined, error } = await disconnected;
  assertEquals([wasJoined, error.code], [false, "no-welcome"]);
  await using server = FakeServer.withWelcome(async (client) => {
    await client.expect("ping");
    await client.send({ type: "bye" });
  });
  const leaving = new AbortController();
  await using joined = sessionTo({ server: server.address, nick: "ana", abandoned: leaving.signal });
  await joined.joined();
  leaving.abort();
  assertEquals((await joined.disconnected()).error.code, "closing");
});

Deno.test("Session dials as long as its target says, and waits for WELCOME as always", async () => {
  await using server = new FakeServer(async (client) => {
    const { resumeToken } = await client.expect("hello");
    await new Promise((resolve) => setTimeout(resolve, 60));
    await client.send(welcomeTo("ana", { sessionId: sessionIdOf(resumeToken) }));
    await client.receiveAll();
  });
  const timeouts: unknown[] = [];
  await using ana = sessionTo({ server: server.address, nick: "ana", dialTimeoutMs: 20 }, {
    dial: (server, { dialTimeoutMs, signal }) => {
      timeouts.push(dialTimeoutMs);
      return dial(server, { signal });
    },
  });
  await ana.joined();
  assertEquals(timeouts, [20]);
});

Deno.test("Session closes a connection whose dial took longer than WELCOME may", async () => {
  await using server = new FakeServer((client) => client.receiveAll());
  await using ana = sessionTo({ server: server.address, nick: "ana" }, {
    config: { session: { welcomeTimeoutMs: 20 } },
    dial: async (server) => {
      await new Promise((resolve) => setTimeout(resolve, 40));
      return await dial(server, { signal: new AbortController().signal });
    },
  });
  assertEquals((await ana.disconnected()).error.code, "no-answer");
});

Deno.test("Session sets no time limit after WELCOME", async () => {
  const config = { session: { welcomeTimeoutMs: 1_000 } };
  await using server = FakeServer.withWelcome(async (client) => {
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await client.send({ type: "bye" });
  });
  await using ana = new SessionFixture("ana", [server.address], { config });
  assertEquals((await ana.disconnected()).error.code, "closing");
});

Deno.test("Session yields what it read before the garbage", async () => {
  const message = encodeServer(makeSaid("beto", { seq: 0, clientSeq: 1, text: "sense" }));
  await using server = FakeServer.withWelcome((client) =>
    client.send(new Uint8Array([...message, 0, 0, 0, 0]))
  );
  await using ana = await SessionFixture.join([server]);
  assertEquals(await ana.lines(1), ["beto: sense"]);
  assertEquals((await ana.disconnected()).error.code, "garbled");
});

Deno.test("Session passes the failure to nextServer()", async () => {
  const servers = [freeAddress(), freeAddress()];
  const failures: (ConnectionFailure | undefined)[] = [];
  await using ana = new SessionFixture("ana", [], {
    nextServer: (failure) => {
      failures.push(failure);
      const server = servers[failures.length - 1];
      return Promise.resolve(server && { server, nick: "ana" });
    },
  });
  await ana.disconnected();
  await ana.disconnected();
  assertEquals(await ana.next(), undefined);
  assertEquals(failures.map((failure) => failure?.target.server), [undefined, ...servers]);
});

Deno.test("Session that never joined resolves its waits when it ends", async () => {
  await using ana = new SessionFixture("ana", [freeAddress()]);
  ana.session.say("hola");
  const flushed = withTimeout(ana.session.flushed(), "the session to end");
  await ana.closed();
  await flushed;
  assertEquals(ana.session.unacked.length, 1);
});

Deno.test("Session hangs up on a server that breaks the protocol before it dials another", async () => {
  const hungUp = Promise.withResolvers<void>();
  await using server = FakeServer.withWelcome(async (client) => {
    await client.send(makeSaid("beto", { seq: 5, clientSeq: 1, text: "hola" }));
    await client.receiveAll();
    hungUp.resolve();
  });
  await using ana = new SessionFixture("ana", [server.address]);
  assertEquals((await ana.disconnected()).error.code, "garbled");
  await withTimeout(hungUp.promise, "the client to hang up");
});
