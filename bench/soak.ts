// Measures the memory of a server at its limit, every few seconds and at the end. Linux only.
//
//   deno task bench:soak [--clients 200] [--seconds 60]

import { parseOptions } from "../tools/options.ts";
import { delay, LoadClients } from "./load_clients.ts";
import { formatMiB, formatShort, tableHeading, tableRow } from "./statistics.ts";
import { MeasuredServer } from "./measured_server.ts";
import { runBench } from "./program.ts";

const WINDOW = 100;
/** How often to look, in seconds. */
const LOOK_SECONDS = 5;

/** Looks at the server again and again; returns what it took after the first few seconds, and at the end. */
async function watch(
  server: MeasuredServer,
  seconds: number,
): Promise<[firstBytes: number, lastBytes: number]> {
  const startedMs = performance.now();
  const everyFew = Math.min(LOOK_SECONDS, seconds / 2);
  console.log(tableHeading("after", "resident"));
  const looks: number[] = [];
  for (let at = everyFew; at <= seconds; at += everyFew) {
    await delay(startedMs + at * 1_000 - performance.now());
    const cost = await server.cost();
    if (!cost) throw new Error("Cannot measure memory: this system does not tell it, Linux does");
    looks.push(cost.rssBytes);
    console.log(tableRow(`${at} s`, formatMiB(cost.rssBytes)));
  }
  return [looks[0]!, looks.at(-1)!];
}

async function soak(): Promise<void> {
  const { clients: size, seconds } = parseOptions({ clients: 200, seconds: 60 });
  await using server = await MeasuredServer.start();
  using batch = await LoadClients.open({ port: server.port, size });
  const watching = watch(server, seconds);
  const { deliveries, deliveriesPerSecond, p99Ms } = await batch.runConversation({
    senders: 1,
    window: WINDOW,
    waitUntil: watching,
  });
  const [first, last] = await watching;
  console.log(
    `${formatShort(deliveries)} deliveries, ${formatShort(deliveriesPerSecond)} a second, p99 ${
      p99Ms.toFixed(1)
    } ms; ` +
      `at the end ${(last / first).toFixed(2)} times the memory of the beginning`,
  );
}

if (import.meta.main) await runBench(soak);
