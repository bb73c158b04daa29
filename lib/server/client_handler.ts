// One client from accept to close: admission, handshake, dispatch, rate limit, and the wait for the commit log.

import type { Clock, Instant } from "../base/time.ts";
import { type RateLimit, TokenBucket } from "../base/limits.ts";
import type { FrameDecoder } from "../codec.ts";
import { ConnectionLostError, HttpRequestError, ProtocolError } from "../errors.ts";
import { wireReason } from "../i18n/translate.ts";
import { unmapIPv4 } from "../net/address.ts";
import type { Connection } from "../net/connection.ts";
import type { ConnectionManager } from "../net/connection_manager.ts";
import {
  type ClientMessage,
  decodeClient,
  encodeServer,
  HEARD_MS,
  type MemberInfo,
  sessionIdOf,
} from "../protocol/frames.ts";
import type { CommitLog } from "../room/commit_log.ts";
import type { JoinRequest, Room } from "../room/room.ts";
import type { Member } from "../room/state.ts";
import type { PasswordVerifier } from "../text/text.ts";
import type { ServerConfig } from "./config.ts";
import type { BanList, ConnectionLimiter, Slot } from "./connection_limiter.ts";
import { httpAnswer, isHttp } from "./invitation.ts";
import { BYE_FRAME, errorFrame, type Sessions } from "./sessions.ts";

/** Longest pause between two checks of a commit log that a client waits for, in ms. */
const COMMIT_POLL_MS = 1_000;
/** PINGs and PONGs of one client: far more than it needs. Without a limit, a flood of them would take all of the
 * server's time. */
const HEARTBEAT_RATE: RateLimit = { burst: 500, perSecond: 20 };
/** Pause when their rate is used up, in ms. Then several are answered together. */
const HEARTBEAT_PAUSE_MS = 1_000;
/** How often a client that waits is sent a PONG, in ms: its PING may wait with it. */
const UNASKED_PONG_MS = 1_000;
const PONG_FRAME = encodeServer({ type: "pong" });
/** Errors of clients that only have to ask for the password or to wait, or that have another connection. */
export const UNREPORTED: readonly string[] = ["password-needed", "store-away", "replaced"];

export interface ServerContext {
  readonly config: ServerConfig;
  readonly clock: Clock;
  readonly commitLog: CommitLog;
  readonly room: Room;
  readonly manager: ConnectionManager;
  readonly sessions: Sessions;
  readonly limiter: ConnectionLimiter;
  readonly bans: BanList;
  /** Undefined: the room is open to all. */
  readonly password: PasswordVerifier | undefined;
  readonly isTls: boolean;
  readonly handlers: Map<Connection, ClientHandler>;
  readonly onReject: (client: RejectedClient, error: Error) => void;
  /** Called when a member of an earlier start is back. */
  readonly onReturn: (member: MemberInfo) => void;
}

export interface RejectedClient {
  readonly address: string;
  readonly nick?: string;
}

/** Makes a request of the room. Returns false if its change is not committed yet: then the room calls `onSettled`, and
 * the request is made again. */
type Attempt = (now: Instant, onSettled: () => void) => boolean;

export class ClientHandler {
  readonly #context: ServerContext;
  readonly #connection: Connection;
  readonly #address: string;
  readonly #messages: TokenBucket;
  readonly #heartbeats: TokenBucket;
  /** Read, but over its rate. */
  #delayed: ClientMessage | undefined;
  #lastUnaskedPongMs = -Infinity;
  /** Set by the join. Kept when another connection takes the session over: {@linkcode #hasConnection} counts this one
   * until it is closed. */
  #member: Member | undefined;
  #lastClientSeq = 0;
  readonly #slot: Slot;

  constructor(context: ServerContext, connection: Connection) {
    this.#context = context;
    this.#connection = connection;
    this.#address = unmapIPv4(connection.peer.hostname);
    const { monotonicMs } = context.clock();
    this.#messages = new TokenBucket(context.config.messages, monotonicMs);
    this.#heartbeats = new TokenBucket(HEARTBEAT_RATE, monotonicMs);
    this.#slot = context.limiter.open(this.#address, monotonicMs, connection);
  }

  /** Serves the connection until it is closed.
   * @throws errors that are no fault of the client */
  async run(): Promise<void> {
    const { limiter, manager, handlers } = this.#context;
    const connection = this.#connection;
    handlers.set(connection, this);
    try {
      // 10,000 clients wait here, so no further async function lies between: each takes 0.5 KiB a client.
      try {
        for (let frames = await connection.read(); frames; frames = await connection.read()) {
          await this.#processFrames(frames);
        }
      } catch (error) {
        if (!(error instanceof ConnectionLostError)) this.#report(error as Error);
      }
      this.#disconnect();
      // A client that has ended only its own side still reads what is queued for it.
      connection.end();
      await connection.closed;
    } finally {
      handlers.delete(connection);
      manager.remove(connection);
      limiter.release(this.#slot);
    }
  }

  /** Ends the connection with ERROR; a member has the grace to resume. */
  reject(error: ProtocolError): void {
    if (!this.#connection.isOpen) return;
    if (!UNREPORTED.includes(error.code)) this.#report(error);
    this.#connection.end(errorFrame(error));
    this.#disconnect();
  }

  #disconnect(): void {
    const member = this.#attachedMember;
    if (member) this.#context.sessions.disconnect(member);
  }

  #report(error: Error): void {
    this.#context.onReject({ address: this.#address, nick: this.#attachedMember?.nick }, error);
  }

  /** Undefined if another connection has the session by now. */
  get #attachedMember(): Member | undefined {
    return this.#context.sessions.memberOf(this.#connection);
  }

  /** Processes all complete frames at the rate that the client may send. Reads nothing more meanwhile: a client that
   * sends faster fills its own socket. */
  async #processFrames(frames: FrameDecoder): Promise<void> {
    const { clock, manager, commitLog } = this.#context;
    for (;;) {
      // A PROBE is answered all the same.
      if (this.#member && commitLog.isBlocked) {
        await this.#rejectOnError(this.#pauseReadingUntil(() => !commitLog.isBlocked));
      }
      const now = clock();
      const committing = this.#processAllowed(frames, now);
      manager.scheduleFlush();
      if (committing) await this.#rejectOnError(committing);
      if (this.#delayed && this.#connection.isOpen) await this.#awaitRate(this.#delayed, now);
      else if (!committing) return;
    }
  }

  /** Processes frames until one waits for the commit log: then returns what to wait for. */
  #processAllowed(frames: FrameDecoder, now: Instant): Promise<void> | undefined {
    try {
      for (let message = this.#takeMessage(frames, now); message; message = this.#takeMessage(frames, now)) {
        const committing = this.#member
          ? this.#dispatch(message, this.#member, now)
          : this.#handleHello(message, now);
        if (committing) return committing;
      }
    } catch (error) {
      this.#rejectFor(error);
    }
    return undefined;
  }

  #answerHttp(start: number): void {
    if (!this.#connection.isOpen) return;
    this.#report(new HttpRequestError());
    this.#connection.end(httpAnswer(start, this.#connection.local, this.#context.isTls));
  }

  async #rejectOnError(waiting: Promise<void>): Promise<void> {
    await waiting.catch((error) => this.#rejectFor(error));
    this.#context.manager.scheduleFlush();
  }

  #rejectFor(error: unknown): void {
    if (!(error instanceof ProtocolError)) throw error;
    const start = this.#member ? undefined : firstWord(error);
    if (start !== undefined && isHttp(start)) return this.#answerHttp(start);
    // A handshake of TLS, type 22 of a version that begins with 3 (RFC 8446, section 5.1), where none is spoken.
    const isTls = start !== undefined && start >>> 16 === 0x1603;
    this.reject(isTls ? new ProtocolError("tls-unexpected") : error);
  }

  /** The next message, unless it is over its rate: then it is delayed, and what is behind it is not read. Undefined also
   * if no frame is complete.
   * @throws {ProtocolError} about the frame, or `counter-backwards` */
  #takeMessage(frames: FrameDecoder, { monotonicMs }: Instant): ClientMessage | undefined {
    if (!this.#connection.isOpen) return undefined;
    const frame = this.#delayed ? undefined : frames.next();
    const message = frame ? decodeClient(frame) : this.#delayed;
    this.#delayed = undefined;
    if (!message || !this.#member || this.#takeToken(message, monotonicMs)) return message;
    this.#delayed = message;
    return undefined;
  }

  /** Whether the rate of a member's messages, or of its heartbeats, allows this one now. A client needs heartbeats even if
   * it has said all that it may. */
  #takeToken(message: ClientMessage, nowMs: number): boolean {
    if (message.type === "ping" || message.type === "pong") return this.#heartbeats.take(nowMs);
    if (message.type === "nick") return this.#messages.take(nowMs);
    if (message.type !== "say") return true;
    const { clientSeq, timeMs } = message;
    const last = this.#lastClientSeq;
    if (clientSeq <= last) throw new ProtocolError("counter-backwards", { clientSeq, last });
    // A server that failed accepted a redelivered message: it was limited there, and need not wait twice.
    const isAllowed = (timeMs !== 0 && this.#context.limiter.takeRedelivery(this.#slot, nowMs)) ||
      this.#messages.take(nowMs);
    if (isAllowed) this.#lastClientSeq = clientSeq;
    return isAllowed;
  }

  /** Reads nothing until the delayed message may be tried again. A PING may wait behind it: a PONG now and then has the
   * client know that the server lives. */
  async #awaitRate({ type }: ClientMessage, { monotonicMs }: Instant): Promise<void> {
    if (monotonicMs - this.#lastUnaskedPongMs >= UNASKED_PONG_MS) {
      this.#lastUnaskedPongMs = monotonicMs;
      this.#connection.send(PONG_FRAME);
    }
    const isHeartbeat = type === "ping" || type === "pong";
    const waitMs = isHeartbeat ? HEARTBEAT_PAUSE_MS : this.#messages.waitMs(monotonicMs);
    await this.#connection.pauseReading(Math.min(waitMs, UNASKED_PONG_MS));
  }

  #handleHello(hello: ClientMessage, now: Instant): Promise<void> | undefined {
    if (hello.type === "probe") return void this.#answerProbe(now);
    const { bans, clock, commitLog, limiter, password } = this.#context;
    if (hello.type !== "hello") throw new ProtocolError("frame-unexpected");
    if (bans.has(this.#address, now.monotonicMs)) throw new ProtocolError("banned");
    const request = { hello, sessionId: sessionIdOf(hello.resumeToken), address: this.#address };
    // A resumed session replaces its old connection, so it does not count against the limit.
    const refusal = limiter.joinRefusal(this.#slot);
    if (refusal && !this.#hasConnection(request.sessionId)) throw new ProtocolError(refusal);
    if (commitLog.isUnavailable) throw new ProtocolError("store-away");
    if (commitLog.isBlocked) {
      const isOver = () => !commitLog.isBlocked;
      return this.#pauseReadingUntil(isOver).then(() =>
        this.#connection.isOpen ? this.#handleHello(hello, clock()) : undefined
      );
    }
    if (password && hello.password === "") throw new ProtocolError("password-needed");
    // Before the password is checked, so that guesses are limited too.
    limiter.takeJoin(this.#slot, now.monotonicMs);
    if (password && !password.matches(hello.password)) throw new ProtocolError("password-wrong");
    // Before the commit log answers, so that many joins at once cannot exceed the limit.
    limiter.join(this.#slot);
    return this.#awaitCommit((now, onSettled) => this.#join(request, now, onSettled))?.catch((error) => {
      // A client that retries until the store is back does not join too often.
      if (error instanceof ProtocolError && error.code === "store-away") {
        limiter.refundJoin(this.#slot);
      }
      throw error;
    });
  }

  /** Reports nothing: a client that only looks for a server shows nowhere. */
  #answerProbe({ monotonicMs }: Instant): void {
    const { bans, commitLog, config, limiter, sessions } = this.#context;
    const refusal = bans.has(this.#address, monotonicMs)
      ? "banned"
      : limiter.takeProbe(this.#slot, monotonicMs)
      ? undefined
      : "entering-too-often";
    const heardCount = sessions.heardCount(monotonicMs - HEARD_MS);
    const name = config.name ?? config.nats?.room ?? "";
    const status = encodeServer({ type: "status", logId: commitLog.logId, heardCount, name });
    this.#connection.end(refusal ? errorFrame(new ProtocolError(refusal)) : status);
  }

  /** Whether a session has a connection, even a dead one or one that is about to close. */
  #hasConnection(sessionId: bigint): boolean {
    return this.#context.handlers.values().some((handler) => handler.#member?.sessionId === sessionId);
  }

  #join(request: JoinRequest, now: Instant, onSettled: () => void): boolean {
    const { bans, handlers, limiter, onReturn, room, sessions } = this.#context;
    const joined = room.join(request, now, onSettled);
    if (!joined) return false;
    const replaced = sessions.attach(joined, this.#connection);
    // The two count as one, though the older one is not closed yet.
    const older = replaced && handlers.get(replaced);
    if (older) limiter.release(older.#slot);
    this.#member = joined.member;
    // Others were told nothing of an absence within the grace.
    if (sessions.takeRestored(joined.member)) onReturn({ ...joined.member, address: this.#address });
    // A ban kicks members only: it missed this client while it waited.
    if (bans.has(this.#address, now.monotonicMs)) sessions.kick(joined.member, new ProtocolError("banned"));
    return true;
  }

  #dispatch(message: ClientMessage, member: Member, now: Instant): Promise<void> | undefined {
    switch (message.type) {
      case "say":
        this.#context.room.say(member, message, now);
        return;
      case "nick":
        return this.#awaitCommit((now, onSettled) => this.#rename(member, message.nick, now, onSettled));
      case "ping":
        this.#connection.send(PONG_FRAME);
        return;
      case "pong":
        this.#connection.heartbeat?.onPong(now.monotonicMs);
        return;
      case "bye":
        return this.#awaitCommit((now, onSettled) => this.#leave(member, now, onSettled));
      case "hello":
      case "probe":
        throw new ProtocolError("frame-unexpected");
    }
  }

  #rename(member: Member, nick: string, now: Instant, onSettled: () => void): boolean {
    try {
      return this.#context.room.rename(member, nick, now, onSettled);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const reason = wireReason(error);
      this.#connection.send(encodeServer({ type: "rejected", code: error.code, request: nick, reason }));
      return true;
    }
  }

  #leave(member: Member, now: Instant, onSettled: () => void): boolean {
    const { room, sessions } = this.#context;
    if (!room.leave(member, now, onSettled)) return false;
    sessions.detach(member);
    this.#connection.end(BYE_FRAME);
    return true;
  }

  /** Repeats the attempt until its change is committed. Returns undefined if the first one succeeds. */
  #awaitCommit(attempt: Attempt): Promise<void> | undefined {
    let isSettled = false;
    const onSettled = () => {
      isSettled = true;
      this.#connection.resumeReading();
      // Committed after the client was gone: the room may have started a grace, whose timer is set here.
      if (!this.#connection.isOpen) this.#context.sessions.expireGrace();
    };
    if (attempt(this.#context.clock(), onSettled)) return undefined;
    return this.#pauseReadingUntil(() => isSettled).then(() =>
      this.#connection.isOpen ? this.#awaitCommit(attempt) : this.#context.sessions.expireGrace()
    );
  }

  /** Back-pressure: reads nothing until the condition holds or the connection closes.
   * @throws {ProtocolError} `store-away` if a client that has not joined waits for `commitWaitMs` */
  async #pauseReadingUntil(isOver: () => boolean): Promise<void> {
    const { clock, commitLog, config: { timeouts: { commitWaitMs } } } = this.#context;
    const endMs = this.#member ? Infinity : clock().monotonicMs + commitWaitMs;
    while (this.#connection.isOpen && !isOver()) {
      if (clock().monotonicMs >= endMs) throw new ProtocolError("store-away");
      const isJoined = this.#member !== undefined;
      await this.#connection.pauseReading(isJoined ? COMMIT_POLL_MS : Math.min(COMMIT_POLL_MS, commitWaitMs));
      // A client whose PING is not read now would give us up. An extra PONG does no harm.
      if (isJoined && commitLog.isBlocked) this.#connection.send(PONG_FRAME);
    }
  }
}

/** The first four bytes of a client that speaks another protocol: they were read as the length of a frame. */
function firstWord({ code, details }: ProtocolError): number | undefined {
  return code === "frame-too-long" ? Number(details.length) : undefined;
}
