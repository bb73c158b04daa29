// One run of a failover scenario, then a rest in which all clients must come together and stay.

import { Random } from "../../tests/testing/random.ts";
import { FailoverClient, watchSessions } from "./failover_client.ts";
import { type FailoverScenario, type FailoverStep, FOREVER_MS } from "./failover_scenario.ts";
import { Ledger } from "./ledger.ts";
import { Network } from "./network.ts";
import { simulateGlobals } from "./process.ts";
import type { Outcome } from "./run.ts";
import { addressOf, Server } from "./server.ts";
import { Disk, memoryStorage, type Storage } from "./stores.ts";
import { Timeline } from "./timeline.ts";
import type { World } from "./world.ts";

/** Time after the last fault for what the rules need: 15 s for silence, 5 s to dial, 20 s to answer a question, 40 s to
 * the next probe, and 60 s between two returns. */
const SETTLING_MS = 180_000;
/** Then nothing may happen for so long. */
const REST_MS = 90_000;
/** Clients that end on one server have all messages of each other that are no older when they meet: their senders retain
 * them for 120 s. */
const PROMISED_MS = 100_000;
/** Rule 5 of a failover. */
const MEMORY_MS = 600_000;
const RETURN_MS = 60_000;

export class FailoverRun {
  readonly #scenario: FailoverScenario;
  readonly #world: World;
  readonly #servers: (Server | undefined)[] = [];
  /** By the server's place. */
  readonly #storages: Storage[] = [];
  readonly #silences: number[] = [];
  readonly #clients: (FailoverClient | undefined)[] = [];
  readonly #hasNames: boolean;
  #starts = 0;
  #crashes = 0;
  #disconnects = 0;
  #isEnding = false;

  constructor(scenario: FailoverScenario) {
    this.#scenario = scenario;
    const timeline = new Timeline();
    const random = new Random(scenario.seed, 2);
    const world = { timeline, random, ledger: new Ledger(timeline), network: new Network() };
    this.#world = world;
    this.#hasNames = random.chance(0.5);
    for (let place = 0; place < scenario.servers; place++) {
      this.#storages.push(random.chance(0.6) ? memoryStorage(world) : new Disk(world));
      this.#silences.push(0);
    }
  }

  async outcome(): Promise<Outcome> {
    const { ledger, random, network } = this.#world;
    using _ = simulateGlobals(random);
    using _sessions = watchSessions(this.#world);
    try {
      await this.#play();
    } catch (error) {
      ledger.report("crashed", error instanceof Error ? `${error.stack}` : String(error));
    }
    const { problems, messages } = ledger;
    const { truncatedWrites } = network;
    return { problems, messages, crashes: this.#crashes, disconnects: this.#disconnects, truncatedWrites };
  }

  /** What the clients have shown, for {@linkcode explainFailure}. */
  get screens(): string[] {
    return this.#clients.flatMap((client) => client ? [`${client.name}:`, ...client.screen] : []);
  }

  async #play(): Promise<void> {
    const { timeline } = this.#world;
    const { servers, steps, endMs } = this.#scenario;
    for (let place = 0; place < servers; place++) this.#start(place);
    for (const step of steps) timeline.at(step.atMs, () => this.#perform(step));
    await timeline.runUntil(endMs);
    this.#isEnding = true;
    for (const client of this.#alive) client.calm();
    this.#silences.fill(0);
    for (const server of this.#servers) server?.process.resume();
    if (this.#servers.every((server) => !server)) this.#start(0);
    await timeline.runUntil(endMs + SETTLING_MS);
    this.#checkSettled();
    await timeline.runUntil(endMs + SETTLING_MS + REST_MS);
    this.#checkRest(endMs + SETTLING_MS);
    this.#checkMessages();
  }

  get #alive(): FailoverClient[] {
    return this.#clients.filter((client): client is FailoverClient => client !== undefined && !client.isGone);
  }

  #perform(step: FailoverStep): void {
    if (this.#isEnding) return;
    const { timeline } = this.#world;
    switch (step.what) {
      case "start":
        this.#startClient(step.client);
        return;
      case "kill":
        return this.#kill(step);
      case "freeze": {
        const server = this.#servers[step.server];
        if (!server || server.process.isSuspended) return;
        this.#disconnects++;
        server.suspend();
        timeline.after(step.forMs, () => server.process.resume());
        return;
      }
      case "silence":
        if (!("server" in step)) break;
        this.#disconnects++;
        this.#silences[step.server] = timeline.nowMs + step.forMs;
        return;
    }
    const client = this.#clients[step.client];
    if (!client || client.isGone) return;
    if (step.what === "say") return client.say(`hola ${timeline.nowMs.toFixed()}`);
    this.#disconnects++;
    switch (step.what) {
      case "leave":
        return client.leave();
      case "reset":
        return client.reset(step.noticedBy);
      case "silence":
        client.silentUntilMs = Math.max(client.silentUntilMs, timeline.nowMs + step.forMs);
        return;
      case "lossy":
        client.extraLoss = step.loss;
        return timeline.after(step.forMs, () => client.extraLoss = 0);
      case "offline":
        client.silentUntilMs = Math.max(client.silentUntilMs, timeline.nowMs + step.forMs);
        client.hasRoute = false;
        return timeline.after(step.forMs, () => client.hasRoute = true);
      case "asleep":
        client.silentUntilMs = Math.max(client.silentUntilMs, timeline.nowMs + step.forMs);
        client.process.suspend();
        return timeline.after(step.forMs, () => client.process.resume());
      case "resolver": {
        const { resolverMs } = client;
        client.resolverMs = step.afterMs;
        return timeline.after(step.forMs, () => client.resolverMs = Math.min(resolverMs, 50));
      }
    }
  }

  #start(place: number): void {
    const { host } = addressOf(place);
    const backups = this.#backupsOf(place);
    const name = `server ${place} (start ${++this.#starts})`;
    const onDown = () => this.#servers[place] = undefined;
    this.#world.network.deadHosts.delete(`${host}:${addressOf(place).port}`);
    const storage = this.#storages[place]!;
    this.#servers[place] = new Server(name, this.#world, { place, storage, backups, onDown });
  }

  /** Each server lists those after it, then those before it. */
  #backupsOf(place: number): string[] {
    const { servers } = this.#scenario;
    return Array.from({ length: servers - 1 }, (_, i) => {
      const next = (place + 1 + i) % servers;
      const { host, port } = addressOf(next);
      return `${this.#hasNames ? `s${next}.test` : host}:${port}`;
    });
  }

  #startClient(index: number): void {
    const random = new Random(this.#scenario.seed, 100 + index);
    const backups = this.#backupsOf(0);
    this.#clients[index] = new FailoverClient(this.#world, {
      index,
      random,
      backups,
      silences: this.#silences,
    });
  }

  #kill({ server: place, kind, forMs }: FailoverStep & { what: "kill" }): void {
    const { timeline, network, random } = this.#world;
    const server = this.#servers[place];
    if (!server) return;
    this.#crashes++;
    server.crash(kind);
    const { host, port } = addressOf(place);
    if (kind === "unplugged" && random.chance(0.7)) network.deadHosts.add(`${host}:${port}`);
    if (forMs >= FOREVER_MS) return;
    timeline.after(forMs, () => {
      server.crash("killed");
      if (!this.#servers[place]) this.#start(place);
    });
  }

  /** All are on a server, and no one is apart. */
  #checkSettled(): void {
    const { ledger } = this.#world;
    const alive = this.#alive;
    for (const client of alive) {
      // It knew one server alone, which stayed away.
      if (client.joins.length === 0 && this.#servers[0] === undefined) continue;
      if (!client.isOnline) {
        ledger.report("not settled", `${client.name} is on no server`);
        continue;
      }
      const { logId } = client.joins.at(-1)!;
      const homeLogId = homeOf(client, this.#world.timeline.nowMs);
      if (homeLogId === undefined || homeLogId === logId) continue;
      const isAlive = this.#servers.some((server) => server?.logId === homeLogId);
      const others = alive.filter((other) => other.isOnline && other.joins.at(-1)!.logId === homeLogId);
      if (isAlive && others.length > 0) {
        ledger.report("apart", `${client.name} has not returned to ${others.map(({ name }) => name)}`);
      }
    }
  }

  #checkRest(sinceMs: number): void {
    const { ledger } = this.#world;
    for (const client of this.#alive) {
      const losses = client.lossesMs.filter((atMs) => atMs > sinceMs);
      if (losses.length > 0) ledger.report("dropped", `${client.name} loses ${losses.length} connections`);
      const moves = client.joins.filter(({ atMs, logId }, i) =>
        atMs > sinceMs - RETURN_MS && logId !== client.joins[i - 1]?.logId
      );
      const isRestless = moves.some(({ atMs }, i) => i > 0 && atMs - moves[i - 1]!.atMs < RETURN_MS);
      if (isRestless) ledger.report("restless", `${client.name} moves ${moves.length} times`);
    }
  }

  #checkMessages(): void {
    const alive = this.#alive.filter(({ sessionId, joins }) => sessionId !== undefined && joins.length > 0);
    const bySession = new Map(alive.map((client) => [client.sessionId!, client]));
    this.#world.ledger.finish([...bySession.keys()], {
      isKept: false,
      isPromised: ({ sessions, atMs }) => {
        const [reader, sender] = sessions.map((sessionId) => arrival(bySession.get(sessionId)!));
        return reader!.logId === sender!.logId && atMs > Math.max(reader!.atMs, sender!.atMs) - PROMISED_MS;
      },
    });
  }
}

/** When a client came to the server that it is on. */
function arrival({ joins }: FailoverClient) {
  let first = joins.length - 1;
  while (joins[first - 1]?.logId === joins[first]!.logId) first--;
  return joins[first]!;
}

/** The log to which a client must return while others are there, by rule 5. */
function homeOf({ joins }: FailoverClient, nowMs: number): bigint | undefined {
  let home: { logId: bigint; untilMs: number } | undefined;
  let returnedMs = -Infinity;
  for (const [i, { logId, atMs }] of joins.entries()) {
    const before = joins[i - 1];
    if (!before || before.logId === logId) continue;
    if (home?.logId === logId) {
      returnedMs = atMs;
      home = undefined;
    } else if (atMs - returnedMs < RETURN_MS) home = undefined;
    else home = { logId: before.logId, untilMs: atMs + MEMORY_MS };
  }
  return home && nowMs < home.untilMs ? home.logId : undefined;
}
