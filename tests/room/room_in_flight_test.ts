// Room on a commit log that delays: a request takes effect when it is committed, not before.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../lib/errors.ts";
import type { ProposedEvent } from "../../lib/protocol/frames.ts";
import type { JoinResult, Room } from "../../lib/room/room.ts";
import { DelayedCommitLog, type Store } from "../testing/delayed_commit_log.ts";
import {
  ANA,
  at,
  BETO,
  EVA,
  membersOf,
  newRoom,
  NOON_MS,
  readAll,
  say,
  tryJoin,
} from "../testing/room_fixture.ts";
import { pure } from "../testing/test_options.ts";

function newDelayedRoom(store: Store = { logId: 7n, entries: [] }, { graceMs = 3_000 } = {}): Room {
  return newRoom({ commitLog: new DelayedCommitLog(store), graceMs });
}

/** Joins, with as many attempts as it takes. */
function joinAndDeliver(room: Room, client: typeof ANA): JoinResult {
  let joined: JoinResult | undefined;
  const attempt = () => joined = tryJoin(room, client, 0, attempt);
  attempt();
  room.deliver();
  return joined!;
}

const types = (room: Room) => readAll(room).map(({ type }) => type);

Deno.test("Room.join() welcomes a client once its join is committed", pure, () => {
  const room = newDelayedRoom();
  const events: string[] = [];
  room.onReady = () => events.push("ready");
  assertEquals(tryJoin(room, ANA, 0, () => events.push("settled")), undefined);
  assertEquals([room.size, room.log.head, events], [0, 0, ["ready"]]);
  room.deliver();
  assertEquals([room.size, room.log.head, events], [1, 1, ["ready", "settled"]]);
  const { welcome, member } = tryJoin(room, ANA)!;
  assertEquals([welcome.logId, welcome.head, welcome.memberCount], [7n, 1, 1]);
  assertEquals([member.nick, member.resumableUntilMs], ["ana", undefined]);
  room.deliver();
  assertEquals(types(room), ["joined"]);
});

Deno.test("Room.join() rejects the second of two clients that claim one nick, after the commit", pure, () => {
  const room = newDelayedRoom();
  const settled: string[] = [];
  tryJoin(room, ANA, 0, () => settled.push("first"));
  tryJoin(room, { ...BETO, nick: "ana" }, 0, () => settled.push("second"));
  room.deliver();
  assertEquals(settled, ["first", "second"]);
  assert(tryJoin(room, ANA));
  const error = assertThrows(() => tryJoin(room, { ...BETO, nick: "ana" }), ProtocolError);
  assertEquals([error.code, types(room)], ["nick-taken", ["joined", "noop"]]);
});

Deno.test("Room.join() settles two requests of one session by one JOINED", pure, () => {
  const room = newDelayedRoom();
  let settled = 0;
  for (let i = 0; i < 2; i++) tryJoin(room, ANA, 0, () => settled++);
  room.deliver();
  assertEquals([settled, types(room)], [2, ["joined"]]);
});

Deno.test("Room.join() gives a client the grace that is gone when its join is committed", pure, () => {
  const room = newDelayedRoom();
  tryJoin(room, ANA, 100);
  room.deliver();
  assertEquals(room.expire(at(3_099)), 3_100);
  assertEquals(room.expire(at(3_100)), 3_200); // looks again while the removal is not committed
  room.deliver();
  assertEquals([room.expire(at(3_200)), room.size], [Infinity, 0]);
  assertEquals(types(room), ["joined", "left"]);
});

Deno.test("Room.join() leaves a second for WELCOME after the commit though there is no grace", pure, () => {
  const room = newDelayedRoom(undefined, { graceMs: 0 });
  tryJoin(room, ANA);
  room.deliver();
  assertEquals(room.expire(at(999)), 1_000);
  assert(tryJoin(room, ANA, 999));
  assertEquals(room.expire(at(9_999)), Infinity);
  assertEquals(types(room), ["joined"]);
});

Deno.test("Room.join() welcomes a session that resumes with another nick once it has it", pure, () => {
  const room = newDelayedRoom();
  joinAndDeliver(room, ANA);
  const { welcome, member } = joinAndDeliver(room, { ...ANA, nick: "eva" });
  assertEquals([welcome.nick, welcome.head, member.nick], ["eva", 2, "eva"]);
});

Deno.test("Room.say() drops a message that was proposed before, though it is not committed", pure, () => {
  const room = newDelayedRoom();
  const { member } = joinAndDeliver(room, ANA);
  for (const clientSeq of [1, 1, 2, 1]) say(room, member, clientSeq);
  assertEquals([room.log.head, member.lastClientSeq, member.lastProposedSeq], [1, 0, 2]);
  assertEquals(tryJoin(room, ANA)!.welcome.lastClientSeq, 0);
  room.deliver();
  assertEquals([types(room), member.lastClientSeq], [["joined", "said", "said"], 2]);
});

Deno.test("Room.rename() takes the nick at the commit, and rejects a later claim then", pure, () => {
  const room = newDelayedRoom();
  const [ana, beto] = [joinAndDeliver(room, ANA).member, joinAndDeliver(room, BETO).member];
  const settled: string[] = [];
  assertEquals(room.rename(ana, "eva", at(0), () => settled.push("ana")), false);
  assertEquals(room.rename(beto, "eva", at(0), () => settled.push("beto")), false);
  assertEquals([ana.nick, room.findByNick("eva")], ["ana", undefined]);
  room.deliver();
  assertEquals(settled, ["ana", "beto"]);
  assertEquals(room.rename(ana, "eva", at(0)), true);
  assertThrows(() => room.rename(beto, "eva", at(0)), ProtocolError);
  assertEquals([...room.members].map(({ nick }) => nick), ["eva", "beto"]);
  assertEquals(types(room).slice(2), ["renamed", "noop"]);
});

Deno.test("Room.rename() during another is settled after it, to be requested again", pure, () => {
  const room = newDelayedRoom();
  const { member } = joinAndDeliver(room, ANA);
  const settled: string[] = [];
  for (const nick of ["eva", "bea"]) {
    assertEquals(room.rename(member, nick, at(0), () => settled.push(nick)), false);
  }
  room.deliver();
  assertEquals([settled, member.nick], [["eva", "bea"], "eva"]);
  assertEquals(types(room), ["joined", "renamed"]);
});

Deno.test("Room.leave() waits for the membership change in flight", pure, () => {
  const room = newDelayedRoom();
  const { member } = joinAndDeliver(room, ANA);
  room.rename(member, "eva", at(0));
  const leave = (): boolean => room.leave(member, at(0), leave);
  assertEquals(leave(), false);
  room.deliver();
  assertEquals(tryJoin(room, ANA), undefined); // still leaving
  room.deliver();
  assertEquals([leave(), room.size], [true, 0]);
  assertEquals(types(room), ["joined", "renamed", "left"]);
});

Deno.test("Room.kick() removes a member with a rename in flight after it", pure, () => {
  const room = newDelayedRoom();
  const { member } = joinAndDeliver(room, ANA);
  room.rename(member, "eva", at(0));
  room.kick(member, at(0));
  for (let i = 0; i < 3; i++) room.deliver();
  assertEquals(types(room), ["joined", "renamed", "left"]);
});

Deno.test("Room replays the store of another room into the same state and log", pure, () => {
  const store: Store = { logId: 7n, entries: [] };
  const room = newDelayedRoom(store);
  const [ana, beto] = [joinAndDeliver(room, ANA).member, joinAndDeliver(room, BETO).member];
  say(room, ana, 3, { ms: 10 });
  say(room, beto, 1, { to: { sessionId: 1n, nick: "ana" } });
  room.leave(beto, at(30));
  room.announce("x", at(40));
  room.backups.add("a:1", at(50));
  room.deliver();
  say(room, ana, 4); // not delivered
  const next = newDelayedRoom(store);
  assertEquals(readAll(next), readAll(room));
  assertEquals(types(next).slice(2), ["said", "noop", "left", "announced", "backups"]);
  assertEquals([...next.members].map(({ nick, sinceMs }) => [nick, sinceMs]), [["ana", NOON_MS]]);
  assertEquals(next.disconnect(next.members, at(100)), 3_100);
  const { welcome } = tryJoin(next, ANA, 200)!;
  assertEquals([welcome.lastClientSeq, welcome.head, welcome.backups], [3, 7, ["a:1"]]);
  assertEquals(joinAndDeliver(next, BETO).welcome.lastClientSeq, 1);
  assertEquals(next.expire(at(99_999)), Infinity);
});

Deno.test("Room starts from the snapshot of its commit log", pure, () => {
  const snapshot: ProposedEvent[] = [
    { type: "joined", timeMs: 5, sessionId: 1n, rejoined: false, nick: "ana", address: "10.0.0.8" },
    { type: "backups", timeMs: 6, backups: ["a:1"] },
  ];
  const room = newRoom({ commitLog: Object.assign(new DelayedCommitLog(), { snapshot }) });
  const joined = joinAndDeliver(room, EVA);
  const { backups, memberCount, head } = joined.welcome;
  assertEquals([backups, memberCount, head], [["a:1"], 2, 1]);
  assertEquals(membersOf(joined).map(({ nick, address }) => [nick, address]), [
    ["ana", "10.0.0.8"],
    ["eva", "192.168.1.7"],
  ]);
});
