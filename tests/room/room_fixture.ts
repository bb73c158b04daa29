// A room without sockets, those who come into it, and what they read there.

import { assert } from "@std/assert";
import type { Instant } from "../../lib/base/time.ts";
import { splitFrames } from "../../lib/codec.ts";
import { InMemoryCommitLog } from "../../lib/room/commit_log.ts";
import type { Member } from "../../lib/room/state.ts";
import {
  decodeServer,
  encodeWelcome,
  type Hello,
  type LogEntry,
  type MemberInfo,
  NEVER_CAUGHT_UP,
  type Said,
  type ServerMessage,
} from "../../lib/protocol/frames.ts";
import { type JoinResult, Room, type RoomOptions } from "../../lib/room/room.ts";
import type { Cursor } from "../../lib/room/event_log.ts";

/** The instance of the room. */
export const INSTANCE = 77n;
export const ELSEWHERE = 78n;
/** Wall clock where the tests begin; the monotonic one begins at 0, so that the two cannot be mistaken. */
export const NOON_MS = 1_700_000_000_000;
export const HOUR_MS = 3_600_000;

/** So many ms after the tests began. */
export function at(ms: number): Instant {
  return { wallMs: NOON_MS + ms, monotonicMs: ms };
}

/** An empty room. */
export function newRoom(options: Partial<RoomOptions> = {}): Room {
  return new Room({ commitLog: new InMemoryCommitLog(INSTANCE), ...options });
}

interface TestClient extends Partial<Hello> {
  readonly nick: string;
  readonly sessionId: bigint;
  readonly address?: string;
}

/** Three who come, each with a session of their own. */
export const ANA: TestClient = { nick: "ana", sessionId: 1n };
export const BETO: TestClient = { nick: "beto", sessionId: 2n };
export const EVA: TestClient = { nick: "eva", sessionId: 3n };

/** Somebody comes in, as a newcomer who wants no history unless told otherwise. */
export function enter(
  room: Room,
  { sessionId, address = "192.168.1.7", ...hello }: TestClient,
  ms = 0,
): JoinResult {
  return room.join({
    hello: {
      type: "hello",
      version: 1,
      resumeToken: new Uint8Array(16),
      password: "",
      lagMs: NEVER_CAUGHT_UP,
      historyCount: 0,
      resumePoints: [],
      ...hello,
    },
    sessionId,
    address,
  }, at(ms))!;
}

/** Message `n` of somebody who is in. */
export function say(
  room: Room,
  member: Member,
  clientSeq: number,
  { timeMs = 0, text = `t${clientSeq}`, ms = 0 } = {},
): void {
  room.say(member, { type: "say", clientSeq, timeMs, text }, at(ms));
}

/** All that the cursor has still to read. */
export function read(cursor: Cursor): ServerMessage[] {
  const entries: ServerMessage[] = [];
  for (let slice = cursor.take(); slice; slice = cursor.take()) {
    for (const frame of splitFrames(slice)) entries.push(decodeServer(frame));
  }
  return entries;
}

/** All that the log holds. */
export function readAll(room: Room): LogEntry[] {
  return read(room.log.cursorAt(0)) as LogEntry[];
}

/** What was said, of all these entries. */
export function messages(entries: readonly ServerMessage[]): Said[] {
  return entries.filter((entry) => entry.type === "said");
}

/** A room in which ana has said messages 1 to `count`, the n-th at n seconds. */
export function roomWithMessages(
  count: number,
  options: Partial<RoomOptions> = {},
): { room: Room; ana: Member } {
  const room = newRoom(options);
  const { member: ana } = enter(room, ANA);
  for (let n = 1; n <= count; n++) say(room, ana, n, { ms: n * 1_000 });
  return { room, ana };
}

/** What somebody who came in is told of who is there. */
export function onlineOf({ welcome, online }: JoinResult): readonly MemberInfo[] {
  const head = encodeWelcome(welcome, { membersBytes: online.length });
  const [frame] = splitFrames(Uint8Array.of(...head, ...online));
  const decoded = decodeServer(frame!);
  assert(decoded.type === "welcome");
  return decoded.members;
}

/** Their nicks alone. */
export function nicks(joined: JoinResult): string[] {
  return onlineOf(joined).map(({ nick }) => nick);
}
