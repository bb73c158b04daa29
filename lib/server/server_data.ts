// Where a server keeps its room: the flags about files, and the journal that they ask for.

import type { StoreError } from "../errors.ts";
import {
  checkCombinations,
  type FlagTable,
  type FlagValues,
  invalidValue,
  parseCount,
} from "../cli/flags.ts";
import { SqliteStore } from "../storage/sqlite_store.ts";
import { SqliteCommitLog, type StorageConfig } from "../storage/sqlite_commit_log.ts";
import type { ProcessContext } from "../cli/process.ts";

/** Flags about the file. */
export const SERVER_DATA_FLAGS = {
  data: { value: "FILE", help: "flag.data" },
  "data-sync": { choices: ["full", "normal"], help: "flag.data-sync" },
  keep: { value: "N", help: "flag.keep" },
  "keep-days": { value: "N", help: "flag.keep-days" },
} as const satisfies FlagTable;

const DAY_MS = 24 * 3_600_000;
export const DEFAULT_STORAGE: StorageConfig = {
  sync: "full",
  retainEntries: 100_000,
  retainMs: 30 * DAY_MS,
  retainPrivateMs: 3_600_000,
  pruneIntervalMs: 60_000,
  retryMs: 1_000,
};
/** Fewest entries that are kept: who lost the server for a moment must find them. */
const MIN_RETAINED = 1_000;
const MAX_RETAINED = 100_000_000;
const MAX_RETENTION_DAYS = 36_500;

/** Opens the file that the flags name; undefined if they name none.
 * @throws {InputError} about flags and the file */
export async function serverData(
  flags: FlagValues<typeof SERVER_DATA_FLAGS>,
  { clock, onStalled }: Pick<ProcessContext, "clock"> & {
    onStalled: (error: StoreError | undefined) => void;
  },
): Promise<SqliteCommitLog | undefined> {
  checkCombinations(flags, { requires: [["data-sync", "data"], ["keep", "data"], ["keep-days", "data"]] });
  if (flags.data === undefined) return undefined;
  const entries = parseCountIn("--keep", flags.keep, { least: MIN_RETAINED, most: MAX_RETAINED });
  const days = parseCountIn("--keep-days", flags["keep-days"], { least: 1, most: MAX_RETENTION_DAYS });
  const sync = flags["data-sync"] === "normal" ? "normal" : "full";
  const config: StorageConfig = {
    ...DEFAULT_STORAGE,
    sync,
    retainEntries: entries ?? DEFAULT_STORAGE.retainEntries,
    retainMs: days === undefined ? DEFAULT_STORAGE.retainMs : days * DAY_MS,
  };
  const commitLog = new SqliteCommitLog(await SqliteStore.open(flags.data), config, clock);
  commitLog.onStalled = onStalled;
  return commitLog;
}

function parseCountIn(
  flag: string,
  text: string | undefined,
  { least, most }: { least: number; most: number },
): number | undefined {
  const count = text === undefined ? undefined : parseCount(flag, text, most);
  if (count !== undefined && count < least) throw invalidValue(flag, text!);
  return count;
}
