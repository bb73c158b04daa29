// A simulated server's end of a connection: what it hears, answers and writes there.

import { FrameDecoder } from "../../lib/codec.ts";
import { ProtocolError } from "../../lib/errors.ts";
import { Heartbeat, PING_MS, PING_TIMEOUT_MS } from "../../lib/net/heartbeat.ts";
import type { Member } from "../../lib/room/state.ts";
import {
  type ClientMessage,
  decodeClient,
  encodeServer,
  encodeWelcome,
  type Hello,
  MAX_CLIENT_FRAME_BYTES,
  sessionIdOf,
} from "../../lib/protocol/frames.ts";
import type { JoinResult } from "../../lib/room/room.ts";
import type { Cursor } from "../../lib/room/event_log.ts";
import type { Pipe, Receiver } from "./network.ts";
import type { Server } from "./server.ts";
import { CHECK_MS, TICK_MS } from "./timeline.ts";
import type { World } from "./world.ts";

/** How long a server waits for HELLO, and for the end of a connection that it has ended, in ms. */
const [HANDSHAKE_TIMEOUT_MS, CLOSE_TIMEOUT_MS] = [10_000, 1_000];

/** How a server dies: killed, with its host, or after it has said so. */
export type Death = "killed" | "unplugged" | "closing";

/** A server's end of a connection. */
export class ServerEnd implements Receiver {
  /** What the server writes into. */
  pipe!: Pipe;
  readonly #server: Server;
  readonly #world: World;
  /** What the host takes from the server before it waits for the peer, in bytes. */
  readonly #windowBytes: number;
  readonly #decoder = new FrameDecoder({ maxFrameBytes: MAX_CLIENT_FRAME_BYTES });
  #heartbeat: Heartbeat | undefined;
  /** What came while the server was frozen; undefined for the end. */
  #held: (Uint8Array | undefined)[] = [];
  #state: "open" | "finishing" | "closed" = "open";
  #member: Member | undefined;
  #cursor: Cursor | undefined;
  #answers: Uint8Array[] = [];
  #isAwake = false;
  /** What was asked for takes its time: what comes behind it waits. */
  #isWaiting = false;

  constructor(server: Server, { windowBytes }: { windowBytes: number }) {
    this.#server = server;
    this.#world = server.world;
    this.#windowBytes = windowBytes;
    server.ends.add(this);
    server.later(HANDSHAKE_TIMEOUT_MS, () => {
      if (!this.#member) this.#refuse("hello-late");
    });
  }

  get #nowMs(): number {
    return this.#world.timeline.nowMs;
  }

  received(bytes: Uint8Array): void {
    if (this.#state === "closed") return;
    if (this.#server.isFrozen) this.#held.push(bytes);
    else this.#read(bytes);
  }

  ended(): void {
    if (this.#server.isFrozen) this.#held.push(undefined);
    else this.#close();
  }

  die(death: Death): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    if (death === "closing") this.pipe.send(encodeServer({ type: "bye" }));
    if (death === "closing" && this.#world.random.chance(0.5)) this.pipe.end();
    else this.pipe.break({ isNoticed: death !== "unplugged" });
  }

  thaw(): void {
    const held = this.#held;
    this.#held = [];
    for (const bytes of held) {
      if (bytes) this.received(bytes);
      else this.ended();
    }
  }

  /** There is something to write. */
  wake(): void {
    if (this.#isAwake || this.#state === "closed") return;
    this.#isAwake = true;
    this.#server.later(this.#world.random.spread(TICK_MS, 5), () => {
      this.#isAwake = false;
      this.#write();
    });
  }

  #write(): void {
    if (this.#state === "closed") return;
    if (this.pipe.inFlight > this.#windowBytes) {
      this.pipe.onDrained = () => this.wake();
      return;
    }
    const bytes = this.#answers.shift() ?? this.#cursor?.take();
    if (bytes) {
      if (!this.#server.step()) return;
      this.pipe.send(bytes);
      this.wake();
    } else if (this.#state === "finishing") this.pipe.end();
  }

  #read(bytes: Uint8Array): void {
    if (this.#state !== "open" || !this.#server.step()) return;
    this.#heartbeat?.onData(this.#nowMs);
    this.#decoder.push(bytes);
    this.#takeIn();
    this.#server.publish();
  }

  #takeIn(): void {
    try {
      while (!this.#isWaiting) {
        const frame = this.#decoder.next();
        if (!frame) break;
        const message = decodeClient(frame);
        if (this.#member) this.#serve(message, this.#member);
        else this.#enter(message);
        // What it did is done; whether anybody hears of it is another matter.
        if (!this.#server.step() || this.#state !== "open") break;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#refuse(error.code);
    }
  }

  /** Does what may take its time; `attempt` returns whether it is done. */
  #try(attempt: (again: () => void) => boolean): void {
    this.#isWaiting = !attempt(() => this.#server.later(TICK_MS, () => this.#retry(attempt)));
  }

  #retry(attempt: (again: () => void) => boolean): void {
    // Whoever came in is gone already.
    if (this.#state !== "open") return this.#server.expire();
    try {
      this.#try(attempt);
      this.#takeIn();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#refuse(error.code);
    }
    this.#server.publish();
  }

  #enter(hello: ClientMessage): void {
    if (hello.type !== "hello") throw new ProtocolError("frame-unexpected");
    this.#try((again) => this.#letIn(hello, again));
  }

  #letIn(hello: Hello, again: () => void): boolean {
    const sessionId = sessionIdOf(hello.resumeToken);
    const { connections, room, now } = this.#server;
    const { ledger } = this.#world;
    let joined: JoinResult | undefined;
    try {
      joined = room.join({ hello, sessionId, address: "192.0.2.1" }, now, again);
    } catch (error) {
      ledger.refused(this.#server.logId, sessionId, hello.nick);
      throw error;
    }
    if (!joined) return false;
    const { welcome, membersBytes, cursor, member } = joined;
    ledger.entered(this.#server.logId, { asked: hello.nick, given: welcome.nick });
    const before = connections.get(member);
    connections.set(member, this);
    this.#server.noteEntered(sessionId);
    if (before) before.#refuse("replaced");
    this.#member = member;
    this.#cursor = cursor;
    const config = { pingMs: PING_MS, pingTimeoutMs: PING_TIMEOUT_MS, pingAlways: true };
    this.#heartbeat = new Heartbeat(config, this.#nowMs);
    this.#beatLater(this.#heartbeat);
    this.#answer(
      Uint8Array.of(...encodeWelcome(welcome, { membersBytes: membersBytes.length }), ...membersBytes),
    );
    return true;
  }

  #serve(message: ClientMessage, member: Member): void {
    switch (message.type) {
      case "say":
        return this.#server.room.say(member, message, this.#server.now);
      case "nick":
        return this.#try((again) => this.#rename(message.nick, member, again));
      case "ping":
        return this.#answer(encodeServer({ type: "pong" }));
      case "pong":
        this.#heartbeat?.onPong(this.#nowMs);
        return;
      case "bye":
        this.#server.onDeparted(member.sessionId);
        return this.#try((again) => this.#leave(member, again));
      case "hello":
        throw new ProtocolError("frame-unexpected");
    }
  }

  /** Until they are out, they may come back through another connection, which ends this one. */
  #leave(member: Member, again: () => void): boolean {
    const { room, now, connections } = this.#server;
    if (!room.leave(member, now, again)) return false;
    connections.delete(member);
    this.#finish();
    return true;
  }

  #rename(nick: string, member: Member, again: () => void): boolean {
    const { room, logId, now } = this.#server;
    try {
      return room.rename(member, nick, now, again);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#world.ledger.refused(logId, member.sessionId, nick);
      this.#answer(encodeServer({ type: "rejected", code: error.code, request: nick, reason: "" }));
      return true;
    }
  }

  #answer(frame: Uint8Array): void {
    this.#answers.push(frame);
    this.wake();
  }

  #refuse(code: string): void {
    if (this.#state !== "open") return;
    this.#answer(encodeServer({ type: "error", code, reason: "" }));
    this.#finish();
  }

  #finish(): void {
    this.#state = "finishing";
    this.wake();
    this.#server.later(CLOSE_TIMEOUT_MS, () => this.#close());
  }

  #close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.pipe.end();
    if (this.#decoder.bufferedBytes > 0) this.#world.ledger.cutFrames++;
    const { connections, ends, room, now } = this.#server;
    ends.delete(this);
    const isReplaced = this.#member && connections.get(this.#member) !== this;
    if (!this.#member || (isReplaced && !this.#world.rules.losesReplaced)) return;
    connections.delete(this.#member);
    if (!isReplaced) this.#server.onDeparted(this.#member.sessionId);
    room.disconnect(this.#member, now);
    this.#server.expire();
  }

  #beatLater(heartbeat: Heartbeat): void {
    const lateMs = CHECK_MS * this.#world.random.unit();
    this.#server.later(heartbeat.nextCheckMs - this.#nowMs + lateMs, () => this.#beat(heartbeat));
  }

  #beat(heartbeat: Heartbeat): void {
    if (this.#state !== "open") return;
    const due = heartbeat.check(this.#nowMs);
    if (due === "dead") return this.#refuse("silent");
    if (due === "ping") {
      heartbeat.onPingSent(this.#nowMs);
      this.#answer(encodeServer({ type: "ping", head: this.#server.room.log.head }));
    }
    this.#beatLater(heartbeat);
  }
}
