// Listening for connections, and why it could not be.

import { type Address, formatAddress } from "./address.ts";
import type { Socket } from "./connection.ts";
import { isNameUnknown } from "./dial.ts";
import { type ListenCode, ListenError } from "./errors.ts";

/** Where connections come from, in plain text or encrypted. */
export type Listener = Deno.TcpListener | Deno.TlsListener;

/** How long to wait after a connection that could not be accepted, in ms. */
const ACCEPT_PAUSE_MS = 50;

/** The connections that come, until the listener is closed. `onTrouble` is told why there are none at the moment,
 * once until there is one. */
export async function* accepted(
  listener: Listener,
  { onTrouble }: { onTrouble: (error: ListenError) => void },
): AsyncGenerator<Socket> {
  for (let isTold = false;;) {
    try {
      yield await listener.accept();
      isTold = false;
    } catch (cause) {
      if (cause instanceof Deno.errors.BadResource || cause instanceof Deno.errors.Interrupted) return;
      // Whoever hung up before we got to them is no reason to let the next one wait.
      if (cause instanceof Deno.errors.NotConnected || cause instanceof Deno.errors.ConnectionAborted) {
        continue;
      }
      // Too many open files, say: it passes, and others still want to come in.
      if (!isTold) onTrouble(acceptFailure(cause));
      isTold = true;
      await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
    }
  }
}

/** Listens at an IP address of this machine; by TLS if there is a certificate to show, in PEM with its key.
 * @throws {ListenError} */
export function listen({ host, port }: Address, certificate?: { cert: string; key: string }): Listener {
  const where = { hostname: host, port };
  try {
    if (!certificate) return Deno.listen(where);
    const { cert, key } = certificate;
    return Deno.listenTls({ ...where, cert, key });
  } catch (cause) {
    const details = { host, port, reason: cause instanceof Error ? cause.message : String(cause) };
    const message = `Cannot listen on ${formatAddress({ host, port })}: ${details.reason}`;
    throw new ListenError(listenCode(cause, port), message, { cause, details });
  }
}

function listenCode(cause: unknown, port: number): ListenCode {
  if (cause instanceof Deno.errors.AddrInUse) return "port-in-use";
  // Windows denies other ports as well.
  if (cause instanceof Deno.errors.PermissionDenied && port < 1_024) return "port-privileged";
  if (cause instanceof Deno.errors.AddrNotAvailable || isNameUnknown(cause)) return "address-not-local";
  return "listen-failed";
}

function acceptFailure(cause: unknown): ListenError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ListenError("accept-failed", `Cannot accept connections: ${reason}`, {
    cause,
    details: { reason },
  });
}
