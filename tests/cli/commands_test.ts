// Slash commands from a list: how lines are parsed, run, refused and explained.

import { assertEquals, assertThrows } from "@std/assert";
import { CommandRegistry, commandsFor, optional, rest, TEXT, word } from "../../lib/cli/commands.ts";
import { InputError } from "../../lib/errors.ts";

const pure = { permissions: "none" } as const;

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

Deno.test("CommandRegistry.run() gives a command its arguments as their types", pure, () => {
  assertEquals(run("/repeat 2 ab c"), ["ab cab c"]);
  assertEquals(run(" /REPETIR  3  x "), ["xxx"]);
  assertEquals(run("/stop 4"), [5, ""]);
  assertEquals(run("/stop 4 so it is"), [5, "SO IT IS"]);
  assertEquals(run("/now or never"), ["now"]);
});

Deno.test("CommandRegistry.run() refuses what it cannot run, and tells the usage", pure, () => {
  const cases: [string, string, Record<string, string>][] = [
    ["/repeat", "args-missing", { usage: "/repeat N TEXT" }],
    ["/repeat 2", "args-missing", { usage: "/repeat N TEXT" }],
    ["/repeat two x", "args-missing", { usage: "/repeat N TEXT" }],
    ["/repeat 2 \u200b", "args-missing", { usage: "/repeat N TEXT" }],
    ["/end it", "args-extra", { usage: "/end" }],
    ["/nothing", "command-unknown", { command: "/nothing" }],
    ["/repaet 2 x", "command-mistyped", { command: "/repaet", suggestion: "/repeat" }],
  ];
  for (const [line, code, details] of cases) {
    const error = assertThrows(() => run(line), InputError);
    assertEquals<unknown>([line, error.code, error.details], [line, code, details]);
  }
});

Deno.test("CommandRegistry.isCommand() knows slashes and bare names", pure, () => {
  for (const line of ["/repeat", " /x", "end", " END "]) {
    assertEquals([line, COMMANDS.isCommand(line)], [line, true]);
  }
  for (const line of ["repeat", "end it", "", "a/b"]) {
    assertEquals([line, COMMANDS.isCommand(line)], [line, false]);
  }
  assertEquals(run("End"), ["end"]);
});

Deno.test("CommandRegistry.help() shows usage, other names and hints", pure, () => {
  assertEquals(COMMANDS.help("es"), [
    "  /repeat N TEXTO, /repetir  repetir",
    "  /stop N MOTIVO             parar",
    "  /end                       terminar",
    "  /now                       ahora",
    "  #                          nada",
  ]);
  assertEquals(COMMANDS.names, ["/repeat", "/repetir", "/stop", "/end", "/now"]);
});
