// Which connection a member is on.

import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/net/connection.ts";
import { Sessions } from "../../lib/server/sessions.ts";
import { makeHello } from "../testing/raw_peer.ts";
import { TestClock } from "../testing/test_clock.ts";
import { newRoom } from "../testing/room_fixture.ts";
import { pure } from "../testing/test_options.ts";

/** A connection that notes that it was ended. */
function fakeConnection() {
  const ended = { count: 0 };
  const connection = { startHeartbeat() {}, send() {}, stream() {}, end: () => ended.count++ };
  return { connection: connection as unknown as Connection, ended };
}

Deno.test("Sessions.attach() replaces a connection, disconnect() leaves none", pure, () => {
  const clock = new TestClock().now;
  const room = newRoom({ logId: 1n });
  using sessions = new Sessions({ room, manager: { scheduleFlush() {} } }, clock);
  const joined = room.join({ hello: makeHello("ana"), sessionId: 1n, address: "10.0.0.7" }, clock())!;
  const [first, second] = [fakeConnection(), fakeConnection()];
  const membersOf = () => [first, second].map(({ connection }) => sessions.memberOf(connection));
  for (const { connection } of [first, second]) sessions.attach(joined, connection);
  assertEquals(membersOf(), [undefined, joined.member]);
  sessions.disconnect(joined.member);
  assertEquals(membersOf(), [undefined, undefined]);
  assertEquals([first.ended.count, second.ended.count], [1, 0]);
});

Deno.test("Sessions.disconnect() expires no member after the disposal", pure, () => {
  const clock = new TestClock().now;
  const room = newRoom({ logId: 1n, graceMs: 0 });
  const { connection } = fakeConnection();
  for (const isEnding of [true, false]) {
    using sessions = new Sessions({ room, manager: { scheduleFlush() {} } }, clock);
    const joined = room.join({ hello: makeHello("ana"), sessionId: 1n, address: "10.0.0.7" }, clock())!;
    sessions.attach(joined, connection);
    if (isEnding) sessions[Symbol.dispose]();
    sessions.disconnect(joined.member);
    assertEquals([room.size, sessions.memberOf(connection)], [isEnding ? 1 : 0, undefined]);
  }
});

Deno.test("Sessions leaves no timer behind when it is disposed of", { ...pure, sanitizeOps: true }, () => {
  const clock = new TestClock().now;
  const room = newRoom({ logId: 1n });
  using sessions = new Sessions({ room, manager: { scheduleFlush() {} } }, clock);
  for (const [index, nick] of ["ana", "bea"].entries()) {
    const request = { hello: makeHello(nick), sessionId: BigInt(index), address: "10.0.0.7" };
    const joined = room.join(request, clock())!;
    sessions.attach(joined, fakeConnection().connection);
    sessions.disconnect(joined.member);
  }
});
