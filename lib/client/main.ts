// chat-client: builds the parts of a client, then shows the events of its session.

import { parseFlags } from "../cli/flags.ts";
import { EXIT, infoOutput, type ProcessContext, programHelp } from "../cli/process.ts";
import { ChatError, InputError, type ServerError } from "../errors.ts";
import { errorText, type Translate, translator } from "../i18n/translate.ts";
import { type Address, formatAddress, readBackups } from "../net/address.ts";
import { dial } from "../net/tcp.ts";
import { checkTlsSupport, dialTls } from "../net/tls.ts";
import { type RoomEvent, TOKEN_BYTES } from "../protocol/frames.ts";
import { makeRenderer, type Renderer } from "../render/renderer.ts";
import { printable } from "../text/text.ts";
import { AuthPrompter } from "./auth_prompt.ts";
import { ChatView } from "./chat_view.ts";
import { CHAT_COMMANDS, CommandLoop } from "./commands.ts";
import { CLIENT_FLAGS, clientConfig } from "./config.ts";
import { MemberList } from "./member_list.ts";
import { recoveryFor } from "./recovery.ts";
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
  const { terminal, language, clock, buildInfo } = process;
  const t = translator(language);
  const flags = parseFlags(process.args, CLIENT_FLAGS);
  const help = programHelp({ usage: "usage.client", table: CLIENT_FLAGS, commands: CHAT_COMMANDS }, process);
  const info = infoOutput(flags, { name: "chat-client", table: CLIENT_FLAGS, help, build: buildInfo, t });
  if (info) {
    await terminal.print(...info);
    return EXIT.ok;
  }
  const config = await clientConfig(flags, process);
  const renderer = makeRenderer(config.display, process);
  const trust = await TrustStore.open(config.trust);
  const { isAuto } = config;
  // From here on only an answer to the question of trust is written, to known_servers.
  if (isAuto || !terminal.isTty || config.trust.ca !== undefined) process.dropFilePermissions();

  const notify = (text: string) => {
    const { wallMs } = clock();
    return terminal.print(...renderer.dateSeparator(wallMs), renderer.notice(text, wallMs));
  };
  const authPrompter = new AuthPrompter({ terminal, language, notify, trust }, config);
  const selector = new ServerSelector({ terminal, language, notify, authPrompter }, config, Math.random);
  const state = new SessionState(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)), config);
  using session = new Session(
    {
      state,
      nextServer: (failure, options) => selector.next(failure, options),
      passwordFor: (server) => authPrompter.passwordFor(server),
      dial: dialer(trust, buildInfo.runtime),
    },
    config.session,
    clock,
  );
  const members = new MemberList(config.memberList);
  const user = new User(state.sessionId, { session, selector });
  const view = new ChatView({ terminal, renderer, t, session, reader: user }, clock);
  const rename = async (nick: string) => {
    const reply = user.rename(nick);
    if (reply) await terminal.print(...renderer.reply(t(reply, { nick })));
  };
  const commands = new CommandLoop({ process, isAuto, renderer, session, view, members, rename, notify });
  const client = new ChatClient({
    process,
    t,
    renderer,
    notify,
    isAuto,
    trust,
    selector,
    session,
    members,
    user,
    view,
    commands,
  });
  return await client.run();
}

/** Dials with TLS if the trust store requires it. */
function dialer(trust: TrustStore, runtime: string): SessionDeps["dial"] {
  return (server, options) => {
    const tlsRequirement = trust.requirementFor(server);
    if (!tlsRequirement) return dial(server, options);
    checkTlsSupport(runtime);
    return dialTls(server, { ...options, tlsRequirement });
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

  constructor(sessionId: bigint, { session, selector }: { session: Session; selector: ServerSelector }) {
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
    this.#selector.rename(nick);
  }

  /** A server rejected a nick, in HELLO or later: the client must not request it again. */
  onNickRejected({ details }: ChatError): void {
    if (details.nick === this.#requestedNick) this.#requestedNick = undefined;
  }
}

interface ChatClientDeps {
  readonly process: ProcessContext;
  readonly t: Translate;
  readonly renderer: Renderer;
  /** Prints a line with the time. */
  readonly notify: (text: string) => Promise<void>;
  readonly isAuto: boolean;
  readonly trust: TrustStore;
  readonly selector: ServerSelector;
  readonly session: Session;
  readonly members: MemberList;
  readonly user: User;
  readonly view: ChatView;
  readonly commands: CommandLoop;
}

/** Takes each event of the session to the parts that it concerns. */
class ChatClient {
  readonly #deps: ChatClientDeps;
  #isInputRunning = false;
  #inputError: unknown;

  constructor(deps: ChatClientDeps) {
    this.#deps = deps;
  }

  async run(): Promise<number> {
    const { process: { terminated, terminal }, session, view, t } = this.#deps;
    const leave = () => session.leave();
    terminated.addEventListener("abort", leave);
    let status: number = EXIT.ok;
    try {
      for await (const event of session.run()) await this.#show(event);
      if (this.#inputError) throw this.#inputError;
    } catch (error) {
      // The selector has reported every other ChatError.
      if (!(error instanceof ChatError) || error instanceof InputError) throw error;
      status = EXIT.failure;
    } finally {
      terminated.removeEventListener("abort", leave);
      await view[Symbol.asyncDispose]();
    }
    const count = session.unacked.length;
    if (count > 0) await terminal.print(t("client.undelivered", { count }));
    return status;
  }

  async #show(event: SessionEvent): Promise<void> {
    const { view } = this.#deps;
    // A message is not to be shown as unacked below its own echo.
    if (event.type === "entries") view.updateStatus();
    await this.#report(event);
    if (event.type !== "entries") view.updateStatus();
  }

  #report(event: SessionEvent): Promise<void> {
    const { notify, t } = this.#deps;
    switch (event.type) {
      case "joined":
        return this.#showJoined(event);
      case "entries":
        return this.#showEntries(event.entries);
      case "rejected":
        return this.#showRejected(event.error);
      case "stalled":
        return notify(t(event.isResolved ? "client.stall-resolved" : "client.stalled"));
      case "disconnected":
        return this.#showDisconnected(event.failure);
    }
  }

  async #showJoined(
    { server, ip, welcome, truncatedCount }: SessionEvent & { type: "joined" },
  ): Promise<void> {
    const { process: { terminal }, renderer, notify, t } = this.#deps;
    const { nick, members, memberCount, logId, backups } = welcome;
    this.#deps.selector.onJoined(server, { ip, logId, backups: this.#readBackups(backups) });
    this.#deps.user.onJoined(nick);
    this.#deps.members.replace(members);
    let names = members.map(({ nick, sessionId }) => renderer.nick(nick, sessionId)).join(", ");
    const count = memberCount - members.length;
    if (count > 0) names = t("client.more-members", { names, count });
    await terminal.print(t("client.welcome", { server: formatAddress(server), names }));
    if (truncatedCount > 0) await notify(t("client.truncated", { count: truncatedCount }));
    this.#startInput();
  }

  async #showEntries(entries: readonly DeliveredEntry[]): Promise<void> {
    for (const { entry } of entries) this.#applyEvent(entry);
    await this.#deps.view.showEntries(entries);
  }

  async #showRejected(error: ServerError): Promise<void> {
    const { process: { language }, user, notify, t } = this.#deps;
    user.onNickRejected(error);
    await notify(t("client.nick-unchanged", { why: errorText(error, language) }));
  }

  async #showDisconnected({ target, error, wasJoined }: ConnectionFailure): Promise<void> {
    const { process: { clock, language }, user, view, members, session, notify, t, isAuto } = this.#deps;
    const { action, hasOwnReport } = recoveryFor(error);
    user.onNickRejected(error);
    await view.flushPresence();
    if (!wasJoined) {
      // With `--auto` no question will take the next line.
      if (isAuto && !hasOwnReport) this.#startInput();
      return;
    }
    members.markStale(clock().wallMs);
    const why = printable(errorText(error, language));
    await notify(t("client.connection-lost", { server: formatAddress(target.server), why }));
    const count = action === "giveUp" ? 0 : session.unacked.length;
    if (count > 0) await notify(t("client.unacked", { count }));
  }

  /** From now on lines are for the chat; before, each answered a question. */
  #startInput(): void {
    if (this.#isInputRunning) return;
    this.#isInputRunning = true;
    this.#deps.commands.run().catch((error) => {
      this.#inputError = error;
      this.#deps.session.leave();
    });
  }

  #applyEvent(event: RoomEvent): void {
    const { members, selector, user } = this.#deps;
    members.apply(event);
    if (event.type === "backups") selector.updateBackups(this.#readBackups(event.backups));
    if (event.type === "renamed" && event.sessionId === user.sessionId) user.onNickGranted(event.nick);
  }

  /** The backups that the current server lists. The fingerprints among them are pinned. */
  #readBackups(texts: readonly string[]): Address[] {
    const backups = readBackups(texts);
    this.#deps.trust.addPeerPins(backups);
    return backups.map(({ server }) => server);
  }
}
