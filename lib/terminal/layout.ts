// Where on a screen the line that is being typed stands, row by row, with its prompt and what stands above it.
// Rows are broken here, never by the terminal: terminals disagree about the width of emoji, and a row that
// ends by itself ends at the same place on all of them. Pure.

import stringWidth from "string-width";

/** What stands below the lines of the conversation. */
export interface InputView {
  /** Lines above the prompt, one row each: what does not fit is left out. */
  readonly status: readonly string[];
  readonly prompt: string;
  readonly text: string;
  /** Where in the text the cursor is, in UTF-16 units. */
  readonly cursor: number;
}

/** Size of a screen. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** A character as people see it. */
export interface Cell {
  readonly text: string;
  /** Most columns that a terminal gives it. */
  readonly columns: number;
  /** Whether every terminal gives it as many. */
  readonly hasKnownWidth: boolean;
}

/** A view as it stands on a screen. */
export interface Layout {
  readonly rows: readonly (readonly Cell[])[];
  /** Row of the cursor, and how many cells of it stand before the cursor. */
  readonly row: number;
  readonly cell: number;
  /** Columns of the screen that it was made for. */
  readonly columns: number;
}

const GRAPHEMES = new Intl.Segmenter();
// deno-lint-ignore no-control-regex -- SGR (ECMA-48, 8.3.117): colours
const COLOUR = /(\x1b\[[\d;]*m)/;
/** Terminals that are older than an emoji may give it fewer columns, or none. */
const EMOJI = /\p{Extended_Pictographic}|\p{Regional_Indicator}/u;
const RESET: Cell = { text: "\x1b[0m", columns: 0, hasKnownWidth: true };
const ASCII = Array.from({ length: 0x7f }, (_, code): Cell => ({
  text: String.fromCharCode(code),
  columns: code < 0x20 ? 0 : 1,
  hasKnownWidth: true,
}));

/** Lays a view out. What has more rows than the screen is shown around its cursor. */
export function computeLayout({ status, prompt, text, cursor }: InputView, size: Size): Layout {
  const columns = Math.max(size.columns, 1);
  const lines = prompt.split("\n");
  const head = lines.slice(0, -1).flatMap((line) => wrapRows(toCells(line), columns));
  const promptCells = toCells(lines.at(-1)!);
  const rows = [...head, ...wrapRows([...promptCells, ...toCells(text)], columns)];
  let row = head.length;
  let cell = promptCells.length + toCells(text.slice(0, cursor)).length;
  while (row < rows.length - 1 && cell >= rows[row]!.length) cell -= rows[row++]!.length;
  cell = Math.min(cell, rows[row]!.length);
  // Behind a full row is the beginning of the next one.
  if (cell === rows[row]!.length && width(rows[row]!) >= columns) {
    rows.push([]);
    [row, cell] = [row + 1, 0];
  }
  const height = Math.max(size.rows, 1);
  const first = Math.max(0, row - height + 1);
  const shown = rows.slice(first, first + height);
  const above = status.slice(0, height - shown.length).map((line) => truncateRow(toCells(line), columns));
  return { rows: [...above, ...shown], row: above.length + row - first, cell, columns };
}

/** How many rows above its cursor a layout takes on a screen that is so wide now: terminals break the rows that
 * have become too long. */
export function rowsAboveCursor({ rows, row, cell }: Layout, columns: number): number {
  const above = rows.slice(0, row).reduce((sum, cells) => sum + wrapRows(cells, columns).length, 0);
  const before = rows[row]!.slice(0, cell);
  const own = wrapRows(before, columns);
  const isNext = before.length > 0 && cell < rows[row]!.length && width(own.at(-1)!) >= columns;
  return above + own.length - (isNext ? 0 : 1);
}

/** Most columns that these cells take. */
export function width(cells: readonly Cell[]): number {
  return cells.reduce((sum, cell) => sum + cell.columns, 0);
}

/** A text character by character, as people see them. */
export function toCells(text: string): Cell[] {
  if (!text.includes("\x1b")) return cellsOfPart(text);
  return text.split(COLOUR).flatMap((part) =>
    COLOUR.test(part) ? { text: part, columns: 0, hasKnownWidth: true } : cellsOfPart(part)
  );
}

function cellsOfPart(text: string): Cell[] {
  return Array.from(GRAPHEMES.segment(text), ({ segment }) => {
    const ascii = segment.length === 1 ? ASCII[segment.charCodeAt(0)] : undefined;
    return ascii ?? cellOf(segment);
  });
}

function cellOf(text: string): Cell {
  const joined = stringWidth(text);
  // What a terminal shows that knows of no joining, and gives every code point columns of its own.
  const apart = [...text].reduce((sum, char) => sum + stringWidth(char), 0);
  return { text, columns: Math.max(joined, apart), hasKnownWidth: joined === apart && !EMOJI.test(text) };
}

function wrapRows(cells: readonly Cell[], columns: number): Cell[][] {
  const rows: Cell[][] = [[]];
  let used = 0;
  for (const cell of cells) {
    if (used + cell.columns > columns && used > 0) {
      rows.push([]);
      used = 0;
    }
    rows.at(-1)!.push(cell);
    used += cell.columns;
  }
  return rows;
}

function truncateRow(cells: readonly Cell[], columns: number): Cell[] {
  if (width(cells) <= columns) return [...cells];
  const kept = wrapRows(cells, Math.max(columns - 1, 1))[0]!;
  const isColoured = kept.some(({ text }) => text.startsWith("\x1b"));
  return [...kept, cellOf("…"), ...isColoured ? [RESET] : []];
}
