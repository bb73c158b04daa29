// How often something happens.

import { assertEquals } from "@std/assert";
import { Rate } from "../../lib/room/rate.ts";

const pure = { permissions: "none" } as const;

function rateOf(timesMs: number[]): Rate {
  const rate = new Rate();
  for (const timeMs of timesMs) rate.note(timeMs);
  return rate;
}

Deno.test("Rate.perSecond() is the average over ten seconds", pure, () => {
  assertEquals(new Rate().perSecond(0), 0);
  assertEquals(rateOf([0, 1, 999, 1_000, 9_999]).perSecond(9_999), 0.5);
});

Deno.test("Rate.perSecond() forgets what is ten seconds ago, also if nothing happened since", pure, () => {
  const rate = rateOf([500, 600, 1_500, 12_000]);
  assertEquals(rate.perSecond(12_000), 0.1);
  assertEquals(rateOf([500, 600, 1_500]).perSecond(10_000), 0.1);
  assertEquals(rateOf([500, 600, 1_500]).perSecond(11_000), 0);
  for (let second = 10; second < 40; second++) assertEquals(rateOf([500]).perSecond(second * 1_000), 0);
});

Deno.test("Rate begins at any time", pure, () => {
  assertEquals(rateOf([1e9, 1e9 + 500, 1e9 + 9_000]).perSecond(1e9 + 9_999), 0.3);
});

Deno.test("Rate does not count what happened before the last time, and loses nothing by it", pure, () => {
  assertEquals(rateOf([5_000, 5_000, 1_000]).perSecond(5_000), 0.2);
});
