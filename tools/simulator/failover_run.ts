// One run of a failover scenario, then a rest in which all clients must come together and stay.

import { Random } from "../../tests/testing/random.ts";
import { FailoverClient, type Join, MAX_ANSWER_MS, watchSessions } from "./failover_client.ts";
import { type FailoverScenario, type FailoverStep, FOREVER_MS } from "./failover_scenario.ts";
import { Ledger } from "./ledger.ts";
import { Network } from "./network.ts";
import { simulateGlobals } from "./process.ts";
import type { Outcome } from "./run.ts";
import { addressOf, Server } from "./server.ts";
import { Disk, memoryStorage, Nats, type Storage } from "./stores.ts";
import { Timeline } from "./timeline.ts";
import type { World } from "./world.ts";

/** Time after the last fault for what the rules need: 15 s for silence, 5 s to dial, 20 s to answer a question, 40 s to
 * the next probe, and 60 s between two returns. */
const SETTLING_MS = 240_000;
/** Then nothing may happen for so long. */
const REST_MS = 90_000;
/** Clients that end on one server have all messages of each other that are no older when they meet: their senders retain
 * them for 120 s. */
const PROMISED_MS = 100_000;
/** A client whose link and server have been without trouble for so long must not go to another: it needs 2 s to the next
 * probe, 1 s and three round trips for the answer, and three to have joined elsewhere meanwhile. */
const STRAY_MS = 10_000;
/** A client whose connection breaks again so soon may go to another server. */
const RESET_MS = 10_000;
/** How long a person may think about the host and the port of the next server, after one that refused the client. */
const ASKED_MS = 2 * MAX_ANSWER_MS;
/** How long ago another client may have left a server to which one returns: the probe's answer was under way. */
const LEFT_MS = 15_000;
/** How long ago a server has heard all of its members that live, and the answer to a probe was under way. */
const COUNTED_MS = 30_000;
/** A server that is down for longer refuses the redial of each client without trouble. */
const REFUSED_MS = 3_000;
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
  /** Until when the room of a server has no place for another member, by its place. */
  readonly #fullUntilMs: number[] = [];
  /** When the last trouble of a server ends, by its place. */
  readonly #calmSinceMs: number[] = [];
  /** When its process started, by its place. */
  readonly #startedMs: number[] = [];
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
    const nats = scenario.isCluster ? new Nats(world) : undefined;
    for (let place = 0; place < scenario.servers; place++) {
      const makeOwn = () => random.chance(0.6) ? memoryStorage(world) : new Disk(world, { isGood: true });
      this.#storages.push(nats ?? makeOwn());
      this.#silences.push(0);
      this.#fullUntilMs.push(-ASKED_MS);
      this.#calmSinceMs.push(0);
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
        this.#startClient(step);
        return;
      case "kill":
        return this.#kill(step);
      case "freeze": {
        const server = this.#servers[step.server];
        if (!server || server.process.isSuspended) return;
        this.#disconnects++;
        server.suspend();
        this.#troubleServer(step.server, step.forMs);
        timeline.after(step.forMs, () => server.process.resume());
        return;
      }
      case "full":
        this.#fullUntilMs[step.server] = timeline.nowMs + step.forMs;
        return this.#troubleServer(step.server, step.forMs + ASKED_MS);
      case "silence":
        if (!("server" in step)) break;
        this.#disconnects++;
        this.#silences[step.server] = timeline.nowMs + step.forMs;
        this.#troubleServer(step.server, step.forMs);
        return;
    }
    const client = this.#clients[step.client];
    if (!client || client.isGone) return;
    if (step.what === "say") return client.say(`hola ${timeline.nowMs.toFixed()}`);
    this.#disconnects++;
    client.hadTrouble ||= "forMs" in step;
    if ("forMs" in step && step.what !== "resolver") {
      client.calmSinceMs = Math.max(client.calmSinceMs, timeline.nowMs + step.forMs);
    }
    switch (step.what) {
      case "leave":
        return client.leave();
      case "reset": {
        // While it waits for WELCOME, a client takes what only the server notices for a server that does not answer.
        const isMute = !client.isOnline && !step.noticedBy.includes("client");
        if (isMute || client.wasBrokenSince(timeline.nowMs - RESET_MS)) {
          client.hadTrouble = true;
          client.calmSinceMs = Math.max(client.calmSinceMs, timeline.nowMs + RESET_MS);
        }
        return client.reset(step.noticedBy);
      }
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
    const { nowMs } = this.#world.timeline;
    this.#calmSinceMs[place] = Math.max(nowMs, this.#silences[place]!, this.#fullUntilMs[place]! + ASKED_MS);
    this.#startedMs[place] = nowMs;
    const storage = this.#storages[place]!;
    const isFull = () => this.#world.timeline.nowMs < this.#fullUntilMs[place]!;
    this.#servers[place] = new Server(name, this.#world, { place, storage, backups, isFull, onDown });
  }

  /** Each server lists those after it, then those before it; a node finds the others by itself. */
  #backupsOf(place: number): string[] {
    const { servers, isCluster } = this.#scenario;
    if (isCluster) return [];
    return Array.from({ length: servers - 1 }, (_, i) => {
      const next = (place + 1 + i) % servers;
      const { host, port } = addressOf(next);
      return `${this.#hasNames ? `s${next}.test` : host}:${port}`;
    });
  }

  #startClient({ client: index, server = 0, cutAfter }: FailoverStep & { what: "start" }): void {
    const random = new Random(this.#scenario.seed, 100 + index);
    const backups = this.#backupsOf(server);
    this.#clients[index] = new FailoverClient(this.#world, {
      index,
      server,
      random,
      backups,
      cutAfter,
      silences: this.#silences,
      onJoined: (client, join, before) => this.#checkMove(client, join, before),
    });
  }

  #troubleServer(place: number, forMs: number): void {
    this.#calmSinceMs[place] = Math.max(this.#calmSinceMs[place]!, this.#world.timeline.nowMs + forMs);
  }

  #kill({ server: place, kind, forMs }: FailoverStep & { what: "kill" }): void {
    const { timeline, network, random } = this.#world;
    const server = this.#servers[place];
    if (!server) return;
    this.#crashes++;
    const killedMs = timeline.nowMs;
    const told = this.#alive.filter((client) => {
      const isOn = client.isOnline && logOf(client) === server.logId;
      return isOn && client.isLossless && !client.wasBrokenSince(killedMs - RESET_MS);
    });
    const isCalm = this.#calmSinceMs[place]! < killedMs && kind !== "unplugged" && forMs > REFUSED_MS;
    timeline.after(REFUSED_MS, () => {
      if (!isCalm || this.#silences[place]! > killedMs) return;
      for (const client of told) if (!client.hadTrouble) client.endedLogs.add(server.logId!);
    });
    this.#calmSinceMs[place] = Infinity;
    server.crash(kind);
    const { host, port } = addressOf(place);
    if (kind === "unplugged" && random.chance(0.7)) network.deadHosts.add(`${host}:${port}`);
    if (forMs >= FOREVER_MS) return;
    timeline.after(forMs, () => {
      server.crash("killed");
      if (!this.#servers[place]) this.#start(place);
    });
  }

  /** All are on a server, and no client is apart from the others. */
  #checkSettled(): void {
    const { ledger, timeline: { nowMs } } = this.#world;
    const alive = this.#alive;
    for (const client of alive) {
      // It knew one server alone, which stayed away; or the last one was about to close when the faults ended.
      if (client.joins.length === 0 && this.#servers[client.namedServer] === undefined) continue;
      if (this.#servers.every((server) => !server)) continue;
      if (!client.isOnline) {
        ledger.report("not settled", `${client.name} is on no server`);
        continue;
      }
      const isPast = this.#servers.findIndex((server) => server?.logId === logOf(client)) > 1;
      const mustKnow = client.namedServer === 0 && client.isAnsweredInTime;
      if (isPast && mustKnow && this.#isUntroubled(client, [1])) {
        ledger.report("apart", `${client.name} has gone past the first server that answers`);
      }
      const others = alive.filter((other) => other.isOnline && other !== client);
      const isAlone = others.every((other) => logOf(other) !== logOf(client));
      const recent = client.joins.filter(({ untilMs }) => nowMs - untilMs < MEMORY_MS);
      const homes = isAlone
        ? new Set(recent.map(({ logId }) => logId))
        : homesOf(client, nowMs, (logId) => this.#startedMs[this.#placeOf(logId)] ?? Infinity);
      const missed = others.filter((other) => logOf(other) !== logOf(client) && homes.has(logOf(other)));
      if (missed.length === 0) continue;
      const names = missed.map(({ name }) => name).join(", ");
      ledger.report("apart", `${client.name}${isAlone ? ", alone," : ""} has not returned to ${names}`);
    }
  }

  /** A client goes to another server for a reason, and returns to one where others are. */
  #checkMove(client: FailoverClient, { logId, isReturn }: Join, before: Join | undefined): void {
    const { ledger, timeline: { nowMs } } = this.#world;
    if (!before) {
      const { namedServer } = client;
      const isMissed = this.#servers[namedServer]?.logId !== logId &&
        this.#isUntroubled(client, [namedServer]);
      if (isMissed) ledger.report("strayed", `${client.name} begins on another server than that named`);
      return;
    }
    if (before.logId === logId) return;
    if (isReturn) {
      // A server that was frozen has read only now what was said before.
      if (this.#calmSinceMs[this.#placeOf(logId)]! > nowMs - LEFT_MS) return;
      const isExpected = this.#clients.some((other) =>
        other && other !== client &&
        other.joins.some((join) => join.logId === logId && nowMs - join.untilMs < LEFT_MS)
      );
      if (!isExpected) ledger.report("strayed", `${client.name} returns to an empty server`);
      this.#checkReturn(client, logId, before.logId);
      return;
    }
    const place = this.#placeOf(before.logId);
    if (place < 0 || !client.isLossless) return;
    const calmMs = nowMs - Math.max(client.calmSinceMs, this.#calmSinceMs[place]!);
    if (calmMs > STRAY_MS) ledger.report("strayed", `${client.name} leaves server ${place}, which lives,`);
  }

  /** A client leaves no others for fewer at a server whose process has ended: they may all be new. */
  #checkReturn(client: FailoverClient, to: bigint, from: bigint): void {
    const { ledger, timeline: { nowMs } } = this.#world;
    const sinceMs = nowMs - COUNTED_MS;
    if (!client.endedLogs.has(to) || this.#calmSinceMs[this.#placeOf(from)]! > sinceMs) return;
    const others = this.#clients.filter((other) => other && other !== client) as FailoverClient[];
    const there = others.filter(({ joins }) =>
      joins.some(({ logId, untilMs }) => logId === to && untilMs > sinceMs)
    );
    const left = others.filter((other) => {
      const isCalm = other.isLossless && other.calmSinceMs < sinceMs;
      return other.isOnline && isCalm && logOf(other) === from && other.joins.at(-1)!.atMs < sinceMs;
    });
    if (left.length === 0 || there.length > left.length) return;
    ledger.report("strayed", `${client.name} leaves ${left.length} others for ${there.length}`);
  }

  #placeOf(logId: bigint): number {
    return this.#servers.findIndex((server) => server?.logId === logId);
  }

  /** Whether nothing but a reset of its connections has happened to a client, and nothing to these servers. */
  #isUntroubled(client: FailoverClient, places: readonly number[]): boolean {
    return client.isLossless && !client.hadTrouble && places.every((place) => this.#calmSinceMs[place] === 0);
  }

  #checkRest(sinceMs: number): void {
    const { ledger } = this.#world;
    for (const client of this.#alive) {
      const losses = client.joins.filter(({ untilMs }) => untilMs > sinceMs && untilMs < Infinity);
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

function logOf({ joins }: FailoverClient): bigint {
  return joins.at(-1)!.logId;
}

/** The logs to which a client must return while others are there, by F5 of docs/PROTOCOL.md: those of processes that have
 * not ended. */
function homesOf(
  { joins }: FailoverClient,
  nowMs: number,
  startedMsOf: (logId: bigint) => number,
): Set<bigint> {
  const homes = new Map<bigint, Join>();
  for (const [i, { logId, isReturn }] of joins.entries()) {
    homes.delete(logId);
    const before = joins[i - 1];
    if (before && before.logId !== logId && !isReturn) homes.set(before.logId, before);
  }
  const isHome = ({ logId, atMs, untilMs }: Join) => nowMs - untilMs < MEMORY_MS && startedMsOf(logId) < atMs;
  return new Set([...homes.values()].filter(isHome).map(({ logId }) => logId));
}
