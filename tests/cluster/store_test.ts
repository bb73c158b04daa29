// Batches and snapshots as bytes.

import { assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { NatsError, ProtocolError } from "../../lib/errors.ts";
import {
  decodeBatch,
  decodeSnapshot,
  encodeBatchHeader,
  encodeEvent,
  encodeSnapshot,
  isGenesis,
  tryDecode,
} from "../../lib/cluster/store.ts";
import type { ProposedEvent } from "../../lib/protocol/frames.ts";
import { joined, newer, said } from "../testing/cluster_node.ts";
import { pure } from "../testing/test_options.ts";

const member = { nick: "eva", address: "::1" };
const LEFT = { type: "left", timeMs: 8, sessionId: 1n, connectionLost: true, ...member, nodeId: 3n } as const;
const ENTRIES: ProposedEvent[] = [
  joined(1n, 0xffff_ffff_ffff_ffffn),
  { ...said(1n, 1), text: "año 👩‍👩‍👧" } as ProposedEvent,
  { ...said(1n, 2), redelivered: true, action: true, to: { sessionId: 2n, nick: "beto" } } as ProposedEvent,
  { type: "renamed", timeMs: 7, sessionId: 1n, oldNick: "ana", nick: "eva" },
  LEFT,
  { type: "left", timeMs: 8, sessionId: 2n, connectionLost: false, kicked: true, ...member },
  { type: "announced", timeMs: 9, text: "hola" },
  { type: "backups", timeMs: 9, backups: ["a:1", "b:2"] },
];
const BATCH = encodeBatchHeader({ nodeId: 7n, batchSeq: 3 });
const SNAPSHOT = { logId: 5n, position: 2, seq: 3, batchSeqs: new Map([[9n, 4], [2n, 1]]), events: ENTRIES };

Deno.test("decodeBatch() gives back the events of a batch, each with its own node id", pure, () => {
  const bytes = concat([BATCH, ...ENTRIES.map(encodeEvent)]);
  assertEquals(decodeBatch(bytes), { nodeId: 7n, batchSeq: 3, events: ENTRIES });
  assertEquals(decodeBatch(BATCH).events, []);
});

Deno.test("decodeSnapshot() gives back a snapshot, the last batches in their order", pure, () => {
  const back = decodeSnapshot(encodeSnapshot(SNAPSHOT));
  assertEquals(back, SNAPSHOT);
  assertEquals([...back.batchSeqs.keys()], [9n, 2n]);
});

Deno.test("tryDecode() refuses other bytes, and throws `nats-newer` for a later version", pure, () => {
  const snapshot = encodeSnapshot(SNAPSHOT);
  for (
    const [decode, bytes, other] of [[decodeBatch, BATCH, snapshot], [
      decodeSnapshot,
      snapshot,
      BATCH,
    ]] as const
  ) {
    assertEquals(assertThrows(() => decode(newer(bytes)), ProtocolError).code, "version-unsupported");
    assertEquals(assertThrows(() => tryDecode<unknown>(decode, newer(bytes)), NatsError).code, "nats-newer");
    const longer = Uint8Array.of(...bytes, 0);
    longer[3]!++;
    for (const wrong of [new Uint8Array(), other, longer]) {
      assertEquals(tryDecode<unknown>(decode, wrong), undefined);
    }
  }
});

Deno.test("encodeBatchHeader(), encodeEvent(), encodeSnapshot() write what stored rooms have", pure, () => {
  assertEquals(BATCH.toHex(), "0000000e" + "4001" + "0000000000000007" + "00000003");
  assertEquals(encodeEvent(ENTRIES[6]!).toHex().slice(8, 10), "8b");
  assertEquals(encodeEvent(LEFT).toHex().slice(0, 26), "00000009" + "41" + "0000000000000003");
  const snapshot = encodeSnapshot({ ...SNAPSHOT, batchSeqs: new Map([[9n, 4]]), events: [] });
  assertEquals(
    snapshot.toHex(),
    "00000028" + "5001" + "0000000000000005" + "0000000000000002" + "0000000000000003" + "0001" +
      "0000000000000009" + "00000004",
  );
});

Deno.test("isGenesis() is true for a snapshot of nothing alone", pure, () => {
  const results = [[0, 0], [0, 3], [3, 0]].map(([position, seq]) =>
    isGenesis({ ...SNAPSHOT, position: position!, seq: seq! })
  );
  assertEquals(results, [true, false, false]);
});
