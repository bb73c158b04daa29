// When a snapshot is due, and what happens while snapshots are too large.

import { assertEquals } from "@std/assert";
import { SnapshotPolicy } from "../../lib/cluster/commit_log.ts";
import { clusterConfig } from "../testing/cluster_node.ts";

const pure = { permissions: "none" } as const;

const HOUR_MS = 3_600_000;

function policyFixture(config = clusterConfig()) {
  const log = { nowMs: 0, kept: [] as boolean[], told: [] as (number | boolean)[][], isForbidden: false };
  const store = {
    setUnlimited: (isUnlimited: boolean) => {
      log.kept.push(isUnlimited);
      return log.isForbidden ? Promise.reject(new Error("no")) : Promise.resolve();
    },
  };
  const policy = new SnapshotPolicy(store, config, () => ({ wallMs: log.nowMs, monotonicMs: 0 }));
  policy.onSnapshotTooLarge = (bytes, { isKept }) => log.told.push([bytes, isKept]);
  const areTooLarge = async (...sizes: number[]) => {
    for (const bytes of sizes) await policy.onTooLarge(bytes);
  };
  return { log, policy, areTooLarge };
}

Deno.test("A snapshot is due after 5,000 entries or 4 MiB, and then not until as many more", pure, () => {
  const { policy } = policyFixture();
  assertEquals(policy.countBatch({ eventCount: 4_999, bytes: 1 }), false);
  assertEquals(policy.countBatch({ eventCount: 1, bytes: 0 }), true);
  policy.onSnapshotRead(0, { isNew: true });
  assertEquals(policy.countBatch({ eventCount: 1, bytes: 4_194_303 }), false);
  assertEquals(policy.countBatch({ eventCount: 1, bytes: 1 }), true);
  assertEquals(
    policyFixture(clusterConfig({ snapshotEvents: 2 })).policy.countBatch({ eventCount: 2, bytes: 0 }),
    true,
  );
});

Deno.test("A snapshot is due an hour after the last one was stored, not after it was read", pure, () => {
  const { log, policy } = policyFixture();
  log.nowMs = HOUR_MS;
  assertEquals(policy.isOverdue, true);
  policy.onSnapshotRead(1_000, { isNew: false });
  log.nowMs = HOUR_MS + 999;
  assertEquals(policy.isOverdue, false);
  log.nowMs++;
  assertEquals(policy.isOverdue, true);
});

Deno.test(
  "While a snapshot is too large the stream keeps all records; that is told, and again when it is twice as large",
  pure,
  async () => {
    const { log, policy, areTooLarge } = policyFixture();
    await areTooLarge(11, 12, 21, 22);
    assertEquals(log.told, [[11, true], [22, true]]);
    assertEquals(log.kept, [true, true, true, true]);
    policy.onSnapshotRead(0, { isNew: false });
    assertEquals(log.kept.length, 4);
    policy.onSnapshotRead(0, { isNew: true });
    assertEquals(log.kept.slice(4), [false]);
    await areTooLarge(11);
    assertEquals(log.told.slice(2), [[11, true]]);
  },
);

Deno.test(
  "That the limits cannot be lifted is told once, and again when they can be; that they cannot be put back is not",
  pure,
  async () => {
    const { log, policy, areTooLarge } = policyFixture();
    await areTooLarge(11);
    log.isForbidden = true;
    await areTooLarge(12, 13);
    log.isForbidden = false;
    await areTooLarge(14, 15);
    assertEquals(log.told, [[11, true], [12, false], [14, true]]);
    log.isForbidden = true;
    policy.onSnapshotRead(0, { isNew: true });
    assertEquals(log.told.length, 3);
  },
);
