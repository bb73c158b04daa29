// CommandRegistry: how lines are parsed, run, refused and explained.

import { assertEquals, assertThrows } from "@std/assert";
import {
  CommandRegistry,
  commandsFor,
  type CommonContext,
  goodbyeOf,
  HELP_COMMAND,
  inputErrorReply,
  isQuit,
  optional,
  QUIT_COMMAND,
  rest,
  TEXT,
  WHO_COMMAND,
  word,
} from "../../lib/cli/commands.ts";
import { InputError } from "../../lib/errors.ts";
import { translator } from "../../lib/i18n/translate.ts";
import { pure } from "../testing/test_options.ts";

const command = commandsFor<unknown[]>();
const COUNT = word({ es: "N", en: "N" }, (text) => /^\d+$/.test(text) ? Number(text) : undefined);
const WHY = optional(rest({ es: "MOTIVO", en: "REASON" }, (text) => text.toUpperCase()));

const COMMANDS = new CommandRegistry<unknown[]>([
  command({
    names: ["repeat", "repetir"],
    args: { count: COUNT, text: TEXT },
    help: { es: "repetir", en: "repeat a text" },
    run: (log, { count, text }) => void log.push(text.repeat(count)),
  }),
  command({
    names: ["stop"],
    bareNames: ["stop"],
    args: { count: COUNT, why: WHY },
    help: { es: "parar", en: "stop" },
    run: (log, { count, why }) => void log.push(count + 1, why),
  }),
  command({
    names: ["end"],
    bareNames: ["end"],
    isExact: true,
    help: { es: "terminar", en: "end" },
    run: (log) => void log.push("end"),
  }),
  command({ names: ["now"], help: { es: "ahora", en: "now" }, run: (log) => void log.push("now") }),
], [["#", { es: "nada", en: "nothing" }]]);

function run(line: string): unknown[] {
  const log: unknown[] = [];
  void COMMANDS.run(line, log, "en");
  return log;
}

Deno.test("CommandRegistry.run() parses the arguments of a command", pure, () => {
  assertEquals(run("/repeat 2 ab c"), ["ab cab c"]);
  assertEquals(run(" /REPETIR  3  x "), ["xxx"]);
  assertEquals(run("/stop 4"), [5, ""]);
  assertEquals(run("/stop 4 so it is"), [5, "SO IT IS"]);
  assertEquals(run("/now or never"), ["now"]);
});

for (
  const [line, code, details] of [
    ["/repeat", "args-missing", { usage: "/repeat N TEXT" }],
    ["/repeat 2", "args-missing", { usage: "/repeat N TEXT" }],
    ["/repeat two x", "args-missing", { usage: "/repeat N TEXT" }],
    ["/repeat 2 \u200b", "args-missing", { usage: "/repeat N TEXT" }],
    ["/end it", "args-extra", { usage: "/end" }],
    ["/nothing", "command-unknown", { command: "/nothing" }],
    ["/ Nothing here", "command-unknown", { command: "/ Nothing" }],
    ["/nothing\x1b", "command-unknown", { command: "/nothing␛" }],
    ["/repaet 2 x", "command-mistyped", { command: "/repaet", suggestion: "/repeat" }],
  ] as const
) {
  Deno.test(`CommandRegistry.run() refuses ${JSON.stringify(line)}: ${code}`, pure, () => {
    const error = assertThrows(() => run(line), InputError);
    assertEquals<unknown>([error.code, error.details], [code, details]);
  });
}

Deno.test("CommandRegistry.isCommand() is true for slashes and bare names", pure, () => {
  for (const line of ["/repeat", " /x", "end", " END "]) {
    assertEquals([line, COMMANDS.isCommand(line)], [line, true]);
  }
  for (const line of ["repeat", "end it", "", "a/b"]) {
    assertEquals([line, COMMANDS.isCommand(line)], [line, false]);
  }
  assertEquals(run("End"), ["end"]);
});

Deno.test(
  "CommandRegistry.help() shows usage in its language, other names and hints; completions() those of its language first",
  pure,
  () => {
    assertEquals(COMMANDS.help("es"), [
      "  /repetir N TEXTO, /repeat  repetir",
      "  /stop N [MOTIVO]           parar",
      "  /end                       terminar",
      "  /now                       ahora",
      "  #                          nada",
    ]);
    assertEquals(COMMANDS.names, ["/repeat", "/repetir", "/stop", "/end", "/now"]);
    assertEquals(COMMANDS.completions("es"), ["/repetir", "/stop", "/end", "/now", "/repeat"]);
    assertEquals(COMMANDS.completions("en"), ["/repeat", "/stop", "/end", "/now", "/repetir"]);
  },
);

Deno.test("HELP_COMMAND, WHO_COMMAND and QUIT_COMMAND run by their names in both languages", pure, () => {
  const log: string[] = [];
  const context: CommonContext = {
    showHelp: () => void log.push("help"),
    showMembers: () => void log.push("who"),
    quit: () => void log.push("quit"),
  };
  const common = new CommandRegistry([HELP_COMMAND, WHO_COMMAND, QUIT_COMMAND]);
  for (const line of ["/help", "/ayuda", "/who", "/quien", "/q", "Salir", "/exit"]) {
    void common.run(line, context, "es");
  }
  assertEquals(log, ["help", "help", "who", "who", "quit", "quit", "quit"]);
  const { code } = assertThrows(() => common.run("/quit smoking", context, "es"), InputError);
  assertEquals(code, "args-extra");
});

Deno.test("isQuit() is true for names of /quit, and for `q` only with its slash", pure, () => {
  for (const answer of ["quit", " Salir ", "exit", "/quit", "/salir", "/exit", "/q"]) {
    assertEquals([answer, isQuit(answer)], [answer, true]);
  }
  for (const answer of ["q", "quit it", "/quitar", ""]) {
    assertEquals([answer, isQuit(answer)], [answer, false]);
  }
});

Deno.test("goodbyeOf() is the text after /quit alone", pure, () => {
  const answers = [" /Salir Adiós  a todos ", "/quit", "salir", "quit it", "/quitar ya"];
  assertEquals(answers.map(goodbyeOf), ["Adiós  a todos", "", "", "", ""]);
});

Deno.test(
  "inputErrorReply() points to the history only for a typed text that is too long, at a screen",
  pure,
  () => {
    const t = translator("en");
    const tooLong = new InputError("text-too-long", { length: 2_001, max: 2_000 });
    const replyTo = (error: InputError, isPasted: boolean, hasLineEditor: boolean) =>
      inputErrorReply(error, { isPasted }, { t, hasLineEditor, lineNumber: 7 });
    assertEquals(replyTo(tooLong, false, true).text.includes("up arrow"), true);
    assertEquals(replyTo(tooLong, false, true).values, { line: 7, length: 2_001, max: 2_000 });
    for (
      const [error, isPasted, hasLineEditor] of [
        [tooLong, true, true],
        [tooLong, false, false],
        [new InputError("answer-unclear"), false, true],
      ] as const
    ) {
      assertEquals(replyTo(error, isPasted, hasLineEditor).text, t.error(error).text);
    }
  },
);
