// Measures throughput, latency and cost of a server under load. Server and load generator are processes, new for every
// run.
//
//   deno task bench:fanout [--load CLIENTS,SENDERS,WINDOW]... [--runs 5] [--seconds 4] [--data]
//
// WINDOW is how many messages may be in flight. With `--data` the server keeps the room in a file, in the folder
// for temporary files. Prints the median of the runs.

import { parseArgs } from "@std/cli/parse-args";
import type { Outcome } from "./load_clients.ts";
import { formatMiB, formatShort, median, positive, tableHeading, tableRow } from "./statistics.ts";
import { generate } from "./generator.ts";
import { MeasuredServer, UNLIMITED } from "./measured_server.ts";
import { runBench } from "./program.ts";

const LOADS = ["50,1,100", "200,1,100", "200,100,100", "1000,1,100", "200,1,1"];

/** One run. Costs are missing where the system does not tell them. */
interface Run extends Outcome {
  readonly cpuNsPerDelivery: number | undefined;
  readonly rssBytes: number | undefined;
}

/** What is measured. */
interface Load {
  /** Clients, senders, messages that may be on their way. */
  readonly numbers: readonly number[];
  readonly seconds: number;
  readonly isKept: boolean;
}

async function run(load: Load): Promise<Run> {
  const folder = load.isKept ? await Deno.makeTempDir() : undefined;
  try {
    return await runIn(folder, load);
  } finally {
    if (folder) await Deno.remove(folder, { recursive: true });
  }
}

async function runIn(folder: string | undefined, { numbers, seconds }: Load): Promise<Run> {
  const [clients, senders, window] = numbers;
  const kept = folder ? ["--data", `${folder}/room.db`] : [];
  await using server = await MeasuredServer.start([...UNLIMITED, ...kept]);
  const demand = { clients: clients!, senders: senders!, window: window!, seconds };
  const { outcome, before: [before], after: [after] } = await generate([server], demand);
  return {
    ...outcome,
    cpuNsPerDelivery: before && after && (after.cpuNs - before.cpuNs) / outcome.deliveries,
    rssBytes: after?.rssBytes,
  };
}

function show(load: string, runs: readonly Run[]): string {
  const of = (name: keyof Run) => median(runs.map((run) => run[name] ?? NaN));
  const speeds = runs.map(({ deliveriesPerSecond }) => deliveriesPerSecond);
  const known = (value: number, text: string) => Number.isNaN(value) ? "" : text;
  const [cpuNs, rssBytes] = [of("cpuNsPerDelivery"), of("rssBytes")];
  return tableRow(
    load.replaceAll(",", ", "),
    formatShort(of("deliveriesPerSecond")),
    `${formatShort(Math.min(...speeds))} to ${formatShort(Math.max(...speeds))}`,
    formatShort(of("messagesPerSecond")),
    `${of("p50Ms").toFixed(1)} ms`,
    `${of("p99Ms").toFixed(1)} ms`,
    known(cpuNs, `${cpuNs.toFixed(0)} ns`),
    known(rssBytes, formatMiB(rssBytes)),
  );
}

async function fanout(): Promise<void> {
  const flags = parseArgs(Deno.args, {
    string: ["load", "runs", "seconds"],
    boolean: ["data"],
    collect: ["load"],
    default: { runs: "5", seconds: "4" },
  });
  const loads = flags.load as string[];
  const [count, seconds] = [positive(flags.runs, "runs"), positive(flags.seconds, "seconds")];
  const names = ["clients, senders, in flight", "deliveries/s", "least to most", "messages/s", "p50", "p99"];
  console.log(tableHeading(...names, "CPU of a delivery", "resident"));
  for (const load of loads.length > 0 ? loads : LOADS) {
    const numbers = load.split(",").map((number) => positive(number, "load"));
    const runs: Run[] = [];
    while (runs.length < count) runs.push(await run({ numbers, seconds, isKept: flags.data === true }));
    console.log(show(load, runs));
  }
}

if (import.meta.main) await runBench(fanout);
