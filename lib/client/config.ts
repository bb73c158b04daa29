// Every setting of a client with its default, and the flags that change them.

import { join } from "node:path";
import { readCertificates, readUserFile } from "../base/files.ts";
import { type FlagSources, readFlags } from "../cli/config_file.ts";
import {
  checkCombinations,
  COMMON_FLAGS,
  DISPLAY_FLAGS,
  type FlagTable,
  type FlagValues,
  parseCount,
  parseFlags,
} from "../cli/flags.ts";
import type { ProcessContext } from "../cli/process.ts";
import { DEFAULT_PORT, parseAddress, parseBackup, parseFingerprint, parsePort } from "../net/address.ts";
import { FRAME_TIMEOUT_MS, SLOW_WRITE_MS } from "../net/connection.ts";
import { PING_MS, PING_TIMEOUT_MS } from "../net/heartbeat.ts";
import { checkTlsSupport } from "../net/tls.ts";
import { MAX_HISTORY, MAX_SERVER_FRAME_BYTES, RETAIN_ACKED_MS } from "../protocol/frames.ts";
import { parseNick } from "../text/nick.ts";
import { parsePassword } from "../text/text.ts";
import { DEFAULT_DISPLAY, type DisplayConfig, displayConfig } from "../render/renderer.ts";
import type { AuthPrompterConfig } from "./auth_prompt.ts";
import { LAST_JOIN_FILE } from "./last_join.ts";
import { MAX_MEMBERS } from "./member_list.ts";
import { MAX_OUTBOX_BYTES, MAX_OUTBOX_MESSAGES } from "./outbox.ts";
import { MAX_TRACKED_SESSIONS } from "./read_tracker.ts";
import type { ServerSelectorConfig } from "./server_selector.ts";
import type { SessionConfig } from "./session.ts";
import type { SessionStateConfig } from "./session_state.ts";
import type { TrustConfig } from "./trust_store.ts";

export const CLIENT_FLAGS = {
  host: { value: "HOST", isPositional: true, help: "flag.client-host" },
  port: { value: "N", isPositional: true, alias: "p", help: "flag.client-port" },
  nick: { value: "NICK", alias: "n", help: "flag.nick" },
  backup: { value: "HOST:PORT", isRepeatable: true, help: "flag.client-backup" },
  auto: { help: "flag.auto" },
  history: { value: "N", help: "flag.history" },
  notify: { choices: ["off", "bell", "desktop"], help: "flag.notify" },
  "password-file": { value: "FILE", help: "flag.client-password" },
  tls: { help: "flag.tls" },
  "tls-fingerprint": { value: "SHA256:...", isRepeatable: true, help: "flag.tls-fingerprint" },
  ca: { value: "FILE", help: "flag.ca" },
  forget: { value: "HOST:PORT", isTypedOnly: true, help: "flag.forget" },
  "no-remember": { help: "flag.no-remember" },
  ...DISPLAY_FLAGS,
  ...COMMON_FLAGS,
} as const satisfies FlagTable;

type ClientFlags = FlagValues<typeof CLIENT_FLAGS>;

export interface ClientConfig extends AuthPrompterConfig, ServerSelectorConfig, SessionStateConfig {
  readonly trust: TrustConfig;
  /** Undefined if the system has no folder for it. */
  readonly lastJoinPath: string | undefined;
  readonly session: SessionConfig;
  readonly memberList: { readonly maxMembers: number };
  readonly display: DisplayConfig;
  /** How the user is told of mentions and private messages. */
  readonly notify: "off" | "bell" | "desktop";
}

export const DEFAULT_CONFIG: ClientConfig = {
  host: undefined,
  port: undefined,
  nick: undefined,
  password: undefined,
  backups: [],
  isAuto: false,
  failover: {
    answerMs: 1_000,
    answerRoundTrips: 3,
    besideMs: 300,
    waitProbeMs: 2_000,
    homeMs: 600_000,
    homeProbeMs: 30_000,
    homeJitterMs: 10_000,
    returnMs: 60_000,
    settleMs: 15_000,
    joinWaitMs: 60_000,
    nickRetryMs: 3_000,
    nickWaitMs: 21_000,
  },
  trust: { isTls: false, ca: undefined, fingerprints: [], knownServersPath: undefined, backups: [] },
  lastJoin: undefined,
  lastJoinPath: undefined,
  session: {
    connections: {
      maxFrameBytes: MAX_SERVER_FRAME_BYTES,
      pingMs: PING_MS,
      pingTimeoutMs: PING_TIMEOUT_MS,
      pingAlways: false,
      // WELCOME must come within `welcomeTimeoutMs` instead.
      handshakeMs: Infinity,
      frameMs: FRAME_TIMEOUT_MS,
      closeTimeoutMs: 500,
      slowWriteMs: SLOW_WRITE_MS,
    },
    welcomeTimeoutMs: 5_000,
  },
  historyCount: 50,
  outbox: { retainAckedMs: RETAIN_ACKED_MS, maxMessages: MAX_OUTBOX_MESSAGES, maxBytes: MAX_OUTBOX_BYTES },
  readTracker: { maxSessions: MAX_TRACKED_SESSIONS },
  memberList: { maxMembers: MAX_MEMBERS },
  display: DEFAULT_DISPLAY,
  notify: "bell",
};

/** The flags of the command line and the config file. The port of a host that was typed as HOST:PORT counts more than
 * one of the file.
 * @throws {InputError} */
export function clientFlags(sources: FlagSources): ClientFlags {
  const flags = readFlags(sources, CLIENT_FLAGS);
  const { host, port } = parseFlags(sources.args, CLIENT_FLAGS);
  if (host === undefined || port !== undefined || parseAddress(host).port === undefined) return flags;
  return { ...flags, port: undefined };
}

/** Reads the files that flags name.
 * @throws {InputError}
 * @throws the reason of `terminated` */
export async function clientConfig(
  flags: ClientFlags,
  { buildInfo, configFolder, terminated }: Pick<ProcessContext, "buildInfo" | "configFolder" | "terminated">,
): Promise<ClientConfig> {
  const { "password-file": passwordFile, "tls-fingerprint": fingerprints } = flags;
  const server = flags.host === undefined ? undefined : parseAddress(flags.host);
  const port = flags.port === undefined ? server?.port : parsePort(flags.port);
  const nick = flags.nick === undefined ? undefined : parseNick(flags.nick);
  const backups = flags.backup.map((text) => parseBackup(text));
  const historyCount = flags.history === undefined
    ? DEFAULT_CONFIG.historyCount
    : parseCount("--history", flags.history, MAX_HISTORY);
  const display = displayConfig(flags);
  const inFolder = (name: string) => configFolder === undefined ? undefined : join(configFolder, name);
  checkCombinations(flags, {
    requires: [["json", "host"], ["json", "nick"]],
    conflicts: [["ca", "tls-fingerprint"]],
  });
  if (flags.tls || flags.ca !== undefined || fingerprints.length > 0) checkTlsSupport(buildInfo.runtime);
  const password = passwordFile === undefined
    ? undefined
    : parsePassword(await readUserFile(passwordFile, terminated), passwordFile);
  const ca = flags.ca === undefined ? undefined : await readCertificates(flags.ca, terminated);
  return {
    ...DEFAULT_CONFIG,
    host: server?.host,
    port: port ?? (flags.json ? DEFAULT_PORT : undefined),
    nick,
    backups,
    isAuto: flags.auto || flags.json, // nothing is asked in JSON
    historyCount,
    notify: flags.notify ?? DEFAULT_CONFIG.notify,
    display,
    password,
    lastJoinPath: inFolder(LAST_JOIN_FILE),
    trust: {
      isTls: flags.tls,
      ca,
      fingerprints: fingerprints.map(parseFingerprint),
      knownServersPath: inFolder("known_servers"),
      backups,
    },
  };
}
