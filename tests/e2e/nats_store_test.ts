// Records in a JetStream stream: appended, found and read.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectNats } from "../../lib/cluster/nats/connection.ts";
import type { StoredRecord } from "../../lib/cluster/store.ts";
import { NatsStream } from "../../lib/cluster/nats/stream.ts";
import { NatsServer, withNats } from "../testing/nats_server.ts";
import { TestFolder } from "../testing/test_folder.ts";
import { bytes, inNats, openRoom } from "./nats_room.ts";
import { withTimeout } from "../testing/waiting.ts";

const textOf = (stored: StoredRecord | undefined) => stored && new TextDecoder().decode(stored.bytes);

async function take(count: number, stored: AsyncIterable<StoredRecord>): Promise<StoredRecord[]> {
  const taken: StoredRecord[] = [];
  for await (const one of stored) if (taken.push(one) === count) break;
  return taken;
}

Deno.test(
  "Records are read in order, from any position, also by readers that wait for them",
  withNats,
  () =>
    inNats(async ({ store }) => {
      const waiting = take(4, store.read(1));
      for (const [n, text] of ["a", "b", "c"].entries()) {
        assertEquals(await store.append(bytes(text), { id: text }), n + 1);
      }
      assertEquals(await store.append(bytes("d"), { id: "d", isSnapshot: true }), 4);
      const all = await withTimeout(waiting, () => "what is stored");
      assertEquals(all.map(textOf), ["a", "b", "c", "d"]);
      assertEquals(all.map(({ position }) => position), [1, 2, 3, 4]);
      assertEquals(all.map(({ isSnapshot, isAfterGap }) => [isSnapshot, isAfterGap]), [
        ...Array(3).fill([false, false]),
        [true, false],
      ]);
      assert(all.every(({ timeMs }) => Math.abs(Date.now() - timeMs) < 60_000));
      assertEquals((await take(2, store.read(3))).map(textOf), ["c", "d"]);
      const { firstPosition, lastPosition, recordCount } = await store.state();
      assertEquals([firstPosition, lastPosition, recordCount], [1, 4, 4]);
    }),
);

Deno.test(
  "A record is stored once per id, and not after a record that is not the last",
  withNats,
  () =>
    inNats(async ({ store }) => {
      assertEquals(await store.append(bytes("a"), { id: "x", after: 0 }), 1);
      assertEquals(await store.append(bytes("a"), { id: "x" }), 1);
      assertEquals(await store.append(bytes("b"), { id: "y", after: 0 }), undefined);
      assertEquals(await store.append(bytes("b"), { id: "z", after: 1 }), 2);
      assertEquals((await store.state()).recordCount, 2);
    }),
);

Deno.test(
  "Snapshots are found from a position on, or else the last one",
  withNats,
  () =>
    inNats(async ({ store }) => {
      assertEquals(await store.findSnapshotFrom(1), undefined);
      for (const text of ["a", "b", "c", "d", "e"]) {
        await store.append(bytes(text), { id: text, isSnapshot: text === "b" || text === "d" });
      }
      const found = await Promise.all([1, 2, 3, 5, 99].map((from) => store.findSnapshotFrom(from)));
      assertEquals(found.map(textOf), ["b", "b", "d", "d", "d"]);
      assertEquals(found[0]!.position, 2);
    }),
);

Deno.test(
  "A reader goes on after an outage of NATS, and appends fail meanwhile",
  withNats,
  async () => {
    await using folder = new TestFolder();
    await using nats = await NatsServer.start({ folder: folder.path });
    const room = await openRoom(nats);
    const reading = take(2, room.store.read(1));
    await room.store.append(bytes("a"), { id: "a" });
    const { maxBytes } = room.store;
    await nats.kill();
    await assertRejects(() => room.store.append(bytes("b"), { id: "b" }), Error);
    assertEquals(room.store.maxBytes, maxBytes);
    nats.start();
    await nats.answers();
    for (let isStored = false; !isStored;) {
      isStored = await room.store.append(bytes("b"), { id: "b" }).then(() => true, () => false);
    }
    assertEquals((await withTimeout(reading, () => "the rest")).map(textOf), ["a", "b"]);
    assertEquals([await room.store.isDeleted(), (await room.store.state()).recordCount], [false, 2]);
    await room.close();
  },
);

Deno.test(
  "A reader of a store that was restored from a backup gets its last record again",
  withNats,
  async () => {
    await using folder = new TestFolder();
    const [now, then] = [`${folder.path}/now`, `${folder.path}/then`];
    await using nats = await NatsServer.start({ folder: now });
    const room = await openRoom(nats);
    const store = async (...texts: string[]) => {
      for (const text of texts) {
        while (!await room.store.append(bytes(text), { id: text }).catch(() => undefined));
      }
    };
    const restart = async (between: () => Promise<void>) => {
      await nats.kill();
      await between();
      nats.start();
      await nats.answers();
    };
    await store("a");
    await restart(() => copyFolder(now, then));
    const given: (string | undefined)[] = [];
    const reading = (async () => {
      for await (const stored of room.store.read(1)) {
        given.push(`${stored.position}${textOf(stored)}${stored.isAfterGap ? " gap" : ""}`);
      }
    })();
    await store("b", "c");
    const reads = (text: string) =>
      withTimeout(
        (async () => {
          while (!given.includes(text)) await new Promise((resolve) => setTimeout(resolve, 20));
        })(),
        () => `${text} after ${given}`,
      );
    await reads("3c");
    await restart(async () => {
      await Deno.remove(now, { recursive: true });
      await copyFolder(then, now);
    });
    await store("x", "y", "z");
    await reads("4z");
    const news = given.filter((text, index) => text !== given[index - 1]);
    assertEquals(news, ["1a", "2b", "3c", "3y", "4z"]);
    await room.close();
    await reading;
  },
);

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

Deno.test(
  "NATS sends some messages ahead, not all, and goes on at once when they are read",
  withNats,
  async () => {
    await using folder = new TestFolder();
    await using nats = await NatsServer.start({ folder: folder.path });
    const link = await connectNats({ servers: [nats.address], isTls: false });
    const store = await NatsStream.open(link, "aula", [nats.address]);
    const [big, count] = [new Uint8Array(50_000), 200];
    for (let n = 0; n < count; n++) await store.append(big, { id: `${n}` });
    const { inBytes } = link.nc.stats();
    let taken = 0;
    const reading = (async () => {
      for await (const _ of store.read(1)) {
        if (++taken === 1) await new Promise((resolve) => setTimeout(resolve, 1_000));
        if (taken === 1) assert(link.nc.stats().inBytes - inBytes < count / 2 * big.length);
        if (taken === count) break;
      }
    })();
    await withTimeout(reading, () => `the rest after ${taken}`);
    store.close();
    await link.nc.close();
  },
);

Deno.test(
  "Every reader of a store is restarted, also one that was left without ending",
  withNats,
  () =>
    inNats(async ({ store }) => {
      await store.append(bytes("a"), { id: "a" });
      const readers = [store.read(1), store.read(1)].map((stored) => stored[Symbol.asyncIterator]());
      const texts = () => Promise.all(readers.map(async (reader) => textOf((await reader.next()).value)));
      assertEquals(await withTimeout(texts(), () => "what is stored"), ["a", "a"]);
      const again = texts();
      store.restartRead();
      assertEquals(await withTimeout(again, () => "the same again"), ["a", "a"]);
      await Promise.all(readers.map((reader) => reader.return?.()));
    }),
);
