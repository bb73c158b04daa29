// Connects, joins, receives, and reconnects to the next server: an async iterator of events.

import type { Address } from "../net/address.ts";
import { type Clock, Deadline, delay } from "../base/time.ts";
import type { FrameDecoder } from "../codec.ts";
import type { Connection, ConnectionConfig } from "../net/connection.ts";
import { type DialOptions, inPhase, timedOut } from "../net/tcp.ts";
import { ConnectionLostError, ServerError } from "../errors.ts";
import { closeReason, type DisconnectError, toDisconnect } from "./recovery.ts";
import { ConnectionManager } from "../net/connection_manager.ts";
import type { Delivery, MayLack } from "./read_tracker.ts";
import type { SessionState } from "./session_state.ts";
import {
  decodeServer,
  encodeClient,
  type MessageBody,
  type MessageOptions,
  type RoomEvent,
  type Say,
  type Welcome,
} from "../protocol/frames.ts";
import type { Socket } from "../net/tls_socket.ts";

export interface ConnectTarget {
  readonly server: Address;
  readonly nick: string;
  /** It has just broken the connection. */
  readonly isRedial?: true;
  /** Where it was reached last. */
  readonly ip?: string;
  /** For the TCP connection, in ms. Undefined: only `welcomeTimeoutMs` holds. */
  readonly dialTimeoutMs?: number;
  /** For each answer, over TLS and then to HELLO, in ms. Undefined: only `welcomeTimeoutMs` holds. */
  readonly answerTimeoutMs?: number;
  /** Aborted when another server is to be dialled instead. After WELCOME it means nothing. */
  readonly abandoned?: AbortSignal;
}

/** A dial that did not reach WELCOME, or a connection that ended after it. */
export interface ConnectionFailure {
  readonly target: ConnectTarget;
  readonly error: DisconnectError;
  readonly wasJoined: boolean;
  /** From WELCOME on; 0 without one. */
  readonly connectedForMs: number;
  /** The round trip to the server, in ms; undefined without WELCOME. */
  readonly rttMs?: number;
  /** The client has left, because `shouldMove` said so. */
  readonly isMove?: true;
}

export interface DeliveredEntry {
  readonly entry: RoomEvent;
  readonly delivery: Exclude<Delivery, "duplicate">;
}

export type SessionEvent =
  | {
    readonly type: "joined";
    readonly server: Address;
    /** IP address to which the server's name resolved. */
    readonly ip: string;
    readonly welcome: Welcome;
    /** Entries that the client will never see: the server's log no longer has them. */
    readonly truncatedCount: number;
    /** Own messages that the server lacked; the `timeMs` of those that no server had confirmed is 0. */
    readonly resent: readonly Say[];
    /** How far back the client reads, in ms, if it comes from another log. */
    readonly behindMs: number | undefined;
    readonly mayLack: MayLack | undefined;
  }
  /** After each read, even one without entries: `unacked` may have changed. */
  | { readonly type: "entries"; readonly entries: readonly DeliveredEntry[] }
  /** The server rejected a nick; the client stays joined. */
  | { readonly type: "rejected"; readonly error: ServerError }
  /** The server cannot commit messages, or can again. */
  | { readonly type: "stalled"; readonly isResolved: boolean }
  | { readonly type: "disconnected"; readonly failure: ConnectionFailure };

export interface SessionDeps {
  readonly state: SessionState;
  /** Called at the start and after each failure. Undefined ends the session. */
  readonly nextServer: (
    failure: ConnectionFailure | undefined,
    options: { signal: AbortSignal },
  ) => Promise<ConnectTarget | undefined>;
  readonly dial: (server: Address, options: DialOptions) => Promise<Socket>;
  /** Empty for a server that has not asked for a password. */
  readonly passwordFor: (server: Address) => string;
  /** Called after each WELCOME. If it resolves to true before the signal is aborted, the session leaves the server, and
   * calls `nextServer` with `isMove`. */
  readonly shouldMove?: (options: { signal: AbortSignal }) => Promise<boolean>;
}

export interface SessionConfig {
  readonly connections: ConnectionConfig;
  /** From the first packet to WELCOME. */
  readonly welcomeTimeoutMs: number;
}

/** How long a measured round trip holds, in ms: a PING costs the server a write. */
const RTT_MS = 30_000;
/** How much of a new round trip counts (RFC 6298, section 2). */
const RTT_WEIGHT = 1 / 8;

export class Session implements Disposable {
  readonly #deps: SessionDeps;
  readonly #config: SessionConfig;
  readonly #state: SessionState;
  readonly #clock: Clock;
  readonly #manager: ConnectionManager;
  /** From WELCOME to the end of the connection. */
  #connection: Connection | undefined;
  #joinedMs: number | undefined;
  /** Smoothed; until the first PONG from HELLO to WELCOME. */
  #rttMs: number | undefined;
  #hasPong = false;
  #measuredMs = 0;
  /** BYE has been sent, to go to another server. */
  #isMoving = false;
  /** Nick requests since WELCOME without those that the server rejected: so many more may be rejected. */
  #nickRequests = 0;
  readonly #leaving = new AbortController();
  /** Resolved when the condition of a `#waitUntil` may have come true. */
  #progress: PromiseWithResolvers<void> | undefined;

  constructor(deps: SessionDeps, config: SessionConfig, clock: Clock) {
    this.#deps = deps;
    this.#config = config;
    this.#state = deps.state;
    this.#clock = clock;
    this.#manager = new ConnectionManager(config.connections, clock);
    this.#manager.ping = () => PING;
    this.#manager.onUnresponsive = (connection) => {
      // A client that was suspended, or did not read, cannot blame the server.
      const hasListened = !this.#manager.wasSuspended && connection.isReading;
      connection.close(new ConnectionLostError(hasListened ? "silent" : "broken"));
    };
  }

  [Symbol.dispose](): void {
    this.#manager[Symbol.dispose]();
  }

  /** While true, {@linkcode say} must not be called. */
  get isFull(): boolean {
    return this.#state.isFull;
  }

  /** Sends a message, after the next WELCOME if there is no connection. */
  say(text: string, options?: MessageOptions): void {
    const frame = encodeClient(this.#state.say(text, options));
    if (!this.#isMoving) this.#connection?.send(frame);
  }

  /** Requests another nick; false if the client is on no server. The reply is RENAMED in the log, or a `rejected`
   * event. */
  rename(nick: string): boolean {
    this.#connection?.send(encodeClient({ type: "nick", nick }));
    this.#nickRequests++;
    return this.#connection !== undefined;
  }

  /** How long nothing has come from the server; undefined while the client is on none. */
  get idleMs(): number | undefined {
    return this.#connection && this.#clock().monotonicMs - this.#connection.lastReceivedMs;
  }

  get unacked(): readonly MessageBody[] {
    return this.#state.unacked;
  }

  /** Resolves at the first WELCOME. */
  joined(): Promise<void> {
    return this.#waitUntil(() => this.#joinedMs !== undefined);
  }

  /** Resolves when the client is on a server and has read all entries from before it joined. */
  readPast(): Promise<void> {
    return this.#waitUntil(() => this.#connection !== undefined && !this.#state.isReadingPast);
  }

  /** Resolves when every message is acked. */
  flushed(): Promise<void> {
    return this.#waitUntil(() => this.unacked.length === 0);
  }

  /** Resolves when {@linkcode say} may be called. */
  drained(): Promise<void> {
    return this.#waitUntil(() => !this.isFull);
  }

  /** Ends {@linkcode run}, after `closeTimeoutMs` at the latest. */
  leave(): void {
    this.#leaving.abort();
    this.#connection?.end(encodeClient({ type: "bye" }));
    this.#notifyProgress();
  }

  /** Connects to one server after another until {@linkcode leave} is called or there is no next target. */
  async *run(): AsyncGenerator<SessionEvent> {
    const { signal } = this.#leaving;
    let failure: ConnectionFailure | undefined;
    try {
      while (!signal.aborted) {
        const target = await this.#deps.nextServer(failure, { signal });
        if (!target || signal.aborted) break;
        for await (const event of this.#runOnServer(target)) {
          if (event.type === "disconnected") failure = event.failure;
          yield event;
        }
      }
    } finally {
      this.leave(); // resolves what waits for progress
    }
  }

  /** Also resolves when the session ends. */
  async #waitUntil(isReached: () => boolean): Promise<void> {
    while (!isReached() && !this.#leaving.signal.aborted) {
      this.#progress ??= Promise.withResolvers();
      await this.#progress.promise;
    }
  }

  #notifyProgress(): void {
    this.#progress?.resolve();
    this.#progress = undefined;
  }

  /** One server, from the dial to the end of the connection. Ends with `disconnected` unless the client has left. */
  async *#runOnServer(target: ConnectTarget): AsyncGenerator<SessionEvent> {
    let cause: unknown;
    try {
      yield* this.#joinAndReceive(target);
      cause = new ConnectionLostError("closed");
    } catch (error) {
      cause = error;
    }
    const wasJoined = this.#connection !== undefined;
    // What was acked ages up to when the server was last heard, not to the present: the machine may have slept since.
    if (this.#connection) {
      this.#state.onDisconnect(this.#connection.lastReceivedMs, this.#clock().monotonicMs);
    }
    this.#connection = undefined;
    const isMove = this.#isMoving;
    this.#isMoving = false;
    if (this.#leaving.signal.aborted) return;
    const error = toDisconnect(cause, { server: target.server, wasJoined });
    const connectedForMs = wasJoined ? this.#clock().monotonicMs - this.#joinedMs! : 0;
    const more = { ...(wasJoined && { rttMs: this.#rttMs }), ...(isMove && { isMove: true as const }) };
    yield { type: "disconnected", failure: { target, wasJoined, connectedForMs, error, ...more } };
  }

  /** Joins and reads until the server closes the connection.
   * @throws why the connection cannot go on */
  async *#joinAndReceive({ server, nick, ...target }: ConnectTarget): AsyncGenerator<SessionEvent> {
    const { dial, passwordFor } = this.#deps;
    const { welcomeTimeoutMs } = this.#config;
    const { answerTimeoutMs = welcomeTimeoutMs } = target;
    const outer = AbortSignal.any([this.#leaving.signal, ...(target.abandoned ? [target.abandoned] : [])]);
    using deadline = new Deadline(welcomeTimeoutMs, { error: timedOut(server, welcomeTimeoutMs), outer });
    const connection = this.#manager.add(await dial(server, { ...target, signal: deadline.signal }));
    const { signal } = deadline;
    signal.addEventListener("abort", () => connection.close(inPhase("no-welcome", signal.reason)));
    if (signal.aborted) connection.close(signal.reason); // during the dial
    const late = () => connection.close(inPhase("no-welcome", timedOut(server, answerTimeoutMs)));
    const answerTimer = setTimeout(late, answerTimeoutMs);
    const ended = new AbortController();
    try {
      const helloMs = this.#clock().monotonicMs;
      connection.send(encodeClient(this.#state.hello(nick, helloMs, passwordFor(server))));
      for (let frames = await connection.read(); frames; frames = await connection.read()) {
        if (!this.#connection) {
          const frame = frames.next();
          if (!frame) continue;
          const welcome = decodeServer(frame);
          if (welcome.type !== "welcome") throw closeReason(welcome, { nick });
          deadline[Symbol.dispose]();
          clearTimeout(answerTimer);
          const counts = this.#onWelcome(welcome, connection, helloMs);
          yield { type: "joined", server, ip: connection.peer.hostname, welcome, ...counts };
          void this.#moveIfAsked(connection, ended.signal);
        }
        yield* this.#read(frames, connection);
      }
    } finally {
      clearTimeout(answerTimer);
      ended.abort();
      this.#manager.remove(connection);
    }
  }

  /** Reads to the server's BYE before it moves: what others have said here is shown nowhere else. */
  async #moveIfAsked(connection: Connection, signal: AbortSignal): Promise<void> {
    if (!await this.#deps.shouldMove?.({ signal }) || signal.aborted || !connection.isOpen) return;
    this.#isMoving = true;
    connection.send(encodeClient({ type: "bye" }));
    await delay(this.#config.welcomeTimeoutMs, signal);
    connection.close(new ConnectionLostError("closed"));
  }

  /** Resends the messages that this server lacks. From then on {@linkcode say} goes to it. */
  #onWelcome(
    welcome: Welcome,
    connection: Connection,
    helloMs: number,
  ): Omit<SessionEvent & { type: "joined" }, "type" | "server" | "ip" | "welcome"> {
    const nowMs = this.#clock().monotonicMs;
    const { resend, ...read } = this.#state.onWelcome(welcome, nowMs);
    for (const message of resend) connection.send(encodeClient(message));
    connection.startHeartbeat();
    this.#joinedMs = this.#measuredMs = nowMs;
    this.#rttMs = nowMs - helloMs;
    this.#hasPong = false;
    this.#nickRequests = 0;
    this.#connection = connection;
    this.#notifyProgress();
    return { ...read, resent: resend };
  }

  /** In a busy room a client sends no PING of its own. It is sent only if nothing of ours waits before it: servers deal
   * with frames in order, at a limited rate. */
  #measureRtt(connection: Connection, nowMs: number): void {
    if (nowMs - this.#measuredMs < RTT_MS || this.unacked.length > 0) return;
    this.#measuredMs = nowMs;
    connection.heartbeat?.onPingSent(nowMs);
    connection.send(PING);
  }

  #onRtt(ms: number | undefined): void {
    if (ms === undefined) return;
    this.#rttMs = this.#hasPong ? this.#rttMs! + RTT_WEIGHT * (ms - this.#rttMs!) : ms;
    this.#hasPong = true;
  }

  /** Reads all complete frames.
   * @throws why the connection cannot go on, after the events of the frames before */
  *#read(frames: FrameDecoder, connection: Connection): Generator<SessionEvent> {
    const entries: DeliveredEntry[] = [];
    const others: SessionEvent[] = [];
    let error: unknown;
    const { monotonicMs } = this.#clock();
    try {
      for (let frame = frames.next(); frame && connection.isOpen; frame = frames.next()) {
        const message = decodeServer(frame);
        switch (message.type) {
          case "said":
          case "joined":
          case "left":
          case "renamed":
          case "announced":
          case "backups": {
            const delivery = this.#state.onEntry(message, monotonicMs);
            const isOwnLeft = message.type === "left" && message.sessionId === this.#state.sessionId;
            if (this.#isMoving && isOwnLeft) break;
            if (delivery !== "duplicate") entries.push({ entry: message, delivery });
            break;
          }
          case "noop":
            this.#state.onEntry(message, monotonicMs);
            break;
          case "rejected": {
            const { code, request: nick, reason } = message;
            if (this.#nickRequests-- === 0) throw closeReason(message);
            others.push({ type: "rejected", error: new ServerError(code, { nick, reason }) });
            break;
          }
          case "stalled":
            others.push({ type: "stalled", isResolved: message.resolved });
            break;
          case "ping":
            this.#state.onPing(message, monotonicMs);
            connection.send(PONG);
            this.#measureRtt(connection, monotonicMs);
            break;
          case "pong":
            this.#onRtt(connection.heartbeat?.onPong(monotonicMs));
            break;
          case "welcome":
          case "bye":
          case "error":
          case "status":
            throw closeReason(message);
          default:
            message satisfies never;
        }
      }
    } catch (cause) {
      error = cause;
    }
    this.#notifyProgress();
    yield { type: "entries", entries };
    yield* others;
    if (error) throw error;
  }
}

const PING = encodeClient({ type: "ping" });
const PONG = encodeClient({ type: "pong" });
