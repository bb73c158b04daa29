// Which scripts may stand in one word.

import { assert, assertEquals } from "@std/assert";
import { mixesScripts } from "../lib/scripts.ts";

const pure = { permissions: "none" } as const;

Deno.test("mixesScripts() finds nothing in a word of one script, whichever it is", pure, () => {
  const words = ["ana", "José", "Юля", "Ωmega".slice(1), "Ωμέγα", "李雷", "مريم", "नेहा", "ꦗꦮ", "ᏣᎳᎩ", "𐌲𐌿𐍄"];
  assertEquals(words.filter(mixesScripts), []);
});

Deno.test("mixesScripts() lets digits, `_`, `-` and marks stand with any script", pure, () => {
  assertEquals(
    ["ana_7", "Юля-2", "李1", "n\u0303", "я\u0301", "a\u0332", "я\u0332", "_", "7", ""].filter(mixesScripts),
    [],
  );
});

Deno.test("mixesScripts() knows which scripts are written together", pure, () => {
  assertEquals(["abc漢字かなカナ", "abc漢ㄅ", "abc漢한글"].filter(mixesScripts), []);
  assertEquals(["かなㄅ", "かな한"].filter((word) => !mixesScripts(word)), []);
});

Deno.test("mixesScripts() finds Latin with Cyrillic, Greek, Armenian, Cherokee or Gothic", pure, () => {
  for (const word of ["аna", "anα", "αна", "anա", "anᎪ", "an𐌰", "ana٣"]) assert(mixesScripts(word), word);
});
