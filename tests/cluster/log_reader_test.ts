// LogReader: the snapshot that a node begins with, what it reads of the log, and when it gives up.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../lib/base/time.ts";
import { createLog, findSnapshot } from "../../lib/cluster/log_reader.ts";
import { decodeSnapshot, encodeSnapshot, type Snapshot, tryDecode } from "../../lib/cluster/store.ts";
import { NatsError } from "../../lib/errors.ts";
import type { Joined, ProposedEvent, Said } from "../../lib/protocol/frames.ts";
import { FakeLeases, FakeLog, FakeStore } from "../testing/fake_store.ts";
import { ClusterNode, joined, openCommitLog, said } from "../testing/cluster_node.ts";
import { pure } from "../testing/test_options.ts";
import { waitFor } from "../testing/waiting.ts";

function snapshotAt(position: number, changes: Partial<Snapshot> = {}): Snapshot {
  return { logId: 5n, position, seq: 10 * position, batchSeqs: new Map(), events: [], ...changes };
}

/** A store with a batch for each undefined, and snapshots. */
function storeOf(...stored: (Snapshot | "garbage" | undefined)[]): FakeStore {
  const log = new FakeLog();
  for (const one of stored) {
    if (one === undefined) log.inject(new Uint8Array(1));
    else log.inject(one === "garbage" ? new Uint8Array(9) : encodeSnapshot(one), { isSnapshot: true });
  }
  return new FakeStore(log);
}

Deno.test("findSnapshot() takes the first snapshot after a position, or else the last", pure, async () => {
  const [one, two] = [snapshotAt(1), snapshotAt(3)];
  const store = storeOf(undefined, one, undefined, two, undefined);
  const found = [1, 2, 3, 4, 5].map((wanted) => findSnapshot(store, wanted, 1));
  assertEquals(await Promise.all(found), [one, one, two, two, two]);
});

const UNUSABLE = [
  ["that cannot be decoded", "garbage"],
  ["of its own position", snapshotAt(2)],
  ["of records that the store has lost since", snapshotAt(7)],
] as const;

for (const [which, bad] of UNUSABLE) {
  Deno.test(`findSnapshot() skips a snapshot ${which}`, pure, async () => {
    const good = snapshotAt(1);
    for (const wanted of [1, 2]) {
      assertEquals(await findSnapshot(storeOf(undefined, bad, good), wanted, 1), good);
    }
    assertEquals(await findSnapshot(storeOf(undefined, bad), 1, 1), undefined);
  });
}

Deno.test("findSnapshot() skips a snapshot if records after it are forgotten", pure, async () => {
  const good = snapshotAt(1);
  const found = [2, 3].map((first) => findSnapshot(storeOf(undefined, undefined, good), 1, first));
  assertEquals(await Promise.all(found), [good, undefined]);
});

Deno.test("createLog() creates one log for two nodes, each with an id of its own", pure, async () => {
  const log = new FakeLog();
  const ids: string[] = [];
  const store = new FakeStore(log);
  const append = store.append.bind(store);
  store.append = (bytes, options) => {
    ids.push(options.id);
    return append(bytes, options);
  };
  const create = (logId: bigint, last = 0) => createLog({ store, leases: new FakeLeases(), logId }, last);
  const created = [await create(5n), await create(6n)];
  assertEquals(created, [snapshotAt(0), undefined]);
  assertEquals([new Set(ids).size, log.records.length], [2, 1]);
  assertEquals(tryDecode(decodeSnapshot, log.records[0]!.bytes), snapshotAt(0));
  // After the records that are there.
  assertEquals(await create(7n, 1), { ...snapshotAt(1, { logId: 7n }), seq: 0 });
});

Deno.test("LogReader.open() finds the state of the other nodes, also of entries that are forgotten", async () => {
  const log = new FakeLog();
  await using first = await ClusterNode.open(log, 1n, { snapshotEvents: 6 });
  first.propose(joined(7n, 1n), said(7n, 9), { type: "backups", timeMs: 1, backups: ["a:1"] });
  first.propose({ type: "backups", timeMs: 1, backups: ["b:2"], nodeId: 1n }, joined(8n, 1n), said(8n, 3));
  await waitFor(() => log.records.filter(({ isSnapshot }) => isSnapshot).length > 1);
  log.inject(log.records[1]!.bytes); // stored twice, and covered by the snapshot
  first.propose(said(7n, 10));
  await waitFor(() => first.applied.length === 7);
  log.first = log.records.findLastIndex(({ isSnapshot }) => isSnapshot) + 1;
  await using later = await ClusterNode.open(log, 2n, { snapshotIntervalMs: 0 });
  assertEquals([later.commitLog.logId, later.commitLog.firstSeq, later.texts], [101n, 6, ["6:7.10"]]);
  assertEquals(later.applied[0]!.isRemote, true);
  const { snapshot } = later;
  assertEquals(later.commitLog.snapshot, []);
  const members = snapshot.filter(({ type }) => type === "joined") as (Joined & { nodeId?: bigint })[];
  assertEquals(members.map(({ sessionId, nodeId }) => [sessionId, nodeId]), [[7n, 1n], [8n, 1n]]);
  const counters = snapshot.filter(({ type }) => type === "said") as Said[];
  assertEquals(counters.map(({ clientSeq }) => clientSeq), [9, 3]);
  assertEquals(snapshot.filter(({ type }) => type === "backups"), [
    { type: "backups", timeMs: 0, backups: ["a:1"] },
    { type: "backups", timeMs: 0, backups: ["b:2"], nodeId: 1n },
  ]);
  // It numbers on from where the others are, and drops the batches that they have dropped.
  log.inject(log.records.at(-1)!.bytes);
  later.propose(said(8n, 4));
  await waitFor(() => first.applied.length === 8 && later.applied.length === 2);
  assertEquals([first.texts.at(-1), later.texts.at(-1)], ["7:8.4", "7:8.4"]);
  await later.check({ isLeader: true });
  await waitFor(() => log.records.at(-1)!.isSnapshot);
  const { events } = decodeSnapshot(log.records.at(-1)!.bytes);
  assertEquals(events.filter(({ type }) => type === "joined").length, 2);
});

Deno.test("LogReader.open() reads the end of a long log alone", async () => {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 1n, { snapshotEvents: 100 });
  const long = { ...said(1n, 1), text: "x".repeat(60_000) } as ProposedEvent;
  await writer.commit(
    ...Array.from({ length: 400 }, (_, n) => ({ ...long, clientSeq: n + 1 }) as ProposedEvent),
  );
  await waitFor(() => log.records.filter(({ isSnapshot }) => isSnapshot).length >= 3);
  assert(log.records.every(({ bytes }) => bytes.length < 270_000));
  await using later = await ClusterNode.open(log, 2n);
  assert(later.commitLog.firstSeq > 0, `${later.commitLog.firstSeq}`);
  assertEquals(later.applied.at(-1)?.seq, 399);
});

Deno.test("LogReader.open() gives old entries their age on the clocks of this process", async () => {
  const now = systemClock();
  const log = new FakeLog();
  log.timeMs = now.wallMs - 60_000;
  await using first = await ClusterNode.open(log, 1n);
  await first.commit(said(1n, 1));
  const clock = () => ({ wallMs: now.wallMs, monotonicMs: 1_000_000 });
  const commitLog = await openCommitLog(new FakeStore(log), 2n, { clock });
  const timesMs: number[] = [];
  commitLog.subscribe((_entry, _seq, { monotonicMs }) => timesMs.push(monotonicMs), () => {});
  assertEquals(timesMs, [940_000]);
  await commitLog.close();
});

/** A log with this many entries. */
async function logOf(count: number): Promise<FakeLog> {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 9n);
  for (let n = 1; n <= count; n++) await writer.commit(said(1n, n));
  return log;
}

Deno.test("LogReader.open() throws the error of a store that cannot be read", async () => {
  const log = new FakeLog();
  const store = new FakeStore(log);
  log.isDeleted = true;
  await assertRejects(() => openCommitLog(store, 1n), NatsError, "nats-stream-gone");
  store.state = () => Promise.reject(new Error("no"));
  await assertRejects(() => openCommitLog(store, 1n), Error, "no");
});

for (const isMended of [true, false]) {
  const openTimeoutMs = isMended ? 60_000 : 0;
  const outcome = isMended ? "tries again" : "gives up after openTimeoutMs";

  Deno.test(`LogReader.open() ${outcome} where records are missing`, async () => {
    const log = await logOf(1);
    const [, stored] = log.records;
    log.records[1] = { ...stored!, isAfterGap: true };
    const opening = ClusterNode.open(log, 2n, { openTimeoutMs });
    if (!isMended) return assertEquals((await assertRejects(() => opening, NatsError)).code, "nats-log-cut");
    setTimeout(() => log.records[1] = stored!, 1);
    await using node = await opening;
    assertEquals([node.texts, node.news], [["0:1.1"], []]);
  });

  Deno.test(`LogReader.open() ${outcome} where the store has less than it said`, async () => {
    const store = new FakeStore(await logOf(1));
    const { state } = store;
    let asked = 0;
    store.state = async () => {
      const truth = (await state.call(store))!;
      return asked++ === 0 || !isMended ? { ...truth, lastPosition: truth.lastPosition + 3 } : truth;
    };
    const opening = openCommitLog(store, 2n, { readTimeoutMs: 20, rereadAfterMs: 20, openTimeoutMs });
    if (isMended) await (await opening).close();
    else assertEquals((await assertRejects(() => opening, NatsError)).code, "nats-unread");
    store.close();
  });
}

Deno.test("LogReader.open() restarts a read that yields nothing for rereadAfterMs, and is patient with a slow one", async () => {
  const store = new FakeStore(await logOf(3));
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

Deno.test("LogReader.open() tries again where the log is truncated meanwhile, and ends the first read", async () => {
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
  const seqs: number[] = [];
  commitLog.subscribe((_entry, seq) => seqs.push(seq), () => {});
  assertEquals([seqs, reads, ended, log.records.length], [[0, 1], 2, 1, 3]);
  await commitLog.close();
});

Deno.test("LogReader.open() ends its read when it gives up", async () => {
  const log = await logOf(1);
  const store = new FakeStore(log);
  const { state, read } = store;
  let ended = 0;
  store.state = async () => ({ ...(await state.call(store))!, lastPosition: 99 });
  store.read = async function* (from) {
    try {
      yield* read.call(store, from);
    } finally {
      ended++;
    }
  };
  await assertRejects(() => openCommitLog(store, 1n, { rereadAfterMs: 5, readTimeoutMs: 5 }), NatsError);
  log.inject(new Uint8Array());
  await waitFor(() => ended === 1);
});
