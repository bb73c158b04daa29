// What entries do to who is in: the same everywhere, whoever proposed them and however often.

import { assertEquals } from "@std/assert";
import { applyEvent, backupOrder, snapshotOf } from "../../lib/room/fold.ts";
import { Members } from "../../lib/room/state.ts";
import type { Joined, Left, ProposedEvent, Renamed, Said, Uncommitted } from "../../lib/protocol/frames.ts";

const pure = { permissions: "none" } as const;

const joined = (sessionId: bigint, nick: string, timeMs = 5): Uncommitted<Joined> => (
  { type: "joined", timeMs, sessionId, rejoined: false, nick, address: "10.0.0.7" }
);
const left = (sessionId: bigint, nick: string): Uncommitted<Left> => (
  { type: "left", timeMs: 9, sessionId, connectionLost: true, nick, address: "10.0.0.7" }
);
const renamed = (sessionId: bigint, oldNick: string, nick: string): Uncommitted<Renamed> => (
  { type: "renamed", timeMs: 9, sessionId, oldNick, nick }
);
const said = (sessionId: bigint, clientSeq: number, nick = "ana"): Uncommitted<Said> => (
  { type: "said", timeMs: 9, sessionId, clientSeq, redelivered: false, nick, text: `t${clientSeq}` }
);

function foldAll(...entries: ProposedEvent[]) {
  const members = new Members();
  const folded = entries.map((entry) => applyEvent(members, entry));
  return { members, folded, last: folded.at(-1), nicks: [...members].map(({ nick }) => nick) };
}

Deno.test("Who joins is in, since the time that the entry carries", pure, () => {
  const { members, last } = foldAll(joined(1n, "ana", 77));
  assertEquals(last, joined(1n, "ana", 77));
  const { nick, address, sinceMs } = members.get(1n)!;
  assertEquals([nick, address, sinceMs], ["ana", "10.0.0.7", 77]);
});

Deno.test("Of two who want one nick, or two that look the same, the first has it", pure, () => {
  for (const nick of ["ana", "ANA", "ΑΝΑ"]) {
    const { last, nicks } = foldAll(joined(1n, "ana"), joined(2n, nick));
    assertEquals([last, nicks], [undefined, ["ana"]]);
  }
});

Deno.test("Who is in does not join again, under whatever nick", pure, () => {
  for (const nick of ["ana", "eva"]) {
    const { last, nicks } = foldAll(joined(1n, "ana"), joined(1n, nick));
    assertEquals([last, nicks], [undefined, ["ana"]]);
  }
});

Deno.test("A message is said once, also by somebody who is not in any more", pure, () => {
  const { folded } = foldAll(
    joined(1n, "ana"),
    said(1n, 2),
    said(1n, 2),
    said(1n, 1),
    left(1n, "ana"),
    said(1n, 2),
    said(1n, 3),
    said(1n, 3),
    joined(1n, "ana"),
    said(1n, 3),
    said(1n, 4),
  );
  const numbers = folded.map((entry) => entry?.type === "said" ? entry.clientSeq : entry?.type);
  const no = undefined;
  assertEquals(numbers, ["joined", 2, no, no, "left", no, 3, no, "joined", no, 4]);
});

Deno.test("What is accepted counts as proposed", pure, () => {
  const { members } = foldAll(joined(1n, "ana"), said(1n, 7));
  const { lastClientSeq, lastProposedSeq } = members.get(1n)!;
  assertEquals([lastClientSeq, lastProposedSeq], [7, 7]);
});

Deno.test("Who speaks has the nick that they have by then", pure, () => {
  const { last } = foldAll(joined(1n, "ana"), renamed(1n, "ana", "eva"), said(1n, 1, "ana"));
  assertEquals(last, said(1n, 1, "eva"));
});

Deno.test("Who leaves is out, once, under the nick that they have by then", pure, () => {
  const { folded, nicks } = foldAll(
    joined(1n, "ana"),
    renamed(1n, "ana", "eva"),
    left(1n, "ana"),
    left(1n, "ana"),
  );
  assertEquals([folded.slice(2), nicks], [[left(1n, "eva"), undefined], []]);
});

Deno.test("Another nick is had by who is in, if it is free, and another than before", pure, () => {
  const { folded, nicks } = foldAll(
    joined(1n, "ana"),
    joined(2n, "beto"),
    renamed(1n, "ana", "BETO"),
    renamed(1n, "ana", "eva"),
    renamed(1n, "ana", "eva"),
    renamed(1n, "ana", "Eva"),
    renamed(3n, "x", "y"),
  );
  const no = undefined;
  assertEquals(folded.slice(2), [no, renamed(1n, "ana", "eva"), no, renamed(1n, "eva", "Eva"), no]);
  assertEquals(nicks, ["Eva", "beto"]);
});

Deno.test("What is announced changes nobody", pure, () => {
  const announced = { type: "announced", timeMs: 1, text: "hola" } as const;
  const backups = { type: "backups", timeMs: 1, backups: ["a:1"] } as const;
  assertEquals(foldAll(announced, backups).folded, [announced, backups]);
});

Deno.test("Who is in through one server moves to another, and nobody is told", pure, () => {
  const { members, last } = foldAll(
    { ...joined(1n, "ana"), nodeId: 7n },
    { ...joined(1n, "ana"), address: "10.0.0.8", nodeId: 8n },
  );
  const { nodeId, address, sinceMs } = members.get(1n)!;
  assertEquals([last, nodeId, address, sinceMs], [undefined, 8n, "10.0.0.8", 5]);
});

Deno.test("A home is nothing that anybody reads", pure, () => {
  const { folded } = foldAll({ ...joined(1n, "ana"), nodeId: 7n }, { ...left(1n, "ana"), nodeId: 7n });
  assertEquals(folded, [joined(1n, "ana"), left(1n, "ana")]);
});

Deno.test(
  "A server loses those who are in through it, and no others; whoever throws out does so everywhere",
  pure,
  () => {
    for (const [nodeId, isOut] of [[7n, true], [8n, false], [undefined, true]] as const) {
      const { nicks } = foldAll({ ...joined(1n, "ana"), nodeId: 7n }, { ...left(1n, "ana"), nodeId });
      assertEquals(nicks, isOut ? [] : ["ana"]);
    }
  },
);

Deno.test("What entries have made of a room can be told in few", pure, () => {
  const { members } = foldAll(
    { ...joined(1n, "ana"), nodeId: 7n },
    said(1n, 5),
    joined(2n, "beto"),
    joined(3n, "eva"),
    said(3n, 2),
    left(3n, "eva"),
    said(4n, 1),
    renamed(2n, "beto", "bea"),
  );
  const again = foldAll(...snapshotOf(members)).members;
  assertEquals([...again], [...members]);
  assertEquals([...again.departed], [[3n, 2], [4n, 1]]);
  // Two for ana, and one each for beto, who has said nothing, and for those who are gone.
  assertEquals([...snapshotOf(members)].length, 5);
});

Deno.test("A message whose words are forgotten counts, and is read by nobody", pure, () => {
  const { folded, members } = foldAll(joined(1n, "ana"), { ...said(1n, 5), text: "" }, said(1n, 5));
  assertEquals([folded.slice(1), members.get(1n)!.lastClientSeq], [[undefined, undefined], 5]);
});

const backups = (list: string[], nodeId?: bigint): ProposedEvent => (
  { type: "backups", timeMs: 9, backups: list, ...(nodeId && { nodeId }) }
);

Deno.test("Backups that people named stay, servers of the room come and go, and all read both", pure, () => {
  const { members, folded } = foldAll(
    backups(["a:1"]),
    backups(["s:1", "s:2"], 7n),
    backups(["b:1", "a:1"]),
    backups(["s:2", "s:1"], 8n),
    backups(["s:2", "s:3"], 8n),
    backups([], 7n),
    backups(["s:4"], 7n),
  );
  const lists = folded.map((entry) => entry?.type === "backups" ? entry.backups.join(" ") : entry?.type);
  assertEquals(lists, [
    "a:1",
    "s:1 s:2 a:1",
    "s:1 s:2 a:1 b:1",
    undefined,
    "s:2 s:3 a:1 b:1",
    "a:1 b:1",
    "s:4 a:1 b:1",
  ]);
  const { members: again } = foldAll(...snapshotOf(members));
  assertEquals(backupOrder(again, { own: ["own:1"] }), ["s:4", "own:1", "a:1", "b:1"]);
  assertEquals(again.clusterServers, { backups: ["s:4"], nodeId: 7n });
});

Deno.test(
  "A backup that is withdrawn is named no more, whatever its certificate, until it is named again",
  pure,
  () => {
    const print = "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";
    const { members, folded } = foldAll(
      backups(["a:1", `b:1#${print}`, "b:12"]),
      backups(["s:1", "b:1"], 7n),
      backups(["c:1", "-b:1"]),
      backups(["-d:1"]),
      backups(["-a:1"]),
      backups(["a:1"]),
    );
    const lists = folded.slice(2).map((entry) => entry?.type === "backups" ? entry.backups.join(" ") : "");
    assertEquals(lists, [
      "s:1 b:1 a:1 b:12 c:1",
      "s:1 b:1 a:1 b:12 c:1",
      "s:1 b:1 b:12 c:1",
      "s:1 b:1 b:12 c:1 a:1",
    ]);
    assertEquals(foldAll(...snapshotOf(members)).members.configuredBackups, ["b:12", "c:1", "a:1"]);
  },
);

Deno.test("Of as many backups as fit one is withdrawn all the same, and makes room", pure, () => {
  const many = Array.from({ length: 16 }, (_, i) => `a:${i + 1}`);
  const { members } = foldAll(backups(many), backups(["-a:1", "b:1"]));
  assertEquals(members.configuredBackups, [...many.slice(1), "b:1"]);
});

Deno.test("Of too many backups those that people named stay, the first of them first", pure, () => {
  const many = (host: string) => Array.from({ length: 12 }, (_, i) => `${host}:${i + 1}`);
  const { folded: [, all] } = foldAll(backups(many("s"), 1n), backups(many("a")));
  assertEquals(all, backups(["s:1", "s:2", "s:3", "s:4", ...many("a")]));
  const { members } = foldAll(backups(many("a")), backups(many("b")));
  assertEquals(members.configuredBackups, [...many("a"), "b:1", "b:2", "b:3", "b:4"]);
});
