// Appends proposed events to the store in batches, one at a time, each retried until it is stored.

import { concat } from "@std/bytes/concat";
import { delay } from "../base/time.ts";
import { encodeBatchHeader, type StreamStore } from "./store.ts";

const MAX_BATCH_BYTES = 262_144;
/** Between two attempts to append, in ms. */
const RETRY_MS = 200;

export interface BatchWriterConfig {
  /** How long an append may take, in ms, before the store counts as unavailable. */
  readonly unavailableAfterMs: number;
}

/** A batch or a snapshot that is being appended. */
interface PendingWrite {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The store drops a second record with the same id. */
  readonly id: string;
  readonly isSnapshot: boolean;
  readonly eventCount: number;
  /** Whether a longer batch with the same `batchSeq` was tried before, and may have been stored. */
  readonly isSplit: boolean;
  /** Fulfilled with the number of events when a batch with this `batchSeq` was read back. */
  readonly readBack: PromiseWithResolvers<number>;
}

export class BatchWriter {
  onAcknowledged: (position: number, batchSeq: number) => void = () => {};
  /** Called with true when events have waited for too long, with false when the store has caught up with them. */
  onStalled: (isUnavailable: boolean) => void = () => {};
  /** A snapshot was dropped: it is larger than the store's largest record. */
  onSnapshotTooLarge: (bytes: number) => void = () => {};
  readonly #store: StreamStore;
  readonly #nodeId: bigint;
  readonly #config: BatchWriterConfig;
  /** Encoded events that are not stored yet, those of the current batch first. */
  #unwritten: Uint8Array<ArrayBuffer>[] = [];
  #unwrittenBytes = 0;
  #snapshot: PendingWrite | undefined;
  #batch: PendingWrite | undefined;
  /** Of the current or the next batch. */
  #batchSeq = 1;
  /** Whether a batch with this `batchSeq` was too large. */
  #isSplitting = false;
  #isWriting = false;
  #isUnavailable = false;
  #isClosed = false;
  /** How many events must be stored until the store counts as available: those that waited when it took one again. */
  #backlog: number | undefined;

  constructor({ store, nodeId }: { store: StreamStore; nodeId: bigint }, config: BatchWriterConfig) {
    this.#store = store;
    this.#nodeId = nodeId;
    this.#config = config;
  }

  get unwrittenBytes(): number {
    return this.#unwrittenBytes;
  }

  get isUnavailable(): boolean {
    return this.#isUnavailable;
  }

  /** Whether no event or snapshot waits for the store. */
  get isIdle(): boolean {
    return !this.#isWriting;
  }

  add(event: Uint8Array<ArrayBuffer>): void {
    this.#unwritten.push(event);
    this.#unwrittenBytes += event.length;
    this.#scheduleWrite();
  }

  /** Appends a snapshot before the next batch, unless another snapshot waits already. */
  addSnapshot(bytes: Uint8Array<ArrayBuffer>, id: string): void {
    const readBack = Promise.withResolvers<number>();
    this.#snapshot ??= { bytes, id, isSnapshot: true, eventCount: 0, isSplit: false, readBack };
    this.#scheduleWrite();
  }

  /** A batch of this node was read: it is stored, even if the store has not acknowledged it. */
  onReadBack(batchSeq: number, eventCount: number): void {
    if (batchSeq === this.#batchSeq) this.#batch?.readBack.resolve(eventCount);
  }

  close(): void {
    this.#isClosed = true;
    for (const write of [this.#batch, this.#snapshot]) write?.readBack.resolve(write.eventCount);
  }

  #scheduleWrite(): void {
    if (this.#isWriting || this.#isClosed) return;
    this.#isWriting = true;
    // Events that are proposed in one turn share a batch.
    queueMicrotask(() => void this.#writeAll());
  }

  async #writeAll(): Promise<void> {
    while (!this.#isClosed && (this.#snapshot || this.#unwritten.length > 0)) {
      const write = this.#snapshot ?? (this.#batch = this.#nextBatch());
      const stored = await this.#write(write);
      if (write.isSnapshot) {
        this.#snapshot = undefined;
        if (stored === undefined) this.onSnapshotTooLarge(write.bytes.length);
      } else {
        this.#isSplitting = stored === undefined;
        if (stored === undefined) continue;
        this.#batchSeq++;
        for (const event of this.#unwritten.slice(0, stored)) this.#unwrittenBytes -= event.length;
        this.#unwritten = this.#unwritten.slice(stored);
      }
      this.#onWritten(stored ?? 0);
    }
    this.#isWriting = false;
  }

  #nextBatch(): PendingWrite {
    const maxBytes = Math.min(MAX_BATCH_BYTES, this.#store.maxBytes / 2);
    let bytes = 0;
    let eventCount = 0;
    for (const event of this.#unwritten) {
      if (eventCount > 0 && bytes + event.length > maxBytes) break;
      bytes += event.length;
      eventCount++;
    }
    const header = encodeBatchHeader({ nodeId: this.#nodeId, batchSeq: this.#batchSeq });
    return {
      bytes: concat([header, ...this.#unwritten.slice(0, eventCount)]),
      id: `${this.#nodeId.toString(16)}-${this.#batchSeq}`,
      isSnapshot: false,
      eventCount,
      isSplit: this.#isSplitting,
      readBack: Promise.withResolvers(),
    };
  }

  /** Retries until the record is stored, as records must keep their order. Returns the number of events that are stored,
   * undefined if the record has become too large for the store and must be split or dropped. */
  async #write(write: PendingWrite): Promise<number | undefined> {
    const timer = setTimeout(() => this.#setUnavailable(), this.#config.unavailableAfterMs);
    let stored: number | undefined;
    const untilRead = write.readBack.promise.then((count) => void (stored = count));
    while (stored === undefined && !this.#isClosed && !this.#isTooLarge(write)) {
      try {
        const position = await Promise.race([this.#store.append(write.bytes, write), untilRead]);
        if (typeof position === "number" && write === this.#batch) {
          this.onAcknowledged(position, this.#batchSeq);
        }
        // The store may have acknowledged the longer batch with this id: only reading it tells how long it is.
        if (write.isSplit) await untilRead;
        stored ??= write.eventCount;
        break;
      } catch {
        await Promise.race([delay(RETRY_MS), untilRead]);
      }
    }
    clearTimeout(timer);
    return stored;
  }

  /** A batch of one event cannot be split. */
  #isTooLarge({ bytes, eventCount, isSnapshot }: PendingWrite): boolean {
    return (isSnapshot || eventCount > 1) && bytes.length > this.#store.maxBytes;
  }

  #setUnavailable(): void {
    if (this.#isClosed) return;
    this.#backlog = undefined;
    if (this.#isUnavailable) return;
    this.#isUnavailable = true;
    this.onStalled(true);
  }

  #onWritten(count: number): void {
    if (!this.#isUnavailable || this.#isClosed) return;
    this.#backlog = this.#backlog === undefined ? this.#unwritten.length : this.#backlog - count;
    if (this.#backlog > 0) return;
    this.#isUnavailable = false;
    this.onStalled(false);
  }
}
