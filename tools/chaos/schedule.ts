// What clients say and what fails in a round of chaos, and when. A seed gives the same schedule every time.

import { MAX_OUTBOX_MESSAGES } from "../../lib/client/outbox.ts";
import { Random } from "../../tests/testing/random.ts";
import type { CutPoint, Direction, Impairment } from "./proxy.ts";

/** Where servers keep their rooms: each its own in memory, one in a file, or all of them one in NATS. */
export type Storage = "memory" | "data" | "nats";

export const SERVERS: Readonly<Record<Storage, number>> = { memory: 3, data: 1, nats: 3 };
/** How many clients there are at a time; the first of them are processes. */
export const CLIENTS = { all: 15, processes: 2 } as const;

/** When a server is killed: at once, by SIGTERM, after it has read nothing for 5 to 300 ms, or at a cut point. */
type KillMoment = "at once" | "SIGTERM" | "unread" | "after one delivery" | "before an echo";

/** One action. Servers and clients are counted from 0. */
export type Step =
  & { readonly atMs: number }
  & (
    | { readonly type: "say"; readonly client: number; readonly count: number }
    | {
      readonly type: "kill";
      readonly server: number;
      readonly when: KillMoment;
      readonly heldMs: number;
      readonly downMs: number;
    }
    | { readonly type: "freeze"; readonly server: number; readonly forMs: number; readonly isCut: boolean }
    | { readonly type: "kill-nats"; readonly server: number; readonly downMs: number }
    | { readonly type: "freeze-nats"; readonly server: number; readonly forMs: number }
    | { readonly type: "cut-at"; readonly server: number; readonly point: CutPoint }
    | { readonly type: "cut"; readonly client: number }
    /** The server learns `lateMs` later that the client has lost its connection. */
    | { readonly type: "half-open"; readonly client: number; readonly lateMs: number }
    | {
      readonly type: "impair";
      readonly client: number;
      readonly direction: Direction;
      readonly impairment: Impairment;
      readonly forMs: number;
    }
    /** A client leaves with BYE or dies, and a new one starts. */
    | { readonly type: "replace"; readonly client: number; readonly isBye: boolean }
    /** A client joins, and leaves or dies as soon as it has read the echoes of its messages. */
    | { readonly type: "visit"; readonly count: number; readonly isBye: boolean }
  );

/** Faults for a time, then recovery. */
export interface Round {
  readonly steps: readonly Step[];
  readonly faultsMs: number;
  /** The server on which all clients end up, unless all servers share a room. */
  readonly lastServer: number;
}

type Action<Any = Step> = Any extends Step ? Omit<Any, "atMs"> : never;

/** Shortest and longest time with faults. With the recovery it is shorter than senders retain acked messages: what is
 * promised beyond that depends on which clients met when. */
const FAULTS_MS = [3_000, 20_000] as const;
/** Most messages of a client in a round, fewer than its outbox retains: for the same reason. */
const MAX_SAID = MAX_OUTBOX_MESSAGES - 100;
const KILL_MOMENTS: readonly KillMoment[] = [
  "at once",
  "SIGTERM",
  "unread",
  "after one delivery",
  "before an echo",
];
/** Roughly how long a server takes to start. */
const START_MS = 200;
/** Every so many rounds of servers without a common room, one is split: clients join different servers, are caught up
 * there, and move only then to a server where others have talked meanwhile. */
const SPLIT_EVERY = 4;
/** Shortest and longest time that a NATS server stands still: connections to it are given up after 4 to 6 s. */
const FROZEN_NATS_MS = [100, 12_000] as const;
/** When clients join in a split round, and when it ends: later than the first PING, which is due after 5 s. */
const SPLIT_JOIN_MS = 1_500;
const SPLIT_MS = 8_500;

/** Round `number`, from 0, of a run with this seed. */
export function roundOf(seed: number, number: number, storage: Storage = "memory"): Round {
  const random = new Random(seed, number);
  const isSplit = storage === "memory" && number % SPLIT_EVERY === 0;
  const faultsMs = isSplit ? SPLIT_MS : random.spread(...FAULTS_MS);
  const steps: Step[] = [];
  const repeat = (lowMs: number, highMs: number, make: () => Action) => {
    for (let atMs = random.spread(lowMs, highMs); atMs < faultsMs; atMs += random.spread(lowMs, highMs)) {
      steps.push({ atMs, ...make() } as Step);
    }
  };
  for (let client = 0; client < CLIENTS.all; client++) {
    let left = MAX_SAID;
    const [lowMs, highMs] = random.chance(0.1) ? [5, 300] : [20, 1_000]; // some talk much more than others
    repeat(lowMs, highMs, () => {
      const count = Math.min(left, random.chance(0.2) ? 1 + random.below(8) : 1);
      left -= count;
      return { type: "say", client, count };
    });
  }
  if (isSplit) {
    for (let client = CLIENTS.processes; client < CLIENTS.all; client++) {
      steps.push({ type: "replace", atMs: SPLIT_JOIN_MS, client, isBye: true });
    }
  } else {
    for (let server = 0; server < SERVERS[storage]; server++) {
      steps.push(...serverFaults(server, faultsMs, random));
    }
    repeat(100, 1_000, () => cut(random, storage));
    repeat(50, 1_500, () => impair(random));
    repeat(500, 5_000, () => replace(random));
    if (storage !== "memory") {
      repeat(
        20,
        storage === "data" ? 300 : 2_000,
        () => ({ type: "visit", count: 1 + random.below(3), isBye: random.chance(0.5) }),
      );
    }
    if (storage === "nats") {
      repeat(500, 6_000, () => {
        return { type: "kill-nats", server: random.below(SERVERS.nats), downMs: random.spread(1, 2_000) };
      });
      repeat(1_000, 12_000, () => {
        const forMs = random.spread(...FROZEN_NATS_MS);
        return { type: "freeze-nats", server: random.below(SERVERS.nats), forMs };
      });
    }
  }
  steps.sort((one, other) => one.atMs - other.atMs);
  return { steps, faultsMs, lastServer: random.below(SERVERS[storage]) };
}

function serverFaults(server: number, faultsMs: number, random: Random): Step[] {
  const steps: Step[] = [];
  const longestMs = random.pick([1_000, 2_000, 20_000]);
  for (let atMs = 0;;) {
    atMs += random.spread(50, longestMs);
    const [heldMs, downMs] = [random.spread(5, 300), random.spread(1, 1_000)];
    const action = random.weighed<() => Action>([
      [11, () => ({ type: "kill", server, when: random.pick(KILL_MOMENTS), heldMs, downMs })],
      [2, () => ({ type: "freeze", server, forMs: random.spread(50, 4_000), isCut: random.chance(0.5) })],
    ])();
    if (atMs >= faultsMs) return steps;
    steps.push({ atMs, ...action } as Step);
    if (action.type !== "freeze") atMs += downMs + START_MS;
  }
}

function cut(random: Random, storage: Storage): Action {
  const client = random.below(CLIENTS.all);
  if (random.chance(0.1)) return { type: "cut", client };
  if (random.chance(0.2)) {
    return { type: "half-open", client, lateMs: random.spread(20, 2_000) };
  }
  const point = random.pick<CutPoint>(["within a frame up", "within a frame down", "before an echo"]);
  return { type: "cut-at", server: random.below(SERVERS[storage]), point };
}

function impair(random: Random): Action {
  return {
    type: "impair",
    client: random.below(CLIENTS.all),
    direction: random.pick<Direction>(["up", "down"]),
    impairment: random.pick<Impairment>([
      { kind: "slices", amount: Math.ceil(random.spread(1, 200)) },
      { kind: "latency", amount: Math.round(random.spread(2, 200)) },
      { kind: "bandwidth", amount: Math.round(random.spread(2_000, 200_000)) },
      { kind: "stall" },
      { kind: "blackhole" },
    ]),
    forMs: random.spread(100, 5_000),
  };
}

function replace(random: Random): Action {
  return {
    type: "replace",
    // Processes take longer to start.
    client: random.chance(0.1)
      ? random.below(CLIENTS.processes)
      : CLIENTS.processes + random.below(CLIENTS.all - CLIENTS.processes),
    isBye: random.chance(0.3),
  };
}
