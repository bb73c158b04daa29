// A person, or a script, at a terminal whose program runs in this process.

import { type Clock, systemClock } from "../lib/base/time.ts";
import type { ChatOptions } from "../lib/terminal/input_router.ts";
import type { Language } from "../lib/i18n/translate.ts";
import type { LocalAddress, ProcessContext } from "../lib/cli/process.ts";
import { Terminal } from "../lib/terminal/terminal.ts";
import type { Tty } from "../lib/terminal/tty.ts";
import { TestClock, withTimeout } from "./support.ts";

/** The texts of the lines that are typed for the chat. */
export async function* linesOf(terminal: Terminal, options?: ChatOptions): AsyncGenerator<string> {
  for await (const { text } of terminal.lines("> ", options)) yield text;
}

/** How somebody types whom no prompt is to interrupt. */
export interface Typing {
  readonly idleMs: number;
  readonly clock?: Clock;
}

/** Who sits at a terminal, and what is around them. */
export interface FakeUserOptions {
  readonly language?: Language;
  readonly clock?: Clock;
  readonly localAddresses?: readonly LocalAddress[];
  readonly hasColors?: boolean;
  /** A pipe otherwise. */
  readonly isTty?: boolean;
  readonly isSystemEcho?: boolean;
  readonly tty?: Tty;
  /** Set if a question is to wait for them while they type. */
  readonly typing?: Typing;
  readonly configFolder?: string;
  /** What their programs run on. */
  readonly runtime?: string;
}

/** A person, or a script, at a terminal in this process. */
export class FakeUser implements AsyncDisposable {
  readonly terminal: Terminal;
  /** All that was written to them. */
  output = "";
  /** How many times something was written. */
  writes = 0;
  /** Whether a program of theirs has given up reading and writing files. */
  hasGivenUpFiles = false;
  readonly #options: FakeUserOptions;
  readonly #ending = new AbortController();
  readonly #runs: Promise<unknown>[] = [];
  readonly #watchers = new Set<() => void>();
  #keys!: ReadableStreamDefaultController<Uint8Array>;
  #hasEnded = false;

  constructor(options: FakeUserOptions = {}) {
    this.#options = options;
    const { isTty = false, isSystemEcho, tty, typing = { idleMs: 0 } } = options;
    this.terminal = new Terminal({
      input: new ReadableStream({ start: (controller) => void (this.#keys = controller) }),
      write: (bytes) => {
        this.output += new TextDecoder().decode(bytes);
        this.writes++;
        for (const watch of this.#watchers) watch();
        return Promise.resolve();
      },
      isTty,
      isSystemEcho,
      tty,
    }, typing.clock ?? systemClock);
    this.terminal.typingIdleMs = typing.idleMs;
  }

  /** Types something, or pipes it in. */
  type(text: string | Uint8Array): void {
    this.#keys.enqueue(typeof text === "string" ? new TextEncoder().encode(text) : text);
  }

  /** Ends what they type. */
  endInput(): void {
    this.#hasEnded = true;
    this.#keys.close();
  }

  /** Has the system end the program. */
  terminate(): void {
    this.#ending.abort();
  }

  /** Starts a program before this person; gives its exit status. */
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
      buildInfo: { distribution: "source", runtime },
      configFolder: this.#options.configFolder,
      dropFilePermissions: () => void (this.hasGivenUpFiles = true),
      terminated: AbortSignal.any([this.#ending.signal, this.terminal.interruptSignal]),
    });
    this.#runs.push(run.catch(() => {}));
    const status = withTimeout(run, () => `the program to end, after\n${this.output}`);
    status.catch(() => {}); // a test that has failed before does not wait for it
    return status;
  }

  /** Fulfilled when what was written to them holds this. */
  async waitForOutput(text: string): Promise<void> {
    await this.until((output) => output.includes(text), text);
  }

  /** Fulfilled when what was written to them is as it should be. */
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
    await Promise.all(this.#runs);
    if (!this.#hasEnded) this.endInput();
    await this.terminal[Symbol.asyncDispose]();
  }
}
