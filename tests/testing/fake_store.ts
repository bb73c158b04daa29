// A `StreamStore` in memory that many nodes share, with faults that a test injects.

import type { Leases, StoredRecord, StoreState, StreamStore } from "../../lib/cluster/store.ts";

/** The stream that the stores of all nodes share. */
export class FakeLog {
  readonly records: StoredRecord[] = [];
  /** First position that is not forgotten. */
  first = 1;
  /** Of the next appends: `lost` stores nothing, `unsaid` stores the record and throws. */
  readonly faults: ("lost" | "unsaid" | "none")[] = [];
  /** Whether every append fails. */
  isDown = false;
  /** Whether there is no stream any more. */
  isDeleted = false;
  /** Whether a second record with the same id is dropped. */
  hasDedup = true;
  appends = 0;
  rereads = 0;
  isUnlimited = false;
  timeMs = Date.now();
  readonly #ids = new Map<string, number>();
  #changed = Promise.withResolvers<void>();

  get news(): Promise<void> {
    return this.#changed.promise;
  }

  /** Stores a record, whatever the faults. */
  inject(bytes: Uint8Array, { isSnapshot = false, isAfterGap = false } = {}): number {
    const position = this.records.length + 1;
    this.records.push({ position, bytes: bytes.slice(), timeMs: this.timeMs, isSnapshot, isAfterGap });
    this.wake();
    return position;
  }

  wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  store(bytes: Uint8Array, id: string, isSnapshot: boolean): number {
    const known = this.hasDedup ? this.#ids.get(id) : undefined;
    const position = known ?? this.inject(bytes, { isSnapshot });
    this.#ids.set(id, position);
    return position;
  }
}

/** The store of one node. */
export class FakeStore implements StreamStore {
  readonly replicas = 1;
  maxBytes = 1_048_576;
  readonly #log: FakeLog;
  #isClosed = false;
  /** Next position of its only reader. */
  #next = 1;

  constructor(log: FakeLog) {
    this.#log = log;
  }

  state(): Promise<StoreState | undefined> {
    const { first: firstPosition, records, isDeleted } = this.#log;
    if (isDeleted) return Promise.resolve(undefined);
    const kept = records.slice(firstPosition - 1);
    const bytes = kept.reduce((sum, { bytes }) => sum + bytes.length, 0);
    return Promise.resolve({ firstPosition, lastPosition: records.length, recordCount: kept.length, bytes });
  }

  async append(
    bytes: Uint8Array,
    { id, isSnapshot = false, after }: { id: string; isSnapshot?: boolean; after?: number },
  ): Promise<number | undefined> {
    const log = this.#log;
    log.appends++;
    await Promise.resolve();
    if (bytes.length > this.maxBytes) throw new Error("max_payload");
    const fault = log.faults.shift();
    if (fault !== "unsaid" && (log.isDown || log.isDeleted || fault === "lost")) {
      throw new Error("down");
    }
    if (after !== undefined && after !== log.records.length) return undefined;
    const position = log.store(bytes, id, isSnapshot);
    if (fault === "unsaid") throw new Error("timeout");
    return position;
  }

  findSnapshotFrom(position: number): Promise<StoredRecord | undefined> {
    if (!(position >= 1)) return Promise.reject(new Error("no such position"));
    const kept = this.#log.records.filter((one) => one.isSnapshot && one.position >= this.#log.first);
    return Promise.resolve(kept.find((one) => one.position >= position) ?? kept.at(-1));
  }

  async *read(from: number): AsyncGenerator<StoredRecord> {
    for (this.#next = from; !this.#isClosed;) {
      const one = this.#log.records[this.#next - 1];
      if (one) {
        this.#next++;
        yield one;
      } else await this.#log.news;
    }
  }

  restartRead(): void {
    this.#log.rereads++;
  }

  /** Restarts the reader. */
  rereadFrom(position: number): void {
    this.#next = position;
    this.#log.wake();
  }

  setUnlimited(isUnlimited: boolean): Promise<void> {
    this.#log.isUnlimited = isUnlimited;
    return Promise.resolve();
  }

  close(): void {
    this.#isClosed = true;
    this.#log.wake();
  }
}

/** Leases that a test sets. */
export class FakeLeases implements Leases {
  readonly nodes = new Map<bigint, string>();
  isDown = false;
  renewals = 0;
  attempts = 0;
  isReleased = false;
  /** What {@linkcode acquire} and {@linkcode renew} were called with. */
  readonly addresses: string[] = [];

  acquire(address: string): Promise<void> {
    return this.renew(address);
  }

  renew(address: string): Promise<void> {
    this.addresses.push(address);
    this.attempts++;
    if (this.isDown) return Promise.reject(new Error("down"));
    this.renewals++;
    return Promise.resolve();
  }

  list(): Promise<ReadonlyMap<bigint, string>> {
    return Promise.resolve(this.nodes);
  }

  release(): Promise<void> {
    this.isReleased = true;
    return Promise.resolve();
  }
}
