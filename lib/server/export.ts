// `--export`: prints the events in a room's file.

import type { ProcessContext } from "../cli/process.ts";
import type { Renderer } from "../render/renderer.ts";
import { readRoomFile } from "../storage/sqlite_reader.ts";
import type { ExportConfig } from "./config.ts";

/** Events that are printed at once. */
const BATCH = 500;

/** Prints what the config asks for.
 * @throws {InputError} about the file */
export async function exportRoom(
  { path, sinceMs, untilMs, hasPrivate }: ExportConfig,
  { terminal, terminated, dropFilePermissions }: ProcessContext,
  renderer: Renderer,
): Promise<void> {
  const all = await readRoomFile(path);
  dropFilePermissions();
  const events = all.filter((event) =>
    event.timeMs >= sinceMs && event.timeMs < untilMs && (hasPrivate || event.type !== "said" || !event.to)
  );
  for (let at = 0; at < events.length && !terminated.aborted; at += BATCH) {
    const lines = events.slice(at, at + BATCH).flatMap((event) => {
      renderer.follow(event);
      return [...renderer.dateSeparator(event.timeMs), renderer.entry(event)];
    });
    await terminal.print(...lines);
  }
}
