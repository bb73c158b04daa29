// Checkpoints of a shared log: when one is written, which is of use, and what becomes of one too long.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { NatsError } from "../../lib/errors.ts";
import { decodeSnapshot, encodeSnapshot } from "../../lib/cluster/nats_checkpoint.ts";
import { FakeLog } from "./fake_store.ts";
import { ClusterNode, encodeBlock, joined, said } from "./cluster_node.ts";
import { waitFor } from "../support.ts";

Deno.test("One of the servers writes a checkpoint when one is due", async () => {
  const log = new FakeLog();
  await using one = await ClusterNode.open(log, 1n, { snapshotEntries: 5 });
  await using other = await ClusterNode.open(log, 2n, { snapshotEntries: 5 });
  one.say(...[1, 2, 3, 4, 5].map((n) => said(1n, n)));
  await waitFor(() => log.records.length === 3);
  other.say(said(2n, 1));
  await waitFor(() => one.applied.length === 6 && other.applied.length === 6);
  assertEquals(log.records.map(({ isSnapshot }) => isSnapshot), [true, false, true, false]);
});

Deno.test("A checkpoint with something missing behind it is of no use, a later one is", async () => {
  const log = new FakeLog();
  const snapshot = (position: number, seq: number) =>
    encodeSnapshot({ logId: 3n, position, seq, batchSeqs: new Map(), events: [] });
  for (let i = 0; i < 5; i++) log.inject(new Uint8Array());
  log.inject(snapshot(2, 10), { isSnapshot: true });
  log.inject(snapshot(6, 20), { isSnapshot: true });
  log.first = 5;
  {
    await using server = await ClusterNode.open(log, 1n);
    assertEquals([server.commitLog.logId, server.commitLog.firstSeq], [3n, 20]);
  }
  // If there is no later one, an earlier one does.
  for (let i = 0; i < 40; i++) log.inject(new Uint8Array(1_000_000));
  log.inject(snapshot(0, 0), { isSnapshot: true });
  await using server = await ClusterNode.open(log, 1n);
  assertEquals(server.commitLog.firstSeq, 20);
});

Deno.test("A checkpoint is written once an hour though nothing happens, and not more often", async () => {
  const log = new FakeLog();
  let wallMs = log.timeMs;
  await using server = await ClusterNode.open(log, 1n, {
    clock: () => ({ wallMs, monotonicMs: performance.now() }),
  });
  server.commitLog.snapshotIfDue();
  wallMs += 3_599_999;
  server.commitLog.snapshotIfDue();
  await waitFor(() => true);
  assertEquals(log.records.length, 1);
  wallMs += 1;
  server.commitLog.snapshotIfDue();
  await waitFor(() => log.records.length === 2);
  assertEquals(decodeSnapshot(log.records[1]!.bytes).seq, 0);
});

Deno.test("What is no checkpoint makes nothing, and one of a later version ends the server, or its start", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  for (const junk of [[], [1, 2, 3], [0xff, 0xff, 0xff, 0xff, 0x50]]) {
    log.inject(new Uint8Array(junk), { isSnapshot: true });
  }
  server.say(said(1n, 1));
  await waitFor(() => server.applied.length === 1);
  {
    await using other = await ClusterNode.open(log, 2n);
    assertEquals([other.texts, other.commitLog.logId], [["0:1.1"], 101n]);
    await using last = await ClusterNode.open(onlyFrom(log, 2), 3n);
    assertEquals(last.commitLog.logId, 103n);
  }
  const newer = log.records[0]!.bytes.slice();
  newer[5]!++;
  log.inject(newer, { isSnapshot: true });
  await waitFor(() => server.news.length > 0);
  assertEquals((server.news[0] as NatsError).code, "nats-newer");
  const error = await assertRejects(() => ClusterNode.open(log, 4n, { openTimeoutMs: 60_000 }), NatsError);
  assertEquals(error.code, "nats-newer");
});

Deno.test("A checkpoint of what the store has lost since is of no use", async () => {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 1n);
  writer.say(said(1n, 1));
  await waitFor(() => writer.applied.length === 1);
  const lost = { logId: 101n, position: 9, seq: 8, batchSeqs: new Map([[1n, 1]]), events: [] };
  log.inject(encodeSnapshot(lost), { isSnapshot: true });
  await using server = await ClusterNode.open(onlyLast(log), 2n);
  assertEquals([server.commitLog.firstSeq, server.texts], [0, ["0:1.1"]]);
});

/** A log of which a server that starts finds the last checkpoint first. */
function onlyLast(log: FakeLog): FakeLog {
  for (let i = 0; i < 8; i++) log.inject(new Uint8Array(4_000_000));
  return log;
}

/** What is left of a log when what lies before a position is forgotten. */
function onlyFrom({ records }: FakeLog, first: number): FakeLog {
  const log = new FakeLog();
  log.records.push(...records);
  log.first = first;
  return log;
}

Deno.test("A checkpoint too long to be stored is told of, and again when it has doubled; nothing is forgotten meanwhile", async () => {
  const log = new FakeLog();
  const told: number[] = [];
  await using server = await ClusterNode.open(log, 1n, {
    snapshotEntries: 2,
    onSnapshotTooLarge: (bytes) => told.push(bytes),
  });
  server.store.maxBytes = 400;
  const come = async (from: bigint, to: bigint) => {
    for (let n = from; n <= to; n++) {
      server.say(joined(n, 1n));
      await waitFor(() => server.applied.length === Number(n));
    }
  };
  const snapshots = () => log.records.filter(({ isSnapshot }) => isSnapshot);
  await come(1n, 4n);
  assertEquals([told, log.keepsAll], [[], false]);
  await come(5n, 20n);
  assert(told.length === 2 && told[0]! > 400 && told[1]! >= 2 * told[0]!, `${told}`);
  assert(snapshots().length > 1 && snapshots().every(({ bytes }) => bytes.length <= 400));
  assertEquals(log.keepsAll, true);
  // Somebody has raised what is too long.
  server.store.maxBytes = 100_000;
  await come(21n, 22n);
  await waitFor(() => !log.keepsAll);
  assertEquals(decodeSnapshot(snapshots().at(-1)!.bytes).events.length, 22);
});

Deno.test("A checkpoint that is too long by the time that it can be stored is told of, and given up", async () => {
  const log = new FakeLog();
  const told: number[] = [];
  await using server = await ClusterNode.open(log, 1n, {
    snapshotEntries: 1,
    unavailableAfterMs: 5,
    onSnapshotTooLarge: (bytes) => told.push(bytes),
  });
  const { append } = server.store;
  // Nothing that is longer than what the store takes is ever stored.
  server.store.append = (bytes, job) =>
    bytes.length > server.store.maxBytes
      ? Promise.reject(new Error("max"))
      : append.call(server.store, bytes, job);
  log.faults.push("none", "lost");
  server.say(...Array.from({ length: 20 }, (_, n) => joined(BigInt(n + 1), 1n)));
  await waitFor(() => log.appends === 3); // the room's beginning, the block, and the checkpoint in vain
  await waitFor(() => server.commitLog.isUnavailable);
  server.store.maxBytes = 400;
  await waitFor(() => !server.commitLog.isUnavailable);
  server.say(said(1n, 1));
  await waitFor(() => server.applied.length === 21);
  assert(told.length === 1 && told[0]! > 400, `${told}`);
  assertEquals(log.records.map(({ isSnapshot }) => isSnapshot), [true, false, false]);
});

Deno.test("A checkpoint too long is not made anew for every block", async () => {
  const log = new FakeLog();
  let asked = 0;
  await using server = await ClusterNode.open(log, 1n, { snapshotEntries: 10 });
  Object.defineProperty(server.store, "maxBytes", { get: () => (asked++, 300) });
  for (let n = 1n; n <= 40n; n++) {
    server.say(joined(n, 1n));
    await waitFor(() => server.applied.length === Number(n));
  }
  // Each block asks once, and each checkpoint.
  assertEquals(asked, 44);
});

Deno.test("The last of 256 servers are known by their numbers, whoever was heard of first", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n, { snapshotEntries: 302 });
  for (let id = 2n; id <= 300n; id++) {
    log.inject(encodeBlock(id, said(id, 1)));
    if (id === 200n) log.inject(encodeBlock(2n, said(2n, 2), 2));
  }
  await waitFor(() => server.applied.length === 300);
  server.say(said(1n, 1), said(1n, 2));
  await waitFor(() => log.records.at(-1)!.isSnapshot);
  const { batchSeqs } = decodeSnapshot(log.records.at(-1)!.bytes);
  const latest = Array.from({ length: 254 }, (_, index) => BigInt(index + 47));
  assertEquals([...batchSeqs.keys()].sort((a, b) => Number(a - b)), [1n, 2n, ...latest]);
  assertEquals([batchSeqs.get(2n), batchSeqs.get(47n)], [2, 1]);
});
