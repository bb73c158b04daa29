// A simulated process: its clock, its timers, and how it is suspended and ends. While a run lasts, the global timers are
// those of the process whose code runs.

import dns from "node:dns/promises";
import type { Clock } from "../../lib/base/time.ts";
import type { Socket } from "../../lib/net/tls_socket.ts";
import type { Random } from "../../tests/testing/random.ts";
import type { World } from "./world.ts";

/** Least delay of a timer, in ms: it is never early. */
const TICK_MS = 0.01;
/** Longest time from `setImmediate` to its callback, in ms. */
const MAX_IMMEDIATE_MS = 5;
/** Wall time at the start of a run, in ms since 1970 UTC. */
const START_MS = Date.UTC(2026, 10, 22);

interface Timer {
  isCleared: boolean;
}

/** The process whose code runs. */
let current: Process | undefined;

/** What `Deno.connect()` does. */
export type Connect = (options: Deno.ConnectOptions & { signal?: AbortSignal }) => Promise<Socket>;

/** What resolvers do; fails if they do not know the name. */
type LookUp = (host: string) => Promise<unknown>;

export function currentProcess(): Process {
  return current!;
}

/** The clock of the process whose code runs. */
export const currentClock: Clock = () => current!.clock();

export class Process {
  readonly world: World;
  readonly clock: Clock;
  /** When its monotonic clock was at 0. */
  startedMs: number;
  /** Called when the process ends. Its code runs on until it next waits, without effect. */
  onExit: () => void = () => {};
  connect: Connect = () => Promise.reject(new Error("This process has no network"));
  lookUp: LookUp = () => Promise.reject(new Error("This process has no resolver"));
  #state: "running" | "suspended" | "dead" = "running";
  /** What is due while it is suspended. */
  #held: Record<"sockets" | "timers", (() => void)[]> = { sockets: [], timers: [] };

  constructor(world: World, { startedMsAgo = 0 } = {}) {
    this.world = world;
    const { timeline } = world;
    this.startedMs = timeline.nowMs - startedMsAgo;
    this.clock = () => ({
      wallMs: START_MS + Math.floor(timeline.nowMs),
      monotonicMs: timeline.nowMs - this.startedMs,
    });
  }

  get isDead(): boolean {
    return this.#state === "dead";
  }

  get isSuspended(): boolean {
    return this.#state === "suspended";
  }

  /** Runs code of the process soon, in an event of its own. */
  post(run: () => void): void {
    this.world.timeline.after(0, () => this.run(run));
  }

  /** Runs code of the process now, as an event from the network, a disk or the user. */
  run(run: () => void): void {
    this.#run(undefined, () => {
      this.world.timeline.touch();
      run();
    });
  }

  /** Like SIGSTOP: the host still buffers what arrives. */
  suspend(): void {
    if (this.#state === "running") this.#state = "suspended";
  }

  resume(): void {
    if (this.#state !== "suspended") return;
    this.#state = "running";
    const { sockets, timers } = this.#held;
    this.#held = { sockets: [], timers: [] };
    // A runtime may run timers or sockets first.
    const all = this.world.random.chance(0.5) ? [...sockets, ...timers] : [...timers, ...sockets];
    for (const run of all) this.world.timeline.after(0, run);
  }

  exit(): void {
    if (this.#state === "dead") return;
    this.#state = "dead";
    this.#held = { sockets: [], timers: [] };
    this.onExit();
  }

  setTimer(delayMs: number, run: () => void): Timer {
    const { timeline } = this.world;
    const timer = { isCleared: false };
    timeline.touch();
    timeline.after(delayMs + TICK_MS, () =>
      this.#run(timer, () => {
        timeline.touch();
        run();
      }));
    return timer;
  }

  /** Most ticks do nothing. One that settles promises or sets a timer is a touch. */
  setInterval(periodMs: number, run: () => void): Timer {
    const timer = { isCleared: false };
    const arm = () =>
      this.world.timeline.after(periodMs + TICK_MS, () => {
        this.#run(timer, () => {
          run();
          arm();
        });
      });
    arm();
    return timer;
  }

  #run(timer: Timer | undefined, run: () => void): void {
    if (timer?.isCleared || this.#state === "dead") return;
    if (this.#state === "suspended") {
      this.#held[timer ? "timers" : "sockets"].push(() => this.#run(timer, run));
      return;
    }
    if (current !== this && this.world.timeline.isSettling) {
      throw new Error("Another process runs in this event: it would go on with the timers of this one");
    }
    current = this;
    run();
  }
}

/** Until it is disposed of, timers and connections are those of the current process, and chance comes from `random`. */
export function simulateGlobals(random: Random): Disposable {
  const clear = (timer: Timer | undefined) => {
    if (timer) timer.isCleared = true;
  };
  const fakes = {
    setTimeout: (run: () => void, ms = 0) => current!.setTimer(ms, run),
    setInterval: (run: () => void, ms = 0) => current!.setInterval(ms, run),
    setImmediate: (run: () => void) => current!.setTimer(random.spread(TICK_MS, MAX_IMMEDIATE_MS), run),
    clearTimeout: clear,
    clearInterval: clear,
  };
  const globals = globalThis as unknown as Record<string, unknown>;
  const originals = Object.fromEntries(Object.keys(fakes).map((name) => [name, globals[name]]));
  const { getRandomValues } = crypto;
  const { connect } = Deno;
  const { lookup } = dns;
  const { random: mathRandom } = Math;
  Object.assign(globals, fakes);
  crypto.getRandomValues =
    ((values: BigUint64Array | Uint8Array) =>
      values instanceof Uint8Array
        ? values.map(() => random.below(256))
        : values.map(() => random.bigint())) as typeof getRandomValues;
  Deno.connect = ((options: Parameters<Connect>[0]) => current!.connect(options)) as typeof connect;
  dns.lookup = ((host: string) => current!.lookUp(host)) as typeof lookup;
  Math.random = random.unit;
  return {
    [Symbol.dispose]() {
      Object.assign(globals, originals);
      crypto.getRandomValues = getRandomValues;
      Deno.connect = connect;
      dns.lookup = lookup;
      Math.random = mathRandom;
      current = undefined;
    },
  };
}
