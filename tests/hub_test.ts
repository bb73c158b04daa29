// Rounds, heartbeats and the ends of connections, on sockets that do only what the test says.

import { assertEquals, assertRejects } from "@std/assert";
import { FrameDecoder } from "../lib/codec.ts";
import { type Connection, MAX_WAITING_BYTES } from "../lib/connection.ts";
import { LostError } from "../lib/errors.ts";
import { Hub, type HubOptions } from "../lib/hub.ts";
import { RoomLog, type RoomLogOptions } from "../lib/room_log.ts";
import { settle, soon } from "./support.ts";

const pure = { permissions: "none" } as const;

/** A frame of type 1 whose body is this text. */
function frame(text: string): Uint8Array<ArrayBuffer> {
  const body = new TextEncoder().encode(text);
  return new Uint8Array([0, 0, (body.length + 1) >> 8, body.length + 1, 1, ...body]);
}

/** The bodies of all frames in these bytes. */
function textsOf(bytes: Uint8Array): string[] {
  const decoder = new FrameDecoder({ maxFrameBytes: 10_000 });
  decoder.push(bytes);
  const texts = [];
  for (let next = decoder.next(); next; next = decoder.next()) {
    texts.push(new TextDecoder().decode(next.body));
  }
  return texts;
}

/** A socket that records each write, and takes it at once or when the test lets it. */
class FakeConn {
  readonly remoteAddr = { transport: "tcp", hostname: "192.168.1.7", port: 50_000 };
  /** What each write held. */
  readonly writes: string[][] = [];
  isFull = false;
  hasClosed = false;
  hasEndedWriting = false;
  isDelaying = true;
  onWrite: () => void = () => {};
  #changed = Promise.withResolvers<void>();
  #taking = Promise.withResolvers<void>();
  #reading = Promise.withResolvers<Uint8Array | null>();

  async write(bytes: Uint8Array): Promise<number> {
    this.writes.push(textsOf(bytes));
    this.onWrite();
    this.#change();
    if (this.isFull) await this.#taking.promise;
    if (this.hasClosed) throw new Deno.errors.BrokenPipe("closed");
    return bytes.length;
  }

  /** Takes what it was too full to take. */
  drain(): void {
    this.isFull = false;
    this.#taking.resolve();
    this.#taking = Promise.withResolvers();
  }

  async read(space: Uint8Array): Promise<number | null> {
    const bytes = await this.#reading.promise;
    this.#reading = Promise.withResolvers();
    if (bytes) space.set(bytes);
    return bytes?.length ?? null;
  }

  /** The peer says something, or with null ends. */
  says(bytes: Uint8Array | null): void {
    this.#reading.resolve(bytes);
  }

  /** The peer's end breaks off. */
  breaks(): void {
    this.#reading.reject(new Deno.errors.ConnectionReset("reset"));
  }

  setNoDelay(isOff: boolean): void {
    this.isDelaying = !isOff;
  }

  closeWrite(): Promise<void> {
    this.hasEndedWriting = true;
    this.#change();
    return Promise.resolve();
  }

  close(): void {
    this.hasClosed = true;
    this.#reading.reject(new Deno.errors.BadResource("closed"));
    this.#reading.promise.catch(() => {});
    this.drain();
    this.#change();
  }

  /** Fulfilled when something that was recorded makes this so. */
  async until(isReached: (conn: this) => boolean): Promise<void> {
    while (!isReached(this)) await soon(this.#changed.promise, "the socket to be used");
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

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

/** A hub with its log and its clock. */
class Room implements Disposable {
  readonly log: RoomLog;
  readonly hub: Hub;
  readonly givenUp: string[] = [];
  nowMs = 0;
  /** When somebody was given up. */
  readonly gaveUp = Promise.withResolvers<void>();

  constructor(
    { log, onGiveUp, ...options }: Partial<Omit<HubOptions, "nowMs">> & { log?: RoomLogOptions } = {},
  ) {
    this.log = new RoomLog(log);
    this.hub = new Hub({
      maxFrameBytes: 1_000,
      nowMs: () => this.nowMs,
      heartbeat: { pingMs: 5_000, deadMs: 60, always: true },
      ping: () => frame("ping"),
      onGiveUp: (connection, why) => {
        this.givenUp.push(why);
        onGiveUp?.(connection, why);
        this.gaveUp.resolve();
      },
      ...options,
    });
  }

  /** Somebody comes in and reads the log from its head on. */
  enter(): { conn: FakeConn; connection: Connection } {
    const conn = new FakeConn();
    const connection = this.hub.adopt(conn as unknown as Deno.TcpConn);
    connection.follow(this.log.cursorAt(this.log.head));
    return { conn, connection };
  }

  say(...texts: string[]): void {
    for (const text of texts) this.log.append(frame(text), this.nowMs);
    this.hub.wake();
  }

  [Symbol.dispose](): void {
    this.hub[Symbol.dispose]();
  }
}

Deno.test("Hub writes to each client once in a round, however much there is", pure, async () => {
  using room = new Room();
  const conns = [room.enter().conn, room.enter().conn, room.enter().conn];
  room.say("one", "two");
  room.say("three");
  for (const conn of conns) await conn.until(({ writes }) => writes.length > 0);
  await settle();
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
    await settle();
  }
  const last = [served[2], served[5], served[8]];
  assertEquals(last.toSorted(), ["ana", "beto", "carla"]);
});

Deno.test("Hub begins the next round when the writes of the last have settled", pure, async () => {
  using room = new Room({ heldUpMs: 60_000 });
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
      await settle();
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
  room.hub.addReader({ flush: () => read.resolve(textsOf(cursor.take() ?? new Uint8Array())) });
  room.say("one", "two");
  assertEquals(await soon(read.promise, "the reader to be woken"), ["one", "two"]);
});

Deno.test("Hub gives up a client whose place in the log is no longer retained", pure, async () => {
  using room = new Room({
    log: { segmentBytes: 20, retainedBytes: 40 },
    onGiveUp: (connection) => connection.finish(frame("too slow")),
  });
  const [{ conn }, { conn: reader }] = [room.enter(), room.enter()];
  conn.isFull = true;
  for (let i = 1; i <= 5; i++) {
    room.say("1234567890");
    await reader.until(({ writes }) => writes.length === i);
  }
  await soon(room.gaveUp.promise, "the client to be given up"); // though a write is still under way
  conn.drain();
  await conn.until(({ hasEndedWriting }) => hasEndedWriting);
  assertEquals(room.givenUp, ["too-slow"]);
  assertEquals(conn.writes, [["1234567890"], ["too slow"]]);
});

Deno.test("Hub sends a PING when it is due, and gives up who is silent", pure, async () => {
  using room = new Room({ heartbeat: { pingMs: 20, deadMs: 60, always: true } });
  const { conn, connection } = room.enter();
  room.nowMs = 1_000;
  await settle();
  assertEquals(conn.writes, []); // the two have not greeted each other
  connection.greeted();
  room.nowMs = 1_020;
  await conn.until(({ writes }) => writes.length > 0);
  await settle(10);
  assertEquals(conn.writes, [["ping"]]);
  room.nowMs = 1_059;
  await conn.until(({ writes }) => writes.length === 2);
  assertEquals(room.givenUp, []);
  room.nowMs = 1_060;
  await soon(room.gaveUp.promise, "the client to be given up");
  assertEquals(room.givenUp[0], "silent");
});

Deno.test("Hub hears the client that speaks", pure, async () => {
  using room = new Room({ heartbeat: { pingMs: 1_000, deadMs: 60, always: false } });
  const { conn, connection } = room.enter();
  connection.greeted();
  for (let i = 1; i <= 3; i++) {
    room.nowMs += 50;
    conn.says(frame("here"));
    const decoder = await soon(connection.read(), "what the client said");
    while (decoder!.next()) { /* it only matters that something came */ }
    assertEquals(connection.heardMs, room.nowMs);
    await settle();
  }
  assertEquals(room.givenUp, []);
});

Deno.test("Connection has TCP send at once what is written", pure, () => {
  using room = new Room();
  assertEquals(room.enter().conn.isDelaying, false);
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
      conn.says(null);
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
    connection.finish(frame("bye"));
    connection.send(frame("never"));
    connection.finish(frame("bye again"));
    await conn.until(({ hasEndedWriting }) => hasEndedWriting);
    assertEquals(conn.writes, [["answer"], ["one"], ["bye"]]);
    assertEquals(conn.hasClosed, false); // the peer may still be reading
  },
);

Deno.test("Connection.finish() says farewell in a room that never stops talking", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  room.say("one");
  connection.finish(frame("bye"));
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
  connection.finish(frame("bye"), { lingerMs: 60_000 });
  await conn.until(({ hasEndedWriting }) => hasEndedWriting);
  const end = connection.read();
  conn.says(frame("said too late, and forgotten"));
  await settle();
  conn.says(null);
  assertEquals(await soon(end, "the end"), undefined);
  await soon(connection.closed, "the connection to close");
});

Deno.test(
  "Connection gives a frame its time from its first byte on, however it trickles in",
  pure,
  async () => {
    using room = new Room({ heartbeat: { pingMs: 1_000, deadMs: 1_000, always: false } });
    const { conn, connection } = room.enter();
    const whole = frame("slow");
    for (let i = 0; i < 5; i++) {
      const next = connection.read();
      room.nowMs += 10;
      conn.says(whole.subarray(i, i + 1));
      await soon(next, "a byte");
    }
    const rest = connection.read();
    assertEquals([connection.isFrameLate(41), connection.isFrameLate(40)], [false, true]);
    conn.says(whole.subarray(5));
    const decoder = await soon(rest, "the rest");
    assertEquals(connection.isFrameLate(0), false); // while nobody reads, nobody waits
    assertEquals(decoder!.next() !== undefined, true);
    const next = connection.read();
    room.nowMs += 500;
    assertEquals(connection.isFrameLate(1), false); // nothing has begun
    conn.says(null);
    await soon(next, "the end");
  },
);

Deno.test(
  "Connection that is closed while it forgets what comes too late ends as any other",
  pure,
  async () => {
    using room = new Room();
    const { conn, connection } = room.enter();
    connection.finish(frame("bye"), { lingerMs: 60_000 });
    await conn.until(({ hasEndedWriting }) => hasEndedWriting);
    const end = connection.read();
    conn.says(frame("said too late, and forgotten"));
    await settle();
    connection.close();
    assertEquals(await soon(end, "the end"), undefined);
  },
);

Deno.test("Connection does not wait for a peer that does not end", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  connection.finish(frame("bye"), { lingerMs: 10 });
  await soon(connection.closed, "the connection to close");
  assertEquals(conn.writes, [["bye"]]);
  assertEquals(conn.hasClosed, true);
});

Deno.test("Connection owes what it has to a peer that ends first", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  room.say("one");
  conn.says(null);
  assertEquals(await soon(connection.read(), "the end"), undefined);
  connection.finish(undefined, { lingerMs: 60_000 });
  await soon(connection.closed, "the connection to close");
  assertEquals(conn.writes, [["one"]]);
});

Deno.test("Connection cuts off a peer for whom too many answers wait", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  const next = connection.read();
  const answer = frame("x".repeat(251));
  for (let bytes = 0; bytes < MAX_WAITING_BYTES; bytes += answer.length) connection.send(answer);
  assertEquals(conn.hasClosed, false);
  connection.send(answer);
  assertEquals(conn.hasClosed, true);
  const { code } = await assertRejects(() => soon(next, "the loss"), LostError);
  assertEquals(code, "broken");
});

Deno.test("Connection believes nothing that comes when the peer was silent for too long", pure, async () => {
  using room = new Room({ heartbeat: { pingMs: 20, deadMs: 60, always: false } });
  const { conn, connection } = room.enter();
  const first = connection.read();
  room.nowMs = 59;
  conn.says(frame("in time"));
  assertEquals(await soon(first, "what the peer said") !== undefined, true);
  const second = connection.read();
  room.nowMs += 60;
  conn.says(frame("too late"));
  const { code } = await assertRejects(() => soon(second, "the loss"), LostError);
  assertEquals(code, "silent");
});

Deno.test("Connection is lost when the peer cannot be read from", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  const next = connection.read();
  conn.breaks();
  const { code } = await assertRejects(() => soon(next, "the loss"), LostError);
  assertEquals(code, "broken");
});

Deno.test("Connection is lost when the peer cannot be written to", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  const next = connection.read();
  conn.hasClosed = true;
  room.say("one");
  const { code } = await assertRejects(() => soon(next, "the loss"), LostError);
  assertEquals(code, "broken");
  await soon(connection.closed, "the connection to close");
});

Deno.test("Hub gives up who takes nothing of a write, whatever they say meanwhile", pure, async () => {
  using room = new Room();
  const { conn } = room.enter();
  conn.isFull = true;
  room.say("one");
  room.hub.wake();
  await conn.until(({ writes }) => writes.length === 1);
  room.nowMs = 60;
  await soon(room.gaveUp.promise, "the hub to give up");
  assertEquals(room.givenUp[0], "too-slow");
});

Deno.test("Connection cuts off nobody for what they have read", pure, async () => {
  using room = new Room();
  const { conn, connection } = room.enter();
  const answer = frame("x".repeat(9_000));
  const count = 100;
  for (let sent = 0; sent <= 2 * MAX_WAITING_BYTES; sent += count * answer.length) {
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
    for (const [lateMs, heardMs] of [[500, 501], [5_000, 501 + 1_001]] as const) {
      const held = connection.hold(1);
      room.nowMs += 1 + lateMs;
      await soon(held, "the hold to end");
      assertEquals(connection.heardMs, heardMs);
    }
  },
);

Deno.test("A hub that ends closes all its connections", pure, () => {
  using room = new Room();
  const conns = [room.enter(), room.enter()].map(({ conn }) => conn);
  room.hub[Symbol.dispose]();
  assertEquals(conns.map(({ hasClosed }) => hasClosed), [true, true]);
});

Deno.test("Connection.finish() ends a hold: whoever waits goes on and finds out", pure, async () => {
  using room = new Room();
  const { connection } = room.enter();
  const held = connection.hold(60_000);
  connection.finish(undefined, { lingerMs: 60_000 });
  await soon(held, "the hold to end");
});
