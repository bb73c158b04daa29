// Every setting of a server with its default (a value, or the constant that it names), and the flags that change them.

import { InputError } from "../errors.ts";
import {
  type Address,
  checkShareable,
  formatBackup,
  parseAddress,
  parseBackup,
  parsePort,
  toAscii,
} from "../net/address.ts";
import { type ClusterConfig, type NatsTarget, parseNats, parseRoom } from "../cluster/cluster.ts";
import {
  checkCombinations,
  COMMON_FLAGS,
  DISPLAY_FLAGS,
  type FlagTable,
  type FlagValues,
  invalidValue,
  parseCount,
} from "../cli/flags.ts";
import {
  CLOSE_TIMEOUT_MS,
  type ConnectionConfig,
  FRAME_TIMEOUT_MS,
  HANDSHAKE_TIMEOUT_MS,
  SLOW_WRITE_MS,
} from "../net/connection.ts";
import { PING_MS, PING_TIMEOUT_MS } from "../net/heartbeat.ts";
import { MAX_BACKUPS, MAX_CLIENT_FRAME_BYTES } from "../protocol/frames.ts";
import { parseRoomName } from "../text/text.ts";
import { DEFAULT_DISPLAY, type DisplayConfig, displayConfig } from "../render/renderer.ts";
import { RETAINED_BYTES } from "../room/event_log.ts";
import { MAX_RESEND_AGE_MS, RESUME_GRACE_MS, type RoomConfig } from "../room/room.ts";
import type { StorageConfig } from "../storage/sqlite_commit_log.ts";
import { type RateLimit, UNLIMITED } from "../base/limits.ts";
import { type LimiterConfig, MAX_CLIENTS, MAX_PER_ADDRESS } from "./connection_limiter.ts";
import type { CredentialsConfig } from "./credentials.ts";

const MAX_GRACE_SECONDS = 3_600;
/** Upper bound of limits. */
const MAX_COUNT = 1_000_000;
/** Lower bound of `--keep`: a client that reconnects after a short outage must find the entries it missed. */
const MIN_RETAINED = 1_000;
const MAX_RETAINED = 100_000_000;
const MAX_RETENTION_DAYS = 36_500;
const DAY_MS = 86_400_000;
/** Where `--metrics` listens if it is given a port alone. */
const METRICS_HOST = "127.0.0.1";

export const SERVER_FLAGS = {
  port: { value: "N", alias: "p", help: "flag.server-port" },
  host: { value: "IP", help: "flag.server-host" },
  backup: { value: "HOST:PORT", isRepeatable: true, help: "flag.server-backup" },
  name: { value: "TEXT", help: "flag.name" },
  "no-announce": { help: "flag.no-announce" },
  grace: { value: "S", help: "flag.grace" },
  burst: { value: "N", help: "flag.burst" },
  rate: { value: "N", help: "flag.rate" },
  "max-clients": { value: "N", help: "flag.max-clients" },
  "max-per-address": { value: "N", help: "flag.max-per-address" },
  data: { value: "FILE", help: "flag.data" },
  "data-sync": { choices: ["full", "normal"], help: "flag.data-sync" },
  keep: { value: "N", help: "flag.keep" },
  "keep-days": { value: "N", help: "flag.keep-days" },
  export: { value: "FILE", help: "flag.export" },
  since: { value: "TIME", help: "flag.since" },
  until: { value: "TIME", help: "flag.until" },
  private: { help: "flag.private" },
  "password-file": { value: "FILE", help: "flag.server-password" },
  "tls-auto": { help: "flag.tls-auto" },
  "tls-dir": { value: "DIR", help: "flag.tls-dir" },
  "tls-cert": { value: "FILE", help: "flag.tls-cert" },
  "tls-key": { value: "FILE", help: "flag.tls-key" },
  nats: { value: "URL", help: "flag.nats" },
  room: { value: "NAME", help: "flag.room" },
  "nats-creds": { value: "FILE", help: "flag.nats-creds" },
  "nats-ca": { value: "FILE", help: "flag.nats-ca" },
  advertise: { value: "HOST:PORT", help: "flag.advertise" },
  metrics: { value: "[IP:]N", help: "flag.metrics" },
  ...DISPLAY_FLAGS,
  ...COMMON_FLAGS,
} as const satisfies FlagTable;

/** What `--export` prints of which file. */
export interface ExportConfig {
  readonly path: string;
  /** Inclusive, ms since 1970 UTC. */
  readonly sinceMs: number;
  /** Exclusive, ms since 1970 UTC. */
  readonly untilMs: number;
  /** Whether private messages are printed. */
  readonly hasPrivate: boolean;
}

type ServerFlags = FlagValues<typeof SERVER_FLAGS>;

export interface ServerConfig {
  /** Undefined: ask. */
  readonly listen: { readonly host?: string; readonly port?: number };
  /** `host[:port][#fingerprint]`; without a port, that of this server. */
  readonly backups: readonly string[];
  /** Of the room, for people; undefined without `--name`. */
  readonly name?: string;
  /** Whether the server announces itself on the local network. */
  readonly isAnnounced: boolean;
  readonly limits: LimiterConfig;
  /** Frames of one client. */
  readonly messages: RateLimit;
  readonly timeouts: {
    /** How long a client that has not joined waits for the commit log. */
    readonly commitWaitMs: number;
    readonly shutdownMs: number;
    /** How long an outage must be over before that is announced: flapping is one outage. */
    readonly outageClearMs: number;
  };
  readonly connections: ConnectionConfig;
  readonly room: RoomConfig;
  /** SQLite file that keeps the room; undefined: memory, or NATS. */
  readonly dataFile?: string;
  readonly storage: StorageConfig;
  /** Print a room's file instead of serving one. */
  readonly export?: ExportConfig;
  readonly nats?: NatsTarget;
  readonly cluster: ClusterConfig;
  readonly credentials: CredentialsConfig;
  /** Where to answer Prometheus and checks of health; undefined: nowhere. */
  readonly metrics?: Address;
  readonly display: DisplayConfig;
}

export const DEFAULT_CONFIG: ServerConfig = {
  listen: {},
  backups: [],
  isAnnounced: true,
  limits: {
    maxClients: MAX_CLIENTS,
    maxPerAddress: MAX_PER_ADDRESS,
    maxAddresses: 10_000,
    maxBans: 1_000,
    isLocalExempt: true,
  },
  messages: { burst: 20, perSecond: 5 },
  timeouts: { commitWaitMs: 3_000, shutdownMs: 1_000, outageClearMs: 3_000 },
  connections: {
    maxFrameBytes: MAX_CLIENT_FRAME_BYTES,
    pingMs: PING_MS,
    pingTimeoutMs: PING_TIMEOUT_MS,
    // Also under load: the PONG shows that the client has read everything before the PING.
    pingAlways: true,
    handshakeMs: HANDSHAKE_TIMEOUT_MS,
    frameMs: FRAME_TIMEOUT_MS,
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
    slowWriteMs: SLOW_WRITE_MS,
  },
  room: { graceMs: RESUME_GRACE_MS, log: { segmentBytes: 262_144, retainedBytes: RETAINED_BYTES } },
  storage: {
    sync: "full",
    retainEntries: 100_000,
    retainMs: 30 * DAY_MS,
    retainPrivateMs: MAX_RESEND_AGE_MS,
    checkIntervalMs: 60_000,
    retryMs: 1_000,
  },
  cluster: {
    snapshotEvents: 5_000,
    snapshotBytes: 4_194_304,
    snapshotIntervalMs: 3_600_000,
    maxUncommittedBytes: 8_388_608,
    unavailableAfterMs: 2_000,
    // Longer than a NATS cluster needs that loses two leaders in a row.
    openTimeoutMs: 60_000,
    // A NATS cluster takes up to 10 s to elect a leader.
    readTimeoutMs: 15_000,
    rereadAfterMs: 3_000,
    // Less than half of LEASE_TTL_MS in cluster/nats/room.ts, so that one renewal may fail.
    renewMs: 2_000,
    suspectMs: 5_000,
    advertiseMs: 60_000,
    leaveTimeoutMs: 1_000,
  },
  credentials: {},
  display: DEFAULT_DISPLAY,
};

/** @throws {InputError} */
export function serverConfig(flags: ServerFlags): ServerConfig {
  const { limits, room } = DEFAULT_CONFIG;
  // Nothing is asked in JSON.
  const asked = flags.export === undefined ? ["host", "port"] as const : [];
  checkCombinations(flags, { requires: asked.map((flag) => ["json", flag] as const), conflicts: [] });
  return {
    ...DEFAULT_CONFIG,
    listen: {
      host: flags.host && toAscii(flags.host),
      port: flags.port === undefined ? undefined : parsePort(flags.port),
    },
    backups: backupsOf(flags),
    name: roomName(flags),
    isAnnounced: !flags["no-announce"],
    room: {
      ...room,
      graceMs: countFlag(flags, "grace", { min: 0, max: MAX_GRACE_SECONDS, unit: 1_000 }) ?? room.graceMs,
    },
    messages: messageRate(flags),
    limits: {
      ...limits,
      maxClients: countFlag(flags, "max-clients") ?? limits.maxClients,
      maxPerAddress: countFlag(flags, "max-per-address") ?? limits.maxPerAddress,
    },
    dataFile: flags.data,
    storage: storageConfig(flags),
    export: exportConfig(flags),
    nats: natsTarget(flags),
    credentials: credentialsConfig(flags),
    metrics: metricsAddress(flags),
    display: displayConfig(flags),
  };
}

function backupsOf({ backup }: ServerFlags): string[] {
  const tooMany = backup[MAX_BACKUPS];
  if (tooMany !== undefined) throw invalidValue("--backup", tooMany);
  for (const text of backup) checkShareable(parseBackup(text));
  return [...backup];
}

function roomName({ name: text }: ServerFlags): string | undefined {
  if (text === undefined) return undefined;
  const name = parseRoomName(text);
  if (name === undefined) throw invalidValue("--name", text);
  return name;
}

function messageRate(flags: ServerFlags): RateLimit {
  const { messages } = DEFAULT_CONFIG;
  const burst = countFlag(flags, "burst") ?? messages.burst;
  const perSecond = countFlag(flags, "rate", { min: 0 }) ?? messages.perSecond;
  return perSecond === 0 ? UNLIMITED : { burst, perSecond };
}

function storageConfig(flags: ServerFlags): StorageConfig {
  checkCombinations(flags, {
    requires: [["data-sync", "data"], ["keep", "data"], ["keep-days", "data"]],
    conflicts: [],
  });
  const { storage } = DEFAULT_CONFIG;
  const retained = { min: MIN_RETAINED, max: MAX_RETAINED };
  return {
    ...storage,
    sync: flags["data-sync"] === "normal" ? "normal" : "full",
    retainMs: countFlag(flags, "keep-days", { max: MAX_RETENTION_DAYS, unit: DAY_MS }) ?? storage.retainMs,
    retainEntries: countFlag(flags, "keep", retained) ?? storage.retainEntries,
  };
}

function exportConfig(flags: ServerFlags): ExportConfig | undefined {
  checkCombinations(flags, {
    requires: (["since", "until", "private"] as const).map((flag) => [flag, "export"] as const),
    conflicts: [["export", "data"], ["export", "nats"]],
  });
  if (flags.export === undefined) return undefined;
  return {
    path: flags.export,
    sinceMs: timeFlag(flags, "since") ?? -Infinity,
    untilMs: timeFlag(flags, "until") ?? Infinity,
    hasPrivate: flags.private,
  };
}

/** A day, or a time of day as well, also as `--json` prints it. With a `Z` behind it, or with `--utc`, it is in UTC. */
function timeFlag(flags: ServerFlags, name: "since" | "until"): number | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const pattern = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?))?(Z)?$/;
  const [, day, time = "00:00", zone] = pattern.exec(text) ?? [];
  const timeMs = Date.parse(`${day}T${time}${zone ?? (flags.utc ? "Z" : "")}`);
  // Date.parse() takes February 30 for March 2.
  const isDay = !Number.isNaN(timeMs) && new Date(`${day}T00:00Z`).toISOString().startsWith(day!);
  if (!isDay) throw new InputError("time-invalid", { time: text });
  return timeMs;
}

function natsTarget(flags: ServerFlags): NatsTarget | undefined {
  const alone = ["room", "nats-creds", "nats-ca", "advertise"].map((flag) => [flag, "nats"] as const);
  checkCombinations(flags, { requires: [["nats", "room"], ...alone], conflicts: [["nats", "data"]] });
  if (flags.nats === undefined || flags.room === undefined) return undefined;
  return {
    room: parseRoom(flags.room),
    advertised: flags.advertise === undefined
      ? undefined
      : formatBackup(checkShareable(parseBackup(flags.advertise))),
    ...parseNats(flags.nats),
    credentialsFile: flags["nats-creds"],
    caFile: flags["nats-ca"],
  };
}

function credentialsConfig(flags: ServerFlags): CredentialsConfig {
  checkCombinations(flags, {
    requires: [["tls-cert", "tls-key"], ["tls-key", "tls-cert"], ["tls-dir", "tls-auto"]],
    conflicts: [["tls-auto", "tls-cert"]],
  });
  const { "password-file": passwordFile, "tls-cert": cert, "tls-key": key, "tls-dir": folder } = flags;
  if (cert !== undefined && key !== undefined) {
    return { passwordFile, certificate: { type: "files", cert, key } };
  }
  return { passwordFile, ...(flags["tls-auto"] && { certificate: { type: "self-signed", folder } }) };
}

/** A port of this machine alone, or `host:port`. */
function metricsAddress({ metrics }: ServerFlags): Address | undefined {
  if (metrics === undefined) return undefined;
  if (/^\d+$/.test(metrics)) return { host: METRICS_HOST, port: parsePort(metrics) };
  const { host, port } = parseAddress(metrics);
  if (port === undefined) throw invalidValue("--metrics", metrics);
  return { host, port };
}

type CountFlag = "grace" | "burst" | "rate" | "max-clients" | "max-per-address" | "keep" | "keep-days";

/** The value of a flag, times `unit`; undefined if the flag was not given. */
function countFlag(
  flags: ServerFlags,
  name: CountFlag,
  { min = 1, max = MAX_COUNT, unit = 1 } = {},
): number | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const count = parseCount(`--${name}`, text, max);
  if (count < min) throw invalidValue(`--${name}`, text);
  return count * unit;
}
