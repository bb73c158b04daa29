// Times and date separators, shorter on narrow screens.

import { format } from "@std/datetime/format";
import { InputError } from "../errors.ts";
import type { Language } from "../i18n/translate.ts";
import { printable } from "../text/text.ts";

const MAX_PATTERN_CHARS = 64;

/** The last time that a Date can hold (ECMA-262, "Time Values and Time Range"), in ms. */
export const LAST_DATE_MS = 8.64e15;

/** Of lines, where the screen is wide enough, and of times within a text. */
export const FULL_PATTERN = "yyyy-MM-dd HH:mm:ss";
/** Narrowest screens for the full pattern, and for the time with its seconds, in columns. */
const FULL_COLUMNS = 80;
const SECONDS_COLUMNS = 60;

const FIELDS = /^(?:y{4}|yy|MM?|dd?|HH?|hh?|mm?|ss?|S{1,3}|a)$/;
/** A quoted literal, a run of one letter, or any other character, as in {@linkcode format}. */
const PART = /'[^'\\]*'|([a-zA-Z])\1*|[^]/g;

export interface TimestampsConfig {
  /** As {@linkcode parsePattern} returns it. Undefined to choose by the width of the screen. */
  readonly pattern: string | undefined;
  /** Whether times are in UTC instead of the machine's zone. */
  readonly isUtc: boolean;
}

/** Formats the times of lines that are shown one after the other. `columns` is the width of the screen; undefined where
 * there is none. */
export class Timestamps {
  readonly #pattern: string | undefined;
  readonly #zone: "UTC" | undefined;
  readonly #language: Language;
  /** 1 if the pattern has fractions of a second, otherwise 1,000. */
  readonly #resolutionMs: number;
  #lastTick = NaN;
  #lastPattern = "";
  #lastStamp = "";
  /** The day of the last line, from its midnight to the next. */
  #lastDate: { readonly startMs: number; readonly endMs: number } | undefined;

  constructor(language: Language, { pattern, isUtc }: TimestampsConfig) {
    this.#pattern = pattern;
    this.#zone = isUtc ? "UTC" : undefined;
    this.#language = language;
    this.#resolutionMs = pattern?.includes("S") ? 1 : 1_000;
  }

  /** A time within a text. */
  formatTime(timeMs: number): string {
    return this.#format(timeMs, this.#pattern ?? FULL_PATTERN);
  }

  /** The time of a line. */
  lineTime(timeMs: number, columns: number | undefined): string {
    return this.#format(timeMs, this.#pattern ?? patternFor(columns));
  }

  /** The line to show before one of this time, if the day has changed since the previous call, or if it is the first
   * call and the times of lines have no date. */
  dateSeparator(timeMs: number, columns: number | undefined): string | undefined {
    const ms = Math.min(timeMs, LAST_DATE_MS);
    if (this.#lastDate && ms >= this.#lastDate.startMs && ms < this.#lastDate.endMs) return undefined;
    const isFirst = this.#lastDate === undefined;
    this.#lastDate = dayOf(new Date(ms), this.#zone);
    const hasDate = this.#pattern !== undefined || patternFor(columns) === FULL_PATTERN;
    if (isFirst && hasDate) return undefined;
    const full = this.#dateLine(ms, "full");
    return columns !== undefined && full.length > columns ? this.#dateLine(ms, "medium") : full;
  }

  #format(timeMs: number, pattern: string): string {
    const tick = Math.floor(Math.min(timeMs, LAST_DATE_MS) / this.#resolutionMs);
    // Cached: a busy room has many messages in one second.
    if (tick !== this.#lastTick || pattern !== this.#lastPattern) {
      this.#lastTick = tick;
      this.#lastPattern = pattern;
      this.#lastStamp = format(new Date(tick * this.#resolutionMs), pattern, { timeZone: this.#zone });
    }
    return this.#lastStamp;
  }

  #dateLine(ms: number, dateStyle: "full" | "medium"): string {
    const date = new Intl.DateTimeFormat(this.#language, { dateStyle, timeZone: this.#zone });
    return `--- ${date.format(ms)} ---`;
  }
}

function patternFor(columns = Infinity): string {
  return columns >= FULL_COLUMNS ? FULL_PATTERN : columns >= SECONDS_COLUMNS ? "HH:mm:ss" : "HH:mm";
}

function dayOf(date: Date, zone: "UTC" | undefined): { startMs: number; endMs: number } {
  const midnight = zone
    ? (later: number) => Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + later)
    : (later: number) => new Date(date.getFullYear(), date.getMonth(), date.getDate() + later).getTime();
  return { startMs: midnight(0), endMs: midnight(1) };
}

/** Checks a pattern of fields of {@linkcode format} and literals. Letters of a literal must be in single quotes.
 * @throws {InputError} `pattern-invalid` */
export function parsePattern(text: string): string {
  const parts = text.match(PART) ?? [];
  const hasField = parts.some((part) => FIELDS.test(part));
  const isWrong = parts.some((part) => part === "'" || (/^[a-zA-Z]/.test(part) && !FIELDS.test(part)));
  const isSafe = printable(text) === text && text.length <= MAX_PATTERN_CHARS;
  if (hasField && !isWrong && isSafe) return text;
  throw new InputError("pattern-invalid", { pattern: text });
}
