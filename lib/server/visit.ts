// One connection as the server sees it: who speaks through it, and what it may say, in which order, how fast.
// Knows nothing of the room.

import type { Instant } from "../base/time.ts";
import type { FrameDecoder } from "../codec.ts";
import type { Connection } from "../net/connection.ts";
import { ProtocolError } from "../errors.ts";
import type { ConnectionLimiter } from "./connection_limiter.ts";
import type { Member } from "../room/state.ts";
import { type ClientMessage, decodeClient, type Say } from "../protocol/frames.ts";
import { type RateLimit, TokenBucket } from "../base/limits.ts";

/** What a client may say at once, and then, in frames. */
export const MESSAGE_RATE: RateLimit = { burst: 20, perSecond: 5 };

/** What a visit needs. */
interface VisitOptions {
  /** The visitor's IP address. */
  readonly address: string;
  readonly limiter: ConnectionLimiter;
  readonly messages?: RateLimit;
  readonly nowMs: number;
}

/** One connection, from its first byte to its last. */
export class Visit {
  readonly connection: Connection;
  /** IP address. */
  readonly address: string;
  /** Present once they are in. */
  member: Member | undefined;
  /** What counts it: the gate, or the anteroom while there is no room for it. */
  countedBy: ConnectionLimiter | undefined;
  /** Why there is no room for one more connection: this one is for whoever is in through another, until it has said
   * who it is. */
  overLimit: ProtocolError | undefined;
  readonly #limiter: ConnectionLimiter;
  readonly #messages: TokenBucket;
  /** `n` of the last message. */
  #lastClientSeq = 0;

  constructor(connection: Connection, { address, limiter, messages = MESSAGE_RATE, nowMs }: VisitOptions) {
    this.connection = connection;
    this.address = address;
    this.#limiter = limiter;
    this.#messages = new TokenBucket(messages, nowMs);
  }

  /** The next message, or undefined if none has come, or none may be said now: see {@linkcode waitMs}.
   * @throws {ProtocolError} about the frame, or `counter-backwards` */
  next(frames: FrameDecoder, { monotonicMs }: Instant): ClientMessage | undefined {
    if (!this.connection.isOpen || this.#messages.waitMs(monotonicMs) > 0) return undefined;
    const frame = frames.next();
    if (!frame) return undefined;
    const message = decodeClient(frame);
    if (message.type === "say" && this.member) this.#checkClientSeq(message);
    if (!this.#isRedelivery(message, monotonicMs)) this.#messages.take(monotonicMs);
    return message;
  }

  /** How long until something may be said, in ms. */
  waitMs({ monotonicMs }: Instant): number {
    return this.connection.isOpen ? this.#messages.waitMs(monotonicMs) : 0;
  }

  #checkClientSeq({ clientSeq }: Say): void {
    if (clientSeq <= this.#lastClientSeq) {
      throw new ProtocolError("counter-backwards", { clientSeq, last: this.#lastClientSeq });
    }
    this.#lastClientSeq = clientSeq;
  }

  /** What another server had taken, and is said again because that one fell, does not wait a second time. */
  #isRedelivery(message: ClientMessage, monotonicMs: number): boolean {
    if (!this.member || message.type !== "say" || message.timeMs === 0) return false;
    return this.#limiter.takeRedelivery(this.address, monotonicMs);
  }
}
