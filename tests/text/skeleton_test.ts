// Confusable nicks.

import { assertEquals } from "@std/assert";
import { skeletonsOf } from "../../lib/text/skeleton.ts";
import { pure } from "../testing/test_options.ts";

function areConfusable(one: string, other: string): boolean {
  return !skeletonsOf(one).isDisjointFrom(skeletonsOf(other));
}

Deno.test("skeletonsOf() gives confusable nicks a skeleton in common", pure, () => {
  const pairs = [
    "luis Iuis",
    "luis 1uis",
    "LUIS Iuis",
    "PaYpaI paypal",
    "bob b0b",
    "BOB b0b",
    "carmen carrnen",
  ]
    .concat(["ара apa", "АНА aha", "ΑΝΑ ana", "ᎪᎠᎪ ADA", "ana ANA", "Ịa ḷa", "ñu n\u0303u"])
    .concat(["\u048aан \u040d\u0326ан"]); // marks in another order
  for (const pair of pairs) assertEquals(areConfusable(...pair.split(" ") as [string, string]), true, pair);
});

Deno.test("skeletonsOf() tells apart nicks that look different", pure, () => {
  for (const pair of ["Elia Ella", "ana anna", "jose josé", "ana1 ana2", "Юля Оля"]) {
    assertEquals(areConfusable(...pair.split(" ") as [string, string]), false, pair);
  }
});

Deno.test("skeletonsOf() gives one skeleton, or two if lower case looks different", pure, () => {
  assertEquals([skeletonsOf("ana").size, skeletonsOf("LUIS").size], [1, 2]);
});
