// Reads a room's file while a server may be using it. SQLite would wait for the server's lock: it is given a copy.

import { dirname, join } from "node:path";
import { errorMessage, InputError, StoreError, systemReason } from "../errors.ts";
import type { RoomEvent } from "../protocol/frames.ts";
import { RoomState } from "../room/state.ts";
import { checkRoomFiles } from "./sqlite_errors.ts";
import { SqliteStore } from "./sqlite_store.ts";

/** How often to copy the files again if the server has begun another WAL meanwhile. */
const MAX_ATTEMPTS = 10;
/** Its salts are others in each WAL (sqlite.org/fileformat.html, section 4.1). */
const WAL_HEADER_BYTES = 32;
/** How every database begins that is not empty (sqlite.org/fileformat.html, section 1.3). */
const SQLITE_HEADER = "SQLite format 3\0";

/** The events of a room's file as its members saw them, the oldest first, private messages among them. For a moment a
 * copy lies in a folder that only its owner can read: beside the file, or where that cannot be, among temporary files.
 * @throws {InputError} `data-busy`, `data-newer`, `data-damaged` or `data-unusable`
 * @throws {StoreError} `copy-unwritable`, or `export-cut` once the signal is aborted */
export async function readRoomFile(path: string, signal?: AbortSignal): Promise<RoomEvent[]> {
  await checkRoomFiles(path);
  try {
    const realPath = await Deno.realPath(path);
    await checkHeader(realPath);
    await stampOf(realPath);
    const folder = dirname(realPath);
    return await readCopy(realPath, { folder, signal }).catch(async (error) => {
      // A room that is to be saved: its disk is full or read-only, or another user owns its folder.
      if (!isUnwritable(error)) throw error;
      return await readCopy(realPath, { signal }).catch((cause) => {
        if (cause instanceof InputError && !isUnwritable(cause)) throw cause;
        throw new StoreError("copy-unwritable", { path, folder, reason: errorMessage(cause) }, { cause });
      });
    });
  } catch (cause) {
    if (signal?.aborted) throw new StoreError("export-cut", { path }, { cause });
    if (cause instanceof StoreError) throw cause;
    const code = cause instanceof InputError ? cause.code : "data-unusable";
    const details = cause instanceof InputError ? cause.details : { reason: errorMessage(cause) };
    throw new InputError(code, { ...details, path }, { cause });
  }
}

/** A copy is not at fault for what cannot be read, and that of another file may take long. `SqliteStore` checks the rest.
 * @throws {InputError} `data-damaged` */
async function checkHeader(path: string): Promise<void> {
  const header = new Uint8Array(SQLITE_HEADER.length);
  using file = await Deno.open(path);
  const length = await file.read(header);
  if (length !== null && new TextDecoder().decode(header) !== SQLITE_HEADER) {
    throw new InputError("data-damaged", { path, reason: "it is no database of SQLite" });
  }
}

function isUnwritable(error: unknown): boolean {
  return ["no-space", "read-only", "no-permission"].includes(systemReason(error) ?? "");
}

interface CopyOptions {
  /** Where to make the copy; among temporary files if it is undefined. */
  readonly folder?: string;
  readonly signal?: AbortSignal;
}

async function readCopy(path: string, { folder, signal }: CopyOptions): Promise<RoomEvent[]> {
  const copyFolder = await Deno.makeTempDir({ dir: folder, prefix: "chat-export-" });
  // A process that a signal ends does not wait long for a slow disk.
  const removeNow = () => {
    try {
      Deno.removeSync(copyFolder, { recursive: true });
    } catch {
      // The removal below was under way.
    }
  };
  addEventListener("unload", removeNow);
  try {
    const copy = join(copyFolder, "room.db");
    if (!await copyRoom(path, copy, signal)) throw new InputError("data-busy", { path });
    using store = await SqliteStore.open(copy);
    return eventsIn(store);
  } finally {
    await Deno.remove(copyFolder, { recursive: true });
    removeEventListener("unload", removeNow);
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
async function copyRoom(path: string, copy: string, signal?: AbortSignal): Promise<boolean> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const before = await stampOf(path);
    await copyFile(path, copy, signal);
    for (const end of ["-wal", "-journal"]) {
      await unlessMissing(copyFile(path + end, copy + end, signal)) ||
        await unlessMissing(Deno.remove(copy + end)); // of the attempt before
    }
    if (await stampOf(path) === before) return true;
  }
  return false;
}

/** SQLite must be able to write the copy of a file that is write-protected. */
async function copyFile(path: string, copy: string, signal?: AbortSignal): Promise<true> {
  await Deno.writeFile(copy, (await Deno.open(path)).readable, { mode: 0o600, signal });
  return true;
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
