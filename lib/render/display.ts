// The renderer that a display configuration asks for.

import { type Language, translator } from "../i18n/translate.ts";
import { COLOR_THEME, PLAIN_THEME } from "./paint.ts";
import { Renderer } from "./renderer.ts";
import { Timestamps } from "./timestamps.ts";

/** How lines look. */
export interface DisplayConfig {
  /** Of times, as `parsePattern()` returns it. */
  readonly pattern: string;
  readonly isUtc: boolean;
  /** False: no colors even where the terminal has them. */
  readonly isColored: boolean;
}

export function makeRenderer(
  { pattern, isUtc, isColored }: DisplayConfig,
  { language, hasColours }: { language: Language; hasColours: boolean },
): Renderer {
  return new Renderer(translator(language), {
    paint: hasColours && isColored ? COLOR_THEME : PLAIN_THEME,
    times: new Timestamps({ pattern, utc: isUtc, language }),
  });
}
