// When to send a PING and when to give a peer up. Pure: monotonic times in ms come in as parameters.

/** Times of a heartbeat, in milliseconds. */
export interface HeartbeatOptions {
  /** Silence from the peer after which a PING is due, and the pace of PINGs where they are sent regardless. */
  readonly pingMs?: number;
  /** Silence, or age of a PING that was not answered, after which the peer is given up. */
  readonly pingTimeoutMs?: number;
  /** PING every `pingMs` even while the peer is heard: its answer shows how far it has read. */
  readonly pingAlways?: boolean;
}

/** Default of {@linkcode HeartbeatOptions.pingMs}. */
export const PING_MS = 5_000;
/** Default of {@linkcode HeartbeatOptions.pingTimeoutMs}: who is dead is to be noticed within 15 s, and heartbeats are
 * looked at a few times a second. */
export const PING_TIMEOUT_MS = 14_500;

/** Watches one peer. PONGs carry no number: they answer PINGs in order. */
export class Heartbeat {
  readonly #pingMs: number;
  readonly #pingTimeoutMs: number;
  readonly #always: boolean;
  readonly #unansweredPings: number[] = [];
  #lastReceivedMs: number;
  #lastPingMs: number;

  constructor(
    nowMs: number,
    { pingMs = PING_MS, pingTimeoutMs = PING_TIMEOUT_MS, pingAlways = false }: HeartbeatOptions = {},
  ) {
    this.#pingMs = pingMs;
    this.#pingTimeoutMs = pingTimeoutMs;
    this.#always = pingAlways;
    this.#lastReceivedMs = nowMs;
    this.#lastPingMs = nowMs;
  }

  /** Something came from the peer. */
  onData(nowMs: number): void {
    this.#lastReceivedMs = nowMs;
  }

  /** The peer was kept from being heard for a while: that is not its fault. */
  extend(ms: number): void {
    this.#lastReceivedMs += ms;
    this.#unansweredPings.forEach((sentMs, i) => this.#unansweredPings[i] = sentMs + ms);
  }

  /** A PING was sent. */
  onPingSent(nowMs: number): void {
    this.#lastPingMs = nowMs;
    this.#unansweredPings.push(nowMs);
  }

  /** A PONG came; returns how long it took in ms, or undefined if none was awaited. */
  onPong(nowMs: number): number | undefined {
    const sentMs = this.#unansweredPings.shift();
    return sentMs === undefined ? undefined : nowMs - sentMs;
  }

  /** What is due now. */
  check(nowMs: number): "dead" | "ping" | undefined {
    const oldest = this.#unansweredPings[0] ?? Infinity;
    if (nowMs - this.#lastReceivedMs >= this.#pingTimeoutMs || nowMs - oldest >= this.#pingTimeoutMs) {
      return "dead";
    }
    const since = this.#always ? this.#lastPingMs : Math.max(this.#lastPingMs, this.#lastReceivedMs);
    return nowMs - since >= this.#pingMs ? "ping" : undefined;
  }

  /** When {@linkcode check} will next have something to say if nothing more is heard, on the same clock. */
  get nextCheckMs(): number {
    const dead = Math.min(this.#lastReceivedMs, this.#unansweredPings[0] ?? Infinity) + this.#pingTimeoutMs;
    const since = this.#always ? this.#lastPingMs : Math.max(this.#lastPingMs, this.#lastReceivedMs);
    return Math.min(dead, since + this.#pingMs);
  }
}
