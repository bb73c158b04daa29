// Reads a room's file while a server may be using it: takes no lock and makes no file, as SQLite would.

import { Buffer } from "node:buffer";
import { splitFrames } from "../codec.ts";
import { errorMessage, InputError } from "../errors.ts";
import { decodeServer, type LogEntry, type RoomEvent, type Uncommitted } from "../protocol/frames.ts";
import { RoomState } from "../room/state.ts";
import { APPLICATION_ID, TABLES_VERSION } from "./sqlite_store.ts";

const MAGIC = "SQLite format 3\0";
/** How often to read the file again if the server has begun another WAL meanwhile. */
const MAX_ATTEMPTS = 10;
/** Deeper trees than SQLite can make. */
const MAX_DEPTH = 20;
const WAL_HEADER_BYTES = 32;
const WAL_FRAME_HEADER_BYTES = 24;
/** The last bit of the WAL's magic number says which order its checksums have. */
const WAL_MAGIC = 0x377f0682;

/** The events of a room's file as its members saw them, the oldest first, private messages among them.
 * @throws {InputError} `data-busy`, `data-newer`, `data-damaged` or `data-unusable` */
export async function readRoomFile(path: string): Promise<RoomEvent[]> {
  let files: Files;
  try {
    files = await readFiles(path);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError("data-unusable", { path, reason: errorMessage(cause) }, { cause });
  }
  try {
    return eventsIn(new Pages(files), path);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError("data-damaged", { path, reason: errorMessage(cause) }, { cause });
  }
}

interface Files {
  readonly db: Buffer;
  readonly wal: Buffer;
}

/** Both files of one moment. The server copies pages from the WAL into the database: those that were read half are in the
 * WAL too, unless another one has begun since. */
async function readFiles(path: string): Promise<Files> {
  const realPath = await Deno.realPath(path);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const [headBefore, changeBefore] = [
      headOf(await readIfThere(`${realPath}-wal`)),
      await changeOf(realPath),
    ];
    const db = Buffer.from(await Deno.readFile(realPath));
    const wal = await readIfThere(`${realPath}-wal`);
    // Without a WAL the server writes into the database, and the old pages are in `-journal` meanwhile.
    const isQuiet = wal.length > 0 ||
      changeBefore === await changeOf(realPath) && (await readIfThere(`${realPath}-journal`)).length === 0;
    if (headOf(wal).equals(headBefore) && isQuiet) return { db, wal };
  }
  throw new InputError("data-busy", { path });
}

function headOf(wal: Buffer): Buffer {
  return wal.subarray(0, WAL_HEADER_BYTES);
}

async function changeOf(path: string): Promise<string> {
  const { mtime, size } = await Deno.stat(path);
  return `${mtime?.getTime()} ${size}`;
}

async function readIfThere(path: string): Promise<Buffer> {
  try {
    return Buffer.from(await Deno.readFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return Buffer.alloc(0);
    throw error;
  }
}

/** The events that had an effect. */
function eventsIn(pages: Pages, path: string): RoomEvent[] {
  if (pages.isEmpty) return [];
  pages.check(path);
  const roots = new Map(
    Array.from(pages.rows(1), ({ values: [, name, , root] }) => [String(name), Number(root)] as const),
  );
  const state = new RoomState();
  for (const { values: [, frame] } of pages.rows(roots.get("past")!)) state.apply(decode(frame));
  const events: RoomEvent[] = [];
  for (const { id, values: [, , frame] } of pages.rows(roots.get("entries")!)) {
    const event = state.apply(decode(frame));
    if (event) events.push({ ...event, seq: id } as RoomEvent);
  }
  return events;
}

function decode(frame: Value): Uncommitted {
  const [first] = splitFrames(frame as Buffer);
  const { seq: _, ...event } = decodeServer(first!) as LogEntry;
  return event as Uncommitted;
}

type Value = Buffer | number | string | undefined;

interface TableRow {
  readonly id: number;
  readonly values: readonly Value[];
}

/** The pages of a database, those of its WAL before those of its file. */
class Pages {
  readonly #db: Buffer;
  readonly #wal = new Map<number, Buffer>();
  readonly #pageBytes: number;
  /** Bytes of a page less those that extensions reserve. */
  readonly #usableBytes: number;

  constructor({ db, wal }: Files) {
    this.#db = db;
    const hasWal = wal.length >= WAL_HEADER_BYTES;
    const pageBytes = db.length >= MAGIC.length + 2 ? db.readUInt16BE(16) : hasWal ? wal.readUInt32BE(8) : 0;
    this.#pageBytes = pageBytes === 1 ? 65_536 : pageBytes;
    this.#readWal(wal);
    this.#usableBytes = this.#pageBytes - (this.isEmpty ? 0 : this.#page(1)[20]!);
  }

  /** Whether the server died before it had written anything. */
  get isEmpty(): boolean {
    return this.#db.length === 0 && this.#wal.size === 0;
  }

  /** @throws {InputError} `data-newer` or `data-damaged` */
  check(path: string): void {
    const header = this.#page(1);
    if (header.toString("latin1", 0, MAGIC.length) !== MAGIC || header.readUInt32BE(68) !== APPLICATION_ID) {
      throw new InputError("data-damaged", { path, reason: "it belongs to another program" });
    }
    const version = header.readUInt32BE(60);
    if (version > TABLES_VERSION) {
      throw new InputError("data-newer", { path, reason: `it has version ${version}`, version });
    }
  }

  /** The rows of the table whose tree begins at this page, by ascending id. */
  *rows(root: number, depth = 0): Generator<TableRow> {
    if (depth > MAX_DEPTH) throw new Error("a tree has no end");
    const page = this.#page(root);
    const start = root === 1 ? 100 : 0;
    const isLeaf = page[start] === 0x0d;
    if (!isLeaf && page[start] !== 0x05) throw new Error(`page ${root} is not of a table`);
    const cells = start + (isLeaf ? 8 : 12);
    for (let index = 0; index < page.readUInt16BE(start + 3); index++) {
      const at = page.readUInt16BE(cells + 2 * index);
      if (isLeaf) yield this.#row(page, at);
      else yield* this.rows(page.readUInt32BE(at), depth + 1);
    }
    if (!isLeaf) yield* this.rows(page.readUInt32BE(start + 8), depth + 1);
  }

  #page(number: number): Buffer {
    const start = (number - 1) * this.#pageBytes;
    const page = this.#wal.get(number) ?? this.#db.subarray(start, start + this.#pageBytes);
    if (number < 1 || page.length < Math.max(this.#pageBytes, 512)) {
      throw new Error(`page ${number} is missing`);
    }
    return page;
  }

  /** Takes the pages of all complete transactions. */
  #readWal(wal: Buffer): void {
    if (wal.length < WAL_HEADER_BYTES) return;
    const magic = wal.readUInt32BE(0);
    if ((magic & ~1) !== WAL_MAGIC) return;
    const checksum = new WalChecksum(magic === WAL_MAGIC);
    if (!checksum.add(wal.subarray(0, 24)).equals(wal.subarray(24, 32))) return;
    let pending = new Map<number, Buffer>();
    const frameBytes = WAL_FRAME_HEADER_BYTES + this.#pageBytes;
    for (let at = WAL_HEADER_BYTES; at + frameBytes <= wal.length; at += frameBytes) {
      const page = wal.subarray(at + WAL_FRAME_HEADER_BYTES, at + frameBytes);
      // What lies behind the last frame is of an older WAL.
      const isCurrent = wal.subarray(at + 8, at + 16).equals(wal.subarray(16, 24)) &&
        checksum.add(wal.subarray(at, at + 8)).add(page).equals(wal.subarray(at + 16, at + 24));
      if (!isCurrent) return;
      pending.set(wal.readUInt32BE(at), page);
      if (wal.readUInt32BE(at + 4) === 0) continue;
      for (const [number, page] of pending) this.#wal.set(number, page);
      pending = new Map();
    }
  }

  #row(page: Buffer, at: number): TableRow {
    const reader = new VarintReader(page, at);
    const payloadBytes = reader.next();
    const id = reader.next();
    return { id, values: valuesOf(this.#payload(page, reader.at, payloadBytes)) };
  }

  /** What does not fit into the page goes on in others. */
  #payload(page: Buffer, at: number, bytes: number): Buffer {
    const most = this.#usableBytes - 35;
    if (bytes <= most) return page.subarray(at, at + bytes);
    const least = Math.floor((this.#usableBytes - 12) * 32 / 255) - 23;
    const wanted = least + (bytes - least) % (this.#usableBytes - 4);
    const local = wanted <= most ? wanted : least;
    const pieces = [page.subarray(at, at + local)];
    let next = page.readUInt32BE(at + local);
    for (let left = bytes - local; left > 0; left -= this.#usableBytes - 4) {
      const more = this.#page(next);
      pieces.push(more.subarray(4, 4 + Math.min(left, this.#usableBytes - 4)));
      next = more.readUInt32BE(0);
    }
    return Buffer.concat(pieces);
  }
}

/** The columns of a record. */
function valuesOf(record: Buffer): Value[] {
  const header = new VarintReader(record, 0);
  let at = header.next();
  const values: Value[] = [];
  for (const end = at; header.at < end;) {
    const type = header.next();
    const isInteger = type > 0 && type < 7;
    const bytes = type >= 12 ? (type - 12) >> 1 : [0, 1, 2, 3, 4, 6, 8, 8][type] ?? 0;
    const value = record.subarray(at, at + bytes);
    at += bytes;
    if (type >= 12) values.push(type % 2 === 0 ? value : value.toString());
    else if (isInteger) values.push(bytes < 8 ? value.readIntBE(0, bytes) : Number(value.readBigInt64BE()));
    else if (type === 7) values.push(value.readDoubleBE());
    else values.push(type === 9 ? 1 : type === 8 ? 0 : undefined);
  }
  return values;
}

/** Numbers of one to nine bytes. */
class VarintReader {
  at: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  next(): number {
    let value = 0;
    for (let index = 0; index < 9; index++) {
      const byte = this.#bytes.readUInt8(this.at++);
      value = index === 8 ? value * 256 + byte : value * 128 + (byte & 0x7f);
      if (byte < 0x80) break;
    }
    return value;
  }
}

/** The checksum of a WAL, over all that was added so far. */
class WalChecksum {
  readonly #isLittleEndian: boolean;
  readonly #sums = new Uint32Array(2);

  constructor(isLittleEndian: boolean) {
    this.#isLittleEndian = isLittleEndian;
  }

  add(bytes: Buffer): this {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let [one, other] = this.#sums as unknown as [number, number];
    for (let at = 0; at < bytes.length; at += 8) {
      one = (one + view.getUint32(at, this.#isLittleEndian) + other) >>> 0;
      other = (other + view.getUint32(at + 4, this.#isLittleEndian) + one) >>> 0;
    }
    this.#sums.set([one, other]);
    return this;
  }

  equals(stored: Buffer): boolean {
    return stored.readUInt32BE(0) === this.#sums[0] && stored.readUInt32BE(4) === this.#sums[1];
  }
}
