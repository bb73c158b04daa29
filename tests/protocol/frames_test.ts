// The limits that decoders hold, and the codecs of SAY and SAID by hand against the table. The bytes of frames are held by
// the examples of docs/PROTOCOL.md, in protocol_doc_test.ts.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { type Frame, FrameWriter, splitFrames } from "../../lib/codec.ts";
import { ProtocolError, type WireCode } from "../../lib/errors.ts";
import {
  CLIENT_FRAMES,
  type ClientMessage,
  decodeClient,
  decodeServer,
  encodeClient,
  encodeEntry,
  encodeServer,
  encodeWelcome,
  type Hello,
  MAX_BACKUP_BYTES,
  MAX_BACKUPS,
  MAX_CLIENT_FRAME_BYTES,
  MAX_IP_BYTES,
  MAX_NICK_BYTES,
  MAX_RESUME_POINTS,
  MAX_SERVER_FRAME_BYTES,
  type MemberInfo,
  NEVER_CAUGHT_UP,
  PROTOCOL_VERSION,
  type Said,
  type Say,
  SERVER_FRAMES,
  type ServerMessage,
  sessionIdOf,
  TOKEN_BYTES,
  type Welcome,
} from "../../lib/protocol/frames.ts";
import { MAX_NICK_CHARS } from "../../lib/text/nick.ts";
import { MAX_PASSWORD_BYTES, MAX_TEXT_CHARS } from "../../lib/text/text.ts";

type Message = ClientMessage | ServerMessage;

const TOKEN = Uint8Array.from({ length: TOKEN_BYTES }, (_, i) => 0xf0 + i);

const FIRST_HELLO: Hello = {
  type: "hello",
  version: PROTOCOL_VERSION,
  resumeToken: TOKEN,
  nick: "a",
  password: "",
  lagMs: NEVER_CAUGHT_UP,
  historyCount: 0,
  resumePoints: [],
};

const EMPTY_WELCOME: Welcome = {
  type: "welcome",
  version: PROTOCOL_VERSION,
  sessionId: 1n,
  logId: 2n,
  nick: "ana",
  lastClientSeq: 0,
  startSeq: 0,
  head: 1,
  backups: [],
  memberCount: 1,
  members: [],
};

test("encodeClient() and encodeWelcome() give frames that the next one does not change", () => {
  const encoders = [() => encodeClient(FIRST_HELLO), () => encodeWelcome(EMPTY_WELCOME, { membersBytes: 0 })];
  for (const encode of encoders) {
    const first = encode();
    const copy = first.slice();
    encodeServer({ type: "error", code: "second", reason: "second" });
    assertEquals(first, copy);
  }
});

test("decodeClient() copies HELLO's token", () => {
  const bytes = encodeClient(FIRST_HELLO);
  const hello = decodeClient(only(bytes));
  bytes.fill(0);
  assertEquals(hello, FIRST_HELLO);
});

test("sessionIdOf() is the first 8 bytes of SHA-256(token)", () => {
  assertEquals(sessionIdOf(new Uint8Array(TOKEN_BYTES)), 0x374708fff7719dd5n);
  assertNotEquals(sessionIdOf(TOKEN), sessionIdOf(TOKEN.toReversed()));
});

for (const [side, decode] of [["Client", decodeClient], ["Server", decodeServer]] as const) {
  test(`decode${side}() refuses a type that only the other side sends, and every other number`, () => {
    const table = side === "Client" ? CLIENT_FRAMES : SERVER_FRAMES;
    const known = new Set(Object.values(table).map(({ code }) => code));
    for (let type = 0; type <= 0xff; type++) {
      if (!known.has(type)) refuses("frame-unknown", () => decode(frameOf(type)), `type ${type}`);
    }
  });

  test(`decode${side}() refuses another version by the first byte of the body`, () => {
    const { code } = side === "Client" ? CLIENT_FRAMES.hello : SERVER_FRAMES.welcome;
    for (const version of [0, PROTOCOL_VERSION + 1, 0xff]) {
      for (const rest of [[], [1, 2, 3]]) {
        refuses("version-unsupported", () => decode(frameOf(code, version, ...rest)), `version ${version}`);
      }
    }
  });
}

const point = { logId: 1n, nextSeq: 2 };
const LISTS: [what: string, max: number, make: (count: number) => Message][] = [
  [
    "resume points",
    MAX_RESUME_POINTS,
    (count) => ({ ...FIRST_HELLO, resumePoints: Array(count).fill(point) }),
  ],
  ["bytes of a password", MAX_PASSWORD_BYTES, (count) => ({ ...FIRST_HELLO, password: "p".repeat(count) })],
  ["backups in WELCOME", MAX_BACKUPS, (count) => ({ ...EMPTY_WELCOME, backups: Array(count).fill("a:1") })],
];

for (const [what, max, make] of LISTS) {
  test(`decodeClient() and decodeServer() refuse more than ${max} ${what}`, () => {
    assertEquals(roundTrip(make(max)), make(max));
    refuses("frame-malformed", () => roundTrip(make(max + 1)));
  });
}

const to = { sessionId: 2n, nick: "beto" };
const entry = { seq: 1, timeMs: 2, sessionId: 3n } as const;
/** Has all fields with a nick, an address or a backup that servers give, or that name a recipient. */
const WITH_STRINGS: Message[] = [
  { type: "say", clientSeq: 1, timeMs: 0, to, text: "x" },
  { ...EMPTY_WELCOME, backups: ["a:1"], members: [{ ...to, address: "::1", sinceMs: 4 }] },
  { type: "said", ...entry, clientSeq: 3, redelivered: false, nick: "ana", to, text: "x" },
  { type: "joined", ...entry, rejoined: false, nick: "ana", address: "::1" },
  { type: "left", ...entry, connectionLost: false, nick: "ana", address: "::1" },
  { type: "renamed", ...entry, oldNick: "ana", nick: "eva" },
  { type: "backups", seq: 1, timeMs: 2, backups: ["a:1"] },
];

const STRINGS: [what: string, isField: IsField, maxBytes: number][] = [
  ["a nick", (key) => key === "nick" || key === "oldNick", MAX_NICK_BYTES],
  ["an address", (key) => key === "address", MAX_IP_BYTES],
  ["a backup", (key, field) => typeof field === "string" && /^\d+$/.test(key), MAX_BACKUP_BYTES],
];

for (const [what, isField, maxBytes] of STRINGS) {
  test(`decodeClient() and decodeServer() refuse ${what} of more than ${maxBytes} bytes`, () => {
    const withLength = (length: number) =>
      WITH_STRINGS.flatMap((message) => [...withMarker(message, isField, "x".repeat(length))] as Message[]);
    assert(withLength(1).length > 1);
    for (const message of withLength(maxBytes)) assertEquals(roundTrip(message), message);
    for (const message of withLength(maxBytes + 1)) {
      refuses("frame-malformed", () => roundTrip(message), message.type);
    }
  });
}

test("MAX_CLIENT_FRAME_BYTES holds the longest message twice, and the longest HELLO", () => {
  const nick = "𝒂".repeat(MAX_NICK_CHARS);
  const text = "🙂".repeat(MAX_TEXT_CHARS);
  const say = encodeClient({ type: "say", clientSeq: 1, timeMs: 1, text, to: { sessionId: 1n, nick } });
  assert(say.length * 2 <= MAX_CLIENT_FRAME_BYTES, `${say.length} bytes fit not twice`);
  const password = "p".repeat(MAX_PASSWORD_BYTES);
  const resumePoints = Array(MAX_RESUME_POINTS).fill(point);
  const hello = encodeClient({ ...FIRST_HELLO, nick, password, resumePoints });
  assert(hello.length <= MAX_CLIENT_FRAME_BYTES);
});

test("encodeServer() lists as many members in WELCOME as fit, and counts them all", () => {
  const members: MemberInfo[] = Array.from({ length: 1_000 }, (_, i) => ({
    sessionId: BigInt(i),
    nick: "𝒂".repeat(MAX_NICK_CHARS),
    address: "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
    sinceMs: i,
  }));
  /** An id, the longest nick, the longest IPv6 address and a time. */
  const memberBytes = 8 + (2 + MAX_NICK_CHARS * 4) + (2 + 45) + 8;
  const backups = Array(MAX_BACKUPS).fill(`${"b".repeat(253)}:65535`);
  const welcome = { ...EMPTY_WELCOME, memberCount: members.length, members, backups };
  const encoded = only(encodeServer(welcome));
  const decoded = decodeServer(encoded);
  assert(decoded.type === "welcome");
  assertEquals(decoded, { ...welcome, members: members.slice(0, decoded.members.length) });
  const freeBytes = MAX_SERVER_FRAME_BYTES - (encoded.body.length + 1);
  assert(freeBytes >= 0 && freeBytes < memberBytes, `${freeBytes} bytes are left`);
  const few = { ...welcome, members: members.slice(0, 400) };
  assertEquals(roundTrip(few), few);
});

const TEXTS = ["", "a", "Ñandú", "🙂", "\ufeffx", "\ufffd", "x".repeat(25), "€".repeat(27)];

/** SAY or SAID with each text, each nick, and each set of flags. */
function variants<Base extends Say | Said>(base: Base): Base[] {
  return TEXTS.flatMap((text, i) =>
    [{}, { action: true }].flatMap((action) =>
      [{}, { to: { sessionId: 0x1234_5678_9abc_def0n, nick: TEXTS[i % 7]! } }].map((to) => (
        { ...base, text, ...action, ...to }
      ))
    )
  );
}

const SAYS = [1, 0xffff_ffff].flatMap((clientSeq) =>
  variants<Say>({ type: "say", clientSeq, timeMs: clientSeq * 1_000, text: "" })
);
const SAIDS = [true, false].flatMap((redelivered) =>
  variants<Said>({
    ...{ type: "said", seq: 2 ** 40, timeMs: Number.MAX_SAFE_INTEGER, sessionId: 2n ** 63n, clientSeq: 3 },
    ...{ redelivered, nick: "Ñandú", text: "" },
  })
);

/** SAY and SAID: the decoder by hand, and the one that the table gives. */
const DECODERS = {
  say: {
    name: "decodeClient()",
    messages: SAYS,
    byHand: decodeClient,
    byTable: (frame: Frame) => ({ type: "say", ...CLIENT_FRAMES.say.decode(frame) }),
  },
  said: {
    name: "decodeServer()",
    messages: SAIDS,
    byHand: decodeServer,
    byTable: (frame: Frame) => ({ type: "said", ...SERVER_FRAMES.said.decode(frame) }),
  },
};

for (const [type, { name, messages, byHand, byTable }] of Object.entries(DECODERS)) {
  test(`${name} decodes ${type.toUpperCase()} as the table does`, () => {
    for (const message of messages) {
      assertEquals(roundTrip(message), message);
      assertEquals(byTable(only(encode(message))), message);
    }
  });

  test(`${name} accepts and refuses spoiled frames of ${type.toUpperCase()} as the table does`, () => {
    const outcomes = { accepted: 0, refused: 0 };
    for (const message of messages.filter(({ text }) => text.length < 4)) {
      for (const bytes of spoiled(encode(message))) {
        const result = outcome(() => byHand(only(bytes)));
        assertEquals(result, outcome(() => byTable(only(bytes))), `${bytes}`);
        outcomes[typeof result === "string" ? "refused" : "accepted"]++;
      }
    }
    assert(outcomes.accepted > 1_000 && outcomes.refused > 1_000, Deno.inspect(outcomes));
  });
}

test("encodeEntry() encodes SAID as the table does", () => {
  for (const { seq, ...entry } of SAIDS) {
    assertEquals(encodeEntry(entry, seq).slice(), encodeServer({ ...entry, seq }));
  }
});

/** The frame with each bit of its body changed, each byte of it doubled or missing, and each end. */
function* spoiled(frame: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
  const [type, ...body] = frame.subarray(4);
  for (const [at, byte] of body.entries()) {
    for (let bit = 0; bit < 8; bit++) yield withLength([type!, ...body.with(at, byte ^ 1 << bit)]);
    yield withLength([type!, ...body.toSpliced(at, 1)]);
    yield withLength([type!, ...body.toSpliced(at, 0, byte)]);
    yield withLength([type!, ...body.slice(0, at)]);
  }
}

function withLength(bytes: readonly number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0, 0, bytes.length >> 8, bytes.length & 0xff, ...bytes);
}

/** What a decoder gives, or the code with which it refuses. */
function outcome(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    assert(error instanceof ProtocolError, String(error));
    return error.code;
  }
}

type IsField = (key: string, field: unknown) => boolean;

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

function isOfClient(message: Message): message is ClientMessage {
  return /^(hello|say|nick)$/.test(message.type);
}

function encode(message: Message): Uint8Array<ArrayBuffer> {
  return isOfClient(message) ? encodeClient(message) : encodeServer(message);
}

function roundTrip(message: Message): Message {
  const frame = only(encode(message));
  return isOfClient(message) ? decodeClient(frame) : decodeServer(frame);
}

function test(name: string, check: () => void): void {
  Deno.test(name, { permissions: "none" }, check);
}

function refuses(code: WireCode, decode: () => unknown, what?: string): void {
  assertEquals(assertThrows(decode, ProtocolError).code, code, what);
}

function frameOf(type: number, ...body: number[]): Frame {
  return only(new FrameWriter().begin(type).bytes(Uint8Array.from(body)).end());
}

function only(bytes: Uint8Array): Frame {
  const frames = [...splitFrames(bytes)];
  assertEquals(frames.length, 1);
  assertEquals(frames[0]!.body.length, bytes.length - 5);
  return frames[0]!;
}
