// A room without sockets, the clients that join it, and what they read.

import { assert } from "@std/assert";
import type { Instant } from "../../lib/base/time.ts";
import { splitFrames } from "../../lib/codec.ts";
import { type CommitLog, InMemoryCommitLog } from "../../lib/room/commit_log.ts";
import type { Member } from "../../lib/room/state.ts";
import {
  decodeServer,
  encodeWelcome,
  type Hello,
  type LogEntry,
  type MemberInfo,
  type Said,
  type Say,
  type ServerMessage,
} from "../../lib/protocol/frames.ts";
import { type Cursor, EventLog, type EventLogConfig } from "../../lib/room/event_log.ts";
import { type JoinResult, Room, type RoomConfig } from "../../lib/room/room.ts";
import { makeHello, say as makeSay } from "./raw_peer.ts";
import { testConfig } from "./test_config.ts";

export const LOG_ID = 77n;
export const OTHER_LOG_ID = 78n;
/** Wall clock at the start of a test. The monotonic clock starts at 0, so that a mix-up fails. */
export const NOON_MS = 1_700_000_000_000;
export const HOUR_MS = 3_600_000;

/** `ms` after the start of the test. */
export function at(ms: number): Instant {
  return { wallMs: NOON_MS + ms, monotonicMs: ms };
}

const ROOM_CONFIG = testConfig().room;

export function newEventLog(
  config: Partial<EventLogConfig> = {},
  placeholder: (seq: number) => Uint8Array<ArrayBuffer> = () => new Uint8Array(),
): EventLog {
  return new EventLog(0, placeholder, { ...ROOM_CONFIG.log, ...config });
}

interface TestRoomOptions extends Partial<RoomConfig> {
  readonly logId?: bigint;
  /** One in memory with this `logId` by default. */
  readonly commitLog?: CommitLog;
  readonly backups?: readonly string[];
}

export function newRoom(
  { logId = LOG_ID, commitLog = new InMemoryCommitLog(logId), backups = [], ...config }: TestRoomOptions = {},
): Room {
  const room = new Room(commitLog, { ...ROOM_CONFIG, ...config });
  room.backups.setOwn(backups);
  return room;
}

interface TestClient extends Partial<Hello> {
  readonly nick: string;
  readonly sessionId: bigint;
  readonly address?: string;
}

export const ANA: TestClient = { nick: "ana", sessionId: 1n };
export const BETO: TestClient = { nick: "beto", sessionId: 2n };
export const EVA: TestClient = { nick: "eva", sessionId: 3n };

/** A client asks to join, for the first time and without history by default. */
export function tryJoin(
  room: Room,
  { nick, sessionId, address = "192.168.1.7", ...hello }: TestClient,
  ms = 0,
  onSettled?: () => void,
): JoinResult | undefined {
  return room.join({ hello: makeHello(nick, hello), sessionId, address }, at(ms), onSettled);
}

/** Like {@linkcode tryJoin}, in a room whose commit log commits at once. */
export function join(room: Room, client: TestClient, ms = 0): JoinResult {
  return tryJoin(room, client, ms)!;
}

export function say(
  room: Room,
  member: Member,
  clientSeq: number,
  { ms = 0, text, ...more }: Partial<Say> & { ms?: number } = {},
): void {
  room.say(member, makeSay(clientSeq, text, more), at(ms));
}

/** Everything from the cursor on. */
export function read(cursor: Cursor): ServerMessage[] {
  const entries: ServerMessage[] = [];
  for (let slice = cursor.take(); slice; slice = cursor.take()) {
    for (const frame of splitFrames(slice)) entries.push(decodeServer(frame));
  }
  return entries;
}

export function readAll(room: Room): LogEntry[] {
  return read(room.log.cursorAt(0)) as LogEntry[];
}

export function messages(entries: readonly ServerMessage[]): Said[] {
  return entries.filter((entry) => entry.type === "said");
}

/** A room with messages 1 to `count` of ana, the n-th at n seconds. */
export function roomWithMessages(count: number, options: TestRoomOptions = {}): { room: Room; ana: Member } {
  const room = newRoom(options);
  const { member: ana } = join(room, ANA);
  for (let n = 1; n <= count; n++) say(room, ana, n, { ms: n * 1_000 });
  return { room, ana };
}

/** The member list in WELCOME. */
export function membersOf(
  { welcome, membersBytes }: Pick<JoinResult, "welcome" | "membersBytes">,
): readonly MemberInfo[] {
  const header = encodeWelcome(welcome, { membersBytes: membersBytes.length });
  const [frame] = splitFrames(Uint8Array.of(...header, ...membersBytes));
  const decoded = decodeServer(frame!);
  assert(decoded.type === "welcome");
  return decoded.members;
}

export function nicks(joined: JoinResult): string[] {
  return membersOf(joined).map(({ nick }) => nick);
}
