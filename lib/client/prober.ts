// When which servers are probed, and what their answers mean for the client.

import { delay } from "../base/time.ts";
import { type Address, formatAddress, isSameAddress } from "../net/address.ts";
import type { DialOptions } from "../net/tcp.ts";
import type { Failover, FailoverConfig, Joined, ProbeAnswer } from "./failover.ts";

export type ProbeOptions = DialOptions & {
  readonly answerTimeoutMs: number;
  /** Called if no process listens there. */
  readonly onDown?: () => void;
};

/** Returns undefined if the server does not answer. */
type Probe = (server: Address, options: ProbeOptions) => Promise<ProbeAnswer | undefined>;

/** Probes of all candidates at once: each answer holds until its server was dialled. */
interface Round {
  /** By the form of addresses. */
  readonly answers: Map<string, Promise<ProbeAnswer | undefined>>;
  /** Begins before the time has come. */
  readonly begin: () => void;
  readonly stop: () => void;
}

export class Prober {
  readonly #probe: Probe;
  readonly #failover: Failover;
  readonly #config: FailoverConfig;
  #round: Round | undefined;
  /** Ends the probes of {@linkcode besideDial}. */
  #beside: AbortController | undefined;
  /** By the form of addresses: who asks for the same meanwhile gets the same answer. */
  readonly #running = new Map<string, { answer: Promise<ProbeAnswer | undefined>; signal: AbortSignal }>();

  constructor(probe: Probe, failover: Failover, config: FailoverConfig) {
    this.#probe = probe;
    this.#failover = failover;
    this.#config = config;
  }

  async probe(
    server: Address,
    options: Pick<DialOptions, "signal" | "ip">,
  ): Promise<ProbeAnswer | undefined> {
    const key = formatAddress(server);
    const running = this.#running.get(key);
    if (running && !running.signal.aborted) return await running.answer;
    const ip = this.#failover.knownIp(server);
    const { dialTimeoutMs } = this.#failover.limits({ mustAnswer: false });
    const onDown = () => this.#failover.onEnded(server);
    const limits = { dialTimeoutMs, answerTimeoutMs: dialTimeoutMs };
    const answer = this.#probe(server, { ...limits, onDown, ...ip, ...options });
    const started = { answer, signal: options.signal };
    this.#running.set(key, started);
    return await answer.finally(() => this.#running.get(key) === started && this.#running.delete(key));
  }

  /** Whether the answer of a server shows another log than the client was reading on it. */
  hasRestarted(server: Address, answer: ProbeAnswer): boolean {
    const { current } = this.#failover;
    if (!current || !isSameAddress(server, current.server) || answer.logId === undefined) return false;
    return !this.#failover.hasSameLog(answer);
  }

  /** The system of a process that was just killed may still accept the redial, and break it at once: whether it has ended
   * shows a little later. */
  async probeOnceMore(server: Address, { signal }: { signal: AbortSignal }): Promise<void> {
    await delay(this.#config.besideMs, signal);
    if (!signal.aborted) await this.probe(server, { signal });
  }

  /** Probes the candidates after `besideMs`, unless they are wanted before. */
  beginLater(candidates: readonly Address[], signal: AbortSignal): void {
    this.reset();
    const over = new AbortController();
    const anySignal = AbortSignal.any([signal, over.signal]);
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    void delay(this.#config.besideMs, anySignal).then(begin);
    const answers = new Map(candidates.map((server) => [
      formatAddress(server),
      begun.then(() => anySignal.aborted ? undefined : this.probe(server, { signal: anySignal })),
    ]));
    this.#round = { answers, begin, stop: () => over.abort() };
  }

  /** Ends the probes that go on, and forgets their answers. */
  reset(): void {
    this.endBesideDial();
    this.#round?.stop();
    this.#round = undefined;
  }

  /** The first candidate that answers, in order; undefined if none does, or once `over` is aborted. */
  async firstAnswering(
    candidates: readonly Address[],
    { failed, signal, over }: { failed: Address; signal: AbortSignal; over: AbortSignal },
  ): Promise<Address | undefined> {
    if (!this.#round) this.beginLater(candidates, signal);
    const { answers, begin } = this.#round!;
    const stop = () => this.reset();
    over.addEventListener("abort", stop);
    begin();
    answers.delete(formatAddress(failed));
    try {
      for (const candidate of candidates) {
        if (await answers.get(formatAddress(candidate))) return candidate;
      }
    } finally {
      over.removeEventListener("abort", stop);
    }
    this.reset();
    return undefined;
  }

  /** Waits, probes others or asks, and probes a lost server beside it. If that has the log that the client was reading, it
   * still has the room: aborts what is going on, and resolves to true. */
  async whileAway(
    lost: Joined,
    run: (signal: AbortSignal) => Promise<void>,
    { signal, onRestarted }: { signal: AbortSignal; onRestarted: () => Promise<void> },
  ): Promise<boolean> {
    const over = new AbortController();
    const anySignal = AbortSignal.any([signal, over.signal]);
    let isBack = false;
    const probing = this.untilBack(lost, { signal: anySignal, onRestarted }).then((found) => {
      isBack = found;
      over.abort();
    });
    await run(anySignal).finally(() => over.abort());
    await probing;
    return isBack;
  }

  /** Probes a lost server while another one is dialled. The signal is aborted once it is back with its log. */
  besideDial(lost: Joined, signal: AbortSignal): AbortSignal {
    const back = new AbortController();
    this.#beside = new AbortController();
    const over = AbortSignal.any([signal, this.#beside.signal]);
    void this.untilBack(lost, { signal: over, onRestarted: () => Promise.resolve() })
      .then((isBack) => isBack && back.abort());
    return back.signal;
  }

  /** The dial is over. */
  endBesideDial(): void {
    this.#beside?.abort();
  }

  /** Probes the servers that the client left. Resolves to the one to go back to, or to undefined if there is none, or once
   * the signal is aborted. */
  async untilHome(
    { signal, now }: { signal: AbortSignal; now: () => number },
  ): Promise<Joined | undefined> {
    for (let next = this.#failover.nextHome(now()); next; next = this.#failover.nextHome(now())) {
      await delay(next.waitMs, signal);
      if (signal.aborted) break;
      const { home } = next;
      const there = await this.probe(home.server, { signal, ip: home.ip });
      const here = there && this.#failover.needsCount(home)
        ? await this.probe(this.#failover.current!.server, { signal })
        : undefined;
      if (signal.aborted) break;
      if (this.#failover.onHomeProbed(home, { there, here }, now())) return home;
    }
    return undefined;
  }

  /** Probes a lost server every `waitProbeMs`. Resolves to true once it has the log that the client was reading, to false
   * when the signal is aborted. `onRestarted` is called once, if it has another log. */
  async untilBack(
    { server, ip }: Joined,
    { signal, onRestarted }: { signal: AbortSignal; onRestarted: () => Promise<void> },
  ): Promise<boolean> {
    let isReported = false;
    for (;;) {
      await delay(this.#config.waitProbeMs, signal);
      const answer = signal.aborted ? undefined : await this.probe(server, { signal, ip });
      if (signal.aborted) return false;
      if (answer && this.#failover.hasSameLog(answer)) return true;
      if (answer?.logId === undefined || isReported) continue;
      isReported = true;
      await onRestarted();
    }
  }
}
