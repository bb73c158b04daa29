import { assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { ProtocolError } from "../../lib/errors.ts";
import {
  decodeBatch,
  decodeSnapshot,
  encodeBatchHeader,
  encodeEvent,
  encodeSnapshot,
} from "../../lib/cluster/store.ts";
import type { ProposedEvent } from "../../lib/protocol/frames.ts";

const pure = { permissions: "none" } as const;

const ENTRIES: ProposedEvent[] = [
  {
    ...{ type: "joined", timeMs: 5, sessionId: 1n, rejoined: false, nick: "ana", address: "::1" },
    nodeId: 0xffff_ffff_ffff_ffffn,
  },
  { type: "said", timeMs: 6, sessionId: 1n, clientSeq: 1, redelivered: false, nick: "ana", text: "año 👩‍👩‍👧" },
  {
    ...{
      type: "said",
      timeMs: 6,
      sessionId: 1n,
      clientSeq: 2,
      redelivered: true,
      nick: "ana",
      text: "",
      action: true,
    },
    to: { sessionId: 2n, nick: "beto" },
  },
  { type: "renamed", timeMs: 7, sessionId: 1n, oldNick: "ana", nick: "eva" },
  { type: "left", timeMs: 8, sessionId: 1n, connectionLost: true, nick: "eva", address: "::1", nodeId: 3n },
  {
    type: "left",
    timeMs: 8,
    sessionId: 2n,
    connectionLost: false,
    kicked: true,
    nick: "beto",
    address: "::1",
  },
  { type: "announced", timeMs: 9, text: "hola" },
  { type: "backups", timeMs: 9, backups: ["a:1", "b:2"] },
];

Deno.test("A batch holds entries as they were, each with its own node id", pure, () => {
  const bytes = concat([encodeBatchHeader({ nodeId: 7n, batchSeq: 3 }), ...ENTRIES.map(encodeEvent)]);
  assertEquals(decodeBatch(bytes), { nodeId: 7n, batchSeq: 3, events: ENTRIES });
  assertEquals(decodeBatch(encodeBatchHeader({ nodeId: 7n, batchSeq: 1 })).events, []);
});

Deno.test("A snapshot holds the events before it, and the last batches in their order", pure, () => {
  const batchSeqs = new Map([[9n, 4], [2n, 1]]);
  const snapshot = { logId: 5n, position: 12, seq: 34, batchSeqs, events: ENTRIES };
  const back = decodeSnapshot(encodeSnapshot(snapshot));
  assertEquals(back, snapshot);
  assertEquals([...back.batchSeqs.keys()], [9n, 2n]);
});

Deno.test("Bytes that are no batch or snapshot, or of another version, are refused", pure, () => {
  const batch = encodeBatchHeader({ nodeId: 7n, batchSeq: 1 });
  const snapshot = encodeSnapshot({ logId: 5n, position: 0, seq: 0, batchSeqs: new Map(), events: [] });
  for (const [decode, bytes] of [[decodeBatch, batch], [decodeSnapshot, snapshot]] as const) {
    const newer = bytes.slice();
    newer[5]!++;
    assertEquals(assertThrows(() => decode(newer), ProtocolError).code, "version-unsupported");
    for (const other of [new Uint8Array(), decode === decodeBatch ? snapshot : batch]) {
      assertEquals(assertThrows(() => decode(other), ProtocolError).code, "frame-unexpected");
    }
  }
});

Deno.test("A batch is stored in a form that servers of this version know", pure, () => {
  assertEquals(
    encodeBatchHeader({ nodeId: 7n, batchSeq: 3 }).toHex(),
    "0000000e" + "4001" + "0000000000000007" + "00000003",
  );
  const local = encodeEvent({ type: "announced", timeMs: 9, text: "hola" });
  const left = {
    type: "left",
    timeMs: 8,
    sessionId: 1n,
    connectionLost: true,
    nick: "eva",
    address: "::1",
    nodeId: 3n,
  } as const;
  assertEquals(local.toHex().slice(8, 10), "8b");
  assertEquals(encodeEvent(left).toHex().slice(0, 26), "00000009" + "41" + "0000000000000003");
});
