// A line typed at a server's console -> an order to the server. The help text comes from the same table as the
// orders.

import { formatAddress, formatBackup, normalizeHostPort, parseBackup, parseIP } from "../net/address.ts";
import {
  type CommandTable,
  firstWord,
  parseCommand,
  tableHelp,
  type UnknownCommand,
  usage,
  type WithoutArgs,
} from "../cli/commands.ts";
import { COMMANDS, isQuit } from "../client/commands.ts";
import { InputError } from "../errors.ts";
import type { Translate } from "../i18n/translate.ts";
import { parseText } from "../text/text.ts";

/** Longest ban. */
const MAX_BAN_MINUTES = 525_600;

/** The commands of a server's console. */
const ADMIN_COMMANDS = {
  help: COMMANDS.help,
  who: COMMANDS.who,
  kick: { names: ["kick", "expulsar"], parameters: "order.kick-parameters", help: "order.kick" },
  ban: { names: ["ban", "vetar"], parameters: "order.ban-parameters", help: "order.ban" },
  say: { names: ["say", "decir"], parameters: "command.text-parameters", help: "order.say" },
  backup: { names: ["backup", "reserva"], parameters: "order.backup-parameters", help: "order.backup" },
  stats: { names: ["stats", "estado"], help: "order.stats" },
  quit: COMMANDS.quit,
} as const satisfies CommandTable;

/** What orders can be typed as, with their slashes. */
export const ORDER_NAMES = Object.values(ADMIN_COMMANDS).flatMap(({ names }) =>
  names.map((name) => `/${name}`)
);

/** What a line typed at the console asks for. */
export type AdminAction =
  | { readonly type: "quit" }
  | { readonly type: Exclude<WithoutArgs<typeof ADMIN_COMMANDS>, "quit"> | "nothing" }
  | { readonly type: "kick"; readonly nick: string; readonly reason: string }
  | { readonly type: "ban"; readonly address: string; readonly minutes: number }
  | { readonly type: "say"; readonly text: string }
  /** As `host:port`. */
  | { readonly type: "backup" | "withdrawal"; readonly server: string }
  /** Something is missing behind the command, or follows one that is to stand alone. */
  | { readonly type: "incomplete" | "surplus"; readonly command: keyof typeof ADMIN_COMMANDS }
  | UnknownCommand
  /** It is no command. */
  | { readonly type: "talk" };

/** What a line typed at the console asks for.
 * @throws {InputError} about what follows a command */
export function parseOrder(raw: string): AdminAction {
  if (isQuit(raw)) return { type: "quit" };
  const line = raw.trim();
  if (line === "") return { type: "nothing" };
  if (!line.startsWith("/")) return { type: "talk" };
  const typed = parseCommand(ADMIN_COMMANDS, line);
  if (typed.name === undefined) return typed.unknown;
  const { name } = typed;
  const rest = parseText(typed.rest);
  const { word, rest: more } = firstWord(rest);
  const incomplete = { type: "incomplete", command: name } as const;
  switch (name) {
    case "kick":
      return word === "" ? incomplete : { type: name, nick: word, reason: more };
    case "ban":
      return more === "" ? incomplete : { type: name, address: parseIP(word), minutes: parseMinutes(more) };
    case "say":
      return rest === "" ? incomplete : { type: name, text: rest };
    case "backup":
      // A word alone, or with a number behind it, is most often a slip, and everybody would be sent there.
      if (/^[\w-]*(\s+\d+)?$/.test(rest)) return incomplete;
      if (rest.startsWith("-")) {
        const { server } = parseBackup(normalizeHostPort(rest.slice(1)));
        return { type: "withdrawal", server: formatAddress(server) };
      }
      return { type: name, server: formatBackup(parseBackup(normalizeHostPort(rest))) };
    case "quit":
      // Nobody who goes on writing wants to leave.
      return rest === "" ? { type: name } : { type: "surplus", command: name };
    default:
      return { type: name };
  }
}

function parseMinutes(text: string): number {
  const minutes = /^\d{1,6}$/.test(text) ? Number(text) : Infinity;
  if (minutes <= MAX_BAN_MINUTES) return minutes;
  throw new InputError("minutes-invalid", { minutes: text, max: MAX_BAN_MINUTES });
}

/** How an order is to be typed. */
export function orderUsage(order: keyof typeof ADMIN_COMMANDS, t: Translate): string {
  return usage(ADMIN_COMMANDS[order], t);
}

/** The orders and what they do. */
export function orderHelp(t: Translate, columns?: number): string[] {
  return tableHelp(ADMIN_COMMANDS, t, { columns });
}
