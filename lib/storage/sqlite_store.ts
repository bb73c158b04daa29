// A room's log as a file of SQLite: opening it, what it holds, what is added and what is forgotten. Knows nothing of
// rooms, nor of when anything is to be stored.

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { splitFrames } from "../codec.ts";
import { InputError } from "../errors.ts";
import { applyEvent, snapshotOf, tombstone } from "../room/fold.ts";
import { Members } from "../room/state.ts";
import { decodeServer, encodeEntry, type LogEntry, type Uncommitted } from "../protocol/frames.ts";
import { randomId } from "../base/time.ts";
import { type SystemReason, systemReason } from "../errors.ts";

/** Says that a file is ours: "CHAT" in ASCII (sqlite.org/fileformat.html, section 1.3.16). */
const APPLICATION_ID = 0x43484154;
/** Of what is in the file. */
const VERSION = 1;
/** Result codes (sqlite.org/rescode.html), without their upper bits. */
const SQLITE = { busy: 5, corrupt: 11, notADatabase: 26 } as const;

/** `synchronous` keeps the file whole, whatever happens; that what was written outlasts a power cut is the matter of
 * {@linkcode SqliteStore.sync} (sqlite.org/pragma.html#pragma_synchronous). */
const SETTINGS = [
  "PRAGMA busy_timeout = 0",
  "PRAGMA locking_mode = EXCLUSIVE",
  "PRAGMA journal_mode = WAL",
  "PRAGMA synchronous = NORMAL",
  "PRAGMA secure_delete = ON",
];

const TABLES = `
  CREATE TABLE room (instance BLOB NOT NULL);
  -- Who was in, and what was accepted of whom, before the first entry.
  CREATE TABLE past (position INTEGER PRIMARY KEY, frame BLOB NOT NULL);
  -- Frames of the log, as docs/PROTOCOL.md has them. \`at\` is in ms since 1970 UTC.
  CREATE TABLE entries (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, frame BLOB NOT NULL);
  -- Entries that are not for everybody.
  CREATE TABLE private (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${VERSION};
`;

/** An entry as it is stored. */
interface StoredEntry {
  readonly seq: number;
  /** When, ms since 1970 UTC. */
  readonly storedAtMs: number;
  readonly entry: Uncommitted;
}

/** What may be forgotten. */
interface Retention {
  /** How many entries are kept. */
  readonly entries: number;
  /** Entries are kept that were stored since then, in ms since 1970 UTC. */
  readonly sinceMs: number;
}

/** An open file. Nobody else can open it meanwhile; the system sees to that, also when the process dies. */
export class SqliteStore implements Disposable {
  /** Tells this room from all others. */
  readonly logId: bigint;
  readonly #path: string;
  readonly #db: DatabaseSync;
  /** What SQLite writes first, before it comes into the file itself. */
  readonly #walFile: Deno.FsFile;
  readonly #insert: StatementSync;
  readonly #insertPrivate: StatementSync;
  #firstSeq: number;
  #nextSeq: number;

  private constructor(path: string, db: DatabaseSync, walFile: Deno.FsFile) {
    this.#path = path;
    this.#db = db;
    this.#walFile = walFile;
    this.logId = idOf(db.prepare("SELECT instance FROM room").get()!.instance as Uint8Array);
    // Each alone is found without reading all.
    const { first } = db.prepare("SELECT min(seq) AS first FROM entries").get()!;
    const { last } = db.prepare("SELECT max(seq) AS last FROM entries").get()!;
    this.#firstSeq = Number(first ?? 0);
    this.#nextSeq = last === null ? 0 : Number(last) + 1;
    this.#insert = db.prepare("INSERT INTO entries VALUES (?, ?, ?)");
    this.#insertPrivate = db.prepare("INSERT INTO private VALUES (?, ?)");
  }

  /** Opens a file, or makes one that only its owner may read.
   * @throws {InputError} `data-busy`, `data-newer`, `data-damaged` or `data-unusable`; the file is as it was */
  static async open(path: string): Promise<SqliteStore> {
    // A server that keeps nothing does not wait for it.
    const { DatabaseSync } = await import("node:sqlite");
    let db: DatabaseSync | undefined;
    try {
      const isNew = await createIfMissing(path);
      if (!isNew) {
        using old = new DatabaseSync(path, { readOnly: true });
        check(old, path);
      }
      db = new DatabaseSync(path);
      for (const setting of SETTINGS) run(db, setting);
      inTransaction(db, () => {
        if (versionOf(db!) === 0) create(db!);
      });
      return new SqliteStore(path, db, await Deno.open(`${path}-wal`, { read: true, write: true }));
    } catch (error) {
      db?.close();
      throw await toStoreError(path, error);
    }
  }

  /** `seq` of the oldest entry; of the next one if there is none. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  /** `seq` of the next entry. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** How much it holds, in bytes. */
  get bytes(): number {
    const { pages } = this.#db.prepare("SELECT page_count AS pages FROM pragma_page_count").get()!;
    const { size } = this.#db.prepare("SELECT page_size AS size FROM pragma_page_size").get()!;
    return Number(pages) * Number(size);
  }

  /** Who was in before the first entry, as {@linkcode unfold} has it.
   * @throws {InputError} `data-damaged` */
  *snapshot(): Generator<Uncommitted> {
    const rows = this.#db.prepare("SELECT frame FROM past ORDER BY position").iterate();
    for (const { frame } of rows) yield this.#read(frame);
  }

  /** All entries.
   * @throws {InputError} `data-damaged` */
  *entries(): Generator<StoredEntry> {
    let nextSeq = this.#firstSeq;
    const rows = this.#db.prepare("SELECT seq, at, frame FROM entries ORDER BY seq").iterate();
    for (const { seq, at, frame } of rows) {
      if (seq !== nextSeq++) {
        throw storeError("data-damaged", this.#path, `entry ${nextSeq - 1} is missing`, {
          why: "incomplete",
        });
      }
      yield { seq, storedAtMs: Number(at), entry: this.#read(frame) };
    }
  }

  #read(bytes: unknown): Uncommitted {
    try {
      const [frame] = splitFrames(bytes as Uint8Array);
      const { seq: _, ...entry } = decodeServer(frame!) as LogEntry;
      return entry as Uncommitted;
    } catch (cause) {
      throw storeError("data-damaged", this.#path, "an entry cannot be read", { why: "garbled", cause });
    }
  }

  /** Stores entries, all or none, with the numbers from {@linkcode nextSeq} on. They outlast the process.
   * @throws {Error} of SQLite */
  append(entries: readonly Uncommitted[], storedAtMs: number): void {
    inTransaction(this.#db, () => {
      let seq = this.#nextSeq;
      for (const entry of entries) {
        this.#insert.run(seq, storedAtMs, encodeEntry(entry, seq));
        if (entry.type === "said" && entry.to) this.#insertPrivate.run(seq, storedAtMs);
        seq++;
      }
    });
    this.#nextSeq += entries.length;
  }

  /** Has what was stored before outlast a power cut as well; meanwhile more can be stored.
   * @throws {Error} of the system: then {@linkcode checkpointWal} is to be tried */
  async sync(): Promise<void> {
    await this.#walFile.syncData();
  }

  /** The same, for what the system may have given up.
   * @throws {Error} of SQLite */
  checkpointWal(): void {
    // What could not be written once need not be written again. So it is written elsewhere: into the file itself.
    const { busy } = this.#db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()!;
    if (busy !== 0) throw new Error("the file is busy");
  }

  /** Forgets what is too old and too much, but never the last entry, and keeps who was in before what is left.
   * @throws {Error} of SQLite */
  prune({ entries, sinceMs }: Retention): void {
    const young = "SELECT seq FROM entries WHERE at >= ? ORDER BY seq LIMIT 1";
    const youngSeq = Number(this.#db.prepare(young).get(sinceMs)?.seq ?? Infinity);
    const firstSeq = Math.min(Math.max(this.#nextSeq - entries, youngSeq), this.#nextSeq - 1);
    if (firstSeq <= this.#firstSeq) return;
    const members = new Members();
    for (const entry of this.snapshot()) applyEvent(members, entry);
    for (const { seq, entry } of this.entries()) {
      if (seq >= firstSeq) break;
      applyEvent(members, entry);
    }
    inTransaction(this.#db, () => {
      this.#db.exec("DELETE FROM past");
      const insert = this.#db.prepare("INSERT INTO past (frame) VALUES (?)");
      for (const entry of snapshotOf(members)) insert.run(encodeEntry(entry, 0));
      for (const table of ["entries", "private"]) {
        this.#db.prepare(`DELETE FROM ${table} WHERE seq < ?`).run(firstSeq);
      }
    });
    this.#firstSeq = firstSeq;
  }

  /** Forgets what private messages said that were stored before then, and to whom.
   * @throws {Error} of SQLite */
  deletePrivate(beforeMs: number): void {
    const old = this.#db.prepare(
      "SELECT seq, frame FROM private CROSS JOIN entries USING (seq) WHERE private.at < ?",
    ).all(beforeMs);
    if (old.length === 0) return;
    inTransaction(this.#db, () => {
      const update = this.#db.prepare("UPDATE entries SET frame = ? WHERE seq = ?");
      for (const row of old) {
        const [seq, entry] = [Number(row.seq), this.#read(row.frame)];
        if (entry.type === "said") {
          update.run(encodeEntry(tombstone(entry.sessionId, entry.clientSeq), seq), seq);
        }
      }
      this.#db.prepare("DELETE FROM private WHERE at < ?").run(beforeMs);
    });
  }

  [Symbol.dispose](): void {
    this.#walFile.close();
    this.#db.close();
  }
}

async function createIfMissing(path: string): Promise<boolean> {
  try {
    // What SQLite puts beside it has its mode.
    (await Deno.open(path, { write: true, createNew: true, mode: 0o600 })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/** Whether a file is one of ours, and whole.
 * @throws {InputError} `data-newer` or `data-damaged` */
function check(db: DatabaseSync, path: string): void {
  db.exec("PRAGMA busy_timeout = 0");
  const version = versionOf(db);
  const { id } = db.prepare("SELECT application_id AS id FROM pragma_application_id").get()!;
  const { tables } = db.prepare("SELECT count(*) AS tables FROM sqlite_schema").get()!;
  // Made, and nothing more before the process died.
  if (tables === 0 && id === 0) return;
  if (id !== APPLICATION_ID) {
    throw storeError("data-damaged", path, "it belongs to another program", { why: "foreign" });
  }
  if (version > VERSION) throw storeError("data-newer", path, `it has version ${version}`, { version });
  const { quick_check: result } = db.prepare("PRAGMA quick_check(1)").get()!;
  if (result !== "ok") throw storeError("data-damaged", path, String(result));
}

function versionOf(db: DatabaseSync): number {
  return Number(db.prepare("SELECT user_version AS version FROM pragma_user_version").get()!.version);
}

function create(db: DatabaseSync): void {
  db.exec(TABLES);
  const instance = new DataView(new ArrayBuffer(8));
  instance.setBigUint64(0, randomId());
  db.prepare("INSERT INTO room VALUES (?)").run(new Uint8Array(instance.buffer));
}

function inTransaction(db: DatabaseSync, change: () => void): void {
  run(db, "BEGIN IMMEDIATE");
  try {
    change();
    run(db, "COMMIT");
  } catch (error) {
    // Some failures have done this already.
    if (db.isTransaction) run(db, "ROLLBACK");
    throw error;
  }
}

/** Unlike DatabaseSync.exec(), what this throws has SQLite's result code. */
function run(db: DatabaseSync, statement: string): void {
  db.prepare(statement).all();
}

function idOf(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0);
}

type StoreErrorCode = "data-busy" | "data-newer" | "data-damaged" | "data-unusable";

function storeError(
  code: StoreErrorCode,
  path: string,
  reason: string,
  { cause, ...more }: { cause?: unknown; why?: SystemReason; version?: number } = {},
): InputError {
  return new InputError(code, { path, reason, ...more }, { cause });
}

async function toStoreError(path: string, error: unknown): Promise<InputError> {
  if (error instanceof InputError) return error;
  const code = codeOf(error);
  const { cause, ...more } = code === "data-unusable" ? await diagnose(path, error) : { cause: error };
  return storeError(code, path, cause instanceof Error ? cause.message : String(cause), { cause, ...more });
}

/** SQLite does not always say why it cannot use a file: the system does, and what it says of the folder. */
async function diagnose(path: string, error: unknown): Promise<{ cause: unknown; why?: SystemReason }> {
  if (error instanceof Deno.errors.NotFound) return { cause: error, why: "folder-missing" };
  if (!isSqliteError(error)) return { cause: error };
  try {
    // Windows opens them.
    if ((await Deno.stat(path)).isDirectory) return { cause: error, why: "is-folder" };
    (await Deno.open(path, { read: true, write: true })).close();
  } catch (cause) {
    return { cause };
  }
  const beside = `${path}-${crypto.randomUUID()}`;
  try {
    (await Deno.open(beside, { write: true, createNew: true })).close();
    await Deno.remove(beside);
    return { cause: error };
  } catch (cause) {
    return { cause, ...(systemReason(cause) === "no-permission" && { why: "folder-closed" }) };
  }
}

function codeOf(error: unknown): StoreErrorCode {
  switch (sqliteResultCode(error)) {
    case SQLITE.busy:
      return "data-busy";
    case SQLITE.corrupt:
    case SQLITE.notADatabase:
      return "data-damaged";
    default:
      return "data-unusable";
  }
}

function isSqliteError(error: unknown): boolean {
  return (error as { code?: unknown }).code === "ERR_SQLITE_ERROR";
}

/** SQLite's result code of an error, without its upper bits. */
function sqliteResultCode(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: number };
  return errcode === undefined ? undefined : errcode & 0xff;
}
