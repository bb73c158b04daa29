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
import { type FailoverScenario, FOREVER_MS } from "../../tools/simulator/failover_scenario.ts";
import { MUTATIONS } from "../../tools/simulator/rules.ts";
import { LONG_EVERY } from "../../tools/simulator/scenario.ts";
import { Timeline } from "../../tools/simulator/timeline.ts";
import { pure } from "../testing/test_options.ts";

/** `tools/simulate.ts` runs more. */
const RUNS = 300;
/** The fault of a mutation must show within so many runs. */
const MUTATION_RUNS = 1_000;

const CLIENTS = [0, 1, 2, 3, 4, 5];
const starts = CLIENTS.map((client) => ({ what: "start", client, atMs: 100 * client } as const));

/** Steps that show the faults of mutations which chance shows too seldom. The seed gives only the delays of links. */
const RARE: Readonly<Record<string, Partial<FailoverScenario>>> = {
  "a redial waits for the name": {
    steps: [
      ...starts,
      ...CLIENTS.flatMap((client) =>
        [
          { what: "resolver", client, afterMs: Infinity, forMs: 23_000, atMs: 13_000 },
          { what: "reset", client, noticedBy: ["client", "server"], atMs: 13_050 },
        ] as const
      ),
    ],
  },
  "a client forgets a server that refuses it for a while": {
    steps: [
      ...starts,
      { what: "full", server: 0, forMs: 60_000, atMs: 10_000 },
      { what: "reset", client: 0, noticedBy: ["client", "server"], atMs: 10_100 },
    ],
  },
  // The room goes to the other server. Another client comes to theirs, which runs again.
  "a client does not notice that the process of its server has ended": {
    steps: [
      ...starts,
      { what: "kill", server: 0, kind: "killed", forMs: 20_000, atMs: 30_000 },
      { what: "start", client: CLIENTS.length, server: 0, atMs: 70_000 },
    ],
  },
  // A node is away until the lists lack it, then the other one ends for good, and the first alone runs again.
  "a client forgets a node that has ended": {
    isCluster: true,
    steps: [
      { what: "start", client: 0, server: 0, atMs: 5_000 },
      { what: "start", client: 1, server: 1, atMs: 5_000 },
      { what: "kill", server: 0, kind: "killed", forMs: 110_000, atMs: 10_000 },
      { what: "kill", server: 1, kind: "closing", forMs: FOREVER_MS, atMs: 100_000 },
    ],
    endMs: 120_000,
  },
};

const ONLY_UNACKED = MUTATIONS["only unacked messages are sent again"]!;

Deno.test("The simulator finds no fault in ChatServer, Session and the commit logs", pure, async () => {
  const { failed, crashes, disconnects, truncatedWrites } = await runSeeds({ first: 1, runs: RUNS });
  assertEquals(failed.length, 0, failed.length > 0 ? await explainFailure(failed[0]!) : "");
  assert(crashes > RUNS / 2 && disconnects > RUNS && truncatedWrites > RUNS / 5, "These runs are too easy");
});

for (const [name, mutation] of Object.entries(MUTATIONS)) {
  const { fault, kind, needsLongRun } = mutation;
  Deno.test(`The simulator finds "${fault}" when ${name}`, pure, async () => {
    const step = needsLongRun ? LONG_EVERY : 1;
    const seeds = { kind, first: step, stride: step, runs: MUTATION_RUNS };
    const isFound = name in RARE
      ? await findRareFault(name)
      : await findFault(fault, { ...seeds, mutation }) !== undefined;
    assert(isFound, `It finds none in ${MUTATION_RUNS} runs`);
  });
}

async function findRareFault(name: string): Promise<boolean> {
  const scenario = {
    kind: "failover",
    clients: CLIENTS.length,
    servers: 2,
    steps: [],
    endMs: 70_000,
    ...RARE[name]!,
  } as const;
  const mutation = MUTATIONS[name]!;
  for (let seed = 1; seed <= MUTATION_RUNS; seed++) {
    const { problems } = await run({ ...scenario, seed }, mutation);
    if (!problems.some(({ fault }) => fault === mutation.fault)) continue;
    assertEquals(
      (await run({ ...scenario, seed })).problems,
      [],
      "It finds a fault without the mutation too",
    );
    return true;
  }
  return false;
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
