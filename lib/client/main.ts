// chat-client from its flags to its exit status: joins what is typed and what is shown to the session.

import { type Address, formatAddress, readBackups } from "../net/address.ts";
import { ChatView } from "./chat_view.ts";
import { type ClientAccess, clientAccess } from "./client_access.ts";
import { CHAT_COMMANDS, CommandLoop } from "./commands.ts";
import { CLIENT_FLAGS, type ClientConfig, clientConfig, displayConfig } from "./config.ts";
import { AuthPrompter, isForAuthPrompter } from "./auth_prompt.ts";
import { ChatError, InputError, type ServerError } from "../errors.ts";
import { fatal } from "./recovery.ts";
import { parseFlags } from "../cli/flags.ts";
import { errorText, type Translate, translator } from "../i18n/translate.ts";
import { SessionState } from "./session_state.ts";
import { EXIT, infoOutput, type ProcessContext, programHelp } from "../cli/process.ts";
import { type RoomEvent, TOKEN_BYTES } from "../protocol/frames.ts";
import { makeRenderer, type Renderer } from "../render/renderer.ts";
import { MemberList } from "./member_list.ts";
import { type DeliveredEntry, type Disconnect, Session, type SessionEvent } from "./session.ts";
import { ServerSelector } from "./server_selector.ts";
import { printable } from "../text/text.ts";
import type { TrustStore } from "./trust_store.ts";

/** Chats until the person leaves. Returns the exit status.
 * @throws {InputError} about flags, or if the input ends before all is known
 * @throws {ChatError} if the input has ended and no server can be had */
export async function runClient(program: ProcessContext): Promise<number> {
  const t = translator(program.language);
  const flags = parseFlags(program.args, CLIENT_FLAGS);
  const { buildInfo } = program;
  const answer = infoOutput(flags, {
    name: "chat-client",
    table: CLIENT_FLAGS,
    help: programHelp({ usage: "usage.client", table: CLIENT_FLAGS, commands: CHAT_COMMANDS }, program),
    build: buildInfo,
    t,
  });
  if (answer) {
    await program.terminal.print(...answer);
    return EXIT.ok;
  }
  const settings = clientConfig(flags);
  const renderer = makeRenderer(displayConfig(flags), program);
  const access = await clientAccess(flags, { ...settings, program });
  using client = new ChatClient(program, { ...settings, renderer, access });
  return await client.run();
}

interface ClientOptions extends ClientConfig {
  readonly renderer: Renderer;
  readonly access: ClientAccess;
}

/** One person's chat. */
class ChatClient implements Disposable {
  readonly #program: ProcessContext;
  readonly #t: Translate;
  readonly #renderer: Renderer;
  readonly #selector: ServerSelector;
  readonly #trust: TrustStore;
  readonly #isAuto: boolean;
  readonly #state: SessionState;
  readonly #session: Session;
  readonly #screen: ChatView;
  readonly #commands: CommandLoop;
  readonly #members = new MemberList();
  /** What the server of now calls the person. */
  #nick = "";
  /** The nick that the person asked for, until a server gives it or refuses to. */
  #requestedNick: string | undefined;
  #isInputRunning = false;
  #inputError: unknown;

  constructor(program: ProcessContext, { renderer, access, ...settings }: ClientOptions) {
    const { terminal, language, clock } = program;
    this.#program = program;
    this.#t = translator(language);
    this.#renderer = renderer;
    this.#isAuto = settings.isAuto;
    this.#trust = access.trust;
    const notify = (text: string) => this.#notify(text);
    const authPrompter = new AuthPrompter({ ...access, terminal, language, notify, isAuto: settings.isAuto });
    this.#selector = new ServerSelector({
      ...settings,
      backups: settings.backups.map(({ server }) => server),
      terminal,
      language,
      notify,
      authPrompter,
    });
    const resumeToken = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
    this.#state = new SessionState({ resumeToken, history: settings.history });
    this.#session = new Session({
      state: this.#state,
      nextServer: (failure, options) => this.#selector.next(failure, options),
      passwordFor: (server) => authPrompter.passwordFor(server),
      dial: access.dial,
      clock,
    });
    this.#screen = new ChatView({
      terminal,
      clock,
      renderer: this.#renderer,
      t: this.#t,
      session: this.#session,
      reader: () => ({ sessionId: this.#state.sessionId, nick: this.#nick }),
    });
    this.#commands = new CommandLoop({
      terminal,
      isAuto: this.#isAuto,
      language,
      renderer,
      session: this.#session,
      screen: this.#screen,
      members: this.#members,
      rename: (nick) => this.#rename(nick),
      notify,
    });
  }

  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
  }

  async run(): Promise<number> {
    const { terminated, terminal } = this.#program;
    const leave = () => this.#session.leave();
    terminated.addEventListener("abort", leave);
    let status: number = EXIT.ok;
    try {
      for await (const event of this.#session.run()) await this.#show(event);
      if (this.#inputError) throw this.#inputError;
    } catch (error) {
      // The chooser has told why there is nowhere left to go; that the input ended too early is for our caller.
      if (!(error instanceof ChatError) || error instanceof InputError) throw error;
      status = EXIT.failure;
    } finally {
      terminated.removeEventListener("abort", leave);
      await this.#screen[Symbol.asyncDispose]();
    }
    const count = this.#session.unacked.length;
    if (count > 0) await terminal.print(this.#t("client.undelivered", { count }));
    return status;
  }

  async #show(event: SessionEvent): Promise<void> {
    // What was read is pending no more when it is shown.
    if (event.type === "read") this.#screen.setStatus();
    await this.#report(event);
    if (event.type !== "read") this.#screen.setStatus();
  }

  #report(event: SessionEvent): Promise<void> {
    switch (event.type) {
      case "entered":
        return this.#showJoined(event);
      case "read":
        return this.#showEntries(event.entries);
      case "rejected":
        return this.#showRejected(event.error);
      case "stalled":
        return this.#notify(this.#t(event.isResolved ? "client.stall-resolved" : "client.stalled"));
      case "failed":
        return this.#showDisconnected(event.failure);
    }
  }

  async #showRejected(error: ServerError): Promise<void> {
    this.#onNickRejected(error);
    const why = errorText(error, this.#program.language);
    await this.#notify(this.#t("client.nick-unchanged", { why }));
  }

  async #showDisconnected({ target, error, wasJoined }: Disconnect): Promise<void> {
    this.#onNickRejected(error);
    await this.#screen.flushPresence();
    if (!wasJoined) {
      // Nobody will be asked: from now on what is typed is for the chat. The chooser says why.
      if (this.#isAuto && !isForAuthPrompter(error)) this.#startInput();
      return;
    }
    this.#members.markStale(this.#program.clock().wallMs);
    const why = printable(errorText(error, this.#program.language));
    await this.#notify(this.#t("client.connection-lost", { server: formatAddress(target.server), why }));
    const count = fatal(error) ? 0 : this.#session.unacked.length;
    if (count > 0) await this.#notify(this.#t("client.unacked", { count }));
  }

  async #showJoined(
    { server, ip, welcome, truncatedCount }: SessionEvent & { type: "entered" },
  ): Promise<void> {
    const { nick, members, memberCount, logId, backups } = welcome;
    this.#selector.onJoined(server, { ip, logId: logId, backups: this.#updateBackups(backups) });
    this.#onNickGranted(nick);
    if (this.#requestedNick !== undefined) this.#session.rename(this.#requestedNick);
    this.#members.replace(members);
    let names = members.map(({ nick, sessionId }) => this.#renderer.nick(nick, sessionId)).join(", ");
    const count = memberCount - members.length;
    if (count > 0) names = this.#t("client.more-members", { names, count });
    await this.#print(this.#t("client.welcome", { server: formatAddress(server), names }));
    if (truncatedCount > 0) await this.#notify(this.#t("client.truncated", { count: truncatedCount }));
    this.#startInput();
  }

  /** Until now, every line was the answer to a question. */
  #startInput(): void {
    if (this.#isInputRunning) return;
    this.#isInputRunning = true;
    this.#commands.run().catch((error) => {
      this.#inputError = error;
      this.#session.leave();
    });
  }

  async #showEntries(entries: readonly DeliveredEntry[]): Promise<void> {
    for (const { entry } of entries) this.#applyEvent(entry);
    await this.#screen.showEntries(entries);
  }

  /** Takes note of who is there, of where to go, and as whom. */
  #applyEvent(event: RoomEvent): void {
    this.#members.apply(event);
    if (event.type === "backups") this.#selector.updateBackups(this.#updateBackups(event.backups));
    if (event.type === "renamed" && event.sessionId === this.#state.sessionId) {
      this.#onNickGranted(event.nick);
    }
  }

  /** The servers that the one of now names; what these must show is noted. */
  #updateBackups(texts: readonly string[]): Address[] {
    const backups = readBackups(texts);
    this.#trust.addPeerPins(backups);
    return backups.map(({ server }) => server);
  }

  /** A server calls the person so. On other servers they are called so only if they asked for it. */
  #onNickGranted(nick: string): void {
    this.#nick = nick;
    if (nick !== this.#requestedNick) return;
    this.#requestedNick = undefined;
    this.#selector.rename(nick);
  }

  /** A server does not call the person as they wished, be it in HELLO or later: they are not to get that nick
   * behind their back. */
  #onNickRejected({ details }: ChatError): void {
    if (details.nick === this.#requestedNick) this.#requestedNick = undefined;
  }

  /** Takes another nick: now, or on the next server. */
  async #rename(nick: string): Promise<void> {
    if (nick === this.#nick && this.#requestedNick === undefined) {
      return await this.#print(...this.#renderer.reply(this.#t("client.nick-same", { nick })));
    }
    this.#requestedNick = nick;
    if (this.#session.rename(nick)) return;
    this.#selector.rename(nick);
    await this.#print(...this.#renderer.reply(this.#t("client.nick-later", { nick })));
  }

  #notify(text: string): Promise<void> {
    const { wallMs } = this.#program.clock();
    return this.#print(...this.#renderer.dateSeparator(wallMs), this.#renderer.notice(text, wallMs));
  }

  #print(...lines: string[]): Promise<void> {
    return this.#program.terminal.print(...lines);
  }
}
