// What servers of one room store in NATS: blocks of entries, as bytes. Pure; knows nothing of NATS.
//
// A block is a sequence of frames: BLOCK, then each entry as it is on the wire, with `seq` 0 and, if it has a
// home, HOME before it.

import { concat } from "@std/bytes/concat";
import { type Frame, FrameWriter, splitFrames } from "../codec.ts";
import { NatsError, ProtocolError } from "../errors.ts";
import { decodeServer, encodeEntry, type ProposedEvent, type RoomEvent } from "../protocol/frames.ts";

/** Version of the form in which blocks are stored. */
const BLOCK_VERSION = 1;
/** Types of frames that stand before entries; those of the wire are others. */
const BLOCK = 0x40, NODE_ID_FRAME = 0x41;

/** Where a block comes from. */
interface BatchHeader {
  /** The server that made it. */
  readonly nodeId: bigint;
  /** Counts the blocks of a server from 1. */
  readonly batchSeq: number;
}

/** A block as it is stored. */
export interface Batch extends BatchHeader {
  readonly entries: readonly ProposedEvent[];
}

const writer = new FrameWriter();

/** An entry as part of a block. */
export function encodeProposal(proposal: ProposedEvent): Uint8Array<ArrayBuffer> {
  const frame = encodeEntry(proposal, 0);
  if (proposal.nodeId === undefined) return frame.slice();
  return concat([writer.begin(NODE_ID_FRAME).id(proposal.nodeId).end(), frame]);
}

/** The beginning of a block. */
export function encodeBlockHead({ nodeId, batchSeq }: BatchHeader): Uint8Array<ArrayBuffer> {
  return writer.begin(BLOCK).u8(BLOCK_VERSION).id(nodeId).u32(batchSeq).end().slice();
}

/** What is in a block.
 * @throws {ProtocolError} `version-unsupported`, or what is wrong with a frame */
export function decodeBlock(bytes: Uint8Array): Batch {
  const frames = splitFrames(bytes);
  const first = frames.next().value as Frame | undefined;
  if (first?.type !== BLOCK) {
    throw new ProtocolError("frame-unexpected");
  }
  const version = first.u8();
  if (version !== BLOCK_VERSION) {
    throw new ProtocolError("version-unsupported");
  }
  return { nodeId: first.id(), batchSeq: first.u32(), entries: [...decodeProposals(frames)] };
}

/** The entries of frames that {@linkcode encodeProposal} made.
 * @throws {ProtocolError} what is wrong with a frame */
export function* decodeProposals(frames: Iterable<Frame>): Generator<ProposedEvent> {
  let nodeId: bigint | undefined;
  for (const frame of frames) {
    if (frame.type === NODE_ID_FRAME) {
      nodeId = frame.id();
      continue;
    }
    const { seq: _, ...entry } = decodeServer(frame) as RoomEvent;
    yield nodeId === undefined ? entry : { ...entry, nodeId };
    nodeId = undefined;
  }
}

/** What is stored as a block; undefined if it is none of ours.
 * @throws {NatsError} `nats-newer` */
export function tryDecodeBatch(bytes: Uint8Array): Batch | undefined {
  return ignoreForeign(() => decodeBlock(bytes));
}

/** What is read; undefined if it cannot be.
 * @throws {NatsError} `nats-newer` if that is because it is of a later version */
export function ignoreForeign<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof ProtocolError) || cause.code !== "version-unsupported") return undefined;
    throw new NatsError("nats-newer", {}, { cause });
  }
}
