// Questions, typed lines, and who gets which: a question what is typed while it is asked, the chat all else.
// Somebody at a screen edits lines below those that are printed; a pipe or a file, on either side, gets plain
// lines and nothing else.

import { Desk, type TypedLine } from "./desk.ts";
import { InputError } from "./errors.ts";
import { readKeys, readLines, type Source } from "./keyboard.ts";
import type { Completer, Key } from "./line_editor.ts";
import { Screen } from "./screen.ts";
import type { TerminalStreams } from "./tty.ts";

/** How a question is asked. */
export interface AskOptions {
  /** What an empty answer means, and the end of a pipe. */
  readonly fallback?: string;
  /** The end of a pipe means nothing: the fallback was tried. */
  readonly isAgain?: boolean;
  /** The answer is not to be seen, and taken as it is, without trimming. */
  readonly isSecret?: boolean;
  readonly signal?: AbortSignal;
}

/** How lines are typed for the chat. */
export interface ChatOptions {
  /** Asks about a pasted block with so many lines, if they are too many to be sent unasked. */
  readonly confirmPaste?: {
    readonly question: (count: number) => string;
    readonly isYes: (answer: string) => boolean;
  };
  readonly complete?: Completer;
}

/** Most lines of a pasted block that are sent unasked. */
export const MAX_UNASKED_LINES = 10;
/** Most lines of a pasted block that are taken for answers: server, port, nick. */
const MAX_PASTED_ANSWERS = 3;
/** Lines that are read ahead of those who ask for them; a pipe with more has to wait. */
const MAX_READ_AHEAD_LINES = 64;

/** A person, or a script that acts as one. */
export class Terminal implements AsyncDisposable {
  readonly #streams: TerminalStreams;
  readonly #source: Source;
  readonly #screen: Screen;
  readonly #unwatch: () => void;
  readonly #answers = new Desk();
  readonly #chat = new Desk((before) => this.#chatOptions.complete?.(before));
  /** Whether a pasted block is to be sent. */
  readonly #consent = new Desk();
  #chatOptions: ChatOptions = {};
  /** A pasted block that waits for consent. */
  #block: readonly string[] | undefined;
  /** Dialogues that are going on, one within the other: while there are any, no line is for the chat. */
  #dialogues = 0;
  /** Whether lines are for the chat when there is no dialogue. */
  #isChatting = false;
  /** What stands above the chat prompt and moves with it. */
  #status: readonly string[] = [];
  #wasReturn = false;
  #hasEnded = false;
  #interrupt = new AbortController();

  constructor(streams: TerminalStreams) {
    this.#streams = streams;
    const { tty } = streams;
    tty?.setRaw(true);
    this.#screen = new Screen({ ...streams, onBroken: () => this.#interrupt.abort() });
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
    this.#unwatch = tty?.watch({ onResize: () => this.#screen.resized(), onResume }) ?? (() => {});
  }

  /** Aborted when the person gives up: Ctrl-C, or nobody is there to read any more. */
  get interrupted(): AbortSignal {
    return this.#interrupt.signal;
  }

  /** Whether a person types and sees here, with line editing. */
  get isInteractive(): boolean {
    return this.#streams.tty !== undefined;
  }

  /** Whether a person types here, with line editing or without. */
  get isKeyboard(): boolean {
    return this.#streams.isKeyboard;
  }

  /** Whether a secret is not seen here while it is typed: where we do not show what is, the system does. */
  get hidesSecrets(): boolean {
    return this.isInteractive || !this.isKeyboard;
  }

  /** Whether there is nothing more to read. */
  get hasEnded(): boolean {
    return this.#hasEnded && this.#answers.ahead.length === 0 && this.#chat.ahead.length === 0;
  }

  /** Holds questions together that belong together: until `talk` is done, no line is taken for the chat, and
   * what was being typed there waits. */
  async dialogue<Result>(talk: () => Promise<Result>): Promise<Result> {
    this.#dialogues++;
    this.#refresh();
    try {
      return await talk();
    } finally {
      this.#dialogues--;
      this.#goOn();
    }
  }

  /** Puts text that was meant for the chat into the line that is being typed there. */
  giveBack(text: string): void {
    if (this.isInteractive && this.#isChatting) this.#chat.editor.insert(text);
  }

  /** Asks and waits for the answer, trimmed. A secret is not to be asked for unless {@linkcode hidesSecrets}.
   * @throws {InputError} `input-ended` if a person ends the input, or a pipe does without a fallback; the signal's
   * reason */
  ask(question: string, options: AskOptions = {}): Promise<string> {
    const { fallback, isAgain = false, isSecret = false } = options;
    return this.dialogue(async () => {
      const prompt = fallback === undefined ? `${question}:` : `${question} [${fallback}]:`;
      // Neither a pipe nor a person who typed ahead sees the answer next to its question unless we show it.
      const isAhead = this.#answers.ahead.length > 0;
      if (!this.isInteractive) await this.#screen.print(this.#streams.isEchoed ? `${prompt} ` : prompt);
      const line = await this.#answer(`${prompt} `, options);
      const seen = isSecret ? "" : line;
      if (!this.isInteractive) {
        await this.#screen.print(this.#behindQuestion(seen, { isAhead }));
      } else if (isAhead) await this.print(`${prompt} ${seen}`);
      // A pipe that ends leaves the rest to us; a person who ends the input wants to go.
      const answer = (isSecret ? line : line?.trim()) ||
        (line === undefined && (this.isKeyboard || isAgain) ? undefined : fallback);
      if (answer !== undefined || line !== undefined) return answer ?? "";
      throw new InputError("input-ended", `Cannot go on without an answer to "${question}"`, {
        details: { question },
      });
    });
  }

  /** The lines that are typed for the chat, until the input ends. */
  async *lines(prompt: string, options: ChatOptions = {}): AsyncGenerator<string> {
    for await (const { text } of this.typed(prompt, options)) yield text;
  }

  /** The same, told whether they were pasted. */
  async *typed(prompt: string, options: ChatOptions = {}): AsyncGenerator<TypedLine> {
    this.#chatOptions = options;
    this.#isChatting = true;
    this.#chat.prompt = prompt;
    this.#goOn();
    try {
      for (;;) {
        const line = await this.#next(this.#chat);
        if (line === undefined) return;
        yield line;
      }
    } finally {
      this.#isChatting = false;
      this.#refresh();
    }
  }

  /** Prints lines, above the one that is being typed. Fulfilled when they are written. */
  async print(...lines: readonly string[]): Promise<void> {
    if (lines.length > 0) await this.#screen.print(lines.map((line) => `${line}\n`).join(""));
  }

  /** Has the terminal make a sound, or whatever it does instead. A pipe does not get that. */
  bell(): void {
    this.#screen.bell();
  }

  /** Keeps lines right above the chat line that is being typed until other ones replace them. A pipe does not
   * get them. */
  showStatus(lines: readonly string[]): void {
    this.#status = lines;
    this.#refresh();
  }

  /** Changes what stands before the chat line that is being typed. A pipe does not get it. */
  showPrompt(prompt: string): void {
    this.#chat.prompt = prompt;
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
  abandon(): void {
    this.#screen.abandon();
  }

  /** What is still to be written behind a question that has its answer, where no keys come one by one. */
  #behindQuestion(line: string | undefined, { isAhead }: { isAhead: boolean }): string {
    const { isKeyboard, isEchoed = false } = this.#streams;
    if (isEchoed && line !== undefined) return isAhead ? `${line}\n` : "";
    return !line || (isKeyboard && !isAhead) ? "\n" : ` ${line}\n`;
  }

  #answer(prompt: string, { signal, isSecret = false }: AskOptions): Promise<string | undefined> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    this.#answers.prompt = prompt;
    this.#answers.isSecret = isSecret;
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort);
    return Promise.race([this.#next(this.#answers), aborted]).then((line) => line?.text).finally(() => {
      signal?.removeEventListener("abort", abort);
      this.#answers.giveUp();
      if (isSecret) this.#answers.editor.take(); // half a secret must not turn up in the next line
      this.#answers.isSecret = false;
    });
  }

  /** The next line for a desk; undefined if there is none to come. */
  #next(desk: Desk): Promise<TypedLine | undefined> {
    const line = desk.next();
    this.#goOn();
    return line;
  }

  /** Gives what was read ahead to whoever waits for a line, or lets them wait. */
  #goOn(): void {
    const desk = this.#desk;
    if (desk === this.#chat) {
      // What no question took is for the chat; a question never gets what was typed for the chat.
      desk.ahead.push(...this.#answers.ahead.splice(0));
      const unfinished = this.#answers.editor.take();
      if (unfinished !== "") desk.editor.insert(unfinished);
    }
    desk.serve({ hasEnded: this.#hasEnded });
    if (desk.ahead.length === 0 && !this.#hasEnded) this.#source.resume();
    this.#refresh();
  }

  /** Where what is typed now goes to. */
  get #desk(): Desk {
    if (this.#dialogues > 0 || !this.#isChatting) return this.#answers;
    return this.#block ? this.#consent : this.#chat;
  }

  #refresh(): void {
    const desk = this.#desk;
    const isShown = !this.#hasEnded && (desk !== this.#answers || desk.isAwaited);
    const { prompt, seen: { text, cursor } } = desk;
    const status = desk === this.#chat ? this.#status : [];
    this.#screen.show(isShown ? { status, prompt, text, cursor } : undefined);
  }

  #takePiped(text: string): void {
    this.#desk.deliver({ text, isPasted: false });
    if (this.#desk.ahead.length >= MAX_READ_AHEAD_LINES) this.#source.pause();
  }

  #press(key: Key): void {
    if (this.#hasEnded) return;
    const { editor } = this.#desk;
    const isReturn = key.name === "return";
    const isSecondHalf = key.name === "enter" && this.#wasReturn; // of the end of a pasted line
    this.#wasReturn = isReturn;
    if (isSecondHalf) return;
    if (isReturn || key.name === "enter") return this.#enter();
    if (key.ctrl && key.name === "c") return this.#interrupt.abort();
    if (key.ctrl && key.name === "d" && editor.text === "") return this.#end();
    // Ctrl-Z does nothing here either: see program.ts.
    if (key.ctrl && key.name === "l") this.#screen.clear();
    else editor.press(key);
    this.#refresh();
  }

  #enter(): void {
    const desk = this.#desk;
    const seen = desk.prompt + desk.seen.text;
    const text = desk.editor.take();
    if (desk === this.#consent) this.#decide(text);
    else {
      // A question and its answer stay; what is said will come back as a message.
      if (desk === this.#answers && desk.isAwaited) void this.print(seen);
      if (desk === this.#chat) desk.editor.remember(text);
      desk.deliver({ text, isPasted: false });
    }
    this.#goOn();
  }

  #paste(text: string): void {
    if (this.#hasEnded) return;
    const lines = text.split(/\r\n|\r|\n/);
    const desk = this.#desk;
    const count = lines.length - (lines.at(-1) === "" ? 1 : 0);
    const isForChat = this.#isChatting && (desk !== this.#answers || count > MAX_PASTED_ANSWERS);
    if (desk === this.#consent || (isForChat && this.#block)) desk.editor.insert(lines.join(" "));
    else if (isForChat && count > 1) this.#pasteBlock(lines, count);
    else if (isForChat) desk.editor.insert(lines[0]!);
    else {
      // As if it was typed: one answer after another.
      for (const [index, line] of lines.entries()) {
        this.#desk.editor.insert(line);
        if (index < lines.length - 1) this.#enter();
      }
    }
    this.#goOn();
  }

  /** Sends lines that were pasted, the last of them as far as it goes: at once, or when there is no question any
   * more and the person has agreed. */
  #pasteBlock(lines: readonly string[], count: number): void {
    const { confirmPaste } = this.#chatOptions;
    const isShort = count <= MAX_UNASKED_LINES && this.#desk === this.#chat;
    if (!confirmPaste || isShort) return this.#send(lines);
    this.#block = lines;
    this.#consent.prompt = confirmPaste.question(count);
  }

  #decide(answer: string): void {
    const lines = this.#block ?? [];
    this.#block = undefined;
    void this.print(this.#consent.prompt + answer);
    if (this.#chatOptions.confirmPaste?.isYes(answer)) this.#send(lines);
  }

  #send(lines: readonly string[]): void {
    const { editor } = this.#chat;
    const [first, ...others] = lines;
    const last = others.pop() ?? "";
    const isBegun = editor.cursor > 0;
    editor.insert(first!);
    const text = editor.takeBefore();
    if (isBegun) editor.remember(text);
    this.#chat.deliver({ text, isPasted: !isBegun });
    for (const text of others) this.#chat.deliver({ text, isPasted: true });
    editor.insert(last);
  }

  #end(): void {
    this.#hasEnded = true;
    this.#block = undefined;
    this.#goOn();
  }
}
