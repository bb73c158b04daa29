// The members of the room, as the client knows them.

import { assertEquals } from "@std/assert";
import type { MemberInfo, RoomEvent } from "../../lib/protocol/frames.ts";
import { MemberList } from "../../lib/client/member_list.ts";
import { testClientConfig } from "../testing/test_config.ts";
import { pure } from "../testing/test_options.ts";

function makeMember(sessionId: bigint, nick: string): MemberInfo {
  return { sessionId, nick, address: "10.0.0.7", sinceMs: 5 };
}

function joined(sessionId: bigint, nick: string): RoomEvent {
  return { type: "joined", seq: 0, timeMs: 5, sessionId, rejoined: false, nick, address: "10.0.0.7" };
}

function memberListOf(...nicks: string[]): MemberList {
  const members = new MemberList(testClientConfig().memberList);
  members.replace(nicks.map((nick, i) => makeMember(BigInt(i), nick)));
  return members;
}

function nicksIn(members: MemberList): string[] {
  return [...members].map(({ nick }) => nick);
}

Deno.test("MemberList.apply() follows joins, leaves and renames", pure, () => {
  const members = memberListOf("ana", "beto");
  members.apply(joined(7n, "eva"));
  assertEquals([...members].at(-1), makeMember(7n, "eva"));
  const at = { seq: 0, timeMs: 9 };
  members.apply({ type: "renamed", ...at, sessionId: 1n, oldNick: "beto", nick: "Norberto" });
  members.apply({ type: "renamed", ...at, sessionId: 8n, oldNick: "leo", nick: "leonor" });
  members.apply({ type: "left", ...at, sessionId: 0n, connectionLost: false, nick: "ana", address: "" });
  assertEquals([...members], [makeMember(1n, "Norberto"), makeMember(7n, "eva")]);
  members.replace([]);
  assertEquals([...members], []);
});

Deno.test("MemberList.count counts members who are not listed too", pure, () => {
  const members = new MemberList({ maxMembers: 2 });
  members.replace([makeMember(0n, "ana")], 3);
  const left = { type: "left", seq: 0, timeMs: 9, connectionLost: false, nick: "x", address: "" } as const;
  const counts = [joined(1n, "beto"), joined(2n, "eva"), { ...left, sessionId: 9n }, {
    ...left,
    sessionId: 0n,
  }]
    .map((event) => (members.apply(event), members.count));
  assertEquals(counts, [5, 6, 5, 4]);
  members.replace([]);
  members.apply({ ...left, sessionId: 9n });
  assertEquals(members.count, 0);
});

Deno.test("MemberList.find() ignores case", pure, () => {
  const members = memberListOf("Ana", "beto");
  assertEquals(members.find("aNA"), makeMember(0n, "Ana"));
  assertEquals(members.find("an"), undefined);
});

Deno.test("MemberList.find() finds no member with an invalid nick", pure, () => {
  const members = memberListOf("a b", "?");
  for (const nick of ["a b", "?"]) assertEquals(members.find(nick), undefined);
  assertEquals(members.suggest("a"), undefined);
});

Deno.test("MemberList.suggest() returns the most similar nick", pure, () => {
  assertEquals(memberListOf("ana", "beto", "norberto").suggest("bto"), "beto");
  assertEquals(memberListOf("ana", "Beto").suggest("BET"), "Beto");
  assertEquals(memberListOf("ana", "beto").suggest("pepe"), undefined);
  assertEquals(memberListOf().suggest("bto"), undefined);
});

Deno.test("MemberList.staleSinceMs is set from markStale() to replace()", pure, () => {
  const members = memberListOf("ana");
  assertEquals(members.staleSinceMs, undefined);
  members.markStale(5);
  assertEquals([members.staleSinceMs, nicksIn(members)], [5, ["ana"]]);
  members.replace([]);
  assertEquals([members.staleSinceMs, nicksIn(members)], [undefined, []]);
});

Deno.test("MemberList holds 10,000 members", pure, () => {
  const members = memberListOf();
  for (let i = 0; i < 10_001; i++) members.apply(joined(BigInt(i), `n${i}`));
  assertEquals([nicksIn(members).length, nicksIn(members).at(-1)], [10_000, "n9999"]);
});
