// SessionState: HELLO, resending, and what is impossible. The simulator has clients and rooms together.

import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../lib/errors.ts";
import { SessionState, type SessionStateConfig } from "../../lib/client/session_state.ts";
import type { Said, Welcome } from "../../lib/protocol/frames.ts";
import { makeHello, makeSaid, makeToken, welcomeTo } from "../testing/raw_peer.ts";
import { type DeepPartial, testClientConfig } from "../testing/test_config.ts";
import { pure } from "../testing/test_options.ts";

const NOON_MS = 1_700_000_000_000;

function newState(
  overrides: DeepPartial<SessionStateConfig> = {},
  resumeToken = makeToken("ana"),
): SessionState {
  return new SessionState(resumeToken, testClientConfig(overrides));
}

/** A client that has sent a message, on a server. */
function stateWithMessage(changes?: Partial<Welcome>): SessionState {
  const state = newState();
  state.say("hola");
  state.onWelcome(welcomeTo("ana", changes), 0);
  return state;
}

function said(nick: string, changes: Partial<Said> = {}): Said {
  return makeSaid(nick, { seq: 0, clientSeq: 1, text: "hola", timeMs: NOON_MS, ...changes });
}

Deno.test("SessionState.sessionId is the first 8 bytes of the resume token's SHA-256", pure, () => {
  assertEquals(newState({}, new Uint8Array(16)).sessionId, 0x374708fff7719dd5n);
});

Deno.test("SessionState.hello() requests the last 50 messages before the first join", pure, () => {
  assertEquals(newState().hello("ana", 0), makeHello("ana", { historyCount: 50 }));
  assertEquals(newState({ historyCount: 3 }).hello("ana", 0).historyCount, 3);
});

Deno.test("SessionState.hello() has the password for a server that asks for it", pure, () => {
  assertEquals(newState().hello("ana", 0, "ábrete").password, "ábrete");
});

Deno.test("SessionState.hello() has the resume points and the lag", pure, () => {
  const state = newState();
  state.onWelcome(welcomeTo("ana"), 1_000);
  state.onEntry(said("beto"), 1_500);
  state.onPing({ type: "ping", head: 1 }, 2_000);
  const { lagMs, resumePoints } = state.hello("ana", 2_500);
  assertEquals([lagMs, resumePoints], [500, [{ logId: 7n, nextSeq: 1 }]]);
});

Deno.test("SessionState.say() is unacked until its echo", pure, () => {
  const state = newState({ outbox: { maxMessages: 1 } });
  state.onWelcome(welcomeTo("ana"), 0);
  assertEquals(state.say("hola"), { type: "say", clientSeq: 1, timeMs: 0, text: "hola" });
  assertEquals([state.unacked, state.isFull], [[{ text: "hola" }], true]);
  assertEquals(state.onEntry(said("ana"), 0), "live");
  assertEquals([state.unacked, state.isFull], [[], false]);
});

Deno.test("SessionState.onEntry() takes no message of another session for an echo", pure, () => {
  const state = stateWithMessage();
  state.onEntry(said("beto"), 0);
  state.onEntry({ ...said("ana"), seq: 1, type: "left", connectionLost: false, address: "::1" }, 0);
  assertEquals(state.unacked, [{ text: "hola" }]);
});

Deno.test("SessionState.onWelcome() returns what to resend, and how many entries are truncated", pure, () => {
  const state = stateWithMessage();
  state.say("dos");
  assertEquals(state.onWelcome(welcomeTo("ana", { lastClientSeq: 1, startSeq: 4, head: 9 }), 0), {
    resend: [{ type: "say", clientSeq: 2, timeMs: 0, text: "dos" }],
    truncatedCount: 4,
    behindMs: undefined,
    mayLack: undefined,
  });
});

Deno.test("SessionState.onDisconnect() takes back that it was caught up on a second server", pure, () => {
  const state = stateWithMessage();
  state.onWelcome(welcomeTo("ana", { logId: 8n }), 1_000);
  state.onPing({ type: "ping", head: 0 }, 2_000);
  state.onDisconnect(3_000, 3_000);
  assertEquals(state.hello("ana", 4_000).lagMs, 4_000);
});

const IMPOSSIBLE: [what: string, act: (state: SessionState) => unknown][] = [
  ["WELCOME for another session", (state) => state.onWelcome(welcomeTo("beto"), 0)],
  [
    "WELCOME with a message never sent",
    (state) => state.onWelcome(welcomeTo("ana", { lastClientSeq: 2 }), 0),
  ],
  ["WELCOME beyond its log", (state) => state.onWelcome(welcomeTo("ana", { startSeq: 3, head: 2 }), 0)],
  ["an entry that comes again", (state) => state.onEntry(said("beto", { seq: 4 }), 0)],
  ["an entry after a gap", (state) => state.onEntry(said("beto", { seq: 6 }), 0)],
  ["an echo of a message never sent", (state) => state.onEntry(said("ana", { seq: 5, clientSeq: 2 }), 0)],
];

for (const [what, act] of IMPOSSIBLE) {
  Deno.test(`SessionState refuses ${what}`, pure, () => {
    const state = stateWithMessage({ startSeq: 5, head: 5 });
    assertEquals(assertThrows(() => act(state), ProtocolError).code, "frame-malformed");
  });
}
