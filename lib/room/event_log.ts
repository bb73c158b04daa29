// The event log: the room's encoded frames in shared memory, numbered by `seq`, and cursors that read them.
//
// Frames lie one after another in segments. Bytes of a segment are written once and never moved, so a thousand sockets
// can write the same slice. A segment that is no longer retained is freed when the last of them is done with it.

import { concat } from "@std/bytes/concat";

/** Default of `retainedBytes`. The index of the entries comes on top: 7 MB if all are as short as possible, 49 MB if they
 * are private as well (measured). */
export const RETAINED_BYTES = 16_777_216;
/** Most bytes of a slice that is copied for one reader, because of entries that are not for it. */
const MAX_REWRITTEN_BYTES = 16_384;
/** A frame's type is the byte after its u32 length: all that the log knows of a frame. */
const TYPE_OFFSET = 4;

export interface EventLogConfig {
  /** Also the most bytes that a cursor takes at once. */
  readonly segmentBytes: number;
  /** The log drops the oldest segments while the others hold at least this many bytes. */
  readonly retainedBytes: number;
}

/** Makes the frame that takes the place of a private entry, for readers outside its audience. */
type PlaceholderFrame = (seq: number) => Uint8Array<ArrayBuffer>;

/** A session id, or {@linkcode ALL_ENTRIES}; undefined reads what is for all. */
type ReaderId = bigint | typeof ALL_ENTRIES | undefined;
/** Reads private entries of all sessions. */
export const ALL_ENTRIES = Symbol("everything");

interface PrivateEntry {
  /** In the segment. */
  readonly index: number;
  readonly audience: readonly bigint[];
}

/** `offsets[i]` is where the i-th frame begins, `timesMs[i]` when it was appended. */
class Segment {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly firstSeq: number;
  /** Bytes of all segments before this one. */
  readonly startBytes: number;
  readonly offsets: number[] = [];
  readonly timesMs: number[] = [];
  /** By ascending index. */
  readonly privateEntries: PrivateEntry[] = [];
  length = 0;
  /** An object of its own, so that the log can unlink a dropped segment without retaining its bytes. */
  readonly link: { next: Segment | undefined } = { next: undefined };
  retained = true;
  #view: { readonly from: number; readonly bytes: Uint8Array<ArrayBuffer> } | undefined;

  constructor(bytes: number, { firstSeq, startBytes }: { firstSeq: number; startBytes: number }) {
    this.firstSeq = firstSeq;
    this.startBytes = startBytes;
    this.bytes = new Uint8Array(bytes);
  }

  get endSeq(): number {
    return this.firstSeq + this.offsets.length;
  }

  endOf(index: number): number {
    return this.offsets[index + 1] ?? this.length;
  }

  /** Cached: most readers are at the same offset. */
  viewFrom(offset: number): Uint8Array<ArrayBuffer> {
    const { from, bytes } = this.#view ?? {};
    if (from === offset && from + bytes!.length === this.length) return bytes!;
    this.#view = { from: offset, bytes: this.bytes.subarray(offset, this.length) };
    return this.#view.bytes;
  }
}

export class EventLog {
  readonly #placeholder: PlaceholderFrame;
  readonly #config: EventLogConfig;
  #oldest: Segment;
  #newest: Segment;
  #linkToOldest: Segment["link"] | undefined;
  #bytes: number;

  constructor(firstSeq: number, placeholder: PlaceholderFrame, config: EventLogConfig) {
    this.#placeholder = placeholder;
    this.#config = config;
    this.#oldest = this.#newest = new Segment(config.segmentBytes, { firstSeq, startBytes: 0 });
    this.#bytes = config.segmentBytes;
  }

  /** `seq` of the next entry. */
  get head(): number {
    return this.#newest.endSeq;
  }

  /** `seq` of the oldest entry retained; `head` if there is none. */
  get tail(): number {
    return this.#oldest.firstSeq;
  }

  /** Memory of the retained segments, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Copies the frame. `nowMs` never decreases. Readers outside the `audience`, if there is one, get a placeholder. */
  append(frame: Uint8Array, nowMs: number, { audience }: { audience?: readonly bigint[] } = {}): void {
    let segment = this.#newest;
    if (segment.length + frame.length > segment.bytes.length) segment = this.#addSegment(frame.length);
    if (audience) segment.privateEntries.push({ index: segment.offsets.length, audience });
    segment.offsets.push(segment.length);
    segment.timesMs.push(nowMs);
    segment.bytes.set(frame, segment.length);
    segment.length += frame.length;
  }

  /** The cursor begins at `seq`, or at the nearest entry retained. */
  cursorAt(seq: number, reader?: ReaderId): Cursor {
    const at = Math.max(seq, this.tail);
    const segment = at < this.head ? this.#segmentOf(at) : this.#newest;
    return new Cursor(segment, { seq: Math.min(at, this.head), reader, placeholder: this.#placeholder });
  }

  /** `seq` of the first retained entry that was appended at `timeMs` or later; `head` if there is none. */
  seqSince(timeMs: number): number {
    for (const segment of this.#segments()) {
      if ((segment.timesMs.at(-1) ?? -Infinity) < timeMs) continue;
      return segment.firstSeq + lowerBound(segment.timesMs, timeMs);
    }
    return this.head;
  }

  /** `seq` of the `count`-th last entry of this type that is not private, or of the oldest retained one; `head` if there
   * is none or `count` is 0. */
  seqOfNthLast(count: number, frameType: number): number {
    let seq = this.head;
    let left = count;
    for (const segment of [...this.#segments()].reverse()) {
      const privateEntries = new Set(segment.privateEntries.map(({ index }) => index));
      for (let i = segment.offsets.length - 1; i >= 0; i--) {
        if (left === 0) return seq;
        if (segment.bytes[segment.offsets[i]! + TYPE_OFFSET] !== frameType || privateEntries.has(i)) continue;
        seq = segment.firstSeq + i;
        left--;
      }
    }
    return seq;
  }

  /** How many of the retained entries that were appended at `timeMs` or later are of this type. */
  countSince(timeMs: number, frameType: number): number {
    let count = 0;
    for (const { bytes, offsets, timesMs } of this.#segments()) {
      if ((timesMs.at(-1) ?? -Infinity) < timeMs) continue;
      for (let i = lowerBound(timesMs, timeMs); i < offsets.length; i++) {
        if (bytes[offsets[i]! + TYPE_OFFSET] === frameType) count++;
      }
    }
    return count;
  }

  #addSegment(frameBytes: number): Segment {
    const { segmentBytes, retainedBytes } = this.#config;
    const { startBytes, length } = this.#newest;
    const start = { firstSeq: this.head, startBytes: startBytes + length };
    const segment = new Segment(Math.max(segmentBytes, frameBytes), start);
    this.#newest.link.next = segment;
    this.#newest = segment;
    this.#bytes += segment.bytes.length;
    while (this.#bytes - this.#oldest.bytes.length >= retainedBytes && this.#oldest.link.next) {
      const dropped = this.#oldest;
      this.#oldest = this.#oldest.link.next;
      this.#bytes -= dropped.bytes.length;
      dropped.retained = false;
      // Unlink the segment before the one dropped: a reader that is still there must not keep all later segments in
      // memory. The link of the segment dropped last stays: a reader at its end has missed nothing and goes on.
      if (this.#linkToOldest) this.#linkToOldest.next = undefined;
      this.#linkToOldest = dropped.link;
    }
    return segment;
  }

  #segmentOf(seq: number): Segment {
    for (const segment of this.#segments()) if (seq < segment.endSeq) return segment;
    return this.#newest;
  }

  *#segments(): Generator<Segment> {
    for (let segment: Segment | undefined = this.#oldest; segment; segment = segment.link.next) yield segment;
  }
}

export class Cursor {
  readonly #reader: ReaderId;
  readonly #placeholder: PlaceholderFrame;
  #segment: Segment;
  #offset: number;
  #seq: number;
  /** Index of the segment's next private entry that may not be for this reader. */
  #privateIndex: number;
  readonly #startSeq: number;
  /** Bytes of the log up to here that were not taken: those before the start, and those that placeholders saved. */
  #untakenBytes: number;

  /** Use {@linkcode EventLog.cursorAt}. */
  constructor(segment: Segment, how: { seq: number; reader: ReaderId; placeholder: PlaceholderFrame }) {
    this.#reader = how.reader;
    this.#placeholder = how.placeholder;
    this.#segment = segment;
    const index = how.seq - segment.firstSeq;
    this.#offset = segment.offsets[index] ?? segment.length;
    this.#seq = this.#startSeq = how.seq;
    this.#untakenBytes = segment.startBytes + this.#offset;
    this.#privateIndex = segment.privateEntries.filter((entry) => entry.index < index).length;
  }

  /** `seq` of the next entry to read. */
  get seq(): number {
    return this.#seq;
  }

  /** `seq` of the log's next entry, unless the reader {@linkcode hasFallenBehind}. */
  get head(): number {
    let segment = this.#segment;
    while (segment.link.next) segment = segment.link.next;
    return segment.endSeq;
  }

  /** Bytes still to read, unless the reader {@linkcode hasFallenBehind}. */
  get lagBytes(): number {
    let bytes = -this.#offset;
    for (let segment: Segment | undefined = this.#segment; segment; segment = segment.link.next) {
      bytes += segment.length;
    }
    return bytes;
  }

  /** Everything that {@linkcode take} has returned. */
  get taken(): { readonly frames: number; readonly bytes: number } {
    const bytes = this.#segment.startBytes + this.#offset - this.#untakenBytes;
    return { frames: this.#seq - this.#startSeq, bytes };
  }

  /** The next entry is no longer retained, so the reader cannot go on. */
  get hasFallenBehind(): boolean {
    this.#advanceSegment();
    return !this.#segment.retained;
  }

  get isAtEnd(): boolean {
    this.#advanceSegment();
    return this.#offset === this.#segment.length;
  }

  /** The next complete frames, at most one segment, or undefined at the head. Shared memory, unless it contains
   * placeholders: do not write to it. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    if (this.isAtEnd) return undefined;
    if (this.#privateIndex !== this.#segment.privateEntries.length) return this.#takeWithPlaceholders();
    const slice = this.#segment.viewFrom(this.#offset);
    this.#offset = this.#segment.length;
    this.#seq = this.#segment.endSeq;
    return slice;
  }

  /** A slice up to the next entry that is not for this reader; around such entries, a copy with placeholders: a write
   * for each piece would cost more than the copy. */
  #takeWithPlaceholders(): Uint8Array<ArrayBuffer> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let bytesLeft = MAX_REWRITTEN_BYTES;
    while (this.#offset < this.#segment.length) {
      const privateSeq = this.#nextPrivate();
      const isPrivate = privateSeq === this.#seq;
      const piece = isPrivate ? this.#placeholder(this.#seq) : undefined;
      const bytes = piece?.length ?? this.#bytesUntil(privateSeq);
      if (bytes > bytesLeft && pieces.length > 0) break; // a long piece goes alone, without a copy
      pieces.push(piece ?? this.#takeUpTo(privateSeq));
      if (isPrivate) this.#skipPrivate(bytes);
      bytesLeft -= bytes;
    }
    return pieces.length === 1 ? pieces[0]! : concat(pieces);
  }

  #takeUpTo(seq: number): Uint8Array<ArrayBuffer> {
    const end = this.#offset + this.#bytesUntil(seq);
    const slice = this.#segment.bytes.subarray(this.#offset, end);
    this.#offset = end;
    this.#seq = seq;
    return slice;
  }

  #skipPrivate(placeholderBytes: number): void {
    const end = this.#segment.endOf(this.#seq - this.#segment.firstSeq);
    this.#untakenBytes += end - this.#offset - placeholderBytes;
    this.#offset = end;
    this.#seq++;
    this.#privateIndex++;
  }

  #bytesUntil(seq: number): number {
    const { offsets, firstSeq, length } = this.#segment;
    return (offsets[seq - firstSeq] ?? length) - this.#offset;
  }

  /** `seq` of the segment's next entry that is not for this reader, or of the segment's end. */
  #nextPrivate(): number {
    const { privateEntries, firstSeq, endSeq } = this.#segment;
    for (; this.#privateIndex < privateEntries.length; this.#privateIndex++) {
      const { index, audience } = privateEntries[this.#privateIndex]!;
      const isForReader = this.#reader === ALL_ENTRIES ||
        (this.#reader !== undefined && audience.includes(this.#reader));
      if (!isForReader) return firstSeq + index;
    }
    return endSeq;
  }

  #advanceSegment(): void {
    while (this.#offset === this.#segment.length && this.#segment.link.next) {
      this.#segment = this.#segment.link.next;
      this.#offset = 0;
      this.#privateIndex = 0;
    }
  }
}

/** Index of the first of the ascending `values` that is at least `bound`. */
function lowerBound(values: readonly number[], bound: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
