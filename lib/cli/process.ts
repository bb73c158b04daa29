// What the server's and the client's main parts get from the process that they run in, and how that process
// ends. The only place that reads the process's arguments, environment and signals.

import { isAbsolute, join } from "node:path";
import type { Clock } from "../base/time.ts";
import { ChatError, InputError } from "../errors.ts";
import { type CommandRegistry } from "./commands.ts";
import {
  type COMMON_FLAGS,
  completions,
  flagHelp,
  type FlagTable,
  type FlagValues,
  type Shell,
} from "./flags.ts";
import {
  chooseLanguage,
  errorText,
  type Language,
  type PlainTranslationKey,
  type Translate,
  translator,
} from "../i18n/translate.ts";
import { Terminal } from "../terminal/terminal.ts";
import { standardStreams } from "../terminal/tty.ts";

/** The version of both programs. */
export const VERSION = "0.1.0";

/** What a program was made into. */
export interface BuildInfo {
  /** Run from the source code, made by `deno compile`, or a file that unpacks a Deno and a bundle. */
  readonly distribution: "source" | "compiled" | "self-extracting";
  /** What it runs on, for reports of errors. */
  readonly runtime: string;
}

/** An IP address of this machine. */
export interface LocalAddress {
  readonly address: string;
  /** Name of its network interface. */
  readonly name: string;
}

/** The surroundings of a program; tests make their own. */
export interface ProcessContext {
  readonly args: readonly string[];
  readonly language: Language;
  readonly terminal: Terminal;
  /** Whether what is written may have colours: a screen shows it, and NO_COLOR (no-color.org) is not set. */
  readonly hasColors: boolean;
  readonly clock: Clock;
  readonly localAddresses: () => readonly LocalAddress[];
  readonly buildInfo: BuildInfo;
  /** Folder for what the programs keep for the person. Undefined if the system has none. */
  readonly configFolder?: string;
  /** From now on the process can neither read nor write a file: there are none left that it should. */
  readonly dropFilePermissions: () => void;
  /** Aborted when the program is to end: by the system, by Ctrl-C, or because nobody reads what it writes. */
  readonly terminated: AbortSignal;
}

/** Exit statuses of both programs. */
export const EXIT = { ok: 0, failure: 1, usage: 2 } as const;

/** Runs a program in this process, and ends the process with its exit status. */
export async function runProcess(
  main: (program: ProcessContext) => Promise<number>,
  { clock }: { clock: Clock },
): Promise<never> {
  const terminal = new Terminal(await standardStreams({ isPlain: Deno.args.includes("--plain") }), clock);
  // Of these Deno fires the last when the process ends by Deno.exit(), one of the others before it ends by an error.
  for (const event of ["error", "unhandledrejection", "unload"]) {
    addEventListener(event, () => terminal.restoreNow());
  }
  const terminated = AbortSignal.any([terminationSignal(), terminal.interruptSignal]);
  ignoreSigtstp();
  // Whatever hangs, be it that nobody reads what we write: who tells a program to end wants it to end.
  terminated.addEventListener(
    "abort",
    () => Deno.unrefTimer(setTimeout(() => Deno.exit(EXIT.ok), SHUTDOWN_TIMEOUT_MS)),
  );
  const language = chooseLanguage(langFlag(Deno.args), systemLocales());
  let status: number;
  try {
    status = await main({
      args: Deno.args,
      language,
      terminal,
      hasColors: Deno.stdout.isTerminal() && !Deno.noColor,
      clock,
      localAddresses,
      buildInfo: buildInfo(),
      configFolder: configFolder(),
      dropFilePermissions,
      terminated,
    });
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    console.error(errorText(error, language));
    status = error instanceof InputError ? EXIT.usage : EXIT.failure;
  } finally {
    await terminal[Symbol.asyncDispose]();
  }
  Deno.exit(status);
}

/** An address that holds on one link only needs its zone (RFC 4007, section 11): nobody can listen on it
 * without. */
function localAddresses(): LocalAddress[] {
  return Deno.networkInterfaces().map(({ address, scopeid, name }) => ({
    address: scopeid ? `${address}%${scopeid}` : address,
    name,
  }));
}

function buildInfo(): BuildInfo {
  const runtime = `Deno ${Deno.version.deno}, ${Deno.build.target}`;
  if (Deno.build.standalone) return { distribution: "compiled", runtime };
  // `deno bundle` puts everything into one file of JavaScript.
  return { distribution: import.meta.url.endsWith(".ts") ? "source" : "self-extracting", runtime };
}

/** XDG Base Directory Specification 0.8; on Windows, where programs keep what belongs to one person. */
function configFolder(): string | undefined {
  const isWindows = Deno.build.os === "windows";
  const [own, home] = isWindows ? [Deno.env.get("APPDATA"), undefined] : [
    Deno.env.get("XDG_CONFIG_HOME"),
    Deno.env.get("HOME"),
  ];
  if (own && isAbsolute(own)) return join(own, "chat");
  return home && isAbsolute(home) ? join(home, ".config", "chat") : undefined;
}

function dropFilePermissions(): void {
  for (const name of ["read", "write"] as const) Deno.permissions.revokeSync({ name });
}

/** How long a program may take to end once it is told to, in ms. */
const SHUTDOWN_TIMEOUT_MS = 3_000;

/** What the system says of the language, the weightiest first. */
export function systemLocales(): (string | undefined)[] {
  return ["LC_ALL", "LC_MESSAGES", "LANG"].map((name) => Deno.env.get(name));
}

/** Aborted when the system tells this process to end. */
export function terminationSignal(): AbortSignal {
  const ending = new AbortController();
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) Deno.addSignalListener(signal, () => ending.abort());
  return ending.signal;
}

/** Has Ctrl-Z do nothing where the system reads it: it would stop this process alone, `deno task` would go on
 * holding the terminal. */
function ignoreSigtstp(): void {
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTSTP", () => {});
}

/** The value of `--lang`, found before the flags are checked: what is wrong with them is said in it. */
function langFlag(args: readonly string[]): string | undefined {
  const index = args.findIndex((arg) => arg === "--lang" || arg.startsWith("--lang="));
  return args[index]?.split("=", 2)[1] ?? (index < 0 ? undefined : args[index + 1]);
}

/** What there is to say about a program. */
interface AboutOptions {
  /** Name of the program. */
  readonly name: string;
  readonly table: FlagTable;
  /** What `--help` shows. */
  readonly help: readonly string[];
  readonly build: BuildInfo;
  readonly t: Translate;
}

/** The lines that answer the flags, if these ask for no more than that. */
export function infoOutput(
  flags: FlagValues<typeof COMMON_FLAGS>,
  { name, table, help, build: { distribution, runtime }, t }: AboutOptions,
): readonly string[] | undefined {
  if (flags.help) return help;
  if (flags.version) return [`${name} ${VERSION} (${t(`distribution.${distribution}`)}, ${runtime})`];
  if (flags.completions) return completions(flags.completions as Shell, { name, table, t });
  return undefined;
}

/** What `--help` shows of a program. */
interface HelpSource {
  readonly usage: PlainTranslationKey;
  readonly table: FlagTable;
  readonly commands: Pick<CommandRegistry<unknown>, "help">;
}

/** The lines of `--help`. */
export function programHelp(
  { usage, table, commands }: HelpSource,
  { language, terminal: { columns } }: ProcessContext,
): string[] {
  const t = translator(language);
  const lists = [t("usage.options"), ...flagHelp(table, t, columns), ""];
  return [t(usage), "", ...lists, t("command.list"), ...commands.help(language, columns)];
}
