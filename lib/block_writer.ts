// What is proposed, as blocks on their way into a store: one after another, each tried until it is there. Knows
// nothing of what comes back.

import { setTimeout as delay } from "node:timers/promises";
import { concat } from "@std/bytes/concat";
import { encodeBlockHead } from "./nats_block.ts";
import type { StreamStore } from "./nats_store.ts";

/** Most bytes of a block: it is stored as one message. */
const MAX_BATCH_BYTES = 262_144;
/** How long something may take to be stored until the store counts as away, in ms. */
const UNAVAILABLE_AFTER_MS = 2_000;
/** From try to try, in ms. */
const AGAIN_MS = 200;
/** A store that takes longer than this to fail, in ms, is not there to ask whether it is gone for good. */
const FAST_FAILURE_MS = 1_000;
/** How long it must have been gone before that is believed, in ms: a cluster that starts may not know better. */
const DELETED_MS = 30_000;

/** What a writer needs. */
export interface BlockWriterOptions {
  /** This server's id. */
  readonly nodeId: bigint;
  /** Monotonic, in ms. */
  readonly nowMs: () => number;
  /** Told at which position a block is stored. */
  readonly onStored?: (position: number, number: number) => void;
  /** Told when what is to be stored waits, and when all that waited is stored. */
  readonly onAway?: (isAway: boolean) => void;
  /** Told that a checkpoint has more bytes than the store takes as one: it is given up. */
  readonly onTooLong?: (bytes: number) => void;
  /** Told that the store is gone for good. */
  readonly onGone?: () => void;
  readonly awayMs?: number;
  readonly goneMs?: number;
}

/** Something to be stored under an id: however often it is tried, it is there once. */
interface Job {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly id: string;
  readonly isCheckpoint: boolean;
  /** How many entries it has. */
  readonly count: number;
  /** Whether a longer block of the same number was tried before, and may be there. */
  readonly isPart: boolean;
  /** Fulfilled when it was read back, or the longer one: with how many entries are there. */
  readonly seen: PromiseWithResolvers<number>;
}

/** Writes the blocks of one server. */
export class BatchWriter {
  readonly #store: StreamStore;
  readonly #options: BlockWriterOptions;
  /** What is not stored yet, what is being stored first. */
  #waiting: Uint8Array<ArrayBuffer>[] = [];
  #waitingBytes = 0;
  #checkpoint: Job | undefined;
  /** The block that is being stored. */
  #block: Job | undefined;
  /** Number of the block that is being stored, or will be. */
  #number = 1;
  /** Whether one of this number was too long. */
  #isInParts = false;
  #isWriting = false;
  #isAway = false;
  #isClosed = false;
  /** How many entries have to be stored until it counts as back: those that waited when it took something again. */
  #owed: number | undefined;

  constructor(store: StreamStore, options: BlockWriterOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Bytes of what is not stored yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether the store is away. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** Whether everything is stored. */
  get isIdle(): boolean {
    return !this.#isWriting;
  }

  /** Has an entry stored, as part of a block. */
  add(entry: Uint8Array<ArrayBuffer>): void {
    this.#waiting.push(entry);
    this.#waitingBytes += entry.length;
    this.#writeSoon();
  }

  /** Has a checkpoint stored, unless one is on its way. */
  addCheckpoint(bytes: Uint8Array<ArrayBuffer>, id: string): void {
    const seen = Promise.withResolvers<number>();
    this.#checkpoint ??= { bytes, id, isCheckpoint: true, count: 0, isPart: false, seen };
    this.#writeSoon();
  }

  /** A block of this server has come back, with so many entries: it is stored, whether or not anybody said so. */
  see(number: number, count: number): void {
    if (number === this.#number) this.#block?.seen.resolve(count);
  }

  close(): void {
    this.#isClosed = true;
    for (const job of [this.#block, this.#checkpoint]) job?.seen.resolve(job.count);
  }

  #writeSoon(): void {
    if (this.#isWriting || this.#isClosed) return;
    this.#isWriting = true;
    // What is proposed at once goes into one block.
    queueMicrotask(() => void this.#writeAll());
  }

  async #writeAll(): Promise<void> {
    while (!this.#isClosed && (this.#checkpoint || this.#waiting.length > 0)) {
      const job = this.#checkpoint ?? (this.#block = this.#nextBlock());
      const stored = await this.#write(job);
      if (job.isCheckpoint) {
        this.#checkpoint = undefined;
        if (stored === undefined) this.#options.onTooLong?.(job.bytes.length);
      } else {
        this.#isInParts = stored === undefined;
        if (stored === undefined) continue;
        this.#number++;
        for (const entry of this.#waiting.slice(0, stored)) this.#waitingBytes -= entry.length;
        this.#waiting = this.#waiting.slice(stored);
      }
      this.#noteDone(stored ?? 0);
    }
    this.#isWriting = false;
  }

  /** As many entries as make a block. */
  #nextBlock(): Job {
    const most = Math.min(MAX_BATCH_BYTES, this.#store.maxBytes / 2);
    let bytes = 0;
    let count = 0;
    for (const entry of this.#waiting) {
      if (count > 0 && bytes + entry.length > most) break;
      bytes += entry.length;
      count++;
    }
    const { nodeId: server } = this.#options;
    const head = encodeBlockHead({ server, number: this.#number });
    return {
      bytes: concat([head, ...this.#waiting.slice(0, count)]),
      id: `${server.toString(16)}-${this.#number}`,
      isCheckpoint: false,
      count,
      isPart: this.#isInParts,
      seen: Promise.withResolvers(),
    };
  }

  /** Tries until it is stored: the next one must not come before it. Returns how many entries are; undefined if it is
   * given up instead: it is longer than what the store takes by now, and need not be. */
  async #write(job: Job): Promise<number | undefined> {
    const { nowMs, awayMs = UNAVAILABLE_AFTER_MS, goneMs = DELETED_MS, onStored, onGone } = this.#options;
    const away = setTimeout(() => this.#noteAway(), awayMs);
    let goneSinceMs: number | undefined;
    let stored: number | undefined;
    const seen = job.seen.promise.then((count) => void (stored = count));
    while (stored === undefined && !this.#isClosed && !this.#isTooLong(job)) {
      const beganMs = nowMs();
      try {
        const position = await Promise.race([this.#store.append(job.bytes, job), seen]);
        if (typeof position === "number" && job === this.#block) onStored?.(position, this.#number);
        // What is there under this number may be the longer one: only who reads it knows.
        if (job.isPart) await seen;
        stored ??= job.count;
        break;
      } catch {
        await Promise.race([delay(AGAIN_MS), seen]);
      }
      const isThere = nowMs() - beganMs < FAST_FAILURE_MS;
      if (!isThere || !await this.#store.isServerDown().catch(() => false)) goneSinceMs = undefined;
      else if (nowMs() - (goneSinceMs ??= beganMs) >= goneMs) {
        this.#isClosed = true;
        onGone?.();
      }
    }
    clearTimeout(away);
    return stored;
  }

  /** One entry alone cannot be made shorter. */
  #isTooLong({ bytes, count, isCheckpoint }: Job): boolean {
    return (isCheckpoint || count > 1) && bytes.length > this.#store.maxBytes;
  }

  #noteAway(): void {
    if (this.#isClosed) return;
    this.#owed = undefined;
    if (this.#isAway) return;
    this.#isAway = true;
    this.#options.onAway?.(true);
  }

  #noteDone(count: number): void {
    if (!this.#isAway || this.#isClosed) return;
    this.#owed = this.#owed === undefined ? this.#waiting.length : this.#owed - count;
    if (this.#owed > 0) return;
    this.#isAway = false;
    this.#options.onAway?.(false);
  }
}
