// The history that a client reads when it joins first: whether its user wants it, and in the order in which it was said. A
// server appends the messages that clients send again after a failover in the order in which these clients join.

import type { RoomEvent, Said } from "../protocol/frames.ts";
import type { DeliveredEntry } from "./session.ts";

/** Messages that a client reads and does not show if its user wants no history. It knows them when their senders send
 * them again after a failover. */
export const UNSHOWN_HISTORY = 200;

/** Whether an entry is history that the user has not missed: said before the client's first join, or to others on this
 * server while the client was on another, before `missedSinceMs` by the server's clock. */
export function isUnmissed({ entry, delivery }: DeliveredEntry, missedSinceMs: number): boolean {
  if (delivery !== "backfill") return delivery === "history";
  const isRedelivered = entry.type === "said" && entry.redelivered;
  return !isRedelivered && entry.timeMs < missedSinceMs;
}

export class HistoryBlock {
  readonly #held: DeliveredEntry[] = [];

  /** Returns the entries to show now. Holds history back until no more of it follows: until `isReadingPast` is false. */
  take(
    delivered: readonly DeliveredEntry[],
    { isReadingPast }: { readonly isReadingPast: boolean },
  ): readonly DeliveredEntry[] {
    const count = delivered.findLastIndex(({ delivery }) => delivery === "history") + 1; // it comes first
    this.#held.push(...delivered.slice(0, count));
    if (this.#held.length === 0 || isReadingPast) return delivered.slice(count);
    return [...asSaid(this.#held.splice(0)), ...delivered.slice(count)];
  }
}

/** Moves redelivered messages back to their time. All other entries keep the order of the log. */
function asSaid(history: readonly DeliveredEntry[]): DeliveredEntry[] {
  const ordered: DeliveredEntry[] = [];
  for (const delivered of history) {
    const { entry } = delivered;
    let at = ordered.length;
    if (entry.type === "said" && entry.redelivered) {
      while (at > 0 && isLater(ordered[at - 1]!.entry, entry)) at--;
    }
    ordered.splice(at, 0, delivered);
  }
  return ordered;
}

/** A member's own messages keep their order: the clocks of their servers may differ. */
function isLater(entry: RoomEvent, said: Said): boolean {
  const isOwn = entry.type === "said" && entry.sessionId === said.sessionId;
  return entry.timeMs > said.timeMs && !isOwn;
}
