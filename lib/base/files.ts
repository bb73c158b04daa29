// Files of a person: those that they name, and those that the programs keep for them, which nobody else may
// read. Knows nothing of what is in them.

import { randomUUID } from "node:crypto";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { InputError } from "../errors.ts";

/** The text of a file that a person named.
 * @throws {InputError} `file-unreadable` */
export async function readUserFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw fileError("file-unreadable", path, cause);
  }
}

/** Whether a file may be read by others than its owner. Nobody can tell on Windows, where no mode says so. */
export async function isReadableByOthers(path: string): Promise<boolean> {
  if (Deno.build.os === "windows") return false;
  const { mode } = await Deno.stat(path).catch(() => ({ mode: null }));
  return ((mode ?? 0) & 0o004) !== 0;
}

/** The text of a file that a program keeps; undefined if there is none yet.
 * @throws {InputError} `file-unreadable` */
export async function readStateFile(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw fileError("file-unreadable", path, cause);
  }
}

/** Writes a file that a program keeps, in one step and for nobody but its owner, and makes its folder.
 * `isNew`: what is there already stays.
 * @throws {InputError} `file-unwritable` */
export async function writeStateFile(path: string, text: string, { isNew = false } = {}): Promise<void> {
  const newPath = `${path}.${randomUUID()}`;
  try {
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await Deno.writeTextFile(newPath, text, { mode: 0o600, createNew: true });
    if (!isNew) return await renameWithRetry(path, newPath);
    // Unlike a rename, a link takes nothing away from whoever came first.
    await Deno.link(newPath, path).catch((cause) => {
      if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
    });
    await Deno.remove(newPath);
  } catch (cause) {
    await Deno.remove(newPath).catch(() => {});
    throw fileError("file-unwritable", path, cause);
  }
}

/** How often, and how long apart in ms, Windows is asked to replace a file that somebody may just be reading. */
const RENAME_RETRY = { tries: 20, pauseMs: 10 } as const;

async function renameWithRetry(path: string, newPath: string): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      return await Deno.rename(newPath, path);
    } catch (cause) {
      const mayPass = Deno.build.os === "windows" && cause instanceof Deno.errors.PermissionDenied;
      if (!mayPass || tries === RENAME_RETRY.tries) throw cause;
      await delay(RENAME_RETRY.pauseMs);
    }
  }
}

function fileError(code: "file-unreadable" | "file-unwritable", path: string, cause: unknown): InputError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new InputError(code, { path, reason }, { cause });
}
