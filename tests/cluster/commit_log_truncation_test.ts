// ReplicatedCommitLog: a log that was truncated, or has records of a later version, ends its nodes. Records that are
// neither batches nor snapshots do not.

import { assert, assertEquals } from "@std/assert";
import { decodeBatch, decodeSnapshot, encodeSnapshot, isGenesis } from "../../lib/cluster/store.ts";
import { FakeLog, FakeStore } from "../testing/fake_store.ts";
import { ClusterNode, encodeBatch, newer, openCommitLog, said } from "../testing/cluster_node.ts";
import { flushTasks, waitFor } from "../testing/waiting.ts";

Deno.test("ReplicatedCommitLog ignores a record that is no batch, and ends with `nats-newer` at one of a later version", async () => {
  const log = new FakeLog();
  await using node = await ClusterNode.open(log, 1n);
  for (const junk of [[], [1, 2, 3], [0, 0, 0, 9, 0x40], [0xff, 0xff, 0xff, 0xff, 0x40]]) {
    log.inject(new Uint8Array(junk));
  }
  await node.commit(said(1n, 1));
  assertEquals([node.texts, node.news], [["0:1.1"], []]);
  log.inject(newer(log.records.at(-1)!.bytes));
  assertEquals(await node.failure(), "nats-newer");
});

/** Stores a batch of a later version, and the next one of the same node. */
function injectNewer(log: FakeLog): void {
  const last = log.records.at(-1)!.bytes;
  const next = last.slice();
  next[17]!++; // batchSeq
  assertEquals(decodeBatch(next).batchSeq, decodeBatch(last).batchSeq + 1);
  log.inject(newer(last));
  log.inject(next);
}

Deno.test("ReplicatedCommitLog applies and stores nothing after a batch of a later version", async () => {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 1n);
  await using node = await ClusterNode.open(log, 2n);
  await writer.commit(said(1n, 1));
  await waitFor(() => node.applied.length === 1);
  injectNewer(log);
  await node.failure();
  node.propose(said(2n, 1));
  await flushTasks();
  node.commitLog.deliver();
  assertEquals([log.records.length, node.texts], [4, ["0:1.1"]]);
});

Deno.test("ReplicatedCommitLog applies nothing that deliver() finds behind a batch of a later version", async () => {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 1n);
  const commitLog = await openCommitLog(new FakeStore(log), 2n);
  const seqs: number[] = [];
  let reads = 0;
  commitLog.subscribe((_entry, seq) => seqs.push(seq), () => reads++);
  await writer.commit(said(1n, 1));
  injectNewer(log);
  await waitFor(() => reads === 3);
  commitLog.deliver();
  assertEquals(seqs, [0]);
  await commitLog.close();
});

/** A log whose store has lost the last of three messages, as in a power cut. */
async function truncatedLog(): Promise<{ log: FakeLog; node: ClusterNode }> {
  const log = new FakeLog();
  const node = await ClusterNode.open(log, 1n);
  for (const n of [1, 2, 3]) await node.commit(said(1n, n));
  log.records.length--;
  return { log, node };
}

const snapshotCount = ({ records }: FakeLog) => records.filter(({ isSnapshot }) => isSnapshot).length;

for (const how of ["the next batch", "checkStore()"]) {
  Deno.test(`ReplicatedCommitLog notices a truncated log by ${how}, and forks it for all nodes`, async () => {
    const { log, node } = await truncatedLog();
    log.records.length--;
    log.timeMs += 5_000;
    const snapshot = { logId: 101n, position: 2, seq: 1, batchSeqs: new Map(), events: [] };
    log.inject(encodeSnapshot(snapshot), { isSnapshot: true }); // by a node that has not noticed
    await using other = await ClusterNode.open(log, 2n);
    log.hasDedup = false;
    if (how === "the next batch") node.propose(said(1n, 4));
    else for (let count = 0; count < 3; count++) await node.check();
    assertEquals([await node.failure(), await other.failure()], ["nats-log-back", "nats-log-back"]);
    // A second fork would end nodes that have restarted since.
    assertEquals(snapshotCount(log), 3);
    await node.commitLog.close();
    await using later = await ClusterNode.open(log, 3n);
    assert(later.commitLog.logId !== node.commitLog.logId);
    assertEquals(later.texts[0], "0:1.1");
    await using last = await ClusterNode.open(log, 4n);
    assertEquals([last.commitLog.logId, last.news], [later.commitLog.logId, []]);
  });
}

for (const isOther of [true, false]) {
  const record = isOther ? "another record" : "the same record";
  Deno.test(`ReplicatedCommitLog is given ${record} again after a reconnect`, async () => {
    const { log, node } = await truncatedLog();
    const [first, last] = [log.records.at(-1)!, node.applied.length + 1];
    if (isOther) log.timeMs += 5_000;
    // From a node that has not read the lost record.
    log.inject(first.bytes);
    log.inject(encodeBatch(9n, said(9n, 1)));
    node.store.rereadFrom(last);
    if (isOther) assertEquals([await node.failure(), node.applied.length], ["nats-log-back", 3]);
    else await waitFor(() => node.applied.length === 4);
    assertEquals([node.news.length, snapshotCount(log)], isOther ? [1, 2] : [0, 1]);
    await node.commitLog.close();
  });
}

Deno.test("ReplicatedCommitLog.checkStore() believes a loss after three checks in a row", async () => {
  const log = new FakeLog();
  await using node = await ClusterNode.open(log, 1n);
  await node.commit(said(1n, 1));
  for (const lostChecks of [1, 2, 1, 2]) {
    const { bytes } = log.records.pop()!;
    for (let count = 0; count < lostChecks; count++) await node.check();
    log.inject(bytes);
    await node.check();
  }
  assertEquals(node.news, []);
});

Deno.test("ReplicatedCommitLog forks the log again after a snapshot by a node that has missed a fork", async () => {
  const log = new FakeLog();
  await using node = await ClusterNode.open(log, 1n);
  await node.commit(said(1n, 1));
  const other = { logId: 7n, position: 2, seq: 1, batchSeqs: new Map(), events: [] };
  log.inject(encodeSnapshot(other), { isSnapshot: true });
  assertEquals(await node.failure(), "nats-log-back");
  const genesis = decodeSnapshot(log.records.at(-1)!.bytes);
  assert(genesis.logId !== 7n && genesis.logId !== 101n && isGenesis(genesis));
});

Deno.test("ReplicatedCommitLog ends alone where another node has begun the log anew in an emptied store", async () => {
  const { log, node } = await truncatedLog();
  log.records.length = 0;
  log.timeMs += 5_000;
  await using other = await ClusterNode.open(log, 2n);
  for (let count = 0; count < 3; count++) await node.check();
  assertEquals(await node.failure(), "nats-log-back");
  await other.commit(said(2n, 1));
  assertEquals([other.news, snapshotCount(log)], [[], 1]);
});
