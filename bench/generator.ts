// Runs the load generator as a process, and measures what its load costs the servers.

import { linesOf } from "../tests/testing/program.ts";
import type { Outcome } from "./load_clients.ts";
import type { Cost } from "./measured_server.ts";
import { HOST } from "./raw_client.ts";

/** What bench/load.ts is to do. */
export interface Demand {
  readonly clients: number;
  readonly senders: number;
  /** Messages that may be on their way. */
  readonly window: number;
  readonly seconds: number;
}

/** A server under load. */
interface LoadedServer {
  readonly port: number;
  cost(): Promise<Cost | undefined>;
}

/** What came of it. Costs are those of each server until then, undefined where the system does not tell them. */
interface Generated {
  readonly outcome: Outcome;
  readonly before: readonly (Cost | undefined)[];
  readonly after: readonly (Cost | undefined)[];
}

/** Puts servers under load; clients spread over them.
 * @param peer the name of another server in bench/peers.ts */
export async function generate(
  servers: readonly LoadedServer[],
  demand: Demand,
  peer?: string,
): Promise<Generated> {
  const flags = Object.entries({
    port: servers.map(({ port }) => port).join(),
    ...demand,
    ...peer && { peer },
  });
  const generator = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", `--allow-net=${HOST}`, "bench/load.ts"],
      ...flags.flatMap(([name, value]) => [`--${name}`, `${value}`]),
    ],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const costs: (Cost | undefined)[][] = [];
  let outcome: Outcome | undefined;
  for await (const line of linesOf(generator.stdout)) {
    costs.push(await Promise.all(servers.map((server) => server.cost())));
    if (line !== "started") outcome = JSON.parse(line);
  }
  const { success } = await generator.status;
  const [before, after] = costs;
  if (!success || !outcome || !before || !after) {
    throw new Error(`Cannot measure ${peer ?? "our server"}: the load generator failed`);
  }
  return { outcome, before, after };
}
