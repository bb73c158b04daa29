// readRoomFile(): the events of a file that a server may be using.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { InputError, StoreError, systemReason } from "../../lib/errors.ts";
import type { Uncommitted } from "../../lib/protocol/frames.ts";
import { readRoomFile } from "../../lib/storage/sqlite_reader.ts";
import { SqliteStore } from "../../lib/storage/sqlite_store.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";
import { waitFor } from "../testing/waiting.ts";

const sessionId = 7n;
const joined = {
  type: "joined",
  timeMs: 1,
  sessionId,
  rejoined: false,
  nick: "ana",
  address: "::1",
} as const;

function said(clientSeq: number, text: string): Uncommitted {
  return { type: "said", timeMs: 2, sessionId, clientSeq, redelivered: false, nick: "ana", text };
}

function names(folder: TestFolder): string[] {
  return Array.from(Deno.readDirSync(folder.path), ({ name }) => name).sort();
}

Deno.test("readRoomFile() reads a file in use, takes no lock and leaves no file", writing, async () => {
  await using folder = new TestFolder();
  const path = join(folder.path, "room.db");
  // Of several pages, and longer than one.
  const events = [
    joined,
    ...Array.from(
      { length: 300 },
      (_, index) => said(index + 1, `${index} `.padEnd(20 * index, "ñ") + "."),
    ),
  ];
  const expected = events.map((event, seq) => ({ ...event, seq }));
  {
    using store = await SqliteStore.open(path);
    assertEquals(await readRoomFile(path), []);
    store.append(events.slice(0, 200), 1.5);
    const before = names(folder);
    assertEquals(await readRoomFile(path), expected.slice(0, 200));
    assertEquals(names(folder), before);
    store.checkpointWal();
    store.append(events.slice(200), 2);
    assertEquals(await readRoomFile(path), expected);
    store.prune({ entries: 10, sinceMs: 0 });
    assertEquals(await readRoomFile(path), expected.slice(-10));
  }
  assertEquals(await readRoomFile(path), expected.slice(-10));
  assertEquals(names(folder), ["room.db"]);
});

Deno.test("readRoomFile() leaves out events without effect", writing, async () => {
  await using folder = new TestFolder();
  const path = join(folder.path, "room.db");
  using store = await SqliteStore.open(path);
  store.append([joined, said(1, "once"), said(1, "once"), said(2, "again")], 1);
  assertEquals((await readRoomFile(path)).map(({ seq }) => seq), [0, 1, 3]);
});

Deno.test("readRoomFile() leaves no copy if a signal ends it, in order or by force", writing, async () => {
  await using folder = new TestFolder();
  const path = join(folder.path, "room.db");
  (await SqliteStore.open(path))[Symbol.dispose]();
  const ending = new AbortController();
  const { writeFile } = Deno;
  // A disk that takes nothing for now.
  let copies = 0;
  Deno.writeFile = (_path, _data, { signal } = {}) => {
    copies++;
    return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  };
  try {
    const reading = readRoomFile(path, ending.signal);
    await waitFor(() => copies === 1);
    assertEquals(names(folder).length, 2);
    ending.abort();
    assertEquals((await assertRejects(() => reading, StoreError)).code, "export-cut");
    assertEquals(names(folder), ["room.db"]);
    void readRoomFile(path).catch(() => {}); // never ends
    await waitFor(() => copies === 2);
    assertEquals(names(folder).length, 2);
    globalThis.dispatchEvent(new Event("unload"));
    assertEquals(names(folder), ["room.db"]);
  } finally {
    Deno.writeFile = writeFile;
  }
});

Deno.test("readRoomFile() copies to temporary files if the disk of the room is full", writing, async () => {
  await using folder = new TestFolder();
  const path = join(folder.path, "room.db");
  using store = await SqliteStore.open(path);
  store.append([joined], 1);
  const temporary = join(folder.path, "tmp");
  await Deno.mkdir(temporary);
  const { makeTempDir } = Deno;
  let isTemporaryFull = false;
  Deno.makeTempDir = ({ dir, ...options } = {}) =>
    dir === undefined && !isTemporaryFull
      ? makeTempDir({ dir: temporary, ...options })
      : Promise.reject(Object.assign(new Error(), { code: "ENOSPC" }));
  try {
    assertEquals((await readRoomFile(path)).length, 1);
    assertEquals([...Deno.readDirSync(temporary)], []);
    isTemporaryFull = true;
    const error = await assertRejects(() => readRoomFile(path), StoreError);
    assertEquals([error.code, systemReason(error)], ["copy-unwritable", "no-space"]);
    assertEquals([error.details.path, error.details.folder], [path, await Deno.realPath(folder.path)]);
  } finally {
    Deno.makeTempDir = makeTempDir;
  }
});

Deno.test("readRoomFile() reads a file that is write-protected", writing, async () => {
  await using folder = new TestFolder();
  const path = join(folder.path, "room.db");
  {
    using store = await SqliteStore.open(path);
    store.append([joined], 1);
  }
  await Deno.chmod(path, 0o400);
  assertEquals((await readRoomFile(path)).length, 1);
});

Deno.test("readRoomFile() tells an unreadable file from a copy without a place", writing, async () => {
  await using folder = new TestFolder();
  const path = await folder.file("room.db", "");
  const { open } = Deno;
  Deno.open = () => Promise.reject(Object.assign(new Error(), { code: "EACCES" }));
  try {
    const error = await assertRejects(() => readRoomFile(path), InputError);
    assertEquals([error.code, systemReason(error)], ["data-unusable", "no-permission"]);
  } finally {
    Deno.open = open;
  }
});

Deno.test("readRoomFile() rejects what is no room, and makes no missing file", writing, async () => {
  await using folder = new TestFolder();
  const text = await folder.file("text", "no room ".repeat(1_000));
  const cut = join(folder.path, "cut");
  const missing = join(folder.path, "missing");
  (await SqliteStore.open(cut))[Symbol.dispose]();
  await Deno.truncate(cut, 8_192);
  for (
    const [path, code] of [
      [text, "data-damaged"],
      [cut, "data-damaged"],
      [missing, "data-unusable"],
      [folder.path, "data-unusable"],
    ] as const
  ) {
    const error = await assertRejects(() => readRoomFile(path), InputError);
    assertEquals(error.code, code);
  }
  assertEquals(names(folder), ["cut", "text"]);
});

Deno.test("readRoomFile() finds no events in an empty file", writing, async () => {
  await using folder = new TestFolder();
  assertEquals(await readRoomFile(await folder.file("empty", "")), []);
});

Deno.test("readRoomFile() copies nothing of a file that is no database", writing, async () => {
  await using folder = new TestFolder();
  const path = await folder.file("zeros", "\0".repeat(1_000));
  const { makeTempDir } = Deno;
  Deno.makeTempDir = () => Promise.reject(new Error("copied"));
  try {
    assertEquals((await assertRejects(() => readRoomFile(path), InputError)).code, "data-damaged");
  } finally {
    Deno.makeTempDir = makeTempDir;
  }
});
