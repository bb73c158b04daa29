import { assertEquals } from "@std/assert";
import { Membership, type MembershipHost } from "../../lib/cluster/membership.ts";
import { clusterConfig } from "../testing/cluster_node.ts";
import { FakeLeases } from "../testing/fake_store.ts";
import { waitFor } from "../testing/waiting.ts";

/** The membership of node 5, its leases and what its host was called with. */
async function cluster(
  { renewMs = 5, suspectMs = 0, advertiseMs = 0, time = { nowMs: 0 } } = {},
) {
  const leases = new FakeLeases();
  const membership = await Membership.join(
    { leases, nodeId: 5n },
    clusterConfig({ renewMs, suspectMs, advertiseMs }),
    () => ({ wallMs: 0, monotonicMs: time.nowMs }),
  );
  const down: bigint[] = [];
  const told: (readonly [string[], boolean])[] = [];
  const advertised: string[] = [];
  const host: MembershipHost = {
    nodeIds: [5n, 7n, 7n, 9n],
    clusterServers: advertised,
    nodeDown: (nodeId) => down.push(nodeId),
  };
  membership.onNodesChanged = (addresses, { isLeader }) => told.push([[...addresses], isLeader]);
  return { leases, membership, host, down, told, advertised };
}

Deno.test("A node takes its lease before it polls, renews it, and releases it", async () => {
  const { leases, membership, host } = await cluster();
  assertEquals(leases.renewals, 1);
  membership.start(host);
  await waitFor(() => leases.renewals >= 4);
  await membership[Symbol.asyncDispose]();
  assertEquals(leases.isReleased, true);
});

Deno.test("Nodes without a lease are down, this one excepted", async () => {
  const { leases, membership, host, down } = await cluster();
  leases.nodes.set(9n, "b:2");
  membership.start(host);
  await waitFor(() => down.length > 0);
  await membership[Symbol.asyncDispose]();
  assertEquals(new Set(down), new Set([7n]));
});

Deno.test("No node is down for one that could not read the leases meanwhile, and it polls again", async () => {
  const time = { nowMs: 0 };
  const { leases, membership, host, down, told } = await cluster({ suspectMs: 100, time });
  membership.start(host);
  await waitFor(() => told.length > 0);
  leases.isDown = true;
  const { attempts } = leases;
  await waitFor(() => leases.attempts > attempts + 1);
  time.nowMs = 150;
  leases.isDown = false;
  const before = told.length;
  await waitFor(() => told.length > before + 1);
  assertEquals(down, []);
  time.nowMs = 250;
  await waitFor(() => down.length > 0);
  await membership[Symbol.asyncDispose]();
});

Deno.test("It knows the addresses of nodes that have one, and whether it is the leader", async () => {
  const { leases, membership, host, told } = await cluster();
  for (const [server, address] of [[9n, "b:2"], [5n, "a:1"], [7n, ""], [8n, "b:2"]] as const) {
    leases.nodes.set(server, address);
  }
  membership.start(host);
  await waitFor(() => told.length > 0);
  leases.nodes.set(2n, "c:3");
  await waitFor(() => told.at(-1)?.[1] === false);
  await membership[Symbol.asyncDispose]();
  assertEquals(told[0], [["b:2", "a:1"], true]);
  assertEquals(told.at(-1)![0].includes("c:3"), true);
});

Deno.test("A node without a lease is advertised for a while, and then no more", async () => {
  const time = { nowMs: 0 };
  const { leases, membership, host, told, advertised } = await cluster({ advertiseMs: 100, time });
  advertised.push("b:2", "c:3");
  leases.nodes.set(5n, "a:1").set(9n, "c:3");
  const pollAt = async (nowMs: number) => {
    time.nowMs = nowMs;
    const { length } = told;
    await waitFor(() => told.length > length + 1);
    return told.at(-1)![0];
  };
  membership.start(host);
  assertEquals(await pollAt(0), ["b:2", "c:3", "a:1"]);
  assertEquals(await pollAt(99), ["b:2", "c:3", "a:1"]);
  assertEquals(await pollAt(100), ["c:3", "a:1"]);
  // While the leases could not be read nobody knows how long it was down.
  leases.nodes.set(7n, "b:2");
  await pollAt(150);
  leases.nodes.delete(7n);
  await pollAt(200);
  leases.isDown = true;
  const { attempts } = leases;
  await waitFor(() => leases.attempts > attempts + 1);
  leases.isDown = false;
  assertEquals(await pollAt(320), ["b:2", "c:3", "a:1"]);
  assertEquals(await pollAt(420), ["c:3", "a:1"]);
  await membership[Symbol.asyncDispose]();
});
