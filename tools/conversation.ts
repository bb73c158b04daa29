// The conversation of the demo, and whether a screen shows each message once and in order. Pure.

import type { Language } from "../lib/i18n/translate.ts";
import { PREFIXES } from "../lib/render/renderer.ts";

/** The members. */
export const NICKS = ["ana", "beto", "caro"] as const;
/** The nick of a member. */
export type Nick = typeof NICKS[number];

/** A message of the script. No two are the same. */
export interface ScriptLine {
  readonly nick: string;
  readonly text: string;
}

/** The parts of a conversation. */
interface Script {
  /** Each is sent once all members have shown the one before. */
  readonly beforeFailover: readonly ScriptLine[];
  /** All are sent at once, just before the crash. */
  readonly burst: readonly ScriptLine[];
  /** Sent to the server when it no longer reads. */
  readonly unackedAtCrash: readonly ScriptLine[];
  /** One after the other again, on the next server. */
  readonly afterFailover: readonly ScriptLine[];
}

const SPANISH: Script = {
  beforeFailover: remarks(
    ["ana", "Hola a todos, ¿me leen?"],
    ["beto", "Hola, Ana. Te leo."],
    ["caro", "¡Buenas! Yo también."],
    ["ana", "¿Montamos hoy la red del laboratorio?"],
    ["beto", "Sí, a las siete. ¿Qué trae cada uno?"],
  ),
  burst: remarks(
    ["ana", "Yo llevo el conmutador"],
    ["ana", "y dos cables largos."],
    ["beto", "Yo pongo el portátil"],
    ["beto", "y un adaptador."],
    ["caro", "Yo llevo la cámara"],
    ["caro", "y el trípode."],
  ),
  unackedAtCrash: remarks(
    ["ana", "¿Hace falta un monitor?"],
    ["ana", "Tengo uno pequeño."],
    ["beto", "Ya hay dos monitores."],
    ["beto", "Mejor un teclado."],
    ["caro", "Falta café."],
    ["caro", "Lo llevo yo, con galletas."],
  ),
  afterFailover: remarks(
    ["ana", "Se cayó el servidor. ¿Siguen ahí?"],
    ["beto", "Aquí sigo, y no me falta nada."],
    ["caro", "A mí tampoco. Ni las galletas."],
    ["ana", "Entonces, a las siete. ¡Hasta luego!"],
  ),
};

const ENGLISH: Script = {
  beforeFailover: remarks(
    ["ana", "Hi all, can you read me?"],
    ["beto", "Hi Ana, loud and clear."],
    ["caro", "Morning! Me too."],
    ["ana", "Shall we set up the lab network today?"],
    ["beto", "Yes, at seven. Who brings what?"],
  ),
  burst: remarks(
    ["ana", "I have the switch"],
    ["ana", "and two long cables."],
    ["beto", "I can bring my laptop"],
    ["beto", "and a power strip."],
    ["caro", "I have the camera"],
    ["caro", "and the tripod."],
  ),
  unackedAtCrash: remarks(
    ["ana", "Do we need a monitor?"],
    ["ana", "I have a small one."],
    ["beto", "There are two already."],
    ["beto", "A keyboard would be better."],
    ["caro", "We need coffee."],
    ["caro", "I will bring it, and biscuits."],
  ),
  afterFailover: remarks(
    ["ana", "The server died. Are you still there?"],
    ["beto", "Still here, and I missed nothing."],
    ["caro", "Me neither. Not even the biscuits."],
    ["ana", "Then see you at seven. Bye!"],
  ),
};

/** The lines of the script that these members say. */
export function scriptFor(nicks: readonly Nick[], language: Language): Script {
  const { beforeFailover, burst, unackedAtCrash, afterFailover } = language === "es" ? SPANISH : ENGLISH;
  const own = (lines: readonly ScriptLine[]) => lines.filter(({ nick }) => nicks.includes(nick as Nick));
  return {
    beforeFailover: own(beforeFailover),
    burst: own(burst),
    unackedAtCrash: own(unackedAtCrash),
    afterFailover: own(afterFailover),
  };
}

function remarks(...pairs: readonly (readonly [nick: Nick, text: string])[]): readonly ScriptLine[] {
  return pairs.map(([nick, text]) => ({ nick, text }));
}

const SAID = new RegExp(
  String.raw`^\[[\d :-]+\] (?:[${PREFIXES.history}${PREFIXES.redelivered}] )?(?<nick>[^\s:]+): (?<text>.*)$`,
);

/** The message that a row of a screen shows, if it shows one. */
export function remarkIn(line: string): ScriptLine | undefined {
  const { nick, text } = SAID.exec(line)?.groups ?? {};
  return nick === undefined || text === undefined ? undefined : { nick, text };
}

/** The nicks whose messages a screen does not show exactly once each, in order, and without others. */
export function mismatches(lines: readonly string[], said: readonly ScriptLine[]): string[] {
  const shown = lines.map(remarkIn).filter((remark) => remark !== undefined);
  const nicks = new Set([...said, ...shown].map(({ nick }) => nick));
  return [...nicks].filter((nick) => wordsOf(nick, shown) !== wordsOf(nick, said));
}

function wordsOf(nick: string, remarks: readonly ScriptLine[]): string {
  return remarks.filter((remark) => remark.nick === nick).map(({ text }) => text).join("\n");
}
