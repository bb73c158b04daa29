// What a text and a password may be, and corrections of mistyped words. Invisible characters are written as escapes.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import {
  countChars,
  isText,
  MAX_PASSWORD_BYTES,
  MAX_TEXT_CHARS,
  parsePassword,
  parseRoomName,
  parseText,
  PasswordVerifier,
  printable,
  printableRoomName,
  suggest,
  truncate,
} from "../../lib/text/text.ts";
import { codePoints } from "../testing/code_points.ts";

function test(name: string, body: () => void): void {
  Deno.test(name, { permissions: "none" }, body);
}

const PARSED: Record<string, Record<string, string>> = {
  "trims the end and leaves the rest": {
    "  hola,  ¿qué tal? 👩\u200d👧  ": "  hola,  ¿qué tal? 👩\u200d👧",
    "\u3000hola\u00a0": "\u3000hola",
  },
  "makes controls visible": { "\u001b[Aa\nb\u0007": "␛[Aa␊b␇" },
  "expands tabs to every fourth column in the indentation, and to one space elsewhere": Object.fromEntries(
    Object.entries({ "\t": 4, " \t": 4, "   \t": 4, "    \t": 8, "     \t": 8, "\t  \t ": 9, "\t\t  ": 10 })
      .map(([indent, columns]) => [`${indent}a\tb\t\tc\t`, `${" ".repeat(columns)}a b  c`]),
  ),
  "leaves nothing of spaces": { "": "", " ": "", "\t \u3000": "" },
};
for (const [what, cases] of Object.entries(PARSED)) {
  test(`parseText() ${what}`, () => {
    for (const [raw, text] of Object.entries(cases)) assertEquals(parseText(raw), text);
  });
}

test("parseText() allows 2,000 code points, indentation included", () => {
  const longest = `\t${"💥".repeat(MAX_TEXT_CHARS - 4)}`;
  assertEquals(countChars(parseText(`${longest} `)), MAX_TEXT_CHARS);
  const { code, details } = assertThrows(() => parseText(longest + "x"), InputError);
  assertEquals<unknown>([code, details], ["text-too-long", { length: 2_001, max: 2_000 }]);
});

/** What old clients send, and new ones do not. */
const TOLERATED = /[\u061c\u200e\u200f\u{e0000}-\u{e007f}]/u;

test("isText() accepts what parseText() returns, and what it returned in older versions", () => {
  for (const char of codePoints()) {
    assert(isText(parseText(`a${char}`)), JSON.stringify(char));
    const isTolerated = TOLERATED.test(char);
    for (const text of [`${char}a`, `a${char}b`]) {
      assertEquals([isText(text), parseText(text) === text], [
        isTolerated || parseText(text) === text,
        !isTolerated && isText(text),
      ], JSON.stringify(char));
    }
  }
});

test("isText() refuses an empty text and spaces at the end", () => {
  for (const text of ["", " ", "\u3000", "a ", "a\u00a0"]) assert(!isText(text), JSON.stringify(text));
  for (const text of [" a", "    a", "\u3000a"]) assert(isText(text), JSON.stringify(text));
});

test("isText() allows 2,000 code points, however many units they take", () => {
  for (const char of ["x", "💥"]) {
    assert(isText(char.repeat(MAX_TEXT_CHARS)));
    assert(!isText(char.repeat(MAX_TEXT_CHARS + 1)));
  }
});

test("isText() and parseText() refuse a text of invisible characters alone", () => {
  const invisible = [
    "\u200b",
    "\u2060\u200d",
    "\u3164",
    "\u2800",
    "\u0301",
    "\u{e0041}",
    "\u034f\ufe0f",
    "\u00ad",
    "\u200e\u200f\u061c",
    "\u202e",
  ];
  for (const text of invisible) assertEquals([isText(text), parseText(` ${text} `)], [false, ""]);
  for (const text of ["a\u200b", "\u{1f468}\u200d\u{1f469}", "."]) assert(isText(text), JSON.stringify(text));
});

test("printable() shows C0 controls and DEL as their symbols", () => {
  assertEquals(printable("\u0000\u0007\b\t\n\r\u001b[31m\u001f\u007f"), "␀␇␈␉␊␍␛[31m␟␡");
});

test("printable() replaces C1, line separators, bidi controls and lone surrogates", () => {
  const unsafe = ["\u0080", "\u0085", "\u009b", "\u009d", "\u009f", "\u2028", "\u2029"]
    .concat(["\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069"])
    .concat(["\ud800", "\udbff", "\udc00", "\udfff"]);
  for (const char of unsafe) assertEquals(printable(`a${char}b${char}`), "a\ufffdb\ufffd");
});

test("printable() and parseText() make directional marks and stray tags visible", () => {
  const tags = (text: string) =>
    text.replace(/./g, (char) => String.fromCodePoint(0xe0000 + char.charCodeAt(0)));
  const flag = (code: string) => `\u{1f3f4}${tags(code)}\u{e007f}`;
  const flags = ["gbeng", "gbsct", "gbwls", "usca"].map(flag).join("");
  const cases = {
    [flags]: flags,
    "a\u200eb\u200fc\u061c": "a\ufffdb\ufffdc\ufffd",
    [`a${tags("hi")}\u{e0001}`]: "a\ufffd\ufffd\ufffd",
    [`${flag("gbeng")}${tags("x")}\u{e007f}`]: `${flag("gbeng")}\ufffd\ufffd`,
    [`\u{1f3f4}${tags("gbeng")}a`]: "\u{1f3f4}\ufffd\ufffd\ufffd\ufffd\ufffda", // without an end
    [flag("attack at dawn")]: `\u{1f3f4}${"\ufffd".repeat(15)}`,
    [flag("GBENG")]: `\u{1f3f4}${"\ufffd".repeat(6)}`,
  };
  for (const [text, shown] of Object.entries(cases)) {
    assertEquals([printable(text), parseText(text), isText(text)], [shown, shown, true]);
  }
});

test("printable() leaves everything else", () => {
  const text = " ~\u00a0\u00ad¡ñ\u200d\u2027\u202f\u2065\u206a 李 💥 \ue000\u{10ffff}";
  assertEquals(printable(text), text);
});

test("printable() leaves no control by Unicode's own properties", () => {
  const shown = printable([...codePoints()].join(" "));
  assertEquals(shown.match(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu), null);
});

test("printable() replaces the ninth combining mark on a character and those after it", () => {
  const eight = `z${"\u0335".repeat(8)}`;
  assertEquals([isText(eight), printable(eight)], [true, eight]);
  assert(!isText(`${eight}\u0301`));
  assertEquals(printable(`${eight}\u0301\u0301z`), `${eight}\ufffd\ufffdz`);
  assert(isText(parseText(`z${"\u0301".repeat(500)}`)));
});

test("countChars() counts code points, lone surrogates included", () => {
  const texts = [
    "",
    "añ",
    "a💥b",
    "💥💥",
    "e\u0301",
    "\ud83d",
    "\udca5",
    "\udca5\ud83d",
    "\ud83d\ud83d\udca5",
  ]
    .concat(["\ud83d\udca5\udca5", "a\udca5", "\ud800\ue000", "\u{10000}\u{10ffff}"]);
  assertEquals(texts.map(countChars), texts.map((text) => [...text].length));
});

test("truncate() ends a text that is too long with an ellipsis", () => {
  assertEquals(["💥💥", "💥💥💥", "💥💥💥💥"].map((text) => truncate(text, 3)), ["💥💥", "💥💥💥", "💥💥…"]);
});

test("suggest() finds a word of which at most a third was mistyped, in any case", () => {
  const words = ["who", "help", "clear", "limpiar"];
  const typed = ["wha", "HELP", "cleaning", "limpi", "hold", "h", "x".repeat(100_000)];
  assertEquals(typed.map((word) => suggest(word, words)), [
    "who",
    "help",
    undefined,
    "limpiar",
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(suggest("help", []), undefined);
});

test("suggest() counts two letters that changed places as one mistake", () => {
  const words = ["who", "help", "clear", "quit"];
  assertEquals(["hwo", "hlep", "HEPL", "claer", "quti", "leph"].map((word) => suggest(word, words)), [
    ...["who", "help", "help", "clear", "quit", undefined],
  ]);
});

test("parsePassword() takes the first line, with its spaces", () => {
  for (
    const text of [
      " dos palabras ",
      " dos palabras \n",
      " dos palabras \r\nadiós\r\n",
      " dos palabras \radiós",
    ]
  ) {
    assertEquals(parsePassword(text), " dos palabras ");
  }
});

test("parsePassword() composes accents, and PasswordVerifier.matches() both forms", () => {
  assertEquals(parsePassword("contrasen\u0303a"), "contrase\u00f1a");
  const verifier = new PasswordVerifier(parsePassword("contrasen\u0303a"));
  assertEquals(["contrasen\u0303a", "contrase\u00f1a", "contrasena"].map((it) => verifier.matches(it)), [
    true,
    true,
    false,
  ]);
});

test("parsePassword() refuses an empty line", () => {
  for (const text of ["", "\n", "\r\nhola"]) {
    assertEquals(assertThrows(() => parsePassword(text), InputError).code, "password-empty");
    assertEquals(assertThrows(() => parsePassword(text, "p"), InputError).code, "password-file-empty");
  }
});

test("parsePassword() allows 256 bytes of UTF-8, and quotes none of a longer one", () => {
  assertEquals(parsePassword("x".repeat(MAX_PASSWORD_BYTES)).length, MAX_PASSWORD_BYTES);
  const error = assertThrows(() => parsePassword(`secreto${"ñ".repeat(MAX_PASSWORD_BYTES / 2)}`), InputError);
  assertEquals(error.code, "password-too-long");
  assert(!Deno.inspect(error).includes("secreto"));
});

test("PasswordVerifier.matches() only its password, which is not kept", () => {
  const verifier = new PasswordVerifier("contraseña");
  assert(verifier.matches("contraseña"));
  for (const other of ["", "contraseñ", "contraseñaa", "Contraseña", "contrasena"]) {
    assert(!verifier.matches(other), other);
  }
  assert(!Deno.inspect(verifier, { showHidden: true }).includes("contraseña"));
});

test("parseRoomName() takes in NFC what a screen shows as it is, up to 40 characters", () => {
  assertEquals(parseRoomName(" nin\u0303os 🎓 "), "ni\u00f1os 🎓");
  assertEquals(parseRoomName("x".repeat(40)), "x".repeat(40));
  for (const name of ["", " ", "\u200b", "x".repeat(41), "a\u0007", "a\u202eb", "a · b"]) {
    assertEquals(parseRoomName(name), undefined, JSON.stringify(name));
  }
});

test("printableRoomName() shortens, and shows what could pass for something else", () => {
  assertEquals(printableRoomName(" a\u001b\u200f · b "), "a␛\ufffd - b");
  assertEquals(printableRoomName("x".repeat(41)), `${"x".repeat(39)}…`);
  assertEquals(printableRoomName("\u200b"), "?");
});
