// The room's one append-only log: already encoded frames in shared memory, numbered by `seq`, and cursors
// that read them. Knows nothing of what the frames mean, nor of sockets.
//
// Frames lie one behind the other in segments. A segment is written once and never changed or moved, so a
// slice of it can be on its way to a thousand sockets at a time; what is no longer retained is let go of, and
// freed when the last of them is done with it.

/** Bytes of a segment: what a reader takes at once at most. */
export const SEGMENT_BYTES = 262_144;
/** Bytes of memory that the log grows to, the segment being written included: whole segments, as few as take
 * no less than this. */
export const RETAINED_BYTES = 16_777_216;

/** Limits of a log, in bytes. */
export interface RoomLogOptions {
  readonly segmentBytes?: number;
  readonly retainedBytes?: number;
}

/** A stretch of the log. `offsets[i]` is where its i-th frame begins, `timesMs[i]` when it was appended. */
class Segment {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly firstSeq: number;
  readonly offsets: number[] = [];
  readonly timesMs: number[] = [];
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

  /** All bytes from an offset on. Most readers are at the same place: one view serves them all. */
  viewFrom(offset: number): Uint8Array<ArrayBuffer> {
    const { from, bytes } = this.#view ?? {};
    if (from === offset && from + bytes!.length === this.length) return bytes!;
    this.#view = { from: offset, bytes: this.bytes.subarray(offset, this.length) };
    return this.#view.bytes;
  }
}

/** The log. `seq` counts entries from 0. */
export class RoomLog {
  readonly #segmentBytes: number;
  readonly #retainedBytes: number;
  #oldest: Segment;
  #newest: Segment;
  #linkToOldest: Segment["link"] | undefined;
  #bytes: number;

  constructor({ segmentBytes = SEGMENT_BYTES, retainedBytes = RETAINED_BYTES }: RoomLogOptions = {}) {
    this.#segmentBytes = segmentBytes;
    this.#retainedBytes = retainedBytes;
    this.#oldest = this.#newest = new Segment(0, segmentBytes);
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

  /** Adds a whole frame, which is copied. `nowMs` never decreases. */
  append(frame: Uint8Array, nowMs: number): void {
    let segment = this.#newest;
    if (segment.length + frame.length > segment.bytes.length) segment = this.#addSegment(frame.length);
    segment.offsets.push(segment.length);
    segment.timesMs.push(nowMs);
    segment.bytes.set(frame, segment.length);
    segment.length += frame.length;
  }

  /** A reader whose next entry is `seq`, or the nearest that can be read. */
  cursorAt(seq: number): Cursor {
    const at = Math.max(seq, this.tail);
    const segment = at < this.head ? this.#segmentOf(at) : this.#newest;
    return new Cursor(segment, Math.min(at, this.head));
  }

  /** `seq` of the first retained entry that was appended at `timeMs` or later; `head` if none was. */
  seqSince(timeMs: number): number {
    for (const segment of this.#segments()) {
      if ((segment.timesMs.at(-1) ?? -Infinity) < timeMs) continue;
      return segment.firstSeq + lowerBound(segment.timesMs, timeMs);
    }
    return this.head;
  }

  /** `seq` of the last but `count` - 1 of the entries whose frame has this type, or of the oldest retained one;
   * `head` if there is none or `count` is 0. */
  seqOfLast(count: number, frameType: number): number {
    let seq = this.head;
    let left = count;
    for (const segment of [...this.#segments()].reverse()) {
      for (let i = segment.offsets.length - 1; i >= 0; i--) {
        if (left === 0) return seq;
        if (segment.bytes[segment.offsets[i]! + TYPE_OFFSET] !== frameType) continue;
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
  #segment: Segment;
  #offset: number;
  #seq: number;

  /** For {@linkcode RoomLog.cursorAt}. */
  constructor(segment: Segment, seq: number) {
    this.#segment = segment;
    this.#offset = segment.offsets[seq - segment.firstSeq] ?? segment.length;
    this.#seq = seq;
  }

  /** `seq` of the entry that comes next. */
  get seq(): number {
    return this.#seq;
  }

  /** `seq` that the log's next entry will get, unless the reader {@linkcode isLost}. */
  get head(): number {
    let segment = this.#segment;
    while (segment.link.next) segment = segment.link.next;
    return segment.endSeq;
  }

  /** Whether what comes next is no longer retained: the reader is too far behind to go on. */
  get isLost(): boolean {
    this.#hop();
    return !this.#segment.retained;
  }

  /** Whether the reader has read everything. */
  get isAtHead(): boolean {
    this.#hop();
    return this.#offset === this.#segment.length;
  }

  /** The next frames, whole and as many as lie in one segment, or undefined at the head. It is a view of
   * memory that others read as well; nobody writes to it any more. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    if (this.isAtHead) return undefined;
    const slice = this.#segment.viewFrom(this.#offset);
    this.#offset = this.#segment.length;
    this.#seq = this.#segment.endSeq;
    return slice;
  }

  #hop(): void {
    while (this.#offset === this.#segment.length && this.#segment.link.next) {
      this.#segment = this.#segment.link.next;
      this.#offset = 0;
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
