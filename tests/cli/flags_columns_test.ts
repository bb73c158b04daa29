// Help in two columns, on a screen that is not wide.

import { assertEquals } from "@std/assert";
import { formatColumns } from "../../lib/cli/flags.ts";

const pure = { permissions: "none" } as const;

Deno.test("formatColumns() puts what belongs together side by side", pure, () => {
  assertEquals(formatColumns([["a", "uno"], ["bcd", "dos tres"]]), ["  a    uno", "  bcd  dos tres"]);
});

Deno.test(
  "formatColumns() keeps to a narrower screen, and puts one below the other where it must",
  pure,
  () => {
    const rows = [["/x NICK", "uno dos tres cuatro cinco"]] as const;
    assertEquals(formatColumns(rows, 35), ["  /x NICK  uno dos tres cuatro", "           cinco"]);
    assertEquals(formatColumns(rows, 25), ["  /x NICK", "    uno dos tres cuatro", "    cinco"]);
  },
);

Deno.test("formatColumns() wraps what is too long between words, at 80 columns", pure, () => {
  const left = "x".repeat(70);
  assertEquals(formatColumns([[left, "123 56"], ["y", "123 567 9 demasiado"]]), [
    `  ${left}  123 56`,
    `  ${"y".padEnd(70)}  123`,
    `  ${" ".repeat(70)}  567 9`,
    `  ${" ".repeat(70)}  demasiado`,
  ]);
});

Deno.test("formatColumns() takes the width of a wider screen, up to 80 columns on the right", pure, () => {
  const rows = [["a", "uno ".repeat(40).trim()]] as const;
  const widths = (columns?: number) => formatColumns(rows, columns).map((line) => line.length);
  assertEquals(widths(), [80, 80, 12]);
  assertEquals(widths(84), [84, 84]);
  for (const columns of [85, 200]) assertEquals(widths(columns), [84, 84]);
});
