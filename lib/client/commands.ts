// A line typed in a client -> a message or a local action. The help text comes from the same table as the
// commands.

import {
  type CommandTable,
  firstWord,
  parseCommand,
  tableHelp,
  type UnknownCommand,
  usage,
  type WithoutArgs,
} from "../cli/commands.ts";
import type { Translate } from "../i18n/translate.ts";
import { parseNick } from "../text/nick.ts";
import { parseText } from "../text/text.ts";

/** The commands of a client. */
export const COMMANDS = {
  help: { names: ["help", "ayuda"], help: "command.help" },
  who: { names: ["who", "quien"], help: "command.who" },
  msg: { names: ["msg", "privado"], parameters: "command.msg-parameters", help: "command.msg" },
  nick: { names: ["nick", "apodo"], parameters: "command.nick-parameters", help: "command.nick" },
  me: { names: ["me", "yo"], parameters: "command.text-parameters", help: "command.me" },
  clear: { names: ["clear", "limpiar"], help: "command.clear" },
  quit: { names: ["quit", "salir", "exit", "q"], help: "command.quit" },
} as const satisfies CommandTable;

/** What commands can be typed as, with their slashes. */
export const COMMAND_NAMES = Object.values(COMMANDS).flatMap(({ names }) => names.map((name) => `/${name}`));

/** What a typed line asks for. */
type UsageError =
  | { readonly type: "say"; readonly text: string; readonly action?: boolean }
  | { readonly type: "msg"; readonly nick: string; readonly text: string }
  | { readonly type: "nick"; readonly nick: string }
  | { readonly type: WithoutArgs<typeof COMMANDS> | "nothing" }
  /** Something is missing behind the command, or follows one that is to stand alone. */
  | { readonly type: "incomplete" | "surplus"; readonly command: keyof typeof COMMANDS }
  | UnknownCommand;

/** Whether a line asks to leave, wherever it is typed: `salir`, `quit`, `/quit`, `/salir`. So does `exit`, as in a
 * shell: who types it alone wants to go, and would tell everybody so instead. A `q` alone is an answer to somebody. */
export function isQuit(line: string): boolean {
  const word = line.trim().toLowerCase();
  return word !== "q" && COMMANDS.quit.names.some((name) => name === word.replace(/^\//, ""));
}

/** What is no command, whatever it says. One blank is a slip: nobody means to tell everybody ` /msg ana ...`. */
const INDENTED = /^(?:\s\s|\t)/;

/** What a line typed in the chat asks for. `//` begins a text that begins with a slash.
 * @throws {InputError} `text-too-long` or `nick-invalid` */
export function parseLine(raw: string): UsageError {
  if (INDENTED.test(raw)) return toSayAction(raw);
  if (isQuit(raw)) return { type: "quit" };
  const line = raw.trim();
  if (line.startsWith("//")) return toSayAction(line.slice(1));
  return line.startsWith("/") ? parseAction(line) : toSayAction(raw);
}

/** What a line asks for that is to be sent as it is.
 * @throws {InputError} `text-too-long` */
export function toSayAction(line: string): UsageError {
  const text = parseText(line);
  return text === "" ? { type: "nothing" } : { type: "say", text };
}

function parseAction(line: string): UsageError {
  const typed = parseCommand(COMMANDS, line);
  if (typed.name === undefined) return typed.unknown;
  const { name, rest } = typed;
  switch (name) {
    case "msg": {
      const { word, rest: text } = firstWord(rest);
      if (parseText(text) === "") return { type: "incomplete", command: name };
      return { type: name, nick: parseNick(word), text: parseText(text) };
    }
    case "nick":
      return rest === "" ? { type: "incomplete", command: name } : { type: name, nick: parseNick(rest) };
    case "me":
      if (parseText(rest) === "") return { type: "incomplete", command: name };
      return { type: "say", text: parseText(rest), action: true };
    case "quit":
      // Nobody who goes on writing wants to leave.
      return rest === "" ? { type: name } : { type: "surplus", command: name };
    default:
      return { type: name };
  }
}

/** How a command is to be typed. */
export function commandUsage(command: keyof typeof COMMANDS, t: Translate): string {
  return usage(COMMANDS[command], t);
}

/** The commands and what they do. */
export function commandHelp(t: Translate, columns?: number): string[] {
  return tableHelp(COMMANDS, t, { more: [["//...", t("command.escape")]], columns });
}
