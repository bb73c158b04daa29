// A connection manager with a log, a fake clock and fake sockets.

import { FrameDecoder } from "../../lib/codec.ts";
import type { Connection, ConnectionConfig } from "../../lib/net/connection.ts";
import { ConnectionManager } from "../../lib/net/connection_manager.ts";
import type { EventLog, EventLogConfig } from "../../lib/room/event_log.ts";
import { newEventLog } from "./room_fixture.ts";
import { withTimeout } from "./waiting.ts";
import { testConfig } from "./test_config.ts";

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

/** Records each write. Takes it at once, or while `isFull` only after `drain()`. */
export class FakeConn {
  readonly localAddr = { transport: "tcp", hostname: "192.168.1.5", port: 5_000 };
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

  /** Takes the writes that wait. */
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

  /** The peer sends bytes, or with null ends its side. */
  receive(bytes: Uint8Array | null): void {
    this.#reading.resolve(bytes);
  }

  /** The connection is reset. */
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

  /** Waits until there were so many writes. */
  async written(count: number): Promise<void> {
    while (this.writes.length < count) await withTimeout(this.#changed.promise, "a write");
  }

  /** Waits until our side has ended. */
  async endedWriting(): Promise<void> {
    while (!this.hasEndedWriting) await withTimeout(this.#changed.promise, "our side to end");
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

export class ManagerFixture implements Disposable {
  readonly log: EventLog;
  readonly manager: ConnectionManager;
  /** Why connections were reported as unresponsive, at each check. */
  readonly reasons: string[] = [];
  nowMs = 0;
  readonly #reported = Promise.withResolvers<void>();

  constructor(
    { log, onUnresponsive, ...config }: Partial<ConnectionConfig> & {
      log?: Partial<EventLogConfig>;
      onUnresponsive?: ConnectionManager["onUnresponsive"];
    } = {},
  ) {
    this.log = newEventLog(log);
    const connections = { maxFrameBytes: 1_000, handshakeMs: Infinity, pingTimeoutMs: 60, ...config };
    this.manager = new ConnectionManager(
      testConfig({ connections }).connections,
      () => ({ wallMs: 0, monotonicMs: this.nowMs }),
    );
    this.manager.ping = () => frame("ping");
    this.manager.onUnresponsive = (connection, reason) => {
      this.reasons.push(reason);
      onUnresponsive?.(connection, reason);
      this.#reported.resolve();
    };
  }

  /** Adds a connection that streams the log from its head on. */
  add(conn = new FakeConn()): { conn: FakeConn; connection: Connection } {
    const connection = this.manager.add(conn as unknown as Deno.TcpConn);
    connection.stream(this.log.cursorAt(this.log.head));
    return { conn, connection };
  }

  /** Appends frames to the log. */
  append(...texts: string[]): void {
    for (const text of texts) this.log.append(frame(text), this.nowMs);
    this.manager.scheduleFlush();
  }

  /** Waits until a connection is reported as unresponsive. Returns why. */
  async reason(): Promise<string> {
    await withTimeout(this.#reported.promise, "a connection to be reported");
    return this.reasons[0]!;
  }

  [Symbol.dispose](): void {
    this.manager[Symbol.dispose]();
  }
}
