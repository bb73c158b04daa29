// The `CommitLog` of `--nats`: the store gives the batches of all nodes one order, which numbers the events.

import { LruMap } from "../base/limits.ts";
import { type Clock, delay, makeReplayClock, randomId } from "../base/time.ts";
import { NatsError } from "../errors.ts";
import type { ProposedEvent } from "../protocol/frames.ts";
import type { Apply, CommitLog } from "../room/commit_log.ts";
import { RoomState } from "../room/state.ts";
import { BatchWriter, type BatchWriterConfig } from "./batch_writer.ts";
import { LogReader, type LogReaderConfig, type LogSource } from "./log_reader.ts";
import {
  decodeBatch,
  decodeSnapshot,
  encodeEvent,
  encodeSnapshot,
  isGenesis,
  type StoredRecord,
  type StreamStore,
  tryDecode,
} from "./store.ts";

/** How many nodes' `batchSeq` are remembered: each start of a node makes a new one. */
const MAX_PRODUCERS = 256;
/** How many checks in a row must find too little before the log counts as truncated, or its stream as deleted: a NATS
 * server that has just become the leader of its cluster may not know all records for a moment. */
const FAILED_CHECKS = 3;
/** How often {@linkcode ReplicatedCommitLog.close} looks whether all is stored, in ms. */
const DRAIN_POLL_MS = 20;

interface SnapshotConfig {
  /** A snapshot is due after this many events, this many bytes of batches, or this many ms. */
  readonly snapshotEvents: number;
  readonly snapshotBytes: number;
  readonly snapshotIntervalMs: number;
}

export interface ReplicatedLogConfig extends SnapshotConfig, LogReaderConfig, BatchWriterConfig {
  /** Bytes of proposed events that may wait for the store before the log is blocked. */
  readonly maxUncommittedBytes: number;
}

export class ReplicatedCommitLog implements CommitLog {
  /** See {@linkcode BatchWriter.onStalled}. */
  onStalled: (isUnavailable: boolean) => void = () => {};
  /** See {@linkcode SnapshotPolicy.onSnapshotTooLarge}. */
  onSnapshotTooLarge: (bytes: number, how: { isKept: boolean }) => void = () => {};
  readonly nodeId: bigint;
  readonly firstSeq: number;
  readonly logId: bigint;
  readonly #config: ReplicatedLogConfig;
  readonly #clock: Clock;
  readonly #replayClock: ReturnType<typeof makeReplayClock>;
  readonly #store: StreamStore;
  readonly #reader: LogReader;
  readonly #writer: BatchWriter;
  readonly #policy: SnapshotPolicy;
  readonly #failure = Promise.withResolvers<never>();
  /** Rejects with a {@linkcode NatsError} when this node can no longer follow the log. */
  readonly failed = this.#failure.promise;
  /** The last batch of each node, in the order in which they were stored. */
  readonly #batchSeqs: LruMap<bigint, number>;
  /** The room after the last event, for snapshots. */
  readonly #state = new RoomState();
  #snapshot: readonly ProposedEvent[];
  #seq: number;
  /** Of the last record that was applied. */
  #position: number;
  /** Of the last record that the last snapshot covers. */
  #snapshotPosition: number;
  /** How many checks in a row have found less than was read. */
  #failedChecks = 0;
  #isClosed = false;
  #apply: Apply = () => {};
  #onReady: () => void = () => {};

  private constructor(
    { store, nodeId, reader }: { store: StreamStore; nodeId: bigint; reader: LogReader },
    config: ReplicatedLogConfig,
    clock: Clock,
  ) {
    const { snapshot, opened: { logId } } = reader;
    this.#store = store;
    this.#reader = reader;
    this.#config = config;
    this.#clock = clock;
    this.#replayClock = makeReplayClock(clock);
    this.nodeId = nodeId;
    this.logId = logId;
    this.firstSeq = this.#seq = snapshot.seq;
    this.#snapshot = snapshot.events;
    for (const event of snapshot.events) this.#state.apply(event);
    this.#batchSeqs = new LruMap(MAX_PRODUCERS, snapshot.batchSeqs);
    this.#position = this.#snapshotPosition = snapshot.position;
    this.#policy = new SnapshotPolicy(store, config, clock);
    this.#policy.onSnapshotTooLarge = (bytes, how) => this.onSnapshotTooLarge(bytes, how);
    this.#writer = new BatchWriter({ store, nodeId }, config);
    this.#writer.onAcknowledged = (position, batchSeq) => this.#onAcknowledged(position, batchSeq);
    this.#writer.onStalled = (isUnavailable) => this.onStalled(isUnavailable);
    this.#writer.onSnapshotTooLarge = (bytes) => void this.#policy.onTooLarge(bytes);
    this.failed.catch(() => {}); // it may be awaited later, or never
    reader.subscribe(() => {
      if (!this.#isClosed) this.#onReady();
    });
    void reader.done.then((error) => {
      if (this.#isClosed) return;
      if (error?.code === "nats-log-back") this.#forkLog();
      else if (error) this.#fail(error);
    });
  }

  /** Reads the log of a room, or creates it. `nodeId` and `logId` are random and not zero; `logId` is for a room that has
   * no log yet.
   * @throws the errors of {@linkcode LogReader.open} */
  static async open(
    { nodeId, ...source }: LogSource & { nodeId: bigint },
    config: ReplicatedLogConfig,
    clock: Clock,
  ): Promise<ReplicatedCommitLog> {
    const reader = await LogReader.open(source, config, clock);
    return new ReplicatedCommitLog({ store: source.store, nodeId, reader }, config, clock);
  }

  get snapshot(): readonly ProposedEvent[] {
    return this.#snapshot;
  }

  get isBlocked(): boolean {
    return this.#writer.unwrittenBytes >= this.#config.maxUncommittedBytes;
  }

  get isUnavailable(): boolean {
    return this.#writer.isUnavailable;
  }

  subscribe(apply: Apply, onReady: () => void): void {
    this.#apply = apply;
    this.#onReady = onReady;
    this.#snapshot = []; // the subscriber has read it
    this.deliver();
  }

  propose(event: ProposedEvent): void {
    this.#writer.add(encodeEvent(event));
  }

  deliver(): void {
    for (const record of this.#reader.drain()) {
      // After a record of a newer version, events would get another `seq` here than on other nodes.
      if (this.#isClosed) return;
      this.#position = record.position;
      if (record.isSnapshot) this.#onSnapshot(record);
      else this.#applyBatch(record);
    }
  }

  /** Compares what the store has with what was read. The leader, one node of the room, writes a snapshot if the last one
   * is too old or no longer enough to start from. Called at each poll of the leases. */
  async checkStore({ isLeader }: { isLeader: boolean }): Promise<void> {
    const { position } = this.#reader.last;
    const state = await this.#store.state();
    this.#failedChecks = state && state.lastPosition >= position ? 0 : this.#failedChecks + 1;
    if (this.#failedChecks >= FAILED_CHECKS) {
      return state ? this.#forkLog() : this.#fail(new NatsError("nats-stream-gone"));
    }
    if (!state) return;
    // A NATS that stood still may take for delivered what it has sent to a connection that was given up meanwhile.
    if (position < state.lastPosition) this.#reader.expectRecord();
    const isPurged = this.#snapshotPosition + 1 < state.firstPosition;
    if (isLeader && (isPurged || this.#policy.isOverdue)) this.#writeSnapshot();
  }

  /** Ends the log once all proposed events are stored, at the latest after `drainTimeoutMs`. */
  async close({ drainTimeoutMs = 0 }: { drainTimeoutMs?: number } = {}): Promise<void> {
    const nowMs = () => this.#clock().monotonicMs;
    for (const endMs = nowMs() + drainTimeoutMs; !this.#writer.isIdle && nowMs() < endMs;) {
      await delay(DRAIN_POLL_MS);
      this.deliver();
    }
    this.#stop();
  }

  /** Undefined for a foreign record: it is a no-op on all nodes. One of a newer version ends this node, which would make
   * another room of it than newer nodes do. */
  #decode<Result>(decode: (bytes: Uint8Array) => Result, { bytes }: StoredRecord): Result | undefined {
    try {
      return tryDecode(decode, bytes);
    } catch (error) {
      this.#fail(error as NatsError);
      return undefined;
    }
  }

  #stop(): void {
    this.#isClosed = true;
    this.#writer.close();
  }

  #fail(error: NatsError): void {
    this.#stop();
    this.#failure.reject(error);
  }

  #applyBatch(record: StoredRecord): void {
    const batch = this.#decode(decodeBatch, record);
    if (!batch) return;
    const { nodeId, batchSeq, events } = batch;
    if (nodeId === this.nodeId) this.#writer.onReadBack(batchSeq, events.length);
    // Stored twice: the acknowledgement was lost, and the store no longer remembered the id when it was retried.
    if (batchSeq <= (this.#batchSeqs.get(nodeId) ?? 0)) return;
    this.#batchSeqs.set(nodeId, batchSeq);
    const isLive = record.position > this.#reader.opened.position;
    const at = this.#replayClock(record.timeMs, { isLive });
    for (const event of events) {
      this.#state.apply(event);
      this.#apply(event, this.#seq++, at, nodeId !== this.nodeId);
    }
    const isDue = this.#policy.countBatch({ eventCount: events.length, bytes: record.bytes.length });
    // The node whose batch makes the snapshot due writes it, so that one node does.
    if (isDue && nodeId === this.nodeId) this.#writeSnapshot();
  }

  #onSnapshot(record: StoredRecord): void {
    const snapshot = this.#decode(decodeSnapshot, record);
    if (!snapshot) return;
    const isNew = record.position > this.#reader.opened.position;
    const isOther = isNew && snapshot.logId !== this.logId;
    // A genesis means that another node has forked the log already: a second fork would end the nodes that have restarted
    // since. Any other snapshot may come from a node that has missed the fork.
    if (isOther) return isGenesis(snapshot) ? this.#fail(new NatsError("nats-log-back")) : this.#forkLog();
    this.#snapshotPosition = snapshot.position;
    this.#policy.onSnapshotRead(record.timeMs, { isNew });
  }

  #writeSnapshot(): void {
    const events = [...this.#state.snapshot()];
    const [position, seq, batchSeqs] = [this.#position, this.#seq, this.#batchSeqs];
    const bytes = encodeSnapshot({ logId: this.logId, position, seq, batchSeqs, events });
    // The id says `checkpoint`, as the stream's subject does.
    this.#writer.addSnapshot(bytes, `checkpoint-${this.nodeId.toString(16)}-${position}`);
  }

  /** A batch of this node was acknowledged at a position where another record was read: the store has lost its end. */
  #onAcknowledged(position: number, batchSeq: number): void {
    this.deliver();
    if (this.#reader.last.position < position) this.#reader.expectRecord();
    else if ((this.#batchSeqs.get(this.nodeId) ?? 0) < batchSeq) this.#forkLog();
  }

  /** The store has lost the end of the log, for example in a power cut: new events would get the `seq` of lost ones.
   * From here on the log has another `logId`, and all nodes must restart with what is left of it. */
  #forkLog(): void {
    if (this.#isClosed) return;
    this.#stop();
    void this.#appendGenesis()
      .catch(() => {}) // another node will fork the log, or the next start
      .finally(() => this.#fail(new NatsError("nats-log-back")));
  }

  async #appendGenesis(): Promise<void> {
    // Another node may have forked the log already, or begun it in an emptied store.
    const last = await this.#store.findSnapshotFrom(Number.MAX_SAFE_INTEGER);
    const isOther = last && tryDecode(decodeSnapshot, last.bytes)?.logId !== this.logId;
    if (isOther && last.timeMs > this.#reader.last.timeMs) return;
    // Nodes that start use this genesis if no record was forgotten yet, and an older snapshot otherwise.
    const genesis = { logId: randomId(), position: 0, seq: 0, batchSeqs: new Map(), events: [] };
    await this.#store.append(encodeSnapshot(genesis), { id: `back-${genesis.logId}`, isSnapshot: true });
  }
}

/** Decides when a snapshot is due, and keeps the stream from forgetting records while snapshots are too large. */
export class SnapshotPolicy {
  /** A snapshot of `bytes` cannot be stored. `isKept`: whether the stream keeps all records meanwhile. Not called again
   * until a snapshot is stored, is twice as large, or `isKept` changes. */
  onSnapshotTooLarge: (bytes: number, how: { isKept: boolean }) => void = () => {};
  readonly #store: Pick<StreamStore, "setUnlimited">;
  readonly #config: SnapshotConfig;
  readonly #clock: Clock;
  #eventCount = 0;
  #bytes = 0;
  /** When the last snapshot was stored, monotonic. */
  #atMs: number;
  #lastReported = { bytes: 0, isKept: true };

  constructor(store: Pick<StreamStore, "setUnlimited">, config: SnapshotConfig, clock: Clock) {
    this.#store = store;
    this.#config = config;
    this.#clock = clock;
    this.#atMs = clock().monotonicMs;
  }

  /** Whether the last snapshot is too old, however little has happened since. */
  get isOverdue(): boolean {
    return this.#clock().monotonicMs - this.#atMs >= this.#config.snapshotIntervalMs;
  }

  /** Returns whether a snapshot is due by the number and the bytes of the events since the last one. */
  countBatch({ eventCount, bytes }: { eventCount: number; bytes: number }): boolean {
    this.#eventCount += eventCount;
    this.#bytes += bytes;
    return this.#eventCount >= this.#config.snapshotEvents || this.#bytes >= this.#config.snapshotBytes;
  }

  /** `isNew`: whether the snapshot was stored after this node has opened the log. */
  onSnapshotRead(timeMs: number, { isNew }: { isNew: boolean }): void {
    const { wallMs, monotonicMs } = this.#clock();
    // A wall clock that is hours ahead of the store's makes one snapshot more, not one at each check.
    this.#restart(isNew ? monotonicMs : monotonicMs - Math.max(0, wallMs - timeMs));
    this.#lastReported = { bytes: 0, isKept: true };
    if (isNew) this.#store.setUnlimited(false).catch(() => {}); // the next snapshot tries again
  }

  async onTooLarge(bytes: number): Promise<void> {
    this.#restart(this.#clock().monotonicMs); // try again when the next one is due
    const isKept = await this.#store.setUnlimited(true).then(() => true, () => false);
    if (bytes < 2 * this.#lastReported.bytes && isKept === this.#lastReported.isKept) return;
    this.#lastReported = { bytes, isKept };
    this.onSnapshotTooLarge(bytes, { isKept });
  }

  #restart(atMs: number): void {
    this.#eventCount = 0;
    this.#bytes = 0;
    this.#atMs = atMs;
  }
}
