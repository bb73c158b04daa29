// Bytes from a keyboard -> keys and pasted blocks; what is as old as terminals `node:readline` tells apart. Bytes
// from a pipe -> lines. Knows nothing of what they are for.

import { EventEmitter } from "node:events";
import { createInterface, emitKeypressEvents } from "node:readline";
import { Readable } from "node:stream";
import { type Key, parseSequence, PARTIAL, RESUMED, SEQUENCE } from "./keys.ts";

/** Makes a terminal mark what is pasted (xterm's "bracketed paste mode"), and stops that. */
export const BRACKETED_PASTE = { on: "\x1b[?2004h", off: "\x1b[?2004l" } as const;
const PASTE_BEGIN = "\x1b[200~";
/** Ctrl-C ends a block whose end got lost. */
// deno-lint-ignore no-control-regex -- what terminals send
const PASTE_END = /\x1b\[201~|(?=\x03)/;
/** Where the end of a block may have begun. */
// deno-lint-ignore no-control-regex -- what terminals send
const PARTIAL_PASTE_END = /\x1b(?:\[(?:2(?:0(?:1)?)?)?)?$/;
const SEVERAL_LINES = /[\r\n]+[^\r\n]/;
/** Largest pasted block, in UTF-16 units. A larger one comes as several. */
const MAX_PASTE_UNITS = 1 << 20;
// deno-lint-ignore no-control-regex -- what terminals send
const ESCAPES = /^\x1b+$/;
/** How long Escape is held back, in ms: it may be a key, or the beginning of one that a slow link tore. */
const ESCAPE_MS = 50;
/** How long what is no key yet may wait for its rest, in ms. */
const SEQUENCE_TIMEOUT_MS = 2_000;

/** Who is told what was typed. */
interface KeyListener {
  onKey(key: Key): void;
  /** A block that the terminal marked as pasted; its lines end as they did where it comes from. */
  onPaste(text: string): void;
  onEnd(): void;
}

/** Who is told what came by a pipe. */
interface LineListener {
  onLine(line: string): void;
  onEnd(): void;
}

/** Somebody who types, or a pipe. */
export interface InputSource extends Disposable {
  /** Lets a pipe wait; a keyboard does not, it has Ctrl-C. */
  pause(): void;
  resume(): void;
}

/** Reads keys and pasted blocks until the input ends. */
export function readKeys(input: ReadableStream<Uint8Array>, listener: KeyListener): InputSource {
  const reader = input.getReader();
  const decoder = new TextDecoder();
  const keys = new KeyDecoder(listener);
  // A terminal that was closed ends in an error.
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

/** Reads lines until the input ends. The last one may lack its end. */
export function readLines(input: ReadableStream<Uint8Array>, listener: LineListener): InputSource {
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
    // A terminal that was closed ends like this.
  }
}

/** Tells keys and pasted blocks apart, however they are cut into pieces. */
export class KeyDecoder implements Disposable {
  readonly #listener: Pick<KeyListener, "onKey" | "onPaste">;
  readonly #restMs: number;
  /** node:readline looks at what comes in here. */
  readonly #keypress = new EventEmitter();
  /** The beginning of what is not yet understood. */
  #buffer = "";
  #isPasting = false;
  /** Whether what is being told apart was pasted, by a terminal that marks nothing. */
  #isUnbracketedPaste = false;
  #timeout: ReturnType<typeof setTimeout> | undefined;
  /** Whether an Escape was taken for the key, though what comes next may be its rest. */
  #isAfterEscape = false;

  constructor(
    listener: Pick<KeyListener, "onKey" | "onPaste">,
    { sequenceTimeoutMs = SEQUENCE_TIMEOUT_MS } = {},
  ) {
    this.#listener = listener;
    this.#restMs = sequenceTimeoutMs;
    emitKeypressEvents(this.#keypress as NodeJS.ReadableStream);
    this.#keypress.on("keypress", (text: string | undefined, key: Key) => this.#press(text, key));
  }

  /** Takes what came next. */
  push(text: string): void {
    clearTimeout(this.#timeout);
    const isResumed = this.#isAfterEscape && RESUMED.test(text);
    this.#isAfterEscape = false;
    this.#buffer += isResumed ? `\x1b${text}` : text;
    while (this.#isPasting ? this.#readPasted() : this.#readTyped());
    if (this.#isPasting || this.#buffer === "") return;
    this.#timeout = setTimeout(
      () => this.#flushPartial(),
      ESCAPES.test(this.#buffer) ? ESCAPE_MS : this.#restMs,
    );
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timeout);
  }

  /** What is held back has no rest: it is a key, or nothing. */
  #flushPartial(): void {
    this.#isAfterEscape = ESCAPES.test(this.#buffer);
    this.#buffer = "";
    if (this.#isAfterEscape) this.#listener.onKey({ name: "escape" });
  }

  /** Whether a pasted block comes next. */
  #readTyped(): boolean {
    const at = this.#buffer.indexOf(PASTE_BEGIN);
    const end = at >= 0 ? at : PARTIAL.exec(this.#buffer)?.index ?? this.#buffer.length;
    const typed = this.#buffer.slice(0, end);
    this.#isPasting = at >= 0;
    this.#buffer = this.#buffer.slice(at >= 0 ? at + PASTE_BEGIN.length : end);
    this.#isUnbracketedPaste = SEVERAL_LINES.test(typed);
    for (const [sent] of typed.matchAll(SEQUENCE)) this.#take(sent);
    return at >= 0;
  }

  #take(sent: string): void {
    const meaning = sent.startsWith("\x1b") ? parseSequence(sent) : sent;
    if (typeof meaning === "string") this.#keypress.emit("data", meaning);
    else if (meaning) this.#listener.onKey(meaning);
  }

  /** Whether the block is whole. */
  #readPasted(): boolean {
    const end = PASTE_END.exec(this.#buffer);
    if (end) {
      this.#listener.onPaste(this.#buffer.slice(0, end.index));
      this.#buffer = this.#buffer.slice(end.index + end[0].length);
      this.#isPasting = false;
      return true;
    }
    if (this.#buffer.length > MAX_PASTE_UNITS) {
      const whole = this.#buffer.replace(PARTIAL_PASTE_END, "");
      this.#listener.onPaste(whole);
      this.#buffer = this.#buffer.slice(whole.length);
    }
    return false;
  }

  #press(text: string | undefined, key: Key): void {
    if (text === "\t" && this.#isUnbracketedPaste) return this.#listener.onKey({ text });
    const isText = text !== undefined && !key.ctrl && !key.meta && (text.codePointAt(0)! >= 0x20) &&
      text !== "\x7f";
    const { name, ctrl, meta, shift } = key;
    this.#listener.onKey({ name, ctrl, meta, shift, text: isText ? text : undefined });
  }
}
