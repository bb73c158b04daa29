// When to send a PING and when to give a peer up. Pure: monotonic times in ms come in as parameters.

/** Times of a heartbeat, in milliseconds. */
export interface HeartbeatOptions {
  /** Silence from the peer after which a PING is due, and the pace of PINGs where they are sent regardless. */
  readonly pingMs?: number;
  /** Silence, or age of a PING that was not answered, after which the peer is given up. */
  readonly deadMs?: number;
  /** PING every `pingMs` even while the peer is heard: its answer shows how far it has read. */
  readonly always?: boolean;
}

/** Default of {@linkcode HeartbeatOptions.pingMs}. */
export const PING_MS = 5_000;
/** Default of {@linkcode HeartbeatOptions.deadMs}: who is dead is to be noticed within 15 s, and heartbeats are
 * looked at a few times a second. */
export const DEAD_MS = 14_500;

/** Watches one peer. PONGs carry no number: they answer PINGs in order. */
export class Heartbeat {
  readonly #pingMs: number;
  readonly #deadMs: number;
  readonly #always: boolean;
  readonly #unanswered: number[] = [];
  #heardMs: number;
  #pingedMs: number;

  constructor(nowMs: number, { pingMs = PING_MS, deadMs = DEAD_MS, always = false }: HeartbeatOptions = {}) {
    this.#pingMs = pingMs;
    this.#deadMs = deadMs;
    this.#always = always;
    this.#heardMs = nowMs;
    this.#pingedMs = nowMs;
  }

  /** Something came from the peer. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** The peer was kept from being heard for a while: that is not its fault. */
  excuse(ms: number): void {
    this.#heardMs += ms;
    this.#unanswered.forEach((sentMs, i) => this.#unanswered[i] = sentMs + ms);
  }

  /** A PING was sent. */
  pinged(nowMs: number): void {
    this.#pingedMs = nowMs;
    this.#unanswered.push(nowMs);
  }

  /** A PONG came; returns how long it took in ms, or undefined if none was awaited. */
  ponged(nowMs: number): number | undefined {
    const sentMs = this.#unanswered.shift();
    return sentMs === undefined ? undefined : nowMs - sentMs;
  }

  /** What is due now. */
  check(nowMs: number): "dead" | "ping" | undefined {
    const oldest = this.#unanswered[0] ?? Infinity;
    if (nowMs - this.#heardMs >= this.#deadMs || nowMs - oldest >= this.#deadMs) return "dead";
    const since = this.#always ? this.#pingedMs : Math.max(this.#pingedMs, this.#heardMs);
    return nowMs - since >= this.#pingMs ? "ping" : undefined;
  }

  /** When {@linkcode check} will next have something to say if nothing more is heard, on the same clock. */
  get dueMs(): number {
    const dead = Math.min(this.#heardMs, this.#unanswered[0] ?? Infinity) + this.#deadMs;
    const since = this.#always ? this.#pingedMs : Math.max(this.#pingedMs, this.#heardMs);
    return Math.min(dead, since + this.#pingMs);
  }
}
