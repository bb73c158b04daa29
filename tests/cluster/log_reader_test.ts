// What a server that starts reads of a shared log, and when it gives up.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../lib/base/time.ts";
import { NatsError } from "../../lib/errors.ts";
import type { Joined, ProposedEvent, Said } from "../../lib/protocol/frames.ts";
import { ReplicatedCommitLog } from "../../lib/cluster/commit_log.ts";
import { FakeLog, FakeStore } from "./fake_store.ts";
import { ClusterNode, joined, said } from "./cluster_node.ts";
import { waitFor } from "../support.ts";

const now = systemClock();

Deno.test("A server that starts has what the others have, also of what is forgotten", async () => {
  const log = new FakeLog();
  await using first = await ClusterNode.open(log, 1n, { snapshotEntries: 6 });
  const isCheckpointed = () => log.records.filter(({ isSnapshot }) => isSnapshot).length > 1;
  first.say(joined(7n, 1n), said(7n, 9), { type: "backups", timeMs: 1, backups: ["a:1"] });
  first.say({ type: "backups", timeMs: 1, backups: ["b:2"], nodeId: 1n }, joined(8n, 1n), said(8n, 3));
  await waitFor(isCheckpointed);
  log.inject(log.records[1]!.bytes); // a second time, and counted before
  first.say(said(7n, 10));
  await waitFor(() => first.applied.length === 7);
  log.first = log.records.findLastIndex(({ isSnapshot }) => isSnapshot) + 1;
  await using later = await ClusterNode.open(log, 2n);
  assertEquals([later.commitLog.logId, later.commitLog.firstSeq], [101n, 6]);
  assertEquals(later.texts, ["6:7.10"]);
  assertEquals(later.applied[0]!.isRemote, true);
  const { past } = later;
  assertEquals([past.length > 0, later.commitLog.snapshot], [true, []]);
  assertEquals(past.filter(({ type }) => type === "joined").map((entry) => (entry as Joined).sessionId), [
    7n,
    8n,
  ]);
  assertEquals(past.filter(({ type }) => type === "joined").map(({ nodeId }) => nodeId), [1n, 1n]);
  assertEquals(past.filter(({ type }) => type === "said").map((entry) => (entry as Said).clientSeq), [9, 3]);
  assertEquals(past.filter(({ type }) => type === "backups"), [
    { type: "backups", timeMs: 0, backups: ["a:1"] },
    { type: "backups", timeMs: 0, backups: ["b:2"], nodeId: 1n },
  ]);
  // It goes on counting where the others are, and drops what they have dropped.
  log.inject(log.records.at(-1)!.bytes);
  later.say(said(8n, 4));
  await waitFor(() => first.applied.length === 8 && later.applied.length === 2);
  assertEquals([first.texts.at(-1), later.texts.at(-1)], ["7:8.4", "7:8.4"]);
});

Deno.test("Of a long past a server reads the end alone", async () => {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 1n, { snapshotEntries: 100 });
  const long = { ...said(1n, 1), text: "x".repeat(60_000) } as ProposedEvent;
  for (let clientSeq = 1; clientSeq <= 400; clientSeq++) writer.say({ ...long, clientSeq } as ProposedEvent);
  await waitFor(() => writer.applied.length === 400);
  await waitFor(() => log.records.filter(({ isSnapshot }) => isSnapshot).length >= 3);
  await using later = await ClusterNode.open(log, 2n);
  assert(later.commitLog.firstSeq > 0, `${later.commitLog.firstSeq}`);
  assertEquals(later.applied.at(-1)?.seq, 399);
});

Deno.test("A store that cannot be read ends the start, after a while", async () => {
  const log = new FakeLog();
  const store = new FakeStore(log);
  store.state = () => Promise.reject(new Error("no"));
  const options = { nodeId: 1n, logId: 2n, clock: systemClock, openTimeoutMs: 0 };
  await assertRejects(() => ReplicatedCommitLog.open(store, options), Error, "no");
});

Deno.test("A server that starts while a part of the log is forgotten tries again, and not forever", async () => {
  for (const isMended of [true, false]) {
    const log = new FakeLog();
    await using first = await ClusterNode.open(log, 1n);
    first.say(said(1n, 1));
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

Deno.test("Entries of the past have their age on the clocks of this process", async () => {
  const log = new FakeLog();
  log.timeMs = now.wallMs - 60_000;
  await using first = await ClusterNode.open(log, 1n);
  first.say(said(1n, 1));
  await waitFor(() => first.applied.length === 1);
  const commitLog = await ReplicatedCommitLog.open(new FakeStore(log), {
    ...{ nodeId: 2n, logId: 2n },
    clock: () => ({ wallMs: now.wallMs, monotonicMs: 1_000_000 }),
  });
  const moments: number[] = [];
  commitLog.subscribe((_entry, _seq, { monotonicMs }) => moments.push(monotonicMs), () => {});
  assertEquals(moments, [940_000]);
  await commitLog.close();
});

Deno.test("A store that has less than it said is asked again, and not forever", async () => {
  for (const isMended of [true, false]) {
    const log = new FakeLog();
    await using first = await ClusterNode.open(log, 1n);
    first.say(said(1n, 1));
    await waitFor(() => first.applied.length === 1);
    const store = new FakeStore(log);
    const { state } = store;
    let asked = 0;
    store.state = async () => {
      const truth = await state.call(store);
      return asked++ === 0 || !isMended ? { ...truth, lastPosition: truth.lastPosition + 3 } : truth;
    };
    const options = { nodeId: 2n, logId: 2n, clock: systemClock, readTimeoutMs: 20, rereadAfterMs: 20 };
    const opening = ReplicatedCommitLog.open(store, { ...options, openTimeoutMs: isMended ? 60_000 : 0 });
    if (isMended) await (await opening).close();
    else assertEquals((await assertRejects(() => opening, NatsError)).code, "nats-unread");
    store.close();
  }
});

Deno.test("A reader that gives nothing to a server that starts is made anew", async () => {
  const log = new FakeLog();
  await using first = await ClusterNode.open(log, 1n);
  first.say(said(1n, 1));
  await waitFor(() => first.applied.length === 1);
  const store = new FakeStore(log);
  const { read } = store;
  const { promise: isAnew, resolve } = Promise.withResolvers<void>();
  store.restartRead = resolve;
  store.read = async function* (from) {
    await isAnew;
    yield* read.call(store, from);
  };
  const options = {
    nodeId: 2n,
    logId: 2n,
    clock: systemClock,
    readTimeoutMs: 50,
    rereadAfterMs: 50,
    openTimeoutMs: 1_000,
  };
  await (await ReplicatedCommitLog.open(store, options)).close();
  store.close();
});

/** A log with so many entries. */
async function logOf(count: number): Promise<FakeLog> {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 9n);
  for (let n = 1; n <= count; n++) {
    writer.say(said(1n, n));
    await waitFor(() => writer.applied.length === n);
  }
  return log;
}

Deno.test("A store that gives little at a time to a server that starts is not given up", async () => {
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
  const options = {
    ...{ nodeId: 1n, logId: 101n, clock: systemClock },
    rereadAfterMs: 10,
    readTimeoutMs: 30,
    openTimeoutMs: 0,
  };
  await (await ReplicatedCommitLog.open(store, options)).close();
  assertEquals(asked, 8); // twice for each
});

Deno.test("A server that reads another end than there was while it starts begins again, and reads no more of before", async () => {
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
  const options = { nodeId: 1n, logId: 101n, clock: systemClock, openTimeoutMs: 60_000 };
  const commitLog = await ReplicatedCommitLog.open(store, options);
  const taken: number[] = [];
  commitLog.subscribe((_entry, seq) => taken.push(seq), () => {});
  assertEquals([taken, reads, ended, log.records.length], [[0, 1], 2, 1, 3]);
  await commitLog.close();
});

Deno.test("A server that has given a start up does not go on reading for it", async () => {
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
  const options = {
    ...{ nodeId: 1n, logId: 101n, clock: systemClock },
    rereadAfterMs: 5,
    readTimeoutMs: 5,
    openTimeoutMs: 0,
  };
  await assertRejects(() => ReplicatedCommitLog.open(store, options), NatsError);
  log.inject(new Uint8Array());
  await waitFor(() => ended === 1);
});
