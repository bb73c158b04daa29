// Frames defined by a schema: their bytes, and what their decoders refuse.

import { assertEquals, assertThrows } from "@std/assert";
import { type Frame, FrameWriter, splitFrames } from "../../lib/codec.ts";
import { ProtocolError, type WireCode } from "../../lib/errors.ts";
import {
  bytes,
  flags,
  frame,
  id,
  list,
  optional,
  Protocol,
  record,
  string,
  toEnd,
  u16,
  u32,
  u64,
  u8,
  version,
} from "../../lib/protocol/schema.ts";

const writer = new FrameWriter();
const pair = record("pair", { key: u8, value: string(3) });

test("frame() holds its fields in the order of its definition", () => {
  const all = frame(0x40, { u8, u16, u32, u64, id, bytes: bytes(2), string: string() });
  const values = { u8: 1, u16: 2, u32: 3, u64: 4, id: 5n, bytes: hex("06 07"), string: "ñ" };
  const encoded = all.encode(writer, values);
  assertEquals(
    encoded,
    hex("0000001e 40 01 0002 00000003 0000000000000004 0000000000000005 06 07 0002 c3b1"),
  );
  assertEquals(all.decode(only(encoded)), values);
});

test("flags() gives required flags always, optional ones if set, and optional() fields with their flag", () => {
  const flagged = frame(1, {
    flags: flags({ loud: "required", late: "optional", paired: { presenceOf: "to" } }),
    to: optional(pair),
  });
  const cases = [
    ["00000002 01 00", { loud: false }],
    ["00000002 01 01", { loud: true }],
    ["00000002 01 02", { loud: false, late: true }],
    ["00000006 01 04 09 0001 78", { loud: false, to: { key: 9, value: "x" } }],
  ] as const;
  for (const [digits, values] of cases) {
    assertEquals(flagged.encode(writer, values), hex(digits));
    assertEquals(flagged.decode(only(hex(digits))), values);
  }
  assertEquals(flagged.encode(writer, { loud: false, late: false, to: undefined }), hex(cases[0][0]));
  refuses("frame-malformed", () => flagged.decode(only(hex("00000002 01 08"))));
});

test("list() has its count before it, and no more items than its limit", () => {
  const short = frame(1, { items: list(pair, 2) });
  const items = [{ key: 1, value: "" }, { key: 2, value: "abc" }];
  assertEquals(short.encode(writer, { items }), hex("0000000b 01 02 01 0000 02 0003 616263"));
  assertEquals(short.decode(only(short.encode(writer, { items }))), { items });
  refuses("frame-malformed", () => short.decode(only(short.encode(writer, { items: [...items, ...items] }))));
  const long = frame(1, { items: list(u8, 0xffff, u16) });
  assertEquals(long.encode(writer, { items: [7] }), hex("00000004 01 0001 07"));
});

test("toEnd() holds the items that fit into the frame", () => {
  const rest = frame(1, { first: u8, items: toEnd(u32, 14) });
  assertEquals(rest.decode(only(rest.encode(writer, { first: 1, items: [2] }))), { first: 1, items: [2] });
  assertEquals(rest.encode(writer, { first: 1, items: [2, 3, 4] }), hex("0000000a 01 01 00000002 00000003"));
});

test("frame() refuses another type, another version, a rest, and too long a string", () => {
  const versioned = frame(1, { version: version(3), text: string(2) });
  const decode = (digits: string) => versioned.decode(only(hex(digits)));
  assertEquals(decode("00000006 01 03 0002 6162"), { version: 3, text: "ab" });
  refuses("frame-unexpected", () => decode("00000006 02 03 0002 6162"));
  refuses("frame-unexpected", () => versioned.decode(undefined));
  refuses("version-unsupported", () => decode("00000002 01 04"));
  refuses("frame-malformed", () => decode("00000007 01 03 0002 6162 00"));
  refuses("frame-malformed", () => decode("00000007 01 03 0003 616263"));
});

test("Protocol tells its messages apart by their type", () => {
  const protocol = new Protocol({ one: frame(1, { text: string() }), two: frame(2, {}) });
  for (const message of [{ type: "one", text: "x" }, { type: "two" }] as const) {
    assertEquals(protocol.decode(only(protocol.encode(writer, message))), message);
  }
  refuses("frame-unknown", () => protocol.decode(only(hex("00000001 03"))));
});

test("Field.maxBytes is the most that a field takes", () => {
  assertEquals(pair.maxBytes, 1 + 2 + 3);
  assertEquals(list(pair, 10).maxBytes, 1 + 60);
  assertEquals(
    record("both", { flags: flags({ paired: { presenceOf: "to" } }), to: optional(pair) }).maxBytes,
    7,
  );
});

function test(name: string, check: () => void): void {
  Deno.test(name, { permissions: "none" }, check);
}

function refuses(code: WireCode, decode: () => unknown): void {
  assertEquals(assertThrows(decode, ProtocolError).code, code);
}

function only(bytes: Uint8Array): Frame {
  const [frame] = splitFrames(bytes.slice());
  return frame!;
}

/** Bytes from hex digits; what stands between them does not count. */
function hex(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(digits.match(/[0-9a-f]{2}/g)!, (byte) => parseInt(byte, 16));
}
