// Bytes from a keyboard to keys, and bytes from a pipe to lines, until nothing comes any more.

import { setTimeout as delay } from "node:timers/promises";
import { KeyDecoder, type KeyListener, PASTE_TIMEOUT_MS } from "./keys.ts";

/** How long nothing must come until the input counts as drained, in ms. */
const QUIET_MS = 100;
/** How long draining takes at most, in ms: a key may be held down. */
const MAX_DRAIN_MS = 3_000;
/** How much of a line from a pipe is kept, in UTF-16 units: a device such as /dev/zero has no end. */
const MAX_LINE_UNITS = 1 << 20;

/** A keyboard or a pipe. */
export interface InputSource extends Disposable {
  /** Applies back-pressure to a pipe. A keyboard is always read, for Ctrl-C. */
  pause(): void;
  resume(): void;
  /** Reads on until nothing comes any more, for about {@linkcode MAX_DRAIN_MS} at most: the shell would run the rest
   * of a paste. `isBegun`: the first part of one may have come, so a pause is longer. */
  drain(options: { isBegun: boolean }): Promise<void>;
}

/** The chunks of an input, until it ends or fails: reading from a closed terminal does. */
class Chunks {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #isQuiet = false;
  hasEnded = false;

  constructor(input: ReadableStream<Uint8Array>) {
    this.#reader = input.getReader();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const read = () => this.#reader.read().catch(() => ({ done: true, value: undefined }) as const);
    for (let chunk = await read(); !chunk.done; chunk = await read()) {
      this.#isQuiet = false;
      yield chunk.value;
    }
    this.hasEnded = true;
  }

  /** Waits until nothing has come for a while: for longer in the middle of a paste, which anything that comes may be. */
  async untilQuiet({ isBegun }: { isBegun: boolean }): Promise<void> {
    this.#isQuiet = false;
    let [ms, drainedMs] = [isBegun ? PASTE_TIMEOUT_MS : QUIET_MS, 0];
    while (!this.hasEnded && !this.#isQuiet && drainedMs < MAX_DRAIN_MS) {
      this.#isQuiet = true;
      await delay(ms);
      drainedMs += ms;
      ms = PASTE_TIMEOUT_MS;
    }
  }

  cancel(): void {
    this.#reader.cancel().catch(() => {});
  }
}

/** Reads keys and pasted blocks until the input ends. */
export function readKeys(input: ReadableStream<Uint8Array>, listener: KeyListener): InputSource {
  const chunks = new Chunks(input);
  const decoder = new TextDecoder();
  const controls = new ControlEncoder();
  const keys = new KeyDecoder(listener);
  const readAll = async () => {
    for await (const chunk of chunks) keys.push(decoder.decode(controls.encode(chunk), { stream: true }));
    listener.onEnd();
  };
  void readAll();
  return {
    pause() {},
    resume() {},
    drain: ({ isBegun }) => chunks.untilQuiet({ isBegun: isBegun || keys.isIncomplete }),
    [Symbol.dispose]: () => {
      keys[Symbol.dispose]();
      chunks.cancel();
    },
  };
}

/** Reads lines of a pipe, or of a terminal that edits them, until the input ends. The last line may lack its line break.
 * `node:readline` would also break a line at U+2028 and U+2029, which JSON allows within a text. */
export function readLines(
  input: ReadableStream<Uint8Array>,
  listener: { onLine(line: string): void; onEnd(): void },
  { isTty = false } = {},
): InputSource {
  const chunks = new Chunks(input);
  /** While reading is paused. */
  let paused: PromiseWithResolvers<void> | undefined;
  const resume = () => {
    paused?.resolve();
    paused = undefined;
  };
  const readAll = async () => {
    const lines = new LineDecoder(listener);
    const controls = isTty ? new ControlEncoder() : undefined;
    for await (const chunk of chunks) {
      lines.push(controls?.encode(chunk) ?? chunk);
      await paused?.promise;
    }
    lines.end();
    listener.onEnd();
  };
  void readAll();
  return {
    pause: () => void (paused ??= Promise.withResolvers()),
    resume,
    drain: (options) => {
      resume();
      return chunks.untilQuiet(options);
    },
    [Symbol.dispose]: () => {
      resume();
      chunks.cancel();
    },
  };
}

/** Splits input into lines, which end with LF, CR, or both. */
class LineDecoder {
  readonly #listener: { onLine(line: string): void };
  readonly #decoder = new TextDecoder();
  /** Parts of a line that has not ended. They are joined once: a line may have a megabyte. */
  #parts: string[] = [];
  /** Of all parts, in UTF-16 units. */
  #length = 0;
  /** Whether an LF at the start of the next chunk ends no line of its own. */
  #hasReturn = false;

  constructor(listener: { onLine(line: string): void }) {
    this.#listener = listener;
  }

  push(chunk: Uint8Array): void {
    const decoded = this.#decoder.decode(chunk, { stream: true });
    const text = this.#hasReturn && decoded.startsWith("\n") ? decoded.slice(1) : decoded;
    if (decoded !== "") this.#hasReturn = text.endsWith("\r");
    const [first, ...others] = text.split(/\r\n|\n|\r/);
    this.#add(first!);
    for (const next of others) {
      this.#deliver();
      this.#add(next);
    }
  }

  #add(part: string): void {
    if (this.#length >= MAX_LINE_UNITS) return;
    this.#length += part.length;
    this.#parts.push(part);
  }

  end(): void {
    this.#add(this.#decoder.decode());
    if (this.#parts.some((part) => part !== "")) this.#deliver();
  }

  #deliver(): void {
    const line = this.#parts.join("");
    this.#parts = [];
    this.#length = 0;
    this.#listener.onLine(line);
  }
}

/** Makes UTF-8 of C1 controls that are single bytes (ECMA-48, 5.3): a terminal that was set to send 8-bit controls
 * begins its answers with them. */
class ControlEncoder {
  /** How many bytes the current character still lacks. */
  #missing = 0;

  encode(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
    const bytes: number[] = [];
    for (const byte of chunk) {
      const isContinuation = byte >= 0x80 && byte < 0xc0;
      if (isContinuation && this.#missing > 0) this.#missing--;
      else {
        if (isContinuation && byte < 0xa0) bytes.push(0xc2);
        this.#missing = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc0 ? 1 : 0;
      }
      bytes.push(byte);
    }
    return Uint8Array.from(bytes);
  }
}
