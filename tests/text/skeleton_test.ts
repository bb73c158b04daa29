// Confusable nicks.

import { assert, assertEquals } from "@std/assert";
import { skeletonsOf } from "../../lib/text/skeleton.ts";

const pure = { permissions: "none" } as const;

function areConfusable(one: string, other: string): boolean {
  const skeletons = skeletonsOf(other);
  return [...skeletonsOf(one)].some((skeleton) => skeletons.has(skeleton));
}

Deno.test("skeletonsOf() gives confusable nicks a skeleton in common", pure, () => {
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
  for (const [one, other] of pairs) assert(areConfusable(one!, other!), `${one} ${other}`);
});

Deno.test("skeletonsOf() tells apart nicks that look different", pure, () => {
  const pairs = [["Elia", "Ella"], ["ana", "anna"], ["jose", "josé"], ["ana1", "ana2"], ["Юля", "Оля"]];
  for (const [one, other] of pairs) assert(!areConfusable(one!, other!), `${one} ${other}`);
});

Deno.test("skeletonsOf() gives at most two, as it stands and in lower case", pure, () => {
  assertEquals(skeletonsOf("ana").size, 1);
  assertEquals(skeletonsOf("LUIS").size, 2);
});
