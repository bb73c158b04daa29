// What was typed, what servers logged and what clients showed; and everything in it that must not be.

import type { Delivery } from "../../lib/client/read_tracker.ts";
import type { Left, LogEntry, MessageBody, Renamed, Said, Say } from "../../lib/protocol/frames.ts";
import { RESUME_GRACE_MS } from "../../lib/room/room.ts";
import type { Timeline } from "./timeline.ts";

/** What went wrong. */
export type Fault =
  | "lost"
  | "shown twice"
  | "shown out of order"
  | "overheard"
  | "logged twice"
  | "garbled"
  | "wrong departure"
  | "wrong nick"
  | "not settled"
  | "crashed";

/** One thing that went wrong. */
export interface Problem {
  readonly fault: Fault;
  readonly details: string;
}

/** One message as it was typed. */
interface SentMessage {
  readonly content: MessageBody;
  readonly atMs: number;
  /** Times that servers gave it. */
  readonly timesMs: Set<number>;
  /** The time with which its sender first read it back; 0 until then. */
  readBackMs: number;
}

/** One client's page. */
interface ClientRecord {
  readonly name: string;
  /** Message `n` is at `n` - 1. */
  readonly typed: SentMessage[];
  /** Since when everything is to be shown: the first WELCOME. */
  sinceMs: number | undefined;
  /** Numbers of the messages shown, by sender. */
  readonly shown: Map<bigint, Set<number>>;
  /** The number shown last, by sender. */
  readonly lastShown: Map<bigint, number>;
}

/** One page of a server's run. */
interface LogRecord {
  readonly name: string;
  /** By `seq`. */
  readonly entries: LogEntry[];
  /** Highest number logged, by sender. */
  readonly logged: Map<bigint, number>;
  /** Nicks of those who are in. */
  readonly nicks: Map<bigint, string>;
  /** `seq` after the last entry shown live, by reader. */
  readonly live: Map<bigint, number>;
}

/** Where a reader is in the log that it reads. */
export interface Reading {
  readonly reader: bigint;
  readonly logId: bigint;
  /** `seq` of the entry that must come next. */
  readonly next: number;
}

/** The ledger of one run. Clients are known by their session, servers by their instance. */
export class Ledger {
  readonly problems: Problem[] = [];
  /** Connections that ended in the middle of a frame. */
  cutFrames = 0;
  readonly #timeline: Timeline;
  readonly #accounts = new Map<bigint, ClientRecord>();
  readonly #books = new Map<bigint, LogRecord>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** How many messages were typed. */
  get messages(): number {
    return this.#accounts.values().reduce((sum, { typed }) => sum + typed.length, 0);
  }

  open(sessionId: bigint, name: string): void {
    this.#accounts.set(sessionId, {
      name,
      typed: [],
      sinceMs: undefined,
      shown: new Map(),
      lastShown: new Map(),
    });
  }

  /** A server starts. Returns how many entries of its log are known from before. */
  openLog(logId: bigint, name: string): number {
    const known = this.#books.get(logId);
    if (known) return known.entries.length;
    this.#books.set(logId, {
      name,
      entries: [],
      logged: new Map(),
      nicks: new Map(),
      live: new Map(),
    });
    return 0;
  }

  report(fault: Fault, details: string): void {
    this.problems.push({ fault, details: `${details} at ${this.#timeline.nowMs.toFixed(3)} ms` });
  }

  typed(sessionId: bigint, content: MessageBody): void {
    this.#accounts.get(sessionId)!.typed.push({
      content,
      atMs: this.#timeline.nowMs,
      timesMs: new Set(),
      readBackMs: 0,
    });
  }

  /** A client sends something again. */
  resent(sessionId: bigint, say: Say): void {
    const { clientSeq, timeMs } = say;
    const { name, typed } = this.#accounts.get(sessionId)!;
    const message = typed[clientSeq - 1];
    if (isSameContent(message?.content, say) && message?.readBackMs === timeMs) return;
    this.report("garbled", `${name} sends message ${clientSeq} again as another`);
  }

  /** A server has let somebody in, and calls them so. */
  entered(logId: bigint, { asked, given }: { asked: string; given: string }): void {
    const { name } = this.#books.get(logId)!;
    if (given !== asked) this.report("wrong nick", `${name} calls ${asked} ${given}`);
  }

  /** A server has refused somebody because of their nick. */
  refused(logId: bigint, sessionId: bigint, nick: string): void {
    const book = this.#books.get(logId)!;
    if (!isTaken(book, nick, sessionId)) {
      this.report("wrong nick", `${book.name} refuses ${nick}, which is free`);
    }
  }

  welcomed(sessionId: bigint): void {
    this.#accounts.get(sessionId)!.sinceMs ??= this.#timeline.nowMs;
  }

  /** A server's log holds one more entry. `deletedMs` is how long somebody who left has had no connection. */
  logged(logId: bigint, entry: LogEntry, deletedMs: number): void {
    const book = this.#books.get(logId)!;
    if (entry.seq !== book.entries.length) {
      this.report("garbled", `${book.name} leaves a gap before ${entry.seq}`);
    }
    book.entries.push(entry);
    if (entry.type === "said") return this.#noteSaid(book, entry);
    if (entry.type === "left") return this.#noteLeft(book, entry, deletedMs);
    if (entry.type === "renamed") this.#checkRenamed(book, entry);
    if (entry.type !== "joined" && entry.type !== "renamed") return;
    if (isTaken(book, entry.nick, entry.sessionId)) {
      this.report("wrong nick", `${book.name} gives ${entry.nick} away twice`);
    }
    if (entry.type === "joined" && book.nicks.has(entry.sessionId)) {
      this.report("wrong departure", `${book.name} logs a second arrival`);
    }
    book.nicks.set(entry.sessionId, entry.nick);
  }

  /** A client has read an entry of a log. */
  read({ reader, logId, next }: Reading, entry: LogEntry, place: Delivery): void {
    const account = this.#accounts.get(reader)!;
    const book = this.#books.get(logId)!;
    const logged = book.entries[next];
    const isPrivate = logged?.type === "said" && logged.to !== undefined;
    if (isPrivate && ![logged.sessionId, logged.to!.sessionId].includes(reader)) {
      if (entry.type !== "noop") this.report("overheard", `${account.name} reads entry ${next}`);
    } else if (entry.seq !== next || !isSame(entry, logged)) {
      this.report("garbled", `${account.name} reads something else as entry ${next} of ${book.name}`);
    }
    if (entry.type === "said" && entry.sessionId === reader) {
      const message = account.typed[entry.clientSeq - 1];
      if (message) message.readBackMs ||= entry.timeMs;
    }
    if (place === "duplicate") return;
    if (place === "live") {
      if (entry.seq < (book.live.get(reader) ?? 0)) {
        this.report("shown out of order", `${account.name} shows entry ${next} of ${book.name} late`);
      }
      book.live.set(reader, entry.seq + 1);
    }
    if (entry.type === "said") this.#noteShown(account, entry);
  }

  /** When the oldest message was typed that a server has had and that one of `readers` has not shown; Infinity
   * if there is none. */
  missingSinceMs(survivors: readonly bigint[], readers: readonly bigint[]): number {
    let sinceMs = Infinity;
    for (const { atMs, wasLogged } of this.#lacked(survivors, readers)) {
      if (wasLogged) sinceMs = Math.min(sinceMs, atMs);
    }
    return sinceMs;
  }

  /** It is over: what a survivor said and another has not shown is lost; and where the one server keeps its log,
   * so is what others have read back that said it. */
  settle(survivors: readonly bigint[], { isKept }: { isKept: boolean }): void {
    for (const { reader, sender, n } of isKept ? this.#lackedOfGone(survivors) : []) {
      this.report("lost", `${reader} has not shown message ${n} of ${sender}, who had read it back,`);
    }
    for (const { reader, sender, n, wasLogged } of this.#lacked(survivors)) {
      const where = wasLogged ? "though a server had it" : "and no server has had it";
      this.report("lost", `${reader} has not shown message ${n} of ${sender}, ${where},`);
    }
  }

  *#lacked(survivors: readonly bigint[], readers = survivors) {
    for (const readerSession of readers) {
      const { name, sinceMs = Infinity, shown } = this.#accounts.get(readerSession)!;
      for (const sender of survivors) {
        const { name: from, typed } = this.#accounts.get(sender)!;
        const numbers = shown.get(sender);
        if (numbers?.size === typed.length) continue;
        for (let n = 1; n <= typed.length; n++) {
          if (numbers?.has(n)) continue;
          const { atMs, content: { to } } = typed[n - 1]!;
          if (atMs < sinceMs) continue;
          if (to && to.sessionId !== readerSession && sender !== readerSession) continue;
          const wasLogged = this.#books.values().some(({ logged }) => (logged.get(sender) ?? 0) >= n);
          yield { reader: name, sender: from, n, atMs, wasLogged };
        }
      }
    }
  }

  *#lackedOfGone(survivors: readonly bigint[]) {
    const gone = [...this.#accounts.keys()].filter((sessionId) => !survivors.includes(sessionId));
    for (const { sender, n, ...lacked } of this.#lacked(gone, survivors)) {
      const account = this.#accounts.values().find(({ name }) => name === sender);
      if (account!.typed[n - 1]!.readBackMs > 0) yield { sender, n, ...lacked };
    }
  }

  #noteSaid(book: LogRecord, entry: Said): void {
    const { sessionId, clientSeq, timeMs, redelivered } = entry;
    const { name, typed } = this.#accounts.get(sessionId)!;
    if (clientSeq <= (book.logged.get(sessionId) ?? 0)) {
      this.report("logged twice", `${book.name} logs message ${clientSeq} of ${name} again`);
    }
    book.logged.set(sessionId, Math.max(clientSeq, book.logged.get(sessionId) ?? 0));
    const message = typed[clientSeq - 1];
    if (!isSameContent(message?.content, entry)) {
      this.report("garbled", `${book.name} logs a wrong message ${clientSeq} of ${name}`);
    }
    if (book.nicks.get(sessionId) !== entry.nick) {
      this.report("wrong nick", `${book.name} calls ${name} ${entry.nick}`);
    }
    if (redelivered && !message?.timesMs.has(timeMs)) {
      this.report(
        "garbled",
        `${book.name} logs message ${clientSeq} of ${name} with a time that no server gave it`,
      );
    }
    message?.timesMs.add(timeMs);
  }

  #checkRenamed({ name, nicks }: LogRecord, { sessionId, oldNick, nick }: Renamed): void {
    if (nicks.get(sessionId) === oldNick && nick !== oldNick) return;
    this.report("wrong nick", `${name} says that ${oldNick} is now ${nick}`);
  }

  #noteLeft(book: LogRecord, { sessionId, connectionLost }: Left, deletedMs: number): void {
    const wasPresent = book.nicks.delete(sessionId);
    if (wasPresent && deletedMs >= (connectionLost ? RESUME_GRACE_MS : 0)) return;
    const { name } = this.#accounts.get(sessionId)!;
    this.report("wrong departure", `${book.name} says that ${name} left, gone ${deletedMs} ms`);
  }

  #noteShown({ name, shown, lastShown }: ClientRecord, { sessionId, clientSeq }: Said): void {
    const numbers = shown.get(sessionId) ?? new Set();
    shown.set(sessionId, numbers);
    const last = lastShown.get(sessionId) ?? 0;
    const from = this.#accounts.get(sessionId)!.name;
    if (numbers.has(clientSeq)) {
      this.report("shown twice", `${name} shows message ${clientSeq} of ${from} again`);
    } else if (clientSeq < last) {
      this.report("shown out of order", `${name} shows message ${clientSeq} of ${from} after ${last}`);
    }
    numbers.add(clientSeq);
    lastShown.set(sessionId, clientSeq);
  }
}

/** Whether somebody else has a nick. */
function isTaken({ nicks }: LogRecord, nick: string, sessionId: bigint): boolean {
  return nicks.entries().some(([holder, held]) => holder !== sessionId && held === nick);
}

function isSame(one: LogEntry, other: LogEntry | undefined): boolean {
  if (!other) return false;
  if (one.type === "said" && other.type === "said" && !isSameContent(one, other)) return false;
  const [fields, others] = [one, other] as unknown as Record<string, unknown>[];
  const names = Object.keys(fields!);
  return names.length === Object.keys(others!).length &&
    names.every((name) => typeof fields![name] === "object" || fields![name] === others![name]);
}

/** Whether two messages say the same, to the same; what the recipient is called may change. */
function isSameContent(one: MessageBody | undefined, other: MessageBody): boolean {
  return one?.text === other.text && !one.action === !other.action &&
    one.to?.sessionId === other.to?.sessionId;
}
