// What was said and what was shown, and everything in it that must not be. Knows nothing of processes or
// sockets.

import type { Said } from "../../lib/protocol/frames.ts";

/** What went wrong. */
type Fault = "lost" | "shown twice" | "shown out of order" | "garbled" | "refused" | "crashed";

/** One thing that went wrong. */
export interface Problem {
  readonly fault: Fault;
  readonly details: string;
}

/** Somebody who says things. */
interface Sender {
  /** How many messages anybody had said before the sender's k-th, at k - 1. */
  readonly before: number[];
  /** The time with which the sender first read its k-th message, if that is known, at k - 1. */
  readonly timesMs: (number | undefined)[];
}

/** Somebody who shows things: a client, or the console of a server. */
interface Reader {
  /** How many messages had been said when it came: all later ones it must show. */
  since: number;
  readonly isConsole: boolean;
  /** First and last message shown, by sender. */
  readonly shown: Map<string, { readonly first: number; last: number }>;
}

/** A message as somebody shows it. */
export interface Shown {
  readonly nick: string;
  readonly text: string;
}

/** The ledger of a run. Clients and consoles are known by their names, which no two share; a client's name is
 * its nick. */
export class Ledger {
  readonly problems: Problem[] = [];
  readonly counts = { messages: 0, deliveries: 0, printed: 0 };
  readonly #senders = new Map<string, Sender>();
  readonly #readers = new Map<string, Reader>();
  /** What entry `seq` of a server's log is, by its logId. */
  readonly #logs = new Map<bigint, Map<number, string>>();
  readonly #isKept: boolean;
  #isClosed = false;
  #saidBeforeRound = 0;

  /** `isKept`: there is one room, which outlives its servers. */
  constructor({ isKept = false }: { isKept?: boolean } = {}) {
    this.#isKept = isKept;
  }

  /** A round begins. Everybody has everything that was said before. */
  beginRound(): void {
    this.#saidBeforeRound = this.counts.messages;
    this.#logs.clear();
  }

  /** From now on nothing is wrong any more. */
  close(): void {
    this.#isClosed = true;
  }

  report(fault: Fault, details: string): void {
    if (!this.#isClosed) this.problems.push({ fault, details });
  }

  /** Somebody is about to come in. */
  addClient(name: string): void {
    this.#senders.set(name, { before: [], timesMs: [] });
    this.#readers.set(name, { since: Infinity, isConsole: false, shown: new Map() });
  }

  /** Somebody is in, or a server of a shared room listens: from now on they must be shown everything. */
  entered(name: string): void {
    const reader = this.#readers.get(name)!;
    reader.since = Math.min(reader.since, this.counts.messages);
  }

  /** A server starts. Whoever comes to it brings all that they said since the round began, unless it has that
   * already; if it shares its room with others, its console owes nothing until it has {@linkcode entered}. */
  addConsole(name: string, { isShared = false } = {}): void {
    const known = this.#isKept ? this.counts.messages : this.#saidBeforeRound;
    const since = isShared ? Infinity : known;
    this.#readers.set(name, { since, isConsole: true, shown: new Map() });
  }

  /** The text of the next message that a client says. */
  say(name: string): string {
    const { before } = this.#senders.get(name)!;
    before.push(this.counts.messages++);
    return textOf(name, before.length);
  }

  /** A client shows an entry of the log of a server. */
  read(name: string, logId: bigint, { seq, clientSeq, redelivered, timeMs, nick, text }: Said): void {
    const k = this.show(name, { nick, text });
    if (k === undefined) return;
    const id = `${nick}.${k}`;
    let log = this.#logs.get(logId);
    if (!log) this.#logs.set(logId, log = new Map());
    const known = log.get(seq) ?? id;
    log.set(seq, id);
    if (clientSeq !== k || known !== id) {
      this.report(
        "garbled",
        `${name} reads ${id} as number ${clientSeq} and entry ${seq}, where others read ${known}`,
      );
    }
    const { timesMs } = this.#senders.get(nick)!;
    if (nick === name) timesMs[k - 1] ??= timeMs;
    const givenMs = timesMs[k - 1] ?? timeMs;
    if (redelivered && givenMs !== timeMs) {
      this.report("garbled", `${name} reads ${id} with the time ${timeMs}, its sender did with ${givenMs}`);
    }
  }

  /** Which of its sender's messages this is; undefined if nobody said that. */
  numberOf({ nick, text }: Shown): number | undefined {
    const k = Number(/^[\w-]+\.(\d+) /.exec(text)?.[1]);
    const isSaid = k <= (this.#senders.get(nick)?.before.length ?? 0) && text === textOf(nick, k);
    return isSaid ? k : undefined;
  }

  /** A client or a console shows a message. Returns its number, if somebody said it. */
  show(name: string, { nick, text }: Shown): number | undefined {
    const k = this.numberOf({ nick, text });
    if (k === undefined) {
      this.report("garbled", `${name} shows what nobody said: ${nick}: ${text}`);
      return undefined;
    }
    const { before } = this.#senders.get(nick)!;
    const { since, isConsole, shown } = this.#readers.get(name)!;
    this.counts[isConsole ? "printed" : "deliveries"]++;
    const page = shown.get(nick) ?? { first: k, last: 0 };
    shown.set(nick, page);
    if (k <= page.last) {
      this.report(k < page.first ? "shown out of order" : "shown twice", `${name} shows ${nick}.${k} again`);
      return k;
    }
    // Whoever has shown a later message of the same sender will never show this one.
    for (let skipped = page.last + 1; skipped < k; skipped++) {
      if (before[skipped - 1]! >= since) {
        this.report("lost", `${name} shows ${nick}.${k}, not ${nick}.${skipped}`);
      }
    }
    page.last = k;
    return k;
  }

  /** How many messages a client has read back. */
  echoes(name: string): number {
    return this.#senders.get(name)!.timesMs.length;
  }

  /** What some readers have not shown yet of what anybody has read back who said it, in words: also of those who
   * are gone. Only a server that keeps its room promises that. */
  *lackingReceipted(readers: readonly string[]): Generator<string> {
    for (const [sender, { before, timesMs }] of this.#isKept ? this.#senders : []) {
      const k = timesMs.length;
      for (const reader of k > 0 ? readers : []) {
        const { since, shown } = this.#readers.get(reader)!;
        if ((shown.get(sender)?.last ?? 0) >= k || before[k - 1]! < since) continue;
        yield `${reader} has not shown ${sender}.${k}, which its sender has read back`;
      }
    }
  }

  /** What some readers have not shown yet of what some clients have said last, in words. */
  *lacking(readers: readonly string[], senders: readonly string[]): Generator<string> {
    for (const reader of readers) {
      const { since, shown } = this.#readers.get(reader)!;
      for (const sender of senders) {
        const { before } = this.#senders.get(sender)!;
        const last = shown.get(sender)?.last ?? 0;
        if (last === before.length || before.at(-1)! < since) continue;
        yield `${reader} has shown ${sender}.${last} and not ${sender}.${before.length}`;
      }
    }
  }
}

/** Parts of a text: they take one to four bytes a character. */
const SCRIPTS = ["chat ", "año ", "漢字", "👩‍👩‍👧"];
const LONG_EVERY = 100;
const LONG_REPEATS = 200;
const MOST_REPEATS = 12;

/** What somebody says as their k-th message: no text is the same as another or as its beginning, and now and
 * then one is long. */
function textOf(name: string, k: number): string {
  const repeats = k % LONG_EVERY === 0 ? LONG_REPEATS : 1 + k % MOST_REPEATS;
  return `${name}.${k} ${SCRIPTS[k % SCRIPTS.length]!.repeat(repeats)}`.trim();
}
