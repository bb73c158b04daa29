// Asks the user for the server and the nick of a dial, as far as they are not known.

import { isQuit } from "../cli/commands.ts";
import {
  type Address,
  DEFAULT_PORT,
  normalizeHostPort,
  parseAddress,
  parsePort,
  parsePortOrAddress,
  toAscii,
} from "../net/address.ts";
import { InputError } from "../errors.ts";
import { translator } from "../i18n/translate.ts";
import type { LastJoin } from "./last_join.ts";
import type { ConnectTarget } from "./session.ts";
import { type PromptDeps, promptUntilValid } from "../terminal/terminal.ts";
import { parseNick } from "../text/nick.ts";
import { truncate } from "../text/text.ts";

const DEFAULT_HOST = "127.0.0.1";
const MAX_QUOTED_CHARS = 40;
/** Matches every host but a bare name. Words of a chat line seldom match: not `:)`, not `sí...`. */
const HOST_SIGN = /[\p{L}\p{N}][.:][\p{L}\p{N}]|::/u;

/** A field that is undefined is asked for. */
export interface TargetInput {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly nick: string | undefined;
  /** Offered where the user is asked. */
  readonly lastJoin?: LastJoin;
}

interface TargetPromptOptions {
  /** Suggested to the user. */
  readonly fallback: Address | undefined;
  /** The client has joined before. */
  readonly isRejoin: boolean;
  readonly isKnownHost: (host: string) => boolean;
  readonly signal: AbortSignal;
}

/** Returns undefined if the user wants to leave.
 * @throws {InputError} if a pipe ends without a valid answer, or its nick is invalid before the first join */
export async function promptForTarget(
  deps: PromptDeps,
  input: TargetInput,
  { fallback = offered(input), isRejoin, isKnownHost, signal }: TargetPromptOptions,
): Promise<ConnectTarget | undefined> {
  const t = translator(deps.language);
  let { host, port, nick, lastJoin } = input;
  const options = { isQuit, signal };
  /** A user who has not noticed the failure goes on chatting. The terminal restores the line. */
  const refuseTalk = (answer: string) => {
    if (!isRejoin || !deps.terminal.hasLineEditor) return;
    throw new InputError("answer-is-talk", { text: truncate(answer, MAX_QUOTED_CHARS) });
  };
  if (host === undefined) {
    const fallbackHost = fallback?.host ?? DEFAULT_HOST;
    const parse = (answer: string): { host: string; port?: number } => {
      if (/^\d{4,5}$/.test(answer)) return { host: fallbackHost, port: parsePort(answer) };
      // Several words, or one bare word that is no known host, are a chat line.
      const typed = normalizeHostPort(answer);
      const word = answer.split(/\s/, 1)[0]!;
      const isHost = HOST_SIGN.test(word) || word === "localhost" || isKnownHost(toAscii(word));
      if (/\s/.test(typed) || !isHost) refuseTalk(answer);
      return parseAddress(typed);
    };
    const text = t(isRejoin ? "ask.new-server" : "ask.server");
    const answer = await promptUntilValid(deps, { text, fallback: fallbackHost, parse, ...options });
    if (!answer) return undefined;
    host = answer.host;
    port = answer.port ?? port;
  }
  while (port === undefined) {
    const parse = (answer: string): { host?: string; port?: number } => {
      if (/\s/.test(normalizeHostPort(answer))) refuseTalk(answer);
      return parsePortOrAddress(answer);
    };
    const fallbackPort = String(fallback?.port ?? DEFAULT_PORT);
    const answer = await promptUntilValid(deps, {
      text: t("ask.port"),
      fallback: fallbackPort,
      parse,
      ...options,
    });
    if (!answer) return undefined;
    host = answer.host ?? host;
    port = answer.port;
  }
  nick ??= await promptUntilValid(deps, {
    text: t("ask.nick"),
    fallback: lastJoin?.nick,
    parse: parseNick,
    isOnceForPipe: !isRejoin,
    ...options,
  });
  return nick === undefined ? undefined : { server: { host, port }, nick };
}

/** The server of the last join, unless the user named another host. */
function offered({ host, lastJoin }: TargetInput): Address | undefined {
  return host === undefined || host === lastJoin?.server.host ? lastJoin?.server : undefined;
}
