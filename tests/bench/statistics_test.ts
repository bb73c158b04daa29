// Figures of samples, and of a process in /proc.

import { assertEquals } from "@std/assert";
import { formatMiB, formatShort, median, quantile, tableHeading } from "../../bench/statistics.ts";
import { costOf } from "../../bench/measured_server.ts";
import { pure } from "../testing/test_options.ts";

Deno.test("quantile() gives the value below which that share lies", pure, () => {
  const values = Float64Array.from({ length: 200 }, (_, index) => index);
  assertEquals([0, 0.5, 0.99, 1].map((q) => quantile(values, q)), [0, 100, 198, 199]);
});

Deno.test("median() gives the value in the middle, in any order", pure, () => {
  assertEquals([median([10, 9, 100]), median([7])], [10, 7]);
});

Deno.test("formatShort(), formatMiB() and tableHeading() format figures", pure, () => {
  const values = [999.6, 9_999, 10_000, 999_949, 1_000_000, 7_654_321];
  assertEquals(values.map(formatShort), ["1000", "9999", "10.0 k", "999.9 k", "1.00 M", "7.65 M"]);
  assertEquals(formatMiB(1_572_864), "1.5 MiB");
  assertEquals(tableHeading("a", "b c"), "| a | b c |\n| --- | --- |");
});

Deno.test("costOf() reads /proc, whatever the process is called", pure, () => {
  const stat = "4711 (a) b 9 8) S 1 4711 4711 0 -1 4194304 900 0 3 0 150 25 0 0 20 0 12 0 777 99 88 77\n";
  const status = "Name:\ta) b 9 8\nVmHWM:\t  999 kB\nVmRSS:\t   2048 kB\nThreads:\t12\n";
  assertEquals(costOf(stat + status), { cpuNs: 1_750_000_000, rssBytes: 2_097_152 });
});
