// chat-client from its flags to its exit status: joins what is typed and what is shown to the session.

import { about } from "./about.ts";
import { type Address, formatAddress } from "./address.ts";
import { readBackups } from "./backup.ts";
import { ChatScreen } from "./chat_screen.ts";
import { type ClientAccess, clientAccess } from "./client_access.ts";
import { CLIENT_FLAGS, clientHelp, type ClientSettings, settingsOf } from "./client_flags.ts";
import { rendererFor } from "./display.ts";
import { Doorman, isForDoorman } from "./doorman.ts";
import { ChatError, InputError, type RefusedError } from "./errors.ts";
import { isFinal } from "./failures.ts";
import { parseFlags } from "./flags.ts";
import { explain, type Sentences, sentencesIn } from "./i18n.ts";
import { Mailbox } from "./mailbox.ts";
import { Participant } from "./participant.ts";
import { EXIT, type Program } from "./program.ts";
import { type RoomEvent, TOKEN_BYTES } from "./protocol.ts";
import type { Renderer } from "./render.ts";
import { Roster } from "./roster.ts";
import { type Failure, type ReadEntry, Session, type SessionEvent } from "./session.ts";
import { TargetChooser } from "./target_chooser.ts";
import { printable } from "./text.ts";
import type { Trust } from "./trust.ts";

/** Chats until the person leaves. Returns the exit status.
 * @throws {InputError} about flags, or if the input ends before all is known
 * @throws {ChatError} if the input has ended and no server can be had */
export async function chat(program: Program): Promise<number> {
  const sentences = sentencesIn(program.language);
  const flags = parseFlags(program.args, CLIENT_FLAGS);
  const { edition } = program;
  const answer = about(flags, {
    name: "chat-client",
    table: CLIENT_FLAGS,
    help: clientHelp(sentences, program.terminal.columns),
    edition,
    sentences,
  });
  if (answer) {
    await program.terminal.print(...answer);
    return EXIT.ok;
  }
  const settings = settingsOf(flags);
  const renderer = rendererFor(flags, program);
  const access = await clientAccess(flags, { ...settings, program });
  using client = new ChatClient(program, { ...settings, renderer, access });
  return await client.run();
}

interface ClientOptions extends ClientSettings {
  readonly renderer: Renderer;
  readonly access: ClientAccess;
}

/** One person's chat. */
class ChatClient implements Disposable {
  readonly #program: Program;
  readonly #sentences: Sentences;
  readonly #renderer: Renderer;
  readonly #chooser: TargetChooser;
  readonly #trust: Trust;
  readonly #isAuto: boolean;
  readonly #mailbox: Mailbox;
  readonly #session: Session;
  readonly #screen: ChatScreen;
  readonly #participant: Participant;
  readonly #roster = new Roster();
  /** What the server of now calls the person. */
  #nick = "";
  /** The nick that the person asked for, until a server gives it or refuses to. */
  #wish: string | undefined;
  #isTyping = false;
  #typingError: unknown;

  constructor(program: Program, { renderer, access, ...settings }: ClientOptions) {
    const { terminal, language, clock } = program;
    this.#program = program;
    this.#sentences = sentencesIn(language);
    this.#renderer = renderer;
    this.#isAuto = settings.isAuto;
    this.#trust = access.trust;
    const notify = (text: string) => this.#notify(text);
    const doorman = new Doorman({ ...access, terminal, language, notify, isAuto: settings.isAuto });
    this.#chooser = new TargetChooser({
      ...settings,
      backups: settings.backups.map(({ server }) => server),
      terminal,
      language,
      notify,
      doorman,
    });
    const token = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
    this.#mailbox = new Mailbox({ token, history: settings.history });
    this.#session = new Session({
      mailbox: this.#mailbox,
      nextTarget: (failure, options) => this.#chooser.next(failure, options),
      passwordFor: (server) => doorman.passwordFor(server),
      dial: access.dial,
      clock,
    });
    this.#screen = new ChatScreen({
      terminal,
      clock,
      renderer: this.#renderer,
      sentences: this.#sentences,
      session: this.#session,
      reader: () => ({ session: this.#mailbox.session, nick: this.#nick }),
    });
    this.#participant = new Participant({
      terminal,
      isAuto: this.#isAuto,
      language,
      renderer,
      session: this.#session,
      screen: this.#screen,
      roster: this.#roster,
      rename: (nick) => this.#rename(nick),
      notify,
    });
  }

  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
  }

  async run(): Promise<number> {
    const { signal, terminal } = this.#program;
    const leave = () => this.#session.leave();
    signal.addEventListener("abort", leave);
    let status: number = EXIT.ok;
    try {
      for await (const event of this.#session.run()) await this.#show(event);
      if (this.#typingError) throw this.#typingError;
    } catch (error) {
      // The chooser has told why there is nowhere left to go; that the input ended too early is for our caller.
      if (!(error instanceof ChatError) || error instanceof InputError) throw error;
      status = EXIT.refused;
    } finally {
      signal.removeEventListener("abort", leave);
      await this.#screen[Symbol.asyncDispose]();
    }
    const count = this.#session.pending.length;
    if (count > 0) await terminal.print(this.#sentences("client.undelivered", { count }));
    return status;
  }

  async #show(event: SessionEvent): Promise<void> {
    // What was read is pending no more when it is shown.
    if (event.type === "read") this.#screen.showStatus();
    await this.#tell(event);
    if (event.type !== "read") this.#screen.showStatus();
  }

  #tell(event: SessionEvent): Promise<void> {
    switch (event.type) {
      case "entered":
        return this.#showEntered(event);
      case "read":
        return this.#showRead(event.entries);
      case "refused":
        return this.#showRefused(event.error);
      case "waiting":
        return this.#notify(this.#sentences(event.isOver ? "client.stored-again" : "client.unstored"));
      case "failed":
        return this.#showFailed(event.failure);
    }
  }

  async #showRefused(error: RefusedError): Promise<void> {
    this.#isNotCalled(error);
    const why = explain(error, this.#program.language);
    await this.#notify(this.#sentences("client.nick-kept", { why }));
  }

  async #showFailed({ target, error, wasIn }: Failure): Promise<void> {
    this.#isNotCalled(error);
    await this.#screen.showCrowds();
    if (!wasIn) {
      // Nobody will be asked: from now on what is typed is for the chat. The chooser says why.
      if (this.#isAuto && !isForDoorman(error)) this.#beginTyping();
      return;
    }
    this.#roster.lose(this.#program.clock().wallMs);
    const why = printable(explain(error, this.#program.language));
    await this.#notify(this.#sentences("client.lost", { server: formatAddress(target.server), why }));
    const count = isFinal(error) ? 0 : this.#session.pending.length;
    if (count > 0) await this.#notify(this.#sentences("client.pending", { count }));
  }

  async #showEntered({ server, ip, welcome, missing }: SessionEvent & { type: "entered" }): Promise<void> {
    const { nick, online, onlineCount, instance, backups } = welcome;
    this.#chooser.entered(server, { ip, room: instance, backups: this.#learnBackups(backups) });
    this.#isCalled(nick);
    if (this.#wish !== undefined) this.#session.rename(this.#wish);
    this.#roster.reset(online);
    let names = online.map(({ nick, session }) => this.#renderer.nick(nick, session)).join(", ");
    const count = onlineCount - online.length;
    if (count > 0) names = this.#sentences("client.more-online", { names, count });
    await this.#print(this.#sentences("client.welcome", { server: formatAddress(server), names }));
    if (missing > 0) await this.#notify(this.#sentences("client.missing", { count: missing }));
    this.#beginTyping();
  }

  /** Until now, every line was the answer to a question. */
  #beginTyping(): void {
    if (this.#isTyping) return;
    this.#isTyping = true;
    this.#participant.takePart().catch((error) => {
      this.#typingError = error;
      this.#session.leave();
    });
  }

  async #showRead(entries: readonly ReadEntry[]): Promise<void> {
    for (const { entry } of entries) this.#learn(entry);
    await this.#screen.showEntries(entries);
  }

  /** Takes note of who is there, of where to go, and as whom. */
  #learn(event: RoomEvent): void {
    this.#roster.learn(event);
    if (event.type === "backups") this.#chooser.learn(this.#learnBackups(event.backups));
    if (event.type === "renamed" && event.session === this.#mailbox.session) this.#isCalled(event.nick);
  }

  /** The servers that the one of now names; what these must show is noted. */
  #learnBackups(texts: readonly string[]): Address[] {
    const backups = readBackups(texts);
    this.#trust.learn(backups);
    return backups.map(({ server }) => server);
  }

  /** A server calls the person so. On other servers they are called so only if they asked for it. */
  #isCalled(nick: string): void {
    this.#nick = nick;
    if (nick !== this.#wish) return;
    this.#wish = undefined;
    this.#chooser.rename(nick);
  }

  /** A server does not call the person as they wished, be it in HELLO or later: they are not to get that nick
   * behind their back. */
  #isNotCalled({ details }: ChatError): void {
    if (details.nick === this.#wish) this.#wish = undefined;
  }

  /** Takes another nick: now, or on the next server. */
  async #rename(nick: string): Promise<void> {
    if (nick === this.#nick && this.#wish === undefined) {
      return await this.#print(...this.#renderer.answer(this.#sentences("client.nick-same", { nick })));
    }
    this.#wish = nick;
    if (this.#session.rename(nick)) return;
    this.#chooser.rename(nick);
    await this.#print(...this.#renderer.answer(this.#sentences("client.nick-later", { nick })));
  }

  #notify(text: string): Promise<void> {
    const { wallMs } = this.#program.clock();
    return this.#print(...this.#renderer.newDay(wallMs), this.#renderer.notice(text, wallMs));
  }

  #print(...lines: string[]): Promise<void> {
    return this.#program.terminal.print(...lines);
  }
}
