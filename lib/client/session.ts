// A client's way from server to server: dial, HELLO, messages, loss, the next server; an async iterator of what
// happens. Knows nothing of terminals, nor how the next server is chosen.

import type { Address } from "../net/address.ts";
import { type Clock, Deadline, systemClock } from "../base/time.ts";
import type { FrameDecoder } from "../codec.ts";
import type { Connection } from "../net/connection.ts";
import { dial, type DialOptions, timedOut } from "../net/tcp.ts";
import { ConnectionLostError, ProtocolError, type ServerError } from "../errors.ts";
import { closeReason, type DisconnectError, idleError, serverError, toDisconnect } from "./recovery.ts";
import { PING_MS, PING_TIMEOUT_MS } from "../net/heartbeat.ts";
import { ConnectionManager, FRAME_TIMEOUT_MS, SLOW_WRITE_MS } from "../net/connection_manager.ts";
import type { Delivery } from "./read_tracker.ts";
import type { SessionState } from "./session_state.ts";
import {
  decodeServer,
  encodeClient,
  MAX_SERVER_FRAME_BYTES,
  type MessageBody,
  type MessageOptions,
  type RoomEvent,
  type ServerMessage,
  type Stalled,
  type Welcome,
} from "../protocol/frames.ts";
import type { Socket } from "../net/tls_socket.ts";

/** How long a server may take from the first packet to WELCOME, in ms. */
const WELCOME_TIMEOUT_MS = 5_000;
/** How long leaving may take, in ms. */
export const LEAVE_TIMEOUT_MS = 500;

/** Where to go, and as whom. */
export interface ConnectTarget {
  readonly server: Address;
  readonly nick: string;
  /** How long it may take until somebody is there, and until they answer, in ms, where that is less than usual. */
  readonly dialTimeoutMs?: number;
  readonly welcomeTimeoutMs?: number;
}

/** Why the client is not, or no longer, on a server. */
export interface Disconnect {
  readonly target: ConnectTarget;
  readonly error: DisconnectError;
  /** Whether it was in: then the conversation goes on elsewhere. */
  readonly wasJoined: boolean;
  /** How long it was in, in ms. */
  readonly connectedForMs: number;
}

/** An entry of the log that is to be shown. */
export interface DeliveredEntry {
  readonly entry: RoomEvent;
  readonly delivery: Exclude<Delivery, "duplicate">;
}

/** What came of the frames that came. */
interface ReceivedBatch {
  readonly entries: readonly DeliveredEntry[];
  readonly rejections: readonly ServerError[];
  readonly stalls: readonly Stalled[];
  /** Why there is nothing more to read. */
  readonly error?: unknown;
}

/** What happens to a client. */
export type SessionEvent =
  | {
    readonly type: "entered";
    readonly server: Address;
    /** IP address at which it was found. */
    readonly ip: string;
    readonly welcome: Welcome;
    readonly truncatedCount: number;
  }
  /** Something was read, be it only that the server has what was pending; these are to be shown. */
  | { readonly type: "read"; readonly entries: readonly DeliveredEntry[] }
  /** What the client asked for is not done; it stays in. */
  | { readonly type: "rejected"; readonly error: ServerError }
  /** What is said waits on the server, or does so no more. */
  | { readonly type: "stalled"; readonly isResolved: boolean }
  | { readonly type: "failed"; readonly failure: Disconnect };

/** Settings of a session. */
export interface SessionOptions {
  readonly state: SessionState;
  /** Chooses where to go: at the start, and after each failure. Undefined to give up. */
  readonly nextServer: (
    failure: Disconnect | undefined,
    options: { signal: AbortSignal },
  ) => Promise<ConnectTarget | undefined>;
  /** Opens a connection, once the server has proved to be the right one if it has to; in plain text by default. */
  readonly dial?: (server: Address, options: DialOptions) => Promise<Socket>;
  /** The password to say to a server; empty by default, and as long as the server has not asked for it. */
  readonly passwordFor?: (server: Address) => string;
  readonly clock?: Clock;
  readonly pingMs?: number;
  readonly pingTimeoutMs?: number;
  readonly welcomeTimeoutMs?: number;
  readonly frameMs?: number;
}

/** One client's session. */
export class Session implements Disposable {
  readonly #options: SessionOptions;
  readonly #state: SessionState;
  readonly #clock: Clock;
  readonly #manager: ConnectionManager;
  /** The connection on which WELCOME was read. */
  #connection: Connection | undefined;
  /** When it was let in last. */
  #joinedMs: number | undefined;
  /** Nicks that the server may still refuse. */
  #nickRequests = 0;
  readonly #leaving = new AbortController();
  #progress: PromiseWithResolvers<void> | undefined;

  constructor(options: SessionOptions) {
    const { state, clock = systemClock } = options;
    const { pingMs = PING_MS, pingTimeoutMs = PING_TIMEOUT_MS, frameMs = FRAME_TIMEOUT_MS } = options;
    this.#options = options;
    this.#state = state;
    this.#clock = clock;
    this.#manager = new ConnectionManager({
      maxFrameBytes: MAX_SERVER_FRAME_BYTES,
      pingMs,
      pingTimeoutMs,
      pingAlways: false,
      handshakeMs: Infinity,
      frameMs,
      closeTimeoutMs: LEAVE_TIMEOUT_MS,
      slowWriteMs: SLOW_WRITE_MS,
    }, clock);
    this.#manager.ping = () => encodeClient({ type: "ping" });
    this.#manager.onUnresponsive = (connection) =>
      connection.close(idleError({ hasListened: !this.#manager.wasSuspended && connection.isReading }));
  }

  [Symbol.dispose](): void {
    this.#manager[Symbol.dispose]();
  }

  /** Whether messages wait for a server to confirm them and no more can be taken. */
  get isFull(): boolean {
    return this.#state.isFull;
  }

  /** Says something to the room: now, or on the next server. Not to be called while {@linkcode isFull}. */
  say(text: string, manner?: MessageOptions): void {
    const frame = encodeClient(this.#state.say(text, manner));
    this.#connection?.send(frame);
  }

  /** Asks the server for another nick; false if there is none to ask. The answer is RENAMED in the log, or
   * `refused`. */
  rename(nick: string): boolean {
    this.#connection?.send(encodeClient({ type: "nick", nick }));
    this.#nickRequests++;
    return this.#connection !== undefined;
  }

  /** How long nothing has come from the server, in ms; undefined while the client is on none. */
  get idleMs(): number | undefined {
    return this.#connection && this.#clock().monotonicMs - this.#connection.lastReceivedMs;
  }

  /** What no server is known to have. */
  get unacked(): readonly MessageBody[] {
    return this.#state.unacked;
  }

  /** Fulfilled when a server has let the client in, or the session has ended. */
  joined(): Promise<void> {
    return this.#waitUntil(() => this.#joinedMs !== undefined);
  }

  /** Fulfilled when nothing is pending any more, or the session has ended. */
  flushed(): Promise<void> {
    return this.#waitUntil(() => this.unacked.length === 0);
  }

  /** Fulfilled when there is room to {@linkcode say} something, or the session has ended. */
  drained(): Promise<void> {
    return this.#waitUntil(() => !this.isFull);
  }

  /** Takes leave: {@linkcode run} ends, at the latest after {@linkcode LEAVE_TIMEOUT_MS}. */
  leave(): void {
    this.#leaving.abort();
    this.#connection?.end(encodeClient({ type: "bye" }));
    this.#notifyProgress();
  }

  /** Goes to one server after another until {@linkcode leave} is called or there is no next target. */
  async *run(): AsyncGenerator<SessionEvent> {
    const { signal } = this.#leaving;
    let failure: Disconnect | undefined;
    try {
      while (!signal.aborted) {
        const target = await this.#options.nextServer(failure, { signal });
        if (!target || signal.aborted) break;
        for await (const event of this.#connect(target)) {
          if (event.type === "failed") failure = event.failure;
          yield event;
        }
      }
    } finally {
      this.leave(); // nobody is to wait for a session that has ended
    }
  }

  async #waitUntil(isReached: () => boolean): Promise<void> {
    while (!isReached() && !this.#leaving.signal.aborted) {
      this.#progress ??= Promise.withResolvers();
      await this.#progress.promise;
    }
  }

  /** Wakes those who wait for what is pending to change. */
  #notifyProgress(): void {
    this.#progress?.resolve();
    this.#progress = undefined;
  }

  /** One server, from the first packet to the last. Ends with `failed` unless the client has left. */
  async *#connect(target: ConnectTarget): AsyncGenerator<SessionEvent> {
    let cause: unknown;
    try {
      yield* this.#receive(target);
      cause = new ConnectionLostError("closed");
    } catch (error) {
      cause = error;
    }
    const wasJoined = this.#connection !== undefined;
    // Not since now: a machine that slept has not heard its server die.
    if (this.#connection) this.#state.onDisconnect(this.#connection.lastReceivedMs);
    this.#connection = undefined;
    if (this.#leaving.signal.aborted) return;
    const error = toDisconnect(cause, { server: target.server, wasJoined });
    const connectedForMs = wasJoined ? this.#clock().monotonicMs - this.#joinedMs! : 0;
    yield { type: "failed", failure: { target, wasJoined, connectedForMs, error } };
  }

  /** Enters and reads until the server ends the connection, or throws why it cannot go on. */
  async *#receive(target: ConnectTarget): AsyncGenerator<SessionEvent> {
    const { dial: open = dial, passwordFor = () => "" } = this.#options;
    const {
      server,
      nick,
      dialTimeoutMs,
      welcomeTimeoutMs = this.#options.welcomeTimeoutMs ?? WELCOME_TIMEOUT_MS,
    } = target;
    const error = timedOut(server, welcomeTimeoutMs);
    using deadline = new Deadline(welcomeTimeoutMs, { error, outer: this.#leaving.signal });
    const connection = this.#manager.add(await open(server, { signal: deadline.signal, dialTimeoutMs }));
    deadline.signal.addEventListener("abort", () => connection.close(error));
    if (deadline.signal.aborted) connection.close(error); // while the dial came through
    try {
      const hello = this.#state.hello(nick, this.#clock().monotonicMs, passwordFor(server));
      connection.send(encodeClient(hello));
      for (let frames = await connection.read(); frames; frames = await connection.read()) {
        if (!this.#connection) {
          const frame = frames.next();
          if (!frame) continue;
          const welcome = expectWelcome(decodeServer(frame), target);
          deadline[Symbol.dispose]();
          yield {
            type: "entered",
            server,
            ip: connection.peer.hostname,
            welcome,
            truncatedCount: this.#enter(welcome, connection),
          };
        }
        const { entries, rejections, stalls, error } = this.#read(frames, connection);
        yield { type: "read", entries };
        for (const { resolved } of stalls) yield { type: "stalled", isResolved: resolved };
        for (const error of rejections) yield { type: "rejected", error };
        if (error) throw error;
      }
    } finally {
      this.#manager.remove(connection);
    }
  }

  /** Sends again what this server does not have; from now on {@linkcode say} goes to it. */
  #enter(welcome: Welcome, connection: Connection): number {
    const { resend, truncatedCount } = this.#state.onWelcome(welcome, this.#clock().monotonicMs);
    for (const message of resend) connection.send(encodeClient(message));
    connection.startHeartbeat();
    this.#joinedMs = this.#clock().monotonicMs;
    this.#nickRequests = 0;
    this.#connection = connection;
    this.#notifyProgress();
    return truncatedCount;
  }

  /** Takes in all frames that are whole. A problem does not undo what was read before it. */
  #read(frames: FrameDecoder, connection: Connection): ReceivedBatch {
    const entries: DeliveredEntry[] = [];
    const rejections: ServerError[] = [];
    const stalls: Stalled[] = [];
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
            rejections.push(serverError(message, { nick: message.request }));
            break;
          case "stalled":
            stalls.push(message);
            break;
          case "ping":
            this.#state.onPing(message, monotonicMs);
            connection.send(PONG);
            break;
          case "pong":
            connection.heartbeat?.onPong(monotonicMs);
            break;
          default:
            throw closeReason(message);
        }
      }
    } catch (error) {
      return { entries, rejections, stalls, error };
    } finally {
      this.#notifyProgress();
    }
    return { entries, rejections, stalls };
  }
}

const PONG = encodeClient({ type: "pong" });

function expectWelcome(message: ServerMessage, { nick }: ConnectTarget): Welcome {
  if (message.type === "welcome") return message;
  if (message.type === "error") throw serverError(message, { nick });
  if (message.type === "bye") throw closeReason(message);
  throw new ProtocolError("frame-unexpected");
}
