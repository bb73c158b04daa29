// What the person at a client types, and what the client does then.

import { type ChatView, PROMPT } from "./chat_view.ts";
import { unknownCommandText } from "../cli/commands.ts";
import { COMMAND_NAMES, commandHelp, commandUsage, parseLine, toSayAction } from "./commands.ts";
import { withTimeout } from "../base/time.ts";
import type { TypedLine } from "../terminal/input_router.ts";
import type { ChatOptions } from "../terminal/input_router.ts";
import { InputError } from "../errors.ts";
import { errorText, type Language, type Translate, translator } from "../i18n/translate.ts";
import type { MessageOptions } from "../protocol/frames.ts";
import type { Renderer } from "../render/renderer.ts";
import type { MemberList } from "./member_list.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { printableNick } from "../text/nick.ts";
import { completeWord } from "../terminal/line_editor.ts";

/** How long someone who leaves waits for the server to confirm what they said last, in ms. */
const FLUSH_TIMEOUT_MS = 1_000;
/** How long what is typed may wait for the server to confirm what came before it until the person is told, in ms. */
const SHOW_WAITING_MS = 1_000;

/** What a participant needs. */
interface CommandLoopOptions {
  readonly terminal: Terminal;
  /** Whether nobody is asked where to go. */
  readonly isAuto: boolean;
  readonly language: Language;
  readonly renderer: Renderer;
  readonly session: Session;
  readonly screen: ChatView;
  /** Who is online. */
  readonly members: MemberList;
  /** Takes another nick. */
  readonly rename: (nick: string) => Promise<void>;
  /** Prints a line with the time. */
  readonly notify: (text: string) => Promise<void>;
}

/** Somebody who takes part in the chat. */
export class CommandLoop {
  readonly #options: CommandLoopOptions;
  readonly #t: Translate;

  constructor(options: CommandLoopOptions) {
    this.#options = options;
    this.#t = translator(options.language);
  }

  /** Takes in what is typed until the person leaves or the input ends. */
  async run(): Promise<void> {
    const { terminal, session, language } = this.#options;
    for await (const line of terminal.lines(PROMPT, this.#chatOptions())) {
      try {
        if (!await this.#run(line)) return;
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        await this.#reply(errorText(error, language));
      }
    }
    // A pipe that ends has said all, and wants it to arrive; a person who ends the input wants to go.
    if (terminal.isTty) return await this.#quit();
    await session.joined();
    await session.flushed();
    session.leave();
  }

  #chatOptions(): ChatOptions {
    const yes = this.#t("client.yes").split(" ");
    return {
      confirmPaste: {
        question: (count) => `${this.#t("client.ask-paste", { count })} `,
        isYes: (answer) => yes.includes(answer.trim().toLowerCase()),
        notSentText: (count) => this.#options.renderer.reply(this.#t("client.paste-kept", { count }))[0]!,
      },
      complete: (before) => {
        const nicks = [...this.#options.members].map(({ nick }) => printableNick(nick));
        return completeWord(before, { nicks, commands: COMMAND_NAMES });
      },
    };
  }

  /** Leaves, once the last words have arrived: at once, unless the server does not answer. */
  async #quit(): Promise<void> {
    const { session } = this.#options;
    await withTimeout(FLUSH_TIMEOUT_MS, session.flushed());
    session.leave();
  }

  /** Does what a line asks for; false if that is to leave. */
  async #run({ text, isPasted }: TypedLine): Promise<boolean> {
    const { terminal, rename } = this.#options;
    const action = isPasted ? toSayAction(text) : parseLine(text);
    switch (action.type) {
      case "say":
        await this.#say(action.text, { action: action.action });
        break;
      case "msg":
        await this.#sendPrivate(action.nick, action.text);
        break;
      case "nick":
        await rename(action.nick);
        break;
      case "clear":
        terminal.clear();
        break;
      case "incomplete":
      case "surplus": {
        const usage = commandUsage(action.command, this.#t);
        await this.#reply(this.#t(`command.${action.type}`, { usage }));
        break;
      }
      case "help":
        await this.#reply(this.#t("command.list"), commandHelp(this.#t, terminal.columns));
        break;
      case "who":
        await this.#who();
        break;
      case "unknown":
        await this.#reply(unknownCommandText(action, this.#t));
        break;
      case "quit":
        await this.#quit();
        return false;
      case "nothing":
        break;
      default:
        action satisfies never;
    }
    return true;
  }

  /** Prints what answers a command. */
  #reply(text: string, list?: readonly string[]): Promise<void> {
    const { terminal, renderer } = this.#options;
    return terminal.print(...renderer.reply(text, list));
  }

  #who(): Promise<void> {
    const { members, renderer, session } = this.#options;
    const lines = [...members].map((person) => renderer.member(person));
    const { staleSinceMs } = members;
    if (staleSinceMs !== undefined) {
      return this.#reply(this.#t("who.before", { since: renderer.formatTime(staleSinceMs) }), lines);
    }
    if (session.idleMs === undefined) return this.#reply(this.#t("who.unknown"));
    return this.#reply(this.#t("who.online", { count: lines.length }), lines);
  }

  /** Says something to one person, by the name that they have now. */
  async #sendPrivate(nick: string, text: string): Promise<void> {
    const { members } = this.#options;
    const person = members.find(nick);
    if (person) return await this.#say(text, { to: { sessionId: person.sessionId, nick: person.nick } });
    const nearest = members.suggest(nick);
    await this.#reply(
      nearest === undefined
        ? this.#t("client.nick-unknown", { nick })
        : this.#t("client.nick-nearest", { nick, nearest }),
    );
  }

  async #say(text: string, options: MessageOptions): Promise<void> {
    const { terminal, session, screen, notify } = this.#options;
    if (session.isFull) await this.#drained();
    session.say(text, options);
    screen.setStatus();
    if (!this.#options.isAuto && terminal.hasLineEditor && session.idleMs === undefined) {
      // The question for the next server is about to hide it.
      await notify(this.#t("client.pending", { count: session.unacked.length }));
    }
  }

  /** Waits until the server has confirmed enough for more to be said. A pipe that is faster than the network makes
   * everybody wait a little; only what takes long is worth a line. */
  async #drained(): Promise<void> {
    const { session, notify } = this.#options;
    const timer = setTimeout(() => {
      void notify(this.#t("client.waiting", { count: session.unacked.length }));
    }, SHOW_WAITING_MS);
    await session.drained();
    clearTimeout(timer);
  }
}
