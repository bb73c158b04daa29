// Help in two columns, on a screen that is not wide.

import { assertEquals } from "@std/assert";
import { inColumns } from "../lib/columns.ts";

const pure = { permissions: "none" } as const;

Deno.test("inColumns() puts what belongs together side by side", pure, () => {
  assertEquals(inColumns([["a", "uno"], ["bcd", "dos tres"]]), ["  a    uno", "  bcd  dos tres"]);
});

Deno.test("inColumns() folds what is too long between words, at 80 columns", pure, () => {
  const left = "x".repeat(70);
  assertEquals(inColumns([[left, "123 56"], ["y", "123 567 9 demasiado"]]), [
    `  ${left}  123 56`,
    `  ${"y".padEnd(70)}  123`,
    `  ${" ".repeat(70)}  567 9`,
    `  ${" ".repeat(70)}  demasiado`,
  ]);
});
