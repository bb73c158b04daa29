// A server: its listener, its room and its clients, and what an operator can have it do.

import type { Clock, Instant } from "../base/time.ts";
import type { ClusterHost } from "../cluster/cluster.ts";
import { type ListenError, ProtocolError, type WireCode } from "../errors.ts";
import { type Address, unmapIPv4 } from "../net/address.ts";
import { ConnectionManager, type DisconnectReason, type LogConsumer } from "../net/connection_manager.ts";
import { ACCEPT_RATE, acceptConnections, TLS_ACCEPT_RATE } from "../net/tcp.ts";
import { closeQuietly } from "../net/tls_socket.ts";
import { encodeServer, type MemberInfo } from "../protocol/frames.ts";
import type { CommitLog } from "../room/commit_log.ts";
import type { EventLog } from "../room/event_log.ts";
import { Room } from "../room/room.ts";
import { ClientHandler, type RejectedClient, type ServerContext } from "./client_handler.ts";
import type { ServerConfig } from "./config.ts";
import { BanList, ConnectionLimiter } from "./connection_limiter.ts";
import type { Credentials } from "./credentials.ts";
import { BYE_FRAME, Sessions } from "./sessions.ts";

export interface ServerParts {
  readonly listener: Deno.TcpListener;
  readonly commitLog: CommitLog;
  readonly credentials: Credentials;
  /** The addresses of this machine's interfaces. */
  readonly localIPs?: () => readonly string[];
}

export class ChatServer implements ClusterHost, AsyncDisposable {
  /** Called when a client is not admitted, or disconnected by the server. */
  onReject: (client: RejectedClient, error: Error) => void = () => {};
  /** Called when a member of an earlier start is back within the grace. */
  onReturn: (member: MemberInfo) => void = () => {};
  /** Called when no connection can be accepted, once until one is. */
  onAcceptError: (error: ListenError) => void = () => {};
  /** `seq` of the first event since the start. The earlier ones come from the commit log. */
  readonly startHead: number;
  readonly #context: ServerContext;
  readonly #listener: Deno.TcpListener;
  readonly #wrapTls: Credentials["wrapTls"];
  readonly #startedMs: number;
  readonly #acceptLoop: Promise<void>;
  #closing: Promise<void> | undefined;

  constructor(
    { listener, commitLog, credentials, localIPs }: ServerParts,
    config: ServerConfig,
    clock: Clock,
  ) {
    const room = new Room(commitLog, config.room);
    room.backups.setOwn(config.backups);
    this.startHead = room.log.head;
    const manager = new ConnectionManager(config.connections, clock);
    manager.ping = () => encodeServer({ type: "ping", head: room.log.head });
    manager.onBeforeFlush = () => room.deliver();
    room.onReady = manager.scheduleFlush;
    const sessions = new Sessions({ room, manager }, clock);
    room.onTakenOver = (member, how) => sessions.onTakenOver(member, how);
    const handlers: ServerContext["handlers"] = new Map();
    manager.onUnresponsive = (connection, reason) =>
      handlers.get(connection)?.reject(new ProtocolError(WIRE_CODES[reason]));
    this.#context = {
      config,
      clock,
      commitLog,
      room,
      manager,
      sessions,
      limiter: new ConnectionLimiter(config.limits, localIPs),
      bans: new BanList(config.limits),
      password: credentials.password,
      isTls: credentials.wrapTls !== undefined,
      handlers,
      onReject: (client, error) => this.onReject(client, error),
      onReturn: (member) => this.onReturn(member),
    };
    this.#listener = listener;
    this.#wrapTls = credentials.wrapTls;
    this.#startedMs = clock().wallMs;
    this.#acceptLoop = this.#accept();
  }

  get address(): Address {
    const { hostname, port } = this.#listener.addr;
    return { host: unmapIPv4(hostname), port };
  }

  get log(): EventLog {
    return this.#context.room.log;
  }

  get members(): Iterable<MemberInfo> {
    return this.#context.room.members;
  }

  /** For the console and for `--metrics`. Counts are since the start. */
  get stats() {
    const { room, manager, clock, commitLog } = this.#context;
    const { log } = room;
    return {
      memberCount: room.size,
      /** Also of clients that have not joined. */
      connectionCount: manager.connections.size,
      messagesPerSecond: room.messagesPerSecond(clock()),
      messageCount: room.messageCount,
      /** Entries of the log that connections have taken, each with its own count. */
      delivered: manager.taken,
      flushCycleCount: manager.flushCycleCount,
      startedMs: this.#startedMs,
      residentBytes: Deno.memoryUsage().rss,
      logEntries: log.head - log.tail,
      logBytes: log.bytes,
      /** Undefined if the commit log stores nothing, or cannot tell. */
      storedBytes: commitLog.storedBytes,
    };
  }

  addConsumer(consumer: LogConsumer): void {
    this.#context.manager.addConsumer(consumer);
  }

  /** @throws {InputError} `text-too-long` */
  announce(text: string): void {
    this.#change((room, now) => room.announce(text, now));
  }

  /** The backups that clients are told of, as `host:port[#fingerprint]`, but for the nodes that serve the same room. */
  get backups(): readonly string[] {
    const { backups } = this.#context.room;
    return backups.forSession(0n).filter((backup) => !backups.clusterServers.includes(backup));
  }

  /** Sends no event for a backup that is listed already.
   * @param backup `host:port[#fingerprint]`
   * @throws {InputError} `backups-full` */
  addBackup(backup: string): void {
    if (!this.backups.includes(backup)) this.#change((room, now) => room.backups.add(backup, now));
  }

  /** @param backup `host:port`
   * @throws {InputError} `backup-serves` or `backup-unknown` */
  removeBackup(backup: string): void {
    this.#change((room, now) => room.backups.remove(backup, now));
  }

  /** Returns the member with this nick, if there is one. */
  kick(nick: string, reason: string): MemberInfo | undefined {
    const { room, sessions } = this.#context;
    const member = room.findByNick(nick);
    if (!member) return undefined;
    sessions.kick(member, new ProtocolError("kicked", { reason }));
    return member;
  }

  /** Bans an IP address and kicks its members. Returns the number of members kicked. */
  ban(address: string, durationMs: number): number {
    const { bans, clock, room, sessions } = this.#context;
    bans.add(address, clock().monotonicMs + durationMs);
    const banned = [...room.members].filter((member) => member.address === address);
    for (const member of banned) sessions.kick(member, new ProtocolError("banned"));
    return banned.length;
  }

  /** Returns whether the IP address was banned. */
  unban(address: string): boolean {
    const { bans, clock } = this.#context;
    return bans.remove(address, clock().monotonicMs);
  }

  broadcastStalled(how: { isResolved: boolean }): void {
    this.#context.sessions.broadcastStalled(how);
  }

  // The next five are for the cluster: see `ClusterHost`.

  get nodeIds(): Iterable<bigint> {
    return this.#context.room.nodeIds();
  }

  get clusterServers(): readonly string[] {
    return this.#context.room.backups.clusterServers;
  }

  nodeDown(nodeId: bigint): void {
    this.#change((room, now) => room.nodeDown(nodeId, now));
  }

  publishOwnBackups(): void {
    this.#change((room, now) => room.backups.publishOwn(now));
  }

  setClusterServers(addresses: readonly string[]): void {
    this.#change((room, now) => room.backups.setCluster(addresses, now));
  }

  /** Sends BYE to all, after everything that was said before, and waits at most `shutdownMs` until they have it. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #change(make: (room: Room, now: Instant) => void): void {
    const { room, clock, manager } = this.#context;
    make(room, clock());
    manager.scheduleFlush();
  }

  async #close(): Promise<void> {
    const { config, manager, room, sessions } = this.#context;
    sessions[Symbol.dispose]();
    room.deliver();
    this.#listener.close();
    for (const connection of manager.connections) {
      connection.end(BYE_FRAME, config.timeouts.shutdownMs);
    }
    await Promise.all([this.#acceptLoop, ...Array.from(manager.connections, ({ closed }) => closed)]);
    manager[Symbol.dispose]();
  }

  async #accept(): Promise<void> {
    const onError = (error: ListenError) => this.onAcceptError(error);
    const rate = this.#wrapTls ? TLS_ACCEPT_RATE : ACCEPT_RATE;
    for await (const conn of acceptConnections(this.#listener, { onError, rate })) {
      this.#serve(conn);
    }
  }

  /** Reports an error of one connection, so that it does not end the others. */
  #serve(conn: Deno.TcpConn): void {
    const onError = (error: Error) => {
      this.onReject({ address: unmapIPv4(conn.remoteAddr.hostname) }, error);
      closeQuietly(conn);
    };
    try {
      const connection = this.#context.manager.add(this.#wrapTls?.(conn) ?? conn);
      new ClientHandler(this.#context, connection).run().catch(onError);
    } catch (error) {
      onError(error as Error);
    }
  }
}

const WIRE_CODES: Readonly<Record<DisconnectReason, WireCode>> = {
  "handshake-timeout": "hello-late",
  "ping-timeout": "silent",
  "slow-consumer": "too-slow",
  "frame-timeout": "frame-late",
};
