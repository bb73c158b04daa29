// A session that goes from server to server, and its events.

import { assert } from "@std/assert";
import type { Address } from "../../lib/net/address.ts";
import { SessionState } from "../../lib/client/session_state.ts";
import {
  type ConnectionFailure,
  type DeliveredEntry,
  Session,
  type SessionDeps,
  type SessionEvent,
} from "../../lib/client/session.ts";
import { type Clock, systemClock } from "../../lib/base/time.ts";
import type { ClientConfig } from "../../lib/client/config.ts";
import { makeToken } from "./raw_peer.ts";
import { type DeepPartial, testClientConfig } from "./test_config.ts";
import { TCP } from "./transport.ts";
import { withTimeout } from "./waiting.ts";

export interface SessionFixtureOptions extends Partial<Omit<SessionDeps, "state">> {
  readonly config?: DeepPartial<ClientConfig>;
  readonly clock?: Clock;
}

export class SessionFixture implements AsyncDisposable {
  readonly session: Session;
  readonly #nick: string;
  readonly #events: AsyncGenerator<SessionEvent>;
  readonly #read: DeliveredEntry[] = [];
  #ended: Promise<unknown> | undefined;

  constructor(
    nick: string,
    servers: Address[],
    { config: overrides, clock = systemClock, ...deps }: SessionFixtureOptions = {},
  ) {
    this.#nick = nick;
    const left = [...servers];
    const config = testClientConfig(overrides);
    this.session = new Session(
      {
        state: new SessionState(makeToken(nick), config),
        nextServer: () => {
          const server = left.shift();
          return Promise.resolve(server && { server, nick });
        },
        dial: TCP.dial,
        passwordFor: () => "",
        ...deps,
      },
      config.session,
      clock,
    );
    this.#events = this.session.run();
  }

  /** A session on the first of these servers. */
  static async join(
    servers: readonly { readonly address: Address }[],
    options?: SessionFixtureOptions,
  ): Promise<SessionFixture> {
    const fixture = new SessionFixture("ana", servers.map(({ address }) => address), options);
    await fixture.joined();
    return fixture;
  }

  /** The next event; undefined at the end. */
  async next(): Promise<SessionEvent | undefined> {
    const { value } = await withTimeout(this.#events.next(), `the next event of ${this.#nick}`);
    return value ?? undefined;
  }

  async joined(): Promise<Extract<SessionEvent, { type: "joined" }>> {
    const event = await this.next();
    assert(event?.type === "joined", `expected joined, got ${Deno.inspect(event)}`);
    return event;
  }

  /** The next failure. Entries before it are kept for {@linkcode lines}. */
  async disconnected(): Promise<ConnectionFailure> {
    for (;;) {
      const event = await this.next();
      if (event?.type === "disconnected") return event.failure;
      assert(event, "expected disconnected, got the end");
      if (event.type === "entries") this.#read.push(...event.entries);
    }
  }

  /** The next `count` messages, as `nick: text`, with their delivery before them unless it is live. */
  async lines(count: number): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) {
      const read = this.#read.shift();
      if (read?.entry.type === "said") {
        const { entry: { nick, text }, delivery } = read;
        lines.push(`${delivery === "live" ? "" : `${delivery} `}${nick}: ${text}`);
      }
      if (read) continue;
      const event = await this.next();
      assert(event?.type === "entries", `expected entries, got ${Deno.inspect(event)}`);
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
