// ReplicatedCommitLog: every entry once, in one order for all nodes, on a store that loses records.

import { assert, assertEquals } from "@std/assert";
import { decodeBatch, encodeEvent } from "../../lib/cluster/store.ts";
import type { Said } from "../../lib/protocol/frames.ts";
import type { ClusterConfig } from "../../lib/cluster/cluster.ts";
import { FakeLog, FakeStore } from "../testing/fake_store.ts";
import { ClusterNode, encodeBatch, openCommitLog, said, saidUpTo } from "../testing/cluster_node.ts";
import { flushTasks, waitFor } from "../testing/waiting.ts";

const clientSeqs = ({ applied }: ClusterNode) => applied.map(({ entry }) => (entry as Said).clientSeq);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

Deno.test("ReplicatedCommitLog applies all entries in one order on all nodes, with `seq` from 0 without a gap", async () => {
  const log = new FakeLog();
  const [one, other] = await Promise.all([ClusterNode.open(log, 1n), ClusterNode.open(log, 2n)]);
  await using _ = one;
  await using __ = other;
  assertEquals([one.commitLog.logId, log.records.length], [other.commitLog.logId, 1]);
  for (const n of upTo(50)) {
    one.propose(said(1n, n));
    other.propose(said(2n, n));
    if (n % 7 === 0) await Promise.resolve();
  }
  await waitFor(() => one.applied.length === 100 && other.applied.length === 100);
  assertEquals(one.texts, other.texts);
  assertEquals(one.applied.map(({ seq }) => seq + 1), upTo(100));
  const own = one.applied.filter(({ isRemote }) => !isRemote).map(({ entry }) => entry as Said);
  assertEquals(
    own.map(({ sessionId, clientSeq }) => `${sessionId}.${clientSeq}`),
    upTo(50).map((n) => `1.${n}`),
  );
  assert(log.records.length < 60, "entries proposed at once share a batch");
});

Deno.test("ReplicatedCommitLog drops a batch that is stored twice, though others were stored since", async () => {
  const log = new FakeLog();
  await using one = await ClusterNode.open(log, 1n);
  await using other = await ClusterNode.open(log, 2n);
  await one.commit(said(1n, 1));
  await waitFor(() => other.applied.length === 1);
  await other.commit(said(2n, 1));
  await waitFor(() => one.applied.length === 2);
  for (const { bytes } of log.records.slice(1)) log.inject(bytes);
  await one.commit(said(1n, 2));
  await using later = await ClusterNode.open(log, 3n);
  for (const { texts } of [one, later]) assertEquals(texts, ["0:1.1", "1:2.1", "2:1.2"]);
});

Deno.test("ReplicatedCommitLog reports an unavailable store once, and its return when all entries are applied", async () => {
  const log = new FakeLog();
  const { length: bytes } = encodeEvent(said(1n, 1));
  await using node = await ClusterNode.open(log, 1n, {
    unavailableAfterMs: 20,
    maxUncommittedBytes: 4 * bytes,
  });
  const { commitLog } = node;
  log.isDown = true;
  node.propose(said(1n, 1));
  assertEquals([commitLog.isUnavailable, commitLog.isBlocked], [false, false]);
  await waitFor(() => node.news.length > 0);
  node.propose(said(1n, 2), said(1n, 3));
  assertEquals([commitLog.isUnavailable, commitLog.isBlocked], [true, false]);
  node.propose(said(1n, 4));
  assertEquals(commitLog.isBlocked, true);
  log.isDown = false;
  await waitFor(() => !commitLog.isUnavailable && node.applied.length === 4);
  assertEquals([node.texts, node.news], [["0:1.1", "1:1.2", "2:1.3", "3:1.4"], [true, false]]);
  assertEquals(commitLog.isBlocked, false);
});

Deno.test("ReplicatedCommitLog ends with `nats-log-cut` where records are missing", async () => {
  const log = new FakeLog();
  await using node = await ClusterNode.open(log, 1n);
  log.inject(new Uint8Array(), { isAfterGap: true });
  assertEquals(await node.failure(), "nats-log-cut");
});

Deno.test("ReplicatedCommitLog.checkStore() ends with `nats-stream-gone` at the third check without a stream", async () => {
  const log = new FakeLog();
  await using node = await ClusterNode.open(log, 1n);
  for (const isDeleted of [true, true, false, true, true]) {
    log.isDeleted = isDeleted;
    await node.check();
  }
  await flushTasks();
  assertEquals(node.news, []);
  await node.check();
  assertEquals([await node.failure(), log.records.length], ["nats-stream-gone", 1]);
});

Deno.test("ReplicatedCommitLog.close() waits until all proposals are stored, at most drainTimeoutMs", async () => {
  const log = new FakeLog();
  const node = await ClusterNode.open(log, 1n);
  log.faults.push("lost");
  node.propose(said(1n, 1));
  await node.commitLog.close({ drainTimeoutMs: 60_000 });
  assertEquals(log.records.length, 2);
  const stuck = await ClusterNode.open(log, 2n);
  log.isDown = true;
  stuck.propose(said(1n, 2));
  await stuck.commitLog.close({ drainTimeoutMs: 50 });
  assertEquals(log.records.length, 2);
});

Deno.test("ReplicatedCommitLog reports nothing once it is closed", async () => {
  const log = new FakeLog();
  const node = await ClusterNode.open(log, 1n);
  await node.commitLog.close();
  let calls = 0;
  node.commitLog.subscribe(() => {}, () => calls++);
  log.inject(new Uint8Array(3));
  await flushTasks();
  log.inject(new Uint8Array(3), { isAfterGap: true });
  await flushTasks();
  assertEquals([node.news, calls], [[], 0]);
  node.store.close();
  await flushTasks();
});

Deno.test("ReplicatedCommitLog dates new entries now, however far its clock and the store's are apart", async () => {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 1n);
  const timesMs: number[] = [];
  const clock = () => ({ wallMs: 1_000_000, monotonicMs: 50_000 });
  const commitLog = await openCommitLog(new FakeStore(log), 2n, { clock });
  commitLog.subscribe(
    (_entry, _seq, { monotonicMs }) => timesMs.push(monotonicMs),
    () => queueMicrotask(() => commitLog.deliver()),
  );
  for (const [n, timeMs] of [990_000, 980_000, 995_000, 1_005_000].entries()) {
    log.timeMs = timeMs;
    writer.propose(said(1n, n + 1));
    await waitFor(() => timesMs.length === n + 1);
  }
  assertEquals(timesMs, [50_000, 50_000, 50_000, 50_000]);
  await commitLog.close();
});

/** A commit log that does not deliver unless a test does. */
async function openUndelivered(log: FakeLog, config: Partial<ClusterConfig> = {}) {
  const store = new FakeStore(log);
  const codes: string[] = [];
  const commitLog = await openCommitLog(store, 1n, config);
  commitLog.failed.catch(({ code }) => codes.push(code));
  const seqs: number[] = [];
  commitLog.subscribe((_entry, seq) => seqs.push(seq), () => {});
  return { commitLog, store, seqs, codes };
}

Deno.test("ReplicatedCommitLog takes no batch for lost that is acknowledged after it was read", async () => {
  const log = new FakeLog();
  const { commitLog, store, seqs, codes } = await openUndelivered(log);
  const { append } = store;
  store.append = async (...job) => {
    const position = await append.apply(store, job);
    await flushTasks(); // it is read before it is acknowledged
    return position;
  };
  commitLog.propose(said(1n, 1));
  await waitFor(() => seqs.length === 1);
  assertEquals([codes, log.records.length], [[], 2]);
  await commitLog.close();
});

Deno.test("ReplicatedCommitLog.close() delivers what was read meanwhile", async () => {
  const log = new FakeLog();
  const { commitLog, seqs } = await openUndelivered(log);
  log.faults.push("unsaid");
  log.isDown = true;
  commitLog.propose(said(1n, 1));
  await commitLog.close({ drainTimeoutMs: 60_000 });
  assertEquals([seqs, commitLog.snapshot], [[0], []]);
});

for (const by of ["its acknowledgement", "checkStore()"]) {
  Deno.test(`ReplicatedCommitLog restarts a read that does not yield a record known by ${by} for rereadAfterMs`, async () => {
    const log = new FakeLog();
    await using node = await ClusterNode.open(log, 1n, { rereadAfterMs: 5 });
    await node.commit(said(1n, 1));
    await node.check();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(log.rereads, 0);
    const { wake } = log;
    log.wake = () => {}; // as a NATS that takes it for delivered
    if (by === "checkStore()") log.inject(encodeBatch(2n, said(1n, 2)));
    else node.propose(said(1n, 2));
    if (by === "checkStore()") await node.check();
    await waitFor(() => log.rereads === 1);
    log.wake = wake;
    wake.call(log);
    await waitFor(() => node.applied.length === 2);
  });
}

// How BatchWriter appends: seen through the commit log, which reads back what is stored.

Deno.test("BatchWriter retries a lost batch before the entries after it", async () => {
  const log = new FakeLog();
  await using node = await ClusterNode.open(log, 1n);
  log.faults.push("lost", "lost");
  node.propose(said(1n, 1));
  await waitFor(() => log.appends >= 2);
  node.propose(said(1n, 2));
  await waitFor(() => node.applied.length === 2);
  assertEquals(node.texts, ["0:1.1", "1:1.2"]);
  assertEquals(log.appends, 5); // one of the snapshot, three of the first batch, one of the second
});

for (const hasDedup of [true, false]) {
  const store = hasDedup ? "drops duplicates" : "keeps duplicates";
  Deno.test(`BatchWriter does not wait for the acknowledgement of a batch that was read back, if the store ${store}`, async () => {
    const log = new FakeLog();
    log.hasDedup = hasDedup;
    await using node = await ClusterNode.open(log, 1n, { unavailableAfterMs: 60_000 });
    log.faults.push("unsaid");
    await node.commit(said(1n, 1));
    await node.commit(said(1n, 2));
    assertEquals(node.texts, ["0:1.1", "1:1.2"]);
    log.faults.push("unsaid");
    log.isDown = true;
    await node.commit(said(1n, 3));
    await node.commitLog.close({ drainTimeoutMs: 60_000 });
    assertEquals(log.appends, 4);
  });
}

Deno.test("BatchWriter fills batches up to half of the store's largest record", async () => {
  const log = new FakeLog();
  await using node = await ClusterNode.open(log, 1n);
  node.store.maxBytes = 400;
  await node.commit(...saidUpTo(20));
  assert(log.records.slice(1).every(({ bytes }) => bytes.length <= 250));
  assertEquals(decodeBatch(log.records[1]!.bytes).events.length, 4);
});

for (const fault of ["lost", "unsaid"] as const) {
  Deno.test(`BatchWriter splits a batch that has become too large when it is retried, and was ${fault} before`, async () => {
    const log = new FakeLog();
    await using node = await ClusterNode.open(log, 1n, { maxUncommittedBytes: 1 });
    const { wake } = log;
    log.wake = () => {}; // not read back
    log.faults.push(fault);
    node.propose(...saidUpTo(20));
    await waitFor(() => log.appends === 2);
    node.store.maxBytes = 400;
    await waitFor(() => log.appends === 3);
    await flushTasks();
    assertEquals(log.appends, 3); // only reading it back tells which batch has that batchSeq
    log.wake = wake;
    wake.call(log);
    node.propose(said(1n, 21));
    await waitFor(() => node.texts.at(-1)?.endsWith(":1.21") === true);
    assertEquals(clientSeqs(node), upTo(21));
    await waitFor(() => !node.commitLog.isBlocked);
  });
}
