// The standard streams of a process, on a Deno of the test's own.

import { assertEquals } from "@std/assert";
import { type ConsoleKeyboard, standardStreams } from "../../lib/terminal/tty.ts";
import { FakeDeno, type FakeDenoOptions } from "../testing/fake_deno.ts";
import { pure } from "../testing/test_options.ts";

/** The streams of a process, and the Deno and the Windows console that they use. */
async function open(
  { isPlain = false, isPipe, ...options }: FakeDenoOptions & {
    readonly isPlain?: boolean;
    readonly isPipe?: boolean;
  } = {},
) {
  const fake = new FakeDeno({ isStdinTty: true, isStdoutTty: true, typed: "1", ...options });
  let isConsoleOpen = false;
  const streams = await standardStreams({
    isPlain,
    isPipe,
    deno: fake.api,
    openConsole: () => {
      isConsoleOpen = true;
      const keyboard = {
        iterator: (options: unknown) => {
          fake.calls.push(["iterator", options]);
          return ReadableStream.from([new TextEncoder().encode("2")])[Symbol.asyncIterator]();
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
    [{ isPipe: true }, { isTty: false, isSystemEcho: false, hasEditor: false }],
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
    const { value } = await streams.input.getReader().read();
    assertEquals(new TextDecoder().decode(value), isConsole ? "2" : "1");
  });
}

Deno.test("standardStreams() keeps a Windows console open, in Deno's raw mode too", pure, async () => {
  const { streams, fake } = await open({ os: "windows" });
  streams.setRaw!(true);
  streams.setRaw!(false);
  assertEquals(fake.calls, [
    ["iterator", { destroyOnReturn: false }],
    ["setRawMode", true],
    ["setRaw", true],
    ["setRawMode", false],
  ]);
});

Deno.test("TerminalStreams.write() waits for a pipe that is full and does not block", pure, async () => {
  const { streams, fake } = await open({ writeErrors: [new Deno.errors.WouldBlock("EAGAIN")] });
  assertEquals(await streams.write(new TextEncoder().encode("abcde")), 2);
  assertEquals(fake.output, "ab");
});

Deno.test("Tty passes raw mode, size and synchronous writes to Deno", pure, async () => {
  const { streams, streams: { tty }, fake } = await open();
  streams.setRaw!(true);
  streams.setRaw!(false);
  assertEquals(tty!.size(), { columns: 132, rows: 50 });
  tty!.writeSync(new TextEncoder().encode("x"));
  assertEquals(fake.calls, [["setRaw", true], ["setRaw", false], ["consoleSize"], ["writeSync", "x"]]);
});

for (const [columns, rows] of [[0, 0], [132, 0], [0, 50]] as const) {
  Deno.test(`Tty.size() takes ${columns}×${rows} for no size where it is 0`, pure, async () => {
    const { streams: { tty } } = await open({ size: { columns, rows } });
    assertEquals(tty!.size(), { columns: columns || 80, rows: rows || 24 });
  });
}

Deno.test("Tty.onResizeOrResume() listens to SIGWINCH and SIGCONT", pure, async () => {
  const { streams: { tty }, fake } = await open();
  const told: string[] = [];
  const stop = tty!.onResizeOrResume({
    onResize: () => told.push("resize"),
    onResume: () => told.push("resume"),
  });
  for (const signal of ["SIGCONT", "SIGWINCH"]) fake.listeners.get(signal)!();
  assertEquals([told, fake.listeners.size], [["resume", "resize"], 2]);
  stop();
  assertEquals([...fake.listeners], []);
});

Deno.test("Tty ignores what the system refuses, and has 80 columns and 24 rows then", pure, async () => {
  const { streams, streams: { tty }, fake } = await open({ isRefusing: true });
  streams.setRaw!(true);
  tty!.writeSync(new TextEncoder().encode("x"));
  assertEquals(tty!.size(), { columns: 80, rows: 24 });
  tty!.onResizeOrResume({ onResize: () => {}, onResume: () => {} })();
  assertEquals(fake.calls.slice(-4), [
    ["add", "SIGWINCH"],
    ["add", "SIGCONT"],
    ["remove", "SIGWINCH"],
    ["remove", "SIGCONT"],
  ]);
});

Deno.test("TerminalStreams.write() writes as many lines as a pipe takes at once", pure, async () => {
  const { streams, fake } = await open();
  fake.maxWriteBytes = Infinity;
  const write = (text: string) => streams.write(new TextEncoder().encode(text));
  assertEquals(await write(`${"x".repeat(4_000)}\n${"y".repeat(94)}\nz`), 4_096);
  assertEquals(await write(`${"x".repeat(4_000)}\n${"y".repeat(95)}\nz`), 4_001);
  assertEquals(await write("x".repeat(5_000)), 4_096);
  assertEquals(await write("x\ny"), 3);
});

for (
  const [env, hasTitle, notification] of [
    [{ TERM: "xterm-256color" }, true, undefined],
    [{ TERM: "xterm-kitty" }, true, "9;"],
    [{ TERM: "xterm-256color", TERM_PROGRAM: "iTerm.app" }, true, "9;"],
    [{ TERM: "foot" }, true, "777;notify;chat;"],
    [{ TERM: "tmux-256color", TERM_PROGRAM: "iTerm.app" }, true, undefined],
    [{ TERM: "linux" }, false, undefined],
    [{ TERM: "vt100" }, false, undefined],
    [{}, false, undefined],
  ] as const
) {
  Deno.test(`standardStreams() knows what ${JSON.stringify(env)} shows beside lines`, pure, async () => {
    const { streams: { tty } } = await open({ env });
    assertEquals([tty?.hasTitle, tty?.notification], [hasTitle, notification]);
  });
}
