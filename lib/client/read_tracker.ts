// What a client has read: how far in the log of each server it was on, when it last lacked nothing, and which
// messages it has shown. Pure: monotonic times in ms come in as parameters.

import { LruMap } from "../base/limits.ts";
import {
  type LogEntry,
  MAX_RESUME_POINTS,
  NEVER_CAUGHT_UP,
  type ResumePoint,
  RETAIN_ACKED_MS,
  type WelcomeHeader,
} from "../protocol/frames.ts";

/** Sessions whose last shown message a client remembers, least recently heard first to be forgotten. */
export const MAX_TRACKED_SESSIONS = 10_000;

/** How an entry of the log is to be treated. */
export type Delivery =
  /** Shown as it happens. */
  | "live"
  /** Shown as the past that a newcomer is told. */
  | "history"
  /** Shown although it happened on this server before the client first came there. */
  | "backfill"
  /** Shown although it happened while the client was away. */
  | "missed"
  /** Not shown. */
  | "duplicate";

/** The reading side of one client. */
export class ReadTracker {
  /** Where reading stopped, by instance, the one of now last. */
  readonly #nextSeq = new LruMap<bigint, number>(MAX_RESUME_POINTS);
  /** Highest `n` shown, by session, most recently heard last. */
  readonly #lastShownSeqs: LruMap<bigint, number>;
  #instance = 0n;
  /** Entries before this one are the past. */
  #head = 0;
  #isFirstJoin = true;
  /** Whether the client was on this server before. */
  #isBack = false;
  #caughtUpAtMs: number | undefined;
  /** When it lacked nothing before it came to the server of now. Unless it is there for as long as messages are sent
   * again, this counts: the others may be elsewhere. */
  #beforeReconnect: { caughtUpAtMs: number; untilMs: number } | undefined;
  #ping: { head: number; atMs: number } | undefined;

  constructor({ shownSessions = MAX_TRACKED_SESSIONS }: { shownSessions?: number } = {}) {
    this.#lastShownSeqs = new LruMap(shownSessions);
  }

  /** What HELLO says of it: how long ago it last lacked nothing, in ms, and where it stopped reading. */
  resumeInfo(nowMs: number): { lagMs: number; resumePoints: ResumePoint[] } {
    const lagMs = this.#caughtUpAtMs === undefined
      ? NEVER_CAUGHT_UP
      : Math.min(Math.ceil(nowMs - this.#caughtUpAtMs), NEVER_CAUGHT_UP - 1);
    return { lagMs, resumePoints: [...this.#nextSeq].map(([logId, nextSeq]) => ({ logId, nextSeq })) };
  }

  /** `seq` of the entry that comes next. */
  get nextSeq(): number {
    return this.#nextSeq.get(this.#instance) ?? 0;
  }

  /** A server welcomed the client. Returns how many entries it will never see, because the server's log no
   * longer reaches back to where the client stopped reading it. */
  onWelcome({ logId, startSeq, head }: WelcomeHeader, nowMs: number): number {
    const truncatedCount = startSeq - (this.#nextSeq.get(logId) ?? startSeq);
    this.#isFirstJoin = this.#caughtUpAtMs === undefined;
    this.#isBack = this.#nextSeq.has(logId);
    this.#caughtUpAtMs ??= nowMs;
    this.#beforeReconnect = this.#isFirstJoin
      ? undefined
      : { caughtUpAtMs: this.#caughtUpAtMs, untilMs: nowMs + RETAIN_ACKED_MS };
    this.#ping = undefined;
    this.#instance = logId;
    this.#head = head;
    this.#nextSeq.set(logId, startSeq);
    return Math.max(truncatedCount, 0);
  }

  /** The connection is over, the server was last heard then. */
  onDisconnect(lastReceivedMs: number): void {
    if (this.#beforeReconnect && lastReceivedMs < this.#beforeReconnect.untilMs) {
      this.#caughtUpAtMs = this.#beforeReconnect.caughtUpAtMs;
    }
    this.#beforeReconnect = undefined;
  }

  /** An entry of the log was read. Of the past only what was said is shown: who is there, WELCOME said. */
  onEntry(entry: LogEntry): Delivery {
    // Never beyond what HELLO can carry, whatever a server says.
    this.#nextSeq.set(this.#instance, Math.min(entry.seq + 1, Number.MAX_SAFE_INTEGER));
    this.#recordCaughtUp(entry.seq + 1);
    const isPast = entry.seq < this.#head;
    switch (entry.type) {
      case "said":
        if (!this.#isFirstShowing(entry.sessionId, entry.clientSeq)) return "duplicate";
        // What is private is kept in no history.
        if (isPast && this.#isFirstJoin && entry.to) return "duplicate";
        break;
      case "announced":
        break;
      case "noop":
        return "duplicate";
      default:
        return isPast ? "duplicate" : "live";
    }
    if (!isPast) return "live";
    if (this.#isFirstJoin) return "history";
    return this.#isBack ? "missed" : "backfill";
  }

  /** A PING came: whoever has read all before `head` lacked nothing at this moment. */
  onPing(head: number, nowMs: number): void {
    this.#ping ??= { head, atMs: nowMs };
    this.#recordCaughtUp(this.nextSeq);
  }

  #recordCaughtUp(nextSeq: number): void {
    if (this.#ping === undefined || nextSeq < this.#ping.head) return;
    this.#caughtUpAtMs = this.#ping.atMs;
    this.#ping = undefined;
  }

  #isFirstShowing(sessionId: bigint, clientSeq: number): boolean {
    const shown = this.#lastShownSeqs.get(sessionId) ?? 0;
    this.#lastShownSeqs.set(sessionId, Math.max(clientSeq, shown));
    return clientSeq > shown;
  }
}
