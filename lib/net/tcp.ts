// Dials, listens and accepts over TCP, and turns the system's failures into error codes.

import { type RateLimit, TokenBucket } from "../base/limits.ts";
import { delay, systemClock, withTimeout } from "../base/time.ts";
import { type ConnectCode, ConnectError, errorMessage, type ListenCode, ListenError } from "../errors.ts";
import { type Address, formatAddress, isIP, isLinkLocal } from "./address.ts";

/** Connections that may wait to be accepted; the system may allow fewer. A client that finds no place retries after
 * 1 s (RFC 6298, section 2), so a whole room must fit that comes from a failed server. */
const BACKLOG = 4_096;
/** Connections accepted at once, then per second. Without a limit, clients that connect and hang up in a loop would
 * take all of the server's time. The rest waits in the system's backlog. */
export const ACCEPT_RATE: RateLimit = { burst: 1_024, perSecond: 1_000 };
/** The same for TLS, where a handshake takes most of a millisecond. */
export const TLS_ACCEPT_RATE: RateLimit = { burst: 1_024, perSecond: 200 };
/** Pause when the rate is used up, in ms. Then several connections are accepted together. */
const ACCEPT_BATCH_MS = 10;
const ACCEPT_RETRY_MS = 50;
/** For a connection by name, once the IP address at which the server was last does not answer, in ms. */
const MOVED_MS = 300;
/** How long a connection by name takes before it is checked whether the name was found, in ms. */
const LOOKUP_CHECK_MS = 500;

export interface DialOptions {
  readonly signal: AbortSignal;
  /** Where the server was reached last. It is dialled at once, and its name beside it: a name server may be slow. */
  readonly ip?: string;
  /** For the TCP connection, from when the name is found, in ms. */
  readonly dialTimeoutMs?: number;
  /** For each handshake of TLS, in ms. */
  readonly answerTimeoutMs?: number;
}

/** Connects to an IP address or a name; tries the addresses of a name in turn.
 * @throws {ConnectError} `name-unknown`, `name-late`, `refused`, `network-away`, `unreachable` or `no-answer`. A signal
 * whose reason is `no-answer` means `name-late` while the name is looked up.
 * @throws the signal's reason */
export async function dial(server: Address, options: DialOptions): Promise<Deno.TcpConn> {
  const { ip, dialTimeoutMs } = options;
  // An IP address leads to no other. Sockets report it without the interface that a link-local one needs.
  if (ip === undefined || isIP(server.host)) return await connectInTime(server, server.host, options);
  const direct = connectInTime(server, ip, options);
  const byName = connectInTime(server, server.host, options);
  // What fails by name may be there by IP. What refuses there is down, unless it has moved: a redial waits little for that.
  const moved = direct.catch(async (error) => {
    let conn: Deno.TcpConn | undefined;
    const named = byName.then((late) => conn = late).catch(() => {});
    await (dialTimeoutMs === undefined ? named : withTimeout(MOVED_MS, named));
    return conn ?? Promise.reject(error);
  });
  const conn = await Promise.race([moved, byName.catch(() => direct)]).catch((error) => {
    byName.then((late) => late.close(), () => {});
    throw error;
  });
  for (const other of [direct, byName]) other.then((late) => late !== conn && late.close(), () => {});
  return conn;
}

async function connectInTime(
  server: Address,
  host: string,
  { signal, dialTimeoutMs }: DialOptions,
): Promise<Deno.TcpConn> {
  if (dialTimeoutMs === undefined) return await connect(server, host, signal);
  const late = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  const start = () => {
    if (!isOver) timer = setTimeout(() => late.abort(timedOut(server, dialTimeoutMs)), dialTimeoutMs);
  };
  if (isIP(host)) start();
  else void lookUp(host).finally(start); // beside Deno.connect(), which does not tell when it has found a name
  try {
    return await connect(server, host, AbortSignal.any([signal, late.signal]));
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}

/** Whether a host is an IP address, or a name that has one. False once the signal is aborted. */
export async function canResolve(host: string, { signal }: { signal: AbortSignal }): Promise<boolean> {
  const aborted = Promise.withResolvers<boolean>();
  const abort = () => aborted.resolve(false);
  signal.addEventListener("abort", abort);
  try {
    return isIP(host) || await Promise.race([lookUp(host), aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function lookUp(host: string): Promise<boolean> {
  // Loaded here: only a client that has lost its server needs it.
  const { default: dns } = await import("node:dns/promises");
  return await dns.lookup(host).then(() => true, () => false);
}

async function connect(server: Address, host: string, signal: AbortSignal): Promise<Deno.TcpConn> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  let isLookingUp = false;
  const checkName = () => {
    isLookingUp = true;
    void lookUp(host).then(() => isLookingUp = false);
  };
  const timer = isIP(host) ? undefined : setTimeout(checkName, LOOKUP_CHECK_MS);
  // Deno.connect() heeds the signal only once the name is resolved, and a name server may be silent.
  const connecting = Deno.connect({ hostname: host, port: server.port, signal: withoutThrowing(signal) });
  try {
    return await Promise.race([connecting, aborted.promise]);
  } catch (cause) {
    connecting.then((conn) => conn.close(), () => {});
    if (signal.aborted) throw isLookingUp ? inPhase("name-late", signal.reason) : signal.reason;
    throw connectError(cause, server, host);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/** If `Deno.connect()` is aborted just when it has connected, it throws, and the connection stays open for good. With this
 * signal it returns the connection. */
function withoutThrowing(signal: AbortSignal): AbortSignal {
  return Object.assign(AbortSignal.any([signal]), { throwIfAborted() {} });
}

export function timedOut(server: Address, timeoutMs: number): ConnectError {
  const details = { server: formatAddress(server), host: server.host, seconds: timeoutMs / 1_000 };
  return new ConnectError("no-answer", details);
}

/** Has the error of a time limit tell in which phase of a dial the time ran out. Returns other reasons as they are. */
export function inPhase<Reason>(code: "name-late" | "no-welcome", reason: Reason): Reason | ConnectError {
  const isTimeout = reason instanceof ConnectError && reason.code === "no-answer";
  return isTimeout ? new ConnectError(code, reason.details) : reason;
}

/** Whether an error of `Deno.connect()` or `Deno.listen()` means that a name has no address. Deno looks up nothing that
 * cannot be a name, such as `*`. Otherwise such an error has no class of its own, and no code except on Windows. "Host is
 * down" on macOS has no class either. */
export function isDnsFailure(cause: unknown): boolean {
  if (cause instanceof URIError) return true;
  if (!(cause instanceof Error) || Object.getPrototypeOf(cause) !== Error.prototype) return false;
  const { code } = cause as { code?: string };
  // Deno appends this to errors of system calls. Resolving a name is none.
  return code === "ENOENT" || (code === undefined && !/\(os error \d+\)$/.test(cause.message));
}

/** Turns an error of `Deno.connect()` into ours. `host`: where the server was dialled, its name or its IP address. */
export function connectError(cause: unknown, server: Address, host = server.host): ConnectError {
  const details = { server: formatAddress(server), host: server.host, ...addressReason(cause, host) };
  return new ConnectError(connectErrorCode(cause, { ...server, host }), details, { cause });
}

/** Maps an error of `Deno.connect()`. Only for an IP address does "network unreachable" mean that this machine has no
 * network: for a name, the error is that of the last address tried, perhaps an IPv6 one without a route. */
export function connectErrorCode(cause: unknown, { host }: Address): ConnectCode {
  if (isDnsFailure(cause) && !isIP(host)) return "name-unknown";
  const { code } = cause as { code?: unknown };
  if (isIP(host) && (code === "ENETUNREACH" || code === "ENETDOWN")) return "network-away";
  return cause instanceof Deno.errors.ConnectionRefused ? "refused" : "unreachable";
}

/** A link-local address needs a zone (RFC 4007, section 11): without one the system calls it an invalid argument, as it
 * does other addresses that no server can have. The name of an interface that does not exist is looked up as a host. */
function addressReason(cause: unknown, host: string): { reason: string; systemReason?: string } {
  const needsZone = isLinkLocal(host) && (!host.includes("%") || isDnsFailure(cause));
  const isInvalid = (cause as { code?: unknown }).code === "EINVAL";
  const systemReason = needsZone ? "zone" : isInvalid ? "address-unfit" : undefined;
  return { reason: errorMessage(cause), ...(systemReason && { systemReason }) };
}

/** @throws {ListenError} */
export function listen({ host, port }: Address): Deno.TcpListener {
  try {
    return Deno.listen({ hostname: host, port, tcpBacklog: BACKLOG });
  } catch (cause) {
    throw listenError(cause, { host, port });
  }
}

/** Turns an error of `Deno.listen()` or `Deno.serve()` into ours. */
export function listenError(cause: unknown, { host, port }: Address): ListenError {
  const details = { host, port, ...addressReason(cause, host) };
  return new ListenError(listenErrorCode(cause, port), details, { cause });
}

/** Maps an error of `Deno.listen()`. */
export function listenErrorCode(cause: unknown, port: number): ListenCode {
  if (cause instanceof Deno.errors.AddrInUse) return "port-in-use";
  // Windows denies other ports as well.
  if (cause instanceof Deno.errors.PermissionDenied && port < 1_024) return "port-privileged";
  if (cause instanceof Deno.errors.AddrNotAvailable || isDnsFailure(cause)) return "address-not-local";
  return "listen-failed";
}

/** Accepts until the listener is closed. Calls `onError` once for a series of failures. */
export async function* acceptConnections(
  listener: Pick<Deno.TcpListener, "accept">,
  { rate, onError }: { rate: RateLimit; onError: (error: ListenError) => void },
): AsyncGenerator<Deno.TcpConn> {
  const accepts = new TokenBucket(rate, systemClock().monotonicMs);
  let isReported = false;
  for (;;) {
    while (!accepts.take(systemClock().monotonicMs)) await delay(ACCEPT_BATCH_MS);
    try {
      yield await listener.accept();
      isReported = false;
    } catch (cause) {
      if (cause instanceof Deno.errors.BadResource || cause instanceof Deno.errors.Interrupted) return;
      // The client hung up before the accept.
      if (cause instanceof Deno.errors.NotConnected || cause instanceof Deno.errors.ConnectionAborted) {
        continue;
      }
      // Too many open files, for example: it passes.
      if (!isReported) onError(new ListenError("accept-failed", { reason: errorMessage(cause) }, { cause }));
      isReported = true;
      await delay(ACCEPT_RETRY_MS);
    }
  }
}
