// Measures a failover: from the kill -9 of a server until each client has read a message of its own on the backup.
// The clients, with `--auto`, share a process; each server has its own.
//
//   deno task bench:failover [--clients 200] [--rounds 5]

import { parseOptions } from "../tools/options.ts";
import { type Address, formatAddress } from "../lib/net/address.ts";
import { freeAddress, LOOPBACK } from "../tests/testing/addresses.ts";
import { AutoSession } from "../tests/testing/auto_session.ts";
import { Program } from "../tests/testing/program.ts";
import { median, quantile } from "./statistics.ts";

/** One client: joins, moves when its server dies, and says something as soon as it has joined. */
class Client {
  /** When it read its own message on its server, as of performance.now(). */
  chatting = Promise.withResolvers<number>();
  readonly #client: AutoSession;
  readonly #running: Promise<void>;

  constructor(nick: string, servers: readonly [Address, ...Address[]]) {
    this.#client = new AutoSession({ nick, servers });
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { session, sessionId } = this.#client;
    let awaited = "";
    for await (const event of this.#client.events()) {
      if (event.type === "joined") session.say(awaited = `ready on ${formatAddress(event.server)}`);
      if (event.type !== "entries") continue;
      for (const { entry } of event.entries) {
        const isOwn = entry.type === "said" && entry.sessionId === sessionId && entry.text === awaited;
        if (isOwn) this.chatting.resolve(performance.now());
      }
    }
  }

  async leave(): Promise<void> {
    this.#client.session.leave();
    await this.#running;
  }
}

async function startServer(port: number): Promise<Program> {
  const flags = ["--host", LOOPBACK, "--port", `${port}`, "--lang", "en", "--rate", "0"];
  const server = new Program("server", flags);
  await server.waitForLine((line) => line.startsWith("Listening"), { signal: AbortSignal.timeout(10_000) });
  return server;
}

/** Times from the kill to chatting, of all clients, in ms, ascending. */
async function measure(clientCount: number): Promise<number[]> {
  const servers = [freeAddress(), freeAddress()] as const;
  await using primary = await startServer(servers[0].port);
  await using _backup = await startServer(servers[1].port);
  const clients = Array.from({ length: clientCount }, (_, index) => new Client(`client${index}`, servers));
  await Promise.all(clients.map(({ chatting }) => chatting.promise));
  for (const client of clients) client.chatting = Promise.withResolvers();
  const killedMs = performance.now();
  primary.sendSignal("SIGKILL");
  const chattingMs = await Promise.all(clients.map(({ chatting }) => chatting.promise));
  await Promise.all(clients.map((client) => client.leave()));
  return chattingMs.map((ms) => ms - killedMs).sort((a, b) => a - b);
}

if (import.meta.main) {
  const options = parseOptions({ clients: 200, rounds: 5 });
  const rounds: number[][] = [];
  for (let round = 0; round < options.rounds; round++) {
    const times = await measure(options.clients);
    rounds.push(times);
    const [p50, p99, last] = [quantile(times, 0.5), quantile(times, 0.99), times.at(-1)!];
    console.log(
      `round ${round + 1}: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, last ${last.toFixed(0)} ms`,
    );
  }
  const of = (q: number) => median(rounds.map((times) => quantile(times, q))).toFixed(0);
  console.log(
    `median of ${rounds.length} rounds, ${options.clients} clients: p50 ${of(0.5)} ms, p99 ${of(0.99)} ms`,
  );
  Deno.exit(0);
}
