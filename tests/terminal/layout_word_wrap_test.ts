// Lines that are longer than the screen is wide.

import { assertEquals } from "@std/assert";
import { wrapWords } from "../../lib/terminal/layout.ts";

const pure = { permissions: "none" } as const;

function rows(line: string, columns = 20): string[] {
  return wrapWords(line, columns).split("\n");
}

Deno.test("wrapWords() leaves a line alone that fits", pure, () => {
  assertEquals(rows("tres tristes tigres."), ["tres tristes tigres."]);
  assertEquals(rows("  漢字漢字漢字漢字漢"), ["  漢字漢字漢字漢字漢"]);
  assertEquals(rows("\x1b[1mtres\x1b[22m tristes tigres."), ["\x1b[1mtres\x1b[22m tristes tigres."]);
});

Deno.test("wrapWords() breaks between words, and indents what goes on", pure, () => {
  assertEquals(rows("tres tristes tigres comían trigo en un trigal"), [
    "tres tristes tigres",
    "  comían trigo en un",
    "  trigal",
  ]);
  assertEquals(rows("tres tristes tigres, comían"), ["tres tristes tigres,", "  comían"]);
  assertEquals(rows("漢字漢字 漢字漢字 漢字漢字"), ["漢字漢字 漢字漢字", "  漢字漢字"]);
  assertEquals(rows("\x1b[1mtres tristes\x1b[22m tigres comían"), [
    "\x1b[1mtres tristes\x1b[22m tigres",
    "  comían",
  ]);
});

Deno.test("wrapWords() takes blanks away only where it breaks", pure, () => {
  assertEquals(rows("  a  b             c    d"), ["  a  b             c", "  d"]);
  assertEquals(rows("tres tristes tigres     comían"), ["tres tristes tigres", "  comían"]);
});

Deno.test("wrapWords() leaves a word to the terminal that no row can hold", pure, () => {
  const word = "x".repeat(45);
  assertEquals(rows(`ana: ${word} uno dos tres cuatro`), [
    "ana:",
    `  ${word} uno dos tres`,
    "  cuatro",
  ]);
  assertEquals(rows(word), [word]);
});

Deno.test("wrapWords() leaves a screen alone that is too narrow for words", pure, () => {
  assertEquals(rows("tres tristes tigres comían", 19), ["tres tristes tigres comían"]);
});

Deno.test("wrapWords() makes no row of the blanks that a line begins with", pure, () => {
  const word = "x".repeat(45);
  assertEquals(rows(`  ${word}`), [`  ${word}`]);
});
