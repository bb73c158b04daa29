// The journal of a room that many servers share: what is proposed goes into blocks, these into a store that puts
// the blocks of all servers into one order, and that order makes the entries. Knows nothing of NATS.

import type { Clock, Moment } from "./clock.ts";
import { NatsError } from "./errors.ts";
import { fold, unfold } from "./fold.ts";
import type { Journal, Taker } from "./journal.ts";
import type { Proposal } from "./protocol.ts";
import { Members } from "./members.ts";
import { type Block, decodeBlock, encodeBlockHead, encodeProposal } from "./nats_block.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./nats_checkpoint.ts";
import type { LogStore, Stored } from "./nats_store.ts";

/** Most bytes of proposals that wait: a few times what fills a block. */
export const MAX_WAITING_BYTES = 8_388_608;
/** Most bytes of a block: it goes through NATS as one message. */
const MAX_BLOCK_BYTES = 262_144;
/** How much of the past a server that starts reads, in bytes; a little more, as blocks have no seam there. */
const PAST_BYTES = 16_777_216;
/** A checkpoint is due after so many entries, bytes, or ms. */
const CHECKPOINT_ENTRIES = 5_000;
const CHECKPOINT_BYTES = 4_194_304;
export const CHECKPOINT_MS = 3_600_000;
/** Most servers whose blocks are told apart: each start of one makes another. */
const MAX_NUMBERS = 256;
/** How long a block may take until the store counts as away, in ms. */
const AWAY_MS = 2_000;
/** From try to try to store a block, in ms. */
const AGAIN_MS = 200;
/** How long the past may take to be found, in ms. */
const OPENING_MS = 30_000;
/** How long after it was stored a block must have come back, in ms. */
const BACK_MS = 3_000;
/** How long a store must have been gone before that is believed, in ms. */
const GONE_MS = 30_000;

/** What a shared journal needs. */
export interface SharedJournalOptions {
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
  readonly checkpointEntries?: number;
}

/** Something to be stored. */
interface Job {
  readonly bytes: Uint8Array;
  readonly id: string;
  readonly isCheckpoint: boolean;
}

/** A journal that many servers follow. */
export class SharedJournal implements Journal {
  readonly home: bigint;
  readonly instance: bigint;
  readonly firstSeq: number;
  readonly past: readonly Proposal[];
  readonly #options: SharedJournalOptions;
  readonly #store: LogStore;
  readonly #numbers: Map<bigint, number>;
  /** What has come and was not given yet. */
  readonly #inbox: Stored[] = [];
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #checkpoint: Job | undefined;
  /** Number of this server's last block. */
  #number = 0;
  #isStoring = false;
  #isAway = false;
  #isClosed = false;
  #seq: number;
  #position: number;
  #lastTickMs = -Infinity;
  #entriesSince = 0;
  #bytesSince = 0;
  #checkpointMs: number;
  #take: Taker = () => {};
  #onWork: () => void = () => {};
  /** Who is in after all that was given. */
  readonly #members = new Members();
  #backups: Proposal | undefined;
  #caughtUp = Promise.withResolvers<void>();

  private constructor(store: LogStore, checkpoint: Checkpoint, options: SharedJournalOptions) {
    this.#store = store;
    this.#options = options;
    this.home = options.home;
    this.instance = checkpoint.instance;
    this.firstSeq = this.#seq = checkpoint.seq;
    this.past = checkpoint.past;
    for (const entry of checkpoint.past) this.#fold(entry);
    this.#numbers = new Map(checkpoint.numbers);
    this.#position = checkpoint.position;
    this.#checkpointMs = options.clock().wallMs;
  }

  /** Reads the past of a room, or begins one.
   * @throws what the store throws */
  static async open(store: LogStore, options: SharedJournalOptions): Promise<SharedJournal> {
    const endMs = options.clock().tickMs + OPENING_MS;
    for (;;) {
      try {
        return await SharedJournal.#open(store, options);
      } catch (error) {
        // A cluster that starts, or chooses a leader, does not answer.
        if (options.clock().tickMs >= endMs) throw error;
        await delay(AGAIN_MS);
      }
    }
  }

  static async #open(store: LogStore, options: SharedJournalOptions): Promise<SharedJournal> {
    for (;;) {
      const { first, last, count, bytes } = await store.state();
      const blocks = Math.ceil(PAST_BYTES / Math.max(1, bytes / Math.max(1, count)));
      const found = await usableCheckpoint(store, Math.max(first, last - blocks), first);
      const checkpoint = found ?? await begin(store, last, options.instance);
      if (!checkpoint) continue; // another server was faster
      const journal = new SharedJournal(store, checkpoint, options);
      void journal.#read();
      if (found && last > checkpoint.position) await journal.#reaches(last);
      return journal;
    }
  }

  get isStuck(): boolean {
    return this.#waitingBytes >= MAX_WAITING_BYTES;
  }

  /** Whether the store is away. */
  get isAway(): boolean {
    return this.#isAway;
  }

  follow(take: Taker, onWork: () => void): void {
    this.#take = take;
    this.#onWork = onWork;
    this.settle();
  }

  propose(proposal: Proposal): void {
    const bytes = encodeProposal(proposal);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#storeSoon();
  }

  settle(): void {
    for (const stored of this.#inbox.splice(0)) {
      this.#position = stored.position;
      if (stored.isCheckpoint) this.#noteCheckpoint(stored);
      else this.#give(decodeBlock(stored.bytes), stored);
    }
  }

  /** To be called now and then, by the eldest server: writes what a server that starts must know, if that has not
   * happened for long. */
  keepFresh(): void {
    if (this.#options.clock().wallMs - this.#checkpointMs >= CHECKPOINT_MS) this.#writeCheckpoint();
  }

  /** Waits until all that was proposed is stored, at most so long, and ends. */
  async close({ patienceMs = 0 }: { patienceMs?: number } = {}): Promise<void> {
    const endMs = this.#options.clock().tickMs + patienceMs;
    while (this.#isStoring && this.#options.clock().tickMs < endMs) await delay(AGAIN_MS / 10);
    this.#isClosed = true;
    this.#store.close();
  }

  #give({ server, number, entries }: Block, stored: Stored): void {
    const last = this.#numbers.get(server) ?? 0;
    // Stored twice: its acknowledgement was lost, and NATS had forgotten that it had it.
    if (number <= last) return;
    this.#noteNumber(server, number);
    const at = this.#momentOf(stored);
    for (const entry of entries) {
      this.#fold(entry);
      this.#take(entry, this.#seq++, at, server !== this.home);
    }
    this.#entriesSince += entries.length;
    this.#bytesSince += stored.bytes.length;
    const { checkpointEntries = CHECKPOINT_ENTRIES } = this.#options;
    const isDue = this.#entriesSince >= checkpointEntries || this.#bytesSince >= CHECKPOINT_BYTES;
    // Whose block makes it due writes it: so one server does.
    if (isDue && server === this.home) this.#writeCheckpoint();
  }

  #fold(entry: Proposal): void {
    fold(this.#members, entry);
    if (entry.type === "backups") this.#backups = entry;
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

  #noteCheckpoint({ timeMs }: Stored): void {
    this.#entriesSince = 0;
    this.#bytesSince = 0;
    this.#checkpointMs = timeMs;
  }

  #writeCheckpoint(): void {
    if (this.#checkpoint) return;
    const past = [...unfold(this.#members), ...(this.#backups ? [this.#backups] : [])];
    const [position, seq, numbers] = [this.#position, this.#seq, this.#numbers];
    const bytes = encodeCheckpoint({ instance: this.instance, position, seq, numbers, past });
    if (bytes.length > this.#store.maxBytes) return;
    this.#checkpoint = { bytes, id: `checkpoint-${this.home.toString(16)}-${position}`, isCheckpoint: true };
    this.#storeSoon();
  }

  #storeSoon(): void {
    if (this.#isStoring) return;
    this.#isStoring = true;
    // Everything that is proposed at once goes into one block.
    queueMicrotask(() => void this.#storeAll());
  }

  /** One block after another: so they come in order, whatever happens to one of them on its way. */
  async #storeAll(): Promise<void> {
    for (let job = this.#nextJob(); job && !this.#isClosed; job = this.#nextJob()) {
      await this.#storeOne(job);
    }
    this.#isStoring = false;
  }

  #nextJob(): Job | undefined {
    const checkpoint = this.#checkpoint;
    if (checkpoint) return checkpoint;
    if (this.#waiting.length === 0) return undefined;
    const number = ++this.#number;
    const pieces: Uint8Array[] = [encodeBlockHead({ server: this.home, number })];
    let bytes = pieces[0]!.length;
    const most = Math.min(MAX_BLOCK_BYTES, this.#store.maxBytes / 2);
    let count = 0;
    for (const piece of this.#waiting) {
      if (count > 0 && bytes + piece.length > most) break;
      pieces.push(piece);
      bytes += piece.length;
      count++;
    }
    this.#waiting = this.#waiting.slice(count);
    return { bytes: joined(pieces, bytes), id: `${this.home.toString(16)}-${number}`, isCheckpoint: false };
  }

  async #storeOne(job: Job): Promise<void> {
    const { clock, awayMs = AWAY_MS, goneMs = GONE_MS, onBroken } = this.#options;
    const away = setTimeout(() => this.#noteAway(true), awayMs);
    let goneSinceMs: number | undefined;
    try {
      while (!this.#isClosed) {
        try {
          this.#awaitBack(await this.#store.append(job.bytes, job) ?? 0);
          break;
        } catch {
          // Under the same id, so that it is there once whether or not it was stored.
          await delay(AGAIN_MS);
        }
        if (!await this.#store.isGone().catch(() => false)) goneSinceMs = undefined;
        else if (clock().tickMs - (goneSinceMs ??= clock().tickMs) >= goneMs) {
          return onBroken?.(new NatsError("nats-stream-gone", "Cannot go on: the stream was deleted"));
        }
      }
    } finally {
      clearTimeout(away);
    }
    this.#noteAway(false);
    if (job === this.#checkpoint) this.#checkpoint = undefined;
    else this.#waitingBytes -= job.bytes.length;
    if (this.#waiting.length === 0) this.#waitingBytes = 0;
  }

  #noteAway(isAway: boolean): void {
    if (this.#isAway === isAway) return;
    this.#isAway = isAway;
    this.#options.onAway?.(isAway);
    this.#onWork();
  }

  /** Has the store asked again if what it has does not come. */
  #awaitBack(position: number): void {
    if (this.#lastCome >= position) return;
    const timer = setTimeout(() => {
      if (this.#lastCome < position && !this.#isClosed) this.#store.reread();
    }, BACK_MS);
    Deno.unrefTimer(timer);
  }

  get #lastCome(): number {
    return this.#inbox.at(-1)?.position ?? this.#position;
  }

  async #read(): Promise<void> {
    for await (const stored of this.#store.read(this.#position + 1)) {
      if (this.#isClosed) return;
      if (stored.isGap) {
        this.#isClosed = true;
        this.#options.onBroken?.(new NatsError("nats-log-cut", "Cannot go on: a part of the log is missing"));
        return;
      }
      this.#inbox.push(stored);
      if (stored.position >= this.#goal) this.#caughtUp.resolve();
      this.#onWork();
    }
  }

  #goal = Infinity;

  #reaches(position: number): Promise<void> {
    this.#goal = position;
    if (this.#lastCome >= position) this.#caughtUp.resolve();
    return this.#caughtUp.promise;
  }
}

/** A checkpoint behind which nothing is missing, of the part of the log from `wanted` on if there is one. */
async function usableCheckpoint(
  store: LogStore,
  wanted: number,
  first: number,
): Promise<Checkpoint | undefined> {
  for (let from = wanted;;) {
    const stored = await store.checkpointFrom(from);
    if (!stored) return undefined;
    const checkpoint = decodeCheckpoint(stored.bytes);
    if (checkpoint.position + 1 >= first) return checkpoint;
    if (stored.position < from) return undefined; // the last there is
    from = stored.position + 1;
  }
}

/** Begins a room, unless another server does at the same time. */
async function begin(store: LogStore, last: number, instance: bigint): Promise<Checkpoint | undefined> {
  const checkpoint = { instance, position: last, seq: 0, numbers: new Map(), past: [] };
  const position = await store.append(encodeCheckpoint(checkpoint), {
    id: `begin-${instance.toString(16)}`,
    isCheckpoint: true,
    after: last,
  });
  return position === undefined ? undefined : checkpoint;
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
