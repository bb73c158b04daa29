// The server without sockets: who gets in, what is accepted, and from where each reader reads.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { Moment } from "../lib/clock.ts";
import { framesOf } from "../lib/codec.ts";
import { InputError, ProtocolError } from "../lib/errors.ts";
import { MemoryJournal } from "../lib/journal.ts";
import type { Member } from "../lib/members.ts";
import {
  decodeServer,
  encodeWelcome,
  type Hello,
  type LogEntry,
  NEVER_WHOLE_MS,
  type Person,
  type Said,
  type ServerMessage,
} from "../lib/protocol.ts";
import { type Admission, Room, type RoomOptions } from "../lib/room.ts";
import type { Cursor } from "../lib/room_log.ts";

const pure = { permissions: "none" } as const;

const INSTANCE = 77n;
const ELSEWHERE = 78n;
/** Wall clock where the tests begin; the monotonic one begins at 0, so that the two cannot be mistaken. */
const NOON_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

function at(ms: number): Moment {
  return { wallMs: NOON_MS + ms, tickMs: ms };
}

function newRoom(options: Partial<RoomOptions> = {}): Room {
  return new Room({ journal: new MemoryJournal(INSTANCE), ...options });
}

interface Visitor extends Partial<Hello> {
  readonly nick: string;
  readonly session: bigint;
  readonly address?: string;
}

const ANA: Visitor = { nick: "ana", session: 1n };
const BETO: Visitor = { nick: "beto", session: 2n };
const EVA: Visitor = { nick: "eva", session: 3n };

/** Somebody comes in, as a newcomer who wants no history unless told otherwise. */
function enter(room: Room, { session, address = "192.168.1.7", ...hello }: Visitor, ms = 0): Admission {
  return room.enter({
    hello: {
      type: "hello",
      version: 1,
      token: new Uint8Array(16),
      password: "",
      lackMs: NEVER_WHOLE_MS,
      history: 0,
      resume: [],
      ...hello,
    },
    session,
    address,
  }, at(ms))!;
}

function say(room: Room, member: Member, n: number, { timeMs = 0, text = `t${n}`, ms = 0 } = {}): void {
  room.say(member, { type: "say", n, timeMs, text }, at(ms));
}

/** All that the cursor has still to read. */
function read(cursor: Cursor): ServerMessage[] {
  const entries: ServerMessage[] = [];
  for (let slice = cursor.take(); slice; slice = cursor.take()) {
    for (const frame of framesOf(slice)) entries.push(decodeServer(frame));
  }
  return entries;
}

function readAll(room: Room): LogEntry[] {
  return read(room.log.cursorAt(0)) as LogEntry[];
}

function messages(entries: readonly ServerMessage[]): Said[] {
  return entries.filter((entry) => entry.type === "said");
}

function numbers(cursor: Cursor): number[] {
  return messages(read(cursor)).map(({ n }) => n);
}

/** A room in which ana has said messages 1 to `count`, the n-th at n seconds. */
function roomWithMessages(count: number, options: Partial<RoomOptions> = {}): { room: Room; ana: Member } {
  const room = newRoom(options);
  const { member: ana } = enter(room, ANA);
  for (let n = 1; n <= count; n++) say(room, ana, n, { ms: n * 1_000 });
  return { room, ana };
}

/** What somebody who came in is told of who is there. */
function onlineOf({ welcome, online }: Admission): readonly Person[] {
  const head = encodeWelcome(welcome, { onlineBytes: online.length });
  const [frame] = framesOf(Uint8Array.of(...head, ...online));
  const decoded = decodeServer(frame!);
  assert(decoded.type === "welcome");
  return decoded.online;
}

function nicks(admission: Admission): string[] {
  return onlineOf(admission).map(({ nick }) => nick);
}

Deno.test("Room.enter() welcomes a newcomer", pure, () => {
  const room = newRoom({ backups: ["10.0.0.8:5001"] });
  enter(room, ANA);
  const admission = enter(room, { ...BETO, address: "192.168.1.8" }, 500);
  assertEquals(admission.welcome, {
    type: "welcome",
    version: 1,
    session: 2n,
    instance: 77n,
    nick: "beto",
    accepted: 0,
    next: 1,
    head: 2,
    backups: ["10.0.0.8:5001"],
    onlineCount: 2,
  });
  assertEquals(onlineOf(admission), [
    { session: 1n, nick: "ana", address: "192.168.1.7", sinceMs: NOON_MS },
    { session: 2n, nick: "beto", address: "192.168.1.8", sinceMs: NOON_MS + 500 },
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
    session: 2n,
    back: false,
    nick: "beto",
    address: "192.168.1.7",
  }]);
});

Deno.test("Room.enter() tells the others that somebody is back who was whole before", pure, () => {
  const room = newRoom();
  enter(room, { ...ANA, lackMs: 0 });
  enter(room, { ...BETO, lackMs: NEVER_WHOLE_MS - 1 });
  assertEquals(readAll(room).map((entry) => entry.type === "joined" && entry.back), [true, true]);
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
  assertStrictEquals(enter(room, ANA).online.buffer, first.online.buffer);
});

Deno.test("Room.enter() lets a session take its own place over, and tells nobody", pure, () => {
  const { room, ana } = roomWithMessages(3);
  const head = room.log.head;
  const again = enter(room, { ...ANA, address: "10.0.0.9", lackMs: 0 }, 4_000);
  assertStrictEquals(again.member, ana);
  assertEquals(again.welcome.accepted, 3);
  assertEquals(onlineOf(again), [{ session: 1n, nick: "ana", address: "10.0.0.9", sinceMs: NOON_MS }]);
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
    { type: "renamed", seq: 1, timeMs: NOON_MS + 500, session: 1n, before: "ana", nick: "eva" },
  ]);
  assertEquals(welcome.head, 2);
});

Deno.test("Room.rename() gives a nick that is free, tells everybody, and frees the old one", pure, () => {
  const room = newRoom();
  const { member } = enter(room, ANA);
  room.rename(member, " Anita ", at(500));
  assertEquals(readAll(room).slice(1), [
    { type: "renamed", seq: 1, timeMs: NOON_MS + 500, session: 1n, before: "ana", nick: "Anita" },
  ]);
  say(room, member, 1);
  assertEquals(messages(readAll(room)).map(({ nick }) => nick), ["Anita"]);
  assertEquals(nicks(enter(room, { ...BETO, nick: "ana" })), ["Anita", "ana"]);
  room.rename(member, "ANITA", at(600));
  assertEquals(nicks(enter(room, EVA)), ["ANITA", "ana", "eva"]);
});

Deno.test("Room.rename() refuses a nick that is none or taken, and says nothing of one's own", pure, () => {
  const room = newRoom();
  const { member } = enter(room, ANA);
  enter(room, BETO);
  const { head } = room.log;
  for (const [nick, code] of [["Beto", "nick-taken"], ["a b", "nick-invalid"]] as const) {
    assertEquals(assertThrows(() => room.rename(member, nick, at(0)), ProtocolError).code, code);
  }
  room.rename(member, "ana", at(0));
  assertEquals([room.log.head, member.nick], [head, "ana"]);
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
  const { cursor, welcome } = enter(room, { ...EVA, history: 2 });
  assertEquals(welcome.next, 2);
  assertEquals(numbers(cursor), [2, 3]);
});

Deno.test("Room.enter() shows a newcomer all there is if they ask for more", pure, () => {
  const { room } = roomWithMessages(3);
  assertEquals(numbers(enter(room, { ...EVA, history: 4 }).cursor), [1, 2, 3]);
});

Deno.test("Room.enter() shows a newcomer a thousand messages at most", pure, () => {
  const { room } = roomWithMessages(1_001);
  assertEquals(numbers(enter(room, { ...EVA, history: 0xffff }).cursor).length, 1_000);
});

Deno.test(
  "Room.enter() goes on where somebody stopped who was on this instance, however long ago",
  pure,
  () => {
    const { room } = roomWithMessages(3);
    const resume = [{ instance: ELSEWHERE, next: 1 }, { instance: INSTANCE, next: 3 }];
    const { welcome, cursor } = enter(room, { ...BETO, lackMs: 0, resume }, HOUR_MS);
    assertEquals(welcome.next, 3);
    assertEquals(numbers(cursor), [3]);
  },
);

Deno.test("Room.enter() goes on at the head when somebody claims to have read further", pure, () => {
  const { room, ana } = roomWithMessages(3);
  const { welcome, cursor } = enter(room, { ...BETO, resume: [{ instance: INSTANCE, next: 99 }] });
  assertEquals(welcome.next, 4);
  say(room, ana, 4);
  assertEquals(numbers(cursor), [4]);
});

Deno.test("Room.enter() goes on at the oldest entry when what somebody lacks is not retained", pure, () => {
  const { room } = roomWithMessages(100, { log: { segmentBytes: 64, retainedBytes: 256 } });
  const { welcome, cursor } = enter(room, { ...BETO, resume: [{ instance: INSTANCE, next: 1 }] });
  assert(room.log.tail > 1);
  assertEquals(welcome.next, room.log.tail);
  assertEquals((read(cursor)[0] as LogEntry).seq, welcome.next);
});

Deno.test(
  "Room.enter() goes back as long as somebody lacks, and 150 s more, on an instance new to them",
  pure,
  () => {
    const { room } = roomWithMessages(3);
    const resume = [{ instance: ELSEWHERE, next: 4 }];
    const missedBy = (lackMs: number, ms: number) =>
      numbers(enter(room, { ...BETO, lackMs, resume }, ms).cursor);
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
    room.say(member, { type: "say", n: 2, timeMs: 0, text: "t2" }, {
      wallMs: NOON_MS - 24 * HOUR_MS,
      tickMs: 1,
    });
    assertEquals(numbers(enter(room, { ...BETO, lackMs: 0 }, 150_000).cursor), [1, 2]);
  },
);

Deno.test("Room.say() appends a message with the server's time", pure, () => {
  const { room } = roomWithMessages(1);
  assertEquals(readAll(room)[1], {
    type: "said",
    seq: 1,
    timeMs: NOON_MS + 1_000,
    session: 1n,
    n: 1,
    late: false,
    nick: "ana",
    text: "t1",
  });
});

Deno.test(
  "Room.say() appends a message only if its number is higher than all from that session",
  pure,
  () => {
    const room = newRoom();
    const { member: ana } = enter(room, ANA);
    const { member: beto } = enter(room, BETO);
    for (const n of [1, 1, 3, 2, 3, 4]) say(room, ana, n);
    for (const n of [0, 2]) say(room, beto, n);
    assertEquals(messages(readAll(room)).map(({ session, n }) => [session, n]), [
      [1n, 1],
      [1n, 3],
      [1n, 4],
      [2n, 2],
    ]);
  },
);

Deno.test("Room.say() knows what it accepted from somebody who was away, and WELCOME says so", pure, () => {
  const { room, ana } = roomWithMessages(3);
  room.leave(ana, at(4_000));
  const { welcome, member } = enter(room, { ...ANA, lackMs: 0 }, 5_000);
  assertEquals(welcome.accepted, 3);
  for (const n of [3, 4]) say(room, member, n);
  assertEquals(messages(readAll(room)).map(({ n }) => n), [1, 2, 3, 4]);
});

Deno.test("Room.say() keeps a time that another server gave within the last hour", pure, () => {
  const accepted = (timeMs: number) => {
    const room = newRoom();
    say(room, enter(room, ANA).member, 1, { timeMs, ms: 500 });
    const { timeMs: kept, late } = messages(readAll(room))[0]!;
    return { kept: kept - NOON_MS, late };
  };
  assertEquals(accepted(NOON_MS + 500), { kept: 500, late: true });
  assertEquals(accepted(NOON_MS + 500 - HOUR_MS), { kept: 500 - HOUR_MS, late: true });
  assertEquals(accepted(NOON_MS + 499 - HOUR_MS), { kept: 500, late: true });
  assertEquals(accepted(NOON_MS + 501), { kept: 500, late: true });
  assertEquals(accepted(0), { kept: 500, late: false });
});

Deno.test("Room.say() refuses a text that no client should send, and does not count it", pure, () => {
  const room = newRoom();
  const { member, welcome } = enter(room, ANA);
  for (const text of ["", "a ", "a\u001b[2J", "a\nb", "x".repeat(2_001)]) {
    const error = assertThrows(() => say(room, member, 1, { text }), ProtocolError);
    assertEquals(error.code, "text-invalid");
  }
  assertEquals(room.log.head, welcome.head);
  say(room, member, 1);
  assertEquals(messages(readAll(room)).length, 1);
});

Deno.test("Room.leave() tells the others and frees the nick", pure, () => {
  const room = newRoom();
  const { member } = enter(room, ANA);
  room.leave(member, at(500));
  assertEquals(readAll(room)[1], {
    type: "left",
    seq: 1,
    timeMs: NOON_MS + 500,
    session: 1n,
    lost: false,
    nick: "ana",
    address: "192.168.1.7",
  });
  assertEquals(room.size, 0);
  assertEquals(nicks(enter(room, { ...BETO, nick: "ana" })), ["ana"]);
});

Deno.test("Room.lose() tells the others only when the grace of three seconds has run out", pure, () => {
  const room = newRoom();
  const { member } = enter(room, ANA);
  room.lose(member, at(1_000));
  assertEquals(room.expire(at(3_999)), 4_000);
  assertEquals([room.size, room.log.head], [1, 1]);
  assertEquals(room.expire(at(4_000)), Infinity);
  assertEquals(room.size, 0);
  assertEquals(readAll(room).slice(1), [{
    type: "left",
    seq: 1,
    timeMs: NOON_MS + 4_000,
    session: 1n,
    lost: true,
    nick: "ana",
    address: "192.168.1.7",
  }]);
});

Deno.test("Room.lose() keeps the nick for the one who was lost", pure, () => {
  const room = newRoom();
  room.lose(enter(room, ANA).member, at(0));
  const error = assertThrows(() => enter(room, { ...BETO, nick: "ana" }, 1), ProtocolError);
  assertEquals(error.details, { nick: "ana" });
  assertEquals(error.code, "nick-taken");
});

Deno.test("Room.enter() within the grace ends it, and tells nobody", pure, () => {
  const room = newRoom();
  const { member } = enter(room, ANA);
  room.lose(member, at(0));
  assertStrictEquals(enter(room, { ...ANA, lackMs: 0 }, 2_999).member, member);
  assertEquals(room.expire(at(HOUR_MS)), Infinity);
  assertEquals([room.size, room.log.head], [1, 1]);
});

Deno.test("Room.lose() tells the others at once where there is no grace", pure, () => {
  const room = newRoom({ graceMs: 0 });
  room.lose(enter(room, ANA).member, at(0));
  assertEquals(readAll(room).map(({ type }) => type), ["joined", "left"]);
});

Deno.test("Room.expire() announces everyone who is due and returns when the next one is", pure, () => {
  const room = newRoom();
  const members = [ANA, BETO, EVA].map((visitor) => enter(room, visitor).member);
  assertEquals(room.expire(at(0)), Infinity);
  for (const [i, member] of members.entries()) room.lose(member, at(i * 100));
  assertEquals(room.expire(at(0)), 3_000);
  assertEquals(room.expire(at(3_100)), 3_200);
  const left = readAll(room).slice(3).map((entry) => entry.type === "left" && entry.session);
  assertEquals(left, [1n, 2n]);
});

Deno.test("Room.kick() tells everybody, frees the nick, and remembers what was accepted", pure, () => {
  const { room, ana } = roomWithMessages(3);
  room.kick(ana, at(5_000));
  assertEquals(readAll(room).at(-1), {
    type: "left",
    seq: 4,
    timeMs: NOON_MS + 5_000,
    session: 1n,
    lost: false,
    kicked: true,
    nick: "ana",
    address: "192.168.1.7",
  });
  assertEquals([room.size, room.withNick("ana")], [0, undefined]);
  assertEquals(enter(room, ANA).welcome.accepted, 3);
});

Deno.test("Room.announce() says something in the server's name, as safe as any text", pure, () => {
  const room = newRoom();
  room.announce("hola\x07 ", at(500));
  assertEquals(readAll(room), [{ type: "announced", seq: 0, timeMs: NOON_MS + 500, text: "hola␇" }]);
});

Deno.test("RoomBackups.add() tells those who are in of all backups, and those who come", pure, () => {
  const room = newRoom({ backups: ["a:1"] });
  for (const backup of ["b:2", "a:1"]) room.backups.add(backup, at(500));
  const backups = ["a:1", "b:2"];
  assertEquals(readAll(room), [
    { type: "backups", seq: 0, timeMs: NOON_MS + 500, backups },
    { type: "backups", seq: 1, timeMs: NOON_MS + 500, backups },
  ]);
  assertEquals(enter(room, ANA).welcome.backups, backups);
});

Deno.test("RoomBackups.add() takes no more than fit", pure, () => {
  const room = newRoom({ backups: Array.from({ length: 15 }, (_, i) => `a:${i + 1}`) });
  room.backups.add("b:1", at(0));
  const { code, details } = assertThrows(() => room.backups.add("b:2", at(0)), InputError);
  assertEquals<unknown>([code, details], ["backups-full", { max: 16 }]);
  room.backups.add("b:1", at(0));
});

Deno.test(
  "RoomBackups.remove() tells everybody of one less, of its flag's too, and of none that nobody has named",
  pure,
  () => {
    const own = Array.from({ length: 15 }, (_, i) => `a:${i + 1}`);
    const room = newRoom({ backups: own });
    room.backups.add("b:1", at(0));
    for (const server of ["a:2", "b:1"]) {
      room.backups.remove(server, at(500));
      const { code, details } = assertThrows(() => room.backups.remove(server, at(0)), InputError);
      assertEquals<unknown>([code, details], ["backup-unknown", { server }]);
    }
    const left = own.filter((backup) => backup !== "a:2");
    assertEquals(readAll(room).at(-1), { type: "backups", seq: 2, timeMs: NOON_MS + 500, backups: left });
    assertEquals(enter(room, ANA).welcome.backups, left);
    room.backups.add("a:2", at(0));
    assertEquals(enter(room, BETO).welcome.backups, [...left, "a:2"]);
  },
);

Deno.test("RoomBackups.remove() withdraws one of a flag that nobody has named otherwise", pure, () => {
  const room = newRoom({ backups: Array.from({ length: 16 }, (_, i) => `a:${i + 1}`) });
  room.backups.remove("a:1", at(0));
  assertEquals(enter(room, ANA).welcome.backups.length, 15);
  const last = readAll(room).find(({ type }) => type === "backups");
  assertEquals(last?.type === "backups" && last.backups.length, 15);
});

Deno.test("Room.messagesPerSecond() counts what is accepted", pure, () => {
  const { room, ana } = roomWithMessages(5);
  say(room, ana, 5, { ms: 6_000 });
  assertEquals([at(9_000), at(60_000)].map((now) => room.messagesPerSecond(now)), [0.5, 0]);
});
