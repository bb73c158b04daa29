// One client of the load generator, over a raw socket: it reads lengths and types of frames and decodes few of them, so
// that it costs far less than the server.

import { HEADER_BYTES, LENGTH_BYTES, splitFrames } from "../lib/codec.ts";
import { decodeServer, encodeClient, SERVER_FRAMES } from "../lib/protocol/frames.ts";
import { helloTemplate, sayTemplate } from "./template.ts";

export const HOST = "127.0.0.1";
/** One message of so many is decoded, another one by each client. */
const SAMPLE_EVERY = 64;
const HELLO = helloTemplate();
const SAY = sayTemplate();
const PONG = encodeClient({ type: "pong" });
const BYE = encodeClient({ type: "bye" });
/** Digits of the time at the beginning of a message's text. */
const TIME_DIGITS = 16;

/** How a client is made. */
interface RawClientOptions {
  readonly port: number;
  /** Makes its nick, and tells it from the others: up to 99,999. */
  readonly index: number;
  /** What it reads at once at most. */
  readonly readBytes: number;
  /** Told that the connection is over, unless this side closed it. */
  readonly onLost: (error: Error) => void;
}

/** A client that is in, or soon. */
export class RawClient implements Disposable {
  /** How many frames came, by their type. */
  readonly counts = new Uint32Array(256);
  /** How many bytes came. */
  bytesRead = 0;
  /** Called after each read. */
  onRead: (() => void) | undefined;
  /** Given the age of one message of many, in ms. */
  onAge: ((ms: number) => void) | undefined;
  readonly #conn: Deno.TcpConn;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  readonly #onLost: (error: Error) => void;
  #isLeaving = false;
  #isClosed = false;
  #untilSample: number;
  /** Number of the message said last. */
  #n = 0;
  /** What waits to be written, in the first bytes. */
  #waiting = new Uint8Array(64);
  #unwrittenBytes = 0;
  #isWriting = false;

  private constructor(conn: Deno.TcpConn, { index, readBytes, onLost }: RawClientOptions) {
    this.#conn = conn;
    this.#buffer = new Uint8Array(readBytes);
    this.#onLost = onLost;
    this.#untilSample = 1 + index % SAMPLE_EVERY;
    conn.setNoDelay(true);
    this.#readAll().catch((error) => this.#lose(error));
  }

  /** Connects, and asks to be let in.
   * @throws {Error} if the system has no more sockets, or no server listens */
  static async dial(options: RawClientOptions): Promise<RawClient> {
    const client = new RawClient(await connect(options.port), options);
    client.#add(helloOf(options.index));
    client.flush();
    return client;
  }

  /** How many messages came. */
  get received(): number {
    return this.counts[SERVER_FRAMES.said.code]!;
  }

  /** Says something that holds the time, at the next {@linkcode flush}. */
  say(): void {
    const at = this.#add(SAY.bytes);
    putNumber(this.#waiting, ++this.#n, at + SAY.fields.n.offset);
    putTime(this.#waiting, at + SAY.fields.text.offset);
  }

  /** Writes what waits, as soon as what is being written is. */
  flush(): void {
    if (!this.#isWriting) this.#writeAll().catch((error) => this.#lose(error));
  }

  /** Takes leave; the server's BYE tells that it was heard. */
  leave(): void {
    this.#isLeaving = true;
    this.#add(BYE);
    this.flush();
  }

  /** Closes without a word. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#conn.close();
  }

  #lose(error: Error): void {
    if (!this.#isLeaving && !this.#isClosed) this.#onLost(error);
    this[Symbol.dispose]();
  }

  #add(bytes: Uint8Array): number {
    const at = this.#unwrittenBytes;
    this.#unwrittenBytes += bytes.length;
    if (this.#unwrittenBytes > this.#waiting.length) {
      const larger = new Uint8Array(this.#unwrittenBytes * 2);
      larger.set(this.#waiting);
      this.#waiting = larger;
    }
    this.#waiting.set(bytes, at);
    return at;
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#unwrittenBytes > 0) {
      const bytes = this.#waiting.slice(0, this.#unwrittenBytes);
      this.#unwrittenBytes = 0;
      for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
    }
    this.#isWriting = false;
  }

  async #readAll(): Promise<void> {
    const buffer = this.#buffer;
    const view = new DataView(buffer.buffer);
    /** Bytes at the beginning of the buffer, of a frame whose header is not whole. */
    let held = 0;
    /** Where the next frame begins. */
    let at = 0;
    for (;;) {
      const count = await this.#conn.read(held === 0 ? buffer : buffer.subarray(held));
      if (count === null) throw new Error("Cannot read on: the server has ended the connection");
      this.bytesRead += count;
      const end = held + count;
      while (at + HEADER_BYTES <= end) {
        const type = buffer[at + LENGTH_BYTES]!;
        const next = at + LENGTH_BYTES + view.getUint32(at);
        this.counts[type]!++;
        if (type !== SERVER_FRAMES.said.code || --this.#untilSample <= 0) {
          this.#look(type, buffer.subarray(at, Math.min(next, end)), next <= end);
        }
        at = next;
      }
      held = Math.max(0, end - at);
      if (held > 0) buffer.copyWithin(0, at, end);
      at = Math.max(0, at - end);
      this.onRead?.();
    }
  }

  #look(type: number, bytes: Uint8Array, isWhole: boolean): void {
    if (type === SERVER_FRAMES.ping.code) {
      this.#add(PONG);
      this.flush();
    }
    // What is not whole in this read is another time.
    if (!isWhole || (type !== SERVER_FRAMES.said.code && type !== SERVER_FRAMES.error.code)) return;
    const [frame] = splitFrames(bytes);
    const message = decodeServer(frame!);
    if (message.type === "error") throw new Error(`Cannot stay with the server: ${message.reason}`);
    if (message.type !== "said") return;
    this.#untilSample = SAMPLE_EVERY;
    this.onAge?.(performance.now() - Number(message.text.slice(0, TIME_DIGITS)) / 1_000);
  }
}

/** A HELLO that makes a session of its own. */
export function helloOf(index: number): Uint8Array<ArrayBuffer> {
  const { nick, token } = HELLO.fields;
  const bytes = HELLO.bytes.slice();
  new TextEncoder().encodeInto(`u${`${index}`.padStart(nick.length - 1, "0")}`, bytes.subarray(nick.offset));
  crypto.getRandomValues(bytes.subarray(token.offset, token.offset + token.length));
  return bytes;
}

/** Connects to a server on this machine.
 * @throws {Error} */
export async function connect(port: number): Promise<Deno.TcpConn> {
  try {
    return await Deno.connect({ hostname: HOST, port });
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== "EMFILE") throw cause;
    throw new Error(
      "Cannot open more connections: allow more open files with `ulimit -n`, or take fewer clients",
      {
        cause,
      },
    );
  }
}

function putNumber(bytes: Uint8Array<ArrayBuffer>, value: number, at: number): void {
  for (let i = SAY.fields.n.length - 1, rest = value; i >= 0; i--, rest >>>= 8) bytes[at + i] = rest;
}

/** Microseconds of performance.now(), as digits. */
function putTime(bytes: Uint8Array<ArrayBuffer>, at: number): void {
  let rest = Math.round(performance.now() * 1_000);
  for (let i = TIME_DIGITS - 1; i >= 0; i--) {
    bytes[at + i] = 0x30 + rest % 10;
    rest = Math.floor(rest / 10);
  }
}
