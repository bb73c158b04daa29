// Rounds of chaos: servers and clients, a schedule of what is said and what breaks, and after each storm a
// gathering on the one server that is left, where nobody may lack anything.

import type { Address } from "../../lib/net/address.ts";
import { Random } from "../../tests/testing/random.ts";
import { freePort, LOOPBACK } from "../../tests/testing/addresses.ts";
import { type Client, InnerClient, OuterClient } from "./clients.ts";
import { Ledger, type Problem } from "./ledger.ts";
import { type Instant, type Network, placeOf } from "./proxy.ts";
import { isSettled, sleep } from "./rest.ts";
import { CLIENTS, describe, type Round, roundOf, SERVERS, type Step } from "./schedule.ts";
import { MortalServer } from "./server.ts";

/** How long everybody may take to come to rest after a storm, in ms. */
const SETTLING_MS = 30_000;
/** How often to look whether they have, in ms. */
const LOOK_MS = 10;
/** How long to wait for the moment at which a server is to be killed, in ms. */
const MOMENT_MS = 500;
/** How long a message that its sender is not shown has to reach all others, in ms. */
const SPREAD_MS = 20;

/** Numbers of a run. */
export interface Tally {
  rounds: number;
  /** Servers killed while they listened. */
  deaths: number;
  /** Servers told to end. */
  closings: number;
  /** Servers stopped, most of them to go on later. */
  freezes: number;
  /** Connections cut in the middle of a frame. */
  cutFrames: number;
  /** Connections cut after a message was accepted and before its sender was told. */
  lostReceipts: number;
  /** Connections cut at any moment. */
  cuts: number;
  /** Connections that their server heard of after their client had lost them. */
  ghosts: number;
  /** Times that what a client says or hears was sliced, delayed, throttled, stalled or swallowed. */
  weathers: number;
  /** Clients that died or left, and others that came. */
  replacements: number;
  /** Clients that came, said one thing, and were gone as soon as they had read it back. */
  passersby: number;
  messages: number;
  /** Messages shown by clients. */
  deliveries: number;
  /** Messages shown by consoles. */
  printed: number;
}

/** What came of a run. */
export interface Outcome {
  readonly tally: Readonly<Tally>;
  readonly problems: readonly Problem[];
  /** Of the last round: what was to happen, and what did. */
  readonly story: readonly string[];
}

/** What to run. */
interface ChaosOptions {
  readonly seed: number;
  /** Round to begin with. */
  readonly first?: number;
  /** Folder in which one server keeps its room; otherwise there are many, which keep nothing. */
  readonly folder?: string;
  /** No round begins later, in ms. */
  readonly durationMs: number;
  /** Ends it early. */
  readonly signal?: AbortSignal;
  /** Told after every round. */
  readonly onRound?: (tally: Readonly<Tally>) => void;
}

/** Runs rounds until the time is over or something is wrong. */
export async function runChaos(options: ChaosOptions): Promise<Outcome> {
  const { seed, first = 0, folder, durationMs, signal = new AbortController().signal, onRound } = options;
  const endMs = performance.now() + durationMs;
  await using chaos = await Chaos.open(seed, { signal, folder });
  for (let number = first; !signal.aborted && chaos.problems.length === 0; number++) {
    if (number > first && performance.now() >= endMs) break;
    await chaos.play(number);
    onRound?.(chaos.tally);
  }
  return { tally: chaos.tally, problems: [...chaos.problems], story: chaos.story };
}

class Chaos implements AsyncDisposable {
  readonly #seed: number;
  readonly #signal: AbortSignal;
  readonly #isKept: boolean;
  readonly #ledger: Ledger;
  readonly #network: Network;
  readonly #servers: MortalServer[] = [];
  readonly #clients: Client[] = [];
  /** An address where nobody listens. */
  readonly #nowhere: Address = { host: LOOPBACK, port: freePort() };
  /** Rounds have the streams from 0 on. */
  readonly #random: Random;
  readonly #counts = {
    rounds: 0,
    deaths: 0,
    closings: 0,
    freezes: 0,
    cutFrames: 0,
    lostReceipts: 0,
    cuts: 0,
    ghosts: 0,
    weathers: 0,
    replacements: 0,
    passersby: 0,
  };
  #clientCount = 0;
  #plan: readonly string[] = [];
  #events: string[] = [];
  #roundMs = 0;

  private constructor(seed: number, { signal, isKept }: { signal: AbortSignal; isKept: boolean }) {
    this.#seed = seed;
    this.#signal = signal;
    this.#isKept = isKept;
    this.#ledger = new Ledger({ isKept });
    this.#random = new Random(seed, -1);
    // Whoever ends it may end the servers and clients as well: Ctrl-C does.
    signal.addEventListener("abort", () => this.#ledger.close());
    this.#network = { random: new Random(seed, -2), weather: new Map() };
  }

  static async open(
    seed: number,
    { signal, folder }: { signal: AbortSignal; folder?: string },
  ): Promise<Chaos> {
    const chaos = new Chaos(seed, { signal, isKept: folder !== undefined });
    for (let number = 0; number < (folder ? 1 : SERVERS); number++) {
      chaos.#servers.push(
        await MortalServer.open({
          name: `server ${number}`,
          network: chaos.#network,
          ledger: chaos.#ledger,
          data: folder && `${folder}/room.db`,
          note: (what) => chaos.#note(what),
        }),
      );
    }
    return chaos;
  }

  get problems(): readonly Problem[] {
    return this.#ledger.problems;
  }

  get tally(): Tally {
    return { ...this.#counts, ...this.#ledger.counts };
  }

  get story(): string[] {
    return [...this.#plan, "What happened:", ...this.#events];
  }

  /** Plays one round. */
  async play(number: number): Promise<void> {
    const round = this.#roundOf(number);
    this.#plan = [`Round ${number} of seed ${this.#seed}:`, ...round.steps.map(describe)];
    this.#events = [];
    this.#roundMs = performance.now();
    this.#ledger.beginRound();
    for (let client = 0; client < CLIENTS.all; client++) this.#clients[client] ??= this.#newClient(client);
    await this.#storm(round);
    await this.#gather(this.#servers[round.gathering]!);
    this.#counts.rounds++;
  }

  /** Without what happens to servers that there are not. */
  #roundOf(number: number): Round {
    const { steps, gathering, ...round } = roundOf(this.#seed, number);
    const { length } = this.#servers;
    return {
      ...round,
      steps: steps.filter((step) => !("server" in step) || step.server < length),
      gathering: gathering % length,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.leave()));
    await Promise.all(this.#servers.map((server) => server[Symbol.asyncDispose]()));
  }

  #note(what: string): void {
    const atMs = Math.round(performance.now() - this.#roundMs);
    this.#events.push(`${atMs.toString().padStart(6)} ms ${what}`);
  }

  #newClient(client: number, { isAstray = false } = {}): Client {
    const servers = this.#servers.map(({ proxy }) => proxy.address);
    const isInner = client >= CLIENTS.processes;
    const options = {
      name: `${isInner ? "c" : "p"}${client}-${this.#clientCount++}`,
      first: isAstray ? this.#nowhere : this.#random.pick(servers),
      servers,
      ledger: this.#ledger,
      random: this.#random.unit,
      note: (what: string) => this.#note(what),
    };
    return isInner ? new InnerClient(options) : new OuterClient(options);
  }

  /** Does what a round says, each step in its time. */
  async #storm({ steps, stormMs }: Round): Promise<void> {
    const calm = new AbortController();
    const signal = AbortSignal.any([calm.signal, this.#signal]);
    for (const { proxy, address } of this.#servers) proxy.server = address;
    const doings = this.#servers.map((server) => this.#start(server, signal));
    if (this.#isKept) doings.push(this.#passBy(signal));
    for (const step of [...steps, { what: "end", atMs: stormMs } as const]) {
      await sleep(this.#roundMs + step.atMs - performance.now(), signal);
      if (step.what === "end" || this.#signal.aborted || this.problems.length > 0) break;
      if (step.what !== "say") this.#note(`(${describe(step).trim()})`);
      doings.push(this.#do(step, signal));
    }
    calm.abort();
    await Promise.all(doings);
  }

  async #do(step: Step, signal: AbortSignal): Promise<void> {
    switch (step.what) {
      case "say":
        for (let count = 0; count < step.count; count++) this.#clients[step.client]!.say();
        return;
      case "kill":
        return await this.#kill(step, signal);
      case "close": {
        const server = this.#servers[step.server]!;
        if (!server.isListening) return;
        this.#counts.closings++;
        await server.end("SIGTERM");
        await sleep(step.downMs, signal);
        return await this.#start(server, signal);
      }
      case "freeze":
        return await this.#freeze(step, signal);
      case "break":
        if (await this.#breaks(this.#servers[step.server]!, step.instant, signal)) {
          this.#counts[step.instant === "before a receipt" ? "lostReceipts" : "cutFrames"]++;
        }
        return;
      case "cut":
        this.#counts.cuts++;
        for (const { proxy } of this.#servers) proxy.cut(this.#clients[step.client]!.name);
        return;
      case "abandon": {
        const client = this.#clients[step.client]!;
        this.#counts.ghosts++;
        if (step.isBack) client.insist?.();
        for (const { proxy } of this.#servers) proxy.abandon(client.name, step.lateMs);
        return;
      }
      case "weather":
        return await this.#blow(step, signal);
      case "replace":
        return await this.#replace(step);
    }
  }

  async #start(server: MortalServer, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await server.start({ graceSeconds: this.#random.pick([0, 3]), signal: this.#signal });
  }

  async #kill({ server: number, downMs, ...death }: Step & { what: "kill" }, signal: AbortSignal) {
    const server = this.#servers[number]!;
    if (!server.isListening) return;
    if (death.how === "unread") {
      server.freeze();
      await sleep(death.heldMs, signal);
    } else if (death.how !== "at once") {
      await this.#breaks(server, death.how, signal);
      if (death.how === "before a receipt") await sleep(SPREAD_MS, signal);
    }
    if (await server.end("SIGKILL")) this.#counts.deaths++;
    await sleep(downMs, signal);
    await this.#start(server, signal);
  }

  async #freeze({ server: number, forMs, isCut }: Step & { what: "freeze" }, signal: AbortSignal) {
    const server = this.#servers[number]!;
    if (!server.isListening) return;
    this.#counts.freezes++;
    server.freeze();
    if (isCut) server.proxy.cut();
    await sleep(forMs, signal);
    server.thaw();
  }

  /** Waits for a moment at which something breaks. Whether it came. */
  async #breaks({ proxy }: MortalServer, instant: Instant, signal: AbortSignal): Promise<boolean> {
    const commitWait = new AbortController();
    const timer = setTimeout(() => commitWait.abort(), MOMENT_MS);
    const hasBroken = await proxy.breaks(instant, { signal: AbortSignal.any([commitWait.signal, signal]) });
    clearTimeout(timer);
    return hasBroken;
  }

  async #blow({ client, way, weather, forMs }: Step & { what: "weather" }, signal: AbortSignal) {
    const place = placeOf(this.#clients[client]!.name, way);
    this.#counts.weathers++;
    this.#network.weather.set(place, weather);
    await sleep(forMs, signal);
    if (this.#network.weather.get(place) === weather) this.#network.weather.delete(place);
    for (const { proxy } of this.#servers) proxy.mend();
  }

  async #replace({ client, isPolite, isAstray }: Step & { what: "replace" }): Promise<void> {
    const gone = this.#clients[client]!;
    this.#counts.replacements++;
    this.#clients[client] = this.#newClient(client, { isAstray });
    await (isPolite ? gone.leave() : gone.die());
  }

  /** Has clients come, one after the other, who say one thing and are gone when they have read it back: nobody but
   * the server has it then. */
  async #passBy(signal: AbortSignal): Promise<void> {
    for (let number = 0; !signal.aborted && this.problems.length === 0; number++) {
      const client = this.#newClient(CLIENTS.all);
      const isDone = () => signal.aborted || this.#ledger.echoes(client.name) > 0;
      while (client.server === undefined && !signal.aborted) await sleep(LOOK_MS, signal);
      client.say();
      while (!isDone()) await sleep(1, signal);
      this.#counts.passersby++;
      await (number % 2 === 0 ? client.die() : client.leave());
    }
  }

  /** Leaves one server alive, waits until everybody is there, and until each has shown what each has said. */
  async #gather(home: MortalServer): Promise<void> {
    this.#note(`All gather on ${home.console}`);
    home.thaw();
    await Promise.all(this.#servers.map(async (server) => {
      if (server === home) await this.#start(server, this.#signal);
      else if (await server.end("SIGKILL")) this.#counts.deaths++;
    }));
    // Clients wait ever longer for servers that are always down.
    for (const { proxy } of this.#servers) proxy.server = home.address;
    const absent = () => this.#clients.filter(({ server }) => server === undefined);
    if (!await this.#isSettled(() => absent().map(({ name }) => `${name} does not come`))) return;
    this.#note("All are there");
    for (const client of this.#clients) client.say();
    const names = this.#clients.map(({ name }) => name);
    const readers = [...names, home.console];
    await this.#isSettled(() => [
      ...this.#ledger.lacking(readers, names),
      ...this.#ledger.lackingReceipted(readers),
    ]);
  }

  #isSettled(missing: () => readonly string[]): Promise<boolean> {
    const signal = this.#signal;
    return isSettled(missing, { ledger: this.#ledger, withinMs: SETTLING_MS, lookMs: LOOK_MS, signal });
  }
}
