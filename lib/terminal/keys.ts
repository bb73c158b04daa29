// Bytes from a keyboard to keys and pasted blocks, and bytes from a pipe to lines.

// deno-lint-ignore-file no-control-regex -- what terminals send

import { EventEmitter } from "node:events";
import { createInterface, emitKeypressEvents } from "node:readline";
import { Readable } from "node:stream";

/** Switches xterm's bracketed paste mode on and off. */
export const BRACKETED_PASTE = { on: "\x1b[?2004h", off: "\x1b[?2004l" } as const;
const PASTE_BEGIN = "\x1b[200~";
/** The end of a pasted block. Ctrl-C ends a block whose end was lost. */
const PASTE_END = /\x1b\[201~|(?=\x03)/;
/** The beginning of the end of a block, at the end of a chunk. */
const PARTIAL_PASTE_END = /\x1b(?:\[(?:2(?:0(?:1)?)?)?)?$/;
const SEVERAL_LINES = /[\r\n]+[^\r\n]/;
/** Largest pasted block, in UTF-16 units. A larger one is delivered in parts. */
const MAX_PASTE_UNITS = 1 << 20;
const ESCAPES = /^\x1b+$/;
/** How long Escape is held back, in ms: it may be the key, or the start of a sequence that a slow link split. */
const ESCAPE_MS = 50;

/** A key, named as `node:readline` names it: `left`, `a`, `return`. */
export interface Key {
  readonly name?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
  readonly shift?: boolean;
  /** The text that the key types, if any. */
  readonly text?: string;
}

interface KeyListener {
  onKey(key: Key): void;
  /** Called with a block that the terminal marked as pasted. Its line endings are those of its source. */
  onPaste(text: string): void;
  onEnd(): void;
}

/** A keyboard or a pipe. */
export interface InputSource extends Disposable {
  /** Applies back-pressure to a pipe. A keyboard is always read, for Ctrl-C. */
  pause(): void;
  resume(): void;
}

/** Reads keys and pasted blocks until the input ends. */
export function readKeys(input: ReadableStream<Uint8Array>, listener: KeyListener): InputSource {
  const reader = input.getReader();
  const decoder = new TextDecoder();
  const keys = new KeyDecoder(listener);
  // Reading from a closed terminal fails.
  const read = () => reader.read().catch(() => ({ done: true, value: undefined }) as const);
  const readAll = async () => {
    for (let chunk = await read(); !chunk.done; chunk = await read()) {
      keys.push(decoder.decode(chunk.value, { stream: true }));
    }
    listener.onEnd();
  };
  void readAll();
  return {
    pause() {},
    resume() {},
    [Symbol.dispose]: () => {
      keys[Symbol.dispose]();
      reader.cancel().catch(() => {});
    },
  };
}

/** Reads lines until the input ends. The last line may lack its line break. */
export function readLines(
  input: ReadableStream<Uint8Array>,
  listener: { onLine(line: string): void; onEnd(): void },
): InputSource {
  const stream = Readable.from(untilError(input), { objectMode: false });
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  lines.on("line", (line: string) => listener.onLine(line));
  lines.on("close", () => listener.onEnd());
  return {
    pause: () => void lines.pause(),
    resume: () => void lines.resume(),
    [Symbol.dispose]: () => {
      lines.close();
      stream.destroy();
    },
  };
}

async function* untilError(input: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* input;
  } catch {
    // Reading from a closed terminal fails.
  }
}

/** Splits input into keys and pasted blocks, however the input is cut into chunks. */
export class KeyDecoder implements Disposable {
  /** How long an incomplete sequence other than Escape is held back, in ms. */
  sequenceTimeoutMs = 2_000;
  readonly #listener: KeyListener;
  /** `node:readline` parses what this emits. */
  readonly #keypress = new EventEmitter();
  /** An incomplete sequence, or the part of a pasted block that has arrived. */
  #buffer = "";
  #isPasting = false;
  /** Whether the current chunk is a paste of several lines that the terminal did not mark. */
  #isUnbracketedPaste = false;
  #timeout: ReturnType<typeof setTimeout> | undefined;
  /** Whether Escape was delivered as a key, so that the next chunk may be the rest of its sequence. */
  #isAfterEscape = false;

  constructor(listener: KeyListener) {
    this.#listener = listener;
    emitKeypressEvents(this.#keypress as NodeJS.ReadableStream);
    this.#keypress.on("keypress", (text: string | undefined, key: Key) => this.#onKeypress(text, key));
  }

  push(text: string): void {
    clearTimeout(this.#timeout);
    const isResumed = this.#isAfterEscape && SPLIT_OFF_REST.test(text);
    this.#isAfterEscape = false;
    this.#buffer += isResumed ? `\x1b${text}` : text;
    while (this.#isPasting ? this.#readPasted() : this.#readTyped());
    if (this.#isPasting || this.#buffer === "") return;
    this.#timeout = setTimeout(
      () => this.#flushPartial(),
      ESCAPES.test(this.#buffer) ? ESCAPE_MS : this.sequenceTimeoutMs,
    );
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timeout);
  }

  /** Delivers Escape as a key, and drops any other incomplete sequence. */
  #flushPartial(): void {
    this.#isAfterEscape = ESCAPES.test(this.#buffer);
    this.#buffer = "";
    if (this.#isAfterEscape) this.#listener.onKey({ name: "escape" });
  }

  /** Returns whether a pasted block follows. */
  #readTyped(): boolean {
    const at = this.#buffer.indexOf(PASTE_BEGIN);
    const end = at >= 0 ? at : PARTIAL.exec(this.#buffer)?.index ?? this.#buffer.length;
    const typed = this.#buffer.slice(0, end);
    this.#isPasting = at >= 0;
    this.#buffer = this.#buffer.slice(at >= 0 ? at + PASTE_BEGIN.length : end);
    this.#isUnbracketedPaste = SEVERAL_LINES.test(typed);
    for (const [sequence] of typed.matchAll(SEQUENCE)) {
      const parsed = sequence.startsWith("\x1b") ? parseSequence(sequence) : sequence;
      if (typeof parsed === "string") this.#keypress.emit("data", parsed);
      else if (parsed) this.#listener.onKey(parsed);
    }
    return at >= 0;
  }

  /** Returns whether the block is complete. */
  #readPasted(): boolean {
    const end = PASTE_END.exec(this.#buffer);
    if (end) {
      this.#listener.onPaste(this.#buffer.slice(0, end.index));
      this.#buffer = this.#buffer.slice(end.index + end[0].length);
      this.#isPasting = false;
      return true;
    }
    if (this.#buffer.length > MAX_PASTE_UNITS) {
      const part = this.#buffer.replace(PARTIAL_PASTE_END, "");
      this.#listener.onPaste(part);
      this.#buffer = this.#buffer.slice(part.length);
    }
    return false;
  }

  #onKeypress(text: string | undefined, key: Key): void {
    if (text === "\t" && this.#isUnbracketedPaste) return this.#listener.onKey({ text });
    const isText = text !== undefined && !key.ctrl && !key.meta && (text.codePointAt(0)! >= 0x20) &&
      text !== "\x7f";
    const { name, ctrl, meta, shift } = key;
    this.#listener.onKey({ name, ctrl, meta, shift, text: isText ? text : undefined });
  }
}

/** What may follow Escape in a sequence. */
const AFTER_ESCAPE = [
  /\[M[^\x1b]{3}/, // a mouse report of xterm ("X10")
  /\[\[[A-E]/, // a function key of the Linux console
  /\[\d+\$/, // a key of rxvt with Shift
  /\[[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]/, // a control sequence (CSI: ECMA-48, 5.4)
  /\[[\x30-\x3f]*/, // an incomplete control sequence
  /O\d?[\x40-\x7e]?/, // a key after SS3
  /[^\x1b]?/, // a key with Alt
];
/** Text without Escape, or Escape and the rest of its sequence. */
const SEQUENCE = new RegExp(
  `[^\\x1b]+|\\x1b{1,2}(?:${AFTER_ESCAPE.map(({ source }) => source).join("|")})`,
  "gu",
);
/** An incomplete sequence at the end of a chunk. */
const PARTIAL = /\x1b{1,2}(?:\[(?:M[^\x1b]{0,2}|\[|[\x30-\x3f]*[\x20-\x2f]*)|O\d?)?$/u;
/** The rest of a sequence whose Escape was already delivered as a key, because a slow link split them. */
const SPLIT_OFF_REST = /^\[(?:2(?:0(?:0(?:~.*)?)?)?|<.*|[\d;]*[A-HPQRSZ~])$/s;

/** A control sequence without intermediate bytes. One with them is not a key. */
const CSI = /^\[([\x30-\x3f]*)([\x40-\x7e])$/;
/** Keys outside the syntax of control sequences: the Linux console's and rxvt's. */
const NONSTANDARD_KEY = /^\[(?:\[[A-E]|\d+\$)$/;
/** A cursor or function key: `number;modifiers`, and in kitty's protocol `:event`. */
const CURSOR_OR_FUNCTION = /^(\d{0,2})(?:;(\d+)(?::(\d+))?)?$/;
/** `code:shifted:base;modifiers:event;text` (sw.kovidgoyal.net/kitty/keyboard-protocol). */
const KITTY = /^(\d+)(?::(\d*))?(?::\d*)?(?:;(\d*)(?::(\d+))?)?(?:;([\d:]*))?$/;
/** `27;modifiers;code`, then a tilde (xterm's modifyOtherKeys). */
const MODIFY_OTHER_KEYS = /^27;(\d+);(\d+)$/;
const EVENT_RELEASE = "3";

const SHIFT = 1;
const ALT = 2;
const CTRL = 4;
/** Super (the Windows or Command key) and Hyper: these keys are for the window manager. */
const SUPER_OR_HYPER = 8 | 16;
const META = 32;
const CAPS_LOCK = 64;

/** Keys without text by their codes in kitty's protocol: ASCII controls, and keys of the keypad. */
const KEY_NAMES = new Map<number, string>([
  ...[[9, "tab"], [13, "return"], [27, "escape"], [127, "backspace"]] as const,
  ...[[57_414, "return"], [57_417, "left"], [57_418, "right"], [57_419, "up"]] as const,
  ...[[57_420, "down"], [57_423, "home"], [57_424, "end"], [57_426, "delete"]] as const,
]);
const KEYPAD_0 = 57_399;
/** Controls, private use (in kitty's protocol, keys without text) and surrogates. */
const NO_CHARACTER = /^[\p{Cc}\p{Co}\p{Cs}]$/u;
const LAST_CODE_POINT = 0x10ffff;

/** Parses one sequence. Returns a key, or an equivalent sequence for `node:readline` to parse, or undefined for
 * mouse reports, key releases, and sequences that are unknown. */
export function parseSequence(sequence: string): Key | string | undefined {
  const rest = sequence.replace(/^\x1b+/, "");
  const escapes = sequence.slice(0, sequence.length - rest.length);
  if (rest === "") return { name: "escape" };
  if (NONSTANDARD_KEY.test(rest)) return sequence;
  if (!rest.startsWith("[")) return /^O\d?$/.test(rest) ? undefined : sequence;
  const [, parameters, end] = CSI.exec(rest) ?? [];
  if (parameters === undefined) return undefined;
  const alt = escapes.length > 1 ? ALT : 0;
  if (end === "u") return kittyKey(parameters, alt);
  const [, modifiers, code] = (end === "~" && MODIFY_OTHER_KEYS.exec(parameters)) || [];
  if (code !== undefined) return keyOf(Number(code), bitsOf(modifiers) | alt);
  return cursorSequence(parameters, escapes, end!);
}

function kittyKey(parameters: string, alt: number): Key | undefined {
  const [, code, shifted, modifiers, event, text] = KITTY.exec(parameters) ?? [];
  if (code === undefined || event === EVENT_RELEASE) return undefined;
  const key = keyOf(Number(code), bitsOf(modifiers) | alt, characterOf(Number(shifted)));
  const typed = text?.split(":").map((part) => characterOf(Number(part))).join("");
  return key?.text && typed ? { ...key, text: typed } : key;
}

/** `shifted` is the character that the terminal reports for the key with Shift. */
function keyOf(code: number, bits: number, shifted?: string): Key | undefined {
  if (bits & SUPER_OR_HYPER) return undefined;
  const [ctrl, shift] = [(bits & CTRL) !== 0, (bits & SHIFT) !== 0];
  const meta = (bits & (ALT | META)) !== 0;
  const name = KEY_NAMES.get(code);
  if (name !== undefined) return { name, ctrl, meta, shift };
  const isDigit = code >= KEYPAD_0 && code < KEYPAD_0 + 10;
  const character = isDigit ? String(code - KEYPAD_0) : characterOf(code);
  if (!character) return undefined;
  const key = { name: character.toLowerCase(), ctrl, meta, shift };
  if (ctrl || meta) return key;
  const isLetter = character.toUpperCase() !== character;
  const isUpper = shift !== (isLetter && (bits & CAPS_LOCK) !== 0);
  return { ...key, text: isUpper ? (shift && shifted) || character.toUpperCase() : character };
}

/** A cursor or function key as `node:readline` knows it: a single digit of modifiers. */
function cursorSequence(parameters: string, escapes: string, end: string): string | undefined {
  const [, number, modifiers, event] = CURSOR_OR_FUNCTION.exec(parameters) ?? [];
  if (number === undefined || event === EVENT_RELEASE) return undefined;
  const known = bitsOf(modifiers) & (SHIFT | ALT | CTRL);
  return `${escapes}[${number}${modifiers === undefined ? "" : `;${known + 1}`}${end}`;
}

/** The parameter is the modifiers' bits plus 1. It defaults to 1. */
function bitsOf(parameter: string | undefined): number {
  return (Number(parameter) || 1) - 1;
}

function characterOf(code: number): string | undefined {
  const character = code > 0 && code <= LAST_CODE_POINT ? String.fromCodePoint(code) : undefined;
  return character && !NO_CHARACTER.test(character) ? character : undefined;
}
