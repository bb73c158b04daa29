// Clocks, timeouts, random ids and versions.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  Deadline,
  isAtLeast,
  makeClock,
  makeReplayClock,
  makeServerClock,
  randomId,
  withTimeout,
} from "../../lib/base/time.ts";
import { FrameWriter, splitFrames } from "../../lib/codec.ts";
import { pure } from "../testing/test_options.ts";

type Step = readonly [wallMs: number, monotonicMs: number];

/** What a clock shows after each step of the two clocks that it is made of, in ms since its start. */
function elapsed(make: typeof makeClock, steps: readonly Step[]): Step[] {
  let [wallMs, monotonicMs] = [1_000_000_000, 50];
  const clock = make(() => wallMs, () => monotonicMs);
  return steps.map(([wall, monotonic]) => {
    wallMs += wall;
    monotonicMs += monotonic;
    const instant = clock();
    return [instant.wallMs - 1_000_000_000, instant.monotonicMs - 50];
  });
}

const CLOCKS: [make: typeof makeClock, what: string, steps: Step[], shown: Step[]][] = [
  [makeClock, "shows both times", [[20, 20], [5_000, 5_000]], [[20, 20], [5_020, 5_020]]],
  [makeClock, "adds the machine's sleep", [[600_010, 10], [10, 10]], [[600_010, 600_010], [
    600_020,
    600_020,
  ]]],
  [makeClock, "adds each sleep once", [[2_000, 0], [0, 0], [3_000, 0]], [[2_000, 2_000], [2_000, 2_000], [
    5_000,
    5_000,
  ]]],
  [makeClock, "adds a jump of 1,001 ms and none of 1,000", [[1_001, 0], [1_000, 0]], [[1_001, 1_001], [
    2_001,
    1_001,
  ]]],
  [makeClock, "ignores a wall clock that is set back", [[-3_600_000, 10], [10, 10]], [[-3_600_000, 10], [
    -3_599_990,
    20,
  ]]],
  [makeServerClock, "ignores jumps of the wall clock", [[600_000, 10], [-900_000, 10]], [[600_000, 10], [
    -300_000,
    20,
  ]]],
];
for (const [make, what, steps, shown] of CLOCKS) {
  Deno.test(`${make.name}() ${what}`, pure, () => assertEquals(elapsed(make, steps), shown));
}

for (const make of [makeClock, makeServerClock]) {
  Deno.test(`${make.name}() shows only times that frames hold and that have a date`, pure, () => {
    for (const wallMs of [-1e15, -1, 0, 1, 1e12, 1e15, 2 ** 60]) {
      const shown = make(() => wallMs, () => 0)().wallMs;
      if (wallMs >= 0 && wallMs <= 1e12) assertEquals(shown, wallMs);
      const [frame] = splitFrames(new FrameWriter().begin(0).u64(shown).end());
      assertEquals(frame!.u64(), shown);
      assertEquals(new Date(shown).toISOString().length, "1970-01-01T00:00:00.000Z".length);
    }
  });
}

Deno.test("makeReplayClock() dates entries back on the monotonic clock, which never goes back", pure, () => {
  const replay = makeReplayClock(() => ({ wallMs: 10_000, monotonicMs: 700 }));
  const stored = [9_900, 9_950, 9_800, 12_000, 9_999].map((ms) => replay(ms));
  assertEquals(stored.map(({ wallMs }) => wallMs), [9_900, 9_950, 9_800, 12_000, 9_999]);
  assertEquals(stored.map(({ monotonicMs }) => monotonicMs), [600, 650, 650, 700, 700]);
});

Deno.test("makeReplayClock() dates what is stored from now on by no wall clock", pure, () => {
  const now = { wallMs: 7_200_000, monotonicMs: 700 }; // two hours ahead of the store
  const replay = makeReplayClock(() => now);
  const read = (storedAtMs: number) => replay(storedAtMs, { isLive: true }).monotonicMs;
  assertEquals(read(0), 700);
  now.monotonicMs = 2_700;
  assertEquals([read(1_500), read(2_000), read(9_000)], [2_200, 2_700, 2_700]);
});

Deno.test("Deadline aborts after its time, or with the outer signal, with its error", pure, async () => {
  const error = new Error("enough");
  using short = new Deadline(5, { error, outer: new AbortController().signal });
  assertEquals(short.signal.aborted, false);
  await new Promise((resolve) => short.signal.addEventListener("abort", resolve));
  assertStrictEquals(short.signal.reason, error);
  const outer = new AbortController();
  using long = new Deadline(60_000, { error, outer: outer.signal });
  outer.abort();
  assertStrictEquals(long.signal.reason, error);
});

Deno.test("Deadline does not abort once it is disposed of", pure, async () => {
  const outer = new AbortController();
  const deadline = new Deadline(1, { error: new Error("enough"), outer: outer.signal });
  deadline[Symbol.dispose]();
  outer.abort();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(deadline.signal.aborted, false);
});

Deno.test("withTimeout() ends with its promise or its time", { ...pure, sanitizeOps: true }, async () => {
  await withTimeout(60_000, Promise.resolve());
  await assertRejects(() => withTimeout(60_000, Promise.reject(new RangeError("no"))), RangeError);
  await withTimeout(1, new Promise(() => {}));
});

Deno.test("randomId() is never zero", pure, () => {
  const { getRandomValues } = crypto;
  const drawn = [0n, 0n, 7n];
  crypto.getRandomValues = ((into: BigUint64Array) => into.fill(drawn.shift()!)) as typeof getRandomValues;
  try {
    assertEquals(randomId(), 7n);
  } finally {
    crypto.getRandomValues = getRandomValues;
  }
});

Deno.test("isAtLeast() compares major and minor version as numbers", pure, () => {
  const versions = ["2.8.0", "2.10.1", "3.0.0", "2.7.9", "1.9.9"];
  assertEquals(versions.map((version) => isAtLeast(version, [2, 8])), [true, true, true, false, false]);
});
