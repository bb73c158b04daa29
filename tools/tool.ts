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
}

/** Runs a tool in this process, and ends the process with its exit status. */
export async function runTool(main: (tool: Tool) => Promise<number>): Promise<never> {
  setColorEnabled(Deno.stdout.isTerminal() && !Deno.noColor);
  const signal = terminationSignal();
  const locales = systemLocales();
  let status: number = EXIT.ok;
  try {
    const { lang, help } = parseFlags(Deno.args, FLAGS);
    const language = chooseLanguage(lang, locales);
    if (help) console.log(flagHelp(FLAGS, translator(language)).join("\n"));
    else status = await main({ language, signal });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.error(errorText(error, chooseLanguage(undefined, locales)));
    status = EXIT.usage;
  }
  Deno.exit(status);
}

const FLAGS = { lang: COMMON_FLAGS.lang, help: COMMON_FLAGS.help } as const satisfies FlagTable;
