// Membership: the lease of this node, and the nodes that have none any more.

import { assertEquals } from "@std/assert";
import { FailureDetector, Membership, type MembershipHost } from "../../lib/cluster/membership.ts";
import { clusterConfig } from "../testing/cluster_node.ts";
import { FakeLeases } from "../testing/fake_store.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, waitFor } from "../testing/waiting.ts";

const DETECTIONS = [
  ["calls a node down once it has had no lease for suspectMs", [[0], [99], [100, "down"], [150, "down"]]],
  ["starts over when the node has a lease", [[0], [90, "lease"], [110], [209], [210, "down"]]],
  ["starts over when the leases could not be read", [[0], [99, "reset"], [100], [199], [200, "down"]]],
  ["forgets a node that is not watched for a while", [[0], [100, "unwatched"], [150], [250, "down"]]],
] as const;

for (const [what, steps] of DETECTIONS) {
  Deno.test(`FailureDetector.update() ${what}`, pure, () => {
    const detector = new FailureDetector<bigint>(100);
    for (const [nowMs, what] of steps) {
      if (what === "reset") {
        detector.reset();
        continue;
      }
      const living = new Set(what === "lease" ? [1n, 2n] : [2n]);
      const down = detector.update(what === "unwatched" ? [] : [1n, 2n, 1n], { living, nowMs });
      assertEquals(down, what === "down" ? [1n] : [], `${nowMs}`);
    }
  });
}

Deno.test("suspectMs is 5 s, and renewMs 2 s", pure, () => {
  assertEquals([clusterConfig().suspectMs, clusterConfig().renewMs], [5_000, 2_000]);
});

/** The membership of node 5, its leases, its clock and what its host was called with. */
async function joinCluster({ suspectMs = 0, advertiseMs = 0 } = {}) {
  const leases = new FakeLeases();
  const time = { nowMs: 0 };
  const membership = await Membership.join(
    { leases, nodeId: 5n },
    clusterConfig({ renewMs: 5, suspectMs, advertiseMs }),
    () => ({ wallMs: 0, monotonicMs: time.nowMs }),
  );
  const down: bigint[] = [];
  const polls: { addresses: string[]; isLeader: boolean }[] = [];
  const clusterServers: string[] = [];
  const host: MembershipHost = {
    nodeIds: [5n, 7n, 7n, 9n],
    clusterServers,
    nodeDown: (nodeId) => down.push(nodeId),
  };
  membership.onNodesChanged = (addresses, { isLeader }) =>
    polls.push({ addresses: [...addresses], isLeader });
  /** The last poll after this many more, at a time of its clock. */
  const pollAt = async (nowMs: number) => {
    time.nowMs = nowMs;
    const { length } = polls;
    await waitFor(() => polls.length > length + 1);
    return polls.at(-1)!;
  };
  const failPoll = async () => {
    leases.isDown = true;
    const { attempts } = leases;
    await waitFor(() => leases.attempts > attempts + 1);
    leases.isDown = false;
  };
  return { leases, membership, host, down, polls, clusterServers, pollAt, failPoll };
}

Deno.test("Membership takes its lease before it polls, renews it with its address, and releases it", async () => {
  const { leases, membership, host, polls } = await joinCluster();
  assertEquals(leases.addresses, [""]);
  membership.ownAddress = "a:1";
  membership.start(host);
  await waitFor(() => leases.renewals >= 4);
  assertEquals(leases.addresses.slice(1, 3), ["a:1", "a:1"]);
  await membership[Symbol.asyncDispose]();
  assertEquals(leases.isReleased, true);
  const { length } = polls;
  const { attempts } = leases;
  membership.start(host);
  await flushTasks();
  assertEquals([polls.length, leases.attempts], [length, attempts]);
});

Deno.test("Membership releases its lease after a renewal that is under way", async () => {
  const { leases, membership, host, polls } = await joinCluster();
  const renewal = Promise.withResolvers<void>();
  leases.renew = () => renewal.promise;
  membership.start(host);
  const ending = membership[Symbol.asyncDispose]();
  await flushTasks();
  assertEquals(leases.isReleased, false);
  renewal.resolve();
  await ending;
  assertEquals([leases.isReleased, polls], [true, []]);
});

Deno.test("Membership calls nodeDown() for the nodes without a lease, except this one", async () => {
  const { leases, membership, host, down } = await joinCluster();
  leases.nodes.set(9n, "b:2");
  membership.start(host);
  await waitFor(() => down.length > 0);
  await membership[Symbol.asyncDispose]();
  assertEquals(new Set(down), new Set([7n]));
});

Deno.test("Membership calls no node down while it could not read the leases, and polls again", async () => {
  const { membership, host, down, pollAt, failPoll } = await joinCluster({ suspectMs: 100 });
  membership.start(host);
  await pollAt(0);
  await failPoll();
  await pollAt(150);
  assertEquals(down, []);
  await pollAt(250);
  assertEquals(new Set(down), new Set([7n, 9n]));
  await membership[Symbol.asyncDispose]();
});

Deno.test("Membership.onNodesChanged gets the addresses of the nodes, and whether this one is the leader", async () => {
  const { leases, membership, host, polls, pollAt } = await joinCluster();
  for (const [node, address] of [[9n, "b:2"], [5n, "a:1"], [7n, ""], [8n, "b:2"]] as const) {
    leases.nodes.set(node, address);
  }
  membership.start(host);
  await waitFor(() => polls.length > 0);
  assertEquals(polls[0], { addresses: ["b:2", "a:1"], isLeader: true });
  leases.nodes.set(2n, "c:3");
  assertEquals(await pollAt(0), { addresses: ["b:2", "a:1", "c:3"], isLeader: false });
  await membership[Symbol.asyncDispose]();
});

Deno.test("Membership advertises a node without a lease for advertiseMs", async () => {
  const { leases, membership, host, clusterServers, pollAt, failPoll } = await joinCluster({
    advertiseMs: 100,
  });
  clusterServers.push("b:2", "c:3");
  leases.nodes.set(5n, "a:1").set(9n, "c:3");
  const advertisedAt = async (nowMs: number) => (await pollAt(nowMs)).addresses;
  membership.start(host);
  assertEquals(await advertisedAt(0), ["b:2", "c:3", "a:1"]);
  assertEquals(await advertisedAt(99), ["b:2", "c:3", "a:1"]);
  assertEquals(await advertisedAt(100), ["c:3", "a:1"]);
  // How long it was down is unknown while the leases could not be read.
  leases.nodes.set(7n, "b:2");
  await pollAt(150);
  leases.nodes.delete(7n);
  await pollAt(200);
  await failPoll();
  assertEquals(await advertisedAt(320), ["b:2", "c:3", "a:1"]);
  assertEquals(await advertisedAt(420), ["c:3", "a:1"]);
  await membership[Symbol.asyncDispose]();
});
