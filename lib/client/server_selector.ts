// Which server and nick next: redial, take the next server of the pool (`--auto`), or ask the user.

import { type Clock, delay } from "../base/time.ts";
import { type Address, type Backup, formatAddress } from "../net/address.ts";
import type { AuthPrompter, AuthResult } from "./auth_prompt.ts";
import { ConnectError, InputError } from "../errors.ts";
import { FailurePolicy } from "./failure_policy.ts";
import { FailureReporter } from "./failure_reporter.ts";
import { Failover, type FailoverConfig, type Joined } from "./failover.ts";
import type { NetworkSearch } from "./network_search.ts";
import { tellOfLargerGroup } from "./other_groups.ts";
import { Prober } from "./prober.ts";
import { hasRedialFailed, recoveryFor, returnFailure, shouldRedial } from "./recovery.ts";
import { RoomFinder } from "./room_finder.ts";
import { type Message, type Translate, translator } from "../i18n/translate.ts";
import { BACKOFF_MAX_MS, backoffMs, ServerPool } from "./server_pool.ts";
import type { ConnectionFailure, ConnectTarget } from "./session.ts";
import { ServerOffer } from "./server_offer.ts";
import { acceptedInput, insteadOf, promptForTarget, type TargetInput } from "./server_prompt.ts";
import type { PromptDeps } from "../terminal/prompt.ts";

export interface ServerSelectorDeps extends PromptDeps {
  readonly notify: (message: Message) => Promise<void>;
  readonly authPrompter: Pick<AuthPrompter, "authenticate" | "canUpgrade">;
  readonly clock: Clock;
  readonly probe: ConstructorParameters<typeof Prober>[0];
  readonly canResolve: Parameters<typeof promptForTarget>[2]["canResolve"];
  /** Undefined: the network is not asked for servers. */
  readonly search?: NetworkSearch;
}

export interface ServerSelectorConfig extends TargetInput {
  readonly backups: readonly Backup[];
  /** Asks nothing after a failure, unless only the user can help. */
  readonly isAuto: boolean;
  readonly failover: FailoverConfig;
}

type Destination = Pick<ConnectTarget, "server" | "ip">;

export class ServerSelector {
  readonly #deps: ServerSelectorDeps;
  readonly #config: ServerSelectorConfig;
  readonly #random: () => number;
  readonly #t: Translate;
  readonly #pool: ServerPool;
  readonly #failover: Failover;
  readonly #prober: Prober;
  readonly #roomFinder: RoomFinder;
  readonly #policy: FailurePolicy;
  readonly #reporter: FailureReporter;
  #logId = 0n;
  /** Since the last connection that lasted {@linkcode BACKOFF_MAX_MS}. */
  #attempts = 0;
  /** Suggested to the user until it has been tried. */
  #suggested: Address | undefined;
  /** The nick for the next server, if the user has changed it since the client joined or asked. */
  #nextNick: string | undefined;
  /** Aborted when the client loses the server that it is on. */
  #stay = new AbortController();

  /** `random` is uniform in [0, 1). */
  constructor(deps: ServerSelectorDeps, config: ServerSelectorConfig, random: () => number) {
    this.#deps = deps;
    this.#config = config;
    this.#random = random;
    this.#t = translator(deps.language);
    this.#pool = new ServerPool(config.backups.map(({ server }) => server));
    this.#failover = new Failover(config.failover, random);
    this.#prober = new Prober(deps.probe, this.#failover, config.failover);
    const parts = { prober: this.#prober, failover: this.#failover, pool: this.#pool };
    this.#roomFinder = new RoomFinder(deps, config, parts);
    this.#policy = new FailurePolicy(config, deps.terminal, this.#pool);
    this.#reporter = new FailureReporter(deps, this.#policy);
  }

  /** `ip` is the address at which the client reached the server. */
  onJoined(
    server: Address,
    { logId, backups, ip, memberCount }: {
      logId: bigint;
      backups: readonly Address[];
      ip: string;
      memberCount: () => number;
    },
  ): void {
    if (this.#deps.terminal.hasLineEditor) {
      this.#stay = new AbortController();
      const here = { memberCount, isRejoin: this.#policy.hasEverJoined, signal: this.#stay.signal };
      const { settleMs } = this.#config.failover;
      const parts = { prober: this.#prober, t: this.#t, notify: this.#deps.notify, settleMs };
      void tellOfLargerGroup(backups, here, parts);
    }
    this.#policy.onJoined();
    this.#nextNick = undefined;
    this.#reporter.reset();
    this.#prober.reset();
    this.#failover.onJoined({ server, ip, logId }, this.#nowMs);
    this.#pool.setCurrent(server, ip);
    this.#pool.add(server);
    this.#logId = logId;
    void this.#roomFinder.onJoined(server);
    this.updateBackups(backups);
  }

  /** Used in the next HELLO. */
  rename(nick: string): void {
    this.#nextNick = nick;
  }

  /** The server has granted a nick that the user asked for. */
  onNickGranted(nick: string): void {
    this.#nextNick = nick;
    this.#policy.onNickGranted(nick);
  }

  updateBackups(backups: readonly Address[]): void {
    this.#pool.update(backups, this.#logId);
  }

  /** The next target; undefined if the user leaves instead. {@linkcode RECOVERY} says what to do about a failure.
   * @throws the failure's error, if nothing else can be tried */
  async next(
    failure: ConnectionFailure | undefined,
    options: { signal: AbortSignal },
  ): Promise<ConnectTarget | undefined> {
    if (failure?.wasJoined) this.#stay.abort();
    const target = await this.#choose(failure, options);
    // The user may have asked for another nick while the client waited.
    return target && { ...target, nick: this.#nextNick ?? target.nick };
  }

  async #choose(
    failure: ConnectionFailure | undefined,
    { signal }: { signal: AbortSignal },
  ): Promise<ConnectTarget | undefined> {
    if (!failure) return await this.#first(signal);
    const { target: { server }, error, wasJoined, isMove = false, rttMs } = failure;
    const { action } = recoveryFor(error);
    const nick = this.#nextNick ?? failure.target.nick;
    this.#prober.endBesideDial();
    if (failure.target.abandoned?.aborted && !wasJoined) {
      return { ...await this.#goBackTo(this.#failover.current!), nick };
    }
    if (wasJoined) {
      this.#policy.onLost(failure);
      this.#prober.reset();
      const isFinal = isMove || action === "exclude";
      this.#failover.onLost({ isFinal, saidBye: error.code === "closing", rttMs }, this.#nowMs);
    } else if (error.code === "refused") this.#failover.onEnded(server);
    else if (hasRedialFailed(failure)) void this.#prober.probeOnceMore(server, { signal });
    if (this.#failover.returning) return await this.#returnTarget(failure, nick);
    const waited = await this.#waitToJoin(failure, signal);
    if (waited) return waited;
    const isFirstReport = await this.#reporter.report(failure);
    // Only a connection that lasted ends the backoff: a client removed as soon as it joins must not return at once.
    if (failure.connectedForMs >= BACKOFF_MAX_MS) this.#attempts = 0;
    if (action === "giveUp") throw error;
    if (shouldRedial(failure, { isAsked: this.#policy.isAsked })) {
      return { server, nick, isRedial: true, ...wasJoined && await this.#redialLimits(failure, signal) };
    }
    const options = { isFirstReport, ...this.#policy.authOptions(failure, this.#roomFinder) };
    let result: AuthResult | undefined;
    const back = await this.#orBack(failure, { signal }, async (over) => {
      result = await this.#deps.authPrompter.authenticate(failure, { ...options, signal: over });
    });
    if (back || result === "retry") return { server, ...back, nick };
    if (result === "quit") return undefined;
    if (result === "denied" && this.#policy.hasNoAlternative(failure)) throw error;
    const instead = this.#policy.nickInstead(failure);
    if (instead !== undefined) return { server, nick: this.#nextNick = instead };
    if (this.#policy.awaitsNick(failure)) return await this.#retryNick(failure, signal);
    if (this.#policy.endsPipe(action)) throw error;
    return await this.#selectNext(failure, signal);
  }

  /** Resolves to true when the client is to leave the server that it is on, and to false when the signal is aborted. */
  async shouldMove({ signal }: { signal: AbortSignal }): Promise<boolean> {
    const home = await this.#prober.untilHome({ signal, now: () => this.#nowMs });
    if (home) await this.#goBackTo(home, { hasOthers: true });
    return home !== undefined;
  }

  get #nowMs(): number {
    return this.#deps.clock().monotonicMs;
  }

  /** The server that was just lost is tried for a short time, since others of its room are probed meanwhile. */
  async #redialLimits({ target, error }: ConnectionFailure, signal: AbortSignal) {
    // Two copies of a client, with one token, replace each other for ever.
    if (target.isRedial && this.#attempts > 0) {
      await delay(backoffMs(this.#attempts, this.#random), signal);
    }
    this.#attempts++;
    this.#prober.beginLater(this.#candidates(this.#pool.nextAfter(target.server), target.server), signal);
    const mustAnswer = recoveryFor(error).mayHang === true;
    return { ip: this.#failover.current!.ip, ...this.#failover.limits({ mustAnswer }) };
  }

  /** Once the server to go back to has failed, the one that the client left for it. */
  async #returnTarget(failure: ConnectionFailure, nick: string): Promise<ConnectTarget> {
    let to = this.#failover.returning!;
    if (!failure.wasJoined) {
      const how = returnFailure(failure.error);
      if (how !== "unreached") {
        await this.#deps.notify(this.#reporter.refusal(failure, { willRetry: how === "refused" }));
      }
      to = this.#failover.onReturnFailed(how, this.#nowMs);
    }
    return { server: to.server, ip: to.ip, nick };
  }

  async #goBackTo({ server, ip }: Joined, { hasOthers = false } = {}): Promise<Destination> {
    const values = { server: formatAddress(server) };
    const text = this.#t(hasOthers ? "client.returning-to-others" : "client.returning", values);
    await this.#deps.notify({ ...this.#t.message("client.returning", values), text });
    return { server, ip };
  }

  /** Waits if the server that the client was on lives, and has only heard from this address too often. */
  async #waitToJoin(
    { target: { server, nick }, error }: ConnectionFailure,
    signal: AbortSignal,
  ): Promise<ConnectTarget | undefined> {
    if (error.code !== "entering-too-often" || !this.#policy.hasEverJoined || !this.#pool.isCurrent(server)) {
      return undefined;
    }
    const { joinWaitMs } = this.#config.failover;
    const values = { server: formatAddress(server), seconds: joinWaitMs / 1_000 };
    await this.#deps.notify(this.#t.message("client.join-wait", values));
    await delay(joinWaitMs, signal);
    return { server, nick };
  }

  /** @throws the failure's error, if the nick is taken on every server */
  async #retryNick(failure: ConnectionFailure, signal: AbortSignal): Promise<ConnectTarget> {
    const { target: { server, nick }, error } = failure;
    const others = this.#pool.rotationFrom(this.#pool.nextAfter(server));
    const next = this.#failover.nextForNick(server, others, this.#nowMs);
    if (!next) throw error;
    if (next === server) await delay(this.#config.failover.nickRetryMs, signal);
    return { server: next, nick };
  }

  async #selectNext(failure: ConnectionFailure, signal: AbortSignal): Promise<ConnectTarget | undefined> {
    const { target: { server }, error } = failure;
    const isStaying = this.#policy.shouldStay(failure);
    const next = isStaying ? server : this.#takeSuggestion(server);
    const isOnlyFaulty = this.#policy.isOnlyFaulty(failure); // before it is excluded
    if (recoveryFor(error).action === "exclude") this.#pool.exclude(server);
    else if (!this.#policy.hasEverJoined && this.#policy.isPassedOver(failure)) this.#pool.remove(server);
    const waitMs = this.#shouldSkipBackoff(failure, next) ? 0 : backoffMs(this.#attempts++, this.#random);
    const { terminal } = this.#deps;
    if (this.#config.isAuto && isOnlyFaulty && !terminal.isTty) throw error;
    if (this.#config.isAuto && !isOnlyFaulty && !this.#policy.canUserFix(failure)) {
      return await this.#selectUnasked(failure, next, { waitMs, signal });
    }
    if (terminal.hasNoAnswers && this.#attempts > this.#pool.size + 1) throw error;
    if (terminal.hasNoAnswers) await delay(waitMs, signal); // no user slows this loop down
    return await this.#askForNext(failure, next, { isStaying, isOnlyFaulty, signal });
  }

  /** The first server that answers, in the order from `next` on; `next` if none does. */
  async #selectUnasked(
    failure: ConnectionFailure,
    next: Address,
    { waitMs, signal }: { waitMs: number; signal: AbortSignal },
  ): Promise<ConnectTarget> {
    const { server: failed, nick } = failure.target;
    let server = next;
    const back = await this.#orBack(failure, { signal }, async (over) => {
      await delay(waitMs, over);
      const options = { failed, signal, over };
      server = await this.#prober.firstAnswering(this.#candidates(next, failed), options) ?? next;
    });
    if (back) return { ...back, nick };
    const lost = this.#pool.isCurrent(server) ? undefined : this.#lostServer(failure);
    const abandoned = lost && { abandoned: this.#prober.besideDial(lost, signal) };
    return { ...this.#failover.knownIp(server), server, nick, ...abandoned };
  }

  /** Asks the user, with `next` on offer until another server is found to answer. */
  async #askForNext(
    failure: ConnectionFailure,
    next: Address,
    { isStaying, isOnlyFaulty, signal }: { isStaying: boolean; isOnlyFaulty: boolean; signal: AbortSignal },
  ): Promise<ConnectTarget | undefined> {
    const { target: { server }, error } = failure;
    const { terminal } = this.#deps;
    const nick = this.#nextNick ?? failure.target.nick;
    const input = acceptedInput(failure, nick);
    this.#nextNick = undefined;
    this.#reporter.reset();
    // If only the name was wrong and there is no other server to suggest, the port stays.
    const isNameWrong = error instanceof ConnectError && error.code === "name-unknown" && next === server;
    const isOffered = !isNameWrong && !isOnlyFaulty;
    const isAlive = isStaying && recoveryFor(error).serverStatus === "alive";
    const candidates = this.#candidates(next, server);
    const isProbed = isOffered && !isAlive && input.host === undefined &&
      (terminal.hasLineEditor || (terminal.isTty && candidates.length > 0));
    const isTyped = next === server && !this.#policy.hasEverJoined && !this.#pool.has(server);
    const instead = isTyped && terminal.hasLineEditor ? insteadOf(failure, this.#config.lastJoin) : next;
    const fallback = isOffered ? { server: instead } : undefined;
    const offer = new ServerOffer(this.#prober, this.#config.failover, fallback);
    offer.search = this.#roomFinder.searchFor(server);
    let answer: ConnectTarget | undefined;
    try {
      const back = await this.#orBack(failure, { signal, offer }, async (over) => {
        const question = isNameWrong ? { ...input, port: server.port } : input;
        const ask = async () => void (answer = await this.#ask(question, over, offer));
        if (!isProbed) return await ask();
        await offer.keepFor(ask, candidates, { failed: server, signal, over });
        if (this.#suggested === next) this.#suggested = offer.current?.server;
      });
      return back ? { ...back, nick } : answer && { ...this.#failover.knownIp(answer.server), ...answer };
    } catch (inputError) {
      throw inputError instanceof InputError ? error : inputError;
    }
  }

  /** Returns the lost server if it is back while `run` waits, probes others or asks. */
  async #orBack(
    failure: ConnectionFailure,
    { signal, offer }: { signal: AbortSignal; offer?: ServerOffer },
    run: (signal: AbortSignal) => Promise<void>,
  ): Promise<Destination | undefined> {
    const lost = this.#lostServer(failure);
    if (!lost) return void await run(signal);
    const onRestarted = async () => {
      await this.#deps.notify(this.#t.message("client.restarted", { server: formatAddress(lost.server) }));
      offer?.onRestarted(lost.server);
    };
    const isBack = await this.#prober.whileAway(lost, run, { signal, onRestarted });
    return isBack && !signal.aborted ? await this.#goBackTo(lost) : undefined;
  }

  /** The server that the client was on last, if it is to go back there unasked. */
  #lostServer({ target, error }: ConnectionFailure): Joined | undefined {
    const { current } = this.#failover;
    const refused = recoveryFor(error).serverStatus === "alive" && this.#pool.isCurrent(target.server);
    const canReturn = !refused && (this.#config.isAuto || this.#deps.terminal.isTty);
    return canReturn && current && this.#pool.has(current.server) ? current : undefined;
  }

  /** In order; none if there is no choice. A person is told whether the only one answers, a script is asked at once. */
  #candidates(first: Address, failed: Address): Address[] {
    const others = this.#pool.rotationFrom(first).filter((server) => !this.#pool.isSame(server, failed));
    const { hasLineEditor, isTty } = this.#deps.terminal;
    if (others.length < 2 && (this.#config.isAuto || !hasLineEditor)) return [];
    return this.#config.isAuto || isTty ? others : [];
  }

  /** Whether to dial `next` without a wait. After a failed redial, a different server has not been tried yet, unless the
   * client has been around all of them. Without a network, the client waits only before the server that it was on: so
   * that one is dialled first when the network returns, and the members stay together. */
  #shouldSkipBackoff(failure: ConnectionFailure, next: Address): boolean {
    if (hasRedialFailed(failure)) {
      return this.#attempts <= this.#pool.size && !this.#pool.isSame(next, failure.target.server);
    }
    const { serverStatus } = recoveryFor(failure.error);
    const mayBeOffline = serverStatus === "unknown" || serverStatus === "unreachable";
    return mayBeOffline && this.#pool.has(this.#pool.current!) && !this.#pool.isCurrent(next);
  }

  /** A first server that flags name, or that no prompt will ask for again, is added to the pool before it was reached. */
  async #first(signal: AbortSignal): Promise<ConnectTarget | undefined> {
    const target = await this.#ask(this.#config, signal);
    const { isAuto, host } = this.#config;
    if (target && (isAuto || host !== undefined)) this.#pool.add(target.server);
    this.#pool.current = target?.server;
    return target;
  }

  /** The server to try after one that failed; `failed` itself if no other is known. A mistyped address does not use up
   * the suggestion. */
  #takeSuggestion(failed: Address): Address {
    if (this.#suggested && this.#pool.size > 0 && !this.#pool.has(failed)) return this.#suggested;
    return this.#suggested = this.#config.isAuto
      ? this.#pool.nextAfter(failed)
      : this.#pool.nextDistinct(failed);
  }

  async #ask(input: TargetInput, signal: AbortSignal, offer?: ServerOffer) {
    const options = {
      offer: () => offer?.current,
      watchOffer: (onChange = () => {}) => offer && (offer.onChange = onChange),
      isRejoin: this.#policy.hasEverJoined,
      canResolve: this.#deps.canResolve,
      portOf: async (host: string) => await offer?.portOf(host, this.#pool, signal),
      network: this.#roomFinder,
      signal,
    };
    return await this.#deps.terminal.exclusive(() => promptForTarget(this.#deps, input, options), { signal });
  }
}
