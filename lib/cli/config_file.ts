// Config files: flags, one a line, for what the command line does not say.

import { existsSync, readdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { readStateFile, readUserFile } from "../base/files.ts";
import { InputError } from "../errors.ts";
import { type FlagTable, type FlagValues, isGiven, parseFlags } from "./flags.ts";

/** What a program reads of the user's flags. */
export interface FlagSources {
  readonly args: readonly string[];
  /** Undefined if there is none. */
  readonly configFile?: ConfigFile;
}

export interface ConfigFile {
  readonly path: string;
  readonly lines: readonly ConfigLine[];
}

interface ConfigLine {
  /** From 1. */
  readonly number: number;
  /** The line as it stands in the file, without comment and blanks around it. */
  readonly text: string;
  /** The flag of the line as an argument. */
  readonly arg: string;
}

/** Reads the file that `--config` names, otherwise the one at `defaultPath`, if there is one.
 * @throws {InputError} `file-unreadable` or `file-not-text` */
export async function readConfigFile(
  args: readonly string[],
  defaultPath: string | undefined,
): Promise<ConfigFile | undefined> {
  const named = typedValue(args, "config");
  const path = named ?? defaultPath;
  if (path === undefined) return undefined;
  // Most users have none, and the first error of a process takes 8 ms.
  if (named === undefined && !mayExist(path)) return undefined;
  // A link that leads nowhere is no missing file: its user relies on what it should hold.
  const text = (named === undefined ? await readStateFile(path) : undefined) ?? await readUserFile(path);
  return { path, lines: parseLines(text) };
}

/** Also true for a link that leads nowhere. False where Deno refuses to look: in /dev and /proc, which a variable of the
 * environment may name. */
function mayExist(path: string): boolean {
  const folder = dirname(path);
  try {
    return existsSync(path) || (existsSync(folder) && readdirSync(folder).includes(basename(path)));
  } catch {
    return false;
  }
}

/** `port 5000`, `port = 5000` and `auto`, with or without dashes. `#` begins a comment at the start of a line or after a
 * blank: not in `lab:5001#SHA256:...`. */
function parseLines(content: string): ConfigLine[] {
  return content.split(/\r\n|\r|\n/).flatMap((typed, index) => {
    const text = typed.replace(/(^|\s)#.*/, "").trim();
    if (text === "") return [];
    const [, dashes = "--", name, value] = /^(--?)?([^\s=]*)(?:\s*=\s*|\s+|$)([^]*)$/.exec(text)!;
    return { number: index + 1, text, arg: value === "" ? `${dashes}${name}` : `${dashes}${name}=${value}` };
  });
}

/** The value of a flag in arguments that are not parsed yet, the last if there are several. */
export function typedValue(args: readonly string[], name: string): string | undefined {
  const index = args.findLastIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`));
  return index < 0 ? undefined : args[index]!.slice(`--${name}=`.length) || args[index + 1];
}

/** The flags of the config file, before those of the command line. */
export function allArgs({ args, configFile }: FlagSources): string[] {
  return [...configFile?.lines.map(({ arg }) => arg) ?? [], ...args];
}

/** What the command line gives counts; for other flags, what the config file gives.
 * @throws {InputError} as `parseFlags` does, and `config-line` */
export function readFlags<Table extends FlagTable>(
  { args, configFile }: FlagSources,
  table: Table,
): FlagValues<Table> {
  const typed = parseFlags(args, table);
  if (!configFile) return typed;
  const settings = Object.fromEntries(Object.entries(table).filter(([, flag]) => !flag.isTypedOnly));
  for (const line of configFile.lines) {
    try {
      parseFlags([line.arg], settings);
    } catch (error) {
      throw lineError(configFile, line, error);
    }
  }
  const kept = parseFlags(configFile.lines.map(({ arg }) => arg), table);
  const others = Object.entries(kept).filter(([name]) => !isGiven(typed[name]));
  return { ...typed, ...Object.fromEntries(others) };
}

/** Takes the values of flags. An error about a value of the config file names its line: the one that alone causes it.
 * @throws {InputError} */
export async function locateErrors<Table extends FlagTable, Config>(
  { configFile, table }: Pick<FlagSources, "configFile"> & { readonly table: Table },
  flags: FlagValues<Table>,
  take: (flags: FlagValues<Table>) => Config | Promise<Config>,
): Promise<Config> {
  try {
    return await take(flags);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    for (const line of configFile?.lines ?? []) {
      try {
        await take(parseFlags([line.arg], table));
      } catch (alone) {
        if ((alone as Error).message === error.message) throw lineError(configFile!, line, error);
      }
    }
    throw error;
  }
}

function lineError(
  { path }: ConfigFile,
  { number: line, text, arg }: ConfigLine,
  error: unknown,
): InputError {
  const isUnknown = error instanceof InputError && error.details.flag === arg;
  const cause = isUnknown ? new InputError(error.code, { ...error.details, flag: text }) : error;
  return new InputError("config-line", { path, line }, { cause });
}
