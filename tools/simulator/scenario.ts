// A scenario: the steps of a run, with starts, messages and faults, all derived from a seed.

import type { Departure } from "./client.ts";
import { Random } from "../../tests/testing/random.ts";
import type { CrashKind } from "./server.ts";

/** Servers are counted from the primary, which is 0. */
export type Step =
  & {
    readonly atMs: number;
  }
  & (
    | { readonly what: "start"; readonly client: number }
    | { readonly what: "say"; readonly client: number; readonly to?: number; readonly action?: boolean }
    | { readonly what: "rename"; readonly client: number; readonly nick: string }
    | { readonly what: "stop" | "reconnect"; readonly client: number; readonly departure: Departure }
    | {
      readonly what: "break";
      readonly client: number;
      readonly noticedBy: readonly ("client" | "server")[];
    }
    | { readonly what: "stall"; readonly client: number; readonly way: "up" | "down"; readonly forMs: number }
    | { readonly what: "offline" | "suspend"; readonly client: number; readonly forMs: number }
    | {
      readonly what: "wander";
      readonly client: number;
      readonly server: number;
      readonly forMs: number;
      readonly departure: Departure;
    }
    | {
      readonly what: "crash";
      readonly server: number;
      readonly kind: CrashKind;
      readonly afterSteps: number;
      readonly forMs: number;
      readonly next: number;
    }
    | { readonly what: "freeze"; readonly server: number; readonly forMs: number; readonly next: number }
    /** The disk of a server is full, or NATS is away. */
    | { readonly what: "outage"; readonly server: number; readonly forMs: number }
    | { readonly what: "move"; readonly next: number; readonly departure: Departure }
  );

/** Whether each server keeps its log in memory or on a disk of its own, from which it starts after a crash, or all share
 * one in NATS. */
type StorageKind = "memory" | "disk" | "nats";

/** Everything that determines a run. */
export interface Scenario {
  readonly kind: "messages";
  readonly seed: number;
  readonly servers: number;
  readonly storage: StorageKind;
  readonly steps: readonly Step[];
  /** When the faults end. */
  readonly endMs: number;
}

/** Longest time that a client may send on a server other than the primary. */
export const WANDER_MS = 40_000;

/** How long a client that was offline stays on the wrong server: PING says there that it is caught up, and the client
 * must not believe it. */
export const STRAY_MS = 30_000;

/** One of so many seeds gives a run longer than the resume window, in which clients are offline for minutes. */
export const LONG_EVERY = 20;

type UntimedStep<Any = Step> = Any extends Step ? Omit<Any, "atMs"> : never;

/** Clients start, then send bursts of messages with faults in their midst. */
export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed, 1);
  const isLong = seed % LONG_EVERY === 0;
  const clients = 2 + random.below(isLong ? 3 : 2);
  const servers = 2 + random.below(2);
  const steps: Step[] = [];
  for (let client = 0; client < clients; client++) {
    const isLate = client > 1 && random.chance(0.2);
    steps.push({ what: "start", client, atMs: random.between(0, isLate ? 60_000 : 1_000) });
  }
  let atMs = 2_000;
  for (let left = isLong ? random.between(3, 9) : random.between(0, 3); left > 0; left--) {
    atMs += isLong ? random.between(1_000, 100_000) : random.spread(30, 20_000);
    const spanMs = random.spread(1, 4_000);
    const add = (step: UntimedStep, delayMs = spanMs * random.unit()) =>
      steps.push({ ...step, atMs: atMs + delayMs } as Step);
    for (let says = random.below(12); says > 0; says--) {
      add(sayStep(random, clients), random.between(-spanMs, 2 * spanMs));
    }
    if (random.chance(0.2)) {
      // Sometimes two claim the same nick.
      const nick = random.chance(0.3) ? "ana" : `alias${random.below(4)}`;
      add({ what: "rename", client: random.below(clients), nick });
    }
    for (let faults = 1 + random.below(2); faults > 0; faults--) {
      const all = { random, clients, servers, isLong };
      const step = random.weighed(FAULTS)(all);
      const delayMs = spanMs * random.unit();
      add(step, delayMs);
      // A client that was offline for long finds another primary than it left.
      const isOffline = step.what === "offline" || step.what === "suspend";
      if (!isLong || !isOffline) continue;
      const soonMs = random.chance(0.5) ? random.spread(0.1, 1_000) : random.between(5_000, 40_000);
      add(crashStep(all), delayMs + soonMs);
      add(sayStep(random, clients), delayMs + soonMs + random.spread(100, 100_000));
      // What it said last has not reached all when the primary crashes.
      const other = (step.client + 1) % clients;
      add({ what: "say", client: step.client }, delayMs - random.spread(10, 1_000));
      add(
        { what: "stall", client: other, way: "down", forMs: random.spread(1_000, 30_000) },
        delayMs - 1_000,
      );
      const stray = { client: step.client, server: otherOf(servers, random), forMs: STRAY_MS };
      add({ what: "wander", ...stray, departure: random.pick(DEPARTURES) }, delayMs + step.forMs);
    }
    atMs += spanMs;
  }
  steps.sort((one, other) => one.atMs - other.atMs);
  const endMs = atMs + (isLong ? random.between(0, 500_000) : random.spread(100, 20_000));
  return { kind: "messages", seed, ...storageOf(seed, servers), steps, endMs };
}

/** With a log on a disk, one server may be enough: it comes back. */
function storageOf(seed: number, servers: number): { servers: number; storage: StorageKind } {
  const random = new Random(seed, 3);
  const storage = random.weighed<StorageKind>([[5, "memory"], [3, "disk"], [2, "nats"]]);
  return { servers: storage === "disk" && random.chance(0.6) ? 1 : servers, storage };
}

/** A message to all, or a private one, which may be to the sender. */
function sayStep(random: Random, clients: number): UntimedStep {
  const say = { what: "say", client: random.below(clients) } as const;
  if (random.chance(0.25)) return { ...say, to: random.below(clients) };
  return random.chance(0.1) ? { ...say, action: true } : say;
}

interface FaultContext {
  readonly random: Random;
  readonly clients: number;
  readonly servers: number;
  readonly isLong: boolean;
}

function crashStep({ random, servers }: FaultContext): UntimedStep {
  return {
    what: "crash",
    server: random.chance(0.85) ? 0 : otherOf(servers, random),
    kind: random.pick(["killed", "unplugged", "killed", "unplugged", "closing"]),
    afterSteps: random.below(12),
    forMs: random.spread(50, 20_000),
    next: random.chance(0.8) ? otherOf(servers, random) : 0,
  };
}

/** All faults with their weights. */
const FAULTS: readonly (readonly [weight: number, make: (all: FaultContext) => UntimedStep])[] = [
  [30, crashStep],
  // No failover: all clients wait for the server.
  [4, ({ random, isLong }) => ({
    what: "crash",
    server: 0,
    kind: "killed",
    afterSteps: random.below(12),
    forMs: isLong ? random.between(60_000, 300_000) : random.spread(1_000, 30_000),
    next: 0,
  })],
  [10, ({ random, servers }) => ({
    what: "freeze",
    server: random.chance(0.8) ? 0 : otherOf(servers, random),
    forMs: random.spread(100, 90_000),
    next: otherOf(servers, random),
  })],
  [4, ({ random, servers }) => ({
    what: "outage",
    server: random.below(servers),
    forMs: random.spread(100, 20_000),
  })],
  [7, ({ random, servers }) => ({
    what: "move",
    next: otherOf(servers, random),
    departure: random.pick(DEPARTURES),
  })],
  [13, ({ random, clients }) => ({
    what: "break",
    client: random.below(clients),
    noticedBy: (["client", "server"] as const).filter(() => random.chance(0.6)),
  })],
  [10, ({ random, clients }) => ({
    what: "stall",
    client: random.below(clients),
    way: random.pick(["up", "down"]),
    forMs: random.spread(50, 30_000),
  })],
  [8, ({ random, clients }) => ({
    what: "reconnect",
    client: random.below(clients),
    departure: random.pick(DEPARTURES),
  })],
  [10, ({ random, clients, servers, isLong }) => ({
    what: "wander",
    client: random.below(clients),
    server: otherOf(servers, random),
    forMs: isLong && random.chance(0.5) ? random.between(WANDER_MS, 400_000) : random.spread(100, WANDER_MS),
    departure: random.pick(DEPARTURES),
  })],
  [8, ({ random, clients, isLong }) => ({
    what: random.pick(["offline", "suspend"]),
    client: random.below(clients),
    forMs: isLong ? random.between(60_000, 600_000) : random.spread(1_000, 60_000),
  })],
  [3, ({ random, clients }) => ({
    what: "stop",
    client: random.below(clients),
    departure: random.pick(DEPARTURES),
  })],
];

const DEPARTURES: readonly Departure[] = ["said", "closed", "unnoticed"];

function otherOf(servers: number, random: Random): number {
  return 1 + random.below(servers - 1);
}

export function describe(
  { atMs, what, ...details }: { readonly atMs: number; readonly what: string },
): string {
  const how = Object.entries(details).map(([name, value]) => {
    if (name === "forMs") return `for ${+(value as number).toFixed(3)} ms`;
    return typeof value === "number"
      ? `${name} ${value}`
      : `${name} ${[value].flat().join(" and ") || "none"}`;
  });
  return `${atMs.toFixed(3).padStart(12)} ms: ${[what, ...how].join(", ")}`;
}
