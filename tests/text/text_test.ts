// What a text may be. Invisible characters are written as escapes in this file.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import { countChars, isText, MAX_TEXT_CHARS, parseText, printable, truncate } from "../../lib/text/text.ts";
import { codePoints } from "../testing/code_points.ts";

const pure = { permissions: "none" } as const;

Deno.test("parseText() takes off the blanks behind a line and leaves the rest as it was typed", pure, () => {
  assertEquals(parseText("  hola,  ¿qué tal? 👩\u200d👧  "), "  hola,  ¿qué tal? 👩\u200d👧");
  assertEquals(parseText("\u3000hola\u00a0"), "\u3000hola");
});

Deno.test("parseText() makes other controls visible", pure, () => {
  assertEquals(parseText("\u001b[Aa\nb\u0007"), "␛[Aa␊b␇");
});

Deno.test(
  "parseText() makes blanks of tabs: to every fourth column where they indent, one elsewhere",
  pure,
  () => {
    const indents = { "\t": 4, " \t": 4, "   \t": 4, "    \t": 8, "     \t": 8, "\t  \t ": 9, "\t\t  ": 10 };
    for (const [indent, columns] of Object.entries(indents)) {
      assertEquals(parseText(`${indent}a\tb\t\tc\t`), `${" ".repeat(columns)}a b  c`);
    }
  },
);

Deno.test("parseText() leaves nothing of a line of spaces", pure, () => {
  for (const line of ["", " ", "\t \u3000"]) assertEquals(parseText(line), "");
});

Deno.test("parseText() allows 2000 characters and no more, with the indent", pure, () => {
  const longest = `\t${"💥".repeat(MAX_TEXT_CHARS - 4)}`;
  assertEquals(countChars(parseText(`${longest} `)), MAX_TEXT_CHARS);
  const error = assertThrows(() => parseText(longest + "x"), InputError);
  assertEquals(error.name, "InputError");
  assertEquals(error.code, "text-too-long");
  assertEquals(error.details, { length: 2_001, max: 2_000 });
});

Deno.test("isText() accepts what parseText() makes of any character", pure, () => {
  for (const char of codePoints()) assert(isText(parseText(`a${char}`)), JSON.stringify(char));
});

Deno.test("isText() accepts what parseText() leaves as it is, and nothing else", pure, () => {
  for (const char of codePoints()) {
    for (const text of [`${char}a`, `a${char}b`]) assertEquals(isText(text), parseText(text) === text);
  }
});

Deno.test("isText() refuses no text at all, and space behind it", pure, () => {
  for (const text of ["", " ", "\u3000", "a ", "a\u00a0"]) assert(!isText(text), JSON.stringify(text));
  for (const text of [" a", "    a", "\u3000a"]) assert(isText(text), JSON.stringify(text));
});

Deno.test("isText() allows 2000 characters and no more, however many units they take", pure, () => {
  for (const char of ["x", "💥"]) {
    assert(isText(char.repeat(MAX_TEXT_CHARS)));
    assert(!isText(char.repeat(MAX_TEXT_CHARS + 1)));
  }
});

Deno.test("printable() shows each control that a terminal obeys as its symbol", pure, () => {
  assertEquals(printable("\u0000\u0007\b\t\n\r\u001b[31m\u001f\u007f"), "␀␇␈␉␊␍␛[31m␟␡");
});

Deno.test("printable() replaces C1, line separators, bidi controls and lone surrogates", pure, () => {
  const unsafe = ["\u0080", "\u0085", "\u009b", "\u009d", "\u009f", "\u2028", "\u2029"]
    .concat(["\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"])
    .concat(["\ud800", "\udbff", "\udc00", "\udfff"]);
  for (const char of unsafe) assertEquals(printable(`a${char}b${char}`), "a\ufffdb\ufffd");
});

Deno.test("printable() leaves everything else alone", pure, () => {
  const text = " ~\u00a0\u00ad¡ñ\u200d\u200e\u2027\u202f\u2065\u206a 李 💥 \ue000\u{10ffff}";
  assertEquals(printable(text), text);
});

Deno.test("printable() leaves no control, by Unicode's own list", pure, () => {
  const shown = printable([...codePoints()].join(" "));
  assertEquals(shown.match(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|[\p{Bidi_Control}--[\u061c\u200e\u200f]]/gv), null);
});

Deno.test("countChars() counts code points, and halves of none as one each", pure, () => {
  const cases: [string, number][] = [
    ["", 0],
    ["añ", 2],
    ["a💥b", 3],
    ["💥💥", 2],
    ["e\u0301", 2],
    ["\ud83d", 1],
    ["\udca5", 1],
    ["\udca5\ud83d", 2],
    ["\ud83d\ud83d\udca5", 2],
    ["\ud83d\udca5\udca5", 2],
    ["a\udca5", 2],
    ["\ud800\ue000", 2],
    ["\u{10000}\u{10ffff}", 2],
  ];
  for (const [text, count] of cases) {
    assertEquals(countChars(text), count, JSON.stringify(text));
    assertEquals(countChars(text), [...text].length);
  }
});

Deno.test("isText() refuses, and parseText() makes nothing of, what nobody can see", pure, () => {
  for (
    const text of [
      "\u200b",
      "\u2060\u200d",
      "\u3164",
      "\u2800",
      "\u0301",
      "\u{e0041}",
      "\u034f\ufe0f",
      "\u00ad",
    ]
  ) {
    assert(!isText(text), JSON.stringify(text));
    assertEquals(parseText(` ${text} `), "");
  }
  for (const text of ["a\u200b", "\u{1f468}\u200d\u{1f469}", "."]) assert(isText(text), JSON.stringify(text));
});

Deno.test("Eight marks on a character are text, the ninth and what follows become visible", pure, () => {
  const eight = `z${"\u0335".repeat(8)}`;
  assert(isText(eight));
  assertEquals(printable(eight), eight);
  assert(!isText(`${eight}\u0301`));
  assertEquals(printable(`${eight}\u0301\u0301z`), `${eight}\ufffd\ufffdz`);
  assert(isText(parseText(`z${"\u0301".repeat(500)}`)));
});

Deno.test("truncate() leaves what is short enough, and ends with an ellipsis what is not", pure, () => {
  assertEquals(["💥💥", "💥💥💥", "💥💥💥💥"].map((text) => truncate(text, 3)), ["💥💥", "💥💥💥", "💥💥…"]);
});
