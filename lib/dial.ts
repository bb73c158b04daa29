// Opens a connection to a server, and says why where that cannot be done.

import { lookup } from "node:dns/promises";
import { type Address, formatAddress } from "./address.ts";
import { type ConnectCode, ConnectError } from "./errors.ts";

/** Connects to a server by IP address or name. A name's addresses are tried until one answers.
 * @throws {ConnectError} `name-unknown`, `refused` or `unreachable`; the signal's reason */
export async function dial(server: Address, { signal }: { signal: AbortSignal }): Promise<Deno.TcpConn> {
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => {}); // it may come when nobody waits any more
  let isResolved = false;
  try {
    // Deno.connect would resolve the name as well, but its error does not tell a name that does not exist
    // from a server that does not answer.
    await Promise.race([lookup(server.host), aborted]);
    isResolved = true;
    return await Deno.connect({ hostname: server.host, port: server.port, signal });
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    const code = isResolved ? connectCode(cause) : "name-unknown";
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConnectError(code, `Cannot connect to ${formatAddress(server)}: ${reason}`, {
      cause,
      details: { server: formatAddress(server), host: server.host, reason },
    });
  }
}

function connectCode(cause: unknown): ConnectCode {
  return cause instanceof Deno.errors.ConnectionRefused ? "refused" : "unreachable";
}
