// The commit log in a file: only stored events are committed, and a full disk stalls the room and loses nothing.

import { assert, assertEquals } from "@std/assert";
import { DEFAULT_CONFIG } from "../../lib/server/config.ts";
import { SqliteStore } from "../../lib/storage/sqlite_store.ts";
import type { ChatError } from "../../lib/errors.ts";
import { SqliteCommitLog, type StorageConfig } from "../../lib/storage/sqlite_commit_log.ts";
import type { Uncommitted } from "../../lib/protocol/frames.ts";
import { waitFor, withTimeout } from "../testing/waiting.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";

const announced = (text: string): Uncommitted => ({ type: "announced", timeMs: 5, text });

class SettableClock {
  wallMs = 1_700_000_000_000;
  monotonicMs = 5_000;

  readonly now = () => ({ wallMs: this.wallMs, monotonicMs: this.monotonicMs });

  advance(ms: number): void {
    this.wallMs += ms;
    this.monotonicMs += ms;
  }
}

interface CommitLogFixture {
  readonly store: SqliteStore;
  readonly commitLog: SqliteCommitLog;
  readonly clock: SettableClock;
  /** `seq` and text of the events applied. */
  readonly applied: [number, string][];
  /** When, on the monotonic clock. */
  readonly appliedAtMs: number[];
  readonly stalls: (string | undefined)[];
  /** Waits for `onReady` and delivers. */
  deliver(): Promise<void>;
}

async function withCommitLog(
  path: string,
  act: (bench: CommitLogFixture) => Promise<void> | void,
  config: Partial<StorageConfig> = {},
  clock = new SettableClock(),
) {
  const store = await SqliteStore.open(path);
  const stalls: (string | undefined)[] = [];
  await using commitLog = new SqliteCommitLog(store, { ...DEFAULT_CONFIG.storage, ...config }, clock.now);
  commitLog.onStalled = (error: ChatError | undefined) => stalls.push(error?.code);
  const applied: [number, string][] = [];
  const appliedAtMs: number[] = [];
  let ready = Promise.withResolvers<void>();
  commitLog.subscribe((entry, seq, { monotonicMs }) => {
    applied.push([seq, entry.type === "announced" ? entry.text : entry.type]);
    appliedAtMs.push(monotonicMs);
  }, () => ready.resolve());
  const deliver = async () => {
    await withTimeout(ready.promise, "onReady");
    ready = Promise.withResolvers<void>();
    commitLog.deliver();
  };
  await act({ store, commitLog, clock, applied, appliedAtMs, stalls, deliver });
}

function breakStore(store: SqliteStore, errcode: number): { repair(): void } {
  const { append } = store;
  store.append = () => {
    throw Object.assign(new Error("no good"), { errcode });
  };
  return { repair: () => store.append = append };
}

Deno.test(
  "Proposed events are committed once the disk has them, in order, with their seq",
  writing,
  async () => {
    await using folder = new TestFolder();
    await withCommitLog(`${folder.path}/a`, async ({ store, commitLog, applied, deliver }) => {
      commitLog.propose(announced("uno"));
      commitLog.propose(announced("dos"));
      assertEquals([applied, store.nextSeq], [[], 0]);
      await deliver(); // writes
      assertEquals([applied, store.nextSeq], [[], 2]);
      await deliver(); // the disk has it
      assertEquals(applied, [[0, "uno"], [1, "dos"]]);
      commitLog.propose(announced("tres"));
      await deliver();
      commitLog.propose(announced("cuatro"));
      await deliver();
      await deliver();
      if (applied.length < 4) await deliver();
      assertEquals(applied.slice(2), [[2, "tres"], [3, "cuatro"]]);
    });
  },
);

Deno.test("With `sync: normal` an event is committed once it is written", writing, async () => {
  await using folder = new TestFolder();
  await withCommitLog(`${folder.path}/a`, async ({ commitLog, applied, deliver }) => {
    commitLog.propose(announced("uno"));
    await deliver();
    assertEquals(applied, [[0, "uno"]]);
  }, { sync: "normal" });
});

Deno.test(
  "Pending events are written at the end, and stored events are applied first",
  writing,
  async () => {
    await using folder = new TestFolder();
    const clock = new SettableClock();
    await withCommitLog(
      `${folder.path}/a`,
      async ({ commitLog, deliver }) => {
        commitLog.propose(announced("uno"));
        await deliver();
        clock.advance(1_000);
        commitLog.propose(announced("dos"));
      },
      {},
      clock,
    );
    clock.advance(60_000);
    await withCommitLog(
      `${folder.path}/a`,
      async ({ commitLog, applied, appliedAtMs, deliver }) => {
        assertEquals(applied, [[0, "uno"], [1, "dos"]]);
        // The time of storing, on the clock of this process.
        assertEquals(appliedAtMs.map((monotonicMs) => clock.now().monotonicMs - monotonicMs), [
          61_000,
          60_000,
        ]);
        commitLog.propose(announced("tres"));
        await deliver();
        await deliver();
        assertEquals(applied.at(-1), [2, "tres"]);
      },
      {},
      clock,
    );
  },
);

Deno.test("Times never decrease, though the wall clock was set", writing, async () => {
  await using folder = new TestFolder();
  const clock = new SettableClock();
  for (const setMs of [0, 3_600_000, -7_200_000]) {
    clock.wallMs += setMs;
    await withCommitLog(
      `${folder.path}/a`,
      async ({ commitLog, appliedAtMs, deliver }) => {
        const nowMs = clock.now().monotonicMs;
        assert(
          appliedAtMs.every((monotonicMs, i) =>
            monotonicMs <= nowMs && monotonicMs >= (appliedAtMs[i - 1] ?? -Infinity)
          ),
          `${appliedAtMs}`,
        );
        commitLog.propose(announced("x"));
        await deliver();
      },
      {},
      clock,
    );
  }
});

for (const [errcode, code] of [[13, "disk-full"], [10, "disk-failed"]] as const) {
  Deno.test(
    `A disk that fails with ${errcode} blocks the log, is reported once, and loses nothing`,
    writing,
    async () => {
      await using folder = new TestFolder();
      await withCommitLog(`${folder.path}/a`, async ({ store, commitLog, applied, stalls, deliver }) => {
        const failure = breakStore(store, errcode);
        commitLog.propose(announced("uno"));
        for (let i = 0; i < 3; i++) await deliver();
        assertEquals([commitLog.isBlocked, applied, stalls], [true, [], [code]]);
        commitLog.propose(announced("dos"));
        failure.repair();
        while (applied.length < 2) await deliver();
        assertEquals([commitLog.isBlocked, applied], [false, [[0, "uno"], [1, "dos"]]]);
        assertEquals(stalls, [code, undefined]);
      }, { retryMs: 1 });
      await withCommitLog(`${folder.path}/a`, ({ applied }) => assertEquals(applied.length, 2));
    },
  );
}

Deno.test(
  "After a failed sync the WAL is written into the file before its events are committed",
  writing,
  async () => {
    await using folder = new TestFolder();
    await withCommitLog(`${folder.path}/a`, async ({ store, commitLog, applied, stalls, deliver }) => {
      const { sync, checkpointWal } = store;
      let all = 0;
      store.sync = () => Promise.reject(new Error("lost"));
      store.checkpointWal = () => {
        all++;
        checkpointWal.call(store);
      };
      commitLog.propose(announced("uno"));
      await deliver();
      await waitFor(() => stalls.length > 0);
      assertEquals([commitLog.isBlocked, applied, all], [true, [], 0]);
      store.sync = sync;
      while (applied.length === 0) await deliver();
      assertEquals([commitLog.isBlocked, applied, all], [false, [[0, "uno"]], 1]);
      assertEquals(stalls, ["disk-failed", undefined]);
    }, { retryMs: 1 });
  },
);

Deno.test(
  "Entries over the retention are pruned, and private messages become tombstones",
  writing,
  async () => {
    await using folder = new TestFolder();
    const clock = new SettableClock();
    const limits = { retainEntries: 4, retainMs: 100_000, retainPrivateMs: 10_000, sync: "normal" } as const;
    const to = { sessionId: 2n, nick: "beto" };
    const secret: Uncommitted = {
      type: "said",
      timeMs: 5,
      sessionId: 1n,
      clientSeq: 1,
      redelivered: false,
      nick: "ana",
      text: "s",
      to,
    };
    await withCommitLog(
      `${folder.path}/a`,
      async ({ store, commitLog, applied, deliver }) => {
        for (let i = 0; i < 8; i++) {
          commitLog.propose(announced(`${i}`));
          await deliver();
        }
        assertEquals([store.firstSeq, applied.length], [0, 8]);
        commitLog.propose(announced("8"));
        await deliver();
        assertEquals([store.firstSeq, store.nextSeq, applied.length], [5, 9, 9]);
        commitLog.propose(secret);
        await deliver();
      },
      limits,
      clock,
    );
    const secretOf = (store: SqliteStore) =>
      [...store.entries()].map(({ event }) => event).find(({ type }) => type === "said");
    clock.advance(10_000);
    await withCommitLog(
      `${folder.path}/a`,
      ({ store }) => assertEquals(secretOf(store), secret),
      limits,
      clock,
    );
    clock.advance(1);
    const expected: Uncommitted = {
      type: "said",
      timeMs: 0,
      sessionId: 1n,
      clientSeq: 1,
      redelivered: false,
      nick: "",
      text: "",
    };
    await withCommitLog(
      `${folder.path}/a`,
      ({ store }) => assertEquals(secretOf(store), expected),
      limits,
      clock,
    );
    clock.advance(100_000);
    await withCommitLog(
      `${folder.path}/a`,
      ({ store }) => assertEquals(store.firstSeq, store.nextSeq - 1),
      limits,
      clock,
    );
  },
);

Deno.test("A failed write is not repeated before the retry is due", writing, async () => {
  await using folder = new TestFolder();
  await withCommitLog(`${folder.path}/a`, async ({ store, commitLog, deliver }) => {
    let tries = 0;
    const { append } = store;
    store.append = () => {
      tries++;
      throw new Error("no good");
    };
    commitLog.propose(announced("uno"));
    await deliver();
    for (let i = 0; i < 3; i++) commitLog.deliver();
    assertEquals(tries, 1);
    store.append = append;
  }, { retryMs: 60_000 });
  await withCommitLog(`${folder.path}/a`, ({ applied }) => assertEquals(applied, [[0, "uno"]]));
});
