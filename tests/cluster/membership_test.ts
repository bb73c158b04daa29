import { assertEquals } from "@std/assert";
import { Membership, type MembershipListener } from "../../lib/cluster/membership.ts";
import { FakeLeases } from "./fake_store.ts";
import { waitFor } from "../support.ts";

/** A server with id 5, some others, and what it is told. */
async function cluster(
  { renewMs = 5, suspectMs = 0, advertiseMs = 0, time = { nowMs: 0 } } = {},
) {
  const leases = new FakeLeases();
  const membership = await Membership.join(leases, {
    nodeId: 5n,
    clock: () => ({ wallMs: 0, monotonicMs: time.nowMs }),
    renewMs,
    suspectMs,
    advertiseMs,
  });
  const gone: bigint[] = [];
  const told: (readonly [string[], boolean])[] = [];
  const offered: string[] = [];
  const listener: MembershipListener = {
    nodeIds: () => [5n, 7n, 7n, 9n],
    onNodeDown: (server) => gone.push(server),
    advertised: () => offered,
    onNodesChanged: (addresses, { isLeader }) => told.push([[...addresses], isLeader]),
  };
  return { leases, membership, listener, gone, told, offered };
}

Deno.test("A server takes its lease before it watches, renews it, and gives it back", async () => {
  const { leases, membership, listener } = await cluster();
  assertEquals(leases.renewals, 1);
  membership.start(listener);
  await waitFor(() => leases.renewals >= 4);
  await membership[Symbol.asyncDispose]();
  assertEquals(leases.hasEnded, true);
});

Deno.test("Servers without a lease are gone, this one excepted", async () => {
  const { leases, membership, listener, gone } = await cluster();
  leases.servers.set(9n, "b:2");
  membership.start(listener);
  await waitFor(() => gone.length > 0);
  await membership[Symbol.asyncDispose]();
  assertEquals(new Set(gone), new Set([7n]));
});

Deno.test("Nobody is gone for one who could not look meanwhile, and it looks again", async () => {
  const time = { nowMs: 0 };
  const { leases, membership, listener, gone, told } = await cluster({ suspectMs: 100, time });
  membership.start(listener);
  await waitFor(() => told.length > 0);
  leases.isDown = true;
  const { attempts } = leases;
  await waitFor(() => leases.attempts > attempts + 1);
  time.nowMs = 150;
  leases.isDown = false;
  const before = told.length;
  await waitFor(() => told.length > before + 1);
  assertEquals(gone, []);
  time.nowMs = 250;
  await waitFor(() => gone.length > 0);
  await membership[Symbol.asyncDispose]();
});

Deno.test("It knows the addresses of those that have one, and whether it is the first", async () => {
  const { leases, membership, listener, told } = await cluster();
  for (const [server, address] of [[9n, "b:2"], [5n, "a:1"], [7n, ""], [8n, "b:2"]] as const) {
    leases.servers.set(server, address);
  }
  membership.start(listener);
  await waitFor(() => told.length > 0);
  leases.servers.set(2n, "c:3");
  await waitFor(() => told.at(-1)?.[1] === false);
  await membership[Symbol.asyncDispose]();
  assertEquals(told[0], [["b:2", "a:1"], true]);
  assertEquals(told.at(-1)![0].includes("c:3"), true);
});

Deno.test("Clients are told of a server without a lease for a while, and then no more", async () => {
  const time = { nowMs: 0 };
  const { leases, membership, listener, told, offered } = await cluster({ advertiseMs: 100, time });
  offered.push("b:2", "c:3");
  leases.servers.set(5n, "a:1").set(9n, "c:3");
  const looksAt = async (nowMs: number) => {
    time.nowMs = nowMs;
    const { length } = told;
    await waitFor(() => told.length > length + 1);
    return told.at(-1)![0];
  };
  membership.start(listener);
  assertEquals(await looksAt(0), ["b:2", "c:3", "a:1"]);
  assertEquals(await looksAt(99), ["b:2", "c:3", "a:1"]);
  assertEquals(await looksAt(100), ["c:3", "a:1"]);
  // Nobody knows how long it was gone while nobody could look.
  leases.servers.set(7n, "b:2");
  await looksAt(150);
  leases.servers.delete(7n);
  await looksAt(200);
  leases.isDown = true;
  const { attempts } = leases;
  await waitFor(() => leases.attempts > attempts + 1);
  leases.isDown = false;
  assertEquals(await looksAt(320), ["b:2", "c:3", "a:1"]);
  assertEquals(await looksAt(420), ["c:3", "a:1"]);
  await membership[Symbol.asyncDispose]();
});
