// Standard input and output, the size of the terminal, raw mode.

import type { ReadStream } from "node:tty";
import { delay, isAtLeast } from "../base/time.ts";

/** Time between two attempts to write to a pipe that is full and does not block, in ms. Another process may have set that:
 * it is a property of the open pipe or terminal, which it shares (man 2 fcntl). */
const WRITE_RETRY_MS = 10;
/** A pipe takes so much as a whole or not at all (POSIX: at least 512; Linux: 4,096; man 7 pipe). */
const PIPE_BUF_BYTES = 4_096;
const NEWLINE = 10;

export interface TerminalStreams {
  readonly input: ReadableStream<Uint8Array>;
  /** What comes after the input has ended. Present if it is a terminal without line editing: Ctrl-D ends a read there, and
   * the rest of a paste may follow. */
  readonly rest?: ReadableStream<Uint8Array>;
  /** Writes the first of the bytes, at least one. Returns how many. */
  readonly write: (bytes: Uint8Array) => Promise<number>;
  /** Whether the input is a terminal, wherever the output goes. Its end then means that the user wants to leave. */
  readonly isTty: boolean;
  /** Whether the system echoes the input where the output is written: Enter then also breaks the output's line. */
  readonly isSystemEcho?: boolean;
  /** Switches the system's own line editing and echo off or on. Present if the input is a terminal. */
  readonly setRaw?: (isRaw: boolean) => void;
  /** Present if both input and output are a terminal, and line editing is wanted. */
  readonly tty?: Tty;
}

/** The terminal, as line editing needs it. */
export interface Tty {
  /** How long after its last change, in ms, a size is certainly the terminal's own. */
  readonly settleMs: number;
  /** Whether it gives its window a title (OSC 2), and does not type it between the lines instead. */
  readonly hasTitle?: boolean;
  /** How an operating system command begins by which it shows a text outside of its window; undefined if it has none. */
  readonly notification?: "9;" | "777;notify;chat;";
  size(): { columns: number; rows: number };
  writeSync(bytes: Uint8Array): void;
  /** `onResume` is called when the process continues after it was stopped (SIGCONT). Returns a function that
   * removes the listeners. */
  onResizeOrResume(listeners: { onResize: () => void; onResume: () => void }): () => void;
}

/** The parts of Deno that the streams need. Tests make their own. */
export type ConsoleApi = Pick<
  typeof Deno,
  | "addSignalListener"
  | "build"
  | "consoleSize"
  | "env"
  | "removeSignalListener"
  | "stdin"
  | "stdout"
  | "version"
>;

/** What reads a Windows console. */
export type ConsoleKeyboard = Pick<ReadStream, "iterator" | "setRawMode">;

/** Terminals, by TERM, that type an operating system command between the lines, or may: the consoles of systems, real
 * ones on a serial line and those that imitate them, Emacs. */
const NO_TITLE = /^(?:$|ansi|bterm|cons|dumb|eterm|fbterm|hurd|linux|pcvt|sun|unknown|vt\d|wsvt)/;
/** Terminals that show notifications, by TERM or TERM_PROGRAM. All others ring. Within tmux and screen, which have
 * their own TERM, the program cannot know. */
const MULTIPLEXER = /^(?:screen|tmux)/;
const OSC_777 = /^(?:foot|rxvt|mintty)/;
const OSC_9 = /^(?:xterm-kitty|xterm-ghostty|ghostty|iTerm\.app|WezTerm)/;

/** tmux resizes the screen at once, and tells the program up to 250 ms later. */
const SETTLE_MS = 300;

interface StandardStreamsOptions {
  /** Without line editing. */
  readonly isPlain: boolean;
  /** A terminal is read and written like a pipe. */
  readonly isPipe?: boolean;
  readonly deno?: ConsoleApi;
  /** Opens a Windows console. */
  readonly openConsole?: () => Promise<ConsoleKeyboard>;
}

/** The standard streams of this process. */
export async function standardStreams(
  { isPlain, isPipe = false, deno = Deno, openConsole = openNodeConsole }: StandardStreamsOptions,
): Promise<TerminalStreams> {
  const { stdin, stdout } = deno;
  const isTty = !isPipe && stdin.isTerminal();
  const isScreen = isTty && stdout.isTerminal();
  const { input, setRaw } = isTty && hasConsole(deno)
    ? consoleKeyboard(await openConsole(), deno)
    : { input: stdin.readable, setRaw: (isRaw: boolean) => stdin.setRaw(isRaw) };
  return {
    input,
    write: async (bytes) => {
      const piece = firstLines(bytes);
      for (;;) {
        try {
          return await stdout.write(piece);
        } catch (error) {
          if (!(error instanceof Deno.errors.WouldBlock)) throw error;
          await delay(WRITE_RETRY_MS);
        }
      }
    },
    rest: isTty && !(isScreen && !isPlain) ? ReadableStream.from(readOn(stdin)) : undefined,
    isTty,
    isSystemEcho: isScreen && isPlain,
    setRaw: isTty ? (isRaw) => ignoreError(() => setRaw(isRaw)) : undefined,
    tty: isScreen && !isPlain ? processTty(deno) : undefined,
  };
}

/** `Deno.stdin.readable` ends with the first read that gives nothing. */
async function* readOn(stdin: ConsoleApi["stdin"]): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(PIPE_BUF_BYTES);
  for (let length = await stdin.read(buffer); length !== null; length = await stdin.read(buffer)) {
    yield buffer.slice(0, length);
  }
}

/** As many lines as a pipe takes at once. Deno does not tell how much of a longer write was taken before it failed. */
function firstLines(bytes: Uint8Array): Uint8Array {
  const piece = bytes.subarray(0, PIPE_BUF_BYTES);
  const end = piece.lastIndexOf(NEWLINE) + 1;
  return bytes.length > piece.length && end > 0 ? piece.subarray(0, end) : piece;
}

/** Whether this is a Windows console that `node:tty` can read. Before Deno 2.8 it hangs. */
function hasConsole({ build, version }: ConsoleApi): boolean {
  return build.os === "windows" && isAtLeast(version.deno, [2, 8]);
}

async function openNodeConsole(): Promise<ConsoleKeyboard> {
  const { ReadStream } = await import("node:tty"); // imported here, so that other systems start faster
  return new ReadStream(0);
}

/** Deno.stdin reads a Windows console in its code page, in which most of the world's letters are question marks. */
function consoleKeyboard(
  keys: ConsoleKeyboard,
  { stdin }: ConsoleApi,
): Required<Pick<TerminalStreams, "input" | "setRaw">> {
  return {
    // The stream stays open when reading ends: raw mode must still be switched off.
    input: ReadableStream.from(keys.iterator({ destroyOnReturn: false })),
    setRaw: (isRaw) => {
      keys.setRawMode(isRaw);
      // Deno's raw mode, unlike Node's, enables bracketed paste.
      if (isRaw) stdin.setRaw(true);
    },
  };
}

function processTty(deno: ConsoleApi): Tty {
  const term = deno.env.get("TERM") ?? "";
  const names = MULTIPLEXER.test(term) ? [] : [term, deno.env.get("TERM_PROGRAM") ?? ""];
  const isOneOf = (pattern: RegExp) => names.some((name) => pattern.test(name));
  return {
    settleMs: SETTLE_MS,
    hasTitle: deno.build.os === "windows" || !NO_TITLE.test(term),
    notification: isOneOf(OSC_777) ? "777;notify;chat;" : isOneOf(OSC_9) ? "9;" : undefined,
    size: () => {
      // Serial lines and new pseudoterminals have no size: 0.
      const { columns, rows } = ignoreError(() => deno.consoleSize()) ?? { columns: 0, rows: 0 };
      return { columns: columns || 80, rows: rows || 24 };
    },
    writeSync: (bytes) => void ignoreError(() => deno.stdout.writeSync(bytes)),
    onResizeOrResume: ({ onResize, onResume }) => {
      // Windows refuses SIGCONT, and before Deno 2.8 SIGWINCH too.
      const listeners = [["SIGWINCH", onResize], ["SIGCONT", onResume]] as const;
      for (const [signal, listener] of listeners) ignoreError(() => deno.addSignalListener(signal, listener));
      return () => {
        for (const [signal, listener] of listeners) {
          ignoreError(() => deno.removeSignalListener(signal, listener));
        }
      };
    },
  };
}

/** Ignores the failure of a call that the system refuses, or on a closed terminal: reads and writes report that. */
function ignoreError<Result>(act: () => Result): Result | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
