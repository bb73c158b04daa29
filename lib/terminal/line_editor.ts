// The line that is being typed: its text, its cursor, what keys do to it, and the lines that went before. Knows
// nothing of screens.

import type { Key } from "./keys.ts";
import { expandTabs, printable } from "../text/text.ts";

/** What could stand instead of the text from `from` to the cursor. */
export interface Completion {
  /** In UTF-16 units. */
  readonly from: number;
  readonly choices: readonly string[];
}

/** Finds what a line that was begun like this may go on with. */
export type Completer = (before: string) => Completion | undefined;

/** Longest line, in UTF-16 units: far more than anybody sends. What would go beyond is not taken. */
export const MAX_LINE_UNITS = 65_536;
/** Most lines that can be brought back. */
export const MAX_HISTORY_LINES = 500;

const GRAPHEMES = new Intl.Segmenter();
const WORD_BEFORE = /[\p{L}\p{M}\p{N}_]*[^\p{L}\p{M}\p{N}_]*$/u;
const WORD_AFTER = /^[^\p{L}\p{M}\p{N}_]*[\p{L}\p{M}\p{N}_]*/u;
const CHUNK_BEFORE = /\S*\s*$/u;

/** One line, edited as in a shell. */
export class LineEditor {
  #text = "";
  /** In UTF-16 units. */
  #cursor = 0;
  /** What was cut last, and whether the last key cut it: what the next one cuts is joined to it. */
  #killed = "";
  #isCutting = false;
  /** Whether the last thing that was done was to put words here with a blank behind them. */
  #isApart = false;
  readonly #history: string[] = [];
  /** The line of the past that is shown; the one that is being typed is behind the last. */
  #historyIndex = 0;
  /** Lines that were left for others, as they were then; until the next line begins. */
  readonly #editedHistory = new Map<number, string>();
  readonly #complete: Completer;
  /** Completions that Tab goes through, until another key is pressed. */
  #completion: Completion & { at: number } | undefined;

  constructor(complete: Completer = () => undefined) {
    this.#complete = complete;
  }

  /** What is typed. */
  get text(): string {
    return this.#text;
  }

  /** Where the cursor stands in the text, in UTF-16 units. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Does what a key is for; nothing if it is for nothing here. */
  press(key: Key): void {
    const id = `${key.ctrl ? "C-" : ""}${key.meta ? "M-" : ""}${key.name}`;
    const wasCutting = this.#isCutting;
    this.#isCutting = false;
    const isBlankThere = key.text === " " && this.#isApart;
    this.#isApart = false;
    if (isBlankThere) return;
    if (id === "tab") return this.#cycleCompletion(key.shift ? -1 : 1);
    this.#completion = undefined;
    const cut = KILLS.get(id);
    if (cut) this.#kill(cut, { joins: wasCutting });
    else if (MOVES.has(id)) this.#cursor = MOVES.get(id)!(this.#text, this.#cursor);
    else if (id === "backspace") this.#remove(before(this.#text, this.#cursor), this.#cursor);
    else if (id === "delete" || id === "C-d") this.#remove(this.#cursor, after(this.#text, this.#cursor));
    else if (id === "C-y") this.#replaceText(this.#killed);
    else if (id === "up" || id === "C-p") this.#moveInHistory(this.#historyIndex - 1);
    else if (id === "down" || id === "C-n") this.#moveInHistory(this.#historyIndex + 1);
    else if (key.text !== undefined && !key.ctrl && !key.meta) this.#replaceText(key.text);
  }

  /** Inserts text at the cursor, as it will be sent: tabs as blanks, other controls made visible. */
  insert(text: string): void {
    this.#isCutting = false;
    this.#isApart = false;
    this.#completion = undefined;
    this.#replaceText(text);
  }

  /** Inserts words at the cursor, one blank apart from what stands around them. Whoever types a blank behind them has
   * it already. */
  insertWord(words: string): void {
    const before = this.#text.slice(0, this.#cursor);
    this.#text = before + this.#text.slice(this.#cursor).trimStart();
    this.insert(`${/\S$/.test(before) ? " " : ""}${words} `);
    this.#isApart = true;
  }

  /** Gives the text, and begins a new line. */
  submit(): string {
    this.#cursor = this.#text.length;
    return this.submitBeforeCursor();
  }

  /** Gives the text before the cursor; what is behind it begins a new line. */
  submitBeforeCursor(): string {
    const text = this.#text.slice(0, this.#cursor);
    this.#text = this.#text.slice(this.#cursor);
    this.#cursor = 0;
    this.#isApart = false;
    this.#completion = undefined;
    this.#historyIndex = this.#history.length;
    this.#editedHistory.clear();
    return text;
  }

  /** Keeps a line, so that it can be brought back. */
  addToHistory(line: string): void {
    if (line.trim() !== "" && line !== this.#history.at(-1)) this.#history.push(line);
    if (this.#history.length > MAX_HISTORY_LINES) this.#history.shift();
    this.#historyIndex = this.#history.length;
  }

  #replaceText(text: string): void {
    const room = MAX_LINE_UNITS - this.#text.length;
    const before = this.#text.slice(0, this.#cursor);
    const put = printable(expandTabs(before + text).slice(before.length)).slice(0, room);
    this.#text = before + put + this.#text.slice(this.#cursor);
    this.#cursor += put.length;
  }

  #remove(from: number, to: number): void {
    this.#text = this.#text.slice(0, from) + this.#text.slice(to);
    this.#cursor = from;
  }

  #kill(target: Move, { joins }: { joins: boolean }): void {
    const to = target(this.#text, this.#cursor);
    const [from, end] = [Math.min(to, this.#cursor), Math.max(to, this.#cursor)];
    const cut = this.#text.slice(from, end);
    const earlier = joins ? this.#killed : "";
    if (cut !== "" || joins) this.#killed = to < this.#cursor ? cut + earlier : earlier + cut;
    this.#isCutting = true;
    this.#remove(from, end);
  }

  #moveInHistory(at: number): void {
    if (at < 0 || at > this.#history.length) return;
    this.#editedHistory.set(this.#historyIndex, this.#text);
    this.#historyIndex = at;
    this.#text = this.#editedHistory.get(at) ?? this.#history[at]!;
    this.#cursor = this.#text.length;
  }

  #cycleCompletion(step: 1 | -1): void {
    if (!this.#completion) {
      const found = this.#complete(this.#text.slice(0, this.#cursor));
      if (!found || found.choices.length === 0) return;
      this.#completion = { ...found, at: step > 0 ? -1 : 0 };
    }
    const { from, choices, at } = this.#completion;
    const next = (at + step + choices.length) % choices.length;
    this.#remove(from, this.#cursor);
    this.#replaceText(choices[next]!);
    this.#completion = { from, choices, at: next };
  }
}

/** Where the cursor goes. */
type Move = (text: string, cursor: number) => number;

/** Before the character as people see it, be it made of many code points. */
function before(text: string, cursor: number): number {
  return cursor === 0 ? 0 : GRAPHEMES.segment(text).containing(cursor - 1)!.index;
}

function after(text: string, cursor: number): number {
  const grapheme = GRAPHEMES.segment(text).containing(cursor);
  return grapheme ? grapheme.index + grapheme.segment.length : cursor;
}

const backwardWord: Move = (text, cursor) => text.slice(0, cursor).search(WORD_BEFORE);
const forwardWord: Move = (text, cursor) => cursor + WORD_AFTER.exec(text.slice(cursor))![0].length;
const unixWordRubout: Move = (text, cursor) => text.slice(0, cursor).search(CHUNK_BEFORE);
const beginningOfLine: Move = () => 0;
const end: Move = (text) => text.length;

const MOVES = new Map<string, Move>([
  ...["left", "C-b"].map((id) => [id, before] as const),
  ...["right", "C-f"].map((id) => [id, after] as const),
  ...["C-left", "M-left", "M-b"].map((id) => [id, backwardWord] as const),
  ...["C-right", "M-right", "M-f"].map((id) => [id, forwardWord] as const),
  ...["home", "C-a"].map((id) => [id, beginningOfLine] as const),
  ...["end", "C-e"].map((id) => [id, end] as const),
]);

/** Keys that cut everything from the cursor to there; Ctrl-Y brings it back. */
const KILLS = new Map<string, Move>([
  ["C-k", end],
  ["C-u", beginningOfLine],
  ["C-w", unixWordRubout],
  ["M-backspace", backwardWord],
  ["C-delete", forwardWord],
  ["M-d", forwardWord],
]);
