// What lines typed at a server's console do.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { usage } from "../../lib/cli/commands.ts";
import { InputError } from "../../lib/errors.ts";
import { translator } from "../../lib/i18n/translate.ts";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import { ADMIN_COMMANDS, type AdminContext } from "../../lib/server/console.ts";
import { misuse } from "../testing/misuse.ts";

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
