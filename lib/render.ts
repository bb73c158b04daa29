// A message -> a line for people. The only way from a peer's text to a screen, and so the place where it is
// made safe.

import { format } from "@std/datetime/format";
import type { Sentences } from "./i18n.ts";
import type { LogEntry } from "./protocol.ts";
import { printable, printableNick } from "./text.ts";

/** The last time that a Date can hold (ECMA-262, "Time Values and Time Range"), in ms. */
const LAST_DATE_MS = 8.64e15;
const STAMP = "yyyy-MM-dd HH:mm:ss";
/** Most names in one line. */
const MAX_CROWD_NAMES = 30;

/** Somebody comes or goes. */
export type Presence = Extract<LogEntry, { type: "joined" | "left" }>;

/** What stands between the time and the text of a line, so that no nick or text can pass for something else:
 * no nick begins with any of these. */
export const MARKS = { presence: "*", notice: "!", history: "~", late: "+", pending: "…" } as const;

/** Makes lines in one language, with local times. */
export class Renderer {
  readonly #sentences: Sentences;
  #lastSecond = NaN;
  #lastStamp = "";

  constructor(sentences: Sentences) {
    this.#sentences = sentences;
  }

  /** An entry of the log. `isHistory`: it was said before the reader came. */
  entry(entry: LogEntry, { isHistory = false }: { isHistory?: boolean } = {}): string {
    const nick = printableNick(entry.nick);
    if (entry.type === "said") {
      const line = `${nick}: ${printable(entry.text)}`;
      if (isHistory) return this.#line(entry.timeMs, `${MARKS.history} ${line}`);
      return this.#line(entry.timeMs, entry.late ? `${MARKS.late} ${line}` : line);
    }
    const address = printable(entry.address);
    return this.#line(
      entry.timeMs,
      `${MARKS.presence} ${this.#sentences(`room.${kindOf(entry)}`, { nick, address })}`,
    );
  }

  /** Several who came or went in the same way, with the time of the last. */
  crowd(crowd: readonly Presence[]): string {
    const last = crowd.at(-1)!;
    const people = [...new Map(crowd.map((entry) => [entry.session, printableNick(entry.nick)])).values()];
    if (people.length === 1) return this.entry(last);
    const more = people.length - MAX_CROWD_NAMES;
    const shown = people.slice(0, MAX_CROWD_NAMES).join(", ");
    const names = more > 0 ? this.#sentences("client.more-online", { names: shown, count: more }) : shown;
    const text = this.#sentences(`room.many-${kindOf(last)}`, { count: people.length, names });
    return this.#line(last.timeMs, `${MARKS.presence} ${text}`);
  }

  /** Something that the program itself has to say, with its time. */
  notice(text: string, timeMs: number): string {
    return this.#line(timeMs, `${MARKS.notice} ${printable(text)}`);
  }

  /** Date and time of day, local. */
  stamp(timeMs: number): string {
    const second = Math.floor(Math.min(timeMs, LAST_DATE_MS) / 1_000);
    // A busy room says much in one second.
    if (second !== this.#lastSecond) {
      this.#lastSecond = second;
      this.#lastStamp = format(new Date(second * 1_000), STAMP);
    }
    return this.#lastStamp;
  }

  #line(timeMs: number, text: string): string {
    return `[${this.stamp(timeMs)}] ${text}`;
  }
}

function kindOf(presence: Presence): "joined" | "back" | "left" | "lost" {
  if (presence.type === "joined") return presence.back ? "back" : "joined";
  return presence.lost ? "lost" : "left";
}
