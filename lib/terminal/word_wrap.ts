// Lines that are printed, broken between words where a screen ends. Pure.

import { stripAnsiCode } from "@std/fmt/colors";
import { type Cell, toCells, width } from "./layout.ts";

/** Narrowest screen on which words are kept whole. */
const MIN_COLUMNS = 20;
/** Stands before what goes on below, so that nobody's text can begin a row as a line of its own does. */
const INDENT = toCells("  ");
/** All of these take one column. */
const NARROW = /^[\x20-\x7e\xa1-\xac\xae-\xff]*$/;

/** A line, with line breaks where it is too long for so many columns. A word that is longer than a row is left to
 * the terminal: an address stays one to click on. */
export function wrapWords(line: string, columns: number): string {
  const seen = stripAnsiCode(line);
  if (columns < MIN_COLUMNS || (seen.length <= columns && NARROW.test(seen))) return line;
  const rows: Cell[][] = [];
  let row: Cell[] = [];
  let used = 0;
  /** Where in the row it can be broken: at its last blank behind a word. */
  let blank: number | undefined;
  let hasWord = false;
  for (const cell of toCells(line)) {
    const isBlank = cell.text === " ";
    if (isBlank && hasWord) blank = row.length;
    if (!isBlank && cell.columns > 0) hasWord = true;
    if (used + cell.columns > columns) {
      if (blank === undefined) used = 0; // the terminal goes on below by itself
      else {
        rows.push(row.slice(0, blank));
        hasWord = !isBlank;
        row = [...INDENT, ...row.slice(blank + 1)];
        used = width(row);
        blank = undefined;
      }
    }
    if (isBlank && !hasWord && rows.length > 0) continue;
    row.push(cell);
    used += cell.columns;
  }
  return [...rows, row].map((cells) => cells.map(({ text }) => text).join("").trimEnd()).join("\n");
}
