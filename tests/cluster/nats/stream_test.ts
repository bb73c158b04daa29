// NatsStream: the log of a room in a JetStream stream.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { millis, nanos } from "@nats-io/transport-node";
import { connectNats, startWait } from "../../../lib/cluster/nats/connection.ts";
import { NatsStream, STREAM_AGE_MS, STREAM_BYTES } from "../../../lib/cluster/nats/stream.ts";
import type { StoredRecord } from "../../../lib/cluster/store.ts";
import { apiError, FakeJetStream } from "../../testing/fake_jetstream.ts";
import type { FakeAnswer } from "../../testing/fake_nats.ts";
import { withTimeout } from "../../testing/waiting.ts";

const TIMEOUTS = {
  connectMs: 60_000,
  requestMs: 60_000,
  startupMs: 60_000,
  noJetStreamMs: 60_000,
  retryMs: 1,
};
const encode = (text: string) => new TextEncoder().encode(text);
const decode = ({ bytes }: StoredRecord) => new TextDecoder().decode(bytes);

/** The stream of a room on a fake NATS. */
async function openStream(nats: FakeJetStream, servers = [nats.address]) {
  const { nc, ...rest } = await connectNats(
    { servers: [nats.address], isTls: false },
    startWait(undefined, TIMEOUTS),
  );
  const close = async () => {
    store?.close();
    await nc.close();
  };
  let store: NatsStream | undefined;
  try {
    store = await NatsStream.open({ nc, ...rest }, "aula", servers, startWait(undefined, TIMEOUTS));
    return { store, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Runs a test with a stream on a fake NATS. */
function streamTest(title: string, run: (store: NatsStream, nats: FakeJetStream) => Promise<void>): void {
  Deno.test(title, async () => {
    using nats = new FakeJetStream();
    const { store, close } = await openStream(nats);
    await run(store, nats);
    await close();
  });
}

async function take(count: number, records: AsyncIterable<StoredRecord>): Promise<StoredRecord[]> {
  const taken: StoredRecord[] = [];
  for await (const record of records) if (taken.push(record) === count) break;
  return taken;
}

/** Records with these texts, the snapshots in capitals. */
async function append(store: NatsStream, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    await store.append(encode(text), { id: text, isSnapshot: text !== text.toLowerCase() });
  }
}

Deno.test("NatsStream.open() creates a stream that forgets the oldest, after a week or 256 MiB", async () => {
  using nats = new FakeJetStream();
  const { close } = await openStream(nats);
  const { max_age, duplicate_window, ...config } = nats.configOf("CHAT_aula");
  assertEquals([millis(max_age as number), millis(duplicate_window as number)], [604_800_000, 180_000]);
  const { discard, storage, retention, max_bytes, deny_delete, num_replicas } = config;
  assertEquals([discard, storage, retention], ["old", "file", "limits"]);
  assertEquals([max_bytes, deny_delete, num_replicas], [268_435_456, true, 1]);
  await close();
});

const REPLICAS = [
  { title: "three copies in a cluster", cluster: "chat", replicas: 3 },
  { title: "one copy without a cluster", replicas: 1 },
  { title: "one copy in a cluster of one", cluster: "chat", refusal: 10_005, replicas: 1 },
  { title: "one copy where no cluster is configured", cluster: "chat", refusal: 10_074, replicas: 1 },
];

for (const { title, cluster, refusal, replicas } of REPLICAS) {
  Deno.test(`NatsStream.open() keeps ${title}`, async () => {
    using nats = new FakeJetStream();
    nats.info = { ...nats.info, cluster };
    nats.intercept = ({ subject, body }) =>
      refusal && subject.includes("STREAM.CREATE") &&
        new TextDecoder().decode(body).includes('"num_replicas":3')
        ? apiError(refusal)
        : undefined;
    const { store, close } = await openStream(nats);
    assertEquals(store.replicas, replicas);
    await close();
  });
}

const THREE = ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"];
const WAITS = [
  { what: "for the peers of three servers that --nats names", connect_urls: undefined, refusal: 10_005 },
  { what: "for the peers of three servers that NATS announces", connect_urls: THREE, refusal: 10_005 },
  { what: "while NATS does not know yet what it has created", connect_urls: THREE, refusal: 10_059 },
  { what: "while NATS fails", connect_urls: THREE, refusal: 10_077, status: 500 },
];
for (const { what, connect_urls, refusal, status } of WAITS) {
  Deno.test(`NatsStream.open() waits ${what}`, async () => {
    using nats = new FakeJetStream();
    nats.info = { ...nats.info, cluster: "chat", connect_urls };
    let asked = 0;
    nats.intercept = ({ subject, body }) =>
      subject.includes("STREAM.CREATE") && new TextDecoder().decode(body).includes('"num_replicas":3') &&
        ++asked < 3
        ? apiError(refusal, "no", status)
        : undefined;
    const { store, close } = await openStream(nats, connect_urls ? [nats.address] : THREE);
    assertEquals([store.replicas, asked], [3, 3]);
    await close();
  });
}

Deno.test("NatsStream.open() raises the copies of a stream once there is a cluster, if it can", async () => {
  using nats = new FakeJetStream();
  await (await openStream(nats)).close();
  nats.info = { ...nats.info, cluster: "chat" };
  nats.intercept = ({ subject }) => subject.includes("STREAM.UPDATE") ? apiError(10_005) : undefined;
  for (const replicas of [1, 3]) {
    const { store, close } = await openStream(nats);
    assertEquals(store.replicas, replicas);
    await close();
    nats.intercept = () => undefined;
  }
});

const OTHERS = [
  { subjects: ["CHAT_aula.log"] },
  { storage: "memory" },
  { retention: "workqueue" },
  { discard: "new" },
  { max_msgs_per_subject: 1 },
  { sealed: true },
  { code: "nats-stream-small", max_bytes: 65_535 },
  { code: "nats-stream-small", max_msg_size: 65_535 },
];

for (const { code = "nats-other-stream", ...change } of OTHERS) {
  Deno.test(`NatsStream.open() refuses a stream with ${JSON.stringify(change)}`, async () => {
    using nats = new FakeJetStream();
    await (await openStream(nats)).close();
    Object.assign(nats.configOf("CHAT_aula"), change);
    const error = await assertRejects(() => openStream(nats), Error);
    assertEquals((error as Error & { code: string }).code, code);
  });
}

Deno.test("NatsStream.maxBytes is that of the stream, if the operator has set one", async () => {
  using nats = new FakeJetStream();
  await (await openStream(nats)).close();
  nats.configOf("CHAT_aula").max_msg_size = 65_536;
  const { store, close } = await openStream(nats);
  assertEquals(store.maxBytes, 65_536 - 512);
  await close();
});

streamTest("NatsStream.append() names the stream, the id and the expected position", async (store, nats) => {
  const sent: string[] = [];
  nats.intercept = ({ subject, headers }): FakeAnswer => {
    if (subject.startsWith("CHAT_")) sent.push(subject, ...headers.trim().split("\r\n").slice(1).sort());
    return undefined;
  };
  assertEquals(await store.append(encode("a"), { id: "x", after: 0 }), 1);
  assertEquals(await store.append(encode("b"), { id: "y", isSnapshot: true, after: 0 }), undefined);
  const stream = "Nats-Expected-Stream: CHAT_aula";
  const after = "Nats-Expected-Last-Sequence: 0";
  assertEquals(sent, [
    ...["CHAT_aula.log", after, stream, "Nats-Msg-Id: x"],
    ...["CHAT_aula.checkpoint", after, stream, "Nats-Msg-Id: y"],
  ]);
  assertEquals(store.maxBytes, 1_048_576 - 512); // its headers count
});

streamTest("NatsStream.findSnapshotFrom() finds the next snapshot, or else the last", async (store) => {
  assertEquals(await store.findSnapshotFrom(1), undefined);
  await append(store, "a", "B", "c", "D", "e");
  const found = await Promise.all([1, 2, 3, 5].map((from) => store.findSnapshotFrom(from)));
  assertEquals(found.map((record) => decode(record!)), ["B", "B", "D", "D"]);
  assertEquals([found[0]!.position, found[0]!.isSnapshot], [2, true]);
});

streamTest("NatsStream.read() yields what is stored and what comes, in order", async (store) => {
  await append(store, "a", "b");
  const reading = take(4, store.read(1));
  await append(store, "c", "D");
  const records = await withTimeout(reading, "four records");
  assertEquals(records.map((record) => `${record.position}${decode(record)}`), ["1a", "2b", "3c", "4D"]);
  assertEquals(records.map(({ isSnapshot }) => isSnapshot), [false, false, false, true]);
  assertEquals(records.map(({ isAfterGap }) => isAfterGap), Array(4).fill(false));
  assert(records.every(({ timeMs }) => Math.abs(Date.now() - timeMs) < 60_000));
});

streamTest("NatsStream.read() marks the record after a gap, at its start and later", async (store, nats) => {
  await append(store, "a", "b", "c", "d", "e");
  const stream = nats.streams.get("CHAT_aula")!;
  stream.messages = stream.messages.filter(({ seq }) => seq !== 1 && seq !== 4);
  const records = await withTimeout(take(3, store.read(1)), "three records");
  const found = records.map(({ position, isAfterGap }) => [position, isAfterGap]);
  assertEquals(found, [[2, true], [3, false], [5, true]]);
});

streamTest("NatsStream.restartRead() makes every reader ask again from its last record on", async (store) => {
  await append(store, "a", "b");
  const readers = [store.read(1), store.read(1)];
  const next = () => Promise.all(readers.map(async (reader) => decode((await reader.next()).value!)));
  assertEquals([await next(), await next()], [["a", "a"], ["b", "b"]]);
  const again = next();
  store.restartRead();
  assertEquals(await withTimeout(again, "the last record"), ["b", "b"]);
  const after = next();
  await append(store, "c");
  assertEquals(await withTimeout(after, "the next record"), ["c", "c"]);
  await Promise.all(readers.map((reader) => reader.return(undefined)));
});

function limitsOf(nats: FakeJetStream) {
  const { max_bytes, max_age, description } = nats.configOf("CHAT_aula") as Record<string, unknown>;
  return { max_bytes, max_age, description } as Record<string, unknown>;
}

const NOTE = "; it forgets nothing until max_payload is raised";
const NEW_LIMITS = {
  max_bytes: STREAM_BYTES,
  max_age: nanos(STREAM_AGE_MS),
  description: "A room of chat-server",
};
const LIMITS = [
  {
    title: "those of a new stream",
    max_bytes: STREAM_BYTES,
    ageMs: STREAM_AGE_MS,
    description: "A room of chat-server",
  },
  { title: "those of the operator", max_bytes: 50_000_000, ageMs: 86_400_000, description: "Ours" },
];

for (const { title, max_bytes, ageMs, description } of LIMITS) {
  streamTest(`NatsStream.setUnlimited() lifts and restores ${title}`, async (store, nats) => {
    const own = { max_bytes, max_age: nanos(ageMs), description };
    Object.assign(nats.configOf("CHAT_aula"), own);
    for (const isUnlimited of [false, true, true]) await store.setUnlimited(isUnlimited);
    const lifted = `${description}${NOTE}, then max_bytes ${max_bytes}, max_age ${ageMs} ms`;
    assertEquals(limitsOf(nats), { max_bytes: -1, max_age: 0, description: lifted });
    await store.setUnlimited(false);
    assertEquals(limitsOf(nats), own);
  });
}

streamTest("NatsStream.setUnlimited() keeps limits that the operator has set since", async (store, nats) => {
  await store.setUnlimited(true);
  for (const limit of [{ max_bytes: 70_000_000 }, { max_age: nanos(5_000) }, { max_msgs: 9 }]) {
    const before = { ...nats.configOf("CHAT_aula") };
    Object.assign(nats.configOf("CHAT_aula"), limit);
    await assertRejects(() => store.setUnlimited(true), Error, "limits");
    if (!("max_msgs" in limit)) {
      await store.setUnlimited(false);
      assertEquals(limitsOf(nats), { ...NEW_LIMITS, ...limit });
    }
    Object.assign(nats.configOf("CHAT_aula"), before);
  }
  // Earlier versions have noted no limits.
  nats.configOf("CHAT_aula").description = `A room of chat-server${NOTE}`;
  await store.setUnlimited(false);
  assertEquals(limitsOf(nats), NEW_LIMITS);
});

streamTest("NatsStream.read() asks again after a reconnect for what was lost", async (store, nats) => {
  await append(store, "a");
  const reader = store.read(1);
  const next = async () => decode((await withTimeout(reader.next(), "a record")).value!);
  assertEquals(await next(), "a");
  nats.disconnect();
  nats.store(nats.streams.get("CHAT_aula")!, "CHAT_aula.log", encode("b"));
  assertEquals([await next(), await next()], ["a", "b"]);
  await reader.return(undefined);
});

streamTest("NatsStream.read() asks again from its last record on after a loss", async (store, nats) => {
  await append(store, "a", "b", "c");
  nats.losses.add(2);
  const records = await withTimeout(take(4, store.read(1)), "four records");
  // The library would go on with b, without a look at whether a is still the record before it.
  assertEquals(records.map(decode), ["a", "a", "b", "c"]);
});

streamTest("NatsStream.state() is undefined without a stream, and can throw", async (store, nats) => {
  await append(store, "abc", "de");
  nats.streams.get("CHAT_aula")!.messages.shift();
  assertEquals(await store.state(), { firstPosition: 2, lastPosition: 2, recordCount: 1, bytes: 2 });
  nats.intercept = ({ subject }) => subject.includes("STREAM.INFO") ? apiError(10_008) : undefined;
  await assertRejects(() => store.state(), Error);
  nats.intercept = () => undefined;
  nats.streams.clear();
  assertEquals(await store.state(), undefined);
});
