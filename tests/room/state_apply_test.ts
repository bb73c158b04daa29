// RoomState.apply() and snapshot(): the same state from the same events, also when they are committed twice.

import { assertEquals } from "@std/assert";
import { RoomState } from "../../lib/room/state.ts";
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

function applyAll(...events: ProposedEvent[]) {
  const state = new RoomState();
  const applied = events.map((event) => state.apply(event));
  return { state, applied, last: applied.at(-1), nicks: [...state].map(({ nick }) => nick) };
}

Deno.test("A joined client is a member since the time of the event", pure, () => {
  const { state, last } = applyAll(joined(1n, "ana", 77));
  assertEquals(last, joined(1n, "ana", 77));
  const { nick, address, sinceMs } = state.get(1n)!;
  assertEquals([nick, address, sinceMs], ["ana", "10.0.0.7", 77]);
});

Deno.test("The first of two equal or confusable nicks gets in", pure, () => {
  for (const nick of ["ana", "ANA", "ΑΝΑ"]) {
    const { last, nicks } = applyAll(joined(1n, "ana"), joined(2n, nick));
    assertEquals([last, nicks], [undefined, ["ana"]]);
  }
});

Deno.test("A member does not join again, under any nick", pure, () => {
  for (const nick of ["ana", "eva"]) {
    const { last, nicks } = applyAll(joined(1n, "ana"), joined(1n, nick));
    assertEquals([last, nicks], [undefined, ["ana"]]);
  }
});

Deno.test("A duplicate message is a no-op, also after its sender left", pure, () => {
  const { applied } = applyAll(
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
  const numbers = applied.map((entry) => entry?.type === "said" ? entry.clientSeq : entry?.type);
  const no = undefined;
  assertEquals(numbers, ["joined", 2, no, no, "left", no, 3, no, "joined", no, 4]);
});

Deno.test("A committed message counts as proposed", pure, () => {
  const { state } = applyAll(joined(1n, "ana"), said(1n, 7));
  const { lastClientSeq, lastProposedSeq } = state.get(1n)!;
  assertEquals([lastClientSeq, lastProposedSeq], [7, 7]);
});

Deno.test("A message gets the sender's current nick", pure, () => {
  const { last } = applyAll(joined(1n, "ana"), renamed(1n, "ana", "eva"), said(1n, 1, "ana"));
  assertEquals(last, said(1n, 1, "eva"));
});

Deno.test("A member leaves once, under the current nick", pure, () => {
  const { applied, nicks } = applyAll(
    joined(1n, "ana"),
    renamed(1n, "ana", "eva"),
    left(1n, "ana"),
    left(1n, "ana"),
  );
  assertEquals([applied.slice(2), nicks], [[left(1n, "eva"), undefined], []]);
});

Deno.test("A rename needs a member, a free nick, and another than before", pure, () => {
  const { applied, nicks } = applyAll(
    joined(1n, "ana"),
    joined(2n, "beto"),
    renamed(1n, "ana", "BETO"),
    renamed(1n, "ana", "eva"),
    renamed(1n, "ana", "eva"),
    renamed(1n, "ana", "Eva"),
    renamed(3n, "x", "y"),
  );
  const no = undefined;
  assertEquals(applied.slice(2), [no, renamed(1n, "ana", "eva"), no, renamed(1n, "eva", "Eva"), no]);
  assertEquals(nicks, ["Eva", "beto"]);
});

Deno.test("Announcements and backups are returned as they are", pure, () => {
  const announced = { type: "announced", timeMs: 1, text: "hola" } as const;
  const backups = { type: "backups", timeMs: 1, backups: ["a:1"] } as const;
  assertEquals(applyAll(announced, backups).applied, [announced, backups]);
});

Deno.test("A member moves from one node to another without an entry", pure, () => {
  const { state, last } = applyAll(
    { ...joined(1n, "ana"), nodeId: 7n },
    { ...joined(1n, "ana"), address: "10.0.0.8", nodeId: 8n },
  );
  const { nodeId, address, sinceMs } = state.get(1n)!;
  assertEquals([last, nodeId, address, sinceMs], [undefined, 8n, "10.0.0.8", 5]);
});

Deno.test("Entries have no nodeId", pure, () => {
  const { applied } = applyAll({ ...joined(1n, "ana"), nodeId: 7n }, { ...left(1n, "ana"), nodeId: 7n });
  assertEquals(applied, [joined(1n, "ana"), left(1n, "ana")]);
});

Deno.test(
  "A node removes only its own members, and a kick removes members of any node",
  pure,
  () => {
    for (const [nodeId, isOut] of [[7n, true], [8n, false], [undefined, true]] as const) {
      const { nicks } = applyAll({ ...joined(1n, "ana"), nodeId: 7n }, { ...left(1n, "ana"), nodeId });
      assertEquals(nicks, isOut ? [] : ["ana"]);
    }
  },
);

Deno.test("A snapshot makes the same state with few events", pure, () => {
  const { state } = applyAll(
    { ...joined(1n, "ana"), nodeId: 7n },
    said(1n, 5),
    joined(2n, "beto"),
    joined(3n, "eva"),
    said(3n, 2),
    left(3n, "eva"),
    said(4n, 1),
    renamed(2n, "beto", "bea"),
  );
  const again = applyAll(...state.snapshot()).state;
  assertEquals([...again], [...state]);
  assertEquals([...again.departed], [[3n, 2], [4n, 1]]);
  // Two for ana, one for beto, who sent no message, and one for each departed session.
  assertEquals([...state.snapshot()].length, 5);
});

Deno.test("A tombstone counts for deduplication and makes no entry", pure, () => {
  const { applied, state } = applyAll(joined(1n, "ana"), { ...said(1n, 5), text: "" }, said(1n, 5));
  assertEquals([applied.slice(1), state.get(1n)!.lastClientSeq], [[undefined, undefined], 5]);
});

const backups = (list: string[], nodeId?: bigint): ProposedEvent => (
  { type: "backups", timeMs: 9, backups: list, ...(nodeId && { nodeId }) }
);

Deno.test("Configured backups stay, nodes of the cluster come and go, and the entry has both", pure, () => {
  const { state, applied } = applyAll(
    backups(["a:1"]),
    backups(["s:1", "s:2"], 7n),
    backups(["b:1", "a:1"]),
    backups(["s:2", "s:1"], 8n),
    backups(["s:2", "s:3"], 8n),
    backups([], 7n),
    backups(["s:4"], 7n),
  );
  const lists = applied.map((entry) => entry?.type === "backups" ? entry.backups.join(" ") : entry?.type);
  assertEquals(lists, [
    "a:1",
    "s:1 s:2 a:1",
    "s:1 s:2 a:1 b:1",
    undefined,
    "s:2 s:3 a:1 b:1",
    "a:1 b:1",
    "s:4 a:1 b:1",
  ]);
  const { state: again } = applyAll(...state.snapshot());
  assertEquals(again.backups.ordered({ own: ["own:1"] }), ["s:4", "own:1", "a:1", "b:1"]);
  assertEquals(again.backups.cluster, { backups: ["s:4"], nodeId: 7n });
});

Deno.test(
  "A removed backup is gone whatever its fingerprint, until it is added again",
  pure,
  () => {
    const print = "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";
    const { state, applied } = applyAll(
      backups(["a:1", `b:1#${print}`, "b:12"]),
      backups(["s:1", "b:1"], 7n),
      backups(["c:1", "-b:1"]),
      backups(["-d:1"]),
      backups(["-a:1"]),
      backups(["a:1"]),
    );
    const lists = applied.slice(2).map((entry) => entry?.type === "backups" ? entry.backups.join(" ") : "");
    assertEquals(lists, [
      "s:1 b:1 a:1 b:12 c:1",
      "s:1 b:1 a:1 b:12 c:1",
      "s:1 b:1 b:12 c:1",
      "s:1 b:1 b:12 c:1 a:1",
    ]);
    assertEquals(applyAll(...state.snapshot()).state.backups.configured, ["b:12", "c:1", "a:1"]);
  },
);

Deno.test("A removal works on a full list and makes room", pure, () => {
  const many = Array.from({ length: 16 }, (_, i) => `a:${i + 1}`);
  const { state } = applyAll(backups(many), backups(["-a:1", "b:1"]));
  assertEquals(state.backups.configured, [...many.slice(1), "b:1"]);
});

Deno.test(
  "If there are too many backups, configured ones come first, the oldest of them before all",
  pure,
  () => {
    const many = (host: string) => Array.from({ length: 12 }, (_, i) => `${host}:${i + 1}`);
    const { applied: [, all] } = applyAll(backups(many("s"), 1n), backups(many("a")));
    assertEquals(all, backups(["s:1", "s:2", "s:3", "s:4", ...many("a")]));
    const { state } = applyAll(backups(many("a")), backups(many("b")));
    assertEquals(state.backups.configured, [...many("a"), "b:1", "b:2", "b:3", "b:4"]);
  },
);
