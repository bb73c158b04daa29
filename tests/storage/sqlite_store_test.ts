// The file of a room: what comes back of what was stored, what is forgotten, and files that are none.

import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { SqliteStore } from "../../lib/storage/sqlite_store.ts";
import { InputError } from "../../lib/errors.ts";
import { RoomState } from "../../lib/room/state.ts";
import type { Said, Uncommitted } from "../../lib/protocol/frames.ts";
import { TestFolder, writing } from "../test_folder.ts";

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

/** Gives the test a path, and a way to open it. */
async function inFolder(act: (path: string, folder: TestFolder) => Promise<void>) {
  await using folder = new TestFolder();
  await act(`${folder.path}/room.db`, folder);
}

function entriesOf(file: SqliteStore): Uncommitted[] {
  return [...file.entries()].map(({ event }) => event);
}

/** Who is in after the file's past and all of its entries, and what was accepted of whom. */
function membersOf(file: SqliteStore) {
  const state = new RoomState();
  for (const entry of [...file.snapshot(), ...entriesOf(file)]) state.apply(entry);
  return {
    in: [...state].map((
      { sessionId, nick, sinceMs, lastClientSeq },
    ) => [sessionId, nick, sinceMs, lastClientSeq]),
    gone: [...state.departed],
  };
}

async function refusal(path: string): Promise<string> {
  const error = await assertRejects(() => SqliteStore.open(path), InputError);
  assertEquals(error.details.path, path);
  return error.code;
}

Deno.test(
  "A file gives back what was stored, as it was, to whoever opens it next",
  writing,
  () =>
    inFolder(async (path) => {
      let logId: bigint;
      {
        using file = await SqliteStore.open(path);
        ({ logId } = file);
        assertEquals([file.firstSeq, file.nextSeq, entriesOf(file)], [0, 0, []]);
        file.append(ALL.slice(0, 3), 100);
        file.append(ALL.slice(3), 200);
        await file.sync();
        assertEquals(file.nextSeq, 7);
      }
      using file = await SqliteStore.open(path);
      assertEquals([file.logId, file.firstSeq, file.nextSeq], [logId, 0, 7]);
      assertNotEquals(logId, 0n);
      assertEquals(entriesOf(file), ALL);
      assertEquals([...file.entries()].map(({ seq, storedAtMs }) => [seq, storedAtMs]).slice(2, 4), [
        [2, 100],
        [3, 200],
      ]);
      assert(file.bytes > 4_096);
    }),
);

Deno.test(
  "A file that a process left without closing it has all that was stored",
  writing,
  () =>
    inFolder(async (path, folder) => {
      using file = await SqliteStore.open(path);
      file.append(ALL, 100);
      for (const end of ["", "-wal"]) await Deno.copyFile(`${path}${end}`, `${folder.path}/copy.db${end}`);
      using copy = await SqliteStore.open(`${folder.path}/copy.db`);
      assertEquals(entriesOf(copy), ALL);
      copy.append(ALL, 200);
      assertEquals(copy.nextSeq, 14);
    }),
);

Deno.test(
  "A file and what lies beside it are for their owner alone",
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
  "All of a round are stored or none, and the numbers go on",
  writing,
  () =>
    inFolder(async (path) => {
      using file = await SqliteStore.open(path);
      const tooLong = said(1n, 1, { text: "x".repeat(70_000) });
      try {
        file.append([joined(1n, "ana"), tooLong], 100);
      } catch { /* that is the point */ }
      assertEquals([file.nextSeq, entriesOf(file)], [0, []]);
      file.append([joined(1n, "ana")], 100);
      assertEquals(entriesOf(file), [joined(1n, "ana")]);
    }),
);

Deno.test("A file that a server uses is refused to the next", writing, () =>
  inFolder(async (path) => {
    {
      using _file = await SqliteStore.open(path);
      assertEquals(await refusal(path), "data-busy");
    }
    using _file = await SqliteStore.open(path);
  }));

Deno.test(
  "What is no room of ours is refused, and left as it was",
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
        // Deep inside, where nobody looks before it is read.
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
        assertEquals(await refusal(path), code);
        assertEquals(await Deno.readFile(path), before);
        await Deno.remove(path);
      }
      assertEquals(await refusal(`${folder.path}/nowhere/room.db`), "data-unusable");
      assertEquals(await refusal(folder.path), "data-unusable");
    }),
);

Deno.test("An entry that is missing or cannot be read is found", writing, () =>
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
        assertEquals(assertThrows(() => entriesOf(file), InputError).code, "data-damaged");
      }
      await Deno.remove(path);
    }
  }));

Deno.test(
  "A file forgets what is too much or too old, and knows who was in and what was accepted",
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
        const before = membersOf(file);
        file.prune({ entries: 4, sinceMs: 0 });
        assertEquals([file.firstSeq, entriesOf(file).length], [4, 4]);
        assertEquals(membersOf(file), before);
        file.prune({ entries: 99, sinceMs: 150 });
        assertEquals([file.firstSeq, entriesOf(file).length], [5, 3]);
        file.prune({ entries: 99, sinceMs: 1_000 });
        assertEquals([file.firstSeq, entriesOf(file)], [7, [said(3n, 1)]]);
        assertEquals(membersOf(file), before);
        file.prune({ entries: 99, sinceMs: 0 });
      }
      using file = await SqliteStore.open(path);
      assertEquals([file.firstSeq, file.nextSeq], [7, 8]);
      assertEquals(membersOf(file), {
        in: [[1n, "ana", 5, 7], [3n, "eva", 5, 1]],
        gone: [[2n, 6]],
      });
    }),
);

Deno.test(
  "A file that has forgotten when a backup was named still knows it",
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
  "A file forgets what private messages said, and that alone",
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
        assertEquals(entriesOf(file)[1], said(1n, 1, { to, text: secret }));
        file.deletePrivate(101);
        assertEquals(entriesOf(file), [
          joined(1n, "ana"),
          { type: "said", timeMs: 0, sessionId: 1n, clientSeq: 1, redelivered: false, nick: "", text: "" },
          said(1n, 2),
          said(1n, 3, { to }),
        ]);
        assertEquals(membersOf(file).in, [[1n, "ana", 5, 3]]);
        file.deletePrivate(101);
      }
      assert(!new TextDecoder("latin1").decode(await Deno.readFile(path)).includes(secret));
      using db = new DatabaseSync(path);
      assertEquals(db.prepare("SELECT seq FROM private").all().map(({ seq }) => seq), [3]);
    }),
);

Deno.test(
  "What the system may have given up is written into the file itself",
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
      assertEquals(entriesOf(file).length, 14);
    }),
);

Deno.test(
  "What is forgotten is not left in the file, and what is kept comes to the same as before",
  writing,
  () =>
    inFolder(async (path) => {
      const words = "words that nobody keeps";
      {
        using file = await SqliteStore.open(path);
        file.append([joined(1n, "ana"), said(1n, 1, { text: words }), joined(2n, "beto"), said(1n, 2)], 100);
        file.append([left(2n, "beto"), said(1n, 3)], 200);
        file.prune({ entries: 3, sinceMs: 0 });
        const state = new RoomState();
        for (const entry of file.snapshot()) state.apply(entry);
        assertEquals<unknown>(entriesOf(file).map((entry) => state.apply(entry)), entriesOf(file));
      }
      assert(!new TextDecoder("latin1").decode(await Deno.readFile(path)).includes(words));
    }),
);
