// What typed lines ask for.

import { assertEquals, assertThrows } from "@std/assert";
import { commandHelp, commandUsage, isQuit, parseLine, toSayAction } from "../../lib/client/commands.ts";
import { InputError } from "../../lib/errors.ts";
import { translator } from "../../lib/i18n/translate.ts";

const pure = { permissions: "none" } as const;

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

Deno.test("asText() takes any line for a message, as it was pasted", pure, () => {
  for (const line of ["/quit", "salir", "//", "  /help"]) {
    assertEquals(toSayAction(line), { type: "say", text: line });
  }
  assertEquals(toSayAction("  \t"), { type: "nothing" });
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
  assertEquals(commandUsage("msg", translator("en")), "/msg NICK TEXT");
  assertEquals(commandUsage("clear", translator("es")), "/clear");
});

Deno.test("parseLine() refuses what is longer than 2000 characters and cuts nothing", pure, () => {
  const text = "ñ".repeat(2_000);
  assertEquals(parseLine(text), { type: "say", text });
  assertEquals(parseLine(`/me ${text}`), { type: "say", text, action: true });
  assertEquals(parseLine(`/msg ana ${text}`), { type: "msg", nick: "ana", text });
  const { code, details } = assertThrows(() => parseLine(`${text}x`), InputError);
  assertEquals<unknown>([code, details], ["text-too-long", { length: 2_001, max: 2_000 }]);
});

Deno.test("commandHelp() shows every command, aligned", pure, () => {
  assertEquals(commandHelp(translator("en")), [
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
