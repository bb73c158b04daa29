// What WELCOME gives a client that joins: where it reads the log from, and the member list, encoded once for all.

import { HEADER_BYTES } from "../codec.ts";
import {
  encodeMemberInfo,
  type Hello,
  MAX_HISTORY,
  MAX_SERVER_FRAME_BYTES,
  type MemberInfo,
  NEVER_CAUGHT_UP,
  RETAIN_ACKED_MS,
  SERVER_FRAMES,
  welcomeHeader,
} from "../protocol/frames.ts";
import type { EventLog } from "./event_log.ts";

/** Added to RETAIN_ACKED_MS for messages that are on their way. */
export const RESUME_MARGIN_MS = 30_000;
const MAX_WELCOME_HEADER_BYTES = HEADER_BYTES + welcomeHeader.maxBytes;
export const MAX_MEMBERS_BYTES = MAX_SERVER_FRAME_BYTES - MAX_WELCOME_HEADER_BYTES;
const INITIAL_BYTES = 1_024;

/** `seq` of the first entry that a client reads. A client that has read this log goes on where it stopped. One that was
 * never caught up gets the last messages. One from another log gets everything that it may have missed there and that
 * its senders may have sent again here (docs/ARCHITECTURE.md, "Exactly once"). */
export function startSeqFor(
  { resumePoints, lagMs, historyCount }: Hello,
  log: EventLog,
  { logId, monotonicMs }: { logId: bigint; monotonicMs: number },
): number {
  const known = resumePoints.find((point) => point.logId === logId);
  if (known) return Math.min(known.nextSeq, log.head);
  if (lagMs === NEVER_CAUGHT_UP) {
    return log.seqOfNthLast(Math.min(historyCount, MAX_HISTORY), SERVER_FRAMES.said.code);
  }
  return log.seqSince(monotonicMs - lagMs - RETAIN_ACKED_MS - RESUME_MARGIN_MS);
}

/** The encoded member list. All clients that join in a row share its memory: a join appends, and bytes that were given
 * out never change. */
export class MemberListCache {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #length = 0;
  #isStale = false;

  add(member: MemberInfo): void {
    if (!this.#isStale) this.#append(member);
  }

  /** The next `encode` starts anew: a member left or changed. */
  invalidate(): void {
    this.#isStale = true;
  }

  /** As many records as fit into WELCOME. `members` are those added, unless the cache was invalidated. */
  encode(members: Iterable<MemberInfo>): Uint8Array<ArrayBuffer> {
    if (this.#isStale) {
      this.#isStale = false;
      this.#bytes = new Uint8Array(INITIAL_BYTES);
      this.#length = 0;
      for (const member of members) this.#append(member);
    }
    return this.#bytes.subarray(0, this.#length);
  }

  #append(member: MemberInfo): void {
    const record = encodeMemberInfo(member);
    const end = this.#length + record.length;
    if (end > MAX_MEMBERS_BYTES) return;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(record, this.#length);
    this.#length = end;
  }
}
