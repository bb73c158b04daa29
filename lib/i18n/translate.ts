// Which sentence a person reads: the one of that name in their language, with what it is about filled in. Knows
// nothing of when one is shown.

import { ENGLISH } from "./en.ts";
import { ChatError, type ErrorDetails, ProtocolError, ServerError, systemReason } from "../errors.ts";
import { SPANISH } from "./es.ts";

/** Name of a sentence. */
export type TranslationKey = keyof typeof SPANISH;

/** Languages that the catalogue has. */
export const LANGUAGES = ["es", "en"] as const;
/** A language that the catalogue has. */
export type Language = typeof LANGUAGES[number];

/** The whole catalogue. */
export const TRANSLATIONS: Readonly<Record<Language, Readonly<Record<TranslationKey, string>>>> = {
  es: SPANISH,
  en: ENGLISH,
};

type Placeholder<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholder<Rest>
  : never;
type Values<Key extends TranslationKey> = Placeholder<typeof SPANISH[Key]> extends never ? []
  : [Readonly<Record<Placeholder<typeof SPANISH[Key]>, string | number>>];

/** Name of a sentence without placeholders. */
export type PlainTranslationKey = {
  [Key in TranslationKey]: Values<Key> extends [] ? Key : never;
}[TranslationKey];

/** Gives a sentence in one language, with its placeholders filled in. */
export type Translate = <Key extends TranslationKey>(key: Key, ...values: Values<Key>) => string;

/** The sentences of a language. */
export function translator(language: Language): Translate {
  return (key, ...[values]) => interpolate(TRANSLATIONS[language][key], values ?? {});
}

const NO_DETAILS: ErrorDetails = {};

/** The sentence, or the end of one if the error is about a connection, that tells a person what went wrong. */
export function errorText(error: unknown, language: Language): string {
  const { code, details } = error instanceof ChatError ? error : { code: "internal", details: NO_DETAILS };
  const isFromWire = error instanceof ProtocolError || error instanceof ServerError;
  const key = `${isFromWire ? "wire" : "error"}.${code}`;
  if (isTranslationKey(key)) {
    return interpolate(TRANSLATIONS[language][key], { ...details, ...reasonText(error, key, language) });
  }
  const reason = details.reason ?? (error instanceof Error ? error.message : String(error));
  return interpolate(TRANSLATIONS[language]["error.unknown"], { reason, code });
}

/** What an ERROR or a REJECTED frame says besides its code, in English: for clients that do not know the code. */
export function wireReason(error: ProtocolError): string {
  // A kick's reason is a person's words, or nothing.
  return error.code === "kicked" ? String(error.details.reason ?? "") : errorText(error, "en");
}

/** What stands for `reason` in a sentence, where we have words for it; otherwise those of whoever gave it have to do. */
function reasonText(error: unknown, key: TranslationKey, language: Language): { reason?: string } {
  const { details } = error as ChatError;
  // Whoever throws somebody out need not say why.
  if (key === "wire.kicked") {
    return details.reason ? {} : { reason: TRANSLATIONS[language]["client.no-reason"] };
  }
  const reason = key.startsWith("wire.") ? undefined : systemReason(error);
  return reason === undefined ? {} : { reason: TRANSLATIONS[language][`reason.${reason}`] };
}

/** The language to speak: what `--lang` says, else what the first of LC_ALL, LC_MESSAGES and LANG that names
 * one we have says, else Spanish. */
export function chooseLanguage(flag: string | undefined, locales: readonly (string | undefined)[]): Language {
  for (const choice of [flag, ...locales]) {
    const language = LANGUAGES.find((known) => new RegExp(`^${known}(?![a-z])`, "i").test(choice ?? ""));
    if (language) return language;
  }
  return "es";
}

function isTranslationKey(key: string): key is TranslationKey {
  return Object.hasOwn(SPANISH, key);
}

function interpolate(sentence: string, values: Readonly<Record<string, string | number>>): string {
  return sentence.replace(/\{([\w-]+)\}/g, (_, name) => String(values[name] ?? ""));
}
