// A server on real sockets, and clients by hand that say and read frames.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import type { Address } from "../../lib/net/address.ts";
import { DEFAULT_CONFIG } from "../../lib/server/config.ts";
import { ListenError } from "../../lib/errors.ts";
import { encodeClient, sessionIdOf } from "../../lib/protocol/frames.ts";
import { dialPeer, enterAs, join, makeHello, makeToken, type RawClient, say } from "../testing/raw_peer.ts";
import { startServer } from "../testing/test_server.ts";
import { freeAddress, LOOPBACK, UNKNOWN_NAME } from "../testing/addresses.ts";
import { TestClock } from "../testing/test_clock.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";

/** Who said what next. */
async function hearSaid({ peer }: RawClient): Promise<string> {
  const { nick, text } = await peer.expect("said");
  return `${nick}: ${text}`;
}

Deno.test("A connection that cannot be taken in is told of as a fault, and closed", async () => {
  const told: string[] = [];
  await using server = startServer({
    onReject: ({ address }, { message }) => void told.push(`${address}: ${message}`),
    credentials: {
      wrapTls: () => {
        throw new Error("no such certificate");
      },
    },
  });
  using conn = await Deno.connect({ hostname: LOOPBACK, port: server.address.port });
  assertEquals(await withTimeout(conn.read(new Uint8Array(1)), "the server to hang up"), null);
  assertEquals(told, [`${LOOPBACK}: no such certificate`]);
});

Deno.test("ChatServer answers HELLO with WELCOME and the log from there on", async () => {
  const clock = new TestClock();
  await using server = startServer({ clock: clock.now, backups: ["10.0.0.7:5001"] });
  const { wallMs } = clock.now();
  using beto = (await enterAs("beto", server)).peer;
  const { peer: ana, welcome, history } = await enterAs("ana", server);
  using _ = ana;
  const sessionId = sessionIdOf(makeToken("ana"));
  const { logId } = welcome;
  assertNotEquals(logId, 0n);
  assertEquals(welcome, {
    type: "welcome",
    version: 1,
    sessionId,
    logId,
    nick: "ana",
    lastClientSeq: 0,
    startSeq: 1,
    head: 2,
    backups: ["10.0.0.7:5001"],
    memberCount: 2,
    members: [
      { sessionId: sessionIdOf(makeToken("beto")), nick: "beto", address: LOOPBACK, sinceMs: wallMs },
      { sessionId, nick: "ana", address: LOOPBACK, sinceMs: wallMs },
    ],
  });
  const joined = {
    type: "joined",
    seq: 1,
    timeMs: wallMs,
    sessionId,
    rejoined: false,
    nick: "ana",
    address: LOOPBACK,
  };
  assertEquals<unknown>(history, [joined]);
  assertEquals<unknown>(await beto.receive(), joined);
});

Deno.test("ChatServer has a new log id at each start", async () => {
  await using first = startServer();
  await using second = startServer();
  const { peer: ana, welcome } = await enterAs("ana", first);
  using _ana = ana;
  const { peer: beto, welcome: other } = await enterAs("beto", second);
  using _beto = beto;
  assertNotEquals(welcome.logId, other.logId);
});

Deno.test("ChatServer gives a message with its time to everyone, the sender too", async () => {
  const clock = new TestClock();
  await using server = startServer({ clock: clock.now });
  using ana = (await enterAs("ana", server)).peer;
  using beto = (await enterAs("beto", server)).peer;
  await ana.expect("joined");
  clock.set("2026-11-22 13:45:10");
  await ana.send(say(1, "hola"));
  const said = {
    type: "said",
    seq: 2,
    timeMs: clock.now().wallMs,
    sessionId: sessionIdOf(makeToken("ana")),
    clientSeq: 1,
    redelivered: false,
    nick: "ana",
    text: "hola",
  };
  assertEquals<unknown>(await ana.receive(), said);
  assertEquals<unknown>(await beto.receive(), said);
});

Deno.test("ChatServer sends a new client as much history as it asks for", async () => {
  await using server = startServer();
  using ana = (await enterAs("ana", server)).peer;
  await ana.send(say(1, "one"), say(2, "two"), say(3, "three"));
  for (let n = 1; n <= 3; n++) await ana.expect("said");
  const { peer: beto, history } = await enterAs("beto", server, { historyCount: 2 });
  using _ = beto;
  assertEquals(history.map((entry) => entry.type === "said" ? entry.text : entry.type), [
    "two",
    "three",
    "joined",
  ]);
});

Deno.test("ChatServer answers BYE with the rest of the log and BYE, and tells who left", async () => {
  await using server = startServer({ room: { graceMs: 60_000 } });
  using ana = (await enterAs("ana", server)).peer;
  using beto = (await enterAs("beto", server)).peer;
  await beto.send(say(1, "adiós"), { type: "bye" }, say(2, "never"));
  assertEquals(await beto.receiveTypes(), ["said", "left", "bye"]);
  await ana.expect("joined");
  assertEquals((await ana.expect("said")).text, "adiós");
  const { nick, connectionLost } = await ana.expect("left");
  assertEquals([nick, connectionLost], ["beto", false]);
});

Deno.test("ChatServer tells who was lost, once they did not come back in time", async () => {
  await using server = startServer({ room: { graceMs: 20 } });
  using ana = (await enterAs("ana", server)).peer;
  const { peer: beto } = await enterAs("beto", server);
  await ana.expect("joined");
  beto[Symbol.dispose]();
  const { nick, connectionLost } = await ana.expect("left");
  assertEquals([nick, connectionLost], ["beto", true]);
});

Deno.test("ChatServer tells nobody of a client that comes back in time", async () => {
  await using server = startServer({ room: { graceMs: 60_000 } });
  using ana = (await enterAs("ana", server)).peer;
  const first = await enterAs("beto", server);
  await ana.expect("joined");
  await first.peer.send(say(1, "one"));
  await first.peer.expect("said");
  first.peer[Symbol.dispose]();
  const resumePoints = [{ logId: first.welcome.logId, nextSeq: first.welcome.head + 1 }];
  const second = await join(server.address, makeHello("beto", { resumePoints, lagMs: 100 }));
  using beto = second.peer;
  assertEquals([second.welcome.lastClientSeq, second.history], [1, []]);
  await beto.send(say(1, "one"), say(2, "two"));
  assertEquals((await ana.expect("said")).text, "one");
  assertEquals((await ana.expect("said")).text, "two");
});

Deno.test("ChatServer still owes what was said to a client that has only ended its own side", async () => {
  await using server = startServer({ room: { graceMs: 0 } });
  using ana = (await enterAs("ana", server)).peer;
  using beto = (await enterAs("beto", server)).peer;
  await ana.expect("joined");
  await beto.send(say(1, "last words"));
  await beto.conn.closeWrite();
  assertEquals((await beto.receiveTypes())[0], "said");
  assertEquals((await ana.expect("said")).text, "last words");
  assertEquals((await ana.expect("left")).connectionLost, true);
});

Deno.test("ChatServer lets the same token take its place over, and tells nobody else", async () => {
  await using server = startServer({ room: { graceMs: 0 } });
  using ana = (await enterAs("ana", server)).peer;
  using old = (await enterAs("beto", server)).peer;
  const { peer: beto, welcome } = await enterAs("beto", server);
  using _ = beto;
  assertEquals(welcome.memberCount, 2);
  const messages = await old.receiveAll();
  assertEquals(messages.map((message) => message.type === "error" ? message.code : message.type), [
    "replaced",
  ]);
  old[Symbol.dispose]();
  await ana.expect("joined");
  for (let n = 1; n <= 3; n++) { // so that the server has time to notice that the old one is gone
    await beto.send(say(n, "it is me"));
    assertEquals((await ana.expect("said")).text, "it is me");
  }
});

for (
  const [limit, code] of [
    [{ maxClients: 1 }, "room-full"],
    [{ maxPerAddress: 1, isLoopbackExempt: false }, "address-crowded"],
  ] as const
) {
  Deno.test(`ChatServer has room for who comes back where there is none for others: ${code}`, async () => {
    await using server = startServer({ limits: limit });
    const answer = async () => {
      using beto = await dialPeer(server.address);
      await beto.send(makeHello("beto"));
      const message = await beto.receive();
      return message?.type === "error" ? message.code : message?.type;
    };
    using broken = (await enterAs("ana", server)).peer;
    assertEquals(await answer(), code);
    using ana = (await enterAs("ana", server)).peer;
    await broken.receiveAll();
    broken[Symbol.dispose]();
    for (let i = 0; i < 10; i++) { // so that the server has time to notice that the old one is gone
      await flushTasks();
      assertEquals(await answer(), code);
    }
    await ana.send({ type: "bye" });
    await ana.receiveAll();
    ana[Symbol.dispose]();
    let last = await answer();
    for (let tries = 0; last !== "welcome" && tries < 1_000; tries++) last = await answer();
    assertEquals(last, "welcome");
  });
}

Deno.test("ChatServer reads frames that come byte by byte", async () => {
  await using server = startServer();
  using ana = await dialPeer(server.address);
  for (const message of [makeHello("ana"), say(1, "¿qué tal?"), { type: "bye" }] as const) {
    for (const byte of encodeClient(message)) await ana.send(new Uint8Array([byte]));
  }
  assertEquals(await ana.receiveTypes(), ["welcome", "joined", "said", "left", "bye"]);
});

Deno.test("ChatServer reads frames that come all at once", async () => {
  await using server = startServer();
  using ana = await dialPeer(server.address);
  const messages = [makeHello("ana"), say(1, "one"), say(2, "two"), { type: "bye" }] as const;
  await ana.send(new Uint8Array(messages.flatMap((message) => [...encodeClient(message)])));
  assertEquals(await ana.receiveTypes(), ["welcome", "joined", "said", "said", "left", "bye"]);
});

Deno.test("ChatServer shows a hundred clients each other's messages, all in the same order", async () => {
  const [clients, each] = [100, 5];
  await using server = startServer();
  await using stack = new AsyncDisposableStack();
  const sessions: RawClient[] = [];
  for (let i = 0; i < clients; i++) {
    const client = await enterAs(`n${i}`, server);
    stack.use(client.peer);
    sessions.push(client);
  }
  const heard = await Promise.all(sessions.map(async (client, i) => {
    for (let n = 1; n <= each; n++) await client.peer.send(say(n, String(n)));
    for (let joined = i + 1; joined < clients; joined++) await client.peer.expect("joined");
    const said: string[] = [];
    while (said.length < clients * each) said.push(await hearSaid(client));
    return said;
  }));
  for (const said of heard) assertEquals(said, heard[0]!);
  assertEquals(new Set(heard[0]).size, clients * each);
  for (let i = 0; i < clients; i++) {
    const own = heard[0]!.filter((line) => line.startsWith(`n${i}:`));
    assertEquals(own, Array.from({ length: each }, (_, n) => `n${i}: ${n + 1}`));
  }
});

Deno.test("ChatServer.close() tells everyone, after all that was said, and hears nothing more", async () => {
  const server = startServer();
  await using _ = server;
  using ana = (await enterAs("ana", server)).peer;
  using beto = (await enterAs("beto", server)).peer;
  using stranger = await dialPeer(server.address);
  await ana.expect("joined");
  await ana.send(say(1, "one"), say(2, "two"));
  await ana.expect("said");
  await ana.expect("said");
  const closing = server.close();
  await beto.send(say(1, "never"));
  assertEquals(await ana.receiveTypes(), ["bye"]);
  assertEquals(await beto.receiveTypes(), ["said", "said", "bye"]);
  assertEquals(await stranger.receiveTypes(), ["bye"]);
  for (const peer of [ana, beto, stranger]) peer[Symbol.dispose]();
  await withTimeout(closing, "the server to close");
  await withTimeout(server.close(), "a second close to have nothing to do");
  const { host: hostname, port } = server.address;
  assertEquals(await Deno.connect({ hostname, port }).catch((error) => error.name), "ConnectionRefused");
});

Deno.test("ChatServer.close() waits a second at most for clients that do not take leave", async () => {
  assertEquals(DEFAULT_CONFIG.timeouts.shutdownMs, 1_000);
  const server = startServer({ timeouts: { shutdownMs: 50 } });
  await using _ = server;
  using ana = (await enterAs("ana", server)).peer;
  const before = performance.now();
  await server.close();
  const lastProgressMs = performance.now() - before;
  assert(lastProgressMs > 45 && lastProgressMs < 900, `took ${lastProgressMs} ms`);
  assertEquals(await ana.receiveTypes(), ["bye"]);
});

function listenFailure({ host, port }: Address): [string, unknown] {
  const { code, details } = assertThrows(() => void startServer({ listen: { host, port } }), ListenError);
  return [code, [details.host, details.port]];
}

Deno.test("ChatServer says that a port is in use", async () => {
  await using server = startServer();
  const { host, port } = server.address;
  assertEquals(listenFailure({ host, port }), ["port-in-use", [host, port]]);
});

Deno.test("ChatServer says that an address is not this machine's", () => {
  const { port } = freeAddress();
  assertEquals(listenFailure({ host: "203.0.113.1", port }), ["address-not-local", ["203.0.113.1", port]]);
});

Deno.test("ChatServer says that a name that nobody knows is not this machine's", () => {
  assertEquals(listenFailure({ host: UNKNOWN_NAME, port: 0 }), ["address-not-local", [UNKNOWN_NAME, 0]]);
});

Deno.test("ChatServer says that it cannot listen for any other reason", () => {
  assertEquals(listenFailure({ host: LOOPBACK, port: 70_000 }), ["listen-failed", [LOOPBACK, 70_000]]);
});

/** Whether this process may listen on a port that others may not: then nothing is refused. */
function isPrivileged(): boolean {
  try {
    Deno.listen({ hostname: LOOPBACK, port: 1 }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("ChatServer says that a port is privileged", { ignore: isPrivileged() }, () => {
  assertEquals(listenFailure({ host: LOOPBACK, port: 1 }), ["port-privileged", [LOOPBACK, 1]]);
});
