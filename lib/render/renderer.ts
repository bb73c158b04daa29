// A message -> a line for people. The only way from a peer's text to a screen, and so the place where it is
// made safe.

import type { Translate } from "../i18n/translate.ts";
import { PLAIN_THEME, type Theme } from "./paint.ts";
import type { Announced, Joined, Left, MemberInfo, RoomEvent, Said } from "../protocol/frames.ts";
import { foldNick, printableNick } from "../text/nick.ts";
import { printable } from "../text/text.ts";
import { Timestamps } from "./timestamps.ts";

/** Most names in one line. */
const MAX_BATCH_NAMES = 30;

/** Somebody comes or goes. */
export type Presence = Joined | Left;

/** What stands between the time and the text of a line, so that no nick or text can pass for something else:
 * no nick begins with any of these. */
export const PREFIXES = {
  presence: "*",
  notice: "!",
  announced: "#",
  private: "@",
  action: "•",
  history: "~",
  late: "+",
  pending: "…",
} as const;

const NO_LINES: readonly string[] = [];
/** Words that could be a nick. */
const WORD = /[\p{L}\p{Nd}_-][\p{L}\p{M}\p{Nd}_-]*/gu;

/** Whether a text names somebody. */
export function isMentioned(text: string, nick: string): boolean {
  const key = foldNick(nick);
  return (text.match(WORD) ?? []).some((word) => foldNick(word) === key);
}

/** How lines look. */
interface RendererOptions {
  readonly paint?: Theme;
  readonly times?: Timestamps;
}

/** How one line looks. */
interface LineOptions {
  /** It was said before the reader came. */
  readonly isHistory?: boolean;
  /** The reader's own nick, to be seen in what others say. */
  readonly reader?: string;
}

/** Makes lines in one language. */
export class Renderer {
  readonly #t: Translate;
  readonly #paint: Theme;
  readonly #times: Timestamps;

  constructor(t: Translate, { paint = PLAIN_THEME, times = new Timestamps() }: RendererOptions = {}) {
    this.#t = t;
    this.#paint = paint;
    this.#times = times;
  }

  /** Something that happened in the room. */
  entry(event: RoomEvent, { isHistory = false, reader }: LineOptions = {}): string {
    const past = isHistory ? `${PREFIXES.history} ` : "";
    const late = event.type === "said" && event.redelivered && !isHistory ? `${PREFIXES.late} ` : "";
    return this.#line(event.timeMs, `${past}${late}${this.#event(event, reader)}`);
  }

  /** Several who came or went in the same way, with the time of the last. */
  presenceBatch(presenceBatch: readonly Presence[]): string {
    const last = presenceBatch.at(-1)!;
    const people = [
      ...new Map(presenceBatch.map(({ sessionId, nick }) => [sessionId, this.nick(nick, sessionId)]))
        .values(),
    ];
    if (people.length === 1) return this.entry(last);
    const more = people.length - MAX_BATCH_NAMES;
    const shown = people.slice(0, MAX_BATCH_NAMES).join(", ");
    const names = more > 0 ? this.#t("client.more-online", { names: shown, count: more }) : shown;
    const text = this.#t(`room.many-${presenceKind(last)}`, { count: people.length, names });
    return this.#line(last.timeMs, `${PREFIXES.presence} ${text}`);
  }

  /** What comes before a line of this time: a line with the date, if the line before was of another day. */
  dateSeparator(timeMs: number): readonly string[] {
    const line = this.#times.dateSeparator(timeMs);
    return line === undefined ? NO_LINES : [this.#paint.time(line)];
  }

  /** Something that the program itself has to say, with its time. */
  notice(text: string, timeMs: number): string {
    return this.#line(timeMs, `${PREFIXES.notice} ${printable(text)}`);
  }

  /** What the program has to say to whoever asked, and below it a list: without the time, as it is of now. */
  reply(text: string, list: readonly string[] = []): string[] {
    return [`${PREFIXES.notice} ${printable(text)}`, ...list];
  }

  /** What somebody is called, as a peer gives it. */
  nick(nick: string, sessionId: bigint): string {
    return this.#paint.nick(printableNick(nick), sessionId);
  }

  /** Somebody who is online, with IP and since when, for a list. */
  member({ sessionId, nick, address, sinceMs }: MemberInfo): string {
    const line = this.#t("who.line", {
      nick: this.nick(nick, sessionId),
      address: printable(address),
      since: this.formatTime(sinceMs),
    });
    return `  ${line}`;
  }

  /** Date and time of day. */
  formatTime(timeMs: number): string {
    return this.#times.formatTime(timeMs);
  }

  #event(event: RoomEvent, reader: string | undefined): string {
    switch (event.type) {
      case "said":
        return this.#said(event, reader);
      case "announced":
        return `${PREFIXES.announced} ${this.#t("room.announced", { text: printable(event.text) })}`;
      default:
        return `${PREFIXES.presence} ${this.#roomEvent(event)}`;
    }
  }

  /** What somebody says: `ana: hola`, to one person `@ ana → beto: hola`, and what they do `• ana saluda`. */
  #said({ sessionId, nick, text, action, to }: Said, reader: string | undefined): string {
    const speaker = this.nick(nick, sessionId);
    const who = to ? `${PREFIXES.private} ${speaker} → ${this.nick(to.nick, to.sessionId)}` : speaker;
    const words = reader === undefined ? printable(text) : this.#highlight(printable(text), reader);
    return action ? `${PREFIXES.action} ${who} ${words}` : `${who}: ${words}`;
  }

  #highlight(text: string, reader: string): string {
    const key = foldNick(reader);
    return text.replace(WORD, (word) => foldNick(word) === key ? this.#paint.mention(word) : word);
  }

  #roomEvent(event: Exclude<RoomEvent, Said | Announced>): string {
    if (event.type === "backups") {
      // A fingerprint is for programs to compare.
      const names = event.backups.map((backup) => printable(backup.split("#", 1)[0]!));
      if (names.length === 0) return this.#t("room.no-backups");
      return this.#t("room.backups", { backups: names.join(", ") });
    }
    const nick = this.nick(event.nick, event.sessionId);
    if (event.type === "renamed") {
      return this.#t("room.renamed", { before: this.nick(event.oldNick, event.sessionId), nick });
    }
    const kind = event.type === "left" && event.kicked ? "kicked" : presenceKind(event);
    return this.#t(`room.${kind}`, { nick, address: printable(event.address) });
  }

  #line(timeMs: number, text: string): string {
    return `${this.#paint.time(`[${this.formatTime(timeMs)}]`)} ${text}`;
  }
}

function presenceKind(presence: Presence): "joined" | "back" | "left" | "lost" {
  if (presence.type === "joined") return presence.rejoined ? "back" : "joined";
  return presence.connectionLost ? "lost" : "left";
}
