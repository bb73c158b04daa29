// When a checkpoint of a log is due, and what is done about one that is too long to be stored. Knows nothing of what is
// in it.

import type { StreamStore } from "./store.ts";

/** A checkpoint is due after so many entries, bytes, or ms. */
const SNAPSHOT_ENTRIES = 5_000;
const SNAPSHOT_BYTES = 4_194_304;
const SNAPSHOT_INTERVAL_MS = 3_600_000;

/** What checkpoints need. */
export interface SnapshotsOptions {
  readonly store: Pick<StreamStore, "setUnlimited">;
  /** Ms since 1970 UTC. */
  readonly wallMs: () => number;
  /** Told that there are too many people for a checkpoint of so many bytes to be stored, and again when it has become
   * twice as long: a server that starts can find no later one than there is, so that nothing may be forgotten.
   * `isKept`: nothing is; when that changes it is told as well. */
  readonly onSnapshotTooLarge?: (bytes: number, how: { isKept: boolean }) => void;
  readonly snapshotEntries?: number;
}

/** The checkpoints of a log. */
export class Snapshots {
  readonly #options: SnapshotsOptions;
  #entries = 0;
  #bytes = 0;
  #atMs: number;
  /** What was told of one that was too long. */
  #lastReported = { bytes: 0, isKept: true };

  constructor(options: SnapshotsOptions) {
    this.#options = options;
    this.#atMs = options.wallMs();
  }

  /** So much has been given since. Returns whether a checkpoint is due. */
  onApplied({ entries, bytes }: { entries: number; bytes: number }): boolean {
    this.#entries += entries;
    this.#bytes += bytes;
    const { snapshotEntries = SNAPSHOT_ENTRIES } = this.#options;
    return this.#entries >= snapshotEntries || this.#bytes >= SNAPSHOT_BYTES;
  }

  /** Whether there was none for long, though little may have happened. */
  get isDue(): boolean {
    return this.#options.wallMs() - this.#atMs >= SNAPSHOT_INTERVAL_MS;
  }

  /** One has come that was stored then, in ms since 1970 UTC; `isNew`: not before this server began. */
  onStored(timeMs: number, { isNew }: { isNew: boolean }): void {
    this.#begin(timeMs);
    this.#lastReported = { bytes: 0, isKept: true };
    if (isNew) this.#options.store.setUnlimited(false).catch(() => {}); // next time
  }

  /** One of so many bytes cannot be stored. */
  async onTooLarge(bytes: number): Promise<void> {
    const { store, wallMs, onSnapshotTooLarge } = this.#options;
    this.#begin(wallMs()); // it is tried again when the next one is due
    const isKept = await store.setUnlimited(true).then(() => true, () => false);
    if (bytes < 2 * this.#lastReported.bytes && isKept === this.#lastReported.isKept) return;
    this.#lastReported = { bytes, isKept };
    onSnapshotTooLarge?.(bytes, { isKept });
  }

  #begin(timeMs: number): void {
    this.#entries = 0;
    this.#bytes = 0;
    this.#atMs = timeMs;
  }
}
