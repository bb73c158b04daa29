// The SQLite file of a room: reading it back, pruning, and files that are refused.

import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { SqliteStore } from "../../lib/storage/sqlite_store.ts";
import { InputError } from "../../lib/errors.ts";
import { RoomState } from "../../lib/room/state.ts";
import type { Said, Uncommitted } from "../../lib/protocol/frames.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";

const joined = (sessionId: bigint, nick: string): Uncommitted => (
  { type: "joined", timeMs: 5, sessionId, rejoined: false, nick, address: "10.0.0.7" }
);
const left = (sessionId: bigint, nick: string): Uncommitted => (
  { type: "left", timeMs: 9, sessionId, connectionLost: true, nick, address: "10.0.0.7" }
);
const said = (sessionId: bigint, clientSeq: number, more: Partial<Said> = {}): Uncommitted<Said> => (
  {
    type: "said",
    timeMs: 9,
    sessionId,
    clientSeq,
    redelivered: false,
    nick: "ana",
    text: `t${clientSeq}`,
    ...more,
  }
);
const ALL: Uncommitted[] = [
  joined(1n, "ana"),
  said(1n, 7, { action: true }),
  said(1n, 8, { to: { sessionId: 2n, nick: "beto" } }),
  { type: "renamed", timeMs: 9, sessionId: 1n, oldNick: "ana", nick: "eva" },
  { type: "announced", timeMs: 9, text: "hola" },
  { type: "backups", timeMs: 9, backups: ["a:1"] },
  left(1n, "eva"),
];

async function inFolder(act: (path: string, folder: TestFolder) => Promise<void>) {
  await using folder = new TestFolder();
  await act(`${folder.path}/room.db`, folder);
}

function eventsOf(file: SqliteStore): Uncommitted[] {
  return [...file.entries()].map(({ event }) => event);
}

/** The members after snapshot and entries, and the departed sessions. */
function stateOf(file: SqliteStore) {
  const state = new RoomState();
  for (const event of [...file.snapshot(), ...eventsOf(file)]) state.apply(event);
  return {
    members: [...state].map((
      { sessionId, nick, sinceMs, lastClientSeq },
    ) => [sessionId, nick, sinceMs, lastClientSeq]),
    departed: [...state.departed],
  };
}

async function errorCodeOf(path: string): Promise<string> {
  const error = await assertRejects(() => SqliteStore.open(path), InputError);
  assertEquals(error.details.path, path);
  return error.code;
}

Deno.test(
  "A file that is opened again has the events as they were stored",
  writing,
  () =>
    inFolder(async (path) => {
      let logId: bigint;
      {
        using file = await SqliteStore.open(path);
        ({ logId } = file);
        assertEquals([file.firstSeq, file.nextSeq, eventsOf(file)], [0, 0, []]);
        file.append(ALL.slice(0, 3), 100);
        file.append(ALL.slice(3), 200);
        await file.sync();
        assertEquals(file.nextSeq, 7);
      }
      using file = await SqliteStore.open(path);
      assertEquals([file.logId, file.firstSeq, file.nextSeq], [logId, 0, 7]);
      assertNotEquals(logId, 0n);
      assertEquals(eventsOf(file), ALL);
      assertEquals([...file.entries()].map(({ seq, storedAtMs }) => [seq, storedAtMs]).slice(2, 4), [
        [2, 100],
        [3, 200],
      ]);
      assert(file.bytes > 4_096);
    }),
);

Deno.test(
  "A file that a process did not close has everything that was stored",
  writing,
  () =>
    inFolder(async (path, folder) => {
      using file = await SqliteStore.open(path);
      file.append(ALL, 100);
      for (const end of ["", "-wal"]) await Deno.copyFile(`${path}${end}`, `${folder.path}/copy.db${end}`);
      using copy = await SqliteStore.open(`${folder.path}/copy.db`);
      assertEquals(eventsOf(copy), ALL);
      copy.append(ALL, 200);
      assertEquals(copy.nextSeq, 14);
    }),
);

Deno.test(
  "A file and its WAL are readable by the owner only",
  writing,
  () =>
    inFolder(async (path, folder) => {
      using file = await SqliteStore.open(path);
      file.append(ALL, 100);
      const modes = [...Deno.readDirSync(folder.path)].map(({ name }) =>
        Deno.statSync(`${folder.path}/${name}`).mode! & 0o777
      );
      if (Deno.build.os !== "windows") assertEquals(new Set(modes), new Set([0o600]));
    }),
);

Deno.test(
  "An append stores all events or none, and seq continues",
  writing,
  () =>
    inFolder(async (path) => {
      using file = await SqliteStore.open(path);
      const tooLong = said(1n, 1, { text: "x".repeat(70_000) });
      try {
        file.append([joined(1n, "ana"), tooLong], 100);
      } catch { /* that is the point */ }
      assertEquals([file.nextSeq, eventsOf(file)], [0, []]);
      file.append([joined(1n, "ana")], 100);
      assertEquals(eventsOf(file), [joined(1n, "ana")]);
    }),
);

Deno.test("A file that is open is refused to another server", writing, () =>
  inFolder(async (path) => {
    {
      using _file = await SqliteStore.open(path);
      assertEquals(await errorCodeOf(path), "data-busy");
    }
    using _file = await SqliteStore.open(path);
  }));

Deno.test(
  "A file that is no room is refused and unchanged",
  writing,
  () =>
    inFolder(async (path, folder) => {
      const garbage = crypto.getRandomValues(new Uint8Array(10_000));
      const cases: [code: string, make: (path: string) => void][] = [
        ["data-damaged", (path) => Deno.writeFileSync(path, garbage)],
        ["data-damaged", (path) => {
          using db = new DatabaseSync(path);
          db.exec("CREATE TABLE other (a)");
        }],
        ["data-newer", (path) => {
          Deno.copyFileSync(`${folder.path}/good.db`, path);
          using db = new DatabaseSync(path);
          db.exec("PRAGMA user_version = 2");
        }],
        ["data-damaged", (path) => {
          const bytes = Deno.readFileSync(`${folder.path}/good.db`);
          bytes.fill(0x55, 4_096, 40_000);
          Deno.writeFileSync(path, bytes);
        }],
        ["data-damaged", (path) => {
          Deno.writeFileSync(path, Deno.readFileSync(`${folder.path}/good.db`).slice(0, 50_000));
        }],
        // Deep inside, where only a read finds it.
        ["data-damaged", (path) => {
          const bytes = Deno.readFileSync(`${folder.path}/good.db`);
          bytes.fill(0x55, 10 * 4_096, 11 * 4_096);
          Deno.writeFileSync(path, bytes);
        }],
      ];
      {
        using good = await SqliteStore.open(`${folder.path}/good.db`);
        good.append(Array.from({ length: 1_000 }, (_, i) => said(1n, i + 1)), 100);
      }
      for (const [code, make] of cases) {
        make(path);
        const before = await Deno.readFile(path);
        assertEquals(await errorCodeOf(path), code);
        assertEquals(await Deno.readFile(path), before);
        await Deno.remove(path);
      }
      assertEquals(await errorCodeOf(`${folder.path}/nowhere/room.db`), "data-unusable");
      assertEquals(await errorCodeOf(folder.path), "data-unusable");
    }),
);

Deno.test("A missing entry and an unreadable one are found", writing, () =>
  inFolder(async (path) => {
    for (const harm of ["DELETE FROM entries WHERE seq = 3", "UPDATE entries SET frame = x'00'"]) {
      {
        using file = await SqliteStore.open(path);
        file.append(ALL, 100);
      }
      {
        using db = new DatabaseSync(path);
        db.exec(harm);
      }
      {
        using file = await SqliteStore.open(path);
        assertEquals(assertThrows(() => eventsOf(file), InputError).code, "data-damaged");
      }
      await Deno.remove(path);
    }
  }));

Deno.test(
  "Pruning deletes entries over the retention, and keeps members and counters",
  writing,
  () =>
    inFolder(async (path) => {
      {
        using file = await SqliteStore.open(path);
        file.append(
          [joined(1n, "ana"), joined(2n, "beto"), joined(3n, "eva"), said(1n, 5), said(2n, 6)],
          100,
        );
        file.append([left(2n, "beto"), said(1n, 7), said(3n, 1)], 200);
        const before = stateOf(file);
        file.prune({ entries: 4, sinceMs: 0 });
        assertEquals([file.firstSeq, eventsOf(file).length], [4, 4]);
        assertEquals(stateOf(file), before);
        file.prune({ entries: 99, sinceMs: 150 });
        assertEquals([file.firstSeq, eventsOf(file).length], [5, 3]);
        file.prune({ entries: 99, sinceMs: 1_000 });
        assertEquals([file.firstSeq, eventsOf(file)], [7, [said(3n, 1)]]);
        assertEquals(stateOf(file), before);
        file.prune({ entries: 99, sinceMs: 0 });
      }
      using file = await SqliteStore.open(path);
      assertEquals([file.firstSeq, file.nextSeq], [7, 8]);
      assertEquals(stateOf(file), {
        members: [[1n, "ana", 5, 7], [3n, "eva", 5, 1]],
        departed: [[2n, 6]],
      });
    }),
);

Deno.test(
  "Pruning the entry of a backup keeps the backup",
  writing,
  () =>
    inFolder(async (path) => {
      {
        using file = await SqliteStore.open(path);
        file.append([{ type: "backups", timeMs: 9, backups: ["a:1"] }, said(1n, 1), said(1n, 2)], 100);
        file.prune({ entries: 1, sinceMs: 0 });
      }
      using file = await SqliteStore.open(path);
      file.append([said(1n, 3)], 200);
      file.prune({ entries: 1, sinceMs: 0 });
      const backups = [...file.snapshot()].filter(({ type }) => type === "backups");
      assertEquals(backups, [{ type: "backups", timeMs: 0, backups: ["a:1"] }]);
    }),
);

Deno.test(
  "Private messages become tombstones, and nothing else changes",
  writing,
  () =>
    inFolder(async (path) => {
      const to = { sessionId: 2n, nick: "beto" };
      const secret = "a secret of theirs";
      {
        using file = await SqliteStore.open(path);
        file.append([joined(1n, "ana"), said(1n, 1, { to, text: secret }), said(1n, 2)], 100);
        file.append([said(1n, 3, { to })], 200);
        file.deletePrivate(100);
        assertEquals(eventsOf(file)[1], said(1n, 1, { to, text: secret }));
        file.deletePrivate(101);
        assertEquals(eventsOf(file), [
          joined(1n, "ana"),
          { type: "said", timeMs: 0, sessionId: 1n, clientSeq: 1, redelivered: false, nick: "", text: "" },
          said(1n, 2),
          said(1n, 3, { to }),
        ]);
        assertEquals(stateOf(file).members, [[1n, "ana", 5, 3]]);
        file.deletePrivate(101);
      }
      assert(!new TextDecoder("latin1").decode(await Deno.readFile(path)).includes(secret));
      using db = new DatabaseSync(path);
      assertEquals(db.prepare("SELECT seq FROM private").all().map(({ seq }) => seq), [3]);
    }),
);

Deno.test(
  "checkpointWal() writes everything into the database file",
  writing,
  () =>
    inFolder(async (path) => {
      using file = await SqliteStore.open(path);
      file.append(ALL, 100);
      assert(Deno.statSync(`${path}-wal`).size > 0);
      file.checkpointWal();
      assertEquals(Deno.statSync(`${path}-wal`).size, 0);
      file.append(ALL, 200);
      await file.sync();
      assertEquals(eventsOf(file).length, 14);
    }),
);

Deno.test(
  "Pruned text is not left in the file, and the rest makes the same entries as before",
  writing,
  () =>
    inFolder(async (path) => {
      const words = "words that are pruned";
      {
        using file = await SqliteStore.open(path);
        file.append([joined(1n, "ana"), said(1n, 1, { text: words }), joined(2n, "beto"), said(1n, 2)], 100);
        file.append([left(2n, "beto"), said(1n, 3)], 200);
        file.prune({ entries: 3, sinceMs: 0 });
        const state = new RoomState();
        for (const entry of file.snapshot()) state.apply(entry);
        assertEquals<unknown>(eventsOf(file).map((entry) => state.apply(entry)), eventsOf(file));
      }
      assert(!new TextDecoder("latin1").decode(await Deno.readFile(path)).includes(words));
    }),
);
