// One connection from its first byte to its last: whether it may stay, what it says and what is answered. Knows
// nothing of how it came to be.

import { unmapIPv4 } from "../net/address.ts";
import type { BanList } from "./bans.ts";
import type { Clock, Instant } from "../base/time.ts";
import type { FrameDecoder } from "../codec.ts";
import type { Connection } from "../net/connection.ts";
import { ConnectionLostError, ProtocolError } from "../errors.ts";
import { wireReason } from "../i18n/translate.ts";
import type { ConnectionLimiter } from "./connection_limiter.ts";
import { BYE_FRAME, errorFrame, type Sessions } from "./sessions.ts";
import type { ConnectionManager } from "../net/connection_manager.ts";
import type { CommitLog } from "../room/commit_log.ts";
import type { Member } from "../room/state.ts";
import type { PasswordVerifier } from "../text/text.ts";
import { Patience } from "./patience.ts";
import { type ClientMessage, encodeServer, sessionIdOf } from "../protocol/frames.ts";
import type { Room } from "../room/room.ts";
import type { RateLimit } from "../base/limits.ts";
import { Visit } from "./visit.ts";

/** How long somebody for whom there is no room may take to say who they are, in ms. */
const OVER_LIMIT_MS = 1_000;

/** Somebody who is not served. */
export interface RejectedClient {
  /** IP address. */
  readonly address: string;
  /** Undefined if they were not in. */
  readonly nick?: string;
}

/** What a reception needs. */
export interface ClientHandlerOptions {
  readonly manager: ConnectionManager;
  readonly room: Room;
  readonly commitLog: CommitLog;
  readonly sessions: Sessions;
  readonly limiter: ConnectionLimiter;
  /** For those for whom there is no room. */
  readonly anteroom: ConnectionLimiter;
  readonly bans: BanList;
  readonly clock: Clock;
  /** How long somebody who wants to come in waits for the journal, in ms. */
  readonly commitWaitMs?: number;
  /** How long somebody for whom there is no room may take to say who they are, in ms. */
  readonly overLimitMs?: number;
  /** Lets in nobody who does not know it. */
  readonly password?: PasswordVerifier;
  /** What each client may say. */
  readonly messages?: RateLimit;
  /** Told why a connection was not let in, or was ended by the server, and whose it was. */
  readonly onReject?: (peer: RejectedClient, error: Error) => void;
}

/** Somebody who is in, at the moment that they say something. */
interface RawClient {
  readonly visit: Visit;
  readonly member: Member;
  readonly now: Instant;
}

/** Where connections are received. */
export class ClientHandler {
  readonly #options: ClientHandlerOptions;
  readonly #manager: ConnectionManager;
  readonly #room: Room;
  readonly #sessions: Sessions;
  readonly #limiter: ConnectionLimiter;
  readonly #anteroom: ConnectionLimiter;
  readonly #clock: Clock;
  readonly #commitWait: Patience;
  readonly #visits = new Set<Visit>();

  constructor(options: ClientHandlerOptions) {
    const { manager, room, sessions, limiter, anteroom, clock, commitLog, commitWaitMs } = options;
    this.#options = options;
    this.#manager = manager;
    this.#room = room;
    this.#sessions = sessions;
    this.#limiter = limiter;
    this.#anteroom = anteroom;
    this.#clock = clock;
    this.#commitWait = new Patience({
      commitLog,
      clock,
      commitWaitMs,
      onGone: () => sessions.expireGrace(),
    });
  }

  /** Serves a connection until it ends.
   * @throws what goes wrong at its end */
  async receive(connection: Connection): Promise<void> {
    const address = unmapIPv4(connection.peer.hostname);
    const { messages, overLimitMs = OVER_LIMIT_MS } = this.#options;
    const visit = new Visit(connection, {
      address,
      limiter: this.#limiter,
      messages,
      nowMs: this.#clock().monotonicMs,
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    this.#visits.add(visit);
    try {
      this.#arrive(visit);
      if (visit.overLimit) timer = setTimeout(() => this.#rejectOverLimit(visit), overLimitMs);
      await this.#serveToEnd(visit);
    } finally {
      clearTimeout(timer);
      this.#visits.delete(visit);
      this.#manager.remove(connection);
      visit.countedBy?.release(address);
    }
  }

  async #serveToEnd(visit: Visit): Promise<void> {
    const { connection } = visit;
    try {
      for (let frames = await connection.read(); frames; frames = await connection.read()) {
        await this.#processFrames(frames, visit);
      }
    } catch (error) {
      if (!(error instanceof ConnectionLostError)) this.#report(connection, error as Error);
    }
    const member = this.#sessions.memberOf(connection);
    if (member) this.#sessions.disconnect(member);
    // A peer that has only ended its own side is still owed what was said before.
    connection.end();
    await connection.closed;
  }

  /** Tells a peer why it is not served any more, and ends its connection; if it was in, it is lost. */
  reject(connection: Connection, error: ProtocolError): void {
    if (!connection.isOpen) return;
    // A client that is to ask for the password, or to wait, has done nothing wrong.
    if (!["password-needed", "store-away"].includes(error.code)) this.#report(connection, error);
    connection.end(errorFrame(error));
    const member = this.#sessions.memberOf(connection);
    if (member) this.#sessions.disconnect(member);
  }

  /** One connection too many may stay until it is known whose it is, unless too many are. */
  #arrive(visit: Visit): void {
    const overLimit = this.#comeTo(this.#limiter, visit);
    if (!overLimit) return;
    if (this.#comeTo(this.#anteroom, visit)) visit.connection.close();
    else visit.overLimit = overLimit;
  }

  /** Has a gate count a visit. Returns why it does not. */
  #comeTo(limiter: ConnectionLimiter, visit: Visit): ProtocolError | undefined {
    try {
      limiter.acquire(visit.address, this.#clock().monotonicMs);
      visit.countedBy = limiter;
      return undefined;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return error;
    }
  }

  /** There is room for whoever is in by now. */
  #leaveAnteroom(visit: Visit, { monotonicMs }: Instant): void {
    if (visit.countedBy === this.#limiter) return;
    visit.countedBy?.release(visit.address);
    this.#limiter.promote(visit.address, monotonicMs);
    visit.countedBy = this.#limiter;
  }

  /** Whether a session has a place: through a connection that may be dead without anybody knowing, or is about to end. */
  #hasPlace(sessionId: bigint): boolean {
    return this.#visits.values().some(({ member }) => member?.sessionId === sessionId);
  }

  /** Who has said something, and waits for us, is not late. */
  #rejectOverLimit({ connection, overLimit }: Visit): void {
    if (overLimit && connection.isReading) this.reject(connection, overLimit);
  }

  /** Deals with all frames that are whole, at the pace that the peer is allowed: meanwhile nothing more of it is
   * read, and nothing of what it says is lost. */
  async #processFrames(frames: FrameDecoder, visit: Visit): Promise<void> {
    for (;;) {
      for (let wait = this.#manager.catchingUp(); wait; wait = this.#manager.catchingUp()) await wait;
      const stuck = this.#commitWait.whileBlocked(visit.connection);
      if (stuck) await this.#waitFor(stuck, visit);
      const now = this.#clock();
      const unsettled = this.#processAllowed(frames, visit, now);
      this.#manager.scheduleFlush();
      if (unsettled) await this.#waitFor(unsettled, visit);
      const waitMs = visit.waitMs(now);
      if (waitMs > 0) await visit.connection.pauseReading(waitMs);
      else if (!unsettled) return;
    }
  }

  /** Returns what has to be waited for before more can be taken, or undefined. */
  #processAllowed(frames: FrameDecoder, visit: Visit, now: Instant): Promise<void> | undefined {
    try {
      for (let message = visit.next(frames, now); message; message = visit.next(frames, now)) {
        const unsettled = visit.member
          ? this.#dispatch(message, { visit, member: visit.member, now })
          : this.#handleHello(message, visit, now);
        if (unsettled) return unsettled;
      }
    } catch (error) {
      this.#rejectVisit(visit, error);
    }
    return undefined;
  }

  async #waitFor(unsettled: Promise<void>, visit: Visit): Promise<void> {
    try {
      await unsettled;
    } catch (error) {
      this.#rejectVisit(visit, error);
    }
    this.#manager.scheduleFlush();
  }

  #rejectVisit({ connection, member }: Visit, error: unknown): void {
    if (!(error instanceof ProtocolError)) throw error;
    this.reject(connection, member ? error : hintTls(error));
  }

  #handleHello(hello: ClientMessage, visit: Visit, now: Instant): Promise<void> | undefined {
    const { address, connection } = visit;
    const { bans, password, commitLog } = this.#options;
    if (hello.type !== "hello") throw new ProtocolError("frame-unexpected");
    if (bans.has(address, now.monotonicMs)) throw new ProtocolError("banned");
    const request = { hello, sessionId: sessionIdOf(hello.resumeToken), address };
    // Whoever comes back from a connection that broke needs no more room than it still takes.
    if (visit.overLimit && !this.#hasPlace(request.sessionId)) throw visit.overLimit;
    visit.overLimit = undefined;
    if (commitLog.isUnavailable) throw new ProtocolError("store-away");
    if (password && hello.password === "") throw new ProtocolError("password-needed");
    // Who guesses passwords is counted as well.
    this.#limiter.takeJoin(address, now.monotonicMs);
    if (password && !password.matches(hello.password)) throw new ProtocolError("password-wrong");
    const entering = this.#commitWait.try((then, again) => {
      const joined = this.#room.join(request, then, again);
      if (!joined) return false;
      this.#sessions.attach(joined, connection);
      visit.member = joined.member;
      this.#leaveAnteroom(visit, then);
      // Whoever waited was not in yet to be thrown out.
      if (bans.has(address, then.monotonicMs)) {
        this.#sessions.kick(joined.member, new ProtocolError("banned"));
      }
      return true;
    }, connection);
    return entering?.catch((error) => {
      // Who comes again until it is back has not come too often.
      if (error instanceof ProtocolError && error.code === "store-away") {
        this.#limiter.refundJoin(address, this.#clock().monotonicMs);
      }
      throw error;
    });
  }

  #dispatch(message: ClientMessage, { visit, member, now }: RawClient): Promise<void> | undefined {
    const { connection } = visit;
    switch (message.type) {
      case "say":
        this.#room.say(member, message, now);
        return;
      case "nick":
        return this.#rename(message.nick, member, connection);
      case "ping":
        connection.send(PONG);
        return;
      case "pong":
        connection.heartbeat?.onPong(now.monotonicMs);
        return;
      case "bye":
        return this.#leave(member, connection);
      case "hello":
        throw new ProtocolError("frame-unexpected");
    }
  }

  #rename(nick: string, member: Member, connection: Connection): Promise<void> | undefined {
    return this.#commitWait.try((now, again) => {
      try {
        return this.#room.rename(member, nick, now, again);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        const reason = wireReason(error);
        connection.send(encodeServer({ type: "rejected", code: error.code, request: nick, reason }));
        return true;
      }
    }, connection);
  }

  #leave(member: Member, connection: Connection): Promise<void> | undefined {
    return this.#commitWait.try((now, again) => {
      const isOut = this.#room.leave(member, now, again);
      if (!isOut) return false;
      this.#sessions.detach(member);
      connection.end(BYE_FRAME);
      return true;
    }, connection);
  }

  #report(connection: Connection, error: Error): void {
    const address = unmapIPv4(connection.peer.hostname);
    this.#options.onReject?.({ address, nick: this.#sessions.memberOf(connection)?.nick }, error);
  }
}

const PONG = encodeServer({ type: "pong" });

/** The error of a peer that began with TLS where none is spoken: its first frame is a handshake, type 22 of a version
 * that begins with 3 (RFC 8446, section 5.1). Other errors stay. */
function hintTls(error: ProtocolError): ProtocolError {
  const isTls = error.code === "frame-too-long" && Number(error.details.length) >>> 16 === 0x1603;
  return isTls ? new ProtocolError("tls-unexpected") : error;
}
