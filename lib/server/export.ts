// `--export`: prints the events in a room's file.

import type { ProcessContext } from "../cli/process.ts";
import { StoreError } from "../errors.ts";
import type { Renderer } from "../render/renderer.ts";
import { readRoomFile } from "../storage/sqlite_reader.ts";
import type { ExportConfig } from "./config.ts";

/** Events that are printed at once. */
const BATCH = 500;

/** Prints what the config asks for. If the reader of the output goes before the end, that is all it wanted.
 * @throws {InputError} about the file
 * @throws {StoreError} as `readRoomFile` does, and `export-cut` if a signal or Ctrl-C comes before the end */
export async function exportRoom(
  { path, sinceMs, untilMs, hasPrivate }: ExportConfig,
  { terminal, terminated, dropFilePermissions }: ProcessContext,
  renderer: Renderer,
): Promise<void> {
  const all = await readRoomFile(path, terminated);
  dropFilePermissions();
  const events = all.filter((event) =>
    event.timeMs >= sinceMs && event.timeMs < untilMs && (hasPrivate || event.type !== "said" || !event.to)
  );
  for (let at = 0; at < events.length; at += BATCH) {
    if (terminal.isOutputClosed) return;
    if (terminated.aborted) throw new StoreError("export-cut", { path });
    const lines = events.slice(at, at + BATCH).flatMap((event) => {
      renderer.follow(event);
      return [...renderer.dateSeparator(event.timeMs), renderer.entry(event)];
    });
    await terminal.print(...lines);
  }
}
