// Appending to a store that takes smaller records than before.

import { assert, assertEquals } from "@std/assert";
import { BatchWriter } from "../../lib/cluster/batch_writer.ts";
import { encodeEvent } from "../../lib/cluster/store.ts";
import { systemClock } from "../../lib/base/time.ts";
import { clusterConfig } from "../testing/cluster_node.ts";
import { FakeLog, FakeStore } from "../testing/fake_store.ts";
import { flushTasks, waitFor } from "../testing/waiting.ts";

const pure = { permissions: "none" } as const;

function entry(clientSeq: number): Uint8Array<ArrayBuffer> {
  const text = "x".repeat(300);
  return encodeEvent({
    type: "said",
    timeMs: 5,
    sessionId: 1n,
    clientSeq,
    redelivered: false,
    nick: "ana",
    text,
  });
}

Deno.test(
  "A store is not available again when it takes no batch as long as the pending one",
  pure,
  async () => {
    const log = new FakeLog();
    const store = new FakeStore(log);
    store.maxBytes = 900; // one entry per batch
    log.isDown = true;
    const news: boolean[] = [];
    let stored = 0;
    const config = clusterConfig({ unavailableAfterMs: 250 });
    const writer = new BatchWriter({ store, nodeId: 1n }, config, systemClock);
    writer.onAcknowledged = () => {
      if (++stored > 1) return;
      log.isDown = true;
      store.maxBytes = 4_000;
    };
    writer.onStalled = (isUnavailable) => news.push(isUnavailable);
    for (let n = 1; n <= 5; n++) writer.add(entry(n));
    await waitFor(() => news.length === 1);
    log.isDown = false;
    await waitFor(() => stored === 1 && log.appends > 2);
    store.maxBytes = 700;
    const { appends } = log;
    await waitFor(() => log.appends > appends + 1); // parts, in vain
    assertEquals(news, [true]);
    assert(writer.unwrittenBytes > 0);
    writer.close();
    store.close();
    await flushTasks();
  },
);
