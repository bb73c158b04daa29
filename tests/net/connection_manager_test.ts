// Rounds and heartbeats, on sockets that do only what the test says.

import { assertEquals } from "@std/assert";
import { frame, Room, textsOf } from "./manager_fixture.ts";
import { flushMacrotasks, withTimeout } from "../support.ts";

const pure = { permissions: "none" } as const;

/** Notes for how long timers are set, and sets them. */
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

Deno.test("Hub writes to each client once in a round, however much there is", pure, async () => {
  using room = new Room();
  const conns = [room.enter().conn, room.enter().conn, room.enter().conn];
  room.say("one", "two");
  room.say("three");
  for (const conn of conns) await conn.until(({ writes }) => writes.length > 0);
  await flushMacrotasks();
  for (const { writes } of conns) assertEquals(writes, [["one", "two", "three"]]);
});

Deno.test("Hub serves nobody always last", pure, async () => {
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
    await flushMacrotasks();
  }
  const last = [served[2], served[5], served[8]];
  assertEquals(last.toSorted(), ["ana", "beto", "carla"]);
});

Deno.test("Hub begins the next round when the writes of the last have settled", pure, async () => {
  using room = new Room({ slowWriteMs: 60_000 });
  const [ana, beto] = [room.enter().conn, room.enter().conn];
  beto.isFull = true;
  room.say("one");
  await beto.until(({ writes }) => writes.length === 1);
  room.say("two");
  room.say("three");
  await new Promise((resolve) => setImmediate(resolve)); // when a round would begin if none was going on
  assertEquals(ana.writes, [["one"]]);
  beto.drain();
  await beto.until(({ writes }) => writes.length === 2);
  assertEquals(ana.writes, [["one"], ["two", "three"]]);
  assertEquals(beto.writes, [["one"], ["two", "three"]]);
});

Deno.test("Hub leaves the system time between two rounds if they take long to issue", pure, async () => {
  for (const [issuingMs, longRounds] of [[1, 0], [10, 1]] as const) {
    using room = new Room();
    using timers = new Timers();
    const { conn } = room.enter();
    conn.onWrite = () => room.nowMs += issuingMs;
    for (const [index, text] of ["one", "two"].entries()) {
      room.say(text);
      await conn.until(({ writes }) => writes.length === index + 1);
      await flushMacrotasks();
    }
    assertEquals(timers.delaysMs.filter((delayMs) => delayMs === 0).length, longRounds, `${issuingMs} ms`);
  }
});

Deno.test("Hub lets a client that does not read catch up alone", pure, async () => {
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

Deno.test("Hub writes answers between two frames of the log, in their order", pure, async () => {
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
});

Deno.test("Hub writes a long answer alone, in its turn: it is not copied", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  const long = "x".repeat(5_000);
  for (const text of ["one", "two", long, long, "three", "four"]) connection.send(frame(text));
  await conn.until(({ writes }) => writes.length === 4);
  assertEquals(conn.writes, [["one", "two"], [long], [long], ["three", "four"]]);
});

Deno.test("Hub wakes other readers of the log with each round", pure, async () => {
  using room = new Room();
  const cursor = room.log.cursorAt(0);
  const read = Promise.withResolvers<string[]>();
  room.manager.addConsumer({ flush: () => read.resolve(textsOf(cursor.take() ?? new Uint8Array())) });
  room.say("one", "two");
  assertEquals(await withTimeout(read.promise, "the reader to be woken"), ["one", "two"]);
});

Deno.test("Hub gives up a client whose place in the log is no longer retained", pure, async () => {
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
  await withTimeout(room.disconnected.promise, "the client to be given up"); // though a write is still under way
  conn.drain();
  await conn.until(({ hasEndedWriting }) => hasEndedWriting);
  assertEquals(room.disconnects, ["slow-consumer"]);
  assertEquals(conn.writes, [["1234567890"], ["too slow"]]);
});

Deno.test("Hub sends a PING when it is due, and gives up who is silent", pure, async () => {
  using room = new Room({ pingMs: 20, pingTimeoutMs: 60, pingAlways: true });
  const { conn, connection } = room.enter();
  room.nowMs = 1_000;
  await flushMacrotasks();
  assertEquals(conn.writes, []); // the two have not greeted each other
  connection.startHeartbeat();
  room.nowMs = 1_020;
  await conn.until(({ writes }) => writes.length > 0);
  await flushMacrotasks(10);
  assertEquals(conn.writes, [["ping"]]);
  room.nowMs = 1_059;
  await conn.until(({ writes }) => writes.length === 2);
  assertEquals(room.disconnects, []);
  room.nowMs = 1_060;
  await withTimeout(room.disconnected.promise, "the client to be given up");
  assertEquals(room.disconnects[0], "ping-timeout");
});

Deno.test("Hub says whether it has paused when it gives somebody up", pure, async () => {
  for (
    const [steps, expected] of [
      [[1_020, 1_040, 1_060], false],
      [[1_029, 1_060], true],
      [[1_030, 1_045, 1_060], true],
    ] as const
  ) {
    const paused = Promise.withResolvers<boolean>();
    using room = new Room({ onUnresponsive: () => paused.resolve(room.manager.wasSuspended) });
    const { connection } = room.enter();
    for (const nowMs of [940, 960, 980, 1_000]) {
      room.nowMs = nowMs;
      await flushMacrotasks(10);
    }
    connection.startHeartbeat();
    for (const nowMs of steps) {
      room.nowMs = nowMs;
      await flushMacrotasks(10);
    }
    assertEquals(await withTimeout(paused.promise, "the hub to give up"), expected);
  }
});

Deno.test("Hub hears the client that speaks", pure, async () => {
  using room = new Room({ pingMs: 1_000, pingTimeoutMs: 60, pingAlways: false });
  const { conn, connection } = room.enter();
  connection.startHeartbeat();
  for (let i = 1; i <= 3; i++) {
    room.nowMs += 50;
    conn.receive(frame("here"));
    const decoder = await withTimeout(connection.read(), "what the client said");
    while (decoder!.next()) { /* it only matters that something came */ }
    assertEquals(connection.lastReceivedMs, room.nowMs);
    await flushMacrotasks();
  }
  assertEquals(room.disconnects, []);
});

Deno.test("Hub gives up who takes nothing of a write, whatever they say meanwhile", pure, async () => {
  using room = new Room();
  const { conn } = room.enter();
  conn.isFull = true;
  room.say("one");
  room.manager.scheduleFlush();
  await conn.until(({ writes }) => writes.length === 1);
  room.nowMs = 60;
  await withTimeout(room.disconnected.promise, "the hub to give up");
  assertEquals(room.disconnects[0], "slow-consumer");
});

Deno.test("A hub that ends closes all its connections", pure, () => {
  using room = new Room();
  const conns = [room.enter(), room.enter()].map(({ conn }) => conn);
  room.manager[Symbol.dispose]();
  assertEquals(conns.map(({ hasClosed }) => hasClosed), [true, true]);
});
