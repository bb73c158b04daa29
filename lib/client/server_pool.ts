// The servers that a client knows, in the order in which it tries them, and how long it waits before each attempt.

import { LruMap } from "../base/limits.ts";
import { type Address, isSameAddress } from "../net/address.ts";

const BACKOFF_BASE_MS = 100;
export const BACKOFF_MAX_MS = 5_000;

/** The wait before an attempt, counted from 0, in ms. Full jitter spreads the clients that lost the same server.
 * `random` is uniform in [0, 1). */
export function backoffMs(attempt: number, random: () => number): number {
  return random() * Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** Math.min(attempt, 16));
}

export const MAX_SERVERS = 64;

/** Holds each server once, at most {@linkcode MAX_SERVERS}. When it is full, the server that a room listed longest ago
 * makes room for a new one; servers that no room listed stay. */
export class ServerPool {
  #servers: Address[] = [];
  /** Servers that rooms have listed, the one listed longest ago first. Servers that flags or the user named are not in it. */
  readonly #fromRooms = new Set<Address>();
  /** The server that the client is on, was on last, or dials first. */
  current: Address | undefined;
  /** The room that listed servers last, and those of them that are in the pool. */
  #lastLogId: bigint | undefined;
  #listed: readonly Address[] = [];
  readonly #excluded: Address[] = [];
  /** The IP address that each name, in lower case, last resolved to. */
  readonly #ips = new LruMap(MAX_SERVERS, [["localhost", "127.0.0.1"]]);

  constructor(servers: Iterable<Address> = []) {
    for (const server of servers) this.add(server);
  }

  get size(): number {
    return this.#servers.length;
  }

  has(server: Address): boolean {
    return indexOf(this.#servers, server) >= 0;
  }

  /** Whether this is {@linkcode current}. */
  isCurrent(server: Address): boolean {
    return this.isSame(server, this.current!);
  }

  /** Whether no other server is known. */
  isOnly(server: Address): boolean {
    return this.size === (this.has(server) ? 1 : 0);
  }

  /** The known servers of this host, in order. */
  serversAt(host: string): Address[] {
    return this.#servers.filter((server) => this.#ipOf(server.host) === this.#ipOf(host));
  }

  /** Adds a server at the end, unless it is known or excluded, or the pool is full of servers that no room listed. */
  add(server: Address): void {
    this.#append(server, { kept: [server] });
  }

  setCurrent(server: Address, ip: string): void {
    this.current = server;
    this.#ips.set(server.host.toLowerCase(), ip);
  }

  /** Takes the list of backups of a room: its servers come right after the current one, so that all members of a room
   * fail over to the same server. Servers that this room no longer lists stay behind them: a node that has ended may be
   * the only one that comes back. */
  update(servers: readonly Address[], logId: bigint): void {
    // The nodes of a cluster list each other in an order that differs by client: keep the one that this client has.
    const before = logId === this.#lastLogId
      ? this.#fromNext().filter((known) => this.#listed.includes(known))
      : [];
    for (const server of servers.slice(0, MAX_SERVERS)) {
      this.#append(server, { isListed: true, kept: servers });
    }
    const listed = servers.flatMap((server) => this.#servers[indexOf(this.#servers, server)] ?? []);
    for (const known of listed) if (this.#fromRooms.delete(known)) this.#fromRooms.add(known);
    this.#lastLogId = logId;
    this.#listed = listed;
    const { current } = this;
    if (!current) return;
    const isNext = (known: Address) => listed.includes(known) && !this.isSame(known, current);
    const next = new Set([...before, ...listed].filter(isNext));
    this.#servers = this.#servers.filter((known) => !next.has(known));
    this.#servers.splice(indexOf(this.#servers, current) + 1, 0, ...next);
  }

  #append(
    server: Address,
    { isListed = false, kept }: { isListed?: boolean; kept: readonly Address[] },
  ): void {
    if (this.has(server) || indexOf(this.#excluded, server) >= 0) return;
    const added = { ...server };
    this.#servers.push(added);
    if (isListed) this.#fromRooms.add(added);
    if (this.#servers.length <= MAX_SERVERS) return;
    const isKept = (known: Address) => indexOf(kept, known) >= 0 || this.#isAddressOfCurrent(known);
    this.#remove(this.#fromRooms.values().find((known) => !isKept(known)) ?? added);
  }

  #remove(known: Address): void {
    this.#servers = this.#servers.filter((server) => server !== known);
    this.#fromRooms.delete(known);
  }

  /** Removes a server until it is added or listed again. */
  remove(server: Address): void {
    const known = this.#servers[indexOf(this.#servers, server)];
    if (known) this.#remove(known);
  }

  /** Removes a server for good: rooms that list it again do not bring it back. */
  exclude(server: Address): void {
    this.remove(server);
    this.#excluded.push(server);
    if (this.#excluded.length > MAX_SERVERS) this.#excluded.shift();
  }

  /** Whether two addresses seem to lead to one server. The pool keeps both: a name may move, and may resolve where the
   * IP address is out of reach. */
  isSame(one: Address, other: Address): boolean {
    return one.port === other.port && this.#ipOf(one.host) === this.#ipOf(other.host);
  }

  /** The server to try after `last`; `last` if it is the only one. */
  nextAfter(last: Address): Address {
    const index = indexOf(this.#servers, last);
    return this.#servers[(index + 1) % this.#servers.length] ?? last;
  }

  /** All servers in the order in which they are tried, from this one on. */
  rotationFrom(first: Address): Address[] {
    const index = Math.max(0, indexOf(this.#servers, first));
    return [...this.#servers.slice(index), ...this.#servers.slice(0, index)];
  }

  /** As {@linkcode nextAfter}, but skips other addresses of `last`; `last` if there is nothing else. */
  nextDistinct(last: Address): Address {
    let next = this.nextAfter(last);
    for (let i = 1; i < this.size && this.isSame(next, last); i++) next = this.nextAfter(next);
    return this.isSame(next, last) ? last : next;
  }

  /** All servers in the order in which they are tried from now on; the current one is last. */
  #fromNext(): Address[] {
    return this.current ? this.rotationFrom(this.nextAfter(this.current)) : this.#servers;
  }

  #isAddressOfCurrent(server: Address): boolean {
    return this.current !== undefined && isSameAddress(server, this.current);
  }

  #ipOf(host: string): string {
    const name = host.toLowerCase();
    return this.#ips.get(name) ?? name;
  }
}

function indexOf(servers: readonly Address[], server: Address): number {
  return servers.findIndex((other) => isSameAddress(other, server));
}
