// A connection to NATS, and what its errors mean as codes.

import { setTimeout as delay } from "node:timers/promises";
import { checkServerIdentity } from "node:tls";
import { jetstreamManager } from "@nats-io/jetstream";
import type { JetStreamManager } from "@nats-io/jetstream";
import { connect, credsAuthenticator } from "@nats-io/transport-node";
import type { ConnectionOptions, NatsConnection } from "@nats-io/transport-node";
import { parseServerAddress } from "../../net/address.ts";
import type { NatsCode } from "../../errors.ts";
import type { NatsConfig } from "../store.ts";

/** Timeout for connecting and logging in, in ms. */
const CONNECT_MS = 5_000;
/** Timeout of a request, in ms: a NATS cluster elects a leader in less. */
const REQUEST_TIMEOUT_MS = 5_000;
/** How long to retry what only the leader of a NATS cluster can do, in ms. */
const LEADER_TIMEOUT_MS = 30_000;
/** How long a NATS server that starts may not know that it has JetStream, in ms. */
const STARTUP_TIMEOUT_MS = 5_000;
/** Between two attempts, in ms. */
const RETRY_MS = 250;
/** Between two pings, in ms. The connection is dead after two without an answer. */
const PING_MS = 2_000;

/** Error codes of JetStream (nats-server, server/errors.json). */
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

/** A connection that reconnects by itself. */
export interface NatsLink {
  readonly nc: NatsConnection;
  readonly manager: JetStreamManager;
  /** Largest message that the server takes. */
  readonly maxBytes: number;
}

// The library leaves the sockets that it has given up without an error handler, and an unhandled reset would end the
// process. Errors of a socket in use reach the library all the same.
globalThis.addEventListener("error", (event) => {
  const { code, syscall } = event.error ?? {};
  if (code === "ECONNRESET" && syscall === "read") event.preventDefault();
});

/** @throws {NatsModuleError} */
export async function connectNats(config: NatsConfig): Promise<NatsLink> {
  try {
    // A server tells only at connect time whether it has JetStream, so each attempt needs a new connection.
    return await withRetry(() => connectOnce(config), retryWithoutJetStream);
  } catch (error) {
    throw toNatsError(error, config);
  }
}

async function connectOnce(config: NatsConfig): Promise<NatsLink> {
  const nc = await connect(optionsFor(config));
  try {
    const manager = await withRetry(() => jetstreamManager(nc, { timeout: REQUEST_TIMEOUT_MS }));
    let maxBytes = nc.info!.max_payload;
    return {
      nc,
      manager,
      get maxBytes() {
        // The operator may change it while the connection is up; while it is down the last value counts.
        return maxBytes = nc.info?.max_payload ?? maxBytes;
      },
    };
  } catch (error) {
    const { jetstream: hasJetStream = false } = nc.info ?? {};
    await nc.close();
    if (!(error instanceof Error) || error.name !== "JetStreamNotEnabled") throw error;
    throw new JetStreamUnavailable({ hasJetStream, cause: error });
  }
}

/** NATS has no JetStream, or its cluster is electing the leader that answers for it. */
class JetStreamUnavailable extends Error {
  override readonly name = "JetStreamUnavailable";
  /** Whether the server announces JetStream. */
  readonly hasJetStream: boolean;

  constructor({ hasJetStream, cause }: { hasJetStream: boolean; cause: Error }) {
    super(cause.message, { cause });
    this.hasJetStream = hasJetStream;
  }
}

function optionsFor({ servers, credentials, isTls, ca }: NatsConfig): ConnectionOptions {
  return {
    name: "chat-server",
    servers: [...servers],
    timeout: CONNECT_MS,
    // The room must survive a NATS outage, and a password that the operator is about to fix.
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

/** The library does not tell which IP address it has connected to, so the certificate must be for one of the servers of
 * `--nats`. */
function tlsIdentityCheck(servers: readonly string[]): typeof checkServerIdentity {
  const hosts = servers.map((server) => parseServerAddress(server).host);
  return (name, certificate) => {
    const errors = [name, ...hosts].map((host) => checkServerIdentity(host, certificate));
    return errors.includes(undefined) ? undefined : errors[0];
  };
}

/** Retries until NATS answers: a cluster that starts, or elects a leader, does not for a while. `retryMsFor`: how long to
 * retry after this error, in ms.
 * @throws the first error that is not retried any more */
export async function withRetry<Result>(
  attempt: () => Promise<Result>,
  retryMsFor: (error: Error) => number = retryOnTimeout,
): Promise<Result> {
  for (const startMs = performance.now();;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() - startMs >= retryMsFor(error as Error)) throw error;
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
  const isTransient = code === undefined
    ? /timeout|no responders|503|disconnect/i.test(error.message)
    : code === JETSTREAM_ERROR.temporarilyUnavailable || code === JETSTREAM_ERROR.noSuitablePeers;
  return isTransient ? LEADER_TIMEOUT_MS : 0;
}

/** See {@linkcode JETSTREAM_ERROR}; undefined if JetStream did not send the error. */
export function jetStreamErrorCode(error: unknown): number | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "number" ? code : undefined;
}

/** Not a `ChatError`: in a bundle this module is loaded apart, and would have a second class of that name. */
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

/** Gives an error of the library a code. The details hold no password. */
export function toNatsError(error: unknown, { servers }: Pick<NatsConfig, "servers">): NatsModuleError {
  if (error instanceof NatsModuleError) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const isWithoutTls = /does not support 'tls'/.test(message); // the library has no code for it
  const details = {
    servers: servers.join(", "),
    reason: message,
    ...(isWithoutTls && { systemReason: "no-tls" }),
  };
  const code = natsErrorCode(name, message, jetStreamErrorCode(error));
  return new NatsModuleError(code, details, { cause: error });
}

function natsErrorCode(name: string, message: string, api: number | undefined): NatsCode {
  const { notEnabled, notEnabledForAccount, noStorage } = JETSTREAM_ERROR;
  if (name === "JetStreamUnavailable" || api === notEnabled || api === notEnabledForAccount) {
    return "nats-no-jetstream";
  }
  if (api === noStorage) return "nats-full";
  if (/permissions violation/i.test(`${name} ${message}`)) return "nats-forbidden";
  if (/authoriz|authentication|^InvalidCredential/i.test(`${name} ${message}`)) return "nats-refused";
  if (/certificate|tls|ssl|self.signed/i.test(message)) return "nats-tls";
  return "nats-unreachable";
}
