// One socket as a stream of frames: reading, the send queue, and how the connection ends.

import { concat } from "@std/bytes/concat";
import type { Clock } from "../base/time.ts";
import { FrameDecoder } from "../codec.ts";
import { type ChatError, ConnectionLostError } from "../errors.ts";
import { Heartbeat, type HeartbeatConfig } from "./heartbeat.ts";
import type { Socket } from "./tls_socket.ts";

/** Most bytes that may wait in the send queue of a peer that does not read. A client's whole outbox fits. */
export const MAX_SEND_QUEUE_BYTES = 2_097_152;
/** Longest frame of the send queue that is copied into one write with others, in bytes. */
const MAX_COALESCE_BYTES = 4_096;
/** Most by which a pause of reading that ends late extends the peer's deadline once more, in ms. */
const MAX_PAUSE_OVERRUN_MS = 1_000;
export const HANDSHAKE_TIMEOUT_MS = 10_000;
export const FRAME_TIMEOUT_MS = 10_000;
export const CLOSE_TIMEOUT_MS = 1_000;
export const SLOW_WRITE_MS = 5;

export interface ConnectionConfig extends HeartbeatConfig {
  /** In bytes after the length. */
  readonly maxFrameBytes: number;
  /** Limit from accept to the end of the handshake, in ms. */
  readonly handshakeMs: number;
  /** Limit for one frame from its first byte to its last, in ms. */
  readonly frameMs: number;
  /** How long the peer may take to end its side after we have ended ours, in ms. */
  readonly closeTimeoutMs: number;
  /** How long a flush cycle waits for its writes, in ms. A slower write goes on beside the next cycles. */
  readonly slowWriteMs: number;
}

/** Numbered frames that a connection writes as they are appended: a cursor of the room's log. */
interface FrameSource {
  /** The next frames, in shared memory that must not be changed; undefined at the end. */
  take(): Uint8Array<ArrayBuffer> | undefined;
  /** `seq` of the next frame. */
  readonly seq: number;
  /** `seq` that the next appended frame will get. */
  readonly head: number;
  readonly isAtEnd: boolean;
  /** Whether the next frame is no longer retained. */
  readonly hasFallenBehind: boolean;
  readonly taken: Taken;
}

/** What was taken of a stream, or of several. */
export interface Taken {
  readonly frames: number;
  readonly bytes: number;
}

export const NOTHING_TAKEN: Taken = { frames: 0, bytes: 0 };

/** One cycle of writes, over all connections. */
export interface FlushCycle {
  /** Monotonic. */
  readonly nowMs: number;
  /** The connection calls it once for each write that it issued. */
  readonly writeDone: () => void;
}

/** Frames from {@linkcode Connection.send} go out between two frames of the stream of {@linkcode Connection.stream}.
 * Both go out before the last frame, given to {@linkcode Connection.end}. */
export class Connection {
  /** Undefined during the handshake, which has its own deadline. */
  heartbeat: Heartbeat | undefined;
  onFlushNeeded: () => void = doNothing;
  /** Monotonic. */
  readonly openedMs: number;
  readonly #socket: Socket;
  readonly #config: ConnectionConfig;
  readonly #clock: Clock;
  readonly #decoder: FrameDecoder;
  #state: "open" | "ending" | "ended" | "closed" = "open";
  #directQueue: Uint8Array<ArrayBuffer>[] = [];
  #directBytes = 0;
  #source: FrameSource | undefined;
  /** Of a stream that has ended. */
  #taken = NOTHING_TAKEN;
  /** Exclusive; finite once the connection ends. */
  #streamEndSeq = Infinity;
  #lastFrame: Uint8Array<ArrayBuffer> | undefined;
  /** Bytes of the current write, without those that the socket has taken; undefined if there is no write. */
  #unwritten: Uint8Array<ArrayBuffer> | undefined;
  #writeDone: (() => void) | undefined;
  /** When the peer last took bytes of the current write. */
  #lastProgressMs = 0;
  #hasPeerEnded = false;
  #lastReceivedMs: number;
  #partialFrameSinceMs = Infinity;
  #lastFrameCount = 0;
  #isReading = false;
  #resumeReading: (() => void) | undefined;
  /** Made when {@linkcode closed} is first read: most connections need none. */
  #closing: PromiseWithResolvers<void> | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #reason: ChatError | undefined;

  constructor(socket: Socket, config: ConnectionConfig, clock: Clock) {
    this.#socket = socket;
    try {
      // A write holds everything there is to send: waiting for more (RFC 896) would take up to 40 ms.
      socket.setNoDelay(true);
    } catch {
      // macOS refuses if the peer has hung up already. The next read will fail.
    }
    this.#config = config;
    this.#clock = clock;
    this.openedMs = this.#lastReceivedMs = clock().monotonicMs;
    this.#decoder = new FrameDecoder(config);
  }

  /** The address of ours that the peer reached. */
  get local(): Deno.NetAddr {
    return this.#socket.localAddr;
  }

  get peer(): Deno.NetAddr {
    return this.#socket.remoteAddr;
  }

  /** Monotonic. */
  get lastReceivedMs(): number {
    return this.#lastReceivedMs;
  }

  startHeartbeat(): void {
    this.heartbeat = new Heartbeat(this.#config, this.#clock().monotonicMs);
  }

  get closed(): Promise<void> {
    if (this.#state === "closed") return Promise.resolve();
    this.#closing ??= Promise.withResolvers();
    return this.#closing.promise;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether a {@linkcode read} waits for the peer. If not, the peer waits for us. */
  get isReading(): boolean {
    return this.#isReading;
  }

  get hasFallenBehind(): boolean {
    return this.#source?.hasFallenBehind === true;
  }

  /** What was taken of the stream for writes. */
  get taken(): Taken {
    return this.#source?.taken ?? this.#taken;
  }

  /** Whether the peer has taken nothing of the current write for `pingTimeoutMs`. Then it counts as dead even if it
   * sends data. */
  get isWriteStalled(): boolean {
    return this.#unwritten !== undefined &&
      this.#clock().monotonicMs - this.#lastProgressMs >= this.#config.pingTimeoutMs;
  }

  isFrameOverdue(ms: number): boolean {
    if (!this.isOpen || !this.#isReading) return false;
    return this.#clock().monotonicMs - this.#partialFrameSinceMs >= ms;
  }

  get hasPendingWrite(): boolean {
    if (this.#unwritten || this.#state === "ended" || this.#state === "closed") return false;
    return this.#directQueue.length > 0 || this.#state === "ending" || this.#source?.isAtEnd === false;
  }

  /** Reads once. Returns the decoder with the frames received, or undefined when the peer has ended its side. Nothing
   * is read between calls, so a flood fills the peer's own socket. After {@linkcode end}, input is read and dropped:
   * closing with unread bytes would make the system discard our last frame (RFC 1122, section 4.2.2.13).
   * @throws the reason given to {@linkcode close}, or {@linkcode ConnectionLostError} `broken` if the socket fails */
  read(): Promise<FrameDecoder | undefined> {
    this.#trackPartialFrame();
    this.#isReading = true;
    // 10,000 connections wait here: an async function or a generator would take more memory for each.
    return this.#socket.read(this.#decoder.reserve()).then(this.#onRead, this.#onReadFailed);
  }

  readonly #onRead = (count: number | null): FrameDecoder | undefined | Promise<undefined> => {
    this.#isReading = false;
    if (count === null) return this.#onEnd();
    if (!this.isOpen) return this.#readToEnd().catch(this.#onReadFailed);
    this.#recordReceived();
    this.#decoder.commit(count);
    return this.#decoder;
  };

  readonly #onReadFailed = (cause: unknown): undefined => {
    // A socket that cannot be read cannot be written either, so the last frame is dropped.
    this.close(new ConnectionLostError("broken", {}, { cause }));
    if (this.#reason) throw this.#reason;
    this.#onEnd();
  };

  async #readToEnd(): Promise<undefined> {
    while (await this.#socket.read(this.#decoder.reserve()) !== null) { /* dropped */ }
    this.#onEnd();
  }

  #onEnd(): undefined {
    this.#hasPeerEnded = true;
    if (this.#state === "ended") this.close();
  }

  #trackPartialFrame(): void {
    const { bufferedBytes, frameCount } = this.#decoder;
    const isNewFrame = frameCount !== this.#lastFrameCount || this.#partialFrameSinceMs === Infinity;
    if (bufferedBytes === 0) this.#partialFrameSinceMs = Infinity;
    else if (isNewFrame) this.#partialFrameSinceMs = this.#clock().monotonicMs;
    this.#lastFrameCount = frameCount;
  }

  /** Waits for `ms`, or until {@linkcode resumeReading} or the end of the connection, and extends the peer's deadline
   * by that time. The caller reads nothing meanwhile. */
  async pauseReading(ms: number): Promise<void> {
    if (!this.isOpen) return;
    const untilMs = this.#clock().monotonicMs + ms;
    this.#extendDeadline(ms);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#resumeReading = resolve;
    await promise;
    clearTimeout(timer);
    this.#resumeReading = undefined;
    // A busy process is a little late. One that was suspended for longer must not extend the deadline by it.
    this.#extendDeadline(Math.min(this.#clock().monotonicMs - untilMs, MAX_PAUSE_OVERRUN_MS));
  }

  resumeReading(): void {
    this.#resumeReading?.();
  }

  #extendDeadline(ms: number): void {
    this.#lastReceivedMs += ms;
    this.heartbeat?.extend(ms);
  }

  /** Queues a frame for this peer alone. Closes the connection if too much waits already. */
  send(frame: Uint8Array<ArrayBuffer>): void {
    if (!this.isOpen) return;
    this.#directQueue.push(frame);
    this.#directBytes += frame.length;
    if (this.#directBytes > MAX_SEND_QUEUE_BYTES) {
      this.close(new ConnectionLostError("broken"));
    } else this.onFlushNeeded();
  }

  stream(source: FrameSource): void {
    if (!this.isOpen) return;
    this.#source = source;
    this.onFlushNeeded();
  }

  /** Writes the send queue, the stream up to its current end, then `lastFrame`, and ends our side. Closes when the
   * peer has ended its own, or after `closeTimeoutMs`. */
  end(lastFrame?: Uint8Array<ArrayBuffer>, closeTimeoutMs = this.#config.closeTimeoutMs): void {
    if (!this.isOpen) return;
    this.#state = "ending";
    this.#resumeReading?.();
    this.#lastFrame = lastFrame;
    if (this.#source?.hasFallenBehind) this.#dropSource();
    // Without this bound, the last frame would never be written in a busy room.
    this.#streamEndSeq = this.#source?.head ?? 0;
    this.#closeTimer = setTimeout(() => this.close(), closeTimeoutMs);
    this.onFlushNeeded();
  }

  /** Closes at once. {@linkcode read} then throws `reason`, or returns undefined without one. */
  close(reason?: ChatError): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#resumeReading?.();
    this.#reason = reason;
    this.#dropSource();
    clearTimeout(this.#closeTimer);
    this.#socket.close();
    this.#closing?.resolve();
  }

  #dropSource(): void {
    this.#taken = this.taken;
    this.#source = undefined;
  }

  /** Issues one write, or ends our side if everything is written. Returns whether a write was issued: then the cycle's
   * `writeDone` is called once the socket has taken all bytes, or some of them and is full. A write that fails closes
   * the connection. */
  flush({ nowMs, writeDone }: FlushCycle): boolean {
    if (!this.hasPendingWrite) return false;
    const bytes = this.#take();
    if (bytes) {
      this.#writeDone = writeDone;
      this.#write(bytes, nowMs);
      return true;
    }
    this.#state = "ended";
    if (this.#hasPeerEnded) {
      this.close();
      return false;
    }
    // Rejects if the peer is gone. Then the pending read fails, too.
    this.#socket.closeWrite().catch(doNothing);
    return false;
  }

  #take(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#directQueue.length > 0) return this.#takeDirect();
    const slice = this.#source && this.#source.seq < this.#streamEndSeq ? this.#source.take() : undefined;
    if (slice || this.#state === "open") return slice;
    const lastFrame = this.#lastFrame;
    this.#lastFrame = undefined;
    return lastFrame;
  }

  /** Up to the first long frame. A long frame goes alone and uncopied: it may be shared memory. */
  #takeDirect(): Uint8Array<ArrayBuffer> {
    const index = this.#directQueue.findIndex(({ length }) => length > MAX_COALESCE_BYTES);
    const count = index < 0 ? this.#directQueue.length : Math.max(index, 1);
    const frames = this.#directQueue.splice(0, count);
    const bytes = frames.length === 1 ? frames[0]! : concat(frames);
    this.#directBytes -= bytes.length;
    return bytes;
  }

  #write(bytes: Uint8Array<ArrayBuffer>, nowMs: number): void {
    this.#lastProgressMs = nowMs;
    this.#unwritten = bytes;
    // The callbacks are made once for each connection: a server does nothing more often than write.
    this.#socket.write(bytes).then(this.#onWritten, this.#onWriteFailed);
  }

  readonly #onWritten = (count: number) => {
    const bytes = this.#unwritten!;
    this.#unwritten = undefined;
    if (count < bytes.length) this.#write(bytes.subarray(count), this.#clock().monotonicMs);
    else if (this.hasPendingWrite) this.onFlushNeeded();
    this.#leaveFlushCycle();
  };

  readonly #onWriteFailed = (cause: unknown) => {
    this.close(new ConnectionLostError("broken", {}, { cause }));
    this.#unwritten = undefined;
    this.#leaveFlushCycle();
  };

  #leaveFlushCycle(): void {
    this.#writeDone?.();
    this.#writeDone = undefined;
  }

  /** Breaks the connection after a suspension of the process. The bytes buffered meanwhile are stale: a PING among them
   * would make the client think it is caught up (found by the simulator). */
  #recordReceived(): void {
    const nowMs = this.#clock().monotonicMs;
    if (nowMs - this.#lastReceivedMs >= this.#config.pingTimeoutMs) throw new ConnectionLostError("broken");
    this.#lastReceivedMs = nowMs;
    this.heartbeat?.onData(nowMs);
  }
}

function doNothing(): void {}
