// Flush cycles and heartbeats, on fake sockets.

import { assertEquals } from "@std/assert";
import { frame, Room, textsOf } from "../testing/manager_fixture.ts";
import { flushTasks, withTimeout } from "../testing/waiting.ts";

const pure = { permissions: "none" } as const;

/** Records the delays of all timers. */
class Timers implements Disposable {
  readonly delaysMs: (number | undefined)[] = [];
  readonly #setTimeout = globalThis.setTimeout;

  constructor() {
    globalThis.setTimeout = ((run: () => void, delayMs?: number) => {
      this.delaysMs.push(delayMs);
      return this.#setTimeout(run, delayMs);
    }) as typeof setTimeout;
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#setTimeout;
  }
}

Deno.test("ConnectionManager writes once per client and flush cycle", pure, async () => {
  using room = new Room();
  const conns = [room.enter().conn, room.enter().conn, room.enter().conn];
  room.say("one", "two");
  room.say("three");
  for (const conn of conns) await conn.until(({ writes }) => writes.length > 0);
  await flushTasks();
  for (const { writes } of conns) assertEquals(writes, [["one", "two", "three"]]);
});

Deno.test("ConnectionManager writes to no client always last", pure, async () => {
  using room = new Room();
  const served: string[] = [];
  const conns = ["ana", "beto", "carla"].map((name) => {
    const { conn } = room.enter();
    conn.onWrite = () => served.push(name);
    return conn;
  });
  for (const [index, text] of ["one", "two", "three"].entries()) {
    room.say(text);
    for (const conn of conns) await conn.until(({ writes }) => writes.length === index + 1);
    await flushTasks();
  }
  const last = [served[2], served[5], served[8]];
  assertEquals(last.toSorted(), ["ana", "beto", "carla"]);
});

Deno.test(
  "ConnectionManager begins the next flush cycle when the writes of the last are done",
  pure,
  async () => {
    using room = new Room({ slowWriteMs: 60_000 });
    const [ana, beto] = [room.enter().conn, room.enter().conn];
    beto.isFull = true;
    room.say("one");
    await beto.until(({ writes }) => writes.length === 1);
    room.say("two");
    room.say("three");
    await new Promise((resolve) => setImmediate(resolve)); // when a cycle would begin if none was running
    assertEquals(ana.writes, [["one"]]);
    beto.drain();
    await beto.until(({ writes }) => writes.length === 2);
    assertEquals(ana.writes, [["one"], ["two", "three"]]);
    assertEquals(beto.writes, [["one"], ["two", "three"]]);
  },
);

Deno.test("ConnectionManager lets the event loop poll sockets after a long flush cycle", pure, async () => {
  for (const [issuingMs, longCycles] of [[1, 0], [10, 1]] as const) {
    using room = new Room();
    using timers = new Timers();
    const { conn } = room.enter();
    conn.onWrite = () => room.nowMs += issuingMs;
    for (const [index, text] of ["one", "two"].entries()) {
      room.say(text);
      await conn.until(({ writes }) => writes.length === index + 1);
      await flushTasks();
    }
    assertEquals(timers.delaysMs.filter((delayMs) => delayMs === 0).length, longCycles, `${issuingMs} ms`);
  }
});

Deno.test("ConnectionManager does not wait for a slow client", pure, async () => {
  using room = new Room();
  const [ana, beto] = [room.enter().conn, room.enter().conn];
  beto.isFull = true;
  for (const [index, text] of ["one", "two", "three"].entries()) {
    room.say(text);
    await ana.until(({ writes }) => writes.length === index + 1);
  }
  assertEquals(beto.writes, [["one"]]);
  beto.drain();
  await beto.until(({ writes }) => writes.length === 2);
  assertEquals(beto.writes, [["one"], ["two", "three"]]);
});

Deno.test(
  "ConnectionManager writes the send queue between two frames of the log, in order",
  pure,
  async () => {
    using room = new Room();
    const { conn, connection } = room.enter();
    conn.isFull = true;
    room.say("one");
    await conn.until(({ writes }) => writes.length === 1);
    room.say("two");
    connection.send(frame("answer"));
    connection.send(frame("another"));
    conn.drain();
    await conn.until(({ writes }) => writes.length === 3);
    assertEquals(conn.writes, [["one"], ["answer", "another"], ["two"]]);
  },
);

Deno.test("ConnectionManager writes a long frame of the send queue alone, without a copy", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  const long = "x".repeat(5_000);
  for (const text of ["one", "two", long, long, "three", "four"]) connection.send(frame(text));
  await conn.until(({ writes }) => writes.length === 4);
  assertEquals(conn.writes, [["one", "two"], [long], [long], ["three", "four"]]);
});

Deno.test("ConnectionManager flushes log consumers in each cycle", pure, async () => {
  using room = new Room();
  const cursor = room.log.cursorAt(0);
  const read = Promise.withResolvers<string[]>();
  room.manager.addConsumer({ flush: () => read.resolve(textsOf(cursor.take() ?? new Uint8Array())) });
  room.say("one", "two");
  assertEquals(await withTimeout(read.promise, "the consumer to be flushed"), ["one", "two"]);
});

Deno.test("ConnectionManager reports a client that has fallen behind the retained log", pure, async () => {
  using room = new Room({
    log: { segmentBytes: 20, retainedBytes: 40 },
    onUnresponsive: (connection) => connection.end(frame("too slow")),
  });
  const [{ conn }, { conn: reader }] = [room.enter(), room.enter()];
  conn.isFull = true;
  for (let i = 1; i <= 5; i++) {
    room.say("1234567890");
    await reader.until(({ writes }) => writes.length === i);
  }
  await withTimeout(room.disconnected.promise, "the timeout"); // though a write is still under way
  conn.drain();
  await conn.until(({ hasEndedWriting }) => hasEndedWriting);
  assertEquals(room.disconnects, ["slow-consumer"]);
  assertEquals(conn.writes, [["1234567890"], ["too slow"]]);
});

Deno.test("ConnectionManager sends due PINGs and reports a silent client", pure, async () => {
  using room = new Room({ pingMs: 20, pingTimeoutMs: 60, pingAlways: true });
  const { conn, connection } = room.enter();
  room.nowMs = 1_000;
  await flushTasks();
  assertEquals(conn.writes, []); // during the handshake
  connection.startHeartbeat();
  room.nowMs = 1_020;
  await conn.until(({ writes }) => writes.length > 0);
  await flushTasks(10);
  assertEquals(conn.writes, [["ping"]]);
  room.nowMs = 1_059;
  await conn.until(({ writes }) => writes.length === 2);
  assertEquals(room.disconnects, []);
  room.nowMs = 1_060;
  await withTimeout(room.disconnected.promise, "the timeout");
  assertEquals(room.disconnects[0], "ping-timeout");
});

Deno.test("ConnectionManager knows whether it was suspended before a timeout", pure, async () => {
  for (
    const [steps, expected] of [
      [[1_020, 1_040, 1_060], false],
      [[1_029, 1_060], true],
      [[1_030, 1_045, 1_060], true],
    ] as const
  ) {
    const suspended = Promise.withResolvers<boolean>();
    using room = new Room({ onUnresponsive: () => suspended.resolve(room.manager.wasSuspended) });
    const { connection } = room.enter();
    for (const nowMs of [940, 960, 980, 1_000]) {
      room.nowMs = nowMs;
      await flushTasks(10);
    }
    connection.startHeartbeat();
    for (const nowMs of steps) {
      room.nowMs = nowMs;
      await flushTasks(10);
    }
    assertEquals(await withTimeout(suspended.promise, "the timeout"), expected);
  }
});

Deno.test("ConnectionManager keeps a client that sends data", pure, async () => {
  using room = new Room({ pingMs: 1_000, pingTimeoutMs: 60, pingAlways: false });
  const { conn, connection } = room.enter();
  connection.startHeartbeat();
  for (let i = 1; i <= 3; i++) {
    room.nowMs += 50;
    conn.receive(frame("here"));
    const decoder = await withTimeout(connection.read(), "what the client said");
    while (decoder!.next()) { /* it only matters that something came */ }
    assertEquals(connection.lastReceivedMs, room.nowMs);
    await flushTasks();
  }
  assertEquals(room.disconnects, []);
});

Deno.test(
  "ConnectionManager reports a client that takes nothing of a write, even if it sends data",
  pure,
  async () => {
    using room = new Room();
    const { conn } = room.enter();
    conn.isFull = true;
    room.say("one");
    room.manager.scheduleFlush();
    await conn.until(({ writes }) => writes.length === 1);
    room.nowMs = 60;
    await withTimeout(room.disconnected.promise, "the timeout");
    assertEquals(room.disconnects[0], "slow-consumer");
  },
);

Deno.test("ConnectionManager closes all connections when it is disposed of", pure, () => {
  using room = new Room();
  const conns = [room.enter(), room.enter()].map(({ conn }) => conn);
  room.manager[Symbol.dispose]();
  assertEquals(conns.map(({ hasClosed }) => hasClosed), [true, true]);
});
