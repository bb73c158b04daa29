// The room: rename, say, leave, kick, the resume grace, backups and the message rate.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { InputError, ProtocolError } from "../../lib/errors.ts";
import { InFlightChanges, RateMeter } from "../../lib/room/room.ts";
import {
  ANA,
  at,
  BETO,
  EVA,
  HOUR_MS,
  join,
  messages,
  newRoom,
  nicks,
  NOON_MS,
  readAll,
  roomWithMessages,
  say,
} from "../testing/room_fixture.ts";

const pure = { permissions: "none" } as const;

Deno.test("Room.rename() gives a free nick, tells all members, and frees the old one", pure, () => {
  const room = newRoom();
  const { member } = join(room, ANA);
  room.rename(member, " Anita ", at(500));
  assertEquals(readAll(room).slice(1), [
    { type: "renamed", seq: 1, timeMs: NOON_MS + 500, sessionId: 1n, oldNick: "ana", nick: "Anita" },
  ]);
  say(room, member, 1);
  assertEquals(messages(readAll(room)).map(({ nick }) => nick), ["Anita"]);
  assertEquals(nicks(join(room, { ...BETO, nick: "ana" })), ["Anita", "ana"]);
  room.rename(member, "ANITA", at(600));
  assertEquals(nicks(join(room, EVA)), ["ANITA", "ana", "eva"]);
});

Deno.test(
  "Room.rename() rejects an invalid or taken nick, and logs nothing for the member's own",
  pure,
  () => {
    const room = newRoom();
    const { member } = join(room, ANA);
    join(room, BETO);
    const { head } = room.log;
    for (const [nick, code] of [["Beto", "nick-taken"], ["a b", "nick-invalid"]] as const) {
      assertEquals(assertThrows(() => room.rename(member, nick, at(0)), ProtocolError).code, code);
    }
    room.rename(member, "ana", at(0));
    assertEquals([room.log.head, member.nick], [head, "ana"]);
  },
);

Deno.test("Room.say() appends a message with the server's time", pure, () => {
  const { room } = roomWithMessages(1);
  assertEquals(readAll(room)[1], {
    type: "said",
    seq: 1,
    timeMs: NOON_MS + 1_000,
    sessionId: 1n,
    clientSeq: 1,
    redelivered: false,
    nick: "ana",
    text: "t1",
  });
});

Deno.test(
  "Room.say() appends a message only if its clientSeq is higher than all before of that session",
  pure,
  () => {
    const room = newRoom();
    const { member: ana } = join(room, ANA);
    const { member: beto } = join(room, BETO);
    for (const n of [1, 1, 3, 2, 3, 4]) say(room, ana, n);
    for (const n of [0, 2]) say(room, beto, n);
    assertEquals(messages(readAll(room)).map(({ sessionId, clientSeq }) => [sessionId, clientSeq]), [
      [1n, 1],
      [1n, 3],
      [1n, 4],
      [2n, 2],
    ]);
  },
);

Deno.test("Room.say() remembers the lastClientSeq of a member that left, and WELCOME has it", pure, () => {
  const { room, ana } = roomWithMessages(3);
  room.leave(ana, at(4_000));
  const { welcome, member } = join(room, { ...ANA, lagMs: 0 }, 5_000);
  assertEquals(welcome.lastClientSeq, 3);
  for (const n of [3, 4]) say(room, member, n);
  assertEquals(messages(readAll(room)).map(({ clientSeq }) => clientSeq), [1, 2, 3, 4]);
});

Deno.test("Room.say() keeps a time that another server set within the last hour", pure, () => {
  const accepted = (timeMs: number) => {
    const room = newRoom();
    say(room, join(room, ANA).member, 1, { timeMs, ms: 500 });
    const { timeMs: kept, redelivered } = messages(readAll(room))[0]!;
    return { kept: kept - NOON_MS, redelivered };
  };
  assertEquals(accepted(NOON_MS + 500), { kept: 500, redelivered: true });
  assertEquals(accepted(NOON_MS + 500 - HOUR_MS), { kept: 500 - HOUR_MS, redelivered: true });
  assertEquals(accepted(NOON_MS + 499 - HOUR_MS), { kept: 500, redelivered: true });
  assertEquals(accepted(NOON_MS + 501), { kept: 500, redelivered: true });
  assertEquals(accepted(0), { kept: 500, redelivered: false });
});

Deno.test("Room.say() rejects a text that no client should send, and does not count it", pure, () => {
  const room = newRoom();
  const { member, welcome } = join(room, ANA);
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
  const { member } = join(room, ANA);
  room.leave(member, at(500));
  assertEquals(readAll(room)[1], {
    type: "left",
    seq: 1,
    timeMs: NOON_MS + 500,
    sessionId: 1n,
    connectionLost: false,
    nick: "ana",
    address: "192.168.1.7",
  });
  assertEquals(room.size, 0);
  assertEquals(nicks(join(room, { ...BETO, nick: "ana" })), ["ana"]);
});

Deno.test("Room.disconnect() tells the others only when the grace of three seconds is over", pure, () => {
  const room = newRoom();
  const { member } = join(room, ANA);
  room.disconnect([member], at(1_000));
  assertEquals(room.expire(at(3_999)), 4_000);
  assertEquals([room.size, room.log.head], [1, 1]);
  assertEquals(room.expire(at(4_000)), Infinity);
  assertEquals(room.size, 0);
  assertEquals(readAll(room).slice(1), [{
    type: "left",
    seq: 1,
    timeMs: NOON_MS + 4_000,
    sessionId: 1n,
    connectionLost: true,
    nick: "ana",
    address: "192.168.1.7",
  }]);
});

Deno.test("Room.disconnect() keeps the member's nick taken", pure, () => {
  const room = newRoom();
  room.disconnect([join(room, ANA).member], at(0));
  const error = assertThrows(() => join(room, { ...BETO, nick: "ana" }, 1), ProtocolError);
  assertEquals(error.details, { nick: "ana" });
  assertEquals(error.code, "nick-taken");
});

Deno.test("Room.join() within the grace ends it without telling the others", pure, () => {
  const room = newRoom();
  const { member } = join(room, ANA);
  room.disconnect([member], at(0));
  assertStrictEquals(join(room, { ...ANA, lagMs: 0 }, 2_999).member, member);
  assertEquals(room.expire(at(HOUR_MS)), Infinity);
  assertEquals([room.size, room.log.head], [1, 1]);
});

Deno.test("Room.disconnect() tells the others at once if there is no grace", pure, () => {
  const room = newRoom({ graceMs: 0 });
  room.disconnect([join(room, ANA).member], at(0));
  assertEquals(readAll(room).map(({ type }) => type), ["joined", "left"]);
});

Deno.test(
  "Room.expire() removes all members whose grace is over and returns when the next one ends",
  pure,
  () => {
    const room = newRoom();
    const members = [ANA, BETO, EVA].map((client) => join(room, client).member);
    assertEquals(room.expire(at(0)), Infinity);
    for (const [i, member] of members.entries()) room.disconnect([member], at(i * 100));
    assertEquals(room.expire(at(0)), 3_000);
    assertEquals(room.expire(at(3_100)), 3_200);
    const left = readAll(room).slice(3).map((entry) => entry.type === "left" && entry.sessionId);
    assertEquals(left, [1n, 2n]);
  },
);

Deno.test("Room.kick() tells all members, frees the nick, and remembers lastClientSeq", pure, () => {
  const { room, ana } = roomWithMessages(3);
  room.kick(ana, at(5_000));
  assertEquals(readAll(room).at(-1), {
    type: "left",
    seq: 4,
    timeMs: NOON_MS + 5_000,
    sessionId: 1n,
    connectionLost: false,
    kicked: true,
    nick: "ana",
    address: "192.168.1.7",
  });
  assertEquals([room.size, room.findByNick("ana")], [0, undefined]);
  assertEquals(join(room, ANA).welcome.lastClientSeq, 3);
});

Deno.test("Room.announce() appends a text in the server's name, made safe like any other", pure, () => {
  const room = newRoom();
  room.announce("hola\x07 ", at(500));
  assertEquals(readAll(room), [{ type: "announced", seq: 0, timeMs: NOON_MS + 500, text: "hola␇" }]);
});

Deno.test("BackupList.add() tells members and new clients of all backups", pure, () => {
  const room = newRoom({ backups: ["a:1"] });
  for (const backup of ["b:2", "a:1"]) room.backups.add(backup, at(500));
  const backups = ["a:1", "b:2"];
  assertEquals(readAll(room), [
    { type: "backups", seq: 0, timeMs: NOON_MS + 500, backups },
    { type: "backups", seq: 1, timeMs: NOON_MS + 500, backups },
  ]);
  assertEquals(join(room, ANA).welcome.backups, backups);
});

Deno.test("BackupList.add() rejects more than MAX_BACKUPS", pure, () => {
  const room = newRoom({ backups: Array.from({ length: 15 }, (_, i) => `a:${i + 1}`) });
  room.backups.add("b:1", at(0));
  const { code, details } = assertThrows(() => room.backups.add("b:2", at(0)), InputError);
  assertEquals<unknown>([code, details], ["backups-full", { max: 16 }]);
  room.backups.add("b:1", at(0));
});

Deno.test(
  "BackupList.remove() removes own and configured backups, and rejects an unknown one",
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
    assertEquals(join(room, ANA).welcome.backups, left);
    room.backups.add("a:2", at(0));
    assertEquals(join(room, BETO).welcome.backups, [...left, "a:2"]);
  },
);

Deno.test("BackupList.remove() removes an own backup that is not configured", pure, () => {
  const room = newRoom({ backups: Array.from({ length: 16 }, (_, i) => `a:${i + 1}`) });
  room.backups.remove("a:1", at(0));
  assertEquals(join(room, ANA).welcome.backups.length, 15);
  const last = readAll(room).find(({ type }) => type === "backups");
  assertEquals(last?.type === "backups" && last.backups.length, 15);
});

Deno.test("Room.messagesPerSecond() counts committed messages", pure, () => {
  const { room, ana } = roomWithMessages(5);
  say(room, ana, 5, { ms: 6_000 });
  assertEquals([at(9_000), at(60_000)].map((now) => room.messagesPerSecond(now)), [0.5, 0]);
});

function rateOf(timesMs: number[]): RateMeter {
  const rate = new RateMeter();
  for (const timeMs of timesMs) rate.record(timeMs);
  return rate;
}

Deno.test("RateMeter.perSecond() is the average over ten seconds", pure, () => {
  assertEquals(new RateMeter().perSecond(0), 0);
  assertEquals(rateOf([0, 1, 999, 1_000, 9_999]).perSecond(9_999), 0.5);
});

Deno.test(
  "RateMeter.perSecond() drops events ten seconds old, also if there were none since",
  pure,
  () => {
    const rate = rateOf([500, 600, 1_500, 12_000]);
    assertEquals(rate.perSecond(12_000), 0.1);
    assertEquals(rateOf([500, 600, 1_500]).perSecond(10_000), 0.1);
    assertEquals(rateOf([500, 600, 1_500]).perSecond(11_000), 0);
    for (let second = 10; second < 40; second++) assertEquals(rateOf([500]).perSecond(second * 1_000), 0);
  },
);

Deno.test("RateMeter starts at any time", pure, () => {
  assertEquals(rateOf([1e9, 1e9 + 500, 1e9 + 9_000]).perSecond(1e9 + 9_999), 0.3);
});

Deno.test(
  "RateMeter ignores an event older than the latest, and keeps its counts",
  pure,
  () => {
    assertEquals(rateOf([5_000, 5_000, 1_000]).perSecond(5_000), 0.2);
  },
);

Deno.test("InFlightChanges.finish() settles all that wait, and they may start another change", pure, () => {
  const inFlight = new InFlightChanges();
  const told: string[] = [];
  assertEquals(inFlight.waitIfInFlight(1n, () => told.push("not in flight")), false);
  inFlight.start(1n);
  assertEquals([inFlight.waitIfInFlight(1n, () => told.push("first")), inFlight.has(2n)], [true, false]);
  inFlight.waitIfInFlight(1n, () => {
    told.push("second");
    assertEquals(inFlight.has(1n), false);
    inFlight.start(1n);
  });
  assertEquals(told, []);
  inFlight.finish(1n);
  assertEquals([told, inFlight.has(1n)], [["first", "second"], true]);
  inFlight.finish(1n);
  assertEquals([told.length, inFlight.has(1n)], [2, false]);
});
