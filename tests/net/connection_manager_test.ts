// Flush cycles, heartbeats and unresponsive connections, on fake sockets.

import { assertEquals } from "@std/assert";
import { frame, ManagerFixture, textsOf } from "../testing/manager_fixture.ts";
import { pure } from "../testing/test_options.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";

Deno.test("ConnectionManager writes once per client and flush cycle", pure, async () => {
  using it = new ManagerFixture();
  const conns = [it.add().conn, it.add().conn, it.add().conn];
  it.append("one", "two");
  it.append("three");
  for (const conn of conns) await conn.written(1);
  await flushTasks();
  for (const { writes } of conns) assertEquals(writes, [["one", "two", "three"]]);
});

Deno.test("ConnectionManager writes to no client always last", pure, async () => {
  using it = new ManagerFixture();
  const served: string[] = [];
  const conns = ["ana", "beto", "carla"].map((name) => {
    const { conn } = it.add();
    conn.onWrite = () => served.push(name);
    return conn;
  });
  for (const [index, text] of ["one", "two", "three"].entries()) {
    it.append(text);
    for (const conn of conns) await conn.written(index + 1);
    await flushTasks();
  }
  assertEquals([served[2], served[5], served[8]].toSorted(), ["ana", "beto", "carla"]);
});

Deno.test("ConnectionManager begins a flush cycle when the last one's writes are done", pure, async () => {
  using it = new ManagerFixture({ slowWriteMs: 60_000 });
  const [ana, beto] = [it.add().conn, it.add().conn];
  beto.isFull = true;
  it.append("one");
  await beto.written(1);
  it.append("two");
  it.append("three");
  await new Promise((resolve) => setImmediate(resolve)); // when a cycle would begin if none was running
  assertEquals(ana.writes, [["one"]]);
  beto.drain();
  await beto.written(2);
  assertEquals(ana.writes, [["one"], ["two", "three"]]);
  assertEquals(beto.writes, [["one"], ["two", "three"]]);
});

Deno.test("ConnectionManager begins the next flush cycle after a write that failed", pure, async () => {
  using it = new ManagerFixture({ slowWriteMs: 60_000 });
  const [ana, beto] = [it.add().conn, it.add().conn];
  beto.hasClosed = true;
  for (const [index, text] of ["one", "two"].entries()) {
    it.append(text);
    await ana.written(index + 1);
  }
  assertEquals(ana.writes, [["one"], ["two"]]);
});

Deno.test("ConnectionManager waits for a slow write no longer than `slowWriteMs`", pure, async () => {
  using it = new ManagerFixture();
  const [ana, beto] = [it.add().conn, it.add().conn];
  beto.isFull = true;
  for (const [index, text] of ["one", "two", "three"].entries()) {
    it.append(text);
    await ana.written(index + 1);
  }
  assertEquals(beto.writes, [["one"]]);
  beto.drain();
  await beto.written(2);
  assertEquals(beto.writes, [["one"], ["two", "three"]]);
});

Deno.test("ConnectionManager spreads the writes of a flush cycle over event loop turns", pure, async () => {
  using it = new ManagerFixture();
  let count = 0;
  const conns = Array.from({ length: 250 }, () => {
    const { conn } = it.add();
    conn.onWrite = () => count++;
    return conn;
  });
  it.append("one");
  const counts: number[] = [];
  while (count < conns.length) {
    await new Promise((resolve) => setImmediate(resolve));
    counts.push(count);
  }
  assertEquals(counts.filter((count) => count > 0), [100, 200, 250]);
  for (const { writes } of conns) assertEquals(writes, [["one"]]);
});

Deno.test("ConnectionManager calls onBeforeFlush and log consumers in each flush cycle", pure, async () => {
  using it = new ManagerFixture();
  const cursor = it.log.cursorAt(0);
  const read = Promise.withResolvers<string[]>();
  it.manager.onBeforeFlush = () => it.log.append(frame("before"), 0);
  it.manager.addConsumer({ flush: () => read.resolve(textsOf(cursor.take()!)) });
  it.append("one");
  assertEquals(await withTimeout(read.promise, "the consumer to be flushed"), ["one", "before"]);
});

Deno.test("ConnectionManager sends due PINGs, and none during the handshake", pure, async () => {
  using it = new ManagerFixture({ pingMs: 20, pingTimeoutMs: 60, pingAlways: true });
  const { conn, connection } = it.add();
  it.nowMs = 1_000;
  await flushTasks();
  assertEquals(conn.writes, []);
  connection.startHeartbeat();
  it.nowMs = 1_020;
  await conn.written(1);
  await flushTasks(10);
  assertEquals(conn.writes, [["ping"]]);
  it.nowMs = 1_059;
  await conn.written(2);
  assertEquals(it.reasons, []);
  it.nowMs = 1_060;
  assertEquals(await it.reason(), "ping-timeout");
});

Deno.test("ConnectionManager keeps a client that sends data", pure, async () => {
  using it = new ManagerFixture({ handshakeMs: 40, pingMs: 1_000, pingTimeoutMs: 60, pingAlways: false });
  const { conn, connection } = it.add();
  connection.startHeartbeat();
  for (let i = 1; i <= 3; i++) {
    const read = connection.read();
    it.nowMs += 50;
    await flushTasks();
    conn.receive(frame("here"));
    (await withTimeout(read, "the client's frame"))!.next();
    assertEquals(connection.lastReceivedMs, it.nowMs);
  }
  assertEquals(it.reasons, []);
});

Deno.test("ConnectionManager reports ping-timeout of a client that sends data, no PONG", pure, async () => {
  using it = new ManagerFixture({ pingMs: 10, pingTimeoutMs: 60, pingAlways: true });
  const { conn, connection } = it.add();
  connection.startHeartbeat();
  for (it.nowMs = 20; it.reasons.length === 0 && it.nowMs < 1_000; it.nowMs += 20) {
    conn.receive(frame("here"));
    (await withTimeout(connection.read(), "the client's frame"))!.next();
    await flushTasks(10);
  }
  assertEquals(await it.reason(), "ping-timeout");
});

Deno.test("ConnectionManager reports handshake-timeout `handshakeMs` after the accept", pure, async () => {
  using it = new ManagerFixture({ handshakeMs: 100 });
  it.nowMs = 1_000;
  const { conn, connection } = it.add();
  it.nowMs = 1_100;
  await flushTasks(10);
  assertEquals(it.reasons, []); // the client waits for a server that does not read
  it.nowMs = 1_050;
  conn.receive(Uint8Array.of(0));
  await connection.read(); // a byte gives no more time
  it.nowMs = 1_099;
  const read = connection.read();
  await flushTasks(10);
  assertEquals(it.reasons, []);
  it.nowMs = 1_100;
  assertEquals(await it.reason(), "handshake-timeout");
  conn.receive(null);
  await read;
});

Deno.test("ConnectionManager reports frame-timeout of a client that completes no frame", pure, async () => {
  using it = new ManagerFixture({ frameMs: 50, pingMs: 1_000, pingTimeoutMs: 1_000 });
  const { conn, connection } = it.add();
  connection.startHeartbeat();
  conn.receive(frame("slow").subarray(0, 3));
  await connection.read();
  const read = connection.read();
  it.nowMs = 49;
  await flushTasks(20);
  assertEquals(it.reasons, []);
  it.nowMs = 50;
  assertEquals(await it.reason(), "frame-timeout");
  conn.receive(null);
  await read;
});

Deno.test("ConnectionManager reports slow-consumer of a client that takes no bytes", pure, async () => {
  using it = new ManagerFixture();
  const { conn } = it.add();
  conn.isFull = true;
  it.append("one");
  it.manager.scheduleFlush();
  await conn.written(1);
  it.nowMs = 59;
  await flushTasks(10);
  assertEquals(it.reasons, []);
  it.nowMs = 60;
  assertEquals(await it.reason(), "slow-consumer");
});

Deno.test("ConnectionManager reports slow-consumer of a client that the log overtakes", pure, async () => {
  using it = new ManagerFixture({
    log: { segmentBytes: 20, retainedBytes: 40 },
    onUnresponsive: (connection) => connection.end(frame("too slow")),
  });
  const [{ conn }, { conn: reader }] = [it.add(), it.add()];
  conn.isFull = true;
  for (let i = 1; i <= 5; i++) {
    it.append("1234567890");
    await reader.written(i);
  }
  await it.reason(); // though a write is still under way
  conn.drain();
  await conn.endedWriting();
  assertEquals(it.reasons, ["slow-consumer"]);
  assertEquals(conn.writes, [["1234567890"], ["too slow"]]);
});

for (
  const [steps, expected] of [
    [[1_020, 1_040, 1_060], false],
    [[1_029, 1_060], true],
    [[1_030, 1_045, 1_060], true],
  ] as const
) {
  Deno.test(`ConnectionManager.wasSuspended is ${expected} after checks at ${steps} ms`, pure, async () => {
    const suspended = Promise.withResolvers<boolean>();
    using it = new ManagerFixture({ onUnresponsive: () => suspended.resolve(it.manager.wasSuspended) });
    const { connection } = it.add();
    for (const nowMs of [940, 960, 980, 1_000]) {
      it.nowMs = nowMs;
      await flushTasks(10);
    }
    connection.startHeartbeat();
    for (const nowMs of steps) {
      it.nowMs = nowMs;
      await flushTasks(10);
    }
    assertEquals(await withTimeout(suspended.promise, "the timeout"), expected);
  });
}

Deno.test("ConnectionManager.remove() closes a connection and forgets it", pure, async () => {
  using it = new ManagerFixture();
  const [{ conn, connection }, other] = [it.add(), it.add()];
  it.manager.remove(connection);
  assertEquals([conn.hasClosed, [...it.manager.connections]], [true, [other.connection]]);
  it.append("one");
  await other.conn.written(1);
  assertEquals(conn.writes, []);
});

Deno.test("ConnectionManager.taken adds up streams, also of connections that are gone", pure, async () => {
  using it = new ManagerFixture({ log: { segmentBytes: 12, retainedBytes: 36 } });
  const bytesOf = (...texts: string[]) => texts.reduce((sum, text) => sum + frame(text).length, 0);
  const [one, two] = [it.add(), it.add()];
  assertEquals(it.manager.taken, { frames: 0, bytes: 0 });
  it.append("one", "two", "three");
  await one.conn.written(3);
  await two.conn.written(3);
  const both = { frames: 6, bytes: 2 * bytesOf("one", "two", "three") };
  assertEquals(it.manager.taken, both);
  one.connection.close(); // before it is removed
  assertEquals(it.manager.taken, both);
  for (let times = 0; times < 2; times++) it.manager.remove(one.connection);
  assertEquals(it.manager.taken, both);
  const late = it.add();
  it.append("four");
  await late.conn.written(1);
  assertEquals(it.manager.taken, { frames: 8, bytes: both.bytes + 2 * bytesOf("four") });
});

Deno.test("ConnectionManager.flushCycleCount counts the cycles", pure, async () => {
  using it = new ManagerFixture();
  const { conn } = it.add();
  conn.isFull = true;
  for (const text of ["one", "two", "three"]) it.append(text); // one cycle
  await conn.written(1);
  const before = it.manager.flushCycleCount;
  assertEquals(before, 1);
  it.append("four");
  conn.drain();
  await conn.written(2);
  assertEquals(it.manager.flushCycleCount, before + 1);
});

Deno.test("ConnectionManager closes all connections when it is disposed of", pure, () => {
  using it = new ManagerFixture();
  const conns = [it.add(), it.add()].map(({ conn }) => conn);
  it.manager[Symbol.dispose]();
  assertEquals(conns.map(({ hasClosed }) => hasClosed), [true, true]);
});
