// Temporary folders for tests.

import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where tests may write: see the task in deno.json. */
const FOLDER = fileURLToPath(new URL("../.tmp/", import.meta.url));

const { state } = await Deno.permissions.query({ name: "write", path: FOLDER });

/** Options of tests that need a folder: skips them without the permission to write. */
export const writing = { ignore: state !== "granted" };

/** Has a path stand for a pipe without a writer, until disposed of: opening it never ends. */
export function pipeWithoutWriter(pipe: string): Disposable {
  const { open, stat } = Deno;
  Deno.open = (path, options) => path === pipe ? new Promise(() => {}) : open(path, options);
  Deno.stat = (path) => path === pipe ? Promise.resolve({ isFifo: true } as Deno.FileInfo) : stat(path);
  return { [Symbol.dispose]: () => void Object.assign(Deno, { open, stat }) };
}

/** Has a path stand for a symbolic link that leads to no file, until disposed of: Deno.symlink() wants to read and write
 * everywhere. */
export function danglingLink(link: string, target: string): Disposable {
  const { lstat, readLink, realPath } = Deno;
  Deno.lstat = (path) => path === link ? Promise.resolve({ isSymlink: true } as Deno.FileInfo) : lstat(path);
  Deno.readLink = (path) => path === link ? Promise.resolve(target) : readLink(path);
  Deno.realPath = (path) => path === link ? Promise.reject(new Deno.errors.NotFound()) : realPath(path);
  return { [Symbol.dispose]: () => void Object.assign(Deno, { lstat, readLink, realPath }) };
}

/** A folder for one test, removed at the end of its scope. */
export class TestFolder implements AsyncDisposable {
  readonly path: string;

  constructor() {
    this.path = `${FOLDER}${crypto.randomUUID()}`;
    Deno.mkdirSync(this.path, { recursive: true });
  }

  /** Writes a file. Returns its path. */
  async file(name: string, text: string): Promise<string> {
    const path = join(this.path, name);
    await Deno.writeTextFile(path, text);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
