// Those who come and go in a crowd, for whom a line each would bury the conversation: told together, a moment
// later. Pure: monotonic times in ms come in as parameters.

import type { Presence } from "../render/renderer.ts";

/** How many are told one by one within {@linkcode BATCH_WINDOW_MS}. */
export const MAX_UNBATCHED = 3;
/** How far back those count, in ms. */
export const BATCH_WINDOW_MS = 2_000;
/** A crowd is told once it is quiet for so long, in ms... */
export const DEBOUNCE_MS = 500;
/** ...and at the latest after this, in ms. */
export const MAX_BATCH_DELAY_MS = 2_000;

/** Folds those of a crowd together. */
export class PresenceBatcher {
  /** When those were told who were told one by one. */
  #shownAtMs: number[] = [];
  #queued: Presence[] = [];
  #heldSinceMs = 0;
  #lastMs = 0;

  /** Whether this is to be told at once; otherwise it is for {@linkcode take}. */
  shouldShowNow(presence: Presence, nowMs: number): boolean {
    this.#shownAtMs = this.#shownAtMs.filter((ms) => nowMs - ms < BATCH_WINDOW_MS);
    if (this.#queued.length === 0 && this.#shownAtMs.length < MAX_UNBATCHED) {
      this.#shownAtMs.push(nowMs);
      return true;
    }
    if (this.#queued.length === 0) this.#heldSinceMs = nowMs;
    this.#queued.push(presence);
    this.#lastMs = nowMs;
    return false;
  }

  /** When {@linkcode take} is due; undefined while there is nothing to take. */
  get dueMs(): number | undefined {
    if (this.#queued.length === 0) return undefined;
    return Math.min(this.#lastMs + DEBOUNCE_MS, this.#heldSinceMs + MAX_BATCH_DELAY_MS);
  }

  /** Gives those that were held back, each crowd of one kind, in the order in which the kinds came. */
  take(): Presence[][] {
    const batches = Map.groupBy(this.#queued.splice(0), (presence) => {
      return presence.type === "joined" ? `joined ${presence.rejoined}` : `left ${presence.connectionLost}`;
    });
    return [...batches.values()];
  }
}
