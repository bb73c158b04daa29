// Standard input and output, the size of the terminal, raw mode.

import { isAtLeast } from "../base/time.ts";

export interface TerminalStreams {
  readonly input: ReadableStream<Uint8Array>;
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Whether the input is a terminal, wherever the output goes. Its end then means that the user wants to leave. */
  readonly isTty: boolean;
  /** Whether the system echoes the input where the output is written: Enter then also breaks the output's line. */
  readonly isSystemEcho?: boolean;
  /** Present if both input and output are a terminal, and line editing is wanted. */
  readonly tty?: Tty;
}

/** The terminal, as line editing needs it. */
export interface Tty {
  size(): { columns: number; rows: number };
  /** Switches the system's own line editing and echo off or on. */
  setRaw(isRaw: boolean): void;
  writeSync(bytes: Uint8Array): void;
  /** `onResume` is called when the process continues after it was stopped (SIGCONT). Returns a function that
   * removes the listeners. */
  onResizeOrResume(listeners: { onResize: () => void; onResume: () => void }): () => void;
}

/** The standard streams of this process. `isPlain` means without line editing. */
export async function standardStreams({ isPlain }: { isPlain: boolean }): Promise<TerminalStreams> {
  const isTty = Deno.stdin.isTerminal();
  const isScreen = isTty && Deno.stdout.isTerminal();
  const { input, setRaw } = isTty && hasConsole()
    ? await consoleKeyboard()
    : { input: Deno.stdin.readable, setRaw: (isRaw: boolean) => Deno.stdin.setRaw(isRaw) };
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

/** Whether this is a Windows console that `node:tty` can read. Before Deno 2.8 it hangs. */
function hasConsole(): boolean {
  return Deno.build.os === "windows" && isAtLeast(Deno.version.deno, [2, 8]);
}

/** Deno.stdin reads a Windows console in its code page, in which most of the world's letters are question marks. */
async function consoleKeyboard(): Promise<Pick<TerminalStreams, "input"> & Pick<Tty, "setRaw">> {
  const { ReadStream } = await import("node:tty"); // imported here, so that other systems start faster
  const keys = new ReadStream(0);
  return {
    // The stream stays open when reading ends: raw mode must still be switched off.
    input: ReadableStream.from(keys.iterator({ destroyOnReturn: false })),
    setRaw: (isRaw) => {
      keys.setRawMode(isRaw);
      // Deno's raw mode, unlike Node's, enables bracketed paste.
      if (isRaw) Deno.stdin.setRaw(true);
    },
  };
}

function processTty(setRaw: Tty["setRaw"]): Tty {
  return {
    size: () => ignoreError(() => Deno.consoleSize()) ?? { columns: 80, rows: 24 },
    setRaw: (isRaw) => ignoreError(() => setRaw(isRaw)),
    writeSync: (bytes) => void ignoreError(() => Deno.stdout.writeSync(bytes)),
    onResizeOrResume: ({ onResize, onResume }) => {
      // Windows refuses SIGCONT, and before Deno 2.8 SIGWINCH too.
      const listeners = [["SIGWINCH", onResize], ["SIGCONT", onResume]] as const;
      for (const [signal, listener] of listeners) ignoreError(() => Deno.addSignalListener(signal, listener));
      return () => {
        for (const [signal, listener] of listeners) {
          ignoreError(() => Deno.removeSignalListener(signal, listener));
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
