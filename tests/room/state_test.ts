// Who is in: found by session and by nick, and counters that outlive a departure.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { type Member, Members } from "../../lib/room/state.ts";

const pure = { permissions: "none" } as const;

function add(members: Members, sessionId: bigint, nick = `n${sessionId}`): Member {
  return members.add({ sessionId, nick, address: "192.168.1.7", sinceMs: 5 });
}

/** Each comes, is accepted `n` from, and goes. */
function visit(members: Members, sessionId: bigint, n: number): void {
  const member = add(members, sessionId);
  member.lastClientSeq = n;
  members.remove(member);
}

/** Highest `n` that is remembered of people who are not in. */
function rememberedOf(members: Members, sessions: bigint[]): number[] {
  return sessions.map((sessionId) => add(members, sessionId).lastClientSeq);
}

Deno.test("Members.add() starts with nothing accepted and a connection", pure, () => {
  assertEquals(add(new Members(), 1n, "ana"), {
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
  const members = new Members();
  const ana = add(members, 1n, "Ñata");
  const beto = add(members, 2n, "beto");
  assertStrictEquals(members.get(1n), ana);
  assertStrictEquals(members.findByNick("ñATA"), ana);
  assertEquals(members.get(3n), undefined);
  assertEquals(members.findByNick("nata"), undefined);
  assertEquals([...members], [ana, beto]);
  assertEquals(members.size, 2);
});

Deno.test("Members.rename() frees the old nick and takes the new one", pure, () => {
  const members = new Members();
  const ana = add(members, 1n, "ana");
  members.rename(ana, "eva");
  assertEquals(ana.nick, "eva");
  assertEquals(members.findByNick("ana"), undefined);
  assertStrictEquals(members.findByNick("EVA"), ana);
});

Deno.test("Members.rename() to the same nick in another case keeps it taken", pure, () => {
  const members = new Members();
  const ana = add(members, 1n, "ana");
  members.rename(ana, "Ana");
  assertEquals(ana.nick, "Ana");
  assertStrictEquals(members.findByNick("ana"), ana);
});

Deno.test("Members.remove() frees session and nick", pure, () => {
  const members = new Members();
  members.remove(add(members, 1n, "Ana"));
  assertEquals(members.get(1n), undefined);
  assertEquals(members.findByNick("ana"), undefined);
  assertEquals([...members], []);
  assertEquals(members.size, 0);
});

Deno.test("Members remember what was accepted from those who left", pure, () => {
  const members = new Members();
  visit(members, 1n, 7);
  visit(members, 2n, 9);
  assertEquals(rememberedOf(members, [1n, 2n, 3n]), [7, 9, 0]);
});

Deno.test("Members forget who left longest ago when there are too many", pure, () => {
  const members = new Members({ maxDeparted: 2 });
  for (const sessionId of [1n, 2n, 3n]) visit(members, sessionId, 7);
  assertEquals(rememberedOf(members, [1n, 2n, 3n]), [0, 7, 7]);
});

Deno.test("Members remember anew whoever was back", pure, () => {
  const members = new Members({ maxDeparted: 2 });
  for (const sessionId of [1n, 2n, 1n, 3n]) visit(members, sessionId, 7);
  assertEquals(rememberedOf(members, [1n, 2n, 3n]), [7, 0, 7]);
});

Deno.test("Members never forget who is in, and spend no memory of the others on them", pure, () => {
  const members = new Members({ maxDeparted: 2 });
  visit(members, 1n, 7);
  const back = add(members, 1n);
  for (const sessionId of [2n, 3n]) visit(members, sessionId, 8);
  assertStrictEquals(members.get(1n), back);
  assertEquals(back.lastClientSeq, 7);
  assertEquals(rememberedOf(members, [2n, 3n]), [8, 8]);
});

Deno.test("Members remember ten thousand who left unless told otherwise", pure, () => {
  const members = new Members();
  for (let sessionId = 0n; sessionId <= 10_000n; sessionId++) visit(members, sessionId, 7);
  assertEquals(rememberedOf(members, [0n, 1n]), [0, 7]);
});

Deno.test(
  "Members.lookalike() finds whose nick can be taken for another, until they go or change it",
  pure,
  () => {
    const members = new Members();
    const luis = members.add({ sessionId: 1n, nick: "LUIS", address: "", sinceMs: 0 });
    assertStrictEquals(members.confusable("Iuis", 2n), luis);
    assertEquals(members.confusable("Iuis", 1n), undefined); // nobody is taken for themselves
    members.rename(luis, "beto");
    assertEquals(members.confusable("Iuis", 2n), undefined);
    assertStrictEquals(members.confusable("bet0", 2n), luis);
    members.remove(luis);
    assertEquals(members.confusable("bet0", 2n), undefined);
  },
);

Deno.test("Members remember nothing of who said nothing", pure, () => {
  const members = new Members({ maxDeparted: 1 });
  visit(members, 1n, 7);
  visit(members, 2n, 0);
  assertEquals(rememberedOf(members, [1n]), [7]);
});

Deno.test("Members remember anew of whom a message comes that was on its way when they left", pure, () => {
  const members = new Members({ maxDeparted: 2 });
  for (const sessionId of [1n, 2n]) visit(members, sessionId, 7);
  assertEquals([members.recordClientSeq(1n, 7), members.recordClientSeq(1n, 8)], [false, true]);
  visit(members, 3n, 7);
  assertEquals(rememberedOf(members, [1n, 2n, 3n]), [8, 0, 7]);
});

Deno.test("Members.accept() takes nothing back of what is proposed already", pure, () => {
  const members = new Members();
  const ana = add(members, 1n);
  ana.lastProposedSeq = 5;
  members.recordClientSeq(1n, 3);
  assertEquals([ana.lastClientSeq, ana.lastProposedSeq], [3, 5]);
});
