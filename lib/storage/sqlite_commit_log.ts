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
/** How much older entries seem at most to clients, in ms, because no server ran: the wall clock may be years ahead. */
const MAX_DOWNTIME_MS = 1_800_000;

export interface StorageConfig {
  /** What a committed event survives: `full`, a power cut; `normal`, the end of the process. */
  readonly sync: "full" | "normal";
  readonly retainEntries: number;
  /** By the room's clock, which counts while a server runs. */
  readonly retainMs: number;
  /** For the text of private messages, by the same clock. */
  readonly retainPrivateMs: number;
  /** Between two checks for old entries, and of the file being in its place. The room's clock is saved then, too. */
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
  /** The room's clock less the monotonic one. */
  readonly #clockOffsetMs: number;
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
    this.#clockOffsetMs = (store.clockMs ?? wallMs) - monotonicMs;
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
    const { wallMs, monotonicMs } = this.#clock();
    const newest = this.#store.newest(wallMs);
    // Clients from another server need not read what was said here long before.
    const downtimeMs = newest ? Math.min(wallMs - newest.timeMs, MAX_DOWNTIME_MS) : 0;
    const nowMs = Math.max(this.#nowMs, (newest?.storedAtMs ?? 0) + downtimeMs);
    const replayClock = makeReplayClock(() => ({ wallMs: nowMs, monotonicMs }));
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
    this.#prune();
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
      this.#store.append(this.#pending, this.#nowMs);
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

  /** The room's clock, by which entries age. It stands still between two servers: only the wall clock would tell how
   * long, and one that is wrong must not delete anything. */
  get #nowMs(): number {
    return this.#clock().monotonicMs + this.#clockOffsetMs;
  }

  #prune(): void {
    const { retainEntries, retainMs, retainPrivateMs } = this.#config;
    const nowMs = this.#nowMs;
    try {
      this.#store.deletePrivate(nowMs - retainPrivateMs);
      this.#store.prune({ entries: retainEntries, sinceMs: nowMs - retainMs });
      this.#store.saveClock(nowMs);
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
