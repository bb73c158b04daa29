// The printed lines and the input view below them. One write at a time carries all changes.

import { setTimeout as delay } from "node:timers/promises";
import { loadWidths, widthsFor } from "./graphemes.ts";
import { BRACKETED_PASTE, FOCUS_REPORTS, PLAIN_KEYS } from "./keys.ts";
import {
  CLEAR_ROWS,
  computeLayout,
  diff,
  draw,
  erase,
  type InputView,
  type Layout,
  rowsAboveCursor,
  wrapWords,
} from "./layout.ts";
import type { TerminalStreams } from "./tty.ts";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
const BELL = "\x07";
/** What the terminal reports while the program runs. */
const REPORTS = {
  on: BRACKETED_PASTE.on + FOCUS_REPORTS.on,
  off: BRACKETED_PASTE.off + FOCUS_REPORTS.off,
} as const;
/** The terminal shows what comes between at once (contour-terminal.org/vt-extensions/synchronized-output). */
const SYNCHRONIZED = { on: "\x1b[?2026h", off: "\x1b[?2026l" } as const;
/** Changes more than a row: breaks a line, or moves up or down. */
// deno-lint-ignore no-control-regex -- these are what it finds
const SEVERAL_ROWS = /\n|\x1b\[\d+[AB]/;
/** Keeps the title of the window on the terminal's stack, and takes it back. */
const TITLE_STACK = { push: "\x1b[22;2t", pop: "\x1b[23;2t" } as const;
const CLEAR = "\x1b[H\x1b[2J";
/** Longest time for which a size that goes on changing holds output back, in ms. */
const MAX_RESIZE_MS = 1_000;

export class Screen {
  /** Called when nothing reads the output any more. */
  onOutputClosed = () => {};
  /** Called with the error when writing begins to fail for another reason, and without one when it works again. */
  onOutputStalled: (error: unknown, skippedLines: number) => void = () => {};
  /** Makes the line that stands for lines that could not be written. */
  gapText: (skippedLines: number) => string = () => "";
  readonly #streams: Pick<TerminalStreams, "write" | "tty">;
  #view: InputView | undefined;
  /** What is drawn below the lines now. */
  #currentLayout: Layout | undefined;
  /** Text for the next write. */
  #printed = "";
  /** Resolved after the next write. */
  #written = Promise.withResolvers<void>();
  /** Control sequences for the next write. */
  #controls: string;
  /** Title of the window. Undefined until the first {@linkcode setTitle}. */
  #title: string | undefined;
  #isDirty = false;
  #isWriting = false;
  #isClosed = false;
  #writeError: unknown;
  /** Lines that could not be written since writing began to fail, or more: the system may have taken some. */
  #skippedLines = 0;
  /** Aborted when the size changes. */
  #resized = new AbortController();
  #resizedMs = -Infinity;

  constructor(streams: Pick<TerminalStreams, "write" | "tty">) {
    this.#streams = streams;
    this.#controls = streams.tty ? REPORTS.on + PLAIN_KEYS.on : "";
    if (streams.tty) this.update();
  }

  /** To be called when the terminal's size has changed. */
  resize(): void {
    this.#resizedMs = performance.now();
    this.#resized.abort();
    this.update();
  }

  /** Schedules one write for all changes of this turn. A write that is under way is followed by another. */
  update(): void {
    if (!this.#isDirty && !this.#isWriting) queueMicrotask(() => void this.#writeAll());
    this.#isDirty = true;
  }

  /** Prints text above the input view. At a terminal, the text must end with a line break. Fulfilled when it is
   * written. */
  print(text: string): Promise<void> {
    this.#printed += text;
    this.update();
    return this.#written.promise;
  }

  /** Replaces the input view. Does nothing without line editing. */
  setInput(view: InputView | undefined): void {
    if (!this.#streams.tty) return;
    this.#view = view;
    this.update();
  }

  /** Rings, or shows a message outside of the window if the terminal can. Does nothing without line editing. */
  notify(message?: string): void {
    const { tty } = this.#streams;
    if (!tty) return;
    const { notification = "" } = tty;
    this.#controls += message !== undefined && notification ? `\x1b]${notification}${message}${BELL}` : BELL;
    this.update();
  }

  /** Sets the title of the window until {@linkcode close}. Does nothing without line editing, and if the terminal
   * would show the title amid the lines. The text must be safe. */
  setTitle(title: string): void {
    if (!this.#streams.tty?.hasTitle || title === this.#title) return;
    this.#controls += (this.#title === undefined ? TITLE_STACK.push : "") + titleOf(title);
    this.#title = title;
    this.update();
  }

  /** Clears the screen but for the input view. Does nothing without line editing. */
  clear(): void {
    if (!this.#streams.tty) return;
    this.#controls += CLEAR;
    this.#currentLayout = undefined;
    this.update();
  }

  /** Redraws the input view after the process was stopped. The row of the cursor may still show the old one. */
  resume(): void {
    this.#controls += CLEAR_ROWS + REPORTS.on + (this.#title === undefined ? "" : titleOf(this.#title));
    this.#currentLayout = undefined;
    this.update();
  }

  /** Removes the input view and restores the terminal. Fulfilled when all is written. */
  async close(): Promise<void> {
    if (this.#streams.tty) this.#controls += this.#restoring;
    this.setInput(undefined);
    await this.print("");
    this.#isClosed = true; // nothing is written after this
  }

  /** As {@linkcode close}, but synchronous and without the queued lines: for a process that is about to end. Does
   * nothing while a write is pending: the terminal may not be accepting output. */
  restoreNow(): void {
    const { tty } = this.#streams;
    if (!tty || this.#isWriting || this.#isClosed) return;
    const text = this.#currentLayout ? erase(this.#currentLayout, tty.size().columns) : "";
    this.#currentLayout = undefined;
    this.#isClosed = true;
    tty.writeSync(ENCODER.encode(text + this.#restoring));
  }

  get #restoring(): string {
    return REPORTS.off + PLAIN_KEYS.off + (this.#title === undefined ? "" : TITLE_STACK.pop);
  }

  /** Whether nothing is written any more: the output was closed, or the screen is. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Why the last write failed; undefined if it did not. */
  get writeError(): unknown {
    return this.#writeError;
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#isDirty) {
      const loading = this.#streams.tty && widthsFor(() => this.#unmeasured);
      if (loading) await loading;
      const isSettled = this.#isUnsettled ? await this.#untilSettled() : true;
      this.#isDirty = false;
      const [printed, { resolve }] = [this.#printed, this.#written];
      [this.#printed, this.#written] = ["", Promise.withResolvers()];
      const gap = this.#skippedLines > 0 ? this.gapText(this.#skippedLines) : "";
      const text = this.#compose((gap && `${gap}\n`) + printed, isSettled);
      if (text !== "" && !this.#isClosed) await this.#write(text, { gap, printed });
      resolve();
      if (this.#streams.tty) void loadWidths(); // while the user reads
    }
    this.#isWriting = false;
  }

  get #unmeasured(): string {
    const { status = [], prompt = "", text = "" } = this.#view ?? {};
    return [this.#printed, ...status, prompt, text].join("\n");
  }

  /** `text` begins with `gap`, and then has the lines of `printed`. */
  async #write(text: string, { gap, printed }: { gap: string; printed: string }): Promise<void> {
    const bytes = ENCODER.encode(text);
    let at = 0;
    try {
      while (at < bytes.length) at += await this.#streams.write(bytes.subarray(at));
    } catch (error) {
      const lineCount = countLines(printed);
      const unwritten = countLines(DECODER.decode(bytes.subarray(at)));
      if (gap && unwritten <= lineCount) this.#skippedLines = 0; // told
      this.#skippedLines += Math.min(unwritten, lineCount);
      return this.#onWriteFailed(error);
    }
    if (this.#writeError === undefined) return;
    const skippedLines = this.#skippedLines;
    [this.#writeError, this.#skippedLines] = [undefined, 0];
    this.onOutputStalled(undefined, skippedLines);
  }

  /** Only a closed pipe says that no program reads. A full disk, a quota or a failing disk may pass: until then lines are
   * left out, as keeping them would fill the memory. */
  #onWriteFailed(error: unknown): void {
    this.#currentLayout = undefined;
    if (error instanceof Deno.errors.BrokenPipe) {
      this.#isClosed = true;
      return this.onOutputClosed();
    }
    const isFirst = this.#writeError === undefined;
    this.#writeError = error;
    if (isFirst) this.onOutputStalled(error, 0);
  }

  /** Whether erasing depends on a size that has just changed: the input has several rows, or the terminal has
   * rewrapped it. */
  get #isUnsettled(): boolean {
    const { tty } = this.#streams;
    const layout = this.#currentLayout;
    if (!tty || !layout) return false;
    if (layout.rows.length > 1 && performance.now() - this.#resizedMs < tty.settleMs) return true;
    const { columns } = tty.size();
    return columns < layout.columns && rowsAboveCursor(layout, columns) !== layout.row;
  }

  /** Waits while the size changes. Too few rows erased leave copies of the input, too many take printed lines along.
   * Returns whether the size is certain. */
  async #untilSettled(): Promise<boolean> {
    const endMs = performance.now() + MAX_RESIZE_MS;
    while (this.#isUnsettled) {
      this.#resized = new AbortController();
      const { signal } = this.#resized;
      await delay(this.#streams.tty?.settleMs, undefined, { signal }).catch(() => {});
      if (!signal.aborted) return true;
      if (performance.now() > endMs) return false;
    }
    return true;
  }

  /** The bytes that bring the terminal from its current state to the new one. If its size is not certain, rather
   * rows of an old input are left than printed lines erased. */
  #compose(lines: string, isSettled: boolean): string {
    const controls = this.#controls;
    this.#controls = "";
    const { tty } = this.#streams;
    if (!tty) return lines;
    const size = tty.size();
    const from = this.#currentLayout;
    const to = this.#view && computeLayout(withWrappedPrompt(this.#view, size.columns), size);
    this.#currentLayout = to;
    const isSameScreen = from && from.columns === size.columns && from.rows.length <= size.rows;
    if (isSameScreen && to && lines === "") return controls + synchronized(diff(from, to));
    const wrapped = wrapLines(lines, size.columns);
    const erased = from ? erase(from, isSettled ? size.columns : from.columns) : "";
    return controls + synchronized(erased + wrapped + (to ? draw(to) : ""));
  }
}

/** Without flicker: nothing is shown of rows that are erased and drawn again. */
function synchronized(text: string): string {
  return SEVERAL_ROWS.test(text) ? SYNCHRONIZED.on + text + SYNCHRONIZED.off : text;
}

/** BEL ends it, not ST: the Linux console knows no other end. */
function titleOf(title: string): string {
  return `\x1b]2;${title}${BELL}`;
}

function countLines(text: string): number {
  return text.split("\n").length - 1;
}

function wrapLines(lines: string, columns: number): string {
  return lines.split("\n").map((line) => wrapWords(line, columns)).join("\n");
}

/** Wraps the prompt as it will be wrapped when it is printed with its answer. */
function withWrappedPrompt(view: InputView, columns: number): InputView {
  const words = view.prompt.trimEnd();
  return { ...view, prompt: wrapLines(words, columns) + view.prompt.slice(words.length) };
}
