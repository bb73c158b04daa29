// Changes that are on their way, and who waits for them.

import { assertEquals } from "@std/assert";
import { InFlightChanges } from "../../lib/room/pending_changes.ts";

const pure = { permissions: "none" } as const;

Deno.test("Who waits for a change of somebody is told once it is there, and may begin another", pure, () => {
  const pending = new InFlightChanges();
  const told: string[] = [];
  assertEquals(pending.waitFor(1n, () => told.push("nobody waits for nothing")), false);
  pending.start(1n);
  assertEquals([pending.waitFor(1n, () => told.push("first")), pending.waitFor(2n)], [true, false]);
  pending.waitFor(1n, () => {
    told.push("second");
    assertEquals(pending.waitFor(1n), false);
    pending.start(1n);
  });
  assertEquals(told, []);
  pending.finish(1n);
  assertEquals([told, pending.waitFor(1n)], [["first", "second"], true]);
  pending.finish(1n);
  assertEquals([told.length, pending.waitFor(1n)], [2, false]);
});
