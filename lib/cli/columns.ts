// Words on the left and what they mean on the right, as help shows them. Pure.

/** Where nobody says how wide the screen is. */
const DEFAULT_WIDTH = 80;
/** Most columns of the right side: longer lines are not read with ease. */
const MAX_HELP_WIDTH = 80;
/** Fewest columns in which the right side is read with ease. */
const MIN_HELP_WIDTH = 20;
const MARGIN = "  ";

/** The rows as lines. What does not fit on the right goes on below, and all of it on a screen that is too narrow
 * for both sides. */
export function formatColumns(
  rows: readonly (readonly [left: string, right: string])[],
  columns = DEFAULT_WIDTH,
): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  const room = Math.min(columns - width - 2 * MARGIN.length, MAX_HELP_WIDTH);
  if (columns < DEFAULT_WIDTH && room < MIN_HELP_WIDTH) {
    const indent = MARGIN + MARGIN;
    return rows.flatMap(([left, right]) => [
      `${MARGIN}${left}`,
      ...wrapText(right, columns - indent.length).map((part) => `${indent}${part}`),
    ]);
  }
  return rows.flatMap(([left, right]) =>
    wrapText(right, room).map((part, index) =>
      `${MARGIN}${(index === 0 ? left : "").padEnd(width)}${MARGIN}${part}`
    )
  );
}

/** A text in lines of so many characters, unless a word is longer. */
function wrapText(text: string, room: number): string[] {
  const [first = "", ...others] = text.split(" ");
  const lines = [first];
  for (const word of others) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length <= room) lines[lines.length - 1] = line;
    else lines.push(word);
  }
  return lines;
}
