// The client without sockets: what it says in HELLO, what it sends, what of all that it reads is to be shown.
// Pure, so that a simulator can drive it: monotonic times in ms and the token come in as parameters.

import { ProtocolError } from "./errors.ts";
import { type Place, ReadTracker } from "./inbox.ts";
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
} from "./protocol.ts";

/** Messages of history that a newcomer asks for. */
export const DEFAULT_HISTORY = 50;

/** Settings of a mailbox. */
export interface MailboxOptions {
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
  readonly #inbox = new ReadTracker();
  /** The client's own public id. */
  readonly sessionId: bigint;

  constructor({ resumeToken, history = DEFAULT_HISTORY, outbox }: MailboxOptions) {
    this.#token = resumeToken;
    this.#history = history;
    this.#outbox = new Outbox(outbox);
    this.sessionId = sessionIdOf(resumeToken);
  }

  /** What no server is known to have. */
  get pending(): MessageBody[] {
    return this.#outbox.pending;
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
      ...this.#inbox.position(nowMs),
      historyCount: this.#history,
    };
  }

  /** A server let the client in. Returns what to send before anything new, and how many entries of its log
   * the client will never see.
   * @throws {ProtocolError} `frame-malformed` if it says what cannot be */
  welcomed(welcome: WelcomeHeader, nowMs: number): { resend: Say[]; missing: number } {
    const { sessionId, lastClientSeq, startSeq, head } = welcome;
    if (sessionId !== this.sessionId) throw impossible("WELCOME is for another session");
    if (lastClientSeq > this.#outbox.lastClientSeq) {
      throw impossible(`message ${lastClientSeq} was never sent`);
    }
    if (startSeq > head) throw impossible(`the log would go on at ${startSeq}, beyond its end at ${head}`);
    const missing = this.#inbox.welcomed(welcome, nowMs);
    return { resend: this.#outbox.welcomed(welcome.lastClientSeq, nowMs), missing };
  }

  /** A new message, to be sent at once if there is a connection that was welcomed, and otherwise by
   * {@linkcode welcomed}. */
  say(text: string, manner?: MessageOptions): Say {
    return this.#outbox.add(text, manner);
  }

  /** An entry of the log came. Returns how it is to be shown.
   * @throws {ProtocolError} `frame-malformed` if it cannot be */
  read(entry: LogEntry, nowMs: number): Place {
    const { next } = this.#inbox;
    if (entry.seq !== next) throw impossible(`entry ${entry.seq} of the log came instead of ${next}`);
    if (entry.type === "said" && entry.sessionId === this.sessionId) {
      if (entry.clientSeq > this.#outbox.lastClientSeq) {
        throw impossible(`message ${entry.clientSeq} was never sent`);
      }
      this.#outbox.readBack(entry, nowMs);
    }
    return this.#inbox.read(entry);
  }

  /** The server sent a PING. */
  pinged({ head }: ServerPing, nowMs: number): void {
    this.#inbox.pinged(head, nowMs);
  }

  /** The connection was lost; the server was last heard then. */
  lost(lastReceivedMs: number): void {
    this.#outbox.lost(lastReceivedMs);
    this.#inbox.lost(lastReceivedMs);
  }
}

function impossible(why: string): ProtocolError {
  return new ProtocolError("frame-malformed", `Cannot believe the server: ${why}`);
}
