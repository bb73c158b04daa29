// What a person sees: lines that stay, and below them the view of what is being typed. However much happens, it
// is drawn as fast as the terminal takes it: one write at a time, with all that is new. A pipe gets the lines.

import { BRACKETED_PASTE } from "./keyboard.ts";
import { computeLayout, type InputView, type Layout } from "./layout.ts";
import { diff, draw, erase } from "./redraw.ts";
import type { TerminalStreams } from "./tty.ts";
import { wrapWords } from "./word_wrap.ts";

const ENCODER = new TextEncoder();
const BELL = "\x07";
const CLEAR = "\x1b[H\x1b[2J";
/** Clears the cursor's row, and all below it. */
const CLEAR_ROW = "\r\x1b[J";

/** Text that waits to be written. */
interface PrintJob {
  readonly text: string;
  readonly onWritten: () => void;
}

/** Settings of a screen. */
interface ScreenOptions extends Pick<TerminalStreams, "write" | "tty"> {
  /** Nobody can see anything any more. */
  readonly onOutputClosed: () => void;
}

/** The lines and the view. */
export class Screen {
  readonly #options: ScreenOptions;
  #view: InputView | undefined;
  /** What stands below the lines now. */
  #currentLayout: Layout | undefined;
  readonly #printQueue: PrintJob[] = [];
  /** What is to be told to the terminal besides. */
  #controls: string;
  #isDirty = false;
  #isWriting = false;
  #isBroken = false;

  constructor(options: ScreenOptions) {
    this.#options = options;
    this.#controls = options.tty ? BRACKETED_PASTE.on : "";
    if (options.tty) this.#update();
  }

  /** Prints text, above the view if there is one: then the text must be whole lines. Fulfilled when it is
   * written. */
  print(text: string): Promise<void> {
    return new Promise((onWritten) => {
      this.#printQueue.push({ text, onWritten });
      this.#update();
    });
  }

  /** Shows this below the lines from now on. A pipe does not get it. */
  setInput(view: InputView | undefined): void {
    if (!this.#options.tty) return;
    this.#view = view;
    this.#update();
  }

  /** Has the terminal make a sound. A pipe does not get that. */
  bell(): void {
    if (!this.#options.tty) return;
    this.#controls += BELL;
    this.#update();
  }

  /** Empties the screen but for the view. A pipe does not get that. */
  clear(): void {
    if (!this.#options.tty) return;
    this.#controls += CLEAR;
    this.#currentLayout = undefined;
    this.#update();
  }

  /** Draws the view anew below whatever has been written since. If nothing was, its last row stands there still. */
  resume(): void {
    this.#controls += CLEAR_ROW + BRACKETED_PASTE.on;
    this.#currentLayout = undefined;
    this.#update();
  }

  /** Fits the view to the size of the screen. */
  onResize(): void {
    this.#update();
  }

  /** Takes the view away, and gives the terminal back as it was. Fulfilled when all is written. */
  async close(): Promise<void> {
    if (this.#options.tty) this.#controls += BRACKETED_PASTE.off;
    this.setInput(undefined);
    await this.print("");
    this.#isBroken = true; // nothing comes any more
  }

  /** The same at once, without what was still to be printed, for a process that must end. A terminal that takes
   * nothing gets nothing. */
  restoreNow(): void {
    const { tty } = this.#options;
    if (!tty || this.#isWriting || this.#isBroken) return;
    const text = this.#currentLayout ? erase(this.#currentLayout, tty.size().columns) : "";
    this.#currentLayout = undefined;
    this.#isBroken = true;
    tty.writeSync(ENCODER.encode(text + BRACKETED_PASTE.off));
  }

  /** Has what is new written once everything has happened that happens now, unless a write goes on: what comes
   * after it takes all. */
  #update(): void {
    if (!this.#isDirty && !this.#isWriting) queueMicrotask(() => void this.#writeAll());
    this.#isDirty = true;
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#isDirty) {
      this.#isDirty = false;
      const printed = this.#printQueue.splice(0);
      try {
        const text = this.#compose(printed.map((one) => one.text).join(""));
        if (text !== "" && !this.#isBroken) await this.#options.write(ENCODER.encode(text));
      } catch {
        this.#isBroken = true;
        this.#options.onOutputClosed();
      }
      for (const { onWritten } of printed) onWritten();
    }
    this.#isWriting = false;
  }

  /** What leads from what the terminal shows to what it is to show. */
  #compose(lines: string): string {
    const orders = this.#controls;
    this.#controls = "";
    const { tty } = this.#options;
    if (!tty) return lines;
    const size = tty.size();
    const from = this.#currentLayout;
    const to = this.#view && computeLayout(withWholeWords(this.#view, size.columns), size);
    this.#currentLayout = to;
    const isSameScreen = from && from.columns === size.columns && from.rows.length <= size.rows;
    if (isSameScreen && to && lines === "") return orders + diff(from, to);
    const wrapped = wrapLines(lines, size.columns);
    return orders + (from ? erase(from, size.columns) : "") + wrapped + (to ? draw(to) : "");
  }
}

function wrapLines(lines: string, columns: number): string {
  return lines.split("\n").map((line) => wrapWords(line, columns)).join("\n");
}

/** A view whose prompt is broken as it will be with its answer, when both are printed. */
function withWholeWords(view: InputView, columns: number): InputView {
  const words = view.prompt.trimEnd();
  return { ...view, prompt: wrapLines(words, columns) + view.prompt.slice(words.length) };
}
