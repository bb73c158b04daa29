// FrameDecoder, FrameWriter and Frame. Bytes are in hex, as in docs/PROTOCOL.md.

import { assertEquals, assertThrows } from "@std/assert";
import { Frame, FrameDecoder, FrameWriter, MAX_STRING_BYTES, splitFrames } from "../lib/codec.ts";
import { ProtocolError } from "../lib/errors.ts";
import { pure } from "./testing/test_options.ts";

/** `00 ff` as bytes, in the middle of a larger buffer: a view's offset must not be forgotten. */
function bytes(hex: string): Uint8Array {
  const values = hex.split(" ").filter(Boolean).map((byte) => parseInt(byte, 16));
  return Uint8Array.of(0xaa, ...values, 0xbb).subarray(1, values.length + 1);
}

function hex(value: Uint8Array): string {
  return Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** A frame in one line: its type, then its body. */
function show({ type, body }: Frame): string {
  return `${type}: ${hex(body)}`.trim();
}

/** A frame of type 0 with this body, in the middle of a larger slice. */
function frameOf(body: Uint8Array): Frame {
  const other = new FrameWriter().begin(9).u8(9).end();
  const [, frame] = splitFrames(
    Uint8Array.of(...other, ...new FrameWriter().begin(0).bytes(body).end(), ...other),
  );
  return frame!;
}

/** All whole frames that a decoder has. */
function drain(decoder: FrameDecoder): Frame[] {
  const frames = [];
  for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) frames.push(frame);
  return frames;
}

/** What comes out of a decoder that is given one piece after another and drained after each. */
function decoded(pieces: Iterable<Uint8Array>, maxFrameBytes = 100): string[] {
  const decoder = new FrameDecoder({ maxFrameBytes });
  return [...pieces].flatMap((piece) => {
    decoder.push(piece);
    return drain(decoder).map(show);
  });
}

function* cut(stream: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < stream.length; at += length) yield stream.subarray(at, at + length);
}

/** A frame of type 1 whose body is as long as given and never the same byte twice in a row. */
function longFrame(bodyBytes: number): Uint8Array {
  return new FrameWriter().begin(1).bytes(Uint8Array.from({ length: bodyBytes }, (_, i) => i % 251)).end();
}

/** The code of the ProtocolError that this throws. */
function codeOf(fn: () => unknown): string {
  return assertThrows(fn, ProtocolError).code;
}

const STREAM = bytes("00 00 00 03 07 61 62  00 00 00 01 ff  00 00 00 05 00 00 00 00 01");
const FRAMES = ["7: 61 62", "255:", "0: 00 00 00 01"];

Deno.test("FrameDecoder.next() gives the same frames of a stream that was cut at any two bytes", pure, () => {
  for (let i = 0; i <= STREAM.length; i++) {
    for (let j = i; j <= STREAM.length; j++) {
      assertEquals(decoded([STREAM.subarray(0, i), STREAM.subarray(i, j), STREAM.subarray(j)]), FRAMES);
    }
  }
});

Deno.test("FrameDecoder counts the bytes of an incomplete frame, and frames that next() gave", pure, () => {
  const decoder = new FrameDecoder({ maxFrameBytes: 100 });
  const counts = [[0, 10], [10, 11], [11, 12], [12, STREAM.length - 1]].map(([from, to]) => {
    decoder.push(STREAM.subarray(from, to));
    const { bufferedBytes } = decoder;
    drain(decoder);
    return [bufferedBytes, decoder.bufferedBytes, decoder.frameCount];
  });
  assertEquals(counts, [[10, 3, 1], [4, 4, 1], [5, 0, 2], [8, 8, 2]]);
});

Deno.test("FrameDecoder.next() refuses a length over the limit before the frame comes", pure, () => {
  assertEquals(decoded([bytes("00 00 00 03 07 61 62")], 3), ["7: 61 62"]);
  for (const length of ["00 00 00 04", "00 00 01 00", "01 00 00 00", "80 00 00 00", "ff ff ff ff"]) {
    const decoder = new FrameDecoder({ maxFrameBytes: 3 });
    decoder.push(bytes(length).subarray(0, 3));
    assertEquals(decoder.next(), undefined);
    decoder.push(bytes(length).subarray(3));
    assertEquals(codeOf(() => decoder.next()), "frame-too-long");
  }
});

Deno.test("FrameDecoder.next() refuses a length that leaves no type", pure, () => {
  assertEquals(codeOf(() => decoded([bytes("00 00 00 00")])), "frame-malformed");
});

Deno.test("FrameDecoder.next() gives the frames before a violation, then only throws", pure, () => {
  const decoder = new FrameDecoder({ maxFrameBytes: 3 });
  decoder.push(bytes("00 00 00 01 07  00 00 00 04 07 61 62 63  00 00 00 01 07"));
  assertEquals(show(decoder.next()!), "7:");
  for (let i = 0; i < 2; i++) assertEquals(codeOf(() => decoder.next()), "frame-too-long");
});

Deno.test("FrameDecoder grows with a frame longer than its buffer, however it was cut", pure, () => {
  const stream = new Uint8Array([3_000, 1, 70_000, 2].flatMap((length) => [...longFrame(length)]));
  const expected = [...splitFrames(stream)].map(show);
  for (const length of [1, 7, 256, 1_000, 65_536, stream.length]) {
    assertEquals(decoded(cut(stream, length), 100_000), expected);
  }
});

Deno.test("FrameDecoder holds a long frame in less than twice its length", pure, () => {
  const decoder = new FrameDecoder({ maxFrameBytes: 100_000 });
  for (const piece of cut(longFrame(70_000), 1_000)) decoder.push(piece);
  assertEquals(drain(decoder).length, 1);
  assertEquals(decoder.reserve().length, 131_072);
});

Deno.test("FrameDecoder doubles its buffer after a read that filled it, up to 64 KiB", pure, () => {
  const decoder = new FrameDecoder({ maxFrameBytes: 100 });
  const frame = bytes("00 00 00 04 07 61 62 63");
  const sizes = [];
  for (let read = 0; read < 11; read++) {
    const reserve = decoder.reserve();
    sizes.push(reserve.length);
    for (let at = 0; at < reserve.length; at += frame.length) reserve.set(frame, at);
    decoder.commit(reserve.length);
    assertEquals(drain(decoder).length, reserve.length / frame.length);
  }
  assertEquals(sizes, [256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536, 65_536, 65_536]);
});

Deno.test("FrameDecoder keeps its first buffer for reads that do not fill it", pure, () => {
  const decoder = new FrameDecoder({ maxFrameBytes: 300 });
  for (let read = 0; read < 100; read++) {
    decoder.push(longFrame(200));
    assertEquals(drain(decoder).length, 1);
  }
  assertEquals(decoder.reserve().length, 256);
});

Deno.test("FrameDecoder.reserve() is never empty", pure, () => {
  const decoder = new FrameDecoder({ maxFrameBytes: 5_000 });
  for (const byte of longFrame(4_999)) {
    assertEquals(drain(decoder).length, 0);
    const reserve = decoder.reserve();
    assertEquals(reserve.length > 0, true);
    reserve[0] = byte;
    decoder.commit(1);
  }
  assertEquals(drain(decoder).length, 1);
});

Deno.test("splitFrames() gives the frames of a slice, and none of an empty one", pure, () => {
  assertEquals([...splitFrames(STREAM)].map(show), FRAMES);
  assertEquals([...splitFrames(bytes(""))], []);
});

Deno.test("FrameWriter.begin() drops a frame that was not ended, and end() its memory", pure, () => {
  const writer = new FrameWriter();
  writer.begin(1).u32(0xffff_ffff);
  const first = writer.begin(2).u8(3).end();
  assertEquals(hex(first), "00 00 00 02 02 03");
  writer.begin(7).u8(8).end();
  assertEquals(hex(first), "00 00 00 02 07 08");
});

Deno.test("FrameWriter.length counts the bytes of the frame so far, its header included", pure, () => {
  const writer = new FrameWriter().begin(1);
  assertEquals(writer.length, 5);
  assertEquals(writer.string("añ").length, 10);
});

/** A field of frames, and values with their bytes. */
interface Field<Value> {
  readonly write: (writer: FrameWriter, value: Value) => FrameWriter;
  readonly read: (frame: Frame) => Value;
  readonly values: readonly (readonly [value: Value, digits: string])[];
}

const FIELDS = {
  u8: field((writer, value) => writer.u8(value), (frame) => frame.u8(), [[0xfe, "fe"]]),
  u16: field((writer, value) => writer.u16(value), (frame) => frame.u16(), [[0xfe01, "fe 01"]]),
  u32: field((writer, value) => writer.u32(value), (frame) => frame.u32(), [[0xfe01_0203, "fe 01 02 03"]]),
  u64: field((writer, value) => writer.u64(value), (frame) => frame.u64(), [
    [0, "00 00 00 00 00 00 00 00"],
    [0xffff_ffff, "00 00 00 00 ff ff ff ff"],
    [0x1_0000_0000, "00 00 00 01 00 00 00 00"],
    [1_795_355_107_000, "00 00 01 a2 03 80 de b8"],
    [Number.MAX_SAFE_INTEGER, "00 1f ff ff ff ff ff ff"],
  ]),
  id: field((writer, value) => writer.id(value), (frame) => frame.id(), [
    [0xfe01_0203_0405_0607n, "fe 01 02 03 04 05 06 07"],
  ]),
  bytes: field((writer, value) => writer.bytes(bytes(value)), (frame) => hex(frame.bytes(3)), [
    ["01 02 03", "01 02 03"],
  ]),
  string: field((writer, value) => writer.string(value), (frame) => frame.string(), [
    ["", "00 00"],
    ["ab", "00 02 61 62"],
    ["añ€💥", "00 0a 61 c3 b1 e2 82 ac f0 9f 92 a5"],
    ["\ufeffa\u0000", "00 05 ef bb bf 61 00"],
    ["a\ufffd", "00 04 61 ef bf bd"],
    ["\ufeff\ufffd", "00 06 ef bb bf ef bf bd"],
  ]),
};

/** A field whose values differ in type from those of others. */
function field<Value>(
  write: Field<Value>["write"],
  read: Field<Value>["read"],
  values: Field<Value>["values"],
): Field<unknown> {
  return { write: (writer, value) => write(writer, value as Value), read, values };
}

for (const [name, { write, read, values }] of Object.entries(FIELDS)) {
  Deno.test(`FrameWriter.${name}() writes its field, and Frame.${name}() reads no more`, pure, () => {
    for (const [value, digits] of values) {
      const frame = write(write(new FrameWriter().begin(0xfe), value), value).u8(7).end();
      const body = `${digits} ${digits} 07`.trim();
      assertEquals(hex(frame.subarray(4)), `fe ${body}`);
      assertEquals(hex(frame.subarray(0, 4)), hex(Uint8Array.of(0, 0, 0, frame.length - 4)));
      const decoded = frameOf(bytes(body));
      assertEquals([read(decoded), read(decoded), decoded.u8(), decoded.isAtEnd], [value, value, 7, true]);
    }
  });

  Deno.test(`FrameWriter.${name}() keeps what it has when its field needs more room`, pure, () => {
    for (let before = 1_000; before < 1_030; before++) {
      const writer = new FrameWriter().begin(1);
      for (let i = 0; i < before; i++) writer.u8(i % 251);
      const [value, digits] = values.at(-1)!;
      const frame = write(writer, value).end();
      assertEquals(frame.subarray(5, 5 + before), new Uint8Array(longFrame(before).subarray(5)));
      assertEquals(hex(frame.subarray(5 + before)), digits);
    }
  });

  Deno.test(`Frame.${name}() refuses a body that ends within its field, at any byte`, pure, () => {
    const whole = bytes(`07 ${values.at(-1)![1]}`);
    for (let length = 1; length < whole.length; length++) {
      const frame = frameOf(whole.subarray(0, length));
      frame.u8();
      assertEquals(codeOf(() => read(frame)), "frame-malformed");
    }
  });
}

Deno.test("Frame.u64() refuses what a number cannot hold exactly", pure, () => {
  for (const number of ["00 20 00 00 00 00 00 00", "00 20 00 00 00 00 00 01", "ff ff ff ff ff ff ff ff"]) {
    assertEquals(codeOf(() => frameOf(bytes(number)).u64()), "frame-malformed");
  }
});

Deno.test("Frame.bytes() gives a copy", pure, () => {
  const frame = frameOf(bytes("01 02"));
  const copy = frame.bytes(2);
  frame.body.fill(0);
  assertEquals(hex(copy), "01 02");
});

Deno.test("FrameWriter.string() replaces half of a surrogate pair, which UTF-8 does not have", pure, () => {
  assertEquals(hex(new FrameWriter().begin(0).string("a\ud83d").end()), "00 00 00 07 00 00 04 61 ef bf bd");
});

Deno.test("FrameWriter.string() has room for any UTF-8", pure, () => {
  for (const char of ["x", "\u007f", "\u0080", "ñ", "€", "💥"]) {
    for (const count of [1, 24, 25, 300, 1_000]) {
      const text = char.repeat(count);
      const [read] = splitFrames(new FrameWriter().begin(0).string(text).u8(7).end());
      assertEquals(hex(read!.body.subarray(2, -1)), hex(new TextEncoder().encode(text)));
      assertEquals([read!.string(), read!.u8()], [text, 7]);
    }
  }
});

Deno.test("FrameWriter.string() throws over 65535 bytes, and can go on", pure, () => {
  const writer = new FrameWriter();
  for (const longest of ["x".repeat(MAX_STRING_BYTES), "€".repeat(21_845)]) {
    const body = writer.begin(0).string(longest).end().subarray(5);
    assertEquals([hex(body.subarray(0, 2)), frameOf(body).string()], ["ff ff", longest]);
    assertThrows(() => writer.begin(0).string(longest + "x"), RangeError, "65536 bytes exceed 65535");
  }
  assertEquals(hex(writer.begin(7).u8(1).end()), "00 00 00 02 07 01");
});

const NOT_UTF8 = {
  "a continuation alone": "80",
  "a sequence cut short": "e2 82",
  "a slash in two bytes": "c0 af",
  "a surrogate": "ed a0 80",
  "a code point over U+10FFFF": "f4 90 80 80",
  "a byte of no sequence": "ff",
};

for (const [what, digits] of Object.entries(NOT_UTF8)) {
  Deno.test(`Frame.string() refuses ${what}, with the cause, and can go on`, pure, () => {
    const frame = frameOf(bytes(`00 0${bytes(digits).length} ${digits} 00 02 61 62`));
    const error = assertThrows(() => frame.string(), ProtocolError);
    assertEquals([error.code, error.cause instanceof TypeError], ["frame-malformed", true]);
    assertEquals(frame.string(), "ab");
  });
}

Deno.test("Frame.string() refuses more than `maxBytes`", pure, () => {
  assertEquals(frameOf(bytes("00 02 c3 b1")).string(2), "ñ");
  assertEquals(codeOf(() => frameOf(bytes("00 03 61 c3 b1")).string(2)), "frame-malformed");
});

Deno.test("Frame.end() refuses a body with more in it than its fields", pure, () => {
  const frame = frameOf(bytes("01 02"));
  frame.u8();
  assertEquals(frame.isAtEnd, false);
  assertEquals(codeOf(() => frame.end()), "frame-malformed");
  assertThrows(() => frame.end(), ProtocolError, "1 bytes follow");
  frame.u8();
  assertEquals(frame.isAtEnd, true);
  frame.end();
  frameOf(bytes("")).end();
});
