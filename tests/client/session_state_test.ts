// The client without sockets: HELLO, resending, deduplication; then clients and rooms together, while servers crash.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Instant, makeServerClock } from "../../lib/base/time.ts";
import { splitFrames } from "../../lib/codec.ts";
import { ProtocolError } from "../../lib/errors.ts";
import { SessionState, type SessionStateConfig } from "../../lib/client/session_state.ts";
import type { Member } from "../../lib/room/state.ts";
import { decodeServer, type LogEntry, type Said, type Say, type Welcome } from "../../lib/protocol/frames.ts";
import type { Room } from "../../lib/room/room.ts";
import type { Cursor } from "../../lib/room/event_log.ts";
import { makeHello, makeSaid, makeToken, welcomeTo } from "../testing/raw_peer.ts";
import { newRoom } from "../testing/room_fixture.ts";
import { type DeepPartial, testClientConfig } from "../testing/test_config.ts";

const pure = { permissions: "none" } as const;

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
  });
});

Deno.test("SessionState.onDisconnect() drops messages that were acked 120 s before", pure, () => {
  for (const [lastReceivedMs, count] of [[120_000, 1], [120_001, 0]] as const) {
    const state = stateWithMessage();
    state.onEntry(said("ana"), 0);
    state.onDisconnect(lastReceivedMs);
    assertEquals(state.onWelcome(welcomeTo("ana", { logId: 8n }), lastReceivedMs).resend.length, count);
  }
});

Deno.test("SessionState.onDisconnect() takes back that it was caught up on a second server", pure, () => {
  const state = stateWithMessage();
  state.onWelcome(welcomeTo("ana", { logId: 8n }), 1_000);
  state.onPing({ type: "ping", head: 0 }, 2_000);
  state.onDisconnect(3_000);
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

/** A client whose frames arrive when the test says so. */
class TestClient {
  readonly nick: string;
  readonly state: SessionState;
  /** Messages of other sessions that were shown. */
  readonly shown: string[] = [];
  #room: Room | undefined;
  #member: Member | undefined;
  #cursor: Cursor | undefined;

  constructor(nick: string) {
    this.nick = nick;
    this.state = newState({}, makeToken(nick));
  }

  /** Joins a server, which receives what is resent; `clock` is that of the server. */
  join(room: Room, ms: number, now: Instant = instant(ms)): void {
    const hello = this.state.hello(this.nick, ms);
    const request = { hello, sessionId: this.state.sessionId, address: "10.0.0.7" };
    const { welcome, cursor, member } = room.join(request, now)!;
    [this.#room, this.#member, this.#cursor] = [room, member, cursor];
    for (const message of this.state.onWelcome(welcome, ms).resend) room.say(member, message, now);
  }

  /** Sends a message that arrives. */
  say(text: string, ms: number): void {
    this.deliver(this.state.say(text), ms);
  }

  deliver(message: Say, ms: number): void {
    this.#room!.say(this.#member!, message, instant(ms));
  }

  /** Reads everything that its server has for it, and a PING. */
  read(ms: number): void {
    const cursor = this.#cursor!;
    for (let slice = cursor.take(); slice; slice = cursor.take()) {
      for (const frame of splitFrames(slice)) this.#show(decodeServer(frame) as LogEntry, ms);
    }
    this.state.onPing({ type: "ping", head: this.#room!.log.head }, ms);
  }

  #show(entry: LogEntry, ms: number): void {
    const delivery = this.state.onEntry(entry, ms);
    if (entry.type !== "said" || delivery === "duplicate" || entry.nick === this.nick) return;
    this.shown.push(entry.text);
  }
}

function instant(ms: number): Instant {
  return { wallMs: NOON_MS + ms, monotonicMs: ms };
}

/** Three clients that have joined the first of two servers, and read everything there. */
function startChat() {
  const [first, second] = [newRoom({ logId: 1n }), newRoom({ logId: 2n })];
  const [ana, beto, eva] = [new TestClient("ana"), new TestClient("beto"), new TestClient("eva")];
  for (const client of [ana, beto, eva]) client.join(first, 0);
  for (const client of [ana, beto, eva]) client.read(0);
  return { first, second, ana, beto, eva };
}

Deno.test("SessionState shows once a message that only some read before a server crashed", pure, () => {
  const { second, ana, beto, eva } = startChat();
  ana.say("uno", 1_000);
  for (const reader of [ana, beto]) reader.read(1_000);
  for (const client of [eva, ana, beto]) client.join(second, 20_000);
  ana.say("dos", 21_000);
  for (const client of [ana, beto, eva]) client.read(22_000);
  assertEquals([beto.shown, eva.shown], [["uno", "dos"], ["uno", "dos"]]);
});

Deno.test("SessionState carries a message with its first time across three crashed servers", pure, () => {
  const { ana, beto } = startChat();
  ana.say("uno", 1_000);
  ana.read(1_000);
  let last = newRoom();
  for (const [logId, ms] of [[2n, 20_000], [3n, 140_000], [4n, 260_000]] as const) {
    for (const client of [ana, beto]) client.state.onDisconnect(ms - 5_000);
    last = newRoom({ logId });
    ana.join(last, ms);
    ana.read(ms);
  }
  beto.join(last, 300_000);
  beto.read(300_000);
  assertEquals(beto.shown, ["uno"]);
  const [entry] = [...splitFrames(last.log.cursorAt(1).take()!)].map((frame) => decodeServer(frame) as Said);
  assertEquals(entry!.timeMs, NOON_MS + 1_000);
  assert(entry!.redelivered);
});

Deno.test("SessionState shows what was resent to a server whose clock was then set forward", pure, () => {
  let [wallMs, awakeMs] = [NOON_MS, 0];
  const clock = makeServerClock(() => wallMs, () => awakeMs);
  const pass = (ms: number) => [wallMs, awakeMs] = [wallMs + ms, awakeMs + ms];
  const { second, ana, beto } = startChat();
  ana.say("uno", 1_000);
  ana.read(1_000);
  pass(2_000);
  ana.join(second, 2_000, clock());
  wallMs += 600_000;
  pass(10_000);
  beto.join(second, 12_000, clock());
  beto.read(12_000);
  assertEquals(beto.shown, ["uno"]);
});

Deno.test("SessionState shows what a client missed that joins a server after the sender", pure, () => {
  const { second, ana, beto } = startChat();
  ana.say("uno", 1_000);
  ana.read(1_000);
  ana.join(second, 10_000); // her connection broke, the first server lives
  ana.say("dos", 11_000);
  // Caught up on the first server, without its last message.
  beto.state.onPing({ type: "ping", head: 0 }, 100_000);
  beto.join(second, 140_000);
  beto.read(140_000);
  assertEquals(beto.shown, ["uno", "dos"]);
});

Deno.test("SessionState continues where it stopped reading on a server that it returns to", pure, () => {
  const { first, second, ana, beto } = startChat();
  beto.join(second, 1_000);
  ana.say("uno", 2_000);
  beto.read(3_600_000); // caught up, on the second server
  beto.join(first, 3_601_000);
  beto.read(3_601_000);
  assertEquals(beto.shown, ["uno"]);
});
