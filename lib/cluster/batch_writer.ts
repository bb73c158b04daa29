// What is proposed, as blocks on their way into a store: one after another, each tried until it is there. Knows
// nothing of what comes back.

import { setTimeout as delay } from "node:timers/promises";
import { concat } from "@std/bytes/concat";
import { encodeBlockHead } from "./nats_block.ts";
import type { StreamStore } from "./store.ts";

/** Most bytes of a block: it is stored as one message. */
const MAX_BATCH_BYTES = 262_144;
/** How long something may take to be stored until the store counts as away, in ms. */
const UNAVAILABLE_AFTER_MS = 2_000;
/** From try to try, in ms. */
const RETRY_MS = 200;
/** A store that takes longer than this to fail, in ms, is not there to ask whether it is gone for good. */
const FAST_FAILURE_MS = 1_000;
/** How long it must have been gone before that is believed, in ms: a cluster that starts may not know better. */
const DELETED_MS = 30_000;

/** What a writer needs. */
interface BatchWriterOptions {
  /** This server's id. */
  readonly nodeId: bigint;
  /** Monotonic, in ms. */
  readonly nowMs: () => number;
  /** Told at which position a block is stored. */
  readonly onStored?: (position: number, batchSeq: number) => void;
  /** Told when what is to be stored waits, and when all that waited is stored. */
  readonly onStalled?: (isUnavailable: boolean) => void;
  /** Told that a checkpoint has more bytes than the store takes as one: it is given up. */
  readonly onSnapshotTooLarge?: (bytes: number) => void;
  /** Told that the store is gone for good. */
  readonly onStreamDeleted?: () => void;
  readonly unavailableAfterMs?: number;
  readonly deletedMs?: number;
}

/** Something to be stored under an id: however often it is tried, it is there once. */
interface PendingWrite {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly id: string;
  readonly isSnapshot: boolean;
  /** How many entries it has. */
  readonly entryCount: number;
  /** Whether a longer block of the same number was tried before, and may be there. */
  readonly isSplit: boolean;
  /** Fulfilled when it was read back, or the longer one: with how many entries are there. */
  readonly readBack: PromiseWithResolvers<number>;
}

/** Writes the blocks of one server. */
export class BatchWriter {
  readonly #store: StreamStore;
  readonly #options: BatchWriterOptions;
  /** What is not stored yet, what is being stored first. */
  #unwritten: Uint8Array<ArrayBuffer>[] = [];
  #unwrittenBytes = 0;
  #checkpoint: PendingWrite | undefined;
  /** The block that is being stored. */
  #batch: PendingWrite | undefined;
  /** Number of the block that is being stored, or will be. */
  #batchSeq = 1;
  /** Whether one of this number was too long. */
  #isSplitting = false;
  #isWriting = false;
  #isAway = false;
  #isClosed = false;
  /** How many entries have to be stored until it counts as back: those that waited when it took something again. */
  #backlog: number | undefined;

  constructor(store: StreamStore, options: BatchWriterOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Bytes of what is not stored yet. */
  get unwrittenBytes(): number {
    return this.#unwrittenBytes;
  }

  /** Whether the store is away. */
  get isUnavailable(): boolean {
    return this.#isAway;
  }

  /** Whether everything is stored. */
  get isIdle(): boolean {
    return !this.#isWriting;
  }

  /** Has an entry stored, as part of a block. */
  add(entry: Uint8Array<ArrayBuffer>): void {
    this.#unwritten.push(entry);
    this.#unwrittenBytes += entry.length;
    this.#writeSoon();
  }

  /** Has a checkpoint stored, unless one is on its way. */
  addSnapshot(bytes: Uint8Array<ArrayBuffer>, id: string): void {
    const readBack = Promise.withResolvers<number>();
    this.#checkpoint ??= { bytes, id, isSnapshot: true, entryCount: 0, isSplit: false, readBack };
    this.#writeSoon();
  }

  /** A block of this server has come back, with so many entries: it is stored, whether or not anybody said so. */
  onReadBack(batchSeq: number, count: number): void {
    if (batchSeq === this.#batchSeq) this.#batch?.readBack.resolve(count);
  }

  close(): void {
    this.#isClosed = true;
    for (const job of [this.#batch, this.#checkpoint]) job?.readBack.resolve(job.entryCount);
  }

  #writeSoon(): void {
    if (this.#isWriting || this.#isClosed) return;
    this.#isWriting = true;
    // What is proposed at once goes into one block.
    queueMicrotask(() => void this.#writeAll());
  }

  async #writeAll(): Promise<void> {
    while (!this.#isClosed && (this.#checkpoint || this.#unwritten.length > 0)) {
      const job = this.#checkpoint ?? (this.#batch = this.#nextBatch());
      const stored = await this.#write(job);
      if (job.isSnapshot) {
        this.#checkpoint = undefined;
        if (stored === undefined) this.#options.onSnapshotTooLarge?.(job.bytes.length);
      } else {
        this.#isSplitting = stored === undefined;
        if (stored === undefined) continue;
        this.#batchSeq++;
        for (const entry of this.#unwritten.slice(0, stored)) this.#unwrittenBytes -= entry.length;
        this.#unwritten = this.#unwritten.slice(stored);
      }
      this.#onWritten(stored ?? 0);
    }
    this.#isWriting = false;
  }

  /** As many entries as make a block. */
  #nextBatch(): PendingWrite {
    const most = Math.min(MAX_BATCH_BYTES, this.#store.maxBytes / 2);
    let bytes = 0;
    let entryCount = 0;
    for (const entry of this.#unwritten) {
      if (entryCount > 0 && bytes + entry.length > most) break;
      bytes += entry.length;
      entryCount++;
    }
    const { nodeId: nodeId } = this.#options;
    const head = encodeBlockHead({ nodeId, batchSeq: this.#batchSeq });
    return {
      bytes: concat([head, ...this.#unwritten.slice(0, entryCount)]),
      id: `${nodeId.toString(16)}-${this.#batchSeq}`,
      isSnapshot: false,
      entryCount,
      isSplit: this.#isSplitting,
      readBack: Promise.withResolvers(),
    };
  }

  /** Tries until it is stored: the next one must not come before it. Returns how many entries are; undefined if it is
   * given up instead: it is longer than what the store takes by now, and need not be. */
  async #write(job: PendingWrite): Promise<number | undefined> {
    const {
      nowMs,
      unavailableAfterMs = UNAVAILABLE_AFTER_MS,
      deletedMs = DELETED_MS,
      onStored,
      onStreamDeleted,
    } = this.#options;
    const away = setTimeout(() => this.#setUnavailable(), unavailableAfterMs);
    let goneSinceMs: number | undefined;
    let stored: number | undefined;
    const seen = job.readBack.promise.then((count) => void (stored = count));
    while (stored === undefined && !this.#isClosed && !this.#isTooLarge(job)) {
      const beganMs = nowMs();
      try {
        const position = await Promise.race([this.#store.append(job.bytes, job), seen]);
        if (typeof position === "number" && job === this.#batch) onStored?.(position, this.#batchSeq);
        // What is there under this number may be the longer one: only who reads it knows.
        if (job.isSplit) await seen;
        stored ??= job.entryCount;
        break;
      } catch {
        await Promise.race([delay(RETRY_MS), seen]);
      }
      const isThere = nowMs() - beganMs < FAST_FAILURE_MS;
      if (!isThere || !await this.#store.isDeleted().catch(() => false)) goneSinceMs = undefined;
      else if (nowMs() - (goneSinceMs ??= beganMs) >= deletedMs) {
        this.#isClosed = true;
        onStreamDeleted?.();
      }
    }
    clearTimeout(away);
    return stored;
  }

  /** One entry alone cannot be made shorter. */
  #isTooLarge({ bytes, entryCount, isSnapshot }: PendingWrite): boolean {
    return (isSnapshot || entryCount > 1) && bytes.length > this.#store.maxBytes;
  }

  #setUnavailable(): void {
    if (this.#isClosed) return;
    this.#backlog = undefined;
    if (this.#isAway) return;
    this.#isAway = true;
    this.#options.onStalled?.(true);
  }

  #onWritten(count: number): void {
    if (!this.#isAway || this.#isClosed) return;
    this.#backlog = this.#backlog === undefined ? this.#unwritten.length : this.#backlog - count;
    if (this.#backlog > 0) return;
    this.#isAway = false;
    this.#options.onStalled?.(false);
  }
}
