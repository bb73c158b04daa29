// How far the client has read the log of each server, when it was last caught up, and which messages it has shown.
// Monotonic times in ms come in as parameters.

import { LruMap } from "../base/limits.ts";
import { PING_MS } from "../net/heartbeat.ts";
import {
  type LogEntry,
  MAX_RESUME_POINTS,
  NEVER_CAUGHT_UP,
  type ResumePoint,
  RETAIN_ACKED_MS,
  type WelcomeHeader,
} from "../protocol/frames.ts";

export const MAX_TRACKED_SESSIONS = 10_000;

/** How the client got an entry of the log. */
export type Delivery =
  /** Committed after the client joined. */
  | "live"
  /** From before the client's first join on any server. */
  | "history"
  /** From before the client's first join on this server. */
  | "backfill"
  /** Committed while the client was disconnected from this server. */
  | "missed"
  /** Not to be shown: shown before, no part of the history, or a NOOP. */
  | "duplicate";

/** What a client may lack that comes from another log: any message, as it was on no server for so long that the others no
 * longer had to resend what they said meanwhile; or messages of members who have left, as it was cut off from its server
 * before that died. */
export type MayLack = "any" | "of-departed";

/** A server that is connected is heard at least every `PING_MS`. */
const MAX_UNHEARD_MS = PING_MS + 1_000;

export class ReadTracker {
  /** `seq` of the next entry by log, the current log last. */
  readonly #nextSeq = new LruMap<bigint, number>(MAX_RESUME_POINTS);
  /** Highest `clientSeq` shown by session, the most recent session last. */
  readonly #lastShownSeqs: LruMap<bigint, number>;
  #logId = 0n;
  /** Entries before this one were committed before the client joined. */
  #head = 0;
  /** The log that the client joined first, and its head then: what is before it is history, also if the connection breaks
   * while the client reads it. */
  #first: { readonly logId: bigint; readonly head: number } | undefined;
  /** The client was on this log before. */
  #isResuming = false;
  #caughtUpAtMs: number | undefined;
  /** When the client was caught up before it joined the current server. Counts unless the client stays for as long as
   * messages are resent: until then, other members may still be on another server. */
  #beforeReconnect: { caughtUpAtMs: number; untilMs: number } | undefined;
  #ping: { head: number; atMs: number } | undefined;
  #lastReceivedMs = 0;
  #wasCutOff = false;

  constructor({ maxSessions }: { readonly maxSessions: number }) {
    this.#lastShownSeqs = new LruMap(maxSessions);
  }

  /** For HELLO: how long ago the client was caught up, in ms, and where it stopped reading. */
  resumeInfo(nowMs: number): { lagMs: number; resumePoints: ResumePoint[] } {
    const lagMs = this.#caughtUpAtMs === undefined
      ? NEVER_CAUGHT_UP
      : Math.min(Math.ceil(nowMs - this.#caughtUpAtMs), NEVER_CAUGHT_UP - 1);
    return { lagMs, resumePoints: [...this.#nextSeq].map(([logId, nextSeq]) => ({ logId, nextSeq })) };
  }

  get nextSeq(): number {
    return this.#nextSeq.get(this.#logId) ?? 0;
  }

  /** Entries that were committed before the client joined are still to come. */
  get isReadingPast(): boolean {
    return this.nextSeq < this.#head;
  }

  /** Returns how many entries the client will never see, as the server's log no longer has them; how far back it reads, in
   * ms, of a log that is new to it; and which messages it may lack. */
  onWelcome(
    { logId, startSeq, head }: WelcomeHeader,
    nowMs: number,
  ): { truncatedCount: number; behindMs: number | undefined; mayLack: MayLack | undefined } {
    const truncatedCount = Math.max(startSeq - (this.#nextSeq.get(logId) ?? startSeq), 0);
    const isFirstJoin = this.#first === undefined;
    this.#first ??= { logId, head };
    this.#isResuming = this.#nextSeq.has(logId);
    this.#caughtUpAtMs ??= nowMs;
    const behindMs = isFirstJoin || this.#isResuming ? undefined : nowMs - this.#caughtUpAtMs;
    const isOther = !isFirstJoin && logId !== this.#logId;
    const wasAway = nowMs - this.#lastReceivedMs > RETAIN_ACKED_MS;
    const mayLack = !isOther ? undefined : wasAway ? "any" : this.#wasCutOff ? "of-departed" : undefined;
    this.#beforeReconnect = isFirstJoin
      ? undefined
      : { caughtUpAtMs: this.#caughtUpAtMs, untilMs: nowMs + RETAIN_ACKED_MS };
    this.#ping = undefined;
    this.#logId = logId;
    this.#head = head;
    this.#nextSeq.set(logId, startSeq);
    return { truncatedCount, behindMs, mayLack };
  }

  onDisconnect(lastReceivedMs: number, nowMs: number): void {
    this.#lastReceivedMs = lastReceivedMs;
    this.#wasCutOff = nowMs - lastReceivedMs > MAX_UNHEARD_MS;
    if (this.#beforeReconnect && lastReceivedMs < this.#beforeReconnect.untilMs) {
      this.#caughtUpAtMs = this.#beforeReconnect.caughtUpAtMs;
    }
    this.#beforeReconnect = undefined;
  }

  /** Joins, leaves and renames from before the client joined are duplicates: WELCOME lists the members. */
  onEntry(entry: LogEntry): Delivery {
    // A hostile server must not push it beyond what HELLO can carry.
    this.#nextSeq.set(this.#logId, Math.min(entry.seq + 1, Number.MAX_SAFE_INTEGER));
    this.#recordCaughtUp(entry.seq + 1);
    const isPast = entry.seq < this.#head;
    const isHistory = isPast && this.#logId === this.#first?.logId && entry.seq < this.#first.head;
    switch (entry.type) {
      case "said":
        if (!this.#markShown(entry.sessionId, entry.clientSeq)) return "duplicate";
        // Private messages are no part of the history.
        if (isHistory && entry.to) return "duplicate";
        break;
      case "announced":
        break;
      case "noop":
        return "duplicate";
      default:
        return isPast ? "duplicate" : "live";
    }
    if (!isPast) return "live";
    if (isHistory) return "history";
    return this.#isResuming ? "missed" : "backfill";
  }

  /** A client that has read everything before the `head` of a PING was caught up when the PING came. */
  onPing(head: number, nowMs: number): void {
    this.#ping ??= { head, atMs: nowMs };
    this.#recordCaughtUp(this.nextSeq);
  }

  #recordCaughtUp(nextSeq: number): void {
    if (this.#ping === undefined || nextSeq < this.#ping.head) return;
    this.#caughtUpAtMs = this.#ping.atMs;
    this.#ping = undefined;
  }

  /** Returns whether the message was not shown before. */
  #markShown(sessionId: bigint, clientSeq: number): boolean {
    const shown = this.#lastShownSeqs.get(sessionId) ?? 0;
    this.#lastShownSeqs.set(sessionId, Math.max(clientSeq, shown));
    return clientSeq > shown;
  }
}
