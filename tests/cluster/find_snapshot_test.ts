// How a node that starts finds the snapshot to begin with, or creates the log.

import { assertEquals } from "@std/assert";
import { createLog, findSnapshot } from "../../lib/cluster/log_reader.ts";
import {
  decodeSnapshot,
  encodeSnapshot,
  isGenesis,
  type Snapshot,
  tryDecode,
} from "../../lib/cluster/store.ts";
import { FakeLog, FakeStore } from "../testing/fake_store.ts";

const pure = { permissions: "none" } as const;

function snapshotAt(position: number, changes: Partial<Snapshot> = {}): Snapshot {
  return { logId: 5n, position, seq: 10 * position, batchSeqs: new Map(), events: [], ...changes };
}

/** A store with a batch for each undefined, and snapshots. */
function storeOf(...stored: (Snapshot | "garbage" | undefined)[]): FakeStore {
  const log = new FakeLog();
  for (const one of stored) {
    if (one === undefined) log.inject(new Uint8Array(1));
    else log.inject(one === "garbage" ? new Uint8Array(9) : encodeSnapshot(one), { isSnapshot: true });
  }
  return new FakeStore(log);
}

Deno.test("A snapshot of nothing is a genesis, and no other is", pure, () => {
  const results = [[0, 0], [0, 3], [3, 0]].map(([position, seq]) =>
    isGenesis(snapshotAt(position!, { seq }))
  );
  assertEquals(results, [true, false, false]);
});

Deno.test("A snapshot is stored in a form that servers of this version know", pure, () => {
  const batchSeqs = new Map([[9n, 4]]);
  const bytes = encodeSnapshot(snapshotAt(2, { seq: 3, batchSeqs }));
  assertEquals(
    bytes.toHex(),
    "00000028" + "50" + "01" + "0000000000000005" + "0000000000000002" + "0000000000000003" + "0001" +
      "0000000000000009" + "00000004",
  );
  // Longer bytes are no snapshot.
  const longer = Uint8Array.of(...bytes, 0);
  longer[3]!++;
  assertEquals(tryDecode(decodeSnapshot, longer), undefined);
});

Deno.test(
  "A log is read from the first snapshot after the wanted position, or else from the last",
  pure,
  async () => {
    const [one, two] = [snapshotAt(1), snapshotAt(3)];
    const store = storeOf(undefined, one, undefined, two, undefined);
    const found = [1, 2, 3, 4, 5].map((wanted) => findSnapshot(store, wanted, 1));
    assertEquals(await Promise.all(found), [one, one, two, two, two]);
  },
);

Deno.test(
  "No snapshot is used that cannot be decoded, that lacks records after it, or that covers lost ones",
  pure,
  async () => {
    const good = snapshotAt(1);
    for (const bad of ["garbage", snapshotAt(2), snapshotAt(7)] as const) {
      for (const wanted of [1, 2]) {
        assertEquals(await findSnapshot(storeOf(undefined, bad, good), wanted, 1), good);
      }
      assertEquals(await findSnapshot(storeOf(undefined, bad), 1, 1), undefined);
    }
    // The records after it are forgotten up to here.
    const found = [2, 3].map((first) => findSnapshot(storeOf(undefined, undefined, good), 1, first));
    assertEquals(await Promise.all(found), [good, undefined]);
  },
);

Deno.test("Of two nodes that create a log at once one does, with its own logId", pure, async () => {
  const log = new FakeLog();
  const ids: string[] = [];
  const store = new FakeStore(log);
  const append = store.append.bind(store);
  store.append = (bytes, options) => {
    ids.push(options.id);
    return append(bytes, options);
  };
  const created = [await createLog(store, 0, 5n), await createLog(store, 0, 6n)];
  assertEquals(created, [snapshotAt(0), undefined]);
  assertEquals([new Set(ids).size, log.records.length], [2, 1]);
  assertEquals(tryDecode(decodeSnapshot, log.records[0]!.bytes), snapshotAt(0));
  // After the records that are there.
  assertEquals(await createLog(store, 1, 7n), { ...snapshotAt(1, { logId: 7n }), seq: 0 });
});
