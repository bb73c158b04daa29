// The conversation of the demo, and whether a screen shows each message once and in order. Pure.

import { PREFIXES } from "../lib/render/renderer.ts";

/** Those who talk. */
export const NICKS = ["ana", "beto", "caro"] as const;
/** One of those who talk. */
export type Nick = typeof NICKS[number];

/** What one of them says. No two are the same. */
export interface ScriptLine {
  readonly nick: string;
  readonly text: string;
}

/** One after the other, everyone listening. */
export const BEFORE_FAILOVER = remarks(
  ["ana", "Hola a todos, ¿me leen?"],
  ["beto", "Hola, Ana. Te leo."],
  ["caro", "¡Buenas! Yo también."],
  ["ana", "¿Montamos hoy la red del laboratorio?"],
  ["beto", "Sí, a las siete. ¿Qué trae cada quien?"],
);

/** All at once, while the server is about to fall. */
export const BURST = remarks(
  ["ana", "Yo llevo el conmutador"],
  ["ana", "y dos cables largos."],
  ["beto", "Yo pongo el portátil"],
  ["beto", "y la regleta."],
  ["caro", "Yo llevo la cámara"],
  ["caro", "y el trípode."],
);

/** Right behind, to a server that does not read them any more. */
export const UNACKED_AT_CRASH = remarks(
  ["ana", "¿Hace falta un monitor?"],
  ["ana", "Tengo uno pequeño."],
  ["beto", "Ya hay dos monitores."],
  ["beto", "Mejor un teclado."],
  ["caro", "Falta café."],
  ["caro", "Lo llevo yo, con galletas."],
);

/** One after the other again, on the next server. */
export const AFTER_FAILOVER = remarks(
  ["ana", "Se cayó el servidor. ¿Siguen ahí?"],
  ["beto", "Aquí sigo, y no me falta nada."],
  ["caro", "A mí tampoco. Ni las galletas."],
  ["ana", "Entonces, a las siete. ¡Hasta luego!"],
);

function remarks(...pairs: readonly (readonly [nick: Nick, text: string])[]): readonly ScriptLine[] {
  return pairs.map(([nick, text]) => ({ nick, text }));
}

const SAID = new RegExp(
  String.raw`^\[[\d :-]+\] (?:[${PREFIXES.history}${PREFIXES.redelivered}] )?(?<nick>[^\s:]+): (?<text>.*)$`,
);

/** What somebody says in a line of a screen, if anybody does. */
export function remarkIn(line: string): ScriptLine | undefined {
  const { nick, text } = SAID.exec(line)?.groups ?? {};
  return nick === undefined || text === undefined ? undefined : { nick, text };
}

/** Whose remarks a screen does not show as they were said: each one once, in their order, and no other. */
export function mismatches(lines: readonly string[], said: readonly ScriptLine[]): string[] {
  const shown = lines.map(remarkIn).filter((remark) => remark !== undefined);
  const nicks = new Set([...said, ...shown].map(({ nick }) => nick));
  return [...nicks].filter((nick) => wordsOf(nick, shown) !== wordsOf(nick, said));
}

function wordsOf(nick: string, remarks: readonly ScriptLine[]): string {
  return remarks.filter((remark) => remark.nick === nick).map(({ text }) => text).join("\n");
}
