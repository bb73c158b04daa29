// Where a client goes, and as whom: asks a person, or with `--auto` tries the servers that it knows in turn.

import { setTimeout as delay } from "node:timers/promises";
import { isQuit } from "../cli/commands.ts";
import {
  type Address,
  DEFAULT_PORT,
  formatAddress,
  normalizeHostPort,
  parseAddress,
  parsePort,
  parsePortOrAddress,
} from "../net/address.ts";
import { type AuthPrompter, isAboutDoor, isAboutPassword, isForAuthPrompter } from "./auth_prompt.ts";
import { type ChatError, ConnectError, InputError, ServerError } from "../errors.ts";
import {
  fatal,
  isAboutNick,
  isNetworkAway,
  isSilence,
  localNetwork,
  protocolFault,
  transient,
} from "./recovery.ts";
import { errorText, type Language, type Translate, translator } from "../i18n/translate.ts";
import { promptUntilValid } from "../terminal/terminal.ts";
import { BACKOFF_MAX_MS, backoffMs, REDIAL_ANSWER_MS, REDIAL_TIMEOUT_MS, ServerPool } from "./server_pool.ts";
import type { ConnectTarget, Disconnect } from "./session.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { parseNick } from "../text/nick.ts";
import { printable, truncate } from "../text/text.ts";

const DEFAULT_HOST = "127.0.0.1";
/** How much is shown of words that are no answer. */
const MAX_TALK_CHARS = 40;
/** What a host has that is no name alone, and words seldom have: not `:)`, not `sí...`. */
const HOST_SIGN = /[\p{L}\p{N}][.:][\p{L}\p{N}]|::/u;

/** What a chooser knows from the start, and how it talks. */
export interface ServerSelectorOptions {
  readonly terminal: Terminal;
  readonly language: Language;
  /** Prints a line with the time. */
  readonly notify: (text: string) => Promise<void>;
  readonly host?: string;
  readonly port?: number;
  readonly nick?: string;
  readonly backups: readonly Address[];
  /** Opens what keeps the client out and a person can answer for. */
  readonly authPrompter?: Pick<AuthPrompter, "authenticate" | "canUpgrade">;
  /** Asks nothing after a failure. */
  readonly isAuto: boolean;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
}

/** Chooses one target after another. */
export class ServerSelector {
  readonly #options: ServerSelectorOptions;
  readonly #t: Translate;
  readonly #pool: ServerPool;
  #host: string | undefined;
  #port: number | undefined;
  #nick: string | undefined;
  /** Instance of the room that the client was in last. */
  #logId = 0n;
  /** Failures since the client was last in for long. */
  #attempts = 0;
  /** What is offered until it was tried itself. */
  #suggested: Address | undefined;
  #hasEverJoined = false;
  /** Taken since the client was last let in, or a person was last asked. */
  #newNick: string | undefined;
  /** Why the client could not enter, as somebody has heard who is asked nothing. */
  readonly #reportedReasons = new Set<string>();

  constructor(options: ServerSelectorOptions) {
    this.#options = options;
    this.#t = translator(options.language);
    this.#pool = new ServerPool(options.backups);
    this.#host = options.host;
    this.#port = options.port;
    this.#nick = options.nick;
  }

  /** The client is in: this server, at this IP address, and the backups that its room names may be gone to from now
   * on. */
  onJoined(
    server: Address,
    { logId, backups, ip }: { logId: bigint; backups: readonly Address[]; ip: string },
  ): void {
    this.#hasEverJoined = true;
    this.#newNick = undefined;
    this.#reportedReasons.clear();
    this.#pool.setCurrent(server, ip);
    this.#pool.add(server);
    this.#logId = logId;
    this.updateBackups(backups);
  }

  /** The nick for the next server, whatever it was on the last one. */
  rename(nick: string): void {
    this.#newNick = nick;
  }

  /** There are other servers to go to: all that the room of now names. */
  updateBackups(backups: readonly Address[]): void {
    this.#pool.update(backups, this.#logId);
  }

  /** The next target; undefined if the person wants to leave instead.
   * @throws the failure's error, if the client is not wanted, or if the input has ended and nothing else can be
   * tried */
  async next(
    failure: Disconnect | undefined,
    { signal }: { signal: AbortSignal },
  ): Promise<ConnectTarget | undefined> {
    if (!failure) return await this.#first({ signal });
    const { target: { server }, error } = failure;
    const isFirstReport = await this.#reportFailure(failure);
    if (fatal(error)) throw error;
    const nick = this.#newNick ?? failure.target.nick;
    // Who is thrown out as soon as they are in must not come back at once.
    if (failure.connectedForMs >= BACKOFF_MAX_MS) this.#attempts = 0;
    if (this.#shouldRedial(failure)) {
      this.#attempts++;
      const again = { server, nick, dialTimeoutMs: REDIAL_TIMEOUT_MS };
      return isSilence(error) ? { ...again, welcomeTimeoutMs: REDIAL_ANSWER_MS } : again;
    }
    const isConfigured = !this.#hasEverJoined || this.#pool.has(server);
    const door = await this.#options.authPrompter?.authenticate(failure, {
      signal,
      isConfigured,
      isFirstReport,
    });
    if (door === "left") return undefined;
    if (door === "open") return { server, nick };
    if (door === "shut" && this.#hasNoAlternative(server)) throw error;
    return await this.#selectNext(failure, { nick, signal });
  }

  /** Where to go instead of the server that failed: to the next one that is known, or where the person says. */
  async #selectNext(
    failure: Disconnect,
    { nick, signal }: { nick: string; signal: AbortSignal },
  ): Promise<ConnectTarget | undefined> {
    const { target: { server }, error } = failure;
    const after = this.#shouldStay(failure) ? server : this.#nextKnown(server);
    const isAlone = this.#isOnlyFaulty(failure);
    if (protocolFault(error)) this.#pool.exclude(server);
    const shouldSkipBackoff = this.#shouldSkipBackoff(failure, after);
    const waitMs = shouldSkipBackoff ? 0 : backoffMs(this.#attempts++, this.#options.random ?? Math.random);
    const { isAuto, terminal } = this.#options;
    if (isAlone && isAuto && !terminal.isTty) throw error;
    if (isAuto && !this.#canUserFix(error) && !isAlone) {
      await pause(waitMs, signal);
      return { server: after, nick };
    }
    if (terminal.hasEnded && this.#attempts > this.#pool.size + 1) throw error;
    if (terminal.hasEnded) await pause(waitMs, signal); // nobody's answer takes its time
    return await this.#askInstead(failure, { signal, after, isAlone });
  }

  /** Says why the client is not on a server, unless it was, or will try again at once, or the doorman says it. Who
   * is asked nothing hears each reason once until the client is in: that it goes on is no news. Returns whether the
   * reason is. */
  async #reportFailure(failure: Disconnect): Promise<boolean> {
    const { target, error, wasJoined } = failure;
    const { authPrompter, isAuto, language, notify, terminal } = this.#options;
    if (wasJoined || isServerDown(failure) || authPrompter?.canUpgrade(failure)) return true;
    const server = formatAddress(target.server);
    const reason = isAboutDoor(error) ? `${error.code} ${server}` : error.code;
    const isFirstReport = !isAuto || this.#canUserFix(error) || !this.#reportedReasons.has(reason);
    this.#reportedReasons.add(reason);
    if (isForAuthPrompter(error) || !isFirstReport) return isFirstReport;
    const explained = printable(errorText(error, language));
    const why = error instanceof ConnectError
      ? explained
      : this.#t("client.not-joined", { server, why: explained });
    const goesOn = !isAboutDoor(error) && !fatal(error) && !this.#canUserFix(error) &&
      !this.#isOnlyFaulty(failure);
    if (isAuto) await notify(goesOn ? this.#t("client.retry", { why }) : why);
    else await terminal.print(why);
    return isFirstReport;
  }

  /** Whether a person is there who can say what else to come with. */
  #canUserFix(error: ChatError): boolean {
    return this.#options.terminal.isTty && (isAboutNick(error) || isAboutPassword(error));
  }

  /** Whether a person does best to come again where they could not enter: that server lives, and those that share its
   * room have the same store; or nobody knows whether it does. */
  #shouldStay({ target: { server }, error }: Disconnect): boolean {
    const { terminal, isAuto } = this.#options;
    if (isAuto || !terminal.isTty) return false;
    if (error instanceof ServerError) return error.code === "store-away";
    return isNetworkAway(error) && this.#isCurrent(server);
  }

  /** Whether there is no need to wait for another server: the one of now is gone; or nothing can be said of either, and
   * when this machine has its network back, it is to look first where the others are. */
  #shouldSkipBackoff(failure: Disconnect, after: Address): boolean {
    if (isServerDown(failure)) return !this.#pool.isSame(after, failure.target.server);
    return localNetwork(failure.error) && this.#pool.has(this.#pool.current!) && !this.#isCurrent(after);
  }

  #isCurrent(server: Address): boolean {
    return this.#pool.isSame(server, this.#pool.current!);
  }

  /** Whether it may be the connection alone that broke, or the network: then who goes to another server splits the
   * room. A script that gives answers instead of `--auto` is asked, as long as it may have one. */
  #shouldRedial({ error, wasJoined }: Disconnect): boolean {
    const { isAuto, terminal } = this.#options;
    if (!wasJoined || !(transient(error) || isSilence(error)) || this.#attempts > 0) return false;
    return isAuto || terminal.isTty || terminal.hasEnded;
  }

  async #askInstead(
    failure: Disconnect,
    { signal, after, isAlone }: { signal: AbortSignal; after: Address; isAlone: boolean },
  ): Promise<ConnectTarget | undefined> {
    const { target: { server }, error } = failure;
    this.#clearRejectedInput(failure);
    this.#reportedReasons.clear();
    // The port stands if only the name was wrong and nothing else is on offer.
    const isNameWrong = error instanceof ConnectError && error.code === "name-unknown" && after === server;
    if (isNameWrong) this.#port = server.port;
    try {
      return await this.#ask({ signal, fallback: isNameWrong || isAlone ? undefined : after });
    } catch (inputError) {
      throw inputError instanceof InputError ? error : inputError;
    }
  }

  /** Whether a door that is shut will not be opened: nobody is there who could, or send the client elsewhere. Who was
   * in, and has words that no server has, goes on to whatever else is known. */
  #hasNoAlternative(server: Address): boolean {
    const { terminal, isAuto } = this.#options;
    if (!this.#hasEverJoined) return isAuto || !terminal.isTty;
    return !terminal.isTty && terminal.hasEnded && this.#isLastKnown(server);
  }

  /** Whether no server is left to go to but one with which there is no talking. */
  #isOnlyFaulty({ target, error }: Disconnect): boolean {
    return protocolFault(error) && this.#isLastKnown(target.server);
  }

  #isLastKnown(server: Address): boolean {
    return this.#pool.size === (this.#pool.has(server) ? 1 : 0);
  }

  /** Nobody who is asked nothing more could name the first server again: it is tried in turn, be it reached or
   * not. */
  async #first(options: { signal: AbortSignal }): Promise<ConnectTarget | undefined> {
    const target = await this.#ask(options);
    if (target && this.#options.isAuto) this.#pool.add(target.server);
    this.#pool.current = target?.server;
    return target;
  }

  /** Only what the failure is about is asked again. */
  #clearRejectedInput({ target, error }: Disconnect): void {
    const isNick = isAboutNick(error);
    this.#nick = isNick ? undefined : this.#newNick ?? target.nick;
    this.#newNick = undefined;
    this.#host = isNick ? target.server.host : undefined;
    this.#port = isNick ? target.server.port : undefined;
  }

  /** The server to try after one that failed; a person is offered none under its other name. A mistyped address does
   * not use the offer up. */
  #nextKnown(failed: Address): Address {
    const isOfferUsed = this.#suggested === undefined || this.#pool.size === 0 ||
      this.#pool.has(failed);
    if (!isOfferUsed) return this.#suggested!;
    const { isAuto } = this.#options;
    return this.#suggested = isAuto ? this.#pool.nextAfter(failed) : this.#pool.nextDistinct(failed);
  }

  #ask(options: { signal: AbortSignal; fallback?: Address }): Promise<ConnectTarget | undefined> {
    return this.#options.terminal.exclusive(() => this.#askMissing(options), options);
  }

  async #askMissing(
    { signal, fallback }: { signal: AbortSignal; fallback?: Address },
  ): Promise<ConnectTarget | undefined> {
    if (this.#host === undefined) {
      const answer = await this.#prompt({
        text: this.#t(this.#hasEverJoined ? "ask.new-server" : "ask.server"),
        fallback: fallback?.host ?? DEFAULT_HOST,
        parse: (answer) => this.#parseHost(answer, fallback?.host),
        signal,
      });
      if (!answer) return undefined;
      this.#host = answer.host;
      this.#port = answer.port ?? this.#port;
    }
    while (this.#port === undefined) {
      const answer = await this.#prompt({
        text: this.#t("ask.port"),
        fallback: String(fallback?.port ?? DEFAULT_PORT),
        parse: (answer) => this.#parsePort(answer),
        signal,
      });
      if (!answer) return undefined;
      this.#host = answer.host ?? this.#host;
      this.#port = answer.port;
    }
    this.#nick ??= await this.#prompt({ text: this.#t("ask.nick"), parse: parseNick, signal });
    if (this.#nick === undefined) return undefined;
    return { server: { host: this.#host, port: this.#port }, nick: this.#nick };
  }

  /** Whoever has not seen that the server fell goes on talking: words are for the chat, and one alone, or before a
   * number, is no host, unless it is known as one, or has a dot or a port. */
  #parseHost(answer: string, host = DEFAULT_HOST): { host: string; port?: number } {
    // A port alone: whoever types it thinks that the host stands.
    if (/^\d{4,5}$/.test(answer)) return { host, port: parsePort(answer) };
    const typed = normalizeHostPort(answer);
    const word = answer.split(/\s/, 1)[0]!;
    if (/\s/.test(typed) || !HOST_SIGN.test(word) && !this.#isKnownHost(word)) this.#refuseTalk(answer);
    return parseAddress(typed);
  }

  /** Several words are for the chat here too. */
  #parsePort(answer: string): { host?: string; port?: number } {
    if (/\s/.test(normalizeHostPort(answer))) this.#refuseTalk(answer);
    return parsePortOrAddress(answer);
  }

  /** Nobody talks who was never in, and nothing is given back where lines are not edited. */
  #refuseTalk(answer: string): void {
    if (!this.#hasEverJoined || !this.#options.terminal.hasLineEditor) return;
    const text = truncate(answer, MAX_TALK_CHARS);
    throw new InputError("answer-is-talk", { text });
  }

  #isKnownHost(word: string): boolean {
    return word === "localhost" || this.#pool.hasHost(word);
  }

  #prompt<Answer>(question: Parameters<typeof promptUntilValid<Answer>>[1]): Promise<Answer | undefined> {
    return promptUntilValid(this.#options, { ...question, isQuit });
  }
}

/** Whether a server whose connection broke is not there for another one. The system of one that was just killed
 * may still take it, and break it at once. */
function isServerDown({ target, error, wasJoined }: Disconnect): boolean {
  const hasSaidWhy = error instanceof ServerError || isAboutDoor(error) || isNetworkAway(error);
  return !wasJoined && target.dialTimeoutMs !== undefined && !hasSaidWhy;
}

/** Waits, unless the signal says that there is no need to: the caller looks at it. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
