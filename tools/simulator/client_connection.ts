// A simulated client's end of a connection: it sends and reads frames, and gives up a silent server.

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

const WELCOME_TIMEOUT_MS = 5_000;

/** Returns undefined if that server is down. */
export type Connect = (connection: ClientConnection, server: number) => Server | undefined;

/** How a client leaves: with BYE, by closing the connection, or without a packet to the server. */
export type Departure = "said" | "closed" | "unnoticed";

export class ClientConnection implements Receiver {
  readonly serverIndex: number;
  /** Undefined until connected. `up` leads to the server. */
  pipes: { up: Pipe; down: Pipe } | undefined;
  readonly #client: Client;
  readonly #world: World;
  readonly #decoder = new FrameDecoder({ maxFrameBytes: MAX_SERVER_FRAME_BYTES });
  #heartbeat: Heartbeat | undefined;
  #lastReceivedMs: number;
  #isOpen = true;
  #server: Server | undefined;
  #isIn = false;
  /** `seq` of the next entry. */
  #nextSeq = 0;

  constructor(client: Client, serverIndex: number) {
    this.#client = client;
    this.serverIndex = serverIndex;
    this.#world = client.world;
    this.#lastReceivedMs = client.nowMs;
    client.later(WELCOME_TIMEOUT_MS, () => {
      if (!this.#isIn) this.#close();
    });
  }

  get isIn(): boolean {
    return this.#isIn;
  }

  get lastReceivedMs(): number {
    return this.#lastReceivedMs;
  }

  isCaughtUpWith(server: Server): boolean {
    return this.#isIn && this.#server === server && this.#nextSeq === server.room.log.head;
  }

  connect(connect: Connect): void {
    const { random } = this.#world;
    this.#client.later(random.spread(0.05, random.chance(0.9) ? 5 : 2_000), () => {
      if (!this.#isOpen) return;
      this.#server = connect(this, this.serverIndex);
      if (!this.#server) return this.#close();
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
    this.#client.dispatch(() => this.#close());
  }

  depart(departure: Departure): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (departure === "unnoticed" || !this.pipes) return;
    if (departure === "said") this.pipes.up.send(encodeClient({ type: "bye" }));
    // If a socket is closed with unread bytes, the system drops the bytes that wait to be sent.
    if (this.#world.random.chance(0.7)) this.pipes.up.end();
    else this.pipes.up.break({ isNoticed: true });
  }

  #close(): void {
    if (!this.#isOpen) return;
    if (this.#decoder.bufferedBytes > 0) this.#world.ledger.truncatedFrames++;
    this.depart("closed");
    this.#client.onDisconnect(this);
  }

  #send(message: ClientMessage): void {
    this.pipes?.up.send(encodeClient(message));
  }

  #read(bytes: Uint8Array): void {
    if (!this.#isOpen) return;
    const { nowMs } = this.#client;
    const isLate = nowMs - this.#lastReceivedMs >= PING_TIMEOUT_MS;
    if (isLate && !this.#world.rules.trustsLateBytes) return this.#close();
    this.#heartbeat?.onData(nowMs);
    this.#lastReceivedMs = nowMs;
    this.#decoder.push(bytes);
    for (let frame = this.#decoder.next(); frame && this.#isOpen; frame = this.#decoder.next()) {
      this.#handle(decodeServer(frame), nowMs);
    }
  }

  #handle(message: ServerMessage, nowMs: number): void {
    const { state } = this.#client;
    switch (message.type) {
      case "welcome":
        return this.#handleWelcome(message, nowMs);
      case "ping":
        state.onPing(message, nowMs);
        this.#send({ type: "pong" });
        if (this.#nextSeq >= message.head) this.#client.onCaughtUp(this);
        return;
      case "pong":
        this.#heartbeat?.onPong(nowMs);
        return;
      case "error":
        if (message.code === "nick-taken") this.#client.useFallbackNick();
        return this.#close();
      case "bye":
        return this.#close();
      case "rejected":
      case "stalled":
        return;
      default:
        return this.#handleEntry(message, nowMs);
    }
  }

  #handleEntry(entry: LogEntry, nowMs: number): void {
    const { state } = this.#client;
    const delivery = state.onEntry(entry, nowMs);
    const reading = { reader: state.sessionId, logId: this.#server!.logId, nextSeq: this.#nextSeq };
    this.#world.ledger.read(reading, entry, delivery);
    this.#nextSeq = entry.seq + 1;
    const isOwn = entry.type === "renamed" && entry.sessionId === state.sessionId;
    if (isOwn && delivery === "live") this.#client.onRenamed(entry.nick);
  }

  #handleWelcome(welcome: Welcome, nowMs: number): void {
    this.#isIn = true;
    this.#nextSeq = welcome.startSeq;
    const { resend } = this.#client.state.onWelcome(welcome, nowMs);
    for (const message of resend) {
      this.#world.ledger.resent(this.#client.state.sessionId, message);
      this.#send(message);
    }
    this.#client.onWelcome();
    const config = { pingMs: PING_MS, pingTimeoutMs: PING_TIMEOUT_MS, pingAlways: false };
    this.#heartbeat = new Heartbeat(config, nowMs);
    this.#scheduleHeartbeat(this.#heartbeat);
  }

  #scheduleHeartbeat(heartbeat: Heartbeat): void {
    const lateMs = CHECK_MS * this.#world.random.unit();
    this.#client.later(
      heartbeat.nextCheckMs - this.#client.nowMs + lateMs,
      () => this.#checkHeartbeat(heartbeat),
    );
  }

  #checkHeartbeat(heartbeat: Heartbeat): void {
    if (!this.#isOpen) return;
    const due = heartbeat.check(this.#client.nowMs);
    if (due === "dead") return this.#close();
    if (due === "ping") {
      heartbeat.onPingSent(this.#client.nowMs);
      this.#send({ type: "ping" });
    }
    this.#scheduleHeartbeat(heartbeat);
  }
}
