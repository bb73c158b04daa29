// Clients with `--auto` that tell a ledger what they show: many in this process, some in their own.

import { systemClock } from "../../lib/base/time.ts";
import { DEFAULT_CONFIG } from "../../lib/client/config.ts";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { dial } from "../../lib/net/tcp.ts";
import { ChatError, ProtocolError } from "../../lib/errors.ts";
import { translator } from "../../lib/i18n/translate.ts";
import { SessionState } from "../../lib/client/session_state.ts";
import { TOKEN_BYTES } from "../../lib/protocol/frames.ts";
import {
  type ConnectionFailure,
  type ConnectTarget,
  Session,
  type SessionConfig,
  type SessionEvent,
} from "../../lib/client/session.ts";
import { ServerSelector } from "../../lib/client/server_selector.ts";
import { Terminal } from "../../lib/terminal/terminal.ts";
import { Program } from "../../tests/testing/program.ts";
import type { Ledger, Shown } from "./ledger.ts";

/** Shorter timeouts than the product's, which would leave little time for chatting. */
const SESSION_CONFIG: SessionConfig = {
  connections: { ...DEFAULT_CONFIG.session.connections, pingMs: 500, pingTimeoutMs: 1_500 },
  welcomeTimeoutMs: 1_000,
};
/** How much of the time it waits before it goes to the next server, for the same reason. */
const BACKOFF_SCALE = 0.06;

/** What a client needs. */
interface ClientOptions {
  readonly name: string;
  /** Where it goes first; possibly a wrong address. */
  readonly first: Address;
  readonly servers: readonly Address[];
  readonly ledger: Ledger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Told what happens to it. */
  readonly note: (what: string) => void;
}

/** Somebody who chats. */
export interface Client {
  readonly name: string;
  /** The address through which it is on a server, as it has heard. */
  readonly server: string | undefined;
  /** Has it go to the same server again after its next failure, if it can be told to. */
  insist?(): void;
  /** Says the next thing, unless it cannot say any more. */
  say(): void;
  /** Takes leave, and is gone. */
  leave(): Promise<void>;
  /** Is gone without a word. */
  die(): Promise<void>;
}

/** The same parts as in client.ts, without a terminal and in more haste. */
export class InnerClient implements Client {
  readonly name: string;
  server: string | undefined;
  readonly #options: ClientOptions;
  readonly #selector: ServerSelector;
  readonly #session: Session;
  readonly #running: Promise<void>;
  #logId = 0n;
  /** `seq` of the entry shown last. */
  #lastSeq = -1;
  #isDead = false;
  #isInsisting = false;

  constructor(options: ClientOptions) {
    const { name, first, servers, random } = options;
    this.name = name;
    this.#options = options;
    const backups = servers.map((server) => ({ server }));
    const config = { ...DEFAULT_CONFIG, ...first, nick: name, backups, isAuto: true };
    this.#selector = new ServerSelector(
      {
        terminal: silentTerminal,
        language: "en",
        notify: () => Promise.resolve(),
        authPrompter: { authenticate: () => Promise.resolve("notApplicable"), canUpgrade: () => false },
      },
      config,
      () => BACKOFF_SCALE * random(),
    );
    this.#session = new Session(
      {
        state: new SessionState(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)), config),
        nextServer: (failure, options) => this.#next(failure, options),
        dial,
        passwordFor: () => "",
      },
      SESSION_CONFIG,
      systemClock,
    );
    options.ledger.addClient(name);
    this.#running = this.#run();
  }

  insist(): void {
    this.#isInsisting = true;
  }

  say(): void {
    if (!this.#session.isFull) this.#session.say(this.#options.ledger.say(this.name));
  }

  async leave(): Promise<void> {
    this.#session.leave();
    await this.#running;
  }

  async die(): Promise<void> {
    this.#isDead = true;
    this.#session[Symbol.dispose](); // closes its connection
    await this.leave();
  }

  async #next(
    failure: ConnectionFailure | undefined,
    options: { signal: AbortSignal },
  ): Promise<ConnectTarget | undefined> {
    if (this.#isDead) return undefined;
    const isInsisting = this.#isInsisting && failure !== undefined;
    if (!isInsisting) return await this.#selector.next(failure, options);
    this.#isInsisting = false;
    return failure.target;
  }

  async #run(): Promise<void> {
    using session = this.#session;
    try {
      for await (const event of session.run()) this.#take(event);
    } catch (error) {
      this.#options.ledger.report("crashed", `${this.name}: ${Deno.inspect(error)}`);
    }
  }

  #take(event: SessionEvent): void {
    const { ledger, note } = this.#options;
    if (event.type === "disconnected") return this.#fail(event.failure);
    if (event.type === "joined") {
      this.server = formatAddress(event.server);
      this.#selector.onJoined(event.server, { ip: event.ip, logId: event.welcome.logId, backups: [] });
      this.#logId = event.welcome.logId;
      this.#lastSeq = -1;
      ledger.entered(this.name);
      if (event.truncatedCount > 0) {
        ledger.report("lost", `${this.name} is told that ${event.truncatedCount} lines are missing`);
      }
      return note(`${this.name} is on ${this.server}`);
    }
    for (const { entry } of event.type === "entries" ? event.entries : []) {
      if (entry.seq <= this.#lastSeq) {
        ledger.report("shown out of order", `${this.name} shows entry ${entry.seq} after ${this.#lastSeq}`);
      }
      this.#lastSeq = entry.seq;
      if (entry.type === "said") ledger.read(this.name, this.#logId, entry);
    }
  }

  #fail({ target, error, wasJoined }: ConnectionFailure): void {
    const { ledger, note } = this.#options;
    this.server = undefined;
    note(
      `${this.name} ${wasJoined ? "lost" : "did not reach"} ${formatAddress(target.server)}: ${error.code}`,
    );
    // A broken connection is one thing, a peer that breaks the rules another.
    const isWrong = /^(frame|version|nick|text|garbled|too-slow)/.test(error.code);
    if (isWrong || error.cause instanceof ProtocolError) {
      ledger.report("refused", `${this.name}: ${error.code}: ${error.message} ${causeOf(error)}`);
    }
  }
}

function causeOf({ cause }: ChatError): string {
  return cause instanceof Error ? cause.message : "";
}

const silentTerminal = new Terminal({
  input: new ReadableStream(),
  write: () => Promise.resolve(),
  isTty: false,
}, systemClock);

/** What programs say here. */
export const SENTENCES = translator("en");
/** Stands in a sentence for what differs from one time to the next. */
export const CUT = "\n";
const ENTERED = beginning(SENTENCES("client.welcome", { server: CUT, names: "" }));
const LOST = beginning(SENTENCES("client.connection-lost", { server: CUT, why: "" }));
const MISSING = beginning(SENTENCES("client.truncated", { count: CUT }));
/** How a program that crashes begins to tell so. */
export const UNCAUGHT = "error: ";

/** What comes before {@linkcode CUT}. */
export function beginning(sentence: string): string {
  return sentence.slice(0, sentence.indexOf(CUT));
}

/** A client as a process of its own, with a pipe for its input. */
export class OuterClient implements Client {
  readonly name: string;
  server: string | undefined;
  readonly #options: ClientOptions;
  readonly #program: Program;
  #isLeaving = false;

  constructor(options: ClientOptions) {
    const { name, first, servers, ledger } = options;
    this.name = name;
    this.#options = options;
    ledger.addClient(name);
    const args = [
      ...["--host", first.host, "--port", `${first.port}`, "--nick", name, "--auto", "--lang", "en"],
      ...servers.flatMap((server) => ["--backup", formatAddress(server)]),
    ];
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
    void this.#program.type(this.#options.ledger.say(this.name));
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
    if (line.startsWith(ENTERED)) {
      ledger.entered(this.name);
      this.server = line.slice(ENTERED.length).split(". ", 1)[0];
    }
    if (line.includes(LOST)) this.server = undefined;
    if (line.includes(MISSING)) ledger.report("lost", `${this.name} is told: ${line}`);
    if (line.startsWith(UNCAUGHT)) ledger.report("crashed", `${this.name}: ${line}`);
    note(`${this.name}: ${line}`);
  }
}

/** The message in a line that a client or a console shows. */
export function messageIn(line: string): Shown | undefined {
  const [, nick, text] = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] (?:[~+] )?([\w-]+): (.+)$/.exec(line) ?? [];
  return nick === undefined || text === undefined ? undefined : { nick, text };
}
