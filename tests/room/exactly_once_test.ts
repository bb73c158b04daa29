// Exactly once, while servers crash: the simulator finds no fault with the correct rules, and finds one with each
// mutation.

import { assert, assertEquals } from "@std/assert";
import { explainFailure, findFault, run, runSeeds, shrink } from "../../tools/simulator/simulator.ts";
import { MUTATIONS } from "../../tools/simulator/rules.ts";
import { LONG_EVERY, scenarioOf } from "../../tools/simulator/scenario.ts";

const pure = { permissions: "none" } as const;

/** `tools/simulate.ts` runs more. */
const RUNS = 1_000;
/** The fault of a mutation must show within so many long runs. */
const MUTATION_RUNS = 1_000;

const ONLY_UNACKED = MUTATIONS["only unacked messages are sent again"]!.rules;

Deno.test("A surviving client's messages are shown once, in order, by all clients that stay", pure, () => {
  const { failed, crashes, disconnects, truncatedFrames } = runSeeds({ first: 1, runs: RUNS });
  assertEquals(failed.length, 0, failed.slice(0, 1).map((seed) => explainFailure(seed)).join());
  assert(
    crashes > 2 * RUNS && disconnects > 4 * RUNS && truncatedFrames > RUNS / 2,
    "These runs are too easy",
  );
});

for (const [mutation, { rules, fault }] of Object.entries(MUTATIONS)) {
  Deno.test(`The simulator finds "${fault}" when ${mutation}`, pure, () => {
    const seed = findFault(fault, { first: LONG_EVERY, stride: LONG_EVERY, runs: MUTATION_RUNS, rules });
    assert(seed !== undefined, `It finds none in ${MUTATION_RUNS} long runs`);
  });
}

Deno.test(
  "A client that strays to another server and is suspended there still reads the messages of the primary",
  pure,
  () => {
    assertEquals(run(scenarioOf(4_882_192)).problems, []);
  },
);

Deno.test("A seed gives the same run every time", pure, () => {
  for (const seed of [2, 2 * LONG_EVERY]) {
    const outcome = run(scenarioOf(seed), ONLY_UNACKED);
    assert(outcome.problems.length > 0);
    run(scenarioOf(seed + 1));
    assertEquals(run(scenarioOf(seed), ONLY_UNACKED), outcome);
  }
});

Deno.test("A failure is shrunk to the steps without which there is none", pure, () => {
  const { steps, ...scenario } = shrink(scenarioOf(2), ONLY_UNACKED);
  assert(steps.length <= 8, `There are ${steps.length} steps`);
  const isNeeded = (index: number) =>
    run({ ...scenario, steps: steps.toSpliced(index, 1) }, ONLY_UNACKED).problems.length === 0;
  assertEquals(steps.filter((_, index) => !isNeeded(index)), []);
  assert(explainFailure(2, ONLY_UNACKED).startsWith(`Seed 2, shrunk to ${steps.length} steps:\n`));
});
