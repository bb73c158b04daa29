// Writes what other files repeat: flags and commands of both programs into the manual pages, both READMEs and
// docs/FLAGS.md, between the markers there, the version into them and lib/cli/process.ts, and the licences into licenses.txt.
//
//   deno task docs [--check]

import { type Command, type CommandRegistry, namesIn, usage } from "../lib/cli/commands.ts";
import { type FlagTable, valueLabel } from "../lib/cli/flags.ts";
import { EXIT } from "../lib/cli/process.ts";
import { CHAT_COMMANDS } from "../lib/client/commands.ts";
import { CLIENT_FLAGS } from "../lib/client/config.ts";
import { type Language, LANGUAGES, translator } from "../lib/i18n/translate.ts";
import { ADMIN_COMMANDS } from "../lib/server/console.ts";
import { SERVER_FLAGS } from "../lib/server/config.ts";
import config from "../deno.json" with { type: "json" };
import { LICENSES } from "./executables.ts";
import { collectLicenses } from "./licenses.ts";
import { parseOptions } from "./options.ts";

/** What the documents say of a program. */
interface Program {
  readonly name: "server" | "client";
  readonly flags: FlagTable;
  readonly commands: Pick<CommandRegistry<never>, "commands" | "hints">;
}

const PROGRAMS: readonly Program[] = [
  { name: "server", flags: SERVER_FLAGS, commands: ADMIN_COMMANDS },
  { name: "client", flags: CLIENT_FLAGS, commands: CHAT_COMMANDS },
];

/** Left and right side of a row of help. */
type Row = readonly [left: string, right: string];

/** How a document shows what stands on the left. */
interface Style {
  readonly flag: (names: readonly string[], value: string) => string;
  readonly command: (usage: string, aliases: readonly string[]) => string;
}

function flagRows(flags: FlagTable, language: Language, { flag: format }: Style): Row[] {
  const t = translator(language);
  return Object.entries(flags).map(([name, flag]) => {
    const names = flag.alias === undefined ? [`--${name}`] : [`-${flag.alias}`, `--${name}`];
    return [format(names, valueLabel(flag, t)), t(flag.help)];
  });
}

function commandRows(
  { commands, hints }: Program["commands"],
  language: Language,
  { command: format }: Style,
): Row[] {
  const row = (command: Command<never>): Row => {
    const aliases = [...namesIn(command, language).slice(1), ...command.bareNames ?? []];
    return [format(usage(command, language), aliases), command.help[language]];
  };
  return [
    ...commands.map(row),
    ...hints.map(([typed, help]): Row => [format(typed, []), help[language]]),
  ];
}

/** Tags of man(7): names in bold, arguments in italics. */
const ROFF: Style = {
  flag: (names, value) => {
    if (value === "") return macro(names.length > 1 ? "BR" : "B", separated(names));
    return value.includes("|")
      ? macro("B", [...names, value])
      : macro("BI", [...separated(names), ` ${value}`]);
  },
  command: (usage, aliases) => {
    const [name, ...args] = usage.split(" ");
    const [first, ...more] = separated([name!, ...aliases]);
    if (args.length === 0) return macro(more.length > 0 ? "BR" : "B", [first!, ...more]);
    const [comma = "", ...others] = more;
    return macro("BI", [first!, ` ${args.join(" ")}${comma}`, ...others]);
  },
};

function separated(words: readonly string[]): string[] {
  return words.flatMap((word, index) => index === 0 ? word : [", ", word]);
}

function macro(name: string, words: readonly string[]): string {
  return [`.${name}`, ...words.map((word) => word.includes(" ") ? `"${word}"` : word)].join(" ");
}

const MARKDOWN: Style = {
  flag: (names, value) => code([...names.slice(0, -1), `${names.at(-1)} ${value}`.trimEnd()]),
  command: (usage, aliases) => code([usage, ...aliases]),
};

function code(words: readonly string[]): string {
  return words.map((word) => `\`${word.replaceAll("|", "\\|")}\``).join(", ");
}

/** Paragraphs of man(7), with help as whole sentences. */
function roff(rows: readonly Row[]): string[] {
  return rows.flatMap(([tag, help]) => {
    const sentence = `${help.charAt(0).toUpperCase()}${help.slice(1)}.`;
    return [".TP", tag, sentence].map((line) => line.replaceAll("-", "\\-"));
  });
}

/** A table as `deno fmt` leaves it. */
function markdown(head: Row, rows: readonly Row[]): string[] {
  const cells = [head, ...rows.map(([left, right]): Row => [left, right.replaceAll("|", "\\|")])];
  const width = (column: 0 | 1) => Math.max(...cells.map((row) => row[column].length));
  const line = ([left, right]: Row) => `| ${left.padEnd(width(0))} | ${right.padEnd(width(1))} |`;
  const [first, ...others] = cells.map(line);
  return ["", first!, `| ${"-".repeat(width(0))} | ${"-".repeat(width(1))} |`, ...others, ""];
}

/** Replaces what stands between two lines. */
function replaceBetween(text: string, [begin, end]: readonly [string, string], lines: readonly string[]) {
  const from = text.indexOf(`${begin}\n`) + begin.length + 1;
  const to = text.indexOf(`${end}\n`, from);
  if (from <= begin.length || to < 0) throw new Error(`no lines ${begin} and ${end}`);
  return text.slice(0, from) + lines.map((line) => `${line}\n`).join("") + text.slice(to);
}

function manualPage(text: string, { flags, commands }: Program, language: Language): string {
  const between = (section: string) => [`.\\" ${section}`, `.\\" /${section}`] as const;
  const page = text.replace(/"chat [\d.]+"/, `"chat ${config.version}"`);
  const withFlags = replaceBetween(page, between("flags"), roff(flagRows(flags, language, ROFF)));
  return replaceBetween(withFlags, between("commands"), roff(commandRows(commands, language, ROFF)));
}

const HEADS: Readonly<Record<Language, Readonly<Record<Program["name"] | "help", string>>>> = {
  es: { client: "en un cliente", server: "en la consola de un servidor", help: "qué hace" },
  en: { client: "in a client", server: "at a server's console", help: "what it does" },
};

/** Replaces the tables of flags or commands that a document has. */
function withTables(text: string, kind: "flags" | "commands", language: Language = "en"): string {
  const heads = HEADS[language];
  const programs = PROGRAMS.filter(({ name }) => text.includes(`<!-- ${kind}:${name} -->`));
  return programs.reduce((page, { name, flags, commands }) => {
    const [left, rows] = kind === "flags"
      ? [`\`chat-${name}\``, flagRows(flags, language, MARKDOWN)]
      : [heads[name], commandRows(commands, language, MARKDOWN)];
    const table = markdown([left, heads.help], rows);
    return replaceBetween(page, [`<!-- ${kind}:${name} -->`, `<!-- /${kind}:${name} -->`], table);
  }, text);
}

/** Replaces the version in lib/cli/process.ts. */
function withVersion(text: string): string {
  return text.replace(/(?<=^const VERSION = ")[^"]+/m, config.version);
}

/** Writes the files; with `--check` names those that are stale instead. Returns the exit status. */
async function writeFiles({ check }: { readonly check: boolean }): Promise<number> {
  const licenses = await collectLicenses();
  const files: Record<string, (text: string) => string> = {
    "README.md": (text) => withTables(text, "commands"),
    "docs/USING.md": (text) => withTables(text, "commands"),
    "README.es.md": (text) => withTables(text, "commands", "es"),
    "docs/FLAGS.md": (text) => withTables(text, "flags"),
    "lib/cli/process.ts": withVersion,
    [LICENSES]: () => licenses,
  };
  for (const program of PROGRAMS) {
    for (const language of LANGUAGES) {
      const path = `docs/man/${language === "en" ? "" : `${language}/`}chat-${program.name}.1`;
      files[path] = (text) => manualPage(text, program, language);
    }
  }
  let status: number = EXIT.ok;
  for (const [path, make] of Object.entries(files)) {
    const text = await Deno.readTextFile(path);
    const made = make(text);
    if (made === text) continue;
    console.log(check ? `${path} is stale: deno task docs` : path);
    if (check) status = EXIT.failure;
    else await Deno.writeTextFile(path, made);
  }
  return status;
}

Deno.exit(await writeFiles(parseOptions({ check: false })));
