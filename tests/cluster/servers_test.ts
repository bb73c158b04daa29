// ChatServers that are nodes of one room: each shows the same events in the same order, and members move between them.

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ReplicatedCommitLog } from "../../lib/cluster/commit_log.ts";
import { InputError } from "../../lib/errors.ts";
import type { Hello, LogEntry } from "../../lib/protocol/frames.ts";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import { openCommitLog } from "../testing/cluster_node.ts";
import { FakeLog, FakeStore } from "../testing/fake_store.ts";
import { enterAs, type RawClient, say } from "../testing/raw_peer.ts";
import { startServer, type TestServerOptions } from "../testing/test_server.ts";
import { waitFor } from "../testing/waiting.ts";

/** A server, and its commit log. */
interface Node {
  readonly server: ChatServer;
  readonly commitLog: ReplicatedCommitLog;
}

async function openNode(log: FakeLog, nodeId: bigint, options: TestServerOptions = {}): Promise<Node> {
  const commitLog = await openCommitLog(new FakeStore(log), nodeId, { unavailableAfterMs: 20 });
  const server = startServer({ commitLog, room: { graceMs: 30 }, timeouts: { shutdownMs: 50 }, ...options });
  commitLog.onStalled = (isUnavailable) => server.broadcastStalled({ isResolved: !isUnavailable });
  return { server, commitLog };
}

/** The nodes of one room, and the clients that have joined them. */
class Nodes implements AsyncDisposable {
  readonly log = new FakeLog();
  readonly #nodes: Node[] = [];
  readonly #clients = new DisposableStack();

  /** Adds a node with each of these options. */
  async open(...options: TestServerOptions[]): Promise<[Node, Node, Node]> {
    for (const own of options) {
      this.#nodes.push(await openNode(this.log, BigInt(this.#nodes.length + 1), own));
    }
    return this.#nodes as [Node, Node, Node];
  }

  async enter({ server }: Node, nick: string, hello?: Partial<Hello>): Promise<RawClient> {
    const client = await enterAs(nick, server, hello);
    this.#clients.use(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#clients.dispose();
    for (const { server, commitLog } of this.#nodes) {
      await server.close();
      await commitLog.close();
    }
  }
}

/** What a client reads up to the message with this text, its history included. */
async function readUpTo(client: RawClient, text: string): Promise<string[]> {
  const read: string[] = [];
  const found = [...client.history];
  for (;;) {
    const message = found.shift() ?? await client.receive();
    if (!message) throw new Error(`The end came before ${text}`);
    if (message.type === "ping" || message.type === "stalled") continue;
    const entry = message as LogEntry & { nick?: string; text?: string };
    read.push(`${entry.seq} ${entry.type} ${entry.nick ?? ""} ${entry.text ?? ""}`.trim());
    if (entry.text === text) return read;
  }
}

Deno.test("ChatServer nodes show a message that one of them took as the same entry", async () => {
  await using nodes = new Nodes();
  const [one, other] = await nodes.open({}, {});
  const ana = await nodes.enter(one, "ana");
  const beto = await nodes.enter(other, "beto");
  assertEquals(beto.welcome.members.map(({ nick }) => nick), ["ana", "beto"]);
  await ana.send(say(1));
  await beto.send(say(1, "u1"));
  await waitFor(() => [one, other].every(({ server }) => server.log.head === 4));
  const read = await Promise.all([one, other].map(async (node, index) => {
    const eva = await nodes.enter(node, `eva${index}`, { lagMs: 10_000 });
    return (await readUpTo(eva, "u1")).slice(0, 4);
  }));
  assertEquals(read[0], read[1]);
});

const LONG_GRACE = { room: { graceMs: 10_000 } };

Deno.test("ChatServer nodes announce nothing of a member that moves, who reads on", async () => {
  await using nodes = new Nodes();
  const [one, other] = await nodes.open(LONG_GRACE, LONG_GRACE);
  const beto = await nodes.enter(other, "beto");
  const before = await nodes.enter(one, "ana");
  await before.send(say(1));
  await readUpTo(before, "t1");
  before[Symbol.dispose]();
  const { logId } = before.welcome;
  const nextSeq = one.server.log.head;
  await beto.send(say(1, "meanwhile"));
  const after = await nodes.enter(other, "ana", { lagMs: 5, resumePoints: [{ logId, nextSeq }] });
  const { welcome } = after;
  assertEquals([welcome.logId, welcome.lastClientSeq, welcome.startSeq], [logId, 1, nextSeq]);
  const read = await readUpTo(after, "meanwhile");
  assert(read.every((line) => !/joined ana|left/.test(line)), read.join("\n"));
  // Nor does the server that they left, when the grace is over.
  await after.send(say(2, "here"));
  assert((await readUpTo(beto, "here")).every((line) => !line.includes("left")));
});

Deno.test("ChatServer nodes take a message once that two of them are sent", async () => {
  await using nodes = new Nodes();
  const [one, other] = await nodes.open({}, {});
  const eva = await nodes.enter(one, "eva");
  const ana = await nodes.enter(one, "ana");
  nodes.log.isDown = true;
  await ana.send(say(1), say(2));
  await waitFor(() => one.commitLog.isUnavailable);
  ana[Symbol.dispose]();
  nodes.log.isDown = false;
  const again = await nodes.enter(other, "ana", { lagMs: 5 });
  const resent = [1, 2].filter((n) => n > again.welcome.lastClientSeq).map((n) => say(n));
  await again.send(...resent, say(3, "last"));
  const texts = (await readUpTo(eva, "last")).filter((line) => line.includes("said"));
  assertEquals(texts.map((line) => line.split(" ").at(-1)), ["t1", "t2", "last"]);
});

Deno.test("ChatServer.nodeDown() removes the members of a node that died, but those who are back", async () => {
  await using nodes = new Nodes();
  const [one, other, third] = await nodes.open({}, {}, {});
  const eva = await nodes.enter(other, "eva");
  for (const nick of ["ana", "beto"]) await nodes.enter(one, nick);
  // As a process that is killed: without a word to any client.
  await one.commitLog.close();
  await one.server.close();
  const back = await nodes.enter(third, "ana", { lagMs: 5 });
  await waitFor(() => new Set(other.server.nodeIds).has(3n));
  assertEquals(new Set(other.server.nodeIds), new Set([1n, 2n, 3n]));
  for (const { server } of [other, third]) server.nodeDown(1n);
  await back.send(say(1, "end"));
  const left = (await readUpTo(eva, "end")).filter((line) => line.includes("left"));
  assertEquals(left.map((line) => line.split(" ").slice(1).join(" ")), ["left beto"]);
});

Deno.test("ChatServer.kick() closes the connection that a member has to another node", async () => {
  await using nodes = new Nodes();
  const [one, other] = await nodes.open({}, {});
  const ana = await nodes.enter(one, "ana");
  await waitFor(() => other.server.kick("ana", "why") !== undefined);
  assertEquals((await ana.expect("left")).kicked, true);
  assertEquals((await ana.expect("error")).code, "kicked");
});

Deno.test("ChatServer asks a client with BYE to come again whose node was called down", async () => {
  await using nodes = new Nodes();
  const [one, other] = await nodes.open({}, {});
  const ana = await nodes.enter(one, "ana");
  await waitFor(() => [...other.server.members].length === 1);
  other.server.nodeDown(1n);
  assertEquals((await ana.expect("left")).connectionLost, true);
  await ana.expect("bye");
});

const NAMED = [{ backups: ["x:1", "y:1"] }, { backups: ["x:1"] }];

Deno.test("ChatServer nodes share the backups of --backup and /backup, behind the nodes that come and go", async () => {
  await using nodes = new Nodes();
  const [one, other] = await nodes.open(...NAMED);
  const ana = await nodes.enter(other, "ana");
  const untilAnnounced = async (...expected: string[]) => {
    while ((await ana.expect("backups")).backups.join() !== expected.join());
  };
  for (const { server } of [one, other]) server.publishOwnBackups();
  await untilAnnounced("x:1", "y:1");
  for (let n = 0; n < 20; n++) {
    other.server.setClusterServers(["a:1", `b:${n}`]);
    await untilAnnounced("a:1", `b:${n}`, "x:1", "y:1");
  }
  await waitFor(() => one.server.clusterServers.includes("b:19"));
  one.server.addBackup("z:2");
  await untilAnnounced("a:1", "b:19", "x:1", "y:1", "z:2");
  const code = (backup: string) => assertThrows(() => one.server.removeBackup(backup), InputError).code;
  assertEquals(code("a:1"), "backup-serves");
  one.server.removeBackup("x:1");
  await untilAnnounced("a:1", "b:19", "y:1", "z:2");
  assertEquals(code("x:1"), "backup-unknown");
  const [, , third] = await nodes.open({});
  for (const [index, node] of [one, other, third].entries()) {
    const { welcome } = await nodes.enter(node, `eva${index}`);
    assertEquals(new Set(welcome.backups), new Set(["a:1", "b:19", "y:1", "z:2"]));
  }
  assertEquals(third.server.clusterServers, ["a:1", "b:19"]);
});

Deno.test("ChatServer.broadcastStalled() tells clients that nothing is stored, and of the end those who knew", async () => {
  await using nodes = new Nodes();
  const [one] = await nodes.open({});
  const ana = await nodes.enter(one, "ana");
  nodes.log.isDown = true;
  await ana.send(say(1));
  assertEquals((await ana.expect("stalled")).resolved, false);
  const refused = await nodes.enter(one, "beto").then(() => "joined", (error) => `${error.message}`);
  assert(refused.includes("store-away"), refused);
  one.server.broadcastStalled({ isResolved: false }); // once is enough
  nodes.log.isDown = false;
  const then = [await ana.receive(), await ana.receive()];
  assertEquals(then.map((message) => message!.type).sort(), ["said", "stalled"]);
  assert(then.some((message) => message!.type === "stalled" && message.resolved));
  const eva = await nodes.enter(one, "eva");
  one.server.broadcastStalled({ isResolved: true });
  await eva.send(say(1, "here"));
  assertEquals((await eva.receive())!.type, "said");
});
