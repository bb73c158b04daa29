// A room in NATS: its stream, and the leases of its nodes in a key-value bucket. The entry point of the lazily loaded
// module: the NATS library is larger than the rest of the program.

import { type KV, Kvm } from "@nats-io/kv";
import type { Leases, NatsConfig, NatsRoom } from "../store.ts";
import {
  connectNats,
  type NatsLink,
  NatsModuleError,
  startWait,
  toNatsError,
  withRetry,
} from "./connection.ts";
import { NatsStream } from "./stream.ts";

/** How long a lease holds unless it is renewed, in ms: more than twice `renewMs`, so that one renewal may fail. */
const LEASE_TTL_MS = 6_000;

/** Creates the stream of the room if there is none.
 * @throws {NatsModuleError}
 * @throws {Error} `AbortError` if the signal is aborted */
export async function openNatsRoom(
  config: NatsConfig,
  { room, nodeId, signal }: { readonly room: string; readonly nodeId: bigint; readonly signal?: AbortSignal },
): Promise<NatsRoom> {
  const wait = startWait(signal);
  const link = await connectNats(config, wait);
  try {
    const store = await NatsStream.open(link, room, config.servers, wait);
    const leases = new NatsLeases(link, { room, nodeId, replicas: store.replicas, config });
    return {
      store,
      leases,
      close: async () => {
        store.close();
        await link.nc.close();
      },
    };
  } catch (error) {
    await link.nc.close();
    throw error;
  }
}

class NatsLeases implements Leases {
  readonly #link: NatsLink;
  readonly #bucketName: string;
  readonly #key: string;
  readonly #replicas: number;
  readonly #config: NatsConfig;
  #bucket: KV | undefined;
  readonly #addressCache = new Map<string, string>();

  constructor(
    link: NatsLink,
    { room, nodeId, replicas, config }: {
      room: string;
      nodeId: bigint;
      replicas: number;
      config: NatsConfig;
    },
  ) {
    this.#link = link;
    this.#bucketName = `chat_${room}`;
    this.#key = nodeId.toString(16).padStart(16, "0");
    this.#replicas = replicas;
    this.#config = config;
  }

  /** Creates the bucket if there is none.
   * @throws {NatsModuleError} */
  async acquire(address: string): Promise<void> {
    try {
      await withRetry(() => this.renew(address));
    } catch (error) {
      throw toNatsError(error, this.#config);
    }
  }

  async renew(address: string): Promise<void> {
    try {
      await (await this.#open()).put(this.#key, address);
    } catch (error) {
      this.#bucket = undefined; // an operator may have deleted it
      throw error;
    }
  }

  /** @throws {NatsModuleError} `nats-other-stream` if another stream has the bucket's name */
  async #open(): Promise<KV> {
    if (this.#bucket) return this.#bucket;
    const bucket = await new Kvm(this.#link.nc).create(this.#bucketName, {
      ttl: LEASE_TTL_MS,
      replicas: this.#replicas,
      history: 1,
      // A replica could answer with an older value.
      allow_direct: false,
    });
    const { config } = await this.#link.manager.streams.info(this.#stream);
    if (!config.subjects.includes(`$KV.${this.#bucketName}.>`)) {
      throw new NatsModuleError("nats-other-stream", { stream: this.#stream });
    }
    return this.#bucket = bucket;
  }

  async list(): Promise<ReadonlyMap<bigint, string>> {
    const bucket = await this.#open();
    const prefix = `$KV.${this.#bucketName}.`;
    const { streams } = this.#link.manager;
    const { state } = await streams.info(this.#stream, { subjects_filter: `${prefix}>` });
    const keys = Object.keys(state.subjects ?? {}).map((subject) => subject.slice(prefix.length));
    const nodes = new Map<bigint, string>();
    for (const key of keys) {
      const address = this.#addressCache.get(key) ?? (await bucket.get(key))?.string();
      if (address === undefined) continue; // expired since
      // A node that does not listen yet has no address, and must be read again.
      if (address !== "") this.#addressCache.set(key, address);
      nodes.set(BigInt(`0x${key}`), address);
    }
    return nodes;
  }

  async release(): Promise<void> {
    // A deleted key would leave a marker that counts as a lease.
    const filter = `$KV.${this.#bucketName}.${this.#key}`;
    await this.#link.manager.streams.purge(this.#stream, { filter });
  }

  /** The stream behind the bucket. */
  get #stream(): string {
    return `KV_${this.#bucketName}`;
  }
}
