// The commit log of --data: only stored events are committed, and a full disk stalls the room and loses nothing.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { StoreError } from "../../lib/errors.ts";
import { CommitLogFixture, SettableClock } from "../testing/commit_log_fixture.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";
import { waitFor } from "../testing/waiting.ts";

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
  assertEquals([log.applied, log.store.nextSeq, log.commitLog.logId], [[], 0, log.store.logId]);
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
