// Pauses of a chaos run: for a time, and until nothing is missing any more.

import { setTimeout as delay } from "node:timers/promises";
import type { Ledger } from "./ledger.ts";

/** Fulfilled after a time, or when the signal is aborted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return delay(Math.max(ms, 0), undefined, { signal }).catch(() => {});
}

/** Waits until nothing is missing any more; what then still is, is lost. Whether that came. */
export async function isSettled(
  missing: () => readonly string[],
  { ledger, withinMs, lookMs, signal }: {
    ledger: Ledger;
    withinMs: number;
    /** How often to look. */
    lookMs: number;
    signal: AbortSignal;
  },
): Promise<boolean> {
  for (const endMs = performance.now() + withinMs; ledger.problems.length === 0;) {
    if (signal.aborted) return false;
    const found = missing();
    if (found.length === 0) return true;
    if (performance.now() > endMs) found.forEach((what) => ledger.report("lost", what));
    await sleep(lookMs, signal);
  }
  return false;
}
