// The journal of a room that many servers share: what is proposed goes into blocks, these into a store that puts
// the blocks of all servers into one order, and that order makes the entries. Knows nothing of NATS.

import { setTimeout as delay } from "node:timers/promises";
import { BatchWriter } from "./block_writer.ts";
import { Checkpoints, type CheckpointsOptions } from "./checkpoints.ts";
import type { Instant } from "./clock.ts";
import { NatsError } from "./errors.ts";
import { applyEvent, snapshotOf } from "./fold.ts";
import type { Apply, CommitLog } from "./journal.ts";
import { LogReader, logTruncated, type StoreReaderOptions } from "./store_reader.ts";
import { Members } from "./members.ts";
import { type Batch, encodeProposal, tryDecodeBatch } from "./nats_block.ts";
import { encodeSnapshot, isGenesis, tryDecodeSnapshot } from "./nats_checkpoint.ts";
import type { Stored, StreamStore } from "./nats_store.ts";
import type { ProposedEvent } from "./protocol.ts";
import { randomId } from "./random_id.ts";

/** Bytes of proposals that may wait until nobody should say more. */
export const MAX_UNCOMMITTED_BYTES = 8_388_608;
/** Most servers whose blocks are told apart: each start of one makes another. */
const MAX_PRODUCERS = 256;
/** After so many checks that find too little, it is believed. */
const TRUNCATED_CHECKS = 3;
/** Stands for no server. */
const NO_NODE = 0n;
/** From look to look whether all is stored, in ms. */
const DRAIN_POLL_MS = 20;

/** What a shared journal needs. */
export interface SharedJournalOptions
  extends StoreReaderOptions, Pick<CheckpointsOptions, "onOversized" | "checkpointEntries"> {
  /** This server's id, random and not zero. */
  readonly nodeId: bigint;
  /** Told when the store is away, and something waits for it; and when that is over. */
  readonly onAway?: (isUnavailable: boolean) => void;
  /** Told what cannot be mended: the journal gives nothing any more. */
  readonly onBroken?: (error: NatsError) => void;
  readonly awayMs?: number;
  readonly goneMs?: number;
  readonly maxWaitingBytes?: number;
}

/** A journal that many servers follow. */
export class ReplicatedCommitLog implements CommitLog {
  readonly nodeId: bigint;
  readonly firstSeq: number;
  readonly logId: bigint;
  readonly #options: SharedJournalOptions;
  readonly #store: StreamStore;
  readonly #reader: LogReader;
  readonly #writer: BatchWriter;
  readonly #checkpoints: Checkpoints;
  /** Number of the last block of each server, who stored something last at the end. */
  readonly #numbers: Map<bigint, number>;
  /** Who is in after all that was given, for checkpoints. */
  readonly #members = new Members();
  #past: readonly ProposedEvent[];
  #seq: number;
  /** Of what was given last. */
  #position: number;
  #lastMonotonicMs = -Infinity;
  /** How many checks in a row have found less than had come. */
  #behind = 0;
  #isClosed = false;
  #apply: Apply = () => {};
  #onReady: () => void = () => {};

  private constructor(store: StreamStore, reader: LogReader, options: SharedJournalOptions) {
    const { nodeId, clock, onBroken } = options;
    const { checkpoint, logId } = reader;
    this.#store = store;
    this.#reader = reader;
    this.#options = options;
    this.nodeId = nodeId;
    this.logId = logId;
    this.firstSeq = this.#seq = checkpoint.seq;
    this.#past = checkpoint.past;
    for (const entry of checkpoint.past) applyEvent(this.#members, entry);
    this.#numbers = new Map(checkpoint.numbers);
    this.#position = checkpoint.position;
    this.#writer = new BatchWriter(store, {
      ...options,
      nowMs: () => clock().monotonicMs,
      onStored: (position, number) => this.#noteStored(position, number),
      onTooLong: (bytes) => void this.#checkpoints.noteTooLong(bytes),
      onGone: () => onBroken?.(new NatsError("nats-stream-gone", "Cannot go on: the stream was deleted")),
    });
    this.#checkpoints = new Checkpoints({ ...options, store, wallMs: () => clock().wallMs });
    reader.follow(() => {
      if (!this.#isClosed) this.#onReady();
    });
    void reader.ended.then((error) => {
      if (this.#isClosed) return;
      if (error?.code === "nats-log-back") this.#turnBack();
      else if (error) this.#break(error);
    });
  }

  /** Reads the past of a room, or begins one.
   * @throws what {@linkcode LogReader.open} throws */
  static async open(store: StreamStore, options: SharedJournalOptions): Promise<ReplicatedCommitLog> {
    return new ReplicatedCommitLog(store, await LogReader.open(store, options), options);
  }

  get snapshot(): readonly ProposedEvent[] {
    return this.#past;
  }

  get isBlocked(): boolean {
    return this.#writer.waitingBytes >= (this.#options.maxWaitingBytes ?? MAX_UNCOMMITTED_BYTES);
  }

  get isUnavailable(): boolean {
    return this.#writer.isAway;
  }

  subscribe(apply: Apply, onReady: () => void): void {
    this.#apply = apply;
    this.#onReady = onReady;
    this.#past = []; // it was asked for before
    this.deliver();
  }

  propose(proposal: ProposedEvent): void {
    this.#writer.add(encodeProposal(proposal));
  }

  deliver(): void {
    for (const stored of this.#reader.take()) {
      // What comes behind something that is not understood would get numbers that it has nowhere else.
      if (this.#isClosed) return;
      this.#position = stored.position;
      if (stored.isCheckpoint) this.#noteCheckpoint(stored);
      else this.#give(this.#tryDecodeBatch(stored), stored);
    }
  }

  /** To be called now and then: notices if the store has lost what it had. */
  async check(): Promise<void> {
    const { position } = this.#reader.last;
    const { last } = await this.#store.state();
    this.#behind = last < position ? this.#behind + 1 : 0;
    // One that has just begun to lead a cluster may not know all for a moment.
    if (this.#behind >= TRUNCATED_CHECKS) this.#turnBack();
  }

  /** To be called now and then, by one of the servers: writes a checkpoint if there was none for long. */
  keepFresh(): void {
    if (this.#checkpoints.isOld) this.#writeCheckpoint();
  }

  /** Waits until all that was proposed is stored, at most so long, and ends. */
  async close({ patienceMs = 0 }: { patienceMs?: number } = {}): Promise<void> {
    const { clock } = this.#options;
    for (
      const endMs = clock().monotonicMs + patienceMs;
      !this.#writer.isIdle && clock().monotonicMs < endMs;
    ) {
      await delay(DRAIN_POLL_MS);
      this.deliver();
    }
    this.#end();
  }

  /** What others have stored that is none of ours makes nothing, on any server; what is of a later version ends this
   * one, which would make less of it than others do. */
  #tryDecodeBatch({ bytes }: Stored): Batch {
    const block = this.#understood(() => tryDecodeBatch(bytes));
    return block ?? { server: NO_NODE, number: 0, entries: [] };
  }

  #understood<Result>(read: () => Result): Result | undefined {
    try {
      return read();
    } catch (error) {
      this.#break(error as NatsError);
      return undefined;
    }
  }

  /** Nothing more is given, nor stored. */
  #end(): void {
    this.#isClosed = true;
    this.#writer.close();
  }

  #break(error: NatsError): void {
    this.#end();
    this.#options.onBroken?.(error);
  }

  #give({ server, number, entries }: Batch, stored: Stored): void {
    if (server === this.nodeId) this.#writer.see(number, entries.length);
    // One that was stored twice: its acknowledgement was lost, and the store had forgotten that it had it.
    if (number <= (this.#numbers.get(server) ?? 0)) return;
    this.#noteNumber(server, number);
    const at = this.#momentOf(stored);
    for (const entry of entries) {
      applyEvent(this.#members, entry);
      this.#apply(entry, this.#seq++, at, server !== this.nodeId);
    }
    const isDue = this.#checkpoints.noteGiven({ entries: entries.length, bytes: stored.bytes.length });
    // Whose block makes it due writes it: so one server does.
    if (isDue && server === this.nodeId) this.#writeCheckpoint();
  }

  #noteNumber(server: bigint, number: number): void {
    this.#numbers.delete(server);
    this.#numbers.set(server, number);
    if (this.#numbers.size > MAX_PRODUCERS) this.#numbers.delete(this.#numbers.keys().next().value!);
  }

  /** When something was stored, on the clocks of this process. */
  #momentOf({ timeMs }: Stored): Instant {
    const now = this.#options.clock();
    const ageMs = Math.max(0, now.wallMs - timeMs);
    this.#lastMonotonicMs = Math.max(this.#lastMonotonicMs, now.monotonicMs - ageMs);
    return { wallMs: timeMs, monotonicMs: this.#lastMonotonicMs };
  }

  #noteCheckpoint({ timeMs, bytes, position }: Stored): void {
    const checkpoint = this.#understood(() => tryDecodeSnapshot(bytes));
    if (!checkpoint) return;
    const isNew = position > this.#reader.openedAt;
    const isOther = isNew && checkpoint.logId !== this.logId;
    // Another mark would end those who began anew by now; but a checkpoint may be of one who has missed the mark.
    if (isOther) return isGenesis(checkpoint) ? this.#break(logTruncated()) : this.#turnBack();
    this.#checkpoints.noteStored(timeMs, { isNew });
  }

  #writeCheckpoint(): void {
    const snapshot = [...snapshotOf(this.#members)];
    const [position, seq, numbers] = [this.#position, this.#seq, this.#numbers];
    const bytes = encodeSnapshot({ logId: this.logId, position, seq, numbers, past: snapshot });
    this.#writer.addCheckpoint(bytes, `checkpoint-${this.nodeId.toString(16)}-${position}`);
  }

  /** A block of this server is stored. Something else has come from there already: the store has lost what it had. */
  #noteStored(position: number, number: number): void {
    this.deliver();
    if (this.#reader.last.position < position) this.#reader.expect(position);
    else if ((this.#numbers.get(this.nodeId) ?? 0) < number) this.#turnBack();
  }

  /** The store has lost the end of the log, as a machine without power may: what comes now has numbers that others had.
   * From here on the log is another instance, so that nobody takes the one for the other, and all servers begin anew
   * with what is left of it. */
  #turnBack(): void {
    if (this.#isClosed) return;
    this.#end();
    // From the very beginning: of use if nothing is forgotten yet, and passed over otherwise.
    const mark = { logId: randomId(), position: 0, seq: 0, numbers: new Map(), past: [] };
    void this.#store.append(encodeSnapshot(mark), { id: `back-${mark.logId}`, isCheckpoint: true })
      .catch(() => {}) // another server has more luck, or the next start
      .finally(() => this.#break(logTruncated()));
  }
}
