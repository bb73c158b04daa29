// The client without sockets: what it says in HELLO, what it sends, what of all that it reads is to be shown.
// Pure, so that a simulator can drive it: monotonic times in ms and the token come in as parameters.

import { ProtocolError } from "../errors.ts";
import { type Delivery, ReadTracker } from "./read_tracker.ts";
import { Outbox, type OutboxOptions } from "./outbox.ts";
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

/** Messages of history that a newcomer asks for. */
const DEFAULT_HISTORY = 50;

/** Settings of a mailbox. */
export interface SessionStateOptions {
  /** 16 secret random bytes. */
  readonly resumeToken: Uint8Array;
  readonly history?: number;
  readonly outbox?: OutboxOptions;
}

/** One client's part in the conversation, whichever servers carry it. */
export class SessionState {
  readonly #token: Uint8Array;
  readonly #history: number;
  readonly #outbox: Outbox;
  readonly #tracker = new ReadTracker();
  /** The client's own public id. */
  readonly sessionId: bigint;

  constructor({ resumeToken, history = DEFAULT_HISTORY, outbox }: SessionStateOptions) {
    this.#token = resumeToken;
    this.#history = history;
    this.#outbox = new Outbox(outbox);
    this.sessionId = sessionIdOf(resumeToken);
  }

  /** What no server is known to have. */
  get unacked(): MessageBody[] {
    return this.#outbox.unacked;
  }

  /** Whether nothing more may be given to {@linkcode say} for now. */
  get isFull(): boolean {
    return this.#outbox.isFull;
  }

  /** The first frame to any server; `password` for one that asks for it. */
  hello(nick: string, nowMs: number, password = ""): Hello {
    return {
      type: "hello",
      version: PROTOCOL_VERSION,
      resumeToken: this.#token,
      nick,
      password,
      ...this.#tracker.resumeInfo(nowMs),
      historyCount: this.#history,
    };
  }

  /** A server let the client in. Returns what to send before anything new, and how many entries of its log
   * the client will never see.
   * @throws {ProtocolError} `frame-malformed` if it says what cannot be */
  onWelcome(welcome: WelcomeHeader, nowMs: number): { resend: Say[]; truncatedCount: number } {
    const { sessionId, lastClientSeq, startSeq, head } = welcome;
    if (sessionId !== this.sessionId) throw protocolViolation("WELCOME is for another session");
    if (lastClientSeq > this.#outbox.lastClientSeq) {
      throw protocolViolation(`message ${lastClientSeq} was never sent`);
    }
    if (startSeq > head) {
      throw protocolViolation(`the log would go on at ${startSeq}, beyond its end at ${head}`);
    }
    const truncatedCount = this.#tracker.onWelcome(welcome, nowMs);
    return { resend: this.#outbox.onWelcome(welcome.lastClientSeq, nowMs), truncatedCount };
  }

  /** A new message, to be sent at once if there is a connection that was welcomed, and otherwise by
   * {@linkcode welcomed}. */
  say(text: string, manner?: MessageOptions): Say {
    return this.#outbox.add(text, manner);
  }

  /** An entry of the log came. Returns how it is to be shown.
   * @throws {ProtocolError} `frame-malformed` if it cannot be */
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

  /** The server sent a PING. */
  onPing({ head }: ServerPing, nowMs: number): void {
    this.#tracker.onPing(head, nowMs);
  }

  /** The connection was lost; the server was last heard then. */
  onDisconnect(lastReceivedMs: number): void {
    this.#outbox.onDisconnect(lastReceivedMs);
    this.#tracker.onDisconnect(lastReceivedMs);
  }
}

function protocolViolation(why: string): ProtocolError {
  return new ProtocolError("frame-malformed", { why });
}
