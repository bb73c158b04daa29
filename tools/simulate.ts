// Runs the simulator on many seeds and prints the shrunk scenarios of the failures.
//
//   deno run --allow-read=. tools/simulate.ts [--runs 10000] [--seed 1] [--workers 2] [--failover] [--weaken "only unacked"]

import { EXIT } from "../lib/cli/process.ts";
import { addCounts, emptyTally, explainFailure, type Kind, type Tally } from "./simulator/simulator.ts";
import { MUTATIONS } from "./simulator/rules.ts";
import type { Job } from "./simulator/worker.ts";
import { parseOptions } from "./options.ts";

/** Runs of one job. */
const BATCH_RUNS = 250;
const MAX_EXPLAINED = 3;

interface Search {
  readonly kind: Kind;
  readonly first: number;
  readonly runs: number;
  readonly workers: number;
  readonly mutation: string | undefined;
}

async function search({ kind, first, runs, workers, mutation }: Search): Promise<Tally> {
  const total = emptyTally();
  let next = first;
  const work = async () => {
    const worker = new Worker(import.meta.resolve("./simulator/worker.ts"), { type: "module" });
    while (next < first + runs) {
      const seeds = { kind, first: next, runs: Math.min(BATCH_RUNS, first + runs - next) };
      next += seeds.runs;
      const tally = await ask(worker, { seeds, mutation });
      addCounts(total, tally);
      total.failed.push(...tally.failed);
    }
    worker.terminate();
  };
  await Promise.all(Array.from({ length: workers }, work));
  total.failed.sort((one, other) => one - other);
  return total;
}

function ask(worker: Worker, job: Job): Promise<Tally> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = reject;
    worker.postMessage(job);
  });
}

const options = parseOptions({
  runs: 10_000,
  seed: 1,
  workers: navigator.hardwareConcurrency,
  failover: false,
  weaken: "",
});
const { weaken } = options;
const kind = options.failover ? "failover" : "messages";
const mutation = weaken === "" ? undefined : Object.keys(MUTATIONS).find((name) => name.includes(weaken));
if (weaken !== "" && mutation === undefined) {
  console.error(`Cannot weaken "${weaken}": choose from\n  ${Object.keys(MUTATIONS).join("\n  ")}`);
  Deno.exit(EXIT.usage);
}
const startedMs = performance.now();
const { runs, messages, crashes, disconnects, truncatedWrites, failed } = await search({
  kind,
  first: Math.floor(options.seed),
  runs: Math.ceil(options.runs),
  workers: Math.ceil(options.workers),
  mutation,
});
const planted = mutation === undefined ? undefined : MUTATIONS[mutation];
for (const seed of failed.slice(0, MAX_EXPLAINED)) {
  console.log(`${await explainFailure(seed, planted, kind)}\n`);
}
const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
console.log(
  `${runs} runs, ${messages} messages, ${crashes} server crashes, ${disconnects} other disconnects, ` +
    `${truncatedWrites} connections cut within a write (${seconds} s): ${failed.length} runs with a fault`,
);
if (failed.length > 0) {
  console.log(`Seeds: ${failed.slice(0, 20).join(" ")}`);
  Deno.exit(1);
}
