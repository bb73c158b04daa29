// Who is online, as far as a client knows.

import { assertEquals } from "@std/assert";
import type { MemberInfo, RoomEvent } from "../../lib/protocol/frames.ts";
import { MemberList } from "../../lib/client/member_list.ts";

const pure = { permissions: "none" } as const;

function person(sessionId: bigint, nick: string): MemberInfo {
  return { sessionId, nick, address: "10.0.0.7", sinceMs: 5 };
}

function joined(sessionId: bigint, nick: string): RoomEvent {
  return { type: "joined", seq: 0, timeMs: 5, sessionId, rejoined: false, nick, address: "10.0.0.7" };
}

function rosterOf(...nicks: string[]): MemberList {
  const roster = new MemberList();
  roster.replace(nicks.map((nick, i) => person(BigInt(i), nick)));
  return roster;
}

function nicksIn(roster: MemberList): string[] {
  return [...roster].map(({ nick }) => nick);
}

Deno.test("Roster knows who comes, goes and is called otherwise", pure, () => {
  const roster = rosterOf("ana", "beto");
  roster.apply(joined(7n, "eva"));
  assertEquals([...roster].at(-1), person(7n, "eva"));
  const at = { seq: 0, timeMs: 9 };
  roster.apply({ type: "renamed", ...at, sessionId: 1n, oldNick: "beto", nick: "Norberto" });
  roster.apply({ type: "renamed", ...at, sessionId: 8n, oldNick: "leo", nick: "leonor" });
  roster.apply({ type: "left", ...at, sessionId: 0n, connectionLost: false, nick: "ana", address: "" });
  assertEquals([...roster], [person(1n, "Norberto"), person(7n, "eva")]);
  roster.replace([]);
  assertEquals([...roster], []);
});

Deno.test("Roster.find() tells nicks not apart by case", pure, () => {
  const roster = rosterOf("Ana", "beto");
  assertEquals(roster.find("aNA"), person(0n, "Ana"));
  assertEquals(roster.find("an"), undefined);
});

Deno.test("Roster finds nobody whose nick is none", pure, () => {
  const roster = rosterOf("a b", "?");
  for (const nick of ["a b", "?"]) assertEquals(roster.find(nick), undefined);
  assertEquals(roster.suggest("a"), undefined);
});

Deno.test("Roster.nearest() names who looks most like it", pure, () => {
  assertEquals(rosterOf("ana", "beto", "norberto").suggest("bto"), "beto");
  assertEquals(rosterOf("ana", "Beto").suggest("BET"), "Beto");
  assertEquals(rosterOf("ana", "beto").suggest("pepe"), undefined);
  assertEquals(rosterOf().suggest("bto"), undefined);
});

Deno.test("Roster tells since when what it knows is from before, until a server says who is in", pure, () => {
  const roster = rosterOf("ana");
  assertEquals(roster.staleSinceMs, undefined);
  roster.markStale(5);
  assertEquals([roster.staleSinceMs, nicksIn(roster)], [5, ["ana"]]);
  roster.replace([]);
  assertEquals([roster.staleSinceMs, nicksIn(roster)], [undefined, []]);
});

Deno.test("Roster is not filled without end", pure, () => {
  const roster = new MemberList({ max: 2 });
  for (const [i, nick] of ["ana", "beto", "eva"].entries()) roster.apply(joined(BigInt(i), nick));
  assertEquals(nicksIn(roster), ["ana", "beto"]);
});
