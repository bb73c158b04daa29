// A session on its way from server to server, and all that it has met.

import { assert } from "@std/assert";
import type { Address } from "../../lib/net/address.ts";
import { SessionState } from "../../lib/client/session_state.ts";
import type { OutboxOptions } from "../../lib/client/outbox.ts";
import {
  type DeliveredEntry,
  type Disconnect,
  Session,
  type SessionEvent,
  type SessionOptions,
} from "../../lib/client/session.ts";
import { makeToken } from "../raw_peer.ts";
import { withTimeout } from "../support.ts";

/** What differs from a session with the rules of every day. */
export interface SessionFixtureOptions extends Partial<Omit<SessionOptions, "state">> {
  readonly outbox?: OutboxOptions;
  readonly history?: number;
}

/** A session that goes to one server after another, and what happens to it. */
export class SessionFixture implements AsyncDisposable {
  readonly session: Session;
  readonly #nick: string;
  readonly #events: AsyncGenerator<SessionEvent>;
  readonly #read: DeliveredEntry[] = [];
  #ended: Promise<unknown> | undefined;

  constructor(nick: string, servers: Address[], { outbox, history, ...options }: SessionFixtureOptions = {}) {
    this.#nick = nick;
    const left = [...servers];
    this.session = new Session({
      state: new SessionState({ resumeToken: makeToken(nick), outbox, history }),
      nextServer: () => {
        const server = left.shift();
        return Promise.resolve(server && { server, nick });
      },
      ...options,
    });
    this.#events = this.session.run();
  }

  /** What happens next; undefined at the end. */
  async next(): Promise<SessionEvent | undefined> {
    const { value } = await withTimeout(this.#events.next(), `the next event of ${this.#nick}`);
    return value ?? undefined;
  }

  async joined(): Promise<Extract<SessionEvent, { type: "entered" }>> {
    const event = await this.next();
    assert(event?.type === "entered", `expected entered, got ${Deno.inspect(event)}`);
    return event;
  }

  /** The next loss or refusal; what was read before it can be had from {@linkcode lines}. */
  async disconnected(): Promise<Disconnect> {
    for (;;) {
      const event = await this.next();
      if (event?.type === "failed") return event.failure;
      assert(event?.type === "read", `expected failed, got ${Deno.inspect(event)}`);
      this.#read.push(...event.entries);
    }
  }

  /** The next `count` messages, as `nick: text`, marked with where they stand unless they are live. */
  async lines(count: number): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) {
      const entry = this.#read.shift();
      if (entry?.entry.type === "said") lines.push(lineOf(entry));
      if (entry) continue;
      const event = await this.next();
      assert(event?.type === "read", `expected read, got ${Deno.inspect(event)}`);
      this.#read.push(...event.entries);
    }
    return lines;
  }

  /** Reads until the session ends. */
  async closed(): Promise<void> {
    for (let event = await this.next(); event; event = await this.next()) { /* it does not matter what */ }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.leave();
    await (this.#ended ??= this.closed());
    this.session[Symbol.dispose]();
  }
}

function lineOf({ entry, delivery }: DeliveredEntry): string {
  const line = entry.type === "said"
    ? `${entry.nick}: ${entry.text}`
    : `${"nick" in entry ? entry.nick : ""} ${entry.type}`;
  return delivery === "live" ? line : `${delivery} ${line}`;
}
