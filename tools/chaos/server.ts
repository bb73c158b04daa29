// A server as a process behind its proxy: started, frozen and killed as often as one likes, on the same
// address. Each start has a console of its own in the ledger.

import type { Address } from "../../lib/net/address.ts";
import { freeAddress } from "../../tests/testing/addresses.ts";
import { Program } from "../../tests/testing/program.ts";
import { beginning, CUT, messageIn, SENTENCES, UNCAUGHT } from "./clients.ts";
import type { Ledger } from "./ledger.ts";
import { type Network, Proxy } from "./proxy.ts";

const LISTENING = beginning(SENTENCES("server.listening", { address: CUT }));
const SKIPPED = beginning(SENTENCES("server.skipped", { count: CUT }));

/** What a server is told, and whom it tells. */
interface ServerOptions {
  readonly name: string;
  readonly network: Network;
  readonly ledger: Ledger;
  /** Flags about the room that it shares with others, if it does. */
  readonly sharing?: readonly string[];
  /** File in which it keeps its room. */
  readonly data?: string;
  /** Told what happens to it. */
  readonly note: (what: string) => void;
}

/** A server that falls and rises again. */
export class MortalServer implements AsyncDisposable {
  readonly proxy: Proxy;
  /** Where it listens, behind the proxy. */
  readonly address: Address;
  readonly #options: ServerOptions;
  #starts = 0;
  #program: Program | undefined;
  #isListening = false;
  /** Whether it is to end. */
  #isDoomed = false;

  private constructor(proxy: Proxy, options: ServerOptions) {
    this.address = proxy.server;
    this.proxy = proxy;
    this.#options = options;
  }

  /** One that is not started yet. */
  static async open(options: ServerOptions): Promise<MortalServer> {
    return new MortalServer(await Proxy.open(freeAddress(), options.network), options);
  }

  /** Name of its console of now. */
  get console(): string {
    return `${this.#options.name}, start ${this.#starts}`;
  }

  /** Whether it can be gone to. */
  get isListening(): boolean {
    return this.#isListening;
  }

  /** Starts it unless it runs. Fulfilled when it listens, or has ended before. */
  async start({ graceSeconds, signal }: { graceSeconds: number; signal: AbortSignal }): Promise<void> {
    if (this.#program) return;
    const { ledger, data, note, sharing = [] } = this.#options;
    const { host, port } = this.address;
    this.#starts++;
    const name = this.console;
    this.#isDoomed = false;
    ledger.addConsole(name, { isShared: sharing.length > 0 });
    let cutLine: string | undefined;
    const args = [
      ...["--host", host, "--port", `${port}`, "--grace", `${graceSeconds}`, "--rate", "0", "--lang", "en"],
      ...(data ? ["--data", data] : []),
      ...sharing,
    ];
    const program = this.#program = new Program("server", args, {
      onLine: (line) => {
        if (cutLine !== undefined) ledger.report("garbled", `${name} shows ${cutLine}`);
        cutLine = this.#show(name, line) ? undefined : line;
      },
      onEnd: ({ code, signal }) => {
        // Who is killed may not have finished its last line.
        if (cutLine !== undefined && signal !== "SIGKILL") {
          ledger.report("garbled", `${name} shows ${cutLine}`);
        }
        this.#program = undefined;
        this.#isListening = false;
        note(`${name} has ended with ${signal ?? code}`);
        if (!this.#isDoomed) ledger.report("crashed", `${name} has ended with ${signal ?? code}`);
      },
    });
    await program.waitForLine((line) => line.startsWith(LISTENING), { signal }).catch(() => {});
  }

  /** Has it end in this way, and waits until it has. Whether it listened. */
  async end(how: "SIGKILL" | "SIGTERM"): Promise<boolean> {
    const program = this.#program;
    const wasListening = this.#isListening;
    this.#isDoomed = true;
    if (how === "SIGKILL") this.#isListening = false;
    program?.sendSignal(how);
    await program?.exited();
    return wasListening;
  }

  /** Stops it where it is. */
  freeze(): void {
    this.#program?.sendSignal("SIGSTOP");
  }

  /** Has it go on. */
  thaw(): void {
    this.#program?.sendSignal("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    await this.proxy[Symbol.asyncDispose]();
  }

  /** Takes a line in, unless it is a message that nobody said. */
  #show(name: string, line: string): boolean {
    const { ledger, note, sharing } = this.#options;
    const shown = messageIn(line);
    if (shown) return ledger.numberOf(shown) !== undefined && ledger.show(name, shown) !== undefined;
    if (line.startsWith(LISTENING)) {
      this.#isListening = true;
      if (sharing) ledger.entered(name);
    }
    if (line.startsWith(UNCAUGHT)) ledger.report("crashed", `${name}: ${line}`);
    if (line.includes(SKIPPED)) ledger.report("lost", `${name}: ${line}`);
    note(`${name}: ${line}`);
    return true;
  }
}
