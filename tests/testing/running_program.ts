// Runs servers and clients as processes, and reads their output line by line.

import config from "../../deno.json" with { type: "json" };

/** How long a process may take to end once it is told to, in ms. */
const ENDING_MS = 2_000;

/** How a process is started. */
interface StartOptions {
  /** The task of deno.json that it is: the same command, with the same permissions. */
  readonly task: "server" | "client";
  /** Arguments of the program. */
  readonly args: readonly string[];
  /** Whether something will be typed; otherwise its input is at the end from the start. */
  readonly hasStdin?: boolean;
  /** Whether nobody reads what it shows on standard output, which then goes nowhere. */
  readonly isOutputUnread?: boolean;
  /** Told each line as it is shown. */
  readonly onLine?: (line: string) => void;
  /** Told how it ended, after its last line. */
  readonly onEnd?: (status: Deno.CommandStatus) => void;
}

/** A server or a client that runs. It does not outlive the scope that holds it. */
export class RunningProgram implements AsyncDisposable {
  /** Every line shown so far, on standard output and standard error. */
  readonly lines: string[] = [];
  readonly #ended: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array> | undefined;
  readonly #options: StartOptions;
  #hasEnded = false;
  /** Fulfilled at the next line, and at the end. */
  #changed = Promise.withResolvers<void>();

  /** Starts it at once. */
  constructor(options: StartOptions) {
    const { task, args, hasStdin = false, isOutputUnread = false } = options;
    // The very program that runs this one: what PATH calls deno may be a script around it, and a SIGKILL
    // would end the script alone.
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--preload", "./tools/exit_with_parent.ts", ...commandOf(task), ...args],
      stdin: hasStdin ? "piped" : "null",
      stdout: isOutputUnread ? "null" : "piped",
      stderr: "piped",
    });
    this.#child = command.spawn();
    this.#input = hasStdin ? this.#child.stdin.getWriter() : undefined;
    this.#options = options;
    this.#ended = this.#run();
  }

  /** Id of its process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Types lines, in one go. Fulfilled when it can read them; that it has ended shows elsewhere. */
  async type(...lines: readonly string[]): Promise<void> {
    const text = lines.map((line) => `${line}\n`).join("");
    await this.#input?.write(new TextEncoder().encode(text)).catch(() => {});
  }

  /** Ends its input. */
  async endInput(): Promise<void> {
    await this.#input?.close().catch(() => {});
  }

  /** Waits until it has shown a line as asked for, before or after the call.
   * @throws {Error} if it ends without; the signal's reason */
  async waitForLine(isWanted: (line: string) => boolean, { signal }: { signal: AbortSignal }): Promise<void> {
    for (let at = 0;; at++) {
      while (at === this.lines.length) {
        if (this.#hasEnded) throw new Error(`Cannot wait for a line: process ${this.#child.pid} has ended`);
        await unlessAborted(this.#changed.promise, signal);
      }
      if (isWanted(this.lines[at]!)) return;
    }
  }

  /** Waits until it has ended, and all that it showed is read.
   * @throws the signal's reason */
  exited({ signal }: { signal: AbortSignal }): Promise<Deno.CommandStatus> {
    return unlessAborted(this.#ended, signal);
  }

  /** Sends a signal to the process, unless it has ended. */
  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      // What Deno throws when there is no such process any more.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Tells it to end, and kills it if that takes longer than {@linkcode ENDING_MS}. */
  async end(): Promise<void> {
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill("SIGKILL"), ENDING_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }

  async #run(): Promise<Deno.CommandStatus> {
    const showing = this.#options.isOutputUnread ? Promise.resolve() : this.#read(this.#child.stdout);
    // On Windows Deno waits for each pipe in a thread of its own, and has four a core: two for each program would
    // leave none to type to a third client with, on two cores.
    if (Deno.build.os === "windows") await showing;
    await Promise.all([showing, this.#read(this.#child.stderr)]);
    const status = await this.#child.status;
    this.#hasEnded = true;
    this.#changed.resolve();
    this.#options.onEnd?.(status);
    return status;
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const line of linesOf(stream)) {
      this.lines.push(line);
      this.#options.onLine?.(line);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    }
  }
}

async function unlessAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** The permissions and the file of a task's `deno run`. */
function commandOf(task: StartOptions["task"]): string[] {
  return config.tasks[task].command.split(" ").slice(2);
}

/** The lines of a stream of UTF-8, without their ends. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let unfinished = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (unfinished + text).split("\n");
    unfinished = lines.pop()!;
    yield* lines;
  }
  if (unfinished) yield unfinished;
}

/** TCP ports of a local address that nobody listens on, all different. */
export function freePorts(hostname: string, count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname, port: 0 }));
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}
