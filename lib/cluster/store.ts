// What the cluster needs of the store that keeps its log, and batches and snapshots as bytes.

import { concat } from "@std/bytes/concat";
import { type Frame, FrameWriter, splitFrames } from "../codec.ts";
import { NatsError, ProtocolError } from "../errors.ts";
import { decodeServer, encodeEntry, type ProposedEvent, type RoomEvent } from "../protocol/frames.ts";
import { frame, id, list, record, u16, u32, u64, type ValuesOf, version } from "../protocol/schema.ts";

/** A batch or a snapshot in the store. */
export interface StoredRecord {
  /** Counts the records from 1, without a gap. */
  readonly position: number;
  readonly bytes: Uint8Array;
  /** When the store took it, ms since 1970 UTC. */
  readonly timeMs: number;
  readonly isSnapshot: boolean;
  /** Whether records before it are missing. */
  readonly isAfterGap: boolean;
}

export interface StoreState {
  readonly firstPosition: number;
  readonly lastPosition: number;
  readonly recordCount: number;
  readonly bytes: number;
}

/** A stream of records: every node appends to it, and every node reads all of it in the same order. */
export interface StreamStore {
  /** On how many machines the stream is kept. */
  readonly replicas: number;
  /** Largest record that can be appended. */
  readonly maxBytes: number;
  /** Undefined if there is no stream: an operator has deleted it, or the store was emptied.
   * @throws {Error} if the store does not answer */
  state(): Promise<StoreState | undefined>;
  /** Appends a record. The store drops a second one with the same `id`, for some minutes. `after`: append only if this
   * is the last position. Returns the position, undefined if `after` was not the last one.
   * @throws {Error} if the record may not have been stored */
  append(
    bytes: Uint8Array,
    options: { id: string; isSnapshot?: boolean; after?: number },
  ): Promise<number | undefined>;
  /** The first snapshot at this position or later, else the last one before it. */
  findSnapshotFrom(position: number): Promise<StoredRecord | undefined>;
  /** All records from this position on, those to come included, until the store is closed. After a reconnect the last
   * record is yielded again, so that the reader can tell whether another one took its place. */
  read(from: number): AsyncIterable<StoredRecord>;
  /** Makes every {@linkcode read} ask the store anew for the records that it has not yielded yet. */
  restartRead(): void;
  /** Lifts the limits on the age and size of the stream, or puts them back.
   * @throws {Error} if the stream cannot be changed now */
  setUnlimited(isUnlimited: boolean): Promise<void>;
}

/** The leases of a room: each node holds one, which expires unless it is renewed. */
export interface Leases {
  /** Takes this node's lease, trying until the store answers. `address`: where clients reach this node, as `host:port`,
   * empty if it does not listen yet.
   * @throws {Error} if it cannot be taken */
  acquire(address: string): Promise<void>;
  /** @throws {Error} if it cannot be renewed now */
  renew(address: string): Promise<void>;
  /** The addresses of all nodes that hold a lease, by node id. */
  list(): Promise<ReadonlyMap<bigint, string>>;
  release(): Promise<void>;
}

export type NatsCredentials =
  | { readonly type: "user"; readonly user: string; readonly password: string }
  | { readonly type: "token"; readonly token: string }
  /** Text of a credentials file as NATS's `nsc` writes it. */
  | { readonly type: "creds"; readonly text: string };

/** Where NATS is and how to log in. */
export interface NatsConfig {
  /** `host:port`, without passwords. */
  readonly servers: readonly string[];
  readonly credentials?: NatsCredentials;
  /** Whether to refuse a server without TLS. */
  readonly isTls: boolean;
  /** PEM of the authorities to trust instead of those of the system. */
  readonly ca?: string;
}

export interface NatsRoom {
  readonly store: StreamStore;
  readonly leases: Leases;
  close(): Promise<void>;
}

/** Connects to NATS and creates the stream of a room if there is none. `cluster/nats/room.ts` has the one implementation,
 * and is loaded only where it is called. */
export type OpenNatsRoom = (
  config: NatsConfig,
  options: { readonly room: string; readonly nodeId: bigint; readonly signal?: AbortSignal },
) => Promise<NatsRoom>;

const BATCH_VERSION = 1;
const SNAPSHOT_VERSION = 1;
/** Before the events of a batch. The codes of frames in the store are none of the wire. */
const batchFrame = frame(0x40, {
  version: version(BATCH_VERSION),
  /** The node that wrote the batch. */
  nodeId: id,
  /** Counts the batches of a node from 1. */
  batchSeq: u32,
});
/** Before an event that has a `nodeId`. */
const nodeIdFrame = frame(0x41, { nodeId: id });
/** Before the events of a snapshot. */
const snapshotFrame = frame(0x50, {
  version: version(SNAPSHOT_VERSION),
  /** Chosen by the first node of the room, and again when the end of the log is lost. */
  logId: id,
  /** Of the last record that the snapshot covers, 0 for none. */
  position: u64,
  /** Of the next event. */
  seq: u64,
  /** The last batch of each node, in the order in which they were stored. */
  batchSeqs: list(record("batch", { nodeId: id, batchSeq: u32 }), 0xffff, u16),
});

type BatchHeader = Omit<ValuesOf<typeof batchFrame.shape>, "version">;

/** Events that one node has proposed, each stored as on the wire with `seq` 0. */
interface Batch extends BatchHeader {
  readonly events: readonly ProposedEvent[];
}

/** The log up to a position. */
export interface Snapshot extends Omit<ValuesOf<typeof snapshotFrame.shape>, "version" | "batchSeqs"> {
  /** The last batch of each node, by node id, in the order in which they were stored. */
  readonly batchSeqs: ReadonlyMap<bigint, number>;
  /** Events that lead to the state of the room before `seq`. */
  readonly events: readonly ProposedEvent[];
}

const writer = new FrameWriter();

/** An event as a part of a batch or of a snapshot. */
export function encodeEvent(event: ProposedEvent): Uint8Array<ArrayBuffer> {
  const { nodeId } = event;
  const bytes = encodeEntry(event, 0);
  return nodeId === undefined ? bytes.slice() : concat([nodeIdFrame.encode(writer, { nodeId }), bytes]);
}

export function encodeBatchHeader(header: BatchHeader): Uint8Array<ArrayBuffer> {
  return batchFrame.encode(writer, { version: BATCH_VERSION, ...header }).slice();
}

/** @throws {ProtocolError} `version-unsupported`, or the code of an invalid frame */
export function decodeBatch(bytes: Uint8Array): Batch {
  const frames = splitFrames(bytes);
  const { nodeId, batchSeq } = batchFrame.decode(frames.next().value);
  return { nodeId, batchSeq, events: [...decodeEvents(frames)] };
}

export function encodeSnapshot(snapshot: Snapshot): Uint8Array<ArrayBuffer> {
  const batchSeqs = Array.from(snapshot.batchSeqs, ([nodeId, batchSeq]) => ({ nodeId, batchSeq }));
  const header = snapshotFrame.encode(writer, { ...snapshot, version: SNAPSHOT_VERSION, batchSeqs }).slice();
  return concat([header, ...snapshot.events.map(encodeEvent)]);
}

/** @throws {ProtocolError} `version-unsupported`, or the code of an invalid frame */
export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  const frames = splitFrames(bytes);
  const { logId, position, seq, batchSeqs } = snapshotFrame.decode(frames.next().value);
  return {
    logId,
    position,
    seq,
    batchSeqs: new Map(batchSeqs.map(({ nodeId, batchSeq }) => [nodeId, batchSeq])),
    events: [...decodeEvents(frames)],
  };
}

function* decodeEvents(frames: Iterable<Frame>): Generator<ProposedEvent> {
  let nodeId: bigint | undefined;
  for (const frame of frames) {
    if (frame.type === nodeIdFrame.code) {
      ({ nodeId } = nodeIdFrame.decode(frame));
      continue;
    }
    const { seq: _, ...event } = decodeServer(frame) as RoomEvent;
    yield nodeId === undefined ? event : { ...event, nodeId };
    nodeId = undefined;
  }
}

/** Undefined if the bytes are not what `decode` decodes.
 * @throws {NatsError} `nats-newer` */
export function tryDecode<Result>(
  decode: (bytes: Uint8Array) => Result,
  bytes: Uint8Array,
): Result | undefined {
  try {
    return decode(bytes);
  } catch (cause) {
    if (!(cause instanceof ProtocolError) || cause.code !== "version-unsupported") return undefined;
    throw new NatsError("nats-newer", {}, { cause });
  }
}

/** Whether the snapshot covers no record: it begins a new stream, or what a fork leaves of the log. */
export function isGenesis({ position, seq }: Snapshot): boolean {
  return position === 0 && seq === 0;
}
