// Measures throughput, latency and cost of a server under load, on request beside other servers. Server and load
// generator are processes, new for every run.
//
//   deno task bench [--picture FILE]: beside all of bench/peers.ts that are installed
//   deno task bench:fanout: ours alone
//     [--load CLIENTS,SENDERS,WINDOW]... [--runs 5] [--seconds 4] [--data]
//
// WINDOW is how many messages may be in flight. With `--data` our server keeps the room in a file, in the folder for
// temporary files. Prints medians of the runs. The servers take turns, so that all meet the same machine.

import { numberOf, parseOptions } from "../tools/options.ts";
import { chart } from "./chart.ts";
import { generate } from "./generator.ts";
import type { Outcome } from "./load_clients.ts";
import { MeasuredServer, UNLIMITED } from "./measured_server.ts";
import { isInstalled, PEERS, PeerServer } from "./peers.ts";
import { runBench } from "./program.ts";
import { formatMiB, formatShort, median, tableHeading, tableRow } from "./statistics.ts";

const LOADS = ["50,1,100", "200,1,100", "200,100,100", "1000,1,100", "200,1,1"];
const OURS = "chat-server";

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

/** @param name {@linkcode OURS}, or a name of {@linkcode PEERS} */
async function run(name: string, { numbers, seconds, isKept }: Load): Promise<Run> {
  await using stack = new AsyncDisposableStack();
  const start = async () => {
    if (name !== OURS) return await PeerServer.start(PEERS[name]!);
    if (!isKept) return await MeasuredServer.start();
    const folder = await Deno.makeTempDir();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    return await MeasuredServer.start([...UNLIMITED, "--data", `${folder}/room.db`]);
  };
  const server = stack.use(await start());
  const [clients, senders, window] = numbers;
  const demand = { clients: clients!, senders: senders!, window: window!, seconds };
  const peer = name === OURS ? undefined : name;
  const { outcome, before: [before], after: [after] } = await generate([server], demand, peer);
  return {
    ...outcome,
    cpuNsPerDelivery: before && after && (after.cpuNs - before.cpuNs) / outcome.deliveries,
    rssBytes: after?.rssBytes,
  };
}

/** Medians of a server under a load; NaN where the system does not tell them. */
function summary(runs: readonly Run[]) {
  const of = (name: keyof Run) => median(runs.map((run) => run[name] ?? NaN));
  const speeds = runs.map(({ deliveriesPerSecond }) => deliveriesPerSecond);
  return {
    deliveriesPerSecond: of("deliveriesPerSecond"),
    range: `${formatShort(Math.min(...speeds))} to ${formatShort(Math.max(...speeds))}`,
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
    cpuNs: of("cpuNsPerDelivery"),
    rssBytes: of("rssBytes"),
  };
}

type Summary = ReturnType<typeof summary>;

function show(load: string, name: string, of: Summary, ours: Summary): string {
  const known = (value: number, text: string) => Number.isNaN(value) ? "" : text;
  return tableRow(
    load,
    name,
    formatShort(of.deliveriesPerSecond),
    of.range,
    name === OURS ? "" : (ours.deliveriesPerSecond / of.deliveriesPerSecond).toFixed(2),
    `${of.p50Ms.toFixed(1)} ms`,
    `${of.p99Ms.toFixed(1)} ms`,
    known(of.cpuNs, `${of.cpuNs.toFixed(0)} ns`),
    known(of.rssBytes, formatMiB(of.rssBytes)),
  );
}

async function fanout(): Promise<void> {
  const options = parseOptions({
    load: LOADS,
    runs: 5,
    seconds: 4,
    picture: "",
    data: false,
    peers: false,
  });
  const peers = options.peers ? Object.keys(PEERS).filter((name) => isInstalled(PEERS[name]!)) : [];
  const names = [OURS, ...peers];
  const heading = ["clients, senders, in flight", "server", "deliveries/s", "min to max", "ours : theirs"];
  console.log(tableHeading(...heading, "p50", "p99", "CPU of a delivery", "resident"));
  const groups: { name: string; bars: { server: string; deliveriesPerSecond: number; cpuNs: number }[] }[] =
    [];
  for (const load of options.load) {
    const numbers = load.split(",").map((number) => numberOf(number, "load"));
    const runs = new Map(names.map((name): [string, Run[]] => [name, []]));
    for (let i = 0; i < options.runs; i++) {
      for (const [name, of] of runs) {
        of.push(await run(name, { numbers, seconds: options.seconds, isKept: options.data }));
      }
    }
    const summaries = [...runs].map(([server, of]) => ({ server, ...summary(of) }));
    const title = load.replaceAll(",", ", ");
    for (const of of summaries) console.log(show(title, of.server, of, summaries[0]!));
    const [clients, senders, window] = numbers;
    groups.push({
      name: `${clients} clients, ${senders} of them sending, ${window} in flight`,
      bars: summaries,
    });
  }
  if (options.picture) await Deno.writeTextFile(options.picture, chart(groups));
}

if (import.meta.main) await runBench(fanout);
