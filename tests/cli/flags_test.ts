// Flags from a table: what is read, what is refused, and the help.

import { assertEquals, assertThrows } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import {
  checkCombinations,
  COMMON_FLAGS,
  flagHelp,
  type FlagTable,
  parseCount,
  parseFlags,
} from "../../lib/cli/flags.ts";
import { type Language, translator } from "../../lib/i18n/translate.ts";

const pure = { permissions: "none" } as const;

const FLAGS = {
  port: { value: "N", help: "flag.client-port" },
  backup: { value: "HOST:N", isRepeatable: true, help: "flag.client-backup" },
  auto: { help: "flag.auto" },
  ...COMMON_FLAGS,
} as const satisfies FlagTable;

/** What was given, without what was not. */
function given(...args: string[]): Record<string, unknown> {
  const { port, backup, auto, lang, help, version } = parseFlags(args, FLAGS);
  const all = { port, backup, auto, lang, help, version };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value && String(value) !== ""));
}

/** The code of what goes wrong, and its details. */
function refusal(act: () => unknown): unknown[] {
  const { code, details } = assertThrows(act, InputError);
  return [code, details];
}

Deno.test(
  "parseFlags() gives each flag of the table what it was given, and a default of nothing",
  pure,
  () => {
    const { port, backup, auto, lang, help, version } = parseFlags([], FLAGS);
    assertEquals({ port, backup, auto, lang, help, version }, {
      port: undefined,
      backup: [],
      auto: false,
      lang: undefined,
      help: false,
      version: false,
    });
  },
);

Deno.test("parseFlags() reads values that follow or are joined", pure, () => {
  assertEquals(given("--port", "5001", "--auto"), { port: "5001", auto: true });
  assertEquals(given("--auto", "--port=5001"), { port: "5001", auto: true });
  assertEquals(given("--port=a=b"), { port: "a=b" });
});

Deno.test("parseFlags() leaves values the text that they are", pure, () => {
  assertEquals(given("--port", "007"), { port: "007" });
  assertEquals(given("--port=-1"), { port: "-1" });
  assertEquals(given("--port", "1", "--port", "2"), { port: "2" });
});

Deno.test("parseFlags() collects what may be repeated, in order", pure, () => {
  assertEquals(given("--backup", "a:1", "--backup=b:2"), { backup: ["a:1", "b:2"] });
  assertEquals(given("--backup", "a:1"), { backup: ["a:1"] });
});

Deno.test("parseFlags() knows short names", pure, () => {
  assertEquals(given("-h"), { help: true });
});

Deno.test("parseFlags() does not take the next argument for the value of a flag that has none", pure, () => {
  assertEquals(refusal(() => given("--auto", "yes")), ["argument-unexpected", { argument: "yes" }]);
});

Deno.test("parseFlags() refuses what the table does not have", pure, () => {
  assertEquals(refusal(() => given("--prot", "1")), ["flag-unknown", { flag: "--prot" }]);
  assertEquals(refusal(() => given("--prot=1")), ["flag-unknown", { flag: "--prot=1" }]);
  assertEquals(refusal(() => given("-x")), ["flag-unknown", { flag: "-x" }]);
  assertEquals(refusal(() => given("5000")), ["argument-unexpected", { argument: "5000" }]);
  assertEquals(refusal(() => given("--", "5000")), ["argument-unexpected", { argument: "5000" }]);
});

Deno.test("parseFlags() refuses a flag without its value", pure, () => {
  assertEquals(refusal(() => given("--port")), ["flag-value-missing", { flag: "--port" }]);
  assertEquals(refusal(() => given("--port=")), ["flag-value-missing", { flag: "--port" }]);
  assertEquals(refusal(() => given("--port", "")), ["flag-value-missing", { flag: "--port" }]);
  assertEquals(refusal(() => given("--port", "--auto")), ["flag-value-missing", { flag: "--port" }]);
  assertEquals(refusal(() => given("--backup")), ["flag-value-missing", { flag: "--backup" }]);
  assertEquals(refusal(() => given("--backup", "a", "--backup")), ["flag-value-missing", {
    flag: "--backup",
  }]);
});

Deno.test("parseFlags() refuses a value for a flag that has none", pure, () => {
  assertEquals(refusal(() => given("--auto=yes")), ["flag-value-invalid", { flag: "--auto", value: "yes" }]);
});

Deno.test("parseFlags() refuses a value that is no choice", pure, () => {
  assertEquals(given("--lang", "en"), { lang: "en" });
  assertEquals(refusal(() => given("--lang", "fr")), ["flag-value-invalid", { flag: "--lang", value: "fr" }]);
});

Deno.test("parseFlags() has no flags but those of the table", pure, () => {
  for (const flag of ["--no-auto", "--__proto__=x", "--constructor", "--toString"]) {
    assertEquals(refusal(() => given(flag)), ["flag-unknown", { flag }]);
  }
});

Deno.test("parseCount() reads whole numbers up to the limit", pure, () => {
  assertEquals(parseCount("--n", "0", 10), 0);
  assertEquals(parseCount("--n", "10", 10), 10);
  for (const value of ["11", "-1", "1.5", "1e1", "", " 1", "0x1", "9".repeat(30)]) {
    assertEquals(refusal(() => parseCount("--n", value, 10)), ["flag-value-invalid", { flag: "--n", value }]);
  }
});

Deno.test("flagHelp() calls values in the reader's language", pure, () => {
  const table = {
    backup: { value: "HOST:N", help: "flag.client-backup" },
    "tls-dir": { value: "DIR", help: "flag.tls-dir" },
    sync: { choices: ["full", "normal"], help: "flag.auto" },
  } as const satisfies FlagTable;
  const words = (language: Language) =>
    flagHelp(table, translator(language), 200).map((line) => line.trim().split(/\s+/)[1]);
  assertEquals(words("es"), ["SERVIDOR:N", "CARPETA", "full|normal"]);
  assertEquals(words("en"), ["HOST:N", "DIR", "full|normal"]);
});

Deno.test("flagHelp() shows every flag, aligned", pure, () => {
  assertEquals(flagHelp(FLAGS, translator("en")), [
    "  --port N                port of the server",
    "  --backup HOST:N         server to go to when the first falls; may be repeated",
    "  --auto                  when the server falls, try the known ones in turn",
    "                          without asking",
    "  --lang es|en            language: es or en",
    "  --plain                 nothing but lines, amid what you type as well: for",
    "                          screen readers and slow links",
    "  -h, --help              show this help",
    "  --version               show the version",
    "  --completions bash|zsh  show the script by which bash or zsh completes these",
    "                          options",
  ]);
});

Deno.test(
  "checkCombinations() refuses a flag without the one that it needs, and two that are contrary",
  pure,
  () => {
    const pairs = { requires: [["keep", "data"]], conflicts: [["ca", "trust"]] } as const;
    const details = (flag: string, other: string) => ({ flag: `--${flag}`, other: `--${other}` });
    assertEquals(refusal(() => checkCombinations({ keep: "9" }, pairs)), [
      "flag-alone",
      details("keep", "data"),
    ]);
    assertEquals(refusal(() => checkCombinations({ ca: "f", trust: ["a"] }, pairs)), [
      "flags-contrary",
      details("ca", "trust"),
    ]);
    const allowed = [{}, { data: "f" }, { keep: "9", data: "f" }, { ca: "f", trust: [] }, { trust: ["a"] }];
    for (const values of allowed) checkCombinations(values, pairs);
  },
);

Deno.test("parseCount() reads no number that is longer than any limit", pure, () => {
  assertEquals(parseCount("--n", "999999999", Infinity), 999_999_999);
  assertEquals(refusal(() => parseCount("--n", "1000000000", 2e9))[0], "flag-value-invalid");
});
