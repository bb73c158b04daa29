// The process of a program: its arguments, environment and signals, its exit status, `--help` and `--version`.

import { isAbsolute, join } from "node:path";
import type { Clock } from "../base/time.ts";
import { ChatError, errorMessage, InputError, OutputError } from "../errors.ts";
import type { CommandRegistry } from "./commands.ts";
import { allArgs, type ConfigFile, type FlagSources, readConfigFile, typedValue } from "./config_file.ts";
import {
  type COMMON_FLAGS,
  completions,
  type CompletionsOptions,
  flagHelp,
  type FlagTable,
  type FlagValues,
} from "./flags.ts";
import {
  chooseLanguage,
  errorText,
  type Language,
  type PlainTranslationKey,
  translator,
} from "../i18n/translate.ts";
import { Terminal } from "../terminal/terminal.ts";
import { type ConsoleApi, standardStreams } from "../terminal/tty.ts";

/** The parts of Deno that a process needs. Tests make their own. */
export type ProcessApi =
  & ConsoleApi
  & Pick<
    typeof Deno,
    "args" | "env" | "exit" | "hostname" | "networkInterfaces" | "noColor" | "permissions" | "unrefTimer"
  >;

/** Written here from deno.json by `deno task docs`. */
const VERSION = "0.1.0";

/** At the top of the project, or beside the bundle in an executable. */
const LICENSES = new URL(isSource() ? "../../licenses.txt" : "licenses.txt", import.meta.url);

export interface BuildInfo {
  /** `compiled` is made by `deno compile`; `self-extracting` unpacks a Deno and a bundle. */
  readonly distribution: "source" | "compiled" | "self-extracting";
  /** Version of Deno and target. */
  readonly runtime: string;
}

export interface LocalAddress {
  /** An IP of this machine. */
  readonly address: string;
  readonly name: string;
}

/** What a program gets from its process; tests make their own. */
export interface ProcessContext extends FlagSources {
  readonly language: Language;
  readonly terminal: Terminal;
  /** Output goes to a terminal that is not dumb, and NO_COLOR (no-color.org) is not set. */
  readonly hasColors: boolean;
  readonly clock: Clock;
  readonly localAddresses: () => readonly LocalAddress[];
  /** The name of this machine, without its domain; "" if the system does not tell. */
  readonly hostName: () => string;
  readonly buildInfo: BuildInfo;
  /** Folder of state files. Undefined if the system has none. */
  readonly configFolder?: string;
  /** Revokes the permissions to read and write files. */
  readonly dropFilePermissions: () => void;
  /** Aborted by a signal, by Ctrl-C, and when the reader of the output is gone. */
  readonly terminated: AbortSignal;
}

export const EXIT = { ok: 0, failure: 1, usage: 2 } as const;

const SHUTDOWN_TIMEOUT_MS = 3_000;

interface RunOptions {
  /** Name of the config file in the folder of state files. */
  readonly configName?: string;
  readonly clock: Clock;
  readonly deno?: ProcessApi;
  /** Where the runtime reports errors and its end. */
  readonly events?: Pick<EventTarget, "addEventListener">;
  /** Time to end in order after a signal, in ms; then the process exits. */
  readonly shutdownMs?: number;
}

/** Runs a program and ends the process with the exit status that `main` returns, or with that of its error. `main` may
 * throw the reason of `terminated`. */
export async function runProcess(
  main: (process: ProcessContext) => Promise<number>,
  { configName, clock, deno = Deno, events = globalThis, shutdownMs = SHUTDOWN_TIMEOUT_MS }: RunOptions,
): Promise<never> {
  const { args, build } = deno;
  // Emacs and other programs with a window for output that is no terminal.
  const isDumb = deno.env.get("TERM") === "dumb";
  const stateFolder = configFolder(deno);
  let configFile: ConfigFile | undefined;
  let configError: unknown;
  try {
    configFile = await readConfigFile(args, stateFolder && configName && join(stateFolder, configName));
  } catch (error) {
    configError = error; // until the terminal is there
  }
  const flags = allArgs({ args, configFile });
  const isPlain = isDumb || flags.includes("--plain");
  const isPipe = flags.includes("--json"); // a program is at the other end, or a person who plays one
  const terminal = new Terminal(await standardStreams({ isPlain, isPipe, deno }), clock);
  // Deno fires "unload" at Deno.exit(), and one of the others before it dies of an error.
  for (const event of ["error", "unhandledrejection", "unload"]) {
    events.addEventListener(event, () => terminal.restoreNow());
  }
  const terminated = AbortSignal.any([terminationSignal(deno), terminal.interruptSignal]);
  // Ctrl-Z would stop this process alone, and `deno task` would go on holding the terminal. To stop both, Deno.kill()
  // needs --allow-run for all programs. A file over the limit of `ulimit -f` would kill it: instead the write fails, as
  // on a full disk.
  if (build.os !== "windows") {
    for (const signal of ["SIGTSTP", "SIGXFSZ"] as const) deno.addSignalListener(signal, () => {});
  }
  // A hanging program ends all the same. It may not have done all.
  terminated.addEventListener(
    "abort",
    () => deno.unrefTimer(setTimeout(() => deno.exit(EXIT.failure), shutdownMs)),
  );
  const language = chooseLanguage(typedValue(flags, "lang"), systemLocales(deno));
  terminal.onOutputStalled = (cause, count) =>
    printError(
      cause === undefined
        ? translator(language)("output.restored", { count })
        : errorText(new OutputError("output-failed", { reason: errorMessage(cause) }, { cause }), language),
    );
  let status: number;
  try {
    if (configError) throw configError;
    status = await main({
      args,
      configFile,
      language,
      terminal,
      hasColors: deno.stdout.isTerminal() && !deno.noColor && !isDumb,
      clock,
      localAddresses: () => localAddresses(deno),
      hostName: () => hostName(deno),
      buildInfo: buildInfo(deno),
      configFolder: stateFolder,
      dropFilePermissions: () => {
        for (const name of ["read", "write"] as const) deno.permissions.revokeSync({ name });
      },
      terminated,
    });
  } catch (error) {
    const isSignal = terminated.aborted && error === terminated.reason;
    if (!isSignal && !(error instanceof ChatError)) throw error;
    if (!isSignal) printError(errorText(error, language));
    status = isSignal ? EXIT.ok : error instanceof InputError ? EXIT.usage : EXIT.failure;
  } finally {
    await terminal[Symbol.asyncDispose]();
  }
  return deno.exit(terminal.writeError === undefined ? status : status || EXIT.failure);
}

function printError(text: string): void {
  try {
    console.error(text);
  } catch {
    // Standard error may be on the same full disk.
  }
}

/** None without the permission. A link-local address gets its zone (RFC 4007, section 11): listening on it fails
 * without. */
function localAddresses({ networkInterfaces }: ProcessApi): LocalAddress[] {
  try {
    return networkInterfaces().map(({ address, scopeid, name }) => ({
      address: scopeid ? `${address}%${scopeid}` : address,
      name,
    }));
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return [];
    throw error;
  }
}

function hostName({ hostname }: ProcessApi): string {
  try {
    return hostname().split(".")[0]!;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return "";
    throw error;
  }
}

function buildInfo({ build, version }: ProcessApi): BuildInfo {
  const runtime = `Deno ${version.deno}, ${build.target}`;
  if (build.standalone) return { distribution: "compiled", runtime };
  return { distribution: isSource() ? "source" : "self-extracting", runtime };
}

/** Executables carry a bundle, which is JavaScript. */
function isSource(): boolean {
  return import.meta.url.endsWith(".ts");
}

/** How people who have the programs in the same form start a client. Executables are handed out as files: most shells do
 * not look for one in the current folder. */
export function clientCommand(os = Deno.build.os, hasSource = isSource()): string {
  if (hasSource) return "deno task client";
  return os === "windows" ? "chat-client" : "./chat-client";
}

/** XDG Base Directory Specification 0.8; APPDATA on Windows. */
function configFolder({ build, env }: ProcessApi): string | undefined {
  const isWindows = build.os === "windows";
  const own = env.get(isWindows ? "APPDATA" : "XDG_CONFIG_HOME");
  const home = isWindows ? undefined : env.get("HOME");
  if (own && isAbsolute(own)) return join(own, "chat");
  return home && isAbsolute(home) ? join(home, ".config", "chat") : undefined;
}

/** The locales of the environment, the decisive one first. */
export function systemLocales({ env }: Pick<ProcessApi, "env"> = Deno): (string | undefined)[] {
  return ["LC_ALL", "LC_MESSAGES", "LANG"].map((name) => env.get(name));
}

/** Aborted by SIGINT, SIGQUIT, SIGTERM, SIGHUP from a terminal, and SIGBREAK on Windows. */
export function terminationSignal(
  deno: Pick<ProcessApi, "addSignalListener" | "build" | "stdin" | "stdout"> = Deno,
): AbortSignal {
  const ending = new AbortController();
  // nohup redirects both and ignores the signal. Deno cannot see that, and dies of it unless there is a listener.
  const hasTerminal = deno.stdin.isTerminal() || deno.stdout.isTerminal();
  const signals: Deno.Signal[] = deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"]; // a paste may have Ctrl-\, and the shell would run its rest
  for (const signal of signals) {
    deno.addSignalListener(signal, () => {
      if (signal !== "SIGHUP" || hasTerminal) ending.abort();
    });
  }
  return ending.signal;
}

interface InfoOptions extends CompletionsOptions {
  readonly help: readonly string[];
  readonly build: BuildInfo;
}

/** The output of `--help`, `--version`, `--licenses` or `--completions`; undefined if none is given. */
export async function infoOutput(
  flags: FlagValues<typeof COMMON_FLAGS>,
  options: InfoOptions,
): Promise<readonly string[] | undefined> {
  const { name, help, build: { distribution, runtime }, t } = options;
  if (flags.help) return help;
  if (flags.version) return [`${name} ${VERSION} (${t(`distribution.${distribution}`)}, ${runtime})`];
  if (flags.licenses) return (await Deno.readTextFile(LICENSES)).trimEnd().split("\n");
  if (flags.completions) return completions(flags.completions, options);
  return undefined;
}

interface HelpOptions {
  readonly usage: PlainTranslationKey;
  readonly table: FlagTable;
  readonly commands: Pick<CommandRegistry<unknown>, "help">;
}

/** The lines of `--help`. */
export function programHelp(
  { usage, table, commands }: HelpOptions,
  { language, terminal: { columns } }: ProcessContext,
): string[] {
  const t = translator(language);
  const lists = [t("usage.flags"), ...flagHelp(table, t, columns), ""];
  return [t(usage), "", ...lists, t("command.list"), ...commands.help(language, columns)];
}
