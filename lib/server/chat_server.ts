// A server: a port, its room, and what whoever runs it can have it do. Knows nothing of terminals; whoever wants to
// see the log adds a reader.

import { type Address, unmapIPv4 } from "../net/address.ts";
import { BanList } from "./bans.ts";
import type { Clock } from "../base/time.ts";
import type { ServerAccess } from "./access.ts";
import type { ClusterHost } from "../cluster/cluster.ts";
import type { ServerConfig } from "./config.ts";
import { type ListenError, ProtocolError, type WireCode } from "../errors.ts";
import { ConnectionLimiter, pendingHandshakes } from "./connection_limiter.ts";
import { BYE_FRAME, Sessions } from "./sessions.ts";
import { ConnectionManager, type DisconnectReason, type LogConsumer } from "../net/connection_manager.ts";
import type { CommitLog } from "../room/commit_log.ts";
import { ACCEPT_RATE, acceptConnections, TLS_ACCEPT_RATE } from "../net/tcp.ts";
import { encodeServer, type MemberInfo } from "../protocol/frames.ts";
import { ClientHandler, type RejectedClient } from "./client_handler.ts";
import { Room } from "../room/room.ts";
import type { EventLog } from "../room/event_log.ts";

/** What a server runs on. */
export interface ServerParts {
  readonly listener: Deno.TcpListener;
  readonly commitLog: CommitLog;
  readonly access: Omit<ServerAccess, "certificate">;
}

/** How a server fares. */
interface ServerStats {
  readonly memberCount: number;
  /** Sockets that are open, of whoever. */
  readonly connections: number;
  /** Over the last seconds. */
  readonly messagesPerSecond: number;
  /** When it began to listen, ms since 1970 UTC. */
  readonly startedMs: number;
  /** What its journal keeps, in bytes; undefined if it keeps nothing. */
  readonly storedBytes?: number;
}

/** A server with its one room. */
export class ChatServer implements ClusterHost, AsyncDisposable {
  /** Called when a client is not admitted, or disconnected by the server. */
  onReject: (client: RejectedClient, error: Error) => void = () => {};
  /** Called when no connection can be accepted, once until one is. */
  onAcceptError: (error: ListenError) => void = () => {};
  readonly #config: ServerConfig;
  readonly #commitLog: CommitLog;
  readonly #wrapTls: ServerAccess["wrapTls"];
  readonly #clock: Clock;
  readonly #listener: Deno.TcpListener;
  readonly #manager: ConnectionManager;
  readonly #room: Room;
  readonly #sessions: Sessions;
  readonly #bans = new BanList();
  readonly #startedMs: number;
  readonly #firstSeq: number;
  readonly #acceptLoop: Promise<void>;
  #closing: Promise<void> | undefined;

  constructor({ listener, commitLog, access }: ServerParts, config: ServerConfig, clock: Clock) {
    this.#config = config;
    this.#commitLog = commitLog;
    this.#wrapTls = access.wrapTls;
    this.#clock = clock;
    this.#startedMs = clock().wallMs;
    this.#listener = listener;
    this.#room = new Room(commitLog, config.room);
    this.#room.backups.setOwn(config.backups);
    this.#firstSeq = this.#room.log.head;
    this.#manager = new ConnectionManager(config.connections, clock);
    this.#manager.ping = () => encodeServer({ type: "ping", head: this.#room.log.head });
    this.#manager.onBeforeFlush = () => this.#room.deliver();
    this.#room.onReady = () => this.#manager.scheduleFlush();
    this.#sessions = new Sessions({ room: this.#room, clock, onReady: () => this.#manager.scheduleFlush() });
    this.#room.onTakenOver = (member, how) => this.#sessions.onTakenOver(member, how);
    const limits = { ...config.limits, ...(!config.limits.isLoopbackExempt && { isExempt: () => false }) };
    const reception = new ClientHandler({
      ...config.timeouts,
      messages: config.messages,
      password: access.password,
      onReject: (client, error) => this.onReject(client, error),
      manager: this.#manager,
      room: this.#room,
      sessions: this.#sessions,
      limiter: new ConnectionLimiter(limits),
      anteroom: pendingHandshakes(limits),
      bans: this.#bans,
      commitLog,
      clock,
    });
    this.#manager.onUnresponsive = (connection, why) =>
      reception.reject(connection, new ProtocolError(WIRE_CODE_OF[why]));
    this.#acceptLoop = this.#accept(reception);
  }

  /** Where it listens. */
  get address(): Address {
    const { hostname, port } = this.#listener.addr;
    return { host: hostname, port };
  }

  /** The room's log, for readers. */
  get log(): EventLog {
    return this.#room.log;
  }

  /** `seq` of the first entry since this server began to listen: what lies before it happened elsewhere. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  /** Has a reader take part in every round: it may write what the log has grown by. */
  addConsumer(reader: LogConsumer): void {
    this.#manager.addConsumer(reader);
  }

  /** Who is in. */
  get members(): Iterable<MemberInfo> {
    return this.#room.members;
  }

  /** How it fares. */
  get stats(): ServerStats {
    return {
      memberCount: this.#room.size,
      connections: this.#manager.connections.size,
      messagesPerSecond: this.#room.messagesPerSecond(this.#clock()),
      startedMs: this.#startedMs,
      storedBytes: this.#commitLog.storedBytes,
    };
  }

  /** Says something to everybody in the server's name.
   * @throws {InputError} `text-too-long` */
  announce(text: string): void {
    this.#room.announce(text, this.#clock());
    this.#manager.scheduleFlush();
  }

  /** Tells everybody of one more server to go to when this one falls, as `host:port`.
   * @throws {InputError} `backups-full` */
  addBackup(backup: string): void {
    this.#room.backups.add(backup, this.#clock());
    this.#manager.scheduleFlush();
  }

  /** Tells everybody of one less, as `host:port`.
   * @throws {InputError} `backup-serves` or `backup-unknown` */
  removeBackup(backup: string): void {
    this.#room.backups.remove(backup, this.#clock());
    this.#manager.scheduleFlush();
  }

  /** Throws somebody out, who reads the reason if there is one. Returns whether there is such a person. */
  kick(nick: string, reason: string): boolean {
    const member = this.#room.findByNick(nick);
    if (!member) return false;
    this.#sessions.kick(member, new ProtocolError("kicked", { reason }));
    return true;
  }

  /** Lets nobody in from an IP address for a time, and throws out who is in from there; lets them in again if that
   * time is 0 ms. Returns how many were thrown out. */
  ban(address: string, durationMs: number): number {
    if (durationMs === 0) {
      this.#bans.remove(address);
      return 0;
    }
    this.#bans.add(address, this.#clock().monotonicMs + durationMs);
    const banned = [...this.#room.members].filter((member) => member.address === address);
    for (const member of banned) this.#sessions.kick(member, new ProtocolError("banned"));
    return banned.length;
  }

  /** The ids of the servers through which somebody is in, if the room has many. */
  get nodeIds(): Iterable<bigint> {
    return this.#room.nodeIds();
  }

  /** Another server of the room is gone, and with it all who have not come back elsewhere. */
  nodeDown(nodeId: bigint): void {
    this.#room.nodeDown(nodeId, this.#clock());
    this.#manager.scheduleFlush();
  }

  /** Where clients of all servers of the room are told that they can be served. */
  get clusterServers(): readonly string[] {
    return this.#room.backups.clusterServers;
  }

  /** What this server was told of at its start is for the clients of all servers of the room. */
  publishOwnBackups(): void {
    this.#room.backups.publishOwn(this.#clock());
    this.#manager.scheduleFlush();
  }

  /** The servers of the room are reached at these addresses. */
  setClusterServers(addresses: readonly string[]): void {
    this.#room.backups.setCluster(addresses, this.#clock());
    this.#manager.scheduleFlush();
  }

  /** Tells everybody that what they say waits, as nothing can be kept for now, or that this is over. */
  broadcastStalled({ isResolved }: { isResolved: boolean }): void {
    this.#sessions.broadcastStalled({ isResolved });
  }

  /** Tells everyone that the server closes, after all that was said before, and waits until they know, or
   * {@linkcode CLOSING_MS}. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#sessions[Symbol.dispose]();
    this.#room.deliver();
    this.#listener.close();
    const { shutdownMs } = this.#config.timeouts;
    for (const connection of this.#manager.connections) {
      connection.end(BYE_FRAME, shutdownMs);
    }
    await Promise.all([this.#acceptLoop, ...Array.from(this.#manager.connections, ({ closed }) => closed)]);
    this.#manager[Symbol.dispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #accept(reception: ClientHandler): Promise<void> {
    const onError = (error: ListenError) => this.onAcceptError(error);
    const rate = this.#wrapTls ? TLS_ACCEPT_RATE : ACCEPT_RATE;
    for await (const conn of acceptConnections(this.#listener, { onError, rate })) {
      void this.#receive(conn, reception); // ends with the connection
    }
  }

  /** Nothing that goes wrong with one connection ends the others. */
  async #receive(conn: Deno.TcpConn, reception: ClientHandler): Promise<void> {
    try {
      await reception.receive(this.#manager.add(this.#wrapTls?.(conn) ?? conn));
    } catch (error) {
      this.onReject({ address: unmapIPv4(conn.remoteAddr.hostname) }, error as Error);
      try {
        conn.close();
      } catch {
        // It was closed already.
      }
    }
  }
}

/** What a client is told whose connection is given up. */
const WIRE_CODE_OF: Readonly<Record<DisconnectReason, WireCode>> = {
  "handshake-timeout": "hello-late",
  "ping-timeout": "silent",
  "slow-consumer": "too-slow",
  "frame-timeout": "frame-late",
};
