// Slash commands from a list: how a line is parsed, run, explained and completed.

import { formatColumns } from "./flags.ts";
import { InputError } from "../errors.ts";
import type { Language, Message, Translate } from "../i18n/translate.ts";
import type { ChatOptions } from "../terminal/input_router.ts";
import type { TypedLine } from "../terminal/line_queue.ts";
import { parseText, printable, suggest } from "../text/text.ts";

/** One text in every language. */
type Localized = Readonly<Record<Language, string>>;

interface Arg<Value> {
  /** What usage and help call it. */
  readonly label: Localized;
  readonly isOptional?: boolean;
  /** Takes the rest of the line instead of one word. */
  readonly isRest?: boolean;
  /** Undefined if the text lacks something. An optional argument that is left out is parsed from "".
   * @throws {InputError} */
  readonly parse: (text: string) => Value | undefined;
}

export function word<Value>(label: Localized, parse: (text: string) => Value | undefined): Arg<Value> {
  return { label, parse };
}

export function rest<Value>(label: Localized, parse: (text: string) => Value | undefined): Arg<Value> {
  return { label, parse, isRest: true };
}

export function optional<Value>(arg: Arg<Value>): Arg<Value> {
  return { ...arg, isOptional: true };
}

/** The prompt of a search of the history. */
export function searchPrompt(t: Translate): ChatOptions["searchPrompt"] {
  return ({ query, isFound }) => {
    return `${t(isFound || query === "" ? "client.search" : "client.search-none", { query })} `;
  };
}

/** Says why an entered line was not obeyed. At a screen it is in the history, and a long text is more than one types anew;
 * the lines of a pasted block are not. */
export function inputErrorReply(
  error: InputError,
  { isPasted }: Pick<TypedLine, "isPasted">,
  { t, hasLineEditor, lineNumber }: { t: Translate; hasLineEditor: boolean; lineNumber: number },
): Message {
  const message = t.error(error);
  const canRecall = hasLineEditor && !isPasted && error.code === "text-too-long";
  const text = canRecall ? `${message.text} ${t("text-too-long.recall")}` : message.text;
  return { ...message, text, values: { line: lineNumber, ...message.values } };
}

/** A text as it will be sent; undefined if nothing of it can be seen.
 * @throws {InputError} `text-too-long` */
export function visibleText(text: string): string | undefined {
  return parseText(text) || undefined;
}

export const TEXT = rest({ es: "TEXTO", en: "TEXT" }, visibleText);

type Args = Readonly<Record<string, Arg<unknown>>>;
type ValuesOf<Named extends Args> = {
  readonly [Name in keyof Named]: Named[Name] extends Arg<infer Value> ? Value : never;
};

export interface Command<Context, Named extends Args = Args> {
  /** After the slash: in English, in Spanish, and others. */
  readonly names: readonly [string, ...string[]];
  /** Names that also work without the slash. */
  readonly bareNames?: readonly string[];
  /** Refuses text after its arguments instead of ignoring it. */
  readonly isExact?: boolean;
  /** In the order in which they are typed. */
  readonly args?: Named;
  readonly help: Localized;
  run(context: Context, values: ValuesOf<Named>): void | Promise<void>;
}

/** Gives the function that types a command for one context: it infers `values` from `args`. */
export function commandsFor<Context>() {
  return <Named extends Args = Record<never, never>>(command: Command<Context, Named>): Command<Context> =>
    command;
}

/** The values of a command's arguments in `text`, which follows its name.
 * @throws {InputError} `args-missing`, `args-extra`, or what an argument throws */
function parseArgs<Context>(command: Command<Context>, text: string, language: Language): ValuesOf<Args> {
  const fail = (code: "args-missing" | "args-extra"): never => {
    throw new InputError(code, { usage: usage(command, language) });
  };
  let extra = text;
  const typed = Object.entries(command.args ?? {}).map(([name, arg]) => {
    const [text, after] = arg.isRest ? [extra, ""] : splitWord(extra);
    extra = after;
    return { name, arg, text };
  });
  if (command.isExact && extra !== "") fail("args-extra");
  if (typed.some(({ arg, text }) => text === "" && !arg.isOptional)) fail("args-missing");
  const values = typed.map(({ name, arg, text }) => [name, arg.parse(text)] as const);
  if (values.some(([, value]) => value === undefined)) fail("args-missing");
  return Object.fromEntries(values);
}

/** The first word of a text, and the rest, trimmed. */
function splitWord(text: string): [word: string, after: string] {
  const trimmed = text.trim();
  const [first] = /^\S*/.exec(trimmed)!;
  return [first, trimmed.slice(first.length).trim()];
}

/** The names of a command with their slashes, that of a language first. */
export function namesIn<Context>({ names }: Command<Context>, language: Language): string[] {
  const [english, spanish, ...others] = names.map((name) => `/${name}`);
  if (spanish === undefined) return [english!];
  return language === "es" ? [spanish, english!, ...others] : [english!, spanish, ...others];
}

/** How to type a command: `/kick NICK [REASON]`. */
export function usage<Context>(command: Command<Context>, language: Language): string {
  const typed = Object.values(command.args ?? {}).map(({ label, isOptional }) =>
    isOptional ? `[${label[language]}]` : label[language]
  );
  return [namesIn(command, language)[0], ...typed].join(" ");
}

/** The commands of one program, in the order in which help shows them. */
export class CommandRegistry<Context> {
  readonly commands: readonly Command<Context>[];
  /** Rows of help about other lines than commands. */
  readonly hints: readonly (readonly [typed: string, help: Localized])[];
  /** Names of commands that only a server's console has, at a client. */
  readonly #consoleNames: readonly string[];

  constructor(
    commands: readonly Command<Context>[],
    hints: readonly (readonly [typed: string, help: Localized])[] = [],
    consoleNames: readonly string[] = [],
  ) {
    this.commands = commands;
    this.hints = hints;
    this.#consoleNames = consoleNames;
  }

  /** Every name of every command, with its slash. */
  get names(): string[] {
    return this.commands.flatMap(({ names }) => names.map((name) => `/${name}`));
  }

  /** Every name with its slash, in the order in which Tab offers them: those of a language first. In the order of help,
   * `/msg` comes before `/me`, which all would read. */
  completions(language: Language): string[] {
    const all = this.commands.map((command) => namesIn(command, language));
    return [...all.map(([first]) => first!), ...all.flatMap(([, ...others]) => others)];
  }

  /** The names of commands after which a member's nick comes, with their slashes. */
  get nickCommands(): string[] {
    const takesNick = ({ args }: Command<Context>) => args?.nick !== undefined && !args.nick.isRest;
    return this.commands.filter(takesNick).flatMap(({ names }) => names.map((name) => `/${name}`));
  }

  /** Whether a line runs a command, or fails to: it begins with a slash, or is a bare name. */
  isCommand(line: string): boolean {
    const typed = line.trim();
    return typed.startsWith("/") || this.#findBare(typed) !== undefined;
  }

  /** Runs the command of a line.
   * @throws {InputError} `command-unknown`, `command-mistyped`, `command-of-console`, or what {@linkcode parseArgs}
   * throws */
  run(line: string, context: Context, language: Language): void | Promise<void> {
    const bare = this.#findBare(line.trim());
    if (bare) return bare.run(context, parseArgs(bare, "", language));
    if (!this.isCommand(line)) throw new InputError("command-unknown", { command: line });
    const [first, text] = splitWord(line.trim().slice(1));
    const name = printable(first).toLowerCase();
    const command = this.commands.find(({ names }) => names.includes(name));
    if (command) return command.run(context, parseArgs(command, text, language));
    if (this.#consoleNames.includes(name)) {
      throw new InputError("command-of-console", { command: `/${name}` });
    }
    const suggestion = suggest(name, this.commands.flatMap(({ names }) => names));
    const typed = printable(/^\/\s*\S*/.exec(line.trim())![0]);
    if (suggestion === undefined) throw new InputError("command-unknown", { command: typed });
    throw new InputError("command-mistyped", { command: typed, suggestion: `/${suggestion}` });
  }

  /** Usage and help of each command, in lines of at most `columns`. */
  help(language: Language, columns?: number): string[] {
    const rows = this.commands.map((command) => {
      const [, ...aliases] = namesIn(command, language);
      return [[usage(command, language), ...aliases].join(", "), command.help[language]] as const;
    });
    const hints = this.hints.map(([typed, help]) => [typed, help[language]] as const);
    return formatColumns([...rows, ...hints], columns);
  }

  #findBare(typed: string): Command<Context> | undefined {
    return this.commands.find(({ bareNames = [] }) => bareNames.includes(typed.toLowerCase()));
  }
}

export interface CommonContext {
  showHelp(): void | Promise<void>;
  showMembers(): void | Promise<void>;
  quit(): void | Promise<void>;
}

const command = commandsFor<CommonContext>();

export const HELP_COMMAND = command({
  names: ["help", "ayuda"],
  help: { es: "mostrar la ayuda", en: "show this help" },
  run: (context) => context.showHelp(),
});

export const WHO_COMMAND = command({
  names: ["who", "quien"],
  help: {
    es: "mostrar quién está en línea, desde dónde y desde cuándo",
    en: "show who is online, from where and since when",
  },
  run: (context) => context.showMembers(),
});

// A bare "q" is an answer. More words after "/quit" are a message that was meant for the room.
export const QUIT_COMMAND = command({
  names: ["quit", "salir", "exit", "q"],
  bareNames: ["quit", "salir", "exit"],
  isExact: true,
  help: { es: "terminar el programa", en: "end the program" },
  run: (context) => context.quit(),
});

/** Whether an answer to a prompt asks to leave: `salir`, `quit`, `/quit`, `/salir adiós`... */
export function isQuit(answer: string): boolean {
  const typed = answer.trim().toLowerCase();
  const { names, bareNames = [] } = QUIT_COMMAND;
  return bareNames.includes(typed) || names.some((name) => `${typed} `.startsWith(`/${name} `));
}

/** The TEXT of an answer `/quit TEXT`; "" without one. */
export function goodbyeOf(answer: string): string {
  return isQuit(answer) ? splitWord(answer)[1] : "";
}
