// An event to a line of text: the only way from a peer's text to a screen, so it is made safe here.

import { dim, inverse, rgb8 } from "@std/fmt/colors";
import { type Language, type Translate, translator } from "../i18n/translate.ts";
import type { Announced, Joined, Left, MemberInfo, RoomEvent, Said } from "../protocol/frames.ts";
import { foldNick, printableNick } from "../text/nick.ts";
import { printable } from "../text/text.ts";
import { parsePattern, Timestamps, type TimestampsConfig } from "./timestamps.ts";

/** Most names in the line of a presence batch. */
const MAX_BATCH_NAMES = 30;

export type Presence = Joined | Left;

export interface DisplayConfig extends TimestampsConfig {
  /** Whether to use colors where the terminal has them. */
  readonly isColored: boolean;
}

export const DEFAULT_DISPLAY: DisplayConfig = {
  pattern: "yyyy-MM-dd HH:mm:ss",
  isUtc: false,
  isColored: true,
};

/** What the flags of both programs ask for.
 * @throws {InputError} `pattern-invalid` */
export function displayConfig(
  flags: { time: string | undefined; utc: boolean; "no-color": boolean; plain: boolean },
): DisplayConfig {
  return {
    pattern: flags.time === undefined ? DEFAULT_DISPLAY.pattern : parsePattern(flags.time),
    isUtc: flags.utc,
    isColored: !flags["no-color"] && !flags.plain,
  };
}

export function makeRenderer(
  config: DisplayConfig,
  { language, hasColors }: { language: Language; hasColors: boolean },
): Renderer {
  const theme = hasColors && config.isColored ? COLOR_THEME : PLAIN_THEME;
  return new Renderer(translator(language), theme, new Timestamps(language, config));
}

/** Colors the parts of a line. Its input is safe for a terminal. */
export interface Theme {
  readonly time: (text: string) => string;
  /** In a color that depends on the session alone. */
  readonly nick: (nick: string, sessionId: bigint) => string;
  /** The reader's own nick in a message. */
  readonly mention: (word: string) => string;
}

/** Colors of xterm's 256. Each has a contrast of at least 3.5 with black and with white, where 4.6 is the best
 * possible (WCAG 2.2, "contrast ratio"). */
export const NICK_COLORS = [28, 27, 130, 162, 30, 129, 160, 64, 63, 166, 133, 100] as const;

export const COLOR_THEME: Theme = {
  time: dim,
  // Session ids are hashes, so they spread evenly over the colors.
  nick: (nick, sessionId) => rgb8(nick, NICK_COLORS[Number(sessionId % BigInt(NICK_COLORS.length))]!),
  mention: inverse,
};

const identity = (text: string): string => text;

const PLAIN_THEME: Theme = { time: identity, nick: identity, mention: identity };

/** Marks between the time and the text of a line. No nick begins with any of these, so a message cannot look like
 * another kind of line. */
export const PREFIXES = {
  presence: "*",
  notice: "!",
  announced: "#",
  private: "@",
  action: "•",
  history: "~",
  redelivered: "+",
  unacked: "…",
} as const;

const NO_LINES: readonly string[] = [];
/** A word that may be a nick. */
const WORD = /[\p{L}\p{Nd}_-][\p{L}\p{M}\p{Nd}_-]*/gu;

export function isMentioned(text: string, nick: string): boolean {
  const key = foldNick(nick);
  return (text.match(WORD) ?? []).some((word) => foldNick(word) === key);
}

interface LineOptions {
  /** Whether the event is older than the reader's first join. */
  readonly isHistory?: boolean;
  /** The reader's own nick, which is highlighted in messages. */
  readonly reader?: string;
}

export class Renderer {
  readonly #t: Translate;
  readonly #theme: Theme;
  readonly #timestamps: Timestamps;

  constructor(t: Translate, theme: Theme, timestamps: Timestamps) {
    this.#t = t;
    this.#theme = theme;
    this.#timestamps = timestamps;
  }

  entry(event: RoomEvent, { isHistory = false, reader }: LineOptions = {}): string {
    const isRedelivered = event.type === "said" && event.redelivered;
    const prefix = isHistory ? `${PREFIXES.history} ` : isRedelivered ? `${PREFIXES.redelivered} ` : "";
    return this.#line(event.timeMs, prefix + this.#event(event, reader));
  }

  /** One line for joins or leaves of the same kind, with the time of the last. */
  presenceBatch(batch: readonly Presence[]): string {
    const last = batch.at(-1)!;
    const nicks = [
      ...new Map(batch.map(({ sessionId, nick }) => [sessionId, this.nick(nick, sessionId)])).values(),
    ];
    if (nicks.length === 1) return this.entry(last);
    const more = nicks.length - MAX_BATCH_NAMES;
    const shown = nicks.slice(0, MAX_BATCH_NAMES).join(", ");
    const names = more > 0 ? this.#t("client.more-members", { names: shown, count: more }) : shown;
    const text = this.#t(`room.many-${presenceKind(last)}`, { count: nicks.length, names });
    return this.#line(last.timeMs, `${PREFIXES.presence} ${text}`);
  }

  /** The lines to print before one of this time: the date, if the day has changed since the previous call. */
  dateSeparator(timeMs: number): readonly string[] {
    const line = this.#timestamps.dateSeparator(timeMs);
    return line === undefined ? NO_LINES : [this.#theme.time(line)];
  }

  /** A message of the program itself, with its time. */
  notice(text: string, timeMs: number): string {
    return this.#line(timeMs, `${PREFIXES.notice} ${printable(text)}`);
  }

  /** The reply to a command, without a time. The lines of `list` must be safe already. */
  reply(text: string, list: readonly string[] = []): string[] {
    return [`${PREFIXES.notice} ${printable(text)}`, ...list];
  }

  nick(nick: string, sessionId: bigint): string {
    return this.#theme.nick(printableNick(nick), sessionId);
  }

  member({ sessionId, nick, address, sinceMs }: MemberInfo): string {
    const line = this.#t("who.line", {
      nick: this.nick(nick, sessionId),
      address: printable(address),
      since: this.formatTime(sinceMs),
    });
    return `  ${line}`;
  }

  formatTime(timeMs: number): string {
    return this.#timestamps.formatTime(timeMs);
  }

  #event(event: RoomEvent, reader: string | undefined): string {
    if (event.type === "said") return this.#said(event, reader);
    if (event.type !== "announced") return `${PREFIXES.presence} ${this.#roomEvent(event)}`;
    return `${PREFIXES.announced} ${this.#t("room.announced", { text: printable(event.text) })}`;
  }

  /** `ana: hola`, a private message `@ ana → beto: hola`, an action `• ana saluda`. */
  #said({ sessionId, nick, text, action, to }: Said, reader: string | undefined): string {
    const speaker = this.nick(nick, sessionId);
    const names = to ? `${PREFIXES.private} ${speaker} → ${this.nick(to.nick, to.sessionId)}` : speaker;
    const body = reader === undefined ? printable(text) : this.#highlight(printable(text), reader);
    return action ? `${PREFIXES.action} ${names} ${body}` : `${names}: ${body}`;
  }

  #highlight(text: string, reader: string): string {
    const key = foldNick(reader);
    return text.replace(WORD, (word) => foldNick(word) === key ? this.#theme.mention(word) : word);
  }

  #roomEvent(event: Exclude<RoomEvent, Said | Announced>): string {
    if (event.type === "backups") {
      // The fingerprint of a backup is for programs.
      const names = event.backups.map((backup) => printable(backup.split("#", 1)[0]!));
      if (names.length === 0) return this.#t("room.no-backups");
      return this.#t("room.backups", { backups: names.join(", ") });
    }
    const nick = this.nick(event.nick, event.sessionId);
    if (event.type === "renamed") {
      return this.#t("room.renamed", { oldNick: this.nick(event.oldNick, event.sessionId), nick });
    }
    const kind = event.type === "left" && event.kicked ? "kicked" : presenceKind(event);
    return this.#t(`room.${kind}`, { nick, address: printable(event.address) });
  }

  #line(timeMs: number, text: string): string {
    return `${this.#theme.time(`[${this.formatTime(timeMs)}]`)} ${text}`;
  }
}

function presenceKind(presence: Presence): "joined" | "rejoined" | "left" | "connection-lost" {
  if (presence.type === "joined") return presence.rejoined ? "rejoined" : "joined";
  return presence.connectionLost ? "connection-lost" : "left";
}
