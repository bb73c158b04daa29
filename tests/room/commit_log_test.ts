// A room on a commit log that delays: a request takes effect when it is committed, not before.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { splitFrames } from "../../lib/codec.ts";
import { ProtocolError } from "../../lib/errors.ts";
import { InMemoryCommitLog } from "../../lib/room/commit_log.ts";
import {
  decodeServer,
  type Hello,
  type LogEntry,
  NEVER_CAUGHT_UP,
  type ProposedEvent,
} from "../../lib/protocol/frames.ts";
import type { JoinResult, Room } from "../../lib/room/room.ts";
import { DelayedCommitLog, type Store } from "../testing/delayed_commit_log.ts";
import { newRoom } from "../testing/room_fixture.ts";

const pure = { permissions: "none" } as const;

const at = (ms: number) => ({ wallMs: 1_700_000_000_000 + ms, monotonicMs: ms });

function newDelayedRoom(store: Store = { logId: 7n, entries: [] }, backups: readonly string[] = []) {
  const commitLog = new DelayedCommitLog(store);
  const room = newRoom({ commitLog, backups });
  let readyCount = 0;
  room.onReady = () => readyCount++;
  return { store, commitLog, room, readyCount: () => readyCount };
}

function join(
  room: Room,
  nick: string,
  { again = () => {}, sessionId = BigInt(nick.length), ms = 0 } = {},
) {
  const hello: Hello = {
    ...{ type: "hello", version: 1, resumeToken: new Uint8Array(16), password: "", nick },
    ...{ lagMs: NEVER_CAUGHT_UP, historyCount: 0, resumePoints: [] },
  };
  return room.join({ hello, sessionId, address: "10.0.0.7" }, at(ms), again);
}

/** Joins, with as many attempts as it takes. */
function letIn(room: Room, nick: string, sessionId?: bigint): JoinResult {
  let joined: JoinResult | undefined;
  const attempt = () => joined = join(room, nick, { sessionId, again: attempt });
  attempt();
  room.deliver();
  return joined!;
}

function readAll(room: Room): LogEntry[] {
  const entries: LogEntry[] = [];
  const cursor = room.log.cursorAt(0);
  for (let slice = cursor.take(); slice; slice = cursor.take()) {
    for (const frame of splitFrames(slice)) entries.push(decodeServer(frame) as LogEntry);
  }
  return entries;
}

const types = (room: Room) => readAll(room).map(({ type }) => type);

Deno.test("A client is in once its join is committed, and is then welcomed as usual", pure, () => {
  const { room, readyCount } = newDelayedRoom();
  let isDue = false;
  assertEquals(join(room, "ana", { again: () => isDue = true }), undefined);
  assertEquals([room.size, room.log.head, readyCount(), isDue], [0, 0, 1, false]);
  room.deliver();
  assertEquals([room.size, room.log.head, readyCount(), isDue], [1, 1, 1, true]);
  const { welcome, member } = join(room, "ana")!;
  assertEquals([welcome.logId, welcome.head, welcome.memberCount], [7n, 1, 1]);
  assertEquals([member.nick, member.resumableUntilMs], ["ana", undefined]);
  room.deliver();
  assertEquals(types(room), ["joined"]);
});

Deno.test("Of two clients that claim one nick at once, the second is rejected after the commit", pure, () => {
  const { room } = newDelayedRoom();
  const due: string[] = [];
  join(room, "ana", { sessionId: 1n, again: () => due.push("first") });
  join(room, "ana", { sessionId: 2n, again: () => due.push("second") });
  room.deliver();
  assertEquals(due, ["first", "second"]);
  assert(join(room, "ana", { sessionId: 1n }));
  const error = assertThrows(() => join(room, "ana", { sessionId: 2n }), ProtocolError);
  assertEquals(error.code, "nick-taken");
  assertEquals(types(room), ["joined", "noop"]);
});

Deno.test("Two join requests of one session join once, and both are settled", pure, () => {
  const { room } = newDelayedRoom();
  let told = 0;
  for (let i = 0; i < 2; i++) join(room, "ana", { again: () => told++ });
  room.deliver();
  assertEquals([told, types(room)], [2, ["joined"]]);
});

Deno.test("A client that is gone when its join is committed gets the grace, and then leaves", pure, () => {
  const { room } = newDelayedRoom();
  join(room, "ana", { ms: 100 });
  room.deliver();
  assertEquals(room.expire(at(3_099)), 3_100);
  assertEquals(room.expire(at(3_100)), 3_200); // looks again while the removal is not committed
  room.deliver();
  assertEquals([room.expire(at(3_200)), room.size], [Infinity, 0]);
  assertEquals(types(room), ["joined", "left"]);
});

Deno.test("Without grace a client still has time to be welcomed after its join is committed", pure, () => {
  const commitLog = new DelayedCommitLog();
  const room = newRoom({ commitLog, graceMs: 0 });
  join(room, "ana");
  room.deliver();
  assertEquals(room.expire(at(999)), 1_000);
  assert(join(room, "ana", { ms: 999 }));
  assertEquals(room.expire(at(9_999)), Infinity);
  assertEquals(types(room), ["joined"]);
});

Deno.test("A message sent again before it is committed is logged once", pure, () => {
  const { room } = newDelayedRoom();
  const { member } = letIn(room, "ana");
  for (const clientSeq of [1, 1, 2, 1]) {
    room.say(member, { type: "say", clientSeq, timeMs: 0, text: "t" }, at(0));
  }
  assertEquals([room.log.head, member.lastClientSeq, member.lastProposedSeq], [1, 0, 2]);
  assertEquals(join(room, "ana")!.welcome.lastClientSeq, 0);
  room.deliver();
  assertEquals([types(room), member.lastClientSeq], [["joined", "said", "said"], 2]);
});

Deno.test("A nick is taken once its rename is committed, and a later claim is then rejected", pure, () => {
  const { room } = newDelayedRoom();
  const [ana, beto] = [letIn(room, "ana"), letIn(room, "beto")];
  const due: string[] = [];
  assertEquals(room.rename(ana.member, "eva", at(0), () => due.push("ana")), false);
  assertEquals(room.rename(beto.member, "eva", at(0), () => due.push("beto")), false);
  assertEquals([ana.member.nick, room.findByNick("eva")], ["ana", undefined]);
  room.deliver();
  assertEquals(due, ["ana", "beto"]);
  assertEquals(room.rename(ana.member, "eva", at(0)), true);
  assertThrows(() => room.rename(beto.member, "eva", at(0)), ProtocolError);
  assertEquals([...room.members].map(({ nick }) => nick), ["eva", "beto"]);
  assertEquals(types(room).slice(2), ["renamed", "noop"]);
});

Deno.test("A membership change waits for the one in flight", pure, () => {
  const { room } = newDelayedRoom();
  const { member } = letIn(room, "ana");
  room.rename(member, "eva", at(0));
  const leave = (): boolean => room.leave(member, at(0), leave);
  assertEquals(leave(), false);
  room.deliver();
  assertEquals(join(room, "ana", { sessionId: 3n }), undefined); // still leaving
  room.deliver();
  assertEquals([leave(), room.size], [true, 0]);
  assertEquals(types(room), ["joined", "renamed", "left"]);
});

Deno.test(
  "A rename during another one is settled after that, and has to be requested again",
  pure,
  () => {
    const { room } = newDelayedRoom();
    const { member } = letIn(room, "ana");
    const due: string[] = [];
    for (const nick of ["eva", "bea"]) {
      assertEquals(room.rename(member, nick, at(0), () => due.push(nick)), false);
    }
    room.deliver();
    assertEquals([due, member.nick], [["eva", "bea"], "eva"]);
    assertEquals(types(room), ["joined", "renamed"]);
  },
);

Deno.test("A member with a rename in flight is kicked after it", pure, () => {
  const { room } = newDelayedRoom();
  const { member } = letIn(room, "ana");
  room.rename(member, "eva", at(0));
  room.kick(member, at(0));
  for (let i = 0; i < 3; i++) room.deliver();
  assertEquals(types(room), ["joined", "renamed", "left"]);
});

Deno.test("A session that resumes with another nick is welcomed once it has it", pure, () => {
  const { room } = newDelayedRoom();
  letIn(room, "ana", 1n);
  const { welcome, member } = letIn(room, "eva", 1n);
  assertEquals([welcome.nick, welcome.head, member.nick], ["eva", 2, "eva"]);
});

Deno.test("A room that replays the store of another is the same room", pure, () => {
  const { room, store } = newDelayedRoom();
  const [ana, beto] = [letIn(room, "ana"), letIn(room, "beto")];
  room.say(ana.member, { type: "say", clientSeq: 3, timeMs: 0, text: "hola" }, at(10));
  const to = { sessionId: ana.member.sessionId, nick: "ana" };
  room.say(beto.member, { type: "say", clientSeq: 1, timeMs: 0, text: "secreto", to }, at(20));
  room.leave(beto.member, at(30));
  room.announce("x", at(40));
  room.backups.add("a:1", at(50));
  room.deliver();
  room.say(ana.member, { type: "say", clientSeq: 4, timeMs: 0, text: "not delivered" }, at(60));

  const { room: next } = newDelayedRoom(store);
  assertEquals(readAll(next), readAll(room));
  assertEquals(readAll(next).map(({ type }) => type).slice(2), [
    "said",
    "noop",
    "left",
    "announced",
    "backups",
  ]);
  assertEquals([...next.members].map(({ nick, sinceMs }) => [nick, sinceMs]), [["ana", at(0).wallMs]]);
  assertEquals(next.disconnect(next.members, at(100)), 3_100);
  const { welcome } = join(next, "ana", { ms: 200 })!;
  assertEquals([welcome.lastClientSeq, welcome.head, welcome.backups], [3, 7, ["a:1"]]);
  assertEquals(letIn(next, "beto").welcome.lastClientSeq, 1);
  assertEquals(next.expire(at(99_999)), Infinity);
});

Deno.test(
  "A removed backup stays removed at the next start, unless a flag names it again",
  pure,
  () => {
    const { room, store } = newDelayedRoom(undefined, ["x:1"]);
    for (const backup of ["a:1", "b:1"]) {
      room.backups.add(backup, at(0));
      room.deliver();
    }
    for (const backup of ["a:1", "x:1"]) room.backups.remove(backup, at(0));
    room.deliver();
    const named = (backups: string[]) => letIn(newDelayedRoom(store, backups).room, "ana").welcome.backups;
    assertEquals([letIn(room, "ana").welcome.backups, named([])], [["b:1"], ["b:1"]]);
    assertEquals(named(["x:1"]), ["x:1", "b:1"]);
    // However many the flags name, an event holds no more than can be decoded.
    const { room: full } = newDelayedRoom(store, Array.from({ length: 16 }, (_, i) => `f:${i + 1}`));
    full.backups.remove("b:1", at(0));
    full.deliver();
    const last = store.entries.at(-1)!.entry;
    assertEquals(last.type === "backups" && last.backups.length, 16);
  },
);

Deno.test(
  "The log in memory commits at once, in the order and at the time of the proposals",
  pure,
  () => {
    const commitLog = new InMemoryCommitLog(7n);
    const taken: unknown[] = [];
    commitLog.subscribe((entry, seq, instant) => taken.push([entry, seq, instant]));
    const entries = ["uno", "dos"].map((text) => ({ type: "announced", timeMs: 1, text }) as const);
    for (const [index, entry] of entries.entries()) commitLog.propose(entry, at(index));
    assertEquals(taken, [[entries[0], 0, at(0)], [entries[1], 1, at(1)]]);
    assertEquals([commitLog.logId, commitLog.firstSeq], [7n, 0]);
  },
);

Deno.test("A room starts from the snapshot of its commit log", pure, () => {
  const snapshot: ProposedEvent[] = [
    { type: "joined", timeMs: 5, sessionId: 1n, rejoined: false, nick: "ana", address: "10.0.0.8" },
    { type: "backups", timeMs: 6, backups: ["a:1"] },
  ];
  const room = newRoom({ commitLog: Object.assign(new DelayedCommitLog(), { snapshot }) });
  const { welcome, membersBytes } = letIn(room, "eva");
  assertEquals([welcome.backups, welcome.memberCount, welcome.head], [["a:1"], 2, 1]);
  assertEquals(new TextDecoder().decode(membersBytes).match(/ana|eva/g), ["ana", "eva"]);
});
