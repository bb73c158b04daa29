// Addresses for tests: loopback, free ports, the addresses of this machine, and a name that no resolver is asked for.

import type { Address } from "../../lib/net/address.ts";

export const LOOPBACK = "127.0.0.1";

/** A host name that no resolver is asked for: its label is longer than 63 characters. */
export const UNKNOWN_NAME = `${"x".repeat(64)}.invalid`;

// Below 32768, where the system takes the ports of outgoing connections from: one of those could be taken between
// finding a port and listening on it.
const FIRST_PORT = 10_000;
const BLOCK_PORTS = 100;
const BLOCK_COUNT = 200;
let portCount = 0;

/** A block of ports that no other process or test file uses: listening on its first port reserves it. Tests find
 * leaks of what they open, so that this happens when the file is loaded. */
const block = Deno.permissions.querySync({ name: "net", host: LOOPBACK }).state === "granted"
  ? reserveBlock()
  : undefined;

function reserveBlock(): Deno.TcpListener {
  for (let number = Math.floor(Math.random() * BLOCK_COUNT);; number++) {
    const listener = tryListen(FIRST_PORT + BLOCK_PORTS * (number % BLOCK_COUNT));
    if (listener) return listener;
  }
}

function tryListen(port: number): Deno.TcpListener | undefined {
  try {
    return Deno.listen({ hostname: LOOPBACK, port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return undefined;
    throw error;
  }
}

/** A port of {@linkcode LOOPBACK} on which nothing listens, another one at each of 99 calls. */
export function freePort(): number {
  for (;;) {
    const port = block!.addr.port + 1 + portCount++ % (BLOCK_PORTS - 1);
    const listener = tryListen(port);
    listener?.close();
    if (listener) return port;
  }
}

/** An address of this machine with a free port. */
export function freeAddress(): Address {
  return { host: LOOPBACK, port: freePort() };
}

/** The address of a listener. */
export function addressOf({ addr: { hostname, port } }: Deno.TcpListener): Address {
  return { host: hostname, port };
}

/** The addresses that chat-server offers to listen on, besides all of them. */
export function localAddresses(): { address: string; name: string }[] {
  return Deno.networkInterfaces().map(({ address, name, scopeid }) => ({
    address: scopeid ? `${address}%${scopeid}` : address,
    name,
  }));
}
