// Backups on a commit log that delays: changes proposed in the meantime hold.

import { assertEquals } from "@std/assert";
import type { Room } from "../../lib/room/room.ts";
import { DelayedCommitLog } from "../testing/delayed_commit_log.ts";
import { newRoom } from "../testing/room_fixture.ts";

const pure = { permissions: "none" } as const;
const now = { wallMs: 1_700_000_000_000, monotonicMs: 0 };

function newRoomWith(...backups: string[]): Room {
  return newRoom({ commitLog: new DelayedCommitLog(), backups });
}

Deno.test("A removal holds though another backup is added before it is committed", pure, () => {
  const room = newRoomWith();
  room.backups.add("x:1", now);
  room.deliver();
  room.backups.remove("x:1", now);
  room.backups.add("y:2", now);
  room.deliver();
  assertEquals(room.backups.forSession(0n), ["y:2"]);
});

Deno.test("Two own backups removed in a row stay removed", pure, () => {
  const room = newRoomWith("x:1", "y:2", "z:3");
  for (const server of ["x:1", "y:2"]) room.backups.remove(server, now);
  room.deliver();
  assertEquals(room.backups.forSession(0n), ["z:3"]);
});

Deno.test("A backup is removed whatever the case of its name", pure, () => {
  const room = newRoomWith("Aula:1", "b:2");
  room.backups.remove("aula:1", now);
  room.deliver();
  assertEquals(room.backups.forSession(0n), ["b:2"]);
});
