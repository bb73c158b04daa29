// A log that its store has lost the end of, or that has what no server of this version understands, ends
// the servers that follow it; what is nonsense ends nobody.

import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../lib/base/time.ts";
import type { NatsError } from "../../lib/errors.ts";
import { decodeBlock } from "../../lib/cluster/nats_block.ts";
import { decodeSnapshot, encodeSnapshot, isGenesis } from "../../lib/cluster/nats_checkpoint.ts";
import { ReplicatedCommitLog } from "../../lib/cluster/commit_log.ts";
import { FakeLog, FakeStore } from "./fake_store.ts";
import { ClusterNode, encodeBlock, said } from "./cluster_node.ts";
import { flushMacrotasks, waitFor } from "../support.ts";

Deno.test("What is no block makes nothing, and one of a later version ends the server", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  for (const junk of [[], [1, 2, 3], [0, 0, 0, 9, 0x40], [0xff, 0xff, 0xff, 0xff, 0x40]]) {
    log.inject(new Uint8Array(junk));
  }
  server.say(said(1n, 1));
  await waitFor(() => server.applied.length === 1);
  assertEquals([server.texts, server.news], [["0:1.1"], []]);
  const newer = log.records.at(-1)!.bytes.slice();
  newer[5]!++;
  log.inject(newer);
  await waitFor(() => server.news.length > 0);
  assertEquals((server.news[0] as NatsError).code, "nats-newer");
});

Deno.test("What comes behind a block of a later version is given to nobody, its numbers are others; nor is anything stored", async () => {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 1n);
  await using server = await ClusterNode.open(log, 2n);
  for (const n of [1, 2]) {
    writer.say(said(1n, n));
    await waitFor(() => server.applied.length === n);
  }
  const last = log.records.at(-1)!.bytes;
  const [newer, next] = [last.slice(), last.slice()];
  newer[5]!++;
  next[17]!++; // the number of the block
  assertEquals(decodeBlock(next).batchSeq, 3);
  log.inject(newer);
  log.inject(next);
  await waitFor(() => server.news.length > 0);
  server.say(said(2n, 1));
  await flushMacrotasks();
  server.commitLog.deliver();
  assertEquals(log.records.length, 5);
  assertEquals(server.texts, ["0:1.1", "1:1.2"]);
});

Deno.test("What comes at once with a block of a later version, and behind it, is given to nobody either", async () => {
  const log = new FakeLog();
  await using writer = await ClusterNode.open(log, 1n);
  const options = { nodeId: 2n, logId: 102n, clock: systemClock, openTimeoutMs: 0 };
  const commitLog = await ReplicatedCommitLog.open(new FakeStore(log), options);
  const taken: number[] = [];
  let came = 0;
  commitLog.subscribe((_entry, seq) => taken.push(seq), () => came++);
  writer.say(said(1n, 1));
  await waitFor(() => came === 1);
  const last = log.records.at(-1)!.bytes;
  const [newer, next] = [last.slice(), last.slice()];
  newer[5]!++;
  next[17]!++; // the number of the block
  for (const bytes of [newer, next]) log.inject(bytes);
  await waitFor(() => came === 3);
  commitLog.deliver();
  assertEquals(taken, [0]);
  await commitLog.close();
});

/** A room of which the store has lost the last of three messages, as a power cut does. */
async function cutShort(): Promise<{ log: FakeLog; server: ClusterNode }> {
  const log = new FakeLog();
  const server = await ClusterNode.open(log, 1n);
  for (let n = 1; n <= 3; n++) {
    server.say(said(1n, n));
    await waitFor(() => server.applied.length === n);
  }
  log.records.length--;
  return { log, server };
}

Deno.test("A store that has lost the end of the log is found out by the next block, or by looking", async () => {
  for (const isSpeaking of [true, false]) {
    const { log, server } = await cutShort();
    log.hasDedup = false;
    if (isSpeaking) server.say(said(1n, 4));
    else for (let count = 0; count < 3; count++) await server.commitLog.verifyTail();
    await waitFor(() => server.news.length > 0);
    assertEquals((server.news[0] as NatsError).code, "nats-log-back");
    await server.commitLog.close();
    await using later = await ClusterNode.open(log, 2n);
    assert(later.commitLog.logId !== server.commitLog.logId);
    assertEquals(later.texts.slice(0, 2), ["0:1.1", "1:1.2"]);
    await using last = await ClusterNode.open(log, 3n);
    assertEquals(last.commitLog.logId, later.commitLog.logId);
  }
});

Deno.test("A store that has lost the end of the log and grown since is found out when it is read again", async () => {
  for (const isOther of [true, false]) {
    const { log, server } = await cutShort();
    const [first, last] = [log.records.at(-1)!, server.applied.length + 1];
    if (isOther) log.timeMs += 5_000;
    // What another server says that knows nothing of what was there.
    log.inject(first.bytes);
    log.inject(encodeBlock(9n, said(9n, 1)));
    // A reader that begins anew is given again the last that it had.
    server.store.rereadFrom(last);
    await waitFor(() => isOther ? server.news.length > 0 : server.applied.length === 4);
    const codes = server.news.map((error) => (error as NatsError).code);
    assertEquals([codes, server.applied.length], isOther ? [["nats-log-back"], 3] : [[], 4]);
    // All others are to know.
    assertEquals(log.records.filter(({ isSnapshot }) => isSnapshot).length, isOther ? 2 : 1);
    await server.commitLog.close();
  }
});

Deno.test("Other servers learn from one that the end of the log was lost", async () => {
  const { log, server } = await cutShort();
  await using other = await ClusterNode.open(log, 2n);
  log.hasDedup = false;
  server.say(said(1n, 4));
  await waitFor(() => other.news.length > 0);
  assertEquals((other.news[0] as NatsError).code, "nats-log-back");
  // One of them marks it: who has begun anew by now need not do so again.
  await waitFor(() => server.news.length > 0);
  assertEquals(log.records.filter(({ isSnapshot }) => isSnapshot).length, 2);
  await server.commitLog.close();
});

Deno.test("A store that knows too little once has lost nothing", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  server.say(said(1n, 1));
  await waitFor(() => server.applied.length === 1);
  const { bytes } = log.records.pop()!;
  await server.commitLog.verifyTail();
  await server.commitLog.verifyTail();
  log.inject(bytes);
  await server.commitLog.verifyTail();
  log.records.length--;
  await server.commitLog.verifyTail();
  assertEquals(server.news, []);
});

Deno.test("A store that knows too little now and then, and all in between, has lost nothing", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  server.say(said(1n, 1));
  await waitFor(() => server.applied.length === 1);
  for (let time = 0; time < 4; time++) {
    const { bytes } = log.records.pop()!;
    await server.commitLog.verifyTail();
    log.inject(bytes);
    await server.commitLog.verifyTail();
  }
  assertEquals(server.news, []);
});

Deno.test("A checkpoint of another instance, by a server that has missed a mark, has the log marked anew", async () => {
  const log = new FakeLog();
  await using server = await ClusterNode.open(log, 1n);
  server.say(said(1n, 1));
  await waitFor(() => server.applied.length === 1);
  const other = { logId: 7n, position: 2, seq: 1, batchSeqs: new Map(), events: [] };
  log.inject(encodeSnapshot(other), { isSnapshot: true });
  await waitFor(() => server.news.length > 0);
  assertEquals((server.news[0] as NatsError).code, "nats-log-back");
  const mark = decodeSnapshot(log.records.at(-1)!.bytes);
  assert(mark.logId !== 7n && mark.logId !== 101n && isGenesis(mark));
});
