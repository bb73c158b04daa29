// The log of a room as a JetStream stream.

import { setTimeout as delay } from "node:timers/promises";
import { DiscardPolicy, jetstream, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import type { JetStreamClient, StoredMsg, StreamConfig, StreamInfo } from "@nats-io/jetstream";
import { millis, nanos } from "@nats-io/transport-node";
import {
  JETSTREAM_ERROR,
  jetStreamErrorCode,
  type NatsLink,
  NatsModuleError,
  type NatsWait,
  toNatsError,
  withRetry,
} from "./connection.ts";
import type { StoredRecord, StoreState, StreamStore } from "../store.ts";

/** How much a stream retains, in bytes and in ms, unless the operator sets other limits. */
export const STREAM_BYTES = 268_435_456;
export const STREAM_AGE_MS = 7 * 86_400_000;
/** How long NATS drops messages with an id that it has stored, in ms. */
const DUPLICATE_WINDOW_MS = 180_000;
/** Upper bound of the headers of a message, in bytes: they count against the largest message. */
const HEADERS_BYTES = 512;
/** Smallest `max_bytes` and `max_msg_size` of a room: one event fits, and more. */
const MIN_LIMIT_BYTES = 65_536;
const DESCRIPTION = "A room of chat-server";
/** Note at the end of the description while the limits are lifted. */
const LIFTED_NOTE = "; it forgets nothing until max_payload is raised";
/** The note with the limits to put back, which earlier versions did not write. */
const LIFTED_NOTE_PATTERN = new RegExp(`${LIFTED_NOTE}(?:, then max_bytes (-?\\d+), max_age (\\d+) ms)?$`);
/** Fewest replicas that survive the loss of a machine. */
const REPLICAS = 3;
/** Timeout for the acknowledgement of an append, in ms. */
const PUBLISH_MS = 2_000;
/** Between two attempts to read on, in ms. */
const RETRY_MS = 250;
/** Between two heartbeats of an idle consumer, in ms. */
const HEARTBEAT_MS = 1_000;
/** How long NATS keeps a consumer that has stopped asking, in ms. */
const CONSUMER_TTL_MS = 30_000;
/** How many messages NATS may send ahead: batches have 256 KiB at most. With a limit in bytes the library stalls for half
 * a minute after each portion. */
const PREFETCH_MESSAGES = 64;

export class NatsStream implements StreamStore {
  readonly replicas: number;
  readonly #link: NatsLink;
  readonly #js: JetStreamClient;
  readonly #name: string;
  /** Largest message of the stream, if the operator has set a limit. */
  readonly #maxMessageBytes: number;
  readonly #closed = new AbortController();
  /** Stop the current consumers: {@linkcode read} goes on with new ones where these stopped. */
  readonly #consumerStops = new Set<() => void>();

  private constructor(link: NatsLink, { config }: StreamInfo) {
    this.#link = link;
    this.#js = jetstream(link.nc, { timeout: PUBLISH_MS });
    this.#name = config.name;
    this.#maxMessageBytes = config.max_msg_size > 0 ? config.max_msg_size : Infinity;
    this.replicas = config.num_replicas;
    void this.#restartReadOnReconnect();
  }

  /** Creates the stream if there is none.
   * @throws {NatsModuleError} */
  static async open(
    link: NatsLink,
    room: string,
    servers: readonly string[],
    wait?: NatsWait,
  ): Promise<NatsStream> {
    try {
      const info = await withRetry(() => ensureStream(link, configOf(room), servers.length), wait);
      return new NatsStream(link, info);
    } catch (error) {
      if (wait?.signal?.aborted) throw error;
      throw toNatsError(error, { servers });
    }
  }

  get maxBytes(): number {
    return Math.min(this.#link.maxBytes, this.#maxMessageBytes) - HEADERS_BYTES;
  }

  async state(): Promise<StoreState | undefined> {
    const { streams } = this.#link.manager;
    const info = await unlessError(JETSTREAM_ERROR.streamNotFound, streams.info(this.#name));
    if (!info) return undefined;
    const { state } = info;
    return {
      firstPosition: state.first_seq,
      lastPosition: state.last_seq,
      recordCount: state.messages,
      bytes: state.bytes,
    };
  }

  async append(
    bytes: Uint8Array,
    { id, isSnapshot = false, after }: { id: string; isSnapshot?: boolean; after?: number },
  ): Promise<number | undefined> {
    const expect = { streamName: this.#name, lastSequence: after };
    const publishing = this.#js.publish(this.#subject(isSnapshot), bytes, { msgID: id, expect });
    return (await unlessError(JETSTREAM_ERROR.wrongLastSequence, publishing))?.seq;
  }

  async findSnapshotFrom(position: number): Promise<StoredRecord | undefined> {
    const subject = this.#subject(true);
    const message = await this.#message({ seq: position, next_by_subj: subject }) ??
      await this.#message({ last_by_subj: subject });
    return message && {
      position: message.seq,
      bytes: message.data,
      timeMs: message.time.getTime(),
      isSnapshot: true,
      isAfterGap: false,
    };
  }

  async #message(
    query: { seq: number; next_by_subj: string } | { last_by_subj: string },
  ): Promise<StoredMsg | undefined> {
    const { streams } = this.#link.manager;
    return await unlessError(JETSTREAM_ERROR.noMessage, streams.getMessage(this.#name, query)) ?? undefined;
  }

  async *read(from: number): AsyncGenerator<StoredRecord> {
    let [next, last] = [from, from];
    const { signal } = this.#closed;
    while (!signal.aborted) {
      try {
        for await (const record of this.#readOnce(last, next)) {
          yield record;
          last = record.position;
          next = last + 1;
        }
      } catch {
        // The next consumer finds out whether NATS answers.
      }
      if (!signal.aborted) await delay(RETRY_MS);
    }
  }

  /** Reads until the consumer fails or is stopped: the library does not notice every failure. `next` is the first position
   * that was not yielded before. */
  async *#readOnce(from: number, next: number): AsyncGenerator<StoredRecord> {
    const consumer = await this.#js.consumers.get(this.#name, {
      opt_start_seq: from,
      inactive_threshold: CONSUMER_TTL_MS,
    });
    const messages = await consumer.consume({
      idle_heartbeat: HEARTBEAT_MS,
      max_messages: PREFETCH_MESSAGES,
    });
    const stop = () => messages.stop();
    // The library would go on at the same position, whatever the stream has there now.
    void (async () => {
      for await (const { type } of messages.status()) {
        if (type === "reset") stop();
      }
    })();
    this.#closed.signal.addEventListener("abort", stop);
    this.#consumerStops.add(stop);
    try {
      for await (const message of messages) {
        const { streamSequence: position, timestampNanos } = message.info;
        // A replica that lags when the consumer is created may start too early.
        if (position < from) continue;
        const isSnapshot = message.subject === this.#subject(true);
        yield {
          position,
          bytes: message.data,
          timeMs: millis(timestampNanos),
          isSnapshot,
          isAfterGap: position > next,
        };
        next = Math.max(next, position + 1);
      }
    } finally {
      this.#closed.signal.removeEventListener("abort", stop);
      this.#consumerStops.delete(stop);
      messages.stop();
      consumer.delete().catch(() => {});
    }
  }

  /** What NATS sent to the lost connection counts as delivered: it does not send it again before the next record. */
  async #restartReadOnReconnect(): Promise<void> {
    for await (const { type } of this.#link.nc.status()) {
      if (type === "reconnect") this.restartRead();
    }
  }

  restartRead(): void {
    for (const stop of this.#consumerStops) stop();
  }

  async setUnlimited(isUnlimited: boolean): Promise<void> {
    const { streams } = this.#link.manager;
    await withRetry(async () => {
      const { config } = await streams.info(this.#name);
      const change = isUnlimited ? withoutLimits(config) : withLimits(config);
      if (change) await streams.update(this.#name, change);
      if (isUnlimited && isLimited({ ...config, ...change })) {
        throw new Error("Cannot lift limits that the operator has set");
      }
    });
  }

  close(): void {
    this.#closed.abort();
  }

  /** `checkpoint` is what names in NATS call a snapshot: existing streams keep them. */
  #subject(isSnapshot: boolean): string {
    return isSnapshot ? `${this.#name}.checkpoint` : `${this.#name}.log`;
  }
}

/** Undefined if JetStream answers with this error. */
async function unlessError<Result>(code: number, request: Promise<Result>): Promise<Result | undefined> {
  try {
    return await request;
  } catch (error) {
    if (jetStreamErrorCode(error) === code) return undefined;
    throw error;
  }
}

type Limits = Pick<StreamConfig, "max_bytes" | "max_age"> & { description?: string };

/** The change that lifts the limits; undefined if they are lifted. */
function withoutLimits({ description = "", max_bytes, max_age }: Limits): Limits | undefined {
  if (LIFTED_NOTE_PATTERN.test(description)) return undefined;
  const note = `${LIFTED_NOTE}, then max_bytes ${max_bytes}, max_age ${millis(max_age)} ms`;
  return { description: description + note, max_bytes: -1, max_age: 0 };
}

function isLimited({ max_bytes, max_age, max_msgs }: Limits & Pick<StreamConfig, "max_msgs">): boolean {
  return max_bytes >= 0 || max_age > 0 || max_msgs >= 0;
}

/** The change that puts the limits back, except those that the operator has set since; undefined if they are back. */
function withLimits({ description = "", max_bytes, max_age }: Limits): Limits | undefined {
  const found = LIFTED_NOTE_PATTERN.exec(description);
  if (!found) return undefined;
  const [note, bytes = STREAM_BYTES, ageMs = STREAM_AGE_MS] = found;
  return {
    description: description.slice(0, -note.length),
    max_bytes: max_bytes === -1 ? Number(bytes) : max_bytes,
    max_age: max_age === 0 ? nanos(Number(ageMs)) : max_age,
  };
}

function configOf(room: string) {
  const name = `CHAT_${room}`;
  return {
    name,
    subjects: [`${name}.log`, `${name}.checkpoint`],
    description: DESCRIPTION,
    // For a new stream: the operator may change both.
    max_bytes: STREAM_BYTES,
    max_age: nanos(STREAM_AGE_MS),
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    deny_delete: true,
  } satisfies Partial<StreamConfig>;
}

type Config = ReturnType<typeof configOf>;

/** `serverCount`: how many servers `--nats` names. */
async function ensureStream(link: NatsLink, config: Config, serverCount: number): Promise<StreamInfo> {
  const { streams } = link.manager;
  const info = await unlessError(JETSTREAM_ERROR.streamNotFound, streams.info(config.name));
  if (!info) return await createStream(link, config, serverCount);
  checkStream(info, config);
  if (info.config.num_replicas >= REPLICAS || !isClustered(link)) return info;
  // The NATS cluster may have grown since.
  return await streams.update(config.name, { num_replicas: REPLICAS }).catch(() => info);
}

/** Creates a stream with {@linkcode REPLICAS}, or one if the NATS cluster is too small. */
async function createStream(link: NatsLink, config: Config, serverCount: number): Promise<StreamInfo> {
  const { nc, manager: { streams } } = link;
  if (!isClustered(link)) return await streams.add({ ...config, num_replicas: 1 });
  try {
    return await streams.add({ ...config, num_replicas: REPLICAS });
  } catch (error) {
    const known = Math.max(serverCount, nc.info!.connect_urls?.length ?? 0);
    const code = jetStreamErrorCode(error);
    const isTooSmall = code === JETSTREAM_ERROR.notClustered ||
      (code === JETSTREAM_ERROR.noSuitablePeers && known < REPLICAS);
    if (!isTooSmall) throw error;
    return await streams.add({ ...config, num_replicas: 1 });
  }
}

function isClustered({ nc }: NatsLink): boolean {
  return nc.info!.cluster !== undefined;
}

/** @throws {NatsModuleError} `nats-other-stream` unless it is the stream of a room, `nats-stream-small` if no room fits */
function checkStream({ config }: StreamInfo, wanted: Config): void {
  const isOurs = [...config.subjects].sort().join() === [...wanted.subjects].sort().join() &&
    config.storage === wanted.storage && config.retention === wanted.retention &&
    config.discard === wanted.discard && config.max_msgs_per_subject <= 0 && !config.sealed;
  if (!isOurs) throw new NatsModuleError("nats-other-stream", { stream: config.name });
  const limits = [config.max_bytes, config.max_msg_size];
  if (!limits.some((limit) => limit > 0 && limit < MIN_LIMIT_BYTES)) return;
  throw new NatsModuleError("nats-stream-small", { stream: config.name });
}
