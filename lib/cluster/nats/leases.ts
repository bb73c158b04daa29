// Which servers of a room live: a bucket of NATS with a key for each, which expires. Loaded only where it is
// needed. Knows nothing of who is in.

import { type KV, Kvm } from "@nats-io/kv";
import { type NatsLink, withRetry } from "./connection.ts";
import type { Leases } from "../store.ts";

/** How long a lease holds, in ms. */
const LEASE_TTL_MS = 6_000;

/** What a server leaves in the bucket. */
interface LeaseOptions {
  readonly room: string;
  /** The server's own id. */
  readonly nodeId: bigint;
  /** Where clients reach it, for the other servers to tell them. */
  readonly address: () => string;
  readonly replicas: number;
}

/** The leases of a room. */
export class NatsLeases implements Leases {
  readonly #link: NatsLink;
  readonly #options: LeaseOptions;
  readonly #stream: string;
  #bucket: KV | undefined;
  /** Addresses by key. */
  readonly #addressCache = new Map<string, string>();

  constructor(link: NatsLink, options: LeaseOptions) {
    this.#link = link;
    this.#options = options;
    this.#stream = `KV_${bucketOf(options)}`;
  }

  async acquire(): Promise<void> {
    await withRetry(() => this.renew());
  }

  async renew(): Promise<void> {
    const { nodeId, address } = this.#options;
    try {
      this.#bucket ??= await this.#open();
      // Nobody else has this key: ids are chosen at random, and never again.
      await this.#bucket.put(keyOf(nodeId), address());
    } catch (error) {
      this.#bucket = undefined; // somebody may have deleted it
      throw error;
    }
  }

  #open(): Promise<KV> {
    return new Kvm(this.#link.nc).create(bucketOf(this.#options), {
      ttl: LEASE_TTL_MS,
      replicas: this.#options.replicas,
      history: 1,
      // Whoever answers must know the newest.
      allow_direct: false,
    });
  }

  async list(): Promise<ReadonlyMap<bigint, string>> {
    const prefix = `$KV.${bucketOf(this.#options)}.`;
    const { state } = await this.#link.manager.streams.info(this.#stream, { subjects_filter: `${prefix}>` });
    const keys = Object.keys(state.subjects ?? {}).map((subject) => subject.slice(prefix.length));
    const servers = new Map<bigint, string>();
    for (const key of keys) {
      const address = this.#addressCache.get(key) ?? (await this.#bucket?.get(key))?.string();
      if (address === undefined) continue; // it has just ended
      // Who does not listen yet has none, and is asked again.
      if (address !== "") this.#addressCache.set(key, address);
      servers.set(BigInt(`0x${key}`), address);
    }
    return servers;
  }

  async release(): Promise<void> {
    const filter = `$KV.${bucketOf(this.#options)}.${keyOf(this.#options.nodeId)}`;
    // A key that is deleted would leave a mark, and be taken for a lease.
    await this.#link.manager.streams.purge(this.#stream, { filter });
  }
}

function bucketOf({ room }: LeaseOptions): string {
  return `chat_${room}`;
}

function keyOf(nodeId: bigint): string {
  return nodeId.toString(16).padStart(16, "0");
}
