// The backups of a room: what committed events set, and the changes that a node proposes.

import { assertEquals, assertThrows } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import type { BackupsChanged, ProposedEvent } from "../../lib/protocol/frames.ts";
import { CommittedBackups } from "../../lib/room/backup_list.ts";
import { DelayedCommitLog, type Store } from "../testing/delayed_commit_log.ts";
import { ANA, at, BETO, join, newRoom, NOON_MS, readAll } from "../testing/room_fixture.ts";
import { pure } from "../testing/test_options.ts";

const PRINT = "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";

type Change = ProposedEvent<BackupsChanged>;

function change(backups: readonly string[], nodeId?: bigint): Change {
  return { type: "backups", timeMs: 9, backups, ...(nodeId && { nodeId }) };
}

/** Applies changes. `lists` are the backups that members read, or undefined where nothing changes. */
function applyAll(...changes: ProposedEvent[]) {
  const committed = new CommittedBackups();
  const lists = changes.map((event) => committed.apply(event as Change)?.backups.join(" "));
  return { committed, lists };
}

function numbered(host: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${host}:${i + 1}`);
}

function newDelayedRoom(backups: readonly string[] = [], store?: Store) {
  return newRoom({ commitLog: new DelayedCommitLog(store), backups });
}

function rejection(change: () => void): unknown {
  const { code, details } = assertThrows(change, InputError);
  return [code, details];
}

Deno.test("CommittedBackups.apply() adds configured backups, and replaces the cluster's nodes", pure, () => {
  const { committed, lists } = applyAll(
    change(["a:1"]),
    change(["s:1", "s:2"], 7n),
    change(["b:1", "a:1"]),
    change(["s:2", "s:1"], 8n),
    change(["s:2", "s:3"], 8n),
    change([], 7n),
    change(["s:4"], 7n),
  );
  assertEquals(lists, [
    "a:1",
    "s:1 s:2 a:1",
    "s:1 s:2 a:1 b:1",
    undefined,
    "s:2 s:3 a:1 b:1",
    "a:1 b:1",
    "s:4 a:1 b:1",
  ]);
  const { committed: again } = applyAll(...committed.snapshot());
  assertEquals(again.ordered({ own: ["own:1"] }), ["s:4", "own:1", "a:1", "b:1"]);
  assertEquals(again.cluster, { backups: ["s:4"], nodeId: 7n });
});

Deno.test("CommittedBackups.apply() removes a backup of any fingerprint, until it is added", pure, () => {
  const { committed, lists } = applyAll(
    change(["a:1", `b:1#${PRINT}`, "b:12"]),
    change(["s:1", "b:1"], 7n),
    change(["c:1", "-b:1"]),
    change(["-d:1"]),
    change(["-a:1"]),
    change(["a:1"]),
  );
  assertEquals(lists.slice(2), [
    "s:1 b:1 a:1 b:12 c:1",
    "s:1 b:1 a:1 b:12 c:1",
    "s:1 b:1 b:12 c:1",
    "s:1 b:1 b:12 c:1 a:1",
  ]);
  assertEquals(applyAll(...committed.snapshot()).committed.configured, ["b:12", "c:1", "a:1"]);
});

Deno.test("CommittedBackups.apply() has one entry of a server, with the fingerprint said last", pure, () => {
  const { committed, lists } = applyAll(
    change(["a:1", "b:1"]),
    change([`A:1#${PRINT}`]),
    change(["s:1"], 7n),
    change([`s:1#${PRINT}`, "a:1"]),
    change([`-s:1`]),
  );
  assertEquals(lists, ["a:1 b:1", `A:1#${PRINT} b:1`, `s:1 A:1#${PRINT} b:1`, "s:1 a:1 b:1", "s:1 a:1 b:1"]);
  assertEquals(committed.ordered({ own: [`b:1#${PRINT}`] }), ["s:1", `b:1#${PRINT}`, "a:1"]);
});

Deno.test("CommittedBackups.apply() makes room in a full list by a removal", pure, () => {
  const { committed } = applyAll(change(numbered("a", 16)), change(["-a:1", "b:1"]));
  assertEquals(committed.configured, [...numbered("a", 16).slice(1), "b:1"]);
});

Deno.test("CommittedBackups.ordered() prefers configured backups to nodes, old ones to new", pure, () => {
  const { lists: [, all] } = applyAll(change(numbered("s", 12), 1n), change(numbered("a", 12)));
  assertEquals(all, ["s:1", "s:2", "s:3", "s:4", ...numbered("a", 12)].join(" "));
  const { committed } = applyAll(change(numbered("a", 12)), change(numbered("b", 12)));
  assertEquals(committed.configured, [...numbered("a", 12), "b:1", "b:2", "b:3", "b:4"]);
});

Deno.test("BackupList.add() tells members and new clients of all backups", pure, () => {
  const room = newRoom({ backups: ["a:1"] });
  for (const backup of ["b:2", "a:1"]) room.backups.add(backup, at(500));
  const backups = ["a:1", "b:2"];
  assertEquals(readAll(room), [
    { type: "backups", seq: 0, timeMs: NOON_MS + 500, backups },
    { type: "backups", seq: 1, timeMs: NOON_MS + 500, backups },
  ]);
  assertEquals(join(room, ANA).welcome.backups, backups);
});

Deno.test("BackupList.add() replaces a backup of the same server, in one event", pure, () => {
  const store: Store = { logId: 7n, entries: [] };
  const room = newDelayedRoom(["a:1", "b:1"], store);
  for (const backup of [`a:1#${PRINT}`, "c:1"]) room.backups.add(backup, at(0));
  room.deliver();
  const replaced = [`a:1#${PRINT}`, "b:1", "c:1"];
  assertEquals(room.backups.forSession(0n), replaced);
  assertEquals(store.entries.map(({ entry }) => entry.type === "backups" && entry.backups), [
    [`a:1#${PRINT}`, "b:1"],
    replaced,
  ]);
  assertEquals(newDelayedRoom(["a:1"], store).backups.forSession(0n), ["a:1", "b:1", "c:1"]);
});

Deno.test("BackupList.add() rejects more than MAX_BACKUPS", pure, () => {
  const room = newRoom({ backups: numbered("a", 15) });
  room.backups.add("b:1", at(0));
  assertEquals(rejection(() => room.backups.add("b:2", at(0))), ["backups-full", { max: 16 }]);
  room.backups.add("b:1", at(0));
});

Deno.test("BackupList.remove() removes own and configured backups, and rejects an unknown one", pure, () => {
  const room = newRoom({ backups: numbered("a", 15) });
  room.backups.add("b:1", at(0));
  for (const server of ["a:2", "b:1"]) {
    room.backups.remove(server, at(500));
    assertEquals(rejection(() => room.backups.remove(server, at(0))), ["backup-unknown", { server }]);
  }
  const left = numbered("a", 15).filter((backup) => backup !== "a:2");
  assertEquals(readAll(room).at(-1), { type: "backups", seq: 2, timeMs: NOON_MS + 500, backups: left });
  assertEquals(join(room, ANA).welcome.backups, left);
  room.backups.add("a:2", at(0));
  assertEquals(join(room, BETO).welcome.backups, [...left, "a:2"]);
});

Deno.test("BackupList.remove() proposes at most MAX_BACKUPS, however many flags name", pure, () => {
  const store: Store = { logId: 7n, entries: [] };
  const first = newDelayedRoom([], store);
  first.backups.add("b:1", at(0));
  first.deliver();
  for (const removed of ["f:1", "b:1"]) {
    const room = newDelayedRoom(numbered("f", 16), store);
    room.backups.remove(removed, at(0));
    room.deliver();
    const { entry } = store.entries.at(-1)!;
    assertEquals(entry.type === "backups" && entry.backups.length, 16);
    assertEquals(room.backups.forSession(0n).includes(removed), false);
  }
});

Deno.test("BackupList.remove() ignores the case of a name", pure, () => {
  const room = newDelayedRoom(["Aula:1", "b:2"]);
  room.backups.remove("aula:1", at(0));
  room.deliver();
  assertEquals(room.backups.forSession(0n), ["b:2"]);
});

Deno.test("BackupList.remove() holds though other changes are proposed before it is committed", pure, () => {
  const room = newDelayedRoom();
  room.backups.add("x:1", at(0));
  room.deliver();
  room.backups.remove("x:1", at(0));
  room.backups.add("y:2", at(0));
  room.deliver();
  assertEquals(room.backups.forSession(0n), ["y:2"]);
  const own = newDelayedRoom(["x:1", "y:2", "z:3"]);
  for (const server of ["x:1", "y:2"]) own.backups.remove(server, at(0));
  own.deliver();
  assertEquals(own.backups.forSession(0n), ["z:3"]);
});

Deno.test("BackupList.remove() holds at the next start, unless a flag names the backup again", pure, () => {
  const store: Store = { logId: 7n, entries: [] };
  const room = newDelayedRoom(["x:1"], store);
  for (const backup of ["a:1", "b:1"]) {
    room.backups.add(backup, at(0));
    room.deliver();
  }
  for (const backup of ["a:1", "x:1"]) room.backups.remove(backup, at(0));
  room.deliver();
  assertEquals(room.backups.forSession(0n), ["b:1"]);
  assertEquals(newDelayedRoom([], store).backups.forSession(0n), ["b:1"]);
  assertEquals(newDelayedRoom(["x:1"], store).backups.forSession(0n), ["x:1", "b:1"]);
});
