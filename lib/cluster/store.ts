// What the journal of a room with many servers needs of the place where it is stored. Knows nothing of NATS.

import type { NatsConfig } from "./nats_access.ts";

/** Something that is stored. */
export interface StoredRecord {
  /** Counts what is stored from 1, without a gap. */
  readonly position: number;
  readonly bytes: Uint8Array;
  /** When it was stored, ms since 1970 UTC. */
  readonly timeMs: number;
  readonly isSnapshot: boolean;
  /** Whether something before it that should be there is not. */
  readonly isAfterGap: boolean;
}

/** How much is stored. */
export interface StoreState {
  /** Positions of the oldest and of the newest. */
  readonly firstPosition: number;
  readonly lastPosition: number;
  readonly recordCount: number;
  readonly bytes: number;
}

/** Where a log is stored. */
export interface StreamStore {
  /** On how many machines. */
  readonly replicas: number;
  /** Most bytes that can be stored as one. */
  readonly maxBytes: number;
  state(): Promise<StoreState>;
  /** Stores something; what was stored under the same `id` a short while ago is not stored again. Returns its
   * position; undefined if something else was stored behind position `after`, if that is given.
   * @throws {Error} if it may not have been stored */
  append(
    bytes: Uint8Array,
    options: { id: string; isSnapshot?: boolean; after?: number },
  ): Promise<number | undefined>;
  /** The first checkpoint at or behind a position, or else the last before it; undefined if there is none. */
  findSnapshotFrom(position: number): Promise<StoredRecord | undefined>;
  /** All that is stored from a position on, and will be, until it is closed. What was given last is given again,
   * as it is by then, when it may be that it is not there any more, or something else in its place. */
  read(from: number): AsyncIterable<StoredRecord>;
  /** Has {@linkcode read} ask anew for what it has not had yet. */
  restartRead(): void;
  /** Has nothing forgotten from now on, however old or much it is, or again what is too old or too much.
   * @throws {Error} if that cannot be done now */
  setUnlimited(isAll: boolean): Promise<void>;
  /** Whether somebody has deleted it. */
  isDeleted(): Promise<boolean>;
}

/** Who serves a room: a lease for each server, which ends unless it is renewed. */
export interface Leases {
  /** Takes one's own lease, as soon as that can be done.
   * @throws {Error} if it cannot */
  acquire(): Promise<void>;
  /** Renews it.
   * @throws {Error} if that cannot be done now */
  renew(): Promise<void>;
  /** The addresses of all servers that have one, by their ids. */
  list(): Promise<ReadonlyMap<bigint, string>>;
  /** Gives one's own back. */
  release(): Promise<void>;
}

/** A room in NATS that is open. */
export interface NatsRoom {
  readonly store: StreamStore;
  readonly leases: Leases;
  close(): Promise<void>;
}

export interface NatsRoomOptions extends NatsConfig {
  readonly room: string;
  readonly nodeId: bigint;
  /** Where clients reach this server, `host:port`; empty if unknown. */
  readonly address: () => string;
}
