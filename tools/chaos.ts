// Chaos: kills real servers and breaks connections, and checks that no message is lost or shown twice.
//
//   deno task chaos [--minutes 1] [--seed N] [--round N] [--data | --nats]
//
// By default three servers have a room each in memory. With `--data` one server stores its room in a file: clients must
// show every message whose sender has read its echo, even if the sender left at once. With `--nats` the same holds for
// three servers of one room on a cluster of three NATS servers, which are killed and frozen too.
//
// The schedule of faults depends on the seed alone, their effects on the machine too. `--round` starts at a later
// round of a seed.

import { EXIT, terminationSignal } from "../lib/cli/process.ts";
import type { Fault } from "./chaos/ledger.ts";
import { runChaos, type Tally } from "./chaos/run.ts";
import { parseOptions } from "./options.ts";
import "../tests/testing/exit_with_parent.ts";

/** How often to print the tally, in ms. */
const PROGRESS_MS = 30_000;

const options = parseOptions({
  minutes: 1,
  seed: 1 + Math.floor(Math.random() * 1_000_000),
  round: 0,
  data: false,
  nats: false,
});
const seed = Math.floor(options.seed);
console.log(`Seed ${seed}`);
const startedMs = performance.now();
let printedMs = startedMs;

function print(tally: Tally): void {
  printedMs = performance.now();
  const counts = Object.entries(tally).map(([what, count]) => `${count} ${what}`);
  console.log(`${((printedMs - startedMs) / 1_000).toFixed(0)} s: ${counts.join(", ")}`);
}

const folder = await Deno.makeTempDir();
const signal = terminationSignal();
const { problems, story, tally } = await runChaos({
  seed,
  storage: options.nats ? "nats" : options.data ? "data" : "memory",
  folder,
  first: Math.floor(options.round),
  durationMs: options.minutes * 60_000,
  signal,
  onRound: (tally) => {
    if (performance.now() - printedMs >= PROGRESS_MS) print(tally);
  },
});
if (problems.length === 0) await Deno.remove(folder, { recursive: true });
else console.log([...story, `What was stored is left in ${folder}.`].join("\n"));
for (const { fault, details } of problems) console.log(`${fault}: ${details}`);
print(tally);
const count = (...faults: Fault[]) => problems.filter(({ fault }) => faults.includes(fault)).length;
const [lost, shownTwice] = [count("lost"), count("shown twice")];
console.log(
  `Lost: ${lost}. Shown twice: ${shownTwice}. Other faults: ${problems.length - lost - shownTwice}.`,
);
if (signal.aborted) console.log("Interrupted.");
Deno.exit(problems.length > 0 || signal.aborted ? EXIT.failure : EXIT.ok);
