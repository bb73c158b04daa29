// Which server a person is offered after a loss: the first one in the room's order that answers, kept up to date while
// the question waits.

import { delay } from "../base/time.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { FailoverConfig } from "./failover.ts";
import type { Prober } from "./prober.ts";
import type { RoomSearch } from "./room_finder.ts";
import type { Offer } from "./server_prompt.ts";

interface OfferOptions {
  /** The server that was lost, or did not let the client in. */
  readonly failed: Address;
  readonly signal: AbortSignal;
  /** The question is answered, or not asked any more. */
  readonly over: AbortSignal;
}

export class ServerOffer {
  /** Called when {@linkcode current} has changed. */
  onChange = () => {};
  /** Servers that it finds are candidates behind the others. Undefined: the network is not asked. */
  search: RoomSearch | undefined;
  readonly #prober: Prober;
  readonly #config: FailoverConfig;
  #current: Offer | undefined;
  /** In an order that is the same for all members of the room. */
  #found: readonly Address[] = [];

  /** `current` is offered if no candidate is probed, or none answers. */
  constructor(prober: Prober, config: FailoverConfig, current: Offer | undefined) {
    this.#prober = prober;
    this.#config = config;
    this.#current = current;
  }

  get current(): Offer | undefined {
    return this.#current;
  }

  /** Probes the candidates, in order, then those that are found, then the server that failed; asks; and while the question
   * waits, probes again every `waitProbeMs` until a server answers. */
  async keepFor(
    ask: () => Promise<void>,
    candidates: readonly Address[],
    options: OfferOptions,
  ): Promise<void> {
    const asked = new AbortController();
    const over = AbortSignal.any([options.over, asked.signal]);
    const searched = this.search?.((server) => this.#onFound(server), { signal: over });
    const found = await this.#probe(candidates, options, searched);
    const server = this.#current?.server ?? options.failed;
    if (!options.over.aborted) this.#set(found ?? { server, state: "no-answer" });
    void this.#findLater(candidates, { ...options, over });
    await ask().finally(() => asked.abort());
  }

  async #findLater(candidates: readonly Address[], options: OfferOptions): Promise<void> {
    while (this.#current?.state === "no-answer" && !options.over.aborted) {
      await delay(this.#config.waitProbeMs, options.over);
      const found = options.over.aborted ? undefined : await this.#probe(candidates, options);
      if (found && !options.over.aborted) this.#set(found);
    }
  }

  /** The lost server answers with another log. A server that has answered before stays on offer. */
  onRestarted(server: Address): void {
    if (this.#current?.state !== "answers") this.#set({ server, state: "restarted" });
  }

  async #probe(
    candidates: readonly Address[],
    options: OfferOptions,
    searched?: Promise<void>,
  ): Promise<Offer | undefined> {
    const { failed, over } = options;
    const known = await this.#prober.firstAnswering(candidates, options);
    if (!known) await searched;
    const server = known ?? await this.#prober.firstAnswering(this.#found, options);
    if (server) return { server, state: "answers" };
    const answer = over.aborted ? undefined : await this.#prober.probe(failed, { signal: over });
    return answer &&
      { server: failed, state: this.#prober.hasRestarted(failed, answer) ? "restarted" : "answers" };
  }

  #onFound(server: Address): void {
    const order = (one: Address, other: Address) => formatAddress(one) < formatAddress(other) ? -1 : 1;
    this.#found = [...this.#found, server].sort(order);
  }

  #set(offer: Offer): void {
    this.#current = offer;
    this.onChange();
  }
}
