// Which addresses a server does not let in, and until when. Pure: monotonic times in ms come in as parameters.

import { LruMap } from "../base/limits.ts";

/** Addresses that are kept; the one that was banned longest ago is let in again first. */
const MAX_BANS = 1_000;

/** Addresses that are not let in. */
export class BanList {
  readonly #expiresAtMs: LruMap<string, number>;

  constructor({ max = MAX_BANS }: { max?: number } = {}) {
    this.#expiresAtMs = new LruMap(max);
  }

  /** Keeps an address out until a time, whatever was said of it before. */
  add(address: string, expiresAtMs: number): void {
    this.#expiresAtMs.set(address, expiresAtMs);
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
