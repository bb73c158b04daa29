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
  subjectsOverlap: 10_065,
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

/** How long to wait for NATS, in ms. */
interface NatsTimeouts {
  /** For a connection: a program that has not said INFO by then is no NATS. */
  readonly connectMs: number;
  /** For the answer to a request: a NATS cluster elects a leader in less. */
  readonly requestMs: number;
  /** For a NATS that starts, or that elects the leader which alone can answer. */
  readonly startupMs: number;
  /** For JetStream where the server's configuration has none: another server of `--nats`, or of its cluster, may have it. */
  readonly noJetStreamMs: number;
  /** Between two attempts. */
  readonly retryMs: number;
}

export const NATS_TIMEOUTS: NatsTimeouts = {
  connectMs: 5_000,
  requestMs: 5_000,
  startupMs: 30_000,
  noJetStreamMs: 5_000,
  retryMs: 250,
};

/** One wait for NATS, which several steps may share. */
export interface NatsWait {
  /** When it began, by `performance.now()`. */
  readonly startMs: number;
  readonly timeouts: NatsTimeouts;
  readonly signal?: AbortSignal;
}

/** Fails at once where nothing listens, in `connectMs` where no NATS answers, and waits for a NATS that starts.
 * @throws {NatsModuleError}
 * @throws {Error} `AbortError` if the signal is aborted */
export async function connectNats(config: NatsConfig, wait: NatsWait = startWait()): Promise<NatsLink> {
  try {
    // A server tells only at connect time whether it has JetStream, so each attempt needs a new connection.
    return await withRetry(() => connectOnce(config, wait), { ...wait, retryMsFor: retryWithoutJetStream });
  } catch (error) {
    if (wait.signal?.aborted) throw error;
    throw toNatsError(error, config);
  }
}

export function startWait(signal?: AbortSignal, timeouts = NATS_TIMEOUTS): NatsWait {
  return { startMs: performance.now(), timeouts, signal };
}

async function connectOnce(config: NatsConfig, wait: NatsWait): Promise<NatsLink> {
  const nc = await connect(optionsFor(config, wait.timeouts));
  try {
    const retryMsFor: RetryOptions["retryMsFor"] = (error, timeouts) =>
      isWithoutJetStream(error) ? 0 : retryUntilReady(error, timeouts);
    const request = () => jetstreamManager(nc, { timeout: wait.timeouts.requestMs });
    const manager = await withRetry(request, { ...wait, retryMsFor });
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
    if (!isWithoutJetStream(error as Error)) throw error;
    throw new JetStreamUnavailable({ hasJetStream, cause: error as Error });
  }
}

/** NATS has no JetStream, or it starts and does not have it yet. */
class JetStreamUnavailable extends Error {
  override readonly name = "JetStreamUnavailable";
  /** Whether the server's configuration has JetStream. nats-server says so in INFO from its start on. */
  readonly hasJetStream: boolean;

  constructor({ hasJetStream, cause }: { hasJetStream: boolean; cause: Error }) {
    super(cause.message, { cause });
    this.hasJetStream = hasJetStream;
  }
}

function optionsFor(
  { servers, credentials, isTls, ca }: NatsConfig,
  { connectMs, retryMs }: NatsTimeouts,
): ConnectionOptions {
  return {
    name: "chat-server",
    servers: [...servers],
    timeout: connectMs,
    // The room must survive a NATS outage, and a password that the operator is about to fix.
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: retryMs,
    reconnectJitter: retryMs,
    reconnectJitterTLS: retryMs,
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
export function tlsIdentityCheck(servers: readonly string[]): typeof checkServerIdentity {
  const hosts = servers.map((server) => parseServerAddress(server).host);
  return (name, certificate) => {
    const errors = [name, ...hosts].map((host) => checkServerIdentity(host, certificate));
    return errors.includes(undefined) ? undefined : errors[0];
  };
}

interface RetryOptions extends NatsWait {
  /** How long to retry after this error, in ms. */
  readonly retryMsFor?: (error: Error, timeouts: NatsTimeouts) => number;
}

/** Retries until NATS answers: a NATS that starts, or elects a leader, does not for a while.
 * @throws the first error that is not retried any more
 * @throws {Error} `AbortError` if the signal is aborted */
export async function withRetry<Result>(
  attempt: () => Promise<Result>,
  { startMs, timeouts, signal, retryMsFor = retryUntilReady }: RetryOptions = startWait(),
): Promise<Result> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() - startMs >= retryMsFor(error as Error, timeouts)) throw error;
      await delay(timeouts.retryMs, undefined, { signal });
    }
  }
}

function retryWithoutJetStream(error: Error, { startupMs, noJetStreamMs }: NatsTimeouts): number {
  if (!(error instanceof JetStreamUnavailable)) return 0;
  return error.hasJetStream ? startupMs : noJetStreamMs;
}

/** The last one: in a cluster that starts, one server may have created a stream that another does not know yet. */
const TRANSIENT_CODES: readonly number[] = [
  JETSTREAM_ERROR.temporarilyUnavailable,
  JETSTREAM_ERROR.noSuitablePeers,
  JETSTREAM_ERROR.streamNotFound,
];

function retryUntilReady(error: Error, { startupMs }: NatsTimeouts): number {
  const code = jetStreamErrorCode(error);
  const isTransient = code === undefined
    ? /timeout|no responders|503|disconnect/i.test(error.message)
    : TRANSIENT_CODES.includes(code) || isFailure(error, code);
  return isTransient || isWithoutJetStream(error) ? startupMs : 0;
}

/** Whether NATS has failed to do what it could do, as with "partial cache" (found by chaos). */
function isFailure(error: Error, code: number): boolean {
  const { status } = error as { status?: unknown };
  const { noStorage, notClustered } = JETSTREAM_ERROR;
  return typeof status === "number" && status >= 500 && code !== noStorage && code !== notClustered;
}

/** Whether JetStream is not there, or not yet. The library says so too when a stream or bucket has no leader yet. */
function isWithoutJetStream(error: Error): boolean {
  const { notEnabled, notEnabledForAccount } = JETSTREAM_ERROR;
  const code = jetStreamErrorCode(error);
  return error.name === "JetStreamNotEnabled" || code === notEnabled || code === notEnabledForAccount;
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
  const systemReason = REASONS_BY_MESSAGE.find(([pattern]) => pattern.test(message))?.[1];
  const details = { servers: servers.join(", "), reason: message, ...(systemReason && { systemReason }) };
  return new NatsModuleError(natsErrorCode(error as Error, { name, message }), details, { cause: error });
}

/** Reasons that the library has no code for. The last one is its message when the connection ends before INFO. */
const REASONS_BY_MESSAGE = [
  [/does not support 'tls'/, "no-tls"],
  [/unexpected response from server/, "not-nats"],
  [/node provided an undefined error/, "not-nats"],
] as const;

function natsErrorCode(error: Error, { name, message }: { name: string; message: string }): NatsCode {
  if (name === "JetStreamUnavailable" || isWithoutJetStream(error)) return "nats-no-jetstream";
  if (jetStreamErrorCode(error) === JETSTREAM_ERROR.noStorage) return "nats-full";
  if (jetStreamErrorCode(error) === JETSTREAM_ERROR.subjectsOverlap) return "nats-overlap";
  if (/permissions violation/i.test(`${name} ${message}`)) return "nats-forbidden";
  if (/authoriz|authentication|^InvalidCredential/i.test(`${name} ${message}`)) return "nats-refused";
  if (/certificate|tls|ssl|self.signed/i.test(message)) return "nats-tls";
  return "nats-unreachable";
}
