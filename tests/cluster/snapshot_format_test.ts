// What a server that starts makes of the checkpoints that it finds in a store.

import { assertEquals } from "@std/assert";
import {
  createLog,
  encodeSnapshot,
  findSnapshot,
  isGenesis,
  type Snapshot,
  tryDecodeSnapshot,
} from "../../lib/cluster/nats_checkpoint.ts";
import { FakeLog, FakeStore } from "./fake_store.ts";

const pure = { permissions: "none" } as const;

function snapshotAt(position: number, changes: Partial<Snapshot> = {}): Snapshot {
  return { logId: 5n, position, seq: 10 * position, batchSeqs: new Map(), events: [], ...changes };
}

/** A store that holds a block for each undefined, and checkpoints. */
function storeOf(...stored: (Snapshot | "garbage" | undefined)[]): FakeStore {
  const log = new FakeLog();
  for (const one of stored) {
    if (one === undefined) log.inject(new Uint8Array(1));
    else log.inject(one === "garbage" ? new Uint8Array(9) : encodeSnapshot(one), { isSnapshot: true });
  }
  return new FakeStore(log);
}

Deno.test("A checkpoint of nothing marks a log that begins, and no other does", pure, () => {
  const marks = [[0, 0], [0, 3], [3, 0]].map(([position, seq]) => isGenesis(snapshotAt(position!, { seq })));
  assertEquals(marks, [true, false, false]);
});

Deno.test("A checkpoint is stored in a form that servers of this version know", pure, () => {
  const batchSeqs = new Map([[9n, 4]]);
  const bytes = encodeSnapshot(snapshotAt(2, { seq: 3, batchSeqs }));
  assertEquals(
    bytes.toHex(),
    "00000028" + "50" + "01" + "0000000000000005" + "0000000000000002" + "0000000000000003" + "0001" +
      "0000000000000009" + "00000004",
  );
  // One that has more than that is none.
  const longer = Uint8Array.of(...bytes, 0);
  longer[3]!++;
  assertEquals(tryDecodeSnapshot(longer), undefined);
});

Deno.test(
  "A log is read from the first checkpoint behind the wanted place, or else from the last",
  pure,
  async () => {
    const [one, two] = [snapshotAt(1), snapshotAt(3)];
    const store = storeOf(undefined, one, undefined, two, undefined);
    const found = [1, 2, 3, 4, 5].map((wanted) => findSnapshot(store, wanted, 1));
    assertEquals(await Promise.all(found), [one, one, two, two, two]);
  },
);

Deno.test(
  "No checkpoint is used that cannot be read, or that lacks something or has too much",
  pure,
  async () => {
    const good = snapshotAt(1);
    for (const bad of ["garbage", snapshotAt(2), snapshotAt(7)] as const) {
      for (const wanted of [1, 2]) {
        assertEquals(await findSnapshot(storeOf(undefined, bad, good), wanted, 1), good);
      }
      assertEquals(await findSnapshot(storeOf(undefined, bad), 1, 1), undefined);
    }
    // What is behind it is forgotten up to here.
    const found = [2, 3].map((first) => findSnapshot(storeOf(undefined, undefined, good), 1, first));
    assertEquals(await Promise.all(found), [good, undefined]);
  },
);

Deno.test("Of two servers that begin a room at once one does, under an id of its own", pure, async () => {
  const log = new FakeLog();
  const ids: string[] = [];
  const store = new FakeStore(log);
  const append = store.append.bind(store);
  store.append = (bytes, options) => {
    ids.push(options.id);
    return append(bytes, options);
  };
  const begun = [await createLog(store, 0, 5n), await createLog(store, 0, 6n)];
  assertEquals(begun, [snapshotAt(0), undefined]);
  assertEquals([new Set(ids).size, log.records.length], [2, 1]);
  assertEquals(tryDecodeSnapshot(log.records[0]!.bytes), snapshotAt(0));
  // Behind what is there already.
  assertEquals(await createLog(store, 1, 7n), { ...snapshotAt(1, { logId: 7n }), seq: 0 });
});
