// Bytes to length-prefixed frames and back, and the big-endian fields in frames.
//
//   u32 length of what follows | u8 type | body (length - 1 bytes)

import { Buffer } from "node:buffer";
import { ProtocolError } from "./errors.ts";

/** Bytes before a frame's type: the u32 that holds its length. */
export const LENGTH_BYTES = 4;
/** Bytes before a frame's body. */
export const HEADER_BYTES = LENGTH_BYTES + 1;
/** Longest string, in UTF-8 bytes: its length is a u16. */
export const MAX_STRING_BYTES = 0xffff;

/** Small: a server has such a buffer for each of 10,000 clients, and most of them send little. */
const INITIAL_BUFFER_BYTES = 256;
const MAX_READ_BYTES = 65_536;

/** Cuts a stream of bytes into frames.
 *
 * A caller reads bytes into {@linkcode reserve} and reports them to {@linkcode commit}, or copies them in by
 * {@linkcode push}. Then it calls {@linkcode next} until there is no whole frame left. The buffer grows up to
 * the longest frame or to {@linkcode MAX_READ_BYTES}. */
export class FrameDecoder {
  readonly #maxFrameBytes: number;
  /** Part of a slab of Node's pool: the slab stays in memory until no decoder uses it. */
  #bytes = Buffer.allocUnsafe(INITIAL_BUFFER_BYTES);
  #view = viewOf(this.#bytes);
  #start = 0;
  #end = 0;
  #frameCount = 0;

  /** `maxFrameBytes` bounds type and body. */
  constructor({ maxFrameBytes }: { maxFrameBytes: number }) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Bytes of a frame that is not complete yet. */
  get bufferedBytes(): number {
    return this.#end - this.#start;
  }

  /** Number of frames that {@linkcode next} returned. */
  get frameCount(): number {
    return this.#frameCount;
  }

  /** The space for the next bytes of the stream, at least one byte. Frames returned so far become invalid. */
  reserve(): Uint8Array {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    if (this.#end === this.#bytes.length) {
      if (this.#start > 0) this.#moveTo(this.#bytes);
      else this.#moveTo(Buffer.allocUnsafeSlow(this.#bytes.length * 2));
    }
    return this.#end === 0 ? this.#bytes : this.#bytes.subarray(this.#end);
  }

  /** Takes the first `count` bytes of {@linkcode reserve}. */
  commit(count: number): void {
    this.#end += count;
    const { length } = this.#bytes;
    // The read filled the buffer, so there is more to read: a larger buffer takes fewer reads.
    if (this.#end === length && length < MAX_READ_BYTES) this.#moveTo(Buffer.allocUnsafeSlow(length * 2));
  }

  /** Copies in the next bytes of the stream. Call {@linkcode next} after each chunk, or the buffer grows
   * without bound. */
  push(chunk: Uint8Array): void {
    for (let rest = chunk; rest.length > 0;) {
      const reserve = this.reserve();
      const count = Math.min(reserve.length, rest.length);
      reserve.set(rest.subarray(0, count));
      this.commit(count);
      rest = rest.subarray(count);
    }
  }

  /** The next whole frame; undefined if the buffer has none.
   * @throws {ProtocolError} `frame-too-long` or `frame-malformed` as soon as the length is there */
  next(): Frame | undefined {
    const available = this.#end - this.#start;
    if (available < LENGTH_BYTES) return undefined;
    const length = this.#view.getUint32(this.#start);
    if (length > this.#maxFrameBytes) {
      throw new ProtocolError("frame-too-long", { length });
    }
    if (length === 0) throw malformed("length 0 leaves no type");
    if (available < LENGTH_BYTES + length) return undefined;
    const start = this.#start + LENGTH_BYTES;
    this.#start = start + length;
    this.#frameCount++;
    return new Frame(this.#bytes, this.#view, { start, end: this.#start });
  }

  #moveTo(target: Buffer<ArrayBuffer>): void {
    target.set(this.#bytes.subarray(this.#start, this.#end));
    this.#bytes = target;
    this.#view = viewOf(target);
    this.#end -= this.#start;
    this.#start = 0;
  }
}

/** The frames in a slice of whole frames. */
export function* splitFrames(slice: Uint8Array): Generator<Frame> {
  const bytes = Buffer.from(slice.buffer, slice.byteOffset, slice.byteLength);
  const view = viewOf(bytes);
  for (let end = 0; end < bytes.length;) {
    const start = end + LENGTH_BYTES;
    end = start + view.getUint32(end);
    yield new Frame(bytes, view, { start, end });
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

const encoder = new TextEncoder();
/** Longest string that a loop encodes faster than TextEncoder, in UTF-16 units. */
const SHORT_CHARS = 24;

/** Writes one frame after another into the same buffer. Allocating memory for a frame would cost more than
 * encoding it. */
export class FrameWriter {
  #bytes = new Uint8Array(1_024);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;

  /** Begins a frame, and drops one that was not ended. */
  begin(type: number): this {
    this.#end = LENGTH_BYTES;
    return this.u8(type);
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
    return this;
  }

  /** At most 2^53 - 1. */
  u64(value: number): this {
    const at = this.#grow(8);
    this.#view.setUint32(at, value / 0x1_0000_0000);
    this.#view.setUint32(at + 4, value);
    return this;
  }

  /** A name, not a quantity. */
  id(value: bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value);
    return this;
  }

  /** Without a length. */
  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** A u16 length in bytes, then UTF-8.
   * @throws {RangeError} over {@linkcode MAX_STRING_BYTES} */
  string(value: string): this {
    const at = this.#grow(2 + value.length * 3) + 2; // UTF-8 takes at most 3 bytes a UTF-16 unit
    const written = this.#writeShort(value, at) ??
      encoder.encodeInto(value, this.#bytes.subarray(at)).written;
    if (written > MAX_STRING_BYTES) {
      throw new RangeError(`Cannot encode string: ${written} bytes exceed ${MAX_STRING_BYTES}`);
    }
    this.#view.setUint16(at - 2, written);
    this.#end = at + written;
    return this;
  }

  /** Bytes of the frame so far, with its header. */
  get length(): number {
    return this.#end;
  }

  /** The frame, as a view that is valid until the next one begins. The caller sends the last `missingBytes`
   * itself. */
  end({ missingBytes = 0 }: { missingBytes?: number } = {}): Uint8Array<ArrayBuffer> {
    this.#view.setUint32(0, this.#end - LENGTH_BYTES + missingBytes);
    return this.#bytes.subarray(0, this.#end);
  }

  /** Writes a short ASCII string, such as most nicks, and returns its length; undefined for any other string. */
  #writeShort(value: string, at: number): number | undefined {
    const { length } = value;
    if (length > SHORT_CHARS) return undefined;
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) return undefined;
      this.#bytes[at + i] = unit;
    }
    return length;
  }

  /** Makes room for `count` bytes and returns their offset. */
  #grow(count: number): number {
    const at = this.#end;
    this.#end += count;
    if (this.#end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#end, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

// A byte order mark is text like any other.
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A frame in a buffer, valid until the buffer is written again. Callers read its fields in order. Every read
 * throws {@linkcode ProtocolError} `frame-malformed` if the body ends within the field or the field is not
 * valid. */
export class Frame {
  readonly type: number;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #bodyStart: number;
  readonly #end: number;
  #at: number;

  /** `view` is of the same memory as `bytes`. Type and body lie from `start` up to `end`. */
  constructor(bytes: Buffer, view: DataView, { start, end }: { start: number; end: number }) {
    this.#bytes = bytes;
    this.#view = view;
    this.#bodyStart = this.#at = start + 1;
    this.#end = end;
    this.type = bytes[start]!;
  }

  /** A view. */
  get body(): Uint8Array {
    return this.#bytes.subarray(this.#bodyStart, this.#end);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** At most 2^53 - 1. */
  u64(): number {
    const at = this.#take(8);
    const value = this.#view.getUint32(at) * 0x1_0000_0000 + this.#view.getUint32(at + 4);
    if (value > Number.MAX_SAFE_INTEGER) throw malformed("a number exceeds 2^53 - 1");
    return value;
  }

  id(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  /** A copy of the next `count` bytes. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    const at = this.#take(count);
    return new Uint8Array(this.#bytes.subarray(at, at + count));
  }

  /** At most `maxBytes` of UTF-8. */
  string(maxBytes = MAX_STRING_BYTES): string {
    const length = this.u16();
    if (length > maxBytes) throw malformed(`a string of ${length} bytes exceeds ${maxBytes}`);
    const at = this.#take(length);
    // Four times as fast as a strict decoder. It replaces invalid bytes by U+FFFD; the sender may have
    // written U+FFFD too.
    const text = this.#bytes.toString("utf8", at, at + length);
    return text.includes(REPLACEMENT) ? withStrictDecoding(this.#bytes.subarray(at, at + length)) : text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end;
  }

  /** Refuses a body with bytes behind its last field. */
  end(): void {
    if (!this.isAtEnd) throw malformed(`${this.#end - this.#at} bytes follow the last field`);
  }

  #take(count: number): number {
    const at = this.#at;
    if (at + count > this.#end) {
      throw malformed(`the body ends after ${this.#end - this.#bodyStart} bytes, within a field`);
    }
    this.#at += count;
    return at;
  }
}

/** Decoders put it in the place of bytes that are not UTF-8. */
const REPLACEMENT = "\ufffd";

function withStrictDecoding(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch (cause) {
    throw malformed("a string is not UTF-8", cause);
  }
}

function malformed(why: string, cause?: unknown): ProtocolError {
  return new ProtocolError("frame-malformed", { why }, { cause });
}
