// A journal in a file: what is given back is stored, what is not stored is not given back, and a disk that is
// full holds everybody up and loses nothing.

import { assert, assertEquals } from "@std/assert";
import { DEFAULT_CONFIG } from "../../lib/server/config.ts";
import { SqliteStore } from "../../lib/storage/sqlite_store.ts";
import type { ChatError } from "../../lib/errors.ts";
import { SqliteCommitLog, type StorageConfig } from "../../lib/storage/sqlite_commit_log.ts";
import type { Uncommitted } from "../../lib/protocol/frames.ts";
import { waitFor, withTimeout } from "../support.ts";
import { TestFolder, writing } from "../test_folder.ts";

const announced = (text: string): Uncommitted => ({ type: "announced", timeMs: 5, text });

/** Two clocks that a test sets. */
class Hands {
  wallMs = 1_700_000_000_000;
  monotonicMs = 5_000;

  readonly now = () => ({ wallMs: this.wallMs, monotonicMs: this.monotonicMs });

  advance(ms: number): void {
    this.wallMs += ms;
    this.monotonicMs += ms;
  }
}

interface Bench {
  readonly file: SqliteStore;
  readonly commitLog: SqliteCommitLog;
  readonly clock: Hands;
  /** What was given back: seq and text. */
  readonly given: [number, string][];
  /** When, on the monotonic clock. */
  readonly ticks: number[];
  readonly troubles: (string | undefined)[];
  /** Settles until the journal has no more work. */
  settle(): Promise<void>;
}

/** Gives the test a journal on a file of this name. */
async function withCommitLog(
  path: string,
  act: (bench: Bench) => Promise<void> | void,
  config: Partial<StorageConfig> = {},
  clock = new Hands(),
) {
  const file = await SqliteStore.open(path);
  const troubles: (string | undefined)[] = [];
  await using commitLog = new SqliteCommitLog(file, { ...DEFAULT_CONFIG.storage, ...config }, clock.now);
  commitLog.onStalled = (error: ChatError | undefined) => troubles.push(error?.code);
  const given: [number, string][] = [];
  const ticks: number[] = [];
  let work = Promise.withResolvers<void>();
  commitLog.subscribe((entry, seq, { monotonicMs }) => {
    given.push([seq, entry.type === "announced" ? entry.text : entry.type]);
    ticks.push(monotonicMs);
  }, () => work.resolve());
  const settle = async () => {
    await withTimeout(work.promise, "work");
    work = Promise.withResolvers<void>();
    commitLog.deliver();
  };
  await act({ file, commitLog, clock, given, ticks, troubles, settle });
}

function breakDown(file: SqliteStore, errcode: number): { mend(): void } {
  const { append } = file;
  file.append = () => {
    throw Object.assign(new Error("no good"), { errcode });
  };
  return { mend: () => file.append = append };
}

Deno.test(
  "What is proposed is given back once the disk has it, in order, with its number",
  writing,
  async () => {
    await using folder = new TestFolder();
    await withCommitLog(`${folder.path}/a`, async ({ file, commitLog, given, settle }) => {
      commitLog.propose(announced("uno"));
      commitLog.propose(announced("dos"));
      assertEquals([given, file.nextSeq], [[], 0]);
      await settle(); // stores
      assertEquals([given, file.nextSeq], [[], 2]);
      await settle(); // the disk has it
      assertEquals(given, [[0, "uno"], [1, "dos"]]);
      commitLog.propose(announced("tres"));
      await settle();
      commitLog.propose(announced("cuatro"));
      await settle();
      await settle();
      if (given.length < 4) await settle();
      assertEquals(given.slice(2), [[2, "tres"], [3, "cuatro"]]);
    });
  },
);

Deno.test("With a quick file what is proposed is given back once it is stored", writing, async () => {
  await using folder = new TestFolder();
  await withCommitLog(`${folder.path}/a`, async ({ commitLog, given, settle }) => {
    commitLog.propose(announced("uno"));
    await settle();
    assertEquals(given, [[0, "uno"]]);
  }, { sync: "normal" });
});

Deno.test(
  "What waits when the journal ends is stored, and what is stored comes back first",
  writing,
  async () => {
    await using folder = new TestFolder();
    const clock = new Hands();
    await withCommitLog(
      `${folder.path}/a`,
      async ({ commitLog, settle }) => {
        commitLog.propose(announced("uno"));
        await settle();
        clock.advance(1_000);
        commitLog.propose(announced("dos"));
      },
      {},
      clock,
    );
    clock.advance(60_000);
    await withCommitLog(
      `${folder.path}/a`,
      async ({ commitLog, given, ticks, settle }) => {
        assertEquals(given, [[0, "uno"], [1, "dos"]]);
        // When it was, on the clock of now.
        assertEquals(ticks.map((monotonicMs) => clock.now().monotonicMs - monotonicMs), [61_000, 60_000]);
        commitLog.propose(announced("tres"));
        await settle();
        await settle();
        assertEquals(given.at(-1), [2, "tres"]);
      },
      {},
      clock,
    );
  },
);

Deno.test("Times never go back, though somebody has set the clock", writing, async () => {
  await using folder = new TestFolder();
  const clock = new Hands();
  for (const setMs of [0, 3_600_000, -7_200_000]) {
    clock.wallMs += setMs;
    await withCommitLog(
      `${folder.path}/a`,
      async ({ commitLog, ticks, settle }) => {
        const nowMs = clock.now().monotonicMs;
        assert(
          ticks.every((monotonicMs, i) => monotonicMs <= nowMs && monotonicMs >= (ticks[i - 1] ?? -Infinity)),
          `${ticks}`,
        );
        commitLog.propose(announced("x"));
        await settle();
      },
      {},
      clock,
    );
  }
});

for (const [errcode, code] of [[13, "disk-full"], [10, "disk-failed"]] as const) {
  Deno.test(
    `A disk that fails with ${errcode} holds everybody up, is told of once, and loses nothing`,
    writing,
    async () => {
      await using folder = new TestFolder();
      await withCommitLog(`${folder.path}/a`, async ({ file, commitLog, given, troubles, settle }) => {
        const failure = breakDown(file, errcode);
        commitLog.propose(announced("uno"));
        for (let i = 0; i < 3; i++) await settle();
        assertEquals([commitLog.isBlocked, given, troubles], [true, [], [code]]);
        commitLog.propose(announced("dos"));
        failure.mend();
        while (given.length < 2) await settle();
        assertEquals([commitLog.isBlocked, given], [false, [[0, "uno"], [1, "dos"]]]);
        assertEquals(troubles, [code, undefined]);
      }, { retryMs: 1 });
      await withCommitLog(`${folder.path}/a`, ({ given }) => assertEquals(given.length, 2));
    },
  );
}

Deno.test("What a disk may have given up is written elsewhere before it is given back", writing, async () => {
  await using folder = new TestFolder();
  await withCommitLog(`${folder.path}/a`, async ({ file, commitLog, given, troubles, settle }) => {
    const { sync, checkpointWal } = file;
    let all = 0;
    file.sync = () => Promise.reject(new Error("lost"));
    file.checkpointWal = () => {
      all++;
      checkpointWal.call(file);
    };
    commitLog.propose(announced("uno"));
    await settle();
    await waitFor(() => troubles.length > 0);
    assertEquals([commitLog.isBlocked, given, all], [true, [], 0]);
    file.sync = sync;
    while (given.length === 0) await settle();
    assertEquals([commitLog.isBlocked, given, all], [false, [[0, "uno"]], 1]);
    assertEquals(troubles, ["disk-failed", undefined]);
  }, { retryMs: 1 });
});

Deno.test("Too much and too old entries are forgotten, and words of private messages", writing, async () => {
  await using folder = new TestFolder();
  const clock = new Hands();
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
    async ({ file, commitLog, given, settle }) => {
      for (let i = 0; i < 8; i++) {
        commitLog.propose(announced(`${i}`));
        await settle();
      }
      assertEquals([file.firstSeq, given.length], [0, 8]);
      commitLog.propose(announced("8"));
      await settle();
      assertEquals([file.firstSeq, file.nextSeq, given.length], [5, 9, 9]);
      commitLog.propose(secret);
      await settle();
    },
    limits,
    clock,
  );
  const secretOf = (file: SqliteStore) =>
    [...file.entries()].map(({ event }) => event).find(({ type }) => type === "said");
  clock.advance(10_000);
  await withCommitLog(`${folder.path}/a`, ({ file }) => assertEquals(secretOf(file), secret), limits, clock);
  clock.advance(1);
  const trace: Uncommitted = {
    type: "said",
    timeMs: 0,
    sessionId: 1n,
    clientSeq: 1,
    redelivered: false,
    nick: "",
    text: "",
  };
  await withCommitLog(`${folder.path}/a`, ({ file }) => assertEquals(secretOf(file), trace), limits, clock);
  clock.advance(100_000);
  await withCommitLog(
    `${folder.path}/a`,
    ({ file }) => assertEquals(file.firstSeq, file.nextSeq - 1),
    limits,
    clock,
  );
});

Deno.test("A disk that fails is left alone until it is time to try again", writing, async () => {
  await using folder = new TestFolder();
  await withCommitLog(`${folder.path}/a`, async ({ file, commitLog, settle }) => {
    let tries = 0;
    const { append } = file;
    file.append = () => {
      tries++;
      throw new Error("no good");
    };
    commitLog.propose(announced("uno"));
    await settle();
    for (let i = 0; i < 3; i++) commitLog.deliver();
    assertEquals(tries, 1);
    file.append = append;
  }, { retryMs: 60_000 });
  await withCommitLog(`${folder.path}/a`, ({ given }) => assertEquals(given, [[0, "uno"]]));
});
