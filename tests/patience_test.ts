// An end to waiting.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { Patience } from "../lib/patience.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "Patience ends after its time, or with the signal around it, and gives its error as the reason",
  pure,
  async () => {
    const error = new Error("enough");
    using short = new Patience(5, { error, outer: new AbortController().signal });
    assertEquals(short.signal.aborted, false);
    await new Promise((resolve) => short.signal.addEventListener("abort", resolve));
    assertStrictEquals(short.signal.reason, error);
    const outer = new AbortController();
    using long = new Patience(60_000, { error, outer: outer.signal });
    outer.abort();
    assertStrictEquals(long.signal.reason, error);
  },
);

Deno.test("Patience that is disposed of does not end any more", pure, async () => {
  const outer = new AbortController();
  const patience = new Patience(1, { error: new Error("enough"), outer: outer.signal });
  patience[Symbol.dispose]();
  outer.abort();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(patience.signal.aborted, false);
});
