// Snapshots of the cluster's log: when one is written, which one a node starts from, and those that are too large.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { NatsError } from "../../lib/errors.ts";
import { decodeSnapshot, encodeSnapshot } from "../../lib/cluster/store.ts";
import { FakeLog } from "../testing/fake_store.ts";
import { ClusterNode, encodeBatch, joined, said } from "../testing/cluster_node.ts";
import { waitFor } from "../testing/waiting.ts";

Deno.test("One of the nodes writes a snapshot when one is due", async () => {
  const log = new FakeLog();
  await using one = await ClusterNode.open(log, 1n, { snapshotEvents: 5 });
  await using other = await ClusterNode.open(log, 2n, { snapshotEvents: 5 });
  one.propose(...[1, 2, 3, 4, 5].map((n) => said(1n, n)));
  await waitFor(() => log.records.length === 3);
  other.propose(said(2n, 1));
  await waitFor(() => one.applied.length === 6 && other.applied.length === 6);
  assertEquals(log.records.map(({ isSnapshot }) => isSnapshot), [true, false, true, false]);
});

Deno.test("A snapshot with records missing after it is not used, a later one is", async () => {
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
  // An earlier one if there is no later one.
  for (let i = 0; i < 40; i++) log.inject(new Uint8Array(1_000_000));
  log.inject(snapshot(0, 0), { isSnapshot: true });
  await using server = await ClusterNode.open(log, 1n);
  assertEquals(server.commitLog.firstSeq, 20);
});

Deno.test("A snapshot is written once an hour though nothing happens, and not more often", async () => {
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

Deno.test("A record that is no snapshot is a no-op, and one of a later version ends the node, or its start", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  for (const junk of [[], [1, 2, 3], [0xff, 0xff, 0xff, 0xff, 0x50]]) {
    log.inject(new Uint8Array(junk), { isSnapshot: true });
  }
  server.propose(said(1n, 1));
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

Deno.test("A snapshot of records that the store has lost since is not used", async () => {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 1n);
  writer.propose(said(1n, 1));
  await waitFor(() => writer.applied.length === 1);
  const lost = { logId: 101n, position: 9, seq: 8, batchSeqs: new Map([[1n, 1]]), events: [] };
  log.inject(encodeSnapshot(lost), { isSnapshot: true });
  await using server = await ClusterNode.open(onlyLast(log), 2n);
  assertEquals([server.commitLog.firstSeq, server.texts], [0, ["0:1.1"]]);
});

/** A log in which a node that starts finds the last snapshot first. */
function onlyLast(log: FakeLog): FakeLog {
  for (let i = 0; i < 8; i++) log.inject(new Uint8Array(4_000_000));
  return log;
}

/** What is left of a log when the records before a position are forgotten. */
function onlyFrom({ records }: FakeLog, first: number): FakeLog {
  const log = new FakeLog();
  log.records.push(...records);
  log.first = first;
  return log;
}

Deno.test("A snapshot too large to be stored is reported, and again when it has doubled; the stream keeps all records meanwhile", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n, { snapshotEvents: 2 });
  const told = server.tooLargeBytes;
  server.store.maxBytes = 400;
  const come = async (from: bigint, to: bigint) => {
    for (let n = from; n <= to; n++) {
      server.propose(joined(n, 1n));
      await waitFor(() => server.applied.length === Number(n));
    }
  };
  const snapshots = () => log.records.filter(({ isSnapshot }) => isSnapshot);
  await come(1n, 4n);
  assertEquals([told, log.isUnlimited], [[], false]);
  await come(5n, 20n);
  assert(told.length === 2 && told[0]! > 400 && told[1]! >= 2 * told[0]!, `${told}`);
  assert(snapshots().length > 1 && snapshots().every(({ bytes }) => bytes.length <= 400));
  assertEquals(log.isUnlimited, true);
  // The operator has raised the limit.
  server.store.maxBytes = 100_000;
  await come(21n, 22n);
  await waitFor(() => !log.isUnlimited);
  assertEquals(decodeSnapshot(snapshots().at(-1)!.bytes).events.length, 22);
});

Deno.test("A snapshot that is too large by the time that it can be stored is reported, and dropped", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n, { snapshotEvents: 1, unavailableAfterMs: 5 });
  const told = server.tooLargeBytes;
  const { append } = server.store;
  // As NATS does.
  server.store.append = (bytes, job) =>
    bytes.length > server.store.maxBytes
      ? Promise.reject(new Error("max"))
      : append.call(server.store, bytes, job);
  log.faults.push("none", "lost");
  server.propose(...Array.from({ length: 20 }, (_, n) => joined(BigInt(n + 1), 1n)));
  await waitFor(() => log.appends === 3); // the genesis, the batch, and the snapshot in vain
  await waitFor(() => server.commitLog.isUnavailable);
  server.store.maxBytes = 400;
  await waitFor(() => !server.commitLog.isUnavailable);
  server.propose(said(1n, 1));
  await waitFor(() => server.applied.length === 21);
  assert(told.length === 1 && told[0]! > 400, `${told}`);
  assertEquals(log.records.map(({ isSnapshot }) => isSnapshot), [true, false, false]);
});

Deno.test("A snapshot that is too large is not made anew for every batch", async () => {
  const log = new FakeLog();
  let asked = 0;
  await using server = await ClusterNode.open(log, 1n, { snapshotEvents: 10 });
  Object.defineProperty(server.store, "maxBytes", { get: () => (asked++, 300) });
  for (let n = 1n; n <= 40n; n++) {
    server.propose(joined(n, 1n));
    await waitFor(() => server.applied.length === Number(n));
  }
  // Once per batch and per snapshot.
  assertEquals(asked, 44);
});

Deno.test("The last batches of 256 nodes are remembered, those that were stored last", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n, { snapshotEvents: 302 });
  for (let id = 2n; id <= 300n; id++) {
    log.inject(encodeBatch(id, said(id, 1)));
    if (id === 200n) log.inject(encodeBatch(2n, said(2n, 2), 2));
  }
  await waitFor(() => server.applied.length === 300);
  server.propose(said(1n, 1), said(1n, 2));
  await waitFor(() => log.records.at(-1)!.isSnapshot);
  const { batchSeqs } = decodeSnapshot(log.records.at(-1)!.bytes);
  const latest = Array.from({ length: 254 }, (_, index) => BigInt(index + 47));
  assertEquals([...batchSeqs.keys()].sort((a, b) => Number(a - b)), [1n, 2n, ...latest]);
  assertEquals([batchSeqs.get(2n), batchSeqs.get(47n)], [2, 1]);
});
