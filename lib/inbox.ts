// What a client has read: how far in the log of each server it was on, when it last lacked nothing, and which
// messages it has shown. Pure: monotonic times in ms come in as parameters.

import {
  type LogEntry,
  MAX_RESUME_POINTS,
  NEVER_CAUGHT_UP,
  type ResumePoint,
  RETAIN_ACKED_MS,
  type WelcomeHeader,
} from "./protocol.ts";

/** Sessions whose last shown message a client remembers, least recently heard first to be forgotten. */
export const SHOWN_SESSIONS = 10_000;

/** How an entry of the log is to be treated. */
export type Place =
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
  readonly #shownSessions: number;
  /** Where reading stopped, by instance, the one of now last. */
  readonly #next = new Map<bigint, number>();
  /** Highest `n` shown, by session, most recently heard last. */
  readonly #shown = new Map<bigint, number>();
  #instance = 0n;
  /** Entries before this one are the past. */
  #head = 0;
  #isNewcomer = true;
  /** Whether the client was on this server before. */
  #isBack = false;
  #caughtUpAtMs: number | undefined;
  /** When it lacked nothing before it came to the server of now. Unless it is there for as long as messages are sent
   * again, this counts: the others may be elsewhere. */
  #before: { caughtUpAtMs: number; expiresAtMs: number } | undefined;
  #ping: { head: number; atMs: number } | undefined;

  constructor({ shownSessions = SHOWN_SESSIONS }: { shownSessions?: number } = {}) {
    this.#shownSessions = shownSessions;
  }

  /** What HELLO says of it: how long ago it last lacked nothing, in ms, and where it stopped reading. */
  position(nowMs: number): { lagMs: number; resumePoints: ResumePoint[] } {
    const lagMs = this.#caughtUpAtMs === undefined
      ? NEVER_CAUGHT_UP
      : Math.min(Math.ceil(nowMs - this.#caughtUpAtMs), NEVER_CAUGHT_UP - 1);
    return { lagMs, resumePoints: [...this.#next].map(([logId, nextSeq]) => ({ logId, nextSeq })) };
  }

  /** `seq` of the entry that comes next. */
  get next(): number {
    return this.#next.get(this.#instance) ?? 0;
  }

  /** A server welcomed the client. Returns how many entries it will never see, because the server's log no
   * longer reaches back to where the client stopped reading it. */
  welcomed({ logId, startSeq, head }: WelcomeHeader, nowMs: number): number {
    const missing = startSeq - (this.#next.get(logId) ?? startSeq);
    this.#isNewcomer = this.#caughtUpAtMs === undefined;
    this.#isBack = this.#next.has(logId);
    this.#caughtUpAtMs ??= nowMs;
    this.#before = this.#isNewcomer
      ? undefined
      : { caughtUpAtMs: this.#caughtUpAtMs, expiresAtMs: nowMs + RETAIN_ACKED_MS };
    this.#ping = undefined;
    this.#instance = logId;
    this.#head = head;
    setLatest(this.#next, logId, startSeq, MAX_RESUME_POINTS);
    return Math.max(missing, 0);
  }

  /** The connection is over, the server was last heard then. */
  lost(lastReceivedMs: number): void {
    if (this.#before && lastReceivedMs < this.#before.expiresAtMs) {
      this.#caughtUpAtMs = this.#before.caughtUpAtMs;
    }
    this.#before = undefined;
  }

  /** An entry of the log was read. Of the past only what was said is shown: who is there, WELCOME said. */
  read(entry: LogEntry): Place {
    // Never beyond what HELLO can carry, whatever a server says.
    this.#next.set(this.#instance, Math.min(entry.seq + 1, Number.MAX_SAFE_INTEGER));
    this.#recordCaughtUp(entry.seq + 1);
    const isPast = entry.seq < this.#head;
    switch (entry.type) {
      case "said":
        if (!this.#isFirstShowing(entry.sessionId, entry.clientSeq)) return "duplicate";
        // What is private is kept in no history.
        if (isPast && this.#isNewcomer && entry.to) return "duplicate";
        break;
      case "announced":
        break;
      case "noop":
        return "duplicate";
      default:
        return isPast ? "duplicate" : "live";
    }
    if (!isPast) return "live";
    if (this.#isNewcomer) return "history";
    return this.#isBack ? "missed" : "backfill";
  }

  /** A PING came: whoever has read all before `head` lacked nothing at this moment. */
  pinged(head: number, nowMs: number): void {
    this.#ping ??= { head, atMs: nowMs };
    this.#recordCaughtUp(this.next);
  }

  #recordCaughtUp(next: number): void {
    if (this.#ping === undefined || next < this.#ping.head) return;
    this.#caughtUpAtMs = this.#ping.atMs;
    this.#ping = undefined;
  }

  #isFirstShowing(sessionId: bigint, clientSeq: number): boolean {
    const shown = this.#shown.get(sessionId) ?? 0;
    setLatest(this.#shown, sessionId, Math.max(clientSeq, shown), this.#shownSessions);
    return clientSeq > shown;
  }
}

/** Sets a key as the most recently used one, and forgets the least recently used when there are too many. */
function setLatest<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, max: number): void {
  map.delete(key); // a Map iterates in the order of insertion
  map.set(key, value);
  if (map.size > max) map.delete(map.keys().next().value!);
}
