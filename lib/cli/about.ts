// What a program says about itself: help, version, and the script by which a shell completes its flags. Pure.

import { completions } from "./completions.ts";
import type { COMMON_FLAGS, FlagTable, FlagValues, Shell } from "./flags.ts";
import type { Translate } from "../i18n/translate.ts";

/** The version of both programs. */
export const VERSION = "0.1.0";

/** What a program was made into. */
export interface BuildInfo {
  /** Run from the source code, made by `deno compile`, or a file that unpacks a Deno and a bundle. */
  readonly distribution: "source" | "compiled" | "self-extracting";
  /** What it runs on, for reports of errors. */
  readonly runtime: string;
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
  if (flags.version) return [`${name} ${VERSION} (${t(`edition.${distribution}`)}, ${runtime})`];
  if (flags.completions) return completions(flags.completions as Shell, { name, table, t });
  return undefined;
}
