// Key and language to sentence, with its placeholders filled in.

import { ENGLISH } from "./en.ts";
import {
  ChatError,
  type ErrorDetails,
  errorMessage,
  ProtocolError,
  ServerError,
  systemReason,
} from "../errors.ts";
import { printable } from "../text/text.ts";
import { SPANISH } from "./es.ts";

export type TranslationKey = keyof typeof SPANISH;

/** A line editor drops most of a longer paste, so that the length of the text is not known. */
const MAX_COUNTED_CHARS = 20_000;

export const LANGUAGES = ["es", "en"] as const;
export type Language = typeof LANGUAGES[number];

export const TRANSLATIONS: Readonly<Record<Language, Readonly<Record<TranslationKey, string>>>> = {
  es: SPANISH,
  en: ENGLISH,
};

type Placeholder<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholder<Rest>
  : never;
type Values<Key extends TranslationKey> = Placeholder<typeof SPANISH[Key]> extends never ? []
  : [Readonly<Record<Placeholder<typeof SPANISH[Key]>, string | number>>];

/** A key whose sentence has no placeholders. */
export type PlainTranslationKey = {
  [Key in TranslationKey]: Values<Key> extends [] ? Key : never;
}[TranslationKey];

/** A sentence for people, with what programs know it by. */
export interface Message {
  readonly text: string;
  /** A word that stays the same when the sentence changes. docs/JSON.md promises it to programs. */
  readonly code: string;
  /** What the sentence fills in, in no language. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Something that was asked for has not happened. */
  readonly isError?: true;
}

/** Returns a sentence in one language. */
export interface Translate {
  <Key extends TranslationKey>(key: Key, ...values: Values<Key>): string;
  message<Key extends TranslationKey>(key: Key, ...values: Values<Key>): Message;
  /** What went wrong, as {@linkcode errorText} says it. */
  error(error: ChatError): Message;
}

export function translator(language: Language): Translate {
  const translate = <Key extends TranslationKey>(key: Key, ...[values]: Values<Key>) =>
    interpolate(TRANSLATIONS[language][key], values ?? {});
  return Object.assign(translate, {
    message: <Key extends TranslationKey>(key: Key, ...values: Values<Key>) => ({
      text: translate(key, ...values),
      code: codeOf(key),
      values: values[0] ?? {},
    }),
    error: (error: ChatError) => ({
      text: errorText(error, language),
      code: error.code,
      values: error.details,
      isError: true as const,
    }),
  });
}

/** The code of a key: "client.returning" is "returning", "backup.answers" is "backup-answers". */
function codeOf(key: TranslationKey): string {
  return key.replace(/^(?:client|server|output)\./, "").replace(".", "-");
}

/** What went wrong: a sentence, or a clause without capital and full stop for errors about a connection. What it quotes
 * may come from anywhere: a file name, a line of a config file, an answer. */
export function errorText(error: unknown, language: Language): string {
  const sentences = TRANSLATIONS[language];
  const code = error instanceof ChatError ? error.code : "internal";
  const details = error instanceof ChatError ? printableDetails(error.details) : {};
  const isFromWire = error instanceof ProtocolError || error instanceof ServerError;
  const key = `${isFromWire ? "wire" : "error"}.${code}`;
  if (!isTranslationKey(key)) {
    return interpolate(sentences["error.unknown"], {
      reason: details.reason ?? printable(errorMessage(error)),
      code: printable(code),
    });
  }
  if (key === "wire.kicked" && !details.reason) return sentences["kicked.no-reason"];
  if (key === "error.nick-invalid" && `${details.nick}`.trim() === "") {
    return interpolate(sentences["nick-invalid.empty"], details);
  }
  if (key === "error.config-line" && error instanceof ChatError) {
    return interpolate(sentences[key], { ...details, why: errorText(error.cause, language) });
  }
  if (key === "error.text-too-long" && Number(details.length) > MAX_COUNTED_CHARS) {
    return interpolate(sentences["text-too-long.more"], { ...details, count: MAX_COUNTED_CHARS });
  }
  // Without one in the catalogue, the original reason stays.
  const reason = isFromWire ? undefined : systemReason(error);
  return interpolate(sentences[key], {
    ...details,
    ...(reason !== undefined && { reason: sentences[`reason.${reason}`] }),
  });
}

function printableDetails(details: ErrorDetails): ErrorDetails {
  const entries = Object.entries(details);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === "string" ? printable(value) : value]),
  );
}

/** The `reason` of an ERROR or REJECTED frame: English text, for clients that do not know the code. */
export function wireReason(error: ProtocolError): string {
  // The reason of a kick is the admin's own text, or empty.
  return error.code === "kicked" ? String(error.details.reason ?? "") : errorText(error, "en");
}

/** The first known language of `--lang`, LC_ALL, LC_MESSAGES and LANG, otherwise Spanish. */
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
