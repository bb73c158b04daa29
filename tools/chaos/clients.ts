// Clients with `--auto` that tell the ledger what they show: most of them in this process, some as processes.

import { DEFAULT_CONFIG } from "../../lib/client/config.ts";
import type { ConnectionFailure, SessionConfig, SessionEvent } from "../../lib/client/session.ts";
import { ProtocolError } from "../../lib/errors.ts";
import { translator } from "../../lib/i18n/translate.ts";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { AutoSession } from "../../tests/testing/auto_session.ts";
import { Program } from "../../tests/testing/program.ts";
import type { Ledger } from "./ledger.ts";

/** Shorter timeouts than the product's, so that clients spend more time connected. */
const SESSION_CONFIG: SessionConfig = {
  connections: { ...DEFAULT_CONFIG.session.connections, pingMs: 500, pingTimeoutMs: 1_500 },
  welcomeTimeoutMs: 1_000,
};
/** A shorter backoff than the product's, for the same reason. */
const BACKOFF_SCALE = 0.06;

interface ChaosClientOptions {
  readonly name: string;
  /** The first one is dialled first. */
  readonly servers: readonly [Address, ...Address[]];
  readonly ledger: Ledger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Called with each event. */
  readonly note: (event: string) => void;
}

export interface ChaosClient {
  readonly name: string;
  /** The address of the server that it has joined. */
  readonly server: string | undefined;
  /** Sends the next message, unless the outbox is full. */
  say(): void;
  /** Ends with BYE. */
  leave(): Promise<void>;
  /** Ends without BYE. */
  die(): Promise<void>;
}

/** A client in this process. */
export class SessionClient implements ChaosClient {
  readonly name: string;
  server: string | undefined;
  readonly #options: ChaosClientOptions;
  readonly #client: AutoSession;
  readonly #running: Promise<void>;
  /** `seq` of the last entry shown. */
  #lastSeq = -1;

  constructor(options: ChaosClientOptions) {
    const { name, servers, ledger, random } = options;
    this.name = name;
    this.#options = options;
    this.#client = new AutoSession({
      nick: name,
      servers,
      config: SESSION_CONFIG,
      random: () => BACKOFF_SCALE * random(),
    });
    ledger.addClient(name);
    this.#running = this.#run();
  }

  say(): void {
    const { session } = this.#client;
    if (!session.isFull) session.say(this.#options.ledger.send(this.name));
  }

  async leave(): Promise<void> {
    this.#client.session.leave();
    await this.#running;
  }

  async die(): Promise<void> {
    this.#client.die();
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      for await (const event of this.#client.events()) this.#onEvent(event);
    } catch (error) {
      this.#options.ledger.report("crashed", `${this.name}: ${Deno.inspect(error)}`);
    }
  }

  #onEvent(event: SessionEvent): void {
    const { ledger, note } = this.#options;
    if (event.type === "disconnected") return this.#onDisconnected(event.failure);
    if (event.type === "joined") {
      this.server = formatAddress(event.server);
      this.#lastSeq = -1;
      ledger.onJoined(this.name);
      if (event.truncatedCount > 0) {
        ledger.report("lost", `${this.name} is told that ${event.truncatedCount} entries are missing`);
      }
      return note(`${this.name} is on ${this.server}`);
    }
    for (const { entry } of event.type === "entries" ? event.entries : []) {
      if (entry.seq <= this.#lastSeq) {
        ledger.report("shown out of order", `${this.name} shows entry ${entry.seq} after ${this.#lastSeq}`);
      }
      this.#lastSeq = entry.seq;
      if (entry.type === "said") ledger.read(this.name, entry);
    }
  }

  #onDisconnected({ target, error, wasJoined }: ConnectionFailure): void {
    const { ledger, note } = this.#options;
    this.server = undefined;
    note(
      `${this.name} ${wasJoined ? "lost" : "did not reach"} ${formatAddress(target.server)}: ${error.code}`,
    );
    // Broken connections are part of the game, protocol errors are not.
    const isRefused = /^(frame|version|nick|text|garbled|too-slow)/.test(error.code);
    if (isRefused || error.cause instanceof ProtocolError) {
      ledger.report("refused", `${this.name}: ${error.code}: ${Deno.inspect(error)}`);
    }
  }
}

/** The sentences of programs that run here. */
export const SENTENCES = translator("en");
/** Stands in a sentence for what differs from run to run. */
export const CUT = "\n";
const JOINED = beginning(SENTENCES("client.welcome", { server: CUT, names: "" }));
const LOST = beginning(SENTENCES("client.connection-lost", { server: CUT, why: "" }));
const MISSING = beginning(SENTENCES("client.truncated", { count: CUT }));
/** How Deno begins to report an uncaught error. */
export const UNCAUGHT = "error: ";

/** The part of a sentence before {@linkcode CUT}. */
export function beginning(sentence: string): string {
  return sentence.slice(0, sentence.indexOf(CUT));
}

/** A client as a process. */
export class ProcessClient implements ChaosClient {
  readonly name: string;
  server: string | undefined;
  readonly #options: ChaosClientOptions;
  readonly #program: Program;
  #isLeaving = false;

  constructor(options: ChaosClientOptions) {
    const { name, servers, ledger } = options;
    this.name = name;
    this.#options = options;
    ledger.addClient(name);
    const [first, ...backups] = servers.map(formatAddress);
    const args = [`--host=${first}`, `--nick=${name}`, "--auto", "--lang=en"];
    args.push(...backups.map((backup) => `--backup=${backup}`));
    this.#program = new Program("client", args, {
      hasStdin: true,
      onLine: (line) => this.#show(line),
      onEnd: ({ code, signal }) => {
        this.server = undefined;
        if (!this.#isLeaving) ledger.report("crashed", `${name} ended with ${signal ?? code}`);
      },
    });
  }

  say(): void {
    void this.#program.type(this.#options.ledger.send(this.name));
  }

  async leave(): Promise<void> {
    this.#isLeaving = true;
    await this.#program.type("quit");
    await this.#program.end();
  }

  async die(): Promise<void> {
    this.#isLeaving = true;
    this.#program.sendSignal("SIGKILL");
    await this.#program.end();
  }

  #show(line: string): void {
    if (this.#isLeaving) return; // its last line may not be whole
    const { ledger, note } = this.#options;
    const shown = messageIn(line);
    if (shown) return void ledger.show(this.name, shown);
    if (line.startsWith(JOINED)) {
      ledger.onJoined(this.name);
      this.server = line.slice(JOINED.length).split(". ", 1)[0];
    }
    if (line.includes(LOST)) this.server = undefined;
    if (line.includes(MISSING)) ledger.report("lost", `${this.name} is told: ${line}`);
    if (line.startsWith(UNCAUGHT)) ledger.report("crashed", `${this.name}: ${line}`);
    note(`${this.name}: ${line}`);
  }
}

/** The message in a line of a client or a console. */
export function messageIn(line: string): { nick: string; text: string } | undefined {
  const [, nick, text] = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] (?:[~+] )?([\w-]+): (.+)$/.exec(line) ?? [];
  return nick === undefined || text === undefined ? undefined : { nick, text };
}
