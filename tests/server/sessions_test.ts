// Through which connection somebody is in.

import { assertEquals } from "@std/assert";
import type { Connection } from "../../lib/net/connection.ts";
import { Sessions } from "../../lib/server/sessions.ts";
import { InMemoryCommitLog } from "../../lib/room/commit_log.ts";
import { Room } from "../../lib/room/room.ts";
import { makeHello } from "../raw_peer.ts";
import { TestClock } from "../support.ts";

const pure = { permissions: "none" } as const;

/** A connection that notes that it was ended. */
function fakeConnection() {
  const ended = { count: 0 };
  const connection = { startHeartbeat() {}, send() {}, stream() {}, end: () => ended.count++ };
  return { connection: connection as unknown as Connection, ended };
}

Deno.test(
  "Who comes back in is in through the new connection alone, and who was lost through none",
  pure,
  () => {
    const clock = new TestClock().now;
    const room = new Room({ journal: new InMemoryCommitLog(1n) });
    using guests = new Sessions({ room, clock, onReady: () => {} });
    const admission = room.join({ hello: makeHello("ana"), sessionId: 1n, address: "10.0.0.7" }, clock())!;
    const [first, second] = [fakeConnection(), fakeConnection()];
    const membersOf = () => [first, second].map(({ connection }) => guests.memberOf(connection));
    for (const { connection } of [first, second]) guests.attach(admission, connection);
    assertEquals(membersOf(), [undefined, admission.member]);
    guests.disconnect(admission.member);
    assertEquals(membersOf(), [undefined, undefined]);
    assertEquals([first.ended.count, second.ended.count], [1, 0]);
  },
);

Deno.test("Who is lost because the server ends has not left", pure, () => {
  const clock = new TestClock().now;
  const room = new Room({ journal: new InMemoryCommitLog(1n), graceMs: 0 });
  const { connection } = fakeConnection();
  for (const isEnding of [true, false]) {
    using guests = new Sessions({ room, clock, onReady: () => {} });
    const admission = room.join({ hello: makeHello("ana"), sessionId: 1n, address: "10.0.0.7" }, clock())!;
    guests.attach(admission, connection);
    if (isEnding) guests[Symbol.dispose]();
    guests.disconnect(admission.member);
    assertEquals([room.size, guests.memberOf(connection)], [isEnding ? 1 : 0, undefined]);
  }
});

Deno.test("However many were lost, nothing is waited for when the server ends", {
  ...pure,
  sanitizeOps: true,
}, () => {
  const clock = new TestClock().now;
  const room = new Room({ journal: new InMemoryCommitLog(1n) });
  using guests = new Sessions({ room, clock, onReady: () => {} });
  for (const [index, nick] of ["ana", "beto"].entries()) {
    const arrival = { hello: makeHello(nick), sessionId: BigInt(index), address: "10.0.0.7" };
    const admission = room.join(arrival, clock())!;
    guests.attach(admission, fakeConnection().connection);
    guests.disconnect(admission.member);
  }
});
