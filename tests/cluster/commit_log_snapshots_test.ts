// Snapshots of the cluster's log: when one is written, which one a node starts from, and those that are too large.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { SnapshotPolicy } from "../../lib/cluster/commit_log.ts";
import { NatsError } from "../../lib/errors.ts";
import { decodeSnapshot, encodeSnapshot } from "../../lib/cluster/store.ts";
import { FakeLeases, FakeLog } from "../testing/fake_store.ts";
import {
  clusterConfig,
  ClusterNode,
  encodeBatch,
  joined,
  newer,
  said,
  saidUpTo,
} from "../testing/cluster_node.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, waitFor, withTimeout } from "../testing/waiting.ts";

const HOUR_MS = 3_600_000;

const snapshotsOf = ({ records }: FakeLog) => records.filter(({ isSnapshot }) => isSnapshot);

function makePolicy(config = clusterConfig()) {
  const time = { nowMs: 0 };
  const calls = { unlimited: [] as boolean[], tooLarge: [] as (number | boolean)[][], isForbidden: false };
  const store = {
    setUnlimited: (isUnlimited: boolean) => {
      calls.unlimited.push(isUnlimited);
      return calls.isForbidden ? Promise.reject(new Error("no")) : Promise.resolve();
    },
  };
  const policy = new SnapshotPolicy(store, config, () => ({ wallMs: time.nowMs, monotonicMs: time.nowMs }));
  policy.onSnapshotTooLarge = (bytes, { isKept }) => calls.tooLarge.push([bytes, isKept]);
  const areTooLarge = async (...sizes: number[]) => {
    for (const bytes of sizes) await policy.onTooLarge(bytes);
  };
  return { time, calls, policy, areTooLarge };
}

Deno.test("SnapshotPolicy.countBatch(): due after 5,000 entries or 4 MiB", pure, async () => {
  const { policy, areTooLarge } = makePolicy();
  assertEquals(policy.countBatch({ eventCount: 4_999, bytes: 1 }), false);
  assertEquals(policy.countBatch({ eventCount: 1, bytes: 0 }), true);
  policy.onSnapshotRead(0, { isNew: true });
  assertEquals(policy.countBatch({ eventCount: 1, bytes: 4_194_303 }), false);
  assertEquals(policy.countBatch({ eventCount: 1, bytes: 1 }), true);
  await areTooLarge(1);
  assertEquals(policy.countBatch({ eventCount: 4_999, bytes: 4_194_303 }), false);
});

Deno.test("SnapshotPolicy.isOverdue an hour after the last snapshot was stored, not read", pure, () => {
  const { time, policy } = makePolicy();
  time.nowMs = HOUR_MS;
  assertEquals(policy.isOverdue, true);
  policy.onSnapshotRead(1_000, { isNew: false });
  time.nowMs = HOUR_MS + 999;
  assertEquals(policy.isOverdue, false);
  time.nowMs++;
  assertEquals(policy.isOverdue, true);
});

Deno.test("SnapshotPolicy.onTooLarge() lifts the limits, and reports one twice as large", pure, async () => {
  const { calls, policy, areTooLarge } = makePolicy();
  await areTooLarge(11, 12, 21, 22);
  assertEquals(calls.tooLarge, [[11, true], [22, true]]);
  assertEquals(calls.unlimited, Array(4).fill(true));
  policy.onSnapshotRead(0, { isNew: false });
  assertEquals(calls.unlimited.length, 4);
  policy.onSnapshotRead(0, { isNew: true });
  assertEquals(calls.unlimited.slice(4), [false]);
  await areTooLarge(11);
  assertEquals(calls.tooLarge.slice(2), [[11, true]]);
});

Deno.test("SnapshotPolicy.onTooLarge() reports once limits that it cannot lift", pure, async () => {
  const { calls, policy, areTooLarge } = makePolicy();
  await areTooLarge(11);
  calls.isForbidden = true;
  await areTooLarge(12, 13);
  calls.isForbidden = false;
  await areTooLarge(14, 15);
  assertEquals(calls.tooLarge, [[11, true], [12, false], [14, true]]);
  calls.isForbidden = true;
  policy.onSnapshotRead(0, { isNew: true });
  await flushTasks();
  assertEquals(calls.tooLarge.length, 3);
});

Deno.test("ReplicatedCommitLog writes a snapshot on the node whose batch makes it due", async () => {
  const log = new FakeLog();
  await using one = await ClusterNode.open(log, 1n, { snapshotEvents: 5 });
  await using other = await ClusterNode.open(log, 2n, { snapshotEvents: 5 });
  one.propose(...saidUpTo(5));
  await waitFor(() => log.records.length === 3);
  other.propose(said(2n, 1));
  await waitFor(() => one.applied.length === 6 && other.applied.length === 6);
  assertEquals(log.records.map(({ isSnapshot }) => isSnapshot), [true, false, true, false]);
});

Deno.test("SnapshotPolicy.isOverdue is false after a snapshot, though the clock is ahead", pure, () => {
  const store = { setUnlimited: () => Promise.resolve() };
  const policy = new SnapshotPolicy(store, clusterConfig(), () => ({ wallMs: 10 * HOUR_MS, monotonicMs: 0 }));
  policy.onSnapshotRead(0, { isNew: false });
  assertEquals(policy.isOverdue, true);
  policy.onSnapshotRead(0, { isNew: true });
  assertEquals(policy.isOverdue, false);
});

Deno.test("ReplicatedCommitLog.checkStore() lets the leader write one snapshot an hour", async () => {
  const log = new FakeLog();
  let wallMs = log.timeMs;
  const clock = () => ({ wallMs, monotonicMs: wallMs });
  await using node = await ClusterNode.open(log, 1n, { clock });
  for (const ms of [0, HOUR_MS - 1]) {
    wallMs = log.timeMs + ms;
    await node.check({ isLeader: true });
  }
  wallMs++;
  await node.check();
  await flushTasks();
  assertEquals(log.records.length, 1);
  await node.check({ isLeader: true });
  await waitFor(() => log.records.length === 2);
  assertEquals(decodeSnapshot(log.records[1]!.bytes).seq, 0);
});

Deno.test("ReplicatedCommitLog.checkStore() lets the leader write a snapshot after a purge, and a node that starts waits for it", async () => {
  const log = new FakeLog();
  const leases = new FakeLeases();
  await using leader = await ClusterNode.open(log, 1n);
  await using other = await ClusterNode.open(log, 2n);
  await leader.commit(said(1n, 1), said(1n, 2));
  leases.nodes.set(1n, "a:1");
  log.first = log.records.length + 1;
  const opening = ClusterNode.open(log, 3n, { leases, openTimeoutMs: 60_000 });
  await other.check();
  await flushTasks();
  assertEquals(log.records.length, 2);
  for (let poll = 0; poll < 2; poll++) await leader.check({ isLeader: true });
  await using later = await opening;
  assertEquals([later.commitLog.logId, later.commitLog.firstSeq], [101n, 2]);
  await later.commit(said(2n, 1));
  await waitFor(() => leader.applied.length === 3 && other.applied.length === 3);
  await leader.check({ isLeader: true });
  await flushTasks();
  assertEquals(snapshotsOf(log).length, 2);
  assertEquals([leader.news, other.news], [[], []]);
  // A stream that has had no record needs none.
  await using anew = await ClusterNode.open(new FakeLog(), 4n, { leases });
  assertEquals(anew.commitLog.logId, 104n);
  // Without other nodes there is none to wait for.
  log.first = log.records.length + 1;
  leases.nodes.clear();
  await using alone = await ClusterNode.open(log, 4n, { leases });
  assertEquals(alone.commitLog.logId, 104n);
});

Deno.test("ReplicatedCommitLog.open() starts from a snapshot that no record after it is missing of", async () => {
  const log = new FakeLog();
  const snapshot = (position: number, seq: number) =>
    encodeSnapshot({ logId: 3n, position, seq, batchSeqs: new Map(), events: [] });
  for (let i = 0; i < 5; i++) log.inject(new Uint8Array());
  log.inject(snapshot(2, 10), { isSnapshot: true });
  log.inject(snapshot(6, 20), { isSnapshot: true });
  log.first = 5;
  {
    await using node = await ClusterNode.open(log, 1n);
    assertEquals([node.commitLog.logId, node.commitLog.firstSeq], [3n, 20]);
  }
  // An earlier one if there is no later one.
  for (let i = 0; i < 40; i++) log.inject(new Uint8Array(1_000_000));
  log.inject(snapshot(0, 0), { isSnapshot: true });
  await using node = await ClusterNode.open(log, 1n);
  assertEquals(node.commitLog.firstSeq, 20);
});

Deno.test("ReplicatedCommitLog ignores a record that is no snapshot, and ends with `nats-newer` at one of a later version", async () => {
  const log = new FakeLog();
  await using node = await ClusterNode.open(log, 1n);
  for (const junk of [[], [1, 2, 3], [0xff, 0xff, 0xff, 0xff, 0x50]]) {
    log.inject(new Uint8Array(junk), { isSnapshot: true });
  }
  await node.commit(said(1n, 1));
  {
    await using other = await ClusterNode.open(log, 2n);
    assertEquals([other.texts, other.commitLog.logId], [["0:1.1"], 101n]);
    const rest = new FakeLog();
    rest.records.push(...log.records);
    rest.first = 2; // the snapshot is forgotten
    await using last = await ClusterNode.open(rest, 3n);
    assertEquals(last.commitLog.logId, 103n);
  }
  log.inject(newer(log.records[0]!.bytes), { isSnapshot: true });
  assertEquals(await node.failure(), "nats-newer");
  const opening = ClusterNode.open(log, 4n, { openTimeoutMs: 60_000 });
  const error = await assertRejects(() => withTimeout(opening, "the error"), NatsError);
  assertEquals(error.code, "nats-newer");
});

Deno.test("ReplicatedCommitLog lifts the stream's limits while snapshots are too large to be stored", async () => {
  const log = new FakeLog();
  await using node = await ClusterNode.open(log, 1n, { snapshotEvents: 2 });
  const sizes = node.tooLargeBytes;
  node.store.maxBytes = 400;
  const join = async (from: bigint, to: bigint) => {
    for (let n = from; n <= to; n++) await node.commit(joined(n, 1n));
  };
  await join(1n, 4n);
  assertEquals([sizes, log.isUnlimited], [[], false]);
  await join(5n, 20n);
  assert(sizes.length === 2 && sizes[0]! > 400 && sizes[1]! >= 2 * sizes[0]!, `${sizes}`);
  assert(snapshotsOf(log).length > 1 && snapshotsOf(log).every(({ bytes }) => bytes.length <= 400));
  assertEquals(log.isUnlimited, true);
  node.store.maxBytes = 100_000; // the operator has raised it
  await join(21n, 22n);
  await waitFor(() => !log.isUnlimited);
  assertEquals(decodeSnapshot(snapshotsOf(log).at(-1)!.bytes).events.length, 22);
});

Deno.test("ReplicatedCommitLog drops a snapshot that has become too large when it is retried", async () => {
  const log = new FakeLog();
  await using node = await ClusterNode.open(log, 1n, { snapshotEvents: 1, unavailableAfterMs: 5 });
  log.faults.push("none", "lost");
  node.propose(...Array.from({ length: 20 }, (_, n) => joined(BigInt(n + 1), 1n)));
  await waitFor(() => log.appends === 3); // the genesis, the batch, and the snapshot in vain
  await waitFor(() => node.commitLog.isUnavailable);
  node.store.maxBytes = 400;
  await waitFor(() => !node.commitLog.isUnavailable);
  node.propose(said(1n, 1));
  await waitFor(() => node.applied.length === 21);
  assert(node.tooLargeBytes.length === 1 && node.tooLargeBytes[0]! > 400, `${node.tooLargeBytes}`);
  assertEquals(log.records.map(({ isSnapshot }) => isSnapshot), [true, false, false]);
});

Deno.test("ReplicatedCommitLog makes no snapshot anew for every batch while it is too large", async () => {
  const log = new FakeLog();
  let asked = 0;
  await using node = await ClusterNode.open(log, 1n, { snapshotEvents: 10 });
  Object.defineProperty(node.store, "maxBytes", { get: () => (asked++, 300) });
  for (let n = 1n; n <= 40n; n++) await node.commit(joined(n, 1n));
  assertEquals(asked, 84); // per batch once, and once by the fake store; per snapshot once
});

Deno.test("ReplicatedCommitLog remembers the last batches of the 256 nodes that stored last", async () => {
  const log = new FakeLog();
  await using node = await ClusterNode.open(log, 1n, { snapshotEvents: 302 });
  for (let id = 2n; id <= 300n; id++) {
    log.inject(encodeBatch(id, said(id, 1)));
    if (id === 200n) log.inject(encodeBatch(2n, said(2n, 2), 2));
  }
  await waitFor(() => node.applied.length === 300);
  node.propose(said(1n, 1), said(1n, 2));
  await waitFor(() => log.records.at(-1)!.isSnapshot);
  const { batchSeqs } = decodeSnapshot(log.records.at(-1)!.bytes);
  const latest = Array.from({ length: 254 }, (_, index) => BigInt(index + 47));
  assertEquals([...batchSeqs.keys()].sort((a, b) => Number(a - b)), [1n, 2n, ...latest]);
  assertEquals([batchSeqs.get(2n), batchSeqs.get(47n)], [2, 1]);
});
