// Membership of the cluster: renews the lease of this node, and finds the nodes that have none any more.

import type { Clock } from "../base/time.ts";
import type { Leases } from "./store.ts";

export interface MembershipConfig {
  /** How often to renew the lease and to look at the others, in ms. */
  readonly renewMs: number;
  /** How long a node must be without a lease before it counts as down, in ms. After a NATS outage every lease has expired;
   * give the nodes time to renew. */
  readonly suspectMs: number;
  /** How long a node without a lease is still advertised to clients, in ms: a node that restarts, or is upgraded, is back
   * by then. */
  readonly advertiseMs: number;
}

interface LeaseHolder {
  readonly leases: Leases;
  readonly nodeId: bigint;
}

/** The room on this node. */
export interface MembershipHost {
  /** The nodes with members in the room. */
  readonly nodeIds: Iterable<bigint>;
  /** Addresses of the nodes that clients are told of. */
  readonly clusterServers: readonly string[];
  /** Called at each poll as long as the node has members. */
  nodeDown(nodeId: bigint): void;
}

export class Membership implements AsyncDisposable {
  /** Where clients reach this node, as `host:port`, empty if unknown. Stored with the lease. */
  ownAddress = "";
  /** Called at each poll with the addresses to tell clients of. `isLeader` on one node of the room: the one with the lowest
   * id. */
  onNodesChanged: (addresses: readonly string[], how: { isLeader: boolean }) => void = () => {};
  readonly #leases: Leases;
  readonly #nodeId: bigint;
  readonly #config: MembershipConfig;
  readonly #clock: Clock;
  readonly #nodeDetector: FailureDetector<bigint>;
  readonly #addressDetector: FailureDetector<string>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #polling: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor({ leases, nodeId }: LeaseHolder, config: MembershipConfig, clock: Clock) {
    this.#leases = leases;
    this.#nodeId = nodeId;
    this.#config = config;
    this.#clock = clock;
    this.#nodeDetector = new FailureDetector(config.suspectMs);
    this.#addressDetector = new FailureDetector(config.advertiseMs);
  }

  /** Takes a lease.
   * @throws errors of the leases */
  static async join(node: LeaseHolder, config: MembershipConfig, clock: Clock): Promise<Membership> {
    const membership = new Membership(node, config, clock);
    await node.leases.acquire(membership.ownAddress);
    return membership;
  }

  /** Polls the leases at once, and then every `renewMs`. */
  start(host: MembershipHost): void {
    if (this.#isClosed) return;
    const reset = () => {
      this.#nodeDetector.reset();
      this.#addressDetector.reset();
    };
    this.#polling = this.#poll(host).catch(reset).finally(() => {
      if (this.#isClosed) return;
      this.#timer = setTimeout(() => this.start(host), this.#config.renewMs);
    });
  }

  async #poll(host: MembershipHost): Promise<void> {
    await this.#leases.renew(this.ownAddress);
    const living = await this.#leases.list();
    if (this.#isClosed) return;
    const others = [...new Set(host.nodeIds)].filter((nodeId) => nodeId !== this.#nodeId);
    const { monotonicMs: nowMs } = this.#clock();
    for (const nodeId of this.#nodeDetector.update(others, { living, nowMs })) host.nodeDown(nodeId);
    const leader = [...living.keys()].sort((one, other) => one < other ? -1 : 1)[0];
    const reachable = new Set([...living.values()].filter((address) => address !== ""));
    const before = [...host.clusterServers];
    const down = new Set(this.#addressDetector.update(before, { living: reachable, nowMs }));
    const addresses = [...before.filter((address) => !down.has(address)), ...reachable];
    this.onNodesChanged([...new Set(addresses)], { isLeader: leader === this.#nodeId });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#polling;
    await this.#leases.release().catch(() => {}); // it expires
  }
}

/** Tells which ids have been missing for long enough to count as down. Pure. */
export class FailureDetector<Id> {
  readonly #suspectMs: number;
  readonly #missingSinceMs = new Map<Id, number>();

  /** `suspectMs`: how long an id must be missing at every update. */
  constructor(suspectMs: number) {
    this.#suspectMs = suspectMs;
  }

  /** Returns those of `ids` that are down. `nowMs` is monotonic. */
  update(ids: Iterable<Id>, { living, nowMs }: { living: { has(id: Id): boolean }; nowMs: number }): Id[] {
    const missing = new Set([...ids].filter((id) => !living.has(id)));
    for (const id of this.#missingSinceMs.keys()) if (!missing.has(id)) this.#missingSinceMs.delete(id);
    const down: Id[] = [];
    for (const id of missing) {
      const sinceMs = this.#missingSinceMs.get(id) ?? nowMs;
      this.#missingSinceMs.set(id, sinceMs);
      if (nowMs - sinceMs >= this.#suspectMs) down.push(id);
    }
    return down;
  }

  /** The leases could not be read: a node that has not renewed its lease may not have been able to either. */
  reset(): void {
    this.#missingSinceMs.clear();
  }
}
