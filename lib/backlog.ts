// From where somebody who comes in reads the log.

import { FRAME, type Hello, MAX_HISTORY, NEVER_WHOLE_MS, RECENT_MS } from "./protocol.ts";
import type { RoomLog } from "./room_log.ts";

/** What is added to {@linkcode RECENT_MS} for messages on their way, in ms. */
export const WINDOW_MARGIN_MS = 30_000;

/** `seq` of the first entry for them: where they stopped if they were on this instance, the room's last messages if
 * they are new, and otherwise all that they may have missed elsewhere and its senders may have sent again here
 * (docs/DESIGN.md, "Exactly once"). */
export function backlogStart(
  { resume, lackMs, history }: Hello,
  log: RoomLog,
  { instance, tickMs }: { instance: bigint; tickMs: number },
): number {
  const known = resume.find((point) => point.instance === instance);
  if (known) return Math.min(known.next, log.head);
  if (lackMs === NEVER_WHOLE_MS) return log.seqOfLast(Math.min(history, MAX_HISTORY), FRAME.said);
  return log.seqSince(tickMs - lackMs - RECENT_MS - WINDOW_MARGIN_MS);
}
