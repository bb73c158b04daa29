// Corrections of mistyped words.

import { assertEquals } from "@std/assert";
import { suggest } from "../../lib/text/text.ts";

const pure = { permissions: "none" } as const;

Deno.test("suggest() finds a word of which a third was mistyped, in whatever case", pure, () => {
  const words = ["who", "help", "clear", "limpiar"];
  assertEquals(["wha", "HELP", "clera", "limpir"].map((typed) => suggest(typed, words)), [
    "who",
    "help",
    undefined, // two of five
    "limpiar",
  ]);
});

Deno.test("suggest() takes another word for another word", pure, () => {
  assertEquals(suggest("hold", ["help"]), undefined);
  assertEquals(suggest("h", ["help"]), undefined);
  assertEquals(suggest("help", []), undefined);
});
