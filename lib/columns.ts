// Words on the left and what they mean on the right, as help shows them on a screen of 80 columns. Pure.

const MAX_COLUMNS = 80;
const MARGIN = "  ";

/** The rows as lines. What does not fit on the right goes on below. */
export function inColumns(rows: readonly (readonly [left: string, right: string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  const room = MAX_COLUMNS - width - 2 * MARGIN.length;
  return rows.flatMap(([left, right]) =>
    folded(right, room).map((part, index) =>
      `${MARGIN}${(index === 0 ? left : "").padEnd(width)}${MARGIN}${part}`
    )
  );
}

/** A text in lines of so many characters, unless a word is longer. */
function folded(text: string, room: number): string[] {
  const [first = "", ...others] = text.split(" ");
  const lines = [first];
  for (const word of others) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length <= room) lines[lines.length - 1] = line;
    else lines.push(word);
  }
  return lines;
}
