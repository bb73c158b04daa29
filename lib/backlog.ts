// From where somebody who comes in reads the log.

import { FRAME_TYPE, type Hello, MAX_HISTORY, NEVER_CAUGHT_UP, RETAIN_ACKED_MS } from "./protocol.ts";
import type { EventLog } from "./room_log.ts";

/** What is added to {@linkcode RETAIN_ACKED_MS} for messages on their way, in ms. */
export const RESUME_MARGIN_MS = 30_000;

/** `seq` of the first entry for them: where they stopped if they were on this instance, the room's last messages if
 * they are new, and otherwise all that they may have missed elsewhere and its senders may have sent again here
 * (docs/DESIGN.md, "Exactly once"). */
export function startSeqFor(
  { resume, lackMs, history }: Hello,
  log: EventLog,
  { instance, tickMs }: { instance: bigint; tickMs: number },
): number {
  const known = resume.find((point) => point.instance === instance);
  if (known) return Math.min(known.next, log.head);
  if (lackMs === NEVER_CAUGHT_UP) return log.seqOfLast(Math.min(history, MAX_HISTORY), FRAME_TYPE.said);
  return log.seqSince(tickMs - lackMs - RETAIN_ACKED_MS - RESUME_MARGIN_MS);
}
