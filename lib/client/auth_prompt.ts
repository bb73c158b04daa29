// What stands between a client and a room that a person can answer for: a password, a certificate that nobody
// knows yet.

import { isQuit } from "../cli/commands.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { type ChatError, ConnectError, InputError, ServerError } from "../errors.ts";
import { errorText, type Language, type Translate, translator } from "../i18n/translate.ts";
import { serverKey } from "./known_servers.ts";
import { parsePassword } from "../text/text.ts";
import { promptUntilValid } from "../terminal/terminal.ts";
import type { Disconnect } from "./session.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { TrustStore } from "./trust_store.ts";

/** There is no door; it is open now; it stays shut; the person wants to leave. */
type AuthResult = "none" | "open" | "shut" | "left";

/** What a doorman needs. */
interface AuthPrompterOptions {
  readonly terminal: Terminal;
  readonly language: Language;
  /** Prints a line with the time. */
  readonly notify: (text: string) => Promise<void>;
  readonly trust: TrustStore;
  /** The one to give when a server asks, until the person gives another. */
  readonly password?: string;
  /** Nobody is to be asked whom to trust. */
  readonly isAuto: boolean;
}

/** A client before a door. */
interface AuthOptions {
  readonly signal: AbortSignal;
  /** Whether the person named the server when the program started, or a server did that the client was in. */
  readonly isConfigured: boolean;
  /** Whether it was not said yet why the door is shut. */
  readonly isFirstReport: boolean;
}

/** Opens doors. A password goes to no server that has not asked for it, and without a question only to those that
 * the client is led to by whoever it told the password before. That it was told under TLS need not be remembered:
 * from then on there is nothing else. */
export class AuthPrompter {
  readonly #options: AuthPrompterOptions;
  readonly #t: Translate;
  #password: string | undefined;
  /** What each server that asked was given. */
  readonly #sentPasswords = new Map<string, string>();

  constructor(options: AuthPrompterOptions) {
    this.#options = options;
    this.#t = translator(options.language);
    this.#password = options.password;
  }

  /** The password for a server; empty if it has not asked for one. */
  passwordFor(server: Address): string {
    return this.#sentPasswords.get(serverKey(server)) ?? "";
  }

  /** Opens the door that a client stands before, if it stands before one and that can be. */
  async authenticate(failure: Disconnect, options: AuthOptions): Promise<AuthResult> {
    const { target: { server }, error, wasJoined } = failure;
    if (wasJoined) return "none";
    if (isAboutPassword(error)) return await this.#supplyPassword(server, error, options);
    if (!isAboutTls(error)) return "none";
    if (error.code === "tls-needed") return this.#upgradeToTls(failure);
    if (error.code === "certificate-unknown") return await this.#askTrust(server, error, options);
    if (isMismatch(error) && options.isFirstReport) await this.#warnMismatch(error);
    return "shut";
  }

  async #supplyPassword(
    server: Address,
    error: ChatError,
    { signal, isConfigured, isFirstReport }: AuthOptions,
  ): Promise<AuthResult> {
    const isWrong = this.#sentPasswords.delete(serverKey(server));
    if (isWrong || !isConfigured || this.#password === undefined) {
      const state = await this.#askPassword(signal);
      if (state === "shut" && isFirstReport) await this.#reportDenied(server, error);
      if (state !== "open") return state;
    }
    this.#sentPasswords.set(serverKey(server), this.#password!);
    return "open";
  }

  async #askPassword(signal: AbortSignal): Promise<AuthResult> {
    const { terminal, isAuto } = this.#options;
    if (!terminal.canHideInput || (isAuto && !terminal.isTty)) return "shut";
    const text = this.#t("ask.password");
    try {
      const answer = await terminal.exclusive(
        () => promptUntilValid(this.#options, { text, parse: parsePassword, isSecret: true, signal }),
        { signal },
      );
      if (answer === undefined) return "left";
      this.#password = answer;
      return "open";
    } catch (inputError) {
      if (!(inputError instanceof InputError)) throw inputError;
      return "shut"; // a pipe has ended without an answer
    }
  }

  async #reportDenied(server: Address, error: ChatError): Promise<void> {
    const { language, notify } = this.#options;
    // That a password was wrong has been told.
    if (isForAuthPrompter(error)) {
      const why = errorText(error, language);
      await notify(this.#t("client.not-joined", { server: formatAddress(server), why }));
    }
    await notify(this.#t("client.no-password"));
  }

  /** Whether it will open at once what keeps a client out: there is nothing to tell. With TLS a server can only be met
   * by somebody who can say whether it is the right one. */
  canUpgrade({ target: { server }, error }: Disconnect): boolean {
    const { terminal, isAuto, trust } = this.#options;
    return error.code === "tls-needed" && !isAuto && terminal.isTty && !trust.requirementFor(server);
  }

  #upgradeToTls(failure: Disconnect): AuthResult {
    if (!this.canUpgrade(failure)) return "shut";
    this.#options.trust.requireTls(failure.target.server);
    return "open";
  }

  async #askTrust(
    server: Address,
    error: ChatError,
    { signal, isFirstReport }: AuthOptions,
  ): Promise<AuthResult> {
    const { terminal, language, isAuto, notify } = this.#options;
    if (isAuto || !terminal.isTty) {
      if (isFirstReport) await notify(errorText(error, language));
      return "shut";
    }
    const fingerprint = `${error.details.fingerprint}`;
    const answer = await terminal.exclusive(async () => {
      await terminal.print(
        this.#t("client.unknown-certificate", { server: formatAddress(server) }),
        `  ${fingerprint}`,
      );
      const text = this.#t("ask.trust");
      return await promptUntilValid(this.#options, {
        text,
        parse: (answer) => this.#parseYesOrNo(answer),
        isQuit,
        signal,
      });
    }, { signal });
    if (answer === undefined) return "left";
    if (answer) await this.#trust(server, fingerprint);
    return answer ? "open" : "shut";
  }

  /** Both fingerprints one below the other: eyes are good at finding a difference. */
  async #warnMismatch(error: ChatError): Promise<void> {
    const { terminal, language, notify } = this.#options;
    const { known, fingerprint } = error.details as { known: string; fingerprint: string };
    await notify(errorText(error, language));
    await terminal.print(
      `  ${this.#t("client.fingerprint-expected", { known })}`,
      `  ${this.#t("client.fingerprint-now", { fingerprint })}`,
    );
  }

  async #trust(server: Address, fingerprint: string): Promise<void> {
    const { terminal, language, trust } = this.#options;
    try {
      if (await trust.pin(server, fingerprint)) return;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      await terminal.print(errorText(error, language));
    }
    await terminal.print(this.#t("client.not-remembered", { server: formatAddress(server) }));
  }

  #parseYesOrNo(answer: string): boolean {
    const word = answer.toLowerCase();
    if (this.#t("client.yes").split(" ").includes(word)) return true;
    if (this.#t("client.no").split(" ").includes(word)) return false;
    throw new InputError("answer-unclear");
  }
}

/** Whether there is nothing to tell a person about an error but what the doorman says. */
export function isForAuthPrompter(error: ChatError): boolean {
  return error.code === "password-needed" || error.code === "certificate-unknown" || isMismatch(error);
}

function isMismatch({ code }: ChatError): boolean {
  return code === "certificate-changed" || code === "certificate-other";
}

/** Whether a doorman may open what keeps the client out. */
export function isAboutDoor(error: ChatError): boolean {
  return isAboutPassword(error) || isAboutTls(error);
}

/** Whether a server wants a password, or another one. */
export function isAboutPassword(error: ChatError): boolean {
  return error instanceof ServerError && ["password-needed", "password-wrong"].includes(error.code);
}

function isAboutTls(error: ChatError): boolean {
  if (error instanceof ServerError) return error.code === "tls-needed";
  const { code } = error;
  return error instanceof ConnectError &&
    (code.startsWith("certificate-") || /^(not-tls|tls-failed)$/.test(code));
}
