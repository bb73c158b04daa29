// Text to rows of cells, the difference between two layouts, and word wrap. Rows are broken here, not by the
// terminal: terminals disagree about the width of emoji.

import { stripAnsiCode } from "@std/fmt/colors";
import { columnsOf, graphemesOf, isNarrow } from "./graphemes.ts";

/** What is shown below the printed lines. */
export interface InputView {
  /** Lines above the prompt. Each is truncated to one row. */
  readonly status: readonly string[];
  readonly prompt: string;
  readonly text: string;
  /** Position in the text, in UTF-16 units. */
  readonly cursor: number;
}

/** A grapheme, or a control sequence for colors. */
interface Cell {
  readonly text: string;
  /** Greatest width that a terminal gives it, in columns. */
  readonly columns: number;
  /** Whether every terminal gives it that width. */
  readonly hasKnownWidth: boolean;
}

/** A position between cells: `cell` cells of the row come before it. */
interface CellPosition {
  readonly row: number;
  readonly cell: number;
}

/** An input view as rows of a screen, with the position of the cursor. */
export interface Layout extends CellPosition {
  readonly rows: readonly (readonly Cell[])[];
  /** Width of the screen for which the rows are wrapped. */
  readonly columns: number;
}

// deno-lint-ignore no-control-regex -- SGR (ECMA-48, 8.3.117): colors
const COLOR = /(\x1b\[[\d;]*m)/;
/** A terminal that is older than an emoji may give it fewer columns, or none. */
const EMOJI = /\p{Extended_Pictographic}|\p{Regional_Indicator}/u;
/** Cells of the first characters of Unicode. */
const FIRST = Array.from({ length: 0x100 }, (_, code): Cell => ({
  text: String.fromCharCode(code),
  columns: code < 0x20 ? 0 : 1,
  hasKnownWidth: true,
}));

/** Takes at most half of the screen: the chat stays in sight, and if the screen becomes smaller, seldom a row of a long
 * line scrolls into the terminal's history, where nothing can erase it. If the view has more rows, the layout has those
 * that end at the cursor. */
export function computeLayout(
  { status, prompt, text, cursor }: InputView,
  size: { columns: number; rows: number },
): Layout {
  const columns = Math.max(size.columns, 1);
  const lines = prompt.split("\n");
  const head = lines.slice(0, -1).flatMap((line) => wrapRows(toCells(line), columns));
  const promptCells = toCells(lines.at(-1)!);
  const at = promptCells.length + toCells(text.slice(0, cursor)).length;
  const input = wrapInput(promptCells, toCells(text), columns);
  const rows: (readonly Cell[])[] = [...head, ...input.map(({ cells }) => cells)];
  const last = input.findLastIndex(({ start }) => start <= at);
  let row = head.length + last;
  let cell = at - input[last]!.start + input[last]!.indent;
  // After a full row the cursor is at the beginning of the next one.
  if (width(rows[row]!.slice(0, cell)) >= columns) {
    const isBreak = columns >= MIN_WRAP_COLUMNS && rows[row]!.at(-1)!.text.trim() === "";
    row++;
    if (row === rows.length) rows.push(isBreak ? INDENT : []);
    cell = input[last + 1]?.indent ?? rows[row]!.length;
  }
  const height = Math.max(Math.ceil(size.rows / 2), 1);
  const first = Math.max(0, row - height + 1);
  const shown = rows.slice(first, first + height);
  const above = status.slice(0, height - shown.length).map((line) => truncateRow(toCells(line), columns));
  return { rows: [...above, ...shown], row: above.length + row - first, cell, columns };
}

/** How many rows a layout takes above its cursor once the screen has this width: terminals rewrap rows that have
 * become too long. */
export function rowsAboveCursor({ rows, row, cell }: Layout, columns: number): number {
  const above = rows.slice(0, row).reduce((sum, cells) => sum + wrapRows(cells, columns).length, 0);
  const before = rows[row]!.slice(0, cell);
  const own = wrapRows(before, columns);
  const isAtRowStart = before.length > 0 && cell < rows[row]!.length && width(own.at(-1)!) >= columns;
  return above + own.length - (isAtRowStart ? 0 : 1);
}

/** Greatest width that a terminal gives these cells, in columns. */
export function width(cells: readonly Cell[]): number {
  return cells.reduce((sum, cell) => sum + cell.columns, 0);
}

export function toCells(text: string): Cell[] {
  if (!text.includes("\x1b")) return graphemeCells(text);
  return text.split(COLOR).flatMap((part) =>
    COLOR.test(part) ? { text: part, columns: 0, hasKnownWidth: true } : graphemeCells(part)
  );
}

function graphemeCells(text: string): Cell[] {
  if (isNarrow(text)) return Array.from(text, (char) => FIRST[char.charCodeAt(0)]!);
  return Array.from(graphemesOf(text), ({ segment }) => {
    const isAscii = segment.length === 1 && segment < "\x7f";
    return isAscii ? FIRST[segment.charCodeAt(0)]! : cellOf(segment);
  });
}

function cellOf(text: string): Cell {
  const joined = columnsOf(text);
  // A terminal that does not join emoji gives each code point its own columns.
  const apart = [...text].reduce((sum, char) => sum + columnsOf(char), 0);
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

interface InputRow {
  readonly cells: readonly Cell[];
  /** How many cells of the input come before this row. */
  readonly start: number;
  /** Cells at its beginning that do not belong to the input. */
  readonly indent: number;
}

/** Breaks the line that is edited between words, as {@linkcode wrapWords} does. The space at the end of a full row takes
 * no column there. A prompt of less than half a row is never left alone in its row. */
function wrapInput(prompt: readonly Cell[], text: readonly Cell[], columns: number): InputRow[] {
  const hasWords = columns >= MIN_WRAP_COLUMNS;
  const rows: InputRow[] = [];
  let cells: Cell[] = [];
  let used = 0;
  let start = 0;
  let indent = 0;
  /** Where the row can be broken: after its last space. */
  let breakAt = width(prompt) * 2 > columns ? prompt.length : 0;
  for (const [index, cell] of [...prompt, ...text].entries()) {
    const isSpace = cell.text === " " && index >= prompt.length;
    if (hasWords && isSpace && used === columns && cells.at(-1)!.columns > 0) {
      cells.push(NO_SPACE);
    } else {
      if (used + cell.columns > columns && used > 0) {
        const isWordBreak = hasWords && breakAt > 0;
        const rest = cells.splice(isWordBreak ? breakAt : cells.length);
        rows.push({ cells, start, indent });
        start = index - rest.length;
        const before = isWordBreak ? INDENT : [];
        indent = before.length;
        cells = [...before, ...rest];
        used = width(cells);
        breakAt = 0;
      }
      cells.push(cell);
      used += cell.columns;
    }
    if (isSpace) breakAt = cells.length;
  }
  return [...rows, { cells, start, indent }];
}

/** A space that the end of its row stands for. */
const NO_SPACE: Cell = { text: "", columns: 0, hasKnownWidth: true };

function truncateRow(cells: readonly Cell[], columns: number): Cell[] {
  if (width(cells) <= columns) return [...cells];
  const kept = wrapRows(cells, Math.max(columns - 1, 1))[0]!;
  const isColored = kept.some(({ text }) => text.startsWith("\x1b"));
  return [...kept, ...toCells(isColored ? "…\x1b[0m" : "…")];
}

/** Shortens a text without colors to a width, its last column an ellipsis. */
export function truncateToWidth(text: string, columns: number): string {
  return textOf(truncateRow(toCells(text), columns));
}

/** Draws a layout, from the first column of an empty row. */
export function draw(layout: Layout): string {
  const { rows } = layout;
  const end = { row: rows.length - 1, cell: rows.at(-1)!.length };
  return rows.map(textOf).join("\n") + move(end, layout, rows);
}

/** Clears the cursor's row and all rows below, and leaves the cursor in the first column. From the top left corner tmux
 * would move the screen into its history instead of clearing it: copies of the input, and chat lines out of sight. */
export const CLEAR_ROWS = "\x1b[2G\x1b[J\r\x1b[K";

/** Clears the screen from the first row of a layout, and leaves the cursor there. `columns` is the current width. */
export function erase(layout: Layout, columns: number): string {
  return up(rowsAboveCursor(layout, columns)) + CLEAR_ROWS;
}

/** Draws only the cells in which two layouts for the same screen differ. */
export function diff(from: Layout, to: Layout): string {
  let text = "";
  let at: CellPosition = from;
  // move() is given the rows of `to`: the cursor only moves to rows that are drawn already, or to cells that both
  // layouts have.
  for (const [row, cells] of to.rows.entries()) {
    const old = from.rows[row];
    const same = old ? commonPrefixLength(old, cells) : 0;
    if (old && same === old.length && same === cells.length) continue;
    if (!old) {
      text += `${move(at, { row: row - 1, cell: 0 }, to.rows)}\n${textOf(cells)}`;
    } else {
      text += move(at, { row, cell: same }, to.rows);
      if (old.length > same) text += "\x1b[K";
      text += textOf(cells.slice(same));
    }
    at = { row, cell: cells.length };
  }
  if (from.rows.length > to.rows.length) {
    // The rows in between have not changed.
    text += `${moveRows(at.row, to.rows.length)}\r\x1b[J`;
    at = { row: to.rows.length, cell: 0 };
  }
  return text + move(at, to, to.rows);
}

/** How many cells two rows begin with in common. None if they differ and have colors: the rest would be drawn
 * without its color. */
function commonPrefixLength(one: readonly Cell[], other: readonly Cell[]): number {
  const at = one.findIndex(({ text }, index) => text !== other[index]?.text);
  const count = at < 0 ? one.length : at;
  if (at < 0 && one.length === other.length) return count;
  return [...one, ...other].some(({ text }) => text.startsWith("\x1b")) ? 0 : count;
}

function move(from: CellPosition, to: CellPosition, rows: readonly (readonly Cell[])[]): string {
  if (from.row === to.row && from.cell === to.cell) return "";
  const before = rows[to.row]!.slice(0, to.cell);
  const vertical = moveRows(from.row, to.row);
  if (before.length === 0) return `${vertical}\r`;
  // If the width of a cell is not known, only drawing it moves the cursor past it.
  if (!before.every(({ hasKnownWidth }) => hasKnownWidth)) return `${vertical}\r${textOf(before)}`;
  return `${vertical}\x1b[${width(before) + 1}G`;
}

function moveRows(from: number, to: number): string {
  return to < from ? up(from - to) : to > from ? `\x1b[${to - from}B` : "";
}

function up(rows: number): string {
  return rows > 0 ? `\x1b[${rows}A` : "";
}

function textOf(cells: readonly Cell[]): string {
  return cells.map(({ text }) => text).join("");
}

/** Narrowest screen on which the line being edited is broken between words, in columns. */
const MIN_WRAP_COLUMNS = 20;
/** The same for printed lines. On narrower screens the terminal breaks them: little would be left beside the indent. */
const MIN_LINE_COLUMNS = 10;
/** Comes before every row but the first, so that a peer's text cannot begin a row like a line of its own. */
const INDENT = toCells("  ");

/** An address that terminals let users click. Nothing in it can look like the beginning of a line. */
const URL = /^https?:\/\/[\w./?=&%:~+@,;#-]+$/;

/** Breaks a line between words, with a hanging indent. A word that is longer than a row is broken like that too, unless
 * it is a URL: that is left for the terminal to break, so that it can still be clicked. */
export function wrapWords(line: string, columns: number): string {
  const visible = stripAnsiCode(line);
  if (columns < MIN_LINE_COLUMNS || (visible.length <= columns && isNarrow(visible))) return line;
  const rows: Cell[][] = [];
  let row: Cell[] = [];
  let used = 0;
  /** Where the row can be broken: at its last space after a word. */
  let space: number | undefined;
  let hasWord = false;
  let isUrl = false;
  const cells = toCells(line);
  for (const [index, cell] of cells.entries()) {
    const isSpace = cell.text === " ";
    if (isSpace && hasWord) space = row.length;
    if (!isSpace && cell.columns > 0) hasWord = true;
    if (isSpace) isUrl = false;
    else if (cells[index - 1]?.text === " ") isUrl = URL.test(wordAt(cells, index));
    if (used + cell.columns > columns) {
      if (space === undefined && isUrl) used = 0; // the terminal breaks the row itself
      else {
        const end = space ?? row.length;
        rows.push(row.slice(0, end));
        hasWord = !isSpace;
        row = [...INDENT, ...row.slice(space === undefined ? end : end + 1)];
        used = width(row);
        space = undefined;
      }
    }
    if (isSpace && !hasWord && rows.length > 0) continue;
    row.push(cell);
    used += cell.columns;
  }
  return [...rows, row].map((cells) => textOf(cells).trimEnd()).join("\n");
}

function wordAt(cells: readonly Cell[], index: number): string {
  const end = cells.findIndex(({ text }, at) => at > index && text === " ");
  return stripAnsiCode(textOf(cells.slice(index, end < 0 ? undefined : end)));
}
