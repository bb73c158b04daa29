// tools/options.ts: the options of tools and benchmarks.

import { assertEquals, assertThrows } from "@std/assert";
import { numberOf, readOptions } from "../../tools/options.ts";
import { pure } from "../testing/test_options.ts";

const DEFAULTS = { runs: 10, round: 0, data: false, weaken: "", load: ["1,2,3"] } as const;

Deno.test("readOptions() gives defaults, and what the arguments say instead", pure, () => {
  assertEquals(readOptions(DEFAULTS, []), { ...DEFAULTS });
  const args = [
    "--runs",
    "0.5",
    "--data",
    "--weaken=only unacked",
    "--load",
    "4",
    "--load",
    "5",
    "--round",
    "0",
  ];
  assertEquals(readOptions(DEFAULTS, args), {
    runs: 0.5,
    round: 0,
    data: true,
    weaken: "only unacked",
    load: ["4", "5"],
  });
});

for (
  const args of [
    ["--rnus", "5"],
    ["--no-data"],
    ["5"],
    ["-r"],
    ["--runs"],
    ["--runs", "0"],
    ["--runs=-1"],
    ["--runs", "many"],
    ["--runs", "Infinity"],
    ["--round=-1"],
    ["--weaken"],
    ["--load", "4", "--load"],
  ]
) {
  Deno.test(`readOptions() refuses "${args.join(" ")}", and names it`, pure, () => {
    assertThrows(() => readOptions(DEFAULTS, args), RangeError, args[0]!.split("=")[0]);
  });
}

Deno.test("numberOf() refuses no text as a number", pure, () => {
  assertEquals(numberOf("5000", "port"), 5_000);
  assertThrows(() => numberOf("", "port"), RangeError, "--port");
});
