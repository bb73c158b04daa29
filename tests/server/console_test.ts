// AdminConsole and its ADMIN_COMMANDS: what lines typed at a server's console do, and what they answer.

import { assertEquals, assertMatch } from "@std/assert";
import { usage } from "../../lib/cli/commands.ts";
import { InputError } from "../../lib/errors.ts";
import { DEFAULT_DISPLAY, makeRenderer } from "../../lib/render/renderer.ts";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import { ADMIN_COMMANDS, AdminConsole } from "../../lib/server/console.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { messageOf } from "../testing/message.ts";
import { FakeUser, type FakeUserOptions } from "../testing/fake_user.ts";
import { msOf, TestClock } from "../testing/test_clock.ts";
import { waitFor } from "../testing/waiting.ts";

const SINCE_MS = msOf("2026-11-22 12:00:00");
const MEMBERS = ["ana", "bea"].map((nick) => ({
  sessionId: 1n,
  nick,
  address: "10.0.0.7",
  sinceMs: SINCE_MS,
}));

/** Runs an AdminConsole with a server that knows ana and bea, and records the calls that change something. */
function startConsole(
  options: FakeUserOptions = {},
  { storedBytes, fingerprint, question }: { storedBytes?: number; fingerprint?: string; question?: string } =
    {},
) {
  const localAddresses = [{ address: "10.0.0.2", name: "eth0" }];
  const user = new FakeUser({ language: "en", localAddresses, ...options });
  const calls: unknown[][] = [];
  const record = (...call: unknown[]) => void calls.push(call);
  const server: Partial<Record<keyof ChatServer, unknown>> = {
    address: { host: "0.0.0.0", port: 4_000 },
    backups: ["10.0.0.8:5000", "lab:5001"],
    members: MEMBERS,
    stats: {
      memberCount: 2,
      messagesPerSecond: 1.25,
      residentBytes: 41_500_000,
      startedMs: SINCE_MS,
      storedBytes,
    },
    kick: (
      nick: string,
      reason: string,
    ) => (record("kick", nick, reason), MEMBERS.find((member) => member.nick === nick.toLowerCase())),
    ban: (address: string, ms: number) => (record("ban", address, ms / 60_000), MEMBERS.length),
    unban: (address: string) => (record("unban", address), address === MEMBERS[0]!.address),
    announce: (text: string) => record("announce", text),
    addBackup: (backup: string) => record("addBackup", backup),
    removeBackup: (backup: string) => {
      if (backup === "abc:2") throw new InputError("backup-unknown", { server: backup });
      record("removeBackup", backup);
    },
  };
  const status = user.run(async (process) => {
    if (question) await process.terminal.ask(question);
    const renderer = makeRenderer(DEFAULT_DISPLAY, process);
    const checker = { stateOf: (backup: string) => Promise.resolve(messageOf(`✓ ${backup} answers`)) };
    await new AdminConsole(
      { server: server as unknown as ChatServer, checker, fingerprint, renderer, isJson: false },
      process,
    ).run();
    return 0;
  });
  return { user, status, calls };
}

const NO_COMMAND = "! Not a command. To speak to all: /say TEXT. More commands: /help.\n";
const FINGERPRINT = "SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";

/** By line, the calls that it makes and the beginning of its answer. */
const LINES: Record<string, [calls: unknown[][], answer?: string]> = {
  "": [[]],
  "hello": [[], NO_COMMAND],
  "/help": [[], "! Commands:\n  /help"],
  "/quien": [
    [],
    `! Online: 2.
  ana (10.0.0.7), since 2026-11-22 12:00:00
  bea (10.0.0.7), since 2026-11-22 12:00:00
`,
  ],
  "/kick ana": [[["kick", "ana", ""]]],
  "/expulsar  Ana  por  gritar ": [[["kick", "Ana", "por  gritar"], [
    "announce",
    "ana was kicked: por  gritar",
  ]]],
  "/kick eva": [[["kick", "eva", ""]], '! No member has the nick "eva": /who shows who is online.\n'],
  "/ban 10.0.0.7 5": [[["ban", "10.0.0.7", 5]], "! Banned 10.0.0.7 for 5 min; kicked 2.\n"],
  "/ban 10.0.0.7 0": [[["unban", "10.0.0.7"]], "! Unbanned 10.0.0.7.\n"],
  "/ban ::ffff:a00:8 0": [[["unban", "10.0.0.8"]], "! 10.0.0.8 is not banned.\n"],
  "/vetar 0:0::1 525600": [[["ban", "::1", 525_600]], "! Banned ::1 for 525600 min; kicked 2.\n"],
  "/say  hola a todos ": [[["announce", "hola a todos"]]],
  "/backup": [[], "! Backup servers:\n  ✓ 10.0.0.8:5000 answers\n  ✓ lab:5001 answers\n"],
  "/backup 10.0.0.8": [[["addBackup", "10.0.0.8:4000"]], "! ✓ 10.0.0.8:4000 answers\n"],
  "/backup 10.0.0.8 5001": [[["addBackup", "10.0.0.8:5001"]], "! ✓ 10.0.0.8:5001 answers\n"],
  "/backup peña.test": [[["addBackup", "xn--pea-8ma.test:4000"]], "! ✓ xn--pea-8ma.test:4000 answers\n"],
  [`/backup abc:1#${FINGERPRINT}`]: [[["addBackup", `abc:1#${FINGERPRINT}`]], "! ✓ abc:1"],
  "/backup -10.0.0.8": [[["removeBackup", "10.0.0.8:4000"]]],
  "/reserva -[::1] 5001": [[["removeBackup", "[::1]:5001"]]],
  [`/backup -abc:1#${FINGERPRINT}`]: [[["removeBackup", "abc:1"]]],
  "/backup -abc:2": [[], "! abc:2"],
  "/backup [fe80::2%vb]:5000": [[], "! [fe80::2%vb]:5000 is a link-local address"],
  "/backup -[fe80::2%vb]:5000": [[["removeBackup", "[fe80::2%vb]:5000"]]],
  "/backup 10.0.0.2": [[], "! 10.0.0.2:4000 is this server itself"],
  "/kik ana": [[], '! Unknown command "/kik". Did you mean /kick?'],
  "/msg ana": [[], '! Unknown command "/msg".'],
  "/quit when it is over": [[], "! Too much text: not run. Type: /quit"],
  "/ban ana 5": [[], '! "ana"'],
  [`/say ${"x".repeat(2_001)}`]: [[], "! "],
  ...Object.fromEntries(
    [
      "/backup -abc",
      "/backup abc",
      "/backup adiós",
      "/backup somos 12",
      "/kick",
      "/ban 10.0.0.7",
      "/say ",
    ].map(
      (line) => [line, [[], `! Not run. Type: ${line.split(" ")[0]}`] as [unknown[][], string]],
    ),
  ),
  ...Object.fromEntries(
    ["mucho", "525601", "-1"].map((
      minutes,
    ) => [`/ban 10.0.0.7 ${minutes}`, [[], `! "${minutes}"`] as [unknown[][], string]]),
  ),
};

for (const [line, [expected, answer = ""]] of Object.entries(LINES)) {
  Deno.test(`AdminConsole.run() runs ${JSON.stringify(line.slice(0, 60))}`, async () => {
    const { user, status, calls } = startConsole();
    await using _ = user;
    user.type(`${line}\nquit\n`);
    assertEquals(await status, 0);
    assertEquals([calls, user.output.slice(0, answer.length || 1_000)], [expected, answer]);
  });
}

Deno.test("AdminConsole.showStats() prints the size on disk and the fingerprint if there are", async () => {
  for (const [storedBytes, size] of [[undefined], [31_500, "32 kB"], [1_250_000, "1\\.3 MB"]] as const) {
    const fingerprint = storedBytes === undefined ? undefined : FINGERPRINT;
    const { user, status } = startConsole({}, { storedBytes, fingerprint });
    await using _ = user;
    user.type("/stats\nquit\n");
    assertEquals(await status, 0);
    const stored = size === undefined ? "" : `! On disk: ${size}\\.\n! .*${RegExp.escape(FINGERPRINT)}\n`;
    const stats =
      "! Clients: 2\\. Messages per second: 1\\.3\\. Memory: 42 MB\\. Up since: 2026-11-22 12:00:00\\.";
    assertMatch(user.output, new RegExp(`^${stats}\n${stored}$`));
  }
});

for (const word of ["salir", "quit", "/quit", " SALIR "]) {
  Deno.test(`AdminConsole.run() ends at "${word}"`, async () => {
    const { user, status } = startConsole();
    await using _ = user;
    user.type(`${word}\n`);
    assertEquals([await status, user.output], [0, ""]);
  });
}

Deno.test("AdminConsole.run() ends where a keyboard ends", async () => {
  const { user, status } = startConsole({ isTty: true });
  user.endInput();
  assertEquals(await status, 0);
});

Deno.test("AdminConsole.run() runs no line that is pasted, and completes commands and nicks", async () => {
  const { user, status, calls } = startConsole({ isTty: true, tty: new FakeScreen({ columns: 200 }) });
  await using _ = user;
  user.type("\x1b[200~def f():\r    /quit\r\x1b[201~");
  await user.waitForOutput("! Lines pasted together do not run: paste them one at a time.");
  user.type("/ki\tbe\t\r");
  await waitFor(() => calls.length > 0);
  user.type("quit\r");
  assertEquals([await status, calls], [0, [["kick", "bea", ""]]]);
});

Deno.test("AdminConsole.run() takes at Enter what was pasted at a question before it", async () => {
  const clock = new TestClock();
  clock.advanceTo(0);
  const tty = new FakeScreen({ columns: 200 });
  const { user, status } = startConsole({ isTty: true, tty, clock: clock.now }, { question: "Port" });
  await using _ = user;
  await user.waitForOutput("Port: ");
  user.type("\x1b[200~5000\runo\rdos\x1b[201~\r");
  await user.waitForOutput("> uno ↵ dos");
  clock.advanceTo(1_000);
  user.type("\r");
  await user.waitForOutput("! Lines pasted together do not run");
  user.type("quit\r");
  assertEquals(await status, 0);
});

Deno.test("AdminConsole.run() says that Ctrl-R finds nothing, and goes on after Ctrl-C", async () => {
  const { user, status } = startConsole({ isTty: true, tty: new FakeScreen({ columns: 60 }) });
  await using _ = user;
  user.type("\x12x");
  await user.waitForOutput("(not found: x)");
  user.type("\x03quit\r");
  assertEquals(await status, 0);
  assertEquals(user.terminal.interruptSignal.aborted, false);
});

Deno.test("AdminConsole.run() has a prompt at a screen, which /clear leaves alone on it", async () => {
  const screen = new FakeScreen({ columns: 60 });
  const { user, status } = startConsole({ isTty: true, tty: screen });
  await using _ = user;
  user.type("/stats\r/clear\r");
  await user.until(
    (output) => output.split("\x1b[2J")[1]?.includes("> ") === true,
    "an empty screen with a prompt",
  );
  user.type("quit\r");
  assertEquals(await status, 0);
});

Deno.test("ADMIN_COMMANDS.help() shows every command with its arguments", { permissions: "none" }, () => {
  const help = ADMIN_COMMANDS.help("es");
  assertEquals(help.filter((line) => line.startsWith("  /")).length, 9);
  assertMatch(help.join("\n"), /^ {2}\/vetar IP MINUTOS, \/ban /m);
  const kick = ADMIN_COMMANDS.commands.find(({ names }) => names.includes("kick"))!;
  assertEquals(usage(kick, "en"), "/kick NICK [REASON]");
});
