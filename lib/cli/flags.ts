// Command-line flags from a table, which also gives the help. Pure.

import { parseArgs } from "@std/cli/parse-args";
import { InputError } from "../errors.ts";
import { LANGUAGES, type PlainTranslationKey, type Translate } from "../i18n/translate.ts";

/** Shells that can complete flags. */
const SHELLS = ["bash", "zsh"] as const;
/** A shell that can complete flags. */
export type Shell = typeof SHELLS[number];

/** What the value of a flag may be: each has its word in every language. */
type ValueName = PlainTranslationKey extends infer Key ? Key extends `value.${infer Name}` ? Name : never
  : never;

/** A flag of a program. */
export interface Flag {
  /** What its value is, for the help; a flag without, and without choices, is on or off. */
  readonly value?: ValueName;
  readonly isRepeatable?: boolean;
  /** The only values that it takes, if there are so few. */
  readonly choices?: readonly string[];
  readonly alias?: string;
  readonly help: PlainTranslationKey;
}

/** The flags of a program by name, without dashes, in the order in which the help shows them. */
export type FlagTable = Readonly<Record<string, Flag>>;

/** What was given for each flag of a table. */
export type FlagValues<Table extends FlagTable> = {
  readonly [Name in keyof Table]: Table[Name] extends { readonly isRepeatable: true } ? readonly string[]
    : Table[Name] extends { readonly value: string } | { readonly choices: readonly string[] }
      ? string | undefined
    : boolean;
};

/** Flags of every program about how lines look. */
export const DISPLAY_FLAGS = {
  time: { value: "PATTERN", help: "flag.time" },
  utc: { help: "flag.utc" },
  "no-color": { help: "flag.no-color" },
} as const satisfies FlagTable;

/** Flags that every program has. */
export const COMMON_FLAGS = {
  lang: { choices: LANGUAGES, help: "flag.lang" },
  plain: { help: "flag.plain" },
  help: { alias: "h", help: "flag.help" },
  version: { help: "flag.version" },
  completions: { choices: SHELLS, help: "flag.completions" },
} as const satisfies FlagTable;

/** Reads flags as `--name value` or `--name=value`.
 * @throws {InputError} `flag-unknown`, `flag-value-missing`, `flag-value-invalid` or `argument-unexpected` */
export function parseFlags<Table extends FlagTable>(
  args: readonly string[],
  table: Table,
): FlagValues<Table> {
  const named = Object.entries(table);
  const withValue = named.filter(([, flag]) => takesValue(flag)).map(([name]) => name);
  const withoutValue = named.map(([name]) => name).filter((name) => !withValue.includes(name));
  for (const arg of args) {
    // parseArgs would take any value for a yes.
    const [, name, value] = /^--([^=]+)=([^]*)$/.exec(arg) ?? [];
    if (name && withoutValue.includes(name)) throw invalidValue(`--${name}`, value!);
  }
  const values = parseArgs([...args], {
    string: [...withValue, "_"],
    boolean: withoutValue,
    collect: named.filter(([, { isRepeatable }]) => isRepeatable).map(([name]) => name),
    alias: Object.fromEntries(
      named.filter(([, { alias }]) => alias).map(([name, { alias }]) => [name, alias!]),
    ),
    unknown: (argument, key) => {
      if (key === undefined) return; // no flag
      throw new InputError("flag-unknown", { flag: argument });
    },
  });
  // First what is wrong with a flag: the empty value of one is left over as an argument.
  for (const name of withValue) {
    for (const value of [values[name] ?? []].flat() as string[]) checkValue(`--${name}`, value, table[name]!);
  }
  for (const argument of values._) {
    throw new InputError("argument-unexpected", { argument });
  }
  return values as unknown as FlagValues<Table>;
}

/** Whether a flag is more than on or off. */
export function takesValue({ value, choices }: Flag): boolean {
  return value !== undefined || choices !== undefined;
}

/** What stands for the value of a flag in help; empty if it takes none. */
export function valueLabel({ value, choices = [] }: Flag, t: Translate): string {
  return value === undefined ? choices.join("|") : t(`value.${value}`);
}

function checkValue(flag: string, value: string, { choices }: Flag): void {
  if (value === "") {
    throw new InputError("flag-value-missing", { flag });
  }
  if (choices && !choices.includes(value)) throw invalidValue(flag, value);
}

/** Flags that go together, or do not: pairs of names. */
interface FlagConstraints {
  /** The first needs the second. */
  readonly requires?: readonly (readonly [string, string])[];
  readonly conflicts?: readonly (readonly [string, string])[];
}

/** Checks which flags were given together.
 * @throws {InputError} `flag-alone` or `flags-contrary` */
export function checkCombinations(
  values: Readonly<Record<string, unknown>>,
  { requires = [], conflicts = [] }: FlagConstraints,
): void {
  const isGiven = (name: string) => Array.isArray(values[name]) ? values[name].length > 0 : !!values[name];
  for (const [flag, other] of requires) {
    if (isGiven(flag) && !isGiven(other)) throw constraintError("flag-alone", flag, other);
  }
  for (const [flag, other] of conflicts) {
    if (isGiven(flag) && isGiven(other)) throw constraintError("flags-contrary", flag, other);
  }
}

function constraintError(code: "flag-alone" | "flags-contrary", flag: string, other: string): InputError {
  const details = { flag: `--${flag}`, other: `--${other}` };
  return new InputError(code, details);
}

/** A whole number from a flag.
 * @throws {InputError} `flag-value-invalid` */
export function parseCount(flag: string, text: string, max: number): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Infinity;
  if (count > max) throw invalidValue(flag, text);
  return count;
}

/** The error for a flag that does not take its value. */
export function invalidValue(flag: string, value: string): InputError {
  return new InputError("flag-value-invalid", { flag, value });
}

/** The flags and what they do. */
export function flagHelp(table: FlagTable, t: Translate, columns?: number): string[] {
  const rows = Object.entries(table).map(([name, flag]) => {
    const names = flag.alias ? `-${flag.alias}, --${name}` : `--${name}`;
    return [`${names} ${valueLabel(flag, t)}`.trimEnd(), t(flag.help)] as const;
  });
  return formatColumns(rows, columns);
}

/** Where nobody says how wide the screen is. */
const DEFAULT_WIDTH = 80;
/** Most columns of the right side: longer lines are not read with ease. */
const MAX_HELP_WIDTH = 80;
/** Fewest columns in which the right side is read with ease. */
const MIN_HELP_WIDTH = 20;
const MARGIN = "  ";

/** The rows as lines. What does not fit on the right goes on below, and all of it on a screen that is too narrow
 * for both sides. */
export function formatColumns(
  rows: readonly (readonly [left: string, right: string])[],
  columns = DEFAULT_WIDTH,
): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  const room = Math.min(columns - width - 2 * MARGIN.length, MAX_HELP_WIDTH);
  if (columns < DEFAULT_WIDTH && room < MIN_HELP_WIDTH) {
    const indent = MARGIN + MARGIN;
    return rows.flatMap(([left, right]) => [
      `${MARGIN}${left}`,
      ...wrapText(right, columns - indent.length).map((part) => `${indent}${part}`),
    ]);
  }
  return rows.flatMap(([left, right]) =>
    wrapText(right, room).map((part, index) =>
      `${MARGIN}${(index === 0 ? left : "").padEnd(width)}${MARGIN}${part}`
    )
  );
}

/** A text in lines of so many characters, unless a word is longer. */
function wrapText(text: string, room: number): string[] {
  const [first = "", ...others] = text.split(" ");
  const lines = [first];
  for (const word of others) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length <= room) lines[lines.length - 1] = line;
    else lines.push(word);
  }
  return lines;
}

/** What a script is about. */
interface CompletionsOptions {
  /** Name of the program. */
  readonly name: string;
  readonly table: FlagTable;
  readonly t: Translate;
}

/** The script, line by line. `eval "$(NAME --completions SHELL)"` makes it work in a shell that runs. */
export function completions(shell: Shell, options: CompletionsOptions): string[] {
  return { bash: bashScript, zsh: zshScript }[shell](options);
}

function bashScript({ name, table }: CompletionsOptions): string[] {
  const own = `_${name.replaceAll("-", "_")}`;
  const cases = Object.entries(table).filter(([, about]) => takesValue(about)).map(([flag, about]) =>
    `    --${flag}) ${bashValues(about)} ;;`
  );
  const flags = Object.entries(table).flatMap(([flag, { alias }]) =>
    alias ? [`-${alias}`, `--${flag}`] : `--${flag}`
  );
  return [
    `${own}() {`,
    "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}",
    "  # --flag=value comes as three words.",
    "  if [ \"$current\" = '=' ]; then current=",
    "  elif [ \"$previous\" = '=' ]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi",
    "  case $previous in",
    ...cases,
    `    *) COMPREPLY=($(compgen -W '${flags.join(" ")}' -- "$current")) ;;`,
    "  esac",
    "}",
    `complete -F ${own} ${name}`,
  ];
}

function bashValues(about: Flag): string {
  const { choices, value } = about;
  if (choices) return `COMPREPLY=($(compgen -W '${choices.join(" ")}' -- "$current"))`;
  if (completesHost(about)) return 'COMPREPLY=($(compgen -A hostname -- "$current"))';
  // Bash itself knows best about names with blanks and the like, from its release 4 on.
  const own = value === "FILE" ? "default" : value === "DIR" ? "dirnames" : undefined;
  return own ? `COMPREPLY=(); compopt -o ${own} 2>/dev/null` : "COMPREPLY=()";
}

function zshScript({ name, table, t }: CompletionsOptions): string[] {
  const specs = Object.entries(table).map(([flag, about]) => {
    const { alias, isRepeatable, help } = about;
    const text = `[${t(help).replaceAll(/[[\]\\:]/g, "\\$&")}]`;
    if (!takesValue(about)) {
      return alias
        ? `'(-${alias} --${flag})'{-${alias},--${flag}}${shellQuote(text)}`
        : shellQuote(`--${flag}${text}`);
    }
    const word = valueLabel(about, t).replaceAll(":", "\\:");
    return shellQuote(`${isRepeatable ? "*" : ""}--${flag}=${text}:${word}:${zshValues(about)}`);
  });
  const own = `_${name}`; // as the file that it may become must be called
  return [
    `#compdef ${name}`,
    `${own}() {`,
    `  _arguments ${specs.join(" \\\n    ")}`,
    "}",
    `# As a file of $fpath, zsh calls this when it is first needed; by eval, it is told of it.`,
    `if [ "$funcstack[1]" = ${own} ]; then ${own} "$@"; else compdef ${own} ${name}; fi`,
  ].join("\n").split("\n");
}

function zshValues(about: Flag): string {
  const { choices, value } = about;
  if (choices) return `(${choices.join(" ")})`;
  if (completesHost(about)) return "_hosts";
  return value === "FILE" ? "_files" : value === "DIR" ? "_files -/" : "";
}

function completesHost({ value }: Flag): boolean {
  return value?.startsWith("HOST") === true;
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
