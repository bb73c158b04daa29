// A simulated server: lib/room.ts behind connections of simulated bytes, as lib/chat_server.ts and lib/hub.ts
// have it behind sockets. It can be killed between any two of its steps, and frozen.

import { splitFrames } from "../../lib/codec.ts";
import type { Instant } from "../../lib/base/time.ts";
import { InMemoryCommitLog } from "../../lib/room/commit_log.ts";
import type { Member } from "../../lib/room/state.ts";
import { decodeServer, type LogEntry } from "../../lib/protocol/frames.ts";
import type { Room } from "../../lib/room/room.ts";
import { ALL_ENTRIES, type Cursor } from "../../lib/room/event_log.ts";
import type { Store } from "../room/delayed_commit_log.ts";
import { ROOM_CONFIG } from "../room/room_fixture.ts";
import type { Death, ServerEnd } from "./server_end.ts";
import { TICK_MS } from "./timeline.ts";
import type { World } from "./world.ts";

/** Wall time at the beginning of a run, in ms since 1970 UTC. */
const START_MS = Date.UTC(2026, 10, 22);

/** One run of a server program, from its start to its death. */
export class Server {
  readonly logId: bigint;
  readonly room: Room;
  readonly world: World;
  readonly ends = new Set<ServerEnd>();
  readonly connections = new Map<Member, ServerEnd>();
  /** Since when each session has had no connection; Infinity while it has one. */
  readonly #goneSinceMs = new Map<bigint, number>();
  readonly #console: Cursor;
  readonly #onDeath: () => void;
  #state: "running" | "frozen" | "dead" = "running";
  /** Timers that ran out while it was frozen. */
  #deferred: (() => void)[] = [];
  #stepsUntilCrash: { steps: number; death: Death } | undefined;

  constructor(name: string, world: World, { onDeath, store }: { onDeath: () => void; store?: Store }) {
    this.world = world;
    this.#onDeath = onDeath;
    const commitLog = store ? world.rules.newCommitLog(store) : new InMemoryCommitLog(world.random.bigint());
    this.logId = commitLog.logId;
    const log = { ...ROOM_CONFIG.log, segmentBytes: 2_048 };
    this.room = world.rules.newRoom(commitLog, { ...ROOM_CONFIG, log });
    this.room.onReady = () => this.#deliverLater();
    this.#console = this.room.log.cursorAt(world.ledger.openLog(this.logId, name), ALL_ENTRIES);
    this.publish();
    for (const { sessionId } of this.room.members) this.onDeparted(sessionId);
    this.#scheduleExpiry(this.room.disconnectAll(this.now));
  }

  get isDead(): boolean {
    return this.#state === "dead";
  }

  get isFrozen(): boolean {
    return this.#state === "frozen";
  }

  get now(): Instant {
    const { nowMs } = this.world.timeline;
    return { wallMs: START_MS + Math.floor(nowMs), monotonicMs: nowMs };
  }

  /** Dies after so many steps more: frames handled and writes made. */
  crashAfter(steps: number, death: Death): void {
    if (!this.isDead) this.#stepsUntilCrash = { steps, death };
  }

  /** Counts a step. Returns whether the server lives to make it. */
  step(): boolean {
    if (this.#stepsUntilCrash && this.#stepsUntilCrash.steps-- <= 0) this.die(this.#stepsUntilCrash.death);
    return !this.isDead;
  }

  die(death: Death): void {
    if (this.isDead) return;
    this.#state = "dead";
    for (const end of this.ends) end.die(death);
    this.#onDeath();
  }

  /** Stops it; its host takes bytes for it, and keeps them. */
  suspend(): void {
    if (this.#state === "running") this.#state = "frozen";
  }

  /** Lets it go on where it was. */
  resume(): void {
    if (this.#state !== "frozen") return;
    this.#state = "running";
    const overdue = this.#deferred;
    this.#deferred = [];
    // Nobody knows whether timers or sockets come first.
    const isSocketsTurn = this.world.random.chance(0.5);
    if (isSocketsTurn) { for (const end of [...this.ends]) end.thaw(); }
    for (const run of overdue) run();
    if (!isSocketsTurn) { for (const end of [...this.ends]) end.thaw(); }
  }

  /** A timer of the server program. */
  later(delayMs: number, run: () => void): void {
    this.world.timeline.after(delayMs + TICK_MS, () => {
      if (this.#state === "running") run();
      else if (this.#state === "frozen") this.#deferred.push(run);
    });
  }

  noteEntered(sessionId: bigint): void {
    this.#goneSinceMs.set(sessionId, Infinity);
  }

  onDeparted(sessionId: bigint): void {
    this.#goneSinceMs.set(sessionId, this.world.timeline.nowMs);
  }

  /** Announces departures that are due, and comes back for those that are not yet. */
  expire(): void {
    const nextMs = this.room.expire(this.now);
    this.publish();
    this.#scheduleExpiry(nextMs);
  }

  #scheduleExpiry(nextMs: number): void {
    if (nextMs < Infinity) this.later(nextMs - this.now.monotonicMs, () => this.expire());
  }

  /** A disk takes its time, and now and then a long one. */
  #deliverLater(): void {
    const { random } = this.world;
    this.later(random.chance(0.95) ? random.spread(TICK_MS, 20) : random.spread(20, 2_000), () => {
      if (!this.step()) return;
      this.room.deliver();
      // What is stored now is stored, whether anybody hears of it or not.
      if (this.step()) this.publish();
    });
  }

  /** Shows the console what the log holds more, and wakes all connections. */
  publish(): void {
    let hasGrown = false;
    for (let slice = this.#console.take(); slice; slice = this.#console.take()) {
      hasGrown = true;
      for (const frame of splitFrames(slice)) this.#note(decodeServer(frame) as LogEntry);
    }
    if (hasGrown) { for (const end of this.ends) end.wake(); }
  }

  #note(event: LogEntry): void {
    const goneSinceMs = event.type === "left" ? this.#goneSinceMs.get(event.sessionId) : undefined;
    this.world.ledger.logged(this.logId, event, this.world.timeline.nowMs - (goneSinceMs ?? 0));
  }
}
