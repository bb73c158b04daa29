// Exactly once, while servers crash: the simulator finds no fault in lib/, and finds one with each mutation.

import { assert, assertEquals } from "@std/assert";
import {
  explainFailure,
  findFault,
  run,
  runSeeds,
  scenarioOf,
  shrink,
  withoutSteps,
} from "../../tools/simulator/simulator.ts";
import { MUTATIONS } from "../../tools/simulator/rules.ts";
import { LONG_EVERY } from "../../tools/simulator/scenario.ts";
import { Timeline } from "../../tools/simulator/timeline.ts";
import { pure } from "../testing/test_options.ts";

/** `tools/simulate.ts` runs more. */
const RUNS = 300;
/** The fault of a mutation must show within so many runs. */
const MUTATION_RUNS = 1_000;

const ONLY_UNACKED = MUTATIONS["only unacked messages are sent again"]!;

Deno.test("The simulator finds no fault in ChatServer, Session and the commit logs", pure, async () => {
  const { failed, crashes, disconnects, truncatedWrites } = await runSeeds({ first: 1, runs: RUNS });
  assertEquals(failed.length, 0, failed.length > 0 ? await explainFailure(failed[0]!) : "");
  assert(crashes > RUNS / 2 && disconnects > RUNS && truncatedWrites > RUNS / 5, "These runs are too easy");
});

for (const [name, mutation] of Object.entries(MUTATIONS)) {
  Deno.test(`The simulator finds "${mutation.fault}" when ${name}`, pure, async () => {
    const step = mutation.needsLongRun ? LONG_EVERY : 1;
    const seeds = { kind: mutation.kind, first: step, stride: step, runs: MUTATION_RUNS };
    const seed = await findFault(mutation.fault, { ...seeds, mutation });
    assert(seed !== undefined, `It finds none in ${MUTATION_RUNS} runs`);
  });
}

for (const kind of ["messages", "failover"] as const) {
  Deno.test(`run() gives the same outcome for a seed of ${kind} every time`, pure, async () => {
    for (const seed of [1, 2, 3, LONG_EVERY]) {
      const outcome = await run(scenarioOf(seed, kind), ONLY_UNACKED);
      await run(scenarioOf(seed + 1, kind));
      assertEquals(await run(scenarioOf(seed, kind), ONLY_UNACKED), outcome);
    }
  });
}

Deno.test("Timeline lets all promises of an event settle before the next one", pure, async () => {
  for (const kind of ["messages", "failover"] as const) {
    const seeds = { kind, first: 1, runs: 40 };
    const tally = await runSeeds(seeds, ONLY_UNACKED);
    Timeline.slack = 4;
    try {
      assertEquals(await runSeeds(seeds, ONLY_UNACKED), tally);
    } finally {
      Timeline.slack = 1;
    }
  }
});

Deno.test("shrink() removes the steps without which a run still fails", pure, async () => {
  const seed = await findFault("lost", { first: 1, runs: MUTATION_RUNS, mutation: ONLY_UNACKED });
  const scenario = await shrink(scenarioOf(seed!), ONLY_UNACKED);
  const { steps } = scenario;
  assert(steps.length <= 8, `There are ${steps.length} steps`);
  for (const index of steps.keys()) {
    const { problems } = await run(withoutSteps(scenario, index, 1), ONLY_UNACKED);
    assert(!problems.some(({ fault }) => fault === "lost"), `Step ${index} is not needed`);
  }
  const explanation = await explainFailure(seed!, ONLY_UNACKED);
  assert(explanation.startsWith(`Seed ${seed}, shrunk to ${steps.length} steps:\n`));
});
