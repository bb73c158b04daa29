// Which server and nick next: redial, take the next server of the pool (`--auto`), or ask the user.

import { delay } from "../base/time.ts";
import { type Address, type Backup, formatAddress } from "../net/address.ts";
import type { AuthPrompter } from "./auth_prompt.ts";
import { ConnectError, InputError } from "../errors.ts";
import { AUTH_ACTIONS, type RecoveryAction, recoveryFor } from "./recovery.ts";
import { errorText, type Translate, translator } from "../i18n/translate.ts";
import { BACKOFF_MAX_MS, backoffMs, ServerPool } from "./server_pool.ts";
import type { ConnectionFailure, ConnectTarget } from "./session.ts";
import { promptForTarget, type TargetInput } from "./server_prompt.ts";
import type { PromptDeps } from "../terminal/terminal.ts";
import { printable } from "../text/text.ts";

export interface ServerSelectorDeps extends PromptDeps {
  readonly notify: (text: string) => Promise<void>;
  readonly authPrompter: Pick<AuthPrompter, "authenticate" | "canUpgrade">;
}

export interface ServerSelectorConfig extends TargetInput {
  readonly backups: readonly Backup[];
  /** Asks nothing after a failure, unless only the user can help. */
  readonly isAuto: boolean;
  /** For redialling the server that was just lost: a live host answers or refuses sooner than `dialTimeoutMs`.
   * `welcomeTimeoutMs` holds only if the server fell silent: a process that hangs still accepts connections. */
  readonly redial: { readonly dialTimeoutMs: number; readonly welcomeTimeoutMs: number };
}

export class ServerSelector {
  readonly #deps: ServerSelectorDeps;
  readonly #config: ServerSelectorConfig;
  readonly #random: () => number;
  readonly #t: Translate;
  readonly #pool: ServerPool;
  #logId = 0n;
  /** Since the last connection that lasted {@linkcode BACKOFF_MAX_MS}. */
  #attempts = 0;
  /** Suggested to the user until it has been tried. */
  #suggested: Address | undefined;
  #hasEverJoined = false;
  /** The nick for the next server, if the user has changed it since the client joined or asked. */
  #nextNick: string | undefined;
  /** With `--auto`, since the client last joined. */
  readonly #reportedReasons = new Set<string>();

  /** `random` is uniform in [0, 1). */
  constructor(deps: ServerSelectorDeps, config: ServerSelectorConfig, random: () => number) {
    this.#deps = deps;
    this.#config = config;
    this.#random = random;
    this.#t = translator(deps.language);
    this.#pool = new ServerPool(config.backups.map(({ server }) => server));
  }

  /** `ip` is the address at which the client reached the server. */
  onJoined(
    server: Address,
    { logId, backups, ip }: { logId: bigint; backups: readonly Address[]; ip: string },
  ): void {
    this.#hasEverJoined = true;
    this.#nextNick = undefined;
    this.#reportedReasons.clear();
    this.#pool.setCurrent(server, ip);
    this.#pool.add(server);
    this.#logId = logId;
    this.updateBackups(backups);
  }

  /** Used in the next HELLO. */
  rename(nick: string): void {
    this.#nextNick = nick;
  }

  updateBackups(backups: readonly Address[]): void {
    this.#pool.update(backups, this.#logId);
  }

  /** The next target; undefined if the user leaves instead. {@linkcode RECOVERY} says what to do about a failure.
   * @throws the failure's error, if nothing else can be tried */
  async next(
    failure: ConnectionFailure | undefined,
    { signal }: { signal: AbortSignal },
  ): Promise<ConnectTarget | undefined> {
    if (!failure) return await this.#first(signal);
    const { target: { server }, error } = failure;
    const { action, mayHang } = recoveryFor(error);
    const isFirstReport = await this.#reportFailure(failure);
    const nick = this.#nextNick ?? failure.target.nick;
    // Only a connection that lasted ends the backoff: a client removed as soon as it joins must not return at once.
    if (failure.connectedForMs >= BACKOFF_MAX_MS) this.#attempts = 0;
    if (action === "giveUp") throw error;
    if (action === "redial" && this.#shouldRedial(failure)) {
      this.#attempts++;
      const { dialTimeoutMs, welcomeTimeoutMs } = this.#config.redial;
      return { server, nick, dialTimeoutMs, ...(mayHang && { welcomeTimeoutMs }) };
    }
    const isConfigured = !this.#hasEverJoined || this.#pool.has(server);
    const options = { signal, isConfigured, isFirstReport };
    const result = await this.#deps.authPrompter.authenticate(failure, options);
    if (result === "quit") return undefined;
    if (result === "retry") return { server, nick };
    if (result === "denied" && this.#hasNoAlternative(server)) throw error;
    return await this.#selectNext(failure, signal);
  }

  async #selectNext(failure: ConnectionFailure, signal: AbortSignal): Promise<ConnectTarget | undefined> {
    const { target: { server }, error } = failure;
    const { action } = recoveryFor(error);
    const nick = this.#nextNick ?? failure.target.nick;
    const next = this.#shouldStay(failure) ? server : this.#takeSuggestion(server);
    const isOnlyFaulty = this.#isOnlyFaulty(failure); // before it is excluded
    if (action === "exclude") this.#pool.exclude(server);
    const waitMs = this.#shouldSkipBackoff(failure, next) ? 0 : backoffMs(this.#attempts++, this.#random);
    const { terminal } = this.#deps;
    if (isOnlyFaulty && this.#config.isAuto && !terminal.isTty) throw error;
    if (this.#config.isAuto && !this.#canUserFix(action) && !isOnlyFaulty) {
      await delay(waitMs, signal);
      return { server: next, nick };
    }
    if (terminal.hasEnded && this.#attempts > this.#pool.size + 1) throw error;
    if (terminal.hasEnded) await delay(waitMs, signal); // no user slows this loop down
    const input = this.#acceptedInput(failure);
    this.#nextNick = undefined;
    this.#reportedReasons.clear();
    // If only the name was wrong and there is no other server to suggest, the port stays.
    const isNameWrong = error instanceof ConnectError && error.code === "name-unknown" && next === server;
    const fallback = isNameWrong || isOnlyFaulty ? undefined : next;
    try {
      return await this.#ask(isNameWrong ? { ...input, port: server.port } : input, signal, fallback);
    } catch (inputError) {
      throw inputError instanceof InputError ? error : inputError;
    }
  }

  /** Reports why the client could not join, unless it will redial without a question. With `--auto`, each reason is
   * reported once until the client joins: then returns false. */
  async #reportFailure(failure: ConnectionFailure): Promise<boolean> {
    const { target, error, wasJoined } = failure;
    const { authPrompter, language, notify, terminal } = this.#deps;
    if (wasJoined || hasRedialFailed(failure) || authPrompter.canUpgrade(failure)) return true;
    const { action, hasOwnReport } = recoveryFor(error);
    const server = formatAddress(target.server);
    const isAuth = AUTH_ACTIONS.some((authAction) => authAction === action);
    const reason = isAuth ? `${error.code} ${server}` : error.code;
    const isFirstReport = !this.#config.isAuto || this.#canUserFix(action) ||
      !this.#reportedReasons.has(reason);
    this.#reportedReasons.add(reason);
    if (hasOwnReport || !isFirstReport) return isFirstReport;
    const explained = printable(errorText(error, language));
    const why = error instanceof ConnectError
      ? explained
      : this.#t("client.not-joined", { server, why: explained });
    const willRetry = !isAuth && action !== "giveUp" && !this.#canUserFix(action) &&
      !this.#isOnlyFaulty(failure);
    if (this.#config.isAuto) await notify(willRetry ? this.#t("client.retry", { why }) : why);
    else await terminal.print(why);
    return isFirstReport;
  }

  #canUserFix(action: RecoveryAction): boolean {
    return this.#deps.terminal.isTty && (action === "askNick" || action === "askPassword");
  }

  /** Whether to suggest the same server to the user again. If its store is unavailable, the other servers of its room
   * cannot commit either. Without a network, the failure says nothing about the server. */
  #shouldStay({ target, error }: ConnectionFailure): boolean {
    const { action, serverStatus } = recoveryFor(error);
    if (this.#config.isAuto || !this.#deps.terminal.isTty || action !== "stay") return false;
    return serverStatus === "alive" || this.#isCurrent(target.server);
  }

  /** Whether to dial `next` without a wait. After a failed redial, a different server has not been tried yet. Without a
   * network, the client waits only before the server that it was on: so that one is dialled first when the network
   * returns, and the members stay together. */
  #shouldSkipBackoff(failure: ConnectionFailure, next: Address): boolean {
    if (hasRedialFailed(failure)) return !this.#pool.isSame(next, failure.target.server);
    const { serverStatus } = recoveryFor(failure.error);
    const mayBeOffline = serverStatus === "unknown" || serverStatus === "unreachable";
    return mayBeOffline && this.#pool.has(this.#pool.current!) && !this.#isCurrent(next);
  }

  #isCurrent(server: Address): boolean {
    return this.#pool.isSame(server, this.#pool.current!);
  }

  /** Redialling once avoids a split: a client whose connection alone broke must not leave the other members. A script
   * without `--auto` is asked instead while it still has answers. */
  #shouldRedial({ wasJoined }: ConnectionFailure): boolean {
    const { terminal } = this.#deps;
    return wasJoined && this.#attempts === 0 && (this.#config.isAuto || terminal.isTty || terminal.hasEnded);
  }

  /** Whether a denial ends the client: no user can answer, and no other server is left. A client that has never joined
   * tries no other: only after a join may it have unacked messages. */
  #hasNoAlternative(server: Address): boolean {
    const { terminal } = this.#deps;
    if (!this.#hasEverJoined) return this.#config.isAuto || !terminal.isTty;
    return !terminal.isTty && terminal.hasEnded && this.#isLastKnown(server);
  }

  /** The only server left broke the protocol. */
  #isOnlyFaulty({ target, error }: ConnectionFailure): boolean {
    return recoveryFor(error).action === "exclude" && this.#isLastKnown(target.server);
  }

  #isLastKnown(server: Address): boolean {
    return this.#pool.size === (this.#pool.has(server) ? 1 : 0);
  }

  /** With `--auto` the first server is added to the pool before it was reached: no prompt will ask for it again. */
  async #first(signal: AbortSignal): Promise<ConnectTarget | undefined> {
    const target = await this.#ask(this.#config, signal);
    if (target && this.#config.isAuto) this.#pool.add(target.server);
    this.#pool.current = target?.server;
    return target;
  }

  /** What the server did not reject: the user is asked for the rest. */
  #acceptedInput({ target, error }: ConnectionFailure): TargetInput {
    const { server, nick } = target;
    return recoveryFor(error).action === "askNick"
      ? { ...server, nick: undefined }
      : { host: undefined, port: undefined, nick: this.#nextNick ?? nick };
  }

  /** The server to try after one that failed; `failed` itself if no other is known. A mistyped address does not use up
   * the suggestion. */
  #takeSuggestion(failed: Address): Address {
    if (this.#suggested && this.#pool.size > 0 && !this.#pool.has(failed)) return this.#suggested;
    return this.#suggested = this.#config.isAuto
      ? this.#pool.nextAfter(failed)
      : this.#pool.nextDistinct(failed);
  }

  async #ask(
    input: TargetInput,
    signal: AbortSignal,
    fallback?: Address,
  ): Promise<ConnectTarget | undefined> {
    const isKnownHost = (host: string) => this.#pool.hasHost(host);
    const options = { fallback, isRejoin: this.#hasEverJoined, isKnownHost, signal };
    return await this.#deps.terminal.exclusive(() => promptForTarget(this.#deps, input, options), { signal });
  }
}

/** Whether the client has redialled a lost server, and it was down. The system of a process that was just killed may
 * still accept a connection, and break it at once. */
function hasRedialFailed({ target, error, wasJoined }: ConnectionFailure): boolean {
  const { serverStatus } = recoveryFor(error);
  return !wasJoined && target.dialTimeoutMs !== undefined &&
    (serverStatus === "down" || serverStatus === "unreachable");
}
