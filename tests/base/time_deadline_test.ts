// Timeouts.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Deadline, withTimeout } from "../../lib/base/time.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "Deadline ends after its time, or with the signal around it, and gives its error as the reason",
  pure,
  async () => {
    const error = new Error("enough");
    using short = new Deadline(5, { error, outer: new AbortController().signal });
    assertEquals(short.signal.aborted, false);
    await new Promise((resolve) => short.signal.addEventListener("abort", resolve));
    assertStrictEquals(short.signal.reason, error);
    const outer = new AbortController();
    using long = new Deadline(60_000, { error, outer: outer.signal });
    outer.abort();
    assertStrictEquals(long.signal.reason, error);
  },
);

Deno.test("Deadline that is disposed of does not end any more", pure, async () => {
  const outer = new AbortController();
  const deadline = new Deadline(1, { error: new Error("enough"), outer: outer.signal });
  deadline[Symbol.dispose]();
  outer.abort();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(deadline.signal.aborted, false);
});

Deno.test("withTimeout() ends with the promise, fulfilled or rejected, or after its time", pure, async () => {
  await withTimeout(60_000, Promise.resolve());
  await assertRejects(() => withTimeout(60_000, Promise.reject(new RangeError("no"))), RangeError);
  let hasCome = false;
  const late = new Promise((resolve) => setTimeout(resolve, 50)).then(() => hasCome = true);
  await withTimeout(1, late);
  assertEquals(hasCome, false);
  await late;
});
