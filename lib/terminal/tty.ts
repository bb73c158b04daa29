// The process's own input and output, and what a terminal can do besides: tell its size, and give its keys one
// by one.

import { isAtLeast } from "../base/time.ts";

/** Where a terminal reads and writes. */
export interface TerminalStreams {
  readonly input: ReadableStream<Uint8Array>;
  /** Writes all the bytes. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Whether a person types: the system shows what they type, and the end of the input is their wish. */
  readonly isTty: boolean;
  /** Whether the system shows what they type right where we write: then their Enter ends the line there. */
  readonly isSystemEcho?: boolean;
  /** Present if a person types and sees what we write, and wants more than lines. */
  readonly tty?: Tty;
}

/** What line editing needs of a terminal. */
export interface Tty {
  /** Size of now. */
  size(): { columns: number; rows: number };
  /** Whether keys come one by one, without the system's own line editing. */
  setRaw(isRaw: boolean): void;
  /** Writes before it returns, for a process that is about to end. */
  writeSync(bytes: Uint8Array): void;
  /** Has listeners called when the size changes, and when the process goes on after it was stopped: then
   * nothing on the screen is as it was. Returns what undoes that. */
  onResizeOrResume(listeners: { onResize: () => void; onResume: () => void }): () => void;
}

const NO_SIZE = { columns: 80, rows: 24 };

/** The process's own standard input and output. `isPlain`: lines are all that is wanted. */
export async function standardStreams(
  { isPlain }: { isPlain: boolean },
): Promise<TerminalStreams> {
  const isTty = Deno.stdin.isTerminal();
  const isScreen = isTty && Deno.stdout.isTerminal();
  const { input, setRaw } = isTty && hasConsole() ? await consoleKeyboard() : KEYBOARD;
  return {
    input,
    write: async (bytes) => {
      for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
    },
    isTty,
    isSystemEcho: isScreen && isPlain,
    tty: isScreen && !isPlain ? processTty(setRaw) : undefined,
  };
}

type Keyboard = Pick<TerminalStreams, "input"> & Pick<Tty, "setRaw">;

const KEYBOARD: Keyboard = {
  get input() {
    return Deno.stdin.readable;
  },
  setRaw: (isRaw) => Deno.stdin.setRaw(isRaw),
};

/** Whether keys come from a console of Windows, and `node:tty` can read them: before Deno 2.8 it hangs there. */
function hasConsole(): boolean {
  return Deno.build.os === "windows" && isAtLeast(Deno.version.deno, [2, 8]);
}

/** Deno.stdin gives what is typed there in the console's code page: no "ñ" would be UTF-8, and most of the world's
 * letters would be question marks. */
async function consoleKeyboard(): Promise<Keyboard> {
  const { ReadStream } = await import("node:tty"); // elsewhere no start waits for it
  const keys = new ReadStream(0);
  return {
    // It is not closed when nobody reads any more: raw mode is still to be ended then.
    input: ReadableStream.from(keys.iterator({ destroyOnReturn: false })),
    setRaw: (isRaw) => {
      keys.setRawMode(isRaw);
      // Unlike Node's, this raw mode has what is pasted marked.
      if (isRaw) Deno.stdin.setRaw(true);
    },
  };
}

function processTty(setRaw: Keyboard["setRaw"]): Tty {
  return {
    size: () => ignoreClosed(() => Deno.consoleSize()) ?? NO_SIZE,
    setRaw: (isRaw) => ignoreClosed(() => setRaw(isRaw)),
    writeSync: (bytes) => void ignoreClosed(() => Deno.stdout.writeSync(bytes)),
    onResizeOrResume: ({ onResize, onResume }) => {
      if (Deno.build.os === "windows") {
        ignoreClosed(() => Deno.addSignalListener("SIGWINCH", onResize)); // refused before Deno 2.8
        return () => ignoreClosed(() => Deno.removeSignalListener("SIGWINCH", onResize));
      }
      Deno.addSignalListener("SIGWINCH", onResize);
      Deno.addSignalListener("SIGCONT", onResume);
      return () => {
        Deno.removeSignalListener("SIGWINCH", onResize);
        Deno.removeSignalListener("SIGCONT", onResume);
      };
    },
  };
}

/** What a terminal gives, unless it was closed: then there is nothing to be done to it. Writes and reads tell
 * whom it concerns. */
function ignoreClosed<Result>(act: () => Result): Result | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
