// Opens a connection to a server, and says why where that cannot be done.

import { type Address, formatAddress, isIP } from "./address.ts";
import { Deadline } from "../base/deadline.ts";
import { type ConnectCode, ConnectError } from "../errors.ts";
import { noAnswer } from "../client/recovery.ts";

/** How a server is dialled. */
export interface DialOptions {
  readonly signal: AbortSignal;
  /** How long it may take until somebody is there, in ms: TLS begins after that, and takes several ways there and
   * back. */
  readonly dialTimeoutMs?: number;
}

/** Connects to a server by IP address or name. A name's addresses are tried until one answers.
 * @throws {ConnectError} `name-unknown`, `refused`, `network-away`, `unreachable` or `no-answer`; the signal's reason */
export async function dial(server: Address, { signal, dialTimeoutMs }: DialOptions): Promise<Deno.TcpConn> {
  if (dialTimeoutMs === undefined) return await connect(server, signal);
  using haste = new Deadline(dialTimeoutMs, { error: noAnswer(server, dialTimeoutMs), outer: signal });
  return await connect(server, haste.signal);
}

async function connect(server: Address, signal: AbortSignal): Promise<Deno.TcpConn> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  // The signal ends the connecting, but not a name server's silence before it.
  const connecting = Deno.connect({ hostname: server.host, port: server.port, signal });
  try {
    return await Promise.race([connecting, aborted.promise]);
  } catch (cause) {
    connecting.then((conn) => conn.close(), () => {});
    if (signal.aborted) throw signal.reason;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const code = connectErrorCode(cause, server);
    throw new ConnectError(code, { server: formatAddress(server), host: server.host, reason }, { cause });
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** What Deno appends to the errors of system calls, which looking a name up is not. */
const SYSCALL_CODES = /\(os error \d+\)$/;

/** Whether an error of Deno.connect or Deno.listen says that a name has no address: it comes without a class of its
 * own, and without a code but for the one that Windows has for it. So does "Host is down" on macOS. */
export function isDnsFailure(cause: unknown): boolean {
  if (!(cause instanceof Error) || Object.getPrototypeOf(cause) !== Error.prototype) return false;
  const { code } = cause as { code?: string };
  return code === "ENOENT" || (code === undefined && !SYSCALL_CODES.test(cause.message));
}

/** What an error of Deno.connect says. Without a network, of this machine alone: of one that is not there it says no
 * more than that the host is unreachable. For a name it is that of its last address: there may be no way to its IPv6
 * address, and at the one of IPv4 nobody who listens. */
export function connectErrorCode(cause: unknown, { host }: Address): ConnectCode {
  if (isDnsFailure(cause)) return "name-unknown";
  const { code } = cause as { code?: unknown };
  if (isIP(host) && (code === "ENETUNREACH" || code === "ENETDOWN")) return "network-away";
  return cause instanceof Deno.errors.ConnectionRefused ? "refused" : "unreachable";
}
