// From where somebody who comes in reads the log.

import { FRAME_TYPE, type Hello, MAX_HISTORY, NEVER_CAUGHT_UP, RETAIN_ACKED_MS } from "../protocol/frames.ts";
import type { EventLog } from "./event_log.ts";

/** What is added to {@linkcode RETAIN_ACKED_MS} for messages on their way, in ms. */
export const RESUME_MARGIN_MS = 30_000;

/** `seq` of the first entry for them: where they stopped if they were on this instance, the room's last messages if
 * they are new, and otherwise all that they may have missed elsewhere and its senders may have sent again here
 * (docs/DESIGN.md, "Exactly once"). */
export function startSeqFor(
  { resumePoints, lagMs, historyCount }: Hello,
  log: EventLog,
  { logId, monotonicMs }: { logId: bigint; monotonicMs: number },
): number {
  const known = resumePoints.find((point) => point.logId === logId);
  if (known) return Math.min(known.nextSeq, log.head);
  if (lagMs === NEVER_CAUGHT_UP) {
    return log.seqOfNthLast(Math.min(historyCount, MAX_HISTORY), FRAME_TYPE.said);
  }
  return log.seqSince(monotonicMs - lagMs - RETAIN_ACKED_MS - RESUME_MARGIN_MS);
}
