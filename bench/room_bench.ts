// Measures the room and its event log without sockets.

import { InMemoryCommitLog } from "../lib/room/commit_log.ts";
import {
  encodeEntry,
  NEVER_CAUGHT_UP,
  PROTOCOL_VERSION,
  type Say,
  TOKEN_BYTES,
} from "../lib/protocol/frames.ts";
import { EventLog, RETAINED_BYTES } from "../lib/room/event_log.ts";
import { Room } from "../lib/room/room.ts";
import { DEFAULT_CONFIG } from "../lib/server/config.ts";

const TEXT = "x".repeat(100);
const FRAME_BYTES = encodeEntry({
  ...{ type: "said", timeMs: 0, sessionId: 0n, clientSeq: 1, redelivered: false, nick: "u00000" },
  text: TEXT,
}, 0).slice();
/** More messages than a log keeps. */
const MANY = Math.ceil(RETAINED_BYTES / FRAME_BYTES.length);
const READERS = 200;
const BATCH = 10;

/** A log that is full. */
function fullLog(): EventLog {
  const log = new EventLog(0, () => new Uint8Array(), DEFAULT_CONFIG.room.log);
  for (let i = 0; i < MANY; i++) log.append(FRAME_BYTES, i);
  return log;
}

const log = fullLog();
Deno.bench("append a message to a full log", () => log.append(FRAME_BYTES, MANY));

const read = fullLog();
const cursors = Array.from({ length: READERS }, () => read.cursorAt(read.head));
Deno.bench(`append ${BATCH} messages, ${READERS} cursors read them`, () => {
  for (let i = 0; i < BATCH; i++) read.append(FRAME_BYTES, MANY);
  for (const cursor of cursors) cursor.take();
});

const still = fullLog();
Deno.bench("find where to begin by time in a full log", () => void still.seqSince(MANY / 2));
Deno.bench("find the last 50 messages in a full log", () => void still.seqOfNthLast(50, FRAME_BYTES[4]!));

const now = { wallMs: 1_795_355_110_250, monotonicMs: 0 };
const room = new Room(new InMemoryCommitLog(1n), DEFAULT_CONFIG.room);
const hello = {
  ...{
    type: "hello",
    version: PROTOCOL_VERSION,
    resumeToken: new Uint8Array(TOKEN_BYTES),
    nick: "ana",
  } as const,
  ...{ password: "", lagMs: NEVER_CAUGHT_UP, historyCount: 0, resumePoints: [] },
};
const { member } = room.join({ hello, sessionId: 1n, address: "127.0.0.1" }, now)!;
const say = { type: "say", clientSeq: 0, timeMs: 0, text: TEXT } satisfies Say;
Deno.bench("say something in a room", () => {
  say.clientSeq++;
  room.say(member, say, now);
});
