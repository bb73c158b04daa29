// A simulated server's end of a connection: it reads frames, dispatches them to the room, and writes the log.

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

/** In ms, as in the real server. */
const [HANDSHAKE_TIMEOUT_MS, CLOSE_TIMEOUT_MS] = [10_000, 1_000];

/** Killed, together with its host, or shut down with BYE. */
export type CrashKind = "killed" | "unplugged" | "closing";

export class ServerConnection implements Receiver {
  /** To the client. */
  pipe!: Pipe;
  readonly #server: Server;
  readonly #world: World;
  /** The host buffers at most this much until the client reads. */
  readonly #windowBytes: number;
  readonly #decoder = new FrameDecoder({ maxFrameBytes: MAX_CLIENT_FRAME_BYTES });
  #heartbeat: Heartbeat | undefined;
  /** Received while the server was suspended; undefined is the end of the stream. */
  #held: (Uint8Array | undefined)[] = [];
  #state: "open" | "ending" | "closed" = "open";
  #member: Member | undefined;
  #cursor: Cursor | undefined;
  #directQueue: Uint8Array[] = [];
  #isAwake = false;
  /** A request is not committed yet: later frames wait. */
  #isWaiting = false;

  constructor(server: Server, { windowBytes }: { windowBytes: number }) {
    this.#server = server;
    this.#world = server.world;
    this.#windowBytes = windowBytes;
    server.connections.add(this);
    server.later(HANDSHAKE_TIMEOUT_MS, () => {
      if (!this.#member) this.#reject("hello-late");
    });
  }

  get #nowMs(): number {
    return this.#world.timeline.nowMs;
  }

  received(bytes: Uint8Array): void {
    if (this.#state === "closed") return;
    if (this.#server.isSuspended) this.#held.push(bytes);
    else this.#read(bytes);
  }

  ended(): void {
    if (this.#server.isSuspended) this.#held.push(undefined);
    else this.#close();
  }

  crash(kind: CrashKind): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    if (kind === "closing") this.pipe.send(encodeServer({ type: "bye" }));
    if (kind === "closing" && this.#world.random.chance(0.5)) this.pipe.end();
    else this.pipe.break({ isNoticed: kind !== "unplugged" });
  }

  resume(): void {
    const held = this.#held;
    this.#held = [];
    for (const bytes of held) {
      if (bytes) this.received(bytes);
      else this.ended();
    }
  }

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
    const bytes = this.#directQueue.shift() ?? this.#cursor?.take();
    if (bytes) {
      if (!this.#server.step()) return;
      this.pipe.send(bytes);
      this.wake();
    } else if (this.#state === "ending") this.pipe.end();
  }

  #read(bytes: Uint8Array): void {
    if (this.#state !== "open" || !this.#server.step()) return;
    this.#heartbeat?.onData(this.#nowMs);
    this.#decoder.push(bytes);
    this.#processFrames();
    this.#server.publish();
  }

  #processFrames(): void {
    try {
      while (!this.#isWaiting) {
        const frame = this.#decoder.next();
        if (!frame) break;
        const message = decodeClient(frame);
        if (this.#member) this.#dispatch(message, this.#member);
        else this.#handleHello(message);
        // A crash here comes after the change, but before its frames are written.
        if (!this.#server.step() || this.#state !== "open") break;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#reject(error.code);
    }
  }

  #attempt(attempt: (onSettled: () => void) => boolean): void {
    this.#isWaiting = !attempt(() => this.#server.later(TICK_MS, () => this.#retry(attempt)));
  }

  #retry(attempt: (onSettled: () => void) => boolean): void {
    // The client is gone.
    if (this.#state !== "open") return this.#server.expire();
    try {
      this.#attempt(attempt);
      this.#processFrames();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#reject(error.code);
    }
    this.#server.publish();
  }

  #handleHello(hello: ClientMessage): void {
    if (hello.type !== "hello") throw new ProtocolError("frame-unexpected");
    this.#attempt((onSettled) => this.#join(hello, onSettled));
  }

  #join(hello: Hello, onSettled: () => void): boolean {
    const sessionId = sessionIdOf(hello.resumeToken);
    const { byMember, room, now } = this.#server;
    const { ledger } = this.#world;
    let joined: JoinResult | undefined;
    try {
      joined = room.join({ hello, sessionId, address: "192.0.2.1" }, now, onSettled);
    } catch (error) {
      ledger.rejected(this.#server.logId, sessionId, hello.nick);
      throw error;
    }
    if (!joined) return false;
    const { welcome, membersBytes, cursor, member } = joined;
    ledger.joined(this.#server.logId, { requested: hello.nick, granted: welcome.nick });
    const before = byMember.get(member);
    byMember.set(member, this);
    this.#server.onJoined(sessionId);
    if (before) before.#reject("replaced");
    this.#member = member;
    this.#cursor = cursor;
    const config = { pingMs: PING_MS, pingTimeoutMs: PING_TIMEOUT_MS, pingAlways: true };
    this.#heartbeat = new Heartbeat(config, this.#nowMs);
    this.#scheduleHeartbeat(this.#heartbeat);
    this.#send(
      Uint8Array.of(...encodeWelcome(welcome, { membersBytes: membersBytes.length }), ...membersBytes),
    );
    return true;
  }

  #dispatch(message: ClientMessage, member: Member): void {
    switch (message.type) {
      case "say":
        return this.#server.room.say(member, message, this.#server.now);
      case "nick":
        return this.#attempt((onSettled) => this.#rename(message.nick, member, onSettled));
      case "ping":
        return this.#send(encodeServer({ type: "pong" }));
      case "pong":
        this.#heartbeat?.onPong(this.#nowMs);
        return;
      case "bye":
        this.#server.onDeparted(member.sessionId);
        return this.#attempt((onSettled) => this.#leave(member, onSettled));
      case "hello":
        throw new ProtocolError("frame-unexpected");
    }
  }

  /** The client may resume through another connection before its leave is committed; that closes this one. */
  #leave(member: Member, onSettled: () => void): boolean {
    const { room, now, byMember } = this.#server;
    if (!room.leave(member, now, onSettled)) return false;
    byMember.delete(member);
    this.#end();
    return true;
  }

  #rename(nick: string, member: Member, onSettled: () => void): boolean {
    const { room, logId, now } = this.#server;
    try {
      return room.rename(member, nick, now, onSettled);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#world.ledger.rejected(logId, member.sessionId, nick);
      this.#send(encodeServer({ type: "rejected", code: error.code, request: nick, reason: "" }));
      return true;
    }
  }

  #send(frame: Uint8Array): void {
    this.#directQueue.push(frame);
    this.wake();
  }

  #reject(code: string): void {
    if (this.#state !== "open") return;
    this.#send(encodeServer({ type: "error", code, reason: "" }));
    this.#end();
  }

  #end(): void {
    this.#state = "ending";
    this.wake();
    this.#server.later(CLOSE_TIMEOUT_MS, () => this.#close());
  }

  #close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.pipe.end();
    if (this.#decoder.bufferedBytes > 0) this.#world.ledger.truncatedFrames++;
    const { connections, byMember, room, now } = this.#server;
    connections.delete(this);
    const isReplaced = this.#member && byMember.get(this.#member) !== this;
    if (!this.#member || (isReplaced && !this.#world.rules.losesReplaced)) return;
    byMember.delete(this.#member);
    if (!isReplaced) this.#server.onDeparted(this.#member.sessionId);
    room.disconnect([this.#member], now);
    this.#server.expire();
  }

  #scheduleHeartbeat(heartbeat: Heartbeat): void {
    const lateMs = CHECK_MS * this.#world.random.unit();
    this.#server.later(heartbeat.nextCheckMs - this.#nowMs + lateMs, () => this.#checkHeartbeat(heartbeat));
  }

  #checkHeartbeat(heartbeat: Heartbeat): void {
    if (this.#state !== "open") return;
    const due = heartbeat.check(this.#nowMs);
    if (due === "dead") return this.#reject("silent");
    if (due === "ping") {
      heartbeat.onPingSent(this.#nowMs);
      this.#send(encodeServer({ type: "ping", head: this.#server.room.log.head }));
    }
    this.#scheduleHeartbeat(heartbeat);
  }
}
