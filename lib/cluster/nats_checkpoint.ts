// What a server that starts must know of the log before the part of it that is still stored: as bytes, and where it is
// found in a store. Pure.

import { concat } from "@std/bytes/concat";
import { type Frame, FrameWriter, splitFrames } from "../codec.ts";
import { ProtocolError } from "../errors.ts";
import { decodeProposals, encodeProposal, ignoreForeign } from "./nats_block.ts";
import type { StreamStore } from "./store.ts";
import type { ProposedEvent } from "../protocol/frames.ts";

/** The log up to one place. */
export interface Snapshot {
  /** Of the room, for as long as its log goes on: chosen once, by the first server. */
  readonly logId: bigint;
  /** Where the last block is stored that is part of it; 0 for none. */
  readonly position: number;
  /** `seq` of the next entry. */
  readonly seq: number;
  /** Number of the last block of each server, those that stored something last at the end. */
  readonly batchSeqs: ReadonlyMap<bigint, number>;
  /** Entries that make of nothing the room that those before `seq` have made. */
  readonly events: readonly ProposedEvent[];
}

const SNAPSHOT_VERSION = 1;
/** Type of its first frame; those of the wire and of blocks are others. */
const CHECKPOINT = 0x50;

const writer = new FrameWriter();

/** The bytes of a checkpoint. */
export function encodeSnapshot(snapshot: Snapshot): Uint8Array<ArrayBuffer> {
  const { logId, position, seq, batchSeqs, events } = snapshot;
  writer.begin(CHECKPOINT).u8(SNAPSHOT_VERSION).id(logId).u64(position).u64(seq).u16(batchSeqs.size);
  for (const [server, number] of batchSeqs) writer.id(server).u32(number);
  return concat([writer.end().slice(), ...events.map(encodeProposal)]);
}

/** A checkpoint of its bytes.
 * @throws {ProtocolError} `version-unsupported`, or what is wrong with the frame */
export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  const frames = splitFrames(bytes);
  const frame = frames.next().value as Frame | undefined;
  if (frame?.type !== CHECKPOINT) {
    throw new ProtocolError("frame-unexpected");
  }
  const version = frame.u8();
  if (version !== SNAPSHOT_VERSION) {
    throw new ProtocolError("version-unsupported");
  }
  const [logId, position, seq] = [frame.id(), frame.u64(), frame.u64()];
  const batchSeqs = new Map(Array.from({ length: frame.u16() }, () => [frame.id(), frame.u32()] as const));
  frame.end();
  return { logId, position, seq, batchSeqs, events: [...decodeProposals(frames)] };
}

/** What is stored as a checkpoint; undefined if it is none of ours.
 * @throws {NatsError} `nats-newer` */
export function tryDecodeSnapshot(bytes: Uint8Array): Snapshot | undefined {
  return ignoreForeign(() => decodeSnapshot(bytes));
}

/** Whether it is from the very beginning: of a room that begins, or begins anew. */
export function isGenesis({ position, seq }: Snapshot): boolean {
  return position === 0 && seq === 0;
}

/** A checkpoint behind which nothing is missing: the first from position `wanted` on, or else the last. */
export async function findSnapshot(
  store: StreamStore,
  wanted: number,
  first: number,
): Promise<Snapshot | undefined> {
  for (let from = wanted;;) {
    const stored = await store.findSnapshotFrom(from);
    if (!stored) return undefined;
    const snapshot = tryDecodeSnapshot(stored.bytes);
    // One that is of more than what lies before it was made of something that the store has lost.
    const isTrue = snapshot && snapshot.position < stored.position;
    if (isTrue && snapshot.position + 1 >= first) return snapshot;
    if (stored.position < from) return undefined; // the last there is
    from = stored.position + 1;
  }
}

/** Begins a room behind all that is stored, unless another server does at the same time: then it is undefined. */
export async function createLog(
  store: StreamStore,
  last: number,
  logId: bigint,
): Promise<Snapshot | undefined> {
  const snapshot = { logId, position: last, seq: 0, batchSeqs: new Map(), events: [] };
  const position = await store.append(encodeSnapshot(snapshot), {
    id: `begin-${logId.toString(16)}`,
    isSnapshot: true,
    after: last,
  });
  return position === undefined ? undefined : snapshot;
}
