// What a person wants of chat-client: its flags, their help, and what they give. Reads no files.

import { type Backup, parseAddress, parseBackup, parsePort } from "../net/address.ts";
import { CLIENT_ACCESS_FLAGS } from "./client_access.ts";
import { COMMON_FLAGS, DISPLAY_FLAGS, type FlagTable, type FlagValues, parseCount } from "../cli/flags.ts";
import { DEFAULT_DISPLAY, type DisplayConfig } from "../render/renderer.ts";
import { parsePattern } from "../render/timestamps.ts";
import { MAX_HISTORY } from "../protocol/frames.ts";
import { parseNick } from "../text/nick.ts";

/** The flags of chat-client. */
export const CLIENT_FLAGS = {
  host: { value: "HOST", help: "flag.client-host" },
  port: { value: "N", help: "flag.client-port" },
  nick: { value: "NICK", help: "flag.nick" },
  backup: { value: "HOST:N", isRepeatable: true, help: "flag.client-backup" },
  auto: { help: "flag.auto" },
  history: { value: "N", help: "flag.history" },
  ...CLIENT_ACCESS_FLAGS,
  ...DISPLAY_FLAGS,
  ...COMMON_FLAGS,
} as const satisfies FlagTable;

/** Where to go, as whom, and how; what is missing is asked. */
export interface ClientConfig {
  readonly host?: string;
  readonly port?: number;
  readonly nick?: string;
  readonly backups: readonly Backup[];
  readonly isAuto: boolean;
  /** Messages of the past to show. */
  readonly history?: number;
}

/** @throws {InputError} `pattern-invalid` */
export function displayConfig(
  flags: Pick<FlagValues<typeof CLIENT_FLAGS>, "time" | "utc" | "no-color" | "plain">,
): DisplayConfig {
  const pattern = flags.time === undefined ? DEFAULT_DISPLAY.pattern : parsePattern(flags.time);
  return { pattern, isUtc: flags.utc, isColored: !flags["no-color"] && !flags.plain };
}

/** What flags say.
 * @throws {InputError} about a value */
export function clientConfig(flags: FlagValues<typeof CLIENT_FLAGS>): ClientConfig {
  const server = flags.host === undefined ? undefined : parseAddress(flags.host);
  return {
    host: server?.host,
    port: flags.port === undefined ? server?.port : parsePort(flags.port),
    nick: flags.nick === undefined ? undefined : parseNick(flags.nick),
    backups: flags.backup.map((backup) => parseBackup(backup)),
    isAuto: flags.auto,
    history: flags.history === undefined ? undefined : parseCount("--history", flags.history, MAX_HISTORY),
  };
}
