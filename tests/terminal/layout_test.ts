// Layouts on screens of all sizes, what is written from one to the next, and word wrap.

import { assert, assertEquals } from "@std/assert";
import { loadWidths } from "../../lib/terminal/graphemes.ts";
import {
  computeLayout,
  diff,
  draw,
  erase,
  type InputView,
  rowsAboveCursor,
  toCells,
  width,
  wrapWords,
} from "../../lib/terminal/layout.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { Random } from "../testing/random.ts";
import { pure } from "../testing/test_options.ts";

await loadWidths();
const FAMILY = "👩‍👩‍👧";

function viewOf(text: string, view: Partial<InputView> = {}): InputView {
  return { status: [], prompt: "> ", text, cursor: text.length, ...view };
}

/** The rows of a layout, with a bar for the cursor. */
function rowsOf(columns: number, view: InputView, height = 10): string[] {
  const { rows, row, cell } = computeLayout(view, { columns, rows: height });
  return rows.map((cells, y) => {
    const texts = cells.map(({ text }) => text);
    if (y === row) texts.splice(cell, 0, "|");
    return texts.join("");
  });
}

const TALL = viewOf("abcdefghijklmnop", { status: ["… uno", "… dos"] });
const BOLD_PROMPT = "\x1b[1m>\x1b[0m ";
const LAYOUTS: Record<string, [columns: number, view: InputView, rows: string[], height?: number][]> = {
  "breaks a line at the edge, with the cursor where the next character goes": [
    [10, viewOf("hola"), ["> hola|"]],
    [10, viewOf("1234567"), ["> 1234567|"]],
    [10, viewOf("12345678"), ["> 12345678", "|"]],
    [10, viewOf("123456789"), ["> 12345678", "9|"]],
    [10, viewOf("123456789", { cursor: 8 }), ["> 12345678", "|9"]],
    [10, viewOf("123456789", { cursor: 0 }), ["> |12345678", "9"]],
    [10, viewOf("12345678", { cursor: 7 }), ["> 1234567|8"]],
  ],
  "moves a wide character that does not fit to the next row": [
    [10, viewOf("1234567漢"), ["> 1234567", "漢|"]],
    [10, viewOf("123456漢"), ["> 123456漢", "|"]],
    [10, viewOf("1234567漢", { cursor: 7 }), ["> 1234567", "|漢"]],
    [10, viewOf(`123${FAMILY}`), ["> 123", `${FAMILY}|`]],
    [10, viewOf(`12${FAMILY}`), [`> 12${FAMILY}`, "|"]],
    [1, viewOf("漢a", { prompt: "", cursor: 0 }), ["|漢", "a"]],
  ],
  "breaks a line between words from 20 columns on, with the cursor where the next character goes": [
    [20, viewOf("una línea que dobla"), ["> una línea que ", "  dobla|"]],
    [20, viewOf("una línea que dobla", { cursor: 14 }), ["> una línea que ", "  |dobla"]],
    [20, viewOf("una línea que dobla", { cursor: 13 }), ["> una línea que| ", "  dobla"]],
    [20, viewOf("una línea larguísima"), ["> una línea ", "  larguísima|"]],
    [20, viewOf("una línea algo más y"), ["> una línea algo más", "  y|"]],
    [20, viewOf("una línea algo más ya", { cursor: 18 }), ["> una línea algo más", "  |ya"]],
    [20, viewOf("una línea algo más "), ["> una línea algo más", "  |"]],
    [20, viewOf("una línea algo má "), ["> una línea algo má ", "  |"]],
    [20, viewOf("una línea algo más   y"), ["> una línea algo más", "    y|"]],
    [20, viewOf("漢字漢字 漢字漢字漢字漢"), ["> 漢字漢字 ", "  漢字漢字漢字漢|"]],
    [19, viewOf("una línea que dobla"), ["> una línea que dob", "la|"]],
  ],
  "breaks a word that is longer than the row at the edge": [
    [20, viewOf("x".repeat(30)), [`> ${"x".repeat(18)}`, `${"x".repeat(12)}|`]],
    [20, viewOf(`mira ${"x".repeat(30)}`), ["> mira ", `  ${"x".repeat(18)}`, `${"x".repeat(12)}|`]],
  ],
  "lets the first word go below a prompt that fills most of the row": [
    [20, viewOf("hola", { prompt: "(sin conexión) ana> " }), ["(sin conexión) ana> ", "  hola|"]],
    [22, viewOf("hola", { prompt: "(sin conexión) ana> " }), ["(sin conexión) ana> ", "  hola|"]],
  ],
  "puts a cursor amid a grapheme behind it": [[10, viewOf("e\u0301x", { cursor: 1 }), ["> e\u0301|x"]]],
  "truncates each line of the status to a row": [
    [5, viewOf("", { status: ["12345", "123456"] }), ["12345", "1234…", "> |"]],
    [
      10,
      viewOf("", { status: ["… dos y tres", "\x1b[2m… dos y tres\x1b[0m", "\x1b[2mdos\x1b[0m"] }),
      ["… dos y t…", "\x1b[2m… dos y t…\x1b[0m", "\x1b[2mdos\x1b[0m", "> |"],
    ],
  ],
  "gives colors no columns": [
    [10, viewOf("12345678", { prompt: BOLD_PROMPT }), [`${BOLD_PROMPT}12345678`, "|"]],
  ],
  "has a row for each line of the prompt": [
    [10, viewOf("x", { prompt: "una pregunta\n? " }), ["una pregun", "ta", "? x|"]],
  ],
  "shows the rows around the cursor if there are more than half of the screen has": [
    [4, TALL, ["… u…", "… d…", "> ab", "cdef", "ghij", "klmn", "op|"], 14],
    [4, TALL, ["… u…", "> ab", "cdef", "ghij", "klmn", "op|"], 12],
    [4, TALL, ["ghij", "klmn", "op|"], 5],
    [4, { ...TALL, cursor: 3 }, ["> ab", "c|def", "ghij"], 6],
    [4, { ...TALL, cursor: 7 }, ["g|hij"], 1],
  ],
  "takes a screen without a size for one cell": [[0, viewOf("漢"), ["|"], 0]],
};
for (const [what, cases] of Object.entries(LAYOUTS)) {
  Deno.test(`computeLayout() ${what}`, pure, () => {
    for (const [columns, view, rows, height] of cases) assertEquals(rowsOf(columns, view, height), rows);
  });
}

Deno.test("computeLayout() makes no row wider than the screen, and loses no character", pure, () => {
  const text = `año 漢字 ${FAMILY}🇪🇸 e\u0301❤️1️⃣ fin`.repeat(5);
  for (let columns = 6; columns < 60; columns++) {
    const { rows } = computeLayout(viewOf(text), { columns, rows: 1_000 });
    assert(rows.every((row) => width(row) <= columns));
    // Between words there is an indent, and no space where a row is full.
    const shown = rows.flat().map((cell) => cell.text).join("");
    assertEquals(shown.replaceAll(" ", ""), `> ${text}`.replaceAll(" ", ""));
  }
});

Deno.test("toCells() gives a grapheme the greatest width, and says if terminals disagree", pure, () => {
  const cells = toCells(`a漢${FAMILY}e\u0301🇪🇸❤️👍🇪\u1100\u1161`);
  assertEquals(cells.map(({ text, columns, hasKnownWidth }) => [text, columns, hasKnownWidth]), [
    ["a", 1, true],
    ["漢", 2, true],
    [FAMILY, 6, false],
    ["e\u0301", 1, true],
    ["🇪🇸", 4, false],
    ["❤️", 2, false],
    ["👍", 2, false],
    ["🇪", 2, false],
    ["\u1100\u1161", 3, false],
  ]);
});

Deno.test("rowsAboveCursor() counts rows as the terminal rewraps them", pure, () => {
  const layout = computeLayout(viewOf("x".repeat(43)), { columns: 40, rows: 10 });
  for (const [columns, rows] of [[100, 1], [40, 1], [39, 2], [30, 2], [20, 2], [10, 4], [5, 8]] as const) {
    assertEquals(rowsAboveCursor(layout, columns), rows, `${columns}`);
  }
  const amid = computeLayout(viewOf("x".repeat(20), { cursor: 8 }), { columns: 40, rows: 10 });
  assertEquals([5, 9, 10, 11].map((columns) => rowsAboveCursor(amid, columns)), [2, 1, 1, 0]);
  const wide = computeLayout(viewOf("漢漢漢漢", { cursor: 3 }), { columns: 20, rows: 10 });
  assertEquals(rowsAboveCursor(wide, 5), 1);
});

const SIZE = { columns: 12, rows: 30 };
const DIFFS: Record<string, [from: InputView, to: InputView, written: string][]> = {
  "writes only cells that differ": [
    [viewOf("hola"), viewOf("hola"), ""],
    [viewOf("hola"), viewOf("hola!"), "!"],
    [viewOf("hola"), viewOf("hol"), "\x1b[6G\x1b[K"],
    [viewOf("hola"), viewOf("hola", { cursor: 1 }), "\x1b[4G"],
    [viewOf("hola", { cursor: 1 }), viewOf("hola", { cursor: 0 }), "\x1b[3G"],
    [viewOf("hola"), viewOf("hella"), "\x1b[4G\x1b[Kella"],
    [
      viewOf("hola", { status: ["uno"] }),
      viewOf("hola", { status: ["dos"] }),
      "\x1b[1A\r\x1b[Kdos\x1b[1B\x1b[7G",
    ],
    [viewOf("0123456789"), viewOf("0123456789a"), "a"],
    [viewOf("012345678"), viewOf("0123456789"), "9\r\n"],
  ],
  "writes cells of unknown width again to move past them": [
    [viewOf("👍🏽ab"), viewOf("👍🏽ab", { cursor: 5 }), "\r> 👍🏽a"],
    [viewOf("👍🏽ab"), viewOf("👍🏽ab", { cursor: 0 }), "\x1b[3G"],
  ],
  "writes a row with colors from its start": [[
    viewOf("", { status: ["\x1b[2muno\x1b[0m"] }),
    viewOf("", { status: ["\x1b[2mund\x1b[0m"] }),
    "\x1b[1A\r\x1b[K\x1b[2mund\x1b[0m\x1b[1B\x1b[3G",
  ]],
};
for (const [what, cases] of Object.entries(DIFFS)) {
  Deno.test(`diff() ${what}`, pure, () => {
    for (const [from, to, written] of cases) {
      assertEquals(diff(computeLayout(from, SIZE), computeLayout(to, SIZE)), written);
    }
  });
}

Deno.test("diff() writes a few bytes for a key, however long the line is", pure, () => {
  const size = { columns: 80, rows: 60 };
  const text = "lorem ipsum ".repeat(160);
  const [from, to] = [computeLayout(viewOf(text), size), computeLayout(viewOf(`${text}x`), size)];
  assertEquals(diff(from, to), "x");
  assert(diff(to, computeLayout(viewOf(text, { cursor: 3 }), size)).length < 40);
});

const PIECES = ["a", "b", "ñ", " ", "漢", "e\u0301", FAMILY, "🇪🇸", "❤️", "👍🏽", "ab cd ef gh ij"];

/** The view after one edit of another. */
function edit(before: InputView, random: Random): InputView {
  const chars = [...new Intl.Segmenter().segment(before.text)].map(({ segment }) => segment);
  const at = random.below(chars.length + 1);
  const typed = Array.from({ length: 1 + random.below(4) }, () => random.pick(PIECES));
  const change = random.below(4);
  if (change === 0) chars.splice(at, 1 + random.below(3));
  else if (change === 1) chars.splice(at, 0, ...typed);
  else if (change === 2) chars.push(typed[0]!);
  const status = random.below(8) === 0 ? ["… uno", "… dos"].slice(random.below(3)) : before.status;
  const cursor = chars.slice(0, random.below(2) ? chars.length : at).join("").length;
  return viewOf(chars.join(""), { status, cursor });
}

for (const isOld of [false, true]) {
  const terminal = `on a terminal that ${isOld ? "does not join" : "joins"} emoji`;

  Deno.test(`diff() leads to what draw() shows, after each of 600 edits ${terminal}`, pure, () => {
    for (let seed = 0; seed < 10; seed++) {
      const random = new Random(seed);
      let view = viewOf("");
      let layout = computeLayout(view, SIZE);
      const screen = new FakeScreen({ ...SIZE, isOld });
      screen.write(draw(layout));
      for (let n = 0; n < 60; n++) {
        view = edit(view, random);
        const next = computeLayout(view, SIZE);
        const expected = new FakeScreen({ ...SIZE, isOld }).show(draw(next));
        assertEquals(screen.show(diff(layout, next)), expected, `seed ${seed}, edit ${n}`);
        layout = next;
      }
    }
  });

  Deno.test(`erase() leaves only what was there before draw(), ${terminal}`, pure, () => {
    for (const cursor of [0, 1, 9, 10, 11, 30]) {
      const view = viewOf(`0123456789 e\u0301 ${FAMILY} 🇪🇸 ❤️ 漢 fin`, { cursor, status: ["… uno"] });
      const screen = new FakeScreen({ ...SIZE, isOld });
      screen.write(`antes\n${draw(computeLayout(view, SIZE))}`);
      assertEquals(screen.show(erase(computeLayout(view, SIZE), SIZE.columns)), ["antes", "|"]);
    }
  });
}

Deno.test("erase() erases a layout on a screen that has become narrower", pure, () => {
  const layout = computeLayout(viewOf("0123456789 abc", { cursor: 12, status: ["… uno dos"] }), SIZE);
  const screen = new FakeScreen(SIZE);
  screen.write(`antes\n${draw(layout)}`);
  screen.resize(5);
  assertEquals(screen.show(erase(layout, 5)), ["antes", "|"]);
});

const LONG_URL = `https://${"x".repeat(37)}`;
const WRAPPED: Record<string, [line: string, rows: string[], columns?: number][]> = {
  "leaves a line that fits": [
    ["tres tristes tigres.", ["tres tristes tigres."]],
    ["  漢字漢字漢字漢字漢", ["  漢字漢字漢字漢字漢"]],
    ["\x1b[1mtres\x1b[22m tristes tigres.", ["\x1b[1mtres\x1b[22m tristes tigres."]],
  ],
  "breaks between words, and indents the following rows": [
    [
      "tres tristes tigres comían trigo en un trigal",
      ["tres tristes tigres", "  comían trigo en un", "  trigal"],
    ],
    ["tres tristes tigres, comían", ["tres tristes tigres,", "  comían"]],
    ["漢字漢字 漢字漢字 漢字漢字", ["漢字漢字 漢字漢字", "  漢字漢字"]],
    ["\x1b[1mtres tristes\x1b[22m tigres comían", ["\x1b[1mtres tristes\x1b[22m tigres", "  comían"]],
  ],
  "drops spaces only where it breaks": [
    ["  a  b             c    d", ["  a  b             c", "  d"]],
    ["tres tristes tigres     comían", ["tres tristes tigres", "  comían"]],
  ],
  "leaves a URL that is longer than a row to the terminal": [
    [`ana: ${LONG_URL} uno dos tres cuatro`, ["ana:", `  ${LONG_URL} uno dos tres`, "  cuatro"]],
    [`  ${LONG_URL}`, [`  ${LONG_URL}`]],
  ],
  "indents a word that is longer than a row, so that none of it looks like a line": [
    [`ana: ${"x".repeat(40)} uno`, ["ana:", `  ${"x".repeat(18)}`, `  ${"x".repeat(18)}`, "  xxxx uno"]],
    [`ana: ${"x".repeat(18)}[20:44]\xa0#\xa0hola`, ["ana:", `  ${"x".repeat(18)}`, "  [20:44]\xa0#\xa0hola"]],
    [`ana: ${"─".repeat(40)}`, ["ana:", `  ${"─".repeat(18)}`, `  ${"─".repeat(18)}`, "  ────"]],
    [`ana: ${LONG_URL}[20:44]`, [
      "ana:",
      ...`${LONG_URL}[20:44]`.match(/.{1,18}/g)!.map((part) => `  ${part}`),
    ]],
    [`  ${"漢".repeat(12)}`, [`  ${"漢".repeat(9)}`, `  ${"漢".repeat(3)}`]],
  ],
  "wraps nothing on a screen of less than 10 columns": [
    ["tres tristes", ["tres tristes"], 9],
    ["tres tristes", ["tres", "  tristes"], 10],
  ],
};
for (const [what, cases] of Object.entries(WRAPPED)) {
  Deno.test(`wrapWords() ${what}`, pure, () => {
    for (const [line, rows, columns = 20] of cases) assertEquals(wrapWords(line, columns).split("\n"), rows);
  });
}
