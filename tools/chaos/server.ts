// A server process behind its proxy, which is started, frozen and killed again and again on the same address. The
// ledger knows each start as a console.

import { freeAddress } from "../../tests/testing/addresses.ts";
import { Program } from "../../tests/testing/program.ts";
import { beginning, CUT, messageIn, SENTENCES, UNCAUGHT } from "./clients.ts";
import type { Ledger } from "./ledger.ts";
import { FaultProxy, type Network } from "./proxy.ts";

const LISTENING = beginning(SENTENCES("server.listening", { address: CUT }));
const SKIPPED = beginning(SENTENCES("output.skipped", { count: CUT }));

interface ChaosServerOptions {
  readonly name: string;
  readonly network: Network;
  readonly ledger: Ledger;
  /** Flags that say where it keeps its room. */
  readonly storageFlags: readonly string[];
  /** Its room is that of other servers too. */
  readonly isShared: boolean;
  /** Called with each event. */
  readonly note: (event: string) => void;
}

export class ChaosServer implements AsyncDisposable {
  /** Where it listens, behind the proxy. */
  readonly address = freeAddress();
  readonly proxy: FaultProxy;
  isListening = false;
  readonly #options: ChaosServerOptions;
  #starts = 0;
  #program: Program | undefined;
  /** It was told to end. */
  #isEnding = false;

  /** Opens the proxy, and does not start the server. */
  constructor(options: ChaosServerOptions) {
    this.proxy = new FaultProxy(this.address, options.network);
    this.#options = options;
  }

  /** The name of its current console. */
  get console(): string {
    return `${this.#options.name}, start ${this.#starts}`;
  }

  /** Starts it unless it runs. Fulfilled when it listens, or has ended before. */
  async start({ graceSeconds, signal }: { graceSeconds: number; signal: AbortSignal }): Promise<void> {
    if (this.#program) return;
    const { ledger, storageFlags, note } = this.#options;
    const { host, port } = this.address;
    this.#starts++;
    const name = this.console;
    this.#isEnding = false;
    ledger.addConsole(name);
    const args = [
      ...["--host", host, "--port", `${port}`, "--grace", `${graceSeconds}`, "--rate", "0", "--lang", "en"],
      ...storageFlags,
    ];
    let garbled: string | undefined;
    const reportGarbled = () => {
      if (garbled !== undefined) ledger.report("garbled", `${name} shows ${garbled}`);
    };
    const program = this.#program = new Program("server", args, {
      onLine: (line) => {
        reportGarbled();
        garbled = this.#show(name, line) ? undefined : line;
      },
      onEnd: ({ code, signal }) => {
        if (signal !== "SIGKILL") reportGarbled(); // otherwise its last line may be cut off
        this.#program = undefined;
        this.isListening = false;
        note(`${name} has ended with ${signal ?? code}`);
        if (!this.#isEnding) ledger.report("crashed", `${name} has ended with ${signal ?? code}`);
      },
    });
    await program.waitForLine((line) => line.startsWith(LISTENING), { signal }).catch(() => {});
  }

  /** Ends it, and waits until it has ended. Returns whether it listened. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<boolean> {
    const program = this.#program;
    const wasListening = this.isListening;
    this.#isEnding = true;
    if (signal === "SIGKILL") this.isListening = false;
    program?.sendSignal(signal);
    await program?.exited();
    return wasListening;
  }

  sendSignal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#program?.sendSignal(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    await this.proxy[Symbol.asyncDispose]();
  }

  /** Returns false for a message that no client sent, or that is cut off. */
  #show(name: string, line: string): boolean {
    const { ledger, isShared, note } = this.#options;
    const shown = messageIn(line);
    if (shown) return ledger.numberOf(shown) !== undefined && ledger.show(name, shown) !== undefined;
    if (line.startsWith(LISTENING)) {
      this.isListening = true;
      if (isShared) ledger.onJoined(name);
    }
    if (line.startsWith(UNCAUGHT)) ledger.report("crashed", `${name}: ${line}`);
    if (line.includes(SKIPPED)) ledger.report("lost", `${name}: ${line}`);
    note(`${name}: ${line}`);
    return true;
  }
}
