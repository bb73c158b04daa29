// BatchWriter: when a store counts as unavailable and as available again.

import { assert, assertEquals } from "@std/assert";
import { BatchWriter } from "../../lib/cluster/batch_writer.ts";
import type { ClusterConfig } from "../../lib/cluster/cluster.ts";
import { encodeEvent } from "../../lib/cluster/store.ts";
import { clusterConfig, said } from "../testing/cluster_node.ts";
import { FakeLog, FakeStore } from "../testing/fake_store.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, waitFor } from "../testing/waiting.ts";

/** A writer, and what it reports. Its entries have about 350 bytes. */
function makeWriter(config: Partial<ClusterConfig> = {}) {
  const log = new FakeLog();
  const store = new FakeStore(log);
  const writer = new BatchWriter({ store, nodeId: 1n }, clusterConfig(config));
  /** What was reported, and how many records there were then. */
  const reports: [isUnavailable: boolean, records: number][] = [];
  writer.onStalled = (isUnavailable) => reports.push([isUnavailable, log.records.length]);
  const add = (count: number) => {
    for (let n = 1; n <= count; n++) {
      writer.add(encodeEvent({ ...said(1n, n), text: "x".repeat(300) } as never));
    }
  };
  const end = async () => {
    writer.close();
    store.close();
    await flushTasks();
  };
  return { log, store, writer, reports, add, end };
}

Deno.test("BatchWriter.onStalled(false) waits until all events that waited are stored", pure, async () => {
  const { log, store, reports, add, end } = makeWriter({ unavailableAfterMs: 5 });
  store.maxBytes = 900; // one entry per batch
  log.faults.push("lost", "none", "lost", "none", "none", "lost", "none");
  add(5);
  await waitFor(() => reports.length > 1);
  assertEquals(reports, [[true, 0], [false, 5]]);
  await end();
});

Deno.test("BatchWriter.onStalled(false) does not wait for events that were added since", pure, async () => {
  const { log, store, reports, add, end } = makeWriter({ unavailableAfterMs: 5 });
  log.faults.push("lost");
  const { append } = store;
  store.append = (...job) => {
    if (log.appends < 100) add(1);
    return append.apply(store, job);
  };
  add(1);
  await waitFor(() => log.appends >= 100);
  assertEquals(reports, [[true, 0], [false, 2]]);
  await end();
});

Deno.test("BatchWriter.onStalled(false) waits while the store refuses the next batch", pure, async () => {
  const { log, store, writer, reports, add, end } = makeWriter({ unavailableAfterMs: 250 });
  store.maxBytes = 900; // one entry per batch
  log.isDown = true;
  let stored = 0;
  writer.onAcknowledged = () => {
    if (++stored > 1) return;
    log.isDown = true;
    store.maxBytes = 4_000;
  };
  add(5);
  await waitFor(() => reports.length === 1);
  log.isDown = false;
  await waitFor(() => stored === 1 && log.appends > 2);
  store.maxBytes = 700;
  const { appends } = log;
  await waitFor(() => log.appends > appends + 1); // parts, in vain
  assertEquals(reports, [[true, 0]]);
  assert(writer.unwrittenBytes > 0);
  await end();
});

Deno.test("BatchWriter.addSnapshot() appends one snapshot before the next batch", pure, async () => {
  const { log, store, writer, add, end } = makeWriter();
  store.maxBytes = 900; // one entry per batch
  add(2);
  for (const n of [1, 2]) writer.addSnapshot(Uint8Array.of(n), `${n}`);
  await waitFor(() => writer.isIdle);
  assertEquals(log.records.map(({ isSnapshot, bytes }) => isSnapshot && bytes[0]), [1, false, false]);
  await end();
});

Deno.test("BatchWriter retries a batch of one large event until the store takes it", pure, async () => {
  const { log, store, writer, add, end } = makeWriter();
  store.maxBytes = 100;
  add(1);
  await waitFor(() => log.appends === 2);
  assertEquals([log.records.length, writer.isIdle], [0, false]);
  store.maxBytes = 900;
  await waitFor(() => writer.isIdle);
  assertEquals(log.records.length, 1);
  await end();
});
