// A store of a shared journal in memory, with as many handles as there are servers, and what goes wrong with it.

import type { Leases, StoredRecord, StoreState, StreamStore } from "../../lib/cluster/store.ts";

/** What all servers share. */
export class FakeLog {
  readonly records: StoredRecord[] = [];
  /** Position of the oldest that is not forgotten. */
  first = 1;
  /** What is to happen to the next appends: nothing is stored, or it is and nobody says so, or all is well. */
  readonly faults: ("lost" | "unsaid" | "none")[] = [];
  /** Whether nothing can be stored. */
  isDown = false;
  isDeleted = false;
  /** Whether it knows the ids of what it has stored. */
  hasDedup = true;
  appends = 0;
  rereads = 0;
  keepsAll = false;
  timeMs = Date.now();
  readonly #ids = new Map<string, number>();
  #changed = Promise.withResolvers<void>();

  get news(): Promise<void> {
    return this.#changed.promise;
  }

  /** Stores something, without asking whether it may. */
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

/** One server's handle of a log. */
export class FakeStore implements StreamStore {
  readonly replicas = 1;
  maxBytes = 1_048_576;
  readonly #log: FakeLog;
  #isClosed = false;
  /** What is to be read next, of its only reader. */
  #next = 1;

  constructor(log: FakeLog) {
    this.#log = log;
  }

  state(): Promise<StoreState> {
    const { first: firstPosition, records } = this.#log;
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
    const trouble = log.faults.shift();
    if (trouble !== "unsaid" && (log.isDown || log.isDeleted || trouble === "lost")) {
      throw new Error("down");
    }
    if (after !== undefined && after !== log.records.length) return undefined;
    const position = log.store(bytes, id, isSnapshot);
    if (trouble === "unsaid") throw new Error("timeout");
    return position;
  }

  findSnapshotFrom(position: number): Promise<StoredRecord | undefined> {
    if (position < 1) return Promise.reject(new Error("no such position"));
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

  /** Has the reader begin anew. */
  rereadFrom(position: number): void {
    this.#next = position;
    this.#log.wake();
  }

  setUnlimited(isAll: boolean): Promise<void> {
    this.#log.keepsAll = isAll;
    return Promise.resolve();
  }

  isDeleted(): Promise<boolean> {
    return Promise.resolve(this.#log.isDeleted);
  }

  close(): void {
    this.#isClosed = true;
    this.#log.wake();
  }
}

/** Leases that a test gives and takes. */
export class FakeLeases implements Leases {
  readonly servers = new Map<bigint, string>();
  isDown = false;
  renewals = 0;
  attempts = 0;
  hasEnded = false;

  acquire(): Promise<void> {
    return this.renew();
  }

  renew(): Promise<void> {
    this.attempts++;
    if (this.isDown) return Promise.reject(new Error("down"));
    this.renewals++;
    return Promise.resolve();
  }

  list(): Promise<ReadonlyMap<bigint, string>> {
    return Promise.resolve(this.servers);
  }

  release(): Promise<void> {
    this.hasEnded = true;
    return Promise.resolve();
  }
}
