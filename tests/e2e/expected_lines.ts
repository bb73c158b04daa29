// The lines that chat-server and chat-client show in Spanish.

import { delay } from "../../lib/base/time.ts";
import { LOOPBACK } from "../testing/addresses.ts";

/** Any time, as normalized output has it. */
export const TIME = "[yyyy-MM-dd HH:mm:ss]";

/** Keeps the full time on a narrow screen, for {@linkcode TIME}. */
export const FULL_TIME = '--time "yyyy-MM-dd HH:mm:ss"';

export const JOINED = "se ha conectado";
export const REJOINED = "se ha reconectado";
export const LEFT = "se ha desconectado";
export const LOST = "ha perdido la conexión";

/** A member joins, leaves or is lost. */
export function presence(nick: string, event: string): string {
  return `${TIME} * ${nick} (${LOOPBACK}) ${event}`;
}

/** A client has joined. */
export function connected(port: number, ...online: string[]): string {
  return `Conectado a ${LOOPBACK}:${port}. En línea: ${online.join(", ")}. Escriba "salir" para terminar.`;
}

/** A client has lost its server. */
export function disconnected(port: number, why = "el servidor cortó la conexión"): string {
  return `${TIME} ! Se perdió la conexión con ${LOOPBACK}:${port}: ${why}`;
}

/** Texts for messages, from 1 to `count`. */
export function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${index + 1}`);
}

/** The texts of a member in these lines. */
export function textsOf(nick: string, lines: readonly string[]): string[] {
  const message = new RegExp(String.raw`^\[.{19}\] (?:[+~] )?${nick}: (.*)`);
  return lines.flatMap((line) => message.exec(line)?.[1] ?? []);
}

/** A client at a screen has joined again. */
export function rejoined(port: number, resent: string, ...online: string[]): string {
  return `Conectado a ${LOOPBACK}:${port}. En línea: ${online.join(", ")}. ${resent}`;
}

/** To be awaited once a question has come after a loss: until then keys belong to the chat line. */
export async function untilAnswerable(): Promise<void> {
  await delay(1_000);
}

/** The messages among these lines: `nick: text`. */
export function messagesOf(lines: readonly string[]): string[] {
  return lines.flatMap((line) => /^\[.{19}\] (?:[+~] )?([^ ]+: .*)/.exec(line)?.[1] ?? []);
}
