// What a server that starts must know of the log before the part of it that is still stored, as bytes. Pure.

import { concat } from "@std/bytes/concat";
import { type Frame, framesOf, FrameWriter } from "./codec.ts";
import { ProtocolError } from "./errors.ts";
import { decodeProposals, encodeProposal } from "./nats_block.ts";
import type { Proposal } from "./protocol.ts";

/** The log up to one place. */
export interface Checkpoint {
  /** Of the room, for as long as its log goes on: chosen once, by the first server. */
  readonly instance: bigint;
  /** Where the last block is stored that is part of it; 0 for none. */
  readonly position: number;
  /** `seq` of the next entry. */
  readonly seq: number;
  /** Number of the last block of each server, those that stored something last at the end. */
  readonly numbers: ReadonlyMap<bigint, number>;
  /** Entries that make of nothing the room that those before `seq` have made. */
  readonly past: readonly Proposal[];
}

const CHECKPOINT_VERSION = 1;
/** Type of its first frame; those of the wire and of blocks are others. */
const CHECKPOINT = 0x50;

const writer = new FrameWriter();

/** The bytes of a checkpoint. */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array<ArrayBuffer> {
  const { instance, position, seq, numbers, past } = checkpoint;
  writer.begin(CHECKPOINT).u8(CHECKPOINT_VERSION).id(instance).u64(position).u64(seq).u16(numbers.size);
  for (const [server, number] of numbers) writer.id(server).u32(number);
  return concat([writer.end().slice(), ...past.map(encodeProposal)]);
}

/** A checkpoint of its bytes.
 * @throws {ProtocolError} `version-unsupported`, or what is wrong with the frame */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const frames = framesOf(bytes);
  const frame = frames.next().value as Frame | undefined;
  if (frame?.type !== CHECKPOINT) {
    throw new ProtocolError("frame-unexpected", "Cannot read checkpoint: it does not begin like one");
  }
  const version = frame.u8();
  if (version !== CHECKPOINT_VERSION) {
    throw new ProtocolError("version-unsupported", `Cannot read checkpoint of version ${version}`);
  }
  const [instance, position, seq] = [frame.id(), frame.u64(), frame.u64()];
  const numbers = new Map(Array.from({ length: frame.u16() }, () => [frame.id(), frame.u32()] as const));
  frame.end();
  return { instance, position, seq, numbers, past: [...decodeProposals(frames)] };
}
