// Where a client goes after a loss, and when it goes back to a server that it left. Pure: monotonic times in ms and
// chance are parameters.

import { type Address, formatAddress, isSameAddress } from "../net/address.ts";

export interface FailoverConfig {
  /** For each answer of a server, in ms: one lost SYN fits (RFC 6298, section 2). */
  readonly answerMs: number;
  /** And so many round trips. */
  readonly answerRoundTrips: number;
  /** From the redial of a server to the probes of the others, in ms. */
  readonly besideMs: number;
  /** Between two probes of the lost server while the client waits or asks, in ms. */
  readonly waitProbeMs: number;
  /** How long a server that the client left is remembered, in ms. */
  readonly homeMs: number;
  /** Between two probes of it, in ms, and how much earlier or later: so that two groups do not swap places. */
  readonly homeProbeMs: number;
  readonly homeJitterMs: number;
  /** From one return to the next at least, in ms. */
  readonly returnMs: number;
  /** How long after a rejoin other members may still come back to a server that was restarted, in ms. */
  readonly settleMs: number;
  /** After `entering-too-often`, in ms. */
  readonly joinWaitMs: number;
  /** Between two tries of a nick that is taken, in ms, and for how long: its holder may be a ghost. */
  readonly nickRetryMs: number;
  readonly nickWaitMs: number;
}

/** What a server says to a PROBE. */
export interface ProbeAnswer {
  /** Undefined if the server does not tell. */
  readonly logId?: bigint;
  readonly heardCount?: number;
  /** Of the room; empty if it has none. */
  readonly name?: string;
}

/** A server that the client has joined. */
export interface Joined {
  readonly server: Address;
  /** Where it was reached. */
  readonly ip: string;
  readonly logId: bigint;
}

interface Lost extends Joined {
  /** It said BYE, or refused a connection since: its process has ended. With `--data` the next one has the same log. */
  hasEnded: boolean;
}

/** A server that the client left, though it may live. */
interface Home extends Lost {
  /** It was left for a home, so that two groups that go home to each other meet (found by the simulator). */
  readonly wasReturnedFrom: boolean;
  untilMs: number;
  probeAtMs: number;
}

/** Why a client could not go home. `refused`: the server does not let it in, but may later. `barred`: it never will. */
export type ReturnFailure = "unreached" | "refused" | "barred";

/** Most servers that are remembered at a time. */
const MAX_HOMES = 4;

/** The rules of docs/PROTOCOL.md, "Changing servers". {@linkcode ServerSelector} drives it, with prompts, timers and
 * probes. A simulator drives it alone, or the selector with a terminal that has ended: call {@linkcode onJoined} and
 * {@linkcode onLost} as they happen, give a dial or a probe {@linkcode limits}, and while the client is joined probe
 * {@linkcode nextHome} when it is due and tell the answer to {@linkcode onHomeProbed}; if that says so, leave with BYE and
 * dial {@linkcode returning}. */
export class Failover {
  readonly #config: FailoverConfig;
  readonly #random: () => number;
  #current: Joined | undefined;
  /** Smoothed, of the server that the client was on last. */
  #rttMs = 0;
  /** The current server, once it is lost without a fault of its own. */
  #lost: Lost | undefined;
  /** The latest first. */
  #homes: Home[] = [];
  #returning: Joined | undefined;
  /** When the last return began. */
  #returnedMs = -Infinity;
  /** Least time from then to the next return. Doubled if a return does not last, or is refused: the client must not move
   * all the time, nor stay apart from the others for good. */
  #returnWaitMs: number;
  #hasLostSinceReturn = false;
  /** By the form of addresses: since when. */
  readonly #nickTakenSinceMs = new Map<string, number>();

  /** `random` is uniform in [0, 1). */
  constructor(config: FailoverConfig, random: () => number) {
    this.#config = config;
    this.#random = random;
    this.#returnWaitMs = config.returnMs;
  }

  /** The server that the client is on or was on last. */
  get current(): Joined | undefined {
    return this.#current;
  }

  /** The server to go back to, from {@linkcode onHomeProbed} until the client has joined a server. */
  get returning(): Joined | undefined {
    return this.#returning;
  }

  /** For a dial or a probe. A server that fell silent must answer; of another one a connection is enough. */
  limits({ mustAnswer }: { mustAnswer: boolean }): { dialTimeoutMs: number; answerTimeoutMs?: number } {
    const ms = this.#config.answerMs + this.#config.answerRoundTrips * this.#rttMs;
    return { dialTimeoutMs: ms, ...(mustAnswer && { answerTimeoutMs: ms }) };
  }

  /** For a dial or a probe. The server that the client was on is dialled where it was, too: name servers may be away with
   * the network that broke the connection (found by the simulator). */
  knownIp(server: Address): { ip?: string } {
    return this.#current && isSameAddress(server, this.#current.server) ? { ip: this.#current.ip } : {};
  }

  onJoined(joined: Joined, nowMs: number): void {
    const hasReturned = this.#returning !== undefined &&
      isSameAddress(this.#returning.server, joined.server);
    // The nodes of one room have one log: there is nothing to go back for.
    this.#homes = this.#homes.filter(({ logId }) => logId !== joined.logId);
    const left = hasReturned ? { ...this.#current!, hasEnded: false } : this.#lost;
    if (left && left.logId !== joined.logId) {
      this.#remember({ ...left, wasReturnedFrom: hasReturned }, nowMs);
    }
    this.#current = joined;
    this.#lost = undefined;
    this.#returning = undefined;
    this.#nickTakenSinceMs.clear();
  }

  /** The connection to the current server has ended. `isFinal`: it broke the protocol, or the client has left it.
   * `saidBye`: its process ends. */
  onLost(
    { isFinal, saidBye, rttMs }: { isFinal: boolean; saidBye: boolean; rttMs?: number },
    nowMs: number,
  ): void {
    this.#rttMs = rttMs ?? this.#rttMs;
    this.#lost = undefined;
    if (isFinal) return;
    const { returnMs } = this.#config;
    if (!this.#hasLostSinceReturn) {
      const isSoon = nowMs - this.#returnedMs < returnMs;
      this.#returnWaitMs = isSoon ? this.#doubledWaitMs : returnMs;
    }
    this.#hasLostSinceReturn = true;
    this.#lost = this.#current && { ...this.#current, hasEnded: saidBye };
  }

  /** A server refuses connections: its process has ended. */
  onEnded(server: Address): void {
    for (const left of [this.#lost, ...this.#homes]) {
      if (left && isSameAddress(left.server, server)) left.hasEnded = true;
    }
  }

  /** The dial of {@linkcode returning} has failed. Returns the server that the client has left for it. */
  onReturnFailed(how: ReturnFailure, nowMs: number): Joined {
    const home = this.#homes.find(({ logId }) => logId === this.#returning?.logId);
    if (how === "barred") this.#homes = this.#homes.filter((other) => other !== home);
    if (how === "refused" && home) {
      // It lives with its members, however long its refusals last.
      home.untilMs = nowMs + this.#config.homeMs;
      this.#returnWaitMs = this.#doubledWaitMs;
      this.#hasLostSinceReturn = true;
    }
    this.#returning = undefined;
    return this.#current!;
  }

  /** Whether this is the log that the client was reading: then the server still has the room. */
  hasSameLog({ logId }: ProbeAnswer): boolean {
    return logId !== undefined && logId === this.#current?.logId;
  }

  /** The server to probe next while the client is on another, and in how many ms. */
  nextHome(nowMs: number): { readonly home: Home; readonly waitMs: number } | undefined {
    this.#homes = this.#homes.filter(({ untilMs }) => nowMs < untilMs);
    const [home] = this.#homes.toSorted((one, other) => one.probeAtMs - other.probeAtMs);
    return home && { home, waitMs: Math.max(0, home.probeAtMs - nowMs) };
  }

  /** Whether the members of the current server are to be counted, too, before the client goes back to this home. */
  needsCount({ wasReturnedFrom, hasEnded }: Home): boolean {
    return wasReturnedFrom || hasEnded;
  }

  /** Returns whether the client is to leave the current server and to dial {@linkcode returning}. `here` is the answer of
   * the current server, wanted if {@linkcode needsCount}: then only more members are worth a return, or as many with a
   * lower log id. After the end of that server's process the members there may all be new, so that a whole room would go
   * to one new member; a client that is alone goes. */
  onHomeProbed(
    { logId }: Joined,
    { there, here }: { there: ProbeAnswer | undefined; here?: ProbeAnswer | undefined },
    nowMs: number,
  ): boolean {
    const home = this.#homes.find((home) => home.logId === logId);
    if (!home) return false;
    home.probeAtMs = nowMs + this.#probeDelayMs();
    const count = there?.logId === logId ? there.heardCount ?? 0 : 0;
    const hereCount = here?.heardCount ?? Infinity;
    const isAlone = !home.wasReturnedFrom && hereCount <= 1;
    const leastCount = hereCount + (logId < this.#current!.logId ? 0 : 1);
    if (count < (this.needsCount(home) && !isAlone ? leastCount : 1)) return false;
    if (nowMs - this.#returnedMs < this.#returnWaitMs) return false;
    this.#returning = home;
    this.#returnedMs = nowMs;
    this.#hasLostSinceReturn = false;
    return true;
  }

  /** A server said `nick-taken` to a client without a person to ask for another. */
  onNickTaken(key: string, nowMs: number): "retry" | "next" {
    const sinceMs = this.#nickTakenSinceMs.get(key) ?? nowMs;
    this.#nickTakenSinceMs.set(key, sinceMs);
    return nowMs - sinceMs < this.#config.nickWaitMs ? "retry" : "next";
  }

  /** After `nick-taken`: the same server, then the first other one where the nick may be free; undefined if none is left. */
  nextForNick(server: Address, others: readonly Address[], nowMs: number): Address | undefined {
    if (this.onNickTaken(formatAddress(server), nowMs) === "retry") return server;
    return others.find((other) => !this.isNickLost(formatAddress(other), nowMs));
  }

  /** Whether the nick was taken on a server for as long as the client tries. */
  isNickLost(key: string, nowMs: number): boolean {
    return nowMs - (this.#nickTakenSinceMs.get(key) ?? Infinity) >= this.#config.nickWaitMs;
  }

  #remember(left: Lost & Pick<Home, "wasReturnedFrom">, nowMs: number): void {
    const home = { ...left, untilMs: nowMs + this.#config.homeMs, probeAtMs: nowMs + this.#probeDelayMs() };
    this.#homes = [home, ...this.#homes.filter(({ logId }) => logId !== left.logId)].slice(0, MAX_HOMES);
  }

  /** Shorter than the memory of a server. */
  get #doubledWaitMs(): number {
    return Math.min(2 * this.#returnWaitMs, this.#config.homeMs / 2);
  }

  #probeDelayMs(): number {
    const { homeProbeMs, homeJitterMs } = this.#config;
    return homeProbeMs + (2 * this.#random() - 1) * homeJitterMs;
  }
}
