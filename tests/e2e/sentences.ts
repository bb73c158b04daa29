// What servers and clients show in Spanish, line by line.

import { LOOPBACK } from "../testing/addresses.ts";

/** What stands for the time of a line: whatever it is. */
export const TIME = "[yyyy-MM-dd HH:mm:ss]";

/** What somebody does, behind their name. */
export const JOINED = "se ha conectado";
export const REJOINED = "se ha reconectado";
export const LEFT = "se ha desconectado";

/** A client is in, with these people. */
export function connected(port: number, ...online: string[]): string {
  return `Conectado a ${LOOPBACK}:${port}. En línea: ${online.join(", ")}. Escriba "salir" para terminar.`;
}

/** Somebody comes. */
export function joined(nick: string): string {
  return `${TIME} * ${nick} (${LOOPBACK}) se ha conectado`;
}

/** Somebody goes. */
export function left(nick: string): string {
  return `${TIME} * ${nick} (${LOOPBACK}) se ha desconectado`;
}

/** Somebody does something. */
export function presenceLine(nick: string, event: string): string {
  return `${TIME} * ${nick} (${LOOPBACK}) ${event}`;
}

/** A server is gone. */
export function serverFell(port: number, why = "el servidor cortó la conexión"): string {
  return `${TIME} ! Se perdió la conexión con ${LOOPBACK}:${port}: ${why}`;
}

/** There is no server. */
export function connectionRefused(port: number): string {
  return `Nadie escucha en ${LOOPBACK}:${port}: revise la dirección y el puerto, y que el servidor esté en marcha.`;
}

/** Lines 1 to `count`, as a pipe gives them and as the room shows them. */
export function numberedLines(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index + 1}`);
}

/** What somebody says in these lines. */
export function saidBy(nick: string, lines: readonly string[]): string[] {
  const start = `${TIME} ${nick}: `;
  return lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));
}
