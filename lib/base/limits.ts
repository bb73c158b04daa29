// Bounds on rate and on memory.

export interface RateLimit {
  /** Capacity; a bucket starts full. */
  readonly burst: number;
  readonly perSecond: number;
}

export const UNLIMITED: RateLimit = { burst: Infinity, perSecond: Infinity };

/** Allows a burst of events, then events at a steady rate. Times are monotonic, in ms. */
export class TokenBucket {
  readonly #rate: RateLimit;
  #tokens: number;
  #refilledAtMs: number;

  constructor(rate: RateLimit, nowMs: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#refilledAtMs = nowMs;
  }

  take(nowMs: number): boolean {
    if (this.#rate.perSecond === Infinity) return true;
    this.#refill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Puts back a token that was taken for an event that did not happen. */
  refund(): void {
    this.#tokens++;
  }

  /** Time until {@linkcode take} succeeds, in ms; 0 if it would now. */
  waitMs(nowMs: number): number {
    const { perSecond } = this.#rate;
    if (perSecond === Infinity) return 0;
    this.#refill(nowMs);
    // Rounded up, so that after the wait the token is not short by a rounding error.
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) * 1_000 / perSecond);
  }

  #refill(nowMs: number): void {
    const { burst, perSecond } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + (nowMs - this.#refilledAtMs) * perSecond / 1_000);
    this.#refilledAtMs = nowMs;
  }
}

/** A map of at most `maxSize` entries, in the order in which they were last set. A new entry evicts the oldest. */
export class LruMap<Key, Value> extends Map<Key, Value> {
  readonly #maxSize: number;
  #newestKey: Key | undefined;

  constructor(maxSize: number, entries: Iterable<readonly [Key, Value]> = []) {
    super();
    this.#maxSize = maxSize;
    for (const [key, value] of entries) this.set(key, value);
  }

  override set(key: Key, value: Value): this {
    // A Map iterates in the order of insertion. A client sets the newest key again for most entries that it reads.
    if (key !== this.#newestKey) this.delete(key);
    this.#newestKey = key;
    super.set(key, value);
    if (this.size > this.#maxSize) this.delete(this.keys().next().value!);
    return this;
  }
}
