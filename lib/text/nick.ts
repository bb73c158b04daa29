// Whether a text mixes scripts that nobody writes in one word. Knows nothing of what the text is for.

/** Scripts in use today (UAX #31, tables 5 and 7), those of most people first. */
const SCRIPTS = [
  ..."Latin Cyrillic Greek Han Hangul Hiragana Katakana Bopomofo Arabic Hebrew Devanagari Armenian".split(
    " ",
  ),
  ..."Bengali Ethiopic Georgian Gujarati Gurmukhi Kannada Khmer Lao Malayalam Myanmar Oriya".split(" "),
  ..."Sinhala Tamil Telugu Thaana Thai Tibetan Adlam Balinese Bamum Batak Canadian_Aboriginal".split(" "),
  ..."Chakma Cham Cherokee Hanifi_Rohingya Javanese Kayah_Li Lepcha Limbu Lisu Mandaic".split(" "),
  ..."Meetei_Mayek Miao New_Tai_Lue Newa Nko Nyiakeng_Puachue_Hmong Ol_Chiki Osage Saurashtra".split(" "),
  ..."Sundanese Syloti_Nagri Syriac Tai_Le Tai_Tham Tai_Viet Tifinagh Vai Wancho Yi".split(" "),
];

/** Scripts that are written together (UTS #39, section 5.2, "Highly Restrictive"). */
const ALLOWED_SCRIPT_SETS = [
  ["Latin", "Han", "Hiragana", "Katakana"],
  ["Latin", "Han", "Bopomofo"],
  ["Latin", "Han", "Hangul"],
];

/** Latin, and what may stand with any script. */
const ASCII = /^[\x20-\x7e]*$/;

interface Patterns {
  /** Texts in a script that is in use, or in several that are written together. */
  readonly allowed: readonly RegExp[];
  /** A letter of a script that is in use. */
  readonly inUse: RegExp;
}

/** They take 8 ms to make: no start waits for them, nor anybody whose nick is in ASCII. */
let patterns: Patterns | undefined;

function makePatterns(): Patterns {
  return {
    allowed: [...SCRIPTS.map((script) => [script]), ...ALLOWED_SCRIPT_SETS]
      .map((scripts) => new RegExp(`^[\\p{scx=Common}\\p{scx=Inherited}${classes(scripts)}]*$`, "u")),
    inUse: new RegExp(`[${classes(SCRIPTS)}]`, "u"),
  };
}

function classes(scripts: readonly string[]): string {
  return scripts.map((script) => `\\p{scx=${script}}`).join("");
}

/** Whether letters of several scripts stand in one text, other than those that are written together. Scripts
 * that nobody uses any more count as one. */
export function hasMixedScripts(text: string): boolean {
  if (ASCII.test(text)) return false;
  const { allowed, inUse } = patterns ??= makePatterns();
  return !allowed.some((pattern) => pattern.test(text)) && inUse.test(text);
}
