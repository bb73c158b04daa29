// Graphemes and their width. Unicode's tables take 25 ms to load: a program shows its first prompt without them.

import { stripAnsiCode } from "@std/fmt/colors";

/** Characters that are graphemes of one column at every terminal: ASCII and the letters of western Europe. */
const NARROW = /^[\x20-\x7e\xa1-\xa8\xaa-\xac\xaf-\xff]*$/;

let segmenter: Intl.Segmenter | undefined;
let measure: ((text: string) => number) | undefined;
let loading: Promise<void> | undefined;

/** What to wait for before a text is measured, which may have colors and several lines; undefined if for nothing. */
export function widthsFor(text: () => string): Promise<void> | undefined {
  return measure || isNarrow(stripAnsiCode(text()).replaceAll("\n", "")) ? undefined : loadWidths();
}

export function loadWidths(): Promise<void> {
  return loading ??= import("./string_width.ts").then((module) => void (measure = module.default));
}

/** Whether each UTF-16 unit is one grapheme, one column wide. */
export function isNarrow(text: string): boolean {
  return NARROW.test(text);
}

/** Width of a grapheme, in columns; until {@linkcode loadWidths} has ended, one for each character. */
export function columnsOf(grapheme: string): number {
  return measure ? measure(grapheme) : [...grapheme].length;
}

export function graphemesOf(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter();
  return segmenter.segment(text);
}
