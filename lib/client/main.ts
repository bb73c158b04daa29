// chat-client: builds the parts of a client, then shows the events of its session.

import { delay } from "../base/time.ts";
import { locateErrors } from "../cli/config_file.ts";
import { EXIT, infoOutput, type ProcessContext, programHelp } from "../cli/process.ts";
import { ChatError, InputError } from "../errors.ts";
import { type Message, type Translate, translator } from "../i18n/translate.ts";
import { type Address, formatAddress, parseServerAddress, readBackups } from "../net/address.ts";
import { canResolve, dial } from "../net/tcp.ts";
import { checkTlsSupport, dialTls, type TlsRequirement } from "../net/tls.ts";
import { TOKEN_BYTES } from "../protocol/frames.ts";
import { makeRenderer } from "../render/renderer.ts";
import { printable } from "../text/text.ts";
import { AuthPrompter } from "./auth_prompt.ts";
import { ChatView } from "./chat_view.ts";
import { CHAT_COMMANDS, CommandLoop } from "./commands.ts";
import { CLIENT_FLAGS, type ClientConfig, clientConfig, clientFlags } from "./config.ts";
import { isUnmissed, UNSHOWN_HISTORY } from "./history_block.ts";
import { IgnoreList } from "./ignore_list.ts";
import { readLastJoin, writeLastJoin } from "./last_join.ts";
import { MemberList } from "./member_list.ts";
import { networkSearch } from "./network_search.ts";
import { PrivateReceipts } from "./private_receipts.ts";
import { probe } from "./probe.ts";
import { recoveryFor } from "./recovery.ts";
import { MAY_LACK, rejoinText } from "./rejoin_text.ts";
import { ServerSelector } from "./server_selector.ts";
import {
  type ConnectionFailure,
  type DeliveredEntry,
  Session,
  type SessionDeps,
  type SessionEvent,
} from "./session.ts";
import { SessionState } from "./session_state.ts";
import { TrustStore } from "./trust_store.ts";

/** Returns the exit status.
 * @throws {InputError} about flags and their files, or if the input ends before every question is answered */
export async function runClient(process: ProcessContext): Promise<number> {
  const { terminal, language, buildInfo } = process;
  const t = translator(language);
  const flags = clientFlags(process);
  const help = programHelp({ usage: "usage.client", table: CLIENT_FLAGS, commands: CHAT_COMMANDS }, process);
  const info = await infoOutput(
    flags,
    { name: "chat-client", table: CLIENT_FLAGS, help, build: buildInfo, t },
  );
  if (info) {
    await terminal.print(...info);
    return EXIT.ok;
  }
  const sources = { ...process, table: CLIENT_FLAGS };
  const config = await locateErrors(sources, flags, (flags) => clientConfig(flags, process));
  const trust = await TrustStore.open(config.trust);
  if (flags.forget !== undefined) {
    await terminal.print(await forget(parseServerAddress(flags.forget), trust, t));
    return EXIT.ok;
  }
  // Lines and pipes are asked the same at every start.
  const path = terminal.hasLineEditor && !flags["no-remember"] ? config.lastJoinPath : undefined;
  const lastJoin = path === undefined ? undefined : await readLastJoin(path);
  // From here on only known_servers, after a question of trust, and the last join are written.
  const isReadOnly = config.isAuto || !terminal.isTty || config.trust.ca !== undefined;
  if (isReadOnly) process.dropFilePermissions();
  const parts = buildParts(process, { ...config, lastJoin }, trust);
  return await new ChatClient(parts, isReadOnly ? undefined : path).run();
}

/** Returns what to tell the user.
 * @throws {InputError} `server-not-known` or `file-unwritable` */
async function forget(server: Address, trust: TrustStore, t: Translate): Promise<string> {
  const address = formatAddress(server);
  if (!await trust.forget(server)) throw new InputError("server-not-known", { server: address });
  return t("client.forgotten", { server: address });
}

type ClientParts = ReturnType<typeof buildParts>;

function buildParts(process: ProcessContext, config: ClientConfig, trust: TrustStore) {
  const { terminal, language, clock, buildInfo } = process;
  const { isAuto, historyCount } = config;
  const t = translator(language);
  const renderer = makeRenderer(config.display, process);
  terminal.gapText = (count) => renderer.skipped(t.message("output.skipped", { count }), clock().wallMs);
  const notify = (message: Message, list?: readonly Message[]) => {
    const { wallMs } = clock();
    return terminal.print(...renderer.dateSeparator(wallMs), ...renderer.notice(message, wallMs, list));
  };
  const authPrompter = new AuthPrompter({ terminal, language, notify, trust }, config);
  const dialWith = (tlsRequirement: TlsRequirement | undefined): SessionDeps["dial"] => (server, options) => {
    if (!tlsRequirement) return dial(server, options);
    checkTlsSupport(buildInfo.runtime);
    return dialTls(server, { ...options, tlsRequirement }).catch((error) => {
      throw trust.explain(error, server);
    });
  };
  const search = networkSearch({
    localAddresses: process.localAddresses,
    probePlainly: (server, options) => probe(server, options, dial),
  });
  const selector = new ServerSelector(
    {
      terminal,
      language,
      notify,
      authPrompter,
      clock,
      probe: (server, options) => probe(server, options, dialWith(trust.probeRequirementFor(server))),
      canResolve,
      // Lines and pipes are asked the same on any network.
      ...(terminal.hasLineEditor && { search }),
    },
    config,
    Math.random,
  );
  const token = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
  const state = new SessionState(token, { ...config, historyCount: historyCount || UNSHOWN_HISTORY });
  const session = new Session(
    {
      state,
      nextServer: async (failure, options) => {
        const target = await selector.next(failure, options);
        if (target && !target.isRedial && !config.isAuto) view.onDial(target.server);
        return target;
      },
      passwordFor: (server) => authPrompter.passwordFor(server),
      dial: (server, options) => dialWith(trust.requirementFor(server))(server, options),
      shouldMove: (options) => selector.shouldMove(options),
    },
    config.session,
    clock,
  );
  const members = new MemberList(config.memberList);
  const user = new User(state.sessionId, session, selector);
  const receipts = new PrivateReceipts(state.sessionId, members, t);
  const ignored = new IgnoreList();
  const view = new ChatView(
    { terminal, renderer, t, session, state, reader: user, ignored, notify: config.notify },
    clock,
  );
  const commands = new CommandLoop({
    ...{ process, renderer, session, view, members, user, ignored, notify, isAuto },
    isJson: config.display.isJson,
  });
  return {
    process,
    t,
    renderer,
    notify,
    isAuto,
    historyCount,
    trust,
    selector,
    session,
    members,
    receipts,
    user,
    view,
    commands,
  };
}

/** The user as the room knows them. */
class User {
  readonly sessionId: bigint;
  /** On the current server. */
  nick = "";
  /** The nick that the user asked for, until a server grants or rejects it. */
  #requestedNick: string | undefined;
  readonly #session: Session;
  readonly #selector: ServerSelector;

  constructor(sessionId: bigint, session: Session, selector: ServerSelector) {
    this.sessionId = sessionId;
    this.#session = session;
    this.#selector = selector;
  }

  /** Requests another nick: now, or on the next server. Returns what to reply to the user, if anything. */
  rename(nick: string): "client.nick-same" | "client.nick-later" | undefined {
    if (nick === this.nick && this.#requestedNick === undefined) return "client.nick-same";
    this.#requestedNick = nick;
    if (this.#session.rename(nick)) return undefined;
    this.#selector.rename(nick);
    return "client.nick-later";
  }

  onJoined(nick: string): void {
    this.onNickGranted(nick);
    if (this.#requestedNick !== undefined) this.#session.rename(this.#requestedNick);
  }

  /** A nick that the user did not ask for holds on this server only. */
  onNickGranted(nick: string): void {
    this.nick = nick;
    if (nick !== this.#requestedNick) return;
    this.#requestedNick = undefined;
    this.#selector.onNickGranted(nick);
  }

  /** A server rejected a nick, or HELLO with it: the client must not request it again. */
  onNickRejected({ details }: ChatError): void {
    if (details.nick === this.#requestedNick) this.#requestedNick = undefined;
  }
}

/** Takes each event of the session to the parts that it concerns. */
class ChatClient {
  readonly #parts: ClientParts;
  /** Undefined: the last join is not remembered. */
  readonly #lastJoinPath: string | undefined;
  #server: Address | undefined;
  #isInputRunning = false;
  #inputError: unknown;
  #hasJoined = false;
  /** Of unacked messages, since the client joined last. */
  #toldCount = 0;
  /** What was said before on this server, and not sent again to it, the client has not missed. */
  #missedSinceMs = -Infinity;

  constructor(parts: ClientParts, lastJoinPath: string | undefined) {
    this.#parts = parts;
    this.#lastJoinPath = lastJoinPath;
    parts.process.terminal.onInterruptedChat = () => this.#tellUnacked();
  }

  async run(): Promise<number> {
    const { process: { terminated, terminal, clock }, renderer, view, t } = this.#parts;
    const print = (message: Message) => terminal.print(renderer.line(message, clock().wallMs));
    using session = this.#parts.session;
    const leave = () => session.leave();
    terminated.addEventListener("abort", leave);
    let status: number = EXIT.ok;
    try {
      for await (const event of session.run()) await this.#show(event);
      if (this.#inputError) throw this.#inputError;
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      // A nick that is not allowed ends a pipe as it does when the server rejects it.
      if (error instanceof InputError) {
        if (!error.code.startsWith("nick-")) throw error;
        await print(t.error(error));
      }
      // The selector has reported every other ChatError.
      status = EXIT.failure;
    } finally {
      terminated.removeEventListener("abort", leave);
      await view[Symbol.asyncDispose]();
    }
    if (!terminal.isTty) await delay(0); // lines that waited for a place in the outbox have one now
    const count = session.unacked.length;
    if (count > 0 && !terminal.isTty) status = EXIT.failure;
    if (count > 0 && this.#hasJoined) await print(t.message("client.undelivered", { count }));
    const { draft } = terminal;
    if (draft !== "" && (!terminated.aborted || terminal.interruptSignal.aborted)) {
      await terminal.print(t("client.draft-dropped", { text: printable(draft) }));
    }
    const unreadCount = status === EXIT.ok || terminal.isTty ? 0 : terminal.unreadCount;
    const unsentCount = this.#hasJoined ? 0 : count + unreadCount;
    if (unsentCount > 0) await print(t.message("client.unsent", { count: unsentCount }));
    return status;
  }

  async #show(event: SessionEvent): Promise<void> {
    const { notify, t, user, view } = this.#parts;
    switch (event.type) {
      case "joined":
        return await this.#showJoined(event);
      case "entries":
        view.updateStatus(); // first: a message is not to be shown as unacked below its own echo
        return await this.#showEntries(event.entries);
      case "rejected": {
        user.onNickRejected(event.error);
        const why = t.error(event.error);
        await notify({ ...why, text: t("client.nick-unchanged", { why: why.text }) });
        break;
      }
      case "stalled":
        await notify(t.message(event.isResolved ? "client.stall-resolved" : "client.stalled"));
        break;
      case "disconnected":
        await this.#showDisconnected(event.failure);
    }
    view.updateStatus();
  }

  async #showJoined(joined: SessionEvent & { type: "joined" }): Promise<void> {
    const { server, ip, welcome, truncatedCount, resent, behindMs, mayLack } = joined;
    const { process: { clock, terminal }, renderer, notify, t, selector, user } = this.#parts;
    const { members, receipts, view } = this.#parts;
    const isOneLine = this.#hasJoined && terminal.hasLineEditor;
    this.#hasJoined = true;
    this.#toldCount = 0;
    // By the server's clock, which stamps the entries too.
    const self = welcome.members.find(({ sessionId }) => sessionId === user.sessionId);
    this.#missedSinceMs = behindMs === undefined || !self ? -Infinity : self.sinceMs - behindMs;
    const { logId, memberCount } = welcome;
    const unlistedCount = memberCount - welcome.members.length;
    members.replace(welcome.members, unlistedCount);
    const backups = this.#readBackups(welcome.backups);
    selector.onJoined(server, { ip, logId, backups, memberCount: () => members.count });
    user.onJoined(welcome.nick);
    view.updateStatus(); // first: no dial is to be told of below its welcome
    renderer.setMembers(welcome.members);
    let names = welcome.members.map(({ nick }) => renderer.nick(nick)).join(", ");
    if (unlistedCount > 0) names = t("client.more-members", { names, count: unlistedCount });
    const where = { server: formatAddress(server), names };
    const text = isOneLine ? rejoinText(t, joined, where) : t("client.welcome", where);
    const { wallMs } = clock();
    await terminal.print(renderer.connected(text, { ...where, welcome, resentCount: resent.length }, wallMs));
    if (truncatedCount > 0 && !isOneLine) {
      await terminal.print(
        ...renderer.dateSeparator(wallMs),
        renderer.skipped(t.message("client.truncated", { count: truncatedCount }), wallMs),
      );
    }
    if (mayLack === "any" && !isOneLine) await notify(t.message("client.may-lack", MAY_LACK));
    receipts.onWelcome(welcome, resent);
    for (const message of receipts.take()) await notify(message);
    terminal.releaseDraft();
    this.#startInput();
    this.#server = server;
    await this.#rememberJoin();
  }

  async #rememberJoin(): Promise<void> {
    const [path, server] = [this.#lastJoinPath, this.#server];
    if (path && server) await writeLastJoin(path, { server, nick: this.#parts.user.nick });
  }

  async #showEntries(delivered: readonly DeliveredEntry[]): Promise<void> {
    const { historyCount, members, notify, receipts, selector, user, view } = this.#parts;
    const entries = historyCount > 0
      ? delivered
      : delivered.filter((it) => !isUnmissed(it, this.#missedSinceMs));
    for (const { entry } of entries) {
      members.apply(entry);
      receipts.onEntry(entry);
      if (entry.type === "backups") selector.updateBackups(this.#readBackups(entry.backups));
      if (entry.type === "renamed" && entry.sessionId === user.sessionId) {
        user.onNickGranted(entry.nick);
        await this.#rememberJoin();
      }
    }
    await view.showEntries(entries);
    for (const message of receipts.take()) await notify(message);
  }

  async #showDisconnected({ target, error, wasJoined, isMove }: ConnectionFailure): Promise<void> {
    const { process: { clock, terminal }, renderer, user, view, members, t, isAuto } = this.#parts;
    const { action, hasOwnReport } = recoveryFor(error);
    user.onNickRejected(error);
    await view.flushPresence();
    if (!wasJoined) {
      // With `--auto` no question will take the next line.
      if (isAuto && !hasOwnReport) this.#startInput();
      return;
    }
    members.markStale(clock().wallMs);
    if (isMove) return;
    const why = t.error(error);
    const { wallMs } = clock();
    const server = formatAddress(target.server);
    const text = error.code === "kicked"
      ? why.text
      : t("client.connection-lost", { server, why: printable(why.text) });
    const message = { ...why, text, values: { ...why.values, server } };
    await terminal.print(...renderer.dateSeparator(wallMs), ...renderer.loss(message, wallMs));
    // A question tells what has been sent until it comes.
    if (action !== "giveUp" && (isAuto || !terminal.hasLineEditor)) await this.#tellUnacked();
  }

  /** Tells how many messages are unacked, if there are more than it has told since the client joined. */
  async #tellUnacked(): Promise<void> {
    const { session: { unacked: { length: count } }, notify, t } = this.#parts;
    if (count <= this.#toldCount) return;
    this.#toldCount = count;
    await notify(t.message("client.unacked", { count }));
  }

  /** From now on lines are for the chat; before, each answered a question. */
  #startInput(): void {
    if (this.#isInputRunning) return;
    this.#isInputRunning = true;
    this.#parts.commands.run().catch((error) => {
      this.#inputError = error;
      this.#parts.session.leave();
    });
  }

  /** The backups that the current server lists. The fingerprints among them are pinned. */
  #readBackups(texts: readonly string[]): Address[] {
    const backups = readBackups(texts);
    this.#parts.trust.addPeerPins(backups);
    return backups.map(({ server }) => server);
  }
}
