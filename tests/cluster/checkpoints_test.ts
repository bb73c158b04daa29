// When a checkpoint is due, and what is done about one that is too long.

import { assertEquals } from "@std/assert";
import { Checkpoints } from "../../lib/cluster/checkpoints.ts";

const pure = { permissions: "none" } as const;

const HOUR_MS = 3_600_000;

function checkpointsOf({ snapshotEntries }: { snapshotEntries?: number } = {}) {
  const log = { nowMs: 0, kept: [] as boolean[], told: [] as (number | boolean)[][], isForbidden: false };
  const checkpoints = new Checkpoints({
    store: {
      setUnlimited: (isAll) => {
        log.kept.push(isAll);
        return log.isForbidden ? Promise.reject(new Error("no")) : Promise.resolve();
      },
    },
    wallMs: () => log.nowMs,
    onSnapshotTooLarge: (bytes, { isKept }) => log.told.push([bytes, isKept]),
    snapshotEntries,
  });
  const areTooLong = async (...lengths: number[]) => {
    for (const length of lengths) await checkpoints.onTooLarge(length);
  };
  return { log, checkpoints, areTooLong };
}

Deno.test("A checkpoint is due after 5,000 entries or 4 MiB, and then not until as many more", pure, () => {
  const { checkpoints } = checkpointsOf();
  assertEquals(checkpoints.onApplied({ entries: 4_999, bytes: 1 }), false);
  assertEquals(checkpoints.onApplied({ entries: 1, bytes: 0 }), true);
  checkpoints.onStored(0, { isNew: true });
  assertEquals(checkpoints.onApplied({ entries: 1, bytes: 4_194_303 }), false);
  assertEquals(checkpoints.onApplied({ entries: 1, bytes: 1 }), true);
  assertEquals(checkpointsOf({ snapshotEntries: 2 }).checkpoints.onApplied({ entries: 2, bytes: 0 }), true);
});

Deno.test("A checkpoint is old an hour after it was stored, not after it came", pure, () => {
  const { log, checkpoints } = checkpointsOf();
  log.nowMs = HOUR_MS;
  assertEquals(checkpoints.isDue, true);
  checkpoints.onStored(1_000, { isNew: false });
  log.nowMs = HOUR_MS + 999;
  assertEquals(checkpoints.isDue, false);
  log.nowMs++;
  assertEquals(checkpoints.isDue, true);
});

Deno.test(
  "While a checkpoint is too long nothing is forgotten; that is told, and again when it is twice as long",
  pure,
  async () => {
    const { log, checkpoints, areTooLong } = checkpointsOf();
    await areTooLong(11, 12, 21, 22);
    assertEquals(log.told, [[11, true], [22, true]]);
    assertEquals(log.kept, [true, true, true, true]);
    checkpoints.onStored(0, { isNew: false });
    assertEquals(log.kept.length, 4);
    checkpoints.onStored(0, { isNew: true });
    assertEquals(log.kept.slice(4), [false]);
    await areTooLong(11);
    assertEquals(log.told.slice(2), [[11, true]]);
  },
);

Deno.test(
  "That the store cannot be had forget nothing is told, once, and when it can be; that it is to forget again is not",
  pure,
  async () => {
    const { log, checkpoints, areTooLong } = checkpointsOf();
    await areTooLong(11);
    log.isForbidden = true;
    await areTooLong(12, 13);
    log.isForbidden = false;
    await areTooLong(14, 15);
    assertEquals(log.told, [[11, true], [12, false], [14, true]]);
    log.isForbidden = true;
    checkpoints.onStored(0, { isNew: true });
    assertEquals(log.told.length, 3);
  },
);
