// RoomState: the same state from the same events, also when they are committed twice, and message counters that outlive
// their members.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Joined, Left, ProposedEvent, Renamed, Said, Uncommitted } from "../../lib/protocol/frames.ts";
import { type Member, RoomState, tombstone } from "../../lib/room/state.ts";
import { pure } from "../testing/test_options.ts";

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
function departedClientSeqs(state: RoomState, sessions: readonly bigint[]): number[] {
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
  const [ana, beto] = [add(state, 1n, "Ñata"), add(state, 2n, "beto")];
  assertStrictEquals(state.get(1n), ana);
  assertStrictEquals(state.findByNick("ñATA"), ana);
  assertEquals([state.get(3n), state.findByNick("nata")], [undefined, undefined]);
  assertEquals([[...state], state.size], [[ana, beto], 2]);
  state.remove(ana);
  assertEquals([state.get(1n), state.findByNick("ñata")], [undefined, undefined]);
  assertEquals([[...state], state.size], [[beto], 1]);
});

Deno.test("RoomState.rename() frees the old nick and takes the new one, also in another case", pure, () => {
  const state = new RoomState();
  const ana = add(state, 1n, "ana");
  state.rename(ana, "Ana");
  assertStrictEquals(state.findByNick("ana"), ana);
  state.rename(ana, "eva");
  assertEquals([ana.nick, state.findByNick("ana")], ["eva", undefined]);
  assertStrictEquals(state.findByNick("EVA"), ana);
});

Deno.test("RoomState.confusable() finds a confusable nick until its member leaves or renames", pure, () => {
  const state = new RoomState();
  const luis = add(state, 1n, "LUIS");
  assertStrictEquals(state.confusable("Iuis", 2n), luis);
  assertEquals(state.confusable("Iuis", 1n), undefined); // not with itself
  state.rename(luis, "beto");
  assertEquals(state.confusable("Iuis", 2n), undefined);
  assertStrictEquals(state.confusable("bet0", 2n), luis);
  state.remove(luis);
  assertEquals(state.confusable("bet0", 2n), undefined);
});

const DEPARTURES: [what: string, maxDeparted: number, departures: [bigint, number][], seqs: number[]][] = [
  ["remembers the counters of departed sessions", 9, [[1n, 7], [2n, 9]], [7, 9, 0]],
  ["drops the session that departed first of too many", 2, [[1n, 7], [2n, 7], [3n, 7]], [0, 7, 7]],
  ["counts the last departure of a session", 2, [[1n, 7], [2n, 7], [1n, 7], [3n, 7]], [7, 0, 7]],
  ["does not remember a session that sent no message", 1, [[1n, 7], [2n, 0]], [7, 0, 0]],
];

for (const [what, maxDeparted, departures, seqs] of DEPARTURES) {
  Deno.test(`RoomState.remove() ${what}`, pure, () => {
    const state = new RoomState(maxDeparted);
    for (const [sessionId, lastClientSeq] of departures) joinAndLeave(state, sessionId, lastClientSeq);
    assertEquals(departedClientSeqs(state, [1n, 2n, 3n]), seqs);
  });
}

Deno.test("RoomState.remove() drops no member, and members take no place of a departed one", pure, () => {
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

Deno.test("RoomState.recordClientSeq() after a departure counts as the last departure", pure, () => {
  const state = new RoomState(2);
  for (const sessionId of [1n, 2n]) joinAndLeave(state, sessionId, 7);
  assertEquals([state.recordClientSeq(1n, 7), state.recordClientSeq(1n, 8)], [false, true]);
  joinAndLeave(state, 3n, 7);
  assertEquals(departedClientSeqs(state, [1n, 2n, 3n]), [8, 0, 7]);
});

Deno.test("RoomState.recordClientSeq() raises lastProposedSeq, but never lowers it", pure, () => {
  const state = new RoomState();
  const ana = add(state, 1n);
  ana.lastProposedSeq = 5;
  state.recordClientSeq(1n, 3);
  assertEquals([ana.lastClientSeq, ana.lastProposedSeq], [3, 5]);
  state.recordClientSeq(1n, 7);
  assertEquals([ana.lastClientSeq, ana.lastProposedSeq], [7, 7]);
});

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
const announced = { type: "announced", timeMs: 1, text: "hola" } as const;
const backups = { type: "backups", timeMs: 1, backups: ["a:1"] } as const;

const ana = joined(1n, "ana");
/** An event that changes nothing. */
const no = undefined;

type ApplyCase = [events: ProposedEvent[], returned: (Uncommitted | undefined)[], nicks: string[]];

/** Events, what `apply` returns for the last ones, and the nicks after them. */
const APPLY: Record<string, ApplyCase> = {
  "returns a join, without its node": [[{ ...ana, nodeId: 7n }], [ana], ["ana"]],
  "lets the first of two equal nicks in": [[ana, joined(2n, "ana")], [no], ["ana"]],
  "lets the first of two nicks in that differ in case": [[ana, joined(2n, "ANA")], [no], ["ana"]],
  "lets the first of two confusable nicks in": [[ana, joined(2n, "ΑΝΑ")], [no], ["ana"]],
  "lets no member join again, under any nick": [[ana, ana, joined(1n, "eva")], [no, no], ["ana"]],
  "drops a duplicate message": [
    [ana, said(1n, 2), said(1n, 2), said(1n, 1), said(1n, 3)],
    [ana, said(1n, 2), no, no, said(1n, 3)],
    ["ana"],
  ],
  "drops a duplicate message after its sender left, and after they came back": [
    [ana, said(1n, 2), left(1n, "ana"), said(1n, 2), said(1n, 3), said(1n, 3), ana, said(1n, 3), said(1n, 4)],
    [no, said(1n, 3), no, ana, no, said(1n, 4)],
    ["ana"],
  ],
  "gives a message the sender's current nick": [
    [ana, renamed(1n, "ana", "eva"), said(1n, 1, "ana")],
    [said(1n, 1, "eva")],
    ["eva"],
  ],
  "lets a member leave once, under the current nick": [
    [ana, renamed(1n, "ana", "eva"), left(1n, "ana"), left(1n, "ana")],
    [left(1n, "eva"), no],
    [],
  ],
  "renames a member to a free nick": [
    [ana, joined(2n, "beto"), renamed(1n, "ana", "BETO"), renamed(1n, "ana", "eva")],
    [no, renamed(1n, "ana", "eva")],
    ["eva", "beto"],
  ],
  "renames a member to their nick in another case, but not to the same": [
    [ana, renamed(1n, "ana", "ana"), renamed(1n, "x", "Ana")],
    [no, renamed(1n, "ana", "Ana")],
    ["Ana"],
  ],
  "renames no session that is not in": [[ana, renamed(3n, "x", "y")], [no], ["ana"]],
  "returns announcements and backups as they are": [[announced, backups], [announced, backups], []],
  "counts a tombstone, and returns nothing for it": [
    [ana, tombstone(1n, 5), said(1n, 5), said(1n, 6)],
    [no, no, said(1n, 6)],
    ["ana"],
  ],
  "lets a node remove its own member": [
    [{ ...ana, nodeId: 7n }, { ...left(1n, "ana"), nodeId: 7n }],
    [left(1n, "ana")],
    [],
  ],
  "lets no node remove the member of another": [
    [{ ...ana, nodeId: 7n }, { ...left(1n, "ana"), nodeId: 8n }],
    [no],
    ["ana"],
  ],
  "lets a kick remove the member of any node": [
    [{ ...ana, nodeId: 7n }, left(1n, "ana")],
    [left(1n, "ana")],
    [],
  ],
};

function applyAll(...events: readonly ProposedEvent[]) {
  const state = new RoomState();
  return { state, applied: events.map((event) => state.apply(event)) };
}

for (const [what, [events, returned, nicks]] of Object.entries(APPLY)) {
  Deno.test(`RoomState.apply() ${what}`, pure, () => {
    const { state, applied } = applyAll(...events);
    assertEquals(applied.slice(-returned.length), returned);
    assertEquals([...state].map(({ nick }) => nick), nicks);
  });
}

Deno.test("RoomState.apply() moves a member from one node to another without an entry", pure, () => {
  const moved = { ...ana, timeMs: 9, address: "10.0.0.8", nodeId: 8n };
  const { state, applied } = applyAll({ ...ana, nodeId: 7n }, moved);
  const { nodeId, address, sinceMs } = state.get(1n)!;
  assertEquals([applied[1], nodeId, address, sinceMs], [undefined, 8n, "10.0.0.8", 5]);
});

Deno.test("RoomState.snapshot() makes the same state with few events", pure, () => {
  const { state } = applyAll(
    ...[{ ...ana, nodeId: 7n }, said(1n, 5), joined(2n, "beto"), joined(3n, "eva"), said(3n, 2)],
    ...[left(3n, "eva"), said(4n, 1), renamed(2n, "beto", "bea"), backups],
  );
  const again = applyAll(...state.snapshot()).state;
  assertEquals([...again], [...state]);
  assertEquals([...again.departed], [[3n, 2], [4n, 1]]);
  assertEquals(again.backups.configured, ["a:1"]);
  // Two for ana, one for beto, who sent no message, one for each departed session, and one for the backups.
  assertEquals([...state.snapshot()].length, 6);
});
