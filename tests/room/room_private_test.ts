// Private messages in a Room: who reads them.

import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../lib/errors.ts";
import { ALL_ENTRIES } from "../../lib/room/event_log.ts";
import type { JoinResult, Room } from "../../lib/room/room.ts";
import { ANA, at, BETO, EVA, join, messages, newRoom, read, say } from "../testing/room_fixture.ts";
import { pure } from "../testing/test_options.ts";

const LEO = { nick: "leo", sessionId: 4n };

/** A room with three members that have read everything. */
function roomOfThree() {
  const room = newRoom();
  const [ana, beto, eva] = [join(room, ANA), join(room, BETO), join(room, EVA)];
  for (const { cursor } of [ana, beto, eva]) read(cursor);
  return { room, ana, beto, eva };
}

/** What a member reads: the texts of messages, and the types of other entries. */
function texts({ cursor }: JoinResult): string[] {
  return read(cursor).map((entry) => entry.type === "said" ? entry.text : entry.type);
}

function resume(room: Room, { welcome, cursor }: JoinResult, client: typeof ANA): JoinResult {
  return join(room, { ...client, resumePoints: [{ logId: welcome.logId, nextSeq: cursor.seq }] });
}

Deno.test("Room.say() shows a private message to sender and recipient, to others a NOOP", pure, () => {
  const { room, ana, beto, eva } = roomOfThree();
  say(room, ana.member, 1, { to: BETO });
  say(room, ana.member, 2);
  assertEquals([texts(ana), texts(beto)], [["t1", "t2"], ["t1", "t2"]]);
  const [noop, said] = read(eva.cursor);
  assertEquals([noop, said?.type], [{ type: "noop", seq: 3 }, "said"]);
  // The console reads everything.
  const all = messages(read(room.log.cursorAt(3, ALL_ENTRIES)));
  assertEquals(all.map(({ to }) => to?.nick), ["beto", undefined]);
});

Deno.test("Room.say() shows a private message to oneself to its sender only", pure, () => {
  const { room, ana, eva } = roomOfThree();
  say(room, ana.member, 1, { to: ANA });
  assertEquals([texts(ana), texts(eva)], [["t1"], ["noop"]]);
});

Deno.test("Room.say() names a recipient as the room does, or else as the sender does", pure, () => {
  const { room, ana, beto, eva } = roomOfThree();
  room.rename(beto.member, "Norberto", at(0));
  say(room, ana.member, 1, { to: BETO });
  room.leave(eva.member, at(0));
  say(room, ana.member, 2, { to: { ...EVA, nick: "evita" } });
  const recipients = messages(read(ana.cursor)).map(({ to }) => [to!.sessionId, to!.nick]);
  assertEquals(recipients, [[2n, "Norberto"], [3n, "evita"]]);
});

Deno.test("Room.say() drops a duplicate of a private message, too", pure, () => {
  const { room, ana, beto } = roomOfThree();
  for (let i = 0; i < 2; i++) say(room, ana.member, 1, { to: BETO });
  assertEquals(texts(beto), ["t1"]);
});

Deno.test("Room.say() rejects a recipient with an invalid nick", pure, () => {
  const { room, ana, beto } = roomOfThree();
  for (const nick of ["", "a b", "\x1b[2J", "x".repeat(21), "ﬁ"]) {
    const error = assertThrows(() => say(room, ana.member, 1, { to: { ...BETO, nick } }), ProtocolError);
    assertEquals(error.code, "text-invalid");
  }
  assertEquals(texts(beto), []);
});

Deno.test("Room.join() shows private messages to a recipient that resumes", pure, () => {
  const { room, ana, beto } = roomOfThree();
  room.disconnect([beto.member], at(0));
  say(room, ana.member, 1);
  say(room, ana.member, 2, { to: BETO });
  assertEquals(texts(resume(room, beto, BETO)), ["t1", "t2"]);
});

Deno.test("Room.join() counts public messages as history, and shows others no private ones", pure, () => {
  const { room, ana } = roomOfThree();
  say(room, ana.member, 1);
  for (let n = 2; n <= 61; n++) say(room, ana.member, n, { to: BETO });
  assertEquals(new Set(texts(join(room, { ...LEO, historyCount: 50 }))), new Set(["t1", "noop", "joined"]));
});
