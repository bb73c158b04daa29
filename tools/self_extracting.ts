// Self-extracting executables: a POSIX shell script (self_extracting.sh), followed by an archive of the running Deno
// and the bundled programs, which the script unpacks and runs.

import { createTar } from "nanotar";
import type { ProgramSource } from "./programs.ts";

/** Where the archive begins, in bytes: the script is filled up to there. */
export const HEAD_BYTES = 8_192;

/** What all executables of one build have in common. */
export interface Archive {
  /** A tar archive, compressed by gzip: `deno`, and the files of the programs. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** SHA-256 of the bytes, in hex. */
  readonly hash: string;
  /** Names of these files. */
  readonly files: readonly string[];
}

/** Puts this Deno, and the text of each file by its name, into an archive: the same at any time from the same. */
export async function archiveOf(
  deno: Uint8Array,
  files: ReadonlyMap<string, string>,
): Promise<Archive> {
  const attrs = { mtime: 0, uid: 0, gid: 0, user: "root", group: "root" };
  const tar = createTar([
    { name: "deno", data: deno, attrs: { ...attrs, mode: "755" } },
    ...[...files].map(([name, data]) => ({ name, data, attrs: { ...attrs, mode: "644" } })),
  ]);
  // A tar archive ends with two empty blocks (POSIX.1-2024, pax), which nanotar may leave out.
  const whole = new Blob([tar as Uint8Array<ArrayBuffer>, new Uint8Array(2 * 512)]);
  const compressed = whole.stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(compressed).arrayBuffer());
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return { bytes, hash: digest.toHex(), files: [...files.keys()] };
}

/** The executable of a program: `script` is the text of self_extracting.sh, `machine` says to people where it
 * runs. */
export function selfExtracting(
  { name, permissions }: Pick<ProgramSource, "name" | "permissions">,
  { archive, script, machine }: { archive: Archive; script: string; machine: string },
): Uint8Array<ArrayBuffer> {
  const settings = { program: name, permissions: permissions.join(" "), machine, archive: archive.hash };
  const files = archive.files.join(" ");
  const lines = Object.entries({ ...settings, files, head_bytes: HEAD_BYTES }).map(([key, value]) =>
    `${key}=${quoted(`${value}`)}\n`
  );
  const head = new TextEncoder().encode(`#!/bin/sh\n${lines.join("")}${script}`);
  if (head.length > HEAD_BYTES) throw new RangeError(`Cannot fit a script of ${head.length} bytes`);
  const bytes = new Uint8Array(HEAD_BYTES + archive.bytes.length).fill("\n".charCodeAt(0));
  bytes.set(head);
  bytes.set(archive.bytes, HEAD_BYTES);
  return bytes;
}

/** A text as a word of a shell (POSIX.1-2024, XCU section 2.2.2). */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
