// The commit log in memory.

import { assertEquals } from "@std/assert";
import { InMemoryCommitLog } from "../../lib/room/commit_log.ts";
import { at } from "../testing/room_fixture.ts";

Deno.test("InMemoryCommitLog.propose() commits at once, in order and at the time given", {
  permissions: "none",
}, () => {
  const commitLog = new InMemoryCommitLog(7n);
  const applied: unknown[] = [];
  commitLog.subscribe((entry, seq, instant) => applied.push([entry, seq, instant]));
  const entries = ["uno", "dos"].map((text) => ({ type: "announced", timeMs: 1, text }) as const);
  for (const [index, entry] of entries.entries()) commitLog.propose(entry, at(index));
  assertEquals(applied, [[entries[0], 0, at(0)], [entries[1], 1, at(1)]]);
  assertEquals([commitLog.logId, commitLog.firstSeq], [7n, 0]);
});
