// Which servers that the network offers serve the room that the client was in, and which the user chose because the
// network offers them.

import { type Address, formatAddress, isLoopback } from "../net/address.ts";
import type { Failover, ProbeAnswer } from "./failover.ts";
import { FoundList, type NetworkSearch } from "./network_search.ts";
import type { Prober } from "./prober.ts";
import type { ServerPool } from "./server_pool.ts";
import type { PromptDeps } from "../terminal/prompt.ts";

/** Looks for servers of a room until the signal is aborted: see {@linkcode NetworkSearch}. */
export type RoomSearch = (
  onFound: (server: Address) => void,
  options: { signal: AbortSignal },
) => Promise<void>;

interface RoomFinderParts {
  readonly prober: Prober;
  readonly failover: Failover;
  readonly pool: ServerPool;
}

export class RoomFinder {
  /** What it has found for questions. */
  readonly found: FoundList;
  readonly #search: NetworkSearch | undefined;
  readonly #isAuto: boolean;
  readonly #parts: RoomFinderParts;
  /** By the form of addresses. */
  readonly #chosen = new Set<string>();
  /** Of the current server; "" if it has no name, or that is not known. */
  #name = "";

  constructor(
    deps: PromptDeps & { readonly search?: NetworkSearch },
    { isAuto }: { isAuto: boolean },
    parts: RoomFinderParts,
  ) {
    this.#search = deps.search;
    this.found = new FoundList(deps);
    this.#isAuto = isAuto;
    this.#parts = parts;
  }

  /** For the list of a question. Undefined: the network is not asked. */
  get search(): NetworkSearch | undefined {
    return this.#parts.failover.current && !this.#isWanted ? undefined : this.#search;
  }

  async isAnswering(server: Address, options: { signal: AbortSignal }): Promise<boolean> {
    return await this.#parts.prober.probe(server, options) !== undefined;
  }

  /** The user chose a server of the network's. One that is known otherwise too is no stranger. */
  onChosen(server: Address): void {
    if (!this.#parts.pool.has(server)) this.#chosen.add(formatAddress(server));
  }

  /** Whether the user did not name this server, but chose it of the network's. */
  isChosen(server: Address): boolean {
    return this.#chosen.has(formatAddress(server));
  }

  /** Asks the server that the client has joined for the name of its room, which WELCOME does not tell. */
  async onJoined(server: Address): Promise<void> {
    this.#name = "";
    if (!this.#isWanted) return;
    const { prober, failover } = this.#parts;
    const answer = await prober.probe(server, { signal: new AbortController().signal });
    if (failover.current?.server === server) this.#name = answer?.name ?? "";
  }

  /** The search for other servers of the room than the one that failed. */
  searchFor(failed: Address): RoomSearch | undefined {
    const search = this.#search;
    if (!search || !this.#isWanted) return undefined;
    const { pool, prober } = this.#parts;
    return (onFound, options) => {
      const probe = (server: Address) => prober.probe(server, options);
      return search(({ server, answer }) => {
        if (this.#isSameRoom(answer) && !pool.isSame(server, failed)) onFound(server);
      }, { ...options, probe });
    };
  }

  /** Only a person chooses of what the network offers; and no other machine has the room of a server on this one alone. */
  get #isWanted(): boolean {
    const { current } = this.#parts.failover;
    return this.#search !== undefined && !this.#isAuto && current !== undefined && !isLoopback(current.ip);
  }

  /** By its log, or by the name that an operator gave it. */
  #isSameRoom(answer: ProbeAnswer): boolean {
    return this.#parts.failover.hasSameLog(answer) || (!!answer.name && answer.name === this.#name);
  }
}
