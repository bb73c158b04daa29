// The SQLite file of a room: reading it back, pruning, and files that are refused.

import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { InputError, StoreError, systemReason } from "../../lib/errors.ts";
import type { Said, Uncommitted } from "../../lib/protocol/frames.ts";
import { RoomState, tombstone } from "../../lib/room/state.ts";
import { SqliteStore } from "../../lib/storage/sqlite_store.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";

const BETO = { sessionId: 2n, nick: "beto" };

const joined = (sessionId: bigint, nick: string): Uncommitted => (
  { type: "joined", timeMs: 5, sessionId, rejoined: false, nick, address: "10.0.0.7" }
);
const left = (sessionId: bigint, nick: string): Uncommitted => (
  { type: "left", timeMs: 9, sessionId, connectionLost: true, nick, address: "10.0.0.7" }
);
const said = (sessionId: bigint, clientSeq: number, more: Partial<Said> = {}): Uncommitted<Said> => (
  { ...tombstone(sessionId, clientSeq), timeMs: 9, nick: "ana", text: `t${clientSeq}`, ...more }
);
const ALL: Uncommitted[] = [
  joined(1n, "ana"),
  said(1n, 7, { action: true }),
  said(1n, 8, { to: BETO }),
  { type: "renamed", timeMs: 9, sessionId: 1n, oldNick: "ana", nick: "eva" },
  { type: "announced", timeMs: 9, text: "hola" },
  { type: "backups", timeMs: 9, backups: ["a:1"] },
  left(1n, "eva"),
];

function test(title: string, check: (path: string, folder: TestFolder) => Promise<void>): void {
  Deno.test(`SqliteStore.${title}`, writing, async () => {
    await using folder = new TestFolder();
    await check(`${folder.path}/room.db`, folder);
  });
}

function eventsOf(store: SqliteStore): Uncommitted[] {
  return [...store.entries()].map(({ event }) => event);
}

/** The members after snapshot and entries, and the departed sessions. */
function stateOf(store: SqliteStore) {
  const state = new RoomState();
  for (const event of [...store.snapshot(), ...eventsOf(store)]) state.apply(event);
  const members = [...state].map((it) => [it.sessionId, it.nick, it.sinceMs, it.lastClientSeq]);
  return { members, departed: [...state.departed] };
}

async function errorCodeOf(path: string): Promise<string> {
  const error = await assertRejects(() => SqliteStore.open(path), InputError);
  assertEquals(error.details.path, path);
  return error.code;
}

/** `seq` of the private messages whose text is still stored. */
function privateSeqs(path: string): unknown[] {
  using db = new DatabaseSync(path);
  return db.prepare("SELECT seq FROM private").all().map(({ seq }) => seq);
}

async function hasText(path: string, text: string): Promise<boolean> {
  return new TextDecoder("latin1").decode(await Deno.readFile(path)).includes(text);
}

test("open() reads the events back as they were stored", async (path) => {
  let logId: bigint;
  {
    using store = await SqliteStore.open(path);
    ({ logId } = store);
    assertEquals([store.firstSeq, store.nextSeq, eventsOf(store)], [0, 0, []]);
    store.append(ALL.slice(0, 3), 100);
    store.append(ALL.slice(3), 200);
    await store.sync();
    assertEquals(store.nextSeq, 7);
  }
  using store = await SqliteStore.open(path);
  assertEquals([store.logId, store.firstSeq, store.nextSeq], [logId, 0, 7]);
  assertNotEquals(logId, 0n);
  assertEquals(eventsOf(store), ALL);
  const stored = [...store.entries()].map(({ seq, storedAtMs }) => [seq, storedAtMs]);
  assertEquals(stored.slice(2, 4), [[2, 100], [3, 200]]);
  assert(store.bytes > 4_096);
});

test("open() reads and syncs everything from a file that a process did not close", async (path, folder) => {
  using store = await SqliteStore.open(path);
  store.append(ALL, 100);
  for (const end of ["", "-wal"]) await Deno.copyFile(`${path}${end}`, `${folder.path}/copy.db${end}`);
  using copy = await SqliteStore.open(`${folder.path}/copy.db`);
  assertEquals(eventsOf(copy), ALL);
  assertEquals(Deno.statSync(`${folder.path}/copy.db-wal`).size, 0);
  copy.append(ALL, 200);
  assertEquals(copy.nextSeq, 14);
});

test("open() makes a room of a file whose process died before its tables", async (path, folder) => {
  await folder.file("room.db", "");
  using store = await SqliteStore.open(path);
  store.append(ALL, 100);
  assertEquals(eventsOf(store), ALL);
});

test("open() makes a file and a WAL that only the owner can read", async (path, { path: folder }) => {
  using store = await SqliteStore.open(path);
  store.append(ALL, 100);
  const files = [...Deno.readDirSync(folder)].map(({ name }) => Deno.statSync(`${folder}/${name}`));
  if (Deno.build.os !== "windows") {
    assertEquals(new Set(files.map(({ mode }) => mode! & 0o777)), new Set([0o600]));
  }
});

test("open() refuses a file that another server has open", async (path) => {
  {
    using _store = await SqliteStore.open(path);
    assertEquals(await errorCodeOf(path), "data-busy");
  }
  using _store = await SqliteStore.open(path);
});

const PAGE_BYTES = 4_096;

/** What makes a file that is no room, or a room that is damaged, from the bytes of a good one. */
const REFUSED: [what: string, code: string, make: (path: string, good: Uint8Array) => void][] = [
  ["garbage", "data-damaged", (path) => {
    Deno.writeFileSync(path, Uint8Array.from({ length: 10_000 }, (_, i) => i * i * 7));
  }],
  ["another program's file", "data-damaged", (path) => {
    using db = new DatabaseSync(path);
    db.exec("CREATE TABLE other (a)");
  }],
  ["another program's file without tables", "data-damaged", (path) => {
    using db = new DatabaseSync(path);
    db.exec("PRAGMA application_id = 7");
  }],
  ["a later version", "data-newer", (path, good) => {
    Deno.writeFileSync(path, good);
    using db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 2");
  }],
  ["a file whose tables are damaged", "data-damaged", (path, good) => {
    Deno.writeFileSync(path, good.fill(0x55, PAGE_BYTES, 40_000));
  }],
  [
    "a file that is cut short",
    "data-damaged",
    (path, good) => Deno.writeFileSync(path, good.slice(0, 50_000)),
  ],
  ["a file that is damaged where only a read finds it", "data-damaged", (path, good) => {
    Deno.writeFileSync(path, good.fill(0x55, 10 * PAGE_BYTES, 11 * PAGE_BYTES));
  }],
];

for (const [what, code, make] of REFUSED) {
  test(`open() refuses ${what}, and does not change it`, async (path, folder) => {
    const good = `${folder.path}/good.db`;
    {
      using store = await SqliteStore.open(good);
      store.append(Array.from({ length: 1_000 }, (_, i) => said(1n, i + 1)), 100);
    }
    make(path, await Deno.readFile(good));
    const before = await Deno.readFile(path);
    assertEquals(await errorCodeOf(path), code);
    assertEquals(await Deno.readFile(path), before);
  });
}

test("open() tells a missing folder from a folder in the place of the file", async (_, folder) => {
  for (
    const [path, reason] of [[`${folder.path}/no/room.db`, "folder-missing"], [folder.path, "is-folder"]]
  ) {
    const { code, details } = await assertRejects(() => SqliteStore.open(path!), InputError);
    assertEquals<unknown>([code, details.systemReason], ["data-unusable", reason]);
  }
});

test("open() tells why the system makes no file", async (path) => {
  const { open } = Deno;
  const refuse = (_: unknown, options?: Deno.OpenOptions) =>
    options?.create
      ? Promise.reject(Object.assign(new Error("read-only"), { code: "EROFS" }))
      : open(path, options);
  Deno.open = refuse;
  try {
    const error = await assertRejects(() => SqliteStore.open(path), InputError);
    assertEquals([error.code, systemReason(error)], ["data-unusable", "read-only"]);
  } finally {
    Deno.open = open;
  }
});

test("open() tells a full disk, and how much is needed", async (path) => {
  const { open, writeFile } = Deno;
  const fail = () => Promise.reject(new Error("it does not tell why"));
  Deno.open = (name, options) => String(name).endsWith("-wal") ? fail() : open(name, options);
  Deno.writeFile = () => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
  try {
    const { code, details } = await assertRejects(() => SqliteStore.open(path), StoreError);
    assertEquals([code, details], ["disk-full-at-start", { path, megabytes: 1 }]);
  } finally {
    Object.assign(Deno, { open, writeFile });
  }
});

test("open() undoes the change without a WAL amid which a process was killed", async (path) => {
  {
    using store = await SqliteStore.open(path);
    store.append(ALL, 100);
  }
  const killed = `${path}.killed`;
  {
    using other = new DatabaseSync(path);
    // Pages that do not fit into the cache are written before the commit: their old contents are in `-journal`.
    other.exec("PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN");
    other.exec("CREATE TABLE filler (bytes)");
    for (let i = 0; i < 50; i++) other.exec("INSERT INTO filler VALUES (randomblob(4000))");
    for (const end of ["", "-journal"]) await Deno.copyFile(path + end, killed + end);
  }
  using store = await SqliteStore.open(killed);
  assertEquals(eventsOf(store), ALL);
});

/** What another process does to a room that is open, and what undoes it. */
const HARM: [what: string, isGone: boolean, harm: (path: string) => void, undo?: (path: string) => void][] = [
  ["a file that was moved", true, (path) => Deno.renameSync(path, `${path}.old`), (path) => {
    Deno.renameSync(`${path}.old`, path);
  }],
  ["a file that was deleted", true, (path) => Deno.removeSync(path)],
  ["a file that was replaced", true, (path) => {
    Deno.removeSync(path);
    Deno.writeTextFileSync(path, "");
  }],
  [
    "a folder that was moved",
    true,
    (path) => Deno.renameSync(dirname(path), `${dirname(path)}.old`),
    (path) => {
      Deno.renameSync(`${dirname(path)}.old`, dirname(path));
    },
  ],
  ["a file that was emptied", true, (path) => Deno.truncateSync(path)],
  ["a WAL that was deleted", false, (path) => Deno.removeSync(`${path}-wal`)],
  ["a file whose mode was changed", false, (path) => Deno.chmodSync(path, 0o640)],
];
for (const [what, isGone, harm, undo] of HARM) {
  const title = `checkInPlace() ${isGone ? "finds" : "accepts"} ${what}, and everything is stored`;
  Deno.test(`SqliteStore.${title}`, { ignore: writing.ignore || Deno.build.os === "windows" }, async () => {
    await using folder = new TestFolder();
    const path = `${folder.path}/room/room.db`;
    await Deno.mkdir(`${folder.path}/room`);
    {
      using store = await SqliteStore.open(path);
      store.append(ALL, 100);
      assertEquals(store.isSuspect, false);
      // Deno has the time of change in seconds.
      if (!what.includes("deleted")) await delay(1_000 - Date.now() % 1_000 + 20);
      harm(path);
      assertEquals(store.isSuspect, true);
      for (let i = 0; i < 2; i++) {
        if (isGone) assertEquals(assertThrows(() => store.checkInPlace(), StoreError).code, "data-gone");
        else store.checkInPlace();
      }
      undo?.(path);
      if (isGone && !undo) return;
      store.checkInPlace();
      store.append(ALL, 200);
      await store.sync();
      store.checkInPlace();
    }
    using store = await SqliteStore.open(path);
    assertEquals(eventsOf(store), [...ALL, ...ALL]);
  });
}

test("checkInPlace() writes everything into a file that was moved", async (path) => {
  {
    using store = await SqliteStore.open(path);
    store.append(ALL, 100);
    await Deno.rename(path, `${path}.old`);
    assertThrows(() => store.checkInPlace(), StoreError);
  }
  using store = await SqliteStore.open(`${path}.old`);
  assertEquals(eventsOf(store), ALL);
});

test("append() stores all events or none, and seq continues", async (path) => {
  using store = await SqliteStore.open(path);
  const tooLong = said(1n, 1, { text: "x".repeat(70_000) });
  assertThrows(() => store.append([joined(1n, "ana"), tooLong], 100), RangeError);
  assertEquals([store.nextSeq, eventsOf(store)], [0, []]);
  store.append([joined(1n, "ana")], 100);
  assertEquals(eventsOf(store), [joined(1n, "ana")]);
});

for (const harm of ["DELETE FROM entries WHERE seq = 3", "UPDATE entries SET frame = x'00' WHERE seq = 3"]) {
  test(`entries() finds the damage of ${harm}`, async (path) => {
    {
      using store = await SqliteStore.open(path);
      store.append(ALL, 100);
    }
    {
      using db = new DatabaseSync(path);
      db.exec(harm);
    }
    using store = await SqliteStore.open(path);
    assertEquals(assertThrows(() => eventsOf(store), InputError).code, "data-damaged");
  });
}

test("prune() deletes entries over the retention, and keeps members and counters", async (path) => {
  {
    using store = await SqliteStore.open(path);
    store.append([joined(1n, "ana"), joined(2n, "beto"), joined(3n, "eva"), said(1n, 5), said(2n, 6)], 100);
    store.append([left(2n, "beto"), said(1n, 7), said(3n, 1)], 200);
    const before = stateOf(store);
    store.prune({ entries: 4, sinceMs: 0 });
    assertEquals([store.firstSeq, eventsOf(store).length], [4, 4]);
    assertEquals(stateOf(store), before);
    store.prune({ entries: 99, sinceMs: 200 });
    assertEquals([store.firstSeq, eventsOf(store).length], [5, 3]);
    store.prune({ entries: 99, sinceMs: 201 });
    assertEquals([store.firstSeq, eventsOf(store)], [7, [said(3n, 1)]]);
    assertEquals(stateOf(store), before);
    store.prune({ entries: 99, sinceMs: 0 });
  }
  using store = await SqliteStore.open(path);
  assertEquals([store.firstSeq, store.nextSeq], [7, 8]);
  const members = [[1n, "ana", 5, 7], [3n, "eva", 5, 1]];
  assertEquals(stateOf(store), { members, departed: [[2n, 6]] });
});

test("prune() keeps the backups of pruned entries", async (path) => {
  using store = await SqliteStore.open(path);
  store.append([{ type: "backups", timeMs: 9, backups: ["a:1"] }, said(1n, 1), said(1n, 2)], 100);
  for (let clientSeq = 3; clientSeq <= 4; clientSeq++) {
    store.prune({ entries: 1, sinceMs: 0 });
    store.append([said(1n, clientSeq)], 200);
  }
  const backups = [...store.snapshot()].filter(({ type }) => type === "backups");
  assertEquals(backups, [{ type: "backups", timeMs: 0, backups: ["a:1"] }]);
});

test("prune() leaves no text in the file, and the rest makes the same entries as before", async (path) => {
  const words = "words that are pruned";
  {
    using store = await SqliteStore.open(path);
    store.append([joined(1n, "ana"), said(1n, 1, { text: words }), joined(2n, "beto"), said(1n, 2)], 100);
    store.append([left(2n, "beto"), said(1n, 3)], 200);
    store.prune({ entries: 3, sinceMs: 0 });
    const state = new RoomState();
    for (const event of store.snapshot()) state.apply(event);
    assertEquals<unknown>(eventsOf(store).map((event) => state.apply(event)), eventsOf(store));
  }
  assertEquals(await hasText(path, words), false);
});

test("prune() prunes the index of private messages, too", async (path) => {
  {
    using store = await SqliteStore.open(path);
    store.append([1, 2, 3, 4].map((clientSeq) => said(1n, clientSeq, { to: BETO })), 100);
    store.prune({ entries: 2, sinceMs: 0 });
  }
  assertEquals(privateSeqs(path), [2, 3]);
});

test("deletePrivate() makes old private messages tombstones, and changes nothing else", async (path) => {
  const secret = "a secret of theirs";
  {
    using store = await SqliteStore.open(path);
    store.append([joined(1n, "ana"), said(1n, 1, { to: BETO, text: secret }), said(1n, 2)], 100);
    store.append([said(1n, 3, { to: BETO })], 200);
    store.deletePrivate(100);
    assertEquals(eventsOf(store)[1], said(1n, 1, { to: BETO, text: secret }));
    for (let i = 0; i < 2; i++) store.deletePrivate(101);
    assertEquals(eventsOf(store), [
      joined(1n, "ana"),
      tombstone(1n, 1),
      said(1n, 2),
      said(1n, 3, { to: BETO }),
    ]);
    assertEquals(stateOf(store).members, [[1n, "ana", 5, 3]]);
  }
  assertEquals([await hasText(path, secret), privateSeqs(path)], [false, [3]]);
});

test("checkpointWal() writes everything into the database file", async (path) => {
  using store = await SqliteStore.open(path);
  store.append(ALL, 100);
  assert(Deno.statSync(`${path}-wal`).size > 0);
  store.checkpointWal();
  assertEquals(Deno.statSync(`${path}-wal`).size, 0);
  store.append(ALL, 200);
  await store.sync();
  assertEquals(eventsOf(store).length, 14);
});
