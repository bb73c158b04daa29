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
import { type DeepPartial, testClientConfig } from "../testing/test_config.ts";
import { newRoom } from "../testing/room_fixture.ts";

const pure = { permissions: "none" } as const;

const NOON_MS = 1_700_000_000_000;
/** First 8 bytes of the SHA-256 of sixteen bytes 0. */
const SESSION = 0x374708fff7719dd5n;

function newSessionState(
  overrides: DeepPartial<SessionStateConfig> = {},
  resumeToken = new Uint8Array(16),
): SessionState {
  return new SessionState(resumeToken, testClientConfig(overrides));
}

function welcome(changes: Partial<Welcome> = {}): Welcome {
  return {
    type: "welcome",
    version: 1,
    sessionId: SESSION,
    logId: 7n,
    nick: "ana",
    lastClientSeq: 0,
    startSeq: 0,
    head: 0,
    backups: [],
    memberCount: 0,
    members: [],
    ...changes,
  };
}

function said(changes: Partial<Said> = {}): Said {
  return {
    type: "said",
    seq: 0,
    timeMs: NOON_MS,
    sessionId: SESSION,
    clientSeq: 1,
    redelivered: false,
    nick: "ana",
    text: "hola",
    ...changes,
  };
}

Deno.test("SessionState.sessionId is the first 8 bytes of the resume token's SHA-256", pure, () => {
  assertEquals(newSessionState().sessionId, SESSION);
});

Deno.test("SessionState.hello() requests the last 50 messages before the first join", pure, () => {
  assertEquals(newSessionState().hello("ana", 0), {
    type: "hello",
    version: 1,
    resumeToken: new Uint8Array(16),
    nick: "ana",
    password: "",
    lagMs: 0xffff_ffff,
    historyCount: 50,
    resumePoints: [],
  });
  assertEquals(newSessionState({ historyCount: 3 }).hello("ana", 0).historyCount, 3);
});

Deno.test(
  "SessionState.hello() has the resume points, and how long ago the client was caught up",
  pure,
  () => {
    const state = newSessionState();
    state.onWelcome(welcome(), 1_000);
    state.onEntry(said({ sessionId: 1n }), 1_500);
    state.onPing({ type: "ping", head: 1 }, 2_000);
    const { lagMs, resumePoints } = state.hello("ana", 2_500);
    assertEquals(lagMs, 500);
    assertEquals(resumePoints, [{ logId: 7n, nextSeq: 1 }]);
  },
);

Deno.test("SessionState.say() is unacked until its echo", pure, () => {
  const state = newSessionState({ outbox: { maxMessages: 1 } });
  state.onWelcome(welcome(), 0);
  assertEquals(state.say("hola"), { type: "say", clientSeq: 1, timeMs: 0, text: "hola" });
  assertEquals(state.unacked, [{ text: "hola" }]);
  assert(state.isFull);
  assertEquals(state.onEntry(said(), 0), "live");
  assertEquals(state.unacked, []);
  assert(!state.isFull);
});

Deno.test("SessionState.onEntry() takes no message of another session for an echo", pure, () => {
  const state = newSessionState();
  state.say("hola");
  state.onEntry(said({ sessionId: 1n }), 0);
  state.onEntry({ ...said(), seq: 1, type: "left", connectionLost: false, address: "10.0.0.7" }, 0);
  assertEquals(state.unacked, [{ text: "hola" }]);
});

Deno.test("SessionState.onWelcome() returns what to resend, and how many entries are truncated", pure, () => {
  const state = newSessionState();
  for (const text of ["uno", "dos"]) state.say(text);
  state.onWelcome(welcome(), 0);
  assertEquals(state.onWelcome(welcome({ lastClientSeq: 1, startSeq: 4, head: 9 }), 0), {
    resend: [{ type: "say", clientSeq: 2, timeMs: 0, text: "dos" }],
    truncatedCount: 4,
  });
});

Deno.test("SessionState.onDisconnect() drops messages that were acked 120 s before", pure, () => {
  for (const [staleSinceMs, count] of [[120_000, 1], [120_001, 0]] as const) {
    const state = newSessionState();
    state.say("hola");
    state.onWelcome(welcome(), 0);
    state.onEntry(said(), 0);
    state.onDisconnect(staleSinceMs);
    assertEquals(state.onWelcome(welcome({ logId: 8n }), staleSinceMs).resend.length, count);
  }
});

Deno.test("SessionState.hello() has the password for a server that asks for it", pure, () => {
  assertEquals(newSessionState().hello("ana", 0, "ábrete").password, "ábrete");
});

Deno.test("SessionState.onWelcome() rejects a contradictory WELCOME", pure, () => {
  const impossible: Partial<Welcome>[] = [{ sessionId: 1n }, { lastClientSeq: 2 }, { startSeq: 3, head: 2 }];
  for (const changes of impossible) {
    const state = newSessionState();
    state.say("hola");
    const error = assertThrows(() => state.onWelcome(welcome(changes), 0), ProtocolError);
    assertEquals(error.code, "frame-malformed");
  }
});

Deno.test(
  "SessionState.onEntry() rejects an entry that is not the next, and a message that was never sent",
  pure,
  () => {
    const impossible: Partial<Said>[] = [{ sessionId: 1n, seq: 4 }, { sessionId: 1n, seq: 6 }, {
      seq: 5,
      clientSeq: 2,
    }];
    for (const changes of impossible) {
      const state = newSessionState();
      state.say("hola");
      state.onWelcome(welcome({ startSeq: 5, head: 5 }), 0);
      const error = assertThrows(() => state.onEntry(said(changes), 0), ProtocolError);
      assertEquals(error.code, "frame-malformed");
    }
  },
);

/** A client whose frames arrive when the test says so. */
class TestClient {
  readonly nick: string;
  readonly state: SessionState;
  /** Messages of other sessions that were shown, as `nick: text`. */
  readonly shown: string[] = [];
  #room: Room | undefined;
  #member: Member | undefined;
  #cursor: Cursor | undefined;

  constructor(nick: string) {
    this.nick = nick;
    this.state = newSessionState({}, new TextEncoder().encode(nick.padEnd(16)));
  }

  /** Joins a server, which receives what is resent; `clock` is that of the server. */
  join(room: Room, ms: number, now: Instant = moment(ms)): void {
    const request = {
      hello: this.state.hello(this.nick, ms),
      sessionId: this.state.sessionId,
      address: "10.0.0.7",
    };
    const { welcome, cursor, member } = room.join(request, now)!;
    [this.#room, this.#member, this.#cursor] = [room, member, cursor];
    for (const message of this.state.onWelcome(welcome, ms).resend) room.say(member, message, now);
  }

  /** Sends a message that arrives. */
  say(text: string, ms: number): void {
    this.deliver(this.state.say(text), ms);
  }

  deliver(message: Say, ms: number): void {
    this.#room!.say(this.#member!, message, moment(ms));
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
    const place = this.state.onEntry(entry, ms);
    if (entry.type !== "said" || place === "duplicate" || entry.nick === this.nick) return;
    this.shown.push(`${entry.nick}: ${entry.text}`);
  }
}

function moment(ms: number) {
  return { wallMs: NOON_MS + ms, monotonicMs: ms };
}

/** Clients that have joined a room and read everything in it. */
function clientsIn(room: Room, ...nicks: string[]): TestClient[] {
  const people = nicks.map((nick) => new TestClient(nick));
  for (const user of people) user.join(room, 0);
  for (const user of people) user.read(0);
  return people;
}

Deno.test(
  "A message that a server delivered to some members before it crashed is shown once to all",
  pure,
  () => {
    const [ana, beto, eva] = clientsIn(
      newRoom({ logId: 1n }),
      "ana",
      "beto",
      "eva",
    ) as [
      TestClient,
      TestClient,
      TestClient,
    ];
    ana.say("uno", 1_000);
    for (const reader of [ana, beto]) reader.read(1_000);
    const second = newRoom({ logId: 2n });
    for (const user of [eva, ana, beto]) user.join(second, 20_000);
    ana.say("dos", 21_000);
    for (const user of [ana, beto, eva]) user.read(22_000);
    assertEquals(beto.shown, ["ana: uno", "ana: dos"]);
    assertEquals(eva.shown, ["ana: uno", "ana: dos"]);
  },
);

Deno.test("A message keeps its first time across three servers that crash one after another", pure, () => {
  const [ana, beto] = clientsIn(newRoom({ logId: 1n }), "ana", "beto") as [
    TestClient,
    TestClient,
  ];
  ana.say("uno", 1_000);
  ana.read(1_000);
  let last = newRoom({ logId: 2n });
  for (const [logId, ms] of [[2n, 20_000], [3n, 140_000], [4n, 260_000]] as const) {
    for (const user of [ana, beto]) user.state.onDisconnect(ms - 5_000);
    last = newRoom({ logId });
    ana.join(last, ms);
    ana.read(ms);
  }
  beto.join(last, 300_000);
  beto.read(300_000);
  assertEquals(beto.shown, ["ana: uno"]);
  const entries = [...splitFrames(last.log.cursorAt(1).take()!)].map((frame) => decodeServer(frame) as Said);
  assertEquals(entries[0]!.timeMs, NOON_MS + 1_000);
  assert(entries[0]!.redelivered);
});

Deno.test(
  "A client that joins a server whose clock was set forward shows what was resent there before",
  pure,
  () => {
    let [wallMs, awakeMs] = [NOON_MS, 0];
    const clock = makeServerClock(() => wallMs, () => awakeMs);
    const pass = (ms: number) => [wallMs, awakeMs] = [wallMs + ms, awakeMs + ms];
    const [ana, beto] = clientsIn(newRoom({ logId: 1n }), "ana", "beto") as [
      TestClient,
      TestClient,
    ];
    ana.say("uno", 1_000);
    ana.read(1_000);
    pass(2_000);
    const second = newRoom({ logId: 2n });
    ana.join(second, 2_000, clock());
    wallMs += 600_000;
    pass(10_000);
    beto.join(second, 12_000, clock());
    beto.read(12_000);
    assertEquals(beto.shown, ["ana: uno"]);
  },
);

Deno.test(
  "A message that arrived on a broken connection and on the next one is shown once",
  pure,
  () => {
    const room = newRoom({ logId: 1n });
    const [ana, beto] = clientsIn(room, "ana", "beto") as [TestClient, TestClient];
    const typed = ana.state.say("uno");
    ana.deliver(typed, 1_000);
    ana.state.onDisconnect(2_000); // before the echo was read
    ana.join(room, 2_500);
    ana.deliver(typed, 3_000);
    beto.read(4_000);
    assertEquals(beto.shown, ["ana: uno"]);
  },
);

Deno.test(
  "A client that joins a server after the sender shows what it missed",
  pure,
  () => {
    const [first, second] = [
      newRoom({ logId: 1n }),
      newRoom({ logId: 2n }),
    ];
    const [ana, beto] = clientsIn(first, "ana", "beto") as [TestClient, TestClient];
    ana.say("uno", 1_000);
    ana.read(1_000);
    ana.join(second, 10_000); // her link broke, the first server lives
    ana.say("dos", 11_000);
    beto.state.onPing({ type: "ping", head: 0 }, 100_000); // whole on the first server, without its last message
    beto.join(second, 140_000);
    beto.read(140_000);
    assertEquals(beto.shown, ["ana: uno", "ana: dos"]);
  },
);

Deno.test("A client that returns to a server continues where it stopped reading", pure, () => {
  const [first, second] = [
    newRoom({ logId: 1n }),
    newRoom({ logId: 2n }),
  ];
  const [ana, beto] = clientsIn(first, "ana", "beto") as [TestClient, TestClient];
  beto.join(second, 1_000);
  ana.say("uno", 2_000);
  beto.read(3_600_000); // whole again, on the second server
  beto.join(first, 3_601_000);
  beto.read(3_601_000);
  assertEquals(beto.shown, ["ana: uno"]);
});
