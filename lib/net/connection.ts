// A connection of TCP or TLS <-> frames: what it receives, what waits to be written to it, and how it ends.
// Knows nothing of what frames mean.

import { concat } from "@std/bytes/concat";
import { FrameDecoder } from "../codec.ts";
import { type ChatError, ConnectionLostError } from "../errors.ts";
import { Heartbeat, type HeartbeatOptions } from "./heartbeat.ts";
import type { Socket } from "./tls_socket.ts";

/** Most bytes of answers that may wait for a peer that does not read them: a full outbox fits, frames and all. */
export const MAX_SEND_QUEUE_BYTES = 2_097_152;
/** Longest answer that is copied to go out together with others, in bytes. */
const MAX_COALESCE_BYTES = 4_096;
/** How long a peer may take to end its side of a connection once we have ended ours. */
export const CLOSE_TIMEOUT_MS = 1_000;

/** How late the end of a hold may be and still be excused, in ms. */
const MAX_PAUSE_OVERRUN_MS = 1_000;

/** A stream of frames that a connection writes from, such as a cursor into the room's log. */
interface FrameSource {
  /** Removes and returns the next frames, shared memory that must not be changed; undefined at the end. */
  take(): Uint8Array<ArrayBuffer> | undefined;
  /** Sequence number of the next frame. */
  readonly seq: number;
  /** Sequence number of the frame that will be appended next. */
  readonly head: number;
  readonly isAtEnd: boolean;
  /** Whether the next frame is no longer retained. */
  readonly hasFallenBehind: boolean;
}

/** What a connection needs from its surroundings. */
export interface ConnectionOptions {
  /** Longest frame that is taken, in bytes after the length. */
  readonly maxFrameBytes: number;
  readonly heartbeat: Required<HeartbeatOptions>;
  /** Monotonic clock, in ms. */
  readonly nowMs: () => number;
  /** Called when {@linkcode Connection.flush} has something to do again. */
  readonly onFlushNeeded: () => void;
}

/** A round of writes, as one of them sees it. */
export interface FlushCycle {
  /** When it began, on the clock of the connections. */
  readonly nowMs: number;
  /** To be called once for each write. */
  readonly writeDone: () => void;
}

/** One connection. Answers from {@linkcode Connection.send} go out between two frames of the log, which goes
 * out from the cursor of {@linkcode Connection.follow} on; both have gone out before the farewell of
 * {@linkcode Connection.finish}. */
export class Connection {
  /** Present once the two sides have greeted each other: before, deadlines of their own hold. */
  heartbeat: Heartbeat | undefined;
  /** When it was made, on the clock of the connection. */
  readonly openedMs: number;
  readonly #conn: Socket;
  readonly #decoder: FrameDecoder;
  readonly #options: ConnectionOptions;
  #state: "open" | "finishing" | "finished" | "closed" = "open";
  #directQueue: Uint8Array<ArrayBuffer>[] = [];
  #directBytes = 0;
  #source: FrameSource | undefined;
  /** Up to where the log goes out. */
  #streamEndSeq = Infinity;
  #lastFrame: Uint8Array<ArrayBuffer> | undefined;
  #isWriting = false;
  /** What the write that is under way was given. */
  #unwritten: Uint8Array<ArrayBuffer> | undefined;
  /** Tells the round that the write is no longer its concern; once for each write. */
  #writeDone: (() => void) | undefined;
  /** When the peer last took something of the write that is under way. */
  #lastProgressMs = 0;
  #hasPeerEnded = false;
  #lastReceivedMs: number;
  /** Since when the beginning of a frame waits for the rest of it. */
  #partialFrameSinceMs: number | undefined;
  /** How many frames had come when it was last read. */
  #lastFrameCount = 0;
  #isReading = false;
  #resumeReading: (() => void) | undefined;
  /** For those who wait until it is closed: next to nobody does. */
  #closing: PromiseWithResolvers<void> | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #reason: ChatError | undefined;

  constructor(conn: Socket, options: ConnectionOptions) {
    this.#conn = conn;
    try {
      // A write is all that there is to say: TCP must not wait for more (RFC 896), which takes up to 40 ms.
      conn.setNoDelay(true);
    } catch {
      // macOS refuses where the peer has hung up already; whoever reads finds out.
    }
    this.#options = options;
    this.openedMs = this.#lastReceivedMs = options.nowMs();
    this.#decoder = new FrameDecoder(options);
  }

  /** The peer's IP address and port. */
  get peer(): Deno.NetAddr {
    return this.#conn.remoteAddr;
  }

  /** When something last came from the peer, on the clock of the connection. */
  get lastReceivedMs(): number {
    return this.#lastReceivedMs;
  }

  /** The two sides have greeted each other: from now on the peer must show that it is there. */
  startHeartbeat(): void {
    this.heartbeat = new Heartbeat(this.#options.nowMs(), this.#options.heartbeat);
  }

  /** Fulfilled when the connection is closed, by whoever. */
  get closed(): Promise<void> {
    if (this.#state === "closed") return Promise.resolve();
    this.#closing ??= Promise.withResolvers();
    return this.#closing.promise;
  }

  /** Whether anything said to the peer may still reach it. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether somebody waits for the peer to say something, or more of it: otherwise it waits for us. */
  get isReading(): boolean {
    return this.#isReading;
  }

  /** Whether the peer has fallen so far behind that the log no longer holds what it needs next. */
  get hasFallenBehind(): boolean {
    return this.#source?.hasFallenBehind === true;
  }

  /** Whether the peer has taken nothing of a write for as long as makes it dead, be it heard or not. */
  get isWriteStalled(): boolean {
    return this.#isWriting &&
      this.#options.nowMs() - this.#lastProgressMs >= this.#options.heartbeat.pingTimeoutMs;
  }

  /** Whether a frame has begun to arrive and not ended for as long as this, in ms. */
  isFrameOverdue(ms: number): boolean {
    if (!this.isOpen || !this.#isReading) return false;
    return this.#options.nowMs() - (this.#partialFrameSinceMs ?? Infinity) >= ms;
  }

  /** Whether {@linkcode flush} would do something. */
  get hasPendingWrite(): boolean {
    if (this.#isWriting || this.#state === "finished" || this.#state === "closed") return false;
    return this.#directQueue.length > 0 || this.#state === "finishing" || this.#source?.isAtEnd === false;
  }

  /** The decoder that holds the frames that come next, or undefined when the peer has nothing more to say. Nothing
   * is read until it is asked for: who floods us fills its own socket. What comes after {@linkcode finish} is read
   * and forgotten: closing with bytes unread would make the system cut off the farewell on its way (RFC 1122,
   * section 4.2.2.13).
   * @throws what {@linkcode close} was given, else {@linkcode ConnectionLostError} `broken` */
  read(): Promise<FrameDecoder | undefined> {
    this.#trackPartialFrame();
    this.#isReading = true;
    // Ten thousand wait here at a time: an async function, or a generator, would take more memory for each.
    return this.#conn.read(this.#decoder.reserve()).then(this.#onRead, this.#onReadFailed);
  }

  readonly #onRead = (count: number | null): FrameDecoder | undefined | Promise<undefined> => {
    this.#isReading = false; // while the consumer is busy, nobody waits for the peer
    if (count === null) return this.#onEnd();
    if (!this.isOpen) return this.#readToEnd().catch(this.#onReadFailed);
    this.#recordReceived();
    this.#decoder.commit(count);
    return this.#decoder;
  };

  readonly #onReadFailed = (cause: unknown): undefined => {
    // What cannot be read from cannot be written to either: no farewell is to be waited for.
    this.close(new ConnectionLostError("broken", {}, { cause }));
    if (this.#reason) throw this.#reason;
    this.#onEnd();
  };

  async #readToEnd(): Promise<undefined> {
    while (await this.#conn.read(this.#decoder.reserve()) !== null) { /* forgotten */ }
    this.#onEnd();
  }

  #onEnd(): undefined {
    this.#hasPeerEnded = true;
    if (this.#state === "finished") this.close();
  }

  /** A frame that begins to arrive has its time from now on; one that still arrives has what is left of it. */
  #trackPartialFrame(): void {
    const { bufferedBytes, frameCount } = this.#decoder;
    if (bufferedBytes === 0) this.#partialFrameSinceMs = undefined;
    else if (frameCount !== this.#lastFrameCount) this.#partialFrameSinceMs = this.#options.nowMs();
    else this.#partialFrameSinceMs ??= this.#options.nowMs();
    this.#lastFrameCount = frameCount;
  }

  /** Keeps a consumer of {@linkcode read} from going on for a while, or until {@linkcode resume} or the
   * connection's end: what the peer has to say waits in its socket, and its silence is excused. */
  async pauseReading(ms: number): Promise<void> {
    if (!this.isOpen) return;
    const untilMs = this.#options.nowMs() + ms;
    this.#extendDeadline(ms);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#resumeReading = resolve;
    await promise;
    clearTimeout(timer);
    this.#resumeReading = undefined;
    // A busy process is late; one that was stopped for longer has other things to find out.
    this.#extendDeadline(Math.min(this.#options.nowMs() - untilMs, MAX_PAUSE_OVERRUN_MS));
  }

  /** Ends a {@linkcode hold} if there is one. */
  resumeReading(): void {
    this.#resumeReading?.();
  }

  #extendDeadline(ms: number): void {
    this.#lastReceivedMs += ms;
    this.heartbeat?.extend(ms);
  }

  /** Says something to this peer alone, with the next write. */
  send(frame: Uint8Array<ArrayBuffer>): void {
    if (!this.isOpen) return;
    this.#directQueue.push(frame);
    this.#directBytes += frame.length;
    if (this.#directBytes > MAX_SEND_QUEUE_BYTES) {
      this.close(new ConnectionLostError("broken"));
    } else this.#options.onFlushNeeded();
  }

  /** Writes the log from this cursor on, now and whenever it grows. */
  stream(source: FrameSource): void {
    if (!this.isOpen) return;
    this.#source = source;
    this.#options.onFlushNeeded();
  }

  /** Writes what waits and what the log holds by now, then `farewell`, then ends our side; closes when the peer
   * has ended its own, or after `closeTimeoutMs`. */
  end(
    lastFrame?: Uint8Array<ArrayBuffer>,
    { closeTimeoutMs = CLOSE_TIMEOUT_MS }: { closeTimeoutMs?: number } = {},
  ): void {
    if (!this.isOpen) return;
    this.#state = "finishing";
    this.#resumeReading?.();
    this.#lastFrame = lastFrame;
    if (this.#source?.hasFallenBehind) this.#source = undefined;
    // Where the log ends now: in a busy room it never ends, and the farewell would never come.
    this.#streamEndSeq = this.#source?.head ?? 0;
    this.#closeTimer = setTimeout(() => this.close(), closeTimeoutMs);
    this.#options.onFlushNeeded();
  }

  /** Ends the connection at once. {@linkcode read} throws `reason`, or gives nothing if there is none. */
  close(reason?: ChatError): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#resumeReading?.();
    this.#reason = reason;
    this.#source = undefined;
    clearTimeout(this.#closeTimer);
    this.#conn.close();
    this.#closing?.resolve();
  }

  /** Issues one write of what waits, or ends our side if all is written. Returns whether a write is under way:
   * then the round's `settle` is called once the socket has taken the bytes, or is full and takes the rest in its
   * own time. A write that fails closes the connection. */
  flush({ nowMs, writeDone }: FlushCycle): boolean {
    if (!this.hasPendingWrite) return false;
    const bytes = this.#take();
    if (bytes) {
      this.#isWriting = true;
      this.#writeDone = writeDone;
      this.#write(bytes, nowMs);
      return true;
    }
    this.#state = "finished";
    if (this.#hasPeerEnded) {
      this.close();
      return false;
    }
    // A peer that is gone already makes this reject: the reading side finds out by itself.
    this.#conn.closeWrite().catch(() => {});
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

  /** All answers, or those up to a long one, which goes alone: it may be memory that others read as well. */
  #takeDirect(): Uint8Array<ArrayBuffer> {
    const index = this.#directQueue.findIndex(({ length }) => length > MAX_COALESCE_BYTES);
    const count = index < 0 ? this.#directQueue.length : Math.max(index, 1);
    const answers = this.#directQueue.splice(0, count);
    const bytes = answers.length === 1 ? answers[0]! : concat(answers);
    this.#directBytes -= bytes.length;
    return bytes;
  }

  #write(bytes: Uint8Array<ArrayBuffer>, nowMs: number): void {
    this.#lastProgressMs = nowMs;
    this.#unwritten = bytes;
    // Made once for each connection: a server writes more often than it does anything else.
    this.#conn.write(bytes).then(this.#onWritten, this.#onWriteFailed);
  }

  readonly #onWritten = (count: number) => {
    const bytes = this.#unwritten!;
    if (count < bytes.length) this.#write(bytes.subarray(count), this.#options.nowMs());
    else this.#endWrite();
    this.#leaveFlushCycle();
  };

  readonly #onWriteFailed = (cause: unknown) => {
    this.close(new ConnectionLostError("broken", {}, { cause }));
    this.#endWrite();
    this.#leaveFlushCycle();
  };

  #endWrite(): void {
    this.#isWriting = false;
    this.#unwritten = undefined;
    if (this.hasPendingWrite) this.#options.onFlushNeeded();
  }

  #leaveFlushCycle(): void {
    this.#writeDone?.();
    this.#writeDone = undefined;
  }

  /** What lay in the socket while this process was stopped, or this machine slept, says nothing of now: a
   * client that believed it would think that it lacks nothing (found by the simulator). */
  #recordReceived(): void {
    const nowMs = this.#options.nowMs();
    if (nowMs - this.#lastReceivedMs >= this.#options.heartbeat.pingTimeoutMs) {
      throw new ConnectionLostError("broken");
    }
    this.#lastReceivedMs = nowMs;
    this.heartbeat?.onData(nowMs);
  }
}
