// The line that is being edited: movement, kill and yank, history and its search, completion.

import { graphemesOf } from "./graphemes.ts";
import type { Key } from "./keys.ts";
import { expandTabs, printable } from "../text/text.ts";

/** Replacements for the text from `from` to the cursor. */
interface Completion {
  /** In UTF-16 units. */
  readonly from: number;
  readonly choices: readonly string[];
}

/** Finds completions for the text before the cursor. */
export type Completer = (before: string) => Completion | undefined;

/** Longest line, in UTF-16 units. What is typed or pasted beyond is dropped. */
export const MAX_LINE_UNITS = 65_536;
export const MAX_HISTORY_LINES = 500;

const WORD_BEFORE = /[\p{L}\p{M}\p{N}_]*[^\p{L}\p{M}\p{N}_]*$/u;
const WORD_AFTER = /^[^\p{L}\p{M}\p{N}_]*[\p{L}\p{M}\p{N}_]*/u;
const CHUNK_BEFORE = /\S*\s*$/u;

export class LineEditor {
  #text = "";
  /** In UTF-16 units. */
  #cursor = 0;
  #killed = "";
  /** Whether the last key was a kill. The next kill is then appended to it, as in readline. */
  #isKilling = false;
  readonly #history: string[] = [];
  /** The line of the history that is shown. The new line comes after the last. */
  #historyIndex = 0;
  /** Edited lines by their index, until a line is submitted. */
  readonly #editedHistory = new Map<number, string>();
  /** The search of the history. The line stays as it is until a line that was found is taken over. */
  #search: { readonly query: string; readonly at: number | undefined } | undefined;
  #lastQuery = "";
  /** Undefined for the answers to a question, which have no history to search either. */
  readonly #complete: Completer | undefined;
  /** The completions that Tab cycles through, until another key is pressed. */
  #completion: Completion & { at: number } | undefined;

  constructor(complete?: Completer) {
    this.#complete = complete;
  }

  get text(): string {
    return this.#text;
  }

  /** Position in the text, in UTF-16 units. */
  get cursor(): number {
    return this.#cursor;
  }

  /** What is searched for. Undefined without a search. */
  get search(): { readonly query: string; readonly isFound: boolean } | undefined {
    return this.#search && { query: this.#search.query, isFound: this.#search.at !== undefined };
  }

  /** What to show: the line, or the one that a search has found. */
  get visible(): { readonly text: string; readonly cursor: number } {
    const found = this.#search?.at === undefined ? undefined : this.#history[this.#search.at]!;
    return found === undefined ? this : { text: found, cursor: found.length };
  }

  /** Ignores keys that have no meaning here. */
  press(key: Key): void {
    const id = `${key.ctrl ? "C-" : ""}${key.meta ? "M-" : ""}${key.name}`;
    if (this.#search ? this.#searchOn(id, key) : id === "C-r" && this.#beginSearch()) return;
    const target = KILLS.get(id);
    if (!target) this.#isKilling = false;
    if (id === "tab") return this.#cycleCompletion(key.shift ? -1 : 1);
    this.#completion = undefined;
    if (target) this.#kill(target);
    else if (MOVES.has(id)) this.#cursor = MOVES.get(id)!(this.#text, this.#cursor);
    else if (id === "backspace") this.#remove(backwardChar(this.#text, this.#cursor), this.#cursor);
    else if (id === "delete" || id === "C-d") {
      this.#remove(this.#cursor, forwardChar(this.#text, this.#cursor));
    } else if (id === "C-y") this.#insertAtCursor(this.#killed);
    else if (id === "up" || id === "C-p") this.#moveInHistory(this.#historyIndex - 1);
    else if (id === "down" || id === "C-n") this.#moveInHistory(this.#historyIndex + 1);
    else if (key.text !== undefined && !key.ctrl && !key.meta) this.#insertAtCursor(key.text);
  }

  /** Inserts text at the cursor as it will be sent: tabs as spaces, other controls made visible. */
  insert(text: string): void {
    this.#search = undefined;
    this.#isKilling = false;
    this.#completion = undefined;
    this.#insertAtCursor(text);
  }

  /** Inserts words at a position, otherwise at the end, with spaces between them and others. Ends at the end. */
  insertWord(words: string, at = this.#text.length): void {
    const [before, after] = [this.#text.slice(0, at), this.#text.slice(at)];
    this.#cursor = at;
    this.insert(`${/\S$/.test(before) ? " " : ""}${words}${/^\S/.test(after) ? " " : ""}`);
    this.#cursor = this.#text.length;
  }

  /** Leaves a search, or begins a new line: Ctrl-Y brings the old one back. False if there is nothing to leave. */
  clear(): boolean {
    const isSearching = this.#search !== undefined;
    this.#search = undefined;
    if (isSearching) return true;
    if (this.#text === "") return false;
    this.#killed = this.submit();
    this.#isKilling = false;
    return true;
  }

  /** Takes over the line that a search has found. False if it has found none, so that there is nothing to submit. */
  acceptFound(): boolean {
    const search = this.#search;
    this.#search = undefined;
    if (search?.at !== undefined) this.#moveInHistory(search.at);
    return search === undefined || search.at !== undefined;
  }

  /** Returns the text, and begins a new line. */
  submit(): string {
    this.#cursor = this.#text.length;
    return this.submitBeforeCursor();
  }

  /** Returns the text before the cursor. The rest stays in the new line. */
  submitBeforeCursor(): string {
    const text = this.#text.slice(0, this.#cursor);
    this.#text = this.#text.slice(this.#cursor);
    this.#cursor = 0;
    this.#search = undefined;
    this.#completion = undefined;
    this.#historyIndex = this.#history.length;
    this.#editedHistory.clear();
    return text;
  }

  /** Ignores blank lines and repetitions. */
  addToHistory(line: string): void {
    if (line.trim() !== "" && line !== this.#history.at(-1)) this.#history.push(line);
    if (this.#history.length > MAX_HISTORY_LINES) this.#history.shift();
    this.#historyIndex = this.#history.length;
  }

  #insertAtCursor(text: string): void {
    const space = MAX_LINE_UNITS - this.#text.length;
    const before = this.#text.slice(0, this.#cursor);
    // A flag is typed code point by code point. parseText() makes those visible that belong to none.
    const isTag = /^[\u{e0000}-\u{e007f}]$/u.test(text);
    const put = (isTag ? text : printable(expandTabs(before + text).slice(before.length))).slice(0, space);
    this.#text = before + put + this.#text.slice(this.#cursor);
    this.#cursor += put.length;
  }

  #remove(from: number, to: number): void {
    this.#text = this.#text.slice(0, from) + this.#text.slice(to);
    this.#cursor = from;
  }

  #kill(target: Move): void {
    const to = target(this.#text, this.#cursor);
    const [from, end] = [Math.min(to, this.#cursor), Math.max(to, this.#cursor)];
    const text = this.#text.slice(from, end);
    const earlier = this.#isKilling ? this.#killed : "";
    if (text !== "") this.#killed = to < this.#cursor ? text + earlier : earlier + text;
    this.#isKilling = true;
    this.#remove(from, end);
  }

  #moveInHistory(at: number): void {
    if (at < 0 || at > this.#history.length) return;
    this.#editedHistory.set(this.#historyIndex, this.#text);
    this.#historyIndex = at;
    this.#text = this.#editedHistory.get(at) ?? this.#history[at]!;
    this.#cursor = this.#text.length;
  }

  #beginSearch(): boolean {
    if (this.#complete) this.#search = { query: "", at: undefined };
    return true;
  }

  /** Returns whether the key belongs to the search. Any other ends it, with the line that was found. */
  #searchOn(id: string, key: Key): boolean {
    const { query, at } = this.#search!;
    if (id === "escape" || id === "C-g") this.#search = undefined;
    else if (id === "C-r" && query === "") this.#find(this.#lastQuery);
    else if (id === "C-r") this.#find(query, { at, step: -1 });
    else if (id === "C-s") this.#find(query, { at, step: 1 });
    else if (id === "backspace") this.#find([...query].slice(0, -1).join(""));
    else if (key.text !== undefined && !key.ctrl && !key.meta) {
      this.#find(query + printable(key.text), { at });
    } else {
      this.acceptFound();
      return false;
    }
    return true;
  }

  /** Searches from a line of the history, or beyond it by a step: -1 for an older one. */
  #find(query: string, { at, step = 0 }: { at?: number; step?: -1 | 0 | 1 } = {}): void {
    const part = foldCase(query);
    if (query !== "") this.#lastQuery = query;
    const isNew = (line: string) => step === 0 || at === undefined || line !== this.#history[at];
    const isMatch = (line: string) => query !== "" && foldCase(line).includes(part) && isNew(line);
    const lines = this.#history;
    const from = at ?? lines.length - 1;
    const found = step > 0
      ? lines.findIndex((line, index) => index > from && isMatch(line))
      : lines.findLastIndex((line, index) => index <= from && isMatch(line));
    // Without another one, the last that was found stays.
    this.#search = { query, at: found >= 0 ? found : step === 0 ? undefined : at };
  }

  #cycleCompletion(step: 1 | -1): void {
    if (!this.#completion) {
      const found = this.#complete?.(this.#text.slice(0, this.#cursor));
      if (!found || found.choices.length === 0) return;
      this.#completion = { ...found, at: step > 0 ? -1 : 0 };
    }
    const { from, choices, at } = this.#completion;
    const next = (at + step + choices.length) % choices.length;
    this.#remove(from, this.#cursor);
    this.#insertAtCursor(choices[next]!);
    this.#completion = { from, choices, at: next };
  }
}

/** Returns the new position of the cursor. */
type Move = (text: string, cursor: number) => number;

/** Moves over one grapheme, however many code points it has. */
function backwardChar(text: string, cursor: number): number {
  return cursor === 0 ? 0 : graphemesOf(text).containing(cursor - 1)!.index;
}

function forwardChar(text: string, cursor: number): number {
  const grapheme = graphemesOf(text).containing(cursor);
  return grapheme ? grapheme.index + grapheme.segment.length : cursor;
}

const backwardWord: Move = (text, cursor) => text.slice(0, cursor).search(WORD_BEFORE);
const forwardWord: Move = (text, cursor) => cursor + WORD_AFTER.exec(text.slice(cursor))![0].length;
const unixWordRubout: Move = (text, cursor) => text.slice(0, cursor).search(CHUNK_BEFORE);
const beginningOfLine: Move = () => 0;
const end: Move = (text) => text.length;

const MOVES = new Map<string, Move>([
  ...["left", "C-b"].map((id) => [id, backwardChar] as const),
  ...["right", "C-f"].map((id) => [id, forwardChar] as const),
  ...["C-left", "M-left", "M-b"].map((id) => [id, backwardWord] as const),
  ...["C-right", "M-right", "M-f"].map((id) => [id, forwardWord] as const),
  ...["home", "C-a"].map((id) => [id, beginningOfLine] as const),
  ...["end", "C-e"].map((id) => [id, end] as const),
]);

/** Keys that kill the text between the cursor and the target. Ctrl-Y yanks it. */
const KILLS = new Map<string, Move>([
  ["C-k", end],
  ["C-u", beginningOfLine],
  ["C-w", unixWordRubout],
  ["M-backspace", backwardWord],
  ["C-delete", forwardWord],
  ["M-d", forwardWord],
]);

/** The commands have their slashes, in the order in which Tab offers them. */
interface CompletionWords {
  readonly nicks: readonly string[];
  readonly commands: readonly string[];
  /** Those after which a nick comes. */
  readonly nickCommands: readonly string[];
}

/** Completes the last word of `before`: a command at the beginning of the line, or a nick. A nick that begins the
 * line addresses its member, so it gets a colon. */
export function completeWord(
  before: string,
  { commands, nickCommands, ...words }: CompletionWords,
): Completion | undefined {
  const nicks = words.nicks.toSorted((a, b) => a.localeCompare(b));
  const word = /\S*$/.exec(before)![0];
  const from = before.length - word.length;
  if (word === "" && !nickCommands.includes(before.trim().toLowerCase())) return undefined;
  if (word.startsWith("@")) {
    return { from, choices: withPrefix(word.slice(1), nicks).map((nick) => `@${nick} `) };
  }
  const isFirst = before.trim() === word;
  if (isFirst && word.startsWith("/")) {
    return { from, choices: withPrefix(word, commands).map((command) => `${command} `) };
  }
  const end = isFirst ? ": " : " ";
  return { from, choices: withPrefix(word, nicks).map((nick) => nick + end) };
}

function withPrefix(word: string, names: readonly string[]): string[] {
  const prefix = foldCase(word);
  return names.filter((name) => foldCase(name).startsWith(prefix));
}

/** Without capitals and accents: people who type fast leave them out. */
function foldCase(text: string): string {
  return text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();
}
