// What a keyboard sends to keys and pasted blocks.

// deno-lint-ignore-file no-control-regex -- what terminals send

import { EventEmitter } from "node:events";
import { emitKeypressEvents } from "node:readline";

/** Switches xterm's bracketed paste mode on and off. */
export const BRACKETED_PASTE = { on: "\x1b[?2004h", off: "\x1b[?2004l" } as const;
/** Has keys sent as plain bytes, whatever the program before left behind: kitty's protocol
 * (sw.kovidgoyal.net/kitty/keyboard-protocol), xterm's modifyOtherKeys, mouse reports. */
export const PLAIN_KEYS = {
  on: "\x1b[>0u\x1b[>4;0m\x1b[?1000;1002;1003;1006l",
  off: "\x1b[<u\x1b[>4m",
} as const;
/** Has the terminal report when its window gets the focus, and when it loses it (xterm's ctlseqs, "FocusIn/FocusOut"). */
export const FOCUS_REPORTS = { on: "\x1b[?1004h", off: "\x1b[?1004l" } as const;
/** Keys that stand for the reports. */
const FOCUS_KEYS: Readonly<Record<string, Key>> = { "[I": { name: "focus-in" }, "[O": { name: "focus-out" } };
/** The end of the block begins in the same way. */
const PASTE_BEGIN = /(\x1b\[|\x9b)200~/;
const PASTE_END = "\x1b[201~";
/** The beginning of the end of a block, at the end of a chunk. */
const PARTIAL_PASTE_END = /\x1b(?:\[(?:2(?:0(?:1)?)?)?)?$/;
/** C1 controls that begin or end a sequence; each stands for Escape and the character 0x40 lower (ECMA-48, 5.3). */
const C1 = /[\x8f\x90\x98\x9b-\x9f]/g;
const SEVERAL_LINES = /[\r\n]+[^\r\n]/;
const CTRL_C = "\x03";
/** Largest pasted block, in UTF-16 units. A larger one is delivered in parts. */
const MAX_PASTE_UNITS = 1 << 20;
/** How long without input until a block is delivered without its end, in ms. */
export const PASTE_TIMEOUT_MS = 1_000;
/** Within a block, Ctrl-C is a key if it comes alone after a pause of this length, in ms, and data otherwise. */
const PASTE_PAUSE_MS = 100;
/** A key that may be the start of a sequence that a slow link split: Escape, or Alt with what begins an answer. */
const HELD_KEY = /^\x1b+[\]P_^X]?$/;
/** How long such a key is held back, in ms. */
const HELD_KEY_MS = 50;

/** A key, named as `node:readline` names it: `left`, `a`, `return`; or `focus-in` and `focus-out`. */
export interface Key {
  readonly name?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
  readonly shift?: boolean;
  /** The text that the key types, if any. */
  readonly text?: string;
}

export interface KeyListener {
  onKey(key: Key): void;
  /** Called with a block that the terminal marked as pasted. Its line endings are those of its source. `isRest`: the block
   * before it was delivered without its end, and this follows in it. */
  onPaste(text: string, options: { isRest: boolean }): void;
  onEnd(): void;
}

/** Splits input into keys and pasted blocks, however the input is cut into chunks. */
export class KeyDecoder implements Disposable {
  /** How long an incomplete sequence other than a key is held back, in ms. */
  sequenceTimeoutMs = 2_000;
  pasteTimeoutMs = PASTE_TIMEOUT_MS;
  readonly #listener: KeyListener;
  /** `node:readline` parses what this emits. */
  readonly #keypress = new EventEmitter();
  /** An incomplete sequence, or the part of a pasted block that has arrived. */
  #buffer = "";
  #isPasting = false;
  #pasteEnd = PASTE_END;
  /** Whether a block paused for {@linkcode PASTE_PAUSE_MS}. */
  #isPaused = false;
  /** Whether the current block is the rest of the one before. */
  #isRest = false;
  /** Whether the last block was delivered without its end, so that the next chunk may be the rest of it. */
  #lacksPasteEnd = false;
  /** Whether the current chunk is a paste of several lines that the terminal did not mark. */
  #isUnbracketedPaste = false;
  #timeout: ReturnType<typeof setTimeout> | undefined;
  /** The key that was delivered after {@linkcode HELD_KEY_MS}: the next chunks may be the rest of its sequence. */
  #heldKey: string | undefined;

  constructor(listener: KeyListener) {
    this.#listener = listener;
    emitKeypressEvents(this.#keypress as NodeJS.ReadableStream);
    this.#keypress.on("keypress", (text: string | undefined, key: Key) => this.#onKeypress(text, key));
  }

  /** Whether a pasted block or a sequence has begun that has not ended. */
  get isIncomplete(): boolean {
    return this.#isPasting || this.#buffer !== "";
  }

  push(text: string): void {
    clearTimeout(this.#timeout);
    const isCtrlC = this.#isPaused && text === CTRL_C;
    this.#isPaused = false;
    if (isCtrlC) return this.#endPaste();
    if (this.#lacksPasteEnd) {
      const rest = this.#buffer + text;
      // A slow link may cut the mark more than once.
      const isPartialEnd = this.#buffer !== "" && rest !== PASTE_END && PASTE_END.startsWith(rest);
      if (isPartialEnd) return void (this.#buffer = rest);
      this.#lacksPasteEnd = false;
      this.#isPasting = this.#isRest = isRestOfPaste(rest);
      if (!this.#isPasting) this.#buffer = "";
    }
    const resumed = this.#heldKey === undefined
      ? ""
      : this.#heldKey.replace(/^\x1b+/, "") + this.#buffer + text;
    if (SPLIT_OFF_PASTE_BEGIN.test(resumed)) {
      this.#buffer += text;
      this.#timeout = setTimeout(() => this.#flushPartial(), this.sequenceTimeoutMs);
      return;
    }
    const isRest = SPLIT_OFF_REST.test(withoutC1(resumed)) &&
      (this.#buffer === "" || resumed.startsWith("[200~"));
    this.#heldKey = undefined;
    this.#buffer = isRest ? `\x1b${resumed}` : this.#buffer + text;
    while (this.#isPasting ? this.#readPasted() : this.#readTyped());
    if (this.#isPasting) return this.#waitForPasteEnd();
    if (this.#buffer === "") return;
    this.#timeout = setTimeout(
      () => this.#flushPartial(),
      HELD_KEY.test(this.#buffer) ? HELD_KEY_MS : this.sequenceTimeoutMs,
    );
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timeout);
  }

  #waitForPasteEnd(): void {
    this.#timeout = setTimeout(() => {
      this.#isPaused = true;
      this.#timeout = setTimeout(() => this.#endPaste(), this.pasteTimeoutMs - PASTE_PAUSE_MS);
    }, PASTE_PAUSE_MS);
  }

  /** Delivers a block whose end was lost. */
  #endPaste(): void {
    const pasted = this.#buffer.replace(PARTIAL_PASTE_END, "");
    this.#buffer = this.#buffer.slice(pasted.length);
    this.#isPasting = this.#isPaused = false;
    this.#lacksPasteEnd = true;
    this.#deliverPaste(pasted);
  }

  /** Delivers a key, or what was typed after Escape, and drops any other incomplete sequence. */
  #flushPartial(): void {
    const partial = this.#buffer;
    this.#buffer = "";
    if (this.#heldKey !== undefined) {
      this.#heldKey = undefined;
      return this.#onSequence(partial);
    }
    if (!HELD_KEY.test(partial)) return;
    this.#heldKey = partial;
    this.#onSequence(partial);
  }

  /** Returns whether a pasted block follows. */
  #readTyped(): boolean {
    const begin = PASTE_BEGIN.exec(this.#buffer);
    const before = withoutC1(this.#buffer.slice(0, begin?.index));
    const end = begin ? before.length : PARTIAL.exec(before)?.index ?? before.length;
    const [typed, partial] = [before.slice(0, end), before.slice(end)];
    this.#isPasting = begin !== null;
    if (begin) {
      this.#pasteEnd = PASTE_END.replace("\x1b[", begin[1]!);
      this.#buffer = this.#buffer.slice(begin.index + begin[0].length);
    } else if (this.#buffer.endsWith(partial)) this.#buffer = partial;
    else this.#buffer = this.#buffer.slice(1 - partial.length); // a C1 control is one character
    this.#isUnbracketedPaste = SEVERAL_LINES.test(typed);
    for (const [sequence] of typed.matchAll(SEQUENCE)) this.#onSequence(sequence);
    return this.#isPasting;
  }

  /** Returns whether the block is complete. */
  #readPasted(): boolean {
    const end = this.#buffer.indexOf(this.#pasteEnd);
    if (end >= 0) {
      this.#deliverPaste(this.#buffer.slice(0, end));
      this.#buffer = this.#buffer.slice(end + this.#pasteEnd.length);
      this.#isPasting = false;
      return true;
    }
    if (this.#buffer.length > MAX_PASTE_UNITS) {
      const part = this.#buffer.replace(PARTIAL_PASTE_END, "");
      this.#deliverPaste(part);
      this.#buffer = this.#buffer.slice(part.length);
    }
    return false;
  }

  #deliverPaste(text: string): void {
    this.#listener.onPaste(text, { isRest: this.#isRest });
    this.#isRest = false;
  }

  /** `sequence` may also be text. */
  #onSequence(sequence: string): void {
    const parsed = sequence.startsWith("\x1b") ? parseSequence(sequence) : sequence;
    if (typeof parsed === "string") this.#keypress.emit("data", parsed);
    else if (parsed) this.#listener.onKey(parsed);
  }

  #onKeypress(text: string | undefined, key: Key): void {
    if (text === "\t" && this.#isUnbracketedPaste) return this.#listener.onKey({ text });
    const isText = text !== undefined && !key.ctrl && !key.meta && (text.codePointAt(0)! >= 0x20) &&
      text !== "\x7f";
    const { name, ctrl, meta, shift } = key;
    this.#listener.onKey({ name, ctrl, meta, shift, text: isText ? text : undefined });
  }
}

/** A typed line without what the terminal answered amid it and without keys that type nothing, for a terminal without
 * line editing. */
export function withoutAnswers(line: string): string {
  const typed = withoutC1(line);
  const rest = typed.replaceAll(ANSWERS, "");
  return rest === typed ? line : rest;
}

/** Text with the C1 controls that begin or end a sequence as a terminal with 7 bits sends them. */
function withoutC1(text: string): string {
  return text.replace(C1, (control) => `\x1b${String.fromCharCode(control.charCodeAt(0) - 0x40)}`);
}

/** Whether a chunk continues a block that was delivered without its end: what no person types at once. */
function isRestOfPaste(chunk: string): boolean {
  const [before] = chunk.split(PASTE_BEGIN, 1) as [string];
  return before.includes(PASTE_END) || SEVERAL_LINES.test(before) ||
    (before !== CTRL_C && before.includes(CTRL_C));
}

/** What a terminal answers (OSC, DCS, APC, PM, SOS: ECMA-48, 5.6) up to its end: BEL or ST. */
const ANSWER = /[\]P_^X][^\x00-\x1f\x7f]*(?:\x07|\x1b\\)/;
/** A control sequence (CSI: ECMA-48, 5.4): a key, or what a terminal reports. */
const CONTROL_SEQUENCE = /\[[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]/;
/** A key after SS3: an arrow, or one of a keypad, in application mode. */
const SS3_KEY = /O\d?[\x40-\x7e]/;
const ANSWERS = new RegExp(
  `\\x1b(?:${[ANSWER, CONTROL_SEQUENCE, SS3_KEY].map(({ source }) => source).join("|")})`,
  "g",
);
/** What may follow Escape in a sequence. */
const AFTER_ESCAPE = [
  /\[M[^\x1b]{3}/, // a mouse report of xterm ("X10")
  /\[\[[A-E]/, // a function key of the Linux console
  /\[\d+\$/, // a key of rxvt with Shift
  CONTROL_SEQUENCE,
  /\[[\x30-\x3f]*/, // an incomplete control sequence
  SS3_KEY,
  /O\d?/, // an incomplete one
  ANSWER,
  /[^\x1b]?/, // a key with Alt
];
/** Text without Escape, or Escape and the rest of its sequence. */
const SEQUENCE = new RegExp(
  `[^\\x1b]+|\\x1b{1,2}(?:${AFTER_ESCAPE.map(({ source }) => source).join("|")})`,
  "gu",
);
/** An incomplete sequence at the end of a chunk. */
const PARTIAL =
  /\x1b{1,2}(?:\[(?:M[^\x1b]{0,2}|\[|[\x30-\x3f]*[\x20-\x2f]*)|O\d?|[\]P_^X][^\x00-\x1f\x7f]*\x1b?)?$/u;
/** The rest of a sequence whose beginning was already delivered as a key, because a slow link split them. */
const SPLIT_OFF_REST = new RegExp(
  `^(?:\\[(?:200~.*|<.*|[=>?][\\d;$]*[a-z]|[\\d;]*[A-IO-SZ~])$|${ANSWER.source})`,
  "s",
);
/** The same of a paste's first mark that was cut again. No person types it. */
const SPLIT_OFF_PASTE_BEGIN = /^\[(?:2(?:00?)?)?$/;
/** Keys outside the syntax of control sequences: the Linux console's and rxvt's. */
const NONSTANDARD_KEY = /^\[(?:\[[A-E]|\d+\$)$/;
/** A cursor or function key: `number;modifiers`. */
const CURSOR_OR_FUNCTION = /^\[(\d{0,2})(?:;(\d+))?([A-HP-SZa-d~^@])$/;
/** Shift, Alt and Ctrl, of the bits of the modifiers. */
const KNOWN_MODIFIERS = 7;

/** Parses one sequence. Returns a key, or an equivalent sequence for `node:readline` to parse, or undefined for
 * what the terminal reports or answers, and for sequences that are unknown. */
function parseSequence(sequence: string): Key | string | undefined {
  const rest = sequence.replace(/^\x1b+/, "");
  const escapes = sequence.slice(0, sequence.length - rest.length);
  if (rest === "") return { name: "escape" };
  if (Object.hasOwn(FOCUS_KEYS, rest)) return FOCUS_KEYS[rest];
  if (NONSTANDARD_KEY.test(rest)) return sequence;
  if (!rest.startsWith("[")) return /^O\d?$/.test(rest) || ANSWER.test(rest) ? undefined : sequence;
  const [, number, modifiers, end] = CURSOR_OR_FUNCTION.exec(rest) ?? [];
  if (end === undefined) return undefined;
  // The parameter is the bits plus 1. `node:readline` knows a single digit.
  const known = ((Number(modifiers) || 1) - 1) & KNOWN_MODIFIERS;
  return `${escapes}[${number}${modifiers === undefined ? "" : `;${known + 1}`}${end}`;
}
