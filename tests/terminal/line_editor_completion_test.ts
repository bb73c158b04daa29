// What Tab makes of words.

import { assertEquals } from "@std/assert";
import { completeWord } from "../../lib/terminal/line_editor.ts";

const pure = { permissions: "none" } as const;
const nicks = ["Óscar", "ana", "Andrés", "beto", "日本"];
const commands = ["/help", "/quit", "/quien"];

function complete(before: string) {
  return completeWord(before, { nicks, commands });
}

Deno.test("A nick at the beginning of a line is spoken to, elsewhere it is named", pure, () => {
  assertEquals(complete("be"), { from: 0, choices: ["beto: "] });
  assertEquals(complete("hola be"), { from: 5, choices: ["beto "] });
  assertEquals(complete("/msg be"), { from: 5, choices: ["beto "] });
});

Deno.test("Nicks are found without regard to capitals and accents, in their order", pure, () => {
  assertEquals(complete("AN"), { from: 0, choices: ["ana: ", "Andrés: "] });
  assertEquals(complete("osc"), { from: 0, choices: ["Óscar: "] });
  assertEquals(complete("and\u0301"), { from: 0, choices: ["Andrés: "] });
  assertEquals(complete("日"), { from: 0, choices: ["日本: "] });
  assertEquals(complete("x"), { from: 0, choices: [] });
});

Deno.test("Commands are completed where they are commands", pure, () => {
  assertEquals(complete("/qui"), { from: 0, choices: ["/quien ", "/quit "] });
  assertEquals(complete("/"), { from: 0, choices: ["/help ", "/quien ", "/quit "] });
  assertEquals(complete("ve a /qui"), { from: 5, choices: [] });
});

Deno.test("Nothing becomes nothing", pure, () => {
  assertEquals(complete(""), undefined);
  assertEquals(complete("hola "), undefined);
});
