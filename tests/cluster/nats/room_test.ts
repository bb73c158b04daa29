// Rooms in NATS: the leases of the nodes in a bucket.

import { assertEquals, assertRejects } from "@std/assert";
import { millis } from "@nats-io/transport-node";
import type { Leases } from "../../../lib/cluster/store.ts";
import { openNatsRoom } from "../../../lib/cluster/nats/room.ts";
import { apiError, FakeJetStream } from "../../testing/fake_jetstream.ts";
import { waitFor, withTimeout } from "../../testing/waiting.ts";

const BUCKET = "KV_chat_aula";

/** Rooms on one NATS, one for each node. */
async function openRooms(nats: FakeJetStream, ...nodeIds: bigint[]) {
  const config = { servers: [nats.address], isTls: false };
  const rooms = await Promise.all(nodeIds.map((nodeId) => openNatsRoom(config, { room: "aula", nodeId })));
  const leases = rooms.map((room) => room.leases);
  return { rooms, leases, close: () => Promise.all(rooms.map((room) => room.close())) };
}

/** Runs a test with the leases of two nodes, 7 and 8. */
function leasesTest(
  title: string,
  run: (nats: FakeJetStream, one: Leases, other: Leases) => Promise<void>,
): void {
  Deno.test(title, async () => {
    using nats = new FakeJetStream();
    const { leases: [one, other], close } = await openRooms(nats, 7n, 8n);
    await run(nats, one!, other!);
    await close();
  });
}

leasesTest("NatsLeases.acquire() waits for a bucket that has no leader yet", async (nats, one) => {
  const puts = () => nats.subjects.filter((subject) => subject === "$KV.chat_aula.0000000000000007").length;
  // No NATS server subscribes to the subjects of a stream without a leader.
  nats.intercept = ({ subject }) => subject.startsWith("$KV.") && puts() < 3 ? "no-responders" : undefined;
  await one.acquire("a:1");
  assertEquals([puts(), await one.list()], [3, new Map([[7n, "a:1"]])]);
});

leasesTest("NatsLeases.acquire() gives its error a code", async (nats, one) => {
  nats.intercept = ({ subject }) => subject.startsWith("$KV.") ? apiError(10_047) : undefined;
  const error = await assertRejects(() => one.acquire("a:1"), Error);
  assertEquals([error.name, (error as Error & { code: string }).code], ["NatsModuleError", "nats-full"]);
});

leasesTest("NatsLeases.acquire() refuses another stream with the name of its bucket", async (nats, one) => {
  nats.streams.set(BUCKET, { config: { name: BUCKET, subjects: ["x"] }, messages: [], lastSeq: 0 });
  const error = await assertRejects(() => one.acquire("a:1"), Error);
  assertEquals((error as Error & { code: string }).code, "nats-other-stream");
});

Deno.test("NatsLeases.acquire() creates a bucket like the stream, whose keys expire after 6 s", async () => {
  using nats = new FakeJetStream();
  nats.info = { ...nats.info, cluster: "chat" };
  const { leases: [one], close } = await openRooms(nats, 7n);
  await one!.acquire("a:1");
  const { max_age, num_replicas, allow_direct, max_msgs_per_subject } = nats.configOf(BUCKET);
  assertEquals([millis(max_age as number), num_replicas], [6_000, 3]);
  assertEquals([allow_direct, max_msgs_per_subject], [false, 1]);
  await close();
});

leasesTest("NatsLeases.renew() creates a bucket anew that an operator has deleted", async (nats, one) => {
  await one.acquire("a:1");
  nats.streams.delete(BUCKET);
  await assertRejects(() => one.renew("a:1"), Error);
  await one.renew("a:1");
  assertEquals(await one.list(), new Map([[7n, "a:1"]]));
});

leasesTest("NatsLeases.list() finds the leases of others before this node has one", async (_, one, other) => {
  assertEquals(await one.list(), new Map());
  await other.acquire("b:2");
  assertEquals(await one.list(), new Map([[8n, "b:2"]]));
});

Deno.test("NatsLeases.list() reads an address again until the node has one, and a known one no more", async () => {
  using nats = new FakeJetStream();
  const { leases: [one, other], close } = await openRooms(nats, 7n, 0xffff_ffff_ffff_ffffn);
  await one!.acquire("a:1");
  await other!.acquire("");
  const reads = () => nats.subjects.filter((subject) => subject.includes("STREAM.MSG.GET")).length;
  assertEquals(await one!.list(), new Map([[7n, "a:1"], [0xffff_ffff_ffff_ffffn, ""]]));
  await other!.renew("b:2");
  const before = reads();
  for (let time = 0; time < 2; time++) {
    assertEquals(await one!.list(), new Map([[7n, "a:1"], [0xffff_ffff_ffff_ffffn, "b:2"]]));
  }
  assertEquals(reads(), before + 1);
  await close();
});

leasesTest("NatsLeases.list() skips a lease that expires meanwhile", async (nats, one, other) => {
  await one.acquire("a:1");
  await other.acquire("b:2");
  const gone = `"last_by_subj":"$KV.chat_aula.0000000000000007"`;
  nats.intercept = ({ body }) => new TextDecoder().decode(body).includes(gone) ? apiError(10_037) : undefined;
  assertEquals(await one.list(), new Map([[8n, "b:2"]]));
});

leasesTest("NatsLeases.release() removes the lease of this node alone", async (_, one, other) => {
  await one.acquire("a:1");
  await other.acquire("b:2");
  await one.release();
  assertEquals(await one.list(), new Map([[8n, "b:2"]]));
});

Deno.test("openNatsRoom() closes its connection if the stream is not a room's", async () => {
  using nats = new FakeJetStream();
  await (await openRooms(nats)).close();
  nats.streams.set("CHAT_aula", { config: { name: "CHAT_aula", subjects: ["x"] }, messages: [], lastSeq: 0 });
  const error = await assertRejects(() => openRooms(nats, 7n), Error);
  assertEquals((error as Error & { code: string }).code, "nats-other-stream");
  await waitFor(() => nats.clients === 0);
});

Deno.test("openNatsRoom() gives a room whose close() ends reads and the connection", async () => {
  using nats = new FakeJetStream();
  const { rooms: [room] } = await openRooms(nats, 7n);
  const reading = Array.fromAsync(room!.store.read(1));
  await waitFor(() => nats.subjects.some((subject) => subject.includes("CONSUMER.MSG.NEXT")));
  await room!.close();
  assertEquals(await withTimeout(reading, "the end of the read"), []);
  await waitFor(() => nats.clients === 0);
});
