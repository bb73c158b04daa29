// When a checkpoint of a log is due, and what is done about one that is too long to be stored. Knows nothing of what is
// in it.

import type { BlockWriter } from "./block_writer.ts";
import type { LogStore } from "./nats_store.ts";

/** A checkpoint is due after so many entries, bytes, or ms. */
const CHECKPOINT_ENTRIES = 5_000;
const CHECKPOINT_BYTES = 4_194_304;
const CHECKPOINT_MS = 3_600_000;

/** What checkpoints need. */
export interface CheckpointsOptions {
  readonly store: Pick<LogStore, "keepAll">;
  readonly writer: Pick<BlockWriter, "addCheckpoint">;
  /** Ms since 1970 UTC. */
  readonly wallMs: () => number;
  /** Told that there are too many people for a checkpoint of so many bytes to be stored, and again when it has become
   * twice as long: a server that starts can find no later one than there is, so that nothing may be forgotten. */
  readonly onOversized?: (bytes: number) => void;
  readonly checkpointEntries?: number;
}

/** The checkpoints of a log. */
export class Checkpoints {
  readonly #options: CheckpointsOptions;
  #entries = 0;
  #bytes = 0;
  #atMs: number;
  /** Length of one that was too long and was told of. */
  #oversizeBytes = 0;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
    this.#atMs = options.wallMs();
  }

  /** So much has been given since. Returns whether a checkpoint is due. */
  noteGiven({ entries, bytes }: { entries: number; bytes: number }): boolean {
    this.#entries += entries;
    this.#bytes += bytes;
    const { checkpointEntries = CHECKPOINT_ENTRIES } = this.#options;
    return this.#entries >= checkpointEntries || this.#bytes >= CHECKPOINT_BYTES;
  }

  /** Whether there was none for long, though little may have happened. */
  get isOld(): boolean {
    return this.#options.wallMs() - this.#atMs >= CHECKPOINT_MS;
  }

  /** One has come that was stored then, in ms since 1970 UTC; `isNew`: not before this server began. */
  noteStored(timeMs: number, { isNew }: { isNew: boolean }): void {
    this.#begin(timeMs);
    this.#oversizeBytes = 0;
    if (isNew) this.#keepAll(false);
  }

  /** Has one stored, if it is not too long. */
  write(bytes: Uint8Array<ArrayBuffer>, id: string): void {
    const { writer, wallMs, onOversized } = this.#options;
    if (writer.addCheckpoint(bytes, id)) return;
    this.#begin(wallMs()); // it is tried again when the next one is due
    this.#keepAll(true);
    if (bytes.length < 2 * this.#oversizeBytes) return;
    this.#oversizeBytes = bytes.length;
    onOversized?.(bytes.length);
  }

  #begin(timeMs: number): void {
    this.#entries = 0;
    this.#bytes = 0;
    this.#atMs = timeMs;
  }

  #keepAll(isAll: boolean): void {
    this.#options.store.keepAll(isAll).catch(() => {}); // next time
  }
}
