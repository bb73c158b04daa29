// Text files: those that the user names, and the state files that the programs keep, which only their owner may read.

import { randomUUID, X509Certificate } from "node:crypto";
import { dirname, resolve } from "node:path";
import { errorMessage, type InputCode, InputError, type SystemReason } from "../errors.ts";
import { delay } from "./time.ts";

/** On Windows a file cannot be replaced while another process reads it. Together 200 ms. */
const RENAME_RETRY = { tries: 20, pauseMs: 10 } as const;
/** What Deno throws where there is no file or cannot be one. It refuses to look into /dev and /proc, which users may name
 * as the folder to keep nothing. */
const NO_FILE = [Deno.errors.NotFound, Deno.errors.NotADirectory, Deno.errors.NotCapable];
/** Devices and pipes may never end. The certificates of all public authorities take a fourth of it. */
const MAX_BYTES = 1_048_576;

/** Without a byte order mark. Waits for the writer of a pipe, such as `<(pass show chat)`.
 * @throws {InputError} `file-unreadable`, `file-too-large` or `file-not-text`
 * @throws the signal's reason */
export async function readUserFile(path: string, signal?: AbortSignal): Promise<string> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal?.reason);
  signal?.addEventListener("abort", abort);
  try {
    signal?.throwIfAborted();
    // The system goes on waiting for a writer.
    return decode(await Promise.race([readBytes(path), aborted]), path);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** @throws {InputError} `file-unreadable` or `file-too-large` */
async function readBytes(path: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(MAX_BYTES + 1);
  let length = 0;
  try {
    using file = await Deno.open(path);
    while (length < bytes.length) {
      const count = await file.read(bytes.subarray(length));
      if (count === null) break;
      length += count;
    }
  } catch (cause) {
    throw fileError("file-unreadable", path, cause);
  }
  if (length > MAX_BYTES) throw new InputError("file-too-large", { path });
  return bytes.subarray(0, length);
}

/** Reads certificates in PEM (RFC 7468), perhaps with other text.
 * @throws as `readUserFile` does
 * @throws {InputError} `authority-invalid` if one cannot be used or there is none */
export async function readCertificates(path: string, signal?: AbortSignal): Promise<string> {
  const pem = await readUserFile(path, signal);
  try {
    const blocks = pem.match(new RegExp(CERTIFICATE, "g"));
    if (!blocks) throw new RangeError("Cannot find a certificate in the text");
    for (const block of blocks) new X509Certificate(block);
  } catch (cause) {
    throw new InputError("authority-invalid", { path }, { cause });
  }
  return pem;
}

/** The first certificate in a text in PEM. */
export const CERTIFICATE = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/;

/** Whether all users of the machine may read a file. Always false on Windows, where the mode does not tell. */
export async function isReadableByOthers(path: string): Promise<boolean> {
  if (Deno.build.os === "windows") return false;
  const { mode } = await Deno.stat(path).catch(() => ({ mode: null }));
  return ((mode ?? 0) & 0o004) !== 0;
}

/** Undefined if there is no file. A pipe is refused: its writer might never come.
 * @throws {InputError} `file-unreadable`, `file-too-large` or `file-not-text` */
export async function readStateFile(path: string): Promise<string | undefined> {
  try {
    if ((await Deno.stat(path).catch(() => undefined))?.isFifo) {
      throw notFileError("file-unreadable", path, "no-file");
    }
    return await readUserFile(path);
  } catch (error) {
    const { cause } = error as InputError;
    if (NO_FILE.some((kind) => cause instanceof kind)) return undefined;
    throw error;
  }
}

/** Writes a state file with mode 0600, atomically, and creates its folder. Symbolic links to it stay. With `isNew`, a
 * file that exists stays.
 * @throws {InputError} `file-unwritable` */
export async function writeStateFile(path: string, text: string, { isNew = false } = {}): Promise<void> {
  let newPath: string | undefined;
  try {
    const target = await linkTarget(path);
    const info = await Deno.stat(target).catch(() => undefined);
    // A rename would replace a device, too.
    if (info && !info.isFile && !info.isDirectory) throw notFileError("file-unwritable", path, "no-file");
    await Deno.mkdir(dirname(target), { recursive: true, mode: 0o700 });
    newPath = `${target}.${randomUUID()}`;
    await Deno.writeTextFile(newPath, text, { mode: 0o600, createNew: true });
    if (!isNew) return await renameWithRetry(newPath, target);
    // Unlike a rename, a link does not replace a file that another process has just written.
    await Deno.link(newPath, target).catch((cause) => {
      if (!(cause instanceof Deno.errors.AlreadyExists)) throw cause;
    });
    await Deno.remove(newPath);
  } catch (cause) {
    if (newPath !== undefined) await Deno.remove(newPath).catch(() => {});
    throw fileError("file-unwritable", path, cause);
  }
}

/** For a room's file, or with `Deno.lstat` for one that SQLite keeps beside it. A pipe would be waited for. A link would
 * give the file another name, and SQLite finds the WAL by the name.
 * @throws {InputError} `data-unusable` if something else than a file is there, or a file with several names */
export async function checkIsFile(path: string, stat: typeof Deno.stat = Deno.stat): Promise<void> {
  const info = await stat(path).catch(() => undefined);
  if (!info) return;
  if (info.isDirectory) throw notFileError("data-unusable", path, "is-folder");
  if (info.isSymlink) throw notFileError("data-unusable", path, "is-link");
  if (!info.isFile) throw notFileError("data-unusable", path, "no-file");
  if ((info.nlink ?? 1) > 1) throw notFileError("data-unusable", path, "has-names");
}

/** Returns where the file is that links lead to. Deno creates none through a link. */
export async function createIfMissing(path: string): Promise<string> {
  const target = await linkTarget(path);
  (await Deno.open(target, { write: true, create: true, mode: 0o600 })).close();
  return await Deno.realPath(target);
}

/** Where symbolic links lead, also if no file is there. */
async function linkTarget(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const target = await Deno.readLink(path).catch(() => undefined); // not a link
    return target === undefined
      ? path
      : await linkTarget(resolve(await Deno.realPath(dirname(path)), target));
  }
}

/** Notepad marks UTF-8, and some shells of Windows write UTF-16.
 * @throws {InputError} `file-not-text` */
function decode(bytes: Uint8Array, path: string): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!text.includes("\0")) return text;
  } catch {
    // Not UTF-8.
  }
  throw new InputError("file-not-text", { path });
}

async function renameWithRetry(oldPath: string, newPath: string): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      return await Deno.rename(oldPath, newPath);
    } catch (cause) {
      const mayPass = Deno.build.os === "windows" && cause instanceof Deno.errors.PermissionDenied;
      if (!mayPass || tries === RENAME_RETRY.tries) throw cause;
      await delay(RENAME_RETRY.pauseMs);
    }
  }
}

function fileError(code: "file-unreadable" | "file-unwritable", path: string, cause: unknown): InputError {
  return new InputError(code, { path, reason: errorMessage(cause) }, { cause });
}

function notFileError(code: InputCode, path: string, systemReason: SystemReason): InputError {
  return new InputError(code, { path, reason: systemReason, systemReason });
}
