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
  /** What an empty answer means, and the end of the input. */
  readonly fallback?: string;
  readonly signal?: AbortSignal;
}

interface Waiter {
  readonly prompt: string;
  /** The line disappears once it is typed: it will come back as a message. */
  readonly isChat: boolean;
  readonly resolve: (line: string | undefined) => void;
}

/** Lines that are read ahead of those who ask for them; a pipe with more has to wait. */
const MAX_READ_AHEAD_LINES = 64;

/** A person, or a script that acts as one. */
export class Terminal implements Disposable {
  readonly #streams: TerminalStreams;
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #readline: Interface;
  readonly #unwatchSize: () => void;
  readonly #readAhead: string[] = [];
  /** The last one gets the next line: a question goes before the chat. */
  readonly #waiters: Waiter[] = [];
  /** Rows that the line took when it was entered, beyond the first. */
  #enteredRows = 0;
  /** What stands above the prompt and moves with it. */
  #status: readonly string[] = [];
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
    this.#unwatchSize = screen?.onResize(() => this.#output.emit("resize")) ?? (() => {});
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
    // Before readline sees the key that enters a line, its cursor tells how many rows the line takes.
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
    return this.#hasEnded && this.#readAhead.length === 0;
  }

  /** Asks and waits for the answer, trimmed.
   * @throws {InputError} `input-ended` if the input ends and there is no fallback; the signal's reason */
  async ask(question: string, { fallback, signal }: AskOptions = {}): Promise<string> {
    const prompt = fallback === undefined ? `${question}:` : `${question} [${fallback}]:`;
    if (!this.isInteractive) await this.#write(prompt);
    const line = await this.#next({ prompt: `${prompt} `, isChat: false, signal });
    if (!this.isInteractive) await this.#write(this.#streams.isKeyboard || !line ? "\n" : ` ${line}\n`);
    const answer = line?.trim() || fallback;
    if (answer !== undefined || line !== undefined) return answer ?? "";
    throw new InputError("input-ended", `Cannot go on without an answer to "${question}"`, {
      details: { question },
    });
  }

  /** The lines that are typed, until the input ends. Questions asked meanwhile take theirs out. */
  async *lines(prompt: string): AsyncGenerator<string> {
    for (;;) {
      const line = await this.#next({ prompt, isChat: true });
      if (line === undefined) return;
      yield line;
    }
  }

  /** Prints lines, above the one that is being typed. Fulfilled when they are written. */
  async print(...lines: readonly string[]): Promise<void> {
    const text = lines.map((line) => `${line}\n`).join("");
    const isPrompting = this.isInteractive && this.#waiters.length > 0;
    if (!isPrompting) return await this.#write(text);
    // One write for all of it: nothing is seen half done.
    this.#output.cork();
    this.#output.write(this.#hidePrompt());
    const written = this.#write(text);
    this.#readline.prompt(true);
    this.#output.uncork();
    await written;
  }

  /** Keeps lines right above the chat line that is being typed until other ones replace them. A pipe does not
   * get them. */
  showStatus(lines: readonly string[]): void {
    if (!this.isInteractive || lines.join("\n") === this.#status.join("\n")) return;
    this.#output.cork();
    if (this.#waiters.length > 0) this.#output.write(this.#hidePrompt());
    this.#status = lines;
    this.#showPrompt();
    this.#output.uncork();
  }

  /** Gives the keyboard back to the system, whatever was going on. */
  [Symbol.dispose](): void {
    this.#unwatchSize();
    this.#readline.close();
    this.#input.destroy();
  }

  #next(
    { prompt, isChat, signal }: { prompt: string; isChat: boolean; signal?: AbortSignal },
  ): Promise<string | undefined> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const ready = this.#readAhead.shift();
    if (this.#readAhead.length === 0 && !this.#hasEnded) this.#readline.resume();
    if (ready !== undefined || this.#hasEnded) return Promise.resolve(ready);
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
    const unfinished = this.#waiters.length > 0 ? this.#clearLine() : "";
    const waiter = { prompt, isChat, resolve };
    this.#waiters.push(waiter);
    this.#showPrompt();
    const abort = () => {
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    return promise.finally(() => {
      signal?.removeEventListener("abort", abort);
      if (this.#waiters.length === 0 || this.#hasEnded) return;
      this.#showPrompt();
      if (unfinished) this.#readline.write(unfinished);
    });
  }

  #take(line: string): void {
    const waiter = this.#waiters.pop();
    if (!waiter) {
      this.#readAhead.push(line);
      if (this.#readAhead.length >= MAX_READ_AHEAD_LINES) this.#readline.pause();
      return;
    }
    if (waiter.isChat && this.isInteractive) this.#output.write(`\x1b[${this.#enteredRows + 1}A\r\x1b[J`);
    waiter.resolve(line);
  }

  #end(): void {
    this.#hasEnded = true;
    for (const { resolve } of this.#waiters.splice(0)) resolve(undefined);
  }

  #showPrompt(): void {
    const waiter = this.#waiters.at(-1);
    if (!this.isInteractive || !waiter) return;
    this.#readline.setPrompt([...(waiter.isChat ? this.#status : []), waiter.prompt].join("\n"));
    this.#readline.prompt(true);
  }

  /** Takes what is being typed off the screen and out of the editor, and returns it. */
  #clearLine(): string {
    if (!this.isInteractive) return "";
    const { line } = this.#readline;
    this.#readline.write(null, { ctrl: true, name: "e" });
    this.#readline.write(null, { ctrl: true, name: "u" });
    return line;
  }

  /** Moves to where the prompt begins and clears the screen from there on. */
  #hidePrompt(): string {
    const { rows } = this.#readline.getCursorPos();
    // readline would go up as many rows again when it next draws the line.
    Object.assign(this.#readline, { prevRows: 0 });
    return `${rows > 0 ? `\x1b[${rows}A` : ""}\r\x1b[J`;
  }

  #noteRows(key: { name?: string } | undefined): void {
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
