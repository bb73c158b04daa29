// A log that was truncated, or has records of a later version, ends its nodes. Records that are neither batches nor
// snapshots do not.

import { assert, assertEquals } from "@std/assert";
import type { NatsError } from "../../lib/errors.ts";
import { decodeBatch, decodeSnapshot, encodeSnapshot, isGenesis } from "../../lib/cluster/store.ts";
import { FakeLog, FakeStore } from "../testing/fake_store.ts";
import { ClusterNode, encodeBatch, openCommitLog, said } from "../testing/cluster_node.ts";
import { flushTasks, waitFor } from "../testing/waiting.ts";

Deno.test("A record that is no batch is a no-op, and one of a later version ends the node", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  for (const junk of [[], [1, 2, 3], [0, 0, 0, 9, 0x40], [0xff, 0xff, 0xff, 0xff, 0x40]]) {
    log.inject(new Uint8Array(junk));
  }
  server.propose(said(1n, 1));
  await waitFor(() => server.applied.length === 1);
  assertEquals([server.texts, server.news], [["0:1.1"], []]);
  const newer = log.records.at(-1)!.bytes.slice();
  newer[5]!++;
  log.inject(newer);
  await waitFor(() => server.news.length > 0);
  assertEquals((server.news[0] as NatsError).code, "nats-newer");
});

Deno.test("Entries after a batch of a later version are not applied, as their seq would differ; nor is any stored", async () => {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 1n);
  await using server = await ClusterNode.open(log, 2n);
  for (const n of [1, 2]) {
    writer.propose(said(1n, n));
    await waitFor(() => server.applied.length === n);
  }
  const last = log.records.at(-1)!.bytes;
  const [newer, next] = [last.slice(), last.slice()];
  newer[5]!++;
  next[17]!++; // batchSeq
  assertEquals(decodeBatch(next).batchSeq, 3);
  log.inject(newer);
  log.inject(next);
  await waitFor(() => server.news.length > 0);
  server.propose(said(2n, 1));
  await flushTasks();
  server.commitLog.deliver();
  assertEquals(log.records.length, 5);
  assertEquals(server.texts, ["0:1.1", "1:1.2"]);
});

Deno.test("Entries read at once with a batch of a later version, and after it, are not applied either", async () => {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 1n);
  const commitLog = await openCommitLog(new FakeStore(log), 2n);
  const taken: number[] = [];
  let came = 0;
  commitLog.subscribe((_entry, seq) => taken.push(seq), () => came++);
  writer.propose(said(1n, 1));
  await waitFor(() => came === 1);
  const last = log.records.at(-1)!.bytes;
  const [newer, next] = [last.slice(), last.slice()];
  newer[5]!++;
  next[17]!++; // batchSeq
  for (const bytes of [newer, next]) log.inject(bytes);
  await waitFor(() => came === 3);
  commitLog.deliver();
  assertEquals(taken, [0]);
  await commitLog.close();
});

/** A log whose store has lost the last of three messages, as in a power cut. */
async function truncatedLog(): Promise<{ log: FakeLog; server: ClusterNode }> {
  const log = new FakeLog();
  const server = await ClusterNode.open(log, 1n);
  for (let n = 1; n <= 3; n++) {
    server.propose(said(1n, n));
    await waitFor(() => server.applied.length === n);
  }
  log.records.length--;
  return { log, server };
}

Deno.test("A truncated log is found out by the next batch, or by verifyTail()", async () => {
  for (const isProposing of [true, false]) {
    const { log, server } = await truncatedLog();
    log.hasDedup = false;
    if (isProposing) server.propose(said(1n, 4));
    else for (let count = 0; count < 3; count++) await server.commitLog.verifyTail();
    await waitFor(() => server.news.length > 0);
    assertEquals((server.news[0] as NatsError).code, "nats-log-back");
    await server.commitLog.close();
    await using later = await ClusterNode.open(log, 2n);
    assert(later.commitLog.logId !== server.commitLog.logId);
    assertEquals(later.texts.slice(0, 2), ["0:1.1", "1:1.2"]);
    await using last = await ClusterNode.open(log, 3n);
    assertEquals(last.commitLog.logId, later.commitLog.logId);
  }
});

Deno.test("A truncated log that has grown since is found out when it is read again", async () => {
  for (const isOther of [true, false]) {
    const { log, server } = await truncatedLog();
    const [first, last] = [log.records.at(-1)!, server.applied.length + 1];
    if (isOther) log.timeMs += 5_000;
    // From a node that has not read the lost record.
    log.inject(first.bytes);
    log.inject(encodeBatch(9n, said(9n, 1)));
    // A reader that restarts is given its last record again.
    server.store.rereadFrom(last);
    await waitFor(() => isOther ? server.news.length > 0 : server.applied.length === 4);
    const codes = server.news.map((error) => (error as NatsError).code);
    assertEquals([codes, server.applied.length], isOther ? [["nats-log-back"], 3] : [[], 4]);
    // The genesis tells all others.
    assertEquals(log.records.filter(({ isSnapshot }) => isSnapshot).length, isOther ? 2 : 1);
    await server.commitLog.close();
  }
});

Deno.test("Other nodes learn from one that the log was truncated", async () => {
  const { log, server } = await truncatedLog();
  await using other = await ClusterNode.open(log, 2n);
  log.hasDedup = false;
  server.propose(said(1n, 4));
  await waitFor(() => other.news.length > 0);
  assertEquals((other.news[0] as NatsError).code, "nats-log-back");
  // One of them forks the log: a second fork would end nodes that have restarted since.
  await waitFor(() => server.news.length > 0);
  assertEquals(log.records.filter(({ isSnapshot }) => isSnapshot).length, 2);
  await server.commitLog.close();
});

Deno.test("A store that knows too few records once has lost nothing", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  server.propose(said(1n, 1));
  await waitFor(() => server.applied.length === 1);
  const { bytes } = log.records.pop()!;
  await server.commitLog.verifyTail();
  await server.commitLog.verifyTail();
  log.inject(bytes);
  await server.commitLog.verifyTail();
  log.records.length--;
  await server.commitLog.verifyTail();
  assertEquals(server.news, []);
});

Deno.test("A store that knows too few records now and then, and all in between, has lost nothing", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  server.propose(said(1n, 1));
  await waitFor(() => server.applied.length === 1);
  for (let time = 0; time < 4; time++) {
    const { bytes } = log.records.pop()!;
    await server.commitLog.verifyTail();
    log.inject(bytes);
    await server.commitLog.verifyTail();
  }
  assertEquals(server.news, []);
});

Deno.test("A snapshot of another logId, by a node that has missed a fork, forks the log again", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  server.propose(said(1n, 1));
  await waitFor(() => server.applied.length === 1);
  const other = { logId: 7n, position: 2, seq: 1, batchSeqs: new Map(), events: [] };
  log.inject(encodeSnapshot(other), { isSnapshot: true });
  await waitFor(() => server.news.length > 0);
  assertEquals((server.news[0] as NatsError).code, "nats-log-back");
  const genesis = decodeSnapshot(log.records.at(-1)!.bytes);
  assert(genesis.logId !== 7n && genesis.logId !== 101n && isGenesis(genesis));
});
