// What a client has sent: pending until it is read back from a server's log, then recent for as long as that
// server may still die with it. Pure: monotonic times in ms come in as parameters.

import { type MessageBody, type MessageOptions, RETAIN_ACKED_MS, type Say } from "./protocol.ts";

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
  recentSinceMs: number | undefined;
}

/** The messages of one session, numbered from 1. */
export class Outbox {
  readonly #recentMs: number;
  readonly #maxMessages: number;
  readonly #maxBytes: number;
  /** By ascending `n`. */
  #kept: OutboxEntry[] = [];
  #lastN = 0;
  /** Whether what is recent rests on the server that the client is on. */
  #isOnServer = false;

  constructor(
    { recentMs = RETAIN_ACKED_MS, maxMessages = MAX_OUTBOX_MESSAGES, maxBytes = MAX_OUTBOX_BYTES }:
      OutboxOptions = {},
  ) {
    this.#recentMs = recentMs;
    this.#maxMessages = maxMessages;
    this.#maxBytes = maxBytes;
  }

  /** What no server is known to have, in the order in which it was given. */
  get pending(): MessageBody[] {
    return this.#pending().map(({ content }) => content);
  }

  /** `n` of the last message, 0 if there was none. */
  get lastN(): number {
    return this.#lastN;
  }

  /** Whether pending messages take all the room there is: nothing may be added until some are read back. */
  get isFull(): boolean {
    const pending = this.#pending();
    return pending.length >= this.#maxMessages || totalBytes(pending) >= this.#maxBytes;
  }

  /** A new pending message. */
  add(text: string, manner: MessageOptions = {}): Say {
    const content = { text, ...manner };
    const bytes = new TextEncoder().encode(text).length;
    const message = { clientSeq: ++this.#lastN, content, bytes, timeMs: 0, recentSinceMs: undefined };
    this.#kept.push(message);
    this.#makeRoom();
    return toSay(message);
  }

  /** The session's own message `n` was read back from the log of the server it is on: that server has it and
   * all before it. */
  readBack({ clientSeq, timeMs }: { clientSeq: number; timeMs: number }, nowMs: number): void {
    for (const message of this.#kept) {
      if (message.clientSeq > clientSeq) break;
      if (message.clientSeq === clientSeq) {
        message.timeMs ||= timeMs;
        message.recentSinceMs = nowMs;
      }
      message.recentSinceMs ??= nowMs;
    }
    this.#forgetOld(nowMs);
  }

  /** A server welcomed the client: what it has is recent from now on, all else is pending again. Returns what
   * to send to it, in order, before anything new. */
  welcomed(lastClientSeq: number, nowMs: number): Say[] {
    this.#isOnServer = true;
    for (const message of this.#kept) {
      message.recentSinceMs = message.clientSeq <= lastClientSeq ? nowMs : undefined;
    }
    return this.#pending().map(toSay);
  }

  /** The connection was lost. What is kept now stays until the next welcome, however long that takes and
   * however many connections are lost before it: a message ages only while it rests on a server that lives. */
  lost(nowMs: number): void {
    if (this.#isOnServer) this.#forgetOld(nowMs);
    this.#isOnServer = false;
  }

  #pending(): OutboxEntry[] {
    return this.#kept.filter(({ recentSinceMs }) => recentSinceMs === undefined);
  }

  #forgetOld(nowMs: number): void {
    this.#kept = this.#kept.filter(({ recentSinceMs = nowMs }) => nowMs - recentSinceMs <= this.#recentMs);
  }

  /** Lets the oldest recent messages go while there are too many. */
  #makeRoom(): void {
    let bytes = totalBytes(this.#kept);
    while (this.#kept.length > this.#maxMessages || bytes > this.#maxBytes) {
      const oldest = this.#kept.findIndex(({ recentSinceMs }) => recentSinceMs !== undefined);
      if (oldest < 0) return;
      bytes -= this.#kept.splice(oldest, 1)[0]!.bytes;
    }
  }
}

function totalBytes(messages: readonly OutboxEntry[]): number {
  return messages.reduce((sum, { bytes }) => sum + bytes, 0);
}

function toSay({ clientSeq, timeMs, content }: OutboxEntry): Say {
  return { type: "say", clientSeq, timeMs, ...content };
}
