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
import { pure } from "../testing/test_options.ts";

const FOUR_MARKS = "x\u0324\u0325\u032d\u0330";

const ACCEPTED: Record<string, Record<string, string>> = {
  "letters and digits of any script, `_` and `-`": Object.fromEntries(
    ["ana", "José_2", "-x-", "_", "7", "Ωμέγα", "Юля", "李雷", "مريم", "नेहा"].map((nick) => [nick, nick]),
  ),
  "a nick with spaces around it, and trims them": { " \tana\r\n": "ana" },
  "what NFKC makes a nick": { "Jose\u0301": "Jos\u00e9", "ａｎａ": "ana", "ﬁn": "fin" },
  "20 code points after NFKC": {
    ["x".repeat(20)]: "x".repeat(20),
    ["𠮷".repeat(20)]: "𠮷".repeat(20),
    ["e\u0301".repeat(20)]: "é".repeat(20),
  },
  "four marks on a letter": { [FOUR_MARKS]: FOUR_MARKS },
};
for (const [what, cases] of Object.entries(ACCEPTED)) {
  Deno.test(`parseNick() accepts ${what}`, pure, () => {
    for (const [raw, nick] of Object.entries(cases)) assertEquals(parseNick(raw), nick);
  });
}

const INVISIBLE = {
  "soft hyphen": "\u00ad",
  "combining grapheme joiner": "\u034f",
  "Hangul filler": "\u3164",
  "Mongolian variation selector": "\u180b",
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
const REFUSED: Record<string, readonly string[]> = {
  "an empty nick": ["", " \t "],
  "21 code points": ["x".repeat(21), "𠮷".repeat(21), "ﬁ".repeat(11)],
  "marks of chat lines, and other symbols": [..."*!~+:[<@/#.,'\"💥½…"].flatMap((
    symbol,
  ) => [`${symbol}ana`, `ana${symbol}`]),
  "a space inside": [" ", "\t", "\n", "\u00a0", "\u2003", "\u2028", "\u3000"].map((space) => `a${space}b`),
  "invisible characters": Object.values(INVISIBLE).map((char) => `a${char}b`),
  "a mark without a letter": ["\u0301ana"],
  "five marks on a letter": [`${FOUR_MARKS}\u0331`, `a${FOUR_MARKS}\u0331`],
};
for (const [what, nicks] of Object.entries(REFUSED)) {
  Deno.test(`parseNick() refuses ${what}`, pure, () => {
    for (const nick of nicks) {
      const { code, details } = assertThrows(() => parseNick(nick), InputError);
      assertEquals<unknown>([code, details], ["nick-invalid", { nick, max: MAX_NICK_CHARS }]);
    }
  });
}

Deno.test("parseNick() quotes 40 code points of a long text", pure, () => {
  const { details } = assertThrows(() => parseNick("\ufdfa".repeat(81)), InputError);
  assertEquals(details.nick, `${"\ufdfa".repeat(39)}…`);
});

Deno.test("parseNick() refuses mixed scripts with a code of its own", pure, () => {
  const { code, details } = assertThrows(() => parseNick("аna"), InputError); // the first letter is Cyrillic
  assertEquals<unknown>([code, details], ["nick-mixed", { nick: "аna" }]);
});

Deno.test("isNick() accepts what parseNick() returns, and nothing else", pure, () => {
  for (const nick of ["ana", "José_2", "-x-", "李雷", "नेहा", "x".repeat(20)]) assert(isNick(nick), nick);
  const none = ["", " ana", "a b", "Jose\u0301", "ﬁn", "@ana", "x".repeat(21), "a\n"];
  for (const nick of [...none, ...REFUSED["invisible characters"]!]) {
    assert(!isNick(nick), JSON.stringify(nick));
  }
});

Deno.test("printableNick() replaces an impossible nick", pure, () => {
  for (const nick of ["", " ana", "* ana", "a:", ...REFUSED["invisible characters"]!]) {
    assertEquals(printableNick(nick), "?", JSON.stringify(nick));
  }
  assertEquals(printableNick("José_2"), "José_2");
});

Deno.test("foldNick() gives upper and lower case one form, in every script", pure, () => {
  for (const char of codePoints()) {
    const cased = [char.toUpperCase(), char.toLowerCase()];
    if (cased[0] === cased[1] || !/\p{L}/u.test(char) || char.normalize("NFKC") !== char) continue;
    for (const other of cased) assertEquals(foldNick(parseNick(`_${other}`)), foldNick(`_${char}`));
  }
  assertEquals(new Set(["STRAẞE", "straße", "strasse"].map(foldNick)).size, 1);
});

Deno.test("foldNick() tells different nicks apart", pure, () => {
  const nicks = ["ana", "anna", "añá", "ana_", "ana-", "ana1", "Ана"];
  assertEquals(new Set(nicks.map(foldNick)).size, nicks.length);
});

const SCRIPTS: Record<string, { words: readonly string[]; isMixed: boolean }> = {
  "one script": {
    words: ["ana", "José", "Юля", "Ωmega".slice(1), "Ωμέγα", "李雷", "مريم", "नेहा", "ꦗꦮ", "ᏣᎳᎩ", "𐌲𐌿𐍄"],
    isMixed: false,
  },
  "a script with digits, `_`, `-` and marks": {
    words: ["ana_7", "Юля-2", "李1", "n\u0303", "я\u0301", "a\u0332", "я\u0332", "_", "7", ""],
    isMixed: false,
  },
  "Latin with scripts of East Asia": { words: ["abc漢字かなカナ", "abc漢ㄅ", "abc漢한글"], isMixed: false },
  "scripts of East Asia that are not written together": { words: ["かなㄅ", "かな한"], isMixed: true },
  "Latin with Cyrillic, Greek, Armenian, Cherokee, Gothic or Arabic digits": {
    words: ["аna", "anα", "αна", "anա", "anᎪ", "an𐌰", "ana٣"],
    isMixed: true,
  },
};
for (const [what, { words, isMixed }] of Object.entries(SCRIPTS)) {
  Deno.test(`hasMixedScripts() is ${isMixed} for ${what}`, pure, () => {
    for (const word of words) assertEquals(hasMixedScripts(word), isMixed, word);
  });
}
