// Connects, joins, receives, and reconnects to the next server: an async iterator of events.

import type { Address } from "../net/address.ts";
import { type Clock, Deadline } from "../base/time.ts";
import type { FrameDecoder } from "../codec.ts";
import type { Connection, ConnectionConfig } from "../net/connection.ts";
import { type DialOptions, timedOut } from "../net/tcp.ts";
import { ConnectionLostError, ServerError } from "../errors.ts";
import { closeReason, type DisconnectError, toDisconnect } from "./recovery.ts";
import { ConnectionManager } from "../net/connection_manager.ts";
import type { Delivery } from "./read_tracker.ts";
import type { SessionState } from "./session_state.ts";
import {
  decodeServer,
  encodeClient,
  type MessageBody,
  type MessageOptions,
  type RoomEvent,
  type Welcome,
} from "../protocol/frames.ts";
import type { Socket } from "../net/tls_socket.ts";

export interface ConnectTarget {
  readonly server: Address;
  readonly nick: string;
  /** For the TCP connection, in ms. Undefined: only `welcomeTimeoutMs` holds. */
  readonly dialTimeoutMs?: number;
  /** From the first packet to WELCOME, in ms, instead of that of {@linkcode SessionConfig}. */
  readonly welcomeTimeoutMs?: number;
}

/** A dial that did not reach WELCOME, or a connection that ended after it. */
export interface ConnectionFailure {
  readonly target: ConnectTarget;
  readonly error: DisconnectError;
  readonly wasJoined: boolean;
  /** From WELCOME on; 0 without one. */
  readonly connectedForMs: number;
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
}

export interface SessionConfig {
  readonly connections: ConnectionConfig;
  /** From the first packet to WELCOME. */
  readonly welcomeTimeoutMs: number;
}

export class Session implements Disposable {
  readonly #deps: SessionDeps;
  readonly #config: SessionConfig;
  readonly #state: SessionState;
  readonly #clock: Clock;
  readonly #manager: ConnectionManager;
  /** From WELCOME to the end of the connection. */
  #connection: Connection | undefined;
  #joinedMs: number | undefined;
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
    this.#manager.ping = () => encodeClient({ type: "ping" });
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
    this.#connection?.send(frame);
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
    // The time when it was last heard, not the present: the machine may have slept since.
    if (this.#connection) this.#state.onDisconnect(this.#connection.lastReceivedMs);
    this.#connection = undefined;
    if (this.#leaving.signal.aborted) return;
    const error = toDisconnect(cause, { server: target.server, wasJoined });
    const connectedForMs = wasJoined ? this.#clock().monotonicMs - this.#joinedMs! : 0;
    yield { type: "disconnected", failure: { target, wasJoined, connectedForMs, error } };
  }

  /** Joins and reads until the server closes the connection.
   * @throws why the connection cannot go on */
  async *#joinAndReceive(target: ConnectTarget): AsyncGenerator<SessionEvent> {
    const { dial, passwordFor } = this.#deps;
    const { server, nick, dialTimeoutMs, welcomeTimeoutMs = this.#config.welcomeTimeoutMs } = target;
    const error = timedOut(server, welcomeTimeoutMs);
    using deadline = new Deadline(welcomeTimeoutMs, { error, outer: this.#leaving.signal });
    const connection = this.#manager.add(await dial(server, { signal: deadline.signal, dialTimeoutMs }));
    deadline.signal.addEventListener("abort", () => connection.close(error));
    if (deadline.signal.aborted) connection.close(error); // during the dial
    try {
      connection.send(encodeClient(this.#state.hello(nick, this.#clock().monotonicMs, passwordFor(server))));
      for (let frames = await connection.read(); frames; frames = await connection.read()) {
        if (!this.#connection) {
          const frame = frames.next();
          if (!frame) continue;
          const welcome = decodeServer(frame);
          if (welcome.type !== "welcome") throw closeReason(welcome, { nick });
          deadline[Symbol.dispose]();
          const truncatedCount = this.#onWelcome(welcome, connection);
          yield { type: "joined", server, ip: connection.peer.hostname, welcome, truncatedCount };
        }
        yield* this.#read(frames, connection);
      }
    } finally {
      this.#manager.remove(connection);
    }
  }

  /** Resends the messages that this server lacks. From then on {@linkcode say} goes to it. */
  #onWelcome(welcome: Welcome, connection: Connection): number {
    const { resend, truncatedCount } = this.#state.onWelcome(welcome, this.#clock().monotonicMs);
    for (const message of resend) connection.send(encodeClient(message));
    connection.startHeartbeat();
    this.#joinedMs = this.#clock().monotonicMs;
    this.#nickRequests = 0;
    this.#connection = connection;
    this.#notifyProgress();
    return truncatedCount;
  }

  /** Reads all complete frames.
   * @throws why the connection cannot go on, after the events of the frames before */
  *#read(frames: FrameDecoder, connection: Connection): Generator<SessionEvent> {
    const entries: DeliveredEntry[] = [];
    const stalls: SessionEvent[] = [];
    const rejections: SessionEvent[] = [];
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
            if (delivery !== "duplicate") entries.push({ entry: message, delivery });
            break;
          }
          case "noop":
            this.#state.onEntry(message, monotonicMs);
            break;
          case "rejected":
            if (this.#nickRequests === 0) throw closeReason(message);
            this.#nickRequests--;
            rejections.push({
              type: "rejected",
              error: new ServerError(message.code, { nick: message.request, reason: message.reason }),
            });
            break;
          case "stalled":
            stalls.push({ type: "stalled", isResolved: message.resolved });
            break;
          case "ping":
            this.#state.onPing(message, monotonicMs);
            connection.send(PONG);
            break;
          case "pong":
            connection.heartbeat?.onPong(monotonicMs);
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
    yield* stalls;
    yield* rejections;
    if (error) throw error;
  }
}

const PONG = encodeClient({ type: "pong" });
