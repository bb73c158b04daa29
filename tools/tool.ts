// The process of a tool: its flags and colours, and its exit status.

import { setColorEnabled } from "@std/fmt/colors";
import { InputError } from "../lib/errors.ts";
import { COMMON_FLAGS, flagHelp, type FlagTable, parseFlags } from "../lib/cli/flags.ts";
import { chooseLanguage, errorText, type Language, translator } from "../lib/i18n/translate.ts";
import { EXIT, systemLocales, terminationSignal } from "../lib/cli/process.ts";
import "../tests/testing/exit_with_parent.ts";

/** The surroundings of a tool. */
export interface Tool {
  readonly language: Language;
  /** Aborted when the system or the person tells the tool to end. */
  readonly signal: AbortSignal;
  /** Whether a switch of the tool's own was given. */
  readonly isGiven: (name: string) => boolean;
}

/** Runs a tool in this process, and ends the process with its exit status. `switches` are the tool's own. */
export async function runTool(
  main: (tool: Tool) => Promise<number>,
  switches: FlagTable = {},
): Promise<never> {
  setColorEnabled(Deno.stdout.isTerminal() && !Deno.noColor);
  const signal = terminationSignal();
  const locales = systemLocales();
  const table = { ...switches, lang: COMMON_FLAGS.lang, help: COMMON_FLAGS.help } as const;
  let status: number = EXIT.ok;
  try {
    const flags = parseFlags<typeof table>(Deno.args, table);
    const language = chooseLanguage(flags.lang as string | undefined, locales);
    if (flags.help) console.log(flagHelp(table, translator(language)).join("\n"));
    else {status = await main({
        language,
        signal,
        isGiven: (name) => flags[name as keyof typeof flags] === true,
      });}
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.error(errorText(error, chooseLanguage(undefined, locales)));
    status = EXIT.usage;
  }
  Deno.exit(status);
}
