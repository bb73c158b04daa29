// The members of a RoomState, and the message counters that outlive them.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Member, RoomState } from "../../lib/room/state.ts";

const pure = { permissions: "none" } as const;

function add(state: RoomState, sessionId: bigint, nick = `n${sessionId}`): Member {
  return state.add({ sessionId, nick, address: "192.168.1.7", sinceMs: 5 });
}

/** Joins, gets `lastClientSeq`, and leaves. */
function joinAndLeave(state: RoomState, sessionId: bigint, lastClientSeq: number): void {
  const member = add(state, sessionId);
  member.lastClientSeq = lastClientSeq;
  state.remove(member);
}

/** The remembered `lastClientSeq` of departed sessions. */
function departedClientSeqs(state: RoomState, sessions: bigint[]): number[] {
  return sessions.map((sessionId) => add(state, sessionId).lastClientSeq);
}

Deno.test("RoomState.add() starts without messages and with a connection", pure, () => {
  assertEquals(add(new RoomState(), 1n, "ana"), {
    sessionId: 1n,
    nick: "ana",
    address: "192.168.1.7",
    sinceMs: 5,
    lastClientSeq: 0,
    lastProposedSeq: 0,
    resumableUntilMs: undefined,
    nodeId: undefined,
  });
});

Deno.test("RoomState finds members by session and by nick in any case, and counts them", pure, () => {
  const state = new RoomState();
  const ana = add(state, 1n, "Ñata");
  const beto = add(state, 2n, "beto");
  assertStrictEquals(state.get(1n), ana);
  assertStrictEquals(state.findByNick("ñATA"), ana);
  assertEquals(state.get(3n), undefined);
  assertEquals(state.findByNick("nata"), undefined);
  assertEquals([...state], [ana, beto]);
  assertEquals(state.size, 2);
});

Deno.test("RoomState.rename() frees the old nick and takes the new one", pure, () => {
  const state = new RoomState();
  const ana = add(state, 1n, "ana");
  state.rename(ana, "eva");
  assertEquals(ana.nick, "eva");
  assertEquals(state.findByNick("ana"), undefined);
  assertStrictEquals(state.findByNick("EVA"), ana);
});

Deno.test("RoomState.rename() to the same nick in another case keeps it taken", pure, () => {
  const state = new RoomState();
  const ana = add(state, 1n, "ana");
  state.rename(ana, "Ana");
  assertEquals(ana.nick, "Ana");
  assertStrictEquals(state.findByNick("ana"), ana);
});

Deno.test("RoomState.remove() frees session and nick", pure, () => {
  const state = new RoomState();
  state.remove(add(state, 1n, "Ana"));
  assertEquals(state.get(1n), undefined);
  assertEquals(state.findByNick("ana"), undefined);
  assertEquals([...state], []);
  assertEquals(state.size, 0);
});

Deno.test("RoomState remembers the counters of departed sessions", pure, () => {
  const state = new RoomState();
  joinAndLeave(state, 1n, 7);
  joinAndLeave(state, 2n, 9);
  assertEquals(departedClientSeqs(state, [1n, 2n, 3n]), [7, 9, 0]);
});

Deno.test("RoomState drops the session that departed first when there are too many", pure, () => {
  const state = new RoomState(2);
  for (const sessionId of [1n, 2n, 3n]) joinAndLeave(state, sessionId, 7);
  assertEquals(departedClientSeqs(state, [1n, 2n, 3n]), [0, 7, 7]);
});

Deno.test("RoomState counts the last departure of a session", pure, () => {
  const state = new RoomState(2);
  for (const sessionId of [1n, 2n, 1n, 3n]) joinAndLeave(state, sessionId, 7);
  assertEquals(departedClientSeqs(state, [1n, 2n, 3n]), [7, 0, 7]);
});

Deno.test("RoomState never drops a member, and members take no place of a departed session", pure, () => {
  const state = new RoomState(2);
  joinAndLeave(state, 1n, 7);
  const back = add(state, 1n);
  for (const sessionId of [2n, 3n]) joinAndLeave(state, sessionId, 8);
  assertStrictEquals(state.get(1n), back);
  assertEquals(back.lastClientSeq, 7);
  assertEquals(departedClientSeqs(state, [2n, 3n]), [8, 8]);
});

Deno.test("RoomState remembers ten thousand departed sessions by default", pure, () => {
  const state = new RoomState();
  for (let sessionId = 0n; sessionId <= 10_000n; sessionId++) joinAndLeave(state, sessionId, 7);
  assertEquals(departedClientSeqs(state, [0n, 1n]), [0, 7]);
});

Deno.test(
  "RoomState.confusable() finds a member with a confusable nick, until they leave or rename",
  pure,
  () => {
    const state = new RoomState();
    const luis = state.add({ sessionId: 1n, nick: "LUIS", address: "", sinceMs: 0 });
    assertStrictEquals(state.confusable("Iuis", 2n), luis);
    assertEquals(state.confusable("Iuis", 1n), undefined); // not with itself
    state.rename(luis, "beto");
    assertEquals(state.confusable("Iuis", 2n), undefined);
    assertStrictEquals(state.confusable("bet0", 2n), luis);
    state.remove(luis);
    assertEquals(state.confusable("bet0", 2n), undefined);
  },
);

Deno.test("RoomState does not remember a session that sent no message", pure, () => {
  const state = new RoomState(1);
  joinAndLeave(state, 1n, 7);
  joinAndLeave(state, 2n, 0);
  assertEquals(departedClientSeqs(state, [1n]), [7]);
});

Deno.test("RoomState counts a message committed after its sender left as the last departure", pure, () => {
  const state = new RoomState(2);
  for (const sessionId of [1n, 2n]) joinAndLeave(state, sessionId, 7);
  assertEquals([state.recordClientSeq(1n, 7), state.recordClientSeq(1n, 8)], [false, true]);
  joinAndLeave(state, 3n, 7);
  assertEquals(departedClientSeqs(state, [1n, 2n, 3n]), [8, 0, 7]);
});

Deno.test("RoomState.recordClientSeq() does not decrease lastProposedSeq", pure, () => {
  const state = new RoomState();
  const ana = add(state, 1n);
  ana.lastProposedSeq = 5;
  state.recordClientSeq(1n, 3);
  assertEquals([ana.lastClientSeq, ana.lastProposedSeq], [3, 5]);
});
