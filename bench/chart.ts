// Draws what `deno task bench` has measured: deliveries a second and CPU, a group of bars for each load.

import { formatShort } from "./statistics.ts";

/** A server under one load. */
interface Bar {
  readonly server: string;
  readonly deliveriesPerSecond: number;
  /** CPU of a delivery, in ns; NaN if it is not known. */
  readonly cpuNs: number;
}

/** One load. */
interface Group {
  readonly name: string;
  readonly bars: readonly Bar[];
}

/** A half of the chart. */
interface Panel {
  readonly title: string;
  readonly left: number;
  readonly value: (bar: Bar) => number;
  readonly label: (value: number) => string;
}

const WIDTH = 860;
const PANEL_WIDTH = 250;
/** Of the longest bar: its label stands behind it. */
const BAR_WIDTH = 180;
const NAMES_WIDTH = 170;
const TOP = 50;
const BAR_HEIGHT = 13;
const BAR_PITCH = 16;
const GROUP_GAP = 26;
/** Its own background and text colour make the picture legible on light and dark pages. */
const BACKGROUND = "#ffffff";
const TEXT_COLOR = "#1b1e23";
const OWN_COLOR = "#0b6bcb";
const PEER_COLOR = "#9aa5b1";

const PANELS: readonly Panel[] = [
  {
    title: "Deliveries a second (longer is better)",
    left: NAMES_WIDTH,
    value: ({ deliveriesPerSecond }) => deliveriesPerSecond,
    label: formatShort,
  },
  {
    title: "CPU of a delivery (shorter is better)",
    left: NAMES_WIDTH + PANEL_WIDTH + 90,
    value: ({ cpuNs }) => cpuNs,
    label: (ns) => `${ns.toFixed(0)} ns`,
  },
];

/** An SVG. Bars are in proportion within a group: a message at a time is thousands of times slower than many. The first
 * bar of a group is ours. */
export function chart(groups: readonly Group[]): string {
  const marks: string[] = PANELS.map(({ title, left }) => text(left, 24, title, "font-weight='bold'"));
  let y = TOP;
  for (const { name, bars } of groups) {
    marks.push(text(10, y, name, "font-style='italic'"));
    y += 8;
    for (const [index, bar] of bars.entries()) {
      marks.push(text(24, y + BAR_HEIGHT - 2, bar.server));
      const color = index === 0 ? OWN_COLOR : PEER_COLOR;
      for (const panel of PANELS) marks.push(...drawBar(panel, bar, { y, color, most: mostOf(panel, bars) }));
      y += BAR_PITCH;
    }
    y += GROUP_GAP;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${y}" fill="${BACKGROUND}"/>`,
    ...marks,
    "</svg>",
    "",
  ].join("\n");
}

function mostOf({ value }: Panel, bars: readonly Bar[]): number {
  return Math.max(...bars.map(value).filter(Number.isFinite), Number.MIN_VALUE);
}

function drawBar(
  { left, value, label }: Panel,
  bar: Bar,
  at: { y: number; color: string; most: number },
): string[] {
  const shown = value(bar);
  if (!Number.isFinite(shown)) return [];
  const width = (shown / at.most * BAR_WIDTH).toFixed(1);
  return [
    `<rect x="${left}" y="${at.y}" width="${width}" height="${BAR_HEIGHT}" fill="${at.color}"/>`,
    text(left + Number(width) + 6, at.y + BAR_HEIGHT - 2, label(shown)),
  ];
}

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y}" fill="${TEXT_COLOR}" ${attributes}>${content}</text>`;
}
