// chat-server from its flags to its exit status.

import { type RateLimit, TokenBucket } from "../base/limits.ts";
import { randomId } from "../base/time.ts";
import { isQuit } from "../cli/commands.ts";
import { locateErrors, readFlags } from "../cli/config_file.ts";
import { EXIT, infoOutput, type ProcessContext, programHelp } from "../cli/process.ts";
import { isQuitRequest } from "../cli/requests.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { OpenNatsRoom } from "../cluster/store.ts";
import { ChatError } from "../errors.ts";
import { errorText, type Message, translator } from "../i18n/translate.ts";
import { formatAddress, formatBackup, parseBackup } from "../net/address.ts";
import { hasTlsSupport } from "../net/tls.ts";
import { EXPIRY_WARNING_MS } from "../net/tls_server.ts";
import { makeRenderer, type Renderer } from "../render/renderer.ts";
import { InMemoryCommitLog } from "../room/commit_log.ts";
import { SqliteCommitLog } from "../storage/sqlite_commit_log.ts";
import { SqliteStore } from "../storage/sqlite_store.ts";
import { type LoadDiscovery, ServerAnnouncement } from "./announcement.ts";
import { BackupChecker } from "./backup_checker.ts";
import { ChatServer } from "./chat_server.ts";
import { SERVER_FLAGS, type ServerConfig, serverConfig } from "./config.ts";
import { ADMIN_COMMANDS, AdminConsole } from "./console.ts";
import { loadCredentials } from "./credentials.ts";
import { joinMessages, reachableHosts } from "./invitation.ts";
import { checkListen, localIPs, openListener } from "./listen_prompt.ts";
import { LogPrinter } from "./log_printer.ts";
import type { MetricsServer } from "./metrics.ts";
import { aborted, untilStarted } from "./startup_wait.ts";

/** Of notices about rejected clients, so that the operator of a server under attack still sees the room. */
const REJECTION_LOG_RATE: RateLimit = { burst: 20, perSecond: 1 };
const BYTES_PER_MEBIBYTE = 1_048_576;

interface ServeOptions {
  readonly openNatsRoom?: OpenNatsRoom;
  readonly loadDiscovery?: LoadDiscovery;
  /** Replace what the flags say and the defaults. */
  readonly settings?: Partial<ServerConfig>;
}

/** The options are for tests.
 * @throws {InputError} about flags and files, or if the input ends before all is known
 * @throws {ListenError} if an address given by flags cannot be used
 * @throws {NatsError} */
export async function serve(
  process: ProcessContext,
  { openNatsRoom = loadNatsRoom, loadDiscovery, settings = {} }: ServeOptions = {},
): Promise<number> {
  const { terminal, clock, language, terminated } = process;
  const t = translator(language);
  const flags = readFlags(process, SERVER_FLAGS);
  const info = await infoOutput(flags, {
    name: "chat-server",
    table: SERVER_FLAGS,
    help: programHelp({ usage: "usage.server", table: SERVER_FLAGS, commands: ADMIN_COMMANDS }, process),
    build: process.buildInfo,
    t,
  });
  if (info) {
    await terminal.print(...info);
    return EXIT.ok;
  }
  const sources = { ...process, table: SERVER_FLAGS };
  const config = { ...await locateErrors(sources, flags, serverConfig), ...settings };
  const renderer = makeRenderer(config.display, process);
  if (config.export) {
    await (await import("./export.ts")).exportRoom(config.export, process, renderer);
    return EXIT.ok;
  }
  const print = (...messages: readonly Message[]) =>
    terminal.print(...messages.map((message) => renderer.line(message, clock().wallMs)));
  const printer = new LogPrinter({ terminal, renderer, t }, clock);
  using outages = new OutageNotifier(printer, config.timeouts);

  // A start that fails makes no file. The listener itself comes later: clients would wait for the file to be read.
  if (config.dataFile !== undefined) checkListen(config.listen, process);
  await using sqliteLog = await openFile(config, process, outages);
  await using cluster = await openCluster(config, process, { openNatsRoom, renderer, printer, outages });
  if (config.nats && !cluster) return EXIT.ok;
  const warnOfOpen = (path: string) => print(t.message("server.password-open", { path }));
  const credentials = await loadCredentials(config.credentials, process, warnOfOpen); // and no files from now on
  const listener = await openListener(config, process);
  if (!listener) return EXIT.ok;

  const commitLog = cluster?.commitLog ?? sqliteLog ?? new InMemoryCommitLog(randomId());
  const parts = { listener, commitLog, credentials, localIPs: () => localIPs(process) };
  const { port } = listener.addr;
  const backups = config.backups.map((text) => formatBackup(parseBackup(text, port)));
  await using server = new ChatServer(parts, { ...config, backups }, clock);
  server.onReject = rejectionLogger(printer, process);
  if (config.dataFile !== undefined) server.onReturn = (member) => printer.printReturn(member);
  server.onAcceptError = (error) => printer.print(t.error(error));
  outages.onReport = (how) => server.broadcastStalled(how);
  using metrics = config.metrics && await openMetrics(config.metrics, { server, store: outages });
  cluster?.attach(server, credentials.certificate ?? {});
  const announcing = { listening: server.address, credentials, process, loadDiscovery };
  await using announcement = ServerAnnouncement.begin(config, announcing);

  const messages: Message[] = [t.message("server.listening", { address: formatAddress(server.address) })];
  const isTls = credentials.certificate !== undefined;
  const ips = localIPs(process);
  messages.push(...joinMessages({ listening: server.address, localIPs: ips, isTls }, t));
  if (announcement && terminal.hasLineEditor) {
    messages.push(t.message("server.announced", { name: announcement.name }));
  }
  if (config.dataFile !== undefined) {
    messages.push(t.message("server.stored-in", { path: config.dataFile }));
    const count = server.startHead - server.log.tail;
    if (count > 0) messages.push(t.message("server.restored", { count })); // no line: the name may be wrong
  }
  if (credentials.certificate) {
    const { fingerprint, startsMs, expiresMs, path, isNew } = credentials.certificate;
    if (isNew) messages.push(t.message("server.certificate-new", { path }));
    messages.push(t.message("server.fingerprint", { fingerprint }));
    if (startsMs > clock().wallMs) {
      messages.push(t.message("server.certificate-early", { date: renderer.formatTime(startsMs), path }));
    }
    if (expiresMs - clock().wallMs < EXPIRY_WARNING_MS) {
      const values = { date: renderer.formatTime(expiresMs), path };
      const [soon, past] = config.credentials.certificate?.type === "files"
        ? ["certificate-ends.file", "certificate-ends.file-expired"] as const
        : ["server.certificate-ends", "certificate-ends.expired"] as const;
      const text = t(expiresMs < clock().wallMs ? past : soon, values);
      messages.push({ ...t.message("server.certificate-ends", values), text });
    }
  }
  if (credentials.password && !isTls && reachableHosts(server.address, ips).length > 0) {
    messages.push(t.message("server.password-plain"));
  }
  if (cluster) {
    const { target: { room, servers }, replicas } = cluster;
    messages.push(t.message("server.cluster", { room, servers: servers.join(", "), replicas }));
    if (!cluster.isRoutable) messages.push(t.message("server.unadvertised"));
  }
  if (metrics) messages.push(t.message("server.metrics", { address: metrics.address }));
  await print(...messages);
  printer.attach(server);
  {
    using checker = new BackupChecker(t, { canTls: hasTlsSupport(process.buildInfo.runtime) });
    checker.isBackup = (backup) => server.backups.includes(backup);
    checker.onChange = (state) => printer.print(state);
    for (const backup of server.backups) {
      void checker.stateOf(backup).then((state) => state && printer.print(state));
    }
    await Promise.race([
      aborted(terminated),
      new AdminConsole(
        {
          ...{ server, checker, renderer, isJson: config.display.isJson },
          fingerprint: credentials.certificate?.fingerprint,
        },
        process,
      ).run(),
      ...(cluster ? [cluster.commitLog.failed] : []),
    ]);
  }

  metrics?.[Symbol.dispose]();
  void print(t.message("server.closing")); // clients do not wait for a reader of the log
  await Promise.all([server.close(), announcement?.[Symbol.asyncDispose]()]);
  await cluster?.close();
  await printer.drained();
  await print(t.message("server.closed"));
  return EXIT.ok;
}

async function openFile(
  { dataFile, storage }: ServerConfig,
  { clock, language }: ProcessContext,
  outages: OutageNotifier,
): Promise<SqliteCommitLog | undefined> {
  if (dataFile === undefined) return undefined;
  const t = translator(language);
  const commitLog = new SqliteCommitLog(await SqliteStore.open(dataFile), storage, clock);
  commitLog.onStalled = (error) => {
    if (error) outages.start(t.error(error));
    else outages.end(t.message("server.stall-resolved"));
  };
  return commitLog;
}

/** Loads the NATS library, which is larger than the rest of the program. */
const loadNatsRoom: OpenNatsRoom = async (config, options) =>
  await (await import("../cluster/nats/room.ts")).openNatsRoom(config, options);

/** @throws {ListenError} */
async function openMetrics(...args: ConstructorParameters<typeof MetricsServer>): Promise<MetricsServer> {
  const { MetricsServer } = await import("./metrics.ts"); // few servers need it
  return new MetricsServer(...args);
}

/** Undefined without `--nats`, and if the operator quits or a signal ends the program while NATS starts. */
async function openCluster(
  { nats, cluster: config, display }: ServerConfig,
  process: ProcessContext,
  { openNatsRoom, renderer, printer, outages }: {
    openNatsRoom: OpenNatsRoom;
    renderer: Renderer;
    printer: LogPrinter;
    outages: OutageNotifier;
  },
): Promise<Cluster | undefined> {
  if (!nats) return undefined;
  const t = translator(process.language);
  const cluster = await untilStarted(
    (signal) => Cluster.open({ target: nats, openNatsRoom, signal }, config, process.clock),
    process,
    {
      notice: renderer.line(t.message("server.nats-starting"), process.clock().wallMs),
      isQuit: display.isJson ? isQuitRequest : isQuit,
    },
  );
  if (!cluster) return undefined;
  cluster.commitLog.onStalled = (isUnavailable) => {
    if (isUnavailable) outages.start(t.message("server.nats-unavailable"));
    else outages.end(t.message("server.nats-available"));
  };
  cluster.commitLog.onSnapshotTooLarge = (bytes, { isKept }) => {
    const key = isKept ? "server.nats-snapshot-too-large" : "server.nats-snapshot-too-large-limited";
    // With room to grow, in the megabytes of NATS's configuration.
    printer.print(t.message(key, { megabytes: Math.ceil(2 * bytes / BYTES_PER_MEBIBYTE) }));
  };
  return cluster;
}

/** Prints outages of the commit log, once each: one that comes and goes is over when it has not come for a while. */
export class OutageNotifier implements Disposable {
  /** Called whenever an outage starts, also the same one again, and when it is over. */
  onReport: (how: { isResolved: boolean }) => void = () => {};
  readonly #printer: Pick<LogPrinter, "print">;
  readonly #outageClearMs: number;
  #failureCount = 0;
  #lastText: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(printer: Pick<LogPrinter, "print">, { outageClearMs }: { outageClearMs: number }) {
    this.#printer = printer;
    this.#outageClearMs = outageClearMs;
  }

  /** How often an outage has started, each time of one that comes and goes. */
  get failureCount(): number {
    return this.#failureCount;
  }

  /** The text of the outage that is not over. */
  get failure(): string | undefined {
    return this.#lastText;
  }

  start(message: Message): void {
    clearTimeout(this.#timer);
    this.#failureCount++;
    if (message.text !== this.#lastText) this.#printer.print(message);
    this.#lastText = message.text;
    this.onReport({ isResolved: false });
  }

  end(message: Message): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#lastText = undefined;
      this.#printer.print(message);
      this.onReport({ isResolved: true });
    }, this.#outageClearMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** Prints why clients were rejected, and at most at {@linkcode REJECTION_LOG_RATE}. */
export function rejectionLogger(
  printer: Pick<LogPrinter, "print">,
  { clock, language }: Pick<ProcessContext, "clock" | "language">,
): ChatServer["onReject"] {
  const t = translator(language);
  const rate = new TokenBucket(REJECTION_LOG_RATE, clock().monotonicMs);
  let skipped = 0;
  return ({ address, nick }, error) => {
    if (!rate.take(clock().monotonicMs)) return void skipped++;
    if (skipped > 0) printer.print(t.message("server.rejected-more", { count: skipped }));
    skipped = 0;
    const who = nick === undefined ? address : `${nick} (${address})`;
    const from = { address, ...nick !== undefined && { nick } };
    if (error instanceof ChatError) {
      const message = t.message("server.rejected", { who, why: errorText(error, language) });
      return printer.print({ ...message, values: { ...from, why: error.code } });
    }
    // A fault of the server.
    const [what, where] = (error.stack ?? `${error}`).split("\n");
    const fault = `${what} ${where?.trim()}`;
    printer.print({ ...t.message("server.fault", { who, fault }), values: { ...from, fault } });
  };
}
