// Which addresses a server does not let in, and until when. Pure: monotonic times in ms come in as parameters.

/** Addresses that are kept; the one that was banned longest ago is let in again first. */
export const MAX_BANS = 1_000;

/** Addresses that are not let in. */
export class BanList {
  readonly #max: number;
  readonly #untilMs = new Map<string, number>();

  constructor({ max = MAX_BANS }: { max?: number } = {}) {
    this.#max = max;
  }

  /** Keeps an address out until a time, whatever was said of it before. */
  add(address: string, untilMs: number): void {
    this.#untilMs.delete(address); // a Map iterates in the order of insertion
    this.#untilMs.set(address, untilMs);
    if (this.#untilMs.size > this.#max) this.#untilMs.delete(this.#untilMs.keys().next().value!);
  }

  /** Lets an address in again: it takes no other's place any more. */
  lift(address: string): void {
    this.#untilMs.delete(address);
  }

  /** Whether an address is kept out. */
  has(address: string, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(address) ?? -Infinity;
    return nowMs < untilMs;
  }
}
