// Private messages, from the sender's client through the room to its readers, and to the members that may not read them.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { splitFrames } from "../../lib/codec.ts";
import { ProtocolError } from "../../lib/errors.ts";
import { DEFAULT_CONFIG } from "../../lib/client/config.ts";
import { SessionState } from "../../lib/client/session_state.ts";
import type { Member } from "../../lib/room/state.ts";
import {
  decodeServer,
  type LogEntry,
  type MessageOptions,
  type Recipient,
  type Say,
} from "../../lib/protocol/frames.ts";
import type { Room } from "../../lib/room/room.ts";
import { ALL_ENTRIES, type Cursor } from "../../lib/room/event_log.ts";
import { newRoom } from "../testing/room_fixture.ts";

const pure = { permissions: "none" } as const;

function at(ms: number) {
  return { wallMs: 1_700_000_000_000 + ms, monotonicMs: ms };
}

/** A client that a test joins to rooms. */
class TestClient implements Recipient {
  readonly nick: string;
  readonly state: SessionState;
  member!: Member;
  #room!: Room;
  #cursor!: Cursor;

  constructor(nick: string) {
    this.nick = nick;
    this.state = new SessionState(new TextEncoder().encode(nick.padEnd(16)), DEFAULT_CONFIG);
  }

  get sessionId(): bigint {
    return this.state.sessionId;
  }

  /** Joins a room and sends again what the client's outbox asks for. */
  join(room: Room, ms = 0): this {
    const hello = this.state.hello(this.nick, ms);
    const { welcome, cursor, member } = room.join(
      { hello, sessionId: this.sessionId, address: "10.0.0.7" },
      at(ms),
    )!;
    [this.#room, this.member, this.#cursor] = [room, member, cursor];
    for (const message of this.state.onWelcome(welcome, ms).resend) this.deliver(message, ms);
    return this;
  }

  say(text: string, { ms = 0, ...options }: MessageOptions & { ms?: number } = {}): void {
    this.deliver(this.state.say(text, options), ms);
  }

  deliver(message: Say, ms = 0): void {
    this.#room.say(this.member, message, at(ms));
  }

  /** Reads all new entries. Their `seq` must be consecutive. */
  entries(): LogEntry[] {
    return entriesOf(this.#cursor);
  }

  /** The new messages that are shown, as `delivery text`. */
  reads(ms = 0): string[] {
    return this.entries().flatMap((entry) => {
      const delivery = this.state.onEntry(entry, ms);
      return delivery === "duplicate" || entry.type !== "said" ? [] : [`${delivery} ${entry.text}`];
    });
  }
}

function entriesOf(cursor: Cursor): LogEntry[] {
  const entries: LogEntry[] = [];
  let { seq } = cursor;
  for (let slice = cursor.take(); slice; slice = cursor.take()) {
    for (const frame of splitFrames(slice)) {
      const entry = decodeServer(frame) as LogEntry;
      assertEquals(entry.seq, seq++);
      entries.push(entry);
    }
  }
  return entries;
}

/** A room with three members that have read everything. */
function room(logId = 1n) {
  const room = newRoom({ logId });
  const [ana, beto, eva] = [new TestClient("ana"), new TestClient("beto"), new TestClient("eva")];
  for (const client of [ana, beto, eva]) client.join(room);
  for (const client of [ana, beto, eva]) client.reads();
  return { room, ana, beto, eva };
}

Deno.test(
  "A private message reaches its sender and its recipient, and others read a NOOP",
  pure,
  () => {
    const { room: { log }, ana, beto, eva } = room();
    ana.say("hola, beto", { to: beto });
    ana.say("hola, todos");
    assertEquals(ana.reads(), ["live hola, beto", "live hola, todos"]);
    assertEquals(beto.reads(), ["live hola, beto", "live hola, todos"]);
    const [noop, said] = eva.entries();
    assertEquals([noop, said?.type], [{ type: "noop", seq: 3 }, "said"]);
    // The console reads everything.
    const seen = entriesOf(log.cursorAt(3, ALL_ENTRIES)).map((entry) =>
      entry.type === "said" && entry.to?.nick
    );
    assertEquals(seen, ["beto", undefined]);
  },
);

Deno.test(
  "A private message names its recipient as the room does, or else as its sender does",
  pure,
  () => {
    const { room: it, ana, beto, eva } = room();
    it.rename(beto.member, "Norberto", at(0));
    ana.say("uno", { to: { sessionId: beto.sessionId, nick: "beto" } });
    it.leave(eva.member, at(0));
    ana.say("dos", { to: { sessionId: eva.sessionId, nick: "evita" } });
    const recipients = ana.entries().flatMap((entry) => entry.type === "said" ? [entry.to] : []);
    assertEquals(recipients, [{ sessionId: beto.sessionId, nick: "Norberto" }, {
      sessionId: eva.sessionId,
      nick: "evita",
    }]);
  },
);

Deno.test(
  "A private message is read by a recipient that resumes, and is not in a new client's history",
  pure,
  () => {
    const { room: it, ana, beto } = room();
    it.disconnect([beto.member], at(0));
    ana.say("para todos");
    ana.say("para beto", { to: beto });
    assertEquals(beto.join(it).reads(), ["missed para todos", "missed para beto"]);
    const leo = new TestClient("leo").join(it);
    assertEquals(leo.entries().map(({ type }) => type), ["said", "noop", "joined"]);
  },
);

Deno.test("A new client is shown no private message of the past, even if it is the recipient", pure, () => {
  const { room: it, ana } = room();
  const leo = new TestClient("leo");
  ana.say("uno");
  ana.say("para leo", { to: leo });
  ana.say("dos");
  assertEquals(leo.join(it).reads(), ["history uno", "history dos"]);
  it.disconnect([leo.member], at(0));
  assertEquals(leo.join(it).reads(), []);
});

Deno.test("History counts public messages only", pure, () => {
  const { room: it, ana, beto } = room();
  ana.say("uno");
  for (let i = 0; i < 60; i++) ana.say("secreto", { to: beto });
  assertEquals(new TestClient("leo").join(it).reads(), ["history uno"]);
});

Deno.test("A private message is unacked, sent again after a failover, and shown once", pure, () => {
  const { ana, beto, eva } = room();
  ana.say("uno", { to: beto, ms: 1_000 });
  assertEquals(ana.state.unacked, [{ text: "uno", to: beto }]);
  assertEquals(beto.reads(1_000), ["live uno"]);
  assertEquals(ana.reads(1_000), ["live uno"]);
  assertEquals(ana.state.unacked, []);
  ana.say("dos", { to: beto, action: true, ms: 2_000 });
  // The server crashes: beto has the first message, no other client has the second.
  const second = newRoom({ logId: 2n });
  for (const client of [ana, eva, beto]) client.state.onDisconnect(2_000);
  for (const client of [ana, eva, beto]) client.join(second, 5_000);
  assertEquals(ana.reads(5_000), ["live dos"]);
  const read = beto.entries().map((entry) => ({ entry, delivery: beto.state.onEntry(entry, 5_000) }));
  const messages = read.flatMap(({ entry }) => entry.type === "said" ? [entry] : []);
  assertEquals(
    messages.map(({ text, redelivered, action, to }) => [text, redelivered, action, to?.sessionId]),
    [
      ["uno", true, undefined, beto.sessionId],
      ["dos", false, true, beto.sessionId],
    ],
  );
  assertEquals(read.flatMap(({ entry, delivery }) => entry.type === "said" ? [delivery] : []), [
    "duplicate",
    "backfill",
  ]);
  assert(eva.entries().every(({ type }) => type !== "said"));
});

Deno.test("Room.say() drops a duplicate of a private message, too", pure, () => {
  const { ana, beto } = room();
  const message = ana.state.say("uno", { to: beto });
  for (let i = 0; i < 2; i++) ana.deliver(message);
  assertEquals(beto.reads(), ["live uno"]);
});

Deno.test("Room.say() rejects a recipient with an invalid nick", pure, () => {
  const { ana, beto } = room();
  for (const nick of ["", "a b", "\x1b[2J", "x".repeat(21), "ﬁ"]) {
    const message = ana.state.say("uno", { to: { sessionId: beto.sessionId, nick } });
    assertEquals(assertThrows(() => ana.deliver(message), ProtocolError).code, "text-invalid");
  }
  assertEquals(beto.reads(), []);
});

Deno.test("A private message to oneself is read by its sender only", pure, () => {
  const { ana, eva } = room();
  ana.say("nota", { to: ana });
  assertEquals(ana.reads(), ["live nota"]);
  assertEquals(eva.entries(), [{ type: "noop", seq: 3 }]);
});
