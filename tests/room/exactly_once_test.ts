// Nothing lost, nothing twice, while servers die: the simulator finds no fault with the rules as they are, and
// finds one with each rule that is weakened.

import { assert, assertEquals } from "@std/assert";
import { explainFailure, findFault, run, runSeeds, shrink } from "../simulator.ts";
import { MUTATIONS } from "../simulator/rules.ts";
import { LONG_EVERY, scenarioOf } from "../simulator/scenario.ts";

const pure = { permissions: "none" } as const;

/** `tools/simulate.ts` runs as many as anybody wants. */
const RUNS = 1_000;
/** Within so many long runs a weakened rule must show. */
const WEAK_RUNS = 1_000;

const ONLY_PENDING = MUTATIONS["only pending messages are sent again"]!.rules;

Deno.test("What a surviving client says is shown once, in its order, by all who stay", pure, () => {
  const { failed, crashes, disconnects, truncatedFrames } = runSeeds({ first: 1, runs: RUNS });
  assertEquals(failed.length, 0, failed.slice(0, 1).map((seed) => explainFailure(seed)).join());
  assert(
    crashes > 2 * RUNS && disconnects > 4 * RUNS && truncatedFrames > RUNS / 2,
    "These runs are too easy",
  );
});

for (const [weakening, { rules, fault }] of Object.entries(MUTATIONS)) {
  Deno.test(`The simulator finds "${fault}" when ${weakening}`, pure, () => {
    const seed = findFault(fault, { first: LONG_EVERY, stride: LONG_EVERY, runs: WEAK_RUNS, rules });
    assert(seed !== undefined, `It finds none in ${WEAK_RUNS} long runs`);
  });
}

Deno.test(
  "Who strays to another server and is suspended there is not kept from what is said at home",
  pure,
  () => {
    assertEquals(run(scenarioOf(4_882_192)).problems, []);
  },
);

Deno.test("A seed gives the same run every time", pure, () => {
  for (const seed of [2, 2 * LONG_EVERY]) {
    const outcome = run(scenarioOf(seed), ONLY_PENDING);
    assert(outcome.problems.length > 0);
    run(scenarioOf(seed + 1));
    assertEquals(run(scenarioOf(seed), ONLY_PENDING), outcome);
  }
});

Deno.test("A failure is shrunk to the steps without which there is none", pure, () => {
  const { steps, ...scenario } = shrink(scenarioOf(2), ONLY_PENDING);
  assert(steps.length <= 8, `There are ${steps.length} steps`);
  const isNeeded = (index: number) =>
    run({ ...scenario, steps: steps.toSpliced(index, 1) }, ONLY_PENDING).problems.length === 0;
  assertEquals(steps.filter((_, index) => !isNeeded(index)), []);
  assert(explainFailure(2, ONLY_PENDING).startsWith(`Seed 2, shrunk to ${steps.length} steps:\n`));
});
