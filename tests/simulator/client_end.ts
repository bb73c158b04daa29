// A simulated client's end of a connection: what it says and reads there, and when it gives the server up.

import { FrameDecoder } from "../../lib/codec.ts";
import { Heartbeat, PING_MS, PING_TIMEOUT_MS } from "../../lib/net/heartbeat.ts";
import {
  type ClientMessage,
  decodeServer,
  encodeClient,
  type LogEntry,
  MAX_SERVER_FRAME_BYTES,
  type ServerMessage,
  type Welcome,
} from "../../lib/protocol/frames.ts";
import type { Client } from "./client.ts";
import type { Pipe, Receiver } from "./network.ts";
import type { Server } from "./server.ts";
import { CHECK_MS } from "./timeline.ts";
import type { World } from "./world.ts";

/** How long a server may take to answer, in ms. */
const ANSWER_MS = 5_000;

/** Connects a client's end to a server. Returns undefined if nobody listens there. */
export type Connect = (end: ClientEnd, server: number) => Server | undefined;

/** How a client leaves a connection: it says so, it only closes it, or the server never hears of it. */
export type Parting = "said" | "closed" | "unnoticed";

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
  #lastReceivedMs: number;
  #isOpen = true;
  #server: Server | undefined;
  #isIn = false;
  /** `seq` of the entry that comes next. */
  #next = 0;

  constructor(client: Client, place: number) {
    this.#client = client;
    this.place = place;
    this.#world = client.world;
    this.#lastReceivedMs = client.nowMs;
    client.later(ANSWER_MS, () => {
      if (!this.#isIn) this.#lose();
    });
  }

  /** Whether WELCOME was read. */
  get isIn(): boolean {
    return this.#isIn;
  }

  /** When something last came. */
  get lastReceivedMs(): number {
    return this.#lastReceivedMs;
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
      this.#send(this.#client.state.hello(this.#client.nick, this.#client.nowMs));
    });
  }

  say(message: ClientMessage): void {
    if (this.#isIn) this.#send(message);
  }

  received(bytes: Uint8Array): void {
    this.#client.dispatch(() => this.#read(bytes));
  }

  ended(): void {
    this.#client.dispatch(() => this.#lose());
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
    if (this.#decoder.bufferedBytes > 0) this.#world.ledger.cutFrames++;
    this.part("closed");
    this.#client.lost(this);
  }

  #send(message: ClientMessage): void {
    this.pipes?.up.send(encodeClient(message));
  }

  #read(bytes: Uint8Array): void {
    if (!this.#isOpen) return;
    const { nowMs } = this.#client;
    const isLate = nowMs - this.#lastReceivedMs >= PING_TIMEOUT_MS;
    if (isLate && !this.#world.rules.trustsLateBytes) return this.#lose();
    this.#heartbeat?.onData(nowMs);
    this.#lastReceivedMs = nowMs;
    this.#decoder.push(bytes);
    for (let frame = this.#decoder.next(); frame && this.#isOpen; frame = this.#decoder.next()) {
      this.#take(decodeServer(frame), nowMs);
    }
  }

  #take(message: ServerMessage, nowMs: number): void {
    const { state } = this.#client;
    switch (message.type) {
      case "welcome":
        return this.#enter(message, nowMs);
      case "ping":
        state.onPing(message, nowMs);
        this.#send({ type: "pong" });
        if (this.#next >= message.head) this.#client.whole(this);
        return;
      case "pong":
        this.#heartbeat?.onPong(nowMs);
        return;
      case "error":
        if (message.code === "nick-taken") this.#client.takeOtherNick();
        return this.#lose();
      case "bye":
        return this.#lose();
      case "rejected":
      case "stalled":
        return;
      default:
        return this.#takeEntry(message, nowMs);
    }
  }

  #takeEntry(entry: LogEntry, nowMs: number): void {
    const { state } = this.#client;
    const place = state.onEntry(entry, nowMs);
    const reading = { reader: state.sessionId, logId: this.#server!.logId, next: this.#next };
    this.#world.ledger.read(reading, entry, place);
    this.#next = entry.seq + 1;
    const isOwn = entry.type === "renamed" && entry.sessionId === state.sessionId;
    if (isOwn && place === "live") this.#client.renamed(entry.nick);
  }

  #enter(welcome: Welcome, nowMs: number): void {
    this.#isIn = true;
    this.#next = welcome.startSeq;
    const { resend } = this.#client.state.onWelcome(welcome, nowMs);
    for (const message of resend) {
      this.#world.ledger.resent(this.#client.state.sessionId, message);
      this.#send(message);
    }
    this.#client.entered();
    const config = { pingMs: PING_MS, pingTimeoutMs: PING_TIMEOUT_MS, pingAlways: false };
    this.#heartbeat = new Heartbeat(config, nowMs);
    this.#beatLater(this.#heartbeat);
  }

  #beatLater(heartbeat: Heartbeat): void {
    const lateMs = CHECK_MS * this.#world.random.unit();
    this.#client.later(heartbeat.nextCheckMs - this.#client.nowMs + lateMs, () => this.#beat(heartbeat));
  }

  #beat(heartbeat: Heartbeat): void {
    if (!this.#isOpen) return;
    const due = heartbeat.check(this.#client.nowMs);
    if (due === "dead") return this.#lose();
    if (due === "ping") {
      heartbeat.onPingSent(this.#client.nowMs);
      this.#send({ type: "ping" });
    }
    this.#beatLater(heartbeat);
  }
}
