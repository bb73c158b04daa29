// Commands from a table, which also gives the help: how a typed line is told apart. Pure; knows none of the
// commands.

import { formatColumns } from "./columns.ts";
import type { PlainTranslationKey, Translate } from "../i18n/translate.ts";
import { printable, suggest } from "../text/text.ts";

/** A command that can be typed. */
export interface Command {
  /** Names after the slash, the one that help shows first. */
  readonly names: readonly string[];
  /** What follows the name, in words. */
  readonly parameters?: PlainTranslationKey;
  readonly help: PlainTranslationKey;
}

/** Commands by what they are for, in the order in which the help shows them. */
export type CommandTable = Readonly<Record<string, Command>>;

/** The commands of a table behind which nothing follows. */
export type WithoutArgs<Table extends CommandTable> = {
  [Name in keyof Table]: Table[Name] extends { readonly parameters: string } ? never : Name;
}[keyof Table];

/** A command that there is not, and what it may have been meant for. */
export interface UnknownCommand {
  readonly type: "unknown";
  readonly command: string;
  readonly suggestion?: string;
}

/** A command as it was typed, or one that there is not. */
type TypedCommand<Table extends CommandTable> =
  | { readonly name: keyof Table & string; readonly rest: string }
  | { readonly name: undefined; readonly unknown: UnknownCommand };

/** The command of a line that begins with a slash, and what follows it. */
export function parseCommand<Table extends CommandTable>(table: Table, line: string): TypedCommand<Table> {
  const { word, rest } = firstWord(line.trim().slice(1));
  const typed = printable(word).toLowerCase();
  for (const [name, { names }] of Object.entries(table)) {
    if (names.includes(typed)) return { name, rest };
  }
  const known = Object.values(table).flatMap(({ names }) => names);
  const suggestion = suggest(typed, known);
  const unknown = { type: "unknown", command: `/${typed}` } as const;
  return {
    name: undefined,
    unknown: suggestion === undefined ? unknown : { ...unknown, suggestion: `/${suggestion}` },
  };
}

/** The first word of a text, and what follows it, both without spaces around them. */
export function firstWord(text: string): { word: string; rest: string } {
  const [word = ""] = /^\S*/.exec(text.trim())!;
  return { word, rest: text.trim().slice(word.length).trim() };
}

/** What to tell somebody who typed a command that there is not. */
export function unknownCommandText({ command, suggestion }: UnknownCommand, t: Translate): string {
  return suggestion === undefined
    ? t("command.unknown", { command })
    : t("command.mistyped", { command, nearest: suggestion });
}

/** How a command is to be typed: `/msg NICK TEXT`. */
export function usage({ names, parameters }: Command, t: Translate): string {
  return `/${names[0]}${parameters ? ` ${t(parameters)}` : ""}`;
}

/** How help is shown. */
interface HelpOptions {
  /** What else can be typed. */
  readonly more?: readonly (readonly [typed: string, help: string])[];
  /** How wide the screen is. */
  readonly columns?: number;
}

/** The commands and what they do. */
export function tableHelp(
  table: CommandTable,
  t: Translate,
  { more = [], columns }: HelpOptions = {},
): string[] {
  return formatColumns([
    ...Object.values(table).map((command) => {
      const others = command.names.slice(1).map((name) => `, /${name}`).join("");
      return [`${usage(command, t)}${others}`, t(command.help)] as const;
    }),
    ...more,
  ], columns);
}
