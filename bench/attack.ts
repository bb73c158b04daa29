// Measures the delivery latency of honest clients without and with attackers, in turn, on a server with its default
// limits.
//
//   deno task bench:attack [--clients 200] [--attackers 50] [--rounds 3] [--seconds 5]

import { parseOptions } from "../tools/options.ts";
import { linesOf } from "../tests/testing/program.ts";
import { delay, LoadClients } from "./load_clients.ts";
import { formatMiB, median, quantile, tableHeading, tableRow } from "./statistics.ts";
import { MeasuredServer } from "./measured_server.ts";
import { runBench } from "./program.ts";
import { HOST } from "./raw_client.ts";

/** Interval between messages of the room, in ms: each of 200 members sends every other second. */
const SAY_MS = 10;
/** How long attackers and honest people take until all are in their stride. */
const SETTLING_MS = 2_000;

/** Ages of messages, in ms. */
interface Ages {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Everybody says something in turn, at the pace of people. */
async function chat({ clients }: LoadClients, seconds: number): Promise<Ages> {
  const agesMs: number[] = [];
  for (const client of clients) {
    client.onAge = (ms) => {
      if (ms > 0) agesMs.push(ms); // attackers say no time
    };
  }
  const endMs = performance.now() + seconds * 1_000;
  for (let i = 0; performance.now() < endMs; i++) {
    const client = clients[i % clients.length]!;
    client.say();
    client.flush();
    await delay(SAY_MS);
  }
  const ascending = Float64Array.from(agesMs).sort();
  return { p50Ms: quantile(ascending, 0.5), p99Ms: quantile(ascending, 0.99) };
}

/** Attackers for as long as they are held. */
async function startAttackers(port: number, count: number): Promise<AsyncDisposable> {
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", `--allow-net=${HOST}`, "bench/attackers.ts"],
      ...["--port", `${port}`, "--count", `${count}`],
    ],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = linesOf(process.stdout)[Symbol.asyncIterator]();
  if ((await lines.next()).value !== "started") throw new Error("Cannot measure: the attackers failed");
  return {
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await lines.return?.(undefined);
      await process.status;
    },
  };
}

async function measure(clients: number, attackers: number, seconds: number): Promise<[Ages, Ages, number]> {
  await using server = await MeasuredServer.start([]);
  using batch = await LoadClients.open({ port: server.port, size: clients });
  await delay(SETTLING_MS);
  const without = await chat(batch, seconds);
  await using _ = await startAttackers(server.port, attackers);
  await delay(SETTLING_MS);
  const withThem = await chat(batch, seconds);
  return [without, withThem, (await server.cost())?.rssBytes ?? NaN];
}

async function attack(): Promise<void> {
  const options = parseOptions({ clients: 200, attackers: 50, rounds: 3, seconds: 5 });
  const rounds: Awaited<ReturnType<typeof measure>>[] = [];
  for (let i = 0; i < options.rounds; i++) {
    rounds.push(await measure(options.clients, options.attackers, options.seconds));
  }
  const inMs = (which: 0 | 1, q: keyof Ages) => median(rounds.map((round) => round[which][q])).toFixed(1);
  console.log(tableHeading("what honest people say", "p50 ms", "p99 ms", "memory of the server"));
  console.log(tableRow("without attackers", inMs(0, "p50Ms"), inMs(0, "p99Ms"), ""));
  const rss = formatMiB(median(rounds.map(([, , rssBytes]) => rssBytes)));
  console.log(tableRow(`with ${options.attackers} attackers`, inMs(1, "p50Ms"), inMs(1, "p99Ms"), rss));
}

if (import.meta.main) await runBench(attack);
