// A server selector with a user and its notices. No server is dialled.

import { assertEquals } from "@std/assert";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { type Clock, systemClock } from "../../lib/base/time.ts";
import { ConnectError, ConnectionLostError, ProtocolError, ServerError } from "../../lib/errors.ts";
import type { FailoverConfig, ProbeAnswer } from "../../lib/client/failover.ts";
import type { Message } from "../../lib/i18n/translate.ts";
import type { ConnectionFailure, ConnectTarget } from "../../lib/client/session.ts";
import {
  ServerSelector,
  type ServerSelectorConfig,
  type ServerSelectorDeps,
} from "../../lib/client/server_selector.ts";
import { FakeUser, type FakeUserOptions } from "./fake_user.ts";
import { withTimeout } from "./waiting.ts";
import { testClientConfig } from "./test_config.ts";

/** Three servers, in the order in which the client learns of them. */
export const FIRST: Address = { host: "aula", port: 5_000 };
export const SECOND: Address = { host: "10.0.0.7", port: 5_001 };
export const THIRD: Address = { host: "::1", port: 5_002 };
/** Names and addresses that lead somewhere. */
const KNOWN_HOSTS = [FIRST.host, SECOND.host, THIRD.host];
/** To which all of them resolve: their ports differ. */
export const IP = "10.9.9.9";
/** The first server, with the client's nick. */
export const TARGET: ConnectTarget = { server: FIRST, nick: "ana" };

type DisconnectError = ConnectionFailure["error"];

/** The loss of a server that closes, after a minute on it. */
export function lost(
  server: Address,
  error: DisconnectError = new ConnectionLostError("closing"),
  connectedForMs = 60_000,
): ConnectionFailure {
  return { target: { ...TARGET, server }, error, wasJoined: true, connectedForMs };
}

/** A dial that did not reach WELCOME. */
export function unreachable(
  server: Address,
  error: DisconnectError = new ConnectError("refused"),
): ConnectionFailure {
  return { target: { ...TARGET, server }, error, wasJoined: false, connectedForMs: 0 };
}

/** The error of a server that rejects the client. */
export function rejection(code: string): ServerError {
  return new ServerError(code, { reason: "why" });
}

interface SelectorFixtureOptions extends Partial<Omit<ServerSelectorConfig, "backups" | "failover">> {
  readonly failover?: Partial<FailoverConfig>;
  readonly backups?: readonly Address[];
  readonly authenticate?: ServerSelectorDeps["authPrompter"]["authenticate"];
  readonly random?: () => number;
  readonly clock?: Clock;
  readonly probe?: ServerSelectorDeps["probe"];
  readonly canResolve?: ServerSelectorDeps["canResolve"];
  readonly search?: ServerSelectorDeps["search"];
}

/** A server selector, the user whom it asks, and the lines that it prints. */
export class SelectorFixture implements AsyncDisposable {
  readonly user: FakeUser;
  readonly notices: string[] = [];
  readonly selector: ServerSelector;
  /** How often the selector has waited. */
  waits = 0;
  /** Of the last target. */
  abandoned: AbortSignal | undefined;

  constructor(
    {
      backups = [],
      authenticate,
      random = () => 0,
      clock = systemClock,
      probe = () => Promise.resolve(undefined),
      canResolve = (host) => Promise.resolve(KNOWN_HOSTS.includes(host)),
      search,
      ...overrides
    }: SelectorFixtureOptions = {},
    user: FakeUserOptions = {},
  ) {
    const authPrompter = {
      authenticate: authenticate ?? (() => Promise.resolve("notApplicable" as const)),
      canUpgrade: () => false,
    };
    this.user = new FakeUser(user);
    const notify = ({ text }: Message) => {
      this.notices.push(text);
      return Promise.resolve();
    };
    this.selector = new ServerSelector(
      {
        terminal: this.user.terminal,
        language: "es",
        notify,
        authPrompter,
        clock,
        probe,
        canResolve,
        search,
      },
      testClientConfig({ ...overrides, backups: backups.map((server) => ({ server })) }),
      () => {
        this.waits++;
        return random();
      },
    );
  }

  /** Joins a server that lists these backups. */
  join(
    server: Address,
    { logId = 1n, backups = [], ip = IP, memberCount = () => 2 }: {
      logId?: bigint;
      backups?: Address[];
      ip?: string;
      memberCount?: () => number;
    } = {},
  ): void {
    this.selector.onJoined(server, { ip, logId, backups, memberCount });
  }

  /** The server of the next target. `answers` are typed first. */
  async nextServer(failure?: ConnectionFailure, answers = ""): Promise<Address | undefined> {
    if (answers) this.user.type(answers);
    return (await this.next(failure))?.server;
  }

  /** The next target, but for {@linkcode abandoned}. */
  async next(
    failure?: ConnectionFailure,
    signal = new AbortController().signal,
  ): Promise<ConnectTarget | undefined> {
    const target = await withTimeout(
      this.selector.next(failure, { signal }),
      () => `an answer to\n${this.user.output}`,
    );
    if (!target) return undefined;
    const { abandoned, ...rest } = target;
    this.abandoned = abandoned;
    return rest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.user[Symbol.asyncDispose]();
  }
}

/** Servers that answer to a PROBE when a test says so. */
export function probed(known: Partial<Record<string, ProbeAnswer>> = {}) {
  const seen: string[] = [];
  const pending = new Map<string, (answer?: ProbeAnswer) => void>();
  return {
    seen,
    /** Answers a PROBE that waits. */
    answer: (server: Address, answer?: ProbeAnswer) => pending.get(formatAddress(server))!(answer),
    probe: (server: Address, { ip, signal }: { ip?: string; signal: AbortSignal }) => {
      const key = formatAddress(server);
      seen.push(ip === undefined ? key : `${key} at ${ip}`);
      if (key in known) return Promise.resolve(known[key]);
      const { promise, resolve } = Promise.withResolvers<ProbeAnswer | undefined>();
      pending.set(key, resolve);
      signal.addEventListener("abort", () => resolve(undefined));
      return promise;
    },
  };
}

/** A fixture that has joined the first server, which listed the second, or these. */
export async function selectorAfterJoin(
  { listed = [SECOND], ...options }: SelectorFixtureOptions & { readonly listed?: Address[] } = {},
  user?: FakeUserOptions,
): Promise<SelectorFixture> {
  const fixture = new SelectorFixture({ ...FIRST, nick: "ana", ...options }, user);
  assertEquals(await fixture.next(), TARGET);
  fixture.join(FIRST, { backups: listed });
  return fixture;
}

/** The last sentence of a notice. */
export function reasonPart(notice: string): string {
  return notice.split(/(?<=\.) /).at(-1)!;
}

/** Errors after which a server is excluded. */
export const VIOLATIONS = [
  new ConnectionLostError("garbled", {}, { cause: new ProtocolError("frame-malformed") }),
  new ConnectError("not-a-chat-server", {}, { cause: new ProtocolError("frame-too-long") }),
  ...["frame-malformed", "frame-unexpected", "counter-backwards", "text-invalid"].map(rejection),
];
