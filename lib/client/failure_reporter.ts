// What the user is told of a server that did not let the client in.

import { ConnectError } from "../errors.ts";
import { type Message, type Translate, translator } from "../i18n/translate.ts";
import { formatAddress } from "../net/address.ts";
import type { PromptDeps } from "../terminal/prompt.ts";
import { printable } from "../text/text.ts";
import type { AuthPrompter } from "./auth_prompt.ts";
import type { FailurePolicy } from "./failure_policy.ts";
import { AUTH_ACTIONS, hasRedialFailed, recoveryFor, shouldRedial } from "./recovery.ts";
import type { ConnectionFailure } from "./session.ts";

interface FailureReporterDeps extends PromptDeps {
  readonly notify: (message: Message) => Promise<void>;
  readonly authPrompter: Pick<AuthPrompter, "canUpgrade">;
}

export class FailureReporter {
  readonly #deps: FailureReporterDeps;
  readonly #policy: FailurePolicy;
  readonly #t: Translate;
  /** With `--auto`, since the last {@linkcode reset}. */
  readonly #reasons = new Set<string>();

  constructor(deps: FailureReporterDeps, policy: FailurePolicy) {
    this.#deps = deps;
    this.#policy = policy;
    this.#t = translator(deps.language);
  }

  /** The client has joined, or the user is asked: reasons are new again. */
  reset(): void {
    this.#reasons.clear();
  }

  /** Tells why the client could not join, unless it will redial without a question. Returns false for a reason that it
   * does not repeat: with `--auto`, each is told once until the next {@linkcode reset}. */
  async report(failure: ConnectionFailure): Promise<boolean> {
    const { target, error, wasJoined } = failure;
    const { authPrompter, notify, terminal } = this.#deps;
    const policy = this.#policy;
    if (wasJoined || hasRedialFailed(failure) || authPrompter.canUpgrade(failure)) return true;
    if (shouldRedial(failure, { isAsked: policy.isAsked })) return true;
    const { action, hasOwnReport } = recoveryFor(error);
    const isAuth = AUTH_ACTIONS.some((authAction) => authAction === action);
    const reason = isAuth ? `${error.code} ${formatAddress(target.server)}` : error.code;
    const isRepeated = policy.isAuto ? !policy.canUserFix(failure) : policy.awaitsNick(failure);
    const isFirstReport = !isRepeated || !this.#reasons.has(reason);
    this.#reasons.add(reason);
    if (hasOwnReport || !isFirstReport) return isFirstReport;
    const hasNick = policy.nickInstead(failure) !== undefined || policy.awaitsNick(failure);
    const isEnd = action === "giveUp" || (policy.endsPipe(action) && !hasNick);
    const willRetry = (!isAuth || policy.isPassedOver(failure)) && !isEnd && !policy.canUserFix(failure) &&
      !policy.isOnlyFaulty(failure);
    const report = this.refusal(failure, { willRetry: willRetry && policy.isAuto });
    if (!policy.isAuto) await terminal.print(report.text);
    else await notify(report);
    return isFirstReport;
  }

  /** Why a server did not let the client in, and whether the client goes on trying. */
  refusal({ target, error }: ConnectionFailure, more: { readonly willRetry: boolean }): Message {
    const report = this.#t.error(error);
    const server = formatAddress(target.server);
    const why = printable(report.text);
    const cause = error instanceof ConnectError ? why : this.#t("client.not-joined", { server, why });
    const text = more.willRetry ? this.#t("client.retry", { why: cause }) : cause;
    return { ...report, text, values: { ...report.values, server, ...more } };
  }
}
