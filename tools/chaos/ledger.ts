// What clients sent, and what clients, consoles and logs of servers showed: finds what is lost, repeated or wrong.

import type { LogEntry, Said } from "../../lib/protocol/frames.ts";

export type Fault =
  | "lost"
  | "shown twice"
  | "accepted twice"
  | "shown out of order"
  | "garbled"
  | "refused"
  | "crashed";

export interface Problem {
  readonly fault: Fault;
  readonly details: string;
}

interface Sender {
  /** For each of its messages: how many messages all clients had sent before it. */
  readonly sentBefore: number[];
  /** For each of its messages whose echo it has read: the time in it. */
  readonly echoTimesMs: (number | undefined)[];
}

/** A client, or the console of a server. */
interface Reader {
  /** How many messages had been sent when it joined: it must show all later ones. */
  since: number;
  readonly isConsole: boolean;
  /** First and last message shown of each sender, counted from 1. */
  readonly shown: Map<string, { readonly first: number; last: number }>;
}

interface ShownMessage {
  readonly nick: string;
  readonly text: string;
}

/** The record of a run. Clients and consoles have unique names; a client's is its nick. */
export class Ledger {
  readonly problems: Problem[] = [];
  readonly counts = { messages: 0, deliveries: 0, printed: 0 };
  readonly #senders = new Map<string, Sender>();
  readonly #readers = new Map<string, Reader>();
  /** The message of each entry and the entry of each message, by log. */
  readonly #logEntries = new Map<string, string>();
  readonly #isStored: boolean;
  readonly #isShared: boolean;
  #isClosed = false;
  #sentBeforeRound = 0;

  /** `isStored`: there is one room, which outlives its servers. `isShared`: of many servers, which may commit the same
   * message. */
  constructor({ isStored = false, isShared = false } = {}) {
    this.#isStored = isStored;
    this.#isShared = isShared;
  }

  /** All clients have shown all messages of earlier rounds. */
  beginRound(): void {
    this.#sentBeforeRound = this.counts.messages;
    if (!this.#isStored) this.#logEntries.clear();
  }

  /** Ignores all later problems. */
  close(): void {
    this.#isClosed = true;
  }

  report(fault: Fault, details: string): void {
    if (!this.#isClosed) this.problems.push({ fault, details });
  }

  addClient(name: string): void {
    this.#senders.set(name, { sentBefore: [], echoTimesMs: [] });
    this.#readers.set(name, { since: Infinity, isConsole: false, shown: new Map() });
  }

  /** A client has joined, or a server of a shared room listens: it must show all messages sent from now on. */
  onJoined(name: string): void {
    const reader = this.#readers.get(name)!;
    reader.since = Math.min(reader.since, this.counts.messages);
  }

  /** A server starts. Clients bring it all messages of this round, unless its room is stored. The console of a server
   * in a shared room need show nothing before {@linkcode onJoined}. */
  addConsole(name: string): void {
    const known = this.#isStored ? this.counts.messages : this.#sentBeforeRound;
    this.#readers.set(name, { since: this.#isShared ? Infinity : known, isConsole: true, shown: new Map() });
  }

  /** Returns the text of the next message of a client. */
  send(name: string): string {
    const { sentBefore } = this.#senders.get(name)!;
    sentBefore.push(this.counts.messages++);
    return textOf(name, sentBefore.length);
  }

  /** An entry in the log that a server sends. */
  onLogEntry(logId: bigint, entry: LogEntry): void {
    if (entry.type === "noop" && !this.#isShared) {
      this.report("accepted twice", `log ${logId}: entry ${entry.seq} is empty, as for a duplicate`);
    }
    if (entry.type !== "said") return;
    const message = `message ${entry.clientSeq} of session ${entry.sessionId}`;
    this.#recordLog(`log ${logId}: entry ${entry.seq}`, message, "garbled");
    this.#recordLog(`log ${logId}: ${message}`, `entry ${entry.seq}`, "accepted twice");
  }

  #recordLog(key: string, value: string, fault: Fault): void {
    const known = this.#logEntries.get(key) ?? value;
    if (known !== value) this.report(fault, `${key} is ${value}, and was ${known}`);
    this.#logEntries.set(key, value);
  }

  /** A client shows a message, of which it has the whole entry. */
  read(name: string, { clientSeq, redelivered, timeMs, nick, text }: Said): void {
    const k = this.show(name, { nick, text });
    if (k === undefined) return;
    if (clientSeq !== k) this.report("garbled", `${name} reads ${nick}.${k} as message ${clientSeq}`);
    const { echoTimesMs } = this.#senders.get(nick)!;
    if (nick === name) echoTimesMs[k - 1] ??= timeMs;
    const firstMs = echoTimesMs[k - 1] ?? timeMs;
    if (redelivered && firstMs !== timeMs) {
      this.report(
        "garbled",
        `${name} reads ${nick}.${k} with the time ${timeMs}, its sender with ${firstMs}`,
      );
    }
  }

  /** Which message of its sender this is, counted from 1; undefined if no client sent it. */
  numberOf({ nick, text }: ShownMessage): number | undefined {
    const k = Number(/^[\w-]+\.(\d+) /.exec(text)?.[1]);
    const isSent = k <= (this.#senders.get(nick)?.sentBefore.length ?? 0) && text === textOf(nick, k);
    return isSent ? k : undefined;
  }

  /** A client or a console shows a message. Returns its number. */
  show(name: string, { nick, text }: ShownMessage): number | undefined {
    const k = this.numberOf({ nick, text });
    if (k === undefined) {
      this.report("garbled", `${name} shows a text that no client sent: ${nick}: ${text}`);
      return undefined;
    }
    const { sentBefore } = this.#senders.get(nick)!;
    const { since, isConsole, shown } = this.#readers.get(name)!;
    this.counts[isConsole ? "printed" : "deliveries"]++;
    const range = shown.get(nick) ?? { first: k, last: 0 };
    shown.set(nick, range);
    if (k <= range.last) {
      this.report(k < range.first ? "shown out of order" : "shown twice", `${name} shows ${nick}.${k} again`);
      return k;
    }
    // A reader that has shown a later message of the same sender never shows this one.
    for (let skipped = range.last + 1; skipped < k; skipped++) {
      if (sentBefore[skipped - 1]! < since) continue;
      this.report("lost", `${name} shows ${nick}.${k}, not ${nick}.${skipped}`);
    }
    range.last = k;
    return k;
  }

  /** How many echoes a client has read. */
  echoCount(name: string): number {
    return this.#senders.get(name)!.echoTimesMs.length;
  }

  /** Which of the last messages of these senders the readers have not shown yet, in words. A stored room must also show
   * the last echoed message of each client that has gone. */
  *missing(readers: readonly string[], senders: readonly string[]): Generator<string> {
    for (const [sender, { sentBefore, echoTimesMs }] of this.#senders) {
      const echoed = this.#isStored ? echoTimesMs.length : 0;
      const k = senders.includes(sender) ? sentBefore.length : echoed;
      for (const reader of k > 0 ? readers : []) {
        const { since, shown } = this.#readers.get(reader)!;
        const last = shown.get(sender)?.last ?? 0;
        if (last < k && sentBefore[k - 1]! >= since) {
          yield `${reader} has shown ${sender}.${last} and not ${sender}.${k}`;
        }
      }
    }
  }
}

/** Parts of a text: they take one to four bytes a character. */
const SCRIPTS = ["chat ", "año ", "漢字", "👩‍👩‍👧"];
const LONG_EVERY = 100;
const LONG_REPEATS = 200;
const MAX_REPEATS = 12;

/** The k-th text of a client: none is the same as another or as its beginning, and some are long. */
function textOf(name: string, k: number): string {
  const repeats = k % LONG_EVERY === 0 ? LONG_REPEATS : 1 + k % MAX_REPEATS;
  return `${name}.${k} ${SCRIPTS[k % SCRIPTS.length]!.repeat(repeats)}`.trim();
}
