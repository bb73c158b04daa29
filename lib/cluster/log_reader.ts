// Reads the log of the cluster: the latest usable snapshot, then every record after it.

import { type Clock, delay } from "../base/time.ts";
import { NatsError } from "../errors.ts";
import {
  decodeSnapshot,
  encodeSnapshot,
  type Leases,
  type Snapshot,
  type StoredRecord,
  type StreamStore,
  tryDecode,
} from "./store.ts";

/** About how many bytes of records a node that starts reads. */
const REPLAY_BYTES = 16_777_216;
/** Between two attempts to open the log, in ms. */
const RETRY_MS = 200;

export interface LogSource {
  readonly store: StreamStore;
  readonly leases: Pick<Leases, "list">;
  /** For a room that has no log yet: random, not zero. */
  readonly logId: bigint;
}

export interface LogReaderConfig {
  /** How long {@linkcode LogReader.open} tries, in ms. */
  readonly openTimeoutMs: number;
  /** How long the store may yield nothing to a node that starts, in ms, before the attempt fails. */
  readonly readTimeoutMs: number;
  /** How long the store may have more than was read without yielding any of it, in ms, before the reader asks again. */
  readonly rereadAfterMs: number;
}

export class LogReader {
  /** The log before the first record that is read. */
  readonly snapshot: Snapshot;
  /** Fulfilled when reading ends: undefined if the store was closed, `nats-log-cut` if records are missing,
   * `nats-log-back` if the store has lost the end of the log. */
  readonly done: Promise<NatsError | undefined>;
  readonly #store: StreamStore;
  readonly #config: LogReaderConfig;
  #onRecords = () => {};
  #received: StoredRecord[] = [];
  #last: Pick<StoredRecord, "position" | "timeMs">;
  #opened: Pick<Snapshot, "logId" | "position">;
  #isAbandoned = false;

  private constructor(store: StreamStore, snapshot: Snapshot, config: LogReaderConfig) {
    this.#store = store;
    this.#config = config;
    this.snapshot = snapshot;
    this.#opened = snapshot;
    this.#last = { position: snapshot.position, timeMs: NaN };
    this.done = this.#read();
  }

  /** Reads the log up to its end, or creates it.
   * @throws errors of the store, `nats-stream-gone`, `nats-log-cut`, `nats-log-back`, `nats-unread` or `nats-newer` */
  static async open(source: LogSource, config: LogReaderConfig, clock: Clock): Promise<LogReader> {
    for (const endMs = clock().monotonicMs + config.openTimeoutMs;;) {
      try {
        const reader = await LogReader.#open(source, config);
        if (reader) return reader;
      } catch (error) {
        const isNewer = error instanceof NatsError && error.code === "nats-newer";
        // A NATS cluster that elects a leader does not answer.
        if (isNewer || clock().monotonicMs >= endMs) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  /** Undefined if another node created the log at the same time. */
  static async #open(source: LogSource, config: LogReaderConfig): Promise<LogReader | undefined> {
    const { store } = source;
    const state = await store.state();
    if (!state) throw new NatsError("nats-stream-gone");
    const { firstPosition, lastPosition, recordCount, bytes } = state;
    const replayed = Math.ceil(REPLAY_BYTES / Math.max(1, bytes / Math.max(1, recordCount)));
    const wanted = Math.max(firstPosition, lastPosition - replayed);
    const snapshot = await findSnapshot(store, wanted, firstPosition) ??
      await findSnapshot(store, firstPosition, firstPosition) ??
      await createLog(source, lastPosition);
    if (!snapshot) return undefined;
    const reader = new LogReader(store, snapshot, config);
    try {
      await reader.#catchUpTo(lastPosition);
      reader.#recordOpened();
      return reader;
    } catch (error) {
      reader.#isAbandoned = true;
      throw error;
    }
  }

  /** The end of the log when it was opened. `logId` is that of the last snapshot: the log may have been forked. */
  get opened(): Pick<Snapshot, "logId" | "position"> {
    return this.#opened;
  }

  get last(): Pick<StoredRecord, "position" | "timeMs"> {
    return this.#last;
  }

  /** Calls `onRecords` for each record that is read from now on. */
  subscribe(onRecords: () => void): void {
    this.#onRecords = onRecords;
  }

  /** The records that were read since the last call. */
  drain(): StoredRecord[] {
    return this.#received.splice(0);
  }

  /** Restarts the read unless a record arrives soon: the store has more than was read. */
  expectRecord(): void {
    const last = this.#last;
    const timer = setTimeout(() => {
      if (this.#last === last) this.#store.restartRead();
    }, this.#config.rereadAfterMs);
    Deno.unrefTimer(timer);
  }

  async #catchUpTo(position: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.subscribe(() => this.#last.position >= position && resolve());
    const ended = this.done.then((error) => {
      if (error) throw error;
    });
    const reached = new AbortController();
    try {
      await Promise.race([promise, ended, this.#rereadWhileSilent(reached)]);
    } finally {
      reached.abort();
    }
  }

  #recordOpened(): void {
    let { logId } = this.snapshot;
    for (const { isSnapshot, bytes } of this.#received) {
      if (isSnapshot) logId = tryDecode(decodeSnapshot, bytes)?.logId ?? logId;
    }
    this.#opened = { logId, position: this.#last.position };
  }

  /** Restarts the read while it yields nothing.
   * @throws {NatsError} `nats-unread`: the store may have lost records that it counted */
  async #rereadWhileSilent({ signal }: AbortController): Promise<void> {
    const { rereadAfterMs, readTimeoutMs } = this.#config;
    let { position } = this.#last;
    for (let silentMs = 0; silentMs < readTimeoutMs;) {
      await delay(rereadAfterMs, signal);
      if (signal.aborted) return;
      silentMs = position === this.#last.position ? silentMs + rereadAfterMs : 0;
      if (silentMs > 0) this.#store.restartRead();
      ({ position } = this.#last);
    }
    throw new NatsError("nats-unread");
  }

  async #read(): Promise<NatsError | undefined> {
    for await (const record of this.#store.read(this.#last.position + 1)) {
      if (this.#isAbandoned) return undefined;
      if (record.isAfterGap) return new NatsError("nats-log-cut");
      if (record.position === this.#last.position) {
        // Another record took the place of one that was lost: later positions may have changed hands as well.
        if (record.timeMs !== this.#last.timeMs) return new NatsError("nats-log-back");
        continue;
      }
      this.#last = record;
      this.#received.push(record);
      this.#onRecords();
    }
    return undefined;
  }
}

/** A snapshot after which no record is missing: the first at position `wanted` or later, else the last. `first`: the
 * first position in the store. */
export async function findSnapshot(
  store: StreamStore,
  wanted: number,
  first: number,
): Promise<Snapshot | undefined> {
  for (let from = wanted;;) {
    const record = await store.findSnapshotFrom(from);
    if (!record) return undefined;
    const snapshot = tryDecode(decodeSnapshot, record.bytes);
    // A snapshot that covers its own position was made from records that the store has lost since.
    const isValid = snapshot && snapshot.position < record.position;
    if (isValid && snapshot.position + 1 >= first) return snapshot;
    if (record.position < from) return undefined; // there is no later one
    from = record.position + 1;
  }
}

/** Starts a log after all that is stored. Undefined if another node has appended meanwhile. `last`: the last position in
 * the store.
 * @throws {NatsError} `nats-log-cut` if the stream was purged: the nodes of the room, whom another log would end, write a
 * snapshot soon */
export async function createLog(
  { store, leases, logId }: LogSource,
  last: number,
): Promise<Snapshot | undefined> {
  if (last > 0 && (await leases.list()).size > 0) throw new NatsError("nats-log-cut");
  const snapshot = { logId, position: last, seq: 0, batchSeqs: new Map(), events: [] };
  const position = await store.append(encodeSnapshot(snapshot), {
    id: `begin-${logId.toString(16)}`,
    isSnapshot: true,
    after: last,
  });
  return position === undefined ? undefined : snapshot;
}
