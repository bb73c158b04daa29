// Measures a failover: from the kill -9 of a server until each client has read a message of its own on the backup.
// The clients, with `--auto`, share a process; each server has its own.
//
//   deno task bench:failover [--clients 200] [--rounds 5]

import { parseArgs } from "@std/cli/parse-args";
import { systemClock } from "../lib/base/time.ts";
import { DEFAULT_CONFIG } from "../lib/client/config.ts";
import { type Address, formatAddress } from "../lib/net/address.ts";
import { dial } from "../lib/net/tcp.ts";
import { SessionState } from "../lib/client/session_state.ts";
import { TOKEN_BYTES } from "../lib/protocol/frames.ts";
import { Session } from "../lib/client/session.ts";
import { ServerSelector } from "../lib/client/server_selector.ts";
import { Terminal } from "../lib/terminal/terminal.ts";
import { freeAddress, LOOPBACK } from "../tests/testing/addresses.ts";
import { Program } from "../tests/testing/program.ts";
import { median, quantile } from "./statistics.ts";

/** One client: enters, moves when its server dies, and says something as soon as it is in. */
class Client {
  readonly session: Session;
  /** When what it said on its server was read back, on the clock of performance.now(). */
  chatting = Promise.withResolvers<number>();
  readonly #running: Promise<void>;

  constructor(nick: string, [primary, backup]: readonly [Address, Address]) {
    const config = { ...DEFAULT_CONFIG, ...primary, nick, backups: [{ server: backup }], isAuto: true };
    const state = new SessionState(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)), config);
    const selector = new ServerSelector(
      {
        terminal: silentTerminal,
        language: "en",
        notify: () => Promise.resolve(),
        authPrompter: { authenticate: () => Promise.resolve("notApplicable"), canUpgrade: () => false },
      },
      config,
      Math.random,
    );
    this.session = new Session(
      {
        state,
        nextServer: (failure, options) => selector.next(failure, options),
        dial,
        passwordFor: () => "",
      },
      config.session,
      systemClock,
    );
    this.#running = this.#run(state, selector);
  }

  async #run(state: SessionState, selector: ServerSelector): Promise<void> {
    let awaited = "";
    for await (const event of this.session.run()) {
      if (event.type === "joined") {
        selector.onJoined(event.server, { ip: event.ip, logId: event.welcome.logId, backups: [] });
        awaited = `ready on ${formatAddress(event.server)}`;
        this.session.say(awaited);
      }
      if (event.type !== "entries") continue;
      for (const { entry } of event.entries) {
        const isOwn = entry.type === "said" && entry.sessionId === state.sessionId &&
          entry.text === awaited;
        if (isOwn) this.chatting.resolve(performance.now());
      }
    }
  }

  async leave(): Promise<void> {
    this.session.leave();
    await this.#running;
    this.session[Symbol.dispose]();
  }
}

const silentTerminal = new Terminal({
  input: new ReadableStream(),
  write: () => Promise.resolve(),
  isTty: false,
}, systemClock);

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
  const flags = parseArgs(Deno.args, { string: ["clients", "rounds"] });
  const clientCount = Number(flags.clients ?? 200);
  const rounds: number[][] = [];
  for (let round = 0; round < Number(flags.rounds ?? 5); round++) {
    const times = await measure(clientCount);
    rounds.push(times);
    const [p50, p99, last] = [quantile(times, 0.5), quantile(times, 0.99), times.at(-1)!];
    console.log(
      `round ${round + 1}: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, last ${last.toFixed(0)} ms`,
    );
  }
  const of = (q: number) => median(rounds.map((times) => quantile(times, q))).toFixed(0);
  console.log(
    `median of ${rounds.length} rounds, ${clientCount} clients: p50 ${of(0.5)} ms, p99 ${of(0.99)} ms`,
  );
  Deno.exit(0);
}
