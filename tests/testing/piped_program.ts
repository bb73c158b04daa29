// Servers and clients as processes of their own that are talked to through pipes, as a script would. What they
// show is read as it comes, unfinished lines too: questions end without one.

import { resolve } from "node:path";
import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };

export const LOOPBACK = "127.0.0.1";

/** Longest wait for anything, in ms: a test that needs it has failed, also on a machine that is busy. */
export const TEST_TIMEOUT_MS = 20_000;

/** A program of the project: the task of deno.json that starts it. */
export type Task = "server" | "client";

/** Ends what we have started when we are killed. */
const EXIT_WITH_PARENT = new URL("./exit_with_parent.ts", import.meta.url).pathname;

/** The folder of the executables that are tested instead of the source code: what stands behind `--`. */
const [executables] = Deno.args;

/** What starts a program: an executable, or Deno with the permissions that its task gives and no others. */
export function commandOf(task: Task, ...flags: readonly string[]): [path: string, ...args: string[]] {
  if (executables) return [resolve(executables, `chat-${task}`)];
  const [_deno, ...args] = config.tasks[task].command.split(" ");
  // Not by name: a `deno` in PATH may be a script around the real one, and die of SIGKILL alone.
  return [Deno.execPath(), args.shift()!, ...flags, ...args];
}

/** What a promise gives, unless it takes forever. */
export async function soon<Value>(promise: Promise<Value>, what: () => string): Promise<Value> {
  const { promise: never, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Still waiting for ${what()}`)), TEST_TIMEOUT_MS);
  try {
    return await Promise.race([promise, never]);
  } finally {
    clearTimeout(timer);
  }
}

/** The text with all that is different on every run made the same: times of day, and random waits. */
export function normalize(text: string): string {
  return text
    .replace(/(?<=^\[|, desde )\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/gm, "yyyy-MM-dd HH:mm:ss")
    .replace(/ dentro de \d,\d s\.$/gm, " dentro de N s.");
}

/** A program that runs with pipes for input, output and errors. Killed at the end of its scope, where it must
 * not have written errors that nobody asked for. */
export class PipedProgram implements AsyncDisposable {
  /** All that it has written so far. */
  output = "";
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #outputReader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #ended: Promise<Deno.CommandStatus>;
  #errors = "";
  #hasEnded = false;
  /** How much of the output has been seen. */
  #seen = 0;
  #watch = () => {};

  /** Starts it at once, in Spanish. */
  constructor(task: Task, ...args: readonly string[]) {
    const [path, ...start] = commandOf(task, "--preload", EXIT_WITH_PARENT);
    const command = new Deno.Command(path, {
      args: [...start, ...args],
      env: { LC_ALL: "es_ES.UTF-8" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    this.#child = command.spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#outputReader = this.#child.stdout.getReader();
    this.#ended = this.#run();
  }

  /** All that it has written so far, line by line, {@linkcode steady}. */
  get lines(): string[] {
    return normalize(this.output).replace(/\n$/, "").split("\n");
  }

  /** Pipes lines in, and goes on when it has taken them. */
  async type(...lines: readonly string[]): Promise<void> {
    await this.#input.write(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
  }

  /** Ends its input. */
  async closeStdin(): Promise<void> {
    await this.#input.close();
  }

  /** Ends the reading of its output. */
  async closeStdout(): Promise<void> {
    await this.#outputReader.cancel();
  }

  /** Sends it a signal. */
  sendSignal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Goes on when all these texts have been written, in any order, after what was seen before. */
  async waitForOutput(...texts: readonly string[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#watch = () => {
      const endInput = texts.map((text) => endOf(text, { in: this.output, from: this.#seen }));
      if (endInput.every((end) => end !== undefined)) {
        this.#watch = () => {};
        this.#seen = Math.max(...endInput);
        resolve();
      } else if (this.#hasEnded) reject(new Error(`Ended without ${this.#transcript(texts)}`));
    };
    this.#watch();
    await soon(promise, () => this.#transcript(texts));
  }

  /** Goes on when it has ended, with this exit status and these errors. */
  async endInput(status: number, errors = ""): Promise<void> {
    const { code } = await soon(this.#ended, () => this.#transcript(["the end"]));
    const found = this.#errors;
    this.#errors = "";
    assertEquals([code, found], [status, errors], this.output);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) this.sendSignal("SIGKILL");
    await this.#ended;
    await this.#input.close().catch(() => {}); // closed before, or nobody reads it any more
    assertEquals(this.#errors, "", "Nobody asked for errors");
  }

  #transcript(awaited: readonly string[]): string {
    return `${JSON.stringify(awaited)} after\n${this.output}\n${this.#errors}`;
  }

  async #run(): Promise<Deno.CommandStatus> {
    const errors = new Response(this.#child.stderr).text();
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await this.#outputReader.read();
      if (done) break;
      this.output += decoder.decode(value, { stream: true });
      this.#watch();
    }
    this.#errors = await errors;
    const status = await this.#child.status;
    this.#hasEnded = true;
    this.#watch();
    return status;
  }
}

/** A server on this port that listens already, and slows nobody: scripts type faster than people. */
export async function startServer(port: number, ...args: readonly string[]): Promise<PipedProgram> {
  const flags = ["--host", LOOPBACK, "--port", `${port}`, "--rate", "0"];
  const server = new PipedProgram("server", ...flags, ...args);
  return await onceItSays(listening(port), server);
}

/** A client that is in already. */
export async function startClient(
  nick: string,
  port: number,
  ...args: readonly string[]
): Promise<PipedProgram> {
  const client = new PipedProgram("client", "--host", LOOPBACK, "--port", `${port}`, "--nick", nick, ...args);
  return await onceItSays(`Conectado a ${LOOPBACK}:${port}.`, client);
}

/** What a server on this port says first. */
export function listening(port: number): string {
  return `Escuchando en ${LOOPBACK}:${port}. Escriba "salir" para terminar.`;
}

function endOf(text: string, { in: output, from }: { in: string; from: number }): number | undefined {
  const at = output.indexOf(text, from);
  return at < 0 ? undefined : at + text.length;
}

async function onceItSays(text: string, program: PipedProgram): Promise<PipedProgram> {
  try {
    await program.waitForOutput(text);
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** The addresses that a server offers to listen on, besides all of them. */
export function localAddresses(): { address: string; name: string }[] {
  return Deno.networkInterfaces().map(({ address, name, scopeid }) => ({
    address: scopeid ? `${address}%${scopeid}` : address,
    name,
  }));
}

// The system gives ports of its own choice from 32768 on, also to every client that connects: one of those could
// be taken between finding and using it.
const FIRST_PORT = 20_000;
const PORT_COUNT = 10_000;
let nextPort = Math.floor(Math.random() * PORT_COUNT);

/** A port that nobody listens on, another one at every call. */
export function freePort(): number {
  for (;;) {
    const port = FIRST_PORT + nextPort++ % PORT_COUNT;
    try {
      Deno.listen({ hostname: LOOPBACK, port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
