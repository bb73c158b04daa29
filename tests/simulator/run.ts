// One run of a scenario: servers, clients and a network that do what its steps say, as long as that takes nothing
// from anybody that the rules do not promise.

import { Client } from "./client.ts";
import type { ClientEnd } from "./client_end.ts";
import { Ledger, type Problem } from "./ledger.ts";
import { Pipe, type Quality } from "./network.ts";
import { Random } from "./random.ts";
import { type Scenario, type Step, STRAY_MS, WANDER_MS } from "./scenario.ts";
import { Server } from "./server.ts";
import { ServerEnd } from "./server_end.ts";
import type { Store } from "../room/delayed_commit_log.ts";
import { Timeline } from "./timeline.ts";
import type { Rules, World } from "./world.ts";

/** What came of a run. */
export interface Outcome {
  readonly problems: readonly Problem[];
  /** Messages that were typed. */
  readonly messages: number;
  /** Servers that died. */
  readonly crashes: number;
  /** Other things that broke. */
  readonly disconnects: number;
  /** Connections that ended in the middle of a frame. */
  readonly truncatedFrames: number;
}

/** How old a message may be that somebody lacks when others leave the server that has it: its sender must still
 * keep it when it is his turn, which may take {@linkcode WANDER_MS}. */
const MOST_LACKED_MS = 50_000;
/** A frozen server that is back so soon has not been given up. */
const SHORT_FREEZE_MS = 10_000;
/** How long it may take a server to make the steps after which it dies. */
const FUSE_MS = 50;
/** How often a step that is not fair yet is tried again. */
const RETRY_MS = 2_000;
/** How long everybody may take to come to rest in the end. */
const SETTLING_MS = 120_000;
const SETTLING_STEP_MS = 500;

/** One run. */
export class Run {
  readonly #scenario: Scenario;
  readonly #world: World;
  readonly #servers: (Server | undefined)[] = [];
  /** What servers have stored that keep their logs. */
  readonly #stores: Store[] = [];
  readonly #clients: (Client | undefined)[] = [];
  /** The server where everybody is, or goes. */
  #primary = 0;
  #starts = 0;
  #crashes = 0;
  #disconnects = 0;
  /** Whether a server is about to die. */
  #isCrashPending = false;
  #isEnding = false;

  constructor(scenario: Scenario, rules: Rules) {
    this.#scenario = scenario;
    const timeline = new Timeline();
    const random = new Random(scenario.seed, 2);
    this.#world = { timeline, random, rules, ledger: new Ledger(timeline) };
  }

  /** Runs it all. */
  outcome(): Outcome {
    const { ledger } = this.#world;
    try {
      this.#play();
    } catch (error) {
      ledger.report("crashed", error instanceof Error ? `${error.stack}` : String(error));
    }
    const { problems, messages, cutFrames: truncatedFrames } = ledger;
    return { problems, messages, crashes: this.#crashes, disconnects: this.#disconnects, truncatedFrames };
  }

  #play(): void {
    const { timeline, ledger } = this.#world;
    const { servers, steps, endMs } = this.#scenario;
    for (let place = 0; place < servers; place++) this.#start(place);
    for (const step of steps) timeline.at(step.atMs, () => this.#do(step));
    timeline.runUntil(endMs);
    this.#isEnding = true;
    for (const client of this.#living) {
      client.isUnavailable = false;
      client.resume();
      client.goToPrimary("closed");
    }
    for (const [place, server] of this.#servers.entries()) {
      if (server) server.resume();
      else this.#start(place);
    }
    for (let left = SETTLING_MS; !this.#isSettled(); left -= SETTLING_STEP_MS) {
      if (left < 0) return ledger.report("not settled", "Somebody still lacks something");
      timeline.runUntil(timeline.nowMs + SETTLING_STEP_MS);
    }
    const isKept = this.#scenario.keepsLogs && servers === 1;
    ledger.settle(this.#living.map(({ state }) => state.sessionId), { isKept });
  }

  get #living(): Client[] {
    return this.#clients.filter((client): client is Client => client !== undefined && !client.isGone);
  }

  /** Whether everybody is at home and lacks nothing. */
  #isSettled(): boolean {
    const server = this.#servers[this.#primary];
    const living = this.#living;
    return server !== undefined && server.room.size === living.length &&
      living.every((client) => client.isSettledOn(server));
  }

  #do(step: Step): void {
    const { timeline } = this.#world;
    if (this.#isEnding) return;
    if (this.#violatesAssumptions(step)) {
      timeline.after(RETRY_MS, () => this.#do(step));
      return;
    }
    switch (step.what) {
      case "come":
        return this.#startClient(step.client);
      case "die":
        return this.#crash(step);
      case "freeze":
        return this.#freeze(step);
      case "move":
        return this.#setPrimary(step.next, (client) => client.move(step.parting));
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
        return client.stop(step.parting);
      case "reconnect":
        return client.move(step.parting);
      case "break":
        client.end?.pipes?.up.break({ isNoticed: step.noticedBy.includes("server") });
        client.end?.pipes?.down.break({ isNoticed: step.noticedBy.includes("client") });
        return;
      case "stall":
        client.end?.pipes?.[step.way].stall(step.forMs);
        return;
      case "away":
        client.end?.pipes?.up.stall(step.forMs);
        client.end?.pipes?.down.stall(step.forMs);
        client.isUnavailable = true;
        timeline.after(step.forMs, () => client.isUnavailable = false);
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
        client.move(step.parting);
        timeline.after(step.forMs, () => {
          client.isIsolated = false;
          client.goToPrimary("closed");
        });
        return;
    }
  }

  /** Whether a step would take from somebody what the rules do not promise: two groups on two servers for
   * longer than the window are two rooms until they meet again. */
  #violatesAssumptions(step: Step): boolean {
    const isFall = step.what === "move" ||
      ((step.what === "die" || step.what === "freeze") && step.server === 0);
    if (!isFall && step.what !== "wander") return false;
    const living = this.#living;
    if (this.#isCrashPending || living.some(({ isIsolated }) => isIsolated)) return true;
    const { timeline, ledger } = this.#world;
    const earliestMs = timeline.nowMs - MOST_LACKED_MS;
    // Who comes back may stray, but nobody else may meanwhile say something new where the old is not known.
    const strayed = step.what === "wander" && step.forMs <= STRAY_MS ? this.#clients[step.client] : undefined;
    const sessions = living.map(({ state }) => state.sessionId);
    const readers = sessions.filter((sessionId) => sessionId !== strayed?.state.sessionId);
    if (ledger.missingSinceMs(sessions, readers) < earliestMs) return true;
    if (strayed) {
      // What was old already when they still lacked nothing is given to them at home alone.
      const lackedMs = ledger.missingSinceMs(sessions, [strayed.state.sessionId]);
      return lackedMs < (strayed.caughtUpOnPrimaryMs ?? 0) - MOST_LACKED_MS;
    }
    if (step.what !== "wander") return false;
    const server = this.#servers[this.#primary];
    const isLong = step.forMs > WANDER_MS;
    if (isLong && !living.every((client) => server && client.isSettledOn(server))) return true;
    return (this.#clients[step.client]?.caughtUpOnPrimaryMs ?? Infinity) < earliestMs;
  }

  #placeOf(offset: number): number {
    return (this.#primary + offset) % this.#servers.length;
  }

  #start(place: number): void {
    const name = `server ${place} (start ${++this.#starts})`;
    const onDeath = () => this.#servers[place] = undefined;
    const { keepsLogs } = this.#scenario;
    if (keepsLogs) this.#stores[place] ??= { logId: this.#world.random.bigint(), entries: [] };
    this.#servers[place] = new Server(name, this.#world, { onDeath, store: this.#stores[place] });
  }

  #startClient(index: number): void {
    const { random } = this.#world;
    const name = `client ${index}`;
    const nick = random.chance(0.2) ? "ana" : `nick${index}`;
    const connect = (end: ClientEnd, server: number) => this.#connect(end, server);
    this.#clients[index] = new Client(this.#world, { name, nick, connect, primary: () => this.#primary });
  }

  #crash({ server, death, afterSteps, forMs, next }: Step & { what: "die" }): void {
    const { timeline } = this.#world;
    const place = this.#placeOf(server);
    const dying = this.#servers[place];
    if (!dying) return;
    this.#crashes++;
    dying.crashAfter(afterSteps, death);
    this.#isCrashPending = true;
    timeline.after(FUSE_MS, () => {
      this.#isCrashPending = false;
      dying.die(death);
      if (server === 0) this.#setPrimary(next);
      // In the end there is a server everywhere.
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

  /** Everybody goes to another server, sooner or later. */
  #setPrimary(offset: number, leave = (client: Client) => client.goToPrimary("closed")): void {
    const { random, timeline } = this.#world;
    this.#primary = this.#placeOf(offset);
    for (const client of this.#living) {
      timeline.after(random.spread(1, WANDER_MS), () => {
        if (client.override === undefined && client.end?.place !== this.#primary) leave(client);
      });
    }
  }

  #connect(end: ClientEnd, place: number): Server | undefined {
    const { timeline, random } = this.#world;
    const server = this.#servers[place];
    if (!server) return undefined;
    const serverEnd = new ServerEnd(server, { windowBytes: random.chance(0.8) ? Infinity : 300 });
    const quality = qualityOf(random);
    serverEnd.pipe = new Pipe(end, { timeline, random, quality });
    end.pipes = { up: new Pipe(serverEnd, { timeline, random, quality }), down: serverEnd.pipe };
    return server;
  }
}

function qualityOf(random: Random): Quality {
  const latencyMs = random.chance(0.9) ? random.spread(0.05, 50) : random.spread(50, 2_000);
  return { latencyMs, jitterMs: latencyMs * random.spread(0.1, 10), sliced: random.pick([0, 0.2, 0.6]) };
}
