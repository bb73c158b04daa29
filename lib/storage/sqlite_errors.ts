// Why a room's file cannot be opened, in a code that the user can act on.

import { checkIsFile } from "../base/files.ts";
import {
  type ChatError,
  errorMessage,
  InputError,
  sqliteResultCode,
  StoreError,
  systemReason,
} from "../errors.ts";

/** By SQLite's primary result code (sqlite.org/rescode.html): BUSY, CORRUPT, NOTADB. */
const CODE_BY_RESULT_CODE: Readonly<Record<number, "data-busy" | "data-damaged">> = {
  5: "data-busy",
  11: "data-damaged",
  26: "data-damaged",
};

/** What a start needs at most of a full disk: SQLite's index of the WAL, and the first entries. */
const START_BYTES = 1_048_576;
/** SQLite opens the file, its WAL and its `-shm`, and does not tell that the system allows no more. One to spare. */
const FILES_AT_ONCE = 4;

/** SQLite gives a wrong reason if one of its files is a link or no file.
 * @throws {InputError} `data-unusable` */
export async function checkRoomFiles(path: string): Promise<void> {
  await checkIsFile(path);
  const realPath = await Deno.realPath(path).catch(() => path); // not made yet
  for (const end of ["-wal", "-shm", "-journal"]) await checkIsFile(realPath + end, Deno.lstat);
}

/** An InputError, as the operator chose the file, unless the disk is full. */
export async function toStoreError(path: string, error: unknown): Promise<ChatError> {
  if (error instanceof InputError) return error;
  const code = CODE_BY_RESULT_CODE[sqliteResultCode(error) ?? NaN] ?? "data-unusable";
  const { cause, ...more } = code === "data-unusable" ? await diagnose(path, error) : { cause: error };
  if (systemReason(cause) === "no-space") {
    return new StoreError("disk-full-at-start", { path, megabytes: START_BYTES / 1_048_576 }, { cause });
  }
  return new InputError(code, { path, reason: errorMessage(cause), ...more }, { cause });
}

/** Finds out why SQLite cannot use a file: opens the file and writes one beside it, and the system tells. */
async function diagnose(path: string, error: unknown): Promise<{ cause: unknown; systemReason?: string }> {
  if (error instanceof Deno.errors.NotFound) return { cause: error, systemReason: "folder-missing" };
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < FILES_AT_ONCE) files.push(await Deno.open(path, { read: true, write: true }));
  } catch (cause) {
    return { cause: cause instanceof Deno.errors.NotFound ? error : cause };
  } finally {
    for (const file of files) file.close();
  }
  const beside = `${path}-${crypto.randomUUID()}`;
  try {
    await Deno.writeFile(beside, new Uint8Array(START_BYTES), { createNew: true });
    return { cause: error };
  } catch (cause) {
    return { cause, ...(systemReason(cause) === "no-permission" && { systemReason: "folder-closed" }) };
  } finally {
    await Deno.remove(beside).catch(() => {}); // not created
  }
}
