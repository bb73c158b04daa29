// Reads the log of a room that many servers share: its past up to where it ends, as a server that starts needs it, and
// from there on whatever comes. Knows nothing of what entries mean, nor of NATS.

import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "./clock.ts";
import { NatsError } from "./errors.ts";
import { type Checkpoint, createLog, findSnapshot, tryDecodeSnapshot } from "./nats_checkpoint.ts";
import type { Stored, StreamStore } from "./nats_store.ts";

/** How much of the past a server that starts reads, in bytes of blocks, more or less. */
const REPLAY_BYTES = 16_777_216;
/** From try to try to find the past, in ms, and how long that may take: longer than a cluster that loses its leader, and
 * the next one as well. */
const AGAIN_MS = 200;
const OPENING_MS = 60_000;
/** A store that gives nothing for so long to a server that starts does not have what it said, in ms: a cluster takes up
 * to 10 s to choose a leader. */
const READING_MS = 15_000;
/** What is stored must come within this, in ms, or is asked for again: not everything that goes wrong with a reader is
 * noticed on its way. */
const BACK_MS = 3_000;

/** What a reader needs. */
export interface StoreReaderOptions {
  /** Instance of the room if there is none yet, random and not zero. */
  readonly logId: bigint;
  readonly clock: Clock;
  readonly openingMs?: number;
  readonly readingMs?: number;
  readonly backMs?: number;
}

/** A log that is read. */
export class LogReader {
  /** What is known of the log before what is read. */
  readonly checkpoint: Checkpoint;
  /** Fulfilled when nothing more is read: with an error unless the store was closed. `nats-log-cut`: a part is missing;
   * `nats-log-back`: the end is another than it was. */
  readonly ended: Promise<NatsError | undefined>;
  readonly #store: StreamStore;
  readonly #backMs: number;
  #onCome = () => {};
  #inbox: Stored[] = [];
  #last: Pick<Stored, "position" | "timeMs">;
  #instance: bigint;
  #openedAt: number;
  #isGivenUp = false;

  private constructor(store: StreamStore, checkpoint: Checkpoint, { backMs = BACK_MS }: StoreReaderOptions) {
    this.#store = store;
    this.#backMs = backMs;
    this.checkpoint = checkpoint;
    this.#instance = checkpoint.logId;
    this.#openedAt = checkpoint.position;
    this.#last = { position: checkpoint.position, timeMs: NaN };
    this.ended = this.#read();
  }

  /** Reads the past of a room, or begins one.
   * @throws what the store throws, `nats-log-cut`, `nats-log-back`, `nats-unread` or `nats-newer` */
  static async open(store: StreamStore, options: StoreReaderOptions): Promise<LogReader> {
    const { clock, openingMs = OPENING_MS } = options;
    for (const endMs = clock().monotonicMs + openingMs;;) {
      try {
        const reader = await LogReader.#open(store, options);
        if (reader) return reader;
      } catch (error) {
        const isNewer = error instanceof NatsError && error.code === "nats-newer";
        // A cluster that chooses a leader does not answer.
        if (isNewer || clock().monotonicMs >= endMs) throw error;
        await delay(AGAIN_MS);
      }
    }
  }

  /** Undefined if another server began the room at the same time. */
  static async #open(store: StreamStore, options: StoreReaderOptions): Promise<LogReader | undefined> {
    const { first, last, count, bytes } = await store.state();
    const wanted = Math.ceil(REPLAY_BYTES / Math.max(1, bytes / Math.max(1, count)));
    const found = await findSnapshot(store, Math.max(first, last - wanted), first) ??
      await findSnapshot(store, first, first);
    const checkpoint = found ?? await createLog(store, last, options.logId);
    if (!checkpoint) return undefined;
    const reader = new LogReader(store, checkpoint, options);
    try {
      await reader.#reach(last, options);
      reader.#noteOpened();
      return reader;
    } catch (error) {
      reader.#isGivenUp = true;
      throw error;
    }
  }

  /** Of the instances in the past, the last one. */
  get logId(): bigint {
    return this.#instance;
  }

  /** Position of the last of the past. */
  get openedAt(): number {
    return this.#openedAt;
  }

  /** What has come last. */
  get last(): Pick<Stored, "position" | "timeMs"> {
    return this.#last;
  }

  /** Calls `onCome` when something has come. */
  follow(onCome: () => void): void {
    this.#onCome = onCome;
  }

  /** What has come since it was asked last. */
  take(): Stored[] {
    return this.#inbox.splice(0);
  }

  /** Something is stored there: has the store asked again unless it comes. */
  expect(position: number): void {
    const timer = setTimeout(() => {
      if (this.#last.position < position) this.#store.reread();
    }, this.#backMs);
    Deno.unrefTimer(timer);
  }

  async #reach(position: number, { readingMs = READING_MS }: StoreReaderOptions): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.follow(() => this.#last.position >= position && resolve());
    const reached = new AbortController();
    try {
      await Promise.race([promise, this.ended.then(throwIfError), this.#urge(reached, readingMs)]);
    } finally {
      reached.abort();
    }
  }

  #noteOpened(): void {
    this.#openedAt = this.#last.position;
    for (const { isCheckpoint, bytes } of this.#inbox) {
      if (isCheckpoint) this.#instance = tryDecodeSnapshot(bytes)?.logId ?? this.#instance;
    }
  }

  /** Has the store asked again while nothing comes. Rejects when nothing has come for long: the store may have lost what
   * it said that it had.
   * @throws {NatsError} `nats-unread` */
  async #urge({ signal }: AbortController, readingMs: number): Promise<void> {
    let { position } = this.#last;
    for (let silentMs = 0; silentMs < readingMs;) {
      await delay(this.#backMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      silentMs = position === this.#last.position ? silentMs + this.#backMs : 0;
      if (silentMs > 0) this.#store.reread();
      ({ position } = this.#last);
    }
    throw new NatsError("nats-unread", "Cannot read what the store says that it has");
  }

  async #read(): Promise<NatsError | undefined> {
    for await (const stored of this.#store.read(this.#last.position + 1)) {
      if (this.#isGivenUp) return undefined;
      if (stored.isGap) return new NatsError("nats-log-cut", "Cannot go on: a part of the log is missing");
      if (stored.position === this.#last.position) {
        // Whatever follows may be numbered as what was lost.
        if (stored.timeMs !== this.#last.timeMs) return logTruncated();
        continue;
      }
      this.#last = stored;
      this.#inbox.push(stored);
      this.#onCome();
    }
    return undefined;
  }
}

function throwIfError(error: NatsError | undefined): void {
  if (error) throw error;
}

/** The end of a log is not what it was. */
export function logTruncated(): NatsError {
  return new NatsError("nats-log-back", "Cannot go on: the end of the log is lost");
}
