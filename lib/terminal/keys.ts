// Keys, and the control sequences by which terminals tell of them and of other things: what a program that ran
// before told a terminal to send must not be typed. Pure.

// deno-lint-ignore-file no-control-regex -- what terminals send

/** A key that was pressed, as `node:readline` names it: `left`, `a`, `return`. */
export interface Key {
  readonly name?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
  readonly shift?: boolean;
  /** What it types, if it types something. */
  readonly text?: string;
}

/** What belongs to an Escape before it. */
const AFTER_ESCAPE = [
  /\[M[^\x1b]{3}/, // a mouse, as xterm tells of it of old ("X10")
  /\[\[[A-E]/, // a function key of the Linux console
  /\[\d+\$/, // a key of rxvt with Shift
  /\[[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]/, // a control sequence (ECMA-48, 5.4)
  /\[[\x30-\x3f]*/, // one that breaks off
  /O\d?[\x40-\x7e]?/, // one key of the second kind ("SS3")
  /[^\x1b]?/, // a key with Alt
];
/** What terminals send, one after the other: text without Escape, or Escape and what belongs to it. */
export const SEQUENCE = new RegExp(
  `[^\\x1b]+|\\x1b{1,2}(?:${AFTER_ESCAPE.map(({ source }) => source).join("|")})`,
  "gu",
);
/** The beginning of what belongs together, at the end of a text. */
export const PARTIAL = /\x1b{1,2}(?:\[(?:M[^\x1b]{0,2}|\[|[\x30-\x3f]*[\x20-\x2f]*)|O\d?)?$/u;
/** The rest of a sequence whose Escape came so long before that it was taken for the key: a slow link tears them. */
export const RESUMED = /^\[(?:2(?:0(?:0(?:~.*)?)?)?|<.*|[\d;]*[A-HPQRSZ~])$/s;

/** With intermediate bytes it is no key. */
const CSI = /^\[([\x30-\x3f]*)([\x40-\x7e])$/;
/** Keys that have no parameters, or only look as if they had. */
const ODD = /^\[(?:\[[A-E]|\d+\$)$/;
/** A key as terminals have sent it for long, and behind a colon the kind of event (kitty's protocol). */
const CURSOR_OR_FUNCTION = /^(\d{0,2})(?:;(\d+)(?::(\d+))?)?$/;
/** `code:shifted:base;modifiers:event;text` (sw.kovidgoyal.net/kitty/keyboard-protocol). */
const KITTY = /^(\d+)(?::(\d*))?(?::\d*)?(?:;(\d*)(?::(\d+))?)?(?:;([\d:]*))?$/;
/** `27;modifiers;code`, then a tilde (xterm's modifyOtherKeys). */
const OTHER_KEY = /^27;(\d+);(\d+)$/;
const RELEASE = "3";

const SHIFT = 1;
const ALT = 2;
const CTRL = 4;
/** Super, which some call Windows or Command, and Hyper: for window managers. */
const NOT_OURS = 8 | 16;
const META = 32;
const CAPS_LOCK = 64;

/** Keys that type nothing, by their codes in kitty's protocol: those of ASCII, and some of the keypad. */
const KEY_NAMES = new Map<number, string>([
  ...[[9, "tab"], [13, "return"], [27, "escape"], [127, "backspace"]] as const,
  ...[[57_414, "return"], [57_417, "left"], [57_418, "right"], [57_419, "up"]] as const,
  ...[[57_420, "down"], [57_423, "home"], [57_424, "end"], [57_426, "delete"]] as const,
]);
const KEYPAD_0 = 57_399;
/** What has no character: controls, what Unicode leaves to private use (for kitty, keys), halves of characters. */
const NO_CHARACTER = /^[\p{Cc}\p{Co}\p{Cs}]$/u;
const LAST_CODE_POINT = 0x10ffff;

/** What a control sequence means: a key; for `node:readline` to say which, the same in words that it knows; or
 * nothing, be it a mouse, the release of a key, or what nobody knows. */
export function parseSequence(sequence: string): Key | string | undefined {
  const rest = sequence.replace(/^\x1b+/, "");
  const escapes = sequence.slice(0, sequence.length - rest.length);
  if (rest === "") return { name: "escape" };
  if (ODD.test(rest)) return sequence;
  if (!rest.startsWith("[")) return /^O\d?$/.test(rest) ? undefined : sequence;
  const [, parameters, end] = CSI.exec(rest) ?? [];
  if (parameters === undefined) return undefined;
  const hasAlt = escapes.length > 1;
  if (end === "u") return kittyKey(parameters, hasAlt);
  const [, modifiers, code] = (end === "~" && OTHER_KEY.exec(parameters)) || [];
  if (code !== undefined) return keyOf(Number(code), { bits: bitsOf(modifiers), hasAlt });
  return cursorKey(parameters, { escapes, end: end! });
}

function cursorKey(
  parameters: string,
  { escapes, end }: { escapes: string; end: string },
): string | undefined {
  const [whole, number, modifiers, event] = CURSOR_OR_FUNCTION.exec(parameters) ?? [];
  if (whole === undefined || event === RELEASE) return undefined;
  // Readline reads one digit: what it does not know is left out.
  const known = bitsOf(modifiers) & (SHIFT | ALT | CTRL);
  return `${escapes}[${number}${modifiers === undefined ? "" : `;${known + 1}`}${end}`;
}

function kittyKey(parameters: string, hasAlt: boolean): Key | undefined {
  const [, code, shifted, modifiers, event, text] = KITTY.exec(parameters) ?? [];
  if (code === undefined || event === RELEASE) return undefined;
  const typed = text?.split(":").map((part) => characterOf(Number(part))).join("");
  return keyOf(Number(code), {
    bits: bitsOf(modifiers),
    hasAlt,
    shifted: characterOf(Number(shifted)),
    typed,
  });
}

/** The key of a code, with modifiers. `typed` is the text that the terminal says it types. */
function keyOf(
  code: number,
  { bits, hasAlt, shifted, typed }: { bits: number; hasAlt: boolean; shifted?: string; typed?: string },
): Key | undefined {
  if (bits & NOT_OURS) return undefined;
  const [ctrl, shift] = [(bits & CTRL) !== 0, (bits & SHIFT) !== 0];
  const meta = hasAlt || (bits & (ALT | META)) !== 0;
  const name = KEY_NAMES.get(code);
  if (name !== undefined) return { name, ctrl, meta, shift };
  const isDigit = code >= KEYPAD_0 && code < KEYPAD_0 + 10;
  const character = isDigit ? String(code - KEYPAD_0) : characterOf(code);
  if (!character) return undefined;
  const key = { name: character.toLowerCase(), ctrl, meta, shift };
  if (ctrl || meta) return key;
  const isLetter = character.toUpperCase() !== character;
  const isUpper = shift !== (isLetter && (bits & CAPS_LOCK) !== 0);
  const own = isUpper ? (shift && shifted) || character.toUpperCase() : character;
  return { ...key, text: typed || own };
}

/** What a parameter says of modifiers: one more than their bits, 1 if it is left out. */
function bitsOf(parameter: string | undefined): number {
  return (Number(parameter) || 1) - 1;
}

function characterOf(code: number): string | undefined {
  const character = code > 0 && code <= LAST_CODE_POINT ? String.fromCodePoint(code) : undefined;
  return character && !NO_CHARACTER.test(character) ? character : undefined;
}
