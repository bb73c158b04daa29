// A load generator for servers on this machine, as a process: clients of one room, each of which reads every message.
//
//   deno task bench:load --port N [--clients 200] [--senders 1] [--window 100] [--seconds 4]
//
// `--port` takes the ports of several servers of one room with commas between. `window` is how many messages may be in
// flight. Prints `started` when all clients have joined, and at the end its measurements as a line of JSON.

import { parseArgs } from "@std/cli/parse-args";
import { delay, LoadClients } from "./load_clients.ts";
import { positive } from "./statistics.ts";
import { runBench } from "./program.ts";

async function load(): Promise<void> {
  const flags = parseArgs(Deno.args, {
    string: ["port", "clients", "senders", "window", "seconds"],
    default: { clients: "200", senders: "1", window: "100", seconds: "4" },
  });
  const of = (name: string) => positive(flags[name], name);
  const port = `${flags.port}`.split(",").map((port) => positive(port, "port"));
  using batch = await LoadClients.open({ port, size: of("clients") });
  await batch.waitUntilIdle();
  console.log("started");
  const waitUntil = delay(of("seconds") * 1_000);
  console.log(
    JSON.stringify(await batch.runConversation({ senders: of("senders"), window: of("window"), waitUntil })),
  );
  await batch.leave();
}

if (import.meta.main) await runBench(load);
