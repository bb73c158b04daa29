// Drives lib/room.ts and lib/mailbox.ts, the server and the client without sockets, through simulated time and
// a simulated network, and holds a ledger against what they do. A seed gives the same run every time.

import { Client, type ClientEnd } from "./simulator/client.ts";
import { Ledger, type Problem } from "./simulator/ledger.ts";
import { Pipe, type Quality } from "./simulator/network.ts";
import { Random } from "./simulator/random.ts";
import { TRUE_RULES } from "./simulator/rules.ts";
import { type Scenario, scenarioOf, type Step, WANDER_MS } from "./simulator/scenario.ts";
import { Server, ServerEnd } from "./simulator/server.ts";
import { Timeline } from "./simulator/timeline.ts";
import type { Rules, World } from "./simulator/world.ts";

/** What came of one run. */
export interface Outcome {
  readonly problems: readonly Problem[];
  readonly messages: number;
  /** Servers that died. */
  readonly deaths: number;
  /** Other things that broke. */
  readonly breaks: number;
}

/** Most that anybody may lack of what was said at home for the server there to fall. A message that nobody
 * has shown elsewhere must still be kept by its sender then, who may take 40 s more to notice (see
 * {@linkcode WANDER_MS}) within the 120 s of the window. */
const MOST_LACKED_MS = 50_000;
/** How often a fall that is not allowed yet is tried again. */
const RETRY_MS = 1_000;
/** How long everybody may take to come to rest in the end. */
const SETTLING_MS = 120_000;
const SETTLING_STEP_MS = 500;

/** Runs a scenario. */
export function run(scenario: Scenario, rules: Partial<Rules> = {}): Outcome {
  return new Run(scenario, { ...TRUE_RULES, ...rules }).outcome();
}

/** Removes what can be removed from a scenario that fails, so that it still fails in the same way. */
export function shrink(scenario: Scenario, rules: Partial<Rules> = {}): Scenario {
  const fault = run(scenario, rules).problems[0]?.fault;
  let smallest = scenario;
  for (let size = scenario.steps.length >> 1; size > 0;) {
    let hasShrunk = false;
    for (let from = 0; from < smallest.steps.length;) {
      const steps = smallest.steps.toSpliced(from, size);
      const smaller = { ...smallest, steps };
      if (run(smaller, rules).problems.some((problem) => problem.fault === fault)) {
        smallest = smaller;
        hasShrunk = true;
      } else from += size;
    }
    if (!hasShrunk || size > 1) size >>= 1;
  }
  return smallest;
}

/** The first seed from `seed` on, of at most `runs`, whose run fails. */
export function findFailure(
  { seed, runs, rules }: { seed: number; runs: number; rules?: Partial<Rules> },
): number | undefined {
  for (let at = seed; at < seed + runs; at++) {
    if (run(scenarioOf(at), rules).problems.length > 0) return at;
  }
  return undefined;
}

class Run {
  readonly #scenario: Scenario;
  readonly #world: World;
  readonly #servers: (Server | undefined)[] = [];
  readonly #clients: (Client | undefined)[] = [];
  /** The server where everybody is, or goes. */
  #home = 0;
  #deaths = 0;
  #breaks = 0;
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
    const { problems, messages } = ledger;
    return { problems, messages, deaths: this.#deaths, breaks: this.#breaks };
  }

  #play(): void {
    const { timeline, ledger } = this.#world;
    const { servers, steps, endMs } = this.#scenario;
    for (let place = 0; place < servers; place++) this.#start(place);
    for (const step of steps) timeline.at(step.atMs, () => this.#do(step));
    timeline.runUntil(endMs);
    this.#isEnding = true;
    for (const client of this.#living) {
      client.isAway = false;
      client.isQuiet = true;
      client.resume();
      client.goHome("closed");
    }
    for (const server of this.#servers) server?.thaw();
    for (let left = SETTLING_MS; !this.#isSettled(); left -= SETTLING_STEP_MS) {
      if (left < 0) return ledger.report("not settled", "Somebody still lacks something");
      timeline.runUntil(timeline.nowMs + SETTLING_STEP_MS);
    }
    ledger.settle(this.#living.map(({ mailbox }) => mailbox.session));
  }

  get #living(): Client[] {
    return this.#clients.filter((client): client is Client => client !== undefined && !client.isGone);
  }

  #isSettled(): boolean {
    const server = this.#servers[this.#home];
    const living = this.#living;
    if (!server) this.#start(this.#home);
    return server !== undefined && server.room.size === living.length &&
      living.every((client) => client.isSettledOn(server));
  }

  #do(step: Step): void {
    const { timeline } = this.#world;
    if (this.#isEnding) return;
    if (this.#isUnfair(step)) {
      timeline.after(RETRY_MS, () => this.#do(step));
      return;
    }
    switch (step.what) {
      case "come":
        return this.#come(step.client);
      case "die":
        return this.#die(step);
      case "freeze":
        return this.#freeze(step);
      case "move":
        return this.#setHome(step.next, (client) => client.move(step.parting));
    }
    const client = this.#clients[step.client];
    if (!client || client.isGone) return;
    if (step.what === "say") return client.say();
    this.#breaks++;
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
        client.isAway = true;
        timeline.after(step.forMs, () => client.isAway = false);
        return;
      case "suspend":
        client.suspend();
        timeline.after(step.forMs, () => client.resume());
        return;
      case "wander":
        client.elsewhere = this.#placeOf(step.server);
        client.isQuiet = step.forMs > WANDER_MS;
        client.move(step.parting);
        timeline.after(step.forMs, () => {
          client.isQuiet = false;
          client.goHome("closed");
        });
        return;
    }
  }

  /** Whether a step would take from somebody what the rules do not promise. */
  #isUnfair(step: Step): boolean {
    const isFall = step.what === "move" ||
      ((step.what === "die" || step.what === "freeze") && step.server === 0);
    if (!isFall && step.what !== "wander") return false;
    const { nowMs } = this.#world.timeline;
    const isLong = step.what === "wander" && step.forMs > WANDER_MS;
    return this.#living.some(({ elsewhere, isQuiet, end, wholeAtHomeMs = nowMs }) => {
      const isElsewhere = elsewhere !== undefined || (end && end.place !== this.#home);
      // Two groups for longer than the window are two rooms.
      return isElsewhere && (isQuiet || isLong) || nowMs - wholeAtHomeMs > MOST_LACKED_MS;
    });
  }

  #placeOf(offset: number): number {
    return (this.#home + offset) % this.#servers.length;
  }

  #start(place: number): void {
    const name = `server ${place}`;
    const onDeath = () => this.#servers[place] = undefined;
    this.#servers[place] = new Server(name, this.#world, { onDeath });
  }

  #come(index: number): void {
    const { random } = this.#world;
    const name = `client ${index}`;
    const nick = random.chance(0.2) ? "ana" : `nick${index}`;
    const connect = (end: ClientEnd, server: number) => this.#connect(end, server);
    this.#clients[index] = new Client(this.#world, { name, nick, connect, home: () => this.#home });
  }

  #die({ server, death, afterSteps, forMs, next }: Step & { what: "die" }): void {
    const { timeline } = this.#world;
    const place = this.#placeOf(server);
    const dying = this.#servers[place];
    if (!dying) return;
    this.#deaths++;
    dying.dieAfter(afterSteps, death);
    timeline.after(20, () => {
      dying.die(death);
      if (server === 0) this.#setHome(next);
      timeline.after(forMs, () => {
        if (!this.#servers[place]) this.#start(place);
      });
    });
  }

  #freeze({ server, forMs, next }: Step & { what: "freeze" }): void {
    const frozen = this.#servers[this.#placeOf(server)];
    if (!frozen) return;
    this.#breaks++;
    frozen.freeze();
    this.#world.timeline.after(forMs, () => frozen.thaw());
    if (server === 0 && forMs > 10_000) this.#setHome(next);
  }

  /** Everybody goes to another server, sooner or later. */
  #setHome(offset: number, leave = (client: Client) => client.goHome("closed")): void {
    const { random, timeline } = this.#world;
    this.#home = this.#placeOf(offset);
    for (const client of this.#living) {
      timeline.after(random.spread(1, WANDER_MS), () => {
        if (client.elsewhere === undefined && client.end?.place !== this.#home) leave(client);
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
