// A load generator for servers on this machine, as a process: clients of one room, each of which reads every message.
//
//   deno task bench:load --port N [--peer NAME] [--clients 200] [--senders 1] [--window 100] [--seconds 4]
//
// `--peer` is another server, by its name in bench/peers.ts. `--port` takes the ports of several servers of one room with
// commas between. `window` is how many messages may be in flight. Prints `started` when all clients have joined, and at
// the end its measurements as a line of JSON.

import { numberOf, parseOptions } from "../tools/options.ts";
import { delay, LoadClients } from "./load_clients.ts";
import { PeerClient, PEERS } from "./peers.ts";
import { type LoadClient, type LoadClientOptions, RawClient } from "./raw_client.ts";
import { runBench } from "./program.ts";

async function load(): Promise<void> {
  const options = parseOptions({ port: "", peer: "", clients: 200, senders: 1, window: 100, seconds: 4 });
  const port = options.port.split(",").map((port) => numberOf(port, "port"));
  const peer = PEERS[options.peer];
  if (options.peer && !peer) {
    throw new RangeError(`Cannot use --peer ${options.peer}: choose one of ${Object.keys(PEERS).join(", ")}`);
  }
  const dial = (options: LoadClientOptions): Promise<LoadClient> =>
    peer ? PeerClient.dial(peer.protocol, options) : RawClient.dial(options);
  using batch = await LoadClients.openWith(dial, { port, size: options.clients });
  await batch.waitUntilIdle();
  console.log("started");
  const waitUntil = delay(options.seconds * 1_000);
  console.log(
    JSON.stringify(
      await batch.runConversation({ senders: options.senders, window: options.window, waitUntil }),
    ),
  );
  await batch.leave();
}

if (import.meta.main) await runBench(load);
