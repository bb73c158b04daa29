// What a nick may be. Invisible characters are written as escapes.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import {
  foldNick,
  hasMixedScripts,
  isNick,
  MAX_NICK_CHARS,
  parseNick,
  printableNick,
} from "../../lib/text/nick.ts";
import { codePoints } from "../testing/code_points.ts";

const pure = { permissions: "none" } as const;

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

Deno.test("hasMixedScripts() finds nothing in a word of one script, whichever it is", pure, () => {
  const words = ["ana", "José", "Юля", "Ωmega".slice(1), "Ωμέγα", "李雷", "مريم", "नेहा", "ꦗꦮ", "ᏣᎳᎩ", "𐌲𐌿𐍄"];
  assertEquals(words.filter(hasMixedScripts), []);
});

Deno.test("hasMixedScripts() lets digits, `_`, `-` and marks stand with any script", pure, () => {
  assertEquals(
    ["ana_7", "Юля-2", "李1", "n\u0303", "я\u0301", "a\u0332", "я\u0332", "_", "7", ""].filter(
      hasMixedScripts,
    ),
    [],
  );
});

Deno.test("hasMixedScripts() knows which scripts are written together", pure, () => {
  assertEquals(["abc漢字かなカナ", "abc漢ㄅ", "abc漢한글"].filter(hasMixedScripts), []);
  assertEquals(["かなㄅ", "かな한"].filter((word) => !hasMixedScripts(word)), []);
});

Deno.test("hasMixedScripts() finds Latin with Cyrillic, Greek, Armenian, Cherokee or Gothic", pure, () => {
  for (const word of ["аna", "anα", "αна", "anա", "anᎪ", "an𐌰", "ana٣"]) assert(hasMixedScripts(word), word);
});
