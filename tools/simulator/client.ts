// A simulated client: a SessionState behind simulated connections, with a user that follows all others to one server.

import type { SessionState } from "../../lib/client/session_state.ts";
import { type MessageOptions, TOKEN_BYTES } from "../../lib/protocol/frames.ts";
import { backoffMs } from "../../lib/client/server_pool.ts";
import { ClientConnection, type Connect, type Departure } from "./client_connection.ts";
import type { Server } from "./server.ts";
import { TICK_MS } from "./timeline.ts";
import type { World } from "./world.ts";

const FILLERS = ["", " hola", " ¿qué tal?", " 日本語", " 👩🏽‍🚀".repeat(9), " ab".repeat(100)];

interface ClientOptions {
  readonly name: string;
  readonly nick: string;
  readonly connect: Connect;
  /** Index of the server that all clients prefer. */
  readonly primary: () => number;
}

/** One process. */
export class Client {
  readonly world: World;
  readonly state: SessionState;
  readonly name: string;
  /** When it was last caught up on the primary; undefined before its first WELCOME. */
  caughtUpOnPrimaryMs: number | undefined;
  /** Index of the server that it uses instead of the primary. */
  override: number | undefined;
  /** It is on another server for longer than an outbox retains messages, and so sends none. */
  isIsolated = false;
  /** Without a network. */
  isOffline = false;
  readonly #options: ClientOptions;
  readonly #sinceMs: number;
  #nick: string;
  #connection: ClientConnection | undefined;
  #attempt = 0;
  #isGone = false;
  /** Events that are due while it is suspended. */
  #held: { sockets: (() => void)[]; timers: (() => void)[] } | undefined;
  #saidCount = 0;

  constructor(world: World, options: ClientOptions) {
    this.world = world;
    this.#options = options;
    this.name = options.name;
    this.#nick = options.nick;
    this.#sinceMs = world.timeline.nowMs - world.random.between(0, 1_000_000);
    const resumeToken = Uint8Array.from({ length: TOKEN_BYTES }, () => world.random.below(256));
    this.state = world.rules.newSessionState(resumeToken);
    world.ledger.addClient(this.state.sessionId, options.name);
    this.#dial();
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Its monotonic clock. */
  get nowMs(): number {
    return this.world.timeline.nowMs - this.#sinceMs;
  }

  get nick(): string {
    return this.#nick;
  }

  get connection(): ClientConnection | undefined {
    return this.#connection;
  }

  /** Whether it has read everything and has no unacked message. */
  isSettledOn(server: Server): boolean {
    return this.#connection?.isCaughtUpWith(server) === true && this.state.unacked.length === 0;
  }

  say(options: MessageOptions): void {
    if (this.#isGone || this.isIsolated || this.#held || this.state.isFull) return;
    const text = `${++this.#saidCount}${this.world.random.pick(FILLERS)}`;
    this.world.ledger.sent(this.state.sessionId, { text, ...options });
    const message = this.state.say(text, options);
    this.#connection?.say(message);
  }

  /** Asks the current server, or the next one. */
  rename(nick: string): void {
    if (this.#isGone || this.#held) return;
    if (this.#connection?.isIn) this.#connection.say({ type: "nick", nick });
    else this.#nick = nick;
  }

  onRenamed(nick: string): void {
    this.#nick = nick;
  }

  /** Ends the process. */
  stop(departure: Departure): void {
    this.#isGone = true;
    this.#connection?.depart(departure);
    this.#connection = undefined;
  }

  /** Leaves the current server and connects again, to `override` or the primary. */
  move(departure: Departure): void {
    const connection = this.#connection;
    if (this.#isGone || this.#held || !connection) return;
    connection.depart(departure);
    this.onDisconnect(connection);
  }

  goToPrimary(departure: Departure): void {
    this.override = undefined;
    if (this.#connection && this.#connection.serverIndex !== this.#options.primary()) this.move(departure);
  }

  suspend(): void {
    this.#held ??= { sockets: [], timers: [] };
  }

  resume(): void {
    if (!this.#held) return;
    const { sockets, timers } = this.#held;
    this.#held = undefined;
    // A runtime may run timers or sockets first.
    const all = this.world.random.chance(0.5) ? [...sockets, ...timers] : [...timers, ...sockets];
    for (const run of all) run();
  }

  /** Runs an event from the network. */
  dispatch(run: () => void): void {
    if (this.#held) this.#held.sockets.push(run);
    else run();
  }

  /** A timer of the process. */
  later(delayMs: number, run: () => void): void {
    this.world.timeline.after(delayMs + TICK_MS, () => {
      if (this.#held) this.#held.timers.push(run);
      else run();
    });
  }

  onWelcome(): void {
    this.#attempt = 0;
    this.world.ledger.welcomed(this.state.sessionId);
    this.caughtUpOnPrimaryMs ??= this.world.timeline.nowMs;
  }

  /** Everything before a PING was read. */
  onCaughtUp({ serverIndex }: ClientConnection): void {
    if (serverIndex === this.#options.primary()) this.caughtUpOnPrimaryMs = this.world.timeline.nowMs;
  }

  onDisconnect(connection: ClientConnection): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    const { agesUntilNoticed } = this.world.rules;
    if (connection.isIn) this.state.onDisconnect(agesUntilNoticed ? this.nowMs : connection.lastReceivedMs);
    this.later(backoffMs(this.#attempt++, this.world.random.unit), () => this.#dial());
  }

  /** After `nick-taken`. */
  useFallbackNick(): void {
    this.#nick = this.name.replaceAll(" ", "_");
  }

  #dial(): void {
    if (this.#isGone || this.#connection) return;
    const serverIndex = this.override ?? this.#options.primary();
    this.#connection = new ClientConnection(this, serverIndex);
    if (!this.isOffline) this.#connection.connect(this.#options.connect);
  }
}
