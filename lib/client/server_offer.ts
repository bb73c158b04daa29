// Which server a person is offered after a loss: the first one in the room's order that answers, kept up to date while
// the question waits.

import { delay } from "../base/time.ts";
import { type Address, formatAddress, isSameAddress } from "../net/address.ts";
import type { FailoverConfig } from "./failover.ts";
import type { Prober } from "./prober.ts";
import type { RoomSearch } from "./room_finder.ts";
import type { ServerPool } from "./server_pool.ts";
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
  #restarted: Address | undefined;
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
   * waits, probes the server on offer every `waitProbeMs`, and all again if it does not answer. */
  async keepFor(
    ask: () => Promise<void>,
    candidates: readonly Address[],
    options: OfferOptions,
  ): Promise<void> {
    const asked = new AbortController();
    const over = AbortSignal.any([options.over, asked.signal]);
    const none: Offer = { server: this.#current?.server ?? options.failed, state: "no-answer" };
    const searched = this.search?.((server) => this.#onFound(server), { signal: over });
    const found = await this.#probe(candidates, options, searched);
    if (!options.over.aborted) this.#set(found ?? none);
    void this.#keepUpToDate(candidates, none, { ...options, over });
    await ask().finally(() => asked.abort());
  }

  async #keepUpToDate(candidates: readonly Address[], none: Offer, options: OfferOptions): Promise<void> {
    const { over } = options;
    for (;;) {
      await delay(this.#config.waitProbeMs, over);
      if (over.aborted) return;
      this.#prober.reset(); // what the others answered is old
      const offered = this.#current!;
      const isThere = offered.state !== "no-answer" &&
        await this.#prober.probe(offered.server, { signal: over });
      const found = isThere ? offered : await this.#probe(candidates, options);
      if (over.aborted) return;
      // Meanwhile the lost server may have answered.
      if (found || this.#current === offered) this.#set(found ?? none);
    }
  }

  /** Of the server on offer, or of the first known one of this host that answers, or of the first. */
  async portOf(host: string, pool: ServerPool, signal: AbortSignal): Promise<number | undefined> {
    const server = this.#current?.server;
    if (server && pool.isSame(server, { ...server, host })) return server.port;
    const known = pool.serversAt(host);
    if (known.length < 2) return known[0]?.port;
    const answers = await Promise.all(known.map((server) => this.#prober.probe(server, { signal })));
    return known[Math.max(0, answers.findIndex((answer) => answer !== undefined))]!.port;
  }

  /** The lost server answers with another log. A server that has answered before stays on offer. */
  onRestarted(server: Address): void {
    this.#restarted = server;
    const { current } = this;
    const isOther = current?.state === "answers" && !isSameAddress(current.server, server);
    if (!isOther) this.#set({ server, state: "restarted" });
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

  #set({ server, state: found }: Offer): void {
    const { current } = this;
    const isRestarted = this.#restarted && isSameAddress(server, this.#restarted);
    const state = found === "answers" && isRestarted ? "restarted" : found;
    if (current?.state === state && isSameAddress(current!.server, server)) return;
    this.#current = { server, state };
    this.onChange();
  }
}
