// What lines typed in a client do.

import { assertEquals, assertThrows } from "@std/assert";
import { CHAT_COMMANDS, type ChatContext, CONSOLE_NAMES, messageText } from "../../lib/client/commands.ts";
import { InputError } from "../../lib/errors.ts";
import { ADMIN_COMMANDS } from "../../lib/server/console.ts";
import { translator } from "../../lib/i18n/translate.ts";
import type { Terminal } from "../../lib/terminal/terminal.ts";
import { misuse } from "../testing/misuse.ts";
import { pure } from "../testing/test_options.ts";

/** Runs a typed line against a recording context. Returns what it did.
 * @throws {InputError} about an argument */
function run(line: string): Record<string, unknown> {
  const actions: Record<string, unknown>[] = [];
  const record = (type: string, values: Record<string, unknown> = {}) => {
    actions.push({ type, ...values });
    return Promise.resolve();
  };
  const terminal: Pick<Terminal, "clear"> = { clear: () => void record("clear") };
  const context: Omit<ChatContext, "session" | "members" | "terminal"> = {
    t: translator("en"),
    rename: (nick) => record("nick", { nick }),
    say: (text, options) => record("say", { text, ...options }),
    sayTo: (nick, text) => record("msg", { nick, text }),
    reply: ({ text }) => record("reply", { text }),
    showHelp: () => record("help"),
    showMembers: () => record("who"),
    quit: (goodbye) => record("quit", goodbye ? { goodbye } : {}),
    ignore: (nick) => record("ignore", { nick }),
  };
  void CHAT_COMMANDS.run(line, { ...context, terminal } as ChatContext, "en");
  assertEquals(actions.length, 1, line);
  return actions[0]!;
}

/** What a typed line does: a message, a command, or a command that cannot be run.
 * @throws {InputError} about a text or an argument */
function parseLine(line: string): Record<string, unknown> {
  const text = messageText({ text: line, isPasted: false }, { isTty: true });
  if (text !== undefined) return { type: "say", text };
  try {
    return run(line);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return misuse(error);
  }
}

const MESSAGES: [line: string, text: string][] = [
  [" hola,\tana ", " hola, ana"],
  ["salir ya", "salir ya"],
  ["a/b", "a/b"],
  ["\x1b[2J", "␛[2J"],
  ["", ""],
  ["   ", ""],
  ["\t", ""],
  // Two slashes begin a text that begins with one.
  ["//help", "/help"],
  ["//", "/"],
  [" //hola", "/hola"],
  ["  if (a) b();", "  if (a) b();"],
];

for (const [line, text] of MESSAGES) {
  Deno.test(`messageText() takes ${JSON.stringify(line)} for a message`, pure, () => {
    for (const isTty of [true, false]) {
      assertEquals(messageText({ text: line, isPasted: false }, { isTty }), text);
    }
  });
}

Deno.test("messageText() takes any pasted line for a message, as it is", pure, () => {
  const screen = { isTty: true };
  for (const line of ["/quit", "salir", "//", "  /help", "  /msg ana x"]) {
    assertEquals(messageText({ text: line, isPasted: true }, screen), line);
  }
  assertEquals(messageText({ text: "  \t", isPasted: true }, screen), "");
});

Deno.test("messageText() takes indented lines of a pipe for code, but publishes no /msg", pure, () => {
  const textOf = (text: string) => messageText({ text, isPasted: false }, { isTty: false });
  for (const line of ["  /quit", "  salir", "  // hola", "  /nada", "  /msgs ana x", "   /* /msg */"]) {
    assertEquals(textOf(line), line);
  }
  for (const line of ["  /msg ana x", "\t/PRIVADO ana x", " \t /msg", "  /ignore ana"]) {
    assertEquals(textOf(line), undefined);
  }
});

const COMMANDS: [lines: string[], action: Record<string, unknown>][] = [
  [["salir", "quit", "/quit", "/salir", " Salir ", "QUIT\r", "exit", "/exit", "/q", "  /quit", "\tsalir"], {
    type: "quit",
  }],
  [["/help", "/ayuda", "/HELP", "/help me", " /ayuda"], { type: "help" }],
  [["/who", "/quien", "/Who is there"], { type: "who" }],
  [[
    "/msg  Beto  hola,\tbeto ",
    " /privado Beto hola, beto",
    "  /msg Beto hola, beto",
    "\t /msg Beto hola, beto",
  ], {
    type: "msg",
    nick: "Beto",
    text: "hola, beto",
  }],
  [["/privado beto /help"], { type: "msg", nick: "beto", text: "/help" }],
  [["/me saluda", "/yo saluda"], { type: "say", text: "saluda", action: true }],
  [["/yo \x07"], { type: "say", text: "␇", action: true }],
  [["/nick  ａna ", "/apodo ana"], { type: "nick", nick: "ana" }],
  [["/clear", "/limpiar"], { type: "clear" }],
  [["/wha is this"], { type: "unknown", command: "/wha", suggestion: "/who" }],
  [["/helpme"], { type: "unknown", command: "/helpme", suggestion: "/help" }],
  [["/NIK ana"], { type: "unknown", command: "/NIK", suggestion: "/nick" }],
  [["/"], { type: "unknown", command: "/" }],
  [["/foo", "  /foo"], { type: "unknown", command: "/foo" }],
  [["/kick ana"], { type: "elsewhere", command: "/kick" }],
  [["/Reserva 10.0.0.7"], { type: "elsewhere", command: "/reserva" }],
  [["/\x1b[2J x"], { type: "unknown", command: "/␛[2J" }],
  [["/msg", "/msg beto", "/msg beto \t ", "/msg ana \u200b"], { type: "incomplete", command: "msg" }],
  [["/nick "], { type: "incomplete", command: "nick" }],
  [["/me", "/me \u200b"], { type: "incomplete", command: "me" }],
  [["/quit adiós,\ta todos", "/salir adiós, a todos"], { type: "quit", goodbye: "adiós, a todos" }],
  [["/ignore Ana", "/ignorar Ana"], { type: "ignore", nick: "Ana" }],
  [["/ignore"], { type: "ignore", nick: "" }],
];

for (const [lines, action] of COMMANDS) {
  Deno.test(`CHAT_COMMANDS.run() takes ${JSON.stringify(lines[0])} as ${Object.values(action)}`, pure, () => {
    for (const line of lines) assertEquals(parseLine(line), action);
  });
}

Deno.test("CONSOLE_NAMES has all commands that only the server's console has", pure, () => {
  const own = CHAT_COMMANDS.names;
  assertEquals(
    CONSOLE_NAMES.map((name) => `/${name}`),
    ADMIN_COMMANDS.names.filter((name) => !own.includes(name)),
  );
});

Deno.test("CHAT_COMMANDS.run() refuses an invalid nick", pure, () => {
  for (const line of ["/nick a b", "/msg a/b hola"]) {
    assertEquals(assertThrows(() => parseLine(line), InputError).code, "nick-invalid");
  }
});

Deno.test("messageText() and CHAT_COMMANDS.run() refuse more than 2000 characters", pure, () => {
  const text = "ñ".repeat(2_000);
  assertEquals(parseLine(text), { type: "say", text });
  assertEquals(parseLine(`/me ${text}`), { type: "say", text, action: true });
  assertEquals(parseLine(`/msg ana ${text}`), { type: "msg", nick: "ana", text });
  for (const line of [`${text}x`, `/me ${text}x`]) {
    const { code, details } = assertThrows(() => parseLine(line), InputError);
    assertEquals<unknown>([code, details], ["text-too-long", { length: 2_001, max: 2_000 }]);
  }
});

Deno.test("CHAT_COMMANDS.help() shows every command, aligned", pure, () => {
  assertEquals(CHAT_COMMANDS.help("en"), [
    "  /help, /ayuda                    show this help",
    "  /who, /quien                     show who is online, from where and since when",
    "  /msg NICK TEXT, /privado         send a private message; the server sees it",
    "                                   too, and may store it",
    "  /nick NEW, /apodo                change your nick",
    "  /me TEXT, /yo                    describe an action",
    "  /ignore [NICK], /ignorar         hide or show a member's messages, for you",
    "                                   only; without NICK, list the hidden members",
    "  /clear, /limpiar                 clear the screen",
    "  /quit [TEXT], /salir, /exit, /q  leave, after sending the TEXT",
    "  //...                            send a text that begins with /",
  ]);
});
