// How often something may happen: so many times at once, then at a pace. Pure: monotonic times in ms come in as
// parameters.

/** What a bucket holds, and how fast it fills. */
export interface RateLimit {
  /** Most tokens, and how many there are at the start. */
  readonly burst: number;
  /** Tokens a second. */
  readonly perSecond: number;
}

/** No limit at all. */
export const UNLIMITED: RateLimit = { burst: Infinity, perSecond: Infinity };

/** A token bucket: everything that happens takes one token. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perMs: number;
  #tokens: number;
  #refilledAtMs: number;

  constructor({ burst, perSecond }: RateLimit, nowMs: number) {
    this.#burst = burst;
    this.#perMs = perSecond / 1_000;
    this.#tokens = burst;
    this.#refilledAtMs = nowMs;
  }

  /** Takes a token if there is one; says whether there was. */
  take(nowMs: number): boolean {
    if (this.#perMs === Infinity) return true;
    this.#fill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Puts back a token that was taken for nothing. */
  refund(): void {
    this.#tokens++;
  }

  /** How long until there is a token, in ms: more than 0 if {@linkcode take} would not be given one now. */
  waitMs(nowMs: number): number {
    if (this.#perMs === Infinity) return 0;
    this.#fill(nowMs);
    // Rounded up: whoever waits that long is not to find a token that lacks a trifle.
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#perMs);
  }

  #fill(nowMs: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#refilledAtMs) * this.#perMs);
    this.#refilledAtMs = nowMs;
  }
}
