// Runs chat-server and chat-client as processes, for tests, tools and benchmarks.

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };

/** The task of deno.json that starts a program. */
export type Task = "server" | "client";

/** How long a program may take to end after SIGTERM, in ms. */
const END_TIMEOUT_MS = 2_000;
const EXIT_WITH_PARENT = fileURLToPath(new URL("./exit_with_parent.ts", import.meta.url));

/** The command of a program: an executable in `folder`, otherwise Deno with the flags of the task and `denoFlags`. */
export function commandOf(
  task: Task,
  { folder, denoFlags = [] }: { folder?: string; denoFlags?: readonly string[] } = {},
): [path: string, ...args: string[]] {
  if (folder !== undefined) return [resolve(folder, `chat-${task}`)];
  const [_deno, run, ...flags] = config.tasks[task].command.split(" ");
  // Not the `deno` of PATH, which may be a script: SIGKILL would end the script alone.
  return [Deno.execPath(), run!, ...denoFlags, ...flags];
}

interface ProgramOptions {
  /** The folder of the executables to run instead of the source code. */
  readonly folder?: string;
  readonly env?: Record<string, string>;
  /** The caller writes to standard input, which is empty otherwise. */
  readonly hasStdin?: boolean;
  /** Standard output is discarded. */
  readonly isOutputUnread?: boolean;
  /** Called with each line of standard output and standard error. */
  readonly onLine?: (line: string) => void;
  /** Called after the last line. */
  readonly onEnd?: (status: Deno.CommandStatus) => void;
}

/** A running program. It ends with the scope that holds it, and with this process. */
export class Program implements AsyncDisposable {
  /** Standard output so far, also what a prompt leaves without a line end. */
  output = "";
  /** Standard error so far. */
  errors = "";
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #options: ProgramOptions;
  readonly #exited: Promise<Deno.CommandStatus>;
  #hasExited = false;
  /** Fulfilled at the next output, and at the end. */
  #changed = Promise.withResolvers<void>();

  constructor(task: Task, args: readonly string[], options: ProgramOptions = {}) {
    const { folder, env, hasStdin = false, isOutputUnread = false } = options;
    const [path, ...start] = commandOf(task, {
      folder,
      denoFlags: ["--quiet", "--preload", EXIT_WITH_PARENT],
    });
    const command = new Deno.Command(path, {
      args: [...start, ...args],
      env,
      stdin: hasStdin ? "piped" : "null",
      stdout: isOutputUnread ? "null" : "piped",
      stderr: "piped",
    });
    this.#options = options;
    this.#child = command.spawn();
    this.#input = hasStdin ? this.#child.stdin.getWriter() : undefined;
    this.#exited = this.#run();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The lines of standard output so far, the unfinished one too. */
  get lines(): string[] {
    return this.output.replace(/\n$/, "").split("\n");
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** Writes lines at once. Fulfilled when the program has taken them, or has ended. */
  async type(...lines: readonly string[]): Promise<void> {
    const text = lines.map((line) => `${line}\n`).join("");
    await this.#input?.write(new TextEncoder().encode(text)).catch(() => {});
  }

  async closeStdin(): Promise<void> {
    await this.#input?.close().catch(() => {});
  }

  /** Sends a signal, unless the program has ended. */
  sendSignal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      // Deno throws these if the process has ended.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Waits until the condition holds, which is checked at each output.
   * @throws {Error} if the program ends before; the signal's reason */
  async waitUntil(condition: () => boolean, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    while (!condition()) {
      if (this.#hasExited) throw new Error(`Process ${this.pid} has ended`);
      await unlessAborted(this.#changed.promise, signal);
    }
  }

  /** Waits for a line of standard output.
   * @throws {Error} if the program ends before; the signal's reason */
  waitForLine(isWanted: (line: string) => boolean, options: { signal?: AbortSignal } = {}): Promise<void> {
    return this.waitUntil(() => this.lines.some(isWanted), options);
  }

  /** Waits until the program has ended, and all its output is read.
   * @throws the signal's reason */
  exited({ signal }: { signal?: AbortSignal } = {}): Promise<Deno.CommandStatus> {
    return unlessAborted(this.#exited, signal);
  }

  /** Sends SIGTERM, and SIGKILL after {@linkcode END_TIMEOUT_MS}. */
  async end(): Promise<void> {
    this.sendSignal("SIGTERM");
    const timer = setTimeout(() => this.sendSignal("SIGKILL"), END_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await this.closeStdin();
  }

  async #run(): Promise<Deno.CommandStatus> {
    const reading = this.#options.isOutputUnread
      ? undefined
      : this.#read(this.#child.stdout, (text) => this.output += text);
    // On Windows Deno waits for each pipe in a thread, and has four a core: with two pipes for each program none would
    // be left to type to a third client, on two cores.
    if (Deno.build.os === "windows") await reading;
    await Promise.all([reading, this.#read(this.#child.stderr, (text) => this.errors += text)]);
    const status = await this.#child.status;
    this.#hasExited = true;
    this.#changed.resolve();
    this.#options.onEnd?.(status);
    return status;
  }

  async #read(stream: ReadableStream<Uint8Array>, keep: (text: string) => void): Promise<void> {
    const onText = (text: string) => {
      keep(text);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    };
    for await (const line of linesOf(stream, onText)) this.#options.onLine?.(line);
  }
}

/** The lines of a stream of UTF-8, without their ends. `onText` gets the text as it comes, after its lines. */
export async function* linesOf(
  stream: ReadableStream<Uint8Array>,
  onText: (text: string) => void = () => {},
): AsyncGenerator<string> {
  let unfinished = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (unfinished + text).split("\n");
    unfinished = lines.pop()!;
    yield* lines;
    onText(text);
  }
  if (unfinished) yield unfinished;
}

async function unlessAborted<Result>(promise: Promise<Result>, signal?: AbortSignal): Promise<Result> {
  signal?.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal!.reason);
  signal?.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}
