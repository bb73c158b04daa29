// What text may be: the rules for nicks and messages, and the one way that makes a peer's text safe for a
// terminal. Knows nothing of frames or screens.

import { InputError } from "../errors.ts";
import { hasMixedScripts } from "./nick.ts";

/** Longest nick, in Unicode code points after normalisation. */
export const MAX_NICK_CHARS = 20;
/** Longest nick that is looked at before normalisation, in UTF-16 units: few scripts take more than four for a
 * character. */
const MAX_RAW_NICK_UNITS = 4 * MAX_NICK_CHARS;
/** Longest message, in Unicode code points, its indent included. */
export const MAX_TEXT_CHARS = 2_000;

// At most four marks on one letter (UTS #39, section 5.4).
const NICK = /^[\p{L}\p{Nd}_-](?!\p{M}{5})(?:[\p{L}\p{M}\p{Nd}_-](?!\p{M}{5}))*$/u;
const INVISIBLE_CHARS = /\p{Default_Ignorable_Code_Point}/u;

// C0, DEL, C1 (8-bit CSI among them), line and paragraph separators, bidi embeddings, overrides and
// isolates, lone surrogates: what could move a cursor, break a line or reorder what stands around it. And the
// ninth mark on one character, for piles of them cover the lines above: no language needs as many as eight.
const UNSAFE_CHARS =
  // deno-lint-ignore no-control-regex -- these are the very characters to find
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Surrogate}|\p{M}(?<=\p{M}{9})/gu;
// U+2800 is a Braille pattern without dots.
const HAS_VISIBLE_CHAR = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{M}\u2800]/u;

/** The nick as everyone will see it: NFKC, 1 to 20 letters, digits, `_` or `-`.
 * @throws {InputError} `nick-invalid` or `nick-mixed` */
export function parseNick(raw: string): string {
  const trimmed = raw.trim();
  // Normalising can make a text 18 times as long: what is far too long is not worth it.
  const nick = trimmed.length > MAX_RAW_NICK_UNITS ? "" : trimmed.normalize("NFKC");
  if (countChars(nick) > MAX_NICK_CHARS || !NICK.test(nick) || INVISIBLE_CHARS.test(nick)) {
    const shown = truncate(raw, 2 * MAX_NICK_CHARS);
    throw new InputError("nick-invalid", { nick: shown, max: MAX_NICK_CHARS });
  }
  if (hasMixedScripts(nick)) {
    throw new InputError("nick-mixed", { nick });
  }
  return nick;
}

/** Whether a nick that a peer gave is one that {@linkcode parseNick} could have made. */
export function isNick(nick: string): boolean {
  return NICK.test(nick) && !INVISIBLE_CHARS.test(nick) && countChars(nick) <= MAX_NICK_CHARS &&
    nick.normalize("NFKC") === nick;
}

/** A nick as a peer gives it, for a screen: what no nick can be is no name, and must not pass for a line of the
 * program's own. */
export function printableNick(nick: string): string {
  return NICK.test(nick) && !INVISIBLE_CHARS.test(nick) ? nick : "?";
}

/** Two nicks with the same key are the same nick: case does not tell people apart. */
export function foldNick(nick: string): string {
  // Down first: a capital sharp s is its own upper case, but its small letter becomes SS.
  return nick.toLowerCase().toUpperCase().normalize("NFKC");
}

/** A typed line as a message: indented as it is, tabs as blanks, other controls made visible, without the blanks
 * behind it; empty if nothing is left that can be seen.
 * @throws {InputError} `text-too-long` */
export function parseText(raw: string): string {
  const text = printable(expandTabs(raw)).trimEnd();
  if (!HAS_VISIBLE_CHAR.test(text)) return "";
  const length = countChars(text);
  if (length > MAX_TEXT_CHARS) {
    throw new InputError("text-too-long", { length, max: MAX_TEXT_CHARS });
  }
  return text;
}

/** Whether a message that a peer sent is one that {@linkcode parseText} could have made. */
export function isText(text: string): boolean {
  if (
    !HAS_VISIBLE_CHAR.test(text) || text.search(UNSAFE_CHARS) >= 0 || text.trimEnd().length !== text.length
  ) return false;
  return text.length <= MAX_TEXT_CHARS || countChars(text) <= MAX_TEXT_CHARS;
}

/** The same text with blanks for tabs: those that indent it as far as the next column that four divides, as code
 * is read, every other one a single blank. Terminals would count them from wherever the text begins. */
export function expandTabs(text: string): string {
  const [indent] = /^[ \t]*/.exec(text)!;
  return indent.replaceAll(/ {4}| {0,3}\t/g, "    ") + text.slice(indent.length).replaceAll("\t", " ");
}

/** The same text with everything that a terminal could obey replaced by something that it can show. */
export function printable(text: string): string {
  return text.replace(UNSAFE_CHARS, (char) => {
    const code = char.charCodeAt(0);
    // U+2400 "Control Pictures" has a symbol for each C0 control, and U+2421 for DEL.
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\ufffd";
  });
}

/** Length in Unicode code points. */
export function countChars(text: string): number {
  let count = text.length;
  for (let i = 1; i < text.length; i++) {
    // The trailing half of a pair belongs to the code point before it.
    const unit = text.charCodeAt(i);
    if (unit >= 0xdc00 && unit <= 0xdfff && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800) count--;
  }
  return count;
}

/** The text if it is short enough, else its beginning with an ellipsis, `max` code points in all. */
export function truncate(text: string, max: number): string {
  const chars = [...text];
  return chars.length <= max ? text : `${chars.slice(0, max - 1).join("")}…`;
}
