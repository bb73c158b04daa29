// FakeScreen: a terminal that executes what line editing writes, and shows the result. It is stricter than real
// terminals: what they disagree about throws.

import { assert } from "@std/assert";
import stringWidth from "string-width";
import type { Tty } from "../../lib/terminal/tty.ts";

const GRAPHEMES = new Intl.Segmenter();
const WRITTEN =
  // deno-lint-ignore no-control-regex -- these are what it executes
  /\x1b\](?<osc>[^\x07\x1b]*)\x07|\x1b\[([?<>]?)([\d;]*)([A-Za-z])|[\x07\r\n]|[^\x07\x1b\r\n]+/g;

/** Size and age of a terminal. */
export interface FakeScreenOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly notification?: Tty["notification"];
  /** Gives each code point columns of its own, as terminals do that join no emoji. */
  readonly isOld?: boolean;
}

/** A screen that shows what was written to it. It grows downwards as far as needed. */
export class FakeScreen implements Tty {
  settleMs = 0;
  readonly modes: boolean[] = [];
  isBracketedPaste = false;
  isFocusReported = false;
  /** The title of the window, and those on its stack. */
  titles = ["bash"];
  /** What was shown outside of the window. */
  readonly notifications: string[] = [];
  bells = 0;
  hasTitle = true;
  readonly notification: Tty["notification"];
  #isSynchronized = false;
  /** How many modes of kitty's protocol lie on its stack. */
  kittyModes = 0;
  listeners = 0;
  writtenNow = "";
  columns: number;
  #listeners: Parameters<Tty["onResizeOrResume"]>[0] | undefined;
  readonly #height: number;
  readonly #isOld: boolean;
  #rows: string[][] = [[]];
  #x = 0;
  #y = 0;

  constructor({ columns = 40, rows = 30, isOld = false, notification }: FakeScreenOptions = {}) {
    this.columns = columns;
    this.#height = rows;
    this.#isOld = isOld;
    this.notification = notification;
  }

  size(): { columns: number; rows: number } {
    return { columns: this.columns, rows: this.#height };
  }

  readonly setRaw = (isRaw: boolean): void => void this.modes.push(isRaw);

  writeSync(bytes: Uint8Array): void {
    this.writtenNow += new TextDecoder().decode(bytes);
  }

  onResizeOrResume(listeners: Parameters<Tty["onResizeOrResume"]>[0]): () => void {
    this.listeners++;
    this.#listeners = listeners;
    return () => void this.listeners--;
  }

  /** Changes the width, and breaks rows that are too long then. */
  resize(columns: number): void {
    const above = this.#rows.slice(0, this.#y).flatMap((row) => chunks(row, columns)).length;
    this.#rows = this.#rows.flatMap((row) => chunks(row, columns));
    this.#y = above + Math.floor(this.#x / columns);
    this.#x %= columns;
    this.columns = columns;
    this.#listeners?.onResize();
  }

  /** Tells the program that it continues after a stop. */
  resumeProcess(): void {
    this.#listeners?.onResume();
  }

  /** Writes text. Returns the rows on the screen, with a bar for the cursor. */
  show(text: string): string[] {
    this.write(text);
    const rows = this.#rows.map((row) => row.map((char) => char ?? " "));
    rows[this.#y] = [...rows[this.#y]!.slice(0, this.#x), "|", ...rows[this.#y]!.slice(this.#x)];
    const texts = rows.map((row) => row.join("").trimEnd());
    while (texts.at(-1) === "") texts.pop();
    return texts;
  }

  write(text: string): void {
    for (const [part, osc, mark, count, command] of text.matchAll(WRITTEN)) {
      if (osc !== undefined) this.#setTitle(osc);
      else if (part === "\x07") this.bells++;
      else if (mark) this.#setMode(mark, count!, command!);
      else if (part === "\x1b[22;2t") this.titles.unshift(this.titles[0]!);
      else if (part === "\x1b[23;2t") this.titles.shift();
      else if (command) this.#execute(command, count ? Number(count) : undefined);
      else if (part === "\r") this.#x = 0;
      else if (part === "\n") this.#moveTo(0, this.#y + 1); // a terminal adds the return
      else for (const char of this.#charsOf(part)) this.#put(char);
    }
  }

  #charsOf(text: string): Iterable<string> {
    return this.#isOld ? text : Array.from(GRAPHEMES.segment(text), ({ segment }) => segment);
  }

  #put(char: string): void {
    const width = stringWidth(char);
    if (width === 0) { // joins the character before it
      const at = this.#rows[this.#y]!.findLastIndex((cell, x) => x < this.#x && cell !== "");
      if (at >= 0) this.#rows[this.#y]![at] += char;
      return;
    }
    if (this.#x + width > this.columns) this.#moveTo(0, this.#y + 1);
    for (const cell of [char, ...Array(width - 1).fill("")]) this.#rows[this.#y]![this.#x++] = cell;
  }

  #setMode(mark: string, parameters: string, command: string): void {
    if (mark === "?" && parameters === "2004") this.isBracketedPaste = command === "h";
    else if (mark === "?" && parameters === "1004") this.isFocusReported = command === "h";
    else if (mark === "?" && parameters === "2026") {
      assert(this.#isSynchronized !== (command === "h"), "Synchronized updates do not nest");
      this.#isSynchronized = command === "h";
    } else if (command === "u") this.kittyModes += mark === ">" ? 1 : -1;
    else if (!["4m", "4;0m", "1000;1002;1003;1006l"].includes(parameters + command)) {
      throw new Error(`FakeScreen does not know ${mark}${parameters}${command}`);
    }
  }

  #setTitle(command: string): void {
    const [, kind, text] = /^(\d+);(.*)$/.exec(command)!;
    if (kind === "2") this.titles[0] = text!;
    else this.notifications.push(command);
  }

  #execute(command: string, count: number | undefined): void {
    const row = this.#rows[this.#y]!;
    const x = Math.min(this.#x, this.columns - 1);
    if (command === "m") return;
    if (command === "A") this.#moveTo(x, this.#y - (count ?? 1));
    else if (command === "B") this.#moveTo(x, this.#y + (count ?? 1), { isThere: true });
    else if (command === "G") this.#moveTo((count ?? 1) - 1, this.#y);
    else if (command === "H" && !count) this.#moveTo(0, 0);
    else if (command === "J" && count === 2) this.#rows = [[]];
    else if (command === "J" && !count) {
      assert(x > 0 || this.#y > 0, "From the top left corner tmux moves the screen into its history");
      row.length = Math.min(row.length, x);
      this.#rows.length = this.#y + 1;
    } else if (command === "K" && !count) row.length = Math.min(row.length, x);
    else throw new Error(`FakeScreen does not know ${command} with ${count}`);
  }

  #moveTo(x: number, y: number, { isThere = false } = {}): void {
    assert(x >= 0 && x <= this.columns && y >= 0, `The cursor left the screen: ${x}, ${y}`);
    assert(!isThere || y < this.#rows.length, `There is no row ${y} to go down to`);
    [this.#x, this.#y] = [x, y];
    while (this.#rows.length <= y) this.#rows.push([]);
    const row = this.#rows[y]!;
    while (row.length < x) row.push(" ");
  }
}

function chunks(row: string[], columns: number): string[][] {
  const count = Math.max(1, Math.ceil(row.length / columns));
  return Array.from({ length: count }, (_, index) => row.slice(index * columns, (index + 1) * columns));
}
