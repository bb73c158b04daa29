// All connections of one program: when they are written to, and whether they still answer. A server has one
// hub for all its clients, a client has one for its server.

import { setImmediate } from "node:timers";
import { Connection, type ConnectionOptions, type FlushCycle } from "./connection.ts";
import type { Socket } from "./tls_socket.ts";

/** Longest time that a frame may take to arrive, in ms. */
export const FRAME_TIMEOUT_MS = 10_000;
/** How long a write may keep the next round waiting, in ms. One that takes longer catches up alone. */
const SLOW_WRITE_MS = 5;
/** A round whose writes take longer than this to issue leaves time before the next one, in ms: an immediate
 * comes before the system is asked which sockets are ready, and of a thousand some would wait for seconds. */
const LONG_CYCLE_MS = 3;
/** A heartbeat is looked at this many times within the time that makes a peer dead. */
const CHECKS_PER_TIMEOUT = 60;

/** Something besides connections that takes part in the rounds: it reads the log at its own pace. */
export interface LogConsumer {
  flush(): void;
  /** Fulfilled when it has caught up; undefined unless it is so far behind that the room has to wait for it. */
  catchingUp?(): Promise<void> | undefined;
}

/** Why a peer is given up: it does not introduce itself, does not answer, does not read, or does not end what it
 * began to say. */
export type DisconnectReason = "handshake-timeout" | "ping-timeout" | "slow-consumer" | "frame-timeout";

/** What a hub does for its owner. */
export interface ConnectionManagerOptions extends Omit<ConnectionOptions, "onFlushNeeded"> {
  /** How long a connection may take until it has said all that it is greeted for. */
  readonly handshakeMs?: number;
  readonly frameMs?: number;
  readonly slowWriteMs?: number;
  /** The frame that asks a peer for a sign of life. */
  readonly ping: () => Uint8Array<ArrayBuffer>;
  /** A peer is given up: the owner is to end its connection. */
  readonly onUnresponsive: (connection: Connection, why: DisconnectReason) => void;
  /** Called before each round: what it adds to the log goes out in that round. */
  readonly onBeforeFlush?: () => void;
}

type Timer = ReturnType<typeof setTimeout>;

/** Writes in rounds: every connection that has work gets one write, and the next round begins when these have
 * settled. Whatever was appended to the log meanwhile goes out in one write for each client, and nobody is always
 * served last. */
export class ConnectionManager implements Disposable {
  readonly #options: ConnectionManagerOptions;
  readonly #connectionOptions: ConnectionOptions;
  readonly #connections = new Set<Connection>();
  readonly #consumers = new Set<LogConsumer>();
  readonly #checkTimer: Timer;
  /** When it last looked at heartbeats, and when it did so after a long pause. */
  #lastCheckMs: number;
  #suspendedAtMs = -Infinity;
  #cycle: FlushCycle | undefined;
  #roundTimer: Timer | undefined;
  /** Whether it took long to issue the writes of the last round. */
  #isRoundLong = false;
  /** Who comes first in a round, as an index. */
  #nextIndex = 0;
  #isFlushRequested = false;
  #isFlushScheduled = false;

  constructor(options: ConnectionManagerOptions) {
    this.#options = options;
    this.#connectionOptions = { ...options, onFlushNeeded: () => this.scheduleFlush() };
    this.#lastCheckMs = options.nowMs();
    this.#checkTimer = setInterval(() => this.#check(), options.heartbeat.pingTimeoutMs / CHECKS_PER_TIMEOUT);
  }

  /** The connections of now. */
  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /** Whether, within the time that makes a peer dead, this process was stopped for long, or slept with its machine, and
   * has not heard who was silent. */
  get wasSuspended(): boolean {
    return this.#lastCheckMs - this.#suspendedAtMs < this.#options.heartbeat.pingTimeoutMs;
  }

  /** Makes a connection part of the hub until {@linkcode release}. */
  add(conn: Socket): Connection {
    const connection = new Connection(conn, this.#connectionOptions);
    this.#connections.add(connection);
    return connection;
  }

  /** Closes a connection if it is open and forgets it. */
  remove(connection: Connection): void {
    connection.close();
    this.#connections.delete(connection);
  }

  /** Adds a reader that is no connection. */
  addConsumer(reader: LogConsumer): void {
    this.#consumers.add(reader);
  }

  /** What a reader does that the room has to wait for. */
  catchingUp(): Promise<void> | undefined {
    for (const reader of this.#consumers) {
      const catchingUp = reader.catchingUp?.();
      if (catchingUp) return catchingUp;
    }
    return undefined;
  }

  /** There is something to write: a round begins as soon as the one of now is over. */
  scheduleFlush(): void {
    this.#isFlushRequested = true;
    if (!this.#cycle) this.#schedule();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#checkTimer);
    clearTimeout(this.#roundTimer);
    for (const connection of this.#connections) this.remove(connection);
  }

  #schedule(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    const begin = () => {
      this.#isFlushScheduled = false;
      if (!this.#cycle) this.#beginRound();
    };
    if (this.#isRoundLong) setTimeout(begin, 0);
    else setImmediate(begin);
  }

  #beginRound(): void {
    this.#isFlushRequested = false;
    const nowMs = this.#options.nowMs();
    this.#options.onBeforeFlush?.();
    let unsettled = 0;
    const cycle: FlushCycle = {
      nowMs,
      writeDone: () => {
        if (--unsettled === 0) this.#endRound(cycle);
      },
    };
    for (const connection of this.#roundRobin()) {
      if (connection.flush(cycle)) unsettled++;
    }
    for (const reader of this.#consumers) reader.flush();
    this.#isRoundLong = this.#options.nowMs() - nowMs > LONG_CYCLE_MS;
    if (unsettled === 0) return;
    this.#cycle = cycle;
    this.#roundTimer = setTimeout(() => this.#endRound(cycle), this.#options.slowWriteMs ?? SLOW_WRITE_MS);
  }

  /** All connections; those that were served late in one round come early in the next. */
  #roundRobin(): Connection[] {
    const connections = [...this.#connections];
    this.#nextIndex = (this.#nextIndex + (connections.length >> 1) + 1) % Math.max(connections.length, 1);
    return [...connections.slice(this.#nextIndex), ...connections.slice(0, this.#nextIndex)];
  }

  #endRound(cycle: FlushCycle): void {
    if (this.#cycle !== cycle) return;
    clearTimeout(this.#roundTimer);
    this.#cycle = undefined;
    if (this.#isFlushRequested) this.#schedule();
  }

  #check(): void {
    const { nowMs, handshakeMs = Infinity, frameMs = FRAME_TIMEOUT_MS, onUnresponsive, ping } = this.#options;
    const now = nowMs();
    if (now - this.#lastCheckMs >= this.#options.heartbeat.pingTimeoutMs / 2) this.#suspendedAtMs = now;
    this.#lastCheckMs = now;
    let pingFrame: Uint8Array<ArrayBuffer> | undefined;
    for (const connection of this.#connections) {
      const { heartbeat, openedMs } = connection;
      const due = heartbeat?.check(now);
      if (connection.hasFallenBehind || connection.isWriteStalled) {
        onUnresponsive(connection, "slow-consumer");
      } else if (due === "dead") onUnresponsive(connection, "ping-timeout");
      else if (connection.isFrameOverdue(frameMs)) onUnresponsive(connection, "frame-timeout");
      else if (!heartbeat && connection.isReading && now - openedMs >= handshakeMs) {
        onUnresponsive(connection, "handshake-timeout");
      } else if (due === "ping") {
        heartbeat!.onPingSent(now);
        connection.send(pingFrame ??= ping());
      }
    }
  }
}
