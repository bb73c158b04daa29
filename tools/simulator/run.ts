// One run of a scenario: servers, clients and a network perform its steps, as far as they keep the assumptions under
// which the protocol loses nothing.

import { Client } from "./client.ts";
import type { ClientConnection } from "./client_connection.ts";
import { Ledger, type Problem } from "./ledger.ts";
import { Pipe, type Quality } from "./network.ts";
import { Random } from "../../tests/testing/random.ts";
import { type Scenario, type Step, STRAY_MS, WANDER_MS } from "./scenario.ts";
import { Server } from "./server.ts";
import { ServerConnection } from "./server_connection.ts";
import type { Store } from "../../tests/testing/delayed_commit_log.ts";
import { Timeline } from "./timeline.ts";
import type { Rules, World } from "./world.ts";

export interface Outcome {
  readonly problems: readonly Problem[];
  readonly messages: number;
  readonly crashes: number;
  /** Faults other than crashes. */
  readonly disconnects: number;
  readonly truncatedFrames: number;
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
  /** Of the servers that store their logs. */
  readonly #stores: Store[] = [];
  readonly #clients: (Client | undefined)[] = [];
  /** Index of the server that all clients prefer. */
  #primary = 0;
  #starts = 0;
  #crashes = 0;
  #disconnects = 0;
  #isCrashPending = false;
  #isEnding = false;

  constructor(scenario: Scenario, rules: Rules) {
    this.#scenario = scenario;
    const timeline = new Timeline();
    const random = new Random(scenario.seed, 2);
    this.#world = { timeline, random, rules, ledger: new Ledger(timeline) };
  }

  outcome(): Outcome {
    const { ledger } = this.#world;
    try {
      this.#play();
    } catch (error) {
      ledger.report("crashed", error instanceof Error ? `${error.stack}` : String(error));
    }
    const { problems, messages, truncatedFrames } = ledger;
    return { problems, messages, crashes: this.#crashes, disconnects: this.#disconnects, truncatedFrames };
  }

  #play(): void {
    const { timeline, ledger } = this.#world;
    const { servers, steps, endMs } = this.#scenario;
    for (let place = 0; place < servers; place++) this.#start(place);
    for (const step of steps) timeline.at(step.atMs, () => this.#perform(step));
    timeline.runUntil(endMs);
    this.#isEnding = true;
    for (const client of this.#alive) {
      client.isOffline = false;
      client.resume();
      client.goToPrimary("closed");
    }
    for (const [place, server] of this.#servers.entries()) {
      if (server) server.resume();
      else this.#start(place);
    }
    for (let left = SETTLING_MS; !this.#isSettled(); left -= SETTLING_STEP_MS) {
      if (left < 0) return ledger.report("not settled", "A client has not caught up");
      timeline.runUntil(timeline.nowMs + SETTLING_STEP_MS);
    }
    const isKept = this.#scenario.keepsLogs && servers === 1;
    ledger.finish(this.#alive.map(({ state }) => state.sessionId), { isKept });
  }

  get #alive(): Client[] {
    return this.#clients.filter((client): client is Client => client !== undefined && !client.isGone);
  }

  /** Whether all clients are caught up on the primary. */
  #isSettled(): boolean {
    const server = this.#servers[this.#primary];
    const alive = this.#alive;
    return server !== undefined && server.room.size === alive.length &&
      alive.every((client) => client.isSettledOn(server));
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
        client.connection?.pipes?.up.break({ isNoticed: step.noticedBy.includes("server") });
        client.connection?.pipes?.down.break({ isNoticed: step.noticedBy.includes("client") });
        return;
      case "stall":
        client.connection?.pipes?.[step.way].stall(step.forMs);
        return;
      case "offline":
        client.connection?.pipes?.up.stall(step.forMs);
        client.connection?.pipes?.down.stall(step.forMs);
        client.isOffline = true;
        timeline.after(step.forMs, () => client.isOffline = false);
        return;
      case "suspend":
        client.suspend();
        timeline.after(step.forMs, () => {
          client.resume();
          if (client.override === undefined) client.goToPrimary("closed");
        });
        return;
      case "wander":
        client.override = this.#placeOf(step.server);
        client.isIsolated = step.forMs > WANDER_MS;
        client.move(step.departure);
        timeline.after(step.forMs, () => {
          client.isIsolated = false;
          client.goToPrimary("closed");
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
    if (isLong && !alive.every((client) => server && client.isSettledOn(server))) return true;
    return (this.#clients[step.client]?.caughtUpOnPrimaryMs ?? Infinity) < earliestMs;
  }

  #placeOf(offset: number): number {
    return (this.#primary + offset) % this.#servers.length;
  }

  #start(place: number): void {
    const name = `server ${place} (start ${++this.#starts})`;
    const onDown = () => this.#servers[place] = undefined;
    const { keepsLogs } = this.#scenario;
    if (keepsLogs) this.#stores[place] ??= { logId: this.#world.random.bigint(), entries: [] };
    this.#servers[place] = new Server(name, this.#world, { onDown, store: this.#stores[place] });
  }

  #startClient(index: number): void {
    const { random } = this.#world;
    const name = `client ${index}`;
    const nick = random.chance(0.2) ? "ana" : `nick${index}`;
    const connect = (connection: ClientConnection, server: number) => this.#connect(connection, server);
    this.#clients[index] = new Client(this.#world, { name, nick, connect, primary: () => this.#primary });
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
        if (!this.#servers[place]) this.#start(place);
      });
    });
  }

  #freeze({ server, forMs, next }: Step & { what: "freeze" }): void {
    const frozen = this.#servers[this.#placeOf(server)];
    if (!frozen) return;
    this.#disconnects++;
    frozen.suspend();
    this.#world.timeline.after(forMs, () => frozen.resume());
    if (server === 0 && forMs > SHORT_FREEZE_MS) this.#setPrimary(next);
  }

  /** All clients move to another server, within {@linkcode WANDER_MS}. */
  #setPrimary(offset: number, leave = (client: Client) => client.goToPrimary("closed")): void {
    const { random, timeline } = this.#world;
    this.#primary = this.#placeOf(offset);
    for (const client of this.#alive) {
      timeline.after(random.spread(1, WANDER_MS), () => {
        if (client.override === undefined && client.connection?.serverIndex !== this.#primary) leave(client);
      });
    }
  }

  #connect(connection: ClientConnection, place: number): Server | undefined {
    const { timeline, random } = this.#world;
    const server = this.#servers[place];
    if (!server) return undefined;
    const serverConnection = new ServerConnection(server, {
      windowBytes: random.chance(0.8) ? Infinity : 300,
    });
    const quality = qualityOf(random);
    serverConnection.pipe = new Pipe(connection, { timeline, random, quality });
    connection.pipes = {
      up: new Pipe(serverConnection, { timeline, random, quality }),
      down: serverConnection.pipe,
    };
    return server;
  }
}

function qualityOf(random: Random): Quality {
  const latencyMs = random.chance(0.9) ? random.spread(0.05, 50) : random.spread(50, 2_000);
  return { latencyMs, jitterMs: latencyMs * random.spread(0.1, 10), sliced: random.pick([0, 0.2, 0.6]) };
}
