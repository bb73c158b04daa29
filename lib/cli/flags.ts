// Command-line flags from a table: parsing, help and shell completion.

import { parseArgs } from "@std/cli/parse-args";
import { InputError } from "../errors.ts";
import { LANGUAGES, type PlainTranslationKey, type Translate } from "../i18n/translate.ts";
import { suggest } from "../text/text.ts";

const SHELLS = ["bash", "zsh"] as const;

/** Placeholder for the value of a flag; the catalogues have a word for each. */
type ValueName = PlainTranslationKey extends infer Key ? Key extends `value.${infer Name}` ? Name : never
  : never;

/** A flag. Without `value` and `choices` it is a switch. */
interface Flag {
  readonly value?: ValueName;
  /** The only values that the flag takes. */
  readonly choices?: readonly string[];
  readonly isRepeatable?: boolean;
  /** One letter, without its dash. */
  readonly alias?: string;
  /** Only for the command line, not for a config file. */
  readonly isTypedOnly?: boolean;
  /** An argument without a flag is the value of the first of these that has none. */
  readonly isPositional?: boolean;
  readonly help: PlainTranslationKey;
}

/** The flags of a program by name, without dashes, in the order in which help shows them. */
export type FlagTable = Readonly<Record<string, Flag>>;

export type FlagValues<Table extends FlagTable> = {
  readonly [Name in keyof Table]: Table[Name] extends { readonly isRepeatable: true } ? readonly string[]
    : Table[Name] extends { readonly choices: readonly (infer Choice)[] } ? Choice | undefined
    : Table[Name] extends { readonly value: string } ? string | undefined
    : boolean;
};

/** Flags of both programs about what lines look like. */
export const DISPLAY_FLAGS = {
  time: { value: "PATTERN", help: "flag.time" },
  utc: { help: "flag.utc" },
  "no-color": { help: "flag.no-color" },
  json: { help: "flag.json" },
} as const satisfies FlagTable;

/** Other flags of both programs. */
export const COMMON_FLAGS = {
  lang: { choices: LANGUAGES, help: "flag.lang" },
  plain: { help: "flag.plain" },
  config: { value: "FILE", isTypedOnly: true, help: "flag.config" },
  help: { alias: "h", isTypedOnly: true, help: "flag.help" },
  version: { alias: "v", isTypedOnly: true, help: "flag.version" },
  licenses: { isTypedOnly: true, help: "flag.licenses" },
  completions: { choices: SHELLS, isTypedOnly: true, help: "flag.completions" },
} as const satisfies FlagTable;

/** Parses `--name value` and `--name=value`, and the same with `-` and an alias.
 * @throws {InputError} `flag-unknown`, `flag-mistyped`, `flag-value-missing`, `flag-value-invalid` or `argument-unexpected` */
export function parseFlags<Table extends FlagTable>(
  args: readonly string[],
  table: Table,
): FlagValues<Table> {
  const namesOf = (has: (flag: Flag) => unknown) => Object.keys(table).filter((name) => has(table[name]!));
  const withValue = namesOf(takesValue);
  const switches = namesOf((flag) => !takesValue(flag));
  const isNamed = (name: string, typed?: string) =>
    typed === `--${name}` || typed === `-${table[name]!.alias}`;
  for (const [index, arg] of args.entries()) {
    const previous = withValue.find((name) => isNamed(name, args[index - 1]));
    if (previous && /^-\d/.test(arg)) throw invalidValue(`--${previous}`, arg);
    // parseArgs takes `--auto=no` for true.
    const [, typed, value] = /^(--[^=]+|-\w)=([^]*)$/.exec(arg) ?? [];
    const name = switches.find((name) => isNamed(name, typed));
    if (name) throw invalidValue(`--${name}`, value!);
  }
  const values = parseArgs([...args], {
    string: [...withValue, "_"],
    boolean: switches,
    collect: namesOf(({ isRepeatable }) => isRepeatable),
    alias: Object.fromEntries(namesOf(({ alias }) => alias).map((name) => [name, table[name]!.alias!])),
    unknown: (argument, key) => {
      // Without a key it is no flag, but an argument.
      if (key !== undefined) throw unknownFlag(argument, table);
    },
  });
  // Flags before arguments: parseArgs also leaves the empty value of a flag among the arguments.
  for (const name of withValue) {
    const { choices } = table[name]!;
    for (const value of [values[name] ?? []].flat() as string[]) {
      if (value === "") throw new InputError("flag-value-missing", { flag: `--${name}` });
      if (choices && !choices.includes(value)) throw invalidValue(`--${name}`, value);
    }
  }
  const positionals = namesOf(({ isPositional }) => isPositional);
  for (const argument of values._) {
    const name = positionals.find((name) => values[name] === undefined);
    if (name === undefined) throw new InputError("argument-unexpected", { argument });
    Object.assign(values, { [name]: `${argument}` });
  }
  return values as unknown as FlagValues<Table>;
}

function unknownFlag(flag: string, table: FlagTable): InputError {
  const [typed] = /^--[^=]+/.exec(flag) ?? [];
  // With the dashes, so that --no-auto is close enough to --auto.
  const suggestion = typed && suggest(typed, Object.keys(table).map((name) => `--${name}`));
  return suggestion === undefined
    ? new InputError("flag-unknown", { flag })
    : new InputError("flag-mistyped", { flag, suggestion });
}

function takesValue({ value, choices }: Flag): boolean {
  return value !== undefined || choices !== undefined;
}

/** Pairs of flags, without dashes. */
interface FlagConstraints {
  /** The first flag needs the second. */
  readonly requires: readonly (readonly [string, string])[];
  readonly conflicts: readonly (readonly [string, string])[];
}

/** @throws {InputError} `flag-alone` or `flags-contrary` */
export function checkCombinations(
  values: Readonly<Record<string, unknown>>,
  { requires, conflicts }: FlagConstraints,
): void {
  const has = (name: string) => isGiven(values[name]);
  const alone = requires.find(([flag, other]) => has(flag) && !has(other));
  const contrary = conflicts.find(([flag, other]) => has(flag) && has(other));
  const [flag, other] = alone ?? contrary ?? [];
  if (flag === undefined) return;
  throw new InputError(alone ? "flag-alone" : "flags-contrary", { flag: `--${flag}`, other: `--${other}` });
}

/** Whether this is the value of a flag that was given. */
export function isGiven(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : !!value;
}

/** Parses a whole number of at most nine digits.
 * @throws {InputError} `flag-value-invalid` */
export function parseCount(flag: string, text: string, max: number): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Infinity;
  if (count > max) throw invalidValue(flag, text);
  return count;
}

export function invalidValue(flag: string, value: string): InputError {
  return new InputError("flag-value-invalid", { flag, value });
}

export function flagHelp(table: FlagTable, t: Translate, columns?: number): string[] {
  const rows = Object.entries(table).map(([name, flag]) => {
    const names = flag.alias ? `-${flag.alias}, --${name}` : `--${name}`;
    return [`${names} ${valueLabel(flag, t)}`.trimEnd(), t(flag.help)] as const;
  });
  return formatColumns(rows, columns);
}

/** The value of a flag as help shows it; "" for a switch. */
export function valueLabel({ value, choices = [] }: Flag, t: Translate): string {
  return value === undefined ? choices.join("|") : t(`value.${value}`);
}

/** Columns of a screen whose width is unknown. */
const DEFAULT_WIDTH = 80;
/** Most columns of the right side: longer lines are hard to read. */
const MAX_HELP_WIDTH = 80;
/** Fewest columns of the right side; below that it goes on a line of its own. */
const MIN_HELP_WIDTH = 20;
const MARGIN = "  ";

/** Lines with the two sides of each row in columns, wrapped to `columns`. */
export function formatColumns(
  rows: readonly (readonly [left: string, right: string])[],
  columns = DEFAULT_WIDTH,
): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  const helpWidth = Math.min(columns - width - 2 * MARGIN.length, MAX_HELP_WIDTH);
  if (columns < DEFAULT_WIDTH && helpWidth < MIN_HELP_WIDTH) {
    const indent = MARGIN + MARGIN;
    return rows.flatMap(([left, right]) => [
      `${MARGIN}${left}`,
      ...wrapText(right, columns - indent.length).map((part) => `${indent}${part}`),
    ]);
  }
  return rows.flatMap(([left, right]) =>
    wrapText(right, helpWidth).map((part, index) =>
      `${MARGIN}${(index === 0 ? left : "").padEnd(width)}${MARGIN}${part}`
    )
  );
}

/** Breaks a text into lines of at most `width` characters; a longer word stays whole. */
function wrapText(text: string, width: number): string[] {
  const [first = "", ...others] = text.split(" ");
  const lines = [first];
  for (const word of others) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length <= width) lines[lines.length - 1] = line;
    else lines.push(word);
  }
  return lines;
}

export interface CompletionsOptions {
  readonly name: string;
  readonly table: FlagTable;
  readonly t: Translate;
}

/** The lines of a completion script: `eval "$(NAME --completions SHELL)"` installs it in a running shell. */
export function completions(shell: typeof SHELLS[number], options: CompletionsOptions): string[] {
  return { bash: bashScript, zsh: zshScript }[shell](options);
}

function bashScript({ name, table }: CompletionsOptions): string[] {
  const functionName = `_${name.replaceAll("-", "_")}`;
  const cases = Object.entries(table).filter(([, flag]) => takesValue(flag)).map(([name, flag]) =>
    `    ${flag.alias ? `-${flag.alias}|` : ""}--${name}) ${bashValues(flag)} ;;`
  );
  const names = Object.entries(table).flatMap(([name, { alias }]) =>
    alias ? [`-${alias}`, `--${name}`] : `--${name}`
  );
  return [
    `${functionName}() {`,
    "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}",
    "  # --flag=value comes as three words.",
    "  if [ \"$current\" = '=' ]; then current=",
    "  elif [ \"$previous\" = '=' ]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi",
    "  case $previous in",
    ...cases,
    `    *) COMPREPLY=($(compgen -W '${names.join(" ")}' -- "$current")) ;;`,
    "  esac",
    "}",
    `complete -F ${functionName} ${name}`,
  ];
}

function bashValues({ choices, value }: Flag): string {
  if (choices) return `COMPREPLY=($(compgen -W '${choices.join(" ")}' -- "$current"))`;
  if (value?.startsWith("HOST")) return 'COMPREPLY=($(compgen -A hostname -- "$current"))';
  // Only bash's own completion (since 4) quotes file names with spaces.
  const own = value === "FILE" ? "default" : value === "DIR" ? "dirnames" : undefined;
  return own ? `COMPREPLY=(); compopt -o ${own} 2>/dev/null` : "COMPREPLY=()";
}

function zshScript({ name, table, t }: CompletionsOptions): string[] {
  const specs = Object.entries(table).map(([name, flag]) => {
    const { alias, isRepeatable, help } = flag;
    const text = `[${t(help).replaceAll(/[[\]\\:]/g, "\\$&")}]`;
    if (!takesValue(flag)) {
      return alias
        ? `'(-${alias} --${name})'{-${alias},--${name}}${shellQuote(text)}`
        : shellQuote(`--${name}${text}`);
    }
    const value = `${text}:${valueLabel(flag, t).replaceAll(":", "\\:")}:${zshValues(flag)}`;
    if (alias) return `'(-${alias} --${name})'{-${alias}+,--${name}=}${shellQuote(value)}`;
    return shellQuote(`${isRepeatable ? "*" : ""}--${name}=${value}`);
  });
  // The name that zsh requires if the script becomes a file of $fpath.
  const functionName = `_${name}`;
  return [
    `#compdef ${name}`,
    `${functionName}() {`,
    `  _arguments ${specs.join(" \\\n    ")}`,
    "}",
    `# As a file of $fpath, zsh calls this when it is first needed; by eval, it is told of it.`,
    `if [ "$funcstack[1]" = ${functionName} ]; then ${functionName} "$@"; else compdef ${functionName} ${name}; fi`,
  ].join("\n").split("\n");
}

function zshValues({ choices, value }: Flag): string {
  if (choices) return `(${choices.join(" ")})`;
  if (value?.startsWith("HOST")) return "_hosts";
  return value === "FILE" ? "_files" : value === "DIR" ? "_files -/" : "";
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
