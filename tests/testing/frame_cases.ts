// Every frame in hex, with its message.

import {
  type ClientMessage,
  decodeClient,
  decodeServer,
  encodeClient,
  encodeServer,
  type Hello,
  NEVER_CAUGHT_UP,
  type Said,
  type ServerMessage,
  type Welcome,
} from "../../lib/protocol/frames.ts";

type Case<Message> = readonly [what: string, hex: string, message: Message];

/** The largest number that a field of eight bytes may hold. */
const LARGEST = Number.MAX_SAFE_INTEGER;
/** `resumeToken` of each HELLO. */
export const TOKEN = hex("f0f1f2f3 f4f5f6f7 f8f9fafb fcfdfeff");

/** HELLO of a client that joins for the first time. */
export const FIRST_HELLO: Hello = {
  type: "hello",
  version: 1,
  resumeToken: TOKEN,
  nick: "a",
  password: "",
  lagMs: NEVER_CAUGHT_UP,
  historyCount: 0,
  resumePoints: [],
};

const CLIENT: readonly Case<ClientMessage>[] = [
  [
    "HELLO with resume points",
    "0000004b 01 01 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff 0007 c391616e64c3ba 0007 c2bf616272653f" +
    "fffffffe ffff 02 fedcba9876543210 001fffffffffffff 0000000000000000 0000000000000007",
    {
      ...FIRST_HELLO,
      nick: "Ñandú",
      password: "¿abre?",
      lagMs: NEVER_CAUGHT_UP - 1,
      historyCount: 65_535,
      resumePoints: [{ logId: 0xfedcba9876543210n, nextSeq: LARGEST }, { logId: 0n, nextSeq: 7 }],
    },
  ],
  [
    "HELLO of a client that joins for the first time",
    "0000001e 01 01 f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff 0001 61 0000 ffffffff 0000 00",
    FIRST_HELLO,
  ],
  [
    "SAY",
    "00000014 02 ffffffff 001fffffffffffff 00 0004 f09f9982",
    { type: "say", clientSeq: 0xffff_ffff, timeMs: LARGEST, text: "🙂" },
  ],
  [
    "SAY of an action",
    "00000011 02 00000001 0000000000000000 01 0001 78",
    { type: "say", clientSeq: 1, timeMs: 0, action: true, text: "x" },
  ],
  [
    "private SAY",
    "0000001d 02 00000001 0000000000000000 02 fedcba9876543210 0002 c3a9 0001 78",
    { type: "say", clientSeq: 1, timeMs: 0, to: { sessionId: 0xfedcba9876543210n, nick: "é" }, text: "x" },
  ],
  ["NICK", "00000005 06 0002 c3a9", { type: "nick", nick: "é" }],
  ["PING", "00000001 03", { type: "ping" }],
  ["PONG", "00000001 04", { type: "pong" }],
  ["BYE", "00000001 05", { type: "bye" }],
];

/** WELCOME without members. */
export const EMPTY_WELCOME: Welcome = {
  type: "welcome",
  version: 1,
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

const SAID: Said = {
  type: "said",
  seq: 65_536,
  timeMs: 1,
  sessionId: 2n,
  clientSeq: 3,
  redelivered: false,
  nick: "é",
  text: "x",
};
/** Fields of SAID before its flags. */
const SAID_START = "82 0000000000010000 0000000000000001 0000000000000002 00000003";

/** JOINED and LEFT but for their type and flags. */
const PRESENCE = { seq: 1, timeMs: 2, sessionId: 3n, nick: "ana", address: "::" } as const;
const PRESENCE_START = "0000000000000001 0000000000000002 0000000000000003";

const SERVER: readonly Case<ServerMessage>[] = [
  [
    "WELCOME without members",
    "00000030 81 01 0000000000000001 0000000000000002 0003 616e61 00000000 0000000000000000" +
    "0000000000000001 00 00000001",
    EMPTY_WELCOME,
  ],
  [
    "WELCOME with backups and members",
    "00000075 81 01 ffffffffffffffff 0000000000000001 0003 616e61 00000009 000000000000000a" +
    "000000000000012c 02 0003 613a31 0007 5b3a3a315d3a32 00000003" +
    "0000000000000002 0001 62 0003 3a3a31 0000000000000004" +
    "ffffffffffffffff 0003 616e61 0008 31302e302e302e37 0000000000000100",
    {
      ...EMPTY_WELCOME,
      sessionId: 0xffff_ffff_ffff_ffffn,
      logId: 1n,
      lastClientSeq: 9,
      startSeq: 10,
      head: 300,
      backups: ["a:1", "[::1]:2"],
      memberCount: 3,
      members: [
        { sessionId: 2n, nick: "b", address: "::1", sinceMs: 4 },
        { sessionId: 0xffff_ffff_ffff_ffffn, nick: "ana", address: "10.0.0.7", sinceMs: 256 },
      ],
    },
  ],
  ["SAID", `00000025 ${SAID_START} 00 0002 c3a9 0001 78`, SAID],
  ["redelivered SAID", `00000025 ${SAID_START} 01 0002 c3a9 0001 78`, { ...SAID, redelivered: true }],
  ["SAID of an action", `00000025 ${SAID_START} 02 0002 c3a9 0001 78`, { ...SAID, action: true }],
  [
    "private SAID",
    `00000030 ${SAID_START} 04 0002 c3a9 0000000000000004 0001 62 0001 78`,
    { ...SAID, to: { sessionId: 4n, nick: "b" } },
  ],
  ["NOOP", "00000009 89 0000000100000000", { type: "noop", seq: 0x1_0000_0000 }],
  [
    "RENAMED",
    "00000020 8a 0000000000000001 0000000000000002 0000000000000003 0001 61 0002 c3a9",
    { type: "renamed", seq: 1, timeMs: 2, sessionId: 3n, oldNick: "a", nick: "é" },
  ],
  [
    "ANNOUNCED",
    "00000014 8b 0000000000000001 0000000000000002 0001 78",
    { type: "announced", seq: 1, timeMs: 2, text: "x" },
  ],
  [
    "BACKUPS",
    "0000001c 8c 0000000000000001 0000000000000002 02 0003 613a31 0003 623a32",
    { type: "backups", seq: 1, timeMs: 2, backups: ["a:1", "b:2"] },
  ],
  [
    "REJECTED",
    "0000000f 8d 0006 73696c656e74 0001 62 0001 78",
    { type: "rejected", code: "silent", request: "b", reason: "x" },
  ],
  ["STALLED", "00000002 8e 00", { type: "stalled", resolved: false }],
  ["STALLED with resolved", "00000002 8e 01", { type: "stalled", resolved: true }],
  ["PING", "00000009 83 0000000100000000", { type: "ping", head: 0x1_0000_0000 }],
  ["PONG", "00000001 84", { type: "pong" }],
  ["BYE", "00000001 85", { type: "bye" }],
  ["ERROR", "0000000b 86 0006 73696c656e74 0000", { type: "error", code: "silent", reason: "" }],
  [
    "JOINED",
    `00000023 87 ${PRESENCE_START} 00 0003 616e61 0002 3a3a`,
    { type: "joined", rejoined: false, ...PRESENCE },
  ],
  [
    "JOINED with rejoined",
    `00000023 87 ${PRESENCE_START} 01 0003 616e61 0002 3a3a`,
    { type: "joined", rejoined: true, ...PRESENCE },
  ],
  [
    "LEFT with connectionLost",
    `00000023 88 ${PRESENCE_START} 01 0003 616e61 0002 3a3a`,
    { type: "left", connectionLost: true, ...PRESENCE },
  ],
  [
    "LEFT with kicked",
    `00000023 88 ${PRESENCE_START} 02 0003 616e61 0002 3a3a`,
    { type: "left", connectionLost: false, kicked: true, ...PRESENCE },
  ],
];

/** Both sides' cases, each with its side's encoder and decoder. */
export const ALL = [
  ...CLIENT.map(([what, digits, message]) => (
    { side: "Client", what, digits, message, encode: encodeClient, decode: decodeClient } as const
  )),
  ...SERVER.map(([what, digits, message]) => (
    { side: "Server", what, digits, message, encode: encodeServer, decode: decodeServer } as const
  )),
];

/** Bytes from hex digits; what stands between them does not count. */
export function hex(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(digits.match(/[0-9a-f]{2}/g)!, (byte) => parseInt(byte, 16));
}
