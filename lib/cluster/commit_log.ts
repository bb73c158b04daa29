// The journal of a room that many servers share: what is proposed goes into blocks, these into a store that puts
// the blocks of all servers into one order, and that order makes the entries. Knows nothing of NATS.

import { LruMap } from "../base/limits.ts";
import { setTimeout as delay } from "node:timers/promises";
import { BatchWriter } from "./batch_writer.ts";
import { Snapshots, type SnapshotsOptions } from "./checkpoints.ts";
import { type Instant, randomId } from "../base/time.ts";
import { NatsError } from "../errors.ts";
import type { Apply, CommitLog } from "../room/commit_log.ts";
import { LogReader, type LogReaderOptions, logTruncated } from "./log_reader.ts";
import { RoomState } from "../room/state.ts";
import { type Batch, encodeProposal, tryDecodeBatch } from "./nats_block.ts";
import { encodeSnapshot, isGenesis, tryDecodeSnapshot } from "./nats_checkpoint.ts";
import type { StoredRecord, StreamStore } from "./store.ts";
import type { ProposedEvent } from "../protocol/frames.ts";

/** Bytes of proposals that may wait until nobody should say more. */
const MAX_UNCOMMITTED_BYTES = 8_388_608;
/** Most servers whose blocks are told apart: each start of one makes another. */
const MAX_PRODUCERS = 256;
/** After so many checks that find too little, it is believed. */
const TRUNCATED_CHECKS = 3;
/** Stands for no server. */
const NO_NODE = 0n;
/** From look to look whether all is stored, in ms. */
const DRAIN_POLL_MS = 20;

/** What a shared journal needs. */
export interface ReplicatedCommitLogOptions
  extends LogReaderOptions, Pick<SnapshotsOptions, "onSnapshotTooLarge" | "snapshotEntries"> {
  /** This server's id, random and not zero. */
  readonly nodeId: bigint;
  /** Told when the store is away, and something waits for it; and when that is over. */
  readonly onStalled?: (isUnavailable: boolean) => void;
  /** Told what cannot be mended: the journal gives nothing any more. */
  readonly onFailed?: (error: NatsError) => void;
  readonly unavailableAfterMs?: number;
  readonly deletedMs?: number;
  readonly maxUncommittedBytes?: number;
}

/** A journal that many servers follow. */
export class ReplicatedCommitLog implements CommitLog {
  readonly nodeId: bigint;
  readonly firstSeq: number;
  readonly logId: bigint;
  readonly #options: ReplicatedCommitLogOptions;
  readonly #store: StreamStore;
  readonly #reader: LogReader;
  readonly #writer: BatchWriter;
  readonly #snapshots: Snapshots;
  /** Number of the last block of each server, who stored something last at the end. */
  readonly #batchSeqs: LruMap<bigint, number>;
  /** Who is in after all that was given, for checkpoints. */
  readonly #state = new RoomState();
  #snapshot: readonly ProposedEvent[];
  #seq: number;
  /** Of what was given last. */
  #position: number;
  #lastMonotonicMs = -Infinity;
  /** How many checks in a row have found less than had come. */
  #truncatedChecks = 0;
  #isClosed = false;
  #apply: Apply = () => {};
  #onReady: () => void = () => {};

  private constructor(store: StreamStore, reader: LogReader, options: ReplicatedCommitLogOptions) {
    const { nodeId, clock, onFailed } = options;
    const { snapshot, logId } = reader;
    this.#store = store;
    this.#reader = reader;
    this.#options = options;
    this.nodeId = nodeId;
    this.logId = logId;
    this.firstSeq = this.#seq = snapshot.seq;
    this.#snapshot = snapshot.events;
    for (const entry of snapshot.events) this.#state.apply(entry);
    this.#batchSeqs = new LruMap(MAX_PRODUCERS, snapshot.batchSeqs);
    this.#position = snapshot.position;
    this.#writer = new BatchWriter(store, {
      ...options,
      nowMs: () => clock().monotonicMs,
      onStored: (position, batchSeq) => this.#onStored(position, batchSeq),
      onSnapshotTooLarge: (bytes) => void this.#snapshots.onTooLarge(bytes),
      onStreamDeleted: () => onFailed?.(new NatsError("nats-stream-gone")),
    });
    this.#snapshots = new Snapshots({ ...options, store, wallMs: () => clock().wallMs });
    reader.subscribe(() => {
      if (!this.#isClosed) this.#onReady();
    });
    void reader.done.then((error) => {
      if (this.#isClosed) return;
      if (error?.code === "nats-log-back") this.#forkLog();
      else if (error) this.#fail(error);
    });
  }

  /** Reads the past of a room, or begins one.
   * @throws what {@linkcode LogReader.open} throws */
  static async open(store: StreamStore, options: ReplicatedCommitLogOptions): Promise<ReplicatedCommitLog> {
    return new ReplicatedCommitLog(store, await LogReader.open(store, options), options);
  }

  get snapshot(): readonly ProposedEvent[] {
    return this.#snapshot;
  }

  get isBlocked(): boolean {
    return this.#writer.unwrittenBytes >= (this.#options.maxUncommittedBytes ?? MAX_UNCOMMITTED_BYTES);
  }

  get isUnavailable(): boolean {
    return this.#writer.isUnavailable;
  }

  subscribe(apply: Apply, onReady: () => void): void {
    this.#apply = apply;
    this.#onReady = onReady;
    this.#snapshot = []; // it was asked for before
    this.deliver();
  }

  propose(proposal: ProposedEvent): void {
    this.#writer.add(encodeProposal(proposal));
  }

  deliver(): void {
    for (const stored of this.#reader.drain()) {
      // What comes behind something that is not understood would get numbers that it has nowhere else.
      if (this.#isClosed) return;
      this.#position = stored.position;
      if (stored.isSnapshot) this.#noteCheckpoint(stored);
      else this.#applyBatch(this.#tryDecodeBatch(stored), stored);
    }
  }

  /** To be called now and then: notices if the store has lost what it had. */
  async verifyTail(): Promise<void> {
    const { position } = this.#reader.last;
    const { lastPosition } = await this.#store.state();
    this.#truncatedChecks = lastPosition < position ? this.#truncatedChecks + 1 : 0;
    // One that has just begun to lead a cluster may not know all for a moment.
    if (this.#truncatedChecks >= TRUNCATED_CHECKS) this.#forkLog();
  }

  /** To be called now and then, by one of the servers: writes a checkpoint if there was none for long. */
  snapshotIfDue(): void {
    if (this.#snapshots.isDue) this.#writeCheckpoint();
  }

  /** Waits until all that was proposed is stored, at most so long, and ends. */
  async close({ drainTimeoutMs = 0 }: { drainTimeoutMs?: number } = {}): Promise<void> {
    const { clock } = this.#options;
    for (
      const endMs = clock().monotonicMs + drainTimeoutMs;
      !this.#writer.isIdle && clock().monotonicMs < endMs;
    ) {
      await delay(DRAIN_POLL_MS);
      this.deliver();
    }
    this.#stop();
  }

  /** What others have stored that is none of ours makes nothing, on any server; what is of a later version ends this
   * one, which would make less of it than others do. */
  #tryDecodeBatch({ bytes }: StoredRecord): Batch {
    const block = this.#decodeOrFail(() => tryDecodeBatch(bytes));
    return block ?? { nodeId: NO_NODE, batchSeq: 0, entries: [] };
  }

  #decodeOrFail<Result>(read: () => Result): Result | undefined {
    try {
      return read();
    } catch (error) {
      this.#fail(error as NatsError);
      return undefined;
    }
  }

  /** Nothing more is given, nor stored. */
  #stop(): void {
    this.#isClosed = true;
    this.#writer.close();
  }

  #fail(error: NatsError): void {
    this.#stop();
    this.#options.onFailed?.(error);
  }

  #applyBatch({ nodeId, batchSeq, entries }: Batch, stored: StoredRecord): void {
    if (nodeId === this.nodeId) this.#writer.onReadBack(batchSeq, entries.length);
    // One that was stored twice: its acknowledgement was lost, and the store had forgotten that it had it.
    if (batchSeq <= (this.#batchSeqs.get(nodeId) ?? 0)) return;
    this.#batchSeqs.set(nodeId, batchSeq);
    const at = this.#instantOf(stored);
    for (const entry of entries) {
      this.#state.apply(entry);
      this.#apply(entry, this.#seq++, at, nodeId !== this.nodeId);
    }
    const isDue = this.#snapshots.onApplied({ entries: entries.length, bytes: stored.bytes.length });
    // Whose block makes it due writes it: so one server does.
    if (isDue && nodeId === this.nodeId) this.#writeCheckpoint();
  }

  /** When something was stored, on the clocks of this process. */
  #instantOf({ timeMs }: StoredRecord): Instant {
    const now = this.#options.clock();
    const ageMs = Math.max(0, now.wallMs - timeMs);
    this.#lastMonotonicMs = Math.max(this.#lastMonotonicMs, now.monotonicMs - ageMs);
    return { wallMs: timeMs, monotonicMs: this.#lastMonotonicMs };
  }

  #noteCheckpoint({ timeMs, bytes, position }: StoredRecord): void {
    const snapshot = this.#decodeOrFail(() => tryDecodeSnapshot(bytes));
    if (!snapshot) return;
    const isNew = position > this.#reader.openedAtPosition;
    const isOther = isNew && snapshot.logId !== this.logId;
    // Another mark would end those who began anew by now; but a checkpoint may be of one who has missed the mark.
    if (isOther) return isGenesis(snapshot) ? this.#fail(logTruncated()) : this.#forkLog();
    this.#snapshots.onStored(timeMs, { isNew });
  }

  #writeCheckpoint(): void {
    const snapshot = [...this.#state.snapshot()];
    const [position, seq, batchSeqs] = [this.#position, this.#seq, this.#batchSeqs];
    const bytes = encodeSnapshot({ logId: this.logId, position, seq, batchSeqs, events: snapshot });
    this.#writer.addSnapshot(bytes, `checkpoint-${this.nodeId.toString(16)}-${position}`);
  }

  /** A block of this server is stored. Something else has come from there already: the store has lost what it had. */
  #onStored(position: number, batchSeq: number): void {
    this.deliver();
    if (this.#reader.last.position < position) this.#reader.expectPosition(position);
    else if ((this.#batchSeqs.get(this.nodeId) ?? 0) < batchSeq) this.#forkLog();
  }

  /** The store has lost the end of the log, as a machine without power may: what comes now has numbers that others had.
   * From here on the log is another instance, so that nobody takes the one for the other, and all servers begin anew
   * with what is left of it. */
  #forkLog(): void {
    if (this.#isClosed) return;
    this.#stop();
    // From the very beginning: of use if nothing is forgotten yet, and passed over otherwise.
    const mark = { logId: randomId(), position: 0, seq: 0, batchSeqs: new Map(), events: [] };
    void this.#store.append(encodeSnapshot(mark), { id: `back-${mark.logId}`, isSnapshot: true })
      .catch(() => {}) // another server has more luck, or the next start
      .finally(() => this.#fail(logTruncated()));
  }
}
