// Asks questions, and gives the lines that are typed. Somebody at a screen edits lines below those that are
// printed; a pipe or a file, on either side, gets plain lines and nothing else.

import { type Clock, systemClock } from "../base/time.ts";
import type { LineQueue, TypedLine } from "./desk.ts";
import { type ChatOptions, InputRouter } from "./input_router.ts";
import { InputError } from "../errors.ts";
import { type InputSource, readKeys, readLines } from "./keyboard.ts";
import type { Key } from "./keys.ts";
import { Screen } from "./screen.ts";
import type { TerminalStreams } from "./tty.ts";

/** How a question is asked. */
export interface AskOptions {
  /** What an empty answer means, and the end of a pipe. */
  readonly fallback?: string;
  /** The end of a pipe means nothing: the fallback was tried. */
  readonly isRetry?: boolean;
  /** The answer is not to be seen, and taken as it is, without trimming. */
  readonly isSecret?: boolean;
  readonly signal?: AbortSignal;
}

/** Settings of a terminal. */
export interface TerminalOptions {
  readonly clock?: Clock;
  /** After how long without a key somebody has paused who is in the middle of a line, in ms. */
  readonly pauseMs?: number;
}

/** {@linkcode TerminalOptions.pauseMs} of people. */
const TYPING_IDLE_MS = 1_500;
/** Lines that are read ahead of those who ask for them; a pipe with more has to wait. */
const MAX_READ_AHEAD_LINES = 64;

/** A person, or a script that acts as one. */
export class Terminal implements AsyncDisposable {
  readonly #streams: TerminalStreams;
  readonly #source: InputSource;
  readonly #screen: Screen;
  readonly #unwatch: () => void;
  readonly #router = new InputRouter((line) => void this.print(line));
  readonly #clock: Clock;
  readonly #pauseMs: number;
  #lastKeyMs = -Infinity;
  /** Has whoever waits for a pause look again. */
  #onPause = () => {};
  /** What stands above the chat prompt and moves with it. */
  #status: readonly string[] = [];
  #wasReturn = false;
  #interrupt = new AbortController();

  constructor(
    streams: TerminalStreams,
    { clock = systemClock, pauseMs = TYPING_IDLE_MS }: TerminalOptions = {},
  ) {
    this.#streams = streams;
    this.#clock = clock;
    this.#pauseMs = pauseMs;
    const { tty } = streams;
    tty?.setRaw(true);
    this.#screen = new Screen({ ...streams, onOutputClosed: () => this.#interrupt.abort() });
    const onEnd = () => this.#end();
    this.#source = tty
      ? readKeys(streams.input, {
        onKey: (key) => this.#press(key),
        onPaste: (text) => this.#paste(text),
        onEnd,
      })
      : readLines(streams.input, { onLine: (line) => this.#takePiped(line), onEnd });
    const onResume = () => {
      tty?.setRaw(true);
      this.#screen.resume();
    };
    this.#unwatch = tty?.onResizeOrResume({ onResize: () => this.#screen.onResize(), onResume }) ??
      (() => {});
  }

  /** Aborted when the person gives up: Ctrl-C, or nobody is there to read any more. */
  get interruptSignal(): AbortSignal {
    return this.#interrupt.signal;
  }

  /** Whether a person types and sees here, with line editing. */
  get hasLineEditor(): boolean {
    return this.#streams.tty !== undefined;
  }

  /** How many columns there are; undefined where nobody sees lines, or the system shows them. */
  get columns(): number | undefined {
    return this.#streams.tty?.size().columns;
  }

  /** Whether a person types here, with line editing or without. */
  get isTty(): boolean {
    return this.#streams.isTty;
  }

  /** Whether a secret is not seen here while it is typed: where we do not show what is, the system does. */
  get canHideInput(): boolean {
    return this.hasLineEditor || !this.isTty;
  }

  /** Whether no answer will come any more: what waits for the chat is none. */
  get hasEnded(): boolean {
    const { hasEnded, promptQueue } = this.#router;
    return hasEnded && promptQueue.typeAhead.length === 0;
  }

  /** Holds questions together that belong together: until `talk` is done, no line is taken for the chat, and
   * what was being typed there waits. Somebody who is typing that very moment is let pause or press Enter first,
   * unless the signal says that there is no need to ask. */
  async exclusive<Result>(
    talk: () => Promise<Result>,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<Result> {
    // Without a pause, not even this one: a pipe goes on with the answers.
    if (this.#msUntilIdle > 0) await this.#pause(signal);
    this.#router.beginExclusive();
    this.#refresh();
    try {
      return await talk();
    } finally {
      this.#router.endExclusive();
      this.#dispatch();
    }
  }

  /** Puts text that was meant for the chat into the line that is being typed there. */
  restore(text: string): void {
    if (this.hasLineEditor) this.#router.restore(text);
  }

  /** Asks and waits for the answer, trimmed. A secret is not to be asked for unless {@linkcode canHideInput}.
   * @throws {InputError} `input-ended` if a person ends the input, or a pipe does without a fallback; the signal's
   * reason */
  ask(question: string, options: AskOptions = {}): Promise<string> {
    const { fallback, isRetry = false, isSecret = false } = options;
    return this.exclusive(async () => {
      const prompt = fallback === undefined ? `${question}:` : `${question} [${fallback}]:`;
      // Neither a pipe nor a person who typed ahead sees the answer next to its question unless we show it.
      const isAhead = this.#router.promptQueue.typeAhead.length > 0;
      if (!this.hasLineEditor) await this.#screen.print(this.#streams.isSystemEcho ? `${prompt} ` : prompt);
      const line = await this.#answer(`${prompt} `, options);
      const seen = isSecret ? "" : line;
      if (!this.hasLineEditor) {
        await this.#screen.print(this.#afterPrompt(seen, { isAhead }));
      } else if (isAhead) await this.print(`${prompt} ${seen}`);
      // A pipe that ends leaves the rest to us; a person who ends the input wants to go.
      const answer = (isSecret ? line : line?.trim()) ||
        (line === undefined && (this.isTty || isRetry) ? undefined : fallback);
      if (answer !== undefined || line !== undefined) return answer ?? "";
      throw new InputError("input-ended", { question });
    }, options);
  }

  /** The lines that are typed for the chat, until the input ends. */
  async *lines(prompt: string, options: ChatOptions = {}): AsyncGenerator<TypedLine> {
    this.#router.beginChat(options);
    this.#router.chatQueue.prompt = prompt;
    this.#dispatch();
    try {
      for (;;) {
        const line = await this.#next(this.#router.chatQueue);
        if (line === undefined) return;
        yield line;
      }
    } finally {
      this.#router.endChat();
      this.#refresh();
    }
  }

  /** Prints lines, above the one that is being typed. Fulfilled when they are written. */
  async print(...lines: readonly string[]): Promise<void> {
    if (lines.length > 0) await this.#screen.print(`${lines.join("\n")}\n`);
  }

  /** Has the terminal make a sound, or whatever it does instead. A pipe does not get that. */
  bell(): void {
    this.#screen.bell();
  }

  /** Keeps lines right above the chat line that is being typed until other ones replace them. A pipe does not
   * get them. */
  setStatus(lines: readonly string[]): void {
    this.#status = lines;
    this.#refresh();
  }

  /** Changes what stands before the chat line that is being typed. A pipe does not get it. */
  setPrompt(prompt: string): void {
    this.#router.chatQueue.prompt = prompt;
    this.#refresh();
  }

  /** Empties the screen but for what is being typed. A pipe does not get that. */
  clear(): void {
    this.#screen.clear();
  }

  /** Clears the prompt away, writes what is left to write, and gives the keyboard back to the system. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#unwatch();
    this.#source[Symbol.dispose]();
    this.#end();
    await this.#screen.close();
    this.#streams.tty?.setRaw(false);
  }

  /** Gives the screen back at once: the process ends, and Deno gives the keyboard back. To do that here would
   * wait for a terminal that takes nothing any more. */
  restoreNow(): void {
    this.#screen.restoreNow();
  }

  /** What is still to be written behind a question that has its answer, where no keys come one by one. */
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
    return Promise.race([this.#next(promptQueue), aborted]).then((line) => line?.text).finally(() => {
      signal?.removeEventListener("abort", abort);
      promptQueue.cancelWait();
      if (isSecret) promptQueue.editor.submit(); // half a secret must not turn up in the next line
      promptQueue.isSecret = false;
    });
  }

  /** Answers are no line that a question could come between: the next one may follow at once. */
  #recordKey(): void {
    const { activeQueue, promptQueue } = this.#router;
    if (activeQueue !== promptQueue) this.#lastKeyMs = this.#clock().monotonicMs;
  }

  /** How long somebody who is in the middle of a line may take to press the next key and have paused otherwise,
   * in ms. Only where keys come one by one is a line seen before it is finished. */
  get #msUntilIdle(): number {
    if (!this.hasLineEditor || !this.#router.hasPartialLine) return 0;
    return this.#lastKeyMs + this.#pauseMs - this.#clock().monotonicMs;
  }

  /** Waits while somebody is in the middle of a line. */
  async #pause(signal: AbortSignal | undefined): Promise<void> {
    for (let ms = this.#msUntilIdle; ms > 0 && !signal?.aborted; ms = this.#msUntilIdle) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, ms);
      this.#onPause = resolve;
      const look = () => resolve();
      signal?.addEventListener("abort", look);
      await promise;
      signal?.removeEventListener("abort", look);
      clearTimeout(timer);
    }
  }

  /** The next line for a desk; undefined if there is none to come. */
  #next(queue: LineQueue): Promise<TypedLine | undefined> {
    const line = this.#router.next(queue);
    this.#dispatch();
    return line;
  }

  /** Gives what was read ahead to whoever waits for a line, or lets them wait. */
  #dispatch(): void {
    this.#router.serve();
    if (this.#router.activeQueue.typeAhead.length === 0 && !this.#router.hasEnded) this.#source.resume();
    if (!this.#router.hasPartialLine) this.#onPause();
    this.#refresh();
  }

  #refresh(): void {
    const { activeQueue, chatQueue, isActive } = this.#router;
    const { prompt, visible: { text, cursor } } = activeQueue;
    const status = activeQueue === chatQueue ? this.#status : [];
    this.#screen.setInput(isActive ? { status, prompt, text, cursor } : undefined);
  }

  #takePiped(text: string): void {
    const { activeQueue } = this.#router;
    activeQueue.deliver({ text, isPasted: false });
    if (activeQueue.typeAhead.length >= MAX_READ_AHEAD_LINES) this.#source.pause();
  }

  #press(key: Key): void {
    if (this.#router.hasEnded) return;
    this.#recordKey();
    const { editor } = this.#router.activeQueue;
    const isReturn = key.name === "return";
    const isSecondHalf = key.name === "enter" && this.#wasReturn; // of the end of a pasted line
    this.#wasReturn = isReturn;
    if (isSecondHalf) return;
    if (key.ctrl && key.name === "c") return this.#interrupt.abort();
    if (key.ctrl && key.name === "d" && editor.text === "") return this.#end();
    // Ctrl-Z does nothing here either: see program.ts.
    if (key.ctrl && key.name === "l") this.#screen.clear();
    else if (isReturn || key.name === "enter") this.#router.enter();
    else editor.press(key);
    this.#dispatch();
  }

  #paste(text: string): void {
    if (this.#router.hasEnded) return;
    this.#recordKey();
    this.#router.paste(text);
    this.#dispatch();
  }

  #end(): void {
    this.#router.end();
    this.#dispatch();
  }
}
