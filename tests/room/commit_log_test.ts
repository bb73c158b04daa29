// A room on a journal that takes its time: nothing has happened before the journal has it, and then it has.

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
import { DelayedCommitLog, type Store } from "./delayed_commit_log.ts";
import { newRoom } from "./room_fixture.ts";

const pure = { permissions: "none" } as const;

const at = (ms: number) => ({ wallMs: 1_700_000_000_000 + ms, monotonicMs: ms });

function newDelayedRoom(store: Store = { logId: 7n, entries: [] }, backups: readonly string[] = []) {
  const commitLog = new DelayedCommitLog(store);
  const room = newRoom({ commitLog, backups });
  let readyCount = 0;
  room.onReady = () => readyCount++;
  return { store, commitLog, room, readyCount: () => readyCount };
}

function enter(
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

/** Somebody comes in, whatever it takes. */
function letIn(room: Room, nick: string, sessionId?: bigint): JoinResult {
  let joined: JoinResult | undefined;
  const attempt = () => joined = enter(room, nick, { sessionId, again: attempt });
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

Deno.test("Nobody is in before the journal has it, and then they are welcomed as ever", pure, () => {
  const { room, readyCount } = newDelayedRoom();
  let isDue = false;
  assertEquals(enter(room, "ana", { again: () => isDue = true }), undefined);
  assertEquals([room.size, room.log.head, readyCount(), isDue], [0, 0, 1, false]);
  room.deliver();
  assertEquals([room.size, room.log.head, readyCount(), isDue], [1, 1, 1, true]);
  const { welcome, member } = enter(room, "ana")!;
  assertEquals([welcome.logId, welcome.head, welcome.memberCount], [7n, 1, 1]);
  assertEquals([member.nick, member.resumableUntilMs], ["ana", undefined]);
  room.deliver();
  assertEquals(types(room), ["joined"]);
});

Deno.test("Of two who want one nick at once the second is refused when it is known", pure, () => {
  const { room } = newDelayedRoom();
  const due: string[] = [];
  enter(room, "ana", { sessionId: 1n, again: () => due.push("first") });
  enter(room, "ana", { sessionId: 2n, again: () => due.push("second") });
  room.deliver();
  assertEquals(due, ["first", "second"]);
  assert(enter(room, "ana", { sessionId: 1n }));
  const error = assertThrows(() => enter(room, "ana", { sessionId: 2n }), ProtocolError);
  assertEquals(error.code, "nick-taken");
  assertEquals(types(room), ["joined", "noop"]);
});

Deno.test("Who asks twice to come in joins once, and both askers are told", pure, () => {
  const { room } = newDelayedRoom();
  let told = 0;
  for (let i = 0; i < 2; i++) enter(room, "ana", { again: () => told++ });
  room.deliver();
  assertEquals([told, types(room)], [2, ["joined"]]);
});

Deno.test("Who came in and is gone by then has the grace, and then leaves", pure, () => {
  const { room } = newDelayedRoom();
  enter(room, "ana", { ms: 100 });
  room.deliver();
  assertEquals(room.expire(at(3_099)), 3_100);
  assertEquals(room.expire(at(3_100)), 3_200); // looks again while the journal has not got it
  room.deliver();
  assertEquals([room.expire(at(3_200)), room.size], [Infinity, 0]);
  assertEquals(types(room), ["joined", "left"]);
});

Deno.test("Who came in is welcomed before their time is over, though nobody else has any", pure, () => {
  const commitLog = new DelayedCommitLog();
  const room = newRoom({ commitLog, graceMs: 0 });
  enter(room, "ana");
  room.deliver();
  assertEquals(room.expire(at(999)), 1_000);
  assert(enter(room, "ana", { ms: 999 }));
  assertEquals(room.expire(at(9_999)), Infinity);
  assertEquals(types(room), ["joined"]);
});

Deno.test("What is said again before the journal has it is said once", pure, () => {
  const { room } = newDelayedRoom();
  const { member } = letIn(room, "ana");
  for (const clientSeq of [1, 1, 2, 1]) {
    room.say(member, { type: "say", clientSeq, timeMs: 0, text: "t" }, at(0));
  }
  assertEquals([room.log.head, member.lastClientSeq, member.lastProposedSeq], [1, 0, 2]);
  assertEquals(enter(room, "ana")!.welcome.lastClientSeq, 0);
  room.deliver();
  assertEquals([types(room), member.lastClientSeq], [["joined", "said", "said"], 2]);
});

Deno.test("A nick is had when the journal has it; who is too late is refused then", pure, () => {
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

Deno.test("One change of a person waits for the other", pure, () => {
  const { room } = newDelayedRoom();
  const { member } = letIn(room, "ana");
  room.rename(member, "eva", at(0));
  const leave = (): boolean => room.leave(member, at(0), leave);
  assertEquals(leave(), false);
  room.deliver();
  assertEquals(enter(room, "ana", { sessionId: 3n }), undefined); // still leaving
  room.deliver();
  assertEquals([leave(), room.size], [true, 0]);
  assertEquals(types(room), ["joined", "renamed", "left"]);
});

Deno.test(
  "Who wants another nick while one is on its way is told when that is there, and asks again",
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

Deno.test("Who is thrown out while another nick is on its way is thrown out all the same", pure, () => {
  const { room } = newDelayedRoom();
  const { member } = letIn(room, "ana");
  room.rename(member, "eva", at(0));
  room.kick(member, at(0));
  for (let i = 0; i < 3; i++) room.deliver();
  assertEquals(types(room), ["joined", "renamed", "left"]);
});

Deno.test("Who comes back under another nick is welcomed when they have it", pure, () => {
  const { room } = newDelayedRoom();
  letIn(room, "ana", 1n);
  const { welcome, member } = letIn(room, "eva", 1n);
  assertEquals([welcome.nick, welcome.head, member.nick], ["eva", 2, "eva"]);
});

Deno.test("A room on what another has left is the same room", pure, () => {
  const { room, store } = newDelayedRoom();
  const [ana, beto] = [letIn(room, "ana"), letIn(room, "beto")];
  room.say(ana.member, { type: "say", clientSeq: 3, timeMs: 0, text: "hola" }, at(10));
  const to = { sessionId: ana.member.sessionId, nick: "ana" };
  room.say(beto.member, { type: "say", clientSeq: 1, timeMs: 0, text: "secreto", to }, at(20));
  room.leave(beto.member, at(30));
  room.announce("x", at(40));
  room.backups.add("a:1", at(50));
  room.deliver();
  room.say(ana.member, { type: "say", clientSeq: 4, timeMs: 0, text: "nobody stored this" }, at(60));

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
  assertEquals(next.disconnectAll(at(100)), 3_100);
  const { welcome } = enter(next, "ana", { ms: 200 })!;
  assertEquals([welcome.lastClientSeq, welcome.head, welcome.backups], [3, 7, ["a:1"]]);
  assertEquals(letIn(next, "beto").welcome.lastClientSeq, 1);
  assertEquals(next.expire(at(99_999)), Infinity);
});

Deno.test(
  "A backup that was withdrawn is none at the next start either, unless a flag names it anew",
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
    // However many flags name: no more are stored at once than can be read again.
    const { room: full } = newDelayedRoom(store, Array.from({ length: 16 }, (_, i) => `f:${i + 1}`));
    full.backups.remove("b:1", at(0));
    full.deliver();
    const last = store.entries.at(-1)!.entry;
    assertEquals(last.type === "backups" && last.backups.length, 16);
  },
);

Deno.test(
  "What is kept in memory alone happens at once, in the order and at the moment of the proposal",
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

Deno.test("A room goes on from what its journal knows of the time before its first entry", pure, () => {
  const snapshot: ProposedEvent[] = [
    { type: "joined", timeMs: 5, sessionId: 1n, rejoined: false, nick: "ana", address: "10.0.0.8" },
    { type: "backups", timeMs: 6, backups: ["a:1"] },
  ];
  const room = newRoom({ commitLog: Object.assign(new DelayedCommitLog(), { snapshot }) });
  const { welcome, membersBytes } = letIn(room, "eva");
  assertEquals([welcome.backups, welcome.memberCount, welcome.head], [["a:1"], 2, 1]);
  assertEquals(new TextDecoder().decode(membersBytes).match(/ana|eva/g), ["ana", "eva"]);
});
