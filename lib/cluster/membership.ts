// The other servers of a room: renews this one's lease, and looks who else has one. Knows nothing of NATS, nor
// of who is in.

import { FailureDetector } from "./absences.ts";
import type { Clock } from "../base/time.ts";
import type { Leases } from "./store.ts";

/** How often a lease is renewed, in ms. */
const RENEW_MS = 2_000;
/** How long clients are told of a server that has no lease any more, in ms: one that is started again, or upgraded, is
 * back by then, and nobody need hear of it twice. */
const ADVERTISE_MS = 60_000;

/** What a server does about its neighbours. */
interface MembershipOptions {
  /** This server's id. */
  readonly nodeId: bigint;
  readonly clock: Clock;
  readonly renewMs?: number;
  readonly suspectMs?: number;
  readonly advertiseMs?: number;
}

/** Who is told of the neighbours. */
export interface MembershipListener {
  /** The servers through which somebody is in. */
  readonly nodeIds: () => Iterable<bigint>;
  /** A server is gone, again and again for as long as somebody is in through it. */
  readonly onNodeDown: (server: bigint) => void;
  /** The addresses of servers of which clients have been told. */
  readonly advertised: () => Iterable<string>;
  /** Where the servers that live, or did a moment ago, are reached; `isLeader` of one of them, which does what one alone
   * should do. */
  readonly onNodesChanged: (addresses: readonly string[], how: { isLeader: boolean }) => void;
}

/** The neighbourhood of a server. */
export class Membership implements AsyncDisposable {
  readonly #leases: Leases;
  readonly #options: MembershipOptions;
  readonly #nodeDetector: FailureDetector<bigint>;
  readonly #addressDetector: FailureDetector<string>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #polling: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(leases: Leases, options: MembershipOptions) {
    this.#leases = leases;
    this.#options = options;
    this.#nodeDetector = new FailureDetector(options);
    this.#addressDetector = new FailureDetector({ suspectMs: options.advertiseMs ?? ADVERTISE_MS });
  }

  /** Takes a lease: from then on others know of this server.
   * @throws what the leases throw */
  static async join(leases: Leases, options: MembershipOptions): Promise<Membership> {
    await leases.acquire();
    return new Membership(leases, options);
  }

  /** Looks at once, and then again and again. */
  start(listener: MembershipListener): void {
    if (this.#isClosed) return;
    this.#polling = this.#poll(listener).catch(() => this.#forget()).finally(() => {
      if (this.#isClosed) return;
      this.#timer = setTimeout(() => this.start(listener), this.#options.renewMs ?? RENEW_MS);
    });
  }

  #forget(): void {
    this.#nodeDetector.reset();
    this.#addressDetector.reset();
  }

  async #poll({ nodeIds, advertised, onNodeDown, onNodesChanged }: MembershipListener): Promise<void> {
    const { nodeId, clock } = this.#options;
    await this.#leases.renew();
    const living = await this.#leases.list();
    if (this.#isClosed) return;
    const others = [...new Set(nodeIds())].filter((server) => server !== nodeId);
    const { monotonicMs: nowMs } = clock();
    for (const server of this.#nodeDetector.update(others, { living, nowMs })) onNodeDown(server);
    const first = [...living.keys()].sort((one, other) => one < other ? -1 : 1)[0];
    const reachable = new Set([...living.values()].filter((address) => address !== ""));
    const before = [...advertised()];
    const gone = new Set(this.#addressDetector.update(before, { living: reachable, nowMs }));
    const addresses = [...before.filter((address) => !gone.has(address)), ...reachable];
    onNodesChanged([...new Set(addresses)], { isLeader: first === nodeId });
  }

  /** Gives the lease back. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#polling;
    await this.#leases.release().catch(() => {}); // it ends by itself
  }
}
