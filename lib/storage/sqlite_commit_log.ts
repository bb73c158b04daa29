// The commit log of `--data`: `deliver` writes all pending events in one transaction, and an event is committed once the
// disk has it.

import { type Clock, makeReplayClock } from "../base/time.ts";
import { errorMessage, StoreError, systemReason } from "../errors.ts";
import type { Uncommitted } from "../protocol/frames.ts";
import type { Apply, CommitLog } from "../room/commit_log.ts";
import type { EntryStore } from "./sqlite_store.ts";

/** Entries over `retainEntries` before the log prunes: one by one would cost too much, and many at once would stall the
 * room. */
const MAX_OVER_RETENTION = 1_000;

export interface StorageConfig {
  /** What a committed event survives: `full`, a power cut; `normal`, the end of the process. */
  readonly sync: "full" | "normal";
  readonly retainEntries: number;
  readonly retainMs: number;
  /** For the text of private messages. */
  readonly retainPrivateMs: number;
  /** Between two checks for old entries, and of the file being in its place. */
  readonly checkIntervalMs: number;
  /** Time between two attempts to write. */
  readonly retryMs: number;
}

/** Owns the store: disposing the log writes the pending events and closes the store. */
export class SqliteCommitLog implements CommitLog, AsyncDisposable {
  /** Called with the error when writing begins to fail, and with undefined when it works again. */
  onStalled: (error: StoreError | undefined) => void = () => {};
  readonly logId: bigint;
  readonly #store: EntryStore;
  readonly #config: StorageConfig;
  readonly #clock: Clock;
  readonly #checkTimer: ReturnType<typeof setInterval>;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  /** Proposed and not written. */
  #pending: Uncommitted[] = [];
  /** Written and not applied: the disk may not have them yet. */
  #unsynced: Uncommitted[] = [];
  /** `seq` after the last event applied. */
  #appliedSeq: number;
  /** `seq` after the last event that the disk has. */
  #syncedSeq: number;
  #syncing: Promise<void> | undefined;
  #hasSyncFailed = false;
  #isGone = false;
  readonly #started: { readonly monotonicMs: number; readonly newestMs: number; readonly elapsedMs: number };
  #isBlocked = false;
  #apply: Apply = () => {};
  #onReady = () => {};

  constructor(store: EntryStore, config: StorageConfig, clock: Clock) {
    this.logId = store.logId;
    this.#store = store;
    this.#config = config;
    this.#clock = clock;
    this.#appliedSeq = this.#syncedSeq = store.nextSeq;
    const { wallMs, monotonicMs } = clock();
    const { storedAtMs, timeMs } = store.newest(wallMs) ?? { storedAtMs: wallMs, timeMs: wallMs };
    const elapsedMs = Math.max(0, wallMs - (timeMs || storedAtMs));
    this.#started = { monotonicMs, newestMs: storedAtMs, elapsedMs };
    this.#prune();
    this.#checkTimer = setInterval(() => this.#check(), config.checkIntervalMs);
  }

  get firstSeq(): number {
    return this.#store.firstSeq;
  }

  get snapshot(): Iterable<Uncommitted> {
    return this.#store.snapshot();
  }

  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  get storedBytes(): number | undefined {
    try {
      return this.#store.bytes;
    } catch {
      return undefined; // the file is gone: #check() has reported it
    }
  }

  subscribe(apply: Apply, onReady: () => void): void {
    [this.#apply, this.#onReady] = [apply, onReady];
    const { monotonicMs } = this.#clock();
    // An entry must not seem older than it is.
    const wallMs = this.#believedMs(this.#config.retainPrivateMs / 2);
    const replayClock = makeReplayClock(() => ({ wallMs, monotonicMs }));
    for (const { seq, storedAtMs, event } of this.#store.entries()) {
      apply(event, seq, replayClock(storedAtMs));
    }
  }

  propose(event: Uncommitted): void {
    this.#pending.push(event);
    if (this.#pending.length === 1) this.#onReady();
  }

  deliver(): void {
    if (this.#retryTimer === undefined) this.#write();
    this.#deliverSynced();
    const { retainEntries } = this.#config;
    const surplus = this.#syncedSeq - this.#store.firstSeq - retainEntries;
    if (surplus > Math.min(MAX_OVER_RETENTION, retainEntries)) this.#prune();
  }

  /** @throws {StoreError} `data-gone` */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#checkTimer);
    clearTimeout(this.#retryTimer);
    await this.#syncing;
    clearTimeout(this.#retryTimer); // the sync may have failed, as may the next write
    this.#retryTimer = undefined;
    this.#write();
    await this.#syncing;
    clearTimeout(this.#retryTimer);
    using store = this.#store;
    store.checkInPlace();
  }

  #write(): void {
    if (this.#pending.length === 0 && !this.#isBlocked) return;
    try {
      if (this.#isGone) this.#store.checkInPlace();
      this.#isGone = false;
      if (this.#hasSyncFailed) this.#store.checkpointWal();
      this.#hasSyncFailed = false;
      this.#store.append(this.#pending, this.#believedMs(this.#config.retainMs / 2));
    } catch (cause) {
      return this.#fail(cause);
    }
    this.#unsynced.push(...this.#pending);
    this.#pending = [];
    if (this.#isBlocked) {
      this.#isBlocked = false;
      this.onStalled(undefined);
    }
    if (this.#config.sync === "normal") this.#syncedSeq = this.#store.nextSeq;
    else this.#syncing ??= this.#sync().finally(() => this.#syncing = undefined);
  }

  /** Syncs until everything written is synced: each sync covers what was written during the one before. */
  async #sync(): Promise<void> {
    while (this.#syncedSeq < this.#store.nextSeq && !this.#isBlocked) {
      const { nextSeq } = this.#store;
      try {
        await this.#store.sync();
      } catch (cause) {
        this.#hasSyncFailed = true;
        return this.#fail(cause);
      }
      this.#syncedSeq = nextSeq;
      this.#onReady();
    }
  }

  #deliverSynced(): void {
    const count = this.#syncedSeq - this.#appliedSeq;
    if (count === 0) return;
    const now = this.#clock();
    const firstSeq = this.#appliedSeq;
    this.#appliedSeq += count;
    const synced = this.#unsynced.splice(0, count);
    for (const [index, event] of synced.entries()) this.#apply(event, firstSeq + index, now);
  }

  #check(): void {
    this.#prune();
    if (this.#isGone || !this.#store.isSuspect) return;
    try {
      this.#store.checkInPlace();
    } catch (cause) {
      this.#isGone = true;
      this.#fail(cause);
    }
  }

  /** The time of day, in ms since 1970 UTC, without trust in the wall clock, which may be years ahead: since the last
   * entry at most `maxElapsedMs` passed before this start, and from then on the monotonic clock counts. */
  #believedMs(maxElapsedMs: number): number {
    const { monotonicMs, newestMs, elapsedMs } = this.#started;
    return newestMs + Math.min(elapsedMs, maxElapsedMs) + this.#clock().monotonicMs - monotonicMs;
  }

  #prune(): void {
    const { retainEntries, retainMs, retainPrivateMs } = this.#config;
    const nowMs = this.#believedMs(retainMs / 2);
    // Private messages from before this start: until half of the time is over, only half of it counts.
    const isEarly = this.#clock().monotonicMs - this.#started.monotonicMs < retainPrivateMs / 2;
    const privateNowMs = isEarly ? Math.min(nowMs, this.#believedMs(retainPrivateMs / 2)) : nowMs;
    try {
      this.#store.deletePrivate(privateNowMs - retainPrivateMs);
      this.#store.prune({ entries: retainEntries, sinceMs: nowMs - retainMs });
    } catch {
      // The next prune tries again. If the store cannot be written at all, #write() reports it.
    }
  }

  /** Blocks the log until a retry writes the pending events. */
  #fail(cause: unknown): void {
    const reason = errorMessage(cause);
    this.#retryTimer ??= setTimeout(() => {
      this.#retryTimer = undefined;
      this.#onReady();
    }, this.#config.retryMs);
    if (this.#isBlocked) return;
    this.#isBlocked = true;
    if (cause instanceof StoreError) return this.onStalled(cause);
    const code = systemReason(cause) === "no-space" ? "disk-full" : "disk-failed";
    this.onStalled(new StoreError(code, { reason }, { cause }));
  }
}
