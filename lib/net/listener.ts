// Listening for connections, and why it could not be.

import { setTimeout as delay } from "node:timers/promises";
import type { Address } from "./address.ts";
import { systemClock } from "../base/time.ts";
import { isDnsFailure } from "./tcp.ts";
import { type ListenCode, ListenError } from "../errors.ts";
import { type RateLimit, TokenBucket } from "../base/limits.ts";

/** Connections that may wait to be accepted; the system may hold fewer. Whoever finds no place there tries again a
 * second later (RFC 6298, section 2): a whole room must fit that comes from a server that fell. */
const BACKLOG = 4_096;
/** How long to wait after a connection that could not be accepted, in ms. */
const ACCEPT_RETRY_MS = 50;

/** How many connections are taken at once, and then a second: who connects and hangs up as fast as they can would
 * otherwise keep a server from doing anything else. The others wait in the system. */
export const ACCEPT_RATE: RateLimit = { burst: 1_024, perSecond: 1_000 };
/** The same where each shakes hands, which takes most of a millisecond. */
export const TLS_ACCEPT_RATE: RateLimit = { burst: 1_024, perSecond: 200 };
/** How long to wait for connections that may be taken together, in ms. */
const ACCEPT_BATCH_MS = 10;

/** The connections that come, until the listener is closed. `onTrouble` is told why there are none at the moment,
 * once until there is one. */
export async function* acceptConnections(
  listener: Deno.TcpListener,
  { onError, allowance }: { onError: (error: ListenError) => void; allowance: RateLimit },
): AsyncGenerator<Deno.TcpConn> {
  const accepts = new TokenBucket(allowance, systemClock().monotonicMs);
  for (let isTold = false;;) {
    while (!accepts.take(systemClock().monotonicMs)) await delay(ACCEPT_BATCH_MS);
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
      if (!isTold) onError(acceptError(cause));
      isTold = true;
      await delay(ACCEPT_RETRY_MS);
    }
  }
}

/** Listens at an IP address of this machine.
 * @throws {ListenError} */
export function listen({ host, port }: Address): Deno.TcpListener {
  try {
    return Deno.listen({ hostname: host, port, tcpBacklog: BACKLOG });
  } catch (cause) {
    const details = { host, port, reason: cause instanceof Error ? cause.message : String(cause) };
    throw new ListenError(listenCode(cause, port), details, { cause });
  }
}

function listenCode(cause: unknown, port: number): ListenCode {
  if (cause instanceof Deno.errors.AddrInUse) return "port-in-use";
  // Windows denies other ports as well.
  if (cause instanceof Deno.errors.PermissionDenied && port < 1_024) return "port-privileged";
  if (cause instanceof Deno.errors.AddrNotAvailable || isDnsFailure(cause)) return "address-not-local";
  return "listen-failed";
}

function acceptError(cause: unknown): ListenError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ListenError("accept-failed", { reason }, { cause });
}
