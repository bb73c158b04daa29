// The commands of a client, one entry each, and the loop that sends lines and runs commands.

import { withTimeout } from "../base/time.ts";
import {
  CommandRegistry,
  commandsFor,
  type CommonContext,
  HELP_COMMAND,
  inputErrorReply,
  optional,
  QUIT_COMMAND,
  rest,
  searchPrompt,
  TEXT,
  WHO_COMMAND,
  word,
} from "../cli/commands.ts";
import { formatColumns } from "../cli/flags.ts";
import type { ProcessContext } from "../cli/process.ts";
import { parseRequest, sayText } from "../cli/requests.ts";
import { InputError } from "../errors.ts";
import { type Message, type Translate, translator } from "../i18n/translate.ts";
import type { MessageOptions } from "../protocol/frames.ts";
import { PREFIXES, type Renderer } from "../render/renderer.ts";
import type { ChatOptions } from "../terminal/input_router.ts";
import type { TypedLine } from "../terminal/line_queue.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { toCells, truncateToWidth, width } from "../terminal/layout.ts";
import { completeWord } from "../terminal/line_editor.ts";
import { foldNick, parseNick, printableNick } from "../text/nick.ts";
import { parseText, printable, truncate } from "../text/text.ts";
import { endsWithIP, isLikeIP, isMostOfIP, isPartOfAddress } from "./address_like.ts";
import type { ChatView } from "./chat_view.ts";
import type { IgnoreList } from "./ignore_list.ts";
import type { MemberList } from "./member_list.ts";
import type { Session } from "./session.ts";

/** Longest wait for the history at the end of a pipe, in ms. */
const HISTORY_TIMEOUT_MS = 5_000;
/** How long a user who leaves waits for the next ack, in ms. With `--rate 1` a server accepts a message a second. */
const NEXT_ACK_TIMEOUT_MS = 1_500;
/** How long a line may wait for acks of earlier ones before the user is told, in ms. */
const SHOW_WAITING_MS = 1_000;
/** Most characters shown of the chat line that a prompt has interrupted. */
const MAX_DRAFT_CHARS = 60;

/** Those that `/help` names in a terminal, and not every shell has. */
const KEYS = { "Tab": "key.tab", "↑": "key.up", "Ctrl-R": "key.search", "Ctrl-C": "key.clear" } as const;

/** What the commands use. */
export type ChatContext = Omit<CommandLoop, "run">;

const command = commandsFor<ChatContext>();

/** Commands of the server's console alone. */
export const CONSOLE_NAMES: readonly string[] = [
  ...["kick", "expulsar", "ban", "vetar", "say", "decir", "backup", "reserva", "stats", "estado"],
];

export const CHAT_COMMANDS = new CommandRegistry<ChatContext>(
  [
    HELP_COMMAND,
    WHO_COMMAND,
    command({
      names: ["msg", "privado"],
      args: { nick: word({ es: "NICK", en: "NICK" }, parseNick), text: TEXT },
      help: {
        es: "enviar un mensaje privado; el servidor también lo ve, y puede guardarlo",
        en: "send a private message; the server sees it too, and may store it",
      },
      run: (chat, { nick, text }) => chat.sayTo(nick, text),
    }),
    command({
      names: ["nick", "apodo"],
      args: { nick: rest({ es: "NUEVO", en: "NEW" }, parseNick) },
      help: { es: "cambiar de nick", en: "change your nick" },
      run: (chat, { nick }) => chat.rename(nick),
    }),
    command({
      names: ["me", "yo"],
      args: { text: TEXT },
      help: { es: "describir una acción", en: "describe an action" },
      run: (chat, { text }) => chat.say(text, { action: true }),
    }),
    command({
      names: ["ignore", "ignorar"],
      args: {
        nick: optional(word({ es: "NICK", en: "NICK" }, (text) => text === "" ? "" : parseNick(text))),
      },
      help: {
        es: "dejar de ver, o ver de nuevo, los mensajes de un miembro; sin NICK, ver a quién ignora",
        en: "hide or show a member's messages, for you only; without NICK, list the hidden members",
      },
      run: (chat, { nick }) => chat.ignore(nick),
    }),
    command({
      names: ["clear", "limpiar"],
      help: { es: "borrar la pantalla", en: "clear the screen" },
      run: (chat) => chat.terminal.clear(),
    }),
    command({
      names: QUIT_COMMAND.names,
      bareNames: QUIT_COMMAND.bareNames,
      args: { goodbye: optional(rest({ es: "TEXTO", en: "TEXT" }, parseText)) },
      help: {
        es: "salir, tras enviar el TEXTO",
        en: "leave, after sending the TEXT",
      },
      run: (chat, { goodbye }) => chat.quit(goodbye),
    }),
  ],
  [["//...", { es: "enviar un texto que empieza por /", en: "send a text that begins with /" }]],
  CONSOLE_NAMES,
);

/** How a line of code begins. A single space is a typing slip. */
const INDENTED = /^(?:\s\s|\t)/;

/** The text of a message that a line sends, "" if none; undefined if the line is a command. `//` begins a text that
 * begins with a slash.
 * @throws {InputError} `text-too-long` */
export function messageText(
  { text, isPasted }: TypedLine,
  { isTty }: { isTty: boolean },
): string | undefined {
  const line = text.trim();
  // A pipe may hold code. At a terminal the blanks come with a command that was copied from the help.
  const isCode = !isTty && INDENTED.test(text) && !namesMember(line);
  if (isPasted || isCode) return parseText(text);
  if (line.startsWith("//")) return parseText(line.slice(1));
  return CHAT_COMMANDS.isCommand(line) ? undefined : parseText(text);
}

/** Whether a line begins with a command about one member, such as `/msg`: the room must not read it. */
function namesMember(line: string): boolean {
  return CHAT_COMMANDS.nickCommands.includes(line.split(/\s/, 1)[0]!.toLowerCase());
}

interface CommandLoopDeps {
  readonly process: ProcessContext;
  readonly renderer: Renderer;
  readonly session: Session;
  readonly view: ChatView;
  readonly members: MemberList;
  /** `rename` returns what to reply, if anything. */
  readonly user: {
    readonly sessionId: bigint;
    rename(nick: string): "client.nick-same" | "client.nick-later" | undefined;
  };
  readonly ignored: IgnoreList;
  /** Prints a line with the time. */
  readonly notify: (message: Message) => Promise<void>;
  /** Lines are requests of a program. */
  readonly isJson: boolean;
  /** No question comes after a loss. */
  readonly isAuto: boolean;
}

/** Sends what is typed, or runs it as a command. */
export class CommandLoop implements CommonContext {
  readonly session: Session;
  readonly members: MemberList;
  readonly terminal: Terminal;
  readonly t: Translate;
  readonly #deps: CommandLoopDeps;
  /** What to say last, or ""; undefined until the user leaves by a command. */
  #goodbye: string | undefined;

  constructor(deps: CommandLoopDeps) {
    this.#deps = deps;
    this.session = deps.session;
    this.members = deps.members;
    this.terminal = deps.process.terminal;
    this.t = translator(deps.process.language);
  }

  /** Reads lines until the user leaves or the input ends. */
  async run(): Promise<void> {
    const { isJson, view } = this.#deps;
    let lineNumber = 0;
    for await (const line of this.terminal.lines(view.prompt, this.#chatOptions())) {
      lineNumber++;
      try {
        await (isJson ? this.#obey(line) : this.#sendOrRun(line));
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        const { hasLineEditor } = this.terminal;
        await this.reply(inputErrorReply(error, line, { t: this.t, hasLineEditor, lineNumber }));
      }
      if (this.#goodbye !== undefined) break;
    }
    // The end of a pipe means that all is said and must arrive. The history has been asked for. A user who ends the
    // input wants to leave.
    if (this.#goodbye !== undefined || this.terminal.isTty) await this.#sayLast(this.#goodbye ?? "");
    else {
      await this.session.joined();
      await withTimeout(HISTORY_TIMEOUT_MS, this.session.readPast());
      await this.session.flushed();
    }
    this.session.leave();
  }

  async #sendOrRun(line: TypedLine): Promise<void> {
    const text = messageText(line, this.terminal);
    if (text === undefined) await this.#runCommand(line.text);
    else if (this.#isEarlyAnswer(line)) await this.reply(this.t.message("client.address-unsent", { text }));
    else if (text !== "") await this.say(text, {});
  }

  /** After a loss, a user may answer before the question comes: a message would tell the room an address. It may follow a
   * draft, which is in the line again while a dial goes on. */
  #isEarlyAnswer({ text, isPasted }: TypedLine): boolean {
    if (this.#deps.isAuto || !this.terminal.hasLineEditor || isPasted) return false;
    return this.session.idleMs === undefined && (isLikeIP(text) || endsWithIP(text));
  }

  /** Does what a program asks for. */
  async #obey({ text: line }: TypedLine): Promise<void> {
    if (line.trim() === "") return;
    const request = parseRequest(line, ["say", "to", "nick", "command", "quit"]);
    if ("quit" in request) return this.quit();
    if ("command" in request) return await this.#runCommand(request.command);
    if ("nick" in request) return await this.rename(parseNick(request.nick));
    const text = sayText(request);
    if (request.to === undefined) await this.say(text, {});
    else await this.sayTo(parseNick(request.to), text);
  }

  async #runCommand(line: string): Promise<void> {
    await CHAT_COMMANDS.run(line, this, this.#deps.process.language);
  }

  #chatOptions(): ChatOptions {
    const yes = this.t("client.yes").split(" ");
    const no = ["", "n", "no"];
    return {
      confirmPaste: {
        question: (count) => `${this.t("client.ask-paste", { count })} `,
        isYes: (answer) => {
          const typed = answer.trim().toLowerCase();
          return yes.includes(typed) || (no.includes(typed) ? false : undefined);
        },
        notSentText: (count) => this.#replyLines(this.t.message("client.paste-not-sent", { count }))[0]!,
      },
      draftText: (text) => {
        const columns = (this.terminal.columns ?? Infinity) -
          width(toCells(this.t("client.draft", { text: "" })));
        return this.t("client.draft", {
          text: truncateToWidth(truncate(printable(text), MAX_DRAFT_CHARS), columns),
        });
      },
      isPartOfAnswer: isPartOfAddress,
      isMostOfAnswer: isMostOfIP,
      complete: (before) => {
        const others = [...this.members].filter(({ sessionId }) => sessionId !== this.#deps.user.sessionId);
        const nicks = others.map(({ nick }) => printableNick(nick));
        const commands = CHAT_COMMANDS.completions(this.#deps.process.language);
        return completeWord(before, { nicks, commands, nickCommands: CHAT_COMMANDS.nickCommands });
      },
      searchPrompt: searchPrompt(this.t),
      // Not while lines wait for a place in the outbox: Ctrl-C stops a flood.
      endsInputFirst: () =>
        this.session.idleMs !== undefined && !this.session.isFull && this.#unackedCount > 0,
    };
  }

  /** Leaves when the current line is done. */
  quit(goodbye = ""): void {
    this.#goodbye = goodbye;
  }

  /** Says a goodbye, if any, and waits for the last acks as long as they keep coming. */
  async #sayLast(goodbye: string): Promise<void> {
    await withTimeout(NEXT_ACK_TIMEOUT_MS, this.session.drained());
    if (goodbye !== "" && !this.session.isFull) this.session.say(goodbye);
    let isTold = !this.terminal.hasLineEditor;
    for (let last = this.#unackedCount; !await withTimeout(NEXT_ACK_TIMEOUT_MS, this.session.flushed());) {
      const count = this.#unackedCount;
      if (count === last) return;
      last = count;
      if (!isTold) await this.#deps.notify(this.t.message("client.leaving", { count }));
      isTold = true;
    }
  }

  ignore(nick: string): Promise<void> {
    const { ignored, user } = this.#deps;
    if (nick === "") {
      const nicks = [...ignored].map((member) => `  ${printableNick(member.nick)}`);
      if (nicks.length === 0) return this.reply(this.t.message("client.ignore-none"));
      return this.reply(this.t.message("client.ignore-list", { count: nicks.length }), nicks);
    }
    const member = this.members.find(nick);
    if (member?.sessionId === user.sessionId) return this.reply(this.t.message("client.ignore-self"));
    const isListed = [...ignored].some((ignored) => foldNick(ignored.nick) === foldNick(nick));
    const suggestion = member || isListed ? undefined : this.members.suggest(nick);
    if (suggestion !== undefined) throw new InputError("nick-mistyped", { nick, suggestion });
    const isNew = ignored.toggle({ nick: member?.nick ?? nick, sessionId: member?.sessionId });
    const values = { nick: member?.nick ?? nick };
    if (!isNew) return this.reply(this.t.message("client.unignored", values));
    // A mistyped nick would go unnoticed.
    const text = this.t(member ? "client.ignored" : "client.ignored-absent", values);
    return this.reply({ ...this.t.message("client.ignored", values), text });
  }

  reply(message: Message, list?: readonly string[]): Promise<void> {
    return this.terminal.print(...this.#replyLines(message, list));
  }

  #replyLines(message: Message, list?: readonly string[]): string[] {
    return this.#deps.renderer.reply(message, this.#nowMs, list);
  }

  get #unackedCount(): number {
    return this.session.unacked.length;
  }

  get #nowMs(): number {
    return this.#deps.process.clock().wallMs;
  }

  showHelp(): Promise<void> {
    const { process: { language }, isJson } = this.#deps;
    const { columns, hasLineEditor } = this.terminal;
    const marks = Object.entries(PREFIXES).map(([name, mark]) =>
      [mark, this.t(`mark.${name as keyof typeof PREFIXES}`)] as const
    );
    const keys = Object.entries(KEYS).map(([key, help]) => [key, this.t(help)] as const);
    return this.reply(this.t.message("command.list"), [
      ...CHAT_COMMANDS.help(language, columns),
      ...isJson ? [] : [this.t("help.marks"), ...formatColumns(marks, columns)],
      ...hasLineEditor ? [this.t("help.keys"), ...formatColumns(keys, columns)] : [],
    ]);
  }

  showMembers(): Promise<void> {
    const { renderer } = this.#deps;
    const members = [...this.members];
    const { staleSinceMs } = this.members;
    if (staleSinceMs === undefined && this.session.idleMs === undefined) {
      return this.reply(this.t.message("who.unknown"));
    }
    const message = staleSinceMs === undefined
      ? this.t.message("who.online", { count: members.length })
      : this.t.message("who.stale", { since: renderer.formatTime(staleSinceMs) });
    return this.terminal.print(...renderer.members(message, members, this.#nowMs));
  }

  async rename(nick: string): Promise<void> {
    const reply = this.#deps.user.rename(nick);
    if (reply) await this.reply(this.t.message(reply, { nick }));
  }

  /** @throws {InputError} `nick-unknown` or `nick-mistyped` */
  async sayTo(nick: string, text: string): Promise<void> {
    const member = this.members.find(nick);
    if (member) return await this.say(text, { to: { sessionId: member.sessionId, nick: member.nick } });
    const suggestion = this.members.suggest(nick);
    throw suggestion === undefined
      ? new InputError("nick-unknown", { nick })
      : new InputError("nick-mistyped", { nick, suggestion });
  }

  async say(text: string, options: MessageOptions): Promise<void> {
    const { view, notify } = this.#deps;
    if (this.session.isFull) {
      // Only a long wait is worth a notice: a pipe is always faster than the network.
      const timer = setTimeout(() => {
        void notify(this.t.message("client.waiting", { count: this.#unackedCount }));
      }, SHOW_WAITING_MS);
      await this.session.drained();
      clearTimeout(timer);
    }
    this.session.say(text, options);
    view.updateStatus();
  }
}
