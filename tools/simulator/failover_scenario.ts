// A scenario of failovers: bad links, and servers and clients that fall away and come back, all derived from a seed.

import { Random } from "../../tests/testing/random.ts";
import type { CrashKind } from "./server.ts";

/** Whose packets are lost. */
type Side = { readonly client: number } | { readonly server: number };

export type FailoverStep =
  & { readonly atMs: number }
  & (
    /** The first connection breaks so many round trips after it was made. Without `server` it is the first one. */
    | {
      readonly what: "start";
      readonly client: number;
      readonly server?: number;
      readonly cutAfter?: number;
    }
    | { readonly what: "say" | "leave"; readonly client: number }
    /** A connection ends while both sides live. */
    | {
      readonly what: "reset";
      readonly client: number;
      readonly noticedBy: readonly ("client" | "server")[];
    }
    | { readonly what: "silence"; readonly forMs: number } & Side
    | { readonly what: "lossy"; readonly client: number; readonly loss: number; readonly forMs: number }
    /** Without a route to any server. */
    | { readonly what: "offline" | "asleep"; readonly client: number; readonly forMs: number }
    /** Names are resolved after `afterMs`; Infinity: an error comes, after seconds. */
    | { readonly what: "resolver"; readonly client: number; readonly afterMs: number; readonly forMs: number }
    | { readonly what: "kill"; readonly server: number; readonly kind: CrashKind; readonly forMs: number }
    | { readonly what: "freeze"; readonly server: number; readonly forMs: number }
    /** Its room has no place for another member. */
    | { readonly what: "full"; readonly server: number; readonly forMs: number }
  );

export interface FailoverScenario {
  readonly kind: "failover";
  readonly seed: number;
  readonly clients: number;
  readonly servers: number;
  /** The servers are nodes of one room, and list only those that run. */
  readonly isCluster?: boolean;
  readonly steps: readonly FailoverStep[];
  /** When the faults end, but for servers that stay away. */
  readonly endMs: number;
}

/** One of so many seeds has up to {@linkcode MANY_CLIENTS}. */
const MANY_EVERY = 50;
const MANY_CLIENTS = 50;
/** Most time from the first fault to the last. Messages must reach all while their senders retain them. */
const STORM_MS = 40_000;
/** A server that is killed for longer stays away. */
export const FOREVER_MS = 1_000_000;

type UntimedStep<Any = FailoverStep> = Any extends FailoverStep ? Omit<Any, "atMs"> : never;

export function failoverOf(seed: number): FailoverScenario {
  const random = new Random(seed, 1);
  const clients = seed % MANY_EVERY === 0 ? 10 + random.below(MANY_CLIENTS - 9) : 2 + random.below(6);
  const servers = 2 + random.below(2);
  const steps: FailoverStep[] = [];
  for (let client = 0; client < clients; client++) {
    steps.push({
      what: "start",
      client,
      ...(random.chance(0.1) && { cutAfter: random.between(0, 1.5) }),
      atMs: random.chance(0.9) ? random.unit() * 1_000 : random.unit() * 30_000,
    });
  }
  const stormMs = random.spread(1_000, STORM_MS);
  const beginMs = random.between(6_000, 20_000);
  for (let left = 1 + random.below(6); left > 0; left--) {
    const atMs = beginMs + stormMs * random.unit();
    const step = random.weighed(FAULTS)({ random, clients, servers });
    steps.push({ ...step, atMs } as FailoverStep);
    if (step.what === "resolver") {
      const noticedBy = ["client", "server"] as const;
      steps.push({ what: "reset", client: step.client, noticedBy, atMs: atMs + random.spread(10, 5_000) });
    }
    // A network trouble is seldom alone.
    if (!("client" in step) || !random.chance(0.3)) continue;
    for (let client = 0; client < clients; client++) {
      if (random.chance(0.5)) {
        steps.push({ ...step, client, atMs: atMs + random.spread(1, 500) } as FailoverStep);
      }
    }
  }
  for (let says = random.below(10); says > 0; says--) {
    const atMs = random.between(beginMs - 3_000, beginMs + stormMs + 10_000);
    steps.push({ what: "say", client: random.below(clients), atMs });
  }
  // The clients have gone to another server. Theirs runs again, and a client comes to it that knows of no other room.
  if (random.chance(0.2)) {
    const server = anyServer({ random, clients, servers });
    const atMs = beginMs + stormMs * random.unit();
    const forMs = random.between(3_000, 20_000);
    const kind = random.pick(["killed", "closing"] as const);
    steps.push({ what: "kill", server, kind, forMs, atMs });
    steps.push({ what: "start", client: clients, server, atMs: atMs + forMs + random.spread(1_000, 40_000) });
  }
  // A server has no place for a member that has lost it, and perhaps still none when that one would go home.
  if (random.chance(0.2)) {
    const atMs = beginMs + stormMs * random.unit();
    const client = random.below(clients);
    const noticedBy = ["client", "server"] as const;
    steps.push({ what: "full", server: 0, forMs: random.spread(1_000, 60_000), atMs });
    steps.push({ what: "reset", client, noticedBy, atMs: atMs + random.spread(10, 1_000) });
  }
  steps.sort((one, other) => one.atMs - other.atMs);
  const ends = steps.map((step) => {
    const isBack = "forMs" in step && step.forMs < FOREVER_MS;
    return step.atMs + (isBack ? step.forMs : 0);
  });
  return { kind: "failover", seed, clients, servers, steps, endMs: Math.max(...ends) };
}

interface FaultContext {
  readonly random: Random;
  readonly clients: number;
  readonly servers: number;
}

/** Most faults meet the server that all begin with. */
function anyServer({ random, servers }: FaultContext): number {
  return random.chance(0.7) ? 0 : random.below(servers);
}

const FAULTS: readonly (readonly [weight: number, make: (all: FaultContext) => UntimedStep])[] = [
  [20, ({ random, clients }) => ({
    what: "reset",
    client: random.below(clients),
    noticedBy: (["client", "server"] as const).filter(() => random.chance(0.8)),
  })],
  [12, ({ random, clients }) => ({
    what: "silence",
    client: random.below(clients),
    forMs: random.between(9_000, 20_000),
  })],
  [6, (all) => ({ what: "silence", server: anyServer(all), forMs: all.random.between(9_000, 20_000) })],
  [6, ({ random, clients }) => ({
    what: "lossy",
    client: random.below(clients),
    loss: random.between(0.05, 0.2),
    forMs: random.between(5_000, 30_000),
  })],
  [10, ({ random, clients }) => ({
    what: random.pick(["offline", "asleep"]),
    client: random.below(clients),
    forMs: random.spread(500, 40_000),
  })],
  [8, ({ random, clients }) => ({
    what: "resolver",
    client: random.below(clients),
    afterMs: random.chance(0.3) ? Infinity : random.spread(100, 8_000),
    forMs: random.between(5_000, 30_000),
  })],
  [14, (all) => ({
    what: "kill",
    server: anyServer(all),
    kind: all.random.pick(["killed", "unplugged", "closing"]),
    forMs: all.random.chance(0.3) ? FOREVER_MS : all.random.spread(50, 20_000),
  })],
  [12, (all) => ({ what: "freeze", server: anyServer(all), forMs: all.random.spread(1_000, 40_000) })],
  [2, ({ random, clients }) => ({ what: "leave", client: random.below(clients) })],
];
