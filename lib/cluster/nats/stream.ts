// The log of a room as a stream of JetStream: what is stored, in which order. Loaded only where it is needed.
// Knows nothing of what it stores.

import { setTimeout as delay } from "node:timers/promises";
import { DiscardPolicy, jetstream, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import type { JetStreamClient, StoredMsg, StreamConfig, StreamInfo } from "@nats-io/jetstream";
import { millis, nanos } from "@nats-io/transport-node";
import {
  JETSTREAM_ERROR,
  jetStreamErrorCode,
  type NatsLink,
  NatsModuleError,
  toNatsError,
  withRetry,
} from "./connection.ts";
import type { StoredRecord, StoreState, StreamStore } from "../store.ts";

/** How much of the past a stream keeps, in bytes and in ms. */
export const STREAM_BYTES = 268_435_456;
export const STREAM_AGE_MS = 7 * 86_400_000;
/** How long NATS drops what it has stored already, in ms. */
const DUPLICATE_WINDOW_MS = 180_000;
/** What NATS sends beside what is stored, in bytes at most: it counts as part of a message. */
const HEADERS_BYTES = 512;
/** What people who look at NATS read of a stream. */
const DESCRIPTION = "A room of chat-server";
/** What stands behind it while the stream forgets nothing. */
const KEEPS_ALL = "; it forgets nothing until max_payload is raised";
/** The same with the limits that the stream had, for people and for the server that puts them back; earlier versions
 * did not note these. */
const LIMITS_NOTE = new RegExp(`${KEEPS_ALL}(?:, then max_bytes (-?\\d+), max_age (\\d+) ms)?$`);
/** Copies that survive the loss of a machine. */
const REPLICAS = 3;
/** How long what is stored may take to be acknowledged, in ms. */
const PUBLISH_MS = 2_000;
/** From try to try to read on, in ms. */
const RETRY_MS = 250;
/** How often a reader that has nothing to read hears that it is still served, in ms. */
const HEARTBEAT_MS = 1_000;
/** How long NATS remembers a reader that is gone, in ms. */
const CONSUMER_TTL_MS = 30_000;
/** How many messages NATS may send before they are taken: blocks have 256 KiB at most. To ask for bytes instead makes
 * the library stand still for half a minute after each such portion. */
const PREFETCH_MESSAGES = 64;

/** A stream as the place of a log. */
export class NatsStream implements StreamStore {
  readonly replicas: number;
  readonly #link: NatsLink;
  readonly #js: JetStreamClient;
  readonly #name: string;
  readonly #closed = new AbortController();
  /** End the readers that NATS made for us: the next ones begin where these stopped. */
  readonly #consumerStops = new Set<() => void>();

  private constructor(link: NatsLink, { config }: StreamInfo) {
    this.#link = link;
    this.#js = jetstream(link.nc, { timeout: PUBLISH_MS });
    this.#name = config.name;
    this.replicas = config.num_replicas;
  }

  /** Opens the stream of a room, and makes it if there is none.
   * @throws {NatsModuleError} */
  static async open(
    link: NatsLink,
    room: string,
    { servers }: { servers: readonly string[] },
  ): Promise<NatsStream> {
    try {
      const info = await withRetry(() => ensureStream(link, configOf(room), servers.length));
      return new NatsStream(link, info);
    } catch (error) {
      throw toNatsError(error, { servers });
    }
  }

  get maxBytes(): number {
    return this.#link.maxBytes - HEADERS_BYTES;
  }

  async state(): Promise<StoreState> {
    const { state } = await this.#link.manager.streams.info(this.#name);
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
    try {
      const { seq } = await this.#js.publish(this.#subject(isSnapshot), bytes, {
        msgID: id,
        expect: { streamName: this.#name, lastSequence: after },
      });
      return seq;
    } catch (error) {
      if (jetStreamErrorCode(error) === JETSTREAM_ERROR.wrongLastSequence) return undefined;
      throw error;
    }
  }

  async findSnapshotFrom(position: number): Promise<StoredRecord | undefined> {
    const subject = this.#subject(true);
    const next = await this.#message({ seq: position, next_by_subj: subject });
    return toRecord(next ?? await this.#message({ last_by_subj: subject }));
  }

  async #message(
    query: { seq: number; next_by_subj: string } | { last_by_subj: string },
  ): Promise<StoredMsg | undefined> {
    try {
      return await this.#link.manager.streams.getMessage(this.#name, query) ?? undefined;
    } catch (error) {
      if (jetStreamErrorCode(error) === JETSTREAM_ERROR.noMessage) return undefined;
      throw error;
    }
  }

  async *read(from: number): AsyncGenerator<StoredRecord> {
    let [next, again] = [from, from];
    const { signal } = this.#closed;
    while (!signal.aborted) {
      try {
        for await (const stored of this.#readOnce(again, next)) {
          yield stored;
          again = stored.position;
          next = again + 1;
        }
      } catch {
        // The next reader finds out whether NATS is there.
      }
      if (!signal.aborted) await delay(RETRY_MS);
    }
  }

  /** Until something is wrong with the reader that NATS made for us: not all that can be is noticed by the library.
   * `next` is the first that was not given before. */
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
    // The library would go on where it was, in whatever is there by now.
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
        // One that was behind when it was asked begins too early.
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

  restartRead(): void {
    for (const end of this.#consumerStops) end();
  }

  async setUnlimited(isAll: boolean): Promise<void> {
    const { streams } = this.#link.manager;
    await withRetry(async () => {
      const { config } = await streams.info(this.#name);
      const change = isAll ? withoutLimits(config) : withLimits(config);
      if (change) await streams.update(this.#name, change);
      if (isAll && forgets({ ...config, ...change })) {
        throw new Error("Cannot lift limits that others have set");
      }
    });
  }

  async isDeleted(): Promise<boolean> {
    try {
      await this.#link.manager.streams.info(this.#name);
      return false;
    } catch (error) {
      return jetStreamErrorCode(error) === JETSTREAM_ERROR.streamNotFound;
    }
  }

  close(): void {
    this.#closed.abort();
  }

  #subject(isSnapshot: boolean): string {
    return `${this.#name}.${isSnapshot ? "checkpoint" : "log"}`;
  }
}

function toRecord(message: StoredMsg | undefined): StoredRecord | undefined {
  return message && {
    position: message.seq,
    bytes: message.data,
    timeMs: message.time.getTime(),
    isSnapshot: true,
    isAfterGap: false,
  };
}

type Limits = Pick<StreamConfig, "max_bytes" | "max_age"> & { description?: string };

/** What has a stream forget nothing; undefined if it was told so before. */
function withoutLimits({ description = "", max_bytes, max_age }: Limits): Limits | undefined {
  if (LIMITS_NOTE.test(description)) return undefined;
  const note = `${KEEPS_ALL}, then max_bytes ${max_bytes}, max_age ${millis(max_age)} ms`;
  return { description: description + note, max_bytes: -1, max_age: 0 };
}

function forgets({ max_bytes, max_age, max_msgs }: Limits & Pick<StreamConfig, "max_msgs">): boolean {
  return max_bytes >= 0 || max_age > 0 || max_msgs >= 0;
}

/** What has it forget again as before, but for what whoever runs NATS has set meanwhile; undefined if it does. */
function withLimits({ description = "", max_bytes, max_age }: Limits): Limits | undefined {
  const found = LIMITS_NOTE.exec(description);
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
    // Unless whoever runs NATS has it keep more or less.
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

async function ensureStream({ nc, manager }: NatsLink, config: Config, named: number): Promise<StreamInfo> {
  const { streams } = manager;
  let info: StreamInfo;
  try {
    info = await streams.info(config.name);
  } catch (error) {
    if (jetStreamErrorCode(error) !== JETSTREAM_ERROR.streamNotFound) throw error;
    return await makeStream(config);
  }
  check(info, config);
  if (info.config.num_replicas >= REPLICAS || nc.info!.cluster === undefined) return info;
  // The cluster may have grown since.
  return await streams.update(config.name, { num_replicas: REPLICAS }).catch(() => info);

  async function makeStream(config: Config): Promise<StreamInfo> {
    if (nc.info!.cluster === undefined) return await streams.add({ ...config, num_replicas: 1 });
    try {
      return await streams.add({ ...config, num_replicas: REPLICAS });
    } catch (error) {
      const known = Math.max(named, nc.info!.connect_urls?.length ?? 0);
      const isSmall = jetStreamErrorCode(error) === JETSTREAM_ERROR.notClustered ||
        (jetStreamErrorCode(error) === JETSTREAM_ERROR.noSuitablePeers && known < REPLICAS);
      if (!isSmall) throw error;
      return await streams.add({ ...config, num_replicas: 1 });
    }
  }
}

/** Whether a stream that exists is one of ours. Whoever runs NATS may let it keep more or less. */
function check({ config }: StreamInfo, wanted: Config): void {
  const isOurs = [...config.subjects].sort().join() === [...wanted.subjects].sort().join() &&
    config.storage === wanted.storage && config.retention === wanted.retention &&
    config.discard === wanted.discard && config.max_msgs_per_subject <= 0 && !config.sealed;
  if (isOurs) return;
  throw new NatsModuleError("nats-other-stream", { stream: config.name });
}
