// Lays out the output of several programs for one terminal: coloured, and side by side if it is wide enough. Pure.

import { bold, cyan, dim, red, yellow } from "@std/fmt/colors";
import stringWidth from "string-width";
import { PREFIXES } from "../lib/render/renderer.ts";

/** Narrowest screen that reads well beside another, in columns. */
const MIN_SCREEN_COLUMNS = 50;
/** Longest rule under a title, in columns. */
const MAX_RULE_COLUMNS = 80;
const GAP = "   ";
const INDENT = "    ";

/** Colours a text. */
export type Theme = (text: string) => string;

/** What one program showed. */
export interface Screen {
  readonly title: string;
  readonly titleTheme: Theme;
  readonly lines: readonly string[];
  /** What befell the program behind its last line, if something did. */
  readonly statusLine?: string;
}

/** Screens as rows of a terminal with so many columns: side by side as far as they fit, the others below.
 * Where no terminal is, with Infinity columns, they come in turn, and their lines stay whole. */
export function layOutScreens(screens: readonly Screen[], columns: number): string[] {
  const fitting = columns === Infinity
    ? 1
    : Math.floor((columns + GAP.length) / (MIN_SCREEN_COLUMNS + GAP.length));
  const perBand = Math.max(1, Math.min(screens.length, fitting));
  const screenColumns = Math.floor((columns + GAP.length) / perBand) - GAP.length;
  const rows: string[] = [];
  for (let at = 0; at < screens.length; at += perBand) {
    rows.push(...sideBySide(screens.slice(at, at + perBand), screenColumns), "");
  }
  return rows;
}

/** A line of a program in colours that tell what it is. */
export function paintLine(line: string): string {
  return painted(rowsOf(line, Infinity)[0]!);
}

/** A row as it is measured, and how it is coloured then. */
interface Row {
  readonly text: string;
  readonly theme: Theme;
}

function painted({ text, theme }: Row): string {
  return theme(text);
}

function sideBySide(screens: readonly Screen[], columns: number): string[] {
  const stacks = screens.map((screen) => framed(screen, columns));
  const height = Math.max(...stacks.map((rows) => rows.length));
  return Array.from({ length: height }, (_, y) => {
    const cells = stacks.map((rows) => {
      const row = rows[y] ?? { text: "", theme: plain };
      const isLast = rows === stacks.at(-1);
      return painted(row) + (isLast ? "" : " ".repeat(Math.max(0, columns - stringWidth(row.text))));
    });
    return cells.join(GAP);
  });
}

function framed({ title, titleTheme, lines, statusLine }: Screen, columns: number): Row[] {
  return [
    { text: title, theme: (text) => bold(titleTheme(text)) },
    { text: "─".repeat(Math.min(columns, MAX_RULE_COLUMNS)), theme: titleTheme },
    ...lines.flatMap((line) => rowsOf(line, columns)),
    ...statusLine === undefined ? [] : [{ text: statusLine, theme: (text: string) => bold(red(text)) }],
  ];
}

/** A line as one row or several, broken between words. `theme` is for what stands behind the time. */
export function rowsOf(line: string, columns: number, theme = themeFor(withoutTime(line))): Row[] {
  const texts: string[] = [];
  let text = "";
  for (const word of line.split(" ")) {
    const isFull = text !== "" && stringWidth(text) + 1 + stringWidth(word) > columns;
    if (isFull) texts.push(text);
    text = isFull ? INDENT + word : text === "" ? word : `${text} ${word}`;
  }
  texts.push(text);
  const stamp = line.slice(0, line.length - withoutTime(line).length);
  return texts.map((text, index) => ({
    text,
    theme: index > 0 ? theme : (text) => dim(text.slice(0, stamp.length)) + theme(text.slice(stamp.length)),
  }));
}

/** What stands behind the time of a line. */
export function withoutTime(line: string): string {
  return line.replace(/^\[[\d :-]+\] /, "");
}

/** How what stands behind the time is coloured. */
function themeFor(content: string): Theme {
  if (content.startsWith(`${PREFIXES.notice} `)) return yellow;
  if (content.startsWith(`${PREFIXES.presence} `)) return cyan;
  return (text) => text.replace(/^(?:[^\p{L}\d] )?[\p{L}\p{M}\d_-]+:(?= )/u, bold);
}

function plain(text: string): string {
  return text;
}
