// A message -> a line for people. The only way from a peer's text to a screen, and so the place where it is
// made safe.

import { format } from "@std/datetime/format";
import type { Sentences } from "./i18n.ts";
import type { Announced, Joined, Left, RoomEvent, Said } from "./protocol.ts";
import { printable, printableNick } from "./text.ts";

/** The last time that a Date can hold (ECMA-262, "Time Values and Time Range"), in ms. */
const LAST_DATE_MS = 8.64e15;
const STAMP = "yyyy-MM-dd HH:mm:ss";

/** What stands between the time and the text of a line, so that no nick or text can pass for something else:
 * no nick begins with any of these. */
export const MARKS = {
  presence: "*",
  notice: "!",
  announced: "#",
  private: "@",
  action: "•",
  history: "~",
  late: "+",
  pending: "…",
} as const;

/** Makes lines in one language, with local times. */
export class Renderer {
  readonly #sentences: Sentences;
  #lastSecond = NaN;
  #lastStamp = "";

  constructor(sentences: Sentences) {
    this.#sentences = sentences;
  }

  /** Something that happened in the room. `isHistory`: before the reader came. */
  entry(event: RoomEvent, { isHistory = false }: { isHistory?: boolean } = {}): string {
    const past = isHistory ? `${MARKS.history} ` : "";
    return this.#line(event.timeMs, `${past}${this.#event(event, isHistory)}`);
  }

  #event(event: RoomEvent, isHistory: boolean): string {
    switch (event.type) {
      case "said":
        return event.late && !isHistory ? `${MARKS.late} ${this.#said(event)}` : this.#said(event);
      case "announced":
        return `${MARKS.announced} ${this.#sentences("room.announced", { text: printable(event.text) })}`;
      default:
        return `${MARKS.presence} ${this.#news(event)}`;
    }
  }

  /** What somebody says: `ana: hola`, to one person `@ ana → beto: hola`, and what they do `• ana saluda`. */
  #said({ nick, text, action, to }: Said): string {
    const speaker = printableNick(nick);
    const who = to ? `${MARKS.private} ${speaker} → ${printableNick(to.nick)}` : speaker;
    return action ? `${MARKS.action} ${who} ${printable(text)}` : `${who}: ${printable(text)}`;
  }

  #news(event: Exclude<RoomEvent, Said | Announced>): string {
    if (event.type === "backups") {
      return this.#sentences("room.backups", { backups: event.backups.map(printable).join(", ") });
    }
    const nick = printableNick(event.nick);
    if (event.type === "renamed") {
      return this.#sentences("room.renamed", { before: printableNick(event.before), nick });
    }
    return this.#sentences(presenceKey(event), { nick, address: printable(event.address) });
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

function presenceKey(
  event: Joined | Left,
): "room.back" | "room.joined" | "room.kicked" | "room.lost" | "room.left" {
  if (event.type === "joined") return event.back ? "room.back" : "room.joined";
  if (event.kicked) return "room.kicked";
  return event.lost ? "room.lost" : "room.left";
}
