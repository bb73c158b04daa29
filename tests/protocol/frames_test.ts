// Every frame byte by byte, and what decoders refuse.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { type Frame, FrameWriter, splitFrames } from "../../lib/codec.ts";
import { ProtocolError, type WireCode } from "../../lib/errors.ts";
import { MAX_PASSWORD_BYTES, MAX_TEXT_CHARS } from "../../lib/text/text.ts";
import {
  CLIENT_FRAMES,
  type ClientMessage,
  decodeClient,
  decodeServer,
  encodeClient,
  encodeServer,
  encodeWelcome,
  MAX_BACKUP_BYTES,
  MAX_BACKUPS,
  MAX_CLIENT_FRAME_BYTES,
  MAX_IP_BYTES,
  MAX_NICK_BYTES,
  MAX_RESUME_POINTS,
  MAX_SERVER_FRAME_BYTES,
  type MemberInfo,
  PROTOCOL_VERSION,
  SERVER_FRAMES,
  type ServerMessage,
  sessionIdOf,
  TOKEN_BYTES,
  type Welcome,
} from "../../lib/protocol/frames.ts";
import { MAX_NICK_CHARS } from "../../lib/text/nick.ts";
import { ALL, CLIENT, EMPTY_WELCOME, hex, LARGEST, TOKEN } from "../testing/frame_cases.ts";

for (const { what, digits, message, encode, decode } of ALL) {
  test(`${what} is encoded as specified and decoded back`, () => {
    assertEquals(encode(), hex(digits));
    assertEquals(decode(frame(digits)), message);
  });
}

test("every frame type has a case here, and no two share a number", () => {
  const types = new Set(ALL.map(({ digits }) => frame(digits).type));
  const codes = [CLIENT_FRAMES, SERVER_FRAMES].flatMap((frames) =>
    Object.values(frames).map(({ code }) => code)
  );
  assertEquals([...types].sort(), codes.sort());
});

test("an encoded frame is not changed by the next one", () => {
  const first = encodeClient({ type: "say", clientSeq: 1, timeMs: 0, text: "first" });
  const copy = first.slice();
  encodeServer({ type: "error", code: "second", reason: "second" });
  assertEquals(first, copy);
});

test("a decoded HELLO keeps its token when the buffer is written again", () => {
  const bytes = hex(CLIENT[0]![1]);
  const hello = decodeClient([...splitFrames(bytes)][0]!);
  bytes.fill(0);
  assert(hello.type === "hello");
  assertEquals(hello.resumeToken, TOKEN);
});

test("the public id of a session is the first 8 bytes of SHA-256(token)", () => {
  assertEquals(sessionIdOf(new Uint8Array(TOKEN_BYTES)), 0x374708fff7719dd5n);
  assertNotEquals(sessionIdOf(TOKEN), sessionIdOf(TOKEN.toReversed()));
});

test("a flag that has no meaning is refused", () => {
  const flagsOf: Record<string, { at: number; known: number }> = {
    say: { at: 12, known: 0b11 },
    said: { at: 28, known: 0b111 },
    joined: { at: 24, known: 0b1 },
    left: { at: 24, known: 0b11 },
  };
  for (const { what, digits, message, decode } of ALL) {
    const { at, known } = flagsOf[message.type] ?? {};
    if (at === undefined || known === undefined) continue;
    const { type, body } = frame(digits);
    for (let bit = 1; bit < 0x100; bit <<= 1) {
      if (known & bit) continue;
      refuses("frame-malformed", () => decode(frameOf(type, body.with(at, body[at]! | bit))), what);
    }
  }
});

test("a frame that ends within a field is refused wherever it ends", () => {
  for (const { what, digits, message, decode } of ALL) {
    const { type, body } = frame(digits);
    // Members follow each other to the end of WELCOME: it may end between two of them.
    const whole = message.type === "welcome" ? message.members.map((_, i) => lengthWith(message, i)) : [];
    for (let end = 0; end < body.length; end++) {
      if (whole.includes(end)) continue;
      refuses("frame-malformed", () => decode(frameOf(type, body.subarray(0, end))), `${what} up to ${end}`);
    }
  }
});

test("a frame with a byte too many is refused", () => {
  for (const { what, digits, decode } of ALL) {
    const { type, body } = frame(digits);
    refuses("frame-malformed", () => decode(frameOf(type, Uint8Array.of(...body, 0))), what);
  }
});

test("a type that only the other side sends is unknown, as is every other number", () => {
  for (const decode of [decodeClient, decodeServer]) {
    const known = new Set(ALL.filter((it) => it.decode === decode).map(({ digits }) => frame(digits).type));
    for (let type = 0; type <= 0xff; type++) {
      if (known.has(type)) continue;
      refuses("frame-unknown", () => decode(frameOf(type, new Uint8Array())), `type ${type}`);
    }
  }
});

test("another version is refused by the first byte of the body, whatever follows", () => {
  for (const version of [0, PROTOCOL_VERSION + 1, 0xff]) {
    for (const body of [Uint8Array.of(version), Uint8Array.of(version, 1, 2, 3)]) {
      refuses(
        "version-unsupported",
        () => decodeClient(frameOf(CLIENT_FRAMES.hello.code, body)),
        `version ${version}`,
      );
      refuses(
        "version-unsupported",
        () => decodeServer(frameOf(SERVER_FRAMES.welcome.code, body)),
        `version ${version}`,
      );
    }
  }
});

test("HELLO with one resume point too many is refused", () => {
  const hello = (count: number) => encodeClient({ ...longestHello(), resumePoints: resumePoints(count) });
  assertEquals(decodeClient(only(hello(MAX_RESUME_POINTS))), longestHello());
  refuses("frame-malformed", () => decodeClient(only(hello(MAX_RESUME_POINTS + 1))));
});

test("HELLO with a password too long is refused", () => {
  const hello = { ...longestHello(), password: "p".repeat(MAX_PASSWORD_BYTES + 1) };
  refuses("frame-malformed", () => decodeClient(only(encodeClient(hello))));
});

test("WELCOME with one backup too many is refused", () => {
  const welcome = (count: number): Welcome => ({ ...EMPTY_WELCOME, backups: Array(count).fill("a:1") });
  assertEquals(decodeServer(only(encodeServer(welcome(MAX_BACKUPS)))), welcome(MAX_BACKUPS));
  refuses("frame-malformed", () => decodeServer(only(encodeServer(welcome(MAX_BACKUPS + 1)))));
});

test("a number over 2^53 - 1 is refused in every field of eight bytes", () => {
  const isU64 = (key: string) => /^(seq|timeMs|nextSeq|startSeq|head|sinceMs)$/.test(key);
  const spoiled = spoil(isU64, 0x01020304050607, ["0001020304050607", "0020000000000000"]);
  assert(spoiled.length > 0);
  for (const { decode, bytes, what } of spoiled) {
    refuses("frame-malformed", () => decode(only(bytes)), what);
  }
});

test("a string that is not UTF-8 is refused in every field", () => {
  const isString = (key: string, field: unknown) => typeof field === "string" && key !== "type";
  const spoiled = spoil(isString, "!?!?", ["213f213f", "213fff3f"]);
  assert(spoiled.length > 0);
  for (const { decode, bytes, what } of spoiled) {
    refuses("frame-malformed", () => decode(only(bytes)), what);
  }
});

test("a byte order mark is text like any other", () => {
  const say: ClientMessage = { type: "say", clientSeq: 1, timeMs: 0, text: "\ufeffx" };
  assertEquals(decodeClient(only(encodeClient(say))), say);
});

test("the longest message and the longest HELLO that the rules allow fit into a client's frame", () => {
  const text = "🙂".repeat(MAX_TEXT_CHARS);
  const to = { sessionId: 1n, nick: "𝒂".repeat(MAX_NICK_CHARS) };
  const say = encodeClient({ type: "say", clientSeq: 1, timeMs: LARGEST, text, to });
  assert(say.length * 2 <= MAX_CLIENT_FRAME_BYTES, `${say.length} bytes fit not twice`);
  assert(encodeClient(longestHello()).length <= MAX_CLIENT_FRAME_BYTES);
});

test("WELCOME lists all members that fit", () => {
  const welcome = overLimit(400);
  assertEquals(decodeServer(only(encodeServer(welcome))), welcome);
});

test("WELCOME lists as many members as fit into a server's frame, and counts them all", () => {
  const batch = { ...overLimit(1_000), backups: Array(MAX_BACKUPS).fill(`${"b".repeat(253)}:65535`) };
  const encoded = only(encodeServer(batch));
  const decoded = decodeServer(encoded);
  assert(decoded.type === "welcome");
  assertEquals(decoded, { ...batch, members: batch.members.slice(0, decoded.members.length) });
  const freeBytes = MAX_SERVER_FRAME_BYTES - (encoded.body.length + 1);
  assert(freeBytes >= 0 && freeBytes < MAX_MEMBER_BYTES, `${freeBytes} bytes are left`);
});

/** An id, the longest nick, the longest IPv6 address and a time. */
const MAX_MEMBER_BYTES = 8 + (2 + MAX_NICK_CHARS * 4) + (2 + 45) + 8;

function overLimit(count: number): Welcome {
  const members: MemberInfo[] = Array.from({ length: count }, (_, i) => ({
    sessionId: BigInt(i),
    nick: "𝒂".repeat(MAX_NICK_CHARS),
    address: "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
    sinceMs: i,
  }));
  return { ...EMPTY_WELCOME, memberCount: count, members };
}

function longestHello() {
  return {
    type: "hello",
    version: PROTOCOL_VERSION,
    resumeToken: TOKEN,
    nick: "𝒂".repeat(MAX_NICK_CHARS),
    password: "p".repeat(MAX_PASSWORD_BYTES),
    lagMs: 0,
    historyCount: 0,
    resumePoints: resumePoints(MAX_RESUME_POINTS),
  } as const;
}

function resumePoints(count: number) {
  return Array.from({ length: count }, (_, nextSeq) => ({ logId: BigInt(nextSeq), nextSeq }));
}

type IsField = (key: string, field: unknown) => boolean;

/** All cases with `marker` in one of the fields in question, its bytes `from` replaced by `to` in the frame. */
function spoil(isField: IsField, marker: unknown, [from, to]: readonly [string, string]) {
  return ALL.flatMap(({ what, message, decode }) =>
    [...withMarker(message, isField, marker)].map((marked) => {
      const digits = toHex(
        decode === decodeClient
          ? encodeClient(marked as ClientMessage)
          : encodeServer(marked as ServerMessage),
      );
      assert(digits.includes(from));
      return { what, decode, bytes: hex(digits.replace(from, to)) };
    })
  );
}

/** Copies of `value`, each with `marker` in one of the fields in question, however deep. */
function* withMarker(value: unknown, isField: IsField, marker: unknown): Generator<unknown> {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return;
  for (const [key, field] of Object.entries(value)) {
    const copies = isField(key, field) ? [marker] : withMarker(field, isField, marker);
    for (const copy of copies) {
      yield Array.isArray(value) ? value.with(Number(key), copy) : { ...value, [key]: copy };
    }
  }
}

/** Length of the body of WELCOME with the first `count` members. */
function lengthWith(welcome: Welcome, count: number): number {
  return only(encodeServer({ ...welcome, members: welcome.members.slice(0, count) })).body.length;
}

function test(name: string, check: () => void): void {
  Deno.test(name, { permissions: "none" }, check);
}

function refuses(code: WireCode, decode: () => unknown, what?: string): void {
  assertEquals(assertThrows(decode, ProtocolError).code, code, what);
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function frame(digits: string): Frame {
  return only(hex(digits));
}

function frameOf(type: number, body: Uint8Array): Frame {
  return only(new FrameWriter().begin(type).bytes(body).end());
}

function only(bytes: Uint8Array): Frame {
  const frames = [...splitFrames(bytes)];
  assertEquals(frames.length, 1);
  assertEquals(frames[0]!.body.length, bytes.length - 5);
  return frames[0]!;
}

test("a name, an address or a backup is taken that is as long as it may be, and none that is longer", () => {
  const limits: [isField: IsField, maxBytes: number][] = [
    [(key) => key === "nick" || key === "oldNick", MAX_NICK_BYTES],
    [(key) => key === "address", MAX_IP_BYTES],
    [(key, field) => typeof field === "string" && /^\d+$/.test(key), MAX_BACKUP_BYTES],
  ];
  // The room checks the nick that a client asks for.
  const isCheckedByRoom = (message: ClientMessage | ServerMessage) => /^(hello|nick)$/.test(message.type);
  let fields = 0;
  for (const { what, message, decode } of ALL) {
    if (isCheckedByRoom(message)) continue;
    for (const [isField, maxBytes] of limits) {
      const bytesWith = (length: number) =>
        [...withMarker(message, isField, "x".repeat(length))].map((marked) =>
          decode === decodeClient
            ? encodeClient(marked as ClientMessage)
            : encodeServer(marked as ServerMessage)
        );
      fields += bytesWith(maxBytes).map((bytes) => decode(only(bytes))).length;
      for (const bytes of bytesWith(maxBytes + 1)) {
        refuses("frame-malformed", () => decode(only(bytes)), what);
      }
    }
  }
  assert(fields > 10, `${fields} fields`);
});

test("WELCOME's header is not changed by the next frame", () => {
  const first = encodeWelcome(EMPTY_WELCOME, { membersBytes: 0 });
  const copy = first.slice();
  encodeServer({ type: "error", code: "second", reason: "second" });
  assertEquals(first, copy);
});
