// The times of lines, as the reader wants them, and the line that tells that a new day has begun. Pure.

import { format } from "@std/datetime/format";
import { InputError } from "../errors.ts";
import type { Language } from "../i18n/translate.ts";
import { printable } from "../text/text.ts";

/** How times look unless the reader wants them otherwise. */
export const DEFAULT_PATTERN = "yyyy-MM-dd HH:mm:ss";
const MAX_PATTERN_CHARS = 64;

/** The last time that a Date can hold (ECMA-262, "Time Values and Time Range"), in ms. */
const LAST_DATE_MS = 8.64e15;

const FIELDS = /^(?:y{4}|yy|MM?|dd?|HH?|hh?|mm?|ss?|S{1,3}|a)$/;
/** A quoted literal, a run of one letter, or any other character, as in {@linkcode format}. */
const PART = /'[^'\\]*'|([a-zA-Z])\1*|[^]/g;

/** How a reader wants times. */
interface TimestampsOptions {
  /** As {@linkcode parsePattern} gives it. */
  readonly pattern?: string;
  /** The machine's own zone otherwise. */
  readonly utc?: boolean;
  /** Of the line for a new day. */
  readonly language?: Language;
}

/** Times of one reader's lines. */
export class Timestamps {
  readonly #pattern: string;
  readonly #zone: "UTC" | undefined;
  readonly #language: Language;
  /** What a stamp can tell apart, in ms. */
  readonly #resolutionMs: number;
  #lastTick = NaN;
  #lastStamp = "";
  /** The day of the last line: from its first ms to the first of the next one. */
  #lastDate: { readonly startMs: number; readonly endMs: number } | undefined;

  constructor({ pattern = DEFAULT_PATTERN, utc = false, language = "es" }: TimestampsOptions = {}) {
    this.#pattern = pattern;
    this.#zone = utc ? "UTC" : undefined;
    this.#language = language;
    this.#resolutionMs = pattern.includes("S") ? 1 : 1_000;
  }

  /** The time as the pattern says. */
  formatTime(timeMs: number): string {
    const step = Math.floor(Math.min(timeMs, LAST_DATE_MS) / this.#resolutionMs);
    // A busy room says much in one second.
    if (step !== this.#lastTick) {
      this.#lastTick = step;
      this.#lastStamp = format(new Date(step * this.#resolutionMs), this.#pattern, { timeZone: this.#zone });
    }
    return this.#lastStamp;
  }

  /** The line to show before one of this time, if that is of another day than the one before it. */
  dateSeparator(timeMs: number): string | undefined {
    const ms = Math.min(timeMs, LAST_DATE_MS);
    if (this.#lastDate && ms >= this.#lastDate.startMs && ms < this.#lastDate.endMs) return undefined;
    const isFirst = this.#lastDate === undefined;
    this.#lastDate = dayOf(new Date(ms), this.#zone);
    if (isFirst) return undefined;
    const date = new Intl.DateTimeFormat(this.#language, { dateStyle: "full", timeZone: this.#zone });
    return `--- ${date.format(ms)} ---`;
  }
}

function dayOf(date: Date, zone: "UTC" | undefined): { startMs: number; endMs: number } {
  const midnight = zone
    ? (later: number) => Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + later)
    : (later: number) => new Date(date.getFullYear(), date.getMonth(), date.getDate() + later).getTime();
  return { startMs: midnight(0), endMs: midnight(1) };
}

/** A pattern for {@linkcode Timestamps}: the fields of {@linkcode format} and what stands for itself, letters only
 * between single quotes.
 * @throws {InputError} `pattern-invalid` */
export function parsePattern(text: string): string {
  const parts = [...text.matchAll(PART)];
  const fields = parts.filter(([part, letter]) => letter !== undefined && FIELDS.test(part));
  const isWrong = parts.some(([part, letter]) =>
    part === "'" || (letter !== undefined && !FIELDS.test(part))
  );
  const isSafe = printable(text) === text && text.length <= MAX_PATTERN_CHARS;
  if (fields.length > 0 && !isWrong && isSafe) return text;
  throw new InputError("pattern-invalid", { pattern: text });
}
