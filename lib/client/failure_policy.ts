// What a failure means for this client, by its flags, its terminal and the servers that it knows.

import type { Terminal } from "../terminal/terminal.ts";
import type { AuthOptions } from "./auth_prompt.ts";
import { type RecoveryAction, recoveryFor } from "./recovery.ts";
import type { RoomFinder } from "./room_finder.ts";
import type { ServerPool } from "./server_pool.ts";
import type { TargetInput } from "./server_prompt.ts";
import type { ConnectionFailure } from "./session.ts";

/** A person at a terminal can be asked, and a script whose pipe has answers. With `--auto` the client asks only what a
 * person alone can mend. */
export class FailurePolicy {
  #hasEverJoined = false;
  /** On the server that the client was on last. */
  #lastNick: string | undefined;
  readonly #config: TargetInput & { readonly isAuto: boolean };
  readonly #terminal: Pick<Terminal, "isTty" | "hasNoAnswers">;
  readonly #pool: ServerPool;

  constructor(
    config: TargetInput & { readonly isAuto: boolean },
    terminal: Pick<Terminal, "isTty" | "hasNoAnswers">,
    pool: ServerPool,
  ) {
    this.#config = config;
    this.#terminal = terminal;
    this.#pool = pool;
  }

  onJoined(): void {
    this.#hasEverJoined = true;
    this.#lastNick = undefined;
  }

  /** The server has granted a nick that the user asked for. */
  onNickGranted(nick: string): void {
    this.#lastNick = nick;
  }

  onLost({ target }: ConnectionFailure): void {
    this.#lastNick ??= target.nick;
  }

  get hasEverJoined(): boolean {
    return this.#hasEverJoined;
  }

  get isAuto(): boolean {
    return this.#config.isAuto;
  }

  /** A script that still has answers. */
  get isAsked(): boolean {
    return !this.#config.isAuto && !this.#terminal.isTty && !this.#terminal.hasNoAnswers;
  }

  /** What {@linkcode AuthPrompter} may do. */
  authOptions(
    failure: ConnectionFailure,
    roomFinder: Pick<RoomFinder, "isChosen">,
  ): Pick<AuthOptions, "isConfigured" | "canAskPassword" | "isAfterLoss"> {
    const { server } = failure.target;
    const isNamed = !this.hasEverJoined || this.#pool.has(server);
    return {
      isConfigured: isNamed && !roomFinder.isChosen(server),
      canAskPassword: !this.#isPipeForChat && !this.isPassedOver(failure),
      isAfterLoss: this.hasEverJoined,
    };
  }

  /** A script that has joined, or whose flags answer every question: its next line must not become a password. */
  get #isPipeForChat(): boolean {
    const { isAuto, host, port, nick } = this.#config;
    const isFlagged = host !== undefined && port !== undefined && nick !== undefined;
    return !this.#terminal.isTty && (isAuto || isFlagged || this.hasEverJoined);
  }

  canUserFix(failure: ConnectionFailure): boolean {
    const { action } = recoveryFor(failure.error);
    if (!this.#terminal.isTty || this.isPassedOver(failure)) return false;
    return action === "askNick" || action === "askPassword";
  }

  /** The next line of a pipe is meant for the chat: a message must not become a nick, nor the server after one of flags. */
  endsPipe(action: RecoveryAction): boolean {
    if (this.#terminal.isTty) return false;
    const { isAuto, host, port } = this.#config;
    const isFlagged = host !== undefined && port !== undefined;
    return action === "askNick" || (isFlagged && !isAuto && !this.hasEverJoined);
  }

  /** No person can be asked for another nick, and the holder of this one may be a ghost. */
  awaitsNick({ error }: ConnectionFailure): boolean {
    const isHeld = error.code === "nick-taken" || error.code === "nick-lookalike";
    return isHeld && this.hasEverJoined && !this.#terminal.isTty;
  }

  /** The last nick, if a script asked for the refused one while the client was on no server. */
  nickInstead({ target, error }: ConnectionFailure): string | undefined {
    const isRefused = recoveryFor(error).action === "askNick" && !this.#terminal.isTty;
    return isRefused && target.nick !== this.#lastNick ? this.#lastNick : undefined;
  }

  /** Whether to offer the same server again. If its store is unavailable, the other servers of its room cannot commit
   * either. Without a network, the failure says nothing about the server. */
  shouldStay({ target, error }: ConnectionFailure): boolean {
    const { action, serverStatus } = recoveryFor(error);
    if (this.#config.isAuto || !this.#terminal.isTty || action !== "stay") return false;
    return serverStatus === "alive" || this.#pool.isCurrent(target.server);
  }

  /** The only server left broke the protocol. */
  isOnlyFaulty({ target, error }: ConnectionFailure): boolean {
    return recoveryFor(error).action === "exclude" && this.#pool.isOnly(target.server);
  }

  /** Whether `--auto` goes on to another server, because this one needs TLS or, after a join at a terminal, a password that
   * the client lacks. */
  isPassedOver({ target, error }: ConnectionFailure): boolean {
    const { action } = recoveryFor(error);
    const needsPassword = action === "askPassword" && this.#terminal.isTty && this.hasEverJoined;
    const isBarred = action === "upgradeTls" || needsPassword;
    return isBarred && this.#config.isAuto && !this.#pool.isOnly(target.server);
  }

  /** No user can answer, and no other server is left. A client without a join, so without messages, tries no other, except
   * after one that needs TLS. */
  hasNoAlternative(failure: ConnectionFailure): boolean {
    const { isTty, hasNoAnswers } = this.#terminal;
    if (!this.hasEverJoined) return !this.isPassedOver(failure) && (this.#config.isAuto || !isTty);
    return !isTty && hasNoAnswers && this.#pool.isOnly(failure.target.server);
  }
}
