// A typed line -> a message or a local action. The help text comes from the same table as the commands.

import type { PlainSentenceKey, Sentences } from "./i18n.ts";
import { parseText } from "./text.ts";

interface Command {
  /** Names after the slash, the one that help shows first. */
  readonly names: readonly string[];
  readonly help: PlainSentenceKey;
}

const COMMANDS = {
  help: { names: ["help", "ayuda"], help: "command.help" },
  who: { names: ["who", "quien"], help: "command.who" },
  quit: { names: ["quit", "salir"], help: "command.quit" },
} as const satisfies Record<string, Command>;

/** What commands can be typed as, with their slashes. */
export const COMMAND_NAMES = Object.values(COMMANDS).flatMap(({ names }) => names.map((name) => `/${name}`));

/** What a typed line asks for. */
export type Action =
  | { readonly type: "say"; readonly text: string }
  | { readonly type: keyof typeof COMMANDS }
  | { readonly type: "unknown"; readonly command: string }
  | { readonly type: "nothing" };

/** Whether a line asks to leave, wherever it is typed: `salir`, `quit`, `/quit`, `/salir`. */
export function isQuit(line: string): boolean {
  const word = line.trim().toLowerCase().replace(/^\//, "");
  return COMMANDS.quit.names.some((name) => name === word);
}

/** What a line typed in the chat asks for. `//` begins a text that begins with a slash.
 * @throws {InputError} `text-too-long` */
export function parseLine(line: string): Action {
  if (isQuit(line)) return { type: "quit" };
  const text = parseText(line);
  if (text.startsWith("//")) return { type: "say", text: text.slice(1) };
  if (!text.startsWith("/")) return text === "" ? { type: "nothing" } : { type: "say", text };
  const name = text.slice(1).split(" ", 1)[0]!.toLowerCase();
  for (const [type, { names }] of Object.entries(COMMANDS)) {
    if ((names as readonly string[]).includes(name)) return { type: type as keyof typeof COMMANDS };
  }
  return { type: "unknown", command: `/${name}` };
}

/** The commands and what they do, a line each. */
export function commandHelp(sentences: Sentences): string[] {
  const rows = Object.values(COMMANDS).map(({ names, help }) => [`/${names.join(", /")}`, sentences(help)]);
  rows.push(["//...", sentences("command.escape")]);
  const width = Math.max(...rows.map(([left]) => left!.length));
  return rows.map(([left, right]) => `  ${left!.padEnd(width)}  ${right}`);
}
