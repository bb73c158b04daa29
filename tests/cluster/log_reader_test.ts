// What a node that starts reads of the log, and when it gives up.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../lib/base/time.ts";
import { NatsError } from "../../lib/errors.ts";
import type { Joined, ProposedEvent, Said } from "../../lib/protocol/frames.ts";
import { FakeLog, FakeStore } from "../testing/fake_store.ts";
import { ClusterNode, joined, openCommitLog, said } from "../testing/cluster_node.ts";
import { waitFor } from "../testing/waiting.ts";

const now = systemClock();

Deno.test("A node that starts has the state of the others, also of entries that are forgotten", async () => {
  const log = new FakeLog();
  await using first = await ClusterNode.open(log, 1n, { snapshotEvents: 6 });
  const hasSnapshot = () => log.records.filter(({ isSnapshot }) => isSnapshot).length > 1;
  first.propose(joined(7n, 1n), said(7n, 9), { type: "backups", timeMs: 1, backups: ["a:1"] });
  first.propose({ type: "backups", timeMs: 1, backups: ["b:2"], nodeId: 1n }, joined(8n, 1n), said(8n, 3));
  await waitFor(hasSnapshot);
  log.inject(log.records[1]!.bytes); // stored twice, and covered by the snapshot
  first.propose(said(7n, 10));
  await waitFor(() => first.applied.length === 7);
  log.first = log.records.findLastIndex(({ isSnapshot }) => isSnapshot) + 1;
  await using later = await ClusterNode.open(log, 2n);
  assertEquals([later.commitLog.logId, later.commitLog.firstSeq], [101n, 6]);
  assertEquals(later.texts, ["6:7.10"]);
  assertEquals(later.applied[0]!.isRemote, true);
  const { snapshot } = later;
  assertEquals([snapshot.length > 0, later.commitLog.snapshot], [true, []]);
  assertEquals(snapshot.filter(({ type }) => type === "joined").map((entry) => (entry as Joined).sessionId), [
    7n,
    8n,
  ]);
  assertEquals(snapshot.filter(({ type }) => type === "joined").map(({ nodeId }) => nodeId), [1n, 1n]);
  assertEquals(snapshot.filter(({ type }) => type === "said").map((entry) => (entry as Said).clientSeq), [
    9,
    3,
  ]);
  assertEquals(snapshot.filter(({ type }) => type === "backups"), [
    { type: "backups", timeMs: 0, backups: ["a:1"] },
    { type: "backups", timeMs: 0, backups: ["b:2"], nodeId: 1n },
  ]);
  // It numbers on from where the others are, and drops the batches that they have dropped.
  log.inject(log.records.at(-1)!.bytes);
  later.propose(said(8n, 4));
  await waitFor(() => first.applied.length === 8 && later.applied.length === 2);
  assertEquals([first.texts.at(-1), later.texts.at(-1)], ["7:8.4", "7:8.4"]);
});

Deno.test("Of a long log a node reads the end alone", async () => {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 1n, { snapshotEvents: 100 });
  const long = { ...said(1n, 1), text: "x".repeat(60_000) } as ProposedEvent;
  for (let clientSeq = 1; clientSeq <= 400; clientSeq++) {
    writer.propose({ ...long, clientSeq } as ProposedEvent);
  }
  await waitFor(() => writer.applied.length === 400);
  await waitFor(() => log.records.filter(({ isSnapshot }) => isSnapshot).length >= 3);
  await using later = await ClusterNode.open(log, 2n);
  assert(later.commitLog.firstSeq > 0, `${later.commitLog.firstSeq}`);
  assertEquals(later.applied.at(-1)?.seq, 399);
});

Deno.test("A store that cannot be read fails the start, after a while", async () => {
  const log = new FakeLog();
  const store = new FakeStore(log);
  store.state = () => Promise.reject(new Error("no"));
  await assertRejects(() => openCommitLog(store, 1n), Error, "no");
});

Deno.test("A node that starts while a part of the log is forgotten tries again, and not forever", async () => {
  for (const isMended of [true, false]) {
    const log = new FakeLog();
    await using first = await ClusterNode.open(log, 1n);
    first.propose(said(1n, 1));
    await waitFor(() => first.applied.length === 1);
    const [, stored] = log.records;
    log.records[1] = { ...stored!, isAfterGap: true };
    const opening = ClusterNode.open(log, 2n, { openTimeoutMs: isMended ? 60_000 : 0 });
    if (isMended) {
      setTimeout(() => log.records[1] = stored!, 1);
      await using server = await opening;
      assertEquals([server.texts, server.news], [["0:1.1"], []]);
    } else assertEquals((await assertRejects(() => opening, NatsError)).code, "nats-log-cut");
  }
});

Deno.test("Old entries have their age on the clocks of this process", async () => {
  const log = new FakeLog();
  log.timeMs = now.wallMs - 60_000;
  await using first = await ClusterNode.open(log, 1n);
  first.propose(said(1n, 1));
  await waitFor(() => first.applied.length === 1);
  const clock = () => ({ wallMs: now.wallMs, monotonicMs: 1_000_000 });
  const commitLog = await openCommitLog(new FakeStore(log), 2n, {}, clock);
  const moments: number[] = [];
  commitLog.subscribe((_entry, _seq, { monotonicMs }) => moments.push(monotonicMs), () => {});
  assertEquals(moments, [940_000]);
  await commitLog.close();
});

Deno.test("A store that has less than it said is asked again, and not forever", async () => {
  for (const isMended of [true, false]) {
    const log = new FakeLog();
    await using first = await ClusterNode.open(log, 1n);
    first.propose(said(1n, 1));
    await waitFor(() => first.applied.length === 1);
    const store = new FakeStore(log);
    const { state } = store;
    let asked = 0;
    store.state = async () => {
      const truth = await state.call(store);
      return asked++ === 0 || !isMended ? { ...truth, lastPosition: truth.lastPosition + 3 } : truth;
    };
    const timeouts = { readTimeoutMs: 20, rereadAfterMs: 20, openTimeoutMs: isMended ? 60_000 : 0 };
    const opening = openCommitLog(store, 2n, timeouts);
    if (isMended) await (await opening).close();
    else assertEquals((await assertRejects(() => opening, NatsError)).code, "nats-unread");
    store.close();
  }
});

Deno.test("A read that yields nothing to a node that starts is restarted", async () => {
  const log = new FakeLog();
  await using first = await ClusterNode.open(log, 1n);
  first.propose(said(1n, 1));
  await waitFor(() => first.applied.length === 1);
  const store = new FakeStore(log);
  const { read } = store;
  const { promise: isAnew, resolve } = Promise.withResolvers<void>();
  store.restartRead = resolve;
  store.read = async function* (from) {
    await isAnew;
    yield* read.call(store, from);
  };
  const timeouts = { readTimeoutMs: 50, rereadAfterMs: 50, openTimeoutMs: 1_000 };
  await (await openCommitLog(store, 2n, timeouts)).close();
  store.close();
});

/** A log with this many entries. */
async function logOf(count: number): Promise<FakeLog> {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 9n);
  for (let n = 1; n <= count; n++) {
    writer.propose(said(1n, n));
    await waitFor(() => writer.applied.length === n);
  }
  return log;
}

Deno.test("A store that yields one record at a time to a node that starts is not given up", async () => {
  const log = await logOf(3);
  const store = new FakeStore(log);
  const { read } = store;
  let [asked, isAsked] = [0, Promise.withResolvers<void>()];
  store.restartRead = () => {
    if (++asked % 2 === 0) isAsked.resolve();
  };
  store.read = async function* (from) {
    for await (const stored of read.call(store, from)) {
      await isAsked.promise;
      isAsked = Promise.withResolvers();
      yield stored;
    }
  };
  await (await openCommitLog(store, 1n, { rereadAfterMs: 10, readTimeoutMs: 30 })).close();
  assertEquals(asked, 8); // twice per record
});

Deno.test("A node that finds the log truncated while it starts tries again, and ends the first read", async () => {
  const log = await logOf(2);
  const store = new FakeStore(log);
  const { read } = store;
  let [reads, ended] = [0, 0];
  store.read = async function* (from) {
    const isFirst = ++reads === 1;
    try {
      for await (const stored of read.call(store, from)) {
        yield stored;
        if (isFirst) yield { ...stored, timeMs: stored.timeMs + 1 };
      }
    } finally {
      ended++;
    }
  };
  const commitLog = await openCommitLog(store, 1n, { openTimeoutMs: 60_000 });
  const taken: number[] = [];
  commitLog.subscribe((_entry, seq) => taken.push(seq), () => {});
  assertEquals([taken, reads, ended, log.records.length], [[0, 1], 2, 1, 3]);
  await commitLog.close();
});

Deno.test("A node that has given up a start ends its read", async () => {
  const log = await logOf(1);
  const store = new FakeStore(log);
  const { state, read } = store;
  let ended = 0;
  store.state = async () => ({ ...await state.call(store), lastPosition: 99 });
  store.read = async function* (from) {
    try {
      yield* read.call(store, from);
    } finally {
      ended++;
    }
  };
  const timeouts = { rereadAfterMs: 5, readTimeoutMs: 5 };
  await assertRejects(() => openCommitLog(store, 1n, timeouts), NatsError);
  log.inject(new Uint8Array());
  await waitFor(() => ended === 1);
});
