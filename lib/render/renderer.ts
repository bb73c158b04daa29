// An event to a line of text: the only way from a peer's text to a screen, so it is made safe here.

import { bold, dim, inverse, rgb8 } from "@std/fmt/colors";
import { type Language, type Message, type Translate, translator } from "../i18n/translate.ts";
import type { Announced, Joined, Left, MemberInfo, RoomEvent, Said, Welcome } from "../protocol/frames.ts";
import { foldNick, printableNick } from "../text/nick.ts";
import { printable } from "../text/text.ts";
import { JsonRenderer } from "./json.ts";
import { NickColors } from "./nick_colors.ts";
import { parsePattern, Timestamps, type TimestampsConfig } from "./timestamps.ts";

/** Most names in the line of a presence batch. */
const MAX_BATCH_NAMES = 30;

export type Presence = Joined | Left;

export interface DisplayConfig extends TimestampsConfig {
  /** Whether to use colors where the terminal has them. */
  readonly isColored: boolean;
  /** Whether to print JSON objects, for programs. */
  readonly isJson: boolean;
}

export const DEFAULT_DISPLAY: DisplayConfig = {
  pattern: undefined,
  isUtc: false,
  isColored: true,
  isJson: false,
};

/** What the flags of both programs ask for.
 * @throws {InputError} `pattern-invalid` */
export function displayConfig(
  flags: { time: string | undefined; utc: boolean; "no-color": boolean; plain: boolean; json: boolean },
): DisplayConfig {
  return {
    pattern: flags.time === undefined ? undefined : parsePattern(flags.time),
    isUtc: flags.utc,
    isColored: !flags["no-color"] && !flags.plain,
    isJson: flags.json,
  };
}

interface Output {
  readonly language: Language;
  readonly hasColors: boolean;
  /** `columns` is the width of the screen; undefined for a pipe. */
  readonly terminal?: { readonly columns: number | undefined };
}

/** What makes lines: {@linkcode LineRenderer}, or with `--json` {@linkcode JsonRenderer}. */
export type Renderer = Pick<LineRenderer, keyof LineRenderer>;

export function makeRenderer(config: DisplayConfig, { language, hasColors, terminal }: Output): Renderer {
  if (config.isJson) return new JsonRenderer();
  const theme = hasColors && config.isColored ? COLOR_THEME : PLAIN_THEME;
  return new LineRenderer(translator(language), theme, new Timestamps(language, config), terminal);
}

type Style = (text: string) => string;

/** Colors lines and their parts. Its input is safe for a terminal. */
export interface Theme {
  readonly time: Style;
  /** `color` is one of NICK_COLORS. */
  readonly nick: (nick: string, color: number) => string;
  /** The reader's nick as the one who speaks. */
  readonly own: Style;
  /** The reader's nick in a message, and the nick of the one who wrote it. */
  readonly mention: Style;
  /** Whole lines, in which nicks have no color of their own. */
  readonly presence: Style;
  readonly private: Style;
  readonly announced: Style;
  readonly loss: Style;
}

/** Colors of whole lines, with the contrast of NICK_COLORS, and none of those. */
export const LINE_COLORS = { private: 163, announced: 100, loss: 160 } as const;

export const COLOR_THEME: Theme = {
  time: dim,
  nick: rgb8,
  own: bold,
  mention: inverse,
  presence: dim,
  private: (line) => rgb8(line, LINE_COLORS.private),
  announced: (line) => rgb8(line, LINE_COLORS.announced),
  loss: (line) => bold(rgb8(line, LINE_COLORS.loss)),
};

const identity = (text: string): string => text;

const PLAIN_THEME: Theme = {
  time: identity,
  nick: identity,
  own: identity,
  mention: identity,
  presence: identity,
  private: identity,
  announced: identity,
  loss: identity,
};

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
const NO_SCREEN: NonNullable<Output["terminal"]> = { columns: undefined };
/** A word that may be a nick. */
const WORD = /[\p{L}\p{Nd}_-][\p{L}\p{M}\p{Nd}_-]*/gu;

export function isMentioned(text: string, nick: string): boolean {
  const key = foldNick(nick);
  return (text.match(WORD) ?? []).some((word) => foldNick(word) === key);
}

interface LineOptions {
  /** Whether the event is older than the reader's first join on this server. */
  readonly isHistory?: boolean;
  /** Whether it is older than the reader's first join on any server: programs want to know only that. */
  readonly precedesRun?: boolean;
  /** Whose screen it is: their nick is highlighted in the messages of others. */
  readonly reader?: { readonly sessionId: bigint; readonly nick: string };
}

/** A line below a reply. A text must be safe already. */
type ListItem = Message | string;

function listLine(item: ListItem): string {
  return typeof item === "string" ? item : `  ${printable(item.text)}`;
}

/** What programs want to know of a connection. */
interface ConnectionInfo {
  readonly server: string;
  readonly welcome: Welcome;
  /** Own messages that the server lacked. */
  readonly resentCount: number;
}

/** Makes lines for people. */
export class LineRenderer {
  readonly #t: Translate;
  readonly #theme: Theme;
  readonly #timestamps: Timestamps;
  readonly #screen: NonNullable<Output["terminal"]>;
  /** Undefined without colors. */
  readonly #colors: NickColors | undefined;

  constructor(t: Translate, theme: Theme, timestamps: Timestamps, screen = NO_SCREEN) {
    this.#t = t;
    this.#theme = theme;
    this.#timestamps = timestamps;
    this.#screen = screen;
    this.#colors = theme === PLAIN_THEME ? undefined : new NickColors();
  }

  /** To be called with the members of a room before its events. */
  setMembers(members: Iterable<MemberInfo>): void {
    this.#colors?.replace(members);
  }

  /** To be called with every event of the room, shown or not: the colors of nicks depend on who is there. */
  follow(event: RoomEvent): void {
    this.#colors?.apply(event);
  }

  entry(event: RoomEvent, { isHistory = false, reader }: LineOptions = {}): string {
    const isRedelivered = event.type === "said" && event.redelivered;
    const prefix = isHistory ? `${PREFIXES.history} ` : isRedelivered ? `${PREFIXES.redelivered} ` : "";
    return this.#line(event.timeMs, prefix + this.#event(event, reader), this.#lineStyle(event));
  }

  /** One line for joins or leaves of the same kind, with the time of the last. */
  presenceBatch(batch: readonly Presence[]): string {
    const last = batch.at(-1)!;
    const nicks = [...new Map(batch.map(({ sessionId, nick }) => [sessionId, printableNick(nick)])).values()];
    if (nicks.length === 1) return this.entry(last);
    const more = nicks.length - MAX_BATCH_NAMES;
    const shown = nicks.slice(0, MAX_BATCH_NAMES).join(", ");
    const names = more > 0 ? this.#t("client.more-members", { names: shown, count: more }) : shown;
    const text = this.#t(`room.many-${presenceKind(last)}`, { count: nicks.length, names });
    return this.#line(last.timeMs, `${PREFIXES.presence} ${text}`, this.#theme.presence);
  }

  /** One line for messages that a member sent again, with the time of the last. */
  resent(batch: readonly Said[]): string {
    const last = batch.at(-1)!;
    const text = this.#t("room.resent", { nick: this.nick(last.nick), count: batch.length });
    return this.#line(last.timeMs, `${PREFIXES.redelivered} ${text}`);
  }

  /** The lines to print before one of this time: the date, if the day has changed since the previous call. */
  dateSeparator(timeMs: number): readonly string[] {
    const line = this.#timestamps.dateSeparator(timeMs, this.#screen.columns);
    return line === undefined ? NO_LINES : [this.#theme.time(line)];
  }

  /** What the program says by itself, amid the events: with its time. */
  notice({ text }: Message, timeMs: number, list: readonly ListItem[] = []): string[] {
    return [this.#notice(text, timeMs), ...list.map(listLine)];
  }

  /** Says that events are missing here. */
  skipped({ text }: Message, timeMs: number): string {
    return this.#notice(text, timeMs);
  }

  /** The notice of a lost connection: on a screen below a rule, which is found again when the lines have moved on. */
  loss({ text }: Message, timeMs: number): string[] {
    const { columns } = this.#screen;
    const rule = columns === undefined ? NO_LINES : [this.#theme.loss("─".repeat(columns))];
    return [...rule, this.#notice(text, timeMs, this.#theme.loss)];
  }

  /** What separates messages that came while the user did not see the screen. */
  unreadRule(): readonly string[] {
    const { columns } = this.#screen;
    if (columns === undefined) return NO_LINES;
    const label = ` ${this.#t("client.unread")} ──`;
    return [this.#theme.time(label.padStart(columns, "─"))];
  }

  /** The reply to a command, without a time. */
  reply({ text }: Message, _timeMs: number, list: readonly ListItem[] = []): string[] {
    return [`${PREFIXES.notice} ${printable(text)}`, ...list.map(listLine)];
  }

  /** The reply to a command that lists members. */
  members(message: Message, members: Iterable<MemberInfo>, timeMs: number): string[] {
    return this.reply(message, timeMs, [...members].map((member) => this.#member(member)));
  }

  /** What the program says before and after the events. It must be safe already. */
  line({ text }: Message, _timeMs: number): string {
    return text;
  }

  /** Says that the client has joined a server. It must be safe already. */
  connected(text: string, _connection: ConnectionInfo, _timeMs: number): string {
    return text;
  }

  nick(nick: string): string {
    const text = printableNick(nick);
    return this.#colors ? this.#theme.nick(text, this.#colors.colorOf(text)) : text;
  }

  /** A time within a text. */
  formatTime(timeMs: number): string {
    return this.#timestamps.formatTime(timeMs);
  }

  #member({ nick, address, sinceMs }: MemberInfo): string {
    const line = this.#t("who.line", {
      nick: this.nick(nick),
      address: printable(address),
      since: this.formatTime(sinceMs),
    });
    return `  ${line}`;
  }

  #notice(text: string, timeMs: number, style?: Style): string {
    return this.#line(timeMs, `${PREFIXES.notice} ${printable(text)}`, style);
  }

  /** How a line is colored as a whole; undefined if its parts have colors of their own. */
  #lineStyle(event: RoomEvent): Style | undefined {
    if (event.type === "said") return event.to && this.#theme.private;
    if (event.type === "announced") return this.#theme.announced;
    // What there is to go to after a loss is worth more than who comes and goes.
    return event.type === "backups" ? undefined : this.#theme.presence;
  }

  #event(event: RoomEvent, reader: LineOptions["reader"]): string {
    if (event.type === "said") return this.#said(event, reader);
    if (event.type !== "announced") return `${PREFIXES.presence} ${this.#roomEvent(event)}`;
    return `${PREFIXES.announced} ${this.#t("room.announced", { text: printable(event.text) })}`;
  }

  /** `ana: hola`, a private message `@ ana → beto: hola`, an action `• ana saluda`. */
  #said({ sessionId, nick, text, action, to }: Said, reader: LineOptions["reader"]): string {
    const isOwn = sessionId === reader?.sessionId;
    const safe = printable(text);
    const body = reader && !isOwn ? this.#highlight(safe, reader.nick) : safe;
    let speaker = to ? printableNick(nick) : this.nick(nick);
    if (isOwn) speaker = this.#theme.own(speaker);
    else if (body !== safe) speaker = this.#theme.mention(speaker);
    const names = to ? `${PREFIXES.private} ${speaker} → ${printableNick(to.nick)}` : speaker;
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
    const nick = printableNick(event.nick);
    if (event.type === "renamed") {
      return this.#t("room.renamed", { oldNick: printableNick(event.oldNick), nick });
    }
    const kind = event.type === "left" && event.kicked ? "kicked" : presenceKind(event);
    return this.#t(`room.${kind}`, { nick, address: printable(event.address) });
  }

  #line(timeMs: number, text: string, style?: Style): string {
    const time = `[${this.#timestamps.lineTime(timeMs, this.#screen.columns)}]`;
    return style ? style(`${time} ${text}`) : `${this.#theme.time(time)} ${text}`;
  }
}

function presenceKind(presence: Presence): "joined" | "rejoined" | "left" | "connection-lost" {
  if (presence.type === "joined") return presence.rejoined ? "rejoined" : "joined";
  return presence.connectionLost ? "connection-lost" : "left";
}
