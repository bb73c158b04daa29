// Changes that are on their way, and who waits for them.

import { assertEquals } from "@std/assert";
import { InFlightChanges } from "../lib/pending_changes.ts";

const pure = { permissions: "none" } as const;

Deno.test("Who waits for a change of somebody is told once it is there, and may begin another", pure, () => {
  const pending = new InFlightChanges();
  const told: string[] = [];
  assertEquals(pending.has(1n, () => told.push("nobody waits for nothing")), false);
  pending.begin(1n);
  assertEquals([pending.has(1n, () => told.push("first")), pending.has(2n)], [true, false]);
  pending.has(1n, () => {
    told.push("second");
    assertEquals(pending.has(1n), false);
    pending.begin(1n);
  });
  assertEquals(told, []);
  pending.end(1n);
  assertEquals([told, pending.has(1n)], [["first", "second"], true]);
  pending.end(1n);
  assertEquals([told.length, pending.has(1n)], [2, false]);
});
