// The client without sockets: HELLO, resending and deduplication. The simulator drives it: monotonic times in ms and the
// resume token come in as parameters.

import { ProtocolError } from "../errors.ts";
import { type Delivery, ReadTracker } from "./read_tracker.ts";
import { Outbox, type OutboxConfig } from "./outbox.ts";
import {
  type Hello,
  type LogEntry,
  type MessageBody,
  type MessageOptions,
  PROTOCOL_VERSION,
  type Say,
  type ServerPing,
  sessionIdOf,
  type WelcomeHeader,
} from "../protocol/frames.ts";

export interface SessionStateConfig {
  readonly historyCount: number;
  readonly outbox: OutboxConfig;
  readonly readTracker: { readonly maxSessions: number };
}

/** Outlives connections and servers. */
export class SessionState {
  readonly sessionId: bigint;
  readonly #resumeToken: Uint8Array;
  readonly #historyCount: number;
  readonly #outbox: Outbox;
  readonly #tracker: ReadTracker;

  /** `resumeToken`: 16 random bytes, secret. */
  constructor(resumeToken: Uint8Array, { historyCount, outbox, readTracker }: SessionStateConfig) {
    this.sessionId = sessionIdOf(resumeToken);
    this.#resumeToken = resumeToken;
    this.#historyCount = historyCount;
    this.#outbox = new Outbox(outbox);
    this.#tracker = new ReadTracker(readTracker);
  }

  get unacked(): MessageBody[] {
    return this.#outbox.unacked;
  }

  get isFull(): boolean {
    return this.#outbox.isFull;
  }

  /** See {@linkcode ReadTracker.isReadingPast}. */
  get isReadingPast(): boolean {
    return this.#tracker.isReadingPast;
  }

  hello(nick: string, nowMs: number, password = ""): Hello {
    return {
      type: "hello",
      version: PROTOCOL_VERSION,
      resumeToken: this.#resumeToken,
      nick,
      password,
      ...this.#tracker.resumeInfo(nowMs),
      historyCount: this.#historyCount,
    };
  }

  /** Returns the messages to send before anything new, and what {@linkcode ReadTracker.onWelcome} tells.
   * @throws {ProtocolError} `frame-malformed`, if the WELCOME contradicts what the client knows */
  onWelcome(
    welcome: WelcomeHeader,
    nowMs: number,
  ): ReturnType<ReadTracker["onWelcome"]> & { resend: Say[] } {
    const { sessionId, lastClientSeq, startSeq, head } = welcome;
    if (sessionId !== this.sessionId) throw protocolViolation("WELCOME is for another session");
    if (lastClientSeq > this.#outbox.lastClientSeq) {
      throw protocolViolation(`message ${lastClientSeq} was never sent`);
    }
    if (startSeq > head) {
      throw protocolViolation(`the log would go on at ${startSeq}, beyond its end at ${head}`);
    }
    const read = this.#tracker.onWelcome(welcome, nowMs);
    return { resend: this.#outbox.onWelcome(welcome.lastClientSeq, nowMs), ...read };
  }

  /** Returns the frame to send if the client has joined; otherwise {@linkcode onWelcome} will return it. */
  say(text: string, options?: MessageOptions): Say {
    return this.#outbox.add(text, options);
  }

  /** @throws {ProtocolError} `frame-malformed`, if the entry is not the next one, or acks a message never sent */
  onEntry(entry: LogEntry, nowMs: number): Delivery {
    const { nextSeq } = this.#tracker;
    if (entry.seq !== nextSeq) {
      throw protocolViolation(`entry ${entry.seq} of the log came instead of ${nextSeq}`);
    }
    if (entry.type === "said" && entry.sessionId === this.sessionId) {
      if (entry.clientSeq > this.#outbox.lastClientSeq) {
        throw protocolViolation(`message ${entry.clientSeq} was never sent`);
      }
      this.#outbox.onEcho(entry, nowMs);
    }
    return this.#tracker.onEntry(entry);
  }

  onPing({ head }: ServerPing, nowMs: number): void {
    this.#tracker.onPing(head, nowMs);
  }

  onDisconnect(lastReceivedMs: number, nowMs: number): void {
    this.#outbox.onDisconnect(lastReceivedMs);
    this.#tracker.onDisconnect(lastReceivedMs, nowMs);
  }
}

function protocolViolation(why: string): ProtocolError {
  return new ProtocolError("frame-malformed", { why });
}
