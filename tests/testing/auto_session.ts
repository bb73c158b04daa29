// A client session with `--auto` and no terminal, as chaos and benchmarks run many of them in one process.

import { systemClock } from "../../lib/base/time.ts";
import { DEFAULT_CONFIG } from "../../lib/client/config.ts";
import { probe } from "../../lib/client/probe.ts";
import { ServerSelector } from "../../lib/client/server_selector.ts";
import {
  type ConnectTarget,
  Session,
  type SessionConfig,
  type SessionEvent,
} from "../../lib/client/session.ts";
import { SessionState } from "../../lib/client/session_state.ts";
import type { Address } from "../../lib/net/address.ts";
import { canResolve, dial } from "../../lib/net/tcp.ts";
import { TOKEN_BYTES } from "../../lib/protocol/frames.ts";
import { Terminal } from "../../lib/terminal/terminal.ts";

interface AutoSessionOptions {
  readonly nick: string;
  /** The server that it dials first, and those that it tries later. */
  readonly servers: readonly [Address, ...Address[]];
  readonly config?: SessionConfig;
  /** For the backoff: uniform in [0, 1), or less for a shorter one. */
  readonly random?: () => number;
}

export class AutoSession {
  readonly session: Session;
  readonly sessionId: bigint;
  readonly #selector: ServerSelector;
  #isDead = false;

  constructor({ nick, servers, config = DEFAULT_CONFIG.session, random = Math.random }: AutoSessionOptions) {
    const backups = servers.slice(1).map((server) => ({ server }));
    const options = { ...DEFAULT_CONFIG, ...servers[0], nick, backups, isAuto: true };
    const state = new SessionState(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)), options);
    this.sessionId = state.sessionId;
    this.#selector = new ServerSelector(
      {
        terminal: silentTerminal,
        language: "en",
        notify: () => Promise.resolve(),
        authPrompter: { authenticate: () => Promise.resolve("notApplicable"), canUpgrade: () => false },
        clock: systemClock,
        probe: (server, options) => probe(server, options, dial),
        canResolve,
      },
      options,
      random,
    );
    this.session = new Session(
      {
        state,
        nextServer: (failure, options): Promise<ConnectTarget | undefined> =>
          this.#isDead ? Promise.resolve(undefined) : this.#selector.next(failure, options),
        dial,
        passwordFor: () => "",
        shouldMove: (options) => this.#selector.shouldMove(options),
      },
      config,
      systemClock,
    );
  }

  async *events(): AsyncGenerator<SessionEvent> {
    using session = this.session;
    for await (const event of session.run()) {
      if (event.type === "joined") {
        this.#selector.onJoined(event.server, {
          ip: event.ip,
          logId: event.welcome.logId,
          backups: [],
          memberCount: () => 2,
        });
      }
      yield event;
    }
  }

  /** Closes the connection without BYE, and ends the session. */
  die(): void {
    this.#isDead = true;
    this.session[Symbol.dispose]();
    this.session.leave();
  }
}

const silentTerminal = new Terminal({
  input: new ReadableStream(),
  write: (bytes) => Promise.resolve(bytes.length),
  isTty: false,
}, systemClock);
