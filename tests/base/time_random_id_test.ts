// Random ids.

import { assertEquals } from "@std/assert";
import { randomId } from "../../lib/base/time.ts";

Deno.test("randomId() is never zero", { permissions: "none" }, () => {
  const { getRandomValues } = crypto;
  const drawn = [0n, 0n, 7n];
  crypto.getRandomValues = ((into: BigUint64Array) => into.fill(drawn.shift()!)) as typeof getRandomValues;
  try {
    assertEquals(randomId(), 7n);
  } finally {
    crypto.getRandomValues = getRandomValues;
  }
});
