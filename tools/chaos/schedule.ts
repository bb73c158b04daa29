// What is said and what breaks in a round of chaos, and when. A seed gives the same schedule every time.

import { MAX_OUTBOX_MESSAGES } from "../../lib/client/outbox.ts";
import { Random } from "../../tests/testing/random.ts";
import type { Instant, Way, Weather } from "./proxy.ts";

/** How many servers there are. */
export const SERVERS = 3;
/** How many clients are in at a time, the first of them as processes of their own. */
export const CLIENTS = { all: 15, processes: 3 } as const;

/** When a server is killed: at once; when it has not read what came in the last `heldMs`; when a message has
 * come to one client alone; when one has come to all but its sender. */
type Death =
  | { readonly how: "at once" | "after one delivery" | "before a receipt" }
  | { readonly how: "unread"; readonly heldMs: number };

/** One thing that is done. Servers and clients are counted from 0. */
export type Step =
  & { readonly atMs: number }
  & (
    | { readonly what: "say"; readonly client: number; readonly count: number }
    | ({ readonly what: "kill"; readonly server: number; readonly downMs: number } & Death)
    | { readonly what: "close"; readonly server: number; readonly downMs: number }
    | {
      readonly what: "freeze";
      readonly server: number;
      readonly forMs: number;
      readonly isCut: boolean;
    }
    | { readonly what: "break"; readonly server: number; readonly instant: Instant }
    | { readonly what: "cut"; readonly client: number }
    | { readonly what: "abandon"; readonly client: number; readonly lateMs: number; readonly isBack: boolean }
    | {
      readonly what: "weather";
      readonly client: number;
      readonly way: Way;
      readonly weather: Weather;
      readonly forMs: number;
    }
    | {
      readonly what: "replace";
      readonly client: number;
      /** Whether who goes takes leave, or just dies. */
      readonly isPolite: boolean;
      /** Whether who comes is told a wrong address first. */
      readonly isAstray: boolean;
    }
  );

/** One round: things break, then everybody gathers on one server. */
export interface Round {
  readonly steps: readonly Step[];
  readonly stormMs: number;
  /** The server where everybody is in the end. */
  readonly gathering: number;
}

type Bare<Any = Step> = Any extends Step ? Omit<Any, "atMs"> : never;

/** Shortest and longest storm, in ms. Together with the gathering it is over long before senders forget what
 * they said: what is promised beyond that depends on who met whom and when. */
const STORM_MS = [3_000, 20_000] as const;
/** Most that a client says in a storm: fewer than it keeps, for the same reason. */
const MOST_SAID = MAX_OUTBOX_MESSAGES - 50;
/** How long a server takes from its start until it listens, in ms, more or less. */
const START_MS = 200;

/** Round `number`, from 0, of the chaos with this seed. */
export function roundOf(seed: number, number: number): Round {
  const random = new Random(seed, number);
  const stormMs = random.spread(...STORM_MS);
  const steps: Step[] = [];
  const often = (lowMs: number, highMs: number, make: () => Bare) => {
    for (let atMs = random.spread(lowMs, highMs); atMs < stormMs; atMs += random.spread(lowMs, highMs)) {
      steps.push({ atMs, ...make() } as Step);
    }
  };
  for (let server = 0; server < SERVERS; server++) steps.push(...fateOf(server, stormMs, random));
  for (let client = 0; client < CLIENTS.all; client++) {
    let left = MOST_SAID;
    const [lowMs, highMs] = random.chance(0.1) ? [5, 300] : [20, 1_000]; // some talk much more than others
    often(lowMs, highMs, () => {
      const count = Math.min(left, random.chance(0.2) ? 1 + random.below(8) : 1);
      left -= count;
      return { what: "say", client, count };
    });
  }
  often(100, 1_000, () => breakage(random));
  often(50, 1_500, () => weather(random));
  often(500, 5_000, () => replacement(random));
  steps.sort((one, other) => one.atMs - other.atMs);
  return { steps, stormMs, gathering: random.below(SERVERS) };
}

/** How often one server dies, and how. */
function fateOf(server: number, stormMs: number, random: Random): Step[] {
  const steps: Step[] = [];
  const longestMs = random.pick([1_000, 2_000, 20_000]);
  for (let atMs = 0;;) {
    atMs += random.spread(50, longestMs);
    const downMs = random.spread(1, 1_000);
    const make = random.weighed<() => Bare>([
      [10, () => ({ what: "kill", server, downMs, ...death(random) })],
      [2, () => ({ what: "freeze", server, forMs: random.spread(50, 4_000), isCut: random.chance(0.5) })],
      [1, () => ({ what: "close", server, downMs })],
    ]);
    const step = make();
    if (atMs >= stormMs) return steps;
    steps.push({ atMs, ...step } as Step);
    if (step.what !== "freeze") atMs += downMs + START_MS;
  }
}

function death(random: Random): Death {
  const how = random.pick<Death["how"]>([
    "at once",
    "at once",
    "after one delivery",
    "before a receipt",
    "unread",
  ]);
  return how === "unread" ? { how, heldMs: random.spread(5, 300) } : { how };
}

function breakage(random: Random): Bare {
  const client = random.below(CLIENTS.all);
  if (random.chance(0.1)) return { what: "cut", client };
  if (random.chance(0.2)) {
    return { what: "abandon", client, lateMs: random.spread(20, 2_000), isBack: random.chance(0.7) };
  }
  const instant = random.pick<Instant>(["within a frame up", "within a frame down", "before a receipt"]);
  return { what: "break", server: random.below(SERVERS), instant };
}

function weather(random: Random): Bare {
  return {
    what: "weather",
    client: random.below(CLIENTS.all),
    way: random.pick<Way>(["up", "down"]),
    weather: random.pick<Weather>([
      { kind: "slices", amount: Math.ceil(random.spread(1, 200)) },
      { kind: "delay", amount: Math.round(random.spread(2, 200)) },
      { kind: "throttle", amount: Math.round(random.spread(2_000, 200_000)) },
      { kind: "stall" },
      { kind: "blackhole" },
    ]),
    forMs: random.spread(100, 5_000),
  };
}

function replacement(random: Random): Bare {
  return {
    what: "replace",
    // Processes take longer to start.
    client: random.chance(0.1)
      ? random.below(CLIENTS.processes)
      : CLIENTS.processes + random.below(CLIENTS.all - CLIENTS.processes),
    isPolite: random.chance(0.3),
    isAstray: random.chance(0.2),
  };
}

/** A step in words. */
export function describe({ atMs, what, ...details }: Step): string {
  const words = Object.entries(details).map(([name, value]) => {
    if (typeof value === "number") return `${name} ${Math.round(value)}`;
    return typeof value === "object" ? Object.values(value).join(" ") : `${name} ${value}`;
  });
  return `${Math.round(atMs).toString().padStart(6)} ms ${what} ${words.join(", ")}`;
}
