// TLS over an open TCP connection, by node:tls: such a connection can be closed for certain, whatever the other
// side does. One of Deno.listenTls stays open as long as its peer holds back its part of a handshake, or reads
// nothing (found by a test). Knows nothing of whom to trust.

import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Socket } from "./socket.ts";

/** Most bytes that are read or written at once: a record of TLS (RFC 8446, section 5.1) holds as many. */
const CHUNK_BYTES = 16_384;

/** A TCP connection as a stream for node:tls. */
export class TcpStream extends Duplex {
  readonly conn: Deno.TcpConn;
  /** Sees the first bytes that come; false if they are not for TLS: then nothing more comes. */
  readonly #onFirstChunk: (bytes: Uint8Array) => boolean;
  #isFirstChunk = true;
  /** Tells how many bytes came out of TLS that nobody has taken. */
  readableBytes = () => 0;
  /** Whether node:tls asked for more than is to be had yet. */
  #isReadPending = false;

  constructor(conn: Deno.TcpConn, onFirstChunk: (bytes: Uint8Array) => boolean = () => true) {
    super({ allowHalfOpen: true });
    this.conn = conn;
    this.#onFirstChunk = onFirstChunk;
  }

  override _read(): void {
    // node:tls asks for ever more, whether anybody takes it or not: who floods us is to fill its own socket and
    // not our memory (found by a test).
    this.#isReadPending = this.readableBytes() >= CHUNK_BYTES;
    if (this.#isReadPending) return;
    const bytes = new Uint8Array(CHUNK_BYTES);
    this.conn.read(bytes).then((count) => {
      const came = bytes.subarray(0, count ?? 0);
      const isForTls = count !== null && (!this.#isFirstChunk || this.#onFirstChunk(came));
      this.#isFirstChunk = false;
      this.push(isForTls ? came : null);
    }, (error) => this.destroy(error));
  }

  /** Some of what was untaken was taken. */
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

/** What node:tls makes of a stream, in the manner of a `Deno.Conn`. */
export class TlsSocket implements Socket {
  readonly #conn: Deno.TcpConn;
  readonly #stream: TcpStream;
  readonly #tls: TLSSocket;
  #error: Error | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(stream: TcpStream, tls: TLSSocket) {
    this.#conn = stream.conn;
    this.#stream = stream;
    this.#tls = tls;
    stream.readableBytes = () => tls.readableLength;
    for (const event of ["readable", "end", "close"]) tls.on(event, () => this.#notifyWaiters());
    tls.on("error", (error) => {
      this.#error ??= error;
      this.#notifyWaiters();
    });
  }

  get remoteAddr(): Deno.NetAddr {
    return this.#conn.remoteAddr;
  }

  setNoDelay(isOff: boolean): void {
    this.#conn.setNoDelay(isOff);
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk: Uint8Array | null = this.#tls.read(Math.min(this.#tls.readableLength, into.length));
      if (chunk) {
        into.set(chunk);
        this.#stream.resumeRead();
        return chunk.length;
      }
      if (this.#error) throw this.#error;
      if (this.#tls.readableEnded) return null;
      if (this.#tls.destroyed) throw new Deno.errors.Interrupted("The connection is closed");
      await this.#changed.promise;
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    // Not more at once: how far a slow peer has got is known only between one write and the next.
    const part = bytes.subarray(0, CHUNK_BYTES);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#tls.write(part, (error) => error ? reject(error) : resolve(part.length));
    return promise;
  }

  closeWrite(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tls.end(() => resolve());
    return promise;
  }

  close(): void {
    this.#tls.destroy();
    closeQuietly(this.#conn);
  }

  #notifyWaiters(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // It is closed already: by the stream, or by whoever has the socket.
  }
}
