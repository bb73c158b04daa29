// What a client has sent: pending until it is read back from a server's log, then recent for as long as that
// server may still die with it. Pure: monotonic times in ms come in as parameters.

import { type MessageBody, type MessageOptions, RETAIN_ACKED_MS, type Say } from "../protocol/frames.ts";

/** Most messages kept, pending and recent together. */
export const MAX_OUTBOX_MESSAGES = 256;
/** Most bytes of text kept, in UTF-8, pending and recent together. */
export const MAX_OUTBOX_BYTES = 1_048_576;

/** Limits of an outbox. */
export interface OutboxOptions {
  readonly recentMs?: number;
  readonly maxMessages?: number;
  readonly maxBytes?: number;
}

interface OutboxEntry {
  readonly clientSeq: number;
  readonly content: MessageBody;
  readonly bytes: number;
  /** Given by the first server that accepted it, ms since 1970 UTC; 0 until then. */
  timeMs: number;
  /** Since when the server has it, as the client knows; undefined while pending. */
  ackedAtMs: number | undefined;
}

/** The messages of one session, numbered from 1. */
export class Outbox {
  readonly #recentMs: number;
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  /** By ascending `n`. */
  #kept: OutboxEntry[] = [];
  #lastClientSeq = 0;
  /** Whether what is recent rests on the server that the client is on. */
  #isConnected = false;

  constructor(
    { recentMs = RETAIN_ACKED_MS, maxMessages = MAX_OUTBOX_MESSAGES, maxBytes = MAX_OUTBOX_BYTES }:
      OutboxOptions = {},
  ) {
    this.#recentMs = recentMs;
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  /** What no server is known to have, in the order in which it was given. */
  get unacked(): MessageBody[] {
    return this.#unacked().map(({ content }) => content);
  }

  /** `n` of the last message, 0 if there was none. */
  get lastClientSeq(): number {
    return this.#lastClientSeq;
  }

  /** Whether pending messages take all the room there is: nothing may be added until some are read back. */
  get isFull(): boolean {
    const unacked = this.#unacked();
    return unacked.length >= this.#maxMessages || totalBytes(unacked) >= this.#maxBytes;
  }

  /** A new pending message. */
  add(text: string, manner: MessageOptions = {}): Say {
    const content = { text, ...manner };
    const bytes = new TextEncoder().encode(text).length;
    const message = { clientSeq: ++this.#lastClientSeq, content, bytes, timeMs: 0, ackedAtMs: undefined };
    this.#kept.push(message);
    this.#evictAcked();
    return toSayFrame(message);
  }

  /** The session's own message `n` was read back from the log of the server it is on: that server has it and
   * all before it. */
  onEcho({ clientSeq, timeMs }: { clientSeq: number; timeMs: number }, nowMs: number): void {
    for (const message of this.#kept) {
      if (message.clientSeq > clientSeq) break;
      if (message.clientSeq === clientSeq) {
        message.timeMs ||= timeMs;
        message.ackedAtMs = nowMs;
      }
      message.ackedAtMs ??= nowMs;
    }
    this.#expireAcked(nowMs);
  }

  /** A server welcomed the client: what it has is recent from now on, all else is pending again. Returns what
   * to send to it, in order, before anything new. */
  onWelcome(lastClientSeq: number, nowMs: number): Say[] {
    this.#isConnected = true;
    for (const message of this.#kept) {
      message.ackedAtMs = message.clientSeq <= lastClientSeq ? nowMs : undefined;
    }
    return this.#unacked().map(toSayFrame);
  }

  /** The connection was lost. What is kept now stays until the next welcome, however long that takes and
   * however many connections are lost before it: a message ages only while it rests on a server that lives. */
  onDisconnect(nowMs: number): void {
    if (this.#isConnected) this.#expireAcked(nowMs);
    this.#isConnected = false;
  }

  #unacked(): OutboxEntry[] {
    return this.#kept.filter(({ ackedAtMs }) => ackedAtMs === undefined);
  }

  #expireAcked(nowMs: number): void {
    this.#kept = this.#kept.filter(({ ackedAtMs = nowMs }) => nowMs - ackedAtMs <= this.#recentMs);
  }

  /** Lets the oldest recent messages go while there are too many. */
  #evictAcked(): void {
    let bytes = totalBytes(this.#kept);
    while (this.#kept.length > this.#maxMessages || bytes > this.#maxBytes) {
      const oldest = this.#kept.findIndex(({ ackedAtMs }) => ackedAtMs !== undefined);
      if (oldest < 0) return;
      bytes -= this.#kept.splice(oldest, 1)[0]!.bytes;
    }
  }
}

function totalBytes(messages: readonly OutboxEntry[]): number {
  return messages.reduce((sum, { bytes }) => sum + bytes, 0);
}

function toSayFrame({ clientSeq, timeMs, content }: OutboxEntry): Say {
  return { type: "say", clientSeq, timeMs, ...content };
}
