// A journal that keeps everything in a file: what is proposed is stored when it is settled, all at once, and given
// back when the disk has it.

import type { Clock } from "../base/time.ts";
import type { SqliteStore } from "./sqlite_store.ts";
import { StoreError } from "../errors.ts";
import type { Apply, CommitLog } from "../room/commit_log.ts";
import type { Uncommitted } from "../protocol/frames.ts";
import { systemReason } from "../errors.ts";

/** How many entries are kept. */
const RETAINED_ENTRIES = 100_000;
/** How long entries are kept, in ms. */
const RETAIN_MS = 30 * 24 * 3_600_000;
/** How long the words of private messages are kept, in ms: as long as they may have to be shown again. */
const RETAIN_PRIVATE_MS = 3_600_000;
/** How many entries more than are to be kept may be there: to forget them one by one would cost too much, and many
 * at once would keep the room waiting. */
const MAX_OVER_RETENTION = 1_000;
/** How often it is looked for what is too old, in ms. */
const PRUNE_INTERVAL_MS = 60_000;
/** After what time it is tried again to store something, in ms. */
const RETRY_MS = 1_000;

/** What the file outlasts: `full`, a power cut; `normal`, the end of the process. */
type SyncMode = "full" | "normal";

/** What the journal needs. */
export interface SqliteCommitLogOptions {
  readonly clock: Clock;
  readonly sync?: SyncMode;
  readonly retainEntries?: number;
  readonly retainMs?: number;
  readonly privateMs?: number;
  readonly retryMs?: number;
  readonly pruneIntervalMs?: number;
  /** Told that nothing can be stored, once, and with undefined that it can be again. */
  readonly onStalled?: (error: StoreError | undefined) => void;
}

/** A journal in a file, which it closes in the end. */
export class SqliteCommitLog implements CommitLog, AsyncDisposable {
  readonly #file: SqliteStore;
  readonly #options: SqliteCommitLogOptions;
  readonly #pruneTimer: ReturnType<typeof setInterval>;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  /** What is proposed. */
  #pending: Uncommitted[] = [];
  /** What is stored and not given back. */
  #unsynced: Uncommitted[] = [];
  /** `seq` of the first of them. */
  #writtenSeq: number;
  /** `seq` behind the last that the disk has. */
  #syncedSeq: number;
  #syncing: Promise<void> | undefined;
  #hasSyncFailed = false;
  #isStuck = false;
  #apply: Apply = () => {};
  #onReady = () => {};

  constructor(file: SqliteStore, options: SqliteCommitLogOptions) {
    this.#file = file;
    this.#options = options;
    this.#writtenSeq = this.#syncedSeq = file.nextSeq;
    this.#prune();
    this.#pruneTimer = setInterval(() => this.#prune(), options.pruneIntervalMs ?? PRUNE_INTERVAL_MS);
  }

  get logId(): bigint {
    return this.#file.logId;
  }

  get firstSeq(): number {
    return this.#file.firstSeq;
  }

  get snapshot(): Iterable<Uncommitted> {
    return this.#file.snapshot();
  }

  get isBlocked(): boolean {
    return this.#isStuck;
  }

  get storedBytes(): number {
    return this.#file.bytes;
  }

  subscribe(apply: Apply, onReady: () => void): void {
    [this.#apply, this.#onReady] = [apply, onReady];
    const now = this.#options.clock();
    let monotonicMs = -Infinity;
    for (const { seq, storedAtMs, entry } of this.#file.entries()) {
      // Somebody may have set the clock meanwhile.
      monotonicMs = Math.max(monotonicMs, now.monotonicMs - Math.max(0, now.wallMs - storedAtMs));
      apply(entry, seq, { wallMs: storedAtMs, monotonicMs });
    }
  }

  propose(entry: Uncommitted): void {
    this.#pending.push(entry);
    if (this.#pending.length === 1) this.#onReady();
  }

  deliver(): void {
    if (this.#retryTimer === undefined) this.#store();
    this.#deliverSynced();
    const { retainEntries = RETAINED_ENTRIES } = this.#options;
    const surplus = this.#syncedSeq - this.#file.firstSeq - retainEntries;
    if (surplus > Math.min(MAX_OVER_RETENTION, retainEntries)) this.#prune();
  }

  /** Stores what waits, if it can, and closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#pruneTimer);
    clearTimeout(this.#retryTimer);
    await this.#syncing;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    this.#store();
    await this.#syncing;
    clearTimeout(this.#retryTimer);
    this.#file[Symbol.dispose]();
  }

  #store(): void {
    if (this.#pending.length === 0 && !this.#isStuck) return;
    try {
      if (this.#hasSyncFailed) this.#file.checkpointWal();
      this.#hasSyncFailed = false;
      this.#file.append(this.#pending, this.#options.clock().wallMs);
    } catch (cause) {
      return this.#fail(cause);
    }
    this.#unsynced.push(...this.#pending);
    this.#pending = [];
    if (this.#isStuck) {
      this.#isStuck = false;
      this.#options.onStalled?.(undefined);
    }
    if (this.#options.sync === "normal") this.#syncedSeq = this.#file.nextSeq;
    else this.#syncing ??= this.#sync().finally(() => this.#syncing = undefined);
  }

  /** One after the other: each is for all that was stored meanwhile. */
  async #sync(): Promise<void> {
    while (this.#syncedSeq < this.#file.nextSeq && !this.#isStuck) {
      const { nextSeq } = this.#file;
      try {
        await this.#file.sync();
      } catch (cause) {
        this.#hasSyncFailed = true;
        return this.#fail(cause);
      }
      this.#syncedSeq = nextSeq;
      this.#onReady();
    }
  }

  #deliverSynced(): void {
    const count = this.#syncedSeq - this.#writtenSeq;
    if (count === 0) return;
    const now = this.#options.clock();
    const firstSeq = this.#writtenSeq;
    this.#writtenSeq += count;
    const given = this.#unsynced.splice(0, count);
    for (const [index, entry] of given.entries()) this.#apply(entry, firstSeq + index, now);
  }

  #prune(): void {
    const { clock, retainEntries = RETAINED_ENTRIES, retainMs = RETAIN_MS, privateMs = RETAIN_PRIVATE_MS } =
      this.#options;
    const { wallMs } = clock();
    try {
      this.#file.deletePrivate(wallMs - privateMs);
      this.#file.prune({ entries: retainEntries, sinceMs: wallMs - retainMs });
    } catch {
      // What cannot be forgotten now will be later. Whoever cannot write at all finds out when storing.
    }
  }

  /** Nobody says anything more until something can be stored. */
  #fail(cause: unknown): void {
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#retryTimer ??= setTimeout(() => {
      this.#retryTimer = undefined;
      this.#onReady();
    }, this.#options.retryMs ?? RETRY_MS);
    if (this.#isStuck) return;
    this.#isStuck = true;
    const code = systemReason(cause) === "no-space" ? "disk-full" : "disk-failed";
    const error = new StoreError(code, { reason }, { cause });
    this.#options.onStalled?.(error);
  }
}
