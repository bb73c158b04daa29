// The room's one append-only log: already encoded frames in shared memory, numbered by `seq`, and cursors
// that read them. Knows nothing of what the frames mean, nor of sockets.
//
// Frames lie one behind the other in segments. A segment is written once and never changed or moved, so a
// slice of it can be on its way to a thousand sockets at a time; what is no longer retained is let go of, and
// freed when the last of them is done with it.

import { concat } from "@std/bytes/concat";

/** Bytes of a segment: what a reader takes at once at most. */
const SEGMENT_BYTES = 262_144;
/** Bytes of memory that the log grows to, the segment being written included: whole segments, as few as take
 * no less than this. What is noted of each entry comes on top: 7 MB if all are as short as can be, and 49 MB if they
 * are private as well (measured). */
export const RETAINED_BYTES = 16_777_216;
/** Most bytes of a slice that is put together for one reader, because of entries that are not for it. */
const MAX_REWRITTEN_BYTES = 16_384;

/** Settings of a log; the limits are in bytes. */
export interface EventLogOptions {
  /** `seq` of the first entry. */
  readonly firstSeq?: number;
  readonly segmentBytes?: number;
  readonly retainedBytes?: number;
  /** The frame that readers get in place of the entry `seq`, if that is not for them; none by default. */
  readonly placeholder?: PlaceholderFrame;
}

/** Gives the frame that stands in for an entry. */
type PlaceholderFrame = (seq: number) => Uint8Array<ArrayBuffer>;

/** Who reads: {@linkcode ALL_ENTRIES}, or an id that may be in an entry's audience. */
export type ReaderId = bigint | typeof ALL_ENTRIES | undefined;
/** Reads every entry, whoever it is for. */
export const ALL_ENTRIES = Symbol("everything");

/** An entry that is for some readers only. */
interface PrivateEntry {
  /** Its place in the segment. */
  readonly index: number;
  readonly audience: readonly bigint[];
}

/** A stretch of the log. `offsets[i]` is where its i-th frame begins, `timesMs[i]` when it was appended. */
class Segment {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly firstSeq: number;
  readonly offsets: number[] = [];
  readonly timesMs: number[] = [];
  /** By ascending index. */
  readonly privateEntries: PrivateEntry[] = [];
  length = 0;
  /** To what follows: apart from the segment, so that the log can cut it without holding on to the bytes. */
  readonly link: { next: Segment | undefined } = { next: undefined };
  retained = true;
  #view: { readonly from: number; readonly bytes: Uint8Array<ArrayBuffer> } | undefined;

  constructor(firstSeq: number, bytes: number) {
    this.firstSeq = firstSeq;
    this.bytes = new Uint8Array(bytes);
  }

  get endSeq(): number {
    return this.firstSeq + this.offsets.length;
  }

  /** Where the frame behind the i-th begins. */
  endOf(index: number): number {
    return this.offsets[index + 1] ?? this.length;
  }

  /** All bytes from an offset on. Most readers are at the same place: one view serves them all. */
  viewFrom(offset: number): Uint8Array<ArrayBuffer> {
    const { from, bytes } = this.#view ?? {};
    if (from === offset && from + bytes!.length === this.length) return bytes!;
    this.#view = { from: offset, bytes: this.bytes.subarray(offset, this.length) };
    return this.#view.bytes;
  }
}

/** The log. `seq` counts entries. */
export class EventLog {
  readonly #segmentBytes: number;
  readonly #retainedBytes: number;
  readonly #placeholder: PlaceholderFrame;
  #oldest: Segment;
  #newest: Segment;
  #linkToOldest: Segment["link"] | undefined;
  #bytes: number;

  constructor(options: EventLogOptions = {}) {
    const { firstSeq = 0, segmentBytes = SEGMENT_BYTES, retainedBytes = RETAINED_BYTES } = options;
    this.#segmentBytes = segmentBytes;
    this.#retainedBytes = retainedBytes;
    this.#placeholder = options.placeholder ?? (() => new Uint8Array());
    this.#oldest = this.#newest = new Segment(firstSeq, segmentBytes);
    this.#bytes = segmentBytes;
  }

  /** `seq` that the next entry will get. */
  get head(): number {
    return this.#newest.endSeq;
  }

  /** `seq` of the oldest entry that can still be read; `head` if there is none. */
  get tail(): number {
    return this.#oldest.firstSeq;
  }

  /** Adds a whole frame, which is copied. `nowMs` never decreases. Readers who are not in the `audience`, if
   * there is one, get the substitute. */
  append(frame: Uint8Array, nowMs: number, { audience }: { audience?: readonly bigint[] } = {}): void {
    let segment = this.#newest;
    if (segment.length + frame.length > segment.bytes.length) segment = this.#addSegment(frame.length);
    if (audience) segment.privateEntries.push({ index: segment.offsets.length, audience });
    segment.offsets.push(segment.length);
    segment.timesMs.push(nowMs);
    segment.bytes.set(frame, segment.length);
    segment.length += frame.length;
  }

  /** A reader whose next entry is `seq`, or the nearest that can be read. Unless it says who it is, it gets
   * what is for everybody. */
  cursorAt(seq: number, reader?: ReaderId): Cursor {
    const at = Math.max(seq, this.tail);
    const segment = at < this.head ? this.#segmentOf(at) : this.#newest;
    return new Cursor(segment, { seq: Math.min(at, this.head), reader, placeholder: this.#placeholder });
  }

  /** `seq` of the first retained entry that was appended at `timeMs` or later; `head` if none was. */
  seqSince(timeMs: number): number {
    for (const segment of this.#segments()) {
      if ((segment.timesMs.at(-1) ?? -Infinity) < timeMs) continue;
      return segment.firstSeq + lowerBound(segment.timesMs, timeMs);
    }
    return this.head;
  }

  /** `seq` of the last but `count` - 1 of the entries for everybody whose frame has this type, or of the oldest
   * retained one; `head` if there is none or `count` is 0. */
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

  #addSegment(frameBytes: number): Segment {
    const segment = new Segment(this.head, Math.max(this.#segmentBytes, frameBytes));
    this.#newest.link.next = segment;
    this.#newest = segment;
    this.#bytes += segment.bytes.length;
    while (this.#bytes - this.#oldest.bytes.length >= this.#retainedBytes && this.#oldest.link.next) {
      const dropped = this.#oldest;
      this.#oldest = this.#oldest.link.next;
      this.#bytes -= dropped.bytes.length;
      dropped.retained = false;
      // A reader that is still further back must not keep all that follows in memory. One that has read the
      // whole of the segment dropped last has lost nothing, and goes on.
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

/** A frame's type is the byte after its u32 length: all that the log knows of a frame. */
const TYPE_OFFSET = 4;

/** A reader's place in the log. */
export class Cursor {
  readonly #reader: ReaderId;
  readonly #placeholder: PlaceholderFrame;
  #segment: Segment;
  #offset: number;
  #seq: number;
  /** How many of the segment's restricted entries lie behind, or are ahead and for this reader. */
  #privateIndex: number;

  /** For {@linkcode EventLog.cursorAt}. */
  constructor(segment: Segment, { seq, reader, placeholder }: {
    seq: number;
    reader: ReaderId;
    placeholder: PlaceholderFrame;
  }) {
    this.#reader = reader;
    this.#placeholder = placeholder;
    this.#segment = segment;
    const index = seq - segment.firstSeq;
    this.#offset = segment.offsets[index] ?? segment.length;
    this.#seq = seq;
    this.#privateIndex = segment.privateEntries.filter((entry) => entry.index < index).length;
  }

  /** `seq` of the entry that comes next. */
  get seq(): number {
    return this.#seq;
  }

  /** `seq` that the log's next entry will get, unless the reader {@linkcode hasFallenBehind}. */
  get head(): number {
    let segment = this.#segment;
    while (segment.link.next) segment = segment.link.next;
    return segment.endSeq;
  }

  /** Bytes of the log before the reader, unless it {@linkcode hasFallenBehind}. */
  get lagBytes(): number {
    let bytes = -this.#offset;
    for (let segment: Segment | undefined = this.#segment; segment; segment = segment.link.next) {
      bytes += segment.length;
    }
    return bytes;
  }

  /** Whether what comes next is no longer retained: the reader is too far behind to go on. */
  get hasFallenBehind(): boolean {
    this.#advanceSegment();
    return !this.#segment.retained;
  }

  /** Whether the reader has read everything. */
  get isAtEnd(): boolean {
    this.#advanceSegment();
    return this.#offset === this.#segment.length;
  }

  /** The next frames, whole and as many as lie in one segment, or undefined at the head. It is a view of
   * memory that others read as well, unless some of them are not for this reader; nobody writes to it any
   * more. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    if (this.isAtEnd) return undefined;
    if (this.#privateIndex !== this.#segment.privateEntries.length) return this.#takeWithPlaceholders();
    const slice = this.#segment.viewFrom(this.#offset);
    this.#offset = this.#segment.length;
    this.#seq = this.#segment.endSeq;
    return slice;
  }

  /** What lies before the next entry that is not for this reader; around such entries, a copy with substitutes:
   * a write for each piece would cost more than the copy. */
  #takeWithPlaceholders(): Uint8Array<ArrayBuffer> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let room = MAX_REWRITTEN_BYTES;
    while (this.#offset < this.#segment.length) {
      const closedSeq = this.#nextPrivate();
      const isClosed = closedSeq === this.#seq;
      const piece = isClosed ? this.#placeholder(this.#seq) : undefined;
      const bytes = piece?.length ?? this.#bytesUntil(closedSeq);
      if (bytes > room && pieces.length > 0) break; // what is long goes alone, and need not be copied
      pieces.push(piece ?? this.#takeUpTo(closedSeq));
      if (isClosed) this.#skipPrivate();
      room -= bytes;
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

  /** Passes the next entry over, which is not for this reader. */
  #skipPrivate(): void {
    this.#offset = this.#segment.endOf(this.#seq - this.#segment.firstSeq);
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
    for (
      let entry = privateEntries[this.#privateIndex];
      entry;
      entry = privateEntries[++this.#privateIndex]
    ) {
      const isForReader = this.#reader === ALL_ENTRIES ||
        (this.#reader !== undefined && entry.audience.includes(this.#reader));
      if (!isForReader) return firstSeq + entry.index;
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
