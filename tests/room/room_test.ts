// Room: what members do and how they leave, on a commit log that commits at once. The message rate, and changes in flight.

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../lib/errors.ts";
import { InFlightChanges } from "../../lib/room/room.ts";
import { DelayedCommitLog } from "../testing/delayed_commit_log.ts";
import { makeSaid } from "../testing/raw_peer.ts";
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
import { pure } from "../testing/test_options.ts";

/** LEFT of ana, who joined first, 500 ms after noon. */
const LEFT = {
  type: "left",
  seq: 1,
  timeMs: NOON_MS + 500,
  sessionId: 1n,
  connectionLost: false,
  nick: "ana",
  address: "192.168.1.7",
} as const;

function codeOf(request: () => unknown): string {
  return assertThrows(request, ProtocolError).code;
}

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

Deno.test("Room.rename() rejects an invalid or taken nick, and logs nothing for one's own", pure, () => {
  const room = newRoom();
  const { member } = join(room, ANA);
  const { welcome } = join(room, BETO);
  assertEquals(codeOf(() => room.rename(member, "Beto", at(0))), "nick-taken");
  assertEquals(codeOf(() => room.rename(member, "a b", at(0))), "nick-invalid");
  room.rename(member, "ana", at(0));
  assertEquals([room.log.head, member.nick], [welcome.head, "ana"]);
});

Deno.test("Room.say() appends a message with the server's time", pure, () => {
  const { room } = roomWithMessages(1);
  const said = { type: "said", seq: 1, timeMs: NOON_MS + 1_000, sessionId: 1n, clientSeq: 1 };
  assertEquals<unknown>(readAll(room)[1], { ...said, redelivered: false, nick: "ana", text: "t1" });
});

Deno.test("Room.say() drops a message unless its clientSeq is the highest of that session", pure, () => {
  const room = newRoom();
  const { member: ana } = join(room, ANA);
  const { member: beto } = join(room, BETO);
  for (const n of [1, 1, 3, 2, 3, 4]) say(room, ana, n);
  for (const n of [0, 2]) say(room, beto, n);
  const said = messages(readAll(room)).map(({ sessionId, clientSeq }) => [sessionId, clientSeq]);
  assertEquals(said, [[1n, 1], [1n, 3], [1n, 4], [2n, 2]]);
});

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
    assertEquals(codeOf(() => say(room, member, 1, { text })), "text-invalid");
  }
  assertEquals(room.log.head, welcome.head);
  say(room, member, 1);
  assertEquals(messages(readAll(room)).length, 1);
});

Deno.test("Room.leave() tells the others and frees the nick", pure, () => {
  const room = newRoom();
  const { member } = join(room, ANA);
  room.leave(member, at(500));
  assertEquals(readAll(room)[1], LEFT);
  assertEquals([room.size, room.findByNick("ana")], [0, undefined]);
  assertEquals(nicks(join(room, { ...BETO, nick: "ana" })), ["ana"]);
});

Deno.test("Room.kick() tells all members, frees the nick, and remembers lastClientSeq", pure, () => {
  const { room, ana } = roomWithMessages(3);
  room.kick(ana, at(500));
  assertEquals(readAll(room).at(-1), { ...LEFT, seq: 4, kicked: true });
  assertEquals([room.size, room.findByNick("ana")], [0, undefined]);
  assertEquals(join(room, ANA).welcome.lastClientSeq, 3);
});

Deno.test("Room.disconnect() keeps the nick, and tells the others after a grace of 3 s", pure, () => {
  const room = newRoom();
  const { member } = join(room, ANA);
  room.disconnect([member], at(1_000));
  assertEquals(codeOf(() => join(room, { ...BETO, nick: "ana" }, 1_001)), "nick-taken");
  assertEquals([room.expire(at(3_999)), room.size, room.log.head], [4_000, 1, 1]);
  assertEquals([room.expire(at(4_000)), room.size], [Infinity, 0]);
  assertEquals(readAll(room).slice(1), [{ ...LEFT, timeMs: NOON_MS + 4_000, connectionLost: true }]);
});

Deno.test("Room.disconnect() tells the others at once if there is no grace", pure, () => {
  const room = newRoom({ graceMs: 0 });
  room.disconnect([join(room, ANA).member], at(0));
  assertEquals(readAll(room).map(({ type }) => type), ["joined", "left"]);
});

Deno.test("Room.join() within the grace ends it without telling the others", pure, () => {
  const room = newRoom();
  const { member } = join(room, ANA);
  room.disconnect([member], at(0));
  assertStrictEquals(join(room, { ...ANA, lagMs: 0 }, 2_999).member, member);
  assertEquals([room.expire(at(HOUR_MS)), room.size, room.log.head], [Infinity, 1, 1]);
});

Deno.test("Room.expire() removes all members whose grace is over, and returns the next end", pure, () => {
  const room = newRoom();
  const members = [ANA, BETO, EVA].map((client) => join(room, client).member);
  assertEquals(room.expire(at(0)), Infinity);
  for (const [i, member] of members.entries()) room.disconnect([member], at(i * 100));
  assertEquals([room.expire(at(0)), room.expire(at(3_100))], [3_000, 3_200]);
  const left = readAll(room).slice(3).map((entry) => entry.type === "left" && entry.sessionId);
  assertEquals(left, [1n, 2n]);
});

Deno.test("Room.announce() appends a text in the server's name, made safe like any other", pure, () => {
  const room = newRoom();
  room.announce("hola\x07 ", at(500));
  assertEquals(readAll(room), [{ type: "announced", seq: 0, timeMs: NOON_MS + 500, text: "hola␇" }]);
});

Deno.test("Room.messagesPerSecond() counts committed messages", pure, () => {
  const { room, ana } = roomWithMessages(5);
  say(room, ana, 5, { ms: 6_000 });
  assertEquals([at(9_000), at(60_000)].map((now) => room.messagesPerSecond(now)), [0.5, 0]);
});

Deno.test("Room.messageCount counts committed messages once, and none of before the start", pure, () => {
  const { room, ana } = roomWithMessages(5);
  say(room, ana, 5); // once more
  say(room, ana, 6, { to: { sessionId: 99n, nick: "beto" } });
  room.announce("hola", at(0));
  assertEquals(room.messageCount, 6);
  const { seq: _, ...entry } = makeSaid("ana", { seq: 0, clientSeq: 1, text: "hola" });
  const stored = new DelayedCommitLog({ logId: 1n, entries: [{ entry, at: at(0) }] });
  assertEquals(newRoom({ commitLog: stored }).messageCount, 0);
});

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
