// The simulator: drives Room and SessionState through simulated time and a simulated network, and checks them against a
// ledger. A seed always gives the same run.

import type { Fault } from "./ledger.ts";
import { CORRECT_RULES } from "./rules.ts";
import { type Outcome, Run } from "./run.ts";
import { describe, type Scenario, scenarioOf } from "./scenario.ts";
import type { Rules } from "./world.ts";

export function run(scenario: Scenario, rules: Partial<Rules> = {}): Outcome {
  return new Run(scenario, { ...CORRECT_RULES, ...rules }).outcome();
}

export interface Tally {
  runs: number;
  messages: number;
  crashes: number;
  disconnects: number;
  truncatedFrames: number;
  /** Seeds of the runs with a fault. */
  readonly failed: number[];
}

export interface Seeds {
  readonly first: number;
  readonly runs: number;
  /** Difference between two seeds. */
  readonly stride?: number;
}

export function emptyTally(): Tally {
  return { runs: 0, messages: 0, crashes: 0, disconnects: 0, truncatedFrames: 0, failed: [] };
}

export function runSeeds({ first, runs, stride = 1 }: Seeds, rules: Partial<Rules> = {}): Tally {
  const tally = emptyTally();
  for (let i = 0; i < runs; i++) {
    const seed = first + i * stride;
    const { problems, ...counts } = run(scenarioOf(seed), rules);
    addCounts(tally, { runs: 1, ...counts });
    if (problems.length > 0) tally.failed.push(seed);
  }
  return tally;
}

export function addCounts(tally: Tally, counts: Omit<Tally, "failed">): void {
  for (const name of ["runs", "messages", "crashes", "disconnects", "truncatedFrames"] as const) {
    tally[name] += counts[name];
  }
}

/** The first seed whose run shows this fault. */
export function findFault(
  fault: Fault,
  { first, runs, stride = 1, rules }: Seeds & { readonly rules?: Partial<Rules> },
): number | undefined {
  for (let i = 0; i < runs; i++) {
    const seed = first + i * stride;
    if (reproduces(fault, scenarioOf(seed), rules)) return seed;
  }
  return undefined;
}

/** Removes as many steps as possible from a failing scenario so that it still fails with the same fault. */
export function shrink(scenario: Scenario, rules: Partial<Rules> = {}): Scenario {
  const fault = run(scenario, rules).problems[0]?.fault;
  if (!fault) return scenario;
  let smallest = scenario;
  for (let size = scenario.steps.length >> 1; size > 0;) {
    let hasShrunk = false;
    for (let from = 0; from < smallest.steps.length;) {
      const smaller = { ...smallest, steps: smallest.steps.toSpliced(from, size) };
      if (reproduces(fault, smaller, rules)) {
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
export function explainFailure(seed: number, rules: Partial<Rules> = {}): string {
  const scenario = shrink(scenarioOf(seed), rules);
  const { problems } = run(scenario, rules);
  return [
    `Seed ${seed}, shrunk to ${scenario.steps.length} steps:`,
    ...scenario.steps.map(describe),
    ...problems.map(({ fault, details }) => `${fault}: ${details}`),
  ].join("\n");
}

function reproduces(fault: Fault, scenario: Scenario, rules?: Partial<Rules>): boolean {
  return run(scenario, rules).problems.some((problem) => problem.fault === fault);
}
