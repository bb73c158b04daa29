// The console of a server: what its commands do, and what it prints.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { usage } from "../../lib/cli/commands.ts";
import { InputError } from "../../lib/errors.ts";
import { translator } from "../../lib/i18n/translate.ts";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import { DEFAULT_DISPLAY, makeRenderer } from "../../lib/render/renderer.ts";
import { ADMIN_COMMANDS, AdminConsole, type AdminContext } from "../../lib/server/console.ts";
import { FakeUser, type FakeUserOptions } from "../testing/fake_user.ts";
import { misuse } from "../testing/misuse.ts";
import { FakeScreen } from "../testing/fake_screen.ts";
import { msOf } from "../testing/test_clock.ts";

const pure = { permissions: "none" } as const;
const MINUTE_MS = 60_000;

/** Runs a typed line against a recording context. Returns what it did, or why it did nothing.
 * @throws {InputError} about an argument */
function run(line: string): Record<string, unknown> {
  if (line.trim() === "") return { type: "nothing" };
  if (!ADMIN_COMMANDS.isCommand(line)) return { type: "talk" };
  const actions: Record<string, unknown>[] = [];
  const record = (type: string, values: Record<string, unknown> = {}) =>
    void actions.push({ type, ...values });
  const server: Pick<ChatServer, "address" | "kick" | "ban" | "announce" | "addBackup" | "removeBackup"> = {
    address: { host: "10.0.0.1", port: 5_000 },
    kick: (nick, reason) => {
      record("kick", { nick, reason });
      return true;
    },
    ban: (address, durationMs) => {
      record("ban", { address, minutes: durationMs / MINUTE_MS });
      return 0;
    },
    announce: (text) => record("say", { text }),
    addBackup: (server) => record("backup", { server }),
    removeBackup: (server) => record("remove-backup", { server }),
  };
  const context: Omit<AdminContext, "server"> = {
    t: translator("en"),
    localIPs: () => [],
    reply: () => Promise.resolve(),
    showHelp: () => Promise.resolve(record("help")),
    showMembers: () => Promise.resolve(record("who")),
    showStats: () => Promise.resolve(record("stats")),
    quit: () => record("quit"),
  };
  try {
    void ADMIN_COMMANDS.run(line, { ...context, server } as AdminContext, "en");
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return misuse(error);
  }
  assertEquals(actions.length, 1, line);
  return actions[0]!;
}

const LINES: Record<string, Record<string, unknown>> = {
  "salir": { type: "quit" },
  " /QUIT": { type: "quit" },
  "": { type: "nothing" },
  " \t": { type: "nothing" },
  "hola": { type: "talk" },
  "/help": { type: "help" },
  "/quien": { type: "who" },
  "/stats": { type: "stats" },
  "/kick ana": { type: "kick", nick: "ana", reason: "" },
  "/expulsar  Ana  por  gritar ": { type: "kick", nick: "Ana", reason: "por  gritar" },
  "/ban 10.0.0.7 5": { type: "ban", address: "10.0.0.7", minutes: 5 },
  "/ban 10.0.0.7 0": { type: "ban", address: "10.0.0.7", minutes: 0 },
  "/ban 0:0::1 525600": { type: "ban", address: "::1", minutes: 525_600 },
  "/say  hola a todos ": { type: "say", text: "hola a todos" },
  "/backup 10.0.0.8": { type: "backup", server: "10.0.0.8:5000" },
  "/backup 10.0.0.8 5001": { type: "backup", server: "10.0.0.8:5001" },
  "/backup [::1]:5001": { type: "backup", server: "[::1]:5001" },
  "/backup -10.0.0.8": { type: "remove-backup", server: "10.0.0.8:5000" },
  "/reserva -[::1] 5001": { type: "remove-backup", server: "[::1]:5001" },
  "/backup -abc:1#SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0": {
    type: "remove-backup",
    server: "abc:1",
  },
  "/backup -abc": { type: "incomplete", command: "backup" },
  "/kick": { type: "incomplete", command: "kick" },
  "/ban 10.0.0.7": { type: "incomplete", command: "ban" },
  "/say ": { type: "incomplete", command: "say" },
  "/backup": { type: "incomplete", command: "backup" },
  "/backup abc": { type: "incomplete", command: "backup" },
  "/backup somos 12": { type: "incomplete", command: "backup" },
  "/backup abc:5000": { type: "backup", server: "abc:5000" },
  "/quit when it is over": { type: "surplus", command: "quit" },
  "/kik ana": { type: "unknown", command: "/kik", suggestion: "/kick" },
  "/msg ana": { type: "unknown", command: "/msg" },
};

Deno.test("ADMIN_COMMANDS.run() runs every command, and tells what is missing or unknown", pure, () => {
  for (const [line, action] of Object.entries(LINES)) assertEquals([line, run(line)], [line, action]);
});

Deno.test("ADMIN_COMMANDS.run() refuses arguments that cannot be used", pure, () => {
  const refused = {
    "/ban ana 5": "ip-invalid",
    "/ban 10.0.0.7 mucho": "minutes-invalid",
    "/ban 10.0.0.7 525601": "minutes-invalid",
    "/ban 10.0.0.7 -1": "minutes-invalid",
    "/backup a b": "address-invalid",
    "/backup a:0": "port-invalid",
    "/backup --a:1": "address-invalid",
    [`/say ${"x".repeat(2_001)}`]: "text-too-long",
  };
  for (const [line, code] of Object.entries(refused)) {
    assertEquals(assertThrows(() => run(line), InputError).code, code, line);
  }
});

Deno.test("ADMIN_COMMANDS.help() shows every command with its arguments", pure, () => {
  const help = ADMIN_COMMANDS.help("es");
  assertEquals(help.filter((line) => line.startsWith("  /")).length, 8);
  assert(help.some((line) => line.startsWith("  /ban IP MINUTOS, /vetar ")), help.join("\n"));
  const kick = ADMIN_COMMANDS.commands.find(({ names }) => names.includes("kick"))!;
  assertEquals(usage(kick, "en"), "/kick NICK REASON");
});

const SINCE_MS = msOf("2026-11-22 12:00:00");
const MEMBERS = ["ana", "bea"].map((nick) => ({
  sessionId: 1n,
  nick,
  address: "10.0.0.7",
  sinceMs: SINCE_MS,
}));

/** Runs an AdminConsole with a server that knows ana and bea, for a user at a pipe. */
function startConsole(options: FakeUserOptions = {}, storedBytes?: number) {
  const user = new FakeUser({
    language: "en",
    localAddresses: [{ address: "10.0.0.2", name: "eth0" }],
    ...options,
  });
  const server = {
    address: { host: "0.0.0.0", port: 5_000 },
    members: MEMBERS,
    stats: { memberCount: 2, messagesPerSecond: 1.25, startedMs: SINCE_MS, storedBytes },
    kick: (nick: string) => nick === "ana",
    ban: () => MEMBERS.length,
    addBackup: () => {},
  } as unknown as ChatServer;
  const status = user.run(async (process) => {
    await new AdminConsole(server, process, makeRenderer(DEFAULT_DISPLAY, process)).run();
    return 0;
  });
  return { user, status };
}

const NO_COMMAND =
  '! Commands are typed here, which begin with "/": "/say" speaks to everybody, "/help" lists them all.\n';
const REPLIES: Record<string, string> = {
  "": "",
  "  ": "",
  "hello": NO_COMMAND,
  "/kick ana": "",
  "/kick eva": '! Nobody here has the nick "eva".\n',
  "/kik ana": '! There is no command "/kik". Did you mean /kick? Type /help to list them.\n',
  "/ban 10.0.0.7 5": "! Nobody is let in from 10.0.0.7. Minutes: 5. Thrown out: 2.\n",
  "/ban 10.0.0.7 0": "! Whoever comes from 10.0.0.7 is let in again.\n",
  "/backup 10.0.0.8:5000": "",
  "/backup 10.0.0.2:5000": "! 10.0.0.2:5000 is this very server: name another one as its backup.\n",
  "/who": `! Online: 2.
  ana (10.0.0.7), since 2026-11-22 12:00:00
  bea (10.0.0.7), since 2026-11-22 12:00:00
`,
};

for (const [line, reply] of Object.entries(REPLIES)) {
  Deno.test(`AdminConsole.run() answers ${JSON.stringify(line)}`, async () => {
    const { user, status } = startConsole();
    await using _ = user;
    user.type(`${line}\nquit\n`);
    assertEquals(await status, 0);
    assertEquals(user.output, reply);
  });
}

Deno.test("AdminConsole.showStats() prints the size on disk if there is one", async () => {
  for (const storedBytes of [undefined, 1_250_000]) {
    const { user, status } = startConsole({}, storedBytes);
    await using _ = user;
    user.type("/stats\n/help\nquit\n");
    assertEquals(await status, 0);
    const stored = storedBytes === undefined ? "" : "! On disk: 1\\.3 MB\\.\n";
    const stats =
      "! Clients: 2\\. Messages per second: 1\\.3\\. Memory: \\d{2,4} MB\\. Up since: 2026-11-22 12:00:00\\.";
    assertMatch(user.output, new RegExp(`^${stats}\n${stored}! Commands:\n  /help`));
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
  const { user, status } = startConsole({ isTty: true, tty: new FakeScreen({ columns: 200 }) });
  await using _ = user;
  user.type("\x1b[200~def f():\r    /quit\r\x1b[201~");
  await user.waitForOutput(NO_COMMAND.trim());
  user.type("/ki\tbe\t\r");
  await user.waitForOutput('! Nobody here has the nick "bea".');
  user.type("quit\r");
  assertEquals(await status, 0);
});
