// When a checkpoint is due, and what is done about one that is too long.

import { assertEquals } from "@std/assert";
import { Snapshots } from "../../lib/cluster/checkpoints.ts";

const pure = { permissions: "none" } as const;

const HOUR_MS = 3_600_000;

function snapshotsOf({ snapshotEntries }: { snapshotEntries?: number } = {}) {
  const log = { nowMs: 0, kept: [] as boolean[], told: [] as (number | boolean)[][], isForbidden: false };
  const snapshots = new Snapshots({
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
    for (const length of lengths) await snapshots.onTooLarge(length);
  };
  return { log, snapshots, areTooLong };
}

Deno.test("A checkpoint is due after 5,000 entries or 4 MiB, and then not until as many more", pure, () => {
  const { snapshots } = snapshotsOf();
  assertEquals(snapshots.onApplied({ entries: 4_999, bytes: 1 }), false);
  assertEquals(snapshots.onApplied({ entries: 1, bytes: 0 }), true);
  snapshots.onStored(0, { isNew: true });
  assertEquals(snapshots.onApplied({ entries: 1, bytes: 4_194_303 }), false);
  assertEquals(snapshots.onApplied({ entries: 1, bytes: 1 }), true);
  assertEquals(snapshotsOf({ snapshotEntries: 2 }).snapshots.onApplied({ entries: 2, bytes: 0 }), true);
});

Deno.test("A checkpoint is old an hour after it was stored, not after it came", pure, () => {
  const { log, snapshots } = snapshotsOf();
  log.nowMs = HOUR_MS;
  assertEquals(snapshots.isDue, true);
  snapshots.onStored(1_000, { isNew: false });
  log.nowMs = HOUR_MS + 999;
  assertEquals(snapshots.isDue, false);
  log.nowMs++;
  assertEquals(snapshots.isDue, true);
});

Deno.test(
  "While a checkpoint is too long nothing is forgotten; that is told, and again when it is twice as long",
  pure,
  async () => {
    const { log, snapshots, areTooLong } = snapshotsOf();
    await areTooLong(11, 12, 21, 22);
    assertEquals(log.told, [[11, true], [22, true]]);
    assertEquals(log.kept, [true, true, true, true]);
    snapshots.onStored(0, { isNew: false });
    assertEquals(log.kept.length, 4);
    snapshots.onStored(0, { isNew: true });
    assertEquals(log.kept.slice(4), [false]);
    await areTooLong(11);
    assertEquals(log.told.slice(2), [[11, true]]);
  },
);

Deno.test(
  "That the store cannot be had forget nothing is told, once, and when it can be; that it is to forget again is not",
  pure,
  async () => {
    const { log, snapshots, areTooLong } = snapshotsOf();
    await areTooLong(11);
    log.isForbidden = true;
    await areTooLong(12, 13);
    log.isForbidden = false;
    await areTooLong(14, 15);
    assertEquals(log.told, [[11, true], [12, false], [14, true]]);
    log.isForbidden = true;
    snapshots.onStored(0, { isNew: true });
    assertEquals(log.told.length, 3);
  },
);
