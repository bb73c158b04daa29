// Which nicks can be taken for each other.

import { assert, assertEquals } from "@std/assert";
import { skeletonsOf } from "../../lib/text/skeleton.ts";

const pure = { permissions: "none" } as const;

function lookAlike(one: string, other: string): boolean {
  const looks = skeletonsOf(other);
  return [...skeletonsOf(one)].some((look) => looks.has(look));
}

Deno.test("skeletonsOf() gives a look in common to what a reader cannot tell apart", pure, () => {
  const pairs = [
    ["luis", "Iuis"],
    ["luis", "1uis"],
    ["LUIS", "Iuis"],
    ["PaYpaI", "paypal"],
    ["bob", "b0b"],
    ["BOB", "b0b"],
    ["carmen", "carrnen"],
    ["ара", "apa"],
    ["АНА", "aha"],
    ["ΑΝΑ", "ana"],
    ["ᎪᎠᎪ", "ADA"],
    ["ana", "ANA"],
    ["Ịa", "ḷa"],
    ["ñu", "n\u0303u"],
    ["\u048aан", "\u040d\u0326ан"], // whose marks come in another order
  ];
  for (const [one, other] of pairs) assert(lookAlike(one!, other!), `${one} ${other}`);
});

Deno.test("skeletonsOf() tells apart what differs to the eye", pure, () => {
  const pairs = [["Elia", "Ella"], ["ana", "anna"], ["jose", "josé"], ["ana1", "ana2"], ["Юля", "Оля"]];
  for (const [one, other] of pairs) assert(!lookAlike(one!, other!), `${one} ${other}`);
});

Deno.test("skeletonsOf() gives two looks at most: as it stands, and in small letters", pure, () => {
  assertEquals(skeletonsOf("ana").size, 1);
  assertEquals(skeletonsOf("LUIS").size, 2);
});
