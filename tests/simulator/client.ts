// A simulated client: lib/mailbox.ts behind connections of simulated bytes, as lib/session.ts and lib/hub.ts
// have it behind sockets, with a user who goes where everybody goes.

import type { SessionState } from "../../lib/client/session_state.ts";
import { type MessageOptions, TOKEN_BYTES } from "../../lib/protocol/frames.ts";
import { backoffMs } from "../../lib/client/server_pool.ts";
import { ClientEnd, type Connect, type Parting } from "./client_end.ts";
import type { Server } from "./server.ts";
import { TICK_MS } from "./timeline.ts";
import type { World } from "./world.ts";

const FILLERS = ["", " hola", " ¿qué tal?", " 日本語", " 👩🏽‍🚀".repeat(9), " ab".repeat(100)];

/** Settings of a client. */
export interface ClientOptions {
  readonly name: string;
  readonly nick: string;
  readonly connect: Connect;
  /** The server that everybody is on, or goes to. */
  readonly primary: () => number;
}

/** One run of a client program. */
export class Client {
  readonly world: World;
  readonly state: SessionState;
  readonly name: string;
  /** When it last lacked nothing that was said at home; undefined before its first WELCOME. */
  caughtUpOnPrimaryMs: number | undefined;
  /** Where it goes instead of home. */
  override: number | undefined;
  /** It is elsewhere for longer than its messages would be kept, and so says nothing. */
  isIsolated = false;
  /** Has no network. */
  isUnavailable = false;
  readonly #options: ClientOptions;
  readonly #sinceMs: number;
  #nick: string;
  #end: ClientEnd | undefined;
  #attempt = 0;
  #isGone = false;
  /** What its sockets and its timers have for it, while it is suspended. */
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
    world.ledger.open(this.state.sessionId, options.name);
    this.#dial();
  }

  /** Whether it left or crashed. */
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

  get end(): ClientEnd | undefined {
    return this.#end;
  }

  /** Whether it lacks nothing and waits for nothing. */
  isSettledOn(server: Server): boolean {
    return this.#end?.hasReadAllOf(server) === true && this.state.unacked.length === 0;
  }

  say(manner: MessageOptions): void {
    if (this.#isGone || this.isIsolated || this.#held || this.state.isFull) return;
    const text = `${++this.#saidCount}${this.world.random.pick(FILLERS)}`;
    this.world.ledger.typed(this.state.sessionId, { text, ...manner });
    const message = this.state.say(text, manner);
    this.#end?.say(message);
  }

  /** Asks for another nick: the server that it is on, or the next one. */
  rename(nick: string): void {
    if (this.#isGone || this.#held) return;
    if (this.#end?.isIn) this.#end.say({ type: "nick", nick });
    else this.#nick = nick;
  }

  /** The server calls it so from now on. */
  renamed(nick: string): void {
    this.#nick = nick;
  }

  /** Ends for good. */
  stop(departure: Parting): void {
    this.#isGone = true;
    this.#end?.part(departure);
    this.#end = undefined;
  }

  /** Leaves the server that it is on, and comes back or goes elsewhere. */
  move(departure: Parting): void {
    const end = this.#end;
    if (this.#isGone || this.#held || !end) return;
    end.part(departure);
    this.lost(end);
  }

  /** Goes where everybody is, unless it is there. */
  goToPrimary(departure: Parting): void {
    this.override = undefined;
    if (this.#end && this.#end.place !== this.#options.primary()) this.move(departure);
  }

  suspend(): void {
    this.#held ??= { sockets: [], timers: [] };
  }

  resume(): void {
    if (!this.#held) return;
    const { sockets, timers } = this.#held;
    this.#held = undefined;
    // Nobody knows which of them comes first.
    const all = this.world.random.chance(0.5) ? [...sockets, ...timers] : [...timers, ...sockets];
    for (const run of all) run();
  }

  /** Something comes from the network. */
  dispatch(run: () => void): void {
    if (this.#held) this.#held.sockets.push(run);
    else run();
  }

  /** A timer of the client program. */
  later(delayMs: number, run: () => void): void {
    this.world.timeline.after(delayMs + TICK_MS, () => {
      if (this.#held) this.#held.timers.push(run);
      else run();
    });
  }

  entered(): void {
    this.#attempt = 0;
    this.world.ledger.welcomed(this.state.sessionId);
    this.caughtUpOnPrimaryMs ??= this.world.timeline.nowMs;
  }

  /** Everything that was said before a PING was read. */
  whole({ place }: ClientEnd): void {
    if (place === this.#options.primary()) this.caughtUpOnPrimaryMs = this.world.timeline.nowMs;
  }

  /** A connection is over. */
  lost(end: ClientEnd): void {
    if (end !== this.#end) return;
    this.#end = undefined;
    const { agesUntilNoticed } = this.world.rules;
    if (end.isIn) this.state.onDisconnect(agesUntilNoticed ? this.nowMs : end.lastReceivedMs);
    this.later(backoffMs(this.#attempt++, this.world.random.unit), () => this.#dial());
  }

  /** Somebody else has the nick. */
  takeOtherNick(): void {
    this.#nick = this.name.replaceAll(" ", "_");
  }

  #dial(): void {
    if (this.#isGone || this.#end) return;
    const place = this.override ?? this.#options.primary();
    this.#end = new ClientEnd(this, place);
    if (!this.isUnavailable) this.#end.connect(this.#options.connect);
  }
}
