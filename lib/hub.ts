// All connections of one program: when they are written to, and whether they still answer. A server has one
// hub for all its clients, a client has one for its server.

import { setImmediate } from "node:timers";
import { Connection, type ConnectionOptions, type Round } from "./connection.ts";
import type { HeartbeatOptions } from "./heartbeat.ts";

/** How long a write may keep the next round waiting, in ms. One that takes longer catches up alone. */
export const HELD_UP_MS = 5;
/** A round whose writes take longer than this to issue leaves time before the next one, in ms: an immediate
 * comes before the system is asked which sockets are ready, and of a thousand some would wait for seconds. */
const LONG_ROUND_MS = 3;
/** A heartbeat is looked at this many times within the time that makes a peer dead. */
const CHECKS_PER_DEATH = 60;

/** Something besides connections that takes part in the rounds: it reads the log at its own pace. */
export interface Reader {
  flush(): void;
}

/** What a hub does for its owner. */
export interface HubOptions {
  /** Longest frame that its connections take, in bytes after the length. */
  readonly maxFrameBytes: number;
  /** Monotonic clock, in ms. */
  readonly nowMs: () => number;
  readonly heartbeat: Required<HeartbeatOptions>;
  readonly heldUpMs?: number;
  /** The frame that asks a peer for a sign of life. */
  readonly ping: () => Uint8Array<ArrayBuffer>;
  /** A peer does not answer, or does not read: the owner is to end its connection. */
  readonly onGiveUp: (connection: Connection, why: "silent" | "too-slow") => void;
}

type Timer = ReturnType<typeof setTimeout>;

/** Writes in rounds: every connection that has work gets one write, and the next round begins when these have
 * settled. Whatever was appended to the log meanwhile goes out in one write for each client, and the one that
 * is served last in a round waits no longer than the first. */
export class Hub implements Disposable {
  readonly #options: HubOptions;
  readonly #connections = new Set<Connection>();
  readonly #readers = new Set<Reader>();
  readonly #checkTimer: Timer;
  #round: Round | undefined;
  #roundTimer: Timer | undefined;
  /** Whether it took long to issue the writes of the last round. */
  #isRoundLong = false;
  #isWoken = false;
  #isScheduled = false;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#checkTimer = setInterval(() => this.#check(), options.heartbeat.deadMs / CHECKS_PER_DEATH);
  }

  /** The connections of now. */
  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /** Makes a connection part of the hub until {@linkcode release}. */
  adopt(conn: Deno.TcpConn): Connection {
    const { maxFrameBytes, heartbeat, nowMs } = this.#options;
    const options: ConnectionOptions = { maxFrameBytes, heartbeat, nowMs, onWork: () => this.wake() };
    const connection = new Connection(conn, options);
    this.#connections.add(connection);
    return connection;
  }

  /** Closes a connection if it is open and forgets it. */
  release(connection: Connection): void {
    connection.close();
    this.#connections.delete(connection);
  }

  /** Adds a reader that is no connection. */
  addReader(reader: Reader): void {
    this.#readers.add(reader);
  }

  /** There is something to write: a round begins as soon as the one of now is over. */
  wake(): void {
    this.#isWoken = true;
    if (!this.#round) this.#schedule();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#checkTimer);
    clearTimeout(this.#roundTimer);
    for (const connection of this.#connections) this.release(connection);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const begin = () => {
      this.#isScheduled = false;
      if (!this.#round) this.#beginRound();
    };
    if (this.#isRoundLong) setTimeout(begin, 0);
    else setImmediate(begin);
  }

  #beginRound(): void {
    this.#isWoken = false;
    const nowMs = this.#options.nowMs();
    let unsettled = 0;
    const round: Round = {
      nowMs,
      settle: () => {
        if (--unsettled === 0) this.#endRound(round);
      },
    };
    for (const connection of this.#connections) {
      if (connection.isLagging) this.#options.onGiveUp(connection, "too-slow");
      if (connection.flush(round)) unsettled++;
    }
    for (const reader of this.#readers) reader.flush();
    this.#isRoundLong = this.#options.nowMs() - nowMs > LONG_ROUND_MS;
    if (unsettled === 0) return;
    this.#round = round;
    this.#roundTimer = setTimeout(() => this.#endRound(round), this.#options.heldUpMs ?? HELD_UP_MS);
  }

  #endRound(round: Round): void {
    if (this.#round !== round) return;
    clearTimeout(this.#roundTimer);
    this.#round = undefined;
    if (this.#isWoken) this.#schedule();
  }

  #check(): void {
    const nowMs = this.#options.nowMs();
    for (const connection of this.#connections) {
      if (connection.isStuck) this.#options.onGiveUp(connection, "too-slow");
      const due = connection.heartbeat?.check(nowMs);
      if (due === "dead") this.#options.onGiveUp(connection, "silent");
      if (due !== "ping") continue;
      connection.heartbeat?.pinged(nowMs);
      connection.send(this.#options.ping());
    }
  }
}
