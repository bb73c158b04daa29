// How a person wants lines to look: the flags that say so, and the renderer that they give. Pure.

import { type Language, translator } from "../i18n/translate.ts";
import { COLOR_THEME, PLAIN_THEME } from "./paint.ts";
import { Renderer } from "./renderer.ts";
import { DEFAULT_PATTERN, parsePattern, Timestamps } from "./timestamps.ts";

/** What a person wants of how lines look: flags by their names. */
interface DisplayFlags {
  readonly time: string | undefined;
  readonly utc: boolean;
  readonly "no-color": boolean;
  readonly plain: boolean;
}

/** The renderer that these flags ask for. `hasColours`: the screen shows them, and nobody said that it must not.
 * @throws {InputError} `pattern-invalid` */
export function makeRenderer(
  flags: DisplayFlags,
  { language, hasColours }: { language: Language; hasColours: boolean },
): Renderer {
  const pattern = flags.time === undefined ? DEFAULT_PATTERN : parsePattern(flags.time);
  return new Renderer(translator(language), {
    paint: hasColours && !flags["no-color"] && !flags.plain ? COLOR_THEME : PLAIN_THEME,
    times: new Timestamps({ pattern, utc: flags.utc, language }),
  });
}
