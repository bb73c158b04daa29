// A simulated client: lib/mailbox.ts behind connections of simulated bytes, as lib/session.ts and lib/hub.ts
// have it behind sockets, with a user who goes where everybody goes.

import { FrameDecoder } from "../../lib/codec.ts";
import { DEAD_MS, Heartbeat } from "../../lib/heartbeat.ts";
import type { Mailbox } from "../../lib/mailbox.ts";
import {
  type ClientMessage,
  decodeServer,
  encodeClient,
  type LogEntry,
  type Manner,
  MAX_SERVER_FRAME_BYTES,
  type ServerMessage,
  TOKEN_BYTES,
  type Welcome,
} from "../../lib/protocol.ts";
import { backoffMs } from "../../lib/retry.ts";
import type { Pipe, Receiver } from "./network.ts";
import type { Server } from "./server.ts";
import type { World } from "./world.ts";

/** How long a server may take to answer, in ms. */
const ANSWER_MS = 5_000;
/** Heartbeats are looked at this often, in ms. */
const CHECK_MS = 250;
/** A step that takes no time takes this, in ms: timers are never early. */
const TICK_MS = 0.01;
const FILLERS = ["", " hola", " ¿qué tal?", " 日本語", " 👩🏽‍🚀".repeat(9), " ab".repeat(100)];

/** Connects a client's end to a server. Returns undefined if nobody listens there. */
export type Connect = (end: ClientEnd, server: number) => Server | undefined;

/** How a client leaves a connection: it says so, it only closes it, or the server never hears of it. */
export type Parting = "said" | "closed" | "unnoticed";

/** Settings of a client. */
export interface ClientOptions {
  readonly name: string;
  readonly nick: string;
  readonly connect: Connect;
  /** The server that everybody is on, or goes to. */
  readonly home: () => number;
}

/** One run of a client program. */
export class Client {
  readonly world: World;
  readonly mailbox: Mailbox;
  readonly name: string;
  /** When it last lacked nothing that was said at home; undefined before its first WELCOME. */
  wholeAtHomeMs: number | undefined;
  /** Where it goes instead of home. */
  elsewhere: number | undefined;
  /** It is elsewhere for longer than its messages would be kept, and so says nothing. */
  isHermit = false;
  /** Has no network. */
  isAway = false;
  readonly #options: ClientOptions;
  readonly #startedMs: number;
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
    this.#startedMs = world.timeline.nowMs - world.random.between(0, 1_000_000);
    const token = Uint8Array.from({ length: TOKEN_BYTES }, () => world.random.below(256));
    this.mailbox = world.rules.newMailbox({ token });
    world.ledger.open(this.mailbox.session, options.name);
    this.#dial();
  }

  /** Whether it left or crashed. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Its monotonic clock. */
  get nowMs(): number {
    return this.world.timeline.nowMs - this.#startedMs;
  }

  get nick(): string {
    return this.#nick;
  }

  get end(): ClientEnd | undefined {
    return this.#end;
  }

  /** Whether it lacks nothing and waits for nothing. */
  isSettledOn(server: Server): boolean {
    return this.#end?.hasReadAllOf(server) === true && this.mailbox.pending.length === 0;
  }

  say(manner: Manner): void {
    if (this.#isGone || this.isHermit || this.#held || this.mailbox.isFull) return;
    const text = `${++this.#saidCount}${this.world.random.pick(FILLERS)}`;
    this.world.ledger.typed(this.mailbox.session, { text, ...manner });
    const message = this.mailbox.say(text, manner);
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
  stop(parting: Parting): void {
    this.#isGone = true;
    this.#end?.part(parting);
    this.#end = undefined;
  }

  /** Leaves the server that it is on, and comes back or goes elsewhere. */
  move(parting: Parting): void {
    const end = this.#end;
    if (this.#isGone || this.#held || !end) return;
    end.part(parting);
    this.lost(end);
  }

  /** Goes where everybody is, unless it is there. */
  goHome(parting: Parting): void {
    this.elsewhere = undefined;
    if (this.#end && this.#end.place !== this.#options.home()) this.move(parting);
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
  happen(run: () => void): void {
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
    this.world.ledger.welcomed(this.mailbox.session);
    this.wholeAtHomeMs ??= this.world.timeline.nowMs;
  }

  /** Everything that was said before a PING was read. */
  whole({ place }: ClientEnd): void {
    if (place === this.#options.home()) this.wholeAtHomeMs = this.world.timeline.nowMs;
  }

  /** A connection is over. */
  lost(end: ClientEnd): void {
    if (end !== this.#end) return;
    this.#end = undefined;
    const { agesUntilNoticed } = this.world.rules;
    if (end.isIn) this.mailbox.lost(agesUntilNoticed ? this.nowMs : end.heardMs);
    this.later(backoffMs(this.#attempt++, this.world.random.unit), () => this.#dial());
  }

  /** Somebody else has the nick. */
  takeOtherNick(): void {
    this.#nick = this.name.replaceAll(" ", "_");
  }

  #dial(): void {
    if (this.#isGone || this.#end) return;
    const place = this.elsewhere ?? this.#options.home();
    this.#end = new ClientEnd(this, place);
    if (!this.isAway) this.#end.connect(this.#options.connect);
  }
}

/** A client's end of a connection. */
export class ClientEnd implements Receiver {
  /** The server's address. */
  readonly place: number;
  /** Both directions, once there is a connection: `up` is what the client writes into. */
  pipes: { up: Pipe; down: Pipe } | undefined;
  readonly #client: Client;
  readonly #world: World;
  readonly #decoder = new FrameDecoder({ maxFrameBytes: MAX_SERVER_FRAME_BYTES });
  #heartbeat: Heartbeat | undefined;
  #heardMs: number;
  #isOpen = true;
  #server: Server | undefined;
  #isIn = false;
  /** `seq` of the entry that comes next. */
  #next = 0;

  constructor(client: Client, place: number) {
    this.#client = client;
    this.place = place;
    this.#world = client.world;
    this.#heardMs = client.nowMs;
    client.later(ANSWER_MS, () => {
      if (!this.#isIn) this.#lose();
    });
  }

  /** Whether WELCOME was read. */
  get isIn(): boolean {
    return this.#isIn;
  }

  /** When something last came. */
  get heardMs(): number {
    return this.#heardMs;
  }

  hasReadAllOf(server: Server): boolean {
    return this.#isIn && this.#server === server && this.#next === server.room.log.head;
  }

  /** Makes a connection and says HELLO. */
  connect(connect: Connect): void {
    const { random } = this.#world;
    this.#client.later(random.spread(0.05, random.chance(0.9) ? 5 : 2_000), () => {
      if (!this.#isOpen) return;
      this.#server = connect(this, this.place);
      if (!this.#server) return this.#lose();
      this.#send(this.#client.mailbox.hello(this.#client.nick, this.#client.nowMs));
    });
  }

  say(message: ClientMessage): void {
    if (this.#isIn) this.#send(message);
  }

  received(bytes: Uint8Array): void {
    this.#client.happen(() => this.#read(bytes));
  }

  ended(): void {
    this.#client.happen(() => this.#lose());
  }

  part(parting: Parting): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (parting === "unnoticed" || !this.pipes) return;
    if (parting === "said") this.pipes.up.send(encodeClient({ type: "bye" }));
    // Closing a socket that has bytes to be read makes the system forget what waits to be sent.
    if (this.#world.random.chance(0.7)) this.pipes.up.end();
    else this.pipes.up.break({ isNoticed: true });
  }

  #lose(): void {
    if (!this.#isOpen) return;
    if (this.#decoder.buffered > 0) this.#world.ledger.cutFrames++;
    this.part("closed");
    this.#client.lost(this);
  }

  #send(message: ClientMessage): void {
    this.pipes?.up.send(encodeClient(message));
  }

  #read(bytes: Uint8Array): void {
    if (!this.#isOpen) return;
    const { nowMs } = this.#client;
    const isLate = nowMs - this.#heardMs >= DEAD_MS;
    if (isLate && !this.#world.rules.trustsLateBytes) return this.#lose();
    this.#heartbeat?.heard(nowMs);
    this.#heardMs = nowMs;
    this.#decoder.push(bytes);
    for (let frame = this.#decoder.next(); frame && this.#isOpen; frame = this.#decoder.next()) {
      this.#take(decodeServer(frame), nowMs);
    }
  }

  #take(message: ServerMessage, nowMs: number): void {
    const { mailbox } = this.#client;
    switch (message.type) {
      case "welcome":
        return this.#enter(message, nowMs);
      case "ping":
        mailbox.pinged(message, nowMs);
        this.#send({ type: "pong" });
        if (this.#next >= message.head) this.#client.whole(this);
        return;
      case "pong":
        this.#heartbeat?.ponged(nowMs);
        return;
      case "error":
        if (message.code === "nick-taken") this.#client.takeOtherNick();
        return this.#lose();
      case "bye":
        return this.#lose();
      case "refused":
      case "waiting":
        return;
      default:
        return this.#takeEntry(message, nowMs);
    }
  }

  #takeEntry(entry: LogEntry, nowMs: number): void {
    const { mailbox } = this.#client;
    const place = mailbox.read(entry, nowMs);
    const reading = { reader: mailbox.session, instance: this.#server!.instance, next: this.#next };
    this.#world.ledger.read(reading, entry, place);
    this.#next = entry.seq + 1;
    const isOwn = entry.type === "renamed" && entry.session === mailbox.session;
    if (isOwn && place === "live") this.#client.renamed(entry.nick);
  }

  #enter(welcome: Welcome, nowMs: number): void {
    this.#isIn = true;
    this.#next = welcome.next;
    const { resend } = this.#client.mailbox.welcomed(welcome, nowMs);
    for (const message of resend) {
      this.#world.ledger.resent(this.#client.mailbox.session, message);
      this.#send(message);
    }
    this.#client.entered();
    this.#heartbeat = new Heartbeat(nowMs);
    this.#beatLater(this.#heartbeat);
  }

  #beatLater(heartbeat: Heartbeat): void {
    const lateMs = CHECK_MS * this.#world.random.unit();
    this.#client.later(heartbeat.dueMs - this.#client.nowMs + lateMs, () => this.#beat(heartbeat));
  }

  #beat(heartbeat: Heartbeat): void {
    if (!this.#isOpen) return;
    const due = heartbeat.check(this.#client.nowMs);
    if (due === "dead") return this.#lose();
    if (due === "ping") {
      heartbeat.pinged(this.#client.nowMs);
      this.#send({ type: "ping" });
    }
    this.#beatLater(heartbeat);
  }
}
