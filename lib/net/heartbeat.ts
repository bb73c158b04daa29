// When a PING is due, and when a peer counts as dead.

export interface HeartbeatConfig {
  /** Silence of the peer before a PING, or the interval of PINGs with `pingAlways`, in ms. */
  readonly pingMs: number;
  /** Silence, or age of the oldest unanswered PING, after which the peer counts as dead, in ms. */
  readonly pingTimeoutMs: number;
  /** Sends PINGs even while the peer sends data: its PONG shows how far it has read. */
  readonly pingAlways: boolean;
}

export const PING_MS = 5_000;
/** A dead peer must be noticed within 15 s, and heartbeats are checked only a few times a second. */
export const PING_TIMEOUT_MS = 14_500;

/** PONGs carry no number: they answer PINGs in order. Times are monotonic, in ms. */
export class Heartbeat {
  readonly #config: HeartbeatConfig;
  /** Times of sending, the oldest first. */
  readonly #unansweredPings: number[] = [];
  #lastReceivedMs: number;
  #lastPingMs: number;

  constructor(config: HeartbeatConfig, nowMs: number) {
    this.#config = config;
    this.#lastReceivedMs = nowMs;
    this.#lastPingMs = nowMs;
  }

  onData(nowMs: number): void {
    this.#lastReceivedMs = nowMs;
  }

  /** Moves both deadlines, after a time in which nothing was read from the peer. */
  extend(ms: number): void {
    this.#lastReceivedMs += ms;
    this.#unansweredPings.forEach((sentMs, i) => this.#unansweredPings[i] = sentMs + ms);
  }

  onPingSent(nowMs: number): void {
    this.#lastPingMs = nowMs;
    this.#unansweredPings.push(nowMs);
  }

  /** Returns the round trip in ms, or undefined if no PING is unanswered. */
  onPong(nowMs: number): number | undefined {
    const sentMs = this.#unansweredPings.shift();
    return sentMs === undefined ? undefined : nowMs - sentMs;
  }

  check(nowMs: number): "dead" | "ping" | undefined {
    const { pingMs, pingTimeoutMs } = this.#config;
    const oldestPingMs = this.#unansweredPings[0] ?? Infinity;
    if (nowMs - this.#lastReceivedMs >= pingTimeoutMs || nowMs - oldestPingMs >= pingTimeoutMs) return "dead";
    return nowMs - this.#quietSinceMs >= pingMs ? "ping" : undefined;
  }

  /** When {@linkcode check} will next return something if the peer sends nothing more. */
  get nextCheckMs(): number {
    const { pingMs, pingTimeoutMs } = this.#config;
    const deadMs = Math.min(this.#lastReceivedMs, this.#unansweredPings[0] ?? Infinity) + pingTimeoutMs;
    return Math.min(deadMs, this.#quietSinceMs + pingMs);
  }

  get #quietSinceMs(): number {
    if (this.#config.pingAlways) return this.#lastPingMs;
    return Math.max(this.#lastPingMs, this.#lastReceivedMs);
  }
}
