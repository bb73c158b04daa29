// What a nick may be, and when two nicks are the same.

import { InputError } from "../errors.ts";
import { countChars, truncate } from "./text.ts";

/** Longest nick, in code points after NFKC. */
export const MAX_NICK_CHARS = 20;
/** Longest nick that is normalized at all, in UTF-16 units: few scripts take more than four for a character. */
const MAX_RAW_NICK_UNITS = 4 * MAX_NICK_CHARS;

// At most four marks on one letter (UTS #39, section 5.4).
const NICK = /^[\p{L}\p{Nd}_-](?!\p{M}{5})(?:[\p{L}\p{M}\p{Nd}_-](?!\p{M}{5}))*$/u;
const INVISIBLE_CHARS = /\p{Default_Ignorable_Code_Point}/u;

/** Normalizes a typed nick to NFKC: 1 to 20 letters, digits, `_` or `-`.
 * @throws {InputError} `nick-invalid` or `nick-mixed` */
export function parseNick(raw: string): string {
  const trimmed = raw.trim();
  // NFKC can make a text 18 times as long, so a text that is far too long is refused before.
  const nick = trimmed.length > MAX_RAW_NICK_UNITS ? "" : trimmed.normalize("NFKC");
  if (countChars(nick) > MAX_NICK_CHARS || !NICK.test(nick) || INVISIBLE_CHARS.test(nick)) {
    throw new InputError("nick-invalid", { nick: truncate(raw, 2 * MAX_NICK_CHARS), max: MAX_NICK_CHARS });
  }
  if (hasMixedScripts(nick)) throw new InputError("nick-mixed", { nick });
  return nick;
}

/** Whether a peer's nick is one that {@linkcode parseNick} can return. Scripts are not checked. */
export function isNick(nick: string): boolean {
  return NICK.test(nick) && !INVISIBLE_CHARS.test(nick) && countChars(nick) <= MAX_NICK_CHARS &&
    nick.normalize("NFKC") === nick;
}

/** A peer's nick for a screen. An impossible one becomes `?`: it could pass for a line of the program's own. */
export function printableNick(nick: string): string {
  return NICK.test(nick) && !INVISIBLE_CHARS.test(nick) ? nick : "?";
}

/** Folds case: two nicks are the same if their folded forms are. */
export function foldNick(nick: string): string {
  // Lower case first: a capital sharp s is its own upper case, but its lower case becomes SS.
  return nick.toLowerCase().toUpperCase().normalize("NFKC");
}

/** Scripts in use today (UAX #31, tables 5 and 7), the most common first. */
const SCRIPTS = `Latin Cyrillic Greek Han Hangul Hiragana Katakana Bopomofo Arabic Hebrew Devanagari Armenian
  Bengali Ethiopic Georgian Gujarati Gurmukhi Kannada Khmer Lao Malayalam Myanmar Oriya
  Sinhala Tamil Telugu Thaana Thai Tibetan Adlam Balinese Bamum Batak Canadian_Aboriginal
  Chakma Cham Cherokee Hanifi_Rohingya Javanese Kayah_Li Lepcha Limbu Lisu Mandaic
  Meetei_Mayek Miao New_Tai_Lue Newa Nko Nyiakeng_Puachue_Hmong Ol_Chiki Osage Saurashtra
  Sundanese Syloti_Nagri Syriac Tai_Le Tai_Tham Tai_Viet Tifinagh Vai Wancho Yi`.split(/\s+/);

/** Scripts that may be mixed (UTS #39, section 5.2, "Highly Restrictive"). */
const ALLOWED_SCRIPT_SETS = [
  ["Latin", "Han", "Hiragana", "Katakana"],
  ["Latin", "Han", "Bopomofo"],
  ["Latin", "Han", "Hangul"],
];

const ASCII = /^[\x20-\x7e]*$/;

/** Made when first needed: it takes 8 ms, and an ASCII nick never needs it. */
let scriptPatterns: ReturnType<typeof makeScriptPatterns> | undefined;

function makeScriptPatterns() {
  return {
    allowed: [...SCRIPTS.map((script) => [script]), ...ALLOWED_SCRIPT_SETS]
      .map((scripts) => new RegExp(`^[\\p{scx=Common}\\p{scx=Inherited}${classes(scripts)}]*$`, "u")),
    inUse: new RegExp(`[${classes(SCRIPTS)}]`, "u"),
  };
}

function classes(scripts: readonly string[]): string {
  return scripts.map((script) => `\\p{scx=${script}}`).join("");
}

/** Scripts out of use count as one. */
export function hasMixedScripts(text: string): boolean {
  if (ASCII.test(text)) return false;
  const { allowed, inUse } = scriptPatterns ??= makeScriptPatterns();
  return !allowed.some((pattern) => pattern.test(text)) && inUse.test(text);
}
