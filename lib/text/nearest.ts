// What somebody may have meant who mistyped a word. Pure.

import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** How much of a word may be mistyped: with more, the guess would be another word. */
const MAX_EDIT_DISTANCE = 1 / 3;

/** The word that this one looks most like, whatever the case; undefined if it looks like none. */
export function suggest(typed: string, words: readonly string[]): string | undefined {
  if (words.length === 0) return undefined;
  const nearest = closestString(typed, words);
  const distance = levenshteinDistance(typed.toLowerCase(), nearest.toLowerCase());
  return distance <= MAX_EDIT_DISTANCE * Math.max(typed.length, nearest.length) ? nearest : undefined;
}
