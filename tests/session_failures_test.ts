// Why a session could not enter, or was lost: servers that refuse, fall, keep silent or rave.

import { assert, assertEquals } from "@std/assert";
import { type Address, formatAddress } from "../lib/address.ts";
import { dial } from "../lib/dial.ts";
import { encodeServer, sessionIdOf } from "../lib/protocol.ts";
import type { Disconnect } from "../lib/session.ts";
import { enter, type FakeClient, FakeServer, helloOf, saidBy, welcomeTo } from "./peers.ts";
import { startServer } from "./running_server.ts";
import { freeAddress, soon, UNKNOWN_NAME } from "./support.ts";
import { Traveller, type TravellerOptions } from "./traveller.ts";

/** Fails to come in at this address. */
async function failToEnter(server: Address, options?: TravellerOptions): Promise<Disconnect> {
  await using ana = new Traveller("ana", [server], options);
  const failure = await ana.failed();
  assertEquals(failure.target, { server, nick: "ana" });
  assertEquals(failure.wasIn, false);
  assertEquals(await ana.next(), undefined);
  return failure;
}

Deno.test("Session tells that nobody listens", async () => {
  const server = freeAddress();
  const { error: { name, code, details } } = await failToEnter(server);
  assertEquals([name, code, details.server], ["ConnectError", "refused", formatAddress(server)]);
});

Deno.test("Session tells that a name is unknown", async () => {
  const { error: { name, code, details } } = await failToEnter({ host: UNKNOWN_NAME, port: 5_000 });
  assertEquals([name, code, details.host], ["ConnectError", "name-unknown", UNKNOWN_NAME]);
});

Deno.test("Session tells that a server does not answer", async () => {
  await using server = new FakeServer((client) => client.rest());
  const { error: { name, code, details } } = await failToEnter(server.address, { welcomeTimeoutMs: 40 });
  assertEquals([name, code], ["ConnectError", "no-answer"]);
  assertEquals(details, { server: formatAddress(server.address), seconds: 0.04 });
});

Deno.test("Session waits for an answer as long as its target says", async () => {
  await using server = new FakeServer((client) => client.rest());
  const targets = [{ server: server.address, nick: "ana", welcomeTimeoutMs: 30 }];
  await using ana = new Traveller("ana", [], { nextTarget: () => Promise.resolve(targets.shift()) });
  const { error: { code, details } } = await ana.failed();
  assertEquals([code, details.seconds], ["no-answer", 0.03]);
});

Deno.test("Session dials as long as its target says, and then waits for the answer as always", async () => {
  await using server = new FakeServer(async (client) => {
    const { resumeToken } = await client.expect("hello");
    await new Promise((resolve) => setTimeout(resolve, 60));
    await client.say(welcomeTo("ana", { sessionId: sessionIdOf(resumeToken) }));
    await client.rest();
  });
  const targets = [{ server: server.address, nick: "ana", dialTimeoutMs: 20 }];
  const asked: unknown[] = [];
  await using ana = new Traveller("ana", [], {
    nextTarget: () => Promise.resolve(targets.shift()),
    dial: (server, { connectMs, signal }) => {
      asked.push(connectMs);
      return dial(server, { signal });
    },
  });
  await ana.entered();
  assertEquals(asked, [20]);
});

const STRANGERS: [string, (client: FakeClient) => Promise<unknown>][] = [
  ["hangs up", () => Promise.resolve()],
  [
    "talks something else",
    (client) => client.say(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")),
  ],
  ["keeps talking nonsense", async (client) => {
    for (;;) await client.say(new Uint8Array(65_536).fill(0xff));
  }],
  ["answers with a frame that is no WELCOME", (client) => client.say({ type: "ping", head: 1 })],
  ["answers with a malformed WELCOME", (client) => client.say(new Uint8Array([0, 0, 0, 2, 0x81, 1]))],
];

for (const [what, act] of STRANGERS) {
  Deno.test(`Session tells that a server is none of this chat if it ${what}`, async () => {
    await using server = new FakeServer((client) =>
      client.expect("hello").then(() => act(client)).catch(() => {})
    );
    const { error: { name, code, details } } = await failToEnter(server.address);
    assertEquals([name, code], ["ConnectError", "not-a-chat-server"]);
    assertEquals(details.server, formatAddress(server.address));
  });
}

Deno.test("Session tells why a server does not let it in", async () => {
  await using server = startServer();
  using _ = (await enter(server.address, helloOf("ANA"))).peer;
  const { error: { name, code, message, details } } = await failToEnter(server.address);
  assertEquals([name, code, details], ["ServerError", "nick-taken", { nick: "ana", reason: message }]);
});

Deno.test("Session tells that a server closes just now", async () => {
  await using server = new FakeServer(async (client) => {
    await client.expect("hello"); // what is closed with something unread is cut off
    await client.say({ type: "bye" });
  });
  const { error: { name, code } } = await failToEnter(server.address);
  assertEquals([name, code], ["ConnectionLostError", "closing"]);
});

Deno.test("Session tells that a server speaks another version", async () => {
  const bytes = encodeServer(welcomeTo("ana"));
  bytes[5] = 99;
  await using server = new FakeServer(async (client) => {
    await client.expect("hello");
    await client.say(bytes);
  });
  const { error: { name, code } } = await failToEnter(server.address);
  assertEquals([name, code], ["ServerError", "version-unsupported"]);
});

const LOSSES: [string, string, string, (client: FakeClient) => Promise<unknown>][] = [
  ["ConnectionLostError", "closing", "says that it closes", (client) => client.say({ type: "bye" })],
  ["ConnectionLostError", "closed", "ends the connection", () => Promise.resolve()],
  ["ConnectionLostError", "garbled", "talks nonsense", (client) => client.say(new Uint8Array(8))],
  ["ConnectionLostError", "garbled", "welcomes it twice", (client) => client.say(welcomeTo("ana"))],
  [
    "ServerError",
    "too-slow",
    "refuses it",
    (client) => client.say({ type: "error", code: "too-slow", reason: "why" }),
  ],
  [
    "ServerError",
    "of-the-future",
    "refuses it with a code that nobody knows",
    (client) => client.say({ type: "error", code: "of-the-future", reason: "why" }),
  ],
];

for (const [name, code, what, act] of LOSSES) {
  Deno.test(`Session tells that it lost a server that ${what}`, async () => {
    await using server = FakeServer.welcoming(act);
    await using ana = new Traveller("ana", [server.address]);
    await ana.entered();
    const { wasIn, error } = await ana.failed();
    assertEquals([wasIn, error.name, error.code], [true, name, code]);
    assertEquals(await ana.next(), undefined);
  });
}

Deno.test("Session gives what it read before the nonsense began", async () => {
  const bytes = new Uint8Array([
    ...encodeServer(saidBy("ana", { seq: 0, clientSeq: 1, text: "sense", sessionId: 5n })),
    0,
    0,
    0,
    0,
  ]);
  await using server = FakeServer.welcoming((client) => client.say(bytes));
  await using ana = new Traveller("ana", [server.address]);
  await ana.entered();
  assertEquals(await ana.lines(1), ["ana: sense"]);
  assertEquals((await ana.failed()).error.code, "garbled");
});

Deno.test("Session tells whoever chooses where to go why it is no longer where it was", async () => {
  const servers = [freeAddress(), freeAddress()];
  const failures: (Disconnect | undefined)[] = [];
  await using ana = new Traveller("ana", [], {
    nextTarget: (failure) => {
      failures.push(failure);
      const server = servers[failures.length - 1];
      return Promise.resolve(server && { server, nick: "ana" });
    },
  });
  await ana.failed();
  await ana.failed();
  assertEquals(await ana.next(), undefined);
  assertEquals(failures.map((failure) => failure?.target.server), [undefined, ...servers]);
});

Deno.test("Session takes a refusal for an answer only on the server that it asked", async () => {
  const refusal = { type: "rejected", code: "nick-taken", request: "eva", reason: "" } as const;
  await using first = FakeServer.welcoming(async (client) => {
    await client.expect("nick");
  });
  await using second = FakeServer.welcoming((client) => client.say(refusal));
  await using ana = new Traveller("ana", [first.address, second.address]);
  await ana.entered();
  assert(ana.session.rename("eva"));
  const { stayedMs, wasIn } = await ana.failed();
  assertEquals([wasIn, stayedMs >= 0], [true, true]);
  await ana.entered();
  assertEquals((await ana.failed()).error.code, "garbled");
});

Deno.test("Session hangs up on a server that it cannot believe, before it goes anywhere else", async () => {
  const hungUp = Promise.withResolvers<void>();
  await using server = FakeServer.welcoming(async (client) => {
    await client.say(saidBy("beto", { seq: 5, clientSeq: 1, text: "hola" }));
    await client.rest();
    hungUp.resolve();
  });
  await using ana = new Traveller("ana", [server.address]);
  await ana.entered();
  assertEquals((await ana.failed()).error.code, "garbled");
  await soon(hungUp.promise, "the client to hang up");
});
