// FakeUser: the user of a program in this process, at a terminal or at a pipe.

import { type Clock, systemClock } from "../../lib/base/time.ts";
import type { ChatOptions } from "../../lib/terminal/input_router.ts";
import type { Language } from "../../lib/i18n/translate.ts";
import type { ConfigFile } from "../../lib/cli/config_file.ts";
import type { LocalAddress, ProcessContext } from "../../lib/cli/process.ts";
import { Terminal } from "../../lib/terminal/terminal.ts";
import type { Tty } from "../../lib/terminal/tty.ts";
import { TestClock } from "./test_clock.ts";
import { withTimeout } from "./waiting.ts";

/** The texts of all lines for the chat, until the input ends. */
export async function* linesOf(terminal: Terminal, options?: ChatOptions): AsyncGenerator<string> {
  for await (const { text } of terminal.lines("> ", options)) yield text;
}

/** After how long without a key a prompt may interrupt the user. */
export interface Typing {
  readonly idleMs: number;
  /** For how long keys still belong to the chat after a prompt has come. */
  readonly graceMs?: number;
  readonly clock?: Clock;
}

/** The terminal, the clock and the language of a user. */
export interface FakeUserOptions {
  readonly language?: Language;
  readonly clock?: Clock;
  readonly localAddresses?: readonly LocalAddress[];
  readonly hasColors?: boolean;
  /** A terminal; a pipe otherwise. */
  readonly isTty?: boolean;
  readonly isSystemEcho?: boolean;
  readonly setRaw?: (isRaw: boolean) => void;
  readonly tty?: Tty;
  /** Set if prompts wait while the user types. */
  readonly typing?: Typing;
  readonly configFolder?: string;
  readonly configFile?: ConfigFile;
  /** What `--version` says of the program. */
  readonly runtime?: string;
}

/** A user at a terminal or a pipe. Each program gets its streams from here. */
export class FakeUser implements AsyncDisposable {
  readonly terminal: Terminal;
  /** All output so far. */
  output = "";
  /** How many writes the output came in. */
  writes = 0;
  /** Whether a program has dropped its file permissions. */
  hasGivenUpFiles = false;
  /** A write takes until then, if the terminal is slow. */
  blocked: Promise<void> | undefined;
  readonly #options: FakeUserOptions;
  readonly #ending = new AbortController();
  readonly #runs: Promise<unknown>[] = [];
  readonly #watchers = new Set<() => void>();
  #keys!: ReadableStreamDefaultController<Uint8Array>;
  #hasEnded = false;
  #isOutputClosed = false;

  constructor(options: FakeUserOptions = {}) {
    this.#options = options;
    const { isTty = false, isSystemEcho, tty, typing = { idleMs: 0 } } = options;
    this.terminal = new Terminal(
      {
        input: new ReadableStream({ start: (controller) => void (this.#keys = controller) }),
        write: (bytes) => {
          if (this.#isOutputClosed) return Promise.reject(new Deno.errors.BrokenPipe());
          this.output += new TextDecoder().decode(bytes);
          this.writes++;
          for (const watch of this.#watchers) watch();
          return this.blocked?.then(() => bytes.length) ?? Promise.resolve(bytes.length);
        },
        isTty,
        isSystemEcho,
        setRaw: options.setRaw,
        tty,
      },
      typing.clock ?? systemClock,
      { idleMs: typing.idleMs, graceMs: typing.graceMs ?? 0 },
    );
  }

  /** Types text, or pipes it in. */
  type(text: string | Uint8Array): void {
    this.#keys.enqueue(typeof text === "string" ? new TextEncoder().encode(text) : text);
  }

  /** Ends the input. */
  endInput(): void {
    this.#hasEnded = true;
    this.#keys.close();
  }

  /** Closes the output, as a reader that goes. */
  closeOutput(): void {
    this.#isOutputClosed = true;
  }

  /** Aborts `terminated`, as a signal does. */
  terminate(): void {
    this.#ending.abort();
  }

  /** Runs a program for this user. Returns its exit status. */
  run(main: (program: ProcessContext) => Promise<number>, ...args: string[]): Promise<number> {
    const { language = "es", clock = new TestClock().now, localAddresses = [], hasColors = false } =
      this.#options;
    const { runtime = "Deno 2.9.6, x86_64-unknown-linux-gnu" } = this.#options;
    const run = main({
      args,
      language,
      terminal: this.terminal,
      hasColors,
      clock,
      localAddresses: () => localAddresses,
      hostName: () => "aula",
      buildInfo: { distribution: "source", runtime },
      configFolder: this.#options.configFolder,
      configFile: this.#options.configFile,
      dropFilePermissions: () => void (this.hasGivenUpFiles = true),
      terminated: AbortSignal.any([this.#ending.signal, this.terminal.interruptSignal]),
    });
    this.#runs.push(run.catch(() => {}));
    const status = withTimeout(run, () => `the program to end, after\n${this.output}`);
    status.catch(() => {}); // a test that has failed before does not wait for it
    return status;
  }

  /** Fulfilled when the output holds this text. */
  async waitForOutput(text: string): Promise<void> {
    await this.until((output) => output.includes(text), text);
  }

  /** Fulfilled when the output meets the condition. */
  async until(isReached: (output: string) => boolean, what: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const watch = () => {
      if (isReached(this.output)) resolve();
    };
    this.#watchers.add(watch);
    watch();
    await withTimeout(promise, () => `${JSON.stringify(what)} in\n${this.output}`);
    this.#watchers.delete(watch);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.terminate();
    await withTimeout(Promise.all(this.#runs), () => `the programs to end, after\n${this.output}`);
    if (!this.#hasEnded) this.endInput();
    await this.terminal[Symbol.asyncDispose]();
  }
}
