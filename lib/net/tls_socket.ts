// The `Socket` that connections use, with or without TLS, and TLS over an open TCP connection. By node:tls: a connection of
// Deno.listenTls() cannot be closed while its peer holds back the handshake or reads nothing (found by a test).

import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";

/** A `Deno.TcpConn`, or TLS over one. */
export interface Socket {
  readonly localAddr: Deno.NetAddr;
  readonly remoteAddr: Deno.NetAddr;
  /** Sends each write at once (RFC 896 makes TCP wait). May throw if the peer has hung up. */
  setNoDelay(noDelay: boolean): void;
  /** Reads what is there. Returns the number of bytes, or null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes the first of the bytes, at least one. Returns how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends our side after everything written before. */
  closeWrite(): Promise<void>;
  close(): void;
}

/** Most bytes read or written at once: the size of a TLS record (RFC 8446, section 5.1). */
const CHUNK_BYTES = 16_384;

export class TcpStream extends Duplex {
  readonly conn: Deno.TcpConn;
  /** Decrypted and not read. */
  readableBytes = () => 0;
  readonly #onFirstChunk: (bytes: Uint8Array) => boolean;
  #isFirstChunk = true;
  #isReadPending = false;

  /** `onFirstChunk` gets the first bytes that arrive. If it returns false, the stream ends there. */
  constructor(conn: Deno.TcpConn, onFirstChunk: (bytes: Uint8Array) => boolean = () => true) {
    super({ allowHalfOpen: true });
    this.conn = conn;
    this.#onFirstChunk = onFirstChunk;
  }

  override _read(): void {
    // node:tls asks for more even if nothing reads from it. A flood must fill the peer's socket and not our memory
    // (found by a test).
    this.#isReadPending = this.readableBytes() >= CHUNK_BYTES;
    if (this.#isReadPending) return;
    const bytes = new Uint8Array(CHUNK_BYTES);
    this.conn.read(bytes).then((count) => {
      const received = bytes.subarray(0, count ?? 0);
      const isForTls = count !== null && (!this.#isFirstChunk || this.#onFirstChunk(received));
      this.#isFirstChunk = false;
      this.push(isForTls ? received : null);
    }, (error) => this.destroy(error));
  }

  /** Goes on with a read that waited for decrypted bytes to be taken. */
  resumeRead(): void {
    if (this.#isReadPending) this._read();
  }

  override _write(bytes: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    writeAll(this.conn, bytes).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.conn.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    closeQuietly(this.conn);
    done(error);
  }
}

export class TlsSocket implements Socket {
  readonly tls: TLSSocket;
  readonly #stream: TcpStream;
  #error: Error | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(stream: TcpStream, tls: TLSSocket) {
    this.#stream = stream;
    this.tls = tls;
    stream.readableBytes = () => tls.readableLength;
    for (const event of ["readable", "end", "close"]) tls.on(event, () => this.#notifyWaiters());
    tls.on("error", (error) => {
      this.#error ??= error;
      this.#notifyWaiters();
    });
  }

  get localAddr(): Deno.NetAddr {
    return this.#stream.conn.localAddr;
  }

  get remoteAddr(): Deno.NetAddr {
    return this.#stream.conn.remoteAddr;
  }

  setNoDelay(noDelay: boolean): void {
    this.#stream.conn.setNoDelay(noDelay);
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk: Uint8Array | null = this.tls.read(Math.min(this.tls.readableLength, into.length));
      if (chunk) {
        into.set(chunk);
        this.#stream.resumeRead();
        return chunk.length;
      }
      if (this.#error) throw this.#error;
      if (this.tls.readableEnded) return null;
      if (this.tls.destroyed) throw new Deno.errors.Interrupted("The connection is closed");
      await this.#changed.promise;
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    // One record at a time: the progress of a slow peer shows only between writes.
    const part = bytes.subarray(0, CHUNK_BYTES);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.tls.write(part, (error) => error ? reject(error) : resolve(part.length));
    return promise;
  }

  closeWrite(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.tls.end(() => resolve());
    return promise;
  }

  close(): void {
    this.tls.destroy();
    closeQuietly(this.#stream.conn);
  }

  #notifyWaiters(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

export function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Closed already, by the stream or by the owner of the socket.
  }
}
