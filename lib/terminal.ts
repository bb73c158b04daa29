// Questions, typed lines, and lines printed above the one that is being typed. A keyboard and a screen get
// line editing by node:readline; a pipe or a file, on either side, gets plain lines and nothing else.

import { createInterface, type Interface } from "node:readline";
import { Buffer } from "node:buffer";
import { Readable, Writable } from "node:stream";
import { InputError } from "./errors.ts";

/** Where a terminal reads and writes. */
export interface TerminalStreams {
  readonly input: ReadableStream<Uint8Array>;
  /** Writes all the bytes. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Whether a person types: the system shows what they type, and the end of the input is their wish. */
  readonly isKeyboard: boolean;
  /** Present if a person types and sees what we write. */
  readonly screen?: Screen;
}

/** What line editing needs of a screen. */
export interface Screen {
  /** Columns of now. */
  columns(): number;
  /** Whether keys come one by one, without the system's own line editing. */
  setRaw(isRaw: boolean): void;
  /** Has a listener called when the size changes; returns what undoes that. */
  onResize(listener: () => void): () => void;
}

/** How a question is asked. */
export interface AskOptions {
  /** What an empty answer means, and the end of a pipe. */
  readonly fallback?: string;
  /** The end of a pipe means nothing: the fallback was tried. */
  readonly isAgain?: boolean;
  readonly signal?: AbortSignal;
}

/** Somebody who waits for a line. */
interface Waiter {
  readonly prompt: string;
  readonly resolve: (line: string | undefined) => void;
}

/** Lines that are read ahead of those who ask for them; a pipe with more has to wait. */
const MAX_READ_AHEAD_LINES = 64;

/** The characters that take two columns are among these; so are surrogates. */
const WIDE = /[\u1100-\uffff]/;

/** A person, or a script that acts as one. */
export class Terminal implements AsyncDisposable {
  readonly #streams: TerminalStreams;
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #readline: Interface;
  readonly #unwatchSize: () => void;
  /** Lines that came before anyone waited for them: answers, and what was typed for the chat. */
  readonly #answersAhead: string[] = [];
  readonly #chatAhead: string[] = [];
  #question: Waiter | undefined;
  #chat: Waiter | undefined;
  /** Dialogues that are going on, one within the other: while there are any, no line is for the chat. */
  #dialogues = 0;
  /** Whether lines are for the chat when there is no dialogue. */
  #isChatting = false;
  /** What was being typed for the chat when a dialogue began. */
  #unfinished = "";
  /** What stands above the chat prompt and moves with it. */
  #status: readonly string[] = [];
  #isPromptShown = false;
  /** Rows that the line took when it was entered, beyond the first. */
  #enteredRows = 0;
  #hasEnded = false;
  #interrupt = new AbortController();

  constructor(streams: TerminalStreams) {
    this.#streams = streams;
    this.#input = Readable.from(streams.input, { objectMode: false });
    this.#output = outputOf(streams);
    this.#output.on("error", () => this.#interrupt.abort());
    const { screen } = streams;
    if (screen) {
      Object.assign(this.#input, {
        isTTY: true,
        setRawMode: (isRaw: boolean) => screen.setRaw(isRaw),
      });
    }
    this.#unwatchSize = screen?.onResize(() => this.#aroundPrompt(() => {})) ?? (() => {});
    this.#readline = createInterface({
      input: this.#input,
      output: screen ? this.#output : undefined,
      terminal: screen !== undefined,
      prompt: "",
      crlfDelay: Infinity,
    });
    this.#readline.on("line", (line: string) => this.#take(line));
    this.#readline.on("close", () => this.#end());
    this.#readline.on("SIGINT", () => this.#interrupt.abort());
    // Ctrl-Z would stop this process alone: `deno task` goes on holding the terminal, and a server its clients.
    this.#readline.on("SIGTSTP", () => {});
    // Before readline sees a key, its cursor tells how many rows the line takes.
    if (screen) this.#input.prependListener("keypress", (_, key) => this.#noteRows(key));
  }

  /** Aborted when the person gives up: Ctrl-C, or nobody is there to read any more. */
  get interrupted(): AbortSignal {
    return this.#interrupt.signal;
  }

  /** Whether a person types and sees here, with line editing. */
  get isInteractive(): boolean {
    return this.#streams.screen !== undefined;
  }

  /** Whether a person types here, with line editing or without. */
  get isKeyboard(): boolean {
    return this.#streams.isKeyboard;
  }

  /** Whether there is nothing more to read. */
  get hasEnded(): boolean {
    return this.#hasEnded && this.#ahead.length === 0;
  }

  /** Holds questions together that belong together: until `talk` is done, no line is taken for the chat, and
   * what was being typed there is put aside. */
  async dialogue<Result>(talk: () => Promise<Result>): Promise<Result> {
    if (this.#dialogues++ === 0) this.#putChatAside();
    try {
      return await talk();
    } finally {
      if (--this.#dialogues === 0) this.#resumeChat();
    }
  }

  /** Asks and waits for the answer, trimmed.
   * @throws {InputError} `input-ended` if a person ends the input, or a pipe does without a fallback; the signal's
   * reason */
  ask(question: string, { fallback, isAgain = false, signal }: AskOptions = {}): Promise<string> {
    return this.dialogue(async () => {
      const prompt = fallback === undefined ? `${question}:` : `${question} [${fallback}]:`;
      // Neither a pipe nor a person who typed ahead sees the answer next to its question unless we show it.
      const isAhead = this.#answersAhead.length > 0;
      const isShown = this.isInteractive && !isAhead;
      if (!isShown) await this.#write(prompt);
      const line = await this.#answer(`${prompt} `, signal);
      if (!isShown) await this.#write(!line || (this.isKeyboard && !isAhead) ? "\n" : ` ${line}\n`);
      // A pipe that ends leaves the rest to us; a person who ends the input wants to go.
      const answer = line?.trim() ||
        (line === undefined && (this.isKeyboard || isAgain) ? undefined : fallback);
      if (answer !== undefined || line !== undefined) return answer ?? "";
      throw new InputError("input-ended", `Cannot go on without an answer to "${question}"`, {
        details: { question },
      });
    });
  }

  /** The lines that are typed for the chat, until the input ends. */
  async *lines(prompt: string): AsyncGenerator<string> {
    this.#isChatting = true;
    for (;;) {
      const line = await this.#chatLine(prompt);
      if (line === undefined) return;
      yield line;
    }
  }

  /** Prints lines, above the one that is being typed. Fulfilled when they are written. */
  async print(...lines: readonly string[]): Promise<void> {
    await this.#aroundPrompt(() => this.#write(lines.map((line) => `${line}\n`).join("")));
  }

  /** Has the terminal make a sound, or whatever it does instead. */
  async bell(): Promise<void> {
    if (this.isInteractive) await this.#write("\x07");
  }

  /** Clears the screen but for what is being typed. */
  async clear(): Promise<void> {
    if (this.isInteractive) await this.#aroundPrompt(() => this.#write("\x1b[H\x1b[2J"));
  }

  /** Keeps lines right above the chat line that is being typed until other ones replace them. A pipe does not
   * get them. */
  showStatus(lines: readonly string[]): void {
    if (lines.join("\n") === this.#status.join("\n")) return;
    this.#aroundPrompt(() => this.#status = lines);
  }

  /** Clears the prompt away, writes what is left to write, and gives the keyboard back to the system. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#hidePrompt();
    this.#unwatchSize();
    this.#readline.close();
    this.#input.destroy();
    await this.#write("");
  }

  #answer(prompt: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
    const abort = () => reject(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    this.#question = { prompt, resolve };
    this.#serve();
    return promise.finally(() => {
      signal?.removeEventListener("abort", abort);
      this.#question = undefined;
    });
  }

  #chatLine(prompt: string): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#chat = { prompt, resolve };
    this.#serve();
    return promise;
  }

  /** Who gets the next line. */
  get #waiter(): Waiter | undefined {
    return this.#question ?? (this.#dialogues === 0 ? this.#chat : undefined);
  }

  /** Gives who waits for a line the one that was read ahead, or tells them that there is none to come, or shows
   * them the prompt. */
  #serve(): void {
    if (!this.#waiter) return;
    if (this.#ahead.length > 0 || this.#hasEnded) this.#hand(this.#ahead.shift());
    else this.#showPrompt();
    if (this.#ahead.length === 0 && !this.#hasEnded) this.#readline.resume();
  }

  /** What was read ahead for who waits. The chat gets what no question took; a question never gets what was
   * typed for the chat. */
  get #ahead(): string[] {
    return this.#waiter !== this.#question && this.#chatAhead.length > 0
      ? this.#chatAhead
      : this.#answersAhead;
  }

  #hand(line: string | undefined): void {
    const waiter = this.#waiter;
    if (waiter === this.#question) this.#question = undefined;
    else this.#chat = undefined;
    waiter?.resolve(line);
  }

  #take(line: string): void {
    this.#isPromptShown = false;
    this.#readline.setPrompt("");
    const isForChat = this.#isChatting && this.#dialogues === 0;
    // It will come back as a message; a question and its answer stay.
    if (isForChat && this.isInteractive) this.#output.write(`\x1b[${this.#enteredRows + 1}A\r\x1b[J`);
    if (this.#waiter) return this.#hand(line);
    const ahead = isForChat && this.isInteractive ? this.#chatAhead : this.#answersAhead;
    ahead.push(line);
    if (ahead.length >= MAX_READ_AHEAD_LINES) this.#readline.pause();
  }

  #end(): void {
    this.#hidePrompt();
    this.#hasEnded = true;
    this.#serve();
  }

  #putChatAside(): void {
    if (!this.isInteractive) return;
    this.#hidePrompt();
    if (!this.#isChatting) return; // typed ahead of a question: the beginning of its answer
    this.#unfinished = this.#readline.line;
    Object.assign(this.#readline, { line: "", cursor: 0 });
  }

  #resumeChat(): void {
    // What was typed ahead of the end of the dialogue goes on from there.
    const line = this.#unfinished + this.#readline.line;
    Object.assign(this.#readline, { line, cursor: line.length });
    this.#unfinished = "";
    this.#serve();
  }

  #showPrompt(): void {
    const waiter = this.#waiter;
    if (!this.isInteractive || !waiter) return;
    const status = waiter === this.#chat ? this.#status : [];
    this.#readline.setPrompt([...status, waiter.prompt].join("\n"));
    this.#readline.prompt(true);
    this.#isPromptShown = true;
  }

  /** Whether the cursor stands behind a prompt, or behind what is typed ahead of one. */
  get #isLineShown(): boolean {
    return this.#isPromptShown || (this.isInteractive && this.#readline.line !== "");
  }

  /** Clears the screen from where the prompt begins, and stays there. */
  #hidePrompt(): void {
    if (!this.#isLineShown) return;
    this.#isPromptShown = false;
    const { rows } = this.#readline.getCursorPos();
    // readline would go up as many rows again when it next draws the line.
    Object.assign(this.#readline, { prevRows: 0 });
    this.#output.write(`${rows > 0 ? `\x1b[${rows}A` : ""}\r\x1b[J`);
  }

  /** Does something where the prompt is, which then stands below. All of it is one write: nothing is seen half
   * done. */
  #aroundPrompt<Result>(act: () => Result): Result {
    if (!this.#isLineShown) return act();
    this.#output.cork();
    this.#hidePrompt();
    const result = act();
    this.#showPrompt();
    this.#output.uncork();
    return result;
  }

  #noteRows(key: { name?: string } | undefined): void {
    // readline overlooks that it is in a new row if a wide character did not fit in the last one. To ask where
    // it is takes long on a long line.
    if (WIDE.test(this.#readline.line)) {
      Object.assign(this.#readline, { prevRows: this.#readline.getCursorPos().rows });
    }
    if (key?.name !== "return" && key?.name !== "enter") return;
    const { cursor, line } = this.#readline;
    Object.assign(this.#readline, { cursor: line.length });
    this.#enteredRows = this.#readline.getCursorPos().rows;
    Object.assign(this.#readline, { cursor });
  }

  #write(text: string): Promise<void> {
    return new Promise((resolve) => this.#output.write(text, () => resolve()));
  }
}

/** The process's own standard input and output. */
export function standardStreams(): TerminalStreams {
  const isKeyboard = Deno.stdin.isTerminal();
  return {
    input: Deno.stdin.readable,
    write: async (bytes) => {
      for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
    },
    isKeyboard,
    screen: isKeyboard && Deno.stdout.isTerminal() ? processScreen() : undefined,
  };
}

function processScreen(): Screen {
  return {
    columns: () => Deno.consoleSize().columns,
    setRaw: (isRaw) => Deno.stdin.setRaw(isRaw),
    onResize: (listener) => {
      if (Deno.build.os === "windows") return () => {}; // has no SIGWINCH
      Deno.addSignalListener("SIGWINCH", listener);
      return () => Deno.removeSignalListener("SIGWINCH", listener);
    },
  };
}

/** A stream for readline and for us, that hands everything to be written in one piece if it can. */
function outputOf({ write, screen }: TerminalStreams): Writable {
  const output = new Writable({
    decodeStrings: true,
    write: (chunk, _encoding, done) => void write(chunk).then(() => done(), done),
    writev: (chunks, done) =>
      void write(new Uint8Array(Buffer.concat(chunks.map(({ chunk }) => chunk)))).then(() => done(), done),
  });
  if (screen) Object.defineProperty(output, "columns", { get: () => screen.columns() });
  return output;
}
