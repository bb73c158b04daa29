// How connections begin, wait and end, on sockets that do only what the test says.

import { assertEquals, assertRejects } from "@std/assert";
import { MAX_SEND_QUEUE_BYTES } from "../../lib/net/connection.ts";
import { ConnectionLostError } from "../../lib/errors.ts";
import { FakeConn, frame, Room } from "./manager_fixture.ts";
import { flushMacrotasks, withTimeout } from "../support.ts";

const pure = { permissions: "none" } as const;

Deno.test("Connection has TCP send at once what is written", pure, () => {
  using room = new Room();
  assertEquals(room.enter().conn.isWriteDelayed, false);
});

Deno.test(
  "Connection ends as any other where the system sets nothing for a peer that is gone",
  pure,
  async () => {
    using room = new Room();
    const { setNoDelay } = FakeConn.prototype;
    FakeConn.prototype.setNoDelay = () => {
      throw new TypeError("Invalid argument (os error 22)");
    };
    try {
      const { conn, connection } = room.enter();
      conn.receive(null);
      assertEquals(await connection.read(), undefined);
    } finally {
      FakeConn.prototype.setNoDelay = setNoDelay;
    }
  },
);

Deno.test(
  "Connection.finish() writes what waits and the log up to then, then the farewell",
  pure,
  async () => {
    using room = new Room();
    const { conn, connection } = room.enter();
    room.say("one");
    connection.send(frame("answer"));
    connection.end(frame("bye"));
    connection.send(frame("never"));
    connection.end(frame("bye again"));
    await conn.until(({ hasEndedWriting }) => hasEndedWriting);
    assertEquals(conn.writes, [["answer"], ["one"], ["bye"]]);
    assertEquals(conn.hasClosed, false); // the peer may still be reading
  },
);

Deno.test("Connection.finish() says farewell in a room that never stops talking", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  room.say("one");
  connection.end(frame("bye"));
  for (let i = 0; i < 100 && !conn.hasEndedWriting; i++) {
    conn.isFull = true;
    await conn.until(({ writes, hasEndedWriting }) => hasEndedWriting || writes.length > i);
    room.say("more");
    conn.drain();
  }
  assertEquals(conn.writes, [["one"], ["bye"]]);
});

Deno.test("Connection closes when the peer has ended too", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  connection.end(frame("bye"), 60_000);
  await conn.until(({ hasEndedWriting }) => hasEndedWriting);
  const end = connection.read();
  conn.receive(frame("said too late, and forgotten"));
  await flushMacrotasks();
  conn.receive(null);
  assertEquals(await withTimeout(end, "the end"), undefined);
  await withTimeout(connection.closed, "the connection to close");
});

Deno.test(
  "Connection gives a frame its time from its first byte on, however it trickles in",
  pure,
  async () => {
    using room = new Room({ pingMs: 1_000, pingTimeoutMs: 1_000, pingAlways: false });
    const { conn, connection } = room.enter();
    const whole = frame("slow");
    for (let i = 0; i < 5; i++) {
      const next = connection.read();
      room.nowMs += 10;
      conn.receive(whole.subarray(i, i + 1));
      await withTimeout(next, "a byte");
    }
    const rest = connection.read();
    assertEquals([connection.isFrameOverdue(41), connection.isFrameOverdue(40)], [false, true]);
    conn.receive(whole.subarray(5));
    const decoder = await withTimeout(rest, "the rest");
    assertEquals(connection.isFrameOverdue(0), false); // while nobody reads, nobody waits
    assertEquals(decoder!.next() !== undefined, true);
    const next = connection.read();
    room.nowMs += 500;
    assertEquals(connection.isFrameOverdue(1), false); // nothing has begun
    conn.receive(null);
    await withTimeout(next, "the end");
  },
);

Deno.test(
  "Connection that is closed while it forgets what comes too late ends as any other",
  pure,
  async () => {
    using room = new Room();
    const { conn, connection } = room.enter();
    connection.end(frame("bye"), 60_000);
    await conn.until(({ hasEndedWriting }) => hasEndedWriting);
    const end = connection.read();
    conn.receive(frame("said too late, and forgotten"));
    await flushMacrotasks();
    connection.close();
    assertEquals(await withTimeout(end, "the end"), undefined);
  },
);

Deno.test("Connection does not wait for a peer that does not end", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  connection.end(frame("bye"), 10);
  await withTimeout(connection.closed, "the connection to close");
  assertEquals(conn.writes, [["bye"]]);
  assertEquals(conn.hasClosed, true);
});

Deno.test("Connection owes what it has to a peer that ends first", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  room.say("one");
  conn.receive(null);
  assertEquals(await withTimeout(connection.read(), "the end"), undefined);
  connection.end(undefined, 60_000);
  await withTimeout(connection.closed, "the connection to close");
  assertEquals(conn.writes, [["one"]]);
});

Deno.test("Connection cuts off a peer for whom too many answers wait", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  const next = connection.read();
  const answer = frame("x".repeat(251));
  for (let bytes = 0; bytes < MAX_SEND_QUEUE_BYTES; bytes += answer.length) connection.send(answer);
  assertEquals(conn.hasClosed, false);
  connection.send(answer);
  assertEquals(conn.hasClosed, true);
  const { code } = await assertRejects(() => withTimeout(next, "the loss"), ConnectionLostError);
  assertEquals(code, "broken");
});

Deno.test("Connection believes nothing that comes when the peer was silent for too long", pure, async () => {
  using room = new Room({ pingMs: 20, pingTimeoutMs: 60, pingAlways: false });
  const { conn, connection } = room.enter();
  const first = connection.read();
  room.nowMs = 59;
  conn.receive(frame("in time"));
  assertEquals(await withTimeout(first, "what the peer said") !== undefined, true);
  const second = connection.read();
  room.nowMs += 60;
  conn.receive(frame("too late"));
  const { code } = await assertRejects(() => withTimeout(second, "the loss"), ConnectionLostError);
  assertEquals(code, "broken"); // it is not the peer that was silent until now
});

Deno.test("Connection is lost when the peer cannot be read from", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  const next = connection.read();
  conn.fail();
  const { code } = await assertRejects(() => withTimeout(next, "the loss"), ConnectionLostError);
  assertEquals(code, "broken");
});

Deno.test("Connection is lost when the peer cannot be written to", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  const next = connection.read();
  conn.hasClosed = true;
  room.say("one");
  const { code } = await assertRejects(() => withTimeout(next, "the loss"), ConnectionLostError);
  assertEquals(code, "broken");
  await withTimeout(connection.closed, "the connection to close");
});

Deno.test("Connection cuts off nobody for what they have read", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  const answer = frame("x".repeat(9_000));
  const count = 100;
  for (let sent = 0; sent <= 2 * MAX_SEND_QUEUE_BYTES; sent += count * answer.length) {
    conn.writes.length = 0;
    for (let i = 0; i < count; i++) connection.send(answer);
    await conn.until(({ writes }) => writes.flat().length === count);
  }
  assertEquals(connection.isOpen, true);
});

Deno.test(
  "Connection.hold() excuses a peer for as long as it takes, but not for a sleep of the machine",
  pure,
  async () => {
    using room = new Room();
    const { connection } = room.enter();
    for (const [lateMs, lastReceivedMs] of [[500, 501], [5_000, 501 + 1_001]] as const) {
      const held = connection.pauseReading(1);
      room.nowMs += 1 + lateMs;
      await withTimeout(held, "the hold to end");
      assertEquals(connection.lastReceivedMs, lastReceivedMs);
    }
  },
);

Deno.test("Connection.finish() ends a hold: whoever waits goes on and finds out", pure, async () => {
  using room = new Room();
  const { connection } = room.enter();
  const held = connection.pauseReading(60_000);
  connection.end(undefined, 60_000);
  await withTimeout(held, "the hold to end");
});
