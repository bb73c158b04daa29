// What a message and a password may be, how peer text is made safe for a terminal, and what a mistyped word meant.

import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { InputError } from "../errors.ts";

/** Longest message, in code points, indentation included. */
export const MAX_TEXT_CHARS = 2_000;
/** Longest password, in bytes of UTF-8. */
export const MAX_PASSWORD_BYTES = 256;
/** Longest name of a room, in code points. */
const MAX_ROOM_NAME_CHARS = 40;
/** How much of a word may be mistyped for {@linkcode suggest}, as a share of the longer word. */
const MAX_EDIT_DISTANCE = 1 / 3;

// C0, DEL, C1 (8-bit CSI among them), line and paragraph separators, bidi embeddings, overrides and isolates,
// lone surrogates: they could move the cursor, break a line or reorder the text around them. And from the ninth
// combining mark on one character on: piled marks cover the lines above, and no language needs eight.
const UNSAFE_CHARS =
  // deno-lint-ignore no-control-regex -- these are the very characters to find
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Surrogate}|\p{M}(?<=\p{M}{9})/gu;
// On a screen also directional marks, and tags outside of a flag such as that of Scotland (UTS #51, ED-14a): they reorder
// or hide text. Old clients send them and would lose the message, so the wire takes them. A flag is matched first, to
// be kept.
const UNPRINTABLE = new RegExp(
  `(\\u{1f3f4}[\\u{e0030}-\\u{e0039}\\u{e0061}-\\u{e007a}]{3,6}\\u{e007f})|${UNSAFE_CHARS.source}` +
    "|[\\u061c\\u200e\\u200f\\u{e0000}-\\u{e007f}]",
  "gu",
);
// U+2800 is the Braille pattern without dots.
const HAS_VISIBLE_CHAR = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{M}\u2800]/u;

/** Turns a typed line into a message: keeps the indentation, expands tabs, makes other controls visible, and trims
 * the end. Empty if no visible character is left.
 * @throws {InputError} `text-too-long` */
export function parseText(raw: string): string {
  if (!HAS_VISIBLE_CHAR.test(raw)) return "";
  const text = printable(expandTabs(raw)).trimEnd();
  const length = countChars(text);
  if (length > MAX_TEXT_CHARS) throw new InputError("text-too-long", { length, max: MAX_TEXT_CHARS });
  return text;
}

/** Whether a peer's message is one that {@linkcode parseText} can return, or could in older versions. */
export function isText(text: string): boolean {
  if (
    !HAS_VISIBLE_CHAR.test(text) || text.search(UNSAFE_CHARS) >= 0 || text.trimEnd().length !== text.length
  ) return false;
  return text.length <= MAX_TEXT_CHARS || countChars(text) <= MAX_TEXT_CHARS;
}

/** Replaces tabs: in the indentation up to the next multiple of four columns, elsewhere by one blank. A terminal
 * would count tab stops from its own margin, not from where the message starts. */
export function expandTabs(text: string): string {
  const [indent] = /^[ \t]*/.exec(text)!;
  return indent.replaceAll(/ {4}| {0,3}\t/g, "    ") + text.slice(indent.length).replaceAll("\t", " ");
}

/** Replaces every character that a terminal could obey, or hide, by one that it shows. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char, flag?: string) => {
    if (flag) return flag;
    const code = char.charCodeAt(0);
    // U+2400 "Control Pictures" has a symbol for each C0 control, and U+2421 for DEL.
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\ufffd";
  });
}

export function countChars(text: string): number {
  let count = text.length;
  for (let i = 1; i < text.length; i++) {
    // The trailing half of a surrogate pair belongs to the code point before it.
    const unit = text.charCodeAt(i);
    if (unit >= 0xdc00 && unit <= 0xdfff && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800) count--;
  }
  return count;
}

/** Shortens a text to `max` code points, the last of them an ellipsis. */
export function truncate(text: string, max: number): string {
  const chars = [...text];
  return chars.length <= max ? text : `${chars.slice(0, max - 1).join("")}…`;
}

/** The name of a room in NFC; undefined if no screen can show it as it is, or it is too long. */
export function parseRoomName(text: string): string | undefined {
  const name = text.trim().normalize("NFC");
  return isText(name) && printableRoomName(name) === name ? name : undefined;
}

/** A peer's name of a room for a screen, where a dot in the middle of the line separates it from its address. */
export function printableRoomName(name: string): string {
  const text = printable(name).replaceAll("·", "-").trim();
  return HAS_VISIBLE_CHAR.test(text) ? truncate(text, MAX_ROOM_NAME_CHARS) : "?";
}

/** The word most like a mistyped one, ignoring case; undefined if none is close. */
export function suggest(typed: string, words: readonly string[]): string | undefined {
  const isClose = (word: string, distance: number) =>
    distance <= MAX_EDIT_DISTANCE * Math.max(typed.length, word.length);
  // A distance is at least the difference in length. A pasted text is not worth more of a search.
  const likely = words.filter((word) => isClose(word, Math.abs(word.length - typed.length)));
  if (likely.length === 0) return undefined;
  const nearest = closestString(typed, likely, { compareFn: editDistance });
  return isClose(nearest, editDistance(typed.toLowerCase(), nearest.toLowerCase())) ? nearest : undefined;
}

/** The Levenshtein distance, but two letters that changed places count as one change. */
function editDistance(typed: string, word: string): number {
  const swapped = Array.from(
    { length: typed.length - 1 },
    (_, at) => typed.slice(0, at) + typed[at + 1] + typed[at] + typed.slice(at + 2),
  );
  const distances = swapped.map((text) => 1 + levenshteinDistance(text, word));
  return Math.min(levenshteinDistance(typed, word), ...distances);
}

/** Takes the first line of a password file, or of an answer without a path, in NFC (RFC 8265, section 4.2): macOS may
 * decompose accents.
 * @throws {InputError} `password-empty`, `password-file-empty` or `password-too-long` */
export function parsePassword(text: string, path?: string): string {
  const password = text.split(/[\r\n]/, 1)[0]!.normalize("NFC");
  if (password === "") {
    throw path === undefined
      ? new InputError("password-empty")
      : new InputError("password-file-empty", { path });
  }
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) {
    throw new InputError("password-too-long", { max: MAX_PASSWORD_BYTES });
  }
  return password;
}

/** Checks passwords against a digest, so that the password itself is not kept in memory. */
export class PasswordVerifier {
  readonly #digest: Buffer;

  constructor(password: string) {
    this.#digest = sha256(password);
  }

  /** Takes the same time for all passwords of one length. Older clients send what was typed, in any form. */
  matches(password: string): boolean {
    return timingSafeEqual(this.#digest, sha256(password.normalize("NFC")));
  }
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
