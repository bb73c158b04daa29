// Which nicks can be taken for each other.

import { assert, assertEquals } from "@std/assert";
import { looksOf } from "../lib/lookalikes.ts";

const pure = { permissions: "none" } as const;

function lookAlike(one: string, other: string): boolean {
  const looks = looksOf(other);
  return [...looksOf(one)].some((look) => looks.has(look));
}

Deno.test("looksOf() gives a look in common to what a reader cannot tell apart", pure, () => {
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

Deno.test("looksOf() tells apart what differs to the eye", pure, () => {
  const pairs = [["Elia", "Ella"], ["ana", "anna"], ["jose", "josé"], ["ana1", "ana2"], ["Юля", "Оля"]];
  for (const [one, other] of pairs) assert(!lookAlike(one!, other!), `${one} ${other}`);
});

Deno.test("looksOf() gives two looks at most: as it stands, and in small letters", pure, () => {
  assertEquals(looksOf("ana").size, 1);
  assertEquals(looksOf("LUIS").size, 2);
});
