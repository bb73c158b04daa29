// The simulator: drives ChatServer, Session and the commit logs through simulated time, over a simulated network and
// simulated stores, and checks them against a ledger. A seed always gives the same run.

import { FailoverRun } from "./failover_run.ts";
import { failoverOf, type FailoverScenario } from "./failover_scenario.ts";
import type { Fault } from "./ledger.ts";
import { type Mutation, plant } from "./rules.ts";
import { type Outcome, Run } from "./run.ts";
import { describe, type Scenario as MessageScenario, scenarioOf as messagesOf } from "./scenario.ts";

type Scenario = MessageScenario | FailoverScenario;

export type Kind = Scenario["kind"];

export function scenarioOf(seed: number, kind: Kind = "messages"): Scenario {
  return kind === "failover" ? failoverOf(seed) : messagesOf(seed);
}

/** Nothing else runs meanwhile. */
export async function run(scenario: Scenario, mutation?: Mutation): Promise<Outcome> {
  using _ = mutation && plant(mutation);
  return await (scenario.kind === "failover" ? new FailoverRun(scenario) : new Run(scenario)).outcome();
}

export interface Tally {
  runs: number;
  messages: number;
  crashes: number;
  disconnects: number;
  truncatedWrites: number;
  /** Seeds of the runs with a fault. */
  readonly failed: number[];
}

export interface Seeds {
  readonly kind?: Kind;
  readonly first: number;
  readonly runs: number;
  /** Difference between two seeds. */
  readonly stride?: number;
}

export function emptyTally(): Tally {
  return { runs: 0, messages: 0, crashes: 0, disconnects: 0, truncatedWrites: 0, failed: [] };
}

export async function runSeeds(
  { first, runs, stride = 1, kind }: Seeds,
  mutation?: Mutation,
): Promise<Tally> {
  const tally = emptyTally();
  for (let i = 0; i < runs; i++) {
    const seed = first + i * stride;
    const { problems, ...counts } = await run(scenarioOf(seed, kind), mutation);
    addCounts(tally, { runs: 1, ...counts });
    if (problems.length > 0) tally.failed.push(seed);
  }
  return tally;
}

export function addCounts(tally: Tally, counts: Omit<Tally, "failed">): void {
  for (const name of ["runs", "messages", "crashes", "disconnects", "truncatedWrites"] as const) {
    tally[name] += counts[name];
  }
}

/** The first seed whose run shows this fault. */
export async function findFault(
  fault: Fault,
  { first, runs, stride = 1, kind, mutation }: Seeds & { readonly mutation?: Mutation },
): Promise<number | undefined> {
  for (let i = 0; i < runs; i++) {
    const seed = first + i * stride;
    if (await reproduces(fault, scenarioOf(seed, kind), mutation)) return seed;
  }
  return undefined;
}

export function withoutSteps<Any extends Scenario>(scenario: Any, from: number, count: number): Any {
  return { ...scenario, steps: scenario.steps.toSpliced(from, count) };
}

/** Removes as many steps as possible from a failing scenario so that it still fails with the same fault. */
export async function shrink(scenario: Scenario, mutation?: Mutation): Promise<Scenario> {
  const fault = (await run(scenario, mutation)).problems[0]?.fault;
  if (!fault) return scenario;
  let smallest = scenario;
  for (let size = scenario.steps.length >> 1; size > 0;) {
    let hasShrunk = false;
    for (let from = 0; from < smallest.steps.length;) {
      const smaller = withoutSteps(smallest, from, size);
      if (await reproduces(fault, smaller, mutation)) {
        smallest = smaller;
        hasShrunk = true;
      } else from += size;
    }
    // The removal of one step may make another one unnecessary.
    if (!hasShrunk || size > 1) size >>= 1;
  }
  return smallest;
}

/** The steps of the shrunk scenario of a seed, and its faults. */
export async function explainFailure(seed: number, mutation?: Mutation, kind?: Kind): Promise<string> {
  const scenario = await shrink(scenarioOf(seed, kind), mutation);
  const { problems } = await run(scenario, mutation);
  return [
    `Seed ${seed}, shrunk to ${scenario.steps.length} steps:`,
    ...scenario.steps.map(describe),
    ...problems.map(({ fault, details }) => `${fault}: ${details}`),
  ].join("\n");
}

async function reproduces(fault: Fault, scenario: Scenario, mutation?: Mutation): Promise<boolean> {
  return (await run(scenario, mutation)).problems.some((problem) => problem.fault === fault);
}
