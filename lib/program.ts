// What the server's and the client's main parts get from the process that they run in, and how that process
// ends. The only place that reads the process's arguments, environment and signals.

import { type Clock, systemClock } from "./clock.ts";
import { ChatError, InputError } from "./errors.ts";
import { chooseLanguage, explain, type Language } from "./i18n.ts";
import { standardStreams, Terminal } from "./terminal.ts";

/** The version of both programs. */
export const VERSION = "0.1.0";

/** An IP address of this machine. */
export interface LocalAddress {
  readonly address: string;
  /** Name of its network interface. */
  readonly name: string;
}

/** The surroundings of a program; tests make their own. */
export interface Program {
  readonly args: readonly string[];
  readonly language: Language;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly localAddresses: () => readonly LocalAddress[];
  /** Aborted when the program is to end: by the system, by Ctrl-C, or because nobody reads what it writes. */
  readonly signal: AbortSignal;
}

/** Exit statuses of both programs. */
export const EXIT = { ok: 0, refused: 1, usage: 2 } as const;

/** Runs a program in this process, and ends the process with its exit status. */
export async function runProgram(main: (program: Program) => Promise<number>): Promise<never> {
  const terminal = new Terminal(standardStreams());
  const ending = new AbortController();
  for (const signal of ENDING_SIGNALS) Deno.addSignalListener(signal, () => ending.abort());
  const language = chooseLanguage(langFlag(Deno.args), LOCALE_VARIABLES.map((name) => Deno.env.get(name)));
  let status: number;
  try {
    status = await main({
      args: Deno.args,
      language,
      terminal,
      clock: systemClock,
      localAddresses: () => Deno.networkInterfaces(),
      signal: AbortSignal.any([ending.signal, terminal.interrupted]),
    });
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    console.error(explain(error, language));
    status = error instanceof InputError ? EXIT.usage : EXIT.refused;
  } finally {
    terminal[Symbol.dispose]();
  }
  Deno.exit(status);
}

const LOCALE_VARIABLES = ["LC_ALL", "LC_MESSAGES", "LANG"];

const ENDING_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** The value of `--lang`, found before the flags are checked: what is wrong with them is said in it. */
function langFlag(args: readonly string[]): string | undefined {
  const index = args.findIndex((arg) => arg === "--lang" || arg.startsWith("--lang="));
  return args[index]?.split("=", 2)[1] ?? (index < 0 ? undefined : args[index + 1]);
}
