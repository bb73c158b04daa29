// Who gets into a room, what the others hear of it, and from where each newcomer reads.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../lib/errors.ts";
import { type LogEntry, NEVER_CAUGHT_UP } from "../../lib/protocol/frames.ts";
import type { Cursor } from "../../lib/room/event_log.ts";
import {
  ANA,
  BETO,
  enter,
  EVA,
  HOUR_MS,
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
} from "./room_fixture.ts";

const pure = { permissions: "none" } as const;

function numbers(cursor: Cursor): number[] {
  return messages(read(cursor)).map(({ clientSeq }) => clientSeq);
}

Deno.test("Room.enter() welcomes a newcomer", pure, () => {
  const room = newRoom({ backups: ["10.0.0.8:5001"] });
  enter(room, ANA);
  const joined = enter(room, { ...BETO, address: "192.168.1.8" }, 500);
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
  assertEquals(room.size, 2);
});

Deno.test("Room.enter() tells the others", pure, () => {
  const room = newRoom();
  const { cursor } = enter(room, ANA);
  read(cursor);
  enter(room, BETO, 500);
  assertEquals(read(cursor), [{
    type: "joined",
    seq: 1,
    timeMs: NOON_MS + 500,
    sessionId: 2n,
    rejoined: false,
    nick: "beto",
    address: "192.168.1.7",
  }]);
});

Deno.test("Room.enter() tells the others that somebody is back who was whole before", pure, () => {
  const room = newRoom();
  enter(room, { ...ANA, lagMs: 0 });
  enter(room, { ...BETO, lagMs: NEVER_CAUGHT_UP - 1 });
  assertEquals(readAll(room).map((entry) => entry.type === "joined" && entry.rejoined), [true, true]);
});

Deno.test(
  "Room.enter() places one's own arrival before WELCOME's head, and what comes next from it on",
  pure,
  () => {
    const room = newRoom();
    const { welcome, cursor, member } = enter(room, ANA);
    say(room, member, 1);
    assertEquals(read(cursor).map((entry) => [entry.type, (entry as LogEntry).seq < welcome.head]), [
      ["joined", true],
      ["said", false],
    ]);
  },
);

Deno.test("Room.enter() normalises nicks", pure, () => {
  assertEquals(enter(newRoom(), { ...ANA, nick: " ａna " }).welcome.nick, "ana");
});

Deno.test("Room.enter() refuses a nick that is none, or that somebody else has in any case", pure, () => {
  const room = newRoom();
  enter(room, ANA);
  const refusals = {
    "": "nick-invalid",
    "a b": "nick-invalid",
    ana: "nick-taken",
    ANA: "nick-taken",
    "аna": "nick-mixed", // with a Cyrillic letter
    "ΑΝΑ": "nick-lookalike", // all Greek
  };
  for (const [nick, code] of Object.entries(refusals)) {
    const refusal = assertThrows(() => enter(room, { ...BETO, nick }), ProtocolError);
    assertEquals([refusal.code, refusal.details.nick], [code, nick.normalize("NFKC")]);
  }
  assertEquals([room.size, room.log.head], [1, 1]);
});

Deno.test("Room.enter() gives those who come back from where they were the same list of people", pure, () => {
  const room = newRoom();
  const first = enter(room, ANA);
  assertStrictEquals(enter(room, ANA).membersBytes.buffer, first.membersBytes.buffer);
});

Deno.test("Room.enter() lets a session take its own place over, and tells nobody", pure, () => {
  const { room, ana } = roomWithMessages(3);
  const head = room.log.head;
  const again = enter(room, { ...ANA, address: "10.0.0.9", lagMs: 0 }, 4_000);
  assertStrictEquals(again.member, ana);
  assertEquals(again.welcome.lastClientSeq, 3);
  assertEquals(membersOf(again), [{ sessionId: 1n, nick: "ana", address: "10.0.0.9", sinceMs: NOON_MS }]);
  assertEquals(room.log.head, head);
});

Deno.test("Room.enter() gives a session that takes its place over the nick it now asks for", pure, () => {
  const room = newRoom();
  enter(room, ANA);
  assertEquals(nicks(enter(room, { ...ANA, nick: "Ana" })), ["Ana"]);
  assertEquals(nicks(enter(room, { ...ANA, nick: "eva" })), ["eva"]);
  assertEquals(nicks(enter(room, { ...BETO, nick: "ana" })), ["eva", "ana"]);
});

Deno.test("Room.enter() tells the others that who takes their place over has another nick", pure, () => {
  const room = newRoom();
  enter(room, ANA);
  const { welcome } = enter(room, { ...ANA, nick: "eva", address: "10.0.0.9" }, 500);
  assertEquals(readAll(room).slice(1), [
    { type: "renamed", seq: 1, timeMs: NOON_MS + 500, sessionId: 1n, oldNick: "ana", nick: "eva" },
  ]);
  assertEquals(welcome.head, 2);
});

Deno.test("Room.enter() keeps the place of a session whose new nick it refuses", pure, () => {
  const room = newRoom();
  enter(room, ANA);
  enter(room, BETO);
  assertThrows(() => enter(room, { ...ANA, nick: "beto" }), ProtocolError);
  assertEquals(nicks(enter(room, EVA)), ["ana", "beto", "eva"]);
});

Deno.test("Room.enter() shows a newcomer the last messages they ask for, whatever lies between", pure, () => {
  const { room } = roomWithMessages(3);
  enter(room, BETO);
  const { cursor, welcome } = enter(room, { ...EVA, historyCount: 2 });
  assertEquals(welcome.startSeq, 2);
  assertEquals(numbers(cursor), [2, 3]);
});

Deno.test("Room.enter() shows a newcomer all there is if they ask for more", pure, () => {
  const { room } = roomWithMessages(3);
  assertEquals(numbers(enter(room, { ...EVA, historyCount: 4 }).cursor), [1, 2, 3]);
});

Deno.test("Room.enter() shows a newcomer a thousand messages at most", pure, () => {
  const { room } = roomWithMessages(1_001);
  assertEquals(numbers(enter(room, { ...EVA, historyCount: 0xffff }).cursor).length, 1_000);
});

Deno.test(
  "Room.enter() goes on where somebody stopped who was on this instance, however long ago",
  pure,
  () => {
    const { room } = roomWithMessages(3);
    const resumePoints = [{ logId: OTHER_LOG_ID, nextSeq: 1 }, { logId: LOG_ID, nextSeq: 3 }];
    const { welcome, cursor } = enter(room, { ...BETO, lagMs: 0, resumePoints }, HOUR_MS);
    assertEquals(welcome.startSeq, 3);
    assertEquals(numbers(cursor), [3]);
  },
);

Deno.test("Room.enter() goes on at the head when somebody claims to have read further", pure, () => {
  const { room, ana } = roomWithMessages(3);
  const { welcome, cursor } = enter(room, { ...BETO, resumePoints: [{ logId: LOG_ID, nextSeq: 99 }] });
  assertEquals(welcome.startSeq, 4);
  say(room, ana, 4);
  assertEquals(numbers(cursor), [4]);
});

Deno.test("Room.enter() goes on at the oldest entry when what somebody lacks is not retained", pure, () => {
  const { room } = roomWithMessages(100, { log: { segmentBytes: 64, retainedBytes: 256 } });
  const { welcome, cursor } = enter(room, { ...BETO, resumePoints: [{ logId: LOG_ID, nextSeq: 1 }] });
  assert(room.log.tail > 1);
  assertEquals(welcome.startSeq, room.log.tail);
  assertEquals((read(cursor)[0] as LogEntry).seq, welcome.startSeq);
});

Deno.test(
  "Room.enter() goes back as long as somebody lacks, and 150 s more, on an instance new to them",
  pure,
  () => {
    const { room } = roomWithMessages(3);
    const resumePoints = [{ logId: OTHER_LOG_ID, nextSeq: 4 }];
    const missedBy = (lagMs: number, ms: number) =>
      numbers(enter(room, { ...BETO, lagMs, resumePoints }, ms).cursor);
    assertEquals(missedBy(0, 151_000), [1, 2, 3]);
    assertEquals(missedBy(0, 151_001), [2, 3]);
    assertEquals(missedBy(10_000, 161_000), [1, 2, 3]);
    assertEquals(missedBy(10_000, 161_001), [2, 3]);
    assertEquals(missedBy(0, 153_001), []);
  },
);

Deno.test(
  "Room.enter() goes back by when entries were appended, not by the times that they carry",
  pure,
  () => {
    const room = newRoom();
    const { member } = enter(room, ANA);
    say(room, member, 1, { timeMs: NOON_MS - HOUR_MS, ms: 0 });
    // The wall clock was set back by a day meanwhile.
    room.say(member, { type: "say", clientSeq: 2, timeMs: 0, text: "t2" }, {
      wallMs: NOON_MS - 24 * HOUR_MS,
      monotonicMs: 1,
    });
    assertEquals(numbers(enter(room, { ...BETO, lagMs: 0 }, 150_000).cursor), [1, 2]);
  },
);
