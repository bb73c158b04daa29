// A clock that goes on while the machine sleeps, and only then; and that of a server, which does not.

import { assertEquals } from "@std/assert";
import { makeClock, makeServerClock } from "../../lib/base/time.ts";

const pure = { permissions: "none" } as const;

/** What the clock shows after each of these steps of the two clocks that it is made of, in ms. */
function after(steps: readonly { wall: number; awake: number }[]): { wallMs: number; monotonicMs: number }[] {
  let [wallMs, awakeMs] = [1_000_000, 50];
  const clock = makeClock(() => wallMs, () => awakeMs);
  return steps.map(({ wall, awake }) => {
    wallMs += wall;
    awakeMs += awake;
    return clock();
  });
}

Deno.test("makeClock() shows the time of day, and measures what passes", pure, () => {
  assertEquals(after([{ wall: 20, awake: 20 }, { wall: 5_000, awake: 5_000 }]), [
    { wallMs: 1_000_020, monotonicMs: 70 },
    { wallMs: 1_005_020, monotonicMs: 5_070 },
  ]);
});

Deno.test("makeClock() counts the time that the machine slept", pure, () => {
  assertEquals(
    after([{ wall: 600_010, awake: 10 }, { wall: 10, awake: 10 }]).map(({ monotonicMs }) => monotonicMs),
    [
      600_060,
      600_070,
    ],
  );
});

Deno.test("makeClock() counts no time of day that was trimmed or set back", pure, () => {
  const steps = [{ wall: 1_010, awake: 10 }, { wall: -3_600_000, awake: 10 }, { wall: 10, awake: 10 }];
  assertEquals(after(steps).map(({ monotonicMs }) => monotonicMs), [60, 70, 80]);
});

Deno.test("makeClock() counts each sleep once", pure, () => {
  const steps = [{ wall: 2_000, awake: 0 }, { wall: 0, awake: 0 }, { wall: 3_000, awake: 0 }];
  assertEquals(after(steps).map(({ monotonicMs }) => monotonicMs), [2_050, 2_050, 5_050]);
});

Deno.test("makeServerClock() counts neither a sleep nor a time of day that is set", pure, () => {
  let [wallMs, awakeMs] = [1_000_000, 50];
  const clock = makeServerClock(() => wallMs, () => awakeMs);
  for (const resolutionMs of [600_000, -3_600_000, 0]) {
    [wallMs, awakeMs] = [wallMs + resolutionMs, awakeMs + 10];
    assertEquals(clock(), { wallMs, monotonicMs: awakeMs });
  }
});
