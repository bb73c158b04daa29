// Runs a server as a process, as `deno task server` does but without console output, and measures its CPU time and
// memory (Linux only).

import { freePort } from "../tests/testing/addresses.ts";
import { Program } from "../tests/testing/program.ts";
import { connect, HOST } from "./raw_client.ts";

/** How long a server may take to listen, in ms. */
const STARTUP_TIMEOUT_MS = 10_000;
/** How often to try whether it does, in ms. */
const TRYING_MS = 20;
/** The clock of /proc, on every architecture that Deno runs on: a tick is 10 ms. */
const NS_PER_TICK = 10_000_000;

/** Flags of a server that slows no client. */
export const UNLIMITED = ["--rate", "0", "--max-clients", "100000"];

/** What a server has cost so far. */
export interface Cost {
  /** Time on processors, in ns. */
  readonly cpuNs: number;
  /** Resident memory. */
  readonly rssBytes: number;
}

/** A server that is measured. It does not outlive the scope that holds it. */
export class MeasuredServer implements AsyncDisposable {
  readonly port = freePort();
  readonly #program: Program;

  private constructor(flags: readonly string[]) {
    // Without a grace period the loss of a client is announced at once.
    const args = ["--host", HOST, "--port", `${this.port}`, "--grace", "0", ...flags];
    this.#program = new Program("server", args, { isOutputUnread: true });
  }

  /** Starts one that slows no client, unless other flags say so; fulfilled when it listens.
   * @throws {Error} if it does not */
  static async start(flags: readonly string[] = UNLIMITED): Promise<MeasuredServer> {
    const server = new MeasuredServer(flags);
    try {
      await listening(server.port);
      return server;
    } catch (error) {
      await server.#program.end();
      throw error;
    }
  }

  /** What it has cost; undefined where the system does not tell. */
  cost(): Promise<Cost | undefined> {
    return costOfProcess(this.#program.pid);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program.end();
  }
}

/** Fulfilled when a server listens on this port.
 * @throws {Error} if it does not in time */
export async function listening(port: number): Promise<void> {
  const endMs = performance.now() + STARTUP_TIMEOUT_MS;
  for (;;) {
    try {
      return (await connect(port)).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused) || performance.now() >= endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, TRYING_MS));
    }
  }
}

/** What a process has cost; undefined where the system does not tell. */
export async function costOfProcess(pid: number): Promise<Cost | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  // Deno itself reads /proc with all permissions only.
  const files = ["stat", "status"].map((file) => `/proc/${pid}/${file}`);
  const { stdout } = await new Deno.Command("cat", { args: files }).output();
  return costOf(new TextDecoder().decode(stdout));
}

/** Reads proc(5)'s `stat` and `status`, one behind the other. */
export function costOf(proc: string): Cost {
  // The program's name, in brackets, may hold anything. Behind it the 12th and 13th fields are the time that it
  // spent in itself and in the system.
  const [, fields] = /^\d+ \(.*\) (.+)$/m.exec(proc)!;
  const [userTicks, systemTicks] = fields!.split(" ").slice(11, 13).map(Number);
  const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(proc)?.[1]);
  return { cpuNs: (userTicks! + systemTicks!) * NS_PER_TICK, rssBytes: kib * 1_024 };
}
