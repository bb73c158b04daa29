// What text may be. Characters that nobody could see in this file are written as escapes.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import { countChars, isText, MAX_TEXT_CHARS, parseText, printable, truncate } from "../../lib/text/text.ts";
import { foldNick, isNick, MAX_NICK_CHARS, parseNick, printableNick } from "../../lib/text/nick.ts";

const pure = { permissions: "none" } as const;

/** Every code point of a plane that has characters, lone surrogates included; of the two for private use, one. */
function* codePoints(): Generator<string> {
  for (const plane of [0, 1, 2, 3, 14, 15]) {
    for (let code = 0; code <= 0xffff; code++) yield String.fromCodePoint(plane * 0x1_0000 + code);
  }
}

function assertNoNick(raw: string): void {
  const error = assertThrows(() => parseNick(raw), InputError);
  assertEquals(error.code, "nick-invalid", JSON.stringify(raw));
  assertEquals(error.details, { nick: raw, max: MAX_NICK_CHARS });
}

Deno.test("parseNick() accepts letters and digits of any script, `_` and `-`", pure, () => {
  const nicks = ["ana", "José_2", "-x-", "_", "7", "Ωμέγα", "Юля", "李雷", "مريم", "नेहा"];
  assertEquals(nicks.map(parseNick), nicks);
});

Deno.test("parseNick() takes off the spaces around a nick", pure, () => {
  assertEquals(parseNick(" \tana\r\n"), "ana");
});

Deno.test("parseNick() gives one form to what looks the same", pure, () => {
  assertEquals(parseNick("Jose\u0301"), "Jos\u00e9");
  assertEquals(parseNick("ａｎａ"), "ana");
  assertEquals(parseNick("ﬁn"), "fin");
});

Deno.test("isNick() accepts what parseNick() gives, and nothing else", pure, () => {
  for (const nick of ["ana", "José_2", "-x-", "李雷", "नेहा", "x".repeat(20)]) assert(isNick(nick), nick);
  const none = ["", " ana", "a b", "Jose\u0301", "ﬁn", "a\u200bb", "@ana", "x".repeat(21), "a\n"];
  for (const nick of none) assert(!isNick(nick), nick);
});

Deno.test("parseNick() refuses a nick of no character", pure, () => {
  assertNoNick("");
  assertNoNick(" \t ");
});

Deno.test("parseNick() allows 20 characters and no more, however many units they take", pure, () => {
  assertEquals(parseNick("x".repeat(20)), "x".repeat(20));
  assertNoNick("x".repeat(21));
  assertEquals(parseNick("𠮷".repeat(20)), "𠮷".repeat(20));
  assertNoNick("𠮷".repeat(21));
});

Deno.test("parseNick() counts the characters that it gives, not those that it was given", pure, () => {
  assertEquals(parseNick("e\u0301".repeat(20)), "é".repeat(20));
  assertNoNick("ﬁ".repeat(11));
});

Deno.test("parseNick() refuses what marks a line of the chat, and any other symbol", pure, () => {
  for (const symbol of [..."*!~+:[<@/#.,'\"💥½…"]) {
    assertNoNick(`${symbol}ana`);
    assertNoNick(`ana${symbol}`);
  }
});

Deno.test("parseNick() refuses a space inside, of any kind", pure, () => {
  for (const space of [" ", "\t", "\n", "\u00a0", "\u2003", "\u2028", "\u3000"]) assertNoNick(`a${space}b`);
});

Deno.test("parseNick() refuses what nobody can see", pure, () => {
  const unseen = {
    "soft hyphen": "\u00ad",
    "combining grapheme joiner": "\u034f",
    "Hangul filler": "\u3164",
    "zero width space": "\u200b",
    "zero width joiner": "\u200d",
    "right-to-left override": "\u202e",
    "variation selector": "\ufe0f",
    "byte order mark": "\ufeff",
    "tag": "\u{e0061}",
    "escape": "\u001b",
    "8-bit CSI": "\u009b",
    "lone surrogate": "\ud800",
  };
  for (const char of Object.values(unseen)) assertNoNick(`a${char}b`);
});

Deno.test("parseNick() refuses a mark that has no letter to stand on", pure, () => {
  assertNoNick("\u0301ana");
});

Deno.test("foldNick() takes upper and lower case for the same, in every script", pure, () => {
  for (const char of codePoints()) {
    const cased = [char.toUpperCase(), char.toLowerCase()];
    if (cased[0] === cased[1] || !/\p{L}/u.test(char) || char.normalize("NFKC") !== char) continue;
    for (const other of cased) assertEquals(foldNick(parseNick(`_${other}`)), foldNick(`_${char}`));
  }
});

Deno.test("foldNick() takes a capital sharp s for a small one and for two s", pure, () => {
  assertEquals(foldNick("STRAẞE"), foldNick("straße"));
  assertEquals(foldNick("STRAẞE"), foldNick("strasse"));
});

Deno.test("foldNick() tells different nicks apart", pure, () => {
  const nicks = ["ana", "anna", "añá", "ana_", "ana-", "ana1", "Ана"];
  assertEquals(new Set(nicks.map(foldNick)).size, nicks.length);
});

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

Deno.test("parseNick() refuses what mixes scripts, and says so", pure, () => {
  const error = assertThrows(() => parseNick("аna"), InputError); // the first letter is Cyrillic
  assertEquals(error.code, "nick-mixed");
  assertEquals(error.details, { nick: "аna" });
});

Deno.test("parseNick() takes four marks on a letter and no more", pure, () => {
  const four = "x\u0324\u0325\u032d\u0330";
  assertEquals(parseNick(four), four);
  assertNoNick(`${four}\u0331`);
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

Deno.test("No letter of a nick has five marks, the last one neither", pure, () => {
  assertNoNick("ax\u0324\u0325\u032d\u0330\u0331");
});

Deno.test("isNick() takes no nick with what nobody can see, and a screen shows none", pure, () => {
  for (const char of ["\u034f", "\u3164", "\u180b", "\ufe0f"]) {
    assert(!isNick(`a${char}b`), JSON.stringify(char));
    assertEquals(printableNick(`a${char}b`), "?");
  }
  for (const nick of ["", " ana", "* ana", "a:"]) assertEquals(printableNick(nick), "?");
  assertEquals(printableNick("José_2"), "José_2");
});

Deno.test("cut() leaves what is short enough, and ends with an ellipsis what is not", pure, () => {
  assertEquals(["💥💥", "💥💥💥", "💥💥💥💥"].map((text) => truncate(text, 3)), ["💥💥", "💥💥💥", "💥💥…"]);
});
