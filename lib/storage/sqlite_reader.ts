// Reads a room's file while a server may be using it. SQLite would wait for the server's lock: it is given a copy.

import { dirname, join } from "node:path";
import { checkIsFile } from "../base/files.ts";
import { errorMessage, InputError, StoreError, systemReason } from "../errors.ts";
import type { RoomEvent } from "../protocol/frames.ts";
import { RoomState } from "../room/state.ts";
import { SqliteStore } from "./sqlite_store.ts";

/** How often to copy the files again if the server has begun another WAL meanwhile. */
const MAX_ATTEMPTS = 10;
/** Its salts are others in each WAL (sqlite.org/fileformat.html, section 4.1). */
const WAL_HEADER_BYTES = 32;

/** The events of a room's file as its members saw them, the oldest first, private messages among them. For a moment a
 * copy lies in a folder that only its owner can read: beside the file, or where that cannot be, among temporary files.
 * @throws {InputError} `data-busy`, `data-newer`, `data-damaged` or `data-unusable`
 * @throws {StoreError} `disk-full-at-start` */
export async function readRoomFile(path: string): Promise<RoomEvent[]> {
  try {
    await checkIsFile(path);
    const realPath = await Deno.realPath(path);
    return await readCopy(realPath, dirname(realPath)).catch(async (error) => {
      // A room that is to be saved: its disk is full or read-only, or another user owns its folder.
      const isFolderUnusable = ["no-space", "read-only", "no-permission"].includes(systemReason(error) ?? "");
      if (!isFolderUnusable) throw error;
      return await readCopy(realPath).catch(() => Promise.reject(error));
    });
  } catch (cause) {
    if (cause instanceof StoreError) throw cause;
    const code = cause instanceof InputError ? cause.code : "data-unusable";
    const details = cause instanceof InputError ? cause.details : { reason: errorMessage(cause) };
    throw new InputError(code, { ...details, path }, { cause });
  }
}

/** Without `dir` the copy is among temporary files. */
async function readCopy(path: string, dir?: string): Promise<RoomEvent[]> {
  const folder = await Deno.makeTempDir({ dir, prefix: "chat-export-" });
  try {
    const copy = join(folder, "room.db");
    if (!await copyRoom(path, copy)) throw new InputError("data-busy", { path });
    using store = await SqliteStore.open(copy);
    return eventsIn(store);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The events that had an effect. */
function eventsIn(store: SqliteStore): RoomEvent[] {
  const state = new RoomState();
  for (const event of store.snapshot()) state.apply(event);
  return Array.from(store.entries()).flatMap(({ seq, event }) => {
    const applied = state.apply(event);
    return applied ? [{ ...applied, seq } as RoomEvent] : [];
  });
}

/** Copies the files of one moment. The server copies pages from the WAL into the database: those that were copied half
 * are in the WAL too, unless another one has begun since. Returns false if that happens again and again. */
async function copyRoom(path: string, copy: string): Promise<boolean> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const before = await stampOf(path);
    await Deno.copyFile(path, copy);
    for (const end of ["-wal", "-journal"]) {
      await unlessMissing(Deno.copyFile(path + end, copy + end).then(() => true)) ||
        await unlessMissing(Deno.remove(copy + end)); // of the attempt before
    }
    if (await stampOf(path) === before) return true;
  }
  return false;
}

/** Changes when pages that were copied half may be in no other file. */
async function stampOf(path: string): Promise<string> {
  const header = new Uint8Array(WAL_HEADER_BYTES);
  const wal = await unlessMissing(Deno.open(`${path}-wal`));
  const length = await wal?.read(header);
  wal?.close();
  if (length) return String(header);
  const infos = [await Deno.stat(path), await unlessMissing(Deno.stat(`${path}-journal`))];
  return infos.map((info) => `${info?.mtime?.getTime()} ${info?.size}`).join();
}

async function unlessMissing<Result>(result: Promise<Result>): Promise<Result | undefined> {
  return await result.catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  });
}
