// One room as one SQLite file: opens it, checks it, appends entries and prunes old ones.

import { Buffer } from "node:buffer";
import { closeSync, fstatSync, openSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { createIfMissing } from "../base/files.ts";
import { randomId } from "../base/time.ts";
import { splitFrames } from "../codec.ts";
import { InputError, StoreError } from "../errors.ts";
import { decodeServer, encodeEntry, type LogEntry, type Uncommitted } from "../protocol/frames.ts";
import { RoomState, tombstone } from "../room/state.ts";
import { checkRoomFiles, toStoreError } from "./sqlite_errors.ts";

/** "CHAT" in ASCII (sqlite.org/fileformat.html, section 1.3.16). */
const APPLICATION_ID = 0x43484154;
const TABLES_VERSION = 1;
/** SQLite's extended result codes READONLY_DBMOVED, and IOERR_FSTAT for the same at a second try. */
const GONE = new Set([1_032, 1_802]);
/** SQLite's extended result code. */
const READONLY_ROLLBACK = 776;

/** `synchronous = NORMAL` keeps the file consistent in a power cut, but may lose the last transactions:
 * {@linkcode SqliteStore.sync} keeps those (sqlite.org/pragma.html#pragma_synchronous). */
const SETTINGS = [
  "PRAGMA busy_timeout = 0",
  "PRAGMA locking_mode = EXCLUSIVE",
  "PRAGMA journal_mode = WAL",
  "PRAGMA synchronous = NORMAL",
  "PRAGMA secure_delete = ON",
];

/** Syncs the WAL and writes it into the database file. */
const TRUNCATE_WAL = "PRAGMA wal_checkpoint(TRUNCATE)";

const TABLES = `
  -- \`instance\` is the logId, \`past\` the snapshot of the room's state before the first entry.
  CREATE TABLE room (instance BLOB NOT NULL);
  CREATE TABLE past (position INTEGER PRIMARY KEY, frame BLOB NOT NULL);
  -- Frames as in docs/PROTOCOL.md. \`at\` is by the room's clock.
  CREATE TABLE entries (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, frame BLOB NOT NULL);
  -- Private messages whose text is still stored.
  CREATE TABLE private (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${TABLES_VERSION};
`;
/** Made in files of earlier versions, too. One row: what the room's clock showed when the next entry was to be `seq`. */
const CLOCK_TABLE = "CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY, seq INTEGER, at INTEGER)";
const NEWEST = "SELECT at FROM entries ORDER BY seq DESC LIMIT 1";

/** What the commit log uses of the store. */
export type EntryStore = Pick<SqliteStore, keyof SqliteStore>;

/** Deno asks for a permission to look at a `Deno.FsFile`; Deno 2.6 also for node:fs, see {@linkcode statsOf}. */
interface OpenFiles {
  readonly dbFd: number;
  /** Undefined if the system does not open it: Windows, or without the permission to list it. */
  readonly folderFd: number | undefined;
  readonly walFd: number;
  readonly walFile: Deno.FsFile;
}

/** An open file. No other process can open it until this one closes it or dies. */
export class SqliteStore implements Disposable {
  readonly logId: bigint;
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #files: OpenFiles;
  /** The times of change of file and folder. */
  #changedMs: readonly number[];
  /** Of the database file, which never shrinks by itself. */
  #sizeBytes: number;
  /** The WAL is not the one that was opened. */
  #isWalNew = false;
  readonly #insert: StatementSync;
  readonly #insertPrivate: StatementSync;
  #firstSeq: number;
  #nextSeq: number;

  private constructor(path: string, db: DatabaseSync, files: OpenFiles) {
    this.#path = path;
    this.#db = db;
    this.#files = files;
    this.#changedMs = this.#places.map(({ ctimeMs }) => ctimeMs);
    this.#sizeBytes = this.#places[0]!.size;
    this.logId = Buffer.from(db.prepare("SELECT instance FROM room").get()!.instance as Uint8Array)
      .readBigUInt64BE();
    // Two queries: SQLite uses the index only for a min() or max() that stands alone.
    const { first } = db.prepare("SELECT min(seq) AS first FROM entries").get()!;
    const { last } = db.prepare("SELECT max(seq) AS last FROM entries").get()!;
    this.#firstSeq = Number(first ?? 0);
    this.#nextSeq = last === null ? 0 : Number(last) + 1;
    this.#insert = db.prepare("INSERT INTO entries VALUES (?, ?, ?)");
    this.#insertPrivate = db.prepare("INSERT INTO private VALUES (?, ?)");
  }

  /** Creates the file if it is missing, with mode 0600. All its entries survive a power cut.
   * @throws {InputError} `data-busy`, `data-newer`, `data-damaged` or `data-unusable`; the file is unchanged then
   * @throws {StoreError} `disk-full-at-start` */
  static async open(path: string): Promise<SqliteStore> {
    // Lazy: a server without --data starts faster.
    const { DatabaseSync } = await import("node:sqlite");
    let db: DatabaseSync | undefined;
    let dbFd: number | undefined;
    try {
      await checkRoomFiles(path);
      // SQLite puts the WAL beside the file that a link leads to, gives it the mode of the file, and takes `:memory:` and
      // `file:` for something else unless the path is absolute.
      const realPath = await createIfMissing(path);
      dbFd = openSync(realPath, "r");
      for (const readOnly of [true, false]) {
        using old = new DatabaseSync(realPath, { readOnly });
        try {
          check(old, path);
          break;
        } catch (error) {
          // A process was killed in checkInPlace(): SQLite undoes what it had begun, if it may write.
          if (!readOnly || (error as { errcode?: number }).errcode !== READONLY_ROLLBACK) throw error;
        }
      }
      db = new DatabaseSync(realPath);
      for (const setting of SETTINGS) run(db, setting);
      inTransaction(db, () => {
        if (versionOf(db!) === 0) create(db!);
        run(db!, CLOCK_TABLE);
      });
      // A process that was killed may not have synced its last entries, and readers are about to get them.
      run(db, TRUNCATE_WAL);
      // The checks above have made it. A connection with an exclusive lock neither uses it nor removes it.
      await Deno.remove(`${realPath}-shm`).catch(() => {}); // there is none
      const walFile = await Deno.open(`${realPath}-wal`, { read: true, write: true });
      const walFd = openSync(`${realPath}-wal`, "r");
      return new SqliteStore(path, db, { dbFd, folderFd: openFolder(dirname(realPath)), walFile, walFd });
    } catch (error) {
      db?.close();
      if (dbFd !== undefined) closeSync(dbFd);
      throw await toStoreError(path, error);
    }
  }

  /** `seq` of the oldest entry; 0 if there is none. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  get nextSeq(): number {
    return this.#nextSeq;
  }

  get bytes(): number {
    const product = "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size";
    return Number(this.#db.prepare(product).get()!.bytes);
  }

  /** What the room's clock showed last. It begins with the time of day, in ms since 1970 UTC, and counts while a server
   * runs. Undefined in a new file. */
  get clockMs(): number | undefined {
    // A server of an earlier version saves the clock with its entries alone.
    const saved = this.#db.prepare("SELECT at FROM clock WHERE seq = ?").get(this.#nextSeq);
    const row = saved ?? this.#db.prepare(NEWEST).get();
    return row && Number(row.at);
  }

  /** @throws {Error} of SQLite */
  saveClock(clockMs: number): void {
    this.#db.prepare("REPLACE INTO clock VALUES (1, ?, ?)").run(this.#nextSeq, clockMs);
  }

  /** When the last entry was stored, by the room's clock, and the latest wall clock time of an entry, up to `wallMs`. That
   * need not be the last entry: the wall clock may have been years behind by then. */
  newest(wallMs: number): { storedAtMs: number; timeMs: number } | undefined {
    const row = this.#db.prepare(NEWEST).get();
    if (!row) return undefined;
    const until = Buffer.alloc(8);
    until.writeBigUInt64BE(BigInt(Math.max(0, Math.trunc(wallMs))));
    // `timeMs` comes after length, type and `seq` of each frame.
    const time = "substr(frame, 14, 8)";
    const { last } = this.#db.prepare(`SELECT max(${time}) AS last FROM entries WHERE ${time} <= ?`).get(
      until,
    )!;
    const timeMs = last === null ? 0 : Number(Buffer.from(last as Uint8Array).readBigUInt64BE());
    return { storedAtMs: Number(row.at), timeMs: timeMs || wallMs }; // a tombstone has 0
  }

  /** Events that make the room's state before the first entry.
   * @throws {InputError} `data-damaged` */
  *snapshot(): Generator<Uncommitted> {
    const rows = this.#db.prepare("SELECT frame FROM past ORDER BY position").iterate();
    for (const { frame } of rows) yield this.#read(frame);
  }

  /** `storedAtMs` is by the room's clock.
   * @throws {InputError} `data-damaged` */
  *entries(): Generator<{ seq: number; storedAtMs: number; event: Uncommitted }> {
    let nextSeq = this.#firstSeq;
    const rows = this.#db.prepare("SELECT seq, at, frame FROM entries ORDER BY seq").iterate();
    for (const { seq, at, frame } of rows) {
      if (seq !== nextSeq++) {
        const reason = `entry ${nextSeq - 1} is missing`;
        throw new InputError("data-damaged", { path: this.#path, reason });
      }
      yield { seq, storedAtMs: Number(at), event: this.#read(frame) };
    }
  }

  #read(bytes: unknown): Uncommitted {
    try {
      const [frame] = splitFrames(bytes as Uint8Array);
      const { seq: _, ...entry } = decodeServer(frame!) as LogEntry;
      return entry as Uncommitted;
    } catch (cause) {
      const reason = "an entry cannot be read";
      throw new InputError("data-damaged", { path: this.#path, reason }, { cause });
    }
  }

  /** Stores all events or none, with `seq` from `nextSeq` on. They survive the process.
   * @throws {Error} of SQLite */
  append(events: readonly Uncommitted[], storedAtMs: number): void {
    inTransaction(this.#db, () => {
      let seq = this.#nextSeq;
      for (const event of events) {
        this.#insert.run(seq, storedAtMs, encodeEntry(event, seq));
        if (event.type === "said" && event.to) this.#insertPrivate.run(seq, storedAtMs);
        seq++;
      }
    });
    this.#nextSeq += events.length;
  }

  /** What was appended before survives a power cut, too. `append` may be called meanwhile.
   * @throws {Error} of the system; then call {@linkcode checkpointWal} before the next `append` */
  async sync(): Promise<void> {
    if (!this.#isWalNew) await this.#files.walFile.syncData();
  }

  /** Whether the file or its folder may have been deleted or moved since the last call, as their times of change tell, or
   * the file cut, or the WAL deleted. Windows refuses all while the file is open. Where Deno wants a permission to look,
   * only the end of the server tells. */
  get isSuspect(): boolean {
    const [places, { walFd }] = [this.#places, this.#files];
    // Not by a write, perhaps of the mode. Deno has the time of change in seconds.
    const isChanged = places.some(({ ctimeMs, mtimeMs }, index) =>
      ctimeMs !== this.#changedMs[index] && ctimeMs !== Math.floor(mtimeMs / 1_000) * 1_000
    );
    this.#changedMs = places.map(({ ctimeMs }) => ctimeMs);
    const isDeleted = places[0]?.nlink === 0 || (!this.#isWalNew && statsOf(walFd)?.nlink === 0);
    return isChanged || isDeleted || this.#isCut;
  }

  /** What the system tells of the database file and its folder. */
  get #places(): Stats[] {
    const { dbFd, folderFd } = this.#files;
    const all = (folderFd === undefined ? [dbFd] : [dbFd, folderFd]).map(statsOf);
    return all.filter((stats) => stats !== undefined);
  }

  /** Whether the database file has become shorter since it was opened. */
  get #isCut(): boolean {
    const size = statsOf(this.#files.dbFd)?.size ?? this.#sizeBytes;
    this.#sizeBytes = Math.max(this.#sizeBytes, size);
    return size < this.#sizeBytes;
  }

  /** Writes everything into the database file, and checks that it is where it was. SQLite looks at that when it begins
   * to write without a WAL. From then on each commit waits for the disk: the new WAL cannot be opened without a
   * permission.
   * @throws {StoreError} `data-gone` */
  checkInPlace(): void {
    if (this.#isCut) throw new StoreError("data-gone", { path: this.#path });
    try {
      for (const setting of ["PRAGMA synchronous = FULL", "PRAGMA journal_mode = DELETE"]) {
        run(this.#db, setting);
      }
      this.#isWalNew = true;
      run(this.#db, `PRAGMA user_version = ${TABLES_VERSION}`); // writes
      run(this.#db, "PRAGMA journal_mode = WAL");
    } catch (cause) {
      // Any other error is told by the next append.
      if (GONE.has((cause as { errcode?: number }).errcode!)) {
        throw new StoreError("data-gone", { path: this.#path }, { cause });
      }
    }
  }

  /** Writes everything into the database file. After a failed fdatasync the system may have dropped the pages of the
   * WAL, and another fdatasync may succeed without writing them.
   * @throws {Error} of SQLite */
  checkpointWal(): void {
    const { busy } = this.#db.prepare(TRUNCATE_WAL).get()!;
    if (busy !== 0) throw new Error("the file is busy");
  }

  /** Deletes entries until at most `entries` are left and none was stored before `sinceMs` by the room's clock, but never
   * the last one. Updates the snapshot.
   * @throws {Error} of SQLite */
  prune({ entries, sinceMs }: { entries: number; sinceMs: number }): void {
    const young = "SELECT seq FROM entries WHERE at >= ? ORDER BY seq LIMIT 1";
    const youngSeq = Number(this.#db.prepare(young).get(sinceMs)?.seq ?? Infinity);
    const firstSeq = Math.min(Math.max(this.#nextSeq - entries, youngSeq), this.#nextSeq - 1);
    if (firstSeq <= this.#firstSeq) return;
    const state = new RoomState();
    for (const event of this.snapshot()) state.apply(event);
    for (const { seq, event } of this.entries()) {
      if (seq >= firstSeq) break;
      state.apply(event);
    }
    inTransaction(this.#db, () => {
      this.#db.exec("DELETE FROM past");
      const insert = this.#db.prepare("INSERT INTO past (frame) VALUES (?)");
      for (const event of state.snapshot()) insert.run(encodeEntry(event, 0));
      for (const table of ["entries", "private"]) {
        this.#db.prepare(`DELETE FROM ${table} WHERE seq < ?`).run(firstSeq);
      }
    });
    this.#firstSeq = firstSeq;
  }

  /** Replaces the private messages stored before then by tombstones.
   * @throws {Error} of SQLite */
  deletePrivate(beforeMs: number): void {
    const old = this.#db.prepare(
      "SELECT seq, frame FROM private CROSS JOIN entries USING (seq) WHERE private.at < ?",
    ).all(beforeMs);
    if (old.length === 0) return;
    inTransaction(this.#db, () => {
      const update = this.#db.prepare("UPDATE entries SET frame = ? WHERE seq = ?");
      for (const row of old) {
        const [seq, event] = [Number(row.seq), this.#read(row.frame)];
        if (event.type === "said") {
          update.run(encodeEntry(tombstone(event.sessionId, event.clientSeq), seq), seq);
        }
      }
      this.#db.prepare("DELETE FROM private WHERE at < ?").run(beforeMs);
    });
  }

  [Symbol.dispose](): void {
    const { dbFd, folderFd, walFd, walFile } = this.#files;
    walFile.close();
    closeSync(walFd);
    if (folderFd !== undefined) closeSync(folderFd);
    this.#db.close();
    closeSync(dbFd); // last: it would take SQLite's lock along (man 2 fcntl)
  }
}

function openFolder(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch {
    return undefined;
  }
}

/** @throws {InputError} `data-newer` or `data-damaged` */
function check(db: DatabaseSync, path: string): void {
  db.exec("PRAGMA busy_timeout = 0");
  const version = versionOf(db);
  const { id } = db.prepare("SELECT application_id AS id FROM pragma_application_id").get()!;
  const { tables } = db.prepare("SELECT count(*) AS tables FROM sqlite_schema").get()!;
  // The process died before it created the tables.
  if (tables === 0 && id === 0) return;
  if (id !== APPLICATION_ID) {
    const reason = "it belongs to another program";
    throw new InputError("data-damaged", { path, reason });
  }
  if (version > TABLES_VERSION) {
    throw new InputError("data-newer", { path, reason: `it has version ${version}`, version });
  }
  const { quick_check: result } = db.prepare("PRAGMA quick_check(1)").get()!;
  if (result !== "ok") throw new InputError("data-damaged", { path, reason: String(result) });
}

function versionOf(db: DatabaseSync): number {
  return Number(db.prepare("SELECT user_version AS version FROM pragma_user_version").get()!.version);
}

function create(db: DatabaseSync): void {
  db.exec(TABLES);
  const logId = Buffer.alloc(8);
  logId.writeBigUInt64BE(randomId());
  db.prepare("INSERT INTO room VALUES (?)").run(logId);
}

function inTransaction(db: DatabaseSync, change: () => void): void {
  run(db, "BEGIN IMMEDIATE");
  try {
    change();
    run(db, "COMMIT");
  } catch (error) {
    // SQLite rolls back by itself after some errors.
    if (db.isTransaction) run(db, "ROLLBACK");
    throw error;
  }
}

/** Unlike DatabaseSync.exec(), throws errors that have SQLite's result code. */
function run(db: DatabaseSync, statement: string): void {
  db.prepare(statement).all();
}

/** Undefined if Deno wants a permission for it, as 2.6 does once the server has given up that of files. */
function statsOf(fd: number): Stats | undefined {
  try {
    return fstatSync(fd);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}
