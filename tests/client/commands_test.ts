// What lines typed in a client do.

import { assertEquals, assertThrows } from "@std/assert";
import { isQuit, usage } from "../../lib/cli/commands.ts";
import type { MemberList } from "../../lib/client/member_list.ts";
import { CHAT_COMMANDS, type ChatContext, messageText } from "../../lib/client/commands.ts";
import { InputError } from "../../lib/errors.ts";
import { translator } from "../../lib/i18n/translate.ts";
import type { Terminal } from "../../lib/terminal/terminal.ts";
import { misuse } from "../testing/misuse.ts";

const pure = { permissions: "none" } as const;

/** Runs a typed line against a recording context. Returns what it did.
 * @throws {InputError} about an argument */
function run(line: string): Record<string, unknown> {
  const actions: Record<string, unknown>[] = [];
  const record = (type: string, values: Record<string, unknown> = {}) => {
    actions.push({ type, ...values });
    return Promise.resolve();
  };
  const terminal: Pick<Terminal, "clear"> = { clear: () => void record("clear") };
  const members: Pick<MemberList, "find"> = {
    find: (nick) => ({ nick, sessionId: 1n, address: "", sinceMs: 0 }),
  };
  const context: Omit<ChatContext, "session" | "members" | "terminal"> = {
    t: translator("en"),
    rename: (nick) => record("nick", { nick }),
    say: (text, { to, ...options }) =>
      to ? record("msg", { nick: to.nick, text }) : record("say", { text, ...options }),
    reply: (text) => record("reply", { text }),
    showHelp: () => record("help"),
    showMembers: () => record("who"),
    quit: () => record("quit"),
  };
  void CHAT_COMMANDS.run(line, { ...context, terminal, members } as ChatContext, "en");
  assertEquals(actions.length, 1, line);
  return actions[0]!;
}

/** What a typed line asks for: a message, a command, or a command that cannot be run.
 * @throws {InputError} about a text or an argument */
function parseLine(line: string): Record<string, unknown> {
  const text = messageText({ text: line, isPasted: false });
  if (text !== undefined) return sayText(text);
  try {
    return run(line);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return misuse(error);
  }
}

function sayText(text: string): Record<string, unknown> {
  return text === "" ? { type: "nothing" } : { type: "say", text };
}

function usageOf(name: string, language: "es" | "en"): string {
  return usage(CHAT_COMMANDS.commands.find(({ names }) => names.includes(name))!, language);
}

Deno.test("isQuit() knows every way to leave, in any case", pure, () => {
  for (const line of ["salir", "quit", "/quit", "/salir", " Salir ", "QUIT\r", "exit", "/exit", "/q"]) {
    assertEquals([line, isQuit(line)], [line, true]);
    assertEquals(parseLine(line), { type: "quit" });
  }
  for (const line of ["", "q", "exit now", "salir ya", "quit.", "//quit", "no quit", "quit\nquit"]) {
    assertEquals([line, isQuit(line)], [line, false]);
  }
});

Deno.test("parseLine() takes a line for a message, as it will be sent", pure, () => {
  assertEquals(parseLine(" hola,\tana "), { type: "say", text: " hola, ana" });
  assertEquals(parseLine("salir ya"), { type: "say", text: "salir ya" });
  assertEquals(parseLine("a/b"), { type: "say", text: "a/b" });
  assertEquals(parseLine("\x1b[2J"), { type: "say", text: "␛[2J" });
});

Deno.test(
  "parseLine() takes an indented line for a message, whatever it says; one blank is a slip",
  pure,
  () => {
    for (const text of ["/quit", "salir", "/msg beto hola", "// hola"]) {
      assertEquals(parseLine(`  ${text}`), { type: "say", text: `  ${text}` });
      assertEquals(parseLine(`\t${text}`), { type: "say", text: `    ${text}` });
    }
    assertEquals(parseLine(" /msg beto hola"), { type: "msg", nick: "beto", text: "hola" });
    assertEquals(parseLine(" //hola"), { type: "say", text: "/hola" });
  },
);

Deno.test("messageText() takes any line for a message, as it was pasted", pure, () => {
  for (const line of ["/quit", "salir", "//", "  /help"]) {
    assertEquals(sayText(messageText({ text: line, isPasted: true })!), { type: "say", text: line });
  }
  assertEquals(sayText(messageText({ text: "  \t", isPasted: true })!), { type: "nothing" });
});

Deno.test("parseLine() does nothing about a line with nothing in it", pure, () => {
  for (const line of ["", "   ", "\t"]) assertEquals(parseLine(line), { type: "nothing" });
});

Deno.test("parseLine() sends a text that begins with a slash when there are two", pure, () => {
  assertEquals(parseLine("//help"), { type: "say", text: "/help" });
  assertEquals(parseLine("//"), { type: "say", text: "/" });
});

Deno.test("parseLine() knows commands in both languages, in any case, whatever follows", pure, () => {
  for (const line of ["/help", "/ayuda", "/HELP", "/help me", " /ayuda"]) {
    assertEquals(parseLine(line), { type: "help" });
  }
  for (const line of ["/who", "/quien", "/Who is there"]) assertEquals(parseLine(line), { type: "who" });
});

Deno.test("parseLine() does not send a command that it does not know", pure, () => {
  assertEquals(parseLine("/wha is this"), { type: "unknown", command: "/wha", suggestion: "/who" });
  assertEquals(parseLine("/"), { type: "unknown", command: "/" });
  assertEquals(parseLine("/helpme"), { type: "unknown", command: "/helpme", suggestion: "/help" });
  assertEquals(parseLine("/NIK ana"), { type: "unknown", command: "/nik", suggestion: "/nick" });
  assertEquals(parseLine("/\x1b[2J x"), { type: "unknown", command: "/␛[2j" });
  assertEquals(parseLine("/foo"), { type: "unknown", command: "/foo" });
});

Deno.test("parseLine() takes what follows a command, as it will be sent", pure, () => {
  assertEquals(parseLine("/msg  Beto  hola,\tbeto "), { type: "msg", nick: "Beto", text: "hola, beto" });
  assertEquals(parseLine("/privado beto /help"), { type: "msg", nick: "beto", text: "/help" });
  assertEquals(parseLine("/me saluda"), { type: "say", text: "saluda", action: true });
  assertEquals(parseLine("/yo \x07"), { type: "say", text: "␇", action: true });
  assertEquals(parseLine("/nick  ａna "), { type: "nick", nick: "ana" });
  assertEquals(parseLine("/limpiar"), { type: "clear" });
  for (const line of ["/nick a b", "/msg a/b hola"]) {
    assertEquals(assertThrows(() => parseLine(line), InputError).code, "nick-invalid");
  }
});

Deno.test("parseLine() tells which command lacks something behind it, or has too much", pure, () => {
  const lines = { "/msg": "msg", "/msg beto": "msg", "/msg beto \t ": "msg", "/nick ": "nick", "/me": "me" };
  for (const [line, command] of Object.entries(lines)) {
    assertEquals<unknown>(parseLine(line), { type: "incomplete", command });
  }
  assertEquals<unknown>(parseLine("/quit ya"), { type: "surplus", command: "quit" });
  assertEquals(usageOf("msg", "en"), "/msg NICK TEXT");
  assertEquals(usageOf("clear", "es"), "/clear");
});

Deno.test("parseLine() refuses what is longer than 2000 characters and cuts nothing", pure, () => {
  const text = "ñ".repeat(2_000);
  assertEquals(parseLine(text), { type: "say", text });
  assertEquals(parseLine(`/me ${text}`), { type: "say", text, action: true });
  assertEquals(parseLine(`/msg ana ${text}`), { type: "msg", nick: "ana", text });
  const { code, details } = assertThrows(() => parseLine(`${text}x`), InputError);
  assertEquals<unknown>([code, details], ["text-too-long", { length: 2_001, max: 2_000 }]);
});

Deno.test("CHAT_COMMANDS.help() shows every command, aligned", pure, () => {
  assertEquals(CHAT_COMMANDS.help("en"), [
    "  /help, /ayuda             show this help",
    "  /who, /quien              show who is online, from where and since when",
    "  /msg NICK TEXT, /privado  tell one person alone (the server's console sees",
    "                            it); no history keeps it",
    "  /nick NEW, /apodo         take another nick",
    "  /me TEXT, /yo             tell what you do, not what you say",
    "  /clear, /limpiar          clear the screen",
    "  /quit, /salir, /exit, /q  end",
    "  //...                     send a text that begins with /",
  ]);
});

Deno.test("/msg and /me want something that can be seen", pure, () => {
  assertEquals(parseLine("/msg ana \u200b"), { type: "incomplete", command: "msg" });
  assertEquals(parseLine("/me \u200b"), { type: "incomplete", command: "me" });
});
