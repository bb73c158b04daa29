// A simulated server: a Room behind simulated connections. It can crash between any two of its steps, and be suspended.

import { splitFrames } from "../../lib/codec.ts";
import type { Instant } from "../../lib/base/time.ts";
import { InMemoryCommitLog } from "../../lib/room/commit_log.ts";
import type { Member } from "../../lib/room/state.ts";
import { decodeServer, type LogEntry } from "../../lib/protocol/frames.ts";
import type { Room } from "../../lib/room/room.ts";
import { ALL_ENTRIES, type Cursor } from "../../lib/room/event_log.ts";
import type { Store } from "../../tests/testing/delayed_commit_log.ts";
import { ROOM_CONFIG } from "../../tests/testing/room_fixture.ts";
import type { CrashKind, ServerConnection } from "./server_connection.ts";
import { TICK_MS } from "./timeline.ts";
import type { World } from "./world.ts";

/** Wall time at the start of a run, in ms since 1970 UTC. */
const START_MS = Date.UTC(2026, 10, 22);

/** One process, from its start to its crash. */
export class Server {
  readonly logId: bigint;
  readonly room: Room;
  readonly world: World;
  readonly connections = new Set<ServerConnection>();
  readonly byMember = new Map<Member, ServerConnection>();
  /** By session; Infinity while it has a connection. */
  readonly #disconnectedSinceMs = new Map<bigint, number>();
  readonly #console: Cursor;
  readonly #onDown: () => void;
  #state: "running" | "suspended" | "down" = "running";
  /** Timers that were due while it was suspended. */
  #deferred: (() => void)[] = [];
  #stepsUntilCrash: { steps: number; kind: CrashKind } | undefined;

  constructor(name: string, world: World, { onDown, store }: { onDown: () => void; store?: Store }) {
    this.world = world;
    this.#onDown = onDown;
    const commitLog = store ? world.rules.newCommitLog(store) : new InMemoryCommitLog(world.random.bigint());
    this.logId = commitLog.logId;
    const log = { ...ROOM_CONFIG.log, segmentBytes: 2_048 };
    this.room = world.rules.newRoom(commitLog, { ...ROOM_CONFIG, log });
    this.room.onReady = () => this.#deliverLater();
    this.#console = this.room.log.cursorAt(world.ledger.openLog(this.logId, name), ALL_ENTRIES);
    this.publish();
    for (const { sessionId } of this.room.members) this.onDeparted(sessionId);
    this.#scheduleExpiry(this.room.disconnect(this.room.members, this.now));
  }

  get isDown(): boolean {
    return this.#state === "down";
  }

  get isSuspended(): boolean {
    return this.#state === "suspended";
  }

  get now(): Instant {
    const { nowMs } = this.world.timeline;
    return { wallMs: START_MS + Math.floor(nowMs), monotonicMs: nowMs };
  }

  /** Crashes after `steps` more frames handled and writes made. */
  crashAfter(steps: number, kind: CrashKind): void {
    if (!this.isDown) this.#stepsUntilCrash = { steps, kind };
  }

  /** Counts a step. Returns false if the server is down and must not make it. */
  step(): boolean {
    if (this.#stepsUntilCrash && this.#stepsUntilCrash.steps-- <= 0) this.crash(this.#stepsUntilCrash.kind);
    return !this.isDown;
  }

  crash(kind: CrashKind): void {
    if (this.isDown) return;
    this.#state = "down";
    for (const connection of this.connections) connection.crash(kind);
    this.#onDown();
  }

  /** Like SIGSTOP: the host still buffers what arrives. */
  suspend(): void {
    if (this.#state === "running") this.#state = "suspended";
  }

  resume(): void {
    if (this.#state !== "suspended") return;
    this.#state = "running";
    const deferred = this.#deferred;
    this.#deferred = [];
    // A runtime may run timers or sockets first.
    const isSocketsTurn = this.world.random.chance(0.5);
    if (isSocketsTurn) { for (const connection of [...this.connections]) connection.resume(); }
    for (const run of deferred) run();
    if (!isSocketsTurn) { for (const connection of [...this.connections]) connection.resume(); }
  }

  /** A timer of the process. */
  later(delayMs: number, run: () => void): void {
    this.world.timeline.after(delayMs + TICK_MS, () => {
      if (this.#state === "running") run();
      else if (this.#state === "suspended") this.#deferred.push(run);
    });
  }

  onJoined(sessionId: bigint): void {
    this.#disconnectedSinceMs.set(sessionId, Infinity);
  }

  onDeparted(sessionId: bigint): void {
    this.#disconnectedSinceMs.set(sessionId, this.world.timeline.nowMs);
  }

  /** Removes the members whose grace is over, and schedules itself. */
  expire(): void {
    const nextMs = this.room.expire(this.now);
    this.publish();
    this.#scheduleExpiry(nextMs);
  }

  #scheduleExpiry(nextMs: number): void {
    if (nextMs < Infinity) this.later(nextMs - this.now.monotonicMs, () => this.expire());
  }

  /** A disk takes up to 20 ms, sometimes up to 2 s. */
  #deliverLater(): void {
    const { random } = this.world;
    this.later(random.chance(0.95) ? random.spread(TICK_MS, 20) : random.spread(20, 2_000), () => {
      if (!this.step()) return;
      this.room.deliver();
      // A crash here loses no stored event, but no client has read it.
      if (this.step()) this.publish();
    });
  }

  /** Records new log entries in the ledger, and wakes all connections. */
  publish(): void {
    let hasGrown = false;
    for (let slice = this.#console.take(); slice; slice = this.#console.take()) {
      hasGrown = true;
      for (const frame of splitFrames(slice)) this.#record(decodeServer(frame) as LogEntry);
    }
    if (hasGrown) { for (const connection of this.connections) connection.wake(); }
  }

  #record(event: LogEntry): void {
    const disconnectedSinceMs = event.type === "left"
      ? this.#disconnectedSinceMs.get(event.sessionId)
      : undefined;
    this.world.ledger.logged(this.logId, event, this.world.timeline.nowMs - (disconnectedSinceMs ?? 0));
  }
}
