// How long the file of --data keeps entries and the text of private messages, with wall clocks that are wrong.

import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import type { Said, Uncommitted } from "../../lib/protocol/frames.ts";
import { tombstone } from "../../lib/room/state.ts";
import { SqliteStore } from "../../lib/storage/sqlite_store.ts";
import { CommitLogFixture, SettableClock } from "../testing/commit_log_fixture.ts";
import { Random } from "../testing/random.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";
import { waitFor } from "../testing/waiting.ts";

const DAY_MS = 86_400_000;
const YEARS_MS = 5_000 * DAY_MS;
/** By default, entries are kept for 30 days, and private messages for an hour. */
const RETAIN_MS = 30 * DAY_MS;
const PRIVATE_MS = 3_600_000;
const PRIVATE: Uncommitted<Said> = {
  ...tombstone(1n, 1),
  timeMs: new SettableClock().wallMs,
  nick: "ana",
  text: "s",
  to: { sessionId: 2n, nick: "beto" },
};

function test(title: string, check: (path: string) => Promise<void>): void {
  Deno.test(`SqliteCommitLog ${title}`, writing, async () => {
    await using folder = new TestFolder();
    await check(`${folder.path}/room.db`);
  });
}

function firstOf({ store }: CommitLogFixture): Uncommitted | undefined {
  return [...store.entries()][0]?.event;
}

/** Runs a server for some time, after a private message and an announcement are stored. */
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
    clock.advance(RETAIN_MS);
    await waitFor(() => log.store.firstSeq === 1, "the next prune");
  }
  await using log = await CommitLogFixture.open(path, { retainMs: DAY_MS, retainEntries: 1 }, clock);
  assertEquals(log.applied.map(([, text]) => text), ["uno"]);
});

test("prunes nothing early, whatever the wall clock says, and everything in the end", async (path) => {
  for (let seed = 0; seed < 5; seed++) {
    const random = new Random(seed);
    const clock = new SettableClock();
    const startMs = clock.wallMs;
    let trueMs = startMs;
    const pass = (ms: number) => {
      clock.advance(ms);
      trueMs += ms;
    };
    const setWallClock = () => {
      clock.wallMs = random.pick([clock.wallMs, clock.wallMs + YEARS_MS, trueMs, startMs + YEARS_MS, 1_000]);
    };
    const somewhile = () => random.pick([60_000, PRIVATE_MS / 3, DAY_MS, RETAIN_MS / 3]);
    /** When each event was stored, by a clock that is right. */
    const storedAtMs: number[] = [];
    let file = `${path}.${seed}`;
    for (let run = 0; run < 12; run++) {
      const killed = random.chance(0.3) ? `${path}.${seed}.${run}` : undefined;
      {
        await using log = await CommitLogFixture.open(file, { sync: "normal" }, clock);
        const left = new Map(Array.from(log.store.entries(), ({ seq, event }) => [seq, event]));
        for (const [seq, atMs] of storedAtMs.entries()) {
          const event = left.get(seq);
          const [what, ageMs] = [`seed ${seed}, run ${run}, seq ${seq}`, trueMs - atMs];
          assert(event || ageMs > RETAIN_MS, `${what}: deleted`);
          assert(event?.type !== "said" || event.text || ageMs > PRIVATE_MS, `${what}: without text`);
        }
        for (let count = random.below(4); count > 0; count--) {
          setWallClock();
          log.commitLog.propose({ ...PRIVATE, timeMs: clock.wallMs, clientSeq: storedAtMs.length + 1 });
          log.propose("uno");
          await log.deliver();
          storedAtMs.push(trueMs, trueMs);
          setWallClock();
          pass(somewhile());
        }
        if (killed) { for (const end of ["", "-wal"]) await Deno.copyFile(file + end, killed + end); }
      }
      file = killed ?? file;
      pass(somewhile());
      setWallClock();
    }
    await runFor(file, clock, 0);
    {
      await using _ = await CommitLogFixture.open(file, {}, clock);
      clock.advance(RETAIN_MS + 1);
    }
    await using log = await CommitLogFixture.open(file, {}, clock);
    assertEquals([...log.store.entries()].length, 1);
  }
});

test("prunes nothing early because the wall clock is set while it runs", async (path) => {
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

test("prunes the entries of a quiet room whose server starts every day", async (path) => {
  const clock = new SettableClock();
  await runFor(path, clock, 0);
  for (const ms of [...Array(30).fill(DAY_MS), 1]) {
    await using log = await CommitLogFixture.open(path, {}, clock);
    assertEquals(log.store.firstSeq, 0);
    clock.advance(ms);
  }
  await using log = await CommitLogFixture.open(path, {}, clock);
  assertEquals(log.store.firstSeq, 1);
});

test("saves the room's clock at intervals, for a start after a kill", async (path) => {
  const clock = new SettableClock();
  await using log = await CommitLogFixture.open(path, { checkIntervalMs: 1 }, clock);
  const before = log.store.clockMs!;
  clock.advance(DAY_MS);
  await waitFor(() => log.store.clockMs === before + DAY_MS, "the next save");
});

Deno.test("SqliteStore.clockMs is the last entry's if an old version stored it", writing, async () => {
  await using folder = new TestFolder();
  const path = `${folder.path}/room.db`;
  {
    using store = await SqliteStore.open(path);
    assertEquals(store.clockMs, undefined);
    store.append([PRIVATE], 100);
    store.saveClock(300);
    assertEquals(store.clockMs, 300);
    store.append([PRIVATE], 200); // an earlier version counts on from 100
    assertEquals(store.clockMs, 200);
  }
  {
    using db = new DatabaseSync(path);
    db.exec("DROP TABLE clock");
  }
  using store = await SqliteStore.open(path);
  assertEquals(store.clockMs, 200);
});

test("applies entries from before a downtime as at most half an hour older than they are", async (path) => {
  const clock = new SettableClock();
  await runFor(path, clock, 60_000);
  for (const [downtimeMs, ageMs] of [[0, 60_000], [60_000, 120_000], [YEARS_MS, 1_800_000]] as const) {
    clock.wallMs += downtimeMs;
    await using log = await CommitLogFixture.open(path, {}, clock);
    assertEquals(log.appliedAtMs.map((ms) => clock.monotonicMs - ms), [ageMs, ageMs]);
  }
  // The time of an entry that is later than now tells nothing.
  clock.wallMs -= 2 * YEARS_MS;
  await using log = await CommitLogFixture.open(path, {}, clock);
  assertEquals(log.appliedAtMs.map((ms) => clock.monotonicMs - ms), [60_000, 60_000]);
});
