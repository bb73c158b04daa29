// Rounds of chaos in a room of three chat servers and three NATS servers, each of which may be killed at any moment.
// After each storm every client must have shown every message whose echo its sender has read, on whichever server the
// client is, also those of clients that have died since.

import { natsCluster, type NatsServer } from "../../tests/testing/nats_server.ts";
import { Random } from "../../tests/testing/random.ts";
import { InnerClient, OuterClient } from "./clients.ts";
import type { Client } from "./clients.ts";
import { Ledger, type Problem } from "./ledger.ts";
import type { Network } from "./proxy.ts";
import { isSettled, sleep } from "./rest.ts";
import { MortalServer } from "./server.ts";

const SERVERS = 3;
const CLIENTS = { all: 15, processes: 2 } as const;
/** Shortest and longest storm, in ms. */
const STORM_MS = [4_000, 15_000] as const;
/** How long the clients may take to show everything after a storm, in ms: a NATS cluster takes up to 10 s to elect a
 * leader. */
const SETTLING_MS = 60_000;
/** How often to check for that, in ms. */
const LOOK_MS = 20;
/** Most messages of a client in a storm: fewer than its outbox retains. */
const MOST_SAID = 150;
/** How long a client that dies after its message waits for the echo, in ms. */
const ECHO_MS = 20_000;

export interface ClusterTally {
  rounds: number;
  /** Chat servers that were killed. */
  deaths: number;
  /** NATS servers that were killed. */
  natsDeaths: number;
  /** Connections cut at any moment. */
  cuts: number;
  /** Clients that died or left, each replaced by a new one. */
  replacements: number;
  /** Clients that died as soon as they had read the echoes of their messages. */
  hastyLeaves: number;
  messages: number;
  deliveries: number;
  printed: number;
}

interface ClusterChaosOptions {
  readonly seed: number;
  /** Where NATS stores its streams. */
  readonly folder: string;
  /** No round starts later, in ms. */
  readonly durationMs: number;
  readonly signal?: AbortSignal;
  /** Called after every round. */
  readonly onRound?: (tally: Readonly<ClusterTally>) => void;
}

interface ClusterOutcome {
  readonly tally: Readonly<ClusterTally>;
  readonly problems: readonly Problem[];
  /** The events of the last round. */
  readonly story: readonly string[];
}

/** Runs rounds until the time is over or a problem is found. */
export async function runClusterChaos(options: ClusterChaosOptions): Promise<ClusterOutcome> {
  const { durationMs, signal = new AbortController().signal, onRound } = options;
  await using chaos = await ClusterChaos.open(options, signal);
  const endMs = performance.now() + durationMs;
  do {
    await chaos.play();
    onRound?.(chaos.tally);
  } while (!signal.aborted && chaos.problems.length === 0 && performance.now() < endMs);
  return { tally: chaos.tally, problems: [...chaos.problems], story: chaos.story };
}

class ClusterChaos implements AsyncDisposable {
  readonly #signal: AbortSignal;
  readonly #random: Random;
  readonly #ledger = new Ledger({ isKept: true });
  readonly #network: Network;
  readonly #cluster: NatsServer[];
  readonly #servers: MortalServer[] = [];
  readonly #clients: Client[] = [];
  readonly #counts = { rounds: 0, deaths: 0, natsDeaths: 0, cuts: 0, replacements: 0, hastyLeaves: 0 };
  #clientCount = 0;
  #events: string[] = [];
  #roundMs = 0;

  private constructor({ seed, folder }: ClusterChaosOptions, signal: AbortSignal) {
    this.#signal = signal;
    this.#random = new Random(seed);
    this.#network = { random: new Random(seed, -2), weather: new Map() };
    this.#cluster = natsCluster({ folder, size: 3 });
    signal.addEventListener("abort", () => this.#ledger.close());
  }

  static async open(options: ClusterChaosOptions, signal: AbortSignal): Promise<ClusterChaos> {
    const chaos = new ClusterChaos(options, signal);
    for (const nats of chaos.#cluster) nats.start();
    await Promise.all(chaos.#cluster.map((nats) => nats.answers()));
    const urls = chaos.#cluster.map(({ address }) => `nats://${address}`).join(",");
    for (let number = 0; number < SERVERS; number++) {
      chaos.#servers.push(
        await MortalServer.open({
          name: `server ${number}`,
          network: chaos.#network,
          ledger: chaos.#ledger,
          sharing: ["--nats", urls, "--room", "chaos"],
          note: (what) => chaos.#note(what),
        }),
      );
    }
    return chaos;
  }

  get problems(): readonly Problem[] {
    return this.#ledger.problems;
  }

  get tally(): ClusterTally {
    return { ...this.#counts, ...this.#ledger.counts };
  }

  get story(): string[] {
    return this.#events;
  }

  async play(): Promise<void> {
    this.#events = [];
    this.#roundMs = performance.now();
    this.#ledger.beginRound();
    for (const server of this.#servers) server.proxy.server = server.address;
    await Promise.all(this.#servers.map((server) => this.#start(server)));
    for (let client = 0; client < CLIENTS.all; client++) this.#clients[client] ??= this.#newClient(client);
    await this.#storm();
    await this.#settle();
    this.#counts.rounds++;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.leave()));
    await Promise.all(this.#servers.map((server) => server[Symbol.asyncDispose]()));
    await Promise.all(this.#cluster.map((nats) => nats.kill()));
  }

  #note(what: string): void {
    const atMs = Math.round(performance.now() - this.#roundMs);
    this.#events.push(`${atMs.toString().padStart(6)} ms ${what}`);
  }

  #newClient(client: number): Client {
    const servers = this.#servers.map(({ proxy }) => proxy.address);
    const isInner = client >= CLIENTS.processes;
    const options = {
      name: `${isInner ? "c" : "p"}${client}-${this.#clientCount++}`,
      first: this.#random.pick(servers),
      servers,
      ledger: this.#ledger,
      random: this.#random.unit,
      note: (what: string) => this.#note(what),
    };
    return isInner ? new InnerClient(options) : new OuterClient(options);
  }

  async #start(server: MortalServer): Promise<void> {
    await server.start({ graceSeconds: this.#random.pick([0, 3]), signal: this.#signal });
  }

  async #storm(): Promise<void> {
    const calm = new AbortController();
    const signal = AbortSignal.any([calm.signal, this.#signal]);
    const stormMs = this.#random.spread(...STORM_MS);
    const doings = [
      ...this.#clients.map((_, client) => this.#chat(client, signal)),
      this.#often([300, 4_000], signal, () => this.#kill(signal)),
      this.#often([200, 2_000], signal, () => this.#cut()),
      this.#often([500, 4_000], signal, () => this.#replace()),
      this.#often([300, 3_000], signal, () => this.#leaveAtOnce(signal)),
    ];
    await sleep(stormMs, signal);
    calm.abort();
    await Promise.all(doings);
  }

  /** Repeats `act` at random intervals between these two, in ms. */
  async #often([lowMs, highMs]: [number, number], signal: AbortSignal, act: () => Promise<void> | void) {
    while (!signal.aborted && this.problems.length === 0) {
      await sleep(this.#random.spread(lowMs, highMs), signal);
      if (!signal.aborted) await act();
    }
  }

  async #chat(client: number, signal: AbortSignal): Promise<void> {
    const [lowMs, highMs] = this.#random.chance(0.1) ? [10, 200] : [30, 1_000];
    let left = MOST_SAID;
    await this.#often([lowMs!, highMs!], signal, () => {
      if (left-- > 0) this.#clients[client]!.say();
    });
  }

  /** Kills one of the six servers, and restarts it a little later. */
  async #kill(signal: AbortSignal): Promise<void> {
    const which = this.#random.below(this.#servers.length + this.#cluster.length);
    const downMs = this.#random.spread(1, 2_000);
    const nats = this.#cluster[which - this.#servers.length];
    if (nats) {
      this.#note(`NATS ${which - this.#servers.length} is killed, for ${Math.round(downMs)} ms`);
      await nats.kill();
      this.#counts.natsDeaths++;
      await sleep(downMs, signal);
      return nats.start();
    }
    const server = this.#servers[which]!;
    if (!server.isListening) return;
    this.#note(`${server.console} is killed, for ${Math.round(downMs)} ms`);
    if (await server.end("SIGKILL")) this.#counts.deaths++;
    await sleep(downMs, signal);
    // It listens once NATS answers, which may take long: do not wait for it.
    void this.#start(server);
  }

  #cut(): void {
    this.#counts.cuts++;
    const { name } = this.#random.pick(this.#clients);
    for (const { proxy } of this.#servers) proxy.cut(name);
  }

  async #replace(): Promise<void> {
    const client = CLIENTS.processes + this.#random.below(CLIENTS.all - CLIENTS.processes);
    const gone = this.#clients[client]!;
    this.#counts.replacements++;
    this.#clients[client] = this.#newClient(client);
    // A client that leaves waits until its messages are acked.
    if (this.#random.chance(0.5)) await gone.die();
    else void gone.leave();
  }

  /** A client joins, sends messages, and dies as soon as it has read their echoes. */
  async #leaveAtOnce(signal: AbortSignal): Promise<void> {
    const client = this.#newClient(CLIENTS.all);
    const { name } = client;
    const commitWait = AbortSignal.any([signal, AbortSignal.timeout(ECHO_MS)]);
    while (client.server === undefined && !commitWait.aborted) await sleep(LOOK_MS, commitWait);
    const words = 1 + this.#random.below(3);
    for (let count = 0; count < words; count++) client.say();
    while (this.#ledger.echoes(name) < words && !commitWait.aborted) await sleep(0, commitWait);
    await client.die();
    if (this.#ledger.echoes(name) === words) this.#counts.hastyLeaves++;
  }

  /** Restarts all six, and waits until each client and server has shown every message that must not be lost. */
  async #settle(): Promise<void> {
    this.#note("All come to rest");
    for (const nats of this.#cluster) nats.start();
    await Promise.all(this.#servers.map((server) => this.#start(server)));
    const absent = () => this.#clients.filter(({ server }) => server === undefined);
    if (!await this.#isSettled(() => absent().map(({ name }) => `${name} does not come`))) return;
    this.#note("All are there");
    for (const client of this.#clients) client.say();
    const names = this.#clients.map(({ name }) => name);
    await this.#isSettled(() => {
      const readers = [...names, ...this.#servers.map((server) => server.console)];
      return [...this.#ledger.lacking(readers, names), ...this.#ledger.lackingReceipted(readers)];
    });
  }

  #isSettled(missing: () => readonly string[]): Promise<boolean> {
    const signal = this.#signal;
    return isSettled(missing, { ledger: this.#ledger, withinMs: SETTLING_MS, lookMs: LOOK_MS, signal });
  }
}
