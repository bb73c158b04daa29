// What is proposed, on its way into a store that takes less than it did.

import { assert, assertEquals } from "@std/assert";
import { BatchWriter } from "../../lib/cluster/batch_writer.ts";
import { encodeProposal } from "../../lib/cluster/nats_block.ts";
import { FakeLog, FakeStore } from "./fake_store.ts";
import { flushMacrotasks, waitFor } from "../support.ts";

const pure = { permissions: "none" } as const;

function entry(clientSeq: number): Uint8Array<ArrayBuffer> {
  const text = "x".repeat(300);
  return encodeProposal({
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
  "A store is not back when it takes no block as long as the one that it is tried with",
  pure,
  async () => {
    const log = new FakeLog();
    const store = new FakeStore(log);
    store.maxBytes = 900; // one entry to a block
    log.isDown = true;
    const news: boolean[] = [];
    let stored = 0;
    const nowMs = () => performance.now();
    const onStored = () => {
      if (++stored > 1) return;
      log.isDown = true;
      store.maxBytes = 4_000;
    };
    const onStalled = (isUnavailable: boolean) => void news.push(isUnavailable);
    const writer = new BatchWriter(store, {
      nodeId: 1n,
      nowMs,
      unavailableAfterMs: 250,
      onStalled,
      onStored,
    });
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
    await flushMacrotasks();
  },
);
