// A simulated chat-client: the whole program, with `--auto` or a person at its terminal, on a bad link.

import { delay } from "../../lib/base/time.ts";
import { splitFrames } from "../../lib/codec.ts";
import { DEFAULT_CONFIG } from "../../lib/client/config.ts";
import { runClient } from "../../lib/client/main.ts";
import { ServerPool } from "../../lib/client/server_pool.ts";
import { SessionState } from "../../lib/client/session_state.ts";
import { formatAddress, isIP } from "../../lib/net/address.ts";
import { decodeClient } from "../../lib/protocol/frames.ts";
import type { AskOptions, Terminal } from "../../lib/terminal/terminal.ts";
import { Random } from "../../tests/testing/random.ts";
import type { Dialled, Link } from "./network.ts";
import { type Connect, currentProcess, Process } from "./process.ts";
import { replacing } from "./rules.ts";
import { addressOf } from "./server.ts";
import type { World } from "./world.ts";

/** How soon a resolver says that it knows no name, because it reaches no server. */
const RESOLVER_TIMEOUT_MS = 5_000;
/** Most that is added to the latency of a packet, as a part of it. */
const JITTER = 0.3;
/** How long a person thinks about a question at most. */
export const MAX_ANSWER_MS = 20_000;

interface ClientOptions {
  readonly index: number;
  /** Place of the server that its user names. */
  readonly server: number;
  /** Of its own, so that a run does not change by what other clients do. */
  readonly random: Random;
  /** `host:port`, in the order in which servers list each other. */
  readonly backups: readonly string[];
  /** Round trips from when the first connection is made to its end; undefined if nothing ends it. */
  readonly cutAfter: number | undefined;
  /** Called at each WELCOME. */
  readonly onJoined: (client: FailoverClient, join: Join, before: Join | undefined) => void;
  /** Until when no packet from or to a server gets through, by its place. */
  readonly silences: readonly number[];
}

/** A WELCOME. */
export interface Join {
  readonly atMs: number;
  /** When the connection ended; Infinity before. */
  untilMs: number;
  readonly logId: bigint;
  /** The client has left the server before with BYE. */
  readonly isReturn: boolean;
}

/** One process. */
export class FailoverClient {
  readonly process: Process;
  readonly name: string;
  sessionId: bigint | undefined;
  readonly joins: Join[] = [];
  isOnline = false;
  isGone = false;
  hasRoute = true;
  silentUntilMs = 0;
  /** More than that of its link. */
  extraLoss = 0;
  hadTrouble = false;
  /** Logs of servers that have said BYE to it, or refuse connections since: their processes have ended. */
  readonly endedLogs = new Set<bigint>();
  /** When its last trouble ends. */
  calmSinceMs = 0;
  resolverMs: number;
  readonly #world: World;
  readonly #options: ClientOptions;
  readonly #latencyMs: number;
  readonly #loss: number;
  readonly #terminal: SimulatedTerminal;
  readonly #terminated = new AbortController();
  #connections: Dialled[] = [];
  #isCalm = false;
  #hasSaidBye = false;
  #cutAfter: number | undefined;
  /** When its connections were last reset. */
  #resetMs = -Infinity;

  constructor(world: World, options: ClientOptions) {
    const { random, index, server, backups } = options;
    this.#world = world;
    this.#options = options;
    this.name = `client ${index}`;
    this.process = new Process(world, { startedMsAgo: random.between(0, 1_000_000) });
    this.process.connect = (target) => this.#connect(target);
    this.process.lookUp = () => this.#resolve();
    this.#latencyMs = random.spread(20, 800) / 2;
    this.#loss = random.chance(0.5) ? 0 : random.spread(0.005, 0.2);
    this.resolverMs = random.spread(1, 50);
    this.#cutAfter = options.cutAfter;
    this.#terminal = new SimulatedTerminal(world, random);
    clients.set(this.process, this);
    const isAuto = random.chance(0.6);
    const { host: ip, port } = addressOf(server);
    const host = random.chance(0.6) ? `s${server}.test` : ip;
    const args = ["--host", host, "--port", `${port}`, "--nick", `nick${index}`];
    // Servers tell the rest.
    if (random.chance(0.5)) args.push(...backups.map((backup) => `--backup=${backup}`));
    this.process.post(() => {
      runClient({
        args: isAuto ? [...args, "--auto"] : args,
        language: "en",
        terminal: this.#terminal as unknown as Terminal,
        hasColors: false,
        clock: this.process.clock,
        localAddresses: () => [],
        hostName: () => "",
        buildInfo: { distribution: "source", runtime: "Deno 2.9.6" },
        dropFilePermissions() {},
        terminated: this.#terminated.signal,
      }).then((status) => this.#end(`status ${status}`), (error) => this.#end(error.stack));
    });
  }

  /** Lines that it has shown, with their times. */
  get screen(): readonly string[] {
    return this.#terminal.screen;
  }

  say(text: string): void {
    if (!this.isGone && !this.process.isSuspended) this.process.post(() => this.#terminal.enter(text));
  }

  /** Place of the server that its user names. */
  get namedServer(): number {
    return this.#options.server;
  }

  leave(): void {
    this.isGone = true;
    this.process.resume();
    this.process.post(() => this.#terminated.abort());
  }

  /** Whether its link never loses a packet by chance. */
  get isLossless(): boolean {
    return this.#loss === 0;
  }

  /** Whether a probe reaches a server in time even before the client has joined one, and so knows no round trip. */
  get isAnsweredInTime(): boolean {
    return 2 * this.#latencyMs * (1 + JITTER) < DEFAULT_CONFIG.failover.answerMs;
  }

  /** Whether a connection of it has broken since, or a server has welcomed it after a loss. */
  wasBrokenSince(sinceMs: number): boolean {
    return this.#resetMs > sinceMs || (this.joins.length > 1 && this.joins.at(-1)!.atMs > sinceMs);
  }

  reset(noticedBy: readonly ("client" | "server")[]): void {
    for (const { socket, peer } of this.#connections) {
      socket.pipe.break({ isNoticed: noticedBy.includes("server") });
      peer.pipe.break({ isNoticed: noticedBy.includes("client") });
    }
    this.#connections = [];
    this.#resetMs = this.#world.timeline.nowMs;
  }

  /** From now on its link loses nothing. */
  calm(): void {
    this.#isCalm = true;
    this.hasRoute = true;
    this.silentUntilMs = 0;
    this.resolverMs = Math.min(this.resolverMs, 50);
    this.process.resume();
  }

  joined(logId: bigint): void {
    this.isOnline = true;
    const { nowMs } = this.#world.timeline;
    const before = this.joins.at(-1);
    if (before?.logId === logId) this.endedLogs.delete(logId);
    const join = { atMs: nowMs, untilMs: Infinity, logId, isReturn: this.#hasSaidBye };
    this.#hasSaidBye = false;
    this.joins.push(join);
    this.#options.onJoined(this, join, before);
  }

  lost(): void {
    if (!this.isOnline) return;
    this.isOnline = false;
    this.joins.at(-1)!.untilMs = this.#world.timeline.nowMs;
  }

  #end(how: string): void {
    const { ledger } = this.#world;
    if (!this.isGone) ledger.report("crashed", `${this.name} ends: ${how}`);
    this.isGone = true;
    this.process.exit();
  }

  async #connect({ hostname = "", port, signal }: Parameters<Connect>[0]) {
    const { index } = this.#options;
    if (!isIP(hostname)) await this.#resolve();
    if (signal?.aborted) throw signal.reason;
    if (!this.hasRoute) {
      throw Object.assign(new Error("Network is unreachable (os error 101)"), { code: "ENETUNREACH" });
    }
    const dialled = await this.#world.network.dial({ host: addressOf(0).host, port }, {
      process: this.process,
      address: `192.0.2.${10 + index}`,
      link: this.#linkTo(port - addressOf(0).port),
      windowBytes: Infinity,
      signal,
      client: this,
    });
    dialled.socket.onWrite = (bytes) => {
      // A PONG may follow.
      this.#hasSaidBye ||= splitFrames(bytes).some((frame) => decodeClient(frame).type === "bye");
    };
    this.#connections.push(dialled);
    if (this.#cutAfter !== undefined) {
      this.#world.timeline.after(
        this.#cutAfter * 2 * this.#latencyMs,
        () => this.reset(["client", "server"]),
      );
      this.#cutAfter = undefined;
    }
    return dialled.socket;
  }

  async #resolve(): Promise<void> {
    const isReached = this.hasRoute && this.resolverMs < Infinity;
    await delay(isReached ? this.resolverMs : this.hasRoute ? RESOLVER_TIMEOUT_MS : 1);
    const { silentUntilMs } = this;
    const { timeline } = this.#world;
    if (isReached && silentUntilMs > timeline.nowMs) await delay(RESOLVER_TIMEOUT_MS);
    if (!isReached || silentUntilMs > timeline.nowMs) throw new Error("failed to lookup address information");
  }

  #linkTo(place: number): Link {
    const { silences } = this.#options;
    // deno-lint-ignore no-this-alias
    const client = this;
    return {
      latencyMs: this.#latencyMs,
      jitterMs: this.#latencyMs * JITTER,
      sliced: 0,
      get loss() {
        return client.#isCalm ? 0 : Math.min(0.2, client.#loss + client.extraLoss);
      },
      get silentUntilMs() {
        return Math.max(client.silentUntilMs, silences[place]!);
      },
    };
  }
}

const clients = new WeakMap<Process, FailoverClient>();

/** What of {@linkcode Terminal} a client uses. Its user takes what is offered, after a while. */
class SimulatedTerminal {
  readonly isTty = true;
  readonly hasNoAnswers = false;
  readonly hasLineEditor = false;
  readonly canHideInput = true;
  readonly columns = undefined;
  readonly hasFocus = true;
  readonly screen: string[] = [];
  readonly #world: World;
  readonly #random: Random;
  readonly #lines: string[] = [];
  #news = Promise.withResolvers<void>();

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  enter(line: string): void {
    this.#lines.push(line);
    this.#news.resolve();
  }

  exclusive<Result>(run: () => Promise<Result>): Promise<Result> {
    return run();
  }

  async ask(question: string, { fallback = "", signal }: AskOptions = {}): Promise<string> {
    this.#show(`${question} [${fallback}]:`);
    await delay(this.#random.spread(500, MAX_ANSWER_MS), signal);
    if (signal?.aborted) throw signal.reason;
    this.#show(`${question} ${fallback}`);
    return fallback;
  }

  async *lines(): AsyncGenerator<{ text: string; isPasted: boolean }> {
    for (;;) {
      this.#news = Promise.withResolvers();
      if (this.#lines.length === 0) await this.#news.promise;
      yield { text: this.#lines.shift()!, isPasted: false };
    }
  }

  print(...lines: readonly string[]): Promise<void> {
    for (const line of lines) this.#show(line);
    return Promise.resolve();
  }

  bell(): void {}
  clear(): void {}
  restore(): void {}
  releaseDraft(): void {}
  setQuestion(): void {}
  setPrompt(): void {}
  setStatus(): void {}
  setTitle(): void {}

  #show(line: string): void {
    const { timeline } = this.#world;
    timeline.touch();
    this.screen.push(`${timeline.nowMs.toFixed(0).padStart(7)} ${line}`);
  }
}

/** Until it is disposed of, clients tell the ledger what they send and read. */
export function watchSessions({ ledger }: World): Disposable {
  const positions = new WeakMap<SessionState, { logId: bigint; nextSeq: number }>();
  const nicks = new WeakMap<SessionState, string>();
  const introduce = ({ sessionId }: SessionState) => {
    const client = clients.get(currentProcess())!;
    if (client.sessionId !== undefined) return;
    client.sessionId = sessionId;
    ledger.addClient(sessionId, client.name);
    // A client may leave a server at any time, for another one.
    ledger.saidBye(sessionId);
  };
  const undo = [
    replacing(SessionState.prototype, "hello", (hello) =>
      function (this: SessionState, nick, ...rest) {
        introduce(this);
        nicks.set(this, nick);
        return hello.call(this, nick, ...rest);
      }),
    replacing(
      SessionState.prototype,
      "onWelcome",
      (onWelcome) =>
        function (this: SessionState, welcome, nowMs) {
          const result = onWelcome.call(this, welcome, nowMs);
          const { sessionId } = this;
          ledger.welcomed(welcome.logId, sessionId, {
            requested: nicks.get(this)!,
            granted: (welcome as { nick?: string }).nick ?? nicks.get(this)!,
          });
          for (const message of result.resend) ledger.resent(sessionId, message);
          positions.set(this, { logId: welcome.logId, nextSeq: welcome.startSeq });
          clients.get(currentProcess())!.joined(welcome.logId);
          return result;
        },
    ),
    replacing(
      SessionState.prototype,
      "onDisconnect",
      (onDisconnect) =>
        function (this: SessionState, ...times) {
          clients.get(currentProcess())!.lost();
          onDisconnect.apply(this, times);
        },
    ),
    replacing(SessionState.prototype, "say", (say) =>
      function (this: SessionState, text, options) {
        introduce(this);
        ledger.sent(this.sessionId, { text, ...options });
        return say.call(this, text, options);
      }),
    replacing(SessionState.prototype, "onEntry", (onEntry) =>
      function (this: SessionState, entry, nowMs) {
        const position = positions.get(this)!;
        const where = { reader: this.sessionId, logId: position.logId };
        ledger.read({ ...where, nextSeq: position.nextSeq++ }, entry);
        const delivery = onEntry.call(this, entry, nowMs);
        if (delivery !== "duplicate") ledger.shown(where, entry, delivery);
        return delivery;
      }),
    replacing(ServerPool.prototype, "exclude", (exclude) =>
      function (this: ServerPool, server) {
        const { name } = clients.get(currentProcess())!;
        ledger.report("excluded", `${name} never returns to ${formatAddress(server)}`);
        exclude.call(this, server);
      }),
  ].map((replace) => replace());
  return {
    [Symbol.dispose]() {
      for (const restore of undo) restore();
    },
  };
}
