// Asks the user for what a server requires before it lets the client in: a password, or trust in its certificate.

import { isQuit } from "../cli/commands.ts";
import { type Address, formatAddress, isLoopback } from "../net/address.ts";
import { type ChatError, InputError } from "../errors.ts";
import { errorText, type Message, type Translate, translator } from "../i18n/translate.ts";
import { parsePassword } from "../text/text.ts";
import { recoveryFor } from "./recovery.ts";
import type { ConnectionFailure } from "./session.ts";
import { type PromptDeps, promptUntilValid } from "../terminal/prompt.ts";
import { serverKey, type TrustStore } from "./trust_store.ts";

/** "retry": dial the same server again. "quit": the user leaves. */
export type AuthResult = "notApplicable" | "retry" | "denied" | "quit";

interface AuthPrompterDeps extends PromptDeps {
  /** Prints a line with the time, and a list below it. */
  readonly notify: (message: Message, list?: readonly Message[]) => Promise<void>;
  readonly trust: TrustStore;
}

export interface AuthPrompterConfig {
  /** Sent to a server that asks for one, until the user types another. */
  readonly password: string | undefined;
  /** Without questions about trust. */
  readonly isAuto: boolean;
}

export interface AuthOptions {
  readonly signal: AbortSignal;
  /** A flag named the server, or a server that the client had joined. */
  readonly isConfigured: boolean;
  /** This error of this server was not reported before. */
  readonly isFirstReport: boolean;
  /** Not if the next line of the pipe is meant for the chat, or if other servers come first. */
  readonly canAskPassword: boolean;
  /** The client has joined before: Enter in place of a password leads to the question for the server. */
  readonly isAfterLoss: boolean;
}

/** Gives a password only to servers that asked for one, and without a question only to servers that the user or a
 * joined server named. Once TLS was used the client never dials without it, so the password does not leak later. */
export class AuthPrompter {
  readonly #deps: AuthPrompterDeps;
  readonly #isAuto: boolean;
  readonly #t: Translate;
  #password: string | undefined;
  readonly #sentPasswords = new Map<string, string>();

  constructor(deps: AuthPrompterDeps, { password, isAuto }: AuthPrompterConfig) {
    this.#deps = deps;
    this.#t = translator(deps.language);
    this.#password = password;
    this.#isAuto = isAuto;
  }

  /** Empty if the server has not asked for a password. */
  passwordFor(server: Address): string {
    return this.#sentPasswords.get(serverKey(server)) ?? "";
  }

  async authenticate(failure: ConnectionFailure, options: AuthOptions): Promise<AuthResult> {
    const { target: { server }, error, wasJoined } = failure;
    if (wasJoined) return "notApplicable";
    const { signal, isFirstReport } = options;
    switch (recoveryFor(error).action) {
      case "askPassword":
        return await this.#supplyPassword(server, error, options);
      case "askTrust":
        if (this.#canAskTrust) return await this.#askTrust(server, error, signal);
        if (isFirstReport) await this.#deps.notify(this.#reportOf(server, error));
        return "denied";
      case "upgradeTls":
        if (!this.canUpgrade(failure)) return "denied";
        this.#deps.trust.requireTls(server);
        return "retry";
      case "askForget":
        return this.#canAskTrust && this.#deps.trust.canForget(server)
          ? await this.#askForget(server, signal)
          : "denied";
      case "warnMismatch":
        if (isFirstReport) await this.#warnMismatch(server, error);
        return "denied";
      case "deny":
        return "denied";
      default:
        return "notApplicable";
    }
  }

  async #supplyPassword(
    server: Address,
    error: ChatError,
    { signal, isConfigured, isFirstReport, canAskPassword, isAfterLoss }: AuthOptions,
  ): Promise<AuthResult> {
    const isWrong = this.#sentPasswords.delete(serverKey(server));
    if (isWrong || !isConfigured || this.#password === undefined) {
      const canAsk = this.#deps.terminal.canHideInput && canAskPassword;
      const result = canAsk ? await this.#askPassword(server, { signal, isAfterLoss }) : "denied";
      const isTold = canAsk && isAfterLoss; // the user has chosen to go on to another server
      if (result === "denied" && isFirstReport && !isTold) await this.#reportNoPassword(server, error);
      if (result !== "retry") return result;
    }
    this.#sentPasswords.set(serverKey(server), this.#password!);
    return "retry";
  }

  async #askPassword(
    server: Address,
    { signal, isAfterLoss }: Pick<AuthOptions, "signal" | "isAfterLoss">,
  ): Promise<AuthResult> {
    const { terminal, trust } = this.#deps;
    const isExposed = !isLoopback(server.host) && trust.allowsPlaintext(server);
    if (terminal.hasLineEditor && isExposed) await terminal.print(this.#t("client.password-plain"));
    try {
      const question = {
        text: isAfterLoss
          ? this.#t("ask.password-after-loss", { server: formatAddress(server) })
          : this.#t("ask.password"),
        parse: (answer: string) => isAfterLoss && answer === "" ? "" : parsePassword(answer),
        isSecret: true,
        signal,
      };
      const answer = await terminal.exclusive(() => promptUntilValid(this.#deps, question), { signal });
      if (answer === undefined) return "quit";
      if (answer === "") return "denied";
      this.#password = answer;
      return "retry";
    } catch (inputError) {
      if (!(inputError instanceof InputError)) throw inputError;
      return "denied"; // the pipe ended without an answer
    }
  }

  async #reportNoPassword(server: Address, error: ChatError): Promise<void> {
    const { notify, terminal } = this.#deps;
    // The selector has reported a wrong password.
    if (error.code === "password-needed") {
      const report = this.#reportOf(server, error);
      const text = this.#t("client.not-joined", { server: formatAddress(server), why: report.text });
      await notify({ ...report, text });
    }
    // A wrong one was given, but for --auto the client asks for no other.
    if (error.code === "password-needed" || !terminal.hasLineEditor) {
      await notify(this.#t.message("client.no-password"));
    }
  }

  /** Whether the client can dial the server again with TLS, without a report. */
  canUpgrade({ target: { server }, error }: ConnectionFailure): boolean {
    return recoveryFor(error).action === "upgradeTls" && this.#canAskTrust &&
      this.#deps.trust.allowsPlaintext(server);
  }

  get #canAskTrust(): boolean {
    return !this.#isAuto && this.#deps.terminal.isTty;
  }

  async #askTrust(server: Address, error: ChatError, signal: AbortSignal): Promise<AuthResult> {
    const { terminal } = this.#deps;
    const fingerprint = `${error.details.fingerprint}`;
    const answer = await terminal.exclusive(async () => {
      const question = this.#t("client.unknown-certificate", { server: formatAddress(server) });
      await terminal.print(question, `  ${fingerprint}`);
      const parse = (answer: string) => this.#parseYesOrNo(answer);
      return await promptUntilValid(this.#deps, { text: this.#t("ask.trust"), parse, isQuit, signal });
    }, { signal });
    if (answer === undefined) return "quit";
    if (answer) await this.#pin(server, fingerprint);
    else await terminal.print(this.#t("client.not-trusted", { server: formatAddress(server) }));
    return answer ? "retry" : "denied";
  }

  /** The selector has said that the server no longer speaks TLS, and where it is remembered. */
  async #askForget(server: Address, signal: AbortSignal): Promise<AuthResult> {
    const { terminal, language, trust } = this.#deps;
    const question = {
      text: this.#t("ask.forget"),
      fallback: "n",
      parse: (answer: string) => this.#parseYesOrNo(answer),
      isQuit,
      signal,
    };
    const answer = await terminal.exclusive(() => promptUntilValid(this.#deps, question), { signal });
    if (answer === undefined) return "quit";
    if (!answer) return "denied";
    try {
      await trust.forget(server);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      await terminal.print(errorText(error, language));
    }
    return "retry";
  }

  /** Prints both fingerprints, one below the other, so that the difference is easy to see. */
  async #warnMismatch(server: Address, error: ChatError): Promise<void> {
    const { known, fingerprint } = error.details as { known: string; fingerprint: string };
    await this.#deps.notify(this.#reportOf(server, error), [
      this.#t.message("client.fingerprint-expected", { known }),
      this.#t.message("client.fingerprint-now", { fingerprint }),
    ]);
  }

  #reportOf(server: Address, error: ChatError): Message {
    const report = this.#t.error(error);
    return { ...report, values: { ...report.values, server: formatAddress(server) } };
  }

  async #pin(server: Address, fingerprint: string): Promise<void> {
    const { terminal, language, trust } = this.#deps;
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
