// One run of a scenario: servers, clients and a network perform its steps, as far as they keep the assumptions under
// which the protocol loses nothing.

import { Client } from "./client.ts";
import { Ledger, type Problem } from "./ledger.ts";
import { type Link, Network } from "./network.ts";
import { simulateGlobals } from "./process.ts";
import { Random } from "../../tests/testing/random.ts";
import { type Scenario, type Step, STRAY_MS, WANDER_MS } from "./scenario.ts";
import { Server } from "./server.ts";
import { Disk, memoryStorage, Nats, type Storage } from "./stores.ts";
import { Timeline } from "./timeline.ts";
import type { World } from "./world.ts";

export interface Outcome {
  readonly problems: readonly Problem[];
  readonly messages: number;
  readonly crashes: number;
  /** Faults other than crashes. */
  readonly disconnects: number;
  /** Connections that broke within what was written at once. */
  readonly truncatedWrites: number;
}

/** Age of the oldest message that a client may be missing when the clients leave its server: the sender must still
 * retain it when it moves, up to {@linkcode WANDER_MS} later. */
const MAX_MISSING_MS = 50_000;
/** Clients do not give up a server that is suspended for less. */
const SHORT_FREEZE_MS = 10_000;
/** A server that has not made the steps before its crash by then crashes anyway. */
const MAX_CRASH_DELAY_MS = 50;
/** When a step that would violate the assumptions is tried again. */
const RETRY_MS = 2_000;
/** Time at the end for all clients to catch up on the primary. */
const SETTLING_MS = 120_000;
const SETTLING_STEP_MS = 500;

export class Run {
  readonly #scenario: Scenario;
  readonly #world: World;
  readonly #servers: (Server | undefined)[] = [];
  /** By the server's index. */
  readonly #storages: Storage[] = [];
  readonly #clients: (Client | undefined)[] = [];
  /** Index of the server that all clients prefer. */
  #primary = 0;
  #starts = 0;
  #crashes = 0;
  #disconnects = 0;
  #isCrashPending = false;
  #isEnding = false;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    const timeline = new Timeline();
    const random = new Random(scenario.seed, 2);
    const world = { timeline, random, ledger: new Ledger(timeline), network: new Network() };
    this.#world = world;
    const nats = new Nats(world);
    const newStorage = { memory: () => memoryStorage(world), disk: () => new Disk(world), nats: () => nats };
    for (let place = 0; place < scenario.servers; place++) {
      this.#storages.push(newStorage[scenario.storage]());
    }
  }

  async outcome(): Promise<Outcome> {
    const { ledger, random, network } = this.#world;
    using _ = simulateGlobals(random);
    try {
      await this.#play();
    } catch (error) {
      ledger.report("crashed", error instanceof Error ? `${error.stack}` : String(error));
    }
    const { problems, messages } = ledger;
    const { truncatedWrites } = network;
    return { problems, messages, crashes: this.#crashes, disconnects: this.#disconnects, truncatedWrites };
  }

  async #play(): Promise<void> {
    const { timeline, ledger } = this.#world;
    const { servers, storage, steps, endMs } = this.#scenario;
    for (let place = 0; place < servers; place++) this.#start(place);
    for (const step of steps) timeline.at(step.atMs, () => this.#perform(step));
    await timeline.runUntil(endMs);
    this.#isEnding = true;
    for (const client of this.#alive) {
      client.isOffline = false;
      client.process.resume();
      client.goToPrimary();
    }
    for (const [place, server] of this.#servers.entries()) {
      if (server) server.process.resume();
      else this.#start(place);
    }
    for (let left = SETTLING_MS; !this.#isSettled(); left -= SETTLING_STEP_MS) {
      if (left < 0) return ledger.report("not settled", "A client has not caught up");
      await timeline.runUntil(timeline.nowMs + SETTLING_STEP_MS);
    }
    const isKept = storage === "nats" || (storage === "disk" && servers === 1);
    ledger.finish(this.#alive.map(({ state }) => state.sessionId), { isKept });
  }

  get #alive(): Client[] {
    return this.#clients.filter((client): client is Client => client !== undefined && !client.isGone);
  }

  /** Whether all clients are caught up on the primary. */
  #isSettled(): boolean {
    const server = this.#servers[this.#primary];
    const alive = this.#alive;
    return server !== undefined && server.memberCount === alive.length &&
      alive.every((client) => client.isSettledOn(server, this.#primary));
  }

  #perform(step: Step): void {
    const { timeline } = this.#world;
    if (this.#isEnding) return;
    if (this.#violatesAssumptions(step)) {
      timeline.after(RETRY_MS, () => this.#perform(step));
      return;
    }
    switch (step.what) {
      case "start":
        return this.#startClient(step.client);
      case "crash":
        return this.#crash(step);
      case "freeze":
        return this.#freeze(step);
      case "outage":
        return this.#storages[this.#placeOf(step.server)]!.fail(step.forMs);
      case "move":
        return this.#setPrimary(step.next, (client) => client.move(step.departure));
    }
    const client = this.#clients[step.client];
    if (!client || client.isGone) return;
    if (step.what === "rename") return client.rename(step.nick);
    if (step.what === "say") {
      const to = step.to === undefined ? undefined : this.#clients[step.to];
      return client.say({
        action: step.action,
        to: to && { sessionId: to.state.sessionId, nick: to.nick },
      });
    }
    this.#disconnects++;
    switch (step.what) {
      case "stop":
        return client.stop(step.departure);
      case "reconnect":
        return client.move(step.departure);
      case "break":
        client.connection?.socket.pipe.break({ isNoticed: step.noticedBy.includes("server") });
        client.connection?.peer.pipe.break({ isNoticed: step.noticedBy.includes("client") });
        return;
      case "stall":
        client.connection?.[step.way === "up" ? "socket" : "peer"].pipe.stall(step.forMs);
        return;
      case "offline":
        client.connection?.socket.pipe.stall(step.forMs);
        client.connection?.peer.pipe.stall(step.forMs);
        client.isOffline = true;
        timeline.after(step.forMs, () => client.isOffline = false);
        return;
      case "suspend":
        client.process.suspend();
        timeline.after(step.forMs, () => {
          client.process.resume();
          if (client.override === undefined) client.goToPrimary();
        });
        return;
      case "wander":
        client.override = this.#placeOf(step.server);
        client.isIsolated = step.forMs > WANDER_MS;
        client.move(step.departure);
        timeline.after(step.forMs, () => {
          client.isIsolated = false;
          client.goToPrimary();
        });
        return;
    }
  }

  /** Whether a step would lose a message by design: two groups on two servers for longer than the resume window are two
   * rooms until they meet again. */
  #violatesAssumptions(step: Step): boolean {
    const isFall = step.what === "move" ||
      ((step.what === "crash" || step.what === "freeze") && step.server === 0);
    if (!isFall && step.what !== "wander") return false;
    const alive = this.#alive;
    if (this.#isCrashPending || alive.some(({ isIsolated }) => isIsolated)) return true;
    if (this.#scenario.storage === "nats") return false; // all servers are one room
    const { timeline, ledger } = this.#world;
    const earliestMs = timeline.nowMs - MAX_MISSING_MS;
    // A client may stray by mistake, but the others must not send new messages to a server that lacks older ones.
    const strayed = step.what === "wander" && step.forMs <= STRAY_MS ? this.#clients[step.client] : undefined;
    const sessions = alive.map(({ state }) => state.sessionId);
    const readers = sessions.filter((sessionId) => sessionId !== strayed?.state.sessionId);
    if (ledger.missingSinceMs(sessions, readers) < earliestMs) return true;
    if (strayed) {
      // Messages that were old when the client was last caught up are sent again on the primary only.
      const missingMs = ledger.missingSinceMs(sessions, [strayed.state.sessionId]);
      return missingMs < (strayed.caughtUpOnPrimaryMs ?? 0) - MAX_MISSING_MS;
    }
    if (step.what !== "wander") return false;
    const server = this.#servers[this.#primary];
    const isLong = step.forMs > WANDER_MS;
    if (isLong && !alive.every((client) => server && client.isSettledOn(server, this.#primary))) return true;
    return (this.#clients[step.client]?.caughtUpOnPrimaryMs ?? Infinity) < earliestMs;
  }

  #placeOf(offset: number): number {
    return (this.#primary + offset) % this.#servers.length;
  }

  #start(place: number): void {
    const name = `server ${place} (start ${++this.#starts})`;
    const onDown = () => this.#servers[place] = undefined;
    const storage = this.#storages[place]!;
    this.#servers[place] = new Server(name, this.#world, { place, storage, onDown });
  }

  #startClient(index: number): void {
    const { random } = this.#world;
    const nick = random.chance(0.2) ? "ana" : `nick${index}`;
    const newLink = () => ({ link: linkOf(random), windowBytes: random.chance(0.8) ? Infinity : 300 });
    this.#clients[index] = new Client(this.#world, { index, nick, newLink, primary: () => this.#primary });
  }

  #crash({ server: offset, kind, afterSteps, forMs, next }: Step & { what: "crash" }): void {
    const { timeline } = this.#world;
    const place = this.#placeOf(offset);
    const server = this.#servers[place];
    if (!server) return;
    this.#crashes++;
    server.crashAfter(afterSteps, kind);
    this.#isCrashPending = true;
    timeline.after(MAX_CRASH_DELAY_MS, () => {
      this.#isCrashPending = false;
      server.crash(kind);
      if (offset === 0) this.#setPrimary(next);
      // At the end all servers run.
      timeline.after(this.#isEnding ? 0 : forMs, () => {
        server.crash("killed");
        if (!this.#servers[place]) this.#start(place);
      });
    });
  }

  #freeze({ server, forMs, next }: Step & { what: "freeze" }): void {
    const frozen = this.#servers[this.#placeOf(server)];
    if (!frozen) return;
    this.#disconnects++;
    frozen.suspend();
    this.#world.timeline.after(forMs, () => frozen.process.resume());
    if (server === 0 && forMs > SHORT_FREEZE_MS) this.#setPrimary(next);
  }

  /** All clients move to another server, within {@linkcode WANDER_MS}. */
  #setPrimary(offset: number, leave = (client: Client) => client.goToPrimary()): void {
    const { random, timeline } = this.#world;
    this.#primary = this.#placeOf(offset);
    for (const client of this.#alive) {
      timeline.after(random.spread(1, WANDER_MS), () => {
        if (client.override === undefined && client.place !== this.#primary) leave(client);
      });
    }
  }
}

function linkOf(random: Random): Link {
  const latencyMs = random.chance(0.9) ? random.spread(0.05, 50) : random.spread(50, 2_000);
  return {
    latencyMs,
    jitterMs: latencyMs * random.spread(0.1, 10),
    loss: random.chance(0.8) ? 0 : random.spread(0.001, 0.1),
    sliced: random.pick([0, 0.2, 0.6]),
  };
}
