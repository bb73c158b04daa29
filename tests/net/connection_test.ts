// Reading, writing and closing, on fake sockets.

import { assertEquals, assertRejects } from "@std/assert";
import { MAX_SEND_QUEUE_BYTES } from "../../lib/net/connection.ts";
import { ConnectionLostError } from "../../lib/errors.ts";
import { FakeConn, frame, Room } from "../testing/manager_fixture.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";

const pure = { permissions: "none" } as const;

Deno.test("Connection sets TCP_NODELAY", pure, () => {
  using room = new Room();
  assertEquals(room.enter().conn.isWriteDelayed, false);
});

Deno.test(
  "Connection survives a system that refuses TCP_NODELAY",
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
  "Connection.end() writes the send queue, the log up to its end, then the last frame",
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

Deno.test("Connection.end() writes the last frame although the log keeps growing", pure, async () => {
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

Deno.test("Connection closes when both sides have ended", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  connection.end(frame("bye"), 60_000);
  await conn.until(({ hasEndedWriting }) => hasEndedWriting);
  const end = connection.read();
  conn.receive(frame("said too late, and forgotten"));
  await flushTasks();
  conn.receive(null);
  assertEquals(await withTimeout(end, "the end"), undefined);
  await withTimeout(connection.closed, "the connection to close");
});

Deno.test(
  "Connection measures the age of a frame from its first byte",
  pure,
  async () => {
    using room = new Room({ pingMs: 1_000, pingTimeoutMs: 1_000, pingAlways: false });
    const { conn, connection } = room.enter();
    const slow = frame("slow");
    for (let i = 0; i < 5; i++) {
      const next = connection.read();
      room.nowMs += 10;
      conn.receive(slow.subarray(i, i + 1));
      await withTimeout(next, "a byte");
    }
    const rest = connection.read();
    assertEquals([connection.isFrameOverdue(41), connection.isFrameOverdue(40)], [false, true]);
    conn.receive(slow.subarray(5));
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
  "Connection.close() ends a read that drops late input",
  pure,
  async () => {
    using room = new Room();
    const { conn, connection } = room.enter();
    connection.end(frame("bye"), 60_000);
    await conn.until(({ hasEndedWriting }) => hasEndedWriting);
    const end = connection.read();
    conn.receive(frame("said too late, and forgotten"));
    await flushTasks();
    connection.close();
    assertEquals(await withTimeout(end, "the end"), undefined);
  },
);

Deno.test("Connection closes after the timeout if the peer does not end", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  connection.end(frame("bye"), 10);
  await withTimeout(connection.closed, "the connection to close");
  assertEquals(conn.writes, [["bye"]]);
  assertEquals(conn.hasClosed, true);
});

Deno.test("Connection still writes to a peer that has ended its side", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  room.say("one");
  conn.receive(null);
  assertEquals(await withTimeout(connection.read(), "the end"), undefined);
  connection.end(undefined, 60_000);
  await withTimeout(connection.closed, "the connection to close");
  assertEquals(conn.writes, [["one"]]);
});

Deno.test("Connection closes when its send queue is too long", pure, async () => {
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

Deno.test("Connection drops stale input after a long silence", pure, async () => {
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

Deno.test("Connection does not count written frames against the send queue", pure, async () => {
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
  "Connection.pauseReading() extends the deadline, but not by a sleep of the machine",
  pure,
  async () => {
    using room = new Room();
    const { connection } = room.enter();
    for (const [lateMs, lastReceivedMs] of [[500, 501], [5_000, 501 + 1_001]] as const) {
      const pause = connection.pauseReading(1);
      room.nowMs += 1 + lateMs;
      await withTimeout(pause, "the pause to end");
      assertEquals(connection.lastReceivedMs, lastReceivedMs);
    }
  },
);

Deno.test("Connection.end() ends a pause", pure, async () => {
  using room = new Room();
  const { connection } = room.enter();
  const pause = connection.pauseReading(60_000);
  connection.end(undefined, 60_000);
  await withTimeout(pause, "the pause to end");
});
