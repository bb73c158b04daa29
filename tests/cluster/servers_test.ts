// ChatServers that are nodes of one room: each shows the same events in the same order, and members move between them.

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ReplicatedCommitLog } from "../../lib/cluster/commit_log.ts";
import { InputError } from "../../lib/errors.ts";
import type { Hello } from "../../lib/protocol/frames.ts";
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
  await waitFor(() => !one.server.backups.includes("x:1"));
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
