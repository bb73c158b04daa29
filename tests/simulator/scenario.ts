// What is done in a run, step by step: who comes, what is typed, what breaks. A seed gives all of it.

import type { Parting } from "./client_end.ts";
import { Random } from "./random.ts";
import type { Death } from "./server_end.ts";

/** One thing that is done, by the user or by fate. Servers are counted from the one where everybody is: 0. */
export type Step =
  & {
    readonly atMs: number;
  }
  & (
    | { readonly what: "come"; readonly client: number }
    | { readonly what: "say"; readonly client: number; readonly to?: number; readonly action?: boolean }
    | { readonly what: "rename"; readonly client: number; readonly nick: string }
    | { readonly what: "stop" | "reconnect"; readonly client: number; readonly parting: Parting }
    | {
      readonly what: "break";
      readonly client: number;
      readonly noticedBy: readonly ("client" | "server")[];
    }
    | { readonly what: "stall"; readonly client: number; readonly way: "up" | "down"; readonly forMs: number }
    | { readonly what: "away" | "suspend"; readonly client: number; readonly forMs: number }
    | {
      readonly what: "wander";
      readonly client: number;
      readonly server: number;
      readonly forMs: number;
      readonly parting: Parting;
    }
    | {
      readonly what: "die";
      readonly server: number;
      readonly death: Death;
      readonly afterSteps: number;
      readonly forMs: number;
      readonly next: number;
    }
    | { readonly what: "freeze"; readonly server: number; readonly forMs: number; readonly next: number }
    | { readonly what: "move"; readonly next: number; readonly parting: Parting }
  );

/** Everything that is needed to have a run again. */
export interface Scenario {
  readonly seed: number;
  readonly servers: number;
  /** Whether each server keeps its log: after its death it goes on with what it had stored. */
  readonly keepsLogs: boolean;
  readonly steps: readonly Step[];
  /** When nothing breaks any more. */
  readonly endMs: number;
}

/** Longest that a client may be on a server where the others are not, if it speaks there. */
export const WANDER_MS = 40_000;

/** How long a client stays by mistake where the others are not, after it was away: it is told there that it lacks
 * nothing, and must not believe it. */
export const STRAY_MS = 30_000;

/** Of so many seeds one gives a run that outlasts the window, in which clients are away for minutes. */
export const LONG_EVERY = 8;

type Bare<Any = Step> = Any extends Step ? Omit<Any, "atMs"> : never;

/** The scenario of a seed: clients come, and then bursts of talk with something breaking in their midst. */
export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed, 1);
  const clients = 2 + random.below(3);
  const servers = 2 + random.below(2);
  const isLong = seed % LONG_EVERY === 0;
  const steps: Step[] = [];
  for (let client = 0; client < clients; client++) {
    const isLate = client > 1 && random.chance(0.2);
    steps.push({ what: "come", client, atMs: random.between(0, isLate ? 60_000 : 1_000) });
  }
  let atMs = 2_000;
  for (let left = random.between(3, 9); left > 0; left--) {
    atMs += isLong ? random.between(1_000, 100_000) : random.spread(30, 20_000);
    const spanMs = random.spread(1, 4_000);
    const add = (step: Bare, delayMs = spanMs * random.unit()) =>
      steps.push({ ...step, atMs: atMs + delayMs } as Step);
    for (let says = random.below(12); says > 0; says--) {
      add(saying(random, clients), random.between(-spanMs, 2 * spanMs));
    }
    if (random.chance(0.2)) {
      // Some want the same.
      const nick = random.chance(0.3) ? "ana" : `alias${random.below(4)}`;
      add({ what: "rename", client: random.below(clients), nick });
    }
    for (let faults = 1 + random.below(2); faults > 0; faults--) {
      const all = { random, clients, servers, isLong };
      const step = random.weighed(FAULTS)(all);
      const delayMs = spanMs * random.unit();
      add(step, delayMs);
      // Who was absent for long comes back to another server than he left.
      const isAbsence = step.what === "away" || step.what === "suspend";
      if (!isLong || !isAbsence) continue;
      const soonMs = random.chance(0.5) ? random.spread(0.1, 1_000) : random.between(5_000, 40_000);
      add(death(all), delayMs + soonMs);
      add(saying(random, clients), delayMs + soonMs + random.spread(100, 100_000));
      const astray = { client: step.client, server: otherOf(servers, random), forMs: STRAY_MS };
      add({ what: "wander", ...astray, parting: random.pick(PARTINGS) }, delayMs + step.forMs);
    }
    atMs += spanMs;
  }
  steps.sort((one, other) => one.atMs - other.atMs);
  const endMs = atMs + (isLong ? random.between(0, 500_000) : random.spread(100, 20_000));
  return { seed, ...keeping(seed, servers), steps, endMs };
}

/** Where logs are kept, one server is enough: it comes back. */
function keeping(seed: number, servers: number): { servers: number; keepsLogs: boolean } {
  const random = new Random(seed, 3);
  const keepsLogs = random.chance(0.3);
  return { servers: keepsLogs && random.chance(0.6) ? 1 : servers, keepsLogs };
}

/** A message: to everybody, or to one, be it oneself. */
function saying(random: Random, clients: number): Bare {
  const say = { what: "say", client: random.below(clients) } as const;
  if (random.chance(0.25)) return { ...say, to: random.below(clients) };
  return random.chance(0.1) ? { ...say, action: true } : say;
}

interface Circumstances {
  readonly random: Random;
  readonly clients: number;
  readonly servers: number;
  readonly isLong: boolean;
}

function death({ random, servers }: Circumstances): Bare {
  return {
    what: "die",
    server: random.chance(0.85) ? 0 : otherOf(servers, random),
    death: random.pick(["killed", "killed", "unplugged", "closing"]),
    afterSteps: random.below(12),
    forMs: random.spread(50, 20_000),
    next: random.chance(0.8) ? otherOf(servers, random) : 0,
  };
}

/** What breaks, and how often. */
const FAULTS: readonly (readonly [weight: number, make: (all: Circumstances) => Bare])[] = [
  [30, death],
  // Nobody takes over: everybody waits until it is back.
  [4, ({ random, isLong }) => ({
    what: "die",
    server: 0,
    death: "killed",
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
  [7, ({ random, servers }) => ({
    what: "move",
    next: otherOf(servers, random),
    parting: random.pick(PARTINGS),
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
    parting: random.pick(PARTINGS),
  })],
  [10, ({ random, clients, servers, isLong }) => ({
    what: "wander",
    client: random.below(clients),
    server: otherOf(servers, random),
    forMs: isLong && random.chance(0.5) ? random.between(WANDER_MS, 400_000) : random.spread(100, WANDER_MS),
    parting: random.pick(PARTINGS),
  })],
  [8, ({ random, clients, isLong }) => ({
    what: random.pick(["away", "suspend"]),
    client: random.below(clients),
    forMs: isLong ? random.between(60_000, 600_000) : random.spread(1_000, 60_000),
  })],
  [3, ({ random, clients }) => ({
    what: "stop",
    client: random.below(clients),
    parting: random.pick(PARTINGS),
  })],
];

const PARTINGS: readonly Parting[] = ["said", "closed", "unnoticed"];

function otherOf(servers: number, random: Random): number {
  return 1 + random.below(servers - 1);
}

/** A step in words. */
export function describe({ atMs, what, ...details }: Step): string {
  const how = Object.entries(details).map(([name, value]) => {
    if (name === "forMs") return `for ${+value.toFixed(3)} ms`;
    return typeof value === "number"
      ? `${name} ${value}`
      : `${name} ${[value].flat().join(" and ") || "nobody"}`;
  });
  return `${atMs.toFixed(3).padStart(12)} ms: ${[what, ...how].join(", ")}`;
}
