// A server: a port, its room, and what whoever runs it can have it do. Knows nothing of terminals; whoever wants to
// see the log adds a reader.

import { type Address, unmapIPv4 } from "./address.ts";
import { BanList } from "./bans.ts";
import { type Clock, serverClock } from "./clock.ts";
import { type ListenError, ProtocolError } from "./errors.ts";
import { ConnectionLimiter, type GateOptions, pendingHandshakes } from "./gate.ts";
import { BYE_FRAME, Sessions } from "./guests.ts";
import { DEAD_MS, PING_MS } from "./heartbeat.ts";
import { ConnectionManager, type LogConsumer } from "./hub.ts";
import { type CommitLog, InMemoryCommitLog } from "./journal.ts";
import { ACCEPT_RATE, acceptConnections, listen, TLS_ACCEPT_RATE } from "./listener.ts";
import { encodeServer, MAX_CLIENT_FRAME_BYTES, type MemberInfo } from "./protocol.ts";
import { randomId } from "./random_id.ts";
import { ClientHandler, type ReceptionOptions } from "./reception.ts";
import { Room } from "./room.ts";
import type { EventLog, RoomLogOptions } from "./room_log.ts";
import type { Socket } from "./socket.ts";
import { addressBanned, timeoutError } from "./violations.ts";

/** How long a connection may take to send HELLO, in ms. */
export const HELLO_MS = 10_000;
/** How long a server that closes waits for its clients to take leave, in ms. */
export const CLOSING_MS = 1_000;

/** Settings of a server. */
export interface ChatServerOptions
  extends
    GateOptions,
    Pick<ReceptionOptions, "password" | "messages" | "onRefused" | "comingMs" | "crowdedMs"> {
  /** IP address of this machine to listen on. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Servers that clients are told to go to when this one falls, as `host:port`. */
  readonly backups?: readonly string[];
  /** Makes TLS of connections: then nothing else is spoken. */
  readonly secure?: (conn: Deno.TcpConn) => Socket;
  /** How long a lost connection may stay away before the others are told, in ms. */
  readonly graceMs?: number;
  readonly pingMs?: number;
  readonly deadMs?: number;
  readonly helloMs?: number;
  readonly frameMs?: number;
  readonly closingMs?: number;
  readonly clock?: Clock;
  readonly log?: RoomLogOptions;
  /** What the room's log goes through; one that keeps nothing by default. */
  readonly journal?: CommitLog;
  /** Told why connections cannot be accepted at the moment, once until one is. */
  readonly onTrouble?: (error: ListenError) => void;
}

/** How a server fares. */
export interface ServerStats {
  readonly clients: number;
  /** Sockets that are open, of whoever. */
  readonly connections: number;
  /** Over the last seconds. */
  readonly messagesPerSecond: number;
  /** When it began to listen, ms since 1970 UTC. */
  readonly sinceMs: number;
  /** What its journal keeps, in bytes; undefined if it keeps nothing. */
  readonly storedBytes?: number;
}

/** A server with its one room. */
export class ChatServer implements AsyncDisposable {
  readonly #options: ChatServerOptions;
  readonly #clock: Clock;
  readonly #listener: Deno.TcpListener;
  readonly #hub: ConnectionManager;
  readonly #room: Room;
  readonly #guests: Sessions;
  readonly #bans = new BanList();
  readonly #startMs: number;
  readonly #firstSeq: number;
  readonly #accepting: Promise<void>;
  #closing: Promise<void> | undefined;

  /** Listens at once.
   * @throws {ListenError} */
  constructor(options: ChatServerOptions) {
    const { host, port, backups, graceMs, log, journal = new InMemoryCommitLog(randomId()) } = options;
    const { pingMs = PING_MS, deadMs = DEAD_MS, helloMs = HELLO_MS, frameMs, clock = serverClock } = options;
    this.#options = options;
    this.#clock = clock;
    this.#startMs = clock().wallMs;
    this.#listener = listen({ host, port });
    this.#room = new Room({
      journal,
      onReady: () => this.#hub.wake(),
      onTaken: (member, how) => this.#guests.dismiss(member, how),
      backups,
      graceMs,
      log,
    });
    this.#firstSeq = this.#room.log.head;
    this.#hub = new ConnectionManager({
      maxFrameBytes: MAX_CLIENT_FRAME_BYTES,
      nowMs: () => clock().monotonicMs,
      // Also under load: the answer to a PING shows that the client has read what came before it.
      heartbeat: { pingMs, deadMs, always: true },
      ping: () => encodeServer({ type: "ping", head: this.#room.log.head }),
      greetingMs: helloMs,
      frameMs,
      onGiveUp: (connection, why) => reception.refuse(connection, timeoutError(why)),
      onRound: () => this.#room.deliver(),
    });
    this.#guests = new Sessions({ room: this.#room, clock, onWork: () => this.#hub.wake() });
    const reception = new ClientHandler({
      ...options,
      hub: this.#hub,
      room: this.#room,
      guests: this.#guests,
      gate: new ConnectionLimiter(options),
      anteroom: pendingHandshakes(options),
      bans: this.#bans,
      journal,
      clock,
    });
    this.#accepting = this.#accept(reception);
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
  addReader(reader: LogConsumer): void {
    this.#hub.addReader(reader);
  }

  /** Who is in. */
  get people(): Iterable<MemberInfo> {
    return this.#room.members;
  }

  /** How it fares. */
  get stats(): ServerStats {
    return {
      clients: this.#room.size,
      connections: this.#hub.connections.size,
      messagesPerSecond: this.#room.messagesPerSecond(this.#clock()),
      sinceMs: this.#startMs,
      storedBytes: this.#options.journal?.storedBytes,
    };
  }

  /** Says something to everybody in the server's name.
   * @throws {InputError} `text-too-long` */
  announce(text: string): void {
    this.#room.announce(text, this.#clock());
    this.#hub.wake();
  }

  /** Tells everybody of one more server to go to when this one falls, as `host:port`.
   * @throws {InputError} `backups-full` */
  addBackup(backup: string): void {
    this.#room.backups.add(backup, this.#clock());
    this.#hub.wake();
  }

  /** Tells everybody of one less, as `host:port`.
   * @throws {InputError} `backup-serves` or `backup-unknown` */
  removeBackup(backup: string): void {
    this.#room.backups.remove(backup, this.#clock());
    this.#hub.wake();
  }

  /** Throws somebody out, who reads the reason if there is one. Returns whether there is such a person. */
  kick(nick: string, reason: string): boolean {
    const member = this.#room.withNick(nick);
    if (!member) return false;
    this.#guests.throwOut(member, new ProtocolError("kicked", reason));
    return true;
  }

  /** Lets nobody in from an IP address for a time, and throws out who is in from there; lets them in again if that
   * time is 0 ms. Returns how many were thrown out. */
  ban(address: string, forMs: number): number {
    if (forMs === 0) {
      this.#bans.lift(address);
      return 0;
    }
    this.#bans.add(address, this.#clock().monotonicMs + forMs);
    const banned = [...this.#room.members].filter((member) => member.address === address);
    for (const member of banned) this.#guests.throwOut(member, addressBanned(address));
    return banned.length;
  }

  /** The ids of the servers through which somebody is in, if the room has many. */
  get homes(): Iterable<bigint> {
    return this.#room.homes();
  }

  /** Another server of the room is gone, and with it all who have not come back elsewhere. */
  loseServer(nodeId: bigint): void {
    this.#room.loseServer(nodeId, this.#clock());
    this.#hub.wake();
  }

  /** Where clients of all servers of the room are told that they can be served. */
  get serving(): readonly string[] {
    return this.#room.backups.serving;
  }

  /** What this server was told of at its start is for the clients of all servers of the room. */
  shareBackups(): void {
    this.#room.backups.share(this.#clock());
    this.#hub.wake();
  }

  /** The servers of the room are reached at these addresses. */
  learnServers(addresses: readonly string[]): void {
    this.#room.backups.learn(addresses, this.#clock());
    this.#hub.wake();
  }

  /** Tells everybody that what they say waits, as nothing can be kept for now, or that this is over. */
  tellWaiting({ isOver }: { isOver: boolean }): void {
    this.#guests.tellWaiting({ isOver });
  }

  /** Tells everyone that the server closes, after all that was said before, and waits until they know, or
   * {@linkcode CLOSING_MS}. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#guests[Symbol.dispose]();
    this.#room.deliver();
    this.#listener.close();
    const { closingMs = CLOSING_MS } = this.#options;
    for (const connection of this.#hub.connections) connection.finish(BYE_FRAME, { lingerMs: closingMs });
    await Promise.all([this.#accepting, ...Array.from(this.#hub.connections, ({ closed }) => closed)]);
    this.#hub[Symbol.dispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #accept(reception: ClientHandler): Promise<void> {
    const { onTrouble = () => {} } = this.#options;
    const allowance = this.#options.secure ? TLS_ACCEPT_RATE : ACCEPT_RATE;
    for await (const conn of acceptConnections(this.#listener, { onTrouble, allowance })) {
      void this.#receive(conn, reception); // ends with the connection
    }
  }

  /** Nothing that goes wrong with one connection ends the others. */
  async #receive(conn: Deno.TcpConn, reception: ClientHandler): Promise<void> {
    const { secure = (conn) => conn, onRefused } = this.#options;
    try {
      await reception.receive(this.#hub.adopt(secure(conn)));
    } catch (error) {
      onRefused?.({ address: unmapIPv4(conn.remoteAddr.hostname) }, error as Error);
      try {
        conn.close();
      } catch {
        // It was closed already.
      }
    }
  }
}
