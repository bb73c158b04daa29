// Accepts connections and joins each to the room: frames in, entries of the log and answers out. Knows nothing
// of terminals; whoever wants to see the log adds a reader.

import { type Address, plainIP } from "./address.ts";
import { Bans } from "./bans.ts";
import { type Clock, type Moment, systemClock } from "./clock.ts";
import type { FrameDecoder } from "./codec.ts";
import type { Connection } from "./connection.ts";
import { type ListenError, LostError, ProtocolError } from "./errors.ts";
import { Gate, type GateOptions } from "./gate.ts";
import { DEAD_MS, PING_MS } from "./heartbeat.ts";
import { Hub, type Reader } from "./hub.ts";
import { type Journal, MemoryJournal } from "./journal.ts";
import { accepted, ACCEPTS, listen, SECURE_ACCEPTS } from "./listener.ts";
import type { Member } from "./members.ts";
import type { PasswordCheck } from "./password.ts";
import { Patience } from "./patience.ts";
import {
  type ClientMessage,
  encodeServer,
  encodeWelcome,
  MAX_CLIENT_FRAME_BYTES,
  type Person,
  sessionOf,
} from "./protocol.ts";
import { type Admission, Room } from "./room.ts";
import type { RoomLog, RoomLogOptions } from "./room_log.ts";
import type { Socket } from "./socket.ts";
import type { Allowance } from "./token_bucket.ts";
import {
  givenUp,
  hasWrongPassword,
  isAway,
  isBanned,
  isLocked,
  unexpected,
  unlessTls,
} from "./violations.ts";
import { Visit } from "./visit.ts";

/** How long a connection may take to send HELLO, in ms. */
export const HELLO_MS = 10_000;
/** Most connections at a time that are told why they are not served; more are closed without a word. */
const MAX_TURNED_AWAY = 256;
/** How long a server that closes waits for its clients to take leave, in ms. */
export const CLOSING_MS = 1_000;

/** Settings of a server. */
export interface ChatServerOptions extends GateOptions {
  /** IP address of this machine to listen on. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Servers that clients are told to go to when this one falls, as `host:port`. */
  readonly backups?: readonly string[];
  /** Lets in nobody who does not know it. */
  readonly password?: PasswordCheck;
  /** Makes TLS of connections: then nothing else is spoken. */
  readonly secure?: (conn: Deno.TcpConn) => Socket;
  /** How long a lost connection may stay away before the others are told, in ms. */
  readonly graceMs?: number;
  readonly pingMs?: number;
  readonly deadMs?: number;
  readonly helloMs?: number;
  readonly frameMs?: number;
  /** What each client may say. */
  readonly messages?: Allowance;
  readonly closingMs?: number;
  readonly clock?: Clock;
  readonly log?: RoomLogOptions;
  /** What the room's log goes through; one that keeps nothing by default. */
  readonly journal?: Journal;
  /** Told why a connection was not let in, or was ended by the server, and whose it was. */
  readonly onRefused?: (peer: RefusedPeer, error: Error) => void;
  /** Told why connections cannot be accepted at the moment, once until one is. */
  readonly onTrouble?: (error: ListenError) => void;
}

/** Somebody who is not served. */
export interface RefusedPeer {
  /** IP address. */
  readonly address: string;
  /** Undefined if they were not in. */
  readonly nick?: string;
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

/** Somebody who is in, at the moment that they say something. */
interface Guest {
  readonly visit: Visit;
  readonly member: Member;
  readonly now: Moment;
}

/** A server with its one room. */
export class ChatServer implements AsyncDisposable {
  readonly #options: ChatServerOptions;
  readonly #clock: Clock;
  readonly #listener: Deno.TcpListener;
  readonly #hub: Hub;
  readonly #patience: Patience;
  readonly #room: Room;
  readonly #gate: Gate;
  readonly #bans = new Bans();
  readonly #startMs: number;
  readonly #firstSeq: number;
  /** The connection through which each member is in. */
  readonly #connections = new Map<Member, Connection>();
  readonly #accepting: Promise<void>;
  #expiryTimer: ReturnType<typeof setTimeout> | undefined;
  #isClosing = false;
  #closing: Promise<void> | undefined;

  /** Listens at once.
   * @throws {ListenError} */
  constructor(options: ChatServerOptions) {
    const { host, port, backups, graceMs, log, journal = new MemoryJournal(randomInstance()) } = options;
    const { pingMs = PING_MS, deadMs = DEAD_MS, helloMs = HELLO_MS, frameMs, clock = systemClock } = options;
    this.#options = options;
    this.#clock = clock;
    this.#startMs = clock().wallMs;
    this.#listener = listen({ host, port });
    this.#patience = new Patience({ journal, clock, onGone: () => this.#expire() });
    this.#room = new Room({
      journal,
      onWork: () => this.#hub.wake(),
      onTaken: (member, { isKicked }) => this.#dismiss(member, isKicked),
      backups,
      graceMs,
      log,
    });
    this.#firstSeq = this.#room.log.head;
    this.#gate = new Gate(options);
    this.#hub = new Hub({
      maxFrameBytes: MAX_CLIENT_FRAME_BYTES,
      nowMs: () => clock().tickMs,
      // Also under load: the answer to a PING shows that the client has read what came before it.
      heartbeat: { pingMs, deadMs, always: true },
      ping: () => encodeServer({ type: "ping", head: this.#room.log.head }),
      greetingMs: helloMs,
      frameMs,
      onGiveUp: (connection, why) => this.#refuse(connection, givenUp(why)),
      onRound: () => this.#room.settle(),
    });
    this.#awaitExpiry((now) => this.#room.loseAll(now));
    this.#accepting = this.#accept();
  }

  /** Where it listens. */
  get address(): Address {
    const { hostname, port } = this.#listener.addr;
    return { host: hostname, port };
  }

  /** The room's log, for readers. */
  get log(): RoomLog {
    return this.#room.log;
  }

  /** `seq` of the first entry since this server began to listen: what lies before it happened elsewhere. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  /** Has a reader woken whenever the log has grown. */
  addReader(reader: Reader): void {
    this.#hub.addReader(reader);
  }

  /** Who is in. */
  get people(): Iterable<Person> {
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
    this.#room.addBackup(backup, this.#clock());
    this.#hub.wake();
  }

  /** Throws somebody out, who reads the reason if there is one. Returns whether there is such a person. */
  kick(nick: string, reason: string): boolean {
    const member = this.#room.withNick(nick);
    if (!member) return false;
    this.#throwOut(member, new ProtocolError("kicked", reason));
    return true;
  }

  /** Lets nobody in from an IP address for a time, and throws out who is in from there; lets them in again if that
   * time is 0 ms. Returns how many were thrown out. */
  ban(address: string, forMs: number): number {
    if (forMs === 0) {
      this.#bans.lift(address);
      return 0;
    }
    this.#bans.add(address, this.#clock().tickMs + forMs);
    const banned = [...this.#room.members].filter((member) => member.address === address);
    for (const member of banned) this.#throwOut(member, isBanned(address));
    return banned.length;
  }

  /** The ids of the servers through which somebody is in, if the room has many. */
  get homes(): Iterable<bigint> {
    return this.#room.homes();
  }

  /** Another server of the room is gone, and with it all who have not come back elsewhere. */
  loseServer(home: bigint): void {
    this.#room.loseServer(home, this.#clock());
    this.#hub.wake();
  }

  /** The servers of the room are reached at these addresses. */
  learnServers(addresses: readonly string[]): void {
    this.#room.learnServers(addresses, this.#clock());
    this.#hub.wake();
  }

  /** Tells everybody that what they say waits, as nothing can be kept for now, or that this is over. */
  tellWaiting({ isOver }: { isOver: boolean }): void {
    const frame = encodeServer({ type: "waiting", over: isOver });
    for (const connection of this.#connections.values()) connection.send(frame);
  }

  /** Somebody is not in through this server any more, by the doing of another one. Who is here all the same, and was
   * not thrown out, comes back in. */
  #dismiss(member: Member, isKicked: boolean): void {
    const connection = this.#connections.get(member);
    this.#connections.delete(member);
    connection?.finish(isKicked ? errorFrame(new ProtocolError("kicked", "")) : BYE);
  }

  #throwOut(member: Member, error: ProtocolError): void {
    const connection = this.#connections.get(member);
    this.#connections.delete(member);
    this.#room.kick(member, this.#clock());
    connection?.finish(errorFrame(error));
    this.#hub.wake();
  }

  /** Tells everyone that the server closes, after all that was said before, and waits until they know, or
   * {@linkcode CLOSING_MS}. */
  close(): Promise<void> {
    this.#isClosing = true;
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    clearTimeout(this.#expiryTimer);
    this.#room.settle();
    this.#listener.close();
    const { closingMs = CLOSING_MS } = this.#options;
    for (const connection of this.#hub.connections) connection.finish(BYE, { lingerMs: closingMs });
    await Promise.all([this.#accepting, ...Array.from(this.#hub.connections, ({ closed }) => closed)]);
    this.#hub[Symbol.dispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #accept(): Promise<void> {
    const { onTrouble = () => {}, secure = (conn) => conn } = this.#options;
    const allowance = this.#options.secure ? SECURE_ACCEPTS : ACCEPTS;
    for await (const conn of accepted(this.#listener, { onTrouble, allowance })) {
      this.#visit(this.#hub.adopt(secure(conn))); // ends with the connection
    }
  }

  /** Serves one connection from its first byte to its last. */
  async #visit(connection: Connection): Promise<void> {
    const { messages } = this.#options;
    const address = plainIP(connection.peer.hostname);
    const visit = new Visit(connection, { address, gate: this.#gate, messages, nowMs: this.#clock().tickMs });
    const isLetThrough = this.#letThrough(connection, address);
    try {
      for (let frames = await connection.read(); frames; frames = await connection.read()) {
        await this.#takeIn(frames, visit);
      }
    } catch (error) {
      if (!(error instanceof LostError)) this.#report(connection, error as Error);
    } finally {
      const { member } = visit;
      if (member && this.#connections.get(member) === connection) this.#lose(member);
      // A peer that has only ended its own side is still owed what was said before.
      connection.finish();
      await connection.closed;
      this.#hub.release(connection);
      if (isLetThrough) this.#gate.leave(address);
    }
  }

  /** Whether a connection may stay; otherwise it is told why not, unless too many are. */
  #letThrough(connection: Connection, address: string): boolean {
    try {
      this.#gate.arrive(address, this.#clock().tickMs);
      return true;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const turnedAway = this.#hub.connections.size - this.#gate.connections;
      if (turnedAway > MAX_TURNED_AWAY) connection.close();
      else this.#refuse(connection, error);
      return false;
    }
  }

  /** Deals with all frames that are whole, at the pace that the peer is allowed: meanwhile nothing more of it is
   * read, and nothing of what it says is lost. */
  async #takeIn(frames: FrameDecoder, visit: Visit): Promise<void> {
    for (;;) {
      for (let wait = this.#hub.catchingUp(); wait; wait = this.#hub.catchingUp()) await wait;
      const stuck = this.#patience.whileStuck(visit.connection);
      if (stuck) await stuck;
      const now = this.#clock();
      const unsettled = this.#takeAllowed(frames, visit, now);
      this.#hub.wake();
      if (unsettled) await this.#await(unsettled, visit);
      const waitMs = visit.waitMs(now);
      if (waitMs > 0) await visit.connection.hold(waitMs);
      else if (!unsettled) return;
    }
  }

  /** Returns what has to be waited for before more can be taken, or undefined. */
  #takeAllowed(frames: FrameDecoder, visit: Visit, now: Moment): Promise<void> | undefined {
    try {
      for (let message = visit.next(frames, now); message; message = visit.next(frames, now)) {
        const unsettled = visit.member
          ? this.#serve(message, { visit, member: visit.member, now })
          : this.#enter(message, visit, now);
        if (unsettled) return unsettled;
      }
    } catch (error) {
      this.#refuseVisit(visit, error);
    }
    return undefined;
  }

  async #await(unsettled: Promise<void>, visit: Visit): Promise<void> {
    try {
      await unsettled;
    } catch (error) {
      this.#refuseVisit(visit, error);
    }
    this.#hub.wake();
  }

  #refuseVisit({ connection, member }: Visit, error: unknown): void {
    if (!(error instanceof ProtocolError)) throw error;
    this.#refuse(connection, member ? error : unlessTls(error));
  }

  #enter(hello: ClientMessage, visit: Visit, now: Moment): Promise<void> | undefined {
    const { address } = visit;
    if (hello.type !== "hello") throw unexpected(hello);
    if (this.#bans.has(address, now.tickMs)) throw isBanned(address);
    const { password } = this.#options;
    if (password && hello.password === "") throw isLocked();
    // Who guesses passwords is counted as well.
    this.#gate.enter(address, now.tickMs);
    if (password && !password.matches(hello.password)) throw hasWrongPassword();
    if (this.#options.journal?.isAway) throw isAway();
    const arrival = { hello, session: sessionOf(hello.token), address };
    return this.#patience.try((then, again) => {
      const admission = this.#room.enter(arrival, then, again);
      if (admission) this.#welcome(admission, visit);
      return admission !== undefined;
    }, visit.connection);
  }

  #welcome({ welcome, online, cursor, member }: Admission, visit: Visit): void {
    const { connection } = visit;
    const before = this.#connections.get(member);
    this.#connections.set(member, connection);
    // Nobody's business but the peer's: somebody who was lost is back before anyone noticed.
    before?.finish(errorFrame(new ProtocolError("replaced", "Cannot serve two connections of one session")));
    connection.greeted();
    connection.send(encodeWelcome(welcome, { onlineBytes: online.length }));
    connection.send(online);
    connection.follow(cursor);
    visit.member = member;
  }

  #serve(message: ClientMessage, { visit, member, now }: Guest): Promise<void> | undefined {
    const { connection } = visit;
    switch (message.type) {
      case "say":
        this.#room.say(member, message, now);
        return;
      case "nick":
        return this.#rename(message.nick, member, connection);
      case "ping":
        connection.send(PONG);
        return;
      case "pong":
        connection.heartbeat?.ponged(now.tickMs);
        return;
      case "bye":
        this.#connections.delete(member);
        return this.#leave(member, connection);
      case "hello":
        throw unexpected(message);
    }
  }

  #rename(nick: string, member: Member, connection: Connection): Promise<void> | undefined {
    return this.#patience.try((now, again) => {
      try {
        return this.#room.rename(member, nick, now, again);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        const { code, message: reason } = error;
        connection.send(encodeServer({ type: "refused", code, about: nick, reason }));
        return true;
      }
    }, connection);
  }

  #leave(member: Member, connection: Connection): Promise<void> | undefined {
    return this.#patience.try((now, again) => {
      const isOut = this.#room.leave(member, now, again);
      if (isOut) connection.finish(BYE);
      return isOut;
    }, connection);
  }

  #lose(member: Member): void {
    this.#connections.delete(member);
    this.#awaitExpiry((now) => this.#room.lose(member, now));
  }

  #expire(): void {
    this.#awaitExpiry((now) => this.#room.expire(now));
  }

  /** Has departures announced, now and when a grace ends: `expire` returns when, on the monotonic clock. */
  #awaitExpiry(expire: (now: Moment) => number): void {
    if (this.#isClosing) return;
    const now = this.#clock();
    const nextMs = expire(now);
    clearTimeout(this.#expiryTimer);
    this.#hub.wake();
    if (nextMs === Infinity) return;
    this.#expiryTimer = setTimeout(() => this.#expire(), nextMs - now.tickMs);
  }

  /** Tells a peer why it is not served any more, and ends its connection; if it was in, it is lost. */
  #refuse(connection: Connection, error: ProtocolError): void {
    if (!connection.isOpen) return;
    // A client that is to ask for the password, or to wait, has done nothing wrong.
    if (!["password-needed", "store-away"].includes(error.code)) this.#report(connection, error);
    connection.finish(errorFrame(error));
    const member = this.#memberOf(connection);
    if (member) this.#lose(member);
  }

  #report(connection: Connection, error: Error): void {
    const address = plainIP(connection.peer.hostname);
    this.#options.onRefused?.({ address, nick: this.#memberOf(connection)?.nick }, error);
  }

  /** Who is in through a connection. */
  #memberOf(connection: Connection): Member | undefined {
    for (const [member, theirs] of this.#connections) if (theirs === connection) return member;
    return undefined;
  }
}

const PONG = encodeServer({ type: "pong" });
const BYE = encodeServer({ type: "bye" });

function errorFrame({ code, message }: ProtocolError): Uint8Array<ArrayBuffer> {
  return encodeServer({ type: "error", code, reason: message });
}

function randomInstance(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0]!;
}
