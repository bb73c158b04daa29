// The journal of a room with many servers: what they say is there once, in one order, on a store in memory
// that loses things.

import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../lib/base/time.ts";
import type { NatsError } from "../../lib/errors.ts";
import { decodeBlock } from "../../lib/cluster/nats_block.ts";
import type { Said } from "../../lib/protocol/frames.ts";
import { ReplicatedCommitLog, type ReplicatedCommitLogOptions } from "../../lib/cluster/commit_log.ts";
import { FakeLog, FakeStore } from "./fake_store.ts";
import { ClusterNode, said } from "./cluster_node.ts";
import { flushMacrotasks, waitFor } from "../support.ts";

Deno.test("All servers are given all entries in one order, numbered from 0 without a gap", async () => {
  const log = new FakeLog();
  await using one = await ClusterNode.open(log, 1n);
  await using other = await ClusterNode.open(log, 2n);
  assertEquals([one.commitLog.logId, other.commitLog.logId], [101n, 101n]);
  for (let n = 1; n <= 50; n++) {
    one.say(said(1n, n));
    other.say(said(2n, n));
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
  assert(log.records.length < 60, "what is proposed at once is one block");
});

Deno.test("Of two servers that begin a room at once, one does", async () => {
  const log = new FakeLog();
  const [one, other] = await Promise.all([ClusterNode.open(log, 1n), ClusterNode.open(log, 2n)]);
  assertEquals(one.commitLog.logId, other.commitLog.logId);
  assertEquals(log.records.length, 1);
  await one[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

Deno.test("What was lost on its way is tried again, before what came after it", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  log.faults.push("lost", "lost");
  server.say(said(1n, 1));
  await waitFor(() => log.appends >= 2);
  server.say(said(1n, 2));
  await waitFor(() => server.applied.length === 2);
  assertEquals(server.texts, ["0:1.1", "1:1.2"]);
  assertEquals(log.appends, 5); // that of the checkpoint, three of the first block, one of the second
});

Deno.test("What is stored though nobody says so is not waited for, and there once", async () => {
  for (const remembersIds of [true, false]) {
    const log = new FakeLog();
    log.hasDedup = remembersIds;
    await using server = await ClusterNode.open(log, 1n, { unavailableAfterMs: 60_000 });
    log.faults.push("unsaid");
    server.say(said(1n, 1));
    await waitFor(() => server.applied.length === 1);
    server.say(said(1n, 2));
    await waitFor(() => server.applied.length === 2);
    assertEquals(server.texts, ["0:1.1", "1:1.2"]);
  }
});

Deno.test("What has come back is stored, though nobody will ever say so", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n, { unavailableAfterMs: 60_000 });
  log.faults.push("unsaid");
  log.isDown = true;
  server.say(said(1n, 1));
  await waitFor(() => server.applied.length === 1);
  await server.commitLog.close({ drainTimeoutMs: 60_000 });
  assertEquals(log.appends, 2);
});

Deno.test("A block that is stored twice counts once, on all servers, however late", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  server.say(said(1n, 1));
  await waitFor(() => server.applied.length === 1);
  const { bytes } = log.records.at(-1)!;
  server.say(said(1n, 2));
  await waitFor(() => server.applied.length === 2);
  log.inject(bytes);
  server.say(said(1n, 3));
  await waitFor(() => server.applied.length === 3);
  await using later = await ClusterNode.open(log, 2n);
  assertEquals([server.texts, later.texts], [["0:1.1", "1:1.2", "2:1.3"], ["0:1.1", "1:1.2", "2:1.3"]]);
});

Deno.test("A store that is away is told of once, and when it is back everything comes", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n, { unavailableAfterMs: 20, maxUncommittedBytes: 150 });
  log.isDown = true;
  server.say(said(1n, 1));
  assertEquals([server.commitLog.isUnavailable, server.commitLog.isBlocked], [false, false]);
  await waitFor(() => server.news.length > 0);
  assertEquals(server.commitLog.isUnavailable, true);
  server.say(said(1n, 2), said(1n, 3), said(1n, 4));
  assertEquals(server.commitLog.isBlocked, true);
  log.isDown = false;
  await waitFor(() => server.applied.length === 4);
  await waitFor(() => !server.commitLog.isUnavailable);
  assertEquals([server.texts, server.news], [["0:1.1", "1:1.2", "2:1.3", "3:1.4"], [true, false]]);
  assertEquals([server.commitLog.isUnavailable, server.commitLog.isBlocked], [false, false]);
});

Deno.test("A store that takes something now and then is away until it has all that waited", async () => {
  const log = new FakeLog();
  const told: [boolean, number][] = [];
  await using server = await ClusterNode.open(log, 1n, {
    unavailableAfterMs: 5,
    onStalled: (isUnavailable) => told.push([isUnavailable, log.records.length]),
  });
  server.store.maxBytes = 400;
  log.faults.push("lost", "none", "lost", "none", "none", "lost", "none");
  server.say(...Array.from({ length: 20 }, (_, i) => said(1n, i + 1)));
  await waitFor(() => server.applied.length === 20 && told.length > 1);
  assertEquals(told, [[true, 1], [false, 6]]);
});

Deno.test("Who goes on talking does not keep a store away that is back", async () => {
  const log = new FakeLog();
  const told: [boolean, number][] = [];
  await using server = await ClusterNode.open(log, 1n, {
    unavailableAfterMs: 5,
    onStalled: (isUnavailable) => told.push([isUnavailable, log.appends]),
  });
  log.faults.push("lost");
  const { append } = server.store;
  server.store.append = (...job) => {
    if (log.appends < 100) server.say(said(1n, log.appends));
    return append.apply(server.store, job);
  };
  server.say(said(1n, 1));
  await waitFor(() => log.appends >= 100);
  assertEquals(told, [[true, 2], [false, 4]]);
});

Deno.test("Blocks are no longer than the store takes", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  server.store.maxBytes = 400;
  server.say(...Array.from({ length: 20 }, (_, i) => said(1n, i + 1)));
  await waitFor(() => server.applied.length === 20);
  assert(log.records.slice(1).every(({ bytes }) => bytes.length <= 250));
  assertEquals(decodeBlock(log.records[1]!.bytes).entries.length, 4);
});

Deno.test("A log of which a part is missing ends it, and so does one that is gone for long", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  log.inject(new Uint8Array(), { isAfterGap: true });
  await waitFor(() => server.news.length > 0);
  assertEquals((server.news[0] as NatsError).code, "nats-log-cut");
  const gone = new FakeLog();
  await using other = await ClusterNode.open(gone, 1n, { deletedMs: 300, unavailableAfterMs: 60_000 });
  gone.isDeleted = true;
  other.say(said(1n, 1));
  await waitFor(() => other.news.length > 0);
  assertEquals((other.news[0] as NatsError).code, "nats-stream-gone");
});

Deno.test("A store that comes back before that is not gone", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n, { deletedMs: 60_000 });
  log.isDeleted = true;
  server.say(said(1n, 1));
  await waitFor(() => log.appends >= 3);
  log.isDeleted = false;
  await waitFor(() => server.applied.length === 1);
  assertEquals(server.news, []);
});

Deno.test("Closing waits for what was said, and not forever", async () => {
  const log = new FakeLog();
  const server = await ClusterNode.open(log, 1n);
  log.faults.push("lost");
  server.say(said(1n, 1));
  await server.commitLog.close({ drainTimeoutMs: 10_000 });
  assertEquals(log.records.length, 2);
  const stuck = await ClusterNode.open(log, 2n, { unavailableAfterMs: 5 });
  log.isDown = true;
  stuck.say(said(1n, 2));
  await stuck.commitLog.close({ drainTimeoutMs: 300 });
  await waitFor(() => stuck.news.length > 0);
  assertEquals(stuck.news, [true]);
  assertEquals(log.records.length, 2);
});

Deno.test("A block that is too long by the time that it can be stored is stored in parts, nothing lost and nothing twice", async () => {
  for (const trouble of ["lost", "unsaid"] as const) {
    const log = new FakeLog();
    await using server = await ClusterNode.open(log, 1n, { maxUncommittedBytes: 1 });
    const { wake } = log;
    log.wake = () => {}; // nobody sees that it is stored
    log.faults.push(trouble);
    server.say(...Array.from({ length: 20 }, (_, n) => said(1n, n + 1)));
    await waitFor(() => log.appends === 2);
    server.store.maxBytes = 400;
    await waitFor(() => log.appends === 3);
    await flushMacrotasks();
    assertEquals(log.appends, 3); // what is there under that number, only who reads it knows
    log.wake = wake;
    wake.call(log);
    server.say(said(1n, 21));
    await waitFor(() => server.texts.at(-1)?.endsWith(":1.21") === true);
    const numbers = server.applied.map(({ entry }) => (entry as Said).clientSeq);
    assertEquals(numbers, Array.from({ length: 21 }, (_, n) => n + 1));
    await waitFor(() => !server.commitLog.isBlocked);
  }
});

Deno.test("A block of any of many servers counts once, though others were stored since", async () => {
  const log = new FakeLog();
  await using one = await ClusterNode.open(log, 1n);
  await using other = await ClusterNode.open(log, 2n);
  await using third = await ClusterNode.open(log, 3n);
  for (const [index, server] of [one, other, third].entries()) {
    server.say(said(BigInt(index + 1), 1));
    await waitFor(() => third.applied.length === index + 1);
  }
  const blocks = log.records.filter(({ isSnapshot }) => !isSnapshot);
  for (const { bytes } of blocks) log.inject(bytes);
  one.say(said(1n, 2));
  await waitFor(() => third.applied.length === 4);
  assertEquals(third.texts, ["0:1.1", "1:2.1", "2:3.1", "3:1.2"]);
});

Deno.test("Times never go back, nor beyond now, whatever the clock of the store says", async () => {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 1n);
  const clock = () => ({ wallMs: 1_000_000, monotonicMs: 50_000 });
  const commitLog = await ReplicatedCommitLog.open(new FakeStore(log), {
    nodeId: 2n,
    logId: 102n,
    clock,
    openTimeoutMs: 0,
  });
  const ticksMs: number[] = [];
  commitLog.subscribe(
    (_entry, _seq, { monotonicMs }) => ticksMs.push(monotonicMs),
    () => queueMicrotask(() => commitLog.deliver()),
  );
  for (const [n, timeMs] of [990_000, 980_000, 995_000, 1_005_000].entries()) {
    log.timeMs = timeMs;
    writer.say(said(1n, n + 1));
    await waitFor(() => ticksMs.length === n + 1);
  }
  assertEquals(ticksMs, [40_000, 40_000, 45_000, 50_000]);
  await commitLog.close();
});

/** A server that looks what has come when it is told to, and not before. */
async function openSlow(log: FakeLog, options: Partial<ReplicatedCommitLogOptions> = {}) {
  const store = new FakeStore(log);
  const news: NatsError[] = [];
  const commitLog = await ReplicatedCommitLog.open(store, {
    ...{ nodeId: 1n, logId: 101n, clock: systemClock, onFailed: (error) => news.push(error), ...options },
  });
  const taken: number[] = [];
  commitLog.subscribe((_entry, seq) => taken.push(seq), () => {});
  return { commitLog, store, taken, news };
}

Deno.test("What has come and nobody has looked at yet is not taken for lost when it is said to be stored", async () => {
  const log = new FakeLog();
  const { commitLog, store, taken, news } = await openSlow(log);
  const { append } = store;
  store.append = async (...job) => {
    const position = await append.apply(store, job);
    await flushMacrotasks(); // it comes before that is said
    return position;
  };
  commitLog.propose(said(1n, 1));
  await waitFor(() => taken.length === 1);
  assertEquals([news, log.records.length], [[], 2]);
  await commitLog.close();
});

Deno.test("Who closes looks what has come meanwhile, though nobody else does", async () => {
  const log = new FakeLog();
  const { commitLog, taken } = await openSlow(log);
  log.faults.push("unsaid");
  log.isDown = true;
  commitLog.propose(said(1n, 1));
  await commitLog.close({ drainTimeoutMs: 60_000 });
  assertEquals([taken, commitLog.snapshot], [[0], []]);
});

Deno.test("What is stored and does not come is asked for again, and nothing else", async () => {
  const log = new FakeLog();
  const { commitLog, taken } = await openSlow(log, { rereadAfterMs: 5 });
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

Deno.test("A journal that has ended tells of nothing more", async () => {
  const log = new FakeLog();
  const server = await ClusterNode.open(log, 1n);
  await server.commitLog.close();
  let works = 0;
  server.commitLog.subscribe(() => {}, () => works++);
  log.inject(new Uint8Array(3));
  await flushMacrotasks();
  log.inject(new Uint8Array(3), { isAfterGap: true });
  await flushMacrotasks();
  assertEquals([server.news, works], [[], 0]);
  server.store.close();
  await flushMacrotasks();
});
