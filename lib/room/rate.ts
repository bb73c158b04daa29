// How often something happens. Pure: monotonic times in ms come in as parameters.

/** How far back a rate looks, in seconds. */
export const RATE_SECONDS = 10;

/** Counts what happens in each second. */
export class Rate {
  /** Count of the second `s`, at `s % RATE_SECONDS`, unless it is too long ago. */
  readonly #counts = new Array<number>(RATE_SECONDS).fill(0);
  #second = 0;

  /** It happened once. What happened before the last time is long past, and not counted. */
  note(nowMs: number): void {
    const second = Math.floor(nowMs / 1_000);
    if (second < this.#second) return;
    if (second !== this.#second) this.#goTo(second);
    this.#counts[second % RATE_SECONDS]!++;
  }

  /** How often it happened in a second, on average over the last {@linkcode RATE_SECONDS}. */
  perSecond(nowMs: number): number {
    this.#goTo(Math.floor(nowMs / 1_000));
    return this.#counts.reduce((sum, count) => sum + count, 0) / RATE_SECONDS;
  }

  #goTo(second: number): void {
    const from = Math.max(this.#second + 1, second - RATE_SECONDS + 1);
    for (let empty = from; empty <= second; empty++) this.#counts[empty % RATE_SECONDS] = 0;
    this.#second = second;
  }
}
