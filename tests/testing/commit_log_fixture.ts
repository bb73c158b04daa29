// The commit log of --data on a file, with a clock that a test sets.

import { SqliteCommitLog, type StorageConfig } from "../../lib/storage/sqlite_commit_log.ts";
import { SqliteStore } from "../../lib/storage/sqlite_store.ts";
import { testConfig } from "./test_config.ts";
import { withTimeout } from "./waiting.ts";

/** Its wall clock can be set. */
export class SettableClock {
  wallMs = 1_700_000_000_000;
  monotonicMs = 5_000;

  readonly now = () => ({ wallMs: this.wallMs, monotonicMs: this.monotonicMs });

  advance(ms: number): void {
    this.wallMs += ms;
    this.monotonicMs += ms;
  }
}

/** A commit log on a file, and what it applies. */
export class CommitLogFixture implements AsyncDisposable {
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
