// The lines of a draft, which the chat line holds side by side until Enter sends each as its own message.

import { expandTabs, printable } from "../text/text.ts";
import type { LineEditor } from "./line_editor.ts";
import type { TypedLine } from "./line_queue.ts";

/** Ends a line within a draft that holds several. */
const LINE_END = "↵";
const AROUND_LINE_END = new RegExp(` ?${LINE_END} ?`);

/** How a line begins that may be a command. */
const COMMAND = /^\s*\//;

export interface PastedAnswer {
  readonly text: string;
  /** Where the rest of its paste begins in the draft, in UTF-16 units. */
  readonly restFrom: number;
}

export class DraftLines {
  readonly #editor: LineEditor;
  readonly #isHeld: () => boolean;
  /** Lines that were pasted, by {@linkcode keyOf}: as long as they are not edited, they are no commands. */
  readonly #pasted = new Set<string>();
  /** The draft as it was when a line of it was entered last, or pasted with its line break: what is added to it then is
   * another message. Undefined if none was. */
  #entered: string | undefined;

  /** `isHeld` tells whether the line must not change. What is added then goes to the history. */
  constructor(editor: LineEditor, isHeld: () => boolean) {
    this.#editor = editor;
    this.#isHeld = isHeld;
  }

  /** Adds a text, which goes on with a line that was begun. */
  add(text: string): void {
    this.beginLine();
    this.#insert(text);
  }

  /** Adds lines that were pasted. Each becomes its own message, as at the chat line. */
  addPasted(lines: readonly string[]): void {
    this.beginLine();
    const isInCommand = endsInCommand(this.#editor.text);
    for (const line of lines) this.#pasted.add(keyOf(line));
    this.#insert(lines.map(expandTabs).join(isInCommand ? " " : ` ${LINE_END} `));
    if (!isInCommand) this.markEntered();
  }

  /** Adds an answer that was meant for the chat. A pasted one goes before the rest of its paste. */
  addAnswer(text: string, pasted: PastedAnswer | undefined): void {
    const { text: draft } = this.#editor;
    const isAsPasted = text === pasted?.text.trim();
    const isTypedCommand = COMMAND.test(text) && !isAsPasted;
    if (pasted === undefined || draft.length <= pasted.restFrom || isTypedCommand) {
      if (COMMAND.test(text)) this.endLine(); // it does not go on with a line that was begun
      return this.add(text);
    }
    const isEntered = this.#isEntered;
    if (isAsPasted) this.#pasted.add(keyOf(text));
    const isInCommand = endsInCommand(draft.slice(0, pasted.restFrom));
    this.#insert(isInCommand ? text : `${text} ${LINE_END}`, pasted.restFrom);
    if (isEntered) this.markEntered();
  }

  /** To be called when the last line is complete. */
  markEntered(): void {
    this.#entered = this.#editor.text;
  }

  /** Begins a line behind one that is complete. */
  beginLine(): void {
    if (this.#isEntered) this.endLine();
  }

  /** Ends the last line, and shows that. */
  endLine(): void {
    const { text } = this.#editor;
    const isEnded = text.trim() === "" || text.endsWith(`${LINE_END} `);
    if (!isEnded && !this.#isHeld()) this.#editor.insertWord(`${LINE_END} `);
    this.markEntered();
  }

  /** To be called when the line has changed: once it was deleted, what was pasted may be typed as a command. */
  onChange(): void {
    if (this.#editor.text === "") this.#pasted.clear();
  }

  /** The messages of a line that was entered, or of the part before a pasted block: then the rest is still in the line. */
  take(text: string): TypedLine[] {
    const lines = this.#entered === undefined
      ? [text]
      : text.split(AROUND_LINE_END).filter((line) => line.trim() !== "");
    const taken = lines.map((text) => ({ text, isPasted: this.#pasted.has(keyOf(text)) }));
    if (this.#editor.text === "") {
      this.#entered = undefined;
      this.#pasted.clear();
    }
    return taken;
  }

  /** Whether the line at the cursor may be a command. */
  get isInCommand(): boolean {
    const { text, cursor } = this.#editor;
    return endsInCommand(text.slice(0, cursor) + text.slice(cursor).split(AROUND_LINE_END, 1)[0]);
  }

  get #isEntered(): boolean {
    return this.#editor.text === this.#entered;
  }

  #insert(text: string, at?: number): void {
    if (!this.#isHeld()) return this.#editor.insertWord(text, at);
    for (const line of text.split(AROUND_LINE_END)) this.#editor.addToHistory(line);
  }
}

/** Whether the last line of a draft may be a command. A block in it becomes part of that line: half of a private message
 * would be public otherwise. */
export function endsInCommand(draft: string): boolean {
  return COMMAND.test(draft.split(AROUND_LINE_END).at(-1)!);
}

/** A line as the editor shows it, except for its blanks. */
function keyOf(line: string): string {
  return printable(expandTabs(line)).replaceAll(/\s+/g, " ").trim();
}
