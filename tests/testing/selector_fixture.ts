// A server selector with a user and its notices. No server is dialled.

import { assertEquals } from "@std/assert";
import type { Address } from "../../lib/net/address.ts";
import { ConnectError, ConnectionLostError, ProtocolError, ServerError } from "../../lib/errors.ts";
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
export const [FIRST, SECOND, THIRD]: Address[] = [
  { host: "aula", port: 5_000 },
  { host: "10.0.0.7", port: 5_001 },
  { host: "::1", port: 5_002 },
] as const;
/** To which all of them resolve: their ports differ. */
export const IP = "10.9.9.9";
/** The first server, with the client's nick. */
export const TARGET: ConnectTarget = { server: FIRST!, nick: "ana" };

/** The loss of a server that closes, after a minute on it. */
export function lost(server: Address): ConnectionFailure {
  return {
    target: { ...TARGET, server },
    error: new ConnectionLostError("closing"),
    wasJoined: true,
    connectedForMs: 60_000,
  };
}

export function unreachable(
  server: Address,
  code: "refused" | "name-unknown" = "refused",
): ConnectionFailure {
  return {
    target: { ...TARGET, server },
    error: new ConnectError(code),
    wasJoined: false,
    connectedForMs: 0,
  };
}

interface SelectorFixtureOptions extends Partial<Omit<ServerSelectorConfig, "backups">> {
  readonly backups?: readonly Address[];
  readonly authPrompter?: ServerSelectorDeps["authPrompter"];
  readonly random?: () => number;
}

const noAuth: ServerSelectorDeps["authPrompter"] = {
  authenticate: () => Promise.resolve("notApplicable"),
  canUpgrade: () => false,
};

/** A server selector, the user whom it asks, and the lines that it prints. */
export class SelectorFixture implements AsyncDisposable {
  readonly user: FakeUser;
  readonly notices: string[] = [];
  readonly selector: ServerSelector;

  constructor(
    { backups = [], authPrompter = noAuth, random = () => 0.5, ...overrides }: SelectorFixtureOptions = {},
    user: FakeUserOptions = {},
  ) {
    this.user = new FakeUser(user);
    const notify = (text: string) => {
      this.notices.push(text);
      return Promise.resolve();
    };
    this.selector = new ServerSelector(
      { terminal: this.user.terminal, language: "es", notify, authPrompter },
      testClientConfig({ ...overrides, backups: backups.map((server) => ({ server })) }),
      random,
    );
  }

  async next(
    failure?: ConnectionFailure,
    signal = new AbortController().signal,
  ): Promise<ConnectTarget | undefined> {
    return await withTimeout(
      this.selector.next(failure, { signal }),
      () => `an answer to\n${this.user.output}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.user[Symbol.asyncDispose]();
  }
}

/** A fixture that has joined the first server, which listed the second. */
export async function selectorAfterJoin(
  options: SelectorFixtureOptions = {},
  user?: FakeUserOptions,
): Promise<SelectorFixture> {
  const fixture = new SelectorFixture({ ...FIRST, nick: "ana", ...options }, user);
  assertEquals(await fixture.next(), TARGET);
  fixture.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [SECOND!] });
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
  ...["frame-malformed", "frame-unexpected", "counter-backwards", "text-invalid", "replaced"]
    .map((code) => new ServerError(code, { reason: "why" })),
];
