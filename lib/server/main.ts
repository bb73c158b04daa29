// chat-server from its flags to its exit status: asks for what it must know, listens, shows the log, and ends
// when it is told to.

import {
  checkBackup,
  DEFAULT_PORT,
  formatAddress,
  formatBackup,
  parseBackup,
  parsePort,
} from "../net/address.ts";
import { ChatServer, type ChatServerOptions } from "./chat_server.ts";
import { makeRenderer } from "../render/display.ts";
import { ChatError, InputError, ListenError } from "../errors.ts";
import { isQuit } from "../cli/commands.ts";
import {
  COMMON_FLAGS,
  DISPLAY_FLAGS,
  type FlagTable,
  type FlagValues,
  invalidValue,
  parseCount,
  parseFlags,
} from "../cli/flags.ts";
import { errorText, type Translate, translator } from "../i18n/translate.ts";
import { EXIT, infoOutput, type LocalAddress, type ProcessContext, programHelp } from "../cli/process.ts";
import { ADMIN_COMMANDS, AdminConsole } from "./console.ts";
import { EXPIRY_WARNING_MS, type ServerCertificate } from "../net/tls.ts";
import { promptUntilValid } from "../terminal/terminal.ts";
import { MAX_BACKUPS } from "../protocol/frames.ts";
import type { RejectedClient } from "./client_handler.ts";
import type { Renderer } from "../render/renderer.ts";
import { LogPrinter } from "./log_printer.ts";
import { SERVER_DATA_FLAGS, serverData } from "./server_data.ts";
import { Cluster, type ClusterOptions, SHARED_ROOM_FLAGS } from "../cluster/cluster.ts";
import { SERVER_ACCESS_FLAGS, serverAccess } from "./config.ts";
import { OutageNotifier } from "./spell.ts";
import type { AskOptions } from "../terminal/terminal.ts";
import { type RateLimit, TokenBucket, UNLIMITED } from "../base/limits.ts";
import { MESSAGE_RATE } from "./visit.ts";

/** Stands for all addresses of the machine. */
const ALL_ADDRESSES = "0.0.0.0";
const MAX_GRACE_SECONDS = 3_600;
/** How many connections that were closed are told of: who is attacked still sees the room. */
const REJECTION_LOG_RATE: RateLimit = { burst: 20, perSecond: 1 };
/** Most that a flag may set a limit to. */
const MAX_COUNT = 1_000_000;
const MEGABYTE = 1_048_576;

/** The flags of chat-server. */
export const SERVER_FLAGS = {
  port: { value: "N", help: "flag.server-port" },
  host: { value: "IP", help: "flag.server-host" },
  backup: { value: "HOST:N", isRepeatable: true, help: "flag.server-backup" },
  grace: { value: "S", help: "flag.grace" },
  burst: { value: "N", help: "flag.burst" },
  rate: { value: "N", help: "flag.rate" },
  "max-clients": { value: "N", help: "flag.max-clients" },
  "max-per-address": { value: "N", help: "flag.max-per-address" },
  ...SERVER_DATA_FLAGS,
  ...SERVER_ACCESS_FLAGS,
  ...SHARED_ROOM_FLAGS,
  ...DISPLAY_FLAGS,
  ...COMMON_FLAGS,
} as const satisfies FlagTable;

/** Runs a server until it is told to end. Returns the exit status.
 * @throws {InputError} about flags, or if the input ends before all is known
 * @throws {ListenError} if an address given by flags cannot be had */
export async function serve(program: ProcessContext): Promise<number> {
  const { terminal, clock, language, terminated, buildInfo } = program;
  const t = translator(language);
  const flags = parseFlags(program.args, SERVER_FLAGS);
  const answer = infoOutput(flags, {
    name: "chat-server",
    table: SERVER_FLAGS,
    help: programHelp({ usage: "usage.server", table: SERVER_FLAGS, commands: ADMIN_COMMANDS }, program),
    build: buildInfo,
    t,
  });
  if (answer) {
    await terminal.print(...answer);
    return EXIT.ok;
  }
  const renderer = makeRenderer(flags, program);
  const log = new LogPrinter({ terminal, renderer, t, wallMs: () => clock().wallMs });
  const settings = serverConfig(flags);
  // deno-lint-ignore prefer-const -- what keeps the room is there before it
  let server: ChatServer | undefined;
  using unstored = outageNotifier(log, () => server);
  await using file = await serverData(flags, {
    clock,
    onStalled: (error) =>
      unstored.report(!error, error ? errorText(error, language) : t("server.stored-again")),
  });
  await using cluster = await Cluster.open(flags, { clock, ...clusterNotices(t, { log, unstored }) });
  const access = await serverAccess(flags, program);
  server = await listen(program, {
    ...settings,
    ...access,
    commitLog: cluster?.commitLog ?? file,
    clock,
    onReject: rejectionLogger(log, program),
    onError: (error) => log.print(errorText(error, language)),
  });
  if (!server) return EXIT.ok;
  await using _ = server;
  cluster?.attach(server, access.certificate ?? {});
  await terminal.print(
    t("server.listening", { address: formatAddress(server.address) }),
    ...(flags.data === undefined ? [] : storageLines(flags.data, server, t)),
    ...(access.certificate ? certificateLines(access.certificate, { program, renderer }) : []),
    ...(cluster ? clusterLines(cluster, server, t) : []),
  );
  log.attach(server);
  const operator = new AdminConsole({
    terminal,
    renderer,
    language,
    server,
    localIPs: () => localIPs(program),
  });
  await Promise.race([aborted(terminated), operator.run(), ...(cluster ? [cluster.failed] : [])]);
  await terminal.print(t("server.closing"));
  await server.close();
  await cluster?.close();
  await log.drained();
  await terminal.print(t("server.closed"));
  return EXIT.ok;
}

/** Nothing can be kept for now, as all are told whom that concerns: there may be no server yet. */
function outageNotifier(log: LogPrinter, server: () => ChatServer | undefined): OutageNotifier {
  return new OutageNotifier({
    tell: (text, { isResolved, isRepeat }) => {
      if (!isRepeat) log.print(text);
      server()?.broadcastStalled({ isResolved });
    },
  });
}

/** Tells what is wrong with NATS. */
function clusterNotices(
  t: Translate,
  { log, unstored }: { log: LogPrinter; unstored: OutageNotifier },
): Omit<ClusterOptions, "clock"> {
  return {
    onStalled: (isUnavailable) =>
      unstored.report(!isUnavailable, t(isUnavailable ? "server.nats-away" : "server.nats-back")),
    onSnapshotTooLarge: (bytes, { isKept }) => {
      const name = isKept ? "server.nats-oversized" : "server.nats-oversized-forgets";
      log.print(t(name, { megabytes: megabytesFor(bytes) }));
    },
  };
}

/** What NATS should take at once, with room to grow, in MB as its configuration has them. */
function megabytesFor(bytes: number): number {
  return Math.ceil(2 * bytes / MEGABYTE);
}

/** Tells of connections that are not served, so long as there are not too many. */
function rejectionLogger(
  log: LogPrinter,
  program: ProcessContext,
): (peer: RejectedClient, error: Error) => void {
  const { clock, language } = program;
  const refusals = new TokenBucket(REJECTION_LOG_RATE, clock().monotonicMs);
  let untold = 0;
  return (peer, error) => {
    if (!refusals.take(clock().monotonicMs)) return void untold++;
    if (untold > 0) log.print(translator(language)("server.refused-more", { count: untold }));
    untold = 0;
    log.print(rejectionLine(peer, error, program));
  };
}

function rejectionLine(
  { address, nick }: RejectedClient,
  error: Error,
  { language }: ProcessContext,
): string {
  const who = nick === undefined ? address : `${nick} (${address})`;
  const t = translator(language);
  if (error instanceof ChatError) {
    return t("server.refused", { who, why: errorText(error, language) });
  }
  // It is not the peer who did wrong.
  const [what, where] = (error.stack ?? `${error}`).split("\n");
  return t("server.fault", { who, fault: `${what} ${where?.trim()}` });
}

type Settings = Omit<ChatServerOptions, "host" | "port"> & { readonly host?: string; readonly port?: number };

function serverConfig(flags: FlagValues<typeof SERVER_FLAGS>): Settings {
  const tooMany = flags.backup[MAX_BACKUPS];
  if (tooMany !== undefined) throw invalidValue("--backup", tooMany);
  return {
    host: flags.host,
    port: flags.port === undefined ? undefined : parsePort(flags.port),
    backups: flags.backup.map((backup) => formatBackup(parseBackup(backup))),
    graceMs: flags.grace === undefined
      ? undefined
      : parseCount("--grace", flags.grace, MAX_GRACE_SECONDS) * 1_000,
    messages: messageRate(flags),
    maxClients: limitOf("--max-clients", flags["max-clients"]),
    maxPerAddress: limitOf("--max-per-address", flags["max-per-address"]),
  };
}

/** Where the room is kept, and how much of it was there: a file of another name has nothing. */
function storageLines(path: string, { firstSeq, log: { tail } }: ChatServer, t: Translate): string[] {
  const lines = [t("server.keeping", { path })];
  if (firstSeq > tail) lines.push(t("server.goes-on", { count: firstSeq - tail }));
  return lines;
}

/** What clients have to know of the certificate, and what its owner should. */
function certificateLines(
  { fingerprint, expiresMs, path }: ServerCertificate,
  { program: { language, clock }, renderer }: { program: ProcessContext; renderer: Renderer },
): string[] {
  const t = translator(language);
  const lines = [t("server.fingerprint", { fingerprint })];
  if (expiresMs - clock().wallMs < EXPIRY_WARNING_MS) {
    lines.push(t("server.certificate-ends", { date: renderer.formatTime(expiresMs), path }));
  }
  return lines;
}

/** Where the room is kept, and who cannot be told of this server. */
function clusterLines(cluster: Cluster, server: ChatServer, t: Translate): string[] {
  const { name, servers, replicas } = cluster;
  const lines = [t("server.shared", { room: name, servers: servers.join(", "), copies: replicas })];
  if (!cluster.isRoutable(server)) lines.push(t("server.unadvertised"));
  return lines;
}

function messageRate({ burst, rate }: FlagValues<typeof SERVER_FLAGS>): RateLimit {
  const allowance = {
    burst: limitOf("--burst", burst) ?? MESSAGE_RATE.burst,
    perSecond: rate === undefined ? MESSAGE_RATE.perSecond : parseCount("--rate", rate, MAX_COUNT),
  };
  return allowance.perSecond === 0 ? UNLIMITED : allowance;
}

/** A limit given by a flag: at least 1. */
function limitOf(flag: string, text: string | undefined): number | undefined {
  const limit = text === undefined ? undefined : parseCount(flag, text, MAX_COUNT);
  if (limit === 0) throw invalidValue(flag, text!);
  return limit;
}

/** Listens where the flags say; what they do not say is asked, again if it cannot be had. Undefined if the
 * person wants to leave instead. */
async function listen(
  program: ProcessContext,
  { host, port, ...options }: Settings,
): Promise<ChatServer | undefined> {
  const { terminal, language } = program;
  const asked: { host?: string; port?: number } = {};
  for (let isRetry = false;; isRetry = true) {
    asked.port ??= port ?? await askPort(program, { isRetry });
    if (asked.port === undefined) return undefined;
    asked.host ??= host ?? await askHost(program, { isRetry });
    if (asked.host === undefined) return undefined;
    const own = { host: asked.host, port: asked.port };
    for (const backup of options.backups ?? []) {
      checkBackup(parseBackup(backup), { listening: own, localIPs: localIPs(program) });
    }
    try {
      return new ChatServer({ ...options, ...own });
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      const culprit = error.code.startsWith("port-") ? "port" : "host";
      const isFlag = (culprit === "host" ? host : port) !== undefined;
      if (isFlag) throw error;
      await terminal.print(errorText(error, language));
      asked[culprit] = undefined;
    }
  }
}

function localIPs(program: ProcessContext): string[] {
  return program.localAddresses().map(({ address }) => address);
}

function askPort(program: ProcessContext, options: AskOptions): Promise<number | undefined> {
  const text = translator(program.language)("ask.port");
  const { terminated } = program;
  return promptUntilValid(program, {
    text,
    isQuit,
    fallback: String(DEFAULT_PORT),
    parse: parsePort,
    signal: terminated,
    ...options,
  });
}

/** Asks which of the machine's addresses to listen on, by number or as it is; not if there is only one. */
async function askHost(program: ProcessContext, options: AskOptions): Promise<string | undefined> {
  const t = translator(program.language);
  const local = program.localAddresses();
  if (local.length < 2) return ALL_ADDRESSES;
  const hosts = [ALL_ADDRESSES, ...local.map(({ address }) => address)];
  await program.terminal.print(`${t("ask.interface")}:`, ...interfaceMenu(local, t));
  return await promptUntilValid(program, {
    isQuit,
    text: t("ask.choice"),
    fallback: "1",
    parse: (answer) =>
      hosts.find((host) => host === answer) ?? hosts[Number(answer) - 1] ?? invalidChoice(hosts.length),
    signal: program.terminated,
    ...options,
  });
}

function interfaceMenu(local: readonly LocalAddress[], t: Translate): string[] {
  const names = [
    t("interface.all", { address: ALL_ADDRESSES }),
    ...local.map(({ address, name }) => `${address} (${name})`),
  ];
  return names.map((name, index) => `  ${index + 1}) ${name}`);
}

function invalidChoice(max: number): never {
  throw new InputError("choice-invalid", { max });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
