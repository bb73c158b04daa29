// A hub with its log and its clock, on sockets that do only what a test says.

import { FrameDecoder } from "../../lib/codec.ts";
import { CLOSE_TIMEOUT_MS, type Connection, type ConnectionConfig } from "../../lib/net/connection.ts";
import { ConnectionManager, FRAME_TIMEOUT_MS, SLOW_WRITE_MS } from "../../lib/net/connection_manager.ts";
import type { EventLog, EventLogConfig } from "../../lib/room/event_log.ts";
import { newEventLog } from "../room/room_fixture.ts";
import { withTimeout } from "../support.ts";

/** A frame of type 1 whose body is this text. */
export function frame(text: string): Uint8Array<ArrayBuffer> {
  const body = new TextEncoder().encode(text);
  return new Uint8Array([0, 0, (body.length + 1) >> 8, body.length + 1, 1, ...body]);
}

/** The bodies of all frames in these bytes. */
export function textsOf(bytes: Uint8Array): string[] {
  const decoder = new FrameDecoder({ maxFrameBytes: 10_000 });
  decoder.push(bytes);
  const texts = [];
  for (let next = decoder.next(); next; next = decoder.next()) {
    texts.push(new TextDecoder().decode(next.body));
  }
  return texts;
}

/** A socket that records each write, and takes it at once or when the test lets it. */
export class FakeConn {
  readonly remoteAddr = { transport: "tcp", hostname: "192.168.1.7", port: 50_000 };
  /** What each write held. */
  readonly writes: string[][] = [];
  isFull = false;
  hasClosed = false;
  hasEndedWriting = false;
  isWriteDelayed = true;
  onWrite: () => void = () => {};
  #changed = Promise.withResolvers<void>();
  #taking = Promise.withResolvers<void>();
  #reading = Promise.withResolvers<Uint8Array | null>();

  async write(bytes: Uint8Array): Promise<number> {
    this.writes.push(textsOf(bytes));
    this.onWrite();
    this.#change();
    if (this.isFull) await this.#taking.promise;
    if (this.hasClosed) throw new Deno.errors.BrokenPipe("closed");
    return bytes.length;
  }

  /** Takes what it was too full to take. */
  drain(): void {
    this.isFull = false;
    this.#taking.resolve();
    this.#taking = Promise.withResolvers();
  }

  async read(space: Uint8Array): Promise<number | null> {
    const bytes = await this.#reading.promise;
    this.#reading = Promise.withResolvers();
    if (bytes) space.set(bytes);
    return bytes?.length ?? null;
  }

  /** The peer says something, or with null ends. */
  receive(bytes: Uint8Array | null): void {
    this.#reading.resolve(bytes);
  }

  /** The peer's end breaks off. */
  fail(): void {
    this.#reading.reject(new Deno.errors.ConnectionReset("reset"));
  }

  setNoDelay(isOff: boolean): void {
    this.isWriteDelayed = !isOff;
  }

  closeWrite(): Promise<void> {
    this.hasEndedWriting = true;
    this.#change();
    return Promise.resolve();
  }

  close(): void {
    this.hasClosed = true;
    this.#reading.reject(new Deno.errors.BadResource("closed"));
    this.#reading.promise.catch(() => {});
    this.drain();
    this.#change();
  }

  /** Fulfilled when something that was recorded makes this so. */
  async until(isReached: (conn: this) => boolean): Promise<void> {
    while (!isReached(this)) await withTimeout(this.#changed.promise, "the socket to be used");
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** A hub with its log and its clock. */
export class Room implements Disposable {
  readonly log: EventLog;
  readonly manager: ConnectionManager;
  readonly disconnects: string[] = [];
  nowMs = 0;
  /** When somebody was given up. */
  readonly disconnected = Promise.withResolvers<void>();

  constructor(
    { log, onUnresponsive, ...config }: Partial<ConnectionConfig> & {
      log?: Partial<EventLogConfig>;
      onUnresponsive?: ConnectionManager["onUnresponsive"];
    } = {},
  ) {
    this.log = newEventLog(log);
    this.manager = new ConnectionManager({
      maxFrameBytes: 1_000,
      pingMs: 5_000,
      pingTimeoutMs: 60,
      pingAlways: true,
      handshakeMs: Infinity,
      frameMs: FRAME_TIMEOUT_MS,
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
      slowWriteMs: SLOW_WRITE_MS,
      ...config,
    }, () => ({ wallMs: 0, monotonicMs: this.nowMs }));
    this.manager.ping = () => frame("ping");
    this.manager.onUnresponsive = (connection, reason) => {
      this.disconnects.push(reason);
      onUnresponsive?.(connection, reason);
      this.disconnected.resolve();
    };
  }

  /** Somebody comes in and reads the log from its head on. */
  enter(): { conn: FakeConn; connection: Connection } {
    const conn = new FakeConn();
    const connection = this.manager.add(conn as unknown as Deno.TcpConn);
    connection.stream(this.log.cursorAt(this.log.head));
    return { conn, connection };
  }

  say(...texts: string[]): void {
    for (const text of texts) this.log.append(frame(text), this.nowMs);
    this.manager.scheduleFlush();
  }

  [Symbol.dispose](): void {
    this.manager[Symbol.dispose]();
  }
}
