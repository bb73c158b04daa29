// The chart of the benchmark.

import { assertEquals } from "@std/assert";
import { chart } from "../../bench/chart.ts";
import { pure } from "../testing/test_options.ts";

Deno.test("chart() draws bars in proportion within a group, and none where a figure is missing", pure, () => {
  const ours = { server: "ours", deliveriesPerSecond: 4_000_000, cpuNs: 50 };
  const theirs = { server: "theirs", deliveriesPerSecond: 1_000_000, cpuNs: NaN };
  const svg = chart([{ name: "50, 1, 100", bars: [ours, theirs] }]);
  const widths = [...svg.matchAll(/<rect x=.* width="([\d.]+)"/g)].map(([, width]) => Number(width));
  assertEquals(widths, [180, 180, 45]);
  assertEquals([...svg.matchAll(/>([\d.]+ (?:M|ns))</g)].map(([, label]) => label), [
    "4.00 M",
    "50 ns",
    "1.00 M",
  ]);
});
