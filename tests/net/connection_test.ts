// Reading, writing and closing, on fake sockets.

import { assertEquals, assertRejects } from "@std/assert";
import { ConnectionLostError } from "../../lib/errors.ts";
import { type Connection, MAX_SEND_QUEUE_BYTES } from "../../lib/net/connection.ts";
import { FakeConn, frame, ManagerFixture, textsOf } from "../testing/manager_fixture.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";

/** Waits for a read, or for the connection to close. */
function within<Value>(promise: Promise<Value>): Promise<Value> {
  return withTimeout(promise, "the connection");
}

async function assertBroken(read: ReturnType<Connection["read"]>): Promise<void> {
  const { code } = await assertRejects(() => within(read), ConnectionLostError);
  assertEquals(code, "broken");
}

/** Takes four bytes of each write. */
class TricklingConn extends FakeConn {
  readonly taken: number[] = [];

  override write(bytes: Uint8Array): Promise<number> {
    const part = bytes.subarray(0, 4);
    this.taken.push(...part);
    this.writes.push([]);
    this.onWrite();
    return Promise.resolve(part.length);
  }
}

Deno.test("Connection sets TCP_NODELAY, and survives a system that refuses it", pure, async () => {
  using it = new ManagerFixture();
  assertEquals(it.add().conn.isWriteDelayed, false);
  class RefusingConn extends FakeConn {
    override setNoDelay(): void {
      throw new TypeError("Invalid argument (os error 22)");
    }
  }
  const { conn, connection } = it.add(new RefusingConn());
  conn.receive(null);
  assertEquals(await within(connection.read()), undefined);
});

Deno.test("Connection.send() goes between two frames of the log, in order, in one write", pure, async () => {
  using it = new ManagerFixture();
  const { conn, connection } = it.add();
  conn.isFull = true;
  it.append("one");
  await conn.written(1);
  it.append("two");
  connection.send(frame("answer"));
  connection.send(frame("another"));
  conn.drain();
  await conn.written(3);
  assertEquals(conn.writes, [["one"], ["answer", "another"], ["two"]]);
});

Deno.test("Connection.send() writes a long frame alone, without a copy", pure, async () => {
  using it = new ManagerFixture();
  const { conn, connection } = it.add();
  const long = "x".repeat(5_000);
  for (const text of ["one", "two", long, long, "three", "four"]) connection.send(frame(text));
  await conn.written(4);
  assertEquals(conn.writes, [["one", "two"], [long], [long], ["three", "four"]]);
});

Deno.test("Connection.send() closes the connection when too much waits", pure, async () => {
  using it = new ManagerFixture();
  const { conn, connection } = it.add();
  const read = connection.read();
  const answer = frame("x".repeat(251));
  for (let bytes = 0; bytes < MAX_SEND_QUEUE_BYTES; bytes += answer.length) connection.send(answer);
  assertEquals(conn.hasClosed, false);
  connection.send(answer);
  assertEquals(conn.hasClosed, true);
  await assertBroken(read);
});

Deno.test("Connection.send() does not count what was written", pure, async () => {
  using it = new ManagerFixture();
  const { conn, connection } = it.add();
  const answer = frame("x".repeat(9_000));
  const count = 100;
  for (let sent = 0; sent <= 2 * MAX_SEND_QUEUE_BYTES; sent += count * answer.length) {
    conn.writes.length = 0;
    for (let i = 0; i < count; i++) connection.send(answer);
    await conn.written(count);
  }
  assertEquals(connection.isOpen, true);
});

Deno.test("Connection writes the rest of a write of which the socket took a part", pure, async () => {
  using it = new ManagerFixture();
  const conn = new TricklingConn();
  it.add(conn);
  it.append("one", "two");
  for (let turn = 0; conn.taken.length < 16 && turn < 100; turn++) await flushTasks(1);
  assertEquals(textsOf(Uint8Array.from(conn.taken)), ["one", "two"]);
});

Deno.test("Connection.isWriteStalled counts from when the peer last took bytes", pure, async () => {
  using it = new ManagerFixture();
  const conn = new TricklingConn();
  const { connection } = it.add(conn);
  conn.onWrite = () => {
    assertEquals(connection.isWriteStalled, false);
    it.nowMs += 59;
  };
  it.append("one", "two");
  for (let turn = 0; conn.taken.length < 16 && turn < 100; turn++) await flushTasks(1);
  assertEquals([conn.taken.length, it.reasons], [16, []]);
});

Deno.test("Connection.end() writes the send queue, the rest of the log, the last frame", pure, async () => {
  using it = new ManagerFixture();
  const { conn, connection } = it.add();
  it.append("one");
  connection.send(frame("answer"));
  connection.end(frame("bye"));
  connection.send(frame("never"));
  connection.end(frame("bye again"));
  await conn.endedWriting();
  assertEquals(conn.writes, [["answer"], ["one"], ["bye"]]);
  assertEquals(conn.hasClosed, false); // the peer may still be reading
});

Deno.test("Connection.end() writes the last frame although the log keeps growing", pure, async () => {
  using it = new ManagerFixture();
  const { conn, connection } = it.add();
  it.append("one");
  connection.end(frame("bye"));
  conn.onWrite = () => it.append("more");
  await conn.endedWriting();
  assertEquals(conn.writes, [["one"], ["bye"]]);
});

Deno.test("Connection.end() closes when both sides have ended, and drops what comes late", pure, async () => {
  using it = new ManagerFixture();
  const { conn, connection } = it.add();
  connection.end(frame("bye"), 60_000);
  await conn.endedWriting();
  const end = connection.read();
  conn.receive(frame("said too late, and dropped"));
  await flushTasks();
  assertEquals(conn.hasClosed, false);
  conn.receive(null);
  assertEquals(await within(end), undefined);
  await within(connection.closed);
  assertEquals(conn.hasClosed, true);
});

Deno.test("Connection.end() still writes to a peer that has ended its side, then closes", pure, async () => {
  using it = new ManagerFixture();
  const { conn, connection } = it.add();
  it.append("one");
  conn.receive(null);
  assertEquals(await within(connection.read()), undefined);
  connection.end(undefined, 60_000);
  await within(connection.closed);
  assertEquals([conn.writes, conn.hasEndedWriting], [[["one"]], false]);
});

Deno.test("Connection.end() closes after the timeout if the peer does not end", pure, async () => {
  using it = new ManagerFixture();
  const { conn, connection } = it.add();
  connection.end(frame("bye"), 10);
  await within(connection.closed);
  assertEquals([conn.writes, conn.hasClosed], [[["bye"]], true]);
});

Deno.test("Connection.close() ends a read that drops late input", pure, async () => {
  using it = new ManagerFixture();
  const { conn, connection } = it.add();
  connection.end(frame("bye"), 60_000);
  await conn.endedWriting();
  const end = connection.read();
  conn.receive(frame("said too late, and dropped"));
  await flushTasks();
  connection.close();
  assertEquals(await within(end), undefined);
  await within(connection.closed);
});

Deno.test("Connection.close() makes read() throw its reason", pure, async () => {
  using it = new ManagerFixture();
  const { connection } = it.add();
  const read = connection.read();
  const reason = new ConnectionLostError("silent");
  connection.close(reason);
  connection.close(new ConnectionLostError("broken"));
  assertEquals(await assertRejects(() => within(read), ConnectionLostError), reason);
  assertEquals([connection.isOpen, connection.hasPendingWrite], [false, false]);
});

Deno.test("Connection.isFrameOverdue() measures the age of a frame from its first byte", pure, async () => {
  using it = new ManagerFixture({ pingMs: 1_000, pingTimeoutMs: 1_000, pingAlways: false });
  const { conn, connection } = it.add();
  const slow = frame("slow");
  for (let i = 0; i < 5; i++) {
    const next = connection.read();
    it.nowMs += 10;
    conn.receive(slow.subarray(i, i + 1));
    await within(next);
  }
  const rest = connection.read();
  assertEquals([connection.isFrameOverdue(41), connection.isFrameOverdue(40)], [false, true]);
  conn.receive(Uint8Array.of(...slow.subarray(5), ...slow.subarray(0, 3)));
  const decoder = await within(rest);
  assertEquals(connection.isFrameOverdue(0), false); // while no call reads, none waits
  assertEquals(decoder!.next() !== undefined, true);
  const second = connection.read();
  assertEquals([connection.isFrameOverdue(1), connection.isFrameOverdue(0)], [false, true]); // another frame
  conn.receive(slow.subarray(3));
  (await within(second))!.next();
  const third = connection.read();
  it.nowMs += 500;
  assertEquals(connection.isFrameOverdue(1), false); // nothing has begun
  conn.receive(null);
  await within(third);
});

Deno.test("Connection.read() drops stale input after a long silence", pure, async () => {
  using it = new ManagerFixture({ pingMs: 20, pingTimeoutMs: 60, pingAlways: false });
  const { conn, connection } = it.add();
  const first = connection.read();
  it.nowMs = 59;
  conn.receive(frame("in time"));
  assertEquals((await within(first))!.next() !== undefined, true);
  const second = connection.read();
  it.nowMs += 60;
  conn.receive(frame("too late"));
  await assertBroken(second); // it is not the peer that was silent until now
});

Deno.test("Connection.read() throws when the peer cannot be read from", pure, async () => {
  using it = new ManagerFixture();
  const { conn, connection } = it.add();
  const read = connection.read();
  conn.fail();
  await assertBroken(read);
});

Deno.test("Connection.read() throws when the peer cannot be written to", pure, async () => {
  using it = new ManagerFixture();
  const { conn, connection } = it.add();
  const read = connection.read();
  conn.hasClosed = true;
  it.append("one");
  await assertBroken(read);
  await within(connection.closed);
});

Deno.test("Connection.pauseReading() extends the deadline, not by a sleep of the machine", pure, async () => {
  using it = new ManagerFixture();
  const { connection } = it.add();
  for (const [lateMs, lastReceivedMs] of [[500, 501], [5_000, 501 + 1_001]] as const) {
    const pause = connection.pauseReading(1);
    it.nowMs += 1 + lateMs;
    await within(pause);
    assertEquals(connection.lastReceivedMs, lastReceivedMs);
  }
});

for (
  const [what, act] of Object.entries<(connection: Connection) => void>({
    "Connection.resumeReading()": (connection) => connection.resumeReading(),
    "Connection.end()": (connection) => connection.end(undefined, 60_000),
    "Connection.close()": (connection) => connection.close(),
  })
) {
  Deno.test(`${what} ends a pause, which extends the deadline by its real length`, pure, async () => {
    using it = new ManagerFixture();
    const { connection } = it.add();
    connection.startHeartbeat();
    const pause = connection.pauseReading(60_000);
    it.nowMs += 20;
    act(connection);
    await within(pause);
    assertEquals(connection.lastReceivedMs, 20);
    assertEquals([79, 80].map((nowMs) => connection.heartbeat!.check(nowMs)), [undefined, "dead"]);
  });
}
