// runProcess() on a system of the test's own, and the output of --help, --version, --licenses and --completions.

import { assert, assertEquals, assertRejects } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { COMMON_FLAGS, parseFlags } from "../../lib/cli/flags.ts";
import {
  type BuildInfo,
  clientCommand,
  infoOutput,
  type ProcessContext,
  runProcess,
} from "../../lib/cli/process.ts";
import { ConnectError, InputError } from "../../lib/errors.ts";
import { errorText, translator } from "../../lib/i18n/translate.ts";
import { BRACKETED_PASTE, FOCUS_REPORTS, PLAIN_KEYS } from "../../lib/terminal/keys.ts";
import { FakeDeno, type FakeDenoOptions, FakeExit } from "../testing/fake_deno.ts";
import { TestClock } from "../testing/test_clock.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";
import { pure, reading } from "../testing/test_options.ts";
import { waitFor, withTimeout } from "../testing/waiting.ts";

const TTY = { isStdinTty: true, isStdoutTty: true } as const;

/** Runs a program. Returns its exit status, and its system. */
async function run(
  main: (process: ProcessContext, fake: FakeDeno, events: EventTarget) => number | Promise<number>,
  options?: FakeDenoOptions,
) {
  const [fake, events, clock] = [new FakeDeno(options), new EventTarget(), new TestClock().now];
  const body = (process: ProcessContext) => Promise.resolve(main(process, fake, events));
  const running = runProcess(body, { clock, deno: fake.api, events });
  const { status } = await assertRejects(() => running, FakeExit);
  return { status, fake };
}

/** What a program is given by its process. */
async function contextOf(options?: FakeDenoOptions): Promise<ProcessContext> {
  const { promise, resolve } = Promise.withResolvers<ProcessContext>();
  await run((process) => (resolve(process), 0), options);
  return await promise;
}

/** What goes to standard error meanwhile. */
async function errorsDuring(act: () => Promise<unknown>): Promise<unknown[]> {
  const { error } = console;
  const errors: unknown[] = [];
  console.error = (text: unknown) => errors.push(text);
  try {
    await act();
  } finally {
    console.error = error;
  }
  return errors;
}

Deno.test("runProcess() exits with the status that main returns, after its output", pure, async () => {
  const { status, fake } = await run(({ terminal }) => {
    void terminal.print("hola");
    return 7;
  });
  assertEquals([status, fake.output], [7, "hola\n"]);
});

for (
  const [error, expected] of [
    [new InputError("flag-unknown", { flag: "--x" }), 2],
    [new ConnectError("no-answer", { server: "a:1" }), 1],
  ] as const
) {
  Deno.test(`runProcess() exits with ${expected} for ${error.name}, told on stderr`, pure, async () => {
    const errors = await errorsDuring(async () => {
      const { status } = await run(() => Promise.reject(error), { args: ["--lang", "en"] });
      assertEquals(status, expected);
    });
    assertEquals(errors, [errorText(error, "en")]);
  });
}

Deno.test("runProcess() exits with 0, silently, if main throws a signal's reason", pure, async () => {
  const errors = await errorsDuring(async () => {
    const { status } = await run(({ terminated }, fake) => {
      fake.listeners.get("SIGTERM")!();
      return Promise.reject(terminated.reason);
    });
    assertEquals(status, 0);
  });
  assertEquals(errors, []);
});

Deno.test("runProcess() restores the terminal and rethrows a program's defect", pure, async () => {
  const fake = new FakeDeno(TTY);
  const defect = () => Promise.reject(new RangeError("defect"));
  const options = { clock: new TestClock().now, deno: fake.api, events: new EventTarget() };
  await assertRejects(() => runProcess(defect, options), RangeError);
  assertEquals(fake.callsOf("setRaw"), [true, false]);
});

/** As the system fails a write. */
const noSpace = () => Object.assign(new Error("No space left on device"), { code: "ENOSPC" });

Deno.test("runProcess() exits with 1 if its output cannot be written, told on stderr", pure, async () => {
  const errors = await errorsDuring(async () => {
    const { status } = await run(async ({ terminal, terminated }) => {
      await terminal.print("chat-client 0.1.0");
      assertEquals(terminated.aborted, false);
      return 0;
    }, { writeErrors: [noSpace(), noSpace()], args: ["--lang", "en"] });
    assertEquals(status, 1);
  });
  assertEquals(errors, [
    "Cannot write the output: the disk is full. Check the disk; lines are left out until it works again.",
  ]);
});

Deno.test("runProcess() tells on stderr when output works again, and exits with 0", pure, async () => {
  const errors = await errorsDuring(async () => {
    const { status, fake } = await run(async ({ terminal }) => {
      terminal.gapText = (count) => `${count} missing`;
      await terminal.print("a", "two");
      for (const line of ["three", "four"]) await terminal.print(line);
      return 0;
      // The first line is taken.
    }, { writeErrors: [undefined, noSpace(), noSpace()], args: ["--lang", "en"] });
    assertEquals([status, fake.output], [0, "a\n2 missing\nfour\n"]);
  });
  assertEquals(errors.slice(1), ["Output works again. Lines missing from it: up to 2."]);
});

Deno.test("runProcess() exits with 1 if neither stdout nor stderr can be written", pure, async () => {
  const { error } = console;
  console.error = () => {
    throw noSpace();
  };
  try {
    const { status } = await run(async ({ terminal }) => {
      await terminal.print("hola");
      return 0;
    }, { writeErrors: [noSpace()] });
    assertEquals(status, 1);
  } finally {
    console.error = error;
  }
});

Deno.test("runProcess() reads the config file for language and plain output", writing, async () => {
  await using folder = new TestFolder();
  const path = await folder.file("any.conf", "lang en\nplain");
  const context = await contextOf({ ...TTY, args: ["--config", path] });
  assertEquals([context.language, context.terminal.hasLineEditor], ["en", false]);
  assertEquals(context.configFile?.path, path);
  const typed = await contextOf({ args: ["--config", path, "--lang", "es"] });
  assertEquals(typed.language, "es");
});

Deno.test("runProcess() exits with 2 if the config file cannot be read", writing, async () => {
  await using folder = new TestFolder();
  const errors = await errorsDuring(async () => {
    const { status } = await run(() => 0, { args: ["--config", `${folder.path}/none`, "--lang=en"] });
    assertEquals(status, 2);
  });
  assertEquals(errors, [`Cannot read ${folder.path}/none: it does not exist.`]);
});

for (const type of ["error", "unhandledrejection", "unload"]) {
  Deno.test(`runProcess() restores the screen at once at ${type}`, pure, async () => {
    const { fake } = await run(async ({ terminal }, _, events) => {
      await terminal.print("hola");
      events.dispatchEvent(new Event(type));
      return 0;
    }, TTY);
    assertEquals(fake.callsOf("writeSync"), [BRACKETED_PASTE.off + FOCUS_REPORTS.off + PLAIN_KEYS.off]);
  });
}

const SIGNALS: readonly [options: FakeDenoOptions, fatal: readonly string[], ignored: readonly string[]][] = [
  [{ os: "linux" }, ["SIGINT", "SIGQUIT", "SIGTERM"], ["SIGHUP", "SIGTSTP", "SIGXFSZ"]], // as after nohup
  [{ os: "linux", isStdinTty: true }, ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"], ["SIGTSTP", "SIGXFSZ"]],
  [{ os: "linux", isStdoutTty: true }, ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"], ["SIGTSTP", "SIGXFSZ"]],
  [{ os: "windows", isStdoutTty: true }, ["SIGINT", "SIGBREAK"], []],
];
for (const [options, fatal, ignored] of SIGNALS) {
  for (const signal of [...fatal, ...ignored]) {
    const isFatal = fatal.includes(signal);
    const title = `runProcess() ${isFatal ? "aborts `terminated`" : "does nothing"} at ${signal} with ${
      JSON.stringify(options)
    }`;
    Deno.test(title, pure, async () => {
      const { fake } = await run(({ terminated }, fake) => {
        assertEquals([...fake.listeners.keys()], [...fatal, ...ignored]);
        fake.listeners.get(signal)!();
        assertEquals(terminated.aborted, isFatal);
        return 0;
      }, options);
      // The time limit for a program that hangs.
      assertEquals(fake.callsOf("unrefTimer").length, isFatal ? 1 : 0);
    });
  }
}

Deno.test("runProcess() exits with 1 if a program hangs after a signal", pure, async () => {
  const fake = new FakeDeno();
  const { promise: exited, resolve: exit } = Promise.withResolvers<number>();
  Object.assign(fake, { exit, unrefTimer: () => {} });
  const hang = () => {
    fake.listeners.get("SIGTERM")!();
    return new Promise<number>(() => {});
  };
  const options = { clock: new TestClock().now, deno: fake.api, events: new EventTarget(), shutdownMs: 1 };
  void runProcess(hang, options);
  assertEquals(await withTimeout(exited, "the exit"), 1);
});

Deno.test("runProcess() aborts `terminated` at Ctrl-C", pure, async () => {
  const { status } = await run(async ({ terminated }) => {
    await waitFor(() => terminated.aborted);
    return 3;
  }, { ...TTY, typed: "\x03" });
  assertEquals(status, 3);
});

for (
  const [args, env, language] of [
    [["--lang", "en"], {}, "en"],
    [["--plain", "--lang=en"], { LANG: "es_ES.UTF-8" }, "en"],
    [["--lang"], { LANG: "en_GB.UTF-8" }, "en"],
    [["en"], {}, "es"],
    [[], { LANG: "es_ES", LC_MESSAGES: "en_US" }, "en"],
    [[], { LC_MESSAGES: "es_ES", LC_ALL: "en_US" }, "en"],
    [[], {}, "es"],
  ] as const
) {
  Deno.test(`runProcess(${[...args]}) chooses ${language} with ${JSON.stringify(env)}`, pure, async () => {
    const context = await contextOf({ args, env });
    assertEquals([context.language, context.args], [language, args]);
  });
}

for (
  const [os, env, folder] of [
    ["linux", { XDG_CONFIG_HOME: "/x", HOME: "/home/ana", APPDATA: "/a" }, "/x/chat"],
    ["linux", { XDG_CONFIG_HOME: "x", HOME: "/home/ana" }, "/home/ana/.config/chat"],
    ["linux", { XDG_CONFIG_HOME: "", HOME: "/home/ana" }, "/home/ana/.config/chat"],
    ["linux", { HOME: "ana" }, undefined],
    ["linux", { APPDATA: "/a" }, undefined],
    ["windows", { APPDATA: "/a", HOME: "/home/ana" }, "/a/chat"],
    ["windows", { XDG_CONFIG_HOME: "/x", HOME: "/home/ana" }, undefined],
  ] as const
) {
  Deno.test(`runProcess() gives ${folder} for state on ${os} with ${JSON.stringify(env)}`, pure, async () => {
    assertEquals((await contextOf({ os, env })).configFolder, folder);
  });
}

for (
  const [options, hasColors] of [
    [{ isStdoutTty: true }, true],
    [{ isStdinTty: true }, false],
    [{ isStdoutTty: true, noColor: true }, false],
    [{ isStdoutTty: true, env: { TERM: "dumb" } }, false],
  ] as const
) {
  Deno.test(`runProcess() sets hasColors to ${hasColors} for ${JSON.stringify(options)}`, pure, async () => {
    assertEquals((await contextOf(options)).hasColors, hasColors);
  });
}

for (
  const [args, env, hasLineEditor] of [
    [[], { TERM: "xterm" }, true],
    [["--plain"], {}, false],
    [["--json"], {}, false],
    [[], { TERM: "dumb" }, false],
  ] as const
) {
  const title = `runProcess(${[...args]}) ${
    hasLineEditor ? "edits lines" : "leaves lines to the system"
  } with ${JSON.stringify(env)}`;
  Deno.test(title, pure, async () => {
    assertEquals((await contextOf({ ...TTY, args, env })).terminal.hasLineEditor, hasLineEditor);
  });
}

Deno.test("ProcessContext.localAddresses() adds the zone to link-local addresses", pure, async () => {
  assertEquals((await contextOf()).localAddresses(), [
    { name: "lo", address: "127.0.0.1" },
    { name: "eth0", address: "fe80::1%2" },
  ]);
});

Deno.test("ProcessContext.localAddresses() is empty without the permission to read them", pure, async () => {
  await run(({ localAddresses }, fake) => {
    const networkInterfaces = () => {
      throw new Deno.errors.NotCapable("Requires sys access");
    };
    Object.assign(fake, { networkInterfaces });
    assertEquals(localAddresses(), []);
    return 0;
  });
});

Deno.test("ProcessContext.hostName() has no domain, and is empty without permission", pure, async () => {
  await run(({ hostName }, fake) => {
    assertEquals(hostName(), "maquina");
    const hostname = () => {
      throw new Deno.errors.NotCapable("Requires sys access");
    };
    Object.assign(fake, { hostname });
    assertEquals(hostName(), "");
    return 0;
  });
});

Deno.test("ProcessContext.dropFilePermissions() revokes reading and writing", pure, async () => {
  const { fake } = await run(({ dropFilePermissions }) => (dropFilePermissions(), 0));
  assertEquals(fake.callsOf("revoke"), ["read", "write"]);
});

Deno.test("clientCommand() starts an executable of the current folder", pure, () => {
  assertEquals(clientCommand(), "deno task client");
  assertEquals([clientCommand("linux", false), clientCommand("windows", false)], [
    "./chat-client",
    "chat-client",
  ]);
});

Deno.test("ProcessContext.buildInfo tells an executable from source", pure, async () => {
  const runtime = "Deno 2.9.6, a-target";
  assertEquals((await contextOf()).buildInfo, { distribution: "source", runtime });
  assertEquals((await contextOf({ isStandalone: true })).buildInfo, { distribution: "compiled", runtime });
});

function outputOf(args: readonly string[], distribution: BuildInfo["distribution"] = "source") {
  return infoOutput(parseFlags(args, COMMON_FLAGS), {
    name: "chat-server",
    table: COMMON_FLAGS,
    help: ["Help"],
    build: { distribution, runtime: "Deno 2.9.6" },
    t: translator("en"),
  });
}

Deno.test("infoOutput() prefers --help to --version, and that to --completions", pure, async () => {
  assertEquals(await outputOf(["--completions", "zsh", "--version", "-h"]), ["Help"]);
  assertEquals((await outputOf(["--completions", "zsh", "--version"]))!.length, 1);
  assertEquals((await outputOf(["--completions", "zsh"]))![0], "#compdef chat-server");
  assertEquals((await outputOf(["--completions", "bash"]))!.at(-1), "complete -F _chat_server chat-server");
  assertEquals(await outputOf(["--lang", "es"]), undefined);
});

for (const distribution of ["source", "compiled", "self-extracting"] as const) {
  Deno.test(`infoOutput() gives the version of a program that is ${distribution}`, pure, async () => {
    const text = (await outputOf(["--version"], distribution))!.join("\n");
    assertEquals(
      text.replace(/\(.*(?=(source|compiled|self))/, "("),
      `chat-server ${config.version} (${distribution}, Deno 2.9.6)`,
    );
  });
}

Deno.test("infoOutput() gives the licences of program, Deno and every package", reading, async () => {
  const lines = new Set(await outputOf(["--licenses"]));
  const lock = await Deno.readTextFile(new URL("../../deno.lock", import.meta.url));
  const packages = Object.keys(JSON.parse(lock).npm);
  assert(packages.length > 20 && lines.has("Copyright (c) 2026 the chat contributors"));
  const owners = ["chat", "Deno (which contains V8 and other software)", ...packages];
  assertEquals(owners.filter((name) => !lines.has(`* ${name}`)), []);
});
