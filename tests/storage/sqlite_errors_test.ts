// What SqliteStore.open() and readRoomFile() say of files that they cannot use.

import { assertEquals, assertRejects } from "@std/assert";
import { InputError, systemReason } from "../../lib/errors.ts";
import { readRoomFile } from "../../lib/storage/sqlite_reader.ts";
import { SqliteStore } from "../../lib/storage/sqlite_store.ts";
import { danglingLink, TestFolder, writing } from "../testing/test_folder.ts";

for (const open of [SqliteStore.open, readRoomFile]) {
  const test = (title: string, check: (path: string) => Promise<void>, options = writing) =>
    Deno.test(`${open.name}() ${title}`, options, async () => {
      await using folder = new TestFolder();
      const path = `${await Deno.realPath(folder.path)}/room.db`;
      (await SqliteStore.open(path))[Symbol.dispose]();
      await check(path);
    });
  const assertUnusable = async (path: string, named: string, reason: string) => {
    const { code, details } = await assertRejects(() => open(path), InputError);
    assertEquals<unknown>([code, details.path, details.systemReason], ["data-unusable", named, reason]);
  };

  test("names a folder in the place of a file beside the room's", async (path) => {
    for (const end of ["-wal", "-shm", "-journal"]) {
      await Deno.mkdir(path + end);
      await assertUnusable(path, path + end, "is-folder");
      await Deno.remove(path + end);
    }
  });

  test("names a symbolic link in the place of a file beside the room's", async (path) => {
    for (const end of ["-wal", "-shm", "-journal"]) {
      using _ = danglingLink(path + end, "nowhere");
      await assertUnusable(path, path + end, "is-link");
    }
  });

  // Windows does not tell the number of names.
  const unix = { ignore: writing.ignore || Deno.build.os === "windows" };
  test("refuses a file with two names, since each would have a WAL", async (path) => {
    await Deno.link(path, `${path}2`);
    for (const name of [path, `${path}2`]) await assertUnusable(name, name, "has-names");
  }, unix);
}

Deno.test("open() tells that too many files are open", writing, async () => {
  await using folder = new TestFolder();
  const { open } = Deno;
  let opened = 0;
  Deno.open = (path, options) => {
    if (`${path}`.endsWith("-wal")) return Promise.reject(new Error("it does not tell why"));
    if (++opened % 4 === 0) return Promise.reject(Object.assign(new Error("no more"), { code: "EMFILE" }));
    return open(path, options);
  };
  try {
    const error = await assertRejects(() => SqliteStore.open(`${folder.path}/room.db`), InputError);
    assertEquals([error.code, systemReason(error)], ["data-unusable", "too-many-open"]);
  } finally {
    Deno.open = open;
  }
});
