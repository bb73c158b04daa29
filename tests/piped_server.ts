// chat-server at a pipe in this process: its flags, and the lines that it shows.

import { assertEquals } from "@std/assert";
import { serve } from "../lib/server/main.ts";
import { join, makeHello, type RawClient } from "./raw_peer.ts";
import type { FakeUser } from "./fake_user.ts";
import { LOOPBACK } from "./support.ts";

/** Those of a machine with a choice. */
export const TWO_ADDRESSES = [{ address: LOOPBACK, name: "lo" }, { address: "203.0.113.1", name: "eth0" }];
/** How they are offered. */
export const MENU = `Interfaz:
  1) todas (0.0.0.0)
  2) 127.0.0.1 (lo)
  3) 203.0.113.1 (eth0)
`;
/** What a server says that ends. */
export const END = `Cerrando el servidor: se avisa a quienes están conectados.
Servidor cerrado.
`;

/** What a server says that has begun. */
export function listening(port: number, host = LOOPBACK): string {
  return `Escuchando en ${host}:${port}. Escriba "salir" para terminar.\n`;
}

/** Flags that leave nothing to ask. */
export function flagsFor(port: number): string[] {
  return ["--host", LOOPBACK, "--port", String(port)];
}

/** Has somebody by hand enter. */
export function enterAs(nick: string, port: number): Promise<RawClient> {
  return join({ host: LOOPBACK, port }, makeHello(nick));
}

/** Runs a server that ends by itself; gives all that it wrote. */
export async function outputOf(person: FakeUser, ...args: string[]): Promise<string> {
  assertEquals(await person.run(serve, ...args), 0);
  return person.output;
}
