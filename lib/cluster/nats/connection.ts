// A connection to NATS, and the errors that people read about it. Loaded only where it is needed, with the two
// files beside it and the library behind them. Knows nothing of rooms.

import { setTimeout as delay } from "node:timers/promises";
import { checkServerIdentity } from "node:tls";
import { jetstreamManager } from "@nats-io/jetstream";
import type { JetStreamManager } from "@nats-io/jetstream";
import { connect, credsAuthenticator } from "@nats-io/transport-node";
import type { ConnectionOptions, NatsConnection } from "@nats-io/transport-node";
import { parseServerAddress } from "../../net/address.ts";
import type { NatsCode } from "../../errors.ts";
import type { NatsConfig } from "../nats_access.ts";

/** How long NATS may take to let us in, in ms. */
const CONNECT_MS = 5_000;
/** How long it may take to answer a question, in ms: a cluster chooses a new leader in less than that. */
const REQUEST_TIMEOUT_MS = 5_000;
/** How long a cluster may take until it does what only its leader can, in ms. */
const LEADER_TIMEOUT_MS = 30_000;
/** How long a NATS server that starts may not know yet that it has JetStream, in ms. */
const STARTUP_TIMEOUT_MS = 5_000;
/** From try to try, in ms. */
const RETRY_MS = 250;
/** Who has not answered two questions asked so long after each other is dead, in ms. */
const PING_MS = 2_000;

/** Codes of JetStream's errors (nats-server, server/errors.json). */
export const JETSTREAM_ERROR = {
  noSuitablePeers: 10_005,
  temporarilyUnavailable: 10_008,
  notEnabledForAccount: 10_039,
  noStorage: 10_047,
  streamNotFound: 10_059,
  notClustered: 10_074,
  notEnabled: 10_076,
  wrongLastSequence: 10_071,
  noMessage: 10_037,
} as const;

/** A connection that comes back by itself. */
export interface NatsLink {
  readonly nc: NatsConnection;
  readonly manager: JetStreamManager;
  /** Most bytes of a message. */
  readonly maxBytes: number;
}

// The library leaves sockets that it has given up without anybody who hears of their errors, and such an error would
// end the program. What is wrong with those in use it finds out all the same.
globalThis.addEventListener("error", (event) => {
  const { code, syscall } = event.error ?? {};
  if (code === "ECONNRESET" && syscall === "read") event.preventDefault();
});

/** Connects, to a NATS server with JetStream.
 * @throws {NatsModuleError} */
export async function connectNats(access: NatsConfig): Promise<NatsLink> {
  try {
    // What a server says of itself it says when one connects: so each try is another connection.
    return await withRetry(() => connectOnce(access), retryWithoutJetStream);
  } catch (error) {
    throw toNatsError(error, access);
  }
}

async function connectOnce(access: NatsConfig): Promise<NatsLink> {
  const nc = await connect(optionsFor(access));
  try {
    const manager = await withRetry(() => jetstreamManager(nc, { timeout: REQUEST_TIMEOUT_MS }));
    let maxBytes = nc.info!.max_payload;
    return {
      nc,
      manager,
      get maxBytes() {
        // It may be set otherwise while we are connected, and is not known while we are not.
        return maxBytes = nc.info?.max_payload ?? maxBytes;
      },
    };
  } catch (error) {
    const { jetstream: hasJetStream = false } = nc.info ?? {};
    await nc.close();
    throw isWithoutJetStream(error) ? new JetStreamUnavailable({ hasJetStream, cause: error }) : error;
  }
}

/** Nobody in NATS answers for JetStream: there is none, or a cluster is about to choose who does. */
class JetStreamUnavailable extends Error {
  override readonly name = "JetStreamUnavailable";
  /** Whether the server that was asked says that it has JetStream. */
  readonly hasJetStream: boolean;

  constructor({ hasJetStream, cause }: { hasJetStream: boolean; cause: unknown }) {
    super((cause as Error).message, { cause });
    this.hasJetStream = hasJetStream;
  }
}

/** In the library's words. */
function isWithoutJetStream(error: unknown): boolean {
  return error instanceof Error && error.name === "JetStreamNotEnabled";
}

function optionsFor({ servers, credentials, isTls, ca }: NatsConfig): ConnectionOptions {
  return {
    name: "chat-server",
    servers: [...servers],
    timeout: CONNECT_MS,
    // A room outlives an evening without NATS, and a password that somebody is about to mend.
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: RETRY_MS,
    reconnectJitter: RETRY_MS,
    reconnectJitterTLS: RETRY_MS,
    pingInterval: PING_MS,
    maxPingOut: 2,
    ...(isTls &&
      { tls: { ...(ca !== undefined && { ca }), checkServerIdentity: tlsIdentityCheck(servers) } }),
    ...(credentials?.type === "user" && { user: credentials.user, pass: credentials.password }),
    ...(credentials?.type === "token" && { token: credentials.token }),
    ...(credentials?.type === "creds" && {
      authenticator: credsAuthenticator(new TextEncoder().encode(credentials.text)),
    }),
  } as ConnectionOptions;
}

/** The library does not say to which IP address it has connected, if it was no name: a certificate has to be for one
 * of the servers that were named. */
function tlsIdentityCheck(servers: readonly string[]): typeof checkServerIdentity {
  const hosts = servers.map((server) => parseServerAddress(server).host);
  return (name, certificate) => {
    const problems = [name, ...hosts].map((host) => checkServerIdentity(host, certificate));
    return problems.includes(undefined) ? undefined : problems[0];
  };
}

/** Tries something until NATS answers: a cluster that starts, or chooses a leader, does not for a while. `retryMsFor`:
 * how long something that fails like this is tried, in ms.
 * @throws what is no matter of time, and at last what is */
export async function withRetry<Result>(
  attempt: () => Promise<Result>,
  retryMsFor: (error: Error) => number = retryOnTimeout,
): Promise<Result> {
  for (const beganMs = performance.now();;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() - beganMs >= retryMsFor(error as Error)) throw error;
      await delay(RETRY_MS);
    }
  }
}

function retryWithoutJetStream(error: Error): number {
  if (!(error instanceof JetStreamUnavailable)) return 0;
  return error.hasJetStream ? LEADER_TIMEOUT_MS : STARTUP_TIMEOUT_MS;
}

function retryOnTimeout(error: Error): number {
  const code = jetStreamErrorCode(error);
  const isPassing = code === undefined
    ? /timeout|no responders|503|disconnect/i.test(error.message)
    : code === JETSTREAM_ERROR.temporarilyUnavailable || code === JETSTREAM_ERROR.noSuitablePeers;
  return isPassing ? LEADER_TIMEOUT_MS : 0;
}

/** The number of JetStream's own error, if it is one. */
export function jetStreamErrorCode(error: unknown): number | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "number" ? code : undefined;
}

/** Something is wrong with NATS. Not one of the project's own errors: a module that is loaded apart has other
 * classes than the program. */
export class NatsModuleError extends Error {
  override readonly name = "NatsModuleError";
  readonly code: NatsCode;
  readonly details: Readonly<Record<string, string>>;

  constructor(code: NatsCode, details: Readonly<Record<string, string>>, options?: ErrorOptions) {
    super(code, options);
    this.code = code;
    this.details = details;
  }
}

/** The failure that an error of the library is. Its details hold no password. */
export function toNatsError(error: unknown, { servers }: Pick<NatsConfig, "servers">): NatsModuleError {
  if (error instanceof NatsModuleError) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const details = { servers: servers.join(", "), reason: message, ...(isWithoutTls(message) && NO_TLS) };
  const code = natsErrorCode(name, message, jetStreamErrorCode(error));
  return new NatsModuleError(code, details, { cause: error });
}

/** Of the library, for which it has no code. */
function isWithoutTls(message: string): boolean {
  return /does not support 'tls'/.test(message);
}

const NO_TLS = { why: "no-tls" };

function natsErrorCode(name: string, message: string, api: number | undefined): NatsCode {
  if (api === JETSTREAM_ERROR.notEnabledForAccount || api === JETSTREAM_ERROR.notEnabled) {
    return "nats-no-jetstream";
  }
  if (name === "JetStreamUnavailable") return "nats-no-jetstream";
  if (api === JETSTREAM_ERROR.noStorage) return "nats-full";
  if (/permissions violation/i.test(`${name} ${message}`)) return "nats-forbidden";
  if (/authoriz|authentication|^InvalidCredential/i.test(`${name} ${message}`)) return "nats-refused";
  if (/certificate|tls|ssl|self.signed/i.test(message)) return "nats-tls";
  return "nats-unreachable";
}
