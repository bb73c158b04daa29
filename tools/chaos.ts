// Chaos: kills real servers and breaks connections, and checks that no message is lost or shown twice.
//
//   deno task chaos [--minutes 1] [--seed N] [--round N] [--data | --nats]
//
// With `--data` there is one server, which keeps its room in a file: all clients must show every message whose sender
// read its echo, even if the sender left at once. With `--nats` the same holds for three servers of one room on a
// cluster of three NATS servers, each of which may be killed.
//
// The schedule of faults depends on the seed alone, their effects on the machine too. `--round` starts at a later
// round of a seed.

import { parseArgs } from "@std/cli/parse-args";
import { EXIT, terminationSignal } from "../lib/cli/process.ts";
import type { Problem } from "./chaos/ledger.ts";
import { runChaos, type Tally } from "./chaos/run.ts";
import { type ClusterTally, runClusterChaos } from "./chaos/cluster_run.ts";
import "../tests/testing/exit_with_parent.ts";

/** How often to tell how far it is, in ms. */
const PROGRESS_MS = 30_000;

function inWords(tally: Readonly<Tally>): string {
  return `${tally.rounds} rounds, ${tally.deaths} server deaths (and ${tally.closings} closings, ` +
    `${tally.freezes} freezes), ${tally.cutFrames} connections cut within a frame, ` +
    `${tally.lostReceipts} before a receipt, ${tally.cuts} at any moment, ` +
    `${tally.ghosts} heard of too late, ${tally.weathers} bad lines, ` +
    `${tally.replacements} clients replaced and ${tally.passersby} passing by; ${tally.messages} messages, ${tally.deliveries} deliveries, ` +
    `${tally.printed} lines on consoles`;
}

function clusterInWords(tally: Readonly<ClusterTally>): string {
  return `${tally.rounds} rounds, ${tally.deaths} deaths of chat servers, ${tally.natsDeaths} of NATS servers, ` +
    `${tally.cuts} connections cut, ${tally.replacements} clients replaced, ` +
    `${tally.hastyLeaves} gone at once after their echo; ${tally.messages} messages, ` +
    `${tally.deliveries} deliveries, ${tally.printed} lines on consoles`;
}

function numberOf(value: unknown, name: string): number {
  const number = Number(value);
  if (number >= 0 && number <= Number.MAX_SAFE_INTEGER) return number;
  throw new RangeError(`Cannot use --${name} ${value}: it is not a number from 0 on`);
}

const flags = parseArgs(Deno.args, {
  string: ["minutes", "seed", "round"],
  boolean: ["data", "nats"],
  default: { minutes: "1", round: "0" },
});
const seed = Math.floor(numberOf(flags.seed ?? Math.random() * 1_000_000, "seed"));
console.log(`Seed ${seed}`);
const startedMs = performance.now();
let toldMs = startedMs;
const signal = terminationSignal();
const common = { seed, durationMs: numberOf(flags.minutes, "minutes") * 60_000, signal };

function progress<Numbers>(inWords: (tally: Numbers) => string): (tally: Numbers) => void {
  return (tally) => {
    if (performance.now() - toldMs < PROGRESS_MS) return;
    toldMs = performance.now();
    console.log(`${((toldMs - startedMs) / 1_000).toFixed(0)} s: ${inWords(tally)}`);
  };
}

interface Outcome {
  readonly problems: readonly Problem[];
  readonly story: readonly string[];
  readonly summary: string;
}

async function run(folder: string): Promise<Outcome> {
  if (flags.nats) {
    const outcome = await runClusterChaos({ ...common, folder, onRound: progress(clusterInWords) });
    return { ...outcome, summary: clusterInWords(outcome.tally) };
  }
  const first = Math.floor(numberOf(flags.round, "round"));
  const outcome = await runChaos({
    ...common,
    first,
    folder: flags.data ? folder : undefined,
    onRound: progress(inWords),
  });
  return { ...outcome, summary: inWords(outcome.tally) };
}

const folder = await Deno.makeTempDir();
const { problems, story, summary } = await run(folder);
if (problems.length === 0) await Deno.remove(folder, { recursive: true });
else console.log(`What was kept is left in ${folder}.`);
if (problems.length > 0) console.log(story.join("\n"));
for (const { fault, details } of problems) console.log(`${fault}: ${details}`);
const count = (...faults: string[]) => problems.filter(({ fault }) => faults.includes(fault)).length;
console.log(`${((performance.now() - startedMs) / 1_000).toFixed(0)} s: ${summary}`);
console.log(
  `Lost: ${count("lost")}. Shown twice: ${count("shown twice")}. Other faults: ${
    problems.length - count("lost", "shown twice")
  }.`,
);
if (signal.aborted) console.log("Interrupted.");
Deno.exit(problems.length > 0 || signal.aborted ? EXIT.failure : EXIT.ok);
