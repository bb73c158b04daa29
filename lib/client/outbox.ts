// The client's own messages: unacked until their echo, then retained for as long as the server could still crash with
// them. Monotonic times in ms come in as parameters.

import type { MessageBody, MessageOptions, Say } from "../protocol/frames.ts";

/** Unacked and retained messages together. */
export const MAX_OUTBOX_MESSAGES = 256;
/** Their text in UTF-8. */
export const MAX_OUTBOX_BYTES = 1_048_576;

export interface OutboxConfig {
  readonly retainAckedMs: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
}

interface OutboxEntry {
  readonly clientSeq: number;
  readonly body: MessageBody;
  readonly bytes: number;
  /** When the first server accepted it, ms since 1970 UTC; 0 until its echo. */
  timeMs: number;
  /** When the client learned that its current server has it, monotonic; undefined while unacked. */
  ackedAtMs: number | undefined;
}

/** Numbers the messages of one session from 1. */
export class Outbox {
  readonly #config: OutboxConfig;
  /** By ascending `clientSeq`. */
  #entries: OutboxEntry[] = [];
  #lastClientSeq = 0;
  #isConnected = false;

  constructor(config: OutboxConfig) {
    this.#config = config;
  }

  get unacked(): MessageBody[] {
    return this.#unacked().map(({ body }) => body);
  }

  /** 0 before the first message. */
  get lastClientSeq(): number {
    return this.#lastClientSeq;
  }

  /** While true, nothing may be added. Without a server, acked messages are needed too: the next one may lack them. */
  get isFull(): boolean {
    const needed = this.#isConnected ? this.#unacked() : this.#entries;
    return needed.length >= this.#config.maxMessages || totalBytes(needed) >= this.#config.maxBytes;
  }

  add(text: string, options: MessageOptions = {}): Say {
    const entry = {
      clientSeq: ++this.#lastClientSeq,
      body: { text, ...options },
      bytes: new TextEncoder().encode(text).length,
      timeMs: 0,
      ackedAtMs: undefined,
    };
    this.#entries.push(entry);
    this.#evictAcked();
    return toSayFrame(entry);
  }

  /** A message of this session came back in the server's log: the server has it and all before it. */
  onEcho({ clientSeq, timeMs }: { clientSeq: number; timeMs: number }, nowMs: number): void {
    for (const entry of this.#entries) {
      if (entry.clientSeq > clientSeq) break;
      if (entry.clientSeq === clientSeq) {
        entry.timeMs ||= timeMs;
        entry.ackedAtMs = nowMs;
      }
      entry.ackedAtMs ??= nowMs;
    }
    this.#expireAcked(nowMs);
  }

  /** Messages up to `lastClientSeq` are acked, all others are unacked again. Returns those, to be sent in order before
   * anything new. */
  onWelcome(lastClientSeq: number, nowMs: number): Say[] {
    this.#isConnected = true;
    for (const entry of this.#entries) {
      entry.ackedAtMs = entry.clientSeq <= lastClientSeq ? nowMs : undefined;
    }
    return this.#unacked().map(toSayFrame);
  }

  /** Stops the ageing of acked messages until the next welcome: they age only while a live server has them. */
  onDisconnect(nowMs: number): void {
    if (this.#isConnected) this.#expireAcked(nowMs);
    this.#isConnected = false;
  }

  #unacked(): OutboxEntry[] {
    return this.#entries.filter(({ ackedAtMs }) => ackedAtMs === undefined);
  }

  #expireAcked(nowMs: number): void {
    this.#entries = this.#entries.filter(({ ackedAtMs = nowMs }) =>
      nowMs - ackedAtMs <= this.#config.retainAckedMs
    );
  }

  #evictAcked(): void {
    let bytes = totalBytes(this.#entries);
    while (this.#entries.length > this.#config.maxMessages || bytes > this.#config.maxBytes) {
      const oldest = this.#entries.findIndex(({ ackedAtMs }) => ackedAtMs !== undefined);
      if (oldest < 0) return;
      bytes -= this.#entries.splice(oldest, 1)[0]!.bytes;
    }
  }
}

function totalBytes(entries: readonly OutboxEntry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0);
}

function toSayFrame({ clientSeq, timeMs, body }: OutboxEntry): Say {
  return { type: "say", clientSeq, timeMs, ...body };
}
