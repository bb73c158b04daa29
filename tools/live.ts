// The demo on a terminal: four panes that show the programs while they run, at reading speed.

import { bold, dim, rgb8 } from "@std/fmt/colors";
import { delay } from "../lib/base/time.ts";
import { translator } from "../lib/i18n/translate.ts";
import { PREFIXES } from "../lib/render/renderer.ts";
import { type Nick, scriptFor, type ScriptLine } from "./conversation.ts";
import { DEMO_TEXTS, type DemoTexts } from "./demo_texts.ts";
import { type Frame, layOutFrame, MIN_SIZE, type Pane, type Size } from "./panes.ts";
import { type Theme, withoutTime } from "./screens.ts";
import { type Role, Stage } from "./stage.ts";
import type { Tool } from "./tool.ts";

/** Those who talk: four panes are what a small terminal can show. */
export const LIVE_NICKS = ["ana", "beto"] as const satisfies readonly Nick[];
const ROLES = ["primary", "backup", ...LIVE_NICKS] as const;
/** Time between two looks at what the programs have shown, in ms. */
const FRAME_MS = 40;
/** Time to type a letter, in ms. */
const LETTER_MS = 22;
/** Time to read a message, in ms. */
const READ_MS = 450;
/** Time between two lines of one program that came at once, in ms. */
const REVEAL_MS = 220;
/** Time to take in a step, or a loss that fills a small pane, in ms. */
const STEP_MS = 900;

/** Legible on black and on white, as are the renderer's own. */
const [TEAL, BROWN, MAGENTA, BLUE, RED, GREEN] = [30, 130, 162, 27, 160, 28].map((color): Theme => (text) =>
  rgb8(text, color)
) as [Theme, Theme, Theme, Theme, Theme, Theme];
const NICK_THEMES: Readonly<Record<string, Theme>> = { ana: MAGENTA, beto: BLUE };
const CTRL_C = 3;

type Step = keyof DemoTexts["live"]["steps"];

/** Whether standard output is a terminal on which panes can be drawn. */
export function hasPanes(): boolean {
  return Deno.stdout.isTerminal() && Deno.env.get("TERM") !== "dumb" && !Deno.env.get("CI");
}

/** Whether the panes fit into the terminal. */
export function isLargeEnough({ columns, rows } = Deno.consoleSize()): boolean {
  return columns >= MIN_SIZE.columns && rows >= MIN_SIZE.rows;
}

/** What is typed, step by step, and the panes. */
export class LiveDemo {
  readonly stage: Stage;
  readonly #texts: DemoTexts["live"];
  readonly #tool: Tool;
  readonly #typing = new Map<Nick, string>();
  /** How many lines of each program are shown, and when the next one is due. */
  readonly #revealed = new Map<Role, { readonly count: number; readonly nextMs: number }>();
  #step: Step = "opening";

  constructor(stage: Stage, tool: Tool) {
    this.stage = stage;
    this.#tool = tool;
    this.#texts = DEMO_TEXTS[tool.language].live;
  }

  /** Has all of it happen. */
  async play(): Promise<void> {
    const { stage } = this;
    const { beforeFailover, burst, unackedAtCrash, afterFailover } = scriptFor(
      LIVE_NICKS,
      this.#tool.language,
    );
    await stage.open();
    await this.#pause(STEP_MS);
    this.#step = "entering";
    await stage.enter();
    await this.#pause(STEP_MS);
    this.#step = "talking";
    await this.#talk(beforeFailover);
    await this.#talkAtOnce(burst);
    await stage.see(...burst);
    await this.#pause(READ_MS);
    this.#step = "hanging";
    stage.freeze();
    await this.#talkAtOnce(unackedAtCrash);
    await this.#pause(STEP_MS);
    this.#step = "killing";
    await this.#pause(READ_MS);
    stage.kill();
    await stage.see(...unackedAtCrash);
    await this.#untilRevealed();
    await this.#pause(STEP_MS);
    this.#step = "goingOn";
    await this.#talk(afterFailover);
    await this.#pause(STEP_MS);
    this.#step = "leaving";
    for (const nick of LIVE_NICKS.toReversed()) {
      await stage.leave(nick);
      await this.#pause(READ_MS);
    }
    await stage.close();
    await this.#untilRevealed();
    await this.#pause(READ_MS);
  }

  /** The rows of the terminal. */
  rows(size: Size): string[] {
    for (const role of ROLES) this.#reveal(role);
    if (!isLargeEnough(size)) {
      const needed = this.#texts.tooSmall(`${MIN_SIZE.columns}×${MIN_SIZE.rows}`);
      return [needed.slice(0, size.columns - 1)];
    }
    return layOutFrame(this.#frame(), size);
  }

  /** The last state of the panes, to be followed by the verdict. */
  lastRows(size: Size): string[] {
    return isLargeEnough(size) ? this.rows(size).slice(0, -2) : [];
  }

  #linesOf(role: Role): readonly string[] {
    return this.stage.linesOf(role).slice(0, this.#revealed.get(role)?.count);
  }

  #reveal(role: Role): void {
    const { count, nextMs } = this.#revealed.get(role) ?? { count: 0, nextMs: 0 };
    const nowMs = performance.now();
    const line = this.stage.linesOf(role)[count];
    if (line === undefined || nowMs < nextMs) return;
    this.#revealed.set(role, { count: count + 1, nextMs: nowMs + (isNotice(line) ? STEP_MS : REVEAL_MS) });
  }

  async #untilRevealed(): Promise<void> {
    const isBehind = (role: Role) => this.#linesOf(role).length < this.stage.linesOf(role).length;
    while (ROLES.some(isBehind)) await this.#pause(FRAME_MS);
  }

  #frame(): Frame {
    const { title, steps, stop } = this.#texts;
    const names = Object.keys(steps) as Step[];
    const at = names.indexOf(this.#step);
    const dots = names.map((_, index) => index <= at ? "●" : "○").join("");
    return {
      heading: title,
      panes: [
        this.#serverPane("primary"),
        this.#serverPane("backup"),
        this.#clientPane("ana"),
        this.#clientPane("beto"),
      ],
      caption: `${dots} ${steps[this.#step]}`,
      captionTheme: this.#step === "killing" ? RED : this.#step === "hanging" ? BROWN : GREEN,
      hint: stop,
    };
  }

  #serverPane(role: "primary" | "backup"): Pane {
    const { stage } = this;
    const { server, starting, running, hung, killed, ended } = this.#texts;
    const isPrimary = role === "primary";
    const isKilled = isPrimary && stage.isKilled;
    const isHung = isPrimary && (this.#step === "hanging" || this.#step === "killing");
    const [state, stateTheme]: [string, Theme] = isKilled
      ? [killed, RED]
      : isHung
      ? [hung, BROWN]
      : stage.isRunning(role)
      ? [running, GREEN]
      : [this.#step === "opening" ? starting : ended, dim];
    return {
      title: `${server(isPrimary ? "A" : "B")} · ${stage.addresses[role]}`,
      state,
      stateTheme,
      theme: isKilled ? RED : isPrimary ? TEAL : BROWN,
      lines: this.#linesOf(role),
      lineTheme: (line) => isNotice(line) ? (text) => text : themeOf(line),
      killed: isKilled ? killed : undefined,
    };
  }

  #clientPane(nick: Nick): Pane {
    const { stage } = this;
    const t = translator(this.#tool.language);
    const { connected, ended } = this.#texts;
    const isRunning = stage.isRunning(nick);
    const lines = this.#linesOf(nick);
    const server = stage.serverIn(lines);
    const [state, stateTheme]: [string, Theme] = !isRunning
      ? [server === undefined ? "" : ended, dim]
      : server === undefined
      ? [t("link.offline"), stage.isKilled ? RED : dim]
      : server === "primary"
      ? [connected("A"), TEAL]
      : [connected("B"), BROWN];
    const unacked = stage.unackedIn(lines, nick);
    const note = unacked > 0 ? `(${t("link.unacked", { count: unacked })}) ` : "";
    return {
      title: nick,
      state,
      stateTheme,
      theme: NICK_THEMES[nick]!,
      lines,
      lineTheme: themeOf,
      input: isRunning
        ? {
          prompt: `${note}${nick}>`,
          text: this.#typing.get(nick) ?? "",
        }
        : undefined,
    };
  }

  /** One after the other. */
  async #talk(remarks: readonly ScriptLine[]): Promise<void> {
    for (const remark of remarks) {
      await this.#type(remark);
      await this.stage.see(remark);
      await this.#pause(READ_MS);
    }
  }

  /** Each their own, without waiting for the others. */
  async #talkAtOnce(remarks: readonly ScriptLine[]): Promise<void> {
    await Promise.all(LIVE_NICKS.map(async (nick) => {
      for (const remark of remarks.filter((remark) => remark.nick === nick)) await this.#type(remark);
    }));
  }

  async #type(remark: ScriptLine): Promise<void> {
    const nick = remark.nick as Nick;
    for (let end = 1; end <= remark.text.length; end++) {
      this.#typing.set(nick, remark.text.slice(0, end));
      await this.#pause(LETTER_MS);
    }
    await this.#pause(READ_MS / 3);
    this.#typing.delete(nick);
    await this.stage.say(remark);
  }

  /** @throws {Mishap} when the demo is interrupted */
  async #pause(ms: number): Promise<void> {
    await delay(ms, this.#tool.signal);
    this.stage.throwIfAborted();
  }
}

function isNotice(line: string): boolean {
  return withoutTime(line).startsWith(`${PREFIXES.notice} `);
}

/** How what stands behind the time is coloured. The notices of clients are about losses. */
function themeOf(line: string): Theme {
  if (isNotice(line)) return (text) => bold(RED(text));
  const content = withoutTime(line);
  if (content.startsWith(`${PREFIXES.presence} `)) return dim;
  const [, mark = "", nick = ""] = /^([+~] )?([\p{L}\d_-]+):(?= )/u.exec(content) ?? [];
  const nickTheme = NICK_THEMES[nick];
  if (nickTheme === undefined) return GREEN;
  // The theme also colours the further rows of a line.
  return (text) => {
    if (!text.startsWith(`${mark}${nick}:`)) return text;
    return bold(GREEN(mark)) + bold(nickTheme(`${nick}:`)) + text.slice(mark.length + nick.length + 1);
  };
}

const ALTERNATE_SCREEN = { on: "\x1b[?1049h", off: "\x1b[?1049l" };
const CURSOR = { on: "\x1b[?25h", off: "\x1b[?25l" };
/** Terminals that know it show a frame at once. */
const SYNCHRONIZED = { on: "\x1b[?2026h", off: "\x1b[?2026l" };

/** Draws rows on a screen of their own, again and again, and restores the terminal at the end of its scope. */
export class LiveScreen implements Disposable {
  readonly #rows: (size: Size) => readonly string[];
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #hasKeyboard = Deno.stdin.isTerminal();
  #drawn: readonly string[] = [];
  #size: Size = { columns: 0, rows: 0 };

  /** `interrupt` is called at Ctrl-C. */
  constructor(rows: (size: Size) => readonly string[], interrupt: () => void) {
    this.#rows = rows;
    write(ALTERNATE_SCREEN.on + CURSOR.off);
    if (this.#hasKeyboard) {
      // Nothing that is typed is echoed into the frame, and Ctrl-C ends the programs in order.
      Deno.stdin.setRaw(true);
      readKeys(interrupt).catch(() => {}); // without a keyboard there are signals
    }
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), FRAME_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    write(SYNCHRONIZED.off + CURSOR.on + ALTERNATE_SCREEN.off);
    if (this.#hasKeyboard) Deno.stdin.setRaw(false);
  }

  #draw(): void {
    const { columns, rows } = Deno.consoleSize();
    const isResized = columns !== this.#size.columns || rows !== this.#size.rows;
    const drawn = this.#rows({ columns, rows });
    const changed = drawn.flatMap((row, y) =>
      isResized || row !== this.#drawn[y] ? [`\x1b[${y + 1};1H${row}`] : []
    );
    this.#size = { columns, rows };
    this.#drawn = drawn;
    if (changed.length === 0) return;
    write(SYNCHRONIZED.on + (isResized ? "\x1b[2J" : "") + changed.join("") + SYNCHRONIZED.off);
  }
}

async function readKeys(interrupt: () => void): Promise<void> {
  for await (const bytes of Deno.stdin.readable) if (bytes.includes(CTRL_C)) interrupt();
}

function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
