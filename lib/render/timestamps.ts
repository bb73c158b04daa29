// Times and date separators.

import { format } from "@std/datetime/format";
import { InputError } from "../errors.ts";
import type { Language } from "../i18n/translate.ts";
import { printable } from "../text/text.ts";

const MAX_PATTERN_CHARS = 64;

/** The last time that a Date can hold (ECMA-262, "Time Values and Time Range"), in ms. */
const LAST_DATE_MS = 8.64e15;

const FIELDS = /^(?:y{4}|yy|MM?|dd?|HH?|hh?|mm?|ss?|S{1,3}|a)$/;
/** A quoted literal, a run of one letter, or any other character, as in {@linkcode format}. */
const PART = /'[^'\\]*'|([a-zA-Z])\1*|[^]/g;

export interface TimestampsConfig {
  /** As {@linkcode parsePattern} returns it. */
  readonly pattern: string;
  /** Whether times are in UTC instead of the machine's zone. */
  readonly isUtc: boolean;
}

/** Formats the times of lines that are shown one after the other. */
export class Timestamps {
  readonly #pattern: string;
  readonly #zone: "UTC" | undefined;
  readonly #language: Language;
  /** 1 if the pattern has fractions of a second, otherwise 1,000. */
  readonly #resolutionMs: number;
  #lastTick = NaN;
  #lastStamp = "";
  /** The day of the last line, from its midnight to the next. */
  #lastDate: { readonly startMs: number; readonly endMs: number } | undefined;

  constructor(language: Language, { pattern, isUtc }: TimestampsConfig) {
    this.#pattern = pattern;
    this.#zone = isUtc ? "UTC" : undefined;
    this.#language = language;
    this.#resolutionMs = pattern.includes("S") ? 1 : 1_000;
  }

  formatTime(timeMs: number): string {
    const tick = Math.floor(Math.min(timeMs, LAST_DATE_MS) / this.#resolutionMs);
    // Cached: a busy room has many messages in one second.
    if (tick !== this.#lastTick) {
      this.#lastTick = tick;
      this.#lastStamp = format(new Date(tick * this.#resolutionMs), this.#pattern, { timeZone: this.#zone });
    }
    return this.#lastStamp;
  }

  /** The line to show before one of this time, if the day has changed since the previous call. */
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
