// Measures a burst of joins: from the first dial until all clients have read WELCOME, and until all have read a message
// after the last JOINED.
//
//   deno task bench:joins [--clients 1000] [--runs 5]

import { parseOptions } from "../tools/options.ts";
import { LoadClients } from "./load_clients.ts";
import { median, tableHeading, tableRow } from "./statistics.ts";
import { MeasuredServer } from "./measured_server.ts";
import { runBench } from "./program.ts";

async function measure(size: number): Promise<{ inMs: number; toldMs: number }> {
  await using server = await MeasuredServer.start();
  const startedMs = performance.now();
  using batch = await LoadClients.open({ port: server.port, size, atOnce: size });
  const inMs = performance.now() - startedMs;
  await batch.waitUntilIdle();
  return { inMs, toldMs: performance.now() - startedMs };
}

async function joins(): Promise<void> {
  const { clients: size, runs: count } = parseOptions({ clients: 1_000, runs: 5 });
  const runs: Awaited<ReturnType<typeof measure>>[] = [];
  console.log(tableHeading("run", `all ${size} are in`, "all know of all"));
  const show = (name: string, inMs: number, toldMs: number) =>
    console.log(tableRow(name, `${inMs.toFixed(0)} ms`, `${toldMs.toFixed(0)} ms`));
  while (runs.length < count) {
    const run = await measure(size);
    runs.push(run);
    show(`${runs.length}`, run.inMs, run.toldMs);
  }
  show("median", median(runs.map(({ inMs }) => inMs)), median(runs.map(({ toldMs }) => toldMs)));
}

if (import.meta.main) await runBench(joins);
