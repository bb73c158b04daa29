// Reads the log of a room that many servers share: its past up to where it ends, as a server that starts needs it, and
// from there on whatever comes. Knows nothing of what entries mean, nor of NATS.

import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../base/time.ts";
import { NatsError } from "../errors.ts";
import { createLog, findSnapshot, type Snapshot, tryDecodeSnapshot } from "./nats_checkpoint.ts";
import type { StoredRecord, StreamStore } from "./store.ts";

/** How much of the past a server that starts reads, in bytes of blocks, more or less. */
const REPLAY_BYTES = 16_777_216;
/** From try to try to find the past, in ms, and how long that may take: longer than a cluster that loses its leader, and
 * the next one as well. */
const RETRY_MS = 200;
const OPENING_MS = 60_000;
/** A store that gives nothing for so long to a server that starts does not have what it said, in ms: a cluster takes up
 * to 10 s to choose a leader. */
const READING_MS = 15_000;
/** What is stored must come within this, in ms, or is asked for again: not everything that goes wrong with a reader is
 * noticed on its way. */
const BACK_MS = 3_000;

/** What a reader needs. */
export interface LogReaderOptions {
  /** Instance of the room if there is none yet, random and not zero. */
  readonly logId: bigint;
  readonly clock: Clock;
  readonly openTimeoutMs?: number;
  readonly readTimeoutMs?: number;
  readonly rereadAfterMs?: number;
}

/** A log that is read. */
export class LogReader {
  /** What is known of the log before what is read. */
  readonly snapshot: Snapshot;
  /** Fulfilled when nothing more is read: with an error unless the store was closed. `nats-log-cut`: a part is missing;
   * `nats-log-back`: the end is another than it was. */
  readonly done: Promise<NatsError | undefined>;
  readonly #store: StreamStore;
  readonly #rereadAfterMs: number;
  #onRecords = () => {};
  #received: StoredRecord[] = [];
  #last: Pick<StoredRecord, "position" | "timeMs">;
  #instance: bigint;
  #openedAtPosition: number;
  #isAbandoned = false;

  private constructor(
    store: StreamStore,
    snapshot: Snapshot,
    { rereadAfterMs = BACK_MS }: LogReaderOptions,
  ) {
    this.#store = store;
    this.#rereadAfterMs = rereadAfterMs;
    this.snapshot = snapshot;
    this.#instance = snapshot.logId;
    this.#openedAtPosition = snapshot.position;
    this.#last = { position: snapshot.position, timeMs: NaN };
    this.done = this.#read();
  }

  /** Reads the past of a room, or begins one.
   * @throws what the store throws, `nats-log-cut`, `nats-log-back`, `nats-unread` or `nats-newer` */
  static async open(store: StreamStore, options: LogReaderOptions): Promise<LogReader> {
    const { clock, openTimeoutMs = OPENING_MS } = options;
    for (const endMs = clock().monotonicMs + openTimeoutMs;;) {
      try {
        const reader = await LogReader.#open(store, options);
        if (reader) return reader;
      } catch (error) {
        const isNewer = error instanceof NatsError && error.code === "nats-newer";
        // A cluster that chooses a leader does not answer.
        if (isNewer || clock().monotonicMs >= endMs) throw error;
        await delay(RETRY_MS);
      }
    }
  }

  /** Undefined if another server began the room at the same time. */
  static async #open(store: StreamStore, options: LogReaderOptions): Promise<LogReader | undefined> {
    const { firstPosition, lastPosition, recordCount, bytes } = await store.state();
    const wanted = Math.ceil(REPLAY_BYTES / Math.max(1, bytes / Math.max(1, recordCount)));
    const found = await findSnapshot(store, Math.max(firstPosition, lastPosition - wanted), firstPosition) ??
      await findSnapshot(store, firstPosition, firstPosition);
    const snapshot = found ?? await createLog(store, lastPosition, options.logId);
    if (!snapshot) return undefined;
    const reader = new LogReader(store, snapshot, options);
    try {
      await reader.#catchUpTo(lastPosition, options);
      reader.#recordOpened();
      return reader;
    } catch (error) {
      reader.#isAbandoned = true;
      throw error;
    }
  }

  /** Of the instances in the past, the last one. */
  get logId(): bigint {
    return this.#instance;
  }

  /** Position of the last of the past. */
  get openedAtPosition(): number {
    return this.#openedAtPosition;
  }

  /** What has come last. */
  get last(): Pick<StoredRecord, "position" | "timeMs"> {
    return this.#last;
  }

  /** Calls `onRecords` when something has come. */
  subscribe(onRecords: () => void): void {
    this.#onRecords = onRecords;
  }

  /** What has come since it was asked last. */
  drain(): StoredRecord[] {
    return this.#received.splice(0);
  }

  /** Something is stored there: has the store asked again unless it comes. */
  expectPosition(position: number): void {
    const timer = setTimeout(() => {
      if (this.#last.position < position) this.#store.restartRead();
    }, this.#rereadAfterMs);
    Deno.unrefTimer(timer);
  }

  async #catchUpTo(position: number, { readTimeoutMs = READING_MS }: LogReaderOptions): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.subscribe(() => this.#last.position >= position && resolve());
    const reached = new AbortController();
    try {
      await Promise.race([
        promise,
        this.done.then(throwIfError),
        this.#rereadWhileSilent(reached, readTimeoutMs),
      ]);
    } finally {
      reached.abort();
    }
  }

  #recordOpened(): void {
    this.#openedAtPosition = this.#last.position;
    for (const { isSnapshot, bytes } of this.#received) {
      if (isSnapshot) this.#instance = tryDecodeSnapshot(bytes)?.logId ?? this.#instance;
    }
  }

  /** Has the store asked again while nothing comes. Rejects when nothing has come for long: the store may have lost what
   * it said that it had.
   * @throws {NatsError} `nats-unread` */
  async #rereadWhileSilent({ signal }: AbortController, readTimeoutMs: number): Promise<void> {
    let { position } = this.#last;
    for (let silentMs = 0; silentMs < readTimeoutMs;) {
      await delay(this.#rereadAfterMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      silentMs = position === this.#last.position ? silentMs + this.#rereadAfterMs : 0;
      if (silentMs > 0) this.#store.restartRead();
      ({ position } = this.#last);
    }
    throw new NatsError("nats-unread");
  }

  async #read(): Promise<NatsError | undefined> {
    for await (const stored of this.#store.read(this.#last.position + 1)) {
      if (this.#isAbandoned) return undefined;
      if (stored.isAfterGap) {
        return new NatsError("nats-log-cut");
      }
      if (stored.position === this.#last.position) {
        // Whatever follows may be numbered as what was lost.
        if (stored.timeMs !== this.#last.timeMs) return logTruncated();
        continue;
      }
      this.#last = stored;
      this.#received.push(stored);
      this.#onRecords();
    }
    return undefined;
  }
}

function throwIfError(error: NatsError | undefined): void {
  if (error) throw error;
}

/** The end of a log is not what it was. */
export function logTruncated(): NatsError {
  return new NatsError("nats-log-back");
}
