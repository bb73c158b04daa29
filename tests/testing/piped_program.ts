// Runs chat-server and chat-client as a script does, with pipes, and compares their whole output.

import { assertEquals } from "@std/assert";
import { LOOPBACK } from "./addresses.ts";
import { Program, type Task } from "./program.ts";
import { withTimeout } from "./waiting.ts";

/** The folder of the executables to test instead of the source code: the first argument after `--`. */
export const [EXECUTABLES_FOLDER] = Deno.args;
/** For tests of a client at a screen that is given no host: an executable would ask the real network for servers. */
export const fromSource = { ignore: EXECUTABLES_FOLDER !== undefined };

/** The text with everything replaced that differs from run to run: times of day, and random waits. */
export function normalize(text: string): string {
  return text
    .replace(/(?<=^\[|, desde )\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/gm, "yyyy-MM-dd HH:mm:ss")
    .replace(/ dentro de \d,\d s\.$/gm, " dentro de N s.");
}

/** A program in Spanish. The end of its scope kills it, and fails if it wrote errors that no test expected. */
export class PipedProgram extends Program {
  /** How much of the output earlier waits have read. */
  #seen = 0;

  constructor(task: Task, ...args: readonly string[]) {
    super(task, args, { folder: EXECUTABLES_FOLDER, env: { LC_ALL: "es_ES.UTF-8" }, hasStdin: true });
  }

  /** All lines so far, {@linkcode normalize normalized}. */
  override get lines(): string[] {
    return super.lines.map(normalize);
  }

  /** Waits for all these texts, in any order, after what earlier calls waited for. */
  async waitForOutput(...texts: readonly string[]): Promise<void> {
    const ends = () => texts.map((text) => this.output.indexOf(text, this.#seen) + text.length);
    const isThere = () => texts.every((text) => this.output.includes(text, this.#seen));
    const transcript = () => `${JSON.stringify(texts)} after\n${this.output}\n${this.errors}`;
    try {
      await withTimeout(this.waitUntil(isThere), transcript);
    } catch (error) {
      throw this.hasExited ? new Error(`Ended without ${transcript()}`) : error;
    }
    this.#seen = Math.max(...ends());
  }

  /** Waits until it ends, with this exit status and these errors. */
  async expectExit(status: number, errors = ""): Promise<void> {
    const { code } = await withTimeout(this.exited(), () => `the end of\n${this.output}\n${this.errors}`);
    const written = this.errors;
    this.errors = "";
    assertEquals([code, written], [status, errors], this.output);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.sendSignal("SIGKILL");
    await this.exited();
    await this.closeStdin();
    assertEquals(this.errors, "", "errors that no test expected");
  }
}

/** Starts a server without a rate limit, and waits until it listens. */
export function startServer(port: number, ...args: readonly string[]): Promise<PipedProgram> {
  const flags = ["--host", LOOPBACK, "--port", `${port}`, "--rate", "0"];
  return started(new PipedProgram("server", ...flags, ...args), listening(port));
}

/** Starts a client, and waits until it has joined. */
export function startClient(nick: string, port: number, ...args: readonly string[]): Promise<PipedProgram> {
  const flags = ["--host", LOOPBACK, "--port", `${port}`, "--nick", nick];
  return started(new PipedProgram("client", ...flags, ...args), `Conectado a ${LOOPBACK}:${port}.`);
}

/** The first line of a server. */
export function listening(port: number): string {
  return `Escuchando en ${LOOPBACK}:${port}. Escriba "salir" para terminar.`;
}

/** The second line of a server. */
export function joining(port: number): string {
  const client = EXECUTABLES_FOLDER === undefined
    ? "deno task client"
    : Deno.build.os === "windows"
    ? "chat-client"
    : "./chat-client";
  return `Para entrar desde este equipo: ${client} --host ${LOOPBACK} --port ${port}`;
}

async function started(program: PipedProgram, text: string): Promise<PipedProgram> {
  try {
    await program.waitForOutput(text);
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}
