// The clients of the load generator, over raw sockets.

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
export const TIME_DIGITS = 16;

/** How a client is made. */
export interface LoadClientOptions {
  readonly port: number;
  /** Makes its nick, and tells it from the others: up to 99,999. */
  readonly index: number;
  /** What it reads at once at most. */
  readonly readBytes: number;
  /** Told that the connection is over, unless this side closed it. */
  readonly onLost: (error: Error) => void;
}

/** A client of the load generator, whatever its protocol. */
export abstract class LoadClient implements Disposable {
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
  /** To be written: the first `#unwrittenBytes` of it. */
  #sendBuffer = new Uint8Array(64);
  #unwrittenBytes = 0;
  #isWriting = false;

  constructor(conn: Deno.TcpConn, { index, readBytes, onLost }: LoadClientOptions) {
    this.#conn = conn;
    this.#buffer = new Uint8Array(readBytes);
    this.#onLost = onLost;
    this.#untilSample = 1 + index % SAMPLE_EVERY;
    conn.setNoDelay(true);
  }

  /** Whether the server has let it in. */
  abstract get isIn(): boolean;
  /** Whether it has left, and the server knows. */
  abstract get hasLeft(): boolean;
  /** How many messages came. */
  abstract get received(): number;
  /** Says something that holds the time, at the next {@linkcode flush}. */
  abstract say(): void;
  /** Takes the first `end` bytes of the buffer. Returns how many of them, at the end, are to be seen again with the
   * next ones: the beginning of a frame. */
  protected abstract take(buffer: Uint8Array<ArrayBuffer>, end: number): number;

  /** Writes what waits, as soon as what is being written is. */
  flush(): void {
    if (!this.#isWriting) this.#writeAll().catch((error) => this.#lose(error));
  }

  /** From now on the server may end the connection. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** Closes without a word. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#conn.close();
  }

  protected start(): void {
    this.#readAll().catch((error) => this.#lose(error));
  }

  /** Adds bytes to what {@linkcode flush} writes. Returns the buffer that holds them, and where they begin in it. */
  protected add(bytes: Uint8Array): { buffer: Uint8Array; at: number } {
    const at = this.#unwrittenBytes;
    this.#unwrittenBytes += bytes.length;
    if (this.#unwrittenBytes > this.#sendBuffer.length) {
      const larger = new Uint8Array(this.#unwrittenBytes * 2);
      larger.set(this.#sendBuffer);
      this.#sendBuffer = larger;
    }
    this.#sendBuffer.set(bytes, at);
    return { buffer: this.#sendBuffer, at };
  }

  /** Whether the message that is read now is one of those to be looked at: then `addAge` is to be called for it. */
  protected isSample(): boolean {
    return --this.#untilSample <= 0;
  }

  /** @param digits what {@linkcode putTime} wrote */
  protected addAge(digits: string): void {
    this.#untilSample = SAMPLE_EVERY;
    this.onAge?.(performance.now() - Number(digits) / 1_000);
  }

  #lose(error: Error): void {
    if (!this.#isLeaving && !this.#isClosed) this.#onLost(error);
    this[Symbol.dispose]();
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#unwrittenBytes > 0) {
      const bytes = this.#sendBuffer.slice(0, this.#unwrittenBytes);
      this.#unwrittenBytes = 0;
      for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
    }
    this.#isWriting = false;
  }

  async #readAll(): Promise<void> {
    const buffer = this.#buffer;
    for (let held = 0;;) {
      const count = await this.#conn.read(held === 0 ? buffer : buffer.subarray(held));
      if (count === null) throw new Error("Cannot read on: the server has ended the connection");
      this.bytesRead += count;
      const end = held + count;
      held = this.take(buffer, end);
      if (held > 0) buffer.copyWithin(0, end - held, end);
      this.onRead?.();
    }
  }
}

/** A client of the chat. It reads lengths and types of frames and decodes few of them, so that it costs far less than
 * the server. */
export class RawClient extends LoadClient {
  /** How many frames came, by their type. */
  readonly counts = new Uint32Array(256);
  /** Number of the message said last. */
  #n = 0;
  /** Where the next frame begins in the buffer. */
  #at = 0;
  #view: DataView | undefined;

  /** Connects, and asks to be let in.
   * @throws {Error} if the system has no more sockets, or no server listens */
  static async dial(options: LoadClientOptions): Promise<RawClient> {
    const client = new RawClient(await connect(options.port), options);
    client.start();
    client.add(helloOf(options.index));
    client.flush();
    return client;
  }

  get isIn(): boolean {
    return this.counts[SERVER_FRAMES.welcome.code]! > 0;
  }

  get hasLeft(): boolean {
    return this.counts[SERVER_FRAMES.bye.code]! > 0;
  }

  get received(): number {
    return this.counts[SERVER_FRAMES.said.code]!;
  }

  say(): void {
    const { buffer, at } = this.add(SAY.bytes);
    putNumber(buffer, ++this.#n, at + SAY.fields.n.offset);
    putTime(buffer, at + SAY.fields.text.offset);
  }

  /** Takes leave; the server's BYE tells that it was heard. */
  override leave(): void {
    super.leave();
    this.add(BYE);
    this.flush();
  }

  protected override take(buffer: Uint8Array<ArrayBuffer>, end: number): number {
    const view = this.#view ??= new DataView(buffer.buffer);
    let at = this.#at;
    while (at + HEADER_BYTES <= end) {
      const type = buffer[at + LENGTH_BYTES]!;
      const next = at + LENGTH_BYTES + view.getUint32(at);
      this.counts[type]!++;
      if (type !== SERVER_FRAMES.said.code || this.isSample()) {
        this.#look(type, buffer.subarray(at, Math.min(next, end)), next <= end);
      }
      at = next;
    }
    this.#at = Math.max(0, at - end);
    return Math.max(0, end - at);
  }

  #look(type: number, bytes: Uint8Array, isWhole: boolean): void {
    if (type === SERVER_FRAMES.ping.code) {
      this.add(PONG);
      this.flush();
    }
    // What is not whole in this read is another time.
    if (!isWhole || (type !== SERVER_FRAMES.said.code && type !== SERVER_FRAMES.error.code)) return;
    const [frame] = splitFrames(bytes);
    const message = decodeServer(frame!);
    if (message.type === "error") throw new Error(`Cannot stay with the server: ${message.reason}`);
    if (message.type !== "said") return;
    this.addAge(message.text.slice(0, TIME_DIGITS));
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

function putNumber(bytes: Uint8Array, value: number, at: number): void {
  for (let i = SAY.fields.n.length - 1, rest = value; i >= 0; i--, rest >>>= 8) bytes[at + i] = rest;
}

/** Microseconds of performance.now(), as digits. */
export function putTime(bytes: Uint8Array, at: number): void {
  let rest = Math.round(performance.now() * 1_000);
  for (let i = TIME_DIGITS - 1; i >= 0; i--) {
    bytes[at + i] = 0x30 + rest % 10;
    rest = Math.floor(rest / 10);
  }
}
