// What a terminal is told so that one layout takes the place of another: only what is different is drawn. The
// cursor is always where the layout says. Pure.

import { type Cell, type Layout, rowsAboveCursor, width } from "./layout.ts";

/** Where the terminal's cursor is: behind so many cells of a row. */
interface CellPosition {
  readonly row: number;
  readonly cell: number;
}

/** Draws a layout from the beginning of an empty row. */
export function draw(layout: Layout): string {
  const { rows } = layout;
  const end = { row: rows.length - 1, cell: rows.at(-1)!.length };
  return rows.map(textOf).join("\n") + move(end, layout, rows);
}

/** Clears the screen from where a layout begins, and stays there. `columns` is how wide the screen is now. */
export function erase(layout: Layout, columns: number): string {
  return `${up(rowsAboveCursor(layout, columns))}\r\x1b[J`;
}

/** Draws what is different in another layout for the same screen. */
export function diff(from: Layout, to: Layout): string {
  let text = "";
  let at: CellPosition = from;
  // Of rows that are drawn already `to` tells what stands there, of the others `from`: a cursor only goes to
  // the former, or to what both have.
  for (const [row, cells] of to.rows.entries()) {
    const old = from.rows[row];
    const same = old ? sameCells(old, cells) : 0;
    if (old && same === old.length && same === cells.length) continue;
    if (!old) {
      const last = { row: row - 1, cell: 0 };
      text += `${move(at, last, to.rows)}\n${textOf(cells)}`;
    } else {
      const begin = { row, cell: same };
      text += move(at, begin, to.rows);
      if (old.length > same) text += "\x1b[K";
      text += textOf(cells.slice(same));
    }
    at = { row, cell: cells.length };
  }
  if (from.rows.length > to.rows.length) {
    // The rows between are as they were.
    text += `${moveRows(at.row, to.rows.length)}\r\x1b[J`;
    at = { row: to.rows.length, cell: 0 };
  }
  return text + move(at, to, to.rows);
}

/** How many cells two rows begin with alike. None where colours are: what follows would lack them. */
function sameCells(one: readonly Cell[], other: readonly Cell[]): number {
  const differs = (cell: Cell, index: number) => cell.text !== other[index]?.text;
  const at = one.findIndex(differs);
  const count = at < 0 ? one.length : at;
  if (at < 0 && one.length === other.length) return count;
  return [...one, ...other].some(({ text }) => text.startsWith("\x1b")) ? 0 : count;
}

function move(from: CellPosition, to: CellPosition, rows: readonly (readonly Cell[])[]): string {
  if (from.row === to.row && from.cell === to.cell) return "";
  const before = rows[to.row]!.slice(0, to.cell);
  const vertical = moveRows(from.row, to.row);
  if (before.length === 0) return `${vertical}\r`;
  // Where it is not sure how wide something is, only drawing it leads behind it.
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
