// Four panes as the rows of a terminal: a box for each program, a heading above and a caption below. Pure.

import { bold, dim, inverse } from "@std/fmt/colors";
import { loadWidths } from "../lib/terminal/graphemes.ts";
import { toCells, width } from "../lib/terminal/layout.ts";
import { rowsOf, type Theme } from "./screens.ts";

await loadWidths();

/** The smallest terminal in which four panes can be read. */
export const MIN_SIZE = { columns: 60, rows: 16 } as const;

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** What one program shows. */
export interface Pane {
  readonly title: string;
  /** How the program fares, on the right of the title. */
  readonly state: string;
  readonly stateTheme: Theme;
  /** Colours the border and the title. */
  readonly theme: Theme;
  readonly lines: readonly string[];
  /** Colours a line behind its time. */
  readonly lineTheme: (line: string) => Theme;
  /** What is being typed below the lines. */
  readonly input?: { readonly prompt: string; readonly text: string };
  /** How the program was killed, behind its last line. The lines are dim then. */
  readonly killed?: string;
}

export interface Frame {
  readonly heading: string;
  /** In the order of reading. */
  readonly panes: readonly [Pane, Pane, Pane, Pane];
  readonly caption: string;
  readonly captionTheme: Theme;
  /** On the right of the caption, if there is room. */
  readonly hint: string;
}

/** The frame in exactly so many rows, each exactly so wide. */
export function layOutFrame({ heading, panes, caption, captionTheme, hint }: Frame, size: Size): string[] {
  const { columns } = size;
  // Clients get more rows than servers: the conversation is there. Three rows are for the heading and the caption.
  const clientRows = Math.ceil((size.rows - 3) * 0.54);
  const serverRows = size.rows - 3 - clientRows;
  const left = Math.floor((columns - 1) / 2);
  const right = columns - 1 - left;
  const pair = (one: Pane, other: Pane, rows: number) => {
    const others = layOutPane(other, { columns: right, rows });
    return layOutPane(one, { columns: left, rows }).map((row, y) => `${row} ${others[y]}`);
  };
  const room = columns - 1 - width(toCells(caption)) - 2;
  const hasHint = width(toCells(hint)) + 1 <= room;
  return [
    bold(fit(` ${heading}`, columns)),
    ...pair(panes[0], panes[1], serverRows),
    ...pair(panes[2], panes[3], clientRows),
    fit("", columns),
    hasHint
      ? ` ${bold(captionTheme(caption))}  ${dim(`${" ".repeat(room - width(toCells(hint)) - 1)}${hint} `)}`
      : ` ${bold(captionTheme(fit(caption, columns - 1)))}`,
  ];
}

function layOutPane(pane: Pane, { columns, rows }: Size): string[] {
  const { theme, input, killed } = pane;
  const inner = columns - 4;
  const below = input ? [inputRow(input, inner)] : [];
  const above = rows - 2 - below.length;
  const texts = pane.lines.flatMap((line) => rowsOf(line, inner, pane.lineTheme(line)))
    .map(({ text, theme }) => (killed === undefined ? theme : dim)(fit(text, inner)));
  if (killed !== undefined) texts.push(bold(theme(fit(killed, inner))));
  const shown = texts.slice(-above);
  const blank = Array.from({ length: Math.max(0, above - shown.length) }, () => " ".repeat(inner));
  return [
    topBorder(pane, columns),
    ...[...shown, ...blank, ...below].map((row) => `${theme("│")} ${row} ${theme("│")}`),
    theme(`╰${"─".repeat(columns - 2)}╯`),
  ];
}

/** `╭─ title ────── state ─╮`, where there is no room for both only the title's first part. */
function topBorder({ title, state, theme, stateTheme }: Pane, columns: number): string {
  const room = columns - 6 - width(toCells(state)) - 3;
  const shown = width(toCells(title)) <= room ? title : cut(title.split(" · ")[0]!, room);
  const rule = "─".repeat(room - width(toCells(shown)) + 1);
  return `${theme("╭─")} ${bold(theme(shown))} ${theme(rule)} ${bold(stateTheme(state))} ${theme("─╮")}`;
}

/** The end of what is being typed, with the cursor behind it. */
function inputRow({ prompt, text }: { prompt: string; text: string }, columns: number): string {
  const shownPrompt = cut(prompt, columns - 2);
  const room = columns - width(toCells(shownPrompt)) - 2;
  const cells = toCells(text);
  while (width(cells) > room && cells.length > 0) cells.shift();
  const shown = cells.map(({ text }) => text).join("");
  return `${dim(shownPrompt)} ${shown}${inverse(" ")}${" ".repeat(Math.max(0, room - width(cells)))}`;
}

/** The text in exactly so many columns. */
function fit(text: string, columns: number): string {
  const shown = cut(text, columns);
  return shown + " ".repeat(columns - width(toCells(shown)));
}

function cut(text: string, columns: number): string {
  const cells = toCells(text);
  if (width(cells) <= columns) return text;
  while (width(cells) > columns - 1 && cells.length > 0) cells.pop();
  return `${cells.map(({ text }) => text).join("")}…`;
}
