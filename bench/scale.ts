// Compares servers of one room with a single server: throughput, latency and cost. Needs nats-server.
//
//   deno task bench:scale [--clients 900] [--servers 3] [--senders 1] [--window 100] [--runs 3] [--seconds 4]
//
// All processes run on this machine: with fewer processors than processes, the result shows the cost of sharing, not
// the gain of more machines. Prints the median of the runs.

import { parseOptions } from "../tools/options.ts";
import { natsCluster, NatsServer } from "../tests/testing/nats_server.ts";
import type { Outcome } from "./load_clients.ts";
import { formatShort, median, tableHeading, tableRow } from "./statistics.ts";
import { type Demand, generate } from "./generator.ts";
import { type Cost, MeasuredServer, UNLIMITED } from "./measured_server.ts";
import { runBench } from "./program.ts";

/** How many NATS servers keep the room. */
type Copies = 0 | 1 | 3;

/** Who serves, and what keeps the room. */
interface Setting {
  readonly name: string;
  readonly servers: number;
  readonly copies: Copies;
}

/** One run. Costs are missing where the system does not tell them. */
interface Run extends Outcome {
  readonly cpuNsPerDelivery: number;
}

async function run({ servers, copies }: Setting, load: Demand): Promise<Run> {
  const folder = await Deno.makeTempDir();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const cluster = copies === 3
    ? natsCluster({ folder, size: 3 })
    : copies
    ? [new NatsServer({ folder })]
    : [];
  for (const nats of cluster) {
    stack.use(nats);
    nats.start();
  }
  await Promise.all(cluster.map((nats) => nats.answers()));
  const sharing = copies ? ["--nats", cluster.map(({ address }) => address).join(), "--room", "bench"] : [];
  const measured: MeasuredServer[] = [];
  for (let count = 0; count < servers; count++) {
    measured.push(stack.use(await MeasuredServer.start([...UNLIMITED, ...sharing])));
  }
  return await drive(measured, load);
}

async function drive(servers: readonly MeasuredServer[], load: Demand): Promise<Run> {
  const { outcome, before, after } = await generate(servers, load);
  return { ...outcome, cpuNsPerDelivery: (cpuNsOf(after) - cpuNsOf(before)) / outcome.deliveries };
}

function cpuNsOf(costs: readonly (Cost | undefined)[]): number {
  return costs.reduce((sum, cost) => sum + (cost?.cpuNs ?? NaN), 0);
}

function show({ name }: Setting, runs: readonly Run[]): string {
  const of = (figure: keyof Run) => median(runs.map((run) => run[figure]));
  const cpuNs = of("cpuNsPerDelivery");
  return tableRow(
    name,
    formatShort(of("deliveriesPerSecond")),
    formatShort(of("messagesPerSecond")),
    `${of("p50Ms").toFixed(1)} ms`,
    `${of("p99Ms").toFixed(1)} ms`,
    Number.isNaN(cpuNs) ? "" : `${cpuNs.toFixed(0)} ns`,
  );
}

async function scale(): Promise<void> {
  const { runs: count, servers, ...load } = parseOptions({
    clients: 900,
    servers: 3,
    senders: 1,
    window: 100,
    runs: 3,
    seconds: 4,
  });
  const settings: Setting[] = [
    { name: "1 server, memory", servers: 1, copies: 0 },
    { name: "1 server, 1 NATS server", servers: 1, copies: 1 },
    { name: `${servers} servers, 1 NATS server`, servers, copies: 1 },
    { name: `${servers} servers, 3 NATS servers`, servers, copies: 3 },
  ];
  const names = ["who serves", "deliveries/s", "messages/s", "p50", "p99", "CPU of a delivery"];
  console.log(tableHeading(...names));
  for (const setting of settings) {
    const runs: Run[] = [];
    while (runs.length < count) runs.push(await run(setting, load));
    console.log(show(setting, runs));
  }
}

if (import.meta.main) await runBench(scale);
