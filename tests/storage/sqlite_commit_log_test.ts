// The commit log of --data: only stored events are committed, and a full disk stalls the room and loses nothing.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../lib/base/time.ts";
import { StoreError } from "../../lib/errors.ts";
import type { LogEntry, Said, Uncommitted } from "../../lib/protocol/frames.ts";
import { tombstone } from "../../lib/room/state.ts";
import { SqliteCommitLog, type StorageConfig } from "../../lib/storage/sqlite_commit_log.ts";
import { SqliteStore } from "../../lib/storage/sqlite_store.ts";
import { enterAs, say } from "../testing/raw_peer.ts";
import { testConfig } from "../testing/test_config.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";
import { startServer } from "../testing/test_server.ts";
import { waitFor, withTimeout } from "../testing/waiting.ts";

class SettableClock {
  wallMs = 1_700_000_000_000;
  monotonicMs = 5_000;

  readonly now = () => ({ wallMs: this.wallMs, monotonicMs: this.monotonicMs });

  advance(ms: number): void {
    this.wallMs += ms;
    this.monotonicMs += ms;
  }
}

/** A commit log on a file, and what it applies. */
class CommitLogFixture implements AsyncDisposable {
  readonly store: SqliteStore;
  readonly commitLog: SqliteCommitLog;
  /** `seq` and text of the events applied. */
  readonly applied: [number, string][] = [];
  /** When, on the monotonic clock. */
  readonly appliedAtMs: number[] = [];
  /** Codes that `onStalled` got. */
  readonly stalls: (string | undefined)[] = [];
  readonly #clock: SettableClock;
  #ready = Promise.withResolvers<void>();

  private constructor(store: SqliteStore, config: Partial<StorageConfig>, clock: SettableClock) {
    const { now } = clock;
    this.store = store;
    this.#clock = clock;
    this.commitLog = new SqliteCommitLog(store, testConfig({ storage: config }).storage, now);
    this.commitLog.onStalled = (error) => this.stalls.push(error?.code);
    this.commitLog.subscribe((event, seq, { monotonicMs }) => {
      this.applied.push([seq, event.type === "announced" ? event.text : event.type]);
      this.appliedAtMs.push(monotonicMs);
    }, () => this.#ready.resolve());
  }

  static async open(
    path: string,
    config: Partial<StorageConfig> = {},
    clock = new SettableClock(),
  ): Promise<CommitLogFixture> {
    return new CommitLogFixture(await SqliteStore.open(path), config, clock);
  }

  propose(text: string): void {
    this.commitLog.propose({ type: "announced", timeMs: this.#clock.wallMs, text });
  }

  /** Waits for `onReady` and delivers. */
  async deliver(): Promise<void> {
    await withTimeout(this.#ready.promise, "onReady");
    this.#ready = Promise.withResolvers();
    this.commitLog.deliver();
  }

  /** Makes writes to the disk fail until `repair`. Counts them. */
  breakWrites(errcode: number): { count: number; repair(): void } {
    const { store } = this;
    const { append } = store;
    const broken = { count: 0, repair: () => void (store.append = append) };
    store.append = () => {
      broken.count++;
      throw Object.assign(new Error("no good"), { errcode });
    };
    return broken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.commitLog[Symbol.asyncDispose]();
  }
}

function test(title: string, check: (path: string) => Promise<void>): void {
  Deno.test(`SqliteCommitLog ${title}`, writing, async () => {
    await using folder = new TestFolder();
    await check(`${folder.path}/room.db`);
  });
}

test("commits events in order once the disk has them", async (path) => {
  await using log = await CommitLogFixture.open(path);
  log.propose("uno");
  log.propose("dos");
  assertEquals([log.applied, log.store.nextSeq], [[], 0]);
  await log.deliver(); // writes
  assertEquals([log.applied, log.store.nextSeq], [[], 2]);
  await log.deliver(); // the disk has it
  assertEquals(log.applied, [[0, "uno"], [1, "dos"]]);
  log.propose("tres");
  while (log.applied.length < 3) await log.deliver();
  assertEquals(log.applied[2], [2, "tres"]);
});

test("commits an event that was written during a sync after the next sync, not before", async (path) => {
  await using log = await CommitLogFixture.open(path);
  const syncs: PromiseWithResolvers<void>[] = [];
  log.store.sync = () => {
    syncs.push(Promise.withResolvers());
    return syncs.at(-1)!.promise;
  };
  log.propose("uno");
  await log.deliver();
  log.propose("dos");
  await log.deliver();
  assertEquals([syncs.length, log.store.nextSeq, log.applied], [1, 2, []]);
  syncs[0]!.resolve();
  await log.deliver();
  assertEquals([syncs.length, log.applied], [2, [[0, "uno"]]]);
  syncs[1]!.resolve();
  await log.deliver();
  assertEquals([syncs.length, log.applied], [2, [[0, "uno"], [1, "dos"]]]);
});

test("with `sync: normal` commits an event once it is written", async (path) => {
  await using log = await CommitLogFixture.open(path, { sync: "normal" });
  log.store.sync = () => Promise.reject(new Error("not to be called"));
  log.propose("uno");
  await log.deliver();
  assertEquals([log.applied, log.stalls], [[[0, "uno"]], []]);
});

test("writes pending events when it is disposed of, and applies stored events at the next start", async (path) => {
  const clock = new SettableClock();
  {
    await using log = await CommitLogFixture.open(path, {}, clock);
    log.propose("uno");
    await log.deliver();
    clock.advance(1_000);
    log.propose("dos");
  }
  clock.advance(60_000);
  await using log = await CommitLogFixture.open(path, {}, clock);
  assertEquals(log.applied, [[0, "uno"], [1, "dos"]]);
  // The time of storing, on the clock of this process.
  assertEquals(log.appliedAtMs.map((monotonicMs) => clock.monotonicMs - monotonicMs), [61_000, 60_000]);
  log.propose("tres");
  while (log.applied.length < 3) await log.deliver();
  assertEquals(log.applied.at(-1), [2, "tres"]);
});

test("never lets times decrease, though the wall clock was set", async (path) => {
  const clock = new SettableClock();
  for (const setMs of [0, 3_600_000, -7_200_000]) {
    clock.wallMs += setMs;
    await using log = await CommitLogFixture.open(path, {}, clock);
    const isOrdered = log.appliedAtMs.every((ms, i) => ms >= (log.appliedAtMs[i - 1] ?? -Infinity));
    assert(isOrdered && log.appliedAtMs.every((ms) => ms <= clock.monotonicMs), `${log.appliedAtMs}`);
    log.propose("x");
    await log.deliver();
  }
});

for (const [errcode, code] of [[13, "disk-full"], [10, "disk-failed"]] as const) {
  test(`blocks when a write fails with ${errcode}, reports ${code} once, and loses nothing`, async (path) => {
    {
      await using log = await CommitLogFixture.open(path, { retryMs: 1 });
      const broken = log.breakWrites(errcode);
      log.propose("uno");
      for (let i = 0; i < 3; i++) await log.deliver();
      assertEquals([log.commitLog.isBlocked, log.applied, log.stalls], [true, [], [code]]);
      log.propose("dos");
      broken.repair();
      while (log.applied.length < 2) await log.deliver();
      assertEquals([log.commitLog.isBlocked, log.applied], [false, [[0, "uno"], [1, "dos"]]]);
      assertEquals(log.stalls, [code, undefined]);
    }
    await using log = await CommitLogFixture.open(path);
    assertEquals(log.applied.length, 2);
  });
}

test("does not repeat a failed write before the retry is due, but when it is disposed of", async (path) => {
  {
    await using log = await CommitLogFixture.open(path, { retryMs: 60_000 });
    const broken = log.breakWrites(10);
    log.propose("uno");
    await log.deliver();
    for (let i = 0; i < 3; i++) log.commitLog.deliver();
    assertEquals(broken.count, 1);
    broken.repair();
  }
  await using log = await CommitLogFixture.open(path);
  assertEquals(log.applied, [[0, "uno"]]);
});

test("writes the WAL into the file after a failed sync, before its events are committed", async (path) => {
  await using log = await CommitLogFixture.open(path, { retryMs: 1 });
  const { sync, checkpointWal } = log.store;
  let walFlushes = 0;
  log.store.sync = () => Promise.reject(new Error("lost"));
  log.store.checkpointWal = () => {
    walFlushes++;
    checkpointWal.call(log.store);
  };
  log.propose("uno");
  await log.deliver();
  await waitFor(() => log.stalls.length > 0);
  assertEquals([log.commitLog.isBlocked, log.applied, walFlushes], [true, [], 0]);
  log.store.sync = sync;
  while (log.applied.length === 0) await log.deliver();
  log.propose("dos");
  while (log.applied.length < 2) await log.deliver();
  assertEquals([log.commitLog.isBlocked, log.applied, walFlushes], [false, [[0, "uno"], [1, "dos"]], 1]);
  assertEquals(log.stalls, ["disk-failed", undefined]);
});

test("writes the WAL into the file when the sync fails that runs when it is disposed of", async (path) => {
  const log = await CommitLogFixture.open(path);
  let walFlushes = 0;
  log.store.sync = () => Promise.reject(new Error("lost"));
  log.store.checkpointWal = () => void walFlushes++;
  log.propose("uno");
  await log.deliver();
  await log[Symbol.asyncDispose]();
  assertEquals(walFlushes, 1);
});

test("prunes entries once they are over the retention by as many again", async (path) => {
  await using log = await CommitLogFixture.open(path, { retainEntries: 4, sync: "normal" });
  for (let i = 0; i < 8; i++) {
    log.propose(`${i}`);
    await log.deliver();
  }
  assertEquals([log.store.firstSeq, log.applied.length], [0, 8]);
  log.propose("8");
  await log.deliver();
  assertEquals([log.store.firstSeq, log.store.nextSeq, log.applied.length], [5, 9, 9]);
});

const DAY_MS = 86_400_000;
const YEARS_MS = 5_000 * DAY_MS;
/** By default, entries are kept for 30 days, and private messages for an hour. */
const PRIVATE_MS = 3_600_000;
const PRIVATE: Uncommitted<Said> = {
  ...tombstone(1n, 1),
  timeMs: new SettableClock().wallMs,
  nick: "ana",
  text: "s",
  to: { sessionId: 2n, nick: "beto" },
};

function firstOf({ store }: CommitLogFixture): Uncommitted | undefined {
  return [...store.entries()][0]?.event;
}

/** Runs a server for some time, which is long enough for a prune: a private message is stored, and an announcement. */
async function runFor(path: string, clock: SettableClock, ms: number): Promise<void> {
  await using log = await CommitLogFixture.open(path, { sync: "normal" }, clock);
  log.commitLog.propose({ ...PRIVATE, timeMs: clock.wallMs });
  log.propose("uno");
  await log.deliver();
  clock.advance(ms);
}

test("prunes old entries, and the text of private messages, at intervals and at the start", async (path) => {
  const clock = new SettableClock();
  await runFor(path, clock, PRIVATE_MS / 2);
  {
    await using log = await CommitLogFixture.open(path, { checkIntervalMs: 1 }, clock);
    assertEquals(firstOf(log), PRIVATE);
    clock.advance(PRIVATE_MS / 2 + 1);
    await waitFor(() => (firstOf(log) as Said).text === "", "the next prune");
    clock.advance(30 * DAY_MS);
    await waitFor(() => log.store.firstSeq === 1, "the next prune");
  }
  await using log = await CommitLogFixture.open(path, { retainMs: DAY_MS, retainEntries: 1 }, clock);
  assertEquals(log.applied.map(([, text]) => text), ["uno"]);
});

test("prunes nothing early because the clock is years ahead at a start", async (path) => {
  const clock = new SettableClock();
  await runFor(path, clock, 60_000);
  clock.wallMs += YEARS_MS;
  for (let start = 0; start < 3; start++) {
    await using log = await CommitLogFixture.open(path, {}, clock);
    assertEquals(firstOf(log), PRIVATE);
    assertEquals(log.appliedAtMs.map((ms) => clock.monotonicMs - ms), Array(2).fill(PRIVATE_MS / 2));
  }
  clock.wallMs -= YEARS_MS;
  clock.advance(60_000);
  await using log = await CommitLogFixture.open(path, {}, clock);
  assertEquals(firstOf(log), PRIVATE);
});

test("prunes nothing early because the clock is years behind at every other start", async (path) => {
  const clock = new SettableClock();
  await runFor(path, clock, 60_000);
  for (let start = 0; start < 6; start++) {
    clock.wallMs += start % 2 ? YEARS_MS : -YEARS_MS;
    await runFor(path, clock, 60_000);
  }
  await using log = await CommitLogFixture.open(path, {}, clock);
  assertEquals([firstOf(log), log.store.firstSeq], [PRIVATE, 0]);
});

test("prunes nothing early because the clock is set while it runs", async (path) => {
  const clock = new SettableClock();
  clock.wallMs = 1_000; // a machine without a battery
  await using log = await CommitLogFixture.open(path, { checkIntervalMs: 1, sync: "normal" }, clock);
  log.commitLog.propose({ ...PRIVATE, timeMs: clock.wallMs });
  await log.deliver();
  clock.wallMs += YEARS_MS;
  let prunes = 0;
  log.store.prune = () => void prunes++;
  await waitFor(() => prunes > 1, "two prunes");
  assertEquals(firstOf(log), { ...PRIVATE, timeMs: 1_000 });
});

test("prunes after a long absence once half of the time is over again", async (path) => {
  const clock = new SettableClock();
  await runFor(path, clock, 0);
  clock.wallMs += 60 * DAY_MS;
  await using log = await CommitLogFixture.open(path, { checkIntervalMs: 1 }, clock);
  assertEquals(firstOf(log), PRIVATE);
  clock.advance(PRIVATE_MS / 2 + 1);
  await waitFor(() => (firstOf(log) as Said).text === "", "the private message to be pruned");
  assertEquals(log.store.firstSeq, 0);
  clock.advance(15 * DAY_MS);
  await waitFor(() => log.store.firstSeq === 1, "the entries to be pruned");
});

test("blocks while its file is away, reports data-gone once, and confirms nothing", async (path) => {
  await using log = await CommitLogFixture.open(path, { checkIntervalMs: 1, retryMs: 1 });
  const { checkInPlace } = log.store;
  Object.defineProperty(log.store, "isSuspect", { value: true });
  let checks = 0;
  log.store.checkInPlace = () => {
    checks++;
    throw new StoreError("data-gone", { path });
  };
  await waitFor(() => log.commitLog.isBlocked);
  log.propose("uno");
  const before = checks;
  while (checks < before + 3) await log.deliver();
  Object.defineProperty(log.store, "bytes", { get: log.store.checkInPlace });
  assertEquals([log.applied, log.stalls, log.commitLog.storedBytes], [[], ["data-gone"], undefined]);
  log.store.checkInPlace = checkInPlace;
  while (log.applied.length === 0) await log.deliver();
  assertEquals(log.stalls, ["data-gone", undefined]);
});

test("rejects its disposal if its file is away, and closes it", async (path) => {
  const log = await CommitLogFixture.open(path);
  log.propose("uno");
  await log.deliver();
  log.store.checkInPlace = () => {
    throw new StoreError("data-gone", { path });
  };
  assertEquals((await assertRejects(() => log[Symbol.asyncDispose](), StoreError)).code, "data-gone");
  await using again = await CommitLogFixture.open(path);
  assertEquals(again.applied, [[0, "uno"]]);
});

async function startStoredServer(path: string) {
  const commitLog = new SqliteCommitLog(await SqliteStore.open(path), testConfig().storage, systemClock);
  const resources = new AsyncDisposableStack();
  resources.use(commitLog);
  return { server: resources.use(startServer({ commitLog, room: { graceMs: 200 } })), resources };
}

test("continues a room after a kill: a client that resumes in time has not left", async (path) => {
  let logId: bigint;
  const killed = `${path}.killed`;
  {
    const { server, resources } = await startStoredServer(path);
    await using _ = resources;
    const ana = await enterAs("ana", server);
    ({ logId } = ana.welcome);
    const beto = await enterAs("beto", server);
    const eva = await enterAs("eva", server);
    for (const peer of [ana, beto, eva]) resources.use(peer);
    await eva.send(say(1, "and goodbye"), { type: "bye" });
    await eva.receiveAll();
    await ana.send(say(1), say(2));
    while ((await ana.receive() as LogEntry).seq !== 6);
    for (const end of ["", "-wal"]) await Deno.copyFile(`${path}${end}`, `${killed}${end}`);
  }
  const { server, resources } = await startStoredServer(killed);
  await using _ = resources;
  const ana = await enterAs("ana", server, { lagMs: 0, resumePoints: [{ logId, nextSeq: 3 }] });
  resources.use(ana);
  const { startSeq, head, lastClientSeq, members } = ana.welcome;
  assertEquals([ana.welcome.logId, startSeq, head, lastClientSeq], [logId, 3, 7, 2]);
  assertEquals(members.map(({ nick }) => nick), ["ana", "beto"]);
  const texts = ana.history.map((entry) => entry.type === "said" ? entry.text : entry.type);
  assertEquals(texts, ["and goodbye", "left", "t1", "t2"]);
  assertEquals((await ana.expect("left")).nick, "beto");
  const eva = await enterAs("eva", server, { historyCount: 5 });
  resources.use(eva);
  assertEquals(eva.welcome.lastClientSeq, 1);
  assertEquals(eva.history.filter(({ type }) => type === "said").length, 3);
  await eva.send(say(1), say(2, "again"));
  assertEquals((await eva.expect("said")).text, "again");
});
