// FrameDecoder, FrameWriter and Frame. Bytes are in hex, as in docs/PROTOCOL.md.

import { assertEquals, assertThrows } from "@std/assert";
import { Frame, FrameDecoder, FrameWriter, MAX_STRING_BYTES, splitFrames } from "../lib/codec.ts";
import { ProtocolError } from "../lib/errors.ts";

const pure = { permissions: "none" } as const;

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
  const shown = [];
  for (const piece of pieces) {
    decoder.push(piece);
    shown.push(...drain(decoder).map(show));
  }
  return shown;
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

Deno.test("FrameDecoder gives the frames of a stream that comes whole", pure, () => {
  assertEquals(decoded([STREAM]), FRAMES);
});

Deno.test("FrameDecoder gives the same frames of a stream that was cut at any two bytes", pure, () => {
  for (let i = 0; i <= STREAM.length; i++) {
    for (let j = i; j <= STREAM.length; j++) {
      assertEquals(decoded([STREAM.subarray(0, i), STREAM.subarray(i, j), STREAM.subarray(j)]), FRAMES);
    }
  }
});

Deno.test("FrameDecoder gives a frame with its last byte, not before", pure, () => {
  const decoder = new FrameDecoder({ maxFrameBytes: 3 });
  for (const byte of cut(STREAM.subarray(0, 6), 1)) {
    decoder.push(byte);
    assertEquals(decoder.next(), undefined);
  }
  decoder.push(bytes("62"));
  assertEquals(drain(decoder).map(show), ["7: 61 62"]);
});

Deno.test("FrameDecoder takes bytes that were written into its reserve()", pure, () => {
  const decoder = new FrameDecoder({ maxFrameBytes: 100 });
  const shown = [];
  for (const piece of cut(STREAM, 3)) {
    decoder.reserve().set(piece);
    decoder.commit(piece.length);
    shown.push(...drain(decoder).map(show));
  }
  assertEquals(shown, FRAMES);
});

Deno.test("FrameDecoder.bufferedBytes counts the bytes of an incomplete frame", pure, () => {
  const decoder = new FrameDecoder({ maxFrameBytes: 100 });
  assertEquals(decoder.bufferedBytes, 0);
  decoder.push(STREAM.subarray(0, 10));
  assertEquals(decoder.bufferedBytes, 10);
  drain(decoder);
  assertEquals(decoder.bufferedBytes, 3);
  decoder.push(STREAM.subarray(10, 12));
  drain(decoder);
  assertEquals(decoder.bufferedBytes, 0);
});

Deno.test("FrameDecoder accepts a length up to the limit", pure, () => {
  assertEquals(decoded([bytes("00 00 00 03 07 61 62")], 3), ["7: 61 62"]);
});

Deno.test("FrameDecoder.next() refuses a length over the limit before the frame comes", pure, () => {
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
  assertEquals(codeOf(() => decoder.next()), "frame-too-long");
  assertEquals(codeOf(() => decoder.next()), "frame-too-long");
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
  const stream = longFrame(4_999);
  for (const [at, byte] of stream.entries()) {
    const reserve = decoder.reserve();
    assertEquals(reserve.length > 0, true);
    reserve[0] = byte;
    decoder.commit(1);
    assertEquals(drain(decoder).length, at === stream.length - 1 ? 1 : 0);
  }
});

Deno.test("splitFrames() gives the frames of a slice, and none of an empty one", pure, () => {
  assertEquals([...splitFrames(STREAM)].map(show), FRAMES);
  assertEquals([...splitFrames(bytes(""))], []);
});

Deno.test("FrameWriter writes length, type and fields, big-endian", pure, () => {
  const writer = new FrameWriter();
  assertEquals(hex(writer.begin(0x07).end()), "00 00 00 01 07");
  const frame = writer.begin(0xff).u8(1).u16(0x0203).u32(0x0405_0607).id(0x0809_0a0b_0c0d_0e0fn)
    .bytes(bytes("10 11")).string("ab").end();
  assertEquals(
    hex(frame),
    "00 00 00 16 ff 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 00 02 61 62",
  );
});

const WHOLE_NUMBERS: [number, string][] = [
  [0, "00 00 00 00 00 00 00 00"],
  [0xffff_ffff, "00 00 00 00 ff ff ff ff"],
  [0x1_0000_0000, "00 00 00 01 00 00 00 00"],
  [1_795_355_107_000, "00 00 01 a2 03 80 de b8"],
  [Number.MAX_SAFE_INTEGER, "00 1f ff ff ff ff ff ff"],
];

Deno.test("FrameWriter.u64() and Frame.u64() hold whole numbers up to 2^53 - 1", pure, () => {
  for (const [value, expected] of WHOLE_NUMBERS) {
    assertEquals(hex(new FrameWriter().begin(0).u64(value).end().subarray(5)), expected);
    assertEquals(frameOf(bytes(expected)).u64(), value);
  }
});

Deno.test("Frame.u64() refuses what a number cannot hold exactly", pure, () => {
  for (const number of ["00 20 00 00 00 00 00 00", "00 20 00 00 00 00 00 01", "ff ff ff ff ff ff ff ff"]) {
    assertEquals(codeOf(() => frameOf(bytes(number)).u64()), "frame-malformed");
  }
});

const STRINGS: [string, string][] = [
  ["", "00 00"],
  ["añ€💥", "00 0a 61 c3 b1 e2 82 ac f0 9f 92 a5"],
  ["\ufeffa\u0000", "00 05 ef bb bf 61 00"],
  ["a\ufffd", "00 04 61 ef bf bd"],
];

Deno.test("FrameWriter.string() and Frame.string() hold any text, a byte order mark too", pure, () => {
  for (const [value, expected] of STRINGS) {
    assertEquals(hex(new FrameWriter().begin(0).string(value).end().subarray(5)), expected);
    assertEquals(frameOf(bytes(expected)).string(), value);
  }
});

Deno.test("FrameWriter.string() replaces half of a surrogate pair, which UTF-8 does not have", pure, () => {
  assertEquals(hex(new FrameWriter().begin(0).string("a\ud83d").end()), "00 00 00 07 00 00 04 61 ef bf bd");
});

Deno.test("FrameWriter.string() allows 65535 bytes and no more, and can go on after a refusal", pure, () => {
  const writer = new FrameWriter();
  for (const longest of ["x".repeat(MAX_STRING_BYTES), "€".repeat(21_845)]) {
    const body = writer.begin(0).string(longest).end().subarray(5);
    assertEquals(hex(body.subarray(0, 2)), "ff ff");
    assertEquals(frameOf(body).string(), longest);
    assertThrows(() => writer.begin(0).string(longest + "x"), RangeError, "65536 bytes exceed 65535");
  }
  assertEquals(hex(writer.begin(7).u8(1).end()), "00 00 00 02 07 01");
});

Deno.test("FrameWriter.begin() forgets a frame that was not ended", pure, () => {
  const writer = new FrameWriter();
  writer.begin(1).u32(0xffff_ffff);
  assertEquals(hex(writer.begin(2).u8(3).end()), "00 00 00 02 02 03");
});

Deno.test("FrameWriter writes every frame into the same memory", pure, () => {
  const writer = new FrameWriter();
  const first = writer.begin(1).u8(1).end();
  writer.begin(2).u8(2).end();
  assertEquals(hex(first), "00 00 00 02 02 02");
});

Deno.test("FrameWriter.length counts the bytes of the frame so far, its header included", pure, () => {
  const writer = new FrameWriter().begin(1);
  assertEquals(writer.length, 5);
  assertEquals(writer.string("añ").length, 10);
});

Deno.test("FrameWriter keeps what it has when a field needs more room", pure, () => {
  const fields: Record<string, (writer: FrameWriter) => FrameWriter> = {
    "07": (writer) => writer.u8(7),
    "00 07": (writer) => writer.u16(7),
    "00 00 00 07": (writer) => writer.u32(7),
    "00 00 00 00 00 00 00 07": (writer) => writer.u64(7),
    "00 00 00 00 00 00 00 08": (writer) => writer.id(8n),
    "00 01 37": (writer) => writer.string("7"),
    "37 37 37": (writer) => writer.bytes(bytes("37 37 37")),
  };
  for (const [expected, write] of Object.entries(fields)) {
    for (let before = 1_000; before < 1_030; before++) {
      const writer = new FrameWriter().begin(1);
      for (let i = 0; i < before; i++) writer.u8(i % 251);
      const frame = write(writer).end();
      const start = longFrame(before).subarray(5);
      assertEquals(frame.subarray(5, 5 + before), new Uint8Array(start));
      assertEquals(hex(frame.subarray(5 + before)), expected);
    }
  }
});

/** Each field with a body that holds one and nothing else. */
const FIELDS: [string, string, (frame: Frame) => unknown, unknown][] = [
  ["u8", "fe", (frame) => frame.u8(), 0xfe],
  ["u16", "fe 01", (frame) => frame.u16(), 0xfe01],
  ["u32", "fe 01 02 03", (frame) => frame.u32(), 0xfe01_0203],
  ["u64", "00 00 01 02 03 04 05 06", (frame) => frame.u64(), 0x0102_0304_0506],
  ["id", "fe 01 02 03 04 05 06 07", (frame) => frame.id(), 0xfe01_0203_0405_0607n],
  ["bytes", "01 02 03", (frame) => hex(frame.bytes(3)), "01 02 03"],
  ["string", "00 03 61 c3 b1", (frame) => frame.string(), "añ"],
];

for (const [name, body, read, value] of FIELDS) {
  Deno.test(`Frame.${name}() reads its field and stops behind it`, pure, () => {
    const frame = frameOf(bytes(`${body} ${body} 07`));
    assertEquals([read(frame), read(frame), frame.u8(), frame.isAtEnd], [value, value, 7, true]);
  });

  Deno.test(`Frame.${name}() refuses a body that ends within its field, at any byte`, pure, () => {
    const whole = bytes(`07 ${body}`);
    for (let length = 1; length < whole.length; length++) {
      const frame = frameOf(whole.subarray(0, length));
      frame.u8();
      assertEquals(codeOf(() => read(frame)), "frame-malformed");
    }
  });
}

Deno.test("Frame.bytes() gives a copy", pure, () => {
  const frame = frameOf(bytes("01 02"));
  const copy = frame.bytes(2);
  frame.body.fill(0);
  assertEquals(hex(copy), "01 02");
});

Deno.test("Frame.string() refuses what is not UTF-8, with its cause, and can go on", pure, () => {
  const wrong = {
    "a continuation alone": "80",
    "a sequence cut short": "e2 82",
    "a slash in two bytes": "c0 af",
    "a surrogate": "ed a0 80",
    "a code point over U+10FFFF": "f4 90 80 80",
    "a byte of no sequence": "ff",
  };
  for (const [name, text] of Object.entries(wrong)) {
    const field = bytes(`00 0${bytes(text).length} ${text} 00 02 61 62`);
    const frame = frameOf(field);
    const error = assertThrows(() => frame.string(), ProtocolError);
    assertEquals(error.code, "frame-malformed", name);
    assertEquals(error.cause instanceof TypeError, true);
    assertEquals(frame.string(), "ab");
  }
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

Deno.test("FrameDecoder.frameCount counts the frames that next() returned", pure, () => {
  const decoder = new FrameDecoder({ maxFrameBytes: 100 });
  decoder.push(Uint8Array.of(...longFrame(3), ...longFrame(4), ...longFrame(5).subarray(0, 6)));
  drain(decoder);
  assertEquals(decoder.frameCount, 2);
});

Deno.test("FrameWriter.string() has room for whatever UTF-8 makes of a text", pure, () => {
  for (const char of ["x", "\u007f", "\u0080", "ñ", "€", "💥"]) {
    for (const count of [1, 24, 25, 300, 1_000]) {
      const text = char.repeat(count);
      const frame = new FrameWriter().begin(0).string(text).u8(7).end();
      assertEquals(hex(frame.subarray(7, -1)), hex(new TextEncoder().encode(text)));
      const [read] = splitFrames(frame);
      assertEquals([read!.string(), read!.u8()], [text, 7]);
    }
  }
});

Deno.test("Frame.string() keeps a byte order mark, whatever stands behind it", pure, () => {
  for (const text of ["\ufeffa", "\ufeff\ufffd"]) {
    const [frame] = splitFrames(new FrameWriter().begin(0).string(text).end());
    assertEquals(frame!.string(), text);
  }
});
