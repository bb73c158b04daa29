// Prompts, chat lines and output of one user: with line editing at a terminal, as plain lines on a pipe.

import type { Clock } from "../base/time.ts";
import { InputError } from "../errors.ts";
import { printable } from "../text/text.ts";
import { DRAFT_CONFIG, type DraftConfig, DraftKeeper } from "./draft.ts";
import { FocusTracker } from "./focus.ts";
import { type ChatOptions, InputRouter } from "./input_router.ts";
import { type InputSource, readKeys, readLines } from "./input_source.ts";
import { type Key, withoutAnswers } from "./keys.ts";
import type { TypedLine } from "./line_queue.ts";
import { Screen } from "./screen.ts";
import type { TerminalStreams } from "./tty.ts";

export interface AskOptions {
  /** The answer if the user enters an empty line, or a pipe has ended. */
  readonly fallback?: string;
  /** The fallback has failed before, so the end of a pipe no longer stands for it. */
  readonly isRetry?: boolean;
  /** Hides the answer, and does not trim it. */
  readonly isSecret?: boolean;
  readonly signal?: AbortSignal;
}

export class Terminal implements AsyncDisposable {
  /** Called when a prompt interrupts the chat, before it is shown. Never without line editing. */
  onInterruptedChat: (() => Promise<void>) | undefined;
  readonly #streams: TerminalStreams;
  readonly #screen: Screen;
  readonly #router: InputRouter;
  readonly #source: InputSource;
  readonly #unwatch: (() => void) | undefined;
  readonly #draft: DraftKeeper;
  /** Lines right above the chat prompt. */
  #status: readonly string[] = [];
  #wasReturn = false;
  readonly #focus: FocusTracker;
  readonly #interrupt = new AbortController();

  constructor(streams: TerminalStreams, clock: Clock, draft: DraftConfig = DRAFT_CONFIG) {
    this.#streams = streams;
    this.#focus = new FocusTracker(clock);
    const { tty } = streams;
    if (tty) streams.setRaw?.(true);
    this.#screen = new Screen(streams);
    this.#screen.onOutputClosed = () => this.#interrupt.abort();
    this.#router = new InputRouter((line) => void this.print(line));
    this.#draft = new DraftKeeper(this.#router, clock, draft);
    const listener = {
      onKey: (key: Key) => this.#press(key),
      onPaste: (text: string, options: { isRest: boolean }) => this.#paste(text, options),
      onLine: (line: string) => this.#deliverPiped(line),
      onEnd: () => this.#end(),
    };
    this.#source = tty ? readKeys(streams.input, listener) : readLines(streams.input, listener, streams);
    this.#unwatch = tty?.onResizeOrResume({
      onResize: () => {
        this.#screen.resize();
        this.#refresh(); // a draft is shortened to the width
      },
      onResume: () => {
        streams.setRaw?.(true);
        this.#screen.resume();
      },
    });
  }

  /** Why output is missing at the end; undefined if none is. */
  get writeError(): unknown {
    return this.#screen.writeError;
  }

  /** Called with the error when writing begins to fail, though the output was not closed, and without one when it works
   * again. Meanwhile lines are left out. */
  set onOutputStalled(listener: (error: unknown, skippedLines: number) => void) {
    this.#screen.onOutputStalled = listener;
  }

  /** Makes the line that stands for lines that could not be written. */
  set gapText(makeText: (skippedLines: number) => string) {
    this.#screen.gapText = makeText;
  }

  /** Aborted by Ctrl-C, or when writing fails because the output was closed. */
  get interruptSignal(): AbortSignal {
    return this.#interrupt.signal;
  }

  /** Whether nothing more can be written: the reader of the output is gone, or the terminal is disposed of. */
  get isOutputClosed(): boolean {
    return this.#screen.isClosed;
  }

  get hasLineEditor(): boolean {
    return this.#streams.tty !== undefined;
  }

  /** Width in columns. Undefined without line editing. */
  get columns(): number | undefined {
    return this.#streams.tty?.size().columns;
  }

  /** Whether the input is a terminal, with line editing or without. */
  get isTty(): boolean {
    return this.#streams.isTty;
  }

  /** Whether a secret stays hidden while it is typed. At a terminal without line editing, the system echoes it. */
  get canHideInput(): boolean {
    return this.hasLineEditor || !this.isTty;
  }

  /** Whether no more answers come: the input has ended and all are used, or a pipe's lines wait for the chat. */
  get hasNoAnswers(): boolean {
    const { hasEnded, promptQueue } = this.#router;
    return this.#isChatFull || (hasEnded && promptQueue.typeAhead.length === 0);
  }

  /** The chat line that is being edited, or that a prompt has set aside. Empty without line editing. */
  get draft(): string {
    return this.hasLineEditor ? this.#router.chatQueue.editor.text.trim() : "";
  }

  /** How many lines have been read that no prompt and no reader has taken. */
  get unreadCount(): number {
    return this.#router.typeAheadCount;
  }

  /** Runs several prompts in a row. Until they are done, no line goes to the chat, and the partial chat line is set
   * aside. First waits until the user pauses or presses Enter, or until the signal is aborted. */
  async exclusive<Result>(
    run: () => Promise<Result>,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Result> {
    // No await unless it is needed: a pipe would go on with its next lines.
    if (this.#draft.msUntilIdle > 0) await this.#draft.untilIdle(signal);
    const isInterrupting = this.#draft.onPrompt();
    this.#router.beginExclusive();
    this.#refresh();
    try {
      if (isInterrupting && this.hasLineEditor && this.onInterruptedChat) await this.onInterruptedChat();
      return await run();
    } finally {
      this.#router.endExclusive();
      this.#dispatchAndRefresh();
    }
  }

  /** Puts an answer into the chat line that it was meant for, or back into the line of the next prompt. */
  restore(answer: string, { isForChat }: { isForChat: boolean }): void {
    if (!this.hasLineEditor) return;
    if (isForChat) this.#router.restoreLine(answer);
    else this.#router.editAnswer(answer);
  }

  /** As {@linkcode InputRouter.sayAnswer}. */
  sayAnswer(): void {
    this.#router.sayAnswer();
  }

  /** As {@linkcode DraftKeeper.release}. */
  releaseDraft(): void {
    this.#draft.release();
  }

  /** Replaces the question that waits for its answer, if there is one. Does nothing without line editing. */
  setQuestion(question: string): void {
    const { promptQueue } = this.#router;
    if (!this.hasLineEditor || !promptQueue.hasWaiter) return;
    promptQueue.prompt = `${question}: `;
    this.#refresh();
  }

  /** Asks and returns the answer, trimmed. Ask for a secret only if {@linkcode canHideInput}.
   * @throws {InputError} `input-ended` if a user ends the input, or a pipe ends and there is no fallback
   * @throws the signal's reason */
  ask(question: string, options: AskOptions = {}): Promise<string> {
    const { fallback, isRetry = false, isSecret = false } = options;
    return this.exclusive(async () => {
      const prompt = fallback === undefined ? `${question}:` : `${question} [${fallback}]:`;
      // An answer from a pipe, or one that was typed ahead, is shown next to its prompt only if it is printed.
      const isAhead = this.#router.promptQueue.typeAhead.length > 0;
      if (!this.hasLineEditor) await this.#screen.print(this.#streams.isSystemEcho ? `${prompt} ` : prompt);
      const line = this.#isChatFull ? undefined : await this.#answer(`${prompt} `, options);
      const seen = isSecret ? "" : line && printable(line); // a pipe may hold control characters
      if (!this.hasLineEditor) {
        await this.#screen.print(this.#afterPrompt(seen, { isAhead }));
      } else if (isAhead) await this.print(`${prompt} ${seen}`);
      // The end of a pipe stands for the fallback. A user who ends the input wants to leave.
      if (line === undefined && (this.isTty || isRetry || fallback === undefined)) {
        throw new InputError("input-ended", { question });
      }
      return (isSecret ? line : line?.trim()) || (fallback ?? "");
    }, options);
  }

  /** Fulfilled when a line for the next prompt is wanted, which gets it all the same, or when the signal is aborted. */
  untilEntered(isWanted: (text: string) => boolean, options: { signal: AbortSignal }): Promise<void> {
    return this.#router.promptQueue.untilEntered(isWanted, options);
  }

  /** The lines for the chat, until the input ends. */
  async *lines(prompt: string, options: ChatOptions = {}): AsyncGenerator<TypedLine> {
    const { chatQueue } = this.#router;
    this.#router.beginChat(options);
    chatQueue.prompt = prompt;
    this.#dispatchAndRefresh();
    try {
      for (;;) {
        const line = this.#router.next(chatQueue);
        this.#dispatchAndRefresh();
        const typed = await line;
        if (typed === undefined) return;
        yield typed;
      }
    } finally {
      this.#router.endChat();
      this.#refresh();
    }
  }

  /** Prints lines above the input. Fulfilled when they are written. */
  async print(...lines: readonly string[]): Promise<void> {
    if (lines.length > 0) await this.#screen.print(`${lines.join("\n")}\n`);
  }

  /** Whether the user sees what is printed: the window has the focus, or a key was pressed of late. */
  get hasFocus(): boolean {
    return !this.hasLineEditor || this.#focus.hasFocus;
  }

  /** Called whenever the window gets the focus, or a key is pressed. */
  set onFocus(listener: () => void) {
    this.#focus.onFocus = listener;
  }

  /** Rings the bell. Does nothing without line editing. */
  bell(): void {
    this.#screen.notify();
  }

  /** Shows a safe text outside of the window if the user does not see the window. A terminal that cannot rings. */
  notify(text: string): void {
    if (!this.#streams.tty?.notification) this.bell();
    else if (!this.hasFocus) this.#screen.notify(text);
  }

  /** Sets the title of the window, until the end. The text must be safe. Does nothing without line editing. */
  setTitle(title: string): void {
    this.#screen.setTitle(title);
  }

  /** Replaces the lines right above the chat prompt. Does nothing without line editing. */
  setStatus(lines: readonly string[]): void {
    this.#status = lines;
    this.#refresh();
  }

  /** Replaces the chat prompt. Does nothing without line editing. */
  setPrompt(prompt: string): void {
    this.#router.chatQueue.prompt = prompt;
    this.#refresh();
  }

  /** Clears the screen above the input. Does nothing without line editing. */
  clear(): void {
    this.#screen.clear();
  }

  /** Removes the prompt, writes what is queued, and restores the terminal. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { isTty, setRaw, tty, rest } = this.#streams;
    this.#unwatch?.();
    const hasInputEnded = this.#router.hasEnded;
    // What came after the line that ended the program may be the first part of a paste.
    const isBegun = this.#router.typeAheadCount > 0;
    this.#end();
    await this.#screen.close();
    if (isTty) {
      if (!tty) setRaw?.(true); // otherwise a line without its end would stay in the queue
      await this.#source.drain({ isBegun });
      if (hasInputEnded && rest) {
        using source = readLines(rest, { onLine() {}, onEnd() {} });
        await source.drain({ isBegun });
      }
    }
    this.#source[Symbol.dispose]();
    setRaw?.(false);
  }

  /** Restores the screen synchronously, when the process is about to end. Deno itself leaves raw mode then: doing it
   * here would block on a terminal that accepts no more output. */
  restoreNow(): void {
    this.#screen.restoreNow();
  }

  /** What is left to print after a prompt was answered, without line editing. */
  #afterPrompt(line: string | undefined, { isAhead }: { isAhead: boolean }): string {
    const { isTty, isSystemEcho = false } = this.#streams;
    if (isSystemEcho && line !== undefined) return isAhead ? `${line}\n` : "";
    return !line || (isTty && !isAhead) ? "\n" : ` ${line}\n`;
  }

  #answer(prompt: string, { signal, isSecret = false }: AskOptions): Promise<string | undefined> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { promptQueue } = this.#router;
    promptQueue.prompt = prompt;
    promptQueue.isSecret = isSecret;
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort);
    const answer = this.#router.next(promptQueue);
    this.#dispatchAndRefresh();
    return Promise.race([answer, aborted]).then((line) => line?.text).finally(() => {
      signal?.removeEventListener("abort", abort);
      promptQueue.cancelWait();
      if (isSecret) this.#draft.onSecretOver({ isAborted: signal?.aborted === true });
      promptQueue.isSecret = false;
    });
  }

  /** To be called after each change of the lines or their reader: also resumes a paused pipe. */
  #dispatchAndRefresh(): void {
    this.#router.dispatch();
    if (this.#router.activeQueue.typeAhead.length === 0 && !this.#router.hasEnded) this.#source.resume();
    this.#draft.onDispatch();
    this.#refresh();
  }

  #refresh(): void {
    const { activeQueue, chatQueue, isActive, shownPrompt: prompt } = this.#router;
    const { visible: { text, cursor } } = activeQueue;
    const status = activeQueue === chatQueue ? this.#status : this.#router.draftLines;
    this.#screen.setInput(isActive ? { status, prompt, text, cursor } : undefined);
  }

  #deliverPiped(line: string): void {
    const { activeQueue, hasEnded } = this.#router;
    if (hasEnded) return;
    activeQueue.deliver({ text: this.isTty ? withoutAnswers(line) : line, isPasted: false });
    if (activeQueue.isFull) this.#source.pause();
  }

  #press(key: Key): void {
    const isInterrupt = key.ctrl && key.name === "c";
    if (this.#focus.takeReport(key) || (this.#ignoresInput() && !isInterrupt)) return;
    this.#draft.onKey();
    const queue = this.#draft.takesKeys ? this.#router.chatQueue : this.#router.activeQueue;
    const isReturn = key.name === "return";
    const isSecondHalf = key.name === "enter" && this.#wasReturn; // LF after CR in an unmarked paste
    this.#wasReturn = isReturn;
    if (isSecondHalf) return;
    if (isInterrupt) return this.#router.cancel(queue) ? this.#dispatchAndRefresh() : this.#interrupt.abort();
    if (key.ctrl && key.name === "d" && queue.editor.text === "") return this.#end();
    // Ctrl-Z does nothing here either: see cli/process.ts.
    const isEnter = isReturn || key.name === "enter";
    if (key.ctrl && key.name === "l") this.#screen.clear();
    else if (isEnter && this.#draft.isInGrace) this.#router.enterUnseen();
    else if (isEnter && this.#draft.holdLine()) return;
    else if (isEnter) {
      this.#draft.onEnter();
      this.#router.enter();
    } else {
      queue.editor.press(key);
      this.#draft.onEdit();
    }
    this.#dispatchAndRefresh();
  }

  #paste(text: string, options: { isRest: boolean }): void {
    this.#focus.recordInput();
    if (this.#ignoresInput()) return;
    this.#draft.onKey();
    if (this.#draft.takesPaste(text)) this.#router.pasteDraft(text);
    else {
      this.#draft.onPaste();
      this.#router.paste(text, options);
    }
    this.#dispatchAndRefresh();
  }

  /** Whether a pipe holds more lines for the chat than are read ahead: its next ones are no answers either. */
  get #isChatFull(): boolean {
    return !this.isTty && this.#router.chatQueue.isFull;
  }

  /** Whether a key or a paste is not taken: the input has ended, Ctrl-C ends the program, or it is part of a secret. */
  #ignoresInput(): boolean {
    return this.#router.hasEnded || this.#interrupt.signal.aborted || this.#draft.isOfSecret();
  }

  #end(): void {
    this.#router.end();
    this.#dispatchAndRefresh();
  }
}
