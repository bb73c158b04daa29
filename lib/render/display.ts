// How a person wants lines to look: the flags that say so, and the renderer that they give. Pure.

import type { FlagTable, FlagValues } from "../cli/flags.ts";
import { type Language, translator } from "../i18n/translate.ts";
import { COLOR_THEME, PLAIN_THEME } from "./paint.ts";
import { Renderer } from "./renderer.ts";
import { DEFAULT_PATTERN, parsePattern, Timestamps } from "./timestamps.ts";

/** Flags about how lines look. */
export const DISPLAY_FLAGS = {
  time: { value: "PATTERN", help: "flag.time" },
  utc: { help: "flag.utc" },
  "no-color": { help: "flag.no-color" },
} as const satisfies FlagTable;

/** The renderer that these flags ask for. `hasColours`: the screen shows them, and nobody said that it must not.
 * @throws {InputError} `pattern-invalid` */
export function makeRenderer(
  flags: FlagValues<typeof DISPLAY_FLAGS> & { readonly plain: boolean },
  { language, hasColours }: { language: Language; hasColours: boolean },
): Renderer {
  const pattern = flags.time === undefined ? DEFAULT_PATTERN : parsePattern(flags.time);
  return new Renderer(translator(language), {
    paint: hasColours && !flags["no-color"] && !flags.plain ? COLOR_THEME : PLAIN_THEME,
    times: new Timestamps({ pattern, utc: flags.utc, language }),
  });
}
