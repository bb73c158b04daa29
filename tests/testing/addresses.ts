// Addresses for tests: loopback, free ones, and a name that no resolver is asked for.

import type { Address } from "../../lib/net/address.ts";

export const LOOPBACK = "127.0.0.1";

/** A host name that no resolver is asked for: its label is longer than 63 characters. */
export const UNKNOWN_NAME = `${"x".repeat(64)}.invalid`;

/** An address of this machine with a free port. */
export function freeAddress(): Address {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  return addressOf(listener);
}

/** The address of a listener. */
export function addressOf({ addr: { hostname, port } }: Deno.TcpListener): Address {
  return { host: hostname, port };
}
