// The commit log of the cluster: every entry once, in one order for all nodes, on a store that loses records.

import { assert, assertEquals } from "@std/assert";
import type { NatsError } from "../../lib/errors.ts";
import { decodeBatch } from "../../lib/cluster/store.ts";
import type { Said } from "../../lib/protocol/frames.ts";
import type { ClusterConfig } from "../../lib/cluster/cluster.ts";
import { FakeLog, FakeStore } from "../testing/fake_store.ts";
import { ClusterNode, openCommitLog, said } from "../testing/cluster_node.ts";
import { flushTasks, waitFor } from "../testing/waiting.ts";

Deno.test("All nodes apply all entries in one order, with `seq` from 0 without a gap", async () => {
  const log = new FakeLog();
  await using one = await ClusterNode.open(log, 1n);
  await using other = await ClusterNode.open(log, 2n);
  assertEquals([one.commitLog.logId, other.commitLog.logId], [101n, 101n]);
  for (let n = 1; n <= 50; n++) {
    one.propose(said(1n, n));
    other.propose(said(2n, n));
    if (n % 7 === 0) await Promise.resolve();
  }
  await waitFor(() => one.applied.length === 100 && other.applied.length === 100);
  assertEquals(one.texts, other.texts);
  assertEquals(one.applied.map(({ seq }) => seq), Array.from({ length: 100 }, (_, seq) => seq));
  const own = one.applied.filter(({ isRemote }) => !isRemote);
  assertEquals(
    own.map(({ entry }) => (entry as Said).clientSeq),
    Array.from({ length: 50 }, (_, i) => i + 1),
  );
  assert(own.every(({ entry }) => (entry as Said).sessionId === 1n));
  assert(log.records.length < 60, "entries proposed at once share a batch");
});

Deno.test("Of two nodes that create a log at once, one does", async () => {
  const log = new FakeLog();
  const [one, other] = await Promise.all([ClusterNode.open(log, 1n), ClusterNode.open(log, 2n)]);
  assertEquals(one.commitLog.logId, other.commitLog.logId);
  assertEquals(log.records.length, 1);
  await one[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

Deno.test("A batch that was lost is retried, before the entries after it", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  log.faults.push("lost", "lost");
  server.propose(said(1n, 1));
  await waitFor(() => log.appends >= 2);
  server.propose(said(1n, 2));
  await waitFor(() => server.applied.length === 2);
  assertEquals(server.texts, ["0:1.1", "1:1.2"]);
  assertEquals(log.appends, 5); // one of the snapshot, three of the first batch, one of the second
});

Deno.test("A batch that is stored but not acknowledged is not waited for, and there once", async () => {
  for (const hasDedup of [true, false]) {
    const log = new FakeLog();
    log.hasDedup = hasDedup;
    await using server = await ClusterNode.open(log, 1n, { unavailableAfterMs: 60_000 });
    log.faults.push("unsaid");
    server.propose(said(1n, 1));
    await waitFor(() => server.applied.length === 1);
    server.propose(said(1n, 2));
    await waitFor(() => server.applied.length === 2);
    assertEquals(server.texts, ["0:1.1", "1:1.2"]);
  }
});

Deno.test("A batch that was read back is stored, even if it is never acknowledged", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n, { unavailableAfterMs: 60_000 });
  log.faults.push("unsaid");
  log.isDown = true;
  server.propose(said(1n, 1));
  await waitFor(() => server.applied.length === 1);
  await server.commitLog.close({ drainTimeoutMs: 60_000 });
  assertEquals(log.appends, 2);
});

Deno.test("A batch that is stored twice counts once, on all nodes, however late", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  server.propose(said(1n, 1));
  await waitFor(() => server.applied.length === 1);
  const { bytes } = log.records.at(-1)!;
  server.propose(said(1n, 2));
  await waitFor(() => server.applied.length === 2);
  log.inject(bytes);
  server.propose(said(1n, 3));
  await waitFor(() => server.applied.length === 3);
  await using later = await ClusterNode.open(log, 2n);
  assertEquals([server.texts, later.texts], [["0:1.1", "1:1.2", "2:1.3"], ["0:1.1", "1:1.2", "2:1.3"]]);
});

Deno.test("An unavailable store is reported once, and when it is back all entries are applied", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n, { unavailableAfterMs: 20, maxUncommittedBytes: 150 });
  log.isDown = true;
  server.propose(said(1n, 1));
  assertEquals([server.commitLog.isUnavailable, server.commitLog.isBlocked], [false, false]);
  await waitFor(() => server.news.length > 0);
  assertEquals(server.commitLog.isUnavailable, true);
  server.propose(said(1n, 2), said(1n, 3), said(1n, 4));
  assertEquals(server.commitLog.isBlocked, true);
  log.isDown = false;
  await waitFor(() => server.applied.length === 4);
  await waitFor(() => !server.commitLog.isUnavailable);
  assertEquals([server.texts, server.news], [["0:1.1", "1:1.2", "2:1.3", "3:1.4"], [true, false]]);
  assertEquals([server.commitLog.isUnavailable, server.commitLog.isBlocked], [false, false]);
});

Deno.test("A store that takes batches now and then is unavailable until it has all that waited", async () => {
  const log = new FakeLog();
  const told: [boolean, number][] = [];
  await using server = await ClusterNode.open(log, 1n, { unavailableAfterMs: 5 });
  server.commitLog.onStalled = (isUnavailable) => told.push([isUnavailable, log.records.length]);
  server.store.maxBytes = 400;
  log.faults.push("lost", "none", "lost", "none", "none", "lost", "none");
  server.propose(...Array.from({ length: 20 }, (_, i) => said(1n, i + 1)));
  await waitFor(() => server.applied.length === 20 && told.length > 1);
  assertEquals(told, [[true, 1], [false, 6]]);
});

Deno.test("New proposals do not keep a store unavailable that is back", async () => {
  const log = new FakeLog();
  const told: [boolean, number][] = [];
  await using server = await ClusterNode.open(log, 1n, { unavailableAfterMs: 5 });
  server.commitLog.onStalled = (isUnavailable) => told.push([isUnavailable, log.appends]);
  log.faults.push("lost");
  const { append } = server.store;
  server.store.append = (...job) => {
    if (log.appends < 100) server.propose(said(1n, log.appends));
    return append.apply(server.store, job);
  };
  server.propose(said(1n, 1));
  await waitFor(() => log.appends >= 100);
  assertEquals(told, [[true, 2], [false, 4]]);
});

Deno.test("Batches are no larger than the store takes", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  server.store.maxBytes = 400;
  server.propose(...Array.from({ length: 20 }, (_, i) => said(1n, i + 1)));
  await waitFor(() => server.applied.length === 20);
  assert(log.records.slice(1).every(({ bytes }) => bytes.length <= 250));
  assertEquals(decodeBatch(log.records[1]!.bytes).events.length, 4);
});

Deno.test("A log with missing records ends the node, and so does one that is deleted for long", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  log.inject(new Uint8Array(), { isAfterGap: true });
  await waitFor(() => server.news.length > 0);
  assertEquals((server.news[0] as NatsError).code, "nats-log-cut");
  const gone = new FakeLog();
  await using other = await ClusterNode.open(gone, 1n, { deletedMs: 300, unavailableAfterMs: 60_000 });
  gone.isDeleted = true;
  other.propose(said(1n, 1));
  await waitFor(() => other.news.length > 0);
  assertEquals((other.news[0] as NatsError).code, "nats-stream-gone");
});

Deno.test("A store that comes back before that is not deleted", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n, { deletedMs: 60_000 });
  log.isDeleted = true;
  server.propose(said(1n, 1));
  await waitFor(() => log.appends >= 3);
  log.isDeleted = false;
  await waitFor(() => server.applied.length === 1);
  assertEquals(server.news, []);
});

Deno.test("Closing waits for the proposals to be stored, and not forever", async () => {
  const log = new FakeLog();
  const server = await ClusterNode.open(log, 1n);
  log.faults.push("lost");
  server.propose(said(1n, 1));
  await server.commitLog.close({ drainTimeoutMs: 10_000 });
  assertEquals(log.records.length, 2);
  const stuck = await ClusterNode.open(log, 2n, { unavailableAfterMs: 5 });
  log.isDown = true;
  stuck.propose(said(1n, 2));
  await stuck.commitLog.close({ drainTimeoutMs: 300 });
  await waitFor(() => stuck.news.length > 0);
  assertEquals(stuck.news, [true]);
  assertEquals(log.records.length, 2);
});

Deno.test("A batch that is too large by the time that it can be stored is split, nothing lost and nothing twice", async () => {
  for (const fault of ["lost", "unsaid"] as const) {
    const log = new FakeLog();
    await using server = await ClusterNode.open(log, 1n, { maxUncommittedBytes: 1 });
    const { wake } = log;
    log.wake = () => {}; // not read back
    log.faults.push(fault);
    server.propose(...Array.from({ length: 20 }, (_, n) => said(1n, n + 1)));
    await waitFor(() => log.appends === 2);
    server.store.maxBytes = 400;
    await waitFor(() => log.appends === 3);
    await flushTasks();
    assertEquals(log.appends, 3); // only reading it back tells which batch has that batchSeq
    log.wake = wake;
    wake.call(log);
    server.propose(said(1n, 21));
    await waitFor(() => server.texts.at(-1)?.endsWith(":1.21") === true);
    const numbers = server.applied.map(({ entry }) => (entry as Said).clientSeq);
    assertEquals(numbers, Array.from({ length: 21 }, (_, n) => n + 1));
    await waitFor(() => !server.commitLog.isBlocked);
  }
});

Deno.test("A batch of any node counts once, though others were stored since", async () => {
  const log = new FakeLog();
  await using one = await ClusterNode.open(log, 1n);
  await using other = await ClusterNode.open(log, 2n);
  await using third = await ClusterNode.open(log, 3n);
  for (const [index, server] of [one, other, third].entries()) {
    server.propose(said(BigInt(index + 1), 1));
    await waitFor(() => third.applied.length === index + 1);
  }
  const batches = log.records.filter(({ isSnapshot }) => !isSnapshot);
  for (const { bytes } of batches) log.inject(bytes);
  one.propose(said(1n, 2));
  await waitFor(() => third.applied.length === 4);
  assertEquals(third.texts, ["0:1.1", "1:2.1", "2:3.1", "3:1.2"]);
});

Deno.test("Times never go back, nor beyond now, whatever the clock of the store says", async () => {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 1n);
  const clock = () => ({ wallMs: 1_000_000, monotonicMs: 50_000 });
  const commitLog = await openCommitLog(new FakeStore(log), 2n, {}, clock);
  const ticksMs: number[] = [];
  commitLog.subscribe(
    (_entry, _seq, { monotonicMs }) => ticksMs.push(monotonicMs),
    () => queueMicrotask(() => commitLog.deliver()),
  );
  for (const [n, timeMs] of [990_000, 980_000, 995_000, 1_005_000].entries()) {
    log.timeMs = timeMs;
    writer.propose(said(1n, n + 1));
    await waitFor(() => ticksMs.length === n + 1);
  }
  assertEquals(ticksMs, [40_000, 40_000, 45_000, 50_000]);
  await commitLog.close();
});

/** A commit log that does not deliver unless a test does. */
async function openUndelivered(log: FakeLog, config: Partial<ClusterConfig> = {}) {
  const store = new FakeStore(log);
  const news: NatsError[] = [];
  const commitLog = await openCommitLog(store, 1n, config);
  commitLog.failed.catch((error) => news.push(error));
  const taken: number[] = [];
  commitLog.subscribe((_entry, seq) => taken.push(seq), () => {});
  return { commitLog, store, taken, news };
}

Deno.test("A batch that was read but not delivered is not taken for lost when it is acknowledged", async () => {
  const log = new FakeLog();
  const { commitLog, store, taken, news } = await openUndelivered(log);
  const { append } = store;
  store.append = async (...job) => {
    const position = await append.apply(store, job);
    await flushTasks(); // it is read before it is acknowledged
    return position;
  };
  commitLog.propose(said(1n, 1));
  await waitFor(() => taken.length === 1);
  assertEquals([news, log.records.length], [[], 2]);
  await commitLog.close();
});

Deno.test("close() delivers what was read meanwhile", async () => {
  const log = new FakeLog();
  const { commitLog, taken } = await openUndelivered(log);
  log.faults.push("unsaid");
  log.isDown = true;
  commitLog.propose(said(1n, 1));
  await commitLog.close({ drainTimeoutMs: 60_000 });
  assertEquals([taken, commitLog.snapshot], [[0], []]);
});

Deno.test("A batch that is stored and not read is asked for again, and nothing else", async () => {
  const log = new FakeLog();
  const { commitLog, taken } = await openUndelivered(log, { rereadAfterMs: 5 });
  commitLog.propose(said(1n, 1));
  await waitFor(() => (commitLog.deliver(), taken.length === 1));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(log.rereads, 0);
  const { wake } = log;
  log.wake = () => {};
  commitLog.propose(said(1n, 2));
  await waitFor(() => log.rereads === 1);
  log.wake = wake;
  wake.call(log);
  await waitFor(() => (commitLog.deliver(), taken.length === 2));
  await commitLog.close();
});

Deno.test("A closed commit log reports nothing more", async () => {
  const log = new FakeLog();
  const server = await ClusterNode.open(log, 1n);
  await server.commitLog.close();
  let works = 0;
  server.commitLog.subscribe(() => {}, () => works++);
  log.inject(new Uint8Array(3));
  await flushTasks();
  log.inject(new Uint8Array(3), { isAfterGap: true });
  await flushTasks();
  assertEquals([server.news, works], [[], 0]);
  server.store.close();
  await flushTasks();
});
