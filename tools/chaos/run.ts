// Runs rounds of chaos: servers and clients as the schedule has them, and after the faults a recovery, in which every
// client and console must show every message.

import { setTimeout as delay } from "node:timers/promises";
import { natsCluster, type NatsServer } from "../../tests/testing/nats_server.ts";
import { Random } from "../../tests/testing/random.ts";
import { type ChaosClient, ProcessClient, SessionClient } from "./clients.ts";
import { Ledger, type Problem } from "./ledger.ts";
import { type CutPoint, linkKey, type Network } from "./proxy.ts";
import { CLIENTS, type Round, roundOf, SERVERS, type Step, type Storage } from "./schedule.ts";
import { ChaosServer } from "./server.ts";

/** How long the recovery may take, in ms: a NATS cluster takes up to 10 s to elect a leader. */
const RECOVERY_MS = 60_000;
/** How often to check for it, in ms. */
const POLL_MS = 10;
/** How long to wait for a cut point, in ms. */
const CUT_POINT_MS = 500;
/** How long a message whose echo was cut off has to reach all other clients, in ms. */
const DELIVERY_MS = 20;

/** How often each kind of fault happened, and how much was said and shown meanwhile. */
export type Tally = Readonly<Record<string, number>>;

interface Outcome {
  readonly tally: Tally;
  readonly problems: readonly Problem[];
  /** The steps, as JSON, and the events of the last round. */
  readonly story: readonly string[];
}

interface ChaosOptions {
  readonly seed: number;
  readonly storage: Storage;
  /** Where rooms are stored; not for `memory`. */
  readonly folder?: string;
  /** Number of the first round. */
  readonly first?: number;
  /** No round starts later, in ms. */
  readonly durationMs: number;
  readonly signal?: AbortSignal;
  /** Called after each round. */
  readonly onRound?: (tally: Tally) => void;
}

/** Runs rounds until the time is over or a problem is found. */
export async function runChaos(options: ChaosOptions): Promise<Outcome> {
  const { first = 0, durationMs, signal = new AbortController().signal, onRound } = options;
  const endMs = performance.now() + durationMs;
  await using chaos = new Chaos(options, signal);
  for (let number = first; !signal.aborted && chaos.problems.length === 0; number++) {
    if (number > first && performance.now() >= endMs) break;
    await chaos.play(number);
    onRound?.(chaos.tally);
  }
  return { tally: chaos.tally, problems: [...chaos.problems], story: chaos.story };
}

class Chaos implements AsyncDisposable {
  readonly problems: readonly Problem[];
  /** The steps and events of the current round. */
  story: string[] = [];
  readonly #ledger: Ledger;
  readonly #options: ChaosOptions;
  readonly #signal: AbortSignal;
  readonly #network: Network;
  readonly #natsServers: readonly NatsServer[];
  readonly #servers: readonly ChaosServer[];
  readonly #clients: ChaosClient[] = [];
  /** Rounds have the streams from 0 on. */
  readonly #random: Random;
  readonly #counts = new Map([["rounds", 0]]);
  #clientCount = 0;
  #startedMs = 0;

  constructor(options: ChaosOptions, signal: AbortSignal) {
    const { seed, storage, folder = "" } = this.#options = options;
    this.#signal = signal;
    this.#ledger = new Ledger({ isStored: storage !== "memory", isShared: storage === "nats" });
    this.problems = this.#ledger.problems;
    this.#random = new Random(seed, -1);
    // What interrupts this process may end the servers and clients as well: Ctrl-C does.
    signal.addEventListener("abort", () => this.#ledger.close());
    this.#network = {
      random: new Random(seed, -2),
      impairments: new Map(),
      lastEchoes: new Map(),
      onEntry: (logId, entry) => this.#ledger.onLogEntry(logId, entry),
    };
    this.#natsServers = storage === "nats" ? natsCluster({ folder, size: 3 }) : [];
    for (const nats of this.#natsServers) nats.start();
    const urls = this.#natsServers.map(({ address }) => `nats://${address}`).join(",");
    const storageFlags = {
      memory: [],
      data: ["--data", `${folder}/room.db`],
      nats: ["--nats", urls, "--room", "chaos"],
    }[storage];
    this.#servers = Array.from({ length: SERVERS[storage] }, (_, number) =>
      new ChaosServer({
        name: `server ${number}`,
        network: this.#network,
        ledger: this.#ledger,
        storageFlags,
        isShared: storage === "nats",
        note: (event) => this.#note(event),
      }));
  }

  get tally(): Tally {
    return { ...Object.fromEntries(this.#counts), ...this.#ledger.counts };
  }

  async play(number: number): Promise<void> {
    const { seed, storage } = this.#options;
    const round = roundOf(seed, number, storage);
    this.story = [`Round ${number} of seed ${seed}:`];
    this.#startedMs = performance.now();
    this.#ledger.beginRound();
    for (let client = 0; client < CLIENTS.all; client++) this.#clients[client] ??= this.#newClient(client);
    await this.#injectFaults(round);
    await this.#recover(round);
    this.#count("rounds");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.leave()));
    await Promise.all(this.#servers.map((server) => server[Symbol.asyncDispose]()));
    await Promise.all(this.#natsServers.map((nats) => nats.kill()));
  }

  #note(event: string): void {
    const atMs = Math.round(performance.now() - this.#startedMs);
    this.story.push(`${atMs.toString().padStart(6)} ms ${event}`);
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  #newClient(client: number): ChaosClient {
    const servers = this.#servers.map(({ proxy }) => proxy.address);
    const first = this.#random.pick(servers);
    const isProcess = client < CLIENTS.processes;
    const options = {
      name: `${isProcess ? "p" : "c"}${client}-${this.#clientCount++}`,
      servers: [first, ...servers] as const,
      ledger: this.#ledger,
      random: this.#random.unit,
      note: (event: string) => this.#note(event),
    };
    return isProcess ? new ProcessClient(options) : new SessionClient(options);
  }

  async #injectFaults({ steps, faultsMs }: Round): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#signal]);
    for (const { proxy, address } of this.#servers) proxy.server = address;
    const running = this.#servers.map((server) => this.#start(server, signal));
    for (const step of [...steps, { type: "end", atMs: faultsMs } as const]) {
      await sleep(this.#startedMs + step.atMs - performance.now(), signal);
      if (step.type === "end" || this.#signal.aborted || this.problems.length > 0) break;
      if (step.type !== "say") this.#note(JSON.stringify(step));
      running.push(this.#run(step, signal));
    }
    over.abort();
    await Promise.all(running);
  }

  async #run(step: Step, signal: AbortSignal): Promise<void> {
    switch (step.type) {
      case "say":
        for (let count = 0; count < step.count; count++) this.#clients[step.client]!.say();
        return;
      case "kill":
        return await this.#kill(step, signal);
      case "freeze":
        return await this.#freeze(step, signal);
      case "kill-nats": {
        const nats = this.#natsServers[step.server]!;
        if (!nats.isRunning) return;
        this.#count("NATS servers killed");
        await nats.kill();
        await sleep(step.downMs, signal);
        return nats.start();
      }
      case "freeze-nats": {
        const nats = this.#natsServers[step.server]!;
        if (!nats.isRunning) return;
        this.#count("NATS servers frozen");
        nats.sendSignal("SIGSTOP");
        await sleep(step.forMs, signal);
        return nats.sendSignal("SIGCONT");
      }
      case "cut-at":
        if (await this.#cutAt(this.#servers[step.server]!, step.point, signal)) {
          this.#count(`connections cut ${step.point}`);
        }
        return;
      case "cut":
        this.#count("connections cut");
        for (const { proxy } of this.#servers) proxy.cut(this.#clients[step.client]!.name);
        return;
      case "half-open": {
        this.#count("connections half-open");
        const { name } = this.#clients[step.client]!;
        for (const { proxy } of this.#servers) proxy.makeHalfOpen(name, step.lateMs);
        return;
      }
      case "impair":
        return await this.#impair(step, signal);
      case "replace": {
        const old = this.#clients[step.client]!;
        this.#count("clients replaced");
        this.#clients[step.client] = this.#newClient(step.client);
        return await (step.isBye ? old.leave() : old.die());
      }
      case "visit":
        return await this.#visit(step, signal);
    }
  }

  async #start(server: ChaosServer, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await server.start({ graceSeconds: this.#random.pick([0, 3]), signal: this.#signal });
  }

  async #kill({ server: number, when, heldMs, downMs }: Step & { type: "kill" }, signal: AbortSignal) {
    const server = this.#servers[number]!;
    if (!server.isListening) return;
    if (when === "unread") {
      server.sendSignal("SIGSTOP");
      await sleep(heldMs, signal);
    } else if (when === "after one delivery" || when === "before an echo") {
      await this.#cutAt(server, when, signal);
      if (when === "before an echo") await sleep(DELIVERY_MS, signal);
    }
    if (await server.end(when === "SIGTERM" ? when : "SIGKILL")) this.#count("servers killed");
    await sleep(downMs, signal);
    await this.#start(server, signal);
  }

  async #freeze({ server: number, forMs, isCut }: Step & { type: "freeze" }, signal: AbortSignal) {
    const server = this.#servers[number]!;
    if (!server.isListening) return;
    this.#count("servers frozen");
    server.sendSignal("SIGSTOP");
    if (isCut) server.proxy.cut();
    await sleep(forMs, signal);
    server.sendSignal("SIGCONT");
  }

  /** Returns whether a connection got to the point in time. */
  #cutAt({ proxy }: ChaosServer, point: CutPoint, signal: AbortSignal): Promise<boolean> {
    return proxy.cutAt(point, AbortSignal.any([AbortSignal.timeout(CUT_POINT_MS), signal]));
  }

  async #impair({ client, direction, impairment, forMs }: Step & { type: "impair" }, signal: AbortSignal) {
    const key = linkKey(this.#clients[client]!.name, direction);
    this.#count("impairments");
    this.#network.impairments.set(key, impairment);
    await sleep(forMs, signal);
    if (this.#network.impairments.get(key) === impairment) this.#network.impairments.delete(key);
    for (const { proxy } of this.#servers) proxy.cutTorn();
  }

  async #visit({ count, isBye }: Step & { type: "visit" }, signal: AbortSignal): Promise<void> {
    const client = this.#newClient(CLIENTS.all);
    while (client.server === undefined && !signal.aborted) await sleep(POLL_MS, signal);
    for (let sent = 0; sent < count; sent++) client.say();
    while (this.#ledger.echoCount(client.name) < count && !signal.aborted) await sleep(1, signal);
    if (!signal.aborted) this.#count("clients gone at their echo");
    await (isBye ? client.leave() : client.die());
  }

  /** Ends all faults, and waits until every client has joined and everything is shown. Servers without a common room are
   * killed, all but one. */
  async #recover({ lastServer }: Round): Promise<void> {
    this.#note("Recovery");
    for (const nats of this.#natsServers) nats.start();
    const last = this.#servers[lastServer]!;
    const alive = this.#options.storage === "nats" ? this.#servers : [last];
    await Promise.all(this.#servers.map(async (server) => {
      if (alive.includes(server)) await this.#start(server, this.#signal);
      else if (await server.end("SIGKILL")) this.#count("servers killed");
    }));
    // Clients back off from servers that stay down.
    if (alive.length === 1) { for (const { proxy } of this.#servers) proxy.server = last.address; }
    const absent = () => this.#clients.filter(({ server }) => server === undefined);
    if (!await this.#waitUntilNone(() => absent().map(({ name }) => `${name} does not join`))) return;
    this.#note("All clients have joined");
    for (const client of this.#clients) client.say();
    const names = this.#clients.map(({ name }) => name);
    const readers = [...names, ...alive.map((server) => server.console)];
    await this.#waitUntilNone(() => [...this.#ledger.missing(readers, names)]);
  }

  /** Returns whether nothing is missing in time; otherwise all of it is lost. */
  async #waitUntilNone(missing: () => readonly string[]): Promise<boolean> {
    for (const endMs = performance.now() + RECOVERY_MS; this.problems.length === 0;) {
      if (this.#signal.aborted) return false;
      const found = missing();
      if (found.length === 0) return true;
      if (performance.now() > endMs) found.forEach((what) => this.#ledger.report("lost", what));
      await sleep(POLL_MS, this.#signal);
    }
    return false;
  }
}

/** Fulfilled after a time, or when the signal is aborted. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return delay(Math.max(ms, 0), undefined, { signal }).catch(() => {});
}
