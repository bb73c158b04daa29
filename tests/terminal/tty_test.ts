// The standard streams of a process, on a Deno of the test's own.

import { assertEquals } from "@std/assert";
import { type ConsoleApi, type ConsoleKeyboard, standardStreams } from "../../lib/terminal/tty.ts";

const pure = { permissions: "none" } as const;

interface FakeDenoOptions {
  readonly isStdinTty?: boolean;
  readonly isStdoutTty?: boolean;
  readonly os?: string;
  readonly version?: string;
  /** Whether the system refuses all calls but writes. */
  readonly isRefusing?: boolean;
}

/** The parts of Deno that streams use, and the calls that they make. */
class FakeDeno {
  readonly calls: unknown[] = [];
  readonly signals = new Map<string, () => void>();
  readonly build: { readonly os: string };
  readonly version: { readonly deno: string };
  readonly stdin: object;
  readonly stdout: object;
  readonly #isRefusing: boolean;

  constructor(options: FakeDenoOptions = {}) {
    const { isStdinTty = true, isStdoutTty = true, os = "linux", version = "2.9.6" } = options;
    this.#isRefusing = options.isRefusing ?? false;
    this.build = { os };
    this.version = { deno: version };
    this.stdin = {
      isTerminal: () => isStdinTty,
      readable: ReadableStream.from([Uint8Array.of(1)]),
      setRaw: (isRaw: boolean) => this.#call("setRaw", isRaw),
    };
    this.stdout = {
      isTerminal: () => isStdoutTty,
      // Takes two bytes at a time.
      write: (bytes: Uint8Array) => {
        this.calls.push([...bytes.subarray(0, 2)]);
        return Promise.resolve(Math.min(2, bytes.length));
      },
      writeSync: (bytes: Uint8Array) => this.#call("writeSync", ...bytes),
    };
  }

  consoleSize(): { columns: number; rows: number } {
    this.#call("consoleSize");
    return { columns: 132, rows: 50 };
  }

  addSignalListener(signal: string, listener: () => void): void {
    this.#call("add", signal);
    this.signals.set(signal, listener);
  }

  removeSignalListener(signal: string, listener: () => void): void {
    this.#call("remove", signal);
    if (this.signals.get(signal) === listener) this.signals.delete(signal);
  }

  #call(...call: readonly unknown[]): void {
    this.calls.push(call);
    if (this.#isRefusing) throw new Deno.errors.NotSupported(String(call[0]));
  }
}

/** The streams of a process, and the Deno and the Windows console that they use. */
async function open({ isPlain = false, ...options }: FakeDenoOptions & { readonly isPlain?: boolean } = {}) {
  const fake = new FakeDeno(options);
  let isConsoleOpen = false;
  const streams = await standardStreams({
    isPlain,
    deno: fake as unknown as ConsoleApi,
    openConsole: () => {
      isConsoleOpen = true;
      const keyboard = {
        iterator: (options: unknown) => {
          fake.calls.push(["iterator", options]);
          return ReadableStream.from([Uint8Array.of(2)])[Symbol.asyncIterator]();
        },
        setRawMode: (isRaw: boolean) => void fake.calls.push(["setRawMode", isRaw]),
      };
      return Promise.resolve(keyboard as unknown as ConsoleKeyboard);
    },
  });
  return { streams, fake, isConsoleOpen };
}

for (
  const [options, expected] of [
    [{}, { isTty: true, isSystemEcho: false, hasEditor: true }],
    [{ isPlain: true }, { isTty: true, isSystemEcho: true, hasEditor: false }],
    [{ isStdoutTty: false }, { isTty: true, isSystemEcho: false, hasEditor: false }],
    [{ isStdoutTty: false, isPlain: true }, { isTty: true, isSystemEcho: false, hasEditor: false }],
    [{ isStdinTty: false }, { isTty: false, isSystemEcho: false, hasEditor: false }],
    [{ isStdinTty: false, isPlain: true }, { isTty: false, isSystemEcho: false, hasEditor: false }],
  ] as const
) {
  const found = Object.entries(expected).filter(([, is]) => is).map(([name]) => name).join(" and ");
  Deno.test(`standardStreams(${JSON.stringify(options)}) sets ${found || "nothing"}`, pure, async () => {
    const { streams: { isTty, isSystemEcho, tty } } = await open(options);
    assertEquals({ isTty, isSystemEcho, hasEditor: tty !== undefined }, expected);
  });
}

for (
  const [os, version, isStdinTty, isConsole] of [
    ["windows", "2.8.0", true, true],
    ["windows", "2.7.9", true, false],
    ["windows", "2.8.0", false, false],
    ["linux", "2.9.6", true, false],
  ] as const
) {
  const input = isConsole ? "a node:tty console" : "Deno.stdin";
  const from = isStdinTty ? "terminal" : "pipe";
  Deno.test(`standardStreams() reads a ${from} of ${os} in Deno ${version} from ${input}`, pure, async () => {
    const { streams, isConsoleOpen } = await open({ os, version, isStdinTty });
    assertEquals(isConsoleOpen, isConsole);
    assertEquals(await Array.fromAsync(streams.input), [Uint8Array.of(isConsole ? 2 : 1)]);
  });
}

Deno.test(
  "standardStreams() keeps a Windows console open, and has Deno enable its pastes",
  pure,
  async () => {
    const { streams: { tty }, fake } = await open({ os: "windows" });
    tty!.setRaw(true);
    tty!.setRaw(false);
    assertEquals(fake.calls, [
      ["iterator", { destroyOnReturn: false }],
      ["setRawMode", true],
      ["setRaw", true],
      ["setRawMode", false],
    ]);
  },
);

Deno.test("TerminalStreams.write() writes all bytes, however few the system takes", pure, async () => {
  const { streams, fake } = await open();
  await streams.write(Uint8Array.of(1, 2, 3, 4, 5));
  assertEquals(fake.calls, [[1, 2], [3, 4], [5]]);
});

Deno.test("Tty passes raw mode, size and synchronous writes to Deno", pure, async () => {
  const { streams: { tty }, fake } = await open();
  tty!.setRaw(true);
  tty!.setRaw(false);
  assertEquals(tty!.size(), { columns: 132, rows: 50 });
  tty!.writeSync(Uint8Array.of(7));
  assertEquals(fake.calls, [["setRaw", true], ["setRaw", false], ["consoleSize"], ["writeSync", 7]]);
});

Deno.test(
  "Tty.onResizeOrResume() listens to SIGWINCH and SIGCONT until it is told to stop",
  pure,
  async () => {
    const { streams: { tty }, fake } = await open();
    const told: string[] = [];
    const stop = tty!.onResizeOrResume({
      onResize: () => told.push("resize"),
      onResume: () => told.push("resume"),
    });
    for (const signal of ["SIGCONT", "SIGWINCH"]) fake.signals.get(signal)!();
    assertEquals([told, fake.signals.size], [["resume", "resize"], 2]);
    stop();
    assertEquals([...fake.signals], []);
  },
);

Deno.test(
  "Tty ignores calls that the system refuses, and then takes 80 columns and 24 rows",
  pure,
  async () => {
    const { streams: { tty }, fake } = await open({ isRefusing: true });
    tty!.setRaw(true);
    tty!.writeSync(Uint8Array.of(7));
    assertEquals(tty!.size(), { columns: 80, rows: 24 });
    tty!.onResizeOrResume({ onResize: () => {}, onResume: () => {} })();
    assertEquals(fake.calls.slice(-4), [
      ["add", "SIGWINCH"],
      ["add", "SIGCONT"],
      ["remove", "SIGWINCH"],
      ["remove", "SIGCONT"],
    ]);
  },
);
