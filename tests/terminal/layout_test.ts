// Where things stand on screens of all sizes.

import { assert, assertEquals } from "@std/assert";
import {
  computeLayout,
  type InputView,
  type Layout,
  rowsAboveCursor,
  toCells,
  width,
} from "../../lib/terminal/layout.ts";

const pure = { permissions: "none" } as const;

function viewOf(text: string, view: Partial<InputView> = {}): InputView {
  return { status: [], prompt: "> ", text, cursor: text.length, ...view };
}

/** Rows with a bar for the cursor. */
function shown({ rows, row, cell }: Layout): string[] {
  return rows.map((cells, y) => {
    const texts = cells.map(({ text }) => text);
    if (y === row) texts.splice(cell, 0, "|");
    return texts.join("");
  });
}

function layOutIn(columns: number, view: InputView, rows = 10): string[] {
  return shown(computeLayout(view, { columns, rows }));
}

Deno.test(
  "A line is broken where the screen ends, and the cursor is where the next character goes",
  pure,
  () => {
    assertEquals(layOutIn(10, viewOf("hola")), ["> hola|"]);
    assertEquals(layOutIn(10, viewOf("1234567")), ["> 1234567|"]);
    assertEquals(layOutIn(10, viewOf("12345678")), ["> 12345678", "|"]);
    assertEquals(layOutIn(10, viewOf("123456789")), ["> 12345678", "9|"]);
    assertEquals(layOutIn(10, viewOf("123456789", { cursor: 8 })), ["> 12345678", "|9"]);
    assertEquals(layOutIn(10, viewOf("123456789", { cursor: 0 })), ["> |12345678", "9"]);
    assertEquals(layOutIn(10, viewOf("12345678", { cursor: 7 })), ["> 1234567|8"]);
  },
);

Deno.test("A wide character that does not fit goes to the next row", pure, () => {
  assertEquals(layOutIn(10, viewOf("1234567漢")), ["> 1234567", "漢|"]);
  assertEquals(layOutIn(10, viewOf("123456漢")), ["> 123456漢", "|"]);
  assertEquals(layOutIn(10, viewOf("1234567漢", { cursor: 7 })), ["> 1234567", "|漢"]);
});

Deno.test("An emoji has the columns that any terminal may give it, and stays in one piece", pure, () => {
  const family = "👩‍👩‍👧";
  assertEquals(
    toCells(`a漢${family}e\u0301🇪🇸❤️🚀`).map((
      { text, columns, hasKnownWidth },
    ) => [text, columns, hasKnownWidth]),
    [
      ["a", 1, true],
      ["漢", 2, true],
      [family, 6, false],
      ["e\u0301", 1, true],
      ["🇪🇸", 4, false],
      ["❤️", 2, false],
      ["🚀", 2, false],
    ],
  );
  assertEquals(layOutIn(10, viewOf(`123${family}`)), ["> 123", `${family}|`]);
  assertEquals(layOutIn(10, viewOf(`12${family}`)), [`> 12${family}`, "|"]);
});

Deno.test("A cursor amid a character stands behind it", pure, () => {
  assertEquals(layOutIn(10, viewOf("e\u0301x", { cursor: 1 })), ["> e\u0301|x"]);
});

Deno.test("What stands above the prompt has a row for each line, cut where the screen ends", pure, () => {
  const status = ["… uno", "… dos y tres", "\x1b[2m… dos y tres\x1b[0m", "\x1b[2mdos\x1b[0m"];
  assertEquals(layOutIn(10, viewOf("", { status })), [
    "… uno",
    "… dos y t…",
    "\x1b[2m… dos y t…\x1b[0m",
    "\x1b[2mdos\x1b[0m",
    "> |",
  ]);
});

Deno.test("Colours take no columns", pure, () => {
  const prompt = "\x1b[1m>\x1b[0m ";
  assertEquals(layOutIn(10, viewOf("12345678", { prompt })), [`${prompt}12345678`, "|"]);
});

Deno.test("A prompt may have several lines", pure, () => {
  assertEquals(layOutIn(10, viewOf("x", { prompt: "una pregunta\n? " })), ["una pregun", "ta", "? x|"]);
});

Deno.test(
  "What is higher than the screen is shown around the cursor, without what stands above it",
  pure,
  () => {
    const view = viewOf("abcdefghijklmnop", { status: ["… uno", "… dos"] });
    assertEquals(
      layOutIn(4, view, 7),
      ["… u…", "> ab", "cdef", "ghij", "klmn", "op|"].toSpliced(1, 0, "… d…"),
    );
    assertEquals(layOutIn(4, view, 6), ["… u…", "> ab", "cdef", "ghij", "klmn", "op|"]);
    assertEquals(layOutIn(4, view, 3), ["ghij", "klmn", "op|"]);
    assertEquals(layOutIn(4, { ...view, cursor: 3 }, 3), ["> ab", "c|def", "ghij"]);
    assertEquals(layOutIn(4, { ...view, cursor: 7 }, 1), ["g|hij"]);
  },
);

Deno.test("A screen without any size shows something all the same", pure, () => {
  assertEquals(layOutIn(0, viewOf("漢"), 0), ["|"]);
});

Deno.test("Rows that have become too long take several", pure, () => {
  const layout = computeLayout(viewOf("x".repeat(43)), { columns: 40, rows: 10 });
  assertEquals(shown(layout), [`> ${"x".repeat(38)}`, `${"x".repeat(5)}|`]);
  for (const [columns, rows] of [[100, 1], [40, 1], [39, 2], [30, 2], [20, 2], [10, 4], [5, 8]] as const) {
    assertEquals(rowsAboveCursor(layout, columns), rows, `${columns}`);
  }
  const amid = computeLayout(viewOf("x".repeat(20), { cursor: 8 }), { columns: 40, rows: 10 });
  assertEquals([5, 9, 10, 11].map((columns) => rowsAboveCursor(amid, columns)), [2, 1, 1, 0]);
  const wide = computeLayout(viewOf("漢漢漢漢", { cursor: 3 }), { columns: 20, rows: 10 });
  assertEquals(rowsAboveCursor(wide, 5), 1);
});

Deno.test("No row is wider than the screen, and every character has its place", pure, () => {
  const text = "año 漢字 👩‍👩‍👧🇪🇸 e\u0301❤️1️⃣ fin".repeat(5);
  for (let columns = 6; columns < 60; columns++) {
    const { rows } = computeLayout(viewOf(text), { columns, rows: 1_000 });
    assert(rows.every((row) => width(row) <= columns));
    assertEquals(rows.flat().map((cell) => cell.text).join(""), `> ${text}`);
  }
});

Deno.test("A character that is wider than the screen has a row like all others", pure, () => {
  assertEquals(
    computeLayout(viewOf("漢a", { prompt: "", cursor: 0 }), { columns: 1, rows: 9 }).rows.length,
    2,
  );
});

Deno.test("A line above the prompt that just fits is shown whole", pure, () => {
  const { rows } = computeLayout(viewOf("", { status: ["12345", "123456"] }), { columns: 5, rows: 9 });
  assertEquals(rows.slice(0, 2).map((cells) => cells.map(({ text }) => text).join("")), ["12345", "1234…"]);
});

Deno.test("Nobody is sure how wide an emoji is, or what some terminals join and others do not", pure, () => {
  const sure = ["a", "漢", "e\u0301", "👍", "🇪🇸", "🇪", "\u1100\u1161"].map((text) =>
    toCells(text)[0]!.hasKnownWidth
  );
  assertEquals(sure, [true, true, true, false, false, false, false]);
});
