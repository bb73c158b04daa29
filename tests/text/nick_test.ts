// Which scripts may stand in one word.

import { assert, assertEquals } from "@std/assert";
import { hasMixedScripts } from "../../lib/text/nick.ts";

const pure = { permissions: "none" } as const;

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
