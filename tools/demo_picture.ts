// Records the demo in a real terminal as docs/demo.svg, an animation for the READMEs. Needs tmux.
//
//   deno task readme:picture

import { delay } from "../lib/base/time.ts";
import { loadWidths } from "../lib/terminal/graphemes.ts";
import { toCells, width as cellsOf } from "../lib/terminal/layout.ts";
import { Terminals } from "../tests/testing/tmux.ts";

const PICTURE = "docs/demo.svg";
const SIZE = { columns: 100, rows: 26 };
const FRAME_MS = 250;
/** How long the last frame stands before the animation begins again, in ms. */
const PAUSE_MS = 3_000;
/** A cell of the terminal, in pixels. */
const CELL = { width: 8.4, height: 17 };
const FONT_SIZE = 14;
const MARGIN = 10;
/** Its own background and text colour make the picture legible on light and dark pages. */
const BACKGROUND = "#1b1e23";
const TEXT = "#d5d9df";
const BASIC_COLORS = ["#000000", "#cd3131", "#0dbc79", "#c7a008", "#3b78ff", "#bc3fbc", "#11a8cd", "#e5e5e5"];
const LEVELS = [0, 95, 135, 175, 215, 255];
/** What SGR parameters set. */
const STYLES: Readonly<Record<number, Style>> = {
  0: { color: undefined, isBold: false, isDim: false, isInverse: false },
  1: { isBold: true },
  2: { isDim: true },
  7: { isInverse: true },
  22: { isBold: false, isDim: false },
  27: { isInverse: false },
  39: { color: undefined },
};

interface Style {
  readonly color?: string | undefined;
  readonly isBold?: boolean;
  readonly isDim?: boolean;
  readonly isInverse?: boolean;
}

/** Cells of one style, side by side. */
interface Run {
  readonly column: number;
  readonly cells: number;
  readonly text: string;
  readonly style: Style;
}

/** One row as it was shown, with SGR sequences. */
interface ShownRow {
  readonly row: number;
  readonly text: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What the demo shows from its first frame to its last one. */
async function record(): Promise<{ rows: ShownRow[]; durationMs: number }> {
  await using terminals = new Terminals();
  const terminal = await terminals.open("demo", SIZE);
  await terminal.enterLine(`clear; ${Deno.execPath()} task --quiet demo --lang en; clear; echo ended`);
  await terminal.waitForText("╭");
  const startMs = performance.now();
  const rows: ShownRow[] = [];
  let shown = new Map<number, { text: string; fromMs: number }>();
  for (;; await delay(FRAME_MS)) {
    const screen = await terminal.rows({ withColors: true });
    const nowMs = performance.now() - startMs;
    const isOver = !screen.some((text) => text.includes("╭"));
    const next = new Map<number, { text: string; fromMs: number }>();
    for (let row = 0; row < SIZE.rows; row++) {
      const text = isOver ? "" : screen[row] ?? "";
      const before = shown.get(row);
      if (before && before.text === text) next.set(row, before);
      else next.set(row, { text, fromMs: nowMs });
      const untilMs = isOver ? nowMs + PAUSE_MS : nowMs;
      if (before && before.text !== text && before.text !== "") rows.push({ row, ...before, untilMs });
    }
    if (isOver) return { rows, durationMs: nowMs + PAUSE_MS };
    shown = next;
  }
}

/** Splits a row into runs of one style. */
function runsOf(text: string): Run[] {
  const runs: Run[] = [];
  let style: Style = {};
  let column = 0;
  // deno-lint-ignore no-control-regex
  for (const [, codes, plain] of text.matchAll(/(?:\x1b\[([\d;]*)m)|([^\x1b]+)/g)) {
    if (codes !== undefined) style = { ...style, ...styleOf(codes.split(";").map(Number)) };
    if (plain === undefined) continue;
    // Blanks at the ends are left out: a renderer may drop them, and stretch the rest.
    const text = style.isInverse ? plain.replaceAll(" ", "\u00a0") : plain.trim();
    const cells = cellsOf(toCells(text));
    if (text !== "") {
      runs.push({ column: column + (style.isInverse ? 0 : plain.search(/\S/)), cells, text, style });
    }
    column += cellsOf(toCells(plain));
  }
  return runs;
}

function styleOf([code = 0, ...rest]: readonly number[]): Style {
  if (code === 38 && rest[0] === 5) return { color: paletteColor(rest[1]!), ...further(rest.slice(2)) };
  const isBasic = code >= 30 && code < 38;
  return { ...isBasic ? { color: BASIC_COLORS[code - 30] } : STYLES[code], ...further(rest) };
}

function further(codes: readonly number[]): Style {
  return codes.length > 0 ? styleOf(codes) : {};
}

/** A colour of the 256 of xterm, without the greys. Colours of 16 to 231 are a cube of 6 levels. */
function paletteColor(index: number): string {
  if (index < 16) return BASIC_COLORS[index % 8]!;
  const levels = [36, 6, 1].map((step) => LEVELS[Math.floor((index - 16) / step) % 6]!);
  // A dark colour that is legible on black and white is lifted for this background.
  return `rgb(${levels.map((level) => Math.round(level + (255 - level) * 0.35)).join(",")})`;
}

function svgRow({ row, text, fromMs, untilMs }: ShownRow): string {
  const y = MARGIN + row * CELL.height;
  const parts = runsOf(text).map(({ column, cells, text, style }) => {
    const [x, width] = [MARGIN + column * CELL.width, cells * CELL.width].map((value) => value.toFixed(1));
    const color = style.color ?? TEXT;
    const attributes = [
      `x="${x}" y="${y + 13}" textLength="${width}" fill="${style.isInverse ? BACKGROUND : color}"`,
      ...style.isBold ? ['font-weight="bold"'] : [],
      ...style.isDim ? ['opacity=".6"'] : [],
    ];
    const box = `<rect x="${x}" y="${y}" width="${width}" height="${CELL.height}" fill="${color}"/>`;
    return `${style.isInverse ? box : ""}<text ${attributes.join(" ")}>${escapeXml(text)}</text>`;
  });
  const [begin, duration] = [fromMs, untilMs - fromMs].map((ms) => (ms / 1_000).toFixed(2));
  const shown =
    `<set attributeName="visibility" to="visible" begin="loop.begin+${begin}s" dur="${duration}s"/>`;
  return `<g visibility="hidden">${shown}${parts.join("")}</g>`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

await loadWidths();
const { rows, durationMs } = await record();
const [width, height] = [SIZE.columns * CELL.width, SIZE.rows * CELL.height].map((size) =>
  Math.ceil(size + 2 * MARGIN)
);
const loop = `begin="0s;loop.end" dur="${(durationMs / 1_000).toFixed(2)}s"`;
await Deno.writeTextFile(
  PICTURE,
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT_SIZE}" xml:space="preserve">`,
    "<title>Two servers and two clients: kill -9 ends the first server, and both clients go on at the second</title>",
    `<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>`,
    `<g><animate id="loop" attributeName="opacity" from="1" to="1" ${loop}/></g>`,
    ...rows.map(svgRow),
    "</svg>",
    "",
  ].join("\n"),
);
console.log(`${PICTURE}: ${rows.length} rows, ${(durationMs / 1_000).toFixed(1)} s`);
Deno.exit(0);
