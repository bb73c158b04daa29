// Runs chat-server at a pipe in this process: its flags, and its expected lines.

import { assertEquals } from "@std/assert";
import { serve } from "../../lib/server/main.ts";
import type { FakeUser } from "./fake_user.ts";
import { LOOPBACK } from "./addresses.ts";

/** The addresses of a machine with more than one. */
export const TWO_ADDRESSES = [{ address: LOOPBACK, name: "lo" }, { address: "203.0.113.1", name: "eth0" }];
/** The list in which the server offers them. */
export const MENU = `Interfaz:
  1) todas (0.0.0.0)
  2) 127.0.0.1 (lo)
  3) 203.0.113.1 (eth0)
`;
/** The lines of a server that ends. */
export const END = `Cerrando el servidor: se avisa a quienes están conectados.
Servidor cerrado.
`;

/** The lines of a server that has started. */
export function listening(port: number, host = LOOPBACK): string {
  return `Escuchando en ${host}:${port}. Escriba "salir" para terminar.\n`;
}

/** Flags that answer every prompt. */
export function flagsFor(port: number): string[] {
  return ["--host", LOOPBACK, "--port", String(port)];
}

/** Runs a server that ends by itself. Returns its output. */
export async function outputOf(person: FakeUser, ...args: string[]): Promise<string> {
  assertEquals(await person.run(serve, ...args), 0);
  return person.output;
}
