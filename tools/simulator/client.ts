// A simulated client: a process with a Session, and a user that follows all others to one server.

import { DEFAULT_CONFIG } from "../../lib/client/config.ts";
import type { Delivery } from "../../lib/client/read_tracker.ts";
import { recoveryFor } from "../../lib/client/recovery.ts";
import { backoffMs } from "../../lib/client/server_pool.ts";
import {
  type ConnectionFailure,
  type ConnectTarget,
  Session,
  type SessionEvent,
} from "../../lib/client/session.ts";
import { SessionState } from "../../lib/client/session_state.ts";
import { ConnectError } from "../../lib/errors.ts";
import { delay } from "../../lib/base/time.ts";
import type { Address } from "../../lib/net/address.ts";
import { dial, type DialOptions } from "../../lib/net/tcp.ts";
import {
  encodeClient,
  type LogEntry,
  type MessageOptions,
  type ServerPing,
  TOKEN_BYTES,
  type WelcomeHeader,
} from "../../lib/protocol/frames.ts";
import type { Dialled, Link } from "./network.ts";
import { Process } from "./process.ts";
import { addressOf, type Server } from "./server.ts";
import type { World } from "./world.ts";

const FILLERS = ["", " hola", " ¿qué tal?", " 日本語", " 👩🏽‍🚀".repeat(9), " ab".repeat(100)];

/** How a client leaves: with BYE, by closing the connection, or without a packet to the server. */
export type Departure = "said" | "closed" | "unnoticed";

interface ClientOptions {
  readonly index: number;
  readonly nick: string;
  /** Index of the server that all clients prefer. */
  readonly primary: () => number;
  readonly newLink: () => { link: Link; windowBytes: number };
}

/** Tells the ledger what the client reads and sends again. */
class WatchedState extends SessionState {
  readonly #world: World;
  logId = 0n;
  /** `seq` of the next entry. */
  nextSeq = 0;
  onRead: () => void = () => {};

  constructor(resumeToken: Uint8Array, world: World) {
    super(resumeToken, DEFAULT_CONFIG);
    this.#world = world;
  }

  override onWelcome(welcome: WelcomeHeader, nowMs: number) {
    const result = super.onWelcome(welcome, nowMs);
    [this.logId, this.nextSeq] = [welcome.logId, welcome.startSeq];
    for (const message of result.resend) this.#world.ledger.resent(this.sessionId, message);
    return result;
  }

  override onEntry(entry: LogEntry, nowMs: number): Delivery {
    this.#world.ledger.read({ reader: this.sessionId, logId: this.logId, nextSeq: this.nextSeq++ }, entry);
    return super.onEntry(entry, nowMs);
  }

  override onPing(ping: ServerPing, nowMs: number): void {
    super.onPing(ping, nowMs);
    if (this.nextSeq >= ping.head) this.onRead();
  }
}

/** One process. */
export class Client {
  readonly process: Process;
  readonly state: WatchedState;
  readonly name: string;
  /** When it was last caught up on the primary; undefined before its first WELCOME. */
  caughtUpOnPrimaryMs: number | undefined;
  /** Index of the server that it uses instead of the primary. */
  override: number | undefined;
  /** It is on another server for longer than an outbox retains messages, and so sends none. */
  isIsolated = false;
  /** Without a network. */
  isOffline = false;
  readonly #world: World;
  readonly #options: ClientOptions;
  readonly #session: Session;
  #nick: string;
  #requestedNick = "";
  /** Index of the server that it uses or dials. */
  #place = -1;
  #connection: Dialled | undefined;
  #abortDial: (reason: Error) => void = () => {};
  #attempt = 0;
  #isGone = false;
  #saidCount = 0;

  constructor(world: World, options: ClientOptions) {
    const { random, ledger } = world;
    this.#world = world;
    this.#options = options;
    this.name = `client ${options.index}`;
    this.#nick = options.nick;
    this.process = new Process(world, { startedMsAgo: random.between(0, 1_000_000) });
    this.process.connect = ({ hostname = "", port, signal }) =>
      this.#connect({ host: hostname, port }, signal);
    const resumeToken = Uint8Array.from({ length: TOKEN_BYTES }, () => random.below(256));
    this.state = new WatchedState(resumeToken, world);
    // Everything before a PING was read.
    this.state.onRead = () => {
      if (this.#place === options.primary()) this.caughtUpOnPrimaryMs = world.timeline.nowMs;
    };
    ledger.addClient(this.state.sessionId, this.name);
    let session!: Session;
    this.process.run(() => {
      session = new Session(
        {
          state: this.state,
          nextServer: (failure) => this.#nextServer(failure),
          dial: (server, { signal }) => this.#dial(server, signal),
          passwordFor: () => "",
        },
        DEFAULT_CONFIG.session,
        this.process.clock,
      );
    });
    this.#session = session;
    this.process.post(() => {
      this.#receive().catch((error) => ledger.report("crashed", `${this.name}: ${error.stack}`));
    });
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  get nick(): string {
    return this.#nick;
  }

  get place(): number {
    return this.#place;
  }

  get connection(): Dialled | undefined {
    return this.#connection;
  }

  /** Whether it has read everything and has no unacked message. */
  isSettledOn({ head, logId }: Server, place: number): boolean {
    const { state } = this;
    return this.#session.idleMs !== undefined && this.#place === place && state.logId === logId &&
      state.nextSeq === head && state.unacked.length === 0;
  }

  say(options: MessageOptions): void {
    this.#act(() => {
      if (this.isIsolated || this.state.isFull) return;
      const text = `${++this.#saidCount}${this.#world.random.pick(FILLERS)}`;
      this.#world.ledger.sent(this.state.sessionId, { text, ...options });
      this.#session.say(text, options);
    });
  }

  /** Asks the current server, or the next one. */
  rename(nick: string): void {
    this.#act(() => {
      if (!this.#session.rename(nick)) this.#nick = nick;
    });
  }

  /** Ends the process, after a BYE in a second at the latest. */
  stop(departure: Departure): void {
    this.#isGone = true;
    this.process.resume();
    if (departure !== "said") return this.#exit(departure);
    this.#world.ledger.saidBye(this.state.sessionId);
    this.process.post(() => this.#session.leave());
    this.#world.timeline.after(1_000, () => this.#exit("closed"));
  }

  /** Leaves the current server and connects again, to `override` or the primary. */
  move(departure: Departure): void {
    this.#act(() => this.#leave(departure));
  }

  goToPrimary(): void {
    this.override = undefined;
    if (this.#place !== this.#options.primary()) this.move("closed");
  }

  /** Does something as its user, who cannot while it is suspended. */
  #act(act: () => void): void {
    if (!this.#isGone && !this.process.isSuspended) this.process.post(act);
  }

  #exit(departure: Departure): void {
    this.process.exit();
    this.#connection?.socket.break({ isNoticed: departure === "closed" });
    this.#connection = undefined;
  }

  #leave(departure: Departure): void {
    this.#abortDial(new ConnectError("refused", { server: "" }));
    const { socket } = this.#connection ?? {};
    if (departure === "said" && this.#session.idleMs !== undefined) {
      this.#world.ledger.saidBye(this.state.sessionId);
      socket?.pipe.send(encodeClient({ type: "bye" }));
    }
    if (departure === "unnoticed") socket?.break({ isNoticed: false });
    else socket?.close();
  }

  async #receive(): Promise<void> {
    for await (const event of this.#session.run()) this.#onEvent(event);
  }

  #onEvent(event: SessionEvent): void {
    const { ledger, timeline } = this.#world;
    const { sessionId, logId } = this.state;
    if (event.type === "joined") {
      this.#attempt = 0;
      ledger.welcomed(logId, sessionId, { requested: this.#requestedNick, granted: event.welcome.nick });
      this.caughtUpOnPrimaryMs ??= timeline.nowMs;
    } else if (event.type === "entries") {
      for (const { entry, delivery } of event.entries) {
        ledger.shown({ reader: sessionId, logId }, entry, delivery);
        const isOwn = entry.type === "renamed" && entry.sessionId === sessionId;
        if (isOwn && delivery === "live") this.#nick = entry.nick;
      }
    }
  }

  async #nextServer(failure: ConnectionFailure | undefined): Promise<ConnectTarget> {
    if (failure) {
      const { error } = failure;
      if (recoveryFor(error).action === "exclude" && error.code !== "replaced") {
        this.#world.ledger.report("crashed", `${this.name}: ${error.stack}`);
      }
      if (error.code === "nick-taken") this.#nick = this.name.replaceAll(" ", "_");
      await delay(backoffMs(this.#attempt++, this.#world.random.unit));
    }
    this.#place = this.override ?? this.#options.primary();
    this.#requestedNick = this.#nick;
    return { server: addressOf(this.#place), nick: this.#nick };
  }

  async #dial(server: Address, signal: DialOptions["signal"]) {
    const aborting = new AbortController();
    this.#abortDial = (reason) => aborting.abort(reason);
    signal.addEventListener("abort", () => aborting.abort(signal.reason));
    return await dial(server, { signal: aborting.signal });
  }

  async #connect(server: Address, signal: AbortSignal | undefined) {
    const { link, windowBytes } = this.#options.newLink();
    this.#connection = await this.#world.network.dial(server, {
      process: this.process,
      address: `192.0.2.${10 + this.#options.index}`,
      link: this.isOffline ? undefined : link,
      windowBytes,
      signal,
      client: this.state,
    });
    return this.#connection.socket;
  }
}
