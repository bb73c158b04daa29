// The journal of a room that many servers share: what is proposed goes into blocks, these into a store that puts
// the blocks of all servers into one order, and that order makes the entries. Knows nothing of NATS.

import { setTimeout as delay } from "node:timers/promises";
import { BlockWriter } from "./block_writer.ts";
import { Checkpoints, type CheckpointsOptions } from "./checkpoints.ts";
import type { Clock, Moment } from "./clock.ts";
import { NatsError } from "./errors.ts";
import { fold, unfold } from "./fold.ts";
import type { Journal, Taker } from "./journal.ts";
import { Members } from "./members.ts";
import { type Block, blockOf, encodeProposal } from "./nats_block.ts";
import {
  beginLog,
  type Checkpoint,
  checkpointOf,
  encodeCheckpoint,
  isMark,
  usableCheckpoint,
} from "./nats_checkpoint.ts";
import type { LogStore, Stored } from "./nats_store.ts";
import type { Proposal } from "./protocol.ts";
import { randomId } from "./random_id.ts";

/** Bytes of proposals that may wait until nobody should say more. */
export const MAX_WAITING_BYTES = 8_388_608;
/** How much of the past a server that starts reads, in bytes of blocks, more or less. */
const PAST_BYTES = 16_777_216;
/** Most servers whose blocks are told apart: each start of one makes another. */
const MAX_NUMBERS = 256;
/** From try to try to find the past, in ms, and how long that may take: longer than a cluster that loses its leader, and
 * the next one as well. */
const AGAIN_MS = 200;
const OPENING_MS = 60_000;
/** After so many checks that find too little, it is believed. */
const BEHIND_CHECKS = 3;
/** Stands for no server. */
const NOBODY = 0n;
/** A store that gives nothing for so long to a server that starts does not have what it said, in ms: a cluster takes up
 * to 10 s to choose a leader. */
const READING_MS = 15_000;
/** What is stored must come within this, in ms, or is asked for again. */
const BACK_MS = 3_000;

/** What a shared journal needs. */
export interface SharedJournalOptions extends Pick<CheckpointsOptions, "onOversized" | "checkpointEntries"> {
  /** This server's id, random and not zero. */
  readonly home: bigint;
  /** Instance of the room if there is none yet, random and not zero. */
  readonly instance: bigint;
  readonly clock: Clock;
  /** Told when the store is away, and something waits for it; and when that is over. */
  readonly onAway?: (isAway: boolean) => void;
  /** Told what cannot be mended: the journal gives nothing any more. */
  readonly onBroken?: (error: NatsError) => void;
  readonly awayMs?: number;
  readonly goneMs?: number;
  readonly maxWaitingBytes?: number;
  readonly openingMs?: number;
  readonly readingMs?: number;
}

/** A journal that many servers follow. */
export class SharedJournal implements Journal {
  readonly home: bigint;
  readonly firstSeq: number;
  #instance: bigint;
  readonly #options: SharedJournalOptions;
  readonly #store: LogStore;
  readonly #writer: BlockWriter;
  readonly #checkpoints: Checkpoints;
  /** Number of the last block of each server, who stored something last at the end. */
  readonly #numbers: Map<bigint, number>;
  /** Who is in after all that was given, for checkpoints. */
  readonly #members = new Members();
  #past: readonly Proposal[];
  /** What has come and was not given yet. */
  readonly #inbox: Stored[] = [];
  #seq: number;
  /** Of what was given last. */
  #position: number;
  /** What has come last. */
  #last: Pick<Stored, "position" | "timeMs">;
  #lastTickMs = -Infinity;
  /** Position of the last of the past. */
  #openedAt = 0;
  /** How many checks in a row have found less than had come. */
  #behind = 0;
  #isClosed = false;
  #take: Taker = () => {};
  #onWork: () => void = () => {};

  private constructor(store: LogStore, checkpoint: Checkpoint, options: SharedJournalOptions) {
    const { home, clock, onAway, onBroken } = options;
    this.#store = store;
    this.#options = options;
    this.home = home;
    this.#instance = checkpoint.instance;
    this.firstSeq = this.#seq = checkpoint.seq;
    this.#past = checkpoint.past;
    for (const entry of checkpoint.past) fold(this.#members, entry);
    this.#numbers = new Map(checkpoint.numbers);
    this.#position = checkpoint.position;
    this.#last = { position: checkpoint.position, timeMs: NaN };
    this.#writer = new BlockWriter(store, {
      ...options,
      nowMs: () => clock().tickMs,
      onStored: (position, number) => this.#noteStored(position, number),
      onAway: (isAway) => {
        onAway?.(isAway);
        this.#onWork();
      },
      onTooLong: (bytes) => void this.#checkpoints.noteTooLong(bytes),
      onGone: () => onBroken?.(new NatsError("nats-stream-gone", "Cannot go on: the stream was deleted")),
    });
    this.#checkpoints = new Checkpoints({
      ...options,
      store,
      wallMs: () => clock().wallMs,
    });
  }

  /** Reads the past of a room, or begins one.
   * @throws what the store throws */
  static async open(store: LogStore, options: SharedJournalOptions): Promise<SharedJournal> {
    const { clock, openingMs = OPENING_MS } = options;
    for (const endMs = clock().tickMs + openingMs;;) {
      try {
        const journal = await SharedJournal.#open(store, options);
        if (journal) return journal;
      } catch (error) {
        const isNewer = error instanceof NatsError && error.code === "nats-newer";
        // A cluster that chooses a leader does not answer.
        if (isNewer || clock().tickMs >= endMs) throw error;
        await delay(AGAIN_MS);
      }
    }
  }

  /** Undefined if another server began the room at the same time. */
  static async #open(store: LogStore, options: SharedJournalOptions): Promise<SharedJournal | undefined> {
    const { first, last, count, bytes } = await store.state();
    const wanted = Math.ceil(PAST_BYTES / Math.max(1, bytes / Math.max(1, count)));
    const found = await usableCheckpoint(store, Math.max(first, last - wanted), first) ??
      await usableCheckpoint(store, first, first);
    const checkpoint = found ?? await beginLog(store, last, options.instance);
    if (!checkpoint) return undefined;
    const journal = new SharedJournal(store, checkpoint, options);
    const { promise, resolve } = Promise.withResolvers<void>();
    const cut = journal.#read((position) => position >= last && resolve());
    const opened = new AbortController();
    try {
      if (checkpoint.position < last) {
        await Promise.race([promise, cut.then(throwIfThere), journal.#urge(opened)]);
      }
      journal.#takeInstance();
    } catch (error) {
      journal.#isClosed = true;
      throw error;
    } finally {
      opened.abort();
    }
    void cut.then((error) => error && journal.#break(error));
    return journal;
  }

  get instance(): bigint {
    return this.#instance;
  }

  get past(): readonly Proposal[] {
    return this.#past;
  }

  get isStuck(): boolean {
    return this.#writer.waitingBytes >= (this.#options.maxWaitingBytes ?? MAX_WAITING_BYTES);
  }

  get isAway(): boolean {
    return this.#writer.isAway;
  }

  follow(take: Taker, onWork: () => void): void {
    this.#take = take;
    this.#onWork = onWork;
    this.#past = []; // it was asked for before
    this.settle();
  }

  propose(proposal: Proposal): void {
    this.#writer.add(encodeProposal(proposal));
  }

  settle(): void {
    for (const stored of this.#inbox.splice(0)) {
      // What comes behind something that is not understood would get numbers that it has nowhere else.
      if (this.#isClosed) return;
      this.#position = stored.position;
      if (stored.isCheckpoint) this.#noteCheckpoint(stored);
      else this.#give(this.#blockOf(stored), stored);
    }
  }

  /** To be called now and then: notices if the store has lost what it had. */
  async check(): Promise<void> {
    const { position } = this.#last;
    const { last } = await this.#store.state();
    this.#behind = last < position ? this.#behind + 1 : 0;
    // One that has just begun to lead a cluster may not know all for a moment.
    if (this.#behind >= BEHIND_CHECKS) this.#turnBack();
  }

  /** To be called now and then, by one of the servers: writes a checkpoint if there was none for long. */
  keepFresh(): void {
    if (this.#checkpoints.isOld) this.#writeCheckpoint();
  }

  /** Waits until all that was proposed is stored, at most so long, and ends. */
  async close({ patienceMs = 0 }: { patienceMs?: number } = {}): Promise<void> {
    const { clock } = this.#options;
    for (const endMs = clock().tickMs + patienceMs; !this.#writer.isIdle && clock().tickMs < endMs;) {
      await delay(AGAIN_MS / 10);
      this.settle();
    }
    this.#isClosed = true;
    this.#writer.close();
    this.#store.close();
  }

  /** What others have stored that is none of ours makes nothing, on any server; what is of a later version ends this
   * one, which would make less of it than others do. */
  #blockOf({ bytes }: Stored): Block {
    const block = this.#understood(() => blockOf(bytes));
    return block ?? { server: NOBODY, number: 0, entries: [] };
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
  #break(error: NatsError): void {
    this.#isClosed = true;
    this.#writer.close();
    this.#options.onBroken?.(error);
  }

  #give({ server, number, entries }: Block, stored: Stored): void {
    if (server === this.home) this.#writer.see(number);
    // One that was stored twice: its acknowledgement was lost, and the store had forgotten that it had it.
    if (number <= (this.#numbers.get(server) ?? 0)) return;
    this.#noteNumber(server, number);
    const at = this.#momentOf(stored);
    for (const entry of entries) {
      fold(this.#members, entry);
      this.#take(entry, this.#seq++, at, server !== this.home);
    }
    const isDue = this.#checkpoints.noteGiven({ entries: entries.length, bytes: stored.bytes.length });
    // Whose block makes it due writes it: so one server does.
    if (isDue && server === this.home) this.#writeCheckpoint();
  }

  #noteNumber(server: bigint, number: number): void {
    this.#numbers.delete(server);
    this.#numbers.set(server, number);
    if (this.#numbers.size > MAX_NUMBERS) this.#numbers.delete(this.#numbers.keys().next().value!);
  }

  /** When something was stored, on the clocks of this process. */
  #momentOf({ timeMs }: Stored): Moment {
    const now = this.#options.clock();
    const ageMs = Math.max(0, now.wallMs - timeMs);
    this.#lastTickMs = Math.max(this.#lastTickMs, now.tickMs - ageMs);
    return { wallMs: timeMs, tickMs: this.#lastTickMs };
  }

  #noteCheckpoint({ timeMs, bytes, position }: Stored): void {
    const checkpoint = this.#understood(() => checkpointOf(bytes));
    if (!checkpoint) return;
    const isNew = position > this.#openedAt;
    const isOther = isNew && checkpoint.instance !== this.#instance;
    // Another mark would end those who began anew by now; but a checkpoint may be of one who has missed the mark.
    if (isOther) return isMark(checkpoint) ? this.#break(lostEnd()) : this.#turnBack();
    this.#checkpoints.noteStored(timeMs, { isNew });
  }

  #writeCheckpoint(): void {
    const past = [...unfold(this.#members)];
    const [position, seq, numbers] = [this.#position, this.#seq, this.#numbers];
    const bytes = encodeCheckpoint({ instance: this.#instance, position, seq, numbers, past });
    this.#writer.addCheckpoint(bytes, `checkpoint-${this.home.toString(16)}-${position}`);
  }

  /** A block of this server is stored. Something else has come from there already: the store has lost what it had. If
   * nothing comes, it is asked again: not everything that goes wrong with a reader is noticed on its way. */
  #noteStored(position: number, number: number): void {
    this.settle();
    if (this.#last.position >= position) {
      if ((this.#numbers.get(this.home) ?? 0) < number) this.#turnBack();
      return;
    }
    const timer = setTimeout(() => {
      if (this.#last.position < position && !this.#isClosed) this.#store.reread();
    }, BACK_MS);
    Deno.unrefTimer(timer);
  }

  /** The store has lost the end of the log, as a machine without power may: what comes now has numbers that others had.
   * From here on the log is another instance, so that nobody takes the one for the other, and all servers begin anew
   * with what is left of it. */
  #turnBack(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // From the very beginning: of use if nothing is forgotten yet, and passed over otherwise.
    const mark = { instance: randomId(), position: 0, seq: 0, numbers: new Map(), past: [] };
    void this.#store.append(encodeCheckpoint(mark), { id: `back-${mark.instance}`, isCheckpoint: true })
      .catch(() => {}) // another server has more luck, or the next start
      .finally(() => this.#break(lostEnd()));
  }

  /** Of the instances in what has come so far, the last one counts. */
  #takeInstance(): void {
    this.#openedAt = this.#last.position;
    for (const { isCheckpoint, bytes } of this.#inbox) {
      if (isCheckpoint) this.#instance = checkpointOf(bytes)?.instance ?? this.#instance;
    }
  }

  /** Has the store asked again while nothing comes: not everything that goes wrong with a reader is noticed on its way.
   * Rejects when nothing has come for long: the store may have lost what it said that it had.
   * @throws {NatsError} `nats-unread` */
  async #urge({ signal }: AbortController): Promise<void> {
    const { readingMs = READING_MS } = this.#options;
    const waitMs = Math.min(BACK_MS, readingMs);
    let { position } = this.#last;
    for (let silentMs = 0; silentMs < readingMs;) {
      await delay(waitMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      silentMs = position === this.#last.position ? silentMs + waitMs : 0;
      if (silentMs > 0) this.#store.reread();
      ({ position } = this.#last);
    }
    throw new NatsError("nats-unread", "Cannot read what the store says that it has");
  }

  /** Reads until the journal is closed, or a part of the log is missing: returns that error. */
  async #read(onCome: (position: number) => void): Promise<NatsError | undefined> {
    for await (const stored of this.#store.read(this.#position + 1)) {
      if (this.#isClosed) return undefined;
      if (stored.isGap) return new NatsError("nats-log-cut", "Cannot go on: a part of the log is missing");
      if (stored.position === this.#last.position) {
        // Whatever follows may be numbered as what was lost.
        if (stored.timeMs !== this.#last.timeMs) this.#turnBack();
        continue;
      }
      this.#last = stored;
      this.#inbox.push(stored);
      onCome(stored.position);
      this.#onWork();
    }
    return undefined;
  }
}

function throwIfThere(error: NatsError | undefined): void {
  if (error) throw error;
}

function lostEnd(): NatsError {
  return new NatsError("nats-log-back", "Cannot go on: the end of the log is lost");
}
