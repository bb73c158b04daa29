// chat-server from its flags to its exit status: asks for what it must know, listens, shows the log, and ends
// when it is told to.

import { isQuit } from "../cli/commands.ts";
import { parseFlags } from "../cli/flags.ts";
import { EXIT, infoOutput, type LocalAddress, type ProcessContext, programHelp } from "../cli/process.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { OpenNatsRoom } from "../cluster/store.ts";
import { ChatError, InputError, ListenError } from "../errors.ts";
import { errorText, type Translate, translator } from "../i18n/translate.ts";
import { checkBackup, DEFAULT_PORT, formatAddress, parseBackup, parsePort } from "../net/address.ts";
import { EXPIRY_WARNING_MS, type ServerCertificate } from "../net/tls.ts";
import { listen } from "../net/tcp.ts";
import { makeRenderer, type Renderer } from "../render/renderer.ts";
import { InMemoryCommitLog } from "../room/commit_log.ts";
import { SqliteCommitLog } from "../storage/sqlite_commit_log.ts";
import { SqliteStore } from "../storage/sqlite_store.ts";
import { type AskOptions, promptUntilValid } from "../terminal/terminal.ts";
import { type RateLimit, TokenBucket } from "../base/limits.ts";
import { randomId } from "../base/time.ts";
import { openAccess } from "./access.ts";
import { ChatServer } from "./chat_server.ts";
import type { RejectedClient } from "./client_handler.ts";
import { SERVER_FLAGS, type ServerConfig, serverConfig } from "./config.ts";
import { ADMIN_COMMANDS, AdminConsole } from "./console.ts";
import { LogPrinter } from "./log_printer.ts";
import { OutageNotifier } from "./outage_notifier.ts";

/** Stands for all addresses of the machine. */
const ALL_ADDRESSES = "0.0.0.0";
/** How many connections that were closed are told of: who is attacked still sees the room. */
const REJECTION_LOG_RATE: RateLimit = { burst: 20, perSecond: 1 };
const MEGABYTE = 1_048_576;

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
  const config = serverConfig(flags);
  const renderer = makeRenderer(config.display, program);
  const log = new LogPrinter({ terminal, renderer, t, wallMs: () => clock().wallMs, ...config.logPrinter });
  using outages = new OutageNotifier(log, config.timeouts);
  await using file = await openFile(config, program, outages);
  await using cluster = await openCluster(config, program, { log, outages });
  const access = await openAccess(config.access, program);
  const listener = await openListener(config, program);
  if (!listener) return EXIT.ok;
  const commitLog = cluster?.commitLog ?? file ?? new InMemoryCommitLog(randomId());
  await using server = new ChatServer({ listener, commitLog, access }, config, clock);
  server.onReject = rejectionLogger(log, program);
  server.onAcceptError = (error) => log.print(errorText(error, language));
  outages.onReport = (how) => server.broadcastStalled(how);
  cluster?.attach(server, access.certificate ?? {});
  await terminal.print(
    t("server.listening", { address: formatAddress(server.address) }),
    ...(config.dataFile === undefined ? [] : storageLines(config.dataFile, server, t)),
    ...(access.certificate ? certificateLines(access.certificate, { program, renderer }) : []),
    ...(cluster ? clusterLines(cluster, t) : []),
  );
  log.attach(server);
  const operator = new AdminConsole({
    terminal,
    renderer,
    language,
    server,
    localIPs: () => localIPs(program),
  });
  await Promise.race([aborted(terminated), operator.run(), ...(cluster ? [cluster.commitLog.failed] : [])]);
  await terminal.print(t("server.closing"));
  await server.close();
  await cluster?.close();
  await log.drained();
  await terminal.print(t("server.closed"));
  return EXIT.ok;
}

/** The commit log of `--data`. */
async function openFile(
  { dataFile, storage }: ServerConfig,
  { clock, language }: ProcessContext,
  outages: OutageNotifier,
): Promise<SqliteCommitLog | undefined> {
  if (dataFile === undefined) return undefined;
  const t = translator(language);
  const commitLog = new SqliteCommitLog(await SqliteStore.open(dataFile), storage, clock);
  commitLog.onStalled = (error) =>
    outages.report(!error, error ? errorText(error, language) : t("server.stall-resolved"));
  return commitLog;
}

/** Loads the NATS library, which is larger than the rest of the program. */
const openNatsRoom: OpenNatsRoom = async (...room) =>
  await (await import("../cluster/nats/room.ts")).openNatsRoom(...room);

/** The room of `--nats`. */
async function openCluster(
  { nats, cluster: config }: ServerConfig,
  { clock, language }: ProcessContext,
  { log, outages }: { log: LogPrinter; outages: OutageNotifier },
): Promise<Cluster | undefined> {
  if (!nats) return undefined;
  const t = translator(language);
  const cluster = await Cluster.open({ target: nats, openNatsRoom }, config, clock);
  cluster.commitLog.onStalled = (isUnavailable) =>
    outages.report(!isUnavailable, t(isUnavailable ? "server.nats-unavailable" : "server.nats-available"));
  cluster.commitLog.onSnapshotTooLarge = (bytes, { isKept }) => {
    const name = isKept ? "server.nats-snapshot-too-large" : "server.nats-snapshot-too-large-limited";
    log.print(t(name, { megabytes: megabytesFor(bytes) }));
  };
  return cluster;
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
    if (untold > 0) log.print(translator(language)("server.rejected-more", { count: untold }));
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
    return t("server.rejected", { who, why: errorText(error, language) });
  }
  // It is not the peer who did wrong.
  const [what, where] = (error.stack ?? `${error}`).split("\n");
  return t("server.fault", { who, fault: `${what} ${where?.trim()}` });
}

/** Where the room is kept, and how much of it was there: a file of another name has nothing. */
function storageLines(path: string, { firstSeq, log: { tail } }: ChatServer, t: Translate): string[] {
  const lines = [t("server.stored-in", { path })];
  if (firstSeq > tail) lines.push(t("server.restored", { count: firstSeq - tail }));
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
function clusterLines(cluster: Cluster, t: Translate): string[] {
  const { target: { room, servers }, replicas } = cluster;
  const lines = [t("server.cluster", { room, servers: servers.join(", "), replicas })];
  if (!cluster.isRoutable) lines.push(t("server.unadvertised"));
  return lines;
}

/** Listens where the flags say; asks for what they do not say, and again if it cannot be used. Undefined if the
 * person quits instead. */
async function openListener(
  { listen: { host, port }, backups }: ServerConfig,
  program: ProcessContext,
): Promise<Deno.TcpListener | undefined> {
  const { terminal, language } = program;
  const asked: { host?: string; port?: number } = {};
  for (let isRetry = false;; isRetry = true) {
    asked.port ??= port ?? await askPort(program, { isRetry });
    if (asked.port === undefined) return undefined;
    asked.host ??= host ?? await askHost(program, { isRetry });
    if (asked.host === undefined) return undefined;
    const own = { host: asked.host, port: asked.port };
    for (const backup of backups) {
      checkBackup(parseBackup(backup), { listening: own, localIPs: localIPs(program) });
    }
    try {
      return listen(own);
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
