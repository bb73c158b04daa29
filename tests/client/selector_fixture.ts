// A client that has to choose where to go next, and a person before it. Nobody is really dialled.

import { assertEquals } from "@std/assert";
import type { Address } from "../../lib/net/address.ts";
import { ConnectError, ConnectionLostError, ProtocolError, ServerError } from "../../lib/errors.ts";
import type { ConnectionFailure, ConnectTarget } from "../../lib/client/session.ts";
import {
  ServerSelector,
  type ServerSelectorConfig,
  type ServerSelectorDeps,
} from "../../lib/client/server_selector.ts";
import { FakeUser, type PersonOptions } from "../fake_user.ts";
import { withTimeout } from "../support.ts";
import { testClientConfig } from "../test_config.ts";

/** Three servers, in the order in which they are heard of. */
export const [FIRST, SECOND, THIRD]: Address[] = [
  { host: "aula", port: 5_000 },
  { host: "10.0.0.7", port: 5_001 },
  { host: "::1", port: 5_002 },
] as const;
/** Of all of them: their ports tell them apart. */
export const IP = "10.9.9.9";
/** The first, under the nick of the one who chooses. */
export const TARGET: ConnectTarget = { server: FIRST!, nick: "ana" };

/** The loss of a server that closes, after a minute. */
export function lost(server: Address): ConnectionFailure {
  return {
    target: { ...TARGET, server },
    error: new ConnectionLostError("closing"),
    wasJoined: true,
    connectedForMs: 60_000,
  };
}

/** A server on which nobody answers, or that nobody knows. */
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

export interface SelectorFixtureOptions extends Partial<Omit<ServerSelectorConfig, "backups">> {
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
  readonly person: FakeUser;
  readonly notices: string[] = [];
  readonly selector: ServerSelector;

  constructor(
    { backups = [], authPrompter = noAuth, random = () => 0.5, ...overrides }: SelectorFixtureOptions = {},
    person: PersonOptions = {},
  ) {
    this.person = new FakeUser(person);
    const notify = (text: string) => {
      this.notices.push(text);
      return Promise.resolve();
    };
    this.selector = new ServerSelector(
      { terminal: this.person.terminal, language: "es", notify, authPrompter },
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
      () => `an answer to\n${this.person.output}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.person[Symbol.asyncDispose]();
  }
}

/** A fixture by somebody who has been on the first server, which told of the second. */
export async function selectorAfterJoin(
  options: SelectorFixtureOptions = {},
  person?: PersonOptions,
): Promise<SelectorFixture> {
  const fixture = new SelectorFixture({ ...FIRST, nick: "ana", ...options }, person);
  assertEquals(await fixture.next(), TARGET);
  fixture.selector.onJoined(FIRST!, { ip: IP, logId: 1n, backups: [SECOND!] });
  return fixture;
}

/** The last sentence of a notice. */
export function reasonPart(notice: string): string {
  return notice.split(/(?<=\.) /).at(-1)!;
}

/** All that says that one side breaks the rules. */
export const VIOLATIONS = [
  new ConnectionLostError("garbled", {}, { cause: new ProtocolError("frame-malformed") }),
  new ConnectError("not-a-chat-server", {}, { cause: new ProtocolError("frame-too-long") }),
  ...["frame-malformed", "frame-unexpected", "counter-backwards", "text-invalid", "replaced"]
    .map((code) => new ServerError(code, { reason: "why" })),
];
