// Servers of one cluster: each shows the same events in the same order, and members move between them.

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import { startServer, type TestServerOptions } from "../testing/test_server.ts";
import { InputError } from "../../lib/errors.ts";
import { type ClientMessage, type LogEntry, NEVER_CAUGHT_UP, type Say } from "../../lib/protocol/frames.ts";
import type { ReplicatedCommitLog } from "../../lib/cluster/commit_log.ts";
import { openCommitLog } from "../testing/cluster_node.ts";
import { FakeLog, FakeStore } from "../testing/fake_store.ts";
import { join, makeHello, type RawClient } from "../testing/raw_peer.ts";
import { waitFor } from "../testing/waiting.ts";

/** A server of a room. */
class Sharer implements AsyncDisposable {
  readonly server: ChatServer;
  readonly commitLog: ReplicatedCommitLog;

  private constructor(server: ChatServer, commitLog: ReplicatedCommitLog) {
    this.server = server;
    this.commitLog = commitLog;
  }

  static async open(log: FakeLog, nodeId: bigint, options: TestServerOptions = {}): Promise<Sharer> {
    const commitLog = await openCommitLog(new FakeStore(log), nodeId, { unavailableAfterMs: 20 });
    const server = startServer({
      commitLog,
      room: { graceMs: 30 },
      timeouts: { shutdownMs: 50 },
      ...options,
    });
    commitLog.onStalled = (isUnavailable) => server.broadcastStalled({ isResolved: !isUnavailable });
    return new Sharer(server, commitLog);
  }

  /** Ends without a word to anybody, as a process that is killed does. */
  async die(): Promise<void> {
    await this.commitLog.close();
    await this.server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    await this.commitLog.close();
  }
}

const say = (clientSeq: number, text = `t${clientSeq}`): Say => ({ type: "say", clientSeq, timeMs: 0, text });

function come(
  { server }: Sharer,
  nick: string,
  hello: Parameters<typeof makeHello>[1] = {},
): Promise<RawClient> {
  return join(server.address, makeHello(nick, hello));
}

/** What somebody reads up to the message with this text, from what they found when they came on. */
async function readUpTo({ peer, history }: RawClient, text: string): Promise<string[]> {
  const read: string[] = [];
  const found = [...history];
  for (;;) {
    const message = found.shift() ?? await peer.receive();
    if (!message) throw new Error(`The end came before ${text}`);
    if (message.type === "ping" || message.type === "stalled") continue;
    const entry = message as LogEntry & { nick?: string; text?: string };
    read.push(`${entry.seq} ${entry.type} ${entry.nick ?? ""} ${entry.text ?? ""}`.trim());
    if (entry.text === text) return read;
  }
}

Deno.test("What is said on one server is read on all of them, as the same entries", async () => {
  const log = new FakeLog();
  await using one = await Sharer.open(log, 1n);
  await using other = await Sharer.open(log, 2n);
  using ana = (await come(one, "ana")).peer;
  const beto = await come(other, "beto");
  using _ = beto.peer;
  assertEquals(beto.welcome.members.map(({ nick }) => nick), ["ana", "beto"]);
  await ana.send(say(1));
  await beto.peer.send(say(1, "u1"));
  await waitFor(() => one.server.log.head === 4 && other.server.log.head === 4);
  const entries = await Promise.all([one, other].map(async (sharer, index) => {
    const eva = await come(sharer, `eva${index}`, { lagMs: 10_000 });
    using _ = eva.peer;
    return await readUpTo(eva, "u1");
  }));
  assertEquals(entries[0]!.slice(0, 4), entries[1]!.slice(0, 4));
});

Deno.test("A nick is one person's on all servers", async () => {
  const log = new FakeLog();
  await using one = await Sharer.open(log, 1n);
  await using other = await Sharer.open(log, 2n);
  const comers = await Promise.allSettled([
    come(one, "ana"),
    come(other, "ANA", { resumeToken: new Uint8Array(16).fill(9) }),
  ]);
  for (const comer of comers) if (comer.status === "fulfilled") comer.value.peer[Symbol.dispose]();
  assertEquals(comers.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
});

Deno.test("Who moves to another server goes on reading where they were, and nobody is told", async () => {
  const log = new FakeLog();
  await using one = await Sharer.open(log, 1n, { room: { graceMs: 10_000 } });
  await using other = await Sharer.open(log, 2n, { room: { graceMs: 10_000 } });
  const beto = await come(other, "beto");
  using _ = beto.peer;
  const before = await come(one, "ana");
  await before.peer.send(say(1));
  await readUpTo(before, "t1");
  before.peer[Symbol.dispose]();
  const { logId } = before.welcome;
  const resumePoints = [{ logId, nextSeq: one.server.log.head }];
  await beto.peer.send(say(1, "meanwhile"));
  const after = await come(other, "ana", { lagMs: 5, resumePoints });
  using __ = after.peer;
  assertEquals([after.welcome.logId, after.welcome.lastClientSeq], [logId, 1]);
  assertEquals(after.welcome.startSeq, resumePoints[0]!.nextSeq);
  const read = await readUpTo(after, "meanwhile");
  assertEquals(read.at(-1)?.includes("meanwhile"), true);
  assert(read.every((line) => !/joined ana|left/.test(line)), read.join("\n"));
  // The server that they left says nothing of them either, when the grace is over.
  await after.peer.send(say(2, "here"));
  assert((await readUpTo(beto, "here")).every((line) => !line.includes("left")));
});

Deno.test("A message that two servers are given counts once", async () => {
  const log = new FakeLog();
  await using one = await Sharer.open(log, 1n);
  await using other = await Sharer.open(log, 2n);
  const eva = await come(one, "eva");
  using _ = eva.peer;
  const ana = await come(one, "ana");
  log.isDown = true;
  await ana.peer.send(say(1), say(2));
  await waitFor(() => one.commitLog.isUnavailable);
  ana.peer[Symbol.dispose]();
  log.isDown = false;
  const again = await come(other, "ana", { lagMs: 5 });
  using __ = again.peer;
  await again.peer.send(
    ...[1, 2].filter((n) => n > again.welcome.lastClientSeq).map((n) => say(n)),
    say(3, "last"),
  );
  const texts = (await readUpTo(eva, "last")).filter((line) => line.includes("said"));
  assertEquals(texts.map((line) => line.split(" ").at(-1)), ["t1", "t2", "last"]);
});

Deno.test("When a server dies, the others see its people off who are not back", async () => {
  const log = new FakeLog();
  await using one = await Sharer.open(log, 1n);
  await using other = await Sharer.open(log, 2n);
  await using third = await Sharer.open(log, 3n);
  const eva = await come(other, "eva");
  using _ = eva.peer;
  for (const nick of ["ana", "beto"]) await come(one, nick);
  await one.die();
  const back = await come(third, "ana", { lagMs: 5 });
  using __ = back.peer;
  await waitFor(() => new Set(other.server.nodeIds).has(3n));
  assertEquals(new Set(other.server.nodeIds), new Set([1n, 2n, 3n]));
  for (const { server } of [other, third]) server.nodeDown(1n);
  await back.peer.send(say(1, "end"));
  const left = (await readUpTo(eva, "end")).filter((line) => line.includes("left"));
  assertEquals(left.map((line) => line.split(" ").slice(1).join(" ")), ["left beto"]);
});

Deno.test("Who is thrown out on one server is thrown out on theirs", async () => {
  const log = new FakeLog();
  await using one = await Sharer.open(log, 1n);
  await using other = await Sharer.open(log, 2n);
  const ana = await come(one, "ana");
  using _ = ana.peer;
  await waitFor(() => other.server.kick("ana", "why"));
  assertEquals((await ana.peer.expect("left")).kicked, true);
  assertEquals((await ana.peer.expect("error")).code, "kicked");
});

Deno.test("Who was taken for gone with their server, and is not, is asked to come again", async () => {
  const log = new FakeLog();
  await using one = await Sharer.open(log, 1n);
  await using other = await Sharer.open(log, 2n);
  const ana = await come(one, "ana");
  using _ = ana.peer;
  await waitFor(() => [...other.server.members].length === 1);
  other.server.nodeDown(1n);
  assertEquals((await ana.peer.expect("left")).connectionLost, true);
  await ana.peer.expect("bye");
});

Deno.test("Servers of a room are announced to everybody once, and to those who come", async () => {
  const log = new FakeLog();
  await using one = await Sharer.open(log, 1n);
  await using other = await Sharer.open(log, 2n);
  const ana = await come(one, "ana");
  using _ = ana.peer;
  other.server.setClusterServers(["a:1", "b:2"]);
  assertEquals((await ana.peer.expect("backups")).backups, ["a:1", "b:2"]);
  await waitFor(() => other.server.clusterServers.length === 2);
  const { head } = other.server.log;
  other.server.setClusterServers(["b:2", "a:1"]);
  const eva = await come(other, "eva");
  using __ = eva.peer;
  assertEquals(other.server.log.head, head + 1);
  // Each person is given them beginning with another.
  const firsts = new Set<string | undefined>();
  for (const nick of ["pau", "ivo", "lea", "noa", "max", "iris"]) {
    const { welcome, peer } = await come(other, nick);
    using _ = peer;
    assertEquals(new Set(welcome.backups), new Set(["a:1", "b:2"]));
    firsts.add(welcome.backups[0]);
  }
  assertEquals(firsts.size, 2);
});

Deno.test("Clients are no longer told of servers that are gone, and always of those that people named", async () => {
  const log = new FakeLog();
  await using one = await Sharer.open(log, 1n, { backups: ["x:1"] });
  await using other = await Sharer.open(log, 2n);
  const ana = await come(other, "ana");
  using _ = ana.peer;
  const tells = async () => (await ana.peer.expect("backups")).backups;
  one.server.publishOwnBackups();
  assertEquals(await tells(), ["x:1"]);
  one.server.publishOwnBackups();
  // However many have come and gone.
  for (let n = 0; n < 20; n++) {
    other.server.setClusterServers(["a:1", `b:${n}`]);
    assertEquals(await tells(), ["a:1", `b:${n}`, "x:1"]);
  }
  await waitFor(() => one.server.clusterServers.includes("b:19"));
  one.server.addBackup("y:2");
  assertEquals(await tells(), ["a:1", "b:19", "x:1", "y:2"]);
  other.server.setClusterServers(["a:1"]);
  assertEquals(await tells(), ["a:1", "x:1", "y:2"]);
  await using third = await Sharer.open(log, 3n);
  const eva = await come(third, "eva");
  using __ = eva.peer;
  assertEquals(new Set(eva.welcome.backups), new Set(["x:1", "y:2", "a:1"]));
  assertEquals(third.server.clusterServers, ["a:1"]);
});

Deno.test("A backup that is removed at one server is none on any other, though its flag had named it", async () => {
  const log = new FakeLog();
  await using one = await Sharer.open(log, 1n, { backups: ["x:1", "y:1"] });
  await using other = await Sharer.open(log, 2n, { backups: ["x:1"] });
  const ana = await come(one, "ana");
  using _ = ana.peer;
  for (const { server } of [one, other]) server.publishOwnBackups();
  assertEquals((await ana.peer.expect("backups")).backups, ["x:1", "y:1"]);
  await waitFor(() => other.server.log.head === one.server.log.head);
  other.server.removeBackup("x:1");
  while ((await ana.peer.expect("backups")).backups.length > 1);
  await using third = await Sharer.open(log, 3n);
  for (const [index, sharer] of [one, other, third].entries()) {
    const { peer, welcome } = await come(sharer, `eva${index}`);
    using _ = peer;
    assertEquals(welcome.backups, ["y:1"]);
  }
  // Those that serve the room come and go by themselves.
  one.server.setClusterServers(["a:1", "b:2"]);
  await waitFor(() => other.server.clusterServers.length === 2);
  const code = (backup: string) => assertThrows(() => other.server.removeBackup(backup), InputError).code;
  assertEquals([code("a:1"), code("x:1")], ["backup-serves", "backup-unknown"]);
});

Deno.test("A server that was always alone tells clients of nobody", async () => {
  const log = new FakeLog();
  await using one = await Sharer.open(log, 1n);
  one.server.setClusterServers(["a:1"]);
  const ana = await come(one, "ana");
  using _ = ana.peer;
  assertEquals([one.server.clusterServers, ana.welcome.backups], [[], []]);
});

Deno.test("While nothing can be kept people are told so, nobody comes in, and then everything happens", async () => {
  const log = new FakeLog();
  await using one = await Sharer.open(log, 1n);
  const ana = await come(one, "ana");
  using _ = ana.peer;
  log.isDown = true;
  await ana.peer.send(say(1));
  assertEquals((await ana.peer.expect("stalled")).resolved, false);
  const hello: ClientMessage = makeHello("beto", { lagMs: NEVER_CAUGHT_UP });
  const refused = await come(one, "beto", hello).then(() => "in", (error) => `${error.message}`);
  assert(refused.includes("store-away"), refused);
  // However often it is said.
  one.server.broadcastStalled({ isResolved: false });
  log.isDown = false;
  const then = [await ana.peer.receive(), await ana.peer.receive()];
  assertEquals(then.map((message) => message!.type).sort(), ["said", "stalled"]);
  assert(then.some((message) => message!.type === "stalled" && message.resolved));
  // Who did not know hears nothing of its end.
  const eva = await come(one, "eva");
  using __ = eva.peer;
  one.server.broadcastStalled({ isResolved: true });
  await eva.peer.send(say(1, "here"));
  assertEquals((await eva.peer.receive())!.type, "said");
});
