// What was typed, what servers logged and what clients showed; and everything in it that must not be.

import type { Place } from "../../lib/inbox.ts";
import type { Left, LogEntry, Said, Say } from "../../lib/protocol.ts";
import { GRACE_MS } from "../../lib/room.ts";
import type { Timeline } from "./timeline.ts";

/** What went wrong. */
export type Fault =
  | "lost"
  | "shown twice"
  | "shown out of order"
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
interface Typed {
  readonly text: string;
  readonly atMs: number;
  /** Times that servers gave it. */
  readonly timesMs: Set<number>;
  /** The time with which its sender first read it back; 0 until then. */
  readBackMs: number;
}

/** One client's page. */
interface Account {
  readonly name: string;
  /** Message `n` is at `n` - 1. */
  readonly typed: Typed[];
  /** Since when everything is to be shown: the first WELCOME. */
  sinceMs: number | undefined;
  /** Numbers of the messages shown, by sender. */
  readonly shown: Map<bigint, Set<number>>;
  /** The number shown last, by sender. */
  readonly lastShown: Map<bigint, number>;
}

/** One page of a server's run. */
interface Book {
  readonly name: string;
  /** By `seq`. */
  readonly entries: LogEntry[];
  /** Highest number logged, by sender. */
  readonly logged: Map<bigint, number>;
  readonly present: Set<bigint>;
  /** Nicks of those who are in. */
  readonly nicks: Map<bigint, string>;
  /** Who is said to have left though they are there: they must come at once under another nick. */
  renamed: Left | undefined;
  /** `seq` after the last entry shown live, by reader. */
  readonly live: Map<bigint, number>;
}

/** Where a reader is in the log that it reads. */
export interface Reading {
  readonly reader: bigint;
  readonly instance: bigint;
  /** `seq` of the entry that must come next. */
  readonly next: number;
}

/** The ledger of one run. Clients are known by their session, servers by their instance. */
export class Ledger {
  readonly problems: Problem[] = [];
  /** Connections that ended in the middle of a frame. */
  cutFrames = 0;
  readonly #timeline: Timeline;
  readonly #accounts = new Map<bigint, Account>();
  readonly #books = new Map<bigint, Book>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  /** How many messages were typed. */
  get messages(): number {
    return this.#accounts.values().reduce((sum, { typed }) => sum + typed.length, 0);
  }

  open(session: bigint, name: string): void {
    this.#accounts.set(session, {
      name,
      typed: [],
      sinceMs: undefined,
      shown: new Map(),
      lastShown: new Map(),
    });
  }

  openBook(instance: bigint, name: string): void {
    this.#books.set(instance, {
      name,
      entries: [],
      logged: new Map(),
      present: new Set(),
      nicks: new Map(),
      renamed: undefined,
      live: new Map(),
    });
  }

  report(fault: Fault, details: string): void {
    this.problems.push({ fault, details: `${details} at ${this.#timeline.nowMs.toFixed(3)} ms` });
  }

  typed(session: bigint, text: string): void {
    this.#accounts.get(session)!.typed.push({
      text,
      atMs: this.#timeline.nowMs,
      timesMs: new Set(),
      readBackMs: 0,
    });
  }

  /** A client sends something again. */
  resent(session: bigint, { n, timeMs, text }: Say): void {
    const { name, typed } = this.#accounts.get(session)!;
    const message = typed[n - 1];
    if (message?.text === text && message.readBackMs === timeMs) return;
    this.report("garbled", `${name} sends message ${n} again as another`);
  }

  /** A server has let somebody in, and calls them so. */
  entered(instance: bigint, session: bigint, { asked, given }: { asked: string; given: string }): void {
    const { name, nicks } = this.#books.get(instance)!;
    if (given !== asked) this.report("wrong nick", `${name} calls ${asked} ${given}`);
    nicks.set(session, given);
  }

  /** A server has refused somebody because of their nick. */
  refused(instance: bigint, session: bigint, nick: string): void {
    const { name, nicks } = this.#books.get(instance)!;
    const isTaken = nicks.entries().some(([holder, held]) => holder !== session && held === nick);
    if (!isTaken) this.report("wrong nick", `${name} refuses ${nick}, which is free`);
  }

  welcomed(session: bigint): void {
    this.#accounts.get(session)!.sinceMs ??= this.#timeline.nowMs;
  }

  /** A server's log holds one more entry. `goneMs` is how long its session has had no connection. */
  logged(instance: bigint, entry: LogEntry, goneMs: number): void {
    const book = this.#books.get(instance)!;
    if (entry.seq !== book.entries.length) {
      this.report("garbled", `${book.name} leaves a gap before ${entry.seq}`);
    }
    book.entries.push(entry);
    this.#checkRenamed(book, entry);
    if (entry.type === "said") this.#noteSaid(book, entry);
    else if (entry.type === "joined") {
      if (book.present.has(entry.session)) {
        this.report("wrong departure", `${book.name} logs a second arrival`);
      }
      book.present.add(entry.session);
    } else this.#noteLeft(book, entry, goneMs);
  }

  /** A client has read an entry of a log. */
  read({ reader, instance, next }: Reading, entry: LogEntry, place: Place): void {
    const account = this.#accounts.get(reader)!;
    const book = this.#books.get(instance)!;
    if (entry.seq !== next || !isSame(entry, book.entries[next])) {
      this.report("garbled", `${account.name} reads something else as entry ${next} of ${book.name}`);
    }
    if (entry.type === "said" && entry.session === reader) {
      const message = account.typed[entry.n - 1];
      if (message) message.readBackMs ||= entry.timeMs;
    }
    if (place === "hidden") return;
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
  lackedSinceMs(survivors: readonly bigint[], readers: readonly bigint[]): number {
    let sinceMs = Infinity;
    for (const { atMs, wasLogged } of this.#lacked(survivors, readers)) {
      if (wasLogged) sinceMs = Math.min(sinceMs, atMs);
    }
    return sinceMs;
  }

  /** It is over: what a survivor said and another has not shown is lost. */
  settle(survivors: readonly bigint[]): void {
    for (const { reader, sender, n, wasLogged } of this.#lacked(survivors)) {
      const where = wasLogged ? "though a server had it" : "and no server has had it";
      this.report("lost", `${reader} has not shown message ${n} of ${sender}, ${where},`);
    }
  }

  *#lacked(survivors: readonly bigint[], readers = survivors) {
    for (const reader of readers) {
      const { name, sinceMs = Infinity, shown } = this.#accounts.get(reader)!;
      for (const sender of survivors) {
        const { name: from, typed } = this.#accounts.get(sender)!;
        const numbers = shown.get(sender);
        if (numbers?.size === typed.length) continue;
        for (const [index, { atMs }] of typed.entries()) {
          const n = index + 1;
          if (atMs < sinceMs || numbers?.has(n)) continue;
          const wasLogged = this.#books.values().some(({ logged }) => (logged.get(sender) ?? 0) >= n);
          yield { reader: name, sender: from, n, atMs, wasLogged };
        }
      }
    }
  }

  #noteSaid(book: Book, entry: Said): void {
    const { session, n, text, timeMs, late } = entry;
    const { name, typed } = this.#accounts.get(session)!;
    if (n <= (book.logged.get(session) ?? 0)) {
      this.report("logged twice", `${book.name} logs message ${n} of ${name} again`);
    }
    book.logged.set(session, Math.max(n, book.logged.get(session) ?? 0));
    const message = typed[n - 1];
    if (message?.text !== text) this.report("garbled", `${book.name} logs a wrong message ${n} of ${name}`);
    if (late && !message?.timesMs.has(timeMs)) {
      this.report("garbled", `${book.name} logs message ${n} of ${name} with a time that no server gave it`);
    }
    message?.timesMs.add(timeMs);
  }

  /** Somebody who comes back under another nick is said to leave and to come, in one breath. */
  #checkRenamed(book: Book, entry: LogEntry): void {
    const before = book.renamed;
    book.renamed = undefined;
    if (!before) return;
    const isRenamed = entry.type === "joined" && entry.session === before.session &&
      entry.nick !== before.nick;
    if (!isRenamed) {
      this.report("wrong departure", `${book.name} says that ${before.nick} left, who is there`);
    }
  }

  #noteLeft(book: Book, entry: Left, goneMs: number): void {
    const { session, lost } = entry;
    book.nicks.delete(session);
    const wasPresent = book.present.delete(session);
    if (wasPresent && goneMs >= (lost ? GRACE_MS : 0)) return;
    if (wasPresent && !lost) {
      book.renamed = entry;
      return;
    }
    const { name } = this.#accounts.get(session)!;
    this.report("wrong departure", `${book.name} says that ${name} left, gone ${goneMs} ms`);
  }

  #noteShown({ name, shown, lastShown }: Account, { session, n }: Said): void {
    const numbers = shown.get(session) ?? new Set();
    shown.set(session, numbers);
    const last = lastShown.get(session) ?? 0;
    const from = this.#accounts.get(session)!.name;
    if (numbers.has(n)) this.report("shown twice", `${name} shows message ${n} of ${from} again`);
    else if (n < last) {
      this.report("shown out of order", `${name} shows message ${n} of ${from} after ${last}`);
    }
    numbers.add(n);
    lastShown.set(session, n);
  }
}

function isSame(one: LogEntry, other: LogEntry | undefined): boolean {
  if (one.type !== other?.type || one.session !== other.session || one.timeMs !== other.timeMs) return false;
  if (one.type !== "said" || other.type !== "said") return one.nick === other.nick;
  return one.n === other.n && one.text === other.text && one.late === other.late;
}
