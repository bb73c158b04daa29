// Which addresses a server does not let in, and until when. Pure: monotonic times in ms come in as parameters.

/** Addresses that are kept; the one that was banned longest ago is let in again first. */
const MAX_BANS = 1_000;

/** Addresses that are not let in. */
export class BanList {
  readonly #max: number;
  readonly #expiresAtMs = new Map<string, number>();

  constructor({ max = MAX_BANS }: { max?: number } = {}) {
    this.#max = max;
  }

  /** Keeps an address out until a time, whatever was said of it before. */
  add(address: string, expiresAtMs: number): void {
    this.#expiresAtMs.delete(address); // a Map iterates in the order of insertion
    this.#expiresAtMs.set(address, expiresAtMs);
    if (this.#expiresAtMs.size > this.#max) this.#expiresAtMs.delete(this.#expiresAtMs.keys().next().value!);
  }

  /** Lets an address in again: it takes no other's place any more. */
  remove(address: string): void {
    this.#expiresAtMs.delete(address);
  }

  /** Whether an address is kept out. */
  has(address: string, nowMs: number): boolean {
    const expiresAtMs = this.#expiresAtMs.get(address) ?? -Infinity;
    return nowMs < expiresAtMs;
  }
}
