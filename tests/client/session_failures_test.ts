// Why a session could not join, or was disconnected: servers that reject, crash, fall silent or send garbage.

import { assert, assertEquals } from "@std/assert";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { dial } from "../../lib/net/tcp.ts";
import { encodeServer, sessionIdOf } from "../../lib/protocol/frames.ts";
import type { ConnectionFailure } from "../../lib/client/session.ts";
import { type FakeClient, FakeServer, join, makeHello, makeSaid, welcomeTo } from "../testing/raw_peer.ts";
import { startServer } from "../testing/test_server.ts";
import { freeAddress, UNKNOWN_NAME } from "../testing/addresses.ts";
import { withTimeout } from "../testing/waiting.ts";
import { SessionFixture, type SessionFixtureOptions } from "../testing/session_fixture.ts";

/** Fails to join at this address. */
async function failToEnter(server: Address, options?: SessionFixtureOptions): Promise<ConnectionFailure> {
  await using ana = new SessionFixture("ana", [server], options);
  const failure = await ana.disconnected();
  assertEquals(failure.target, { server, nick: "ana" });
  assertEquals(failure.wasJoined, false);
  assertEquals(await ana.next(), undefined);
  return failure;
}

Deno.test("Session reports a refused connection", async () => {
  const server = freeAddress();
  const { error: { name, code, details } } = await failToEnter(server);
  assertEquals([name, code, details.server], ["ConnectError", "refused", formatAddress(server)]);
});

Deno.test("Session reports an unknown name", async () => {
  const { error: { name, code, details } } = await failToEnter({ host: UNKNOWN_NAME, port: 5_000 });
  assertEquals([name, code, details.host], ["ConnectError", "name-unknown", UNKNOWN_NAME]);
});

Deno.test("Session reports that a server does not answer", async () => {
  await using server = new FakeServer((client) => client.receiveAll());
  const { error: { name, code, details } } = await failToEnter(server.address, {
    config: { session: { welcomeTimeoutMs: 40 } },
  });
  assertEquals([name, code], ["ConnectError", "no-answer"]);
  assertEquals(details, { server: formatAddress(server.address), seconds: 0.04 });
});

Deno.test("Session waits for an answer as long as its target says", async () => {
  await using server = new FakeServer((client) => client.receiveAll());
  const targets = [{ server: server.address, nick: "ana", welcomeTimeoutMs: 30 }];
  await using ana = new SessionFixture("ana", [], { nextServer: () => Promise.resolve(targets.shift()) });
  const { error: { code, details } } = await ana.disconnected();
  assertEquals([code, details.seconds], ["no-answer", 0.03]);
});

Deno.test("Session dials as long as its target says, and then waits for the answer as always", async () => {
  await using server = new FakeServer(async (client) => {
    const { resumeToken } = await client.expect("hello");
    await new Promise((resolve) => setTimeout(resolve, 60));
    await client.send(welcomeTo("ana", { sessionId: sessionIdOf(resumeToken) }));
    await client.receiveAll();
  });
  const targets = [{ server: server.address, nick: "ana", dialTimeoutMs: 20 }];
  const asked: unknown[] = [];
  await using ana = new SessionFixture("ana", [], {
    nextServer: () => Promise.resolve(targets.shift()),
    dial: (server, { dialTimeoutMs, signal }) => {
      asked.push(dialTimeoutMs);
      return dial(server, { signal });
    },
  });
  await ana.joined();
  assertEquals(asked, [20]);
});

const STRANGERS: [string, (client: FakeClient) => Promise<unknown>][] = [
  ["hangs up", () => Promise.resolve()],
  [
    "talks something else",
    (client) => client.send(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")),
  ],
  ["keeps talking nonsense", async (client) => {
    for (;;) await client.send(new Uint8Array(65_536).fill(0xff));
  }],
  ["answers with a frame that is no WELCOME", (client) => client.send({ type: "ping", head: 1 })],
  ["answers with a malformed WELCOME", (client) => client.send(new Uint8Array([0, 0, 0, 2, 0x81, 1]))],
];

for (const [what, act] of STRANGERS) {
  Deno.test(`Session reports that a server is none of this chat if it ${what}`, async () => {
    await using server = new FakeServer((client) =>
      client.expect("hello").then(() => act(client)).catch(() => {})
    );
    const { error: { name, code, details } } = await failToEnter(server.address);
    assertEquals([name, code], ["ConnectError", "not-a-chat-server"]);
    assertEquals(details.server, formatAddress(server.address));
  });
}

Deno.test("Session reports why a server rejects it", async () => {
  await using server = startServer();
  using _ = (await join(server.address, makeHello("ANA"))).peer;
  const { error: { name, code, details } } = await failToEnter(server.address);
  const reason = 'nick "ana" is already in use';
  assertEquals([name, code, details], ["ServerError", "nick-taken", { nick: "ana", reason }]);
});

Deno.test("Session reports that a server is closing", async () => {
  await using server = new FakeServer(async (client) => {
    await client.expect("hello"); // what is closed with something unread is cut off
    await client.send({ type: "bye" });
  });
  const { error: { name, code } } = await failToEnter(server.address);
  assertEquals([name, code], ["ConnectionLostError", "closing"]);
});

Deno.test("Session reports that a server speaks another version", async () => {
  const bytes = encodeServer(welcomeTo("ana"));
  bytes[5] = 99;
  await using server = new FakeServer(async (client) => {
    await client.expect("hello");
    await client.send(bytes);
  });
  const { error: { name, code } } = await failToEnter(server.address);
  assertEquals([name, code], ["ServerError", "version-unsupported"]);
});

const LOSSES: [string, string, string, (client: FakeClient) => Promise<unknown>][] = [
  ["ConnectionLostError", "closing", "says that it closes", (client) => client.send({ type: "bye" })],
  ["ConnectionLostError", "closed", "ends the connection", () => Promise.resolve()],
  ["ConnectionLostError", "garbled", "talks nonsense", (client) => client.send(new Uint8Array(8))],
  ["ConnectionLostError", "garbled", "welcomes it twice", (client) => client.send(welcomeTo("ana"))],
  [
    "ServerError",
    "too-slow",
    "refuses it",
    (client) => client.send({ type: "error", code: "too-slow", reason: "why" }),
  ],
  [
    "ServerError",
    "of-the-future",
    "refuses it with a code that nobody knows",
    (client) => client.send({ type: "error", code: "of-the-future", reason: "why" }),
  ],
];

for (const [name, code, what, act] of LOSSES) {
  Deno.test(`Session reports that it lost a server that ${what}`, async () => {
    await using server = FakeServer.withWelcome(act);
    await using ana = new SessionFixture("ana", [server.address]);
    await ana.joined();
    const { wasJoined, error } = await ana.disconnected();
    assertEquals([wasJoined, error.name, error.code], [true, name, code]);
    assertEquals(await ana.next(), undefined);
  });
}

Deno.test("Session yields what it read before the garbage", async () => {
  const bytes = new Uint8Array([
    ...encodeServer(makeSaid("ana", { seq: 0, clientSeq: 1, text: "sense", sessionId: 5n })),
    0,
    0,
    0,
    0,
  ]);
  await using server = FakeServer.withWelcome((client) => client.send(bytes));
  await using ana = new SessionFixture("ana", [server.address]);
  await ana.joined();
  assertEquals(await ana.lines(1), ["ana: sense"]);
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

Deno.test("Session takes REJECTED for a reply only on the server that it sent the request to", async () => {
  const refusal = { type: "rejected", code: "nick-taken", request: "eva", reason: "" } as const;
  await using first = FakeServer.withWelcome(async (client) => {
    await client.expect("nick");
  });
  await using second = FakeServer.withWelcome((client) => client.send(refusal));
  await using ana = new SessionFixture("ana", [first.address, second.address]);
  await ana.joined();
  assert(ana.session.rename("eva"));
  const { connectedForMs, wasJoined } = await ana.disconnected();
  assertEquals([wasJoined, connectedForMs >= 0], [true, true]);
  await ana.joined();
  assertEquals((await ana.disconnected()).error.code, "garbled");
});

Deno.test("Session closes the connection to a server that breaks the protocol before it dials another", async () => {
  const hungUp = Promise.withResolvers<void>();
  await using server = FakeServer.withWelcome(async (client) => {
    await client.send(makeSaid("beto", { seq: 5, clientSeq: 1, text: "hola" }));
    await client.receiveAll();
    hungUp.resolve();
  });
  await using ana = new SessionFixture("ana", [server.address]);
  await ana.joined();
  assertEquals((await ana.disconnected()).error.code, "garbled");
  await withTimeout(hungUp.promise, "the client to hang up");
});
