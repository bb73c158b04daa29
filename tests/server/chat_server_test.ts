// ChatServer on real sockets, with raw clients. hostile_clients_test.ts has the clients that break the protocol.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { DEFAULT_CONFIG } from "../../lib/server/config.ts";
import { ChatServer } from "../../lib/server/chat_server.ts";
import { encodeClient, sessionIdOf, type Uncommitted } from "../../lib/protocol/frames.ts";
import { InMemoryCommitLog } from "../../lib/room/commit_log.ts";
import type { Instant } from "../../lib/base/time.ts";
import { dialPeer, enterAs, makeHello, makeToken, say } from "../testing/raw_peer.ts";
import { startServer, type TestServerOptions } from "../testing/test_server.ts";
import { LOOPBACK } from "../testing/addresses.ts";
import { DelayedCommitLog } from "../testing/delayed_commit_log.ts";
import { TestClock } from "../testing/test_clock.ts";
import { flushTasks, waitFor, withTimeout } from "../testing/waiting.ts";

/** A server with ana, who has read the log, and bea. */
async function startPair(options: TestServerOptions = {}) {
  const stack = new AsyncDisposableStack();
  const server = stack.use(startServer(options));
  const ana = stack.use(await enterAs("ana", server));
  const bea = stack.use(await enterAs("bea", server));
  await ana.expect("joined");
  return { server, ana, bea, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** How a server answers another client: the type of its first message, or the code of ERROR. */
async function answerOf({ address }: ChatServer): Promise<string | undefined> {
  using eva = await dialPeer(address);
  await eva.send(makeHello("eva"));
  const message = await eva.receive();
  return message?.type === "error" ? message.code : message?.type;
}

Deno.test("ChatServer closes a connection that fails at once, and reports the fault", async () => {
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
  using bea = await enterAs("bea", server);
  using ana = await enterAs("ana", server);
  const { logId, sessionId, backups, members } = ana.welcome;
  assertNotEquals(logId, 0n);
  assertEquals([sessionId, backups], [sessionIdOf(makeToken("ana")), ["10.0.0.7:5001"]]);
  const expected = ["bea", "ana"].map((nick) => [nick, LOOPBACK, clock.now().wallMs]);
  assertEquals<unknown>(members.map(({ nick, address, sinceMs }) => [nick, address, sinceMs]), expected);
  assertEquals(ana.history.map(({ type }) => type), ["joined"]);
  assertEquals<unknown>(await bea.receive(), ana.history[0]);
});

Deno.test("ChatServer answers BYE with the rest of the log and BYE, and announces LEFT", async () => {
  await using pair = await startPair({ room: { graceMs: 60_000 } });
  const { ana, bea } = pair;
  await bea.send(say(1, "adiós"), { type: "bye" }, say(2, "never"));
  assertEquals(await bea.receiveTypes(), ["said", "left", "bye"]);
  assertEquals((await ana.expect("said")).text, "adiós");
  const { nick, connectionLost } = await ana.expect("left");
  assertEquals([nick, connectionLost], ["bea", false]);
});

Deno.test("ChatServer sends the rest of the log to a client that has ended its own side", async () => {
  await using pair = await startPair({ room: { graceMs: 0 } });
  const { ana, bea } = pair;
  await bea.send(say(1, "last words"));
  await bea.conn.closeWrite();
  assertEquals((await bea.receiveTypes())[0], "said");
  assertEquals((await ana.expect("said")).text, "last words");
  assertEquals((await ana.expect("left")).connectionLost, true);
});

Deno.test("ChatServer replaces the connection of a resumed session, and announces nothing", async () => {
  await using server = startServer({ room: { graceMs: 0 } });
  using ana = await enterAs("ana", server);
  using old = await enterAs("bea", server);
  using bea = await enterAs("bea", server);
  assertEquals(bea.welcome.memberCount, 2);
  const messages = await old.receiveAll();
  assertEquals(messages.map((message) => message.type === "error" ? message.code : message.type), [
    "replaced",
  ]);
  old[Symbol.dispose]();
  await ana.expect("joined");
  for (let n = 1; n <= 3; n++) { // so that the server has time to notice that the old one is gone
    await bea.send(say(n, "it is me"));
    assertEquals((await ana.expect("said")).text, "it is me");
  }
});

for (
  const [limit, code] of [
    [{ maxClients: 1 }, "room-full"],
    [{ maxPerAddress: 1, isLocalExempt: false }, "address-crowded"],
  ] as const
) {
  Deno.test(`ChatServer at its limit (${code}) admits a resumed session, and no other client`, async () => {
    await using server = startServer({ limits: limit });
    using broken = await enterAs("ana", server);
    assertEquals(await answerOf(server), code);
    using ana = await enterAs("ana", server);
    await broken.receiveAll();
    broken[Symbol.dispose]();
    for (let i = 0; i < 10; i++) { // so that the server has time to notice that the old one is gone
      await flushTasks();
      assertEquals(await answerOf(server), code);
    }
    await ana.send({ type: "bye" });
    await ana.receiveAll();
    ana[Symbol.dispose]();
    let last = await answerOf(server);
    for (let tries = 0; last !== "welcome" && tries < 1_000; tries++) last = await answerOf(server);
    assertEquals(last, "welcome");
  });
}

Deno.test("ChatServer.addBackup() tells members of a backup once, and of none that they know", async () => {
  await using server = startServer({ backups: ["a:1"] });
  using ana = await enterAs("ana", server);
  for (const backup of ["a:1", "b:2", "b:2"]) server.addBackup(backup);
  assertEquals(server.backups, ["a:1", "b:2"]);
  await ana.send({ type: "bye" });
  assertEquals(await ana.receiveTypes(), ["backups", "left", "bye"]);
});

Deno.test("ChatServer.kick() ends the connection of a member with the reason", async () => {
  await using pair = await startPair();
  const { server, bea } = pair;
  assertEquals([server.kick("eva", "why"), server.kick("bea", "why")?.nick], [undefined, "bea"]);
  const last = (await bea.receiveAll()).at(-1);
  assertEquals(last?.type === "error" && [last.code, last.reason.includes("why")], ["kicked", true]);
});

Deno.test("ChatServer.ban() kicks the members of an address, and rejects it until the ban ends", async () => {
  const clock = new TestClock();
  clock.advanceTo(0);
  const pair = await startPair({ clock: clock.now });
  await using _ = pair;
  const { server, ana, bea } = pair;
  assertEquals([server.ban("10.0.0.7", 300_000), await answerOf(server)], [0, "welcome"]);
  assertEquals(server.ban(LOOPBACK, 300_000), 3);
  for (const peer of [ana, bea]) {
    const last = (await peer.receiveAll()).at(-1);
    assertEquals(last?.type === "error" && last.code, "banned");
  }
  clock.advanceTo(299_999);
  assertEquals(await answerOf(server), "banned");
  clock.advanceTo(300_000);
  assertEquals(await answerOf(server), "welcome");
});

Deno.test("ChatServer.address is IPv4 if its listener has an IPv4-mapped address", async () => {
  const listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const { port } = listener.addr;
  const addr = { transport: "tcp", hostname: `::ffff:${LOOPBACK}`, port };
  Object.defineProperty(listener, "addr", { value: addr });
  const parts = { listener, commitLog: new InMemoryCommitLog(1n), credentials: {} };
  await using server = new ChatServer(parts, DEFAULT_CONFIG, new TestClock().now);
  assertEquals(server.address, { host: LOOPBACK, port });
});

Deno.test("ChatServer.unban() ends a ban, and tells whether there was one", async () => {
  const clock = new TestClock();
  clock.advanceTo(0);
  await using server = startServer({ clock: clock.now });
  server.ban(LOOPBACK, 300_000);
  assertEquals([server.unban("10.0.0.7"), server.unban(LOOPBACK), server.unban(LOOPBACK)], [
    false,
    true,
    false,
  ]);
  assertEquals(await answerOf(server), "welcome");
  server.ban(LOOPBACK, 300_000);
  clock.advanceTo(300_000);
  assertEquals(server.unban(LOOPBACK), false);
});

Deno.test("ChatServer.close() sends BYE after the rest of the log, and reads nothing more", async () => {
  const server = startServer({ commitLog: new DelayedCommitLog() });
  await using _ = server;
  using ana = await enterAs("ana", server);
  using bea = await enterAs("bea", server);
  using stranger = await dialPeer(server.address);
  await ana.expect("joined");
  await ana.send(say(1, "one"), say(2, "two"));
  await ana.expect("said");
  await ana.expect("said");
  server.announce("adiós");
  const closing = server.close();
  await bea.send(say(1, "never"));
  assertEquals(await ana.receiveTypes(), ["announced", "bye"]);
  assertEquals(await bea.receiveTypes(), ["said", "said", "announced", "bye"]);
  assertEquals(await stranger.receiveTypes(), ["bye"]);
  for (const peer of [ana, bea, stranger]) peer[Symbol.dispose]();
  await withTimeout(closing, "the server to close");
  await withTimeout(server.close(), "a second close to have nothing to do");
  const { host: hostname, port } = server.address;
  assertEquals(await Deno.connect({ hostname, port }).catch((error) => error.name), "ConnectionRefused");
});

Deno.test("ChatServer.close() waits shutdownMs for clients that do not close", async () => {
  assertEquals(DEFAULT_CONFIG.timeouts.shutdownMs, 1_000);
  const server = startServer({ timeouts: { shutdownMs: 50 } });
  await using _ = server;
  using ana = await enterAs("ana", server);
  const startMs = performance.now();
  await server.close();
  const lastedMs = performance.now() - startMs;
  assert(lastedMs > 45, `${lastedMs}`);
  assertEquals(await ana.receiveTypes(), ["bye"]);
});

Deno.test("ChatServer announces a rejected member as lost before it has closed", async () => {
  await using pair = await startPair({ room: { graceMs: 0 } });
  const { ana, bea } = pair;
  await bea.send(new Uint8Array(4));
  assertEquals((await ana.expect("left")).connectionLost, true); // though bea's end of the connection is still open
});

Deno.test("ChatServer takes messages before a violation in the same packet", async () => {
  await using server = startServer();
  using ana = await enterAs("ana", server);
  await ana.send(new Uint8Array([...encodeClient(say(1, "good")), 0, 0, 0, 0]));
  assertEquals(await ana.receiveTypes(), ["said", "error"]);
});

/** A commit log that throws for some entries. */
class FaultyCommitLog extends InMemoryCommitLog {
  isFaulty: (entry: Uncommitted) => boolean = () => false;

  override propose(entry: Uncommitted, now: Instant): void {
    if (this.isFaulty(entry)) throw new TypeError("a mistake of ours");
    super.propose(entry, now);
  }
}

for (const type of ["said", "left"] as const) {
  const client = { address: LOOPBACK, ...(type === "said" && { nick: "ana" }) };
  Deno.test(`ChatServer reports a fault of its own at ${type}, and ends that connection alone`, async () => {
    const commitLog = new FaultyCommitLog(1n);
    commitLog.isFaulty = (entry) => entry.type === type;
    const faults: [unknown, string][] = [];
    await using server = startServer({
      commitLog,
      onReject: (rejected, { message }) => faults.push([rejected, message]),
      room: { graceMs: 0 },
      limits: { maxClients: 2 },
    });
    using bea = await enterAs("bea", server);
    const ana = await enterAs("ana", server);
    if (type === "said") {
      await ana.send(say(1));
      await ana.receiveAll();
    }
    ana[Symbol.dispose]();
    await waitFor(() => server.stats.connectionCount === 1, "the connection to be closed");
    assertEquals(faults, [[client, "a mistake of ours"]]);
    using _eva = await enterAs("eva", server); // the place of ana is free
    await bea.send({ type: "ping" });
    while ((await bea.receive())?.type !== "pong");
    commitLog.isFaulty = () => false;
  });
}
