// What somebody may have meant who mistyped a word.

import { assertEquals } from "@std/assert";
import { nearestWord } from "../lib/nearest.ts";

const pure = { permissions: "none" } as const;

Deno.test("nearestWord() finds a word of which a third was mistyped, in whatever case", pure, () => {
  const words = ["who", "help", "clear", "limpiar"];
  assertEquals(["wha", "HELP", "clera", "limpir"].map((typed) => nearestWord(typed, words)), [
    "who",
    "help",
    undefined, // two of five
    "limpiar",
  ]);
});

Deno.test("nearestWord() takes another word for another word", pure, () => {
  assertEquals(nearestWord("hold", ["help"]), undefined);
  assertEquals(nearestWord("h", ["help"]), undefined);
  assertEquals(nearestWord("help", []), undefined);
});
