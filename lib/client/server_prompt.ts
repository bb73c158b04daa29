// Asks the user for the server and the nick of a dial, as far as they are not known.

import { delay } from "../base/time.ts";
import { goodbyeOf, isQuit } from "../cli/commands.ts";
import {
  type Address,
  DEFAULT_PORT,
  formatAddress,
  isSameAddress,
  normalizeHostPort,
  parseAddress,
  parsePort,
} from "../net/address.ts";
import { InputError } from "../errors.ts";
import { type Translate, translator } from "../i18n/translate.ts";
import { isLikeAddress, isLikeIP, isLikePort, isPartOfAddress, isURLOfHost } from "./address_like.ts";
import { FoundList, type NetworkSearch, PROBE_MS } from "./network_search.ts";
import type { LastJoin } from "./last_join.ts";
import { recoveryFor } from "./recovery.ts";
import type { ConnectionFailure, ConnectTarget } from "./session.ts";
import { type PromptDeps, promptUntilValid } from "../terminal/prompt.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { parseNick } from "../text/nick.ts";
import { countChars, truncate } from "../text/text.ts";

const DEFAULT_HOST = "127.0.0.1";
const MAX_QUOTED_CHARS = 40;

/** A field that is undefined is asked for. */
export interface TargetInput {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly nick: string | undefined;
  /** Offered where the user is asked. */
  readonly lastJoin?: LastJoin;
}

/** A server that the user takes with Enter. */
export interface Offer {
  readonly server: Address;
  /** What a PROBE has found; undefined without one. */
  readonly state?: "answers" | "no-answer" | "restarted";
}

interface TargetPromptOptions {
  readonly offer: () => Offer | undefined;
  /** Called with what to do when the offer changes, and without once the question that shows it is answered. */
  readonly watchOffer?: (onChange?: () => void) => void;
  /** The client has joined before. */
  readonly isRejoin: boolean;
  readonly canResolve: (host: string, options: { signal: AbortSignal }) => Promise<boolean>;
  readonly network?: {
    /** Undefined: nothing is looked for. */
    readonly search: NetworkSearch | undefined;
    readonly found?: FoundList;
    readonly isAnswering: (server: Address, options: { signal: AbortSignal }) => Promise<boolean>;
    /** The user has chosen a server that the network offers, and did not name it. */
    readonly onChosen: (server: Address) => void;
  };
  /** The port of a host that is known. */
  readonly portOf?: (host: string) => Promise<number | undefined>;
  readonly signal: AbortSignal;
}

/** What a server did not reject: the user is asked for the rest. */
export function acceptedInput({ target, error }: ConnectionFailure, nick: string): TargetInput {
  const isNickRejected = recoveryFor(error).action === "askNick";
  return isNickRejected ? { ...target.server, nick: undefined } : { host: undefined, port: undefined, nick };
}

/** What to offer instead of a typed server that failed and is the only one known. */
export function insteadOf({ target: { server }, error }: ConnectionFailure, lastJoin?: LastJoin): Address {
  if (lastJoin && !isSameAddress(lastJoin.server, server)) return lastJoin.server;
  const isPortWrong = error.code === "refused" || error.code === "not-a-chat-server";
  return isPortWrong ? { ...server, port: DEFAULT_PORT } : server;
}

/** Returns undefined if the user wants to leave. In a terminal, after a loss, one question asks for host and port.
 * @throws {InputError} if a pipe ends without a valid answer, or its nick is invalid before the first join */
export async function promptForTarget(
  deps: PromptDeps,
  input: TargetInput,
  given: TargetPromptOptions,
): Promise<ConnectTarget | undefined> {
  const remembered = offered(input);
  const options = { ...given, offer: () => given.offer() ?? remembered };
  const { offer, isRejoin, signal } = options;
  const t = translator(deps.language);
  let { host, port, nick } = input;
  const ask = { isQuit: quitCheck(deps, options), signal };
  let fallbackPort = offer()?.server.port ?? DEFAULT_PORT;
  const { terminal } = deps;
  const isAfterLoss = isRejoin && terminal.hasLineEditor;
  if (host === undefined) {
    const answer = isAfterLoss ? await askAfterLoss(deps, options) : await askHost(deps, options);
    if (!answer) return undefined;
    host = answer.host;
    port = answer.port ?? port;
    if (port === undefined) {
      const known = isAfterLoss ? await options.portOf?.(host) : undefined;
      fallbackPort = known ?? options.network?.found?.portOf(host) ?? fallbackPort;
    }
  }
  if (port === undefined) {
    const parse = (answer: string) => parsePortAnswer(answer, deps, options);
    const prompt = { text: t("ask.port"), fallback: `${fallbackPort}`, parse, ...ask };
    const answer = await promptUntilValid(deps, prompt);
    if (!answer) return undefined;
    host = answer.host ?? host;
    port = answer.port;
  }
  nick ??= await promptUntilValid(deps, {
    text: t("ask.nick"),
    fallback: input.lastJoin?.nick,
    parse: parseNick,
    isOnceForPipe: !isRejoin,
    isEdited: true,
    ...ask,
  });
  return nick === undefined ? undefined : { server: { host, port }, nick };
}

/** Whether an answer asks to leave. The TEXT of `/quit TEXT` can reach no room then, and the user is told: it becomes a
 * draft, or without line editing a message that is not sent. */
function quitCheck({ terminal }: PromptDeps, { isRejoin }: TargetPromptOptions): (answer: string) => boolean {
  return (answer) => {
    const goodbye = isRejoin ? goodbyeOf(answer) : "";
    if (goodbye !== "" && terminal.hasLineEditor) terminal.restore(goodbye, { isForChat: true });
    else if (goodbye !== "") terminal.sayAnswer();
    return isQuit(answer);
  };
}

/** The server of the last join, unless the user named another host. */
function offered({ host, lastJoin }: TargetInput): Offer | undefined {
  return lastJoin && (host === undefined || host === lastJoin.server.host) ? lastJoin : undefined;
}

interface HostAnswer {
  readonly host: string;
  readonly port?: number;
}

/** Beside it, servers that are found on the network are offered by number: the first one, if the server on offer is not
 * among them and does not answer, and the one with the most members, if it has none. */
async function askHost(
  deps: PromptDeps,
  options: TargetPromptOptions,
): Promise<HostAnswer | undefined> {
  const { offer, isRejoin, network, signal } = options;
  const t = translator(deps.language);
  const answered = new AbortController();
  const over = AbortSignal.any([signal, answered.signal]);
  const offered = offer()?.server;
  const host = offered?.host ?? DEFAULT_HOST;
  const { search, found = new FoundList(deps) } = network ?? {};
  let isAnswering = false;
  const fallback = () => {
    const number = offered && (found.busierThan(offered) ?? found.numberOf(offered));
    return number ?? (isAnswering ? host : found.firstNumber ?? host);
  };
  const text = () => t(isRejoin ? "ask.new-server" : found.isEmpty ? "ask.server" : "ask.server-found");
  const parse = (answer: string): HostAnswer | Promise<HostAnswer> => {
    if (isRejoin && answer !== host) return parseAfterLoss(answer, host, deps, options);
    const server = found.at(answer);
    if (!server) return parseAnswer(normalizeHostPort(answer), host);
    if (!offered || !isSameAddress(server, offered)) network?.onChosen(server);
    return server;
  };
  const ask = { parse, isQuit: quitCheck(deps, options), signal };
  if (!search) return await promptUntilValid(deps, { text: text(), fallback: host, ...ask });
  const question = () => `${text()} [${fallback()}]`;
  try {
    const probed = offered && network?.isAnswering(offered, { signal: over }).then((is) => isAnswering = is);
    await found.begin(search, { signal: over });
    if (!found.isEmpty && probed) await Promise.race([probed, delay(PROBE_MS, over)]);
    found.onFound = () => deps.terminal.setQuestion(question());
    return await promptUntilValid(deps, {
      ...ask,
      text: question,
      parse: (answer) => parse(answer || fallback()),
    });
  } finally {
    answered.abort();
  }
}

/** If no server of the room answers, those that the network has are listed for a number as the answer. Enter takes none
 * of those. */
async function askAfterLoss(
  deps: PromptDeps,
  options: TargetPromptOptions,
): Promise<HostAnswer | undefined> {
  const { offer, watchOffer, network, signal } = options;
  const t = translator(deps.language);
  const answered = new AbortController();
  const over = AbortSignal.any([signal, answered.signal]);
  let list: FoundList | undefined;
  const parse = async (answer: string): Promise<HostAnswer> => {
    const chosen = list?.at(answer);
    if (chosen) network?.onChosen(chosen);
    if (chosen) return chosen;
    const offered = offer()?.server ?? { host: DEFAULT_HOST, port: DEFAULT_PORT };
    return answer === "" ? offered : await parseAfterLoss(answer, offered.host, deps, options);
  };
  const text = () => afterLossQuestion(t, offer(), { hasList: list?.isEmpty === false });
  const refresh = () => deps.terminal.setQuestion(text());
  const listFound = () => {
    const { search, found } = network ?? {};
    if (list || !search || !found || offer()?.state !== "no-answer") return;
    list = found;
    list.onFound = refresh;
    void list.begin(search, { signal: over }).then(() => over.aborted || refresh());
  };
  watchOffer?.(() => {
    listFound();
    refresh();
  });
  listFound();
  const ask = { text, parse, isQuit: quitCheck(deps, options), signal };
  return await promptUntilValid(deps, ask).finally(() => {
    answered.abort();
    watchOffer?.();
  });
}

/** A user who has not noticed the loss goes on chatting, as a script does: what is no host was meant for the chat. */
async function parseAfterLoss(
  answer: string,
  offeredHost: string,
  { terminal }: PromptDeps,
  { canResolve, signal }: TargetPromptOptions,
): Promise<HostAnswer> {
  // Of a script, a number is rather a value for the chat.
  if (!terminal.isTty && isLikePort(answer)) throw talk(answer, terminal);
  try {
    const typed = parseAnswer(normalizeHostPort(answer), offeredHost);
    // Without line editing, the dial says that a name is unknown.
    if (!terminal.hasLineEditor && !isTalk(answer, terminal)) return typed;
    if (await canResolve(typed.host, { signal })) return typed;
    throw new InputError("name-unknown", { host: typed.host });
  } catch (error) {
    throw error instanceof InputError && isTalk(answer, terminal) ? talk(answer, terminal) : error;
  }
}

/** A person may answer with host and port after all.
 * @throws {InputError} if the answer is neither */
async function parsePortAnswer(
  answer: string,
  deps: PromptDeps,
  options: TargetPromptOptions,
): Promise<{ host?: string; port: number }> {
  const { terminal } = deps;
  const { isRejoin } = options;
  const address = normalizeHostPort(answer);
  if (terminal.isTty && isLikeAddress(address)) {
    const { host, port } = isRejoin
      ? await parseAfterLoss(address, DEFAULT_HOST, deps, options)
      : parseAddress(address);
    if (port !== undefined) return { host, port };
  }
  if (isRejoin && !/^\d+$/.test(answer) && isTalk(answer, terminal)) throw talk(answer, terminal);
  return { port: parsePort(answer.replace(/^:/, "")) };
}

/** Whether an answer that leads to no server was meant for the chat. A person's key, question marks or URL of a host are
 * not worth a draft. Scripts say `cpu:93` more often than they mistype a name. */
function isTalk(answer: string, { isTty }: Terminal): boolean {
  if (!isTty) return !isLikeIP(answer) && !isLikePort(answer);
  if (countChars(answer) === 1 || /^\?+$/.test(answer) || isURLOfHost(answer)) return false;
  return !isLikeAddress(answer) && !isLikePort(answer);
}

/** Four or five digits, or several after a colon, are a port of the server on offer.
 * @throws {InputError} `address-invalid` or `port-invalid` */
function parseAnswer(answer: string, offeredHost: string): HostAnswer {
  return isLikePort(answer)
    ? { host: offeredHost, port: parsePort(answer.replace(/^:/, "")) }
    : parseAddress(answer);
}

/** Without its colon. */
function afterLossQuestion(
  t: Translate,
  offer: Offer | undefined,
  { hasList }: { hasList: boolean },
): string {
  const { server, state } = offer ?? { server: { host: DEFAULT_HOST, port: DEFAULT_PORT } };
  const found = state === undefined ? "" : `, ${t(`offer.${state}`)}`;
  const question = t(hasList ? "ask.server-after-loss-found" : "ask.server-after-loss");
  return `${question} [${formatAddress(server)}${found}]`;
}

/** With line editing the answer becomes a draft. Without, it becomes a message, unless a person may have mistyped a server:
 * by a single word, or an address with a blank in it. */
function talk(answer: string, { hasLineEditor, isTty }: Terminal): InputError {
  const isWord = isTty && (!answer.includes(" ") || isPartOfAddress(answer.replaceAll(" ", "")));
  const code = hasLineEditor ? "answer-is-talk" : isWord ? "answer-not-sent" : "answer-to-chat";
  return new InputError(code, { text: truncate(answer, MAX_QUOTED_CHARS) });
}
