// chat-client from its flags to its exit status: joins what is typed and what is shown to the session.

import { setTimeout as delay } from "node:timers/promises";
import { about } from "./about.ts";
import { type Address, formatAddress, parseAddress, parsePort, parseServer } from "./address.ts";
import { ChatScreen, PROMPT } from "./chat_screen.ts";
import { unknownCommand } from "./command_table.ts";
import { type Action, COMMAND_NAMES, commandHelp, commandUsage, parseLine } from "./commands.ts";
import type { TypedLine } from "./desk.ts";
import { DISPLAY_FLAGS, rendererFor } from "./display.ts";
import { ChatError, ConnectError, InputError, type RefusedError } from "./errors.ts";
import { COMMON_FLAGS, flagHelp, type FlagTable, type FlagValues, parseCount, parseFlags } from "./flags.ts";
import { explain, type Sentences, sentencesIn } from "./i18n.ts";
import { Mailbox } from "./mailbox.ts";
import { EXIT, type Program } from "./program.ts";
import { type Manner, MAX_HISTORY, type RoomEvent, TOKEN_BYTES, type Welcome } from "./protocol.ts";
import type { Renderer } from "./render.ts";
import { Roster } from "./roster.ts";
import { type Failure, type ReadEntry, Session, type SessionEvent } from "./session.ts";
import { isFinal, TargetChooser } from "./target_chooser.ts";
import type { ChatOptions } from "./terminal.ts";
import { parseNick, parseText, printable, printableNick } from "./text.ts";
import { completionOf } from "./word_completion.ts";

/** How long someone who leaves waits for the server to confirm what they said last, in ms. */
const LAST_WORDS_MS = 1_000;

const FLAGS = {
  host: { value: "HOST", help: "flag.client-host" },
  port: { value: "N", help: "flag.client-port" },
  nick: { value: "NICK", help: "flag.nick" },
  backup: { value: "HOST:N", isRepeatable: true, help: "flag.client-backup" },
  auto: { help: "flag.auto" },
  history: { value: "N", help: "flag.history" },
  ...DISPLAY_FLAGS,
  ...COMMON_FLAGS,
} as const satisfies FlagTable;

/** Chats until the person leaves. Returns the exit status.
 * @throws {InputError} about flags, or if the input ends before all is known
 * @throws {ChatError} if the input has ended and no server can be had */
export async function chat(program: Program): Promise<number> {
  const sentences = sentencesIn(program.language);
  const flags = parseFlags(program.args, FLAGS);
  const { edition } = program;
  const answer = about(flags, {
    name: "chat-client",
    table: FLAGS,
    help: help(sentences),
    edition,
    sentences,
  });
  if (answer) {
    await program.terminal.print(...answer);
    return EXIT.ok;
  }
  using client = new ChatClient(program, { ...settingsOf(flags), renderer: rendererFor(flags, program) });
  return await client.run();
}

interface Settings {
  readonly host?: string;
  readonly port?: number;
  readonly nick?: string;
  readonly backups: readonly Address[];
  readonly isAuto: boolean;
  readonly history?: number;
}

interface ClientOptions extends Settings {
  readonly renderer: Renderer;
}

function settingsOf(flags: FlagValues<typeof FLAGS>): Settings {
  const server = flags.host === undefined ? undefined : parseAddress(flags.host);
  return {
    host: server?.host,
    port: flags.port === undefined ? server?.port : parsePort(flags.port),
    nick: flags.nick === undefined ? undefined : parseNick(flags.nick),
    backups: flags.backup.map((backup) => parseServer(backup)),
    isAuto: flags.auto,
    history: flags.history === undefined ? undefined : parseCount("--history", flags.history, MAX_HISTORY),
  };
}

function help(sentences: Sentences): string[] {
  const commands = commandHelp(sentences);
  return [
    sentences("usage.client"),
    "",
    sentences("usage.options"),
    ...flagHelp(FLAGS, sentences),
    "",
    ...commands,
  ];
}

/** One person's chat. */
class ChatClient implements Disposable {
  readonly #program: Program;
  readonly #sentences: Sentences;
  readonly #renderer: Renderer;
  readonly #chooser: TargetChooser;
  readonly #isAuto: boolean;
  readonly #mailbox: Mailbox;
  readonly #session: Session;
  readonly #screen: ChatScreen;
  readonly #roster = new Roster();
  /** What the server of now calls the person. */
  #nick = "";
  /** The nick that the person asked for, until a server gives it or refuses to. */
  #wish: string | undefined;
  #isTyping = false;
  #typingError: unknown;

  constructor(program: Program, { renderer, ...settings }: ClientOptions) {
    const { terminal, language, clock } = program;
    this.#program = program;
    this.#sentences = sentencesIn(language);
    this.#renderer = renderer;
    this.#isAuto = settings.isAuto;
    this.#chooser = new TargetChooser({
      ...settings,
      terminal,
      language,
      notify: (text) => this.#notify(text),
    });
    const token = crypto.getRandomValues(new Uint8Array(TOKEN_BYTES));
    this.#mailbox = new Mailbox({ token, history: settings.history });
    this.#session = new Session({
      mailbox: this.#mailbox,
      nextTarget: (failure, options) => this.#chooser.next(failure, options),
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
    if (event.type === "entered") await this.#showEntered(event.server, event.welcome, event.missing);
    if (event.type === "read") await this.#showRead(event.entries);
    if (event.type === "refused") await this.#showRefused(event.error);
    if (event.type === "failed") await this.#showFailed(event.failure);
    this.#screen.showStatus();
  }

  async #showRefused(error: RefusedError): Promise<void> {
    if (error.details.nick === this.#wish) this.#wish = undefined;
    const why = explain(error, this.#program.language);
    await this.#notify(this.#sentences("client.nick-kept", { why }));
  }

  async #showFailed({ target, error, wasIn }: Failure): Promise<void> {
    await this.#screen.showCrowds();
    const server = formatAddress(target.server);
    const why = printable(explain(error, this.#program.language));
    if (!wasIn) {
      const text = error instanceof ConnectError ? why : this.#sentences("client.not-in", { server, why });
      if (!this.#isAuto) return await this.#print(text);
      // Nobody will be asked: from now on what is typed is for the chat.
      this.#beginTyping();
      return await this.#notify(text);
    }
    await this.#notify(this.#sentences("client.lost", { server, why }));
    const count = isFinal(error) ? 0 : this.#session.pending.length;
    if (count > 0) await this.#notify(this.#sentences("client.pending", { count }));
  }

  async #showEntered(
    server: Address,
    { nick, online, onlineCount, backups }: Welcome,
    missing: number,
  ): Promise<void> {
    this.#chooser.entered(server, backups.flatMap(readBackup));
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
    this.#type().catch((error) => {
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
    if (event.type === "backups") this.#chooser.learn(event.backups.flatMap(readBackup));
    if (event.type === "renamed" && event.session === this.#mailbox.session) this.#isCalled(event.nick);
  }

  /** A server calls the person so. On other servers they are called so only if they asked for it. */
  #isCalled(nick: string): void {
    this.#nick = nick;
    if (nick !== this.#wish) return;
    this.#wish = undefined;
    this.#chooser.rename(nick);
  }

  /** Takes in what is typed until the person leaves or the input ends. */
  async #type(): Promise<void> {
    const { terminal } = this.#program;
    for await (const line of terminal.typed(PROMPT, this.#chatOptions())) {
      try {
        if (!await this.#act(line)) return;
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        await this.#print(explain(error, this.#program.language));
      }
    }
    // A pipe that ends has said all, and wants it to arrive; a person who ends the input wants to go.
    if (terminal.isKeyboard) return await this.#quit();
    await this.#session.settled();
    this.#session.leave();
  }

  #chatOptions(): ChatOptions {
    const yes = this.#sentences("client.yes").split(" ");
    return {
      confirmPaste: {
        question: (count) => `${this.#sentences("client.ask-paste", { count })} `,
        isYes: (answer) => yes.includes(answer.trim().toLowerCase()),
      },
      complete: (before) => {
        const nicks = [...this.#roster].map(({ nick }) => printableNick(nick));
        return completionOf(before, { nicks, commands: COMMAND_NAMES });
      },
    };
  }

  /** Leaves, once the last words have arrived: at once, unless the server does not answer. */
  async #quit(): Promise<void> {
    const waiting = new AbortController();
    const lastWords = delay(LAST_WORDS_MS, undefined, waiting).catch(() => {});
    await Promise.race([this.#session.settled(), lastWords]);
    waiting.abort();
    this.#session.leave();
  }

  /** Does what a line asks for; false if that is to leave. */
  async #act({ text, isPasted }: TypedLine): Promise<boolean> {
    const action = isPasted ? pastedAction(text) : parseLine(text);
    switch (action.type) {
      case "say":
        await this.#say(action.text, { action: action.action });
        break;
      case "msg":
        await this.#sayTo(action.nick, action.text);
        break;
      case "nick":
        await this.#rename(action.nick);
        break;
      case "clear":
        this.#program.terminal.clear();
        break;
      case "incomplete": {
        const usage = commandUsage(action.command, this.#sentences);
        await this.#print(this.#sentences("command.incomplete", { usage }));
        break;
      }
      case "help":
        await this.#print(...commandHelp(this.#sentences));
        break;
      case "who":
        await this.#print(...[...this.#roster].map((person) => this.#renderer.person(person)));
        break;
      case "unknown":
        await this.#print(unknownCommand(action, this.#sentences));
        break;
      case "quit":
        await this.#quit();
        return false;
    }
    return true;
  }

  /** Says something to one person, by the name that they have now. */
  async #sayTo(nick: string, text: string): Promise<void> {
    const person = this.#roster.find(nick);
    if (person) return await this.#say(text, { to: { session: person.session, nick: person.nick } });
    const nearest = this.#roster.nearest(nick);
    await this.#print(
      nearest === undefined
        ? this.#sentences("client.nick-unknown", { nick })
        : this.#sentences("client.nick-nearest", { nick, nearest }),
    );
  }

  async #rename(nick: string): Promise<void> {
    if (nick === this.#nick && this.#wish === undefined) {
      return await this.#print(this.#sentences("client.nick-same", { nick }));
    }
    this.#wish = nick;
    if (this.#session.rename(nick)) return;
    this.#chooser.rename(nick);
    await this.#print(this.#sentences("client.nick-later", { nick }));
  }

  async #say(text: string, manner: Manner): Promise<void> {
    if (this.#session.isFull) {
      await this.#notify(this.#sentences("client.waiting", { count: this.#session.pending.length }));
      await this.#session.drained();
    }
    this.#session.say(text, manner);
    this.#screen.showStatus();
  }

  #notify(text: string): Promise<void> {
    const { wallMs } = this.#program.clock();
    return this.#print(...this.#renderer.newDay(wallMs), this.#renderer.notice(text, wallMs));
  }

  #print(...lines: string[]): Promise<void> {
    return this.#program.terminal.print(...lines);
  }
}

/** A line of a pasted block is sent as it is. */
function pastedAction(line: string): Action {
  const text = parseText(line);
  return text === "" ? { type: "nothing" } : { type: "say", text };
}

/** A backup as a server names it; nothing if it cannot be understood: a peer's mistake is not ours to report. */
function readBackup(text: string): Address[] {
  try {
    return [parseServer(text)];
  } catch (error) {
    if (error instanceof InputError) return [];
    throw error;
  }
}
