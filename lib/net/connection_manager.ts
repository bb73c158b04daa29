// All connections of one program: flush cycles and heartbeats. A server has many, a client one.

import type { Clock } from "../base/time.ts";
import {
  Connection,
  type ConnectionConfig,
  type FlushCycle,
  NOTHING_TAKEN,
  type Taken,
} from "./connection.ts";
import type { Socket } from "./tls_socket.ts";

/** Deno 2.6 has it, and its types lack it. */
declare function setImmediate(callback: () => void): unknown;

/** Writes issued in one turn of the event loop. Tokio, which Deno runs on, lets 128 reads and writes of a turn end. Those
 * above them wait for the next turn, and each costs half as much again. */
const MAX_WRITES_PER_TURN = 100;
const CHECKS_PER_TIMEOUT = 60;

/** A reader of the log that is no connection. Each flush cycle flushes it too. */
export interface LogConsumer {
  flush(): void;
}

/** Why a connection is to be ended. `slow-consumer`: the peer does not read. `frame-timeout`: it does not complete a
 * frame. */
export type DisconnectReason = "handshake-timeout" | "ping-timeout" | "slow-consumer" | "frame-timeout";

/** Writes in flush cycles: each connection with something to write gets one write, and the next cycle begins when
 * these are done. So everything appended to the log meanwhile goes out in one write per client. */
export class ConnectionManager implements Disposable {
  /** Called before each flush cycle. Frames that it appends to the log go out in that cycle. */
  onBeforeFlush: () => void = () => {};
  /** Called at each check while the reason lasts, so the callback has to end the connection. */
  onUnresponsive: (connection: Connection, reason: DisconnectReason) => void = () => {};
  /** Makes the PING frame; without one, no PING is sent. */
  ping: () => Uint8Array<ArrayBuffer> | undefined = () => undefined;
  readonly #config: ConnectionConfig;
  readonly #clock: Clock;
  readonly #connections = new Set<Connection>();
  readonly #consumers = new Set<LogConsumer>();
  readonly #checkTimer: ReturnType<typeof setInterval>;
  #lastCheckMs: number;
  /** When a check last came so late that the process must have been suspended. */
  #suspendedAtMs = -Infinity;
  #cycle: FlushCycle | undefined;
  #cycleTimer: ReturnType<typeof setTimeout> | undefined;
  #nextIndex = 0;
  #isFlushRequested = false;
  #isFlushScheduled = false;
  #flushCycleCount = 0;
  /** By connections that are removed. */
  #taken = NOTHING_TAKEN;

  constructor(config: ConnectionConfig, clock: Clock) {
    this.#config = config;
    this.#clock = clock;
    this.#lastCheckMs = clock().monotonicMs;
    this.#checkTimer = setInterval(() => this.#check(), config.pingTimeoutMs / CHECKS_PER_TIMEOUT);
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  get flushCycleCount(): number {
    return this.#flushCycleCount;
  }

  /** What all connections have taken of their streams so far. Added up when asked for: a write costs nothing more. */
  get taken(): Taken {
    return this.#connections.values().reduce((sum, { taken }) => addTaken(sum, taken), this.#taken);
  }

  /** Whether this process, or its machine, was suspended for long within the last `pingTimeoutMs`. Then a silent peer
   * may have sent data. */
  get wasSuspended(): boolean {
    return this.#lastCheckMs - this.#suspendedAtMs < this.#config.pingTimeoutMs;
  }

  add(socket: Socket): Connection {
    const connection = new Connection(socket, this.#config, this.#clock);
    connection.onFlushNeeded = this.scheduleFlush;
    this.#connections.add(connection);
    return connection;
  }

  remove(connection: Connection): void {
    connection.close();
    if (this.#connections.delete(connection)) this.#taken = addTaken(this.#taken, connection.taken);
  }

  addConsumer(consumer: LogConsumer): void {
    this.#consumers.add(consumer);
  }

  /** Begins a flush cycle, as soon as the current one has ended. */
  readonly scheduleFlush = (): void => {
    this.#isFlushRequested = true;
    if (!this.#cycle) this.#schedule();
  };

  [Symbol.dispose](): void {
    clearInterval(this.#checkTimer);
    clearTimeout(this.#cycleTimer);
    this.#cycle = undefined;
    for (const connection of this.#connections) this.remove(connection);
  }

  #schedule(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    setImmediate(this.#onFlushDue);
  }

  readonly #onFlushDue = () => {
    this.#isFlushScheduled = false;
    if (!this.#cycle) this.#startCycle();
  };

  #startCycle(): void {
    this.#isFlushRequested = false;
    this.#flushCycleCount++;
    const nowMs = this.#clock().monotonicMs;
    this.onBeforeFlush();
    let pendingWrites = 1; // until all are issued
    const cycle: FlushCycle = {
      nowMs,
      writeDone: () => {
        if (--pendingWrites === 0) this.#endCycle(cycle);
      },
    };
    this.#cycle = cycle;
    const connections = this.#roundRobin();
    let next = 0;
    const issueWrites = () => {
      for (let count = 0; count < MAX_WRITES_PER_TURN; next++) {
        if (next === connections.length) return this.#onIssued(cycle);
        if (!connections[next]!.flush(cycle)) continue;
        pendingWrites++;
        count++;
      }
      setImmediate(issueWrites);
    };
    issueWrites();
  }

  #onIssued(cycle: FlushCycle): void {
    if (this.#cycle !== cycle) return; // disposed of meanwhile
    for (const consumer of this.#consumers) consumer.flush();
    cycle.writeDone();
    if (this.#cycle !== cycle) return;
    this.#cycleTimer = setTimeout(() => this.#endCycle(cycle), this.#config.slowWriteMs);
  }

  /** All connections, each time starting half the list further on: those that came late in one cycle come early in the
   * next. */
  #roundRobin(): Connection[] {
    const connections = [...this.#connections];
    this.#nextIndex = (this.#nextIndex + (connections.length >> 1) + 1) % Math.max(connections.length, 1);
    return [...connections.slice(this.#nextIndex), ...connections.slice(0, this.#nextIndex)];
  }

  #endCycle(cycle: FlushCycle): void {
    if (this.#cycle !== cycle) return;
    clearTimeout(this.#cycleTimer);
    this.#cycle = undefined;
    if (this.#isFlushRequested) this.#schedule();
  }

  #check(): void {
    const nowMs = this.#clock().monotonicMs;
    if (nowMs - this.#lastCheckMs >= this.#config.pingTimeoutMs / 2) this.#suspendedAtMs = nowMs;
    this.#lastCheckMs = nowMs;
    let ping: Uint8Array<ArrayBuffer> | undefined;
    for (const connection of this.#connections) {
      const due = connection.heartbeat?.check(nowMs);
      const reason = this.#unresponsiveReason(connection, due === "dead", nowMs);
      if (reason) this.onUnresponsive(connection, reason);
      else if (due === "ping" && (ping ??= this.ping())) {
        connection.heartbeat!.onPingSent(nowMs);
        connection.send(ping);
      }
    }
  }

  #unresponsiveReason(connection: Connection, isDead: boolean, nowMs: number): DisconnectReason | undefined {
    if (connection.hasFallenBehind || connection.isWriteStalled) return "slow-consumer";
    if (isDead) return "ping-timeout";
    if (connection.isFrameOverdue(this.#config.frameMs)) return "frame-timeout";
    const isHandshake = !connection.heartbeat && connection.isReading;
    const isLate = isHandshake && nowMs - connection.openedMs >= this.#config.handshakeMs;
    return isLate ? "handshake-timeout" : undefined;
  }
}

function addTaken(a: Taken, b: Taken): Taken {
  return { frames: a.frames + b.frames, bytes: a.bytes + b.bytes };
}
