// Room.join(): which clients may join, what the others read, and where the new member's cursor begins.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../lib/errors.ts";
import { type LogEntry, NEVER_CAUGHT_UP } from "../../lib/protocol/frames.ts";
import type { JoinResult } from "../../lib/room/room.ts";
import {
  ANA,
  BETO,
  EVA,
  HOUR_MS,
  join,
  LOG_ID,
  membersOf,
  messages,
  newRoom,
  nicks,
  NOON_MS,
  OTHER_LOG_ID,
  read,
  readAll,
  roomWithMessages,
  say,
} from "../testing/room_fixture.ts";
import { pure } from "../testing/test_options.ts";

/** `clientSeq` of each message that a member reads. */
function numbers({ cursor }: JoinResult): number[] {
  return messages(read(cursor)).map(({ clientSeq }) => clientSeq);
}

Deno.test("Room.join() welcomes a new client, and tells the others", pure, () => {
  const room = newRoom({ backups: ["10.0.0.8:5001"] });
  const { cursor } = join(room, ANA);
  read(cursor);
  const joined = join(room, { ...BETO, address: "192.168.1.8" }, 500);
  assertEquals(joined.welcome, {
    type: "welcome",
    version: 1,
    sessionId: 2n,
    logId: 77n,
    nick: "beto",
    lastClientSeq: 0,
    startSeq: 1,
    head: 2,
    backups: ["10.0.0.8:5001"],
    memberCount: 2,
  });
  assertEquals(membersOf(joined), [
    { sessionId: 1n, nick: "ana", address: "192.168.1.7", sinceMs: NOON_MS },
    { sessionId: 2n, nick: "beto", address: "192.168.1.8", sinceMs: NOON_MS + 500 },
  ]);
  const entry = { type: "joined", seq: 1, timeMs: NOON_MS + 500, sessionId: 2n, rejoined: false } as const;
  assertEquals(read(cursor), [{ ...entry, nick: "beto", address: "192.168.1.8" }]);
});

Deno.test("Room.join() tells the others that a client that was caught up before has rejoined", pure, () => {
  const room = newRoom();
  join(room, { ...ANA, lagMs: 0 });
  join(room, { ...BETO, lagMs: NEVER_CAUGHT_UP - 1 });
  assertEquals(readAll(room).map((entry) => entry.type === "joined" && entry.rejoined), [true, true]);
});

Deno.test("Room.join() puts the client's own JOINED before WELCOME's head, the next at it", pure, () => {
  const room = newRoom();
  const { welcome, cursor, member } = join(room, ANA);
  say(room, member, 1);
  assertEquals(read(cursor).map((entry) => [entry.type, (entry as LogEntry).seq < welcome.head]), [
    ["joined", true],
    ["said", false],
  ]);
});

Deno.test("Room.join() normalises nicks", pure, () => {
  assertEquals(join(newRoom(), { ...ANA, nick: " ａna " }).welcome.nick, "ana");
});

Deno.test("Room.join() rejects an invalid nick, and one that another member has in any case", pure, () => {
  const room = newRoom();
  join(room, ANA);
  const rejections = {
    "": "nick-invalid",
    "a b": "nick-invalid",
    ana: "nick-taken",
    ANA: "nick-taken",
    "аna": "nick-mixed", // with a Cyrillic letter
    "ΑΝΑ": "nick-lookalike", // all Greek
  };
  for (const [nick, code] of Object.entries(rejections)) {
    const error = assertThrows(() => join(room, { ...BETO, nick }), ProtocolError);
    assertEquals([error.code, error.details.nick], [code, nick.normalize("NFKC")]);
  }
  assertEquals([room.size, room.log.head], [1, 1]);
});

Deno.test("Room.join() lets a session resume without telling the others", pure, () => {
  const { room, ana } = roomWithMessages(3);
  const { head } = room.log;
  const again = join(room, { ...ANA, address: "10.0.0.9", lagMs: 0 }, 4_000);
  assertStrictEquals(again.member, ana);
  assertEquals(again.welcome.lastClientSeq, 3);
  assertEquals(membersOf(again), [{ sessionId: 1n, nick: "ana", address: "10.0.0.9", sinceMs: NOON_MS }]);
  assertEquals(room.log.head, head);
  const next = join(room, { ...ANA, address: "10.0.0.9" });
  assertStrictEquals(next.membersBytes.buffer, again.membersBytes.buffer);
});

Deno.test("Room.join() gives a resuming session the nick that it asks for, told to others", pure, () => {
  const room = newRoom();
  join(room, ANA);
  const { welcome } = join(room, { ...ANA, nick: "eva", address: "10.0.0.9" }, 500);
  assertEquals(readAll(room).slice(1), [
    { type: "renamed", seq: 1, timeMs: NOON_MS + 500, sessionId: 1n, oldNick: "ana", nick: "eva" },
  ]);
  assertEquals(welcome.head, 2);
  assertEquals(nicks(join(room, { ...BETO, nick: "ana" })), ["eva", "ana"]);
});

Deno.test("Room.join() keeps the session of a member whose new nick it rejects", pure, () => {
  const room = newRoom();
  join(room, ANA);
  join(room, BETO);
  assertThrows(() => join(room, { ...ANA, nick: "beto" }), ProtocolError);
  assertEquals(nicks(join(room, EVA)), ["ana", "beto", "eva"]);
});

Deno.test("Room.join() gives a new client the last messages, not counting other entries", pure, () => {
  const { room } = roomWithMessages(3);
  join(room, BETO);
  const joined = join(room, { ...EVA, historyCount: 2 });
  assertEquals([joined.welcome.startSeq, numbers(joined)], [2, [2, 3]]);
  assertEquals(numbers(join(room, { ...EVA, sessionId: 4n, nick: "leo", historyCount: 4 })), [1, 2, 3]);
});

Deno.test("Room.join() gives a new client at most a thousand messages", pure, () => {
  const { room } = roomWithMessages(1_001);
  assertEquals(numbers(join(room, { ...EVA, historyCount: 0xffff })).length, 1_000);
});

Deno.test("Room.join() continues where the client stopped in this log, however long ago", pure, () => {
  const { room } = roomWithMessages(3);
  const resumePoints = [{ logId: OTHER_LOG_ID, nextSeq: 1 }, { logId: LOG_ID, nextSeq: 3 }];
  const joined = join(room, { ...BETO, lagMs: 0, resumePoints }, HOUR_MS);
  assertEquals([joined.welcome.startSeq, numbers(joined)], [3, [3]]);
});

Deno.test("Room.join() continues at the head when the client claims to have read further", pure, () => {
  const { room, ana } = roomWithMessages(3);
  const joined = join(room, { ...BETO, resumePoints: [{ logId: LOG_ID, nextSeq: 99 }] });
  say(room, ana, 4);
  assertEquals([joined.welcome.startSeq, numbers(joined)], [4, [4]]);
});

Deno.test("Room.join() continues at the oldest entry when the resume point is not retained", pure, () => {
  const { room } = roomWithMessages(100, { log: { segmentBytes: 64, retainedBytes: 256 } });
  const { welcome, cursor } = join(room, { ...BETO, resumePoints: [{ logId: LOG_ID, nextSeq: 1 }] });
  assert(room.log.tail > 1);
  assertEquals([welcome.startSeq, (read(cursor)[0] as LogEntry).seq], [room.log.tail, room.log.tail]);
});

Deno.test("Room.join() goes back by the client's lag and 150 s more, in a log new to it", pure, () => {
  const { room } = roomWithMessages(3);
  const resumePoints = [{ logId: OTHER_LOG_ID, nextSeq: 4 }];
  const missedBy = (lagMs: number, ms: number) => numbers(join(room, { ...BETO, lagMs, resumePoints }, ms));
  assertEquals(missedBy(0, 151_000), [1, 2, 3]);
  assertEquals(missedBy(0, 151_001), [2, 3]);
  assertEquals(missedBy(10_000, 161_000), [1, 2, 3]);
  assertEquals(missedBy(10_000, 161_001), [2, 3]);
  assertEquals(missedBy(0, 153_001), []);
});

Deno.test("Room.join() goes back by the time of appending, not by the entries' own times", pure, () => {
  const room = newRoom();
  const { member } = join(room, ANA);
  say(room, member, 1, { timeMs: NOON_MS - HOUR_MS });
  // The wall clock was set back by a day in the meantime.
  const now = { wallMs: NOON_MS - 24 * HOUR_MS, monotonicMs: 1 };
  room.say(member, { type: "say", clientSeq: 2, timeMs: 0, text: "t2" }, now);
  assertEquals(numbers(join(room, { ...BETO, lagMs: 0 }, 150_000)), [1, 2]);
});
