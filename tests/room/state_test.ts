// Who is in: found by session and by nick, and counters that outlive a departure.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Member, RoomState } from "../../lib/room/state.ts";

const pure = { permissions: "none" } as const;

function add(state: RoomState, sessionId: bigint, nick = `n${sessionId}`): Member {
  return state.add({ sessionId, nick, address: "192.168.1.7", sinceMs: 5 });
}

/** Each comes, is accepted `n` from, and goes. */
function visit(state: RoomState, sessionId: bigint, n: number): void {
  const member = add(state, sessionId);
  member.lastClientSeq = n;
  state.remove(member);
}

/** Highest `n` that is remembered of people who are not in. */
function rememberedOf(state: RoomState, sessions: bigint[]): number[] {
  return sessions.map((sessionId) => add(state, sessionId).lastClientSeq);
}

Deno.test("Members.add() starts with nothing accepted and a connection", pure, () => {
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

Deno.test("Members are found by session and by nick in any case, and counted", pure, () => {
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

Deno.test("Members.rename() frees the old nick and takes the new one", pure, () => {
  const state = new RoomState();
  const ana = add(state, 1n, "ana");
  state.rename(ana, "eva");
  assertEquals(ana.nick, "eva");
  assertEquals(state.findByNick("ana"), undefined);
  assertStrictEquals(state.findByNick("EVA"), ana);
});

Deno.test("Members.rename() to the same nick in another case keeps it taken", pure, () => {
  const state = new RoomState();
  const ana = add(state, 1n, "ana");
  state.rename(ana, "Ana");
  assertEquals(ana.nick, "Ana");
  assertStrictEquals(state.findByNick("ana"), ana);
});

Deno.test("Members.remove() frees session and nick", pure, () => {
  const state = new RoomState();
  state.remove(add(state, 1n, "Ana"));
  assertEquals(state.get(1n), undefined);
  assertEquals(state.findByNick("ana"), undefined);
  assertEquals([...state], []);
  assertEquals(state.size, 0);
});

Deno.test("Members remember what was accepted from those who left", pure, () => {
  const state = new RoomState();
  visit(state, 1n, 7);
  visit(state, 2n, 9);
  assertEquals(rememberedOf(state, [1n, 2n, 3n]), [7, 9, 0]);
});

Deno.test("Members forget who left longest ago when there are too many", pure, () => {
  const state = new RoomState(2);
  for (const sessionId of [1n, 2n, 3n]) visit(state, sessionId, 7);
  assertEquals(rememberedOf(state, [1n, 2n, 3n]), [0, 7, 7]);
});

Deno.test("Members remember anew whoever was back", pure, () => {
  const state = new RoomState(2);
  for (const sessionId of [1n, 2n, 1n, 3n]) visit(state, sessionId, 7);
  assertEquals(rememberedOf(state, [1n, 2n, 3n]), [7, 0, 7]);
});

Deno.test("Members never forget who is in, and spend no memory of the others on them", pure, () => {
  const state = new RoomState(2);
  visit(state, 1n, 7);
  const back = add(state, 1n);
  for (const sessionId of [2n, 3n]) visit(state, sessionId, 8);
  assertStrictEquals(state.get(1n), back);
  assertEquals(back.lastClientSeq, 7);
  assertEquals(rememberedOf(state, [2n, 3n]), [8, 8]);
});

Deno.test("Members remember ten thousand who left unless told otherwise", pure, () => {
  const state = new RoomState();
  for (let sessionId = 0n; sessionId <= 10_000n; sessionId++) visit(state, sessionId, 7);
  assertEquals(rememberedOf(state, [0n, 1n]), [0, 7]);
});

Deno.test(
  "Members.lookalike() finds whose nick can be taken for another, until they go or change it",
  pure,
  () => {
    const state = new RoomState();
    const luis = state.add({ sessionId: 1n, nick: "LUIS", address: "", sinceMs: 0 });
    assertStrictEquals(state.confusable("Iuis", 2n), luis);
    assertEquals(state.confusable("Iuis", 1n), undefined); // nobody is taken for themselves
    state.rename(luis, "beto");
    assertEquals(state.confusable("Iuis", 2n), undefined);
    assertStrictEquals(state.confusable("bet0", 2n), luis);
    state.remove(luis);
    assertEquals(state.confusable("bet0", 2n), undefined);
  },
);

Deno.test("Members remember nothing of who said nothing", pure, () => {
  const state = new RoomState(1);
  visit(state, 1n, 7);
  visit(state, 2n, 0);
  assertEquals(rememberedOf(state, [1n]), [7]);
});

Deno.test("Members remember anew of whom a message comes that was on its way when they left", pure, () => {
  const state = new RoomState(2);
  for (const sessionId of [1n, 2n]) visit(state, sessionId, 7);
  assertEquals([state.recordClientSeq(1n, 7), state.recordClientSeq(1n, 8)], [false, true]);
  visit(state, 3n, 7);
  assertEquals(rememberedOf(state, [1n, 2n, 3n]), [8, 0, 7]);
});

Deno.test("Members.accept() takes nothing back of what is proposed already", pure, () => {
  const state = new RoomState();
  const ana = add(state, 1n);
  ana.lastProposedSeq = 5;
  state.recordClientSeq(1n, 3);
  assertEquals([ana.lastClientSeq, ana.lastProposedSeq], [3, 5]);
});
