// Measures the server's memory for an idle client: its memory with all clients joined and quiet, less that without
// clients. Linux only.
//
//   deno task bench:idle [--clients 10000] [--seconds 6]
//
// `seconds` is the quiet before each measurement: long enough for a PING to every client. This process and the server
// each need a few more open files than there are clients: `ulimit -n`.

import { parseOptions } from "../tools/options.ts";
import { delay, LoadClients } from "./load_clients.ts";
import { formatMiB } from "./statistics.ts";
import { MeasuredServer } from "./measured_server.ts";
import { runBench } from "./program.ts";

/** What an idle client reads at once at most. */
const READ_BYTES = 4_096;

async function idle(): Promise<void> {
  const { clients: size, seconds } = parseOptions({ clients: 10_000, seconds: 6 });
  await using server = await MeasuredServer.start();
  const rssBytes = async () => {
    await delay(seconds * 1_000);
    const cost = await server.cost();
    if (!cost) throw new Error("Cannot measure memory: this system does not tell it, Linux does");
    return cost.rssBytes;
  };
  const before = await rssBytes();
  using _clients = await LoadClients.open({ port: server.port, size, readBytes: READ_BYTES });
  const after = await rssBytes();
  const each = (after - before) / size / 1_024;
  console.log(
    `${size} clients: ${formatMiB(before)} empty, ${formatMiB(after)} full, ${each.toFixed(1)} KiB each`,
  );
}

if (import.meta.main) await runBench(idle);
