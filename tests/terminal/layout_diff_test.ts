// After whatever is drawn over whatever, the screen looks as if it had been drawn anew.

import { assert, assertEquals } from "@std/assert";
import { computeLayout, type InputView } from "../../lib/terminal/layout.ts";
import { diff, draw, erase } from "../../lib/terminal/layout.ts";
import { FakeScreen } from "../testing/fake_screen.ts";

const pure = { permissions: "none" } as const;
const SIZE = { columns: 12, rows: 30 };

function viewOf(text: string, view: Partial<InputView> = {}): InputView {
  return { status: [], prompt: "> ", text, cursor: text.length, ...view };
}

/** What leads from one view to another. */
function step(from: InputView, to: InputView): string {
  return diff(computeLayout(from, SIZE), computeLayout(to, SIZE));
}

Deno.test("Only what is different is drawn", pure, () => {
  const hola = viewOf("hola");
  assertEquals(step(hola, hola), "");
  assertEquals(step(hola, viewOf("hola!")), "!");
  assertEquals(step(hola, viewOf("hol")), "\x1b[6G\x1b[K");
  assertEquals(step(hola, viewOf("hola", { cursor: 1 })), "\x1b[4G");
  assertEquals(step(viewOf("hola", { cursor: 1 }), viewOf("hola", { cursor: 0 })), "\x1b[3G");
  assertEquals(step(hola, viewOf("hella")), "\x1b[4G\x1b[Kella");
  assertEquals(
    step(viewOf("hola", { status: ["uno"] }), viewOf("hola", { status: ["dos"] })),
    [
      "\x1b[1A\r\x1b[Kdos",
      "\x1b[1B\x1b[7G",
    ].join(""),
  );
  assertEquals(step(viewOf("0123456789"), viewOf("0123456789a")), "a");
  assertEquals(step(viewOf("012345678"), viewOf("0123456789")), "9\r\n");
});

Deno.test("Behind what terminals disagree about, the cursor goes by drawing it again", pure, () => {
  assertEquals(step(viewOf("👍🏽ab"), viewOf("👍🏽ab", { cursor: 5 })), "\r> 👍🏽a");
  assertEquals(step(viewOf("👍🏽ab"), viewOf("👍🏽ab", { cursor: 0 })), "\x1b[3G");
});

Deno.test("A colour that began before what is different is drawn again", pure, () => {
  const status = ["\x1b[2muno\x1b[0m"];
  const text = step(viewOf("", { status }), viewOf("", { status: ["\x1b[2mund\x1b[0m"] }));
  assertEquals(text, "\x1b[1A\r\x1b[K\x1b[2mund\x1b[0m\x1b[1B\x1b[3G");
});

/** Numbers that look random, the same on every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

const CHARS = ["a", "b", "ñ", " ", "漢", "e\u0301", "👩‍👩‍👧", "🇪🇸", "❤️", "👍🏽", "ab cd ef gh ij"];

function randomView(below: (limit: number) => number, before: InputView): InputView {
  const chars = [...new Intl.Segmenter().segment(before.text)].map(({ segment }) => segment);
  const at = below(chars.length + 1);
  const change = below(4);
  if (change === 0) chars.splice(at, 1 + below(3));
  else if (change === 1) {
    chars.splice(
      at,
      0,
      ...Array.from({ length: 1 + below(4) }, () => CHARS[below(CHARS.length)]!),
    );
  } else if (change === 2) chars.push(CHARS[below(CHARS.length)]!);
  const status = below(8) === 0 ? ["… uno", "… dos"].slice(below(3)) : before.status;
  const cursor = chars.slice(0, below(2) ? chars.length : at).join("").length;
  return viewOf(chars.join(""), { status, cursor });
}

for (const isOld of [false, true]) {
  const terminal = isOld ? "a terminal that joins no emoji" : "a terminal that joins emoji";
  Deno.test(`After any change ${terminal} shows what it would show if all was drawn anew`, pure, () => {
    for (let seed = 0; seed < 10; seed++) {
      const below = numbers(seed);
      let view = viewOf("");
      let layout = computeLayout(view, SIZE);
      const screen = new FakeScreen({ ...SIZE, isOld });
      screen.write(draw(layout));
      for (let n = 0; n < 60; n++) {
        view = randomView(below, view);
        const next = computeLayout(view, SIZE);
        const shown = screen.show(diff(layout, next));
        const expected = new FakeScreen({ ...SIZE, isOld }).show(draw(next));
        assertEquals(shown, expected, `Seed ${seed}, change ${n}`);
        layout = next;
      }
    }
  });

  Deno.test(`What is erased leaves nothing behind, on ${terminal}`, pure, () => {
    for (const cursor of [0, 1, 9, 10, 11, 30]) {
      const view = viewOf("0123456789 e\u0301 👩‍👩‍👧 🇪🇸 ❤️ 漢 fin", { cursor, status: ["… uno"] });
      const screen = new FakeScreen({ ...SIZE, isOld });
      screen.write(`antes\n${draw(computeLayout(view, SIZE))}`);
      assertEquals(screen.show(erase(computeLayout(view, SIZE), SIZE.columns)), ["antes", "|"]);
    }
  });
}

Deno.test("A key costs a few bytes, however long the line is", pure, () => {
  const size = { columns: 80, rows: 30 };
  const text = "lorem ipsum ".repeat(160);
  const [from, to] = [computeLayout(viewOf(text), size), computeLayout(viewOf(`${text}x`), size)];
  assertEquals(diff(from, to), "x");
  assert(diff(to, computeLayout(viewOf(text, { cursor: 3 }), size)).length < 40);
});

Deno.test("What is erased leaves nothing behind on a screen that has become narrower", pure, () => {
  const layout = computeLayout(viewOf("0123456789 abc", { cursor: 12, status: ["… uno dos"] }), SIZE);
  const screen = new FakeScreen(SIZE);
  screen.write(`antes\n${draw(layout)}`);
  screen.resize(5);
  assertEquals(screen.show(erase(layout, 5)), ["antes", "|"]);
});
