// Which server next, and after how long: rotation and jittered backoff. Pure: chance comes in as a parameter.

import { LruMap } from "../base/limits.ts";
import { type Address, isSameAddress } from "../net/address.ts";

/** Longest wait before the first attempt after a failure. */
const BACKOFF_BASE_MS = 100;
/** Longest wait before any attempt. */
export const BACKOFF_MAX_MS = 5_000;
/** How long a dial may take to a server that may live though its connection broke, in ms: a refusal comes at once,
 * and who waits here for a machine that is gone comes late to the next server. */
export const REDIAL_TIMEOUT_MS = 300;
/** How long such a server may take to answer if nothing was heard of it, in ms: the system of one that hangs takes
 * connections all the same. */
export const REDIAL_ANSWER_MS = 1_000;

/** Wait before attempt `attempt` (from 0), in ms: anything up to a ceiling that doubles from
 * {@linkcode BACKOFF_BASE_MS} to {@linkcode BACKOFF_MAX_MS}, so that clients that lost the same server come to the
 * next one spread out. `random` is uniform in [0, 1), as Math.random. */
export function backoffMs(attempt: number, random: () => number): number {
  return random() * Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** Math.min(attempt, 16));
}

/** Most servers that a rotation holds. */
export const MAX_SERVERS = 64;

/** The servers that a client knows, in the order in which it tries them, each once. When there are too many, those that
 * rooms named longest ago give way. */
export class ServerPool {
  #servers: Address[] = [];
  /** Of those that rooms have named, which one; the one that was named longest ago first. */
  readonly #logIds = new Map<Address, bigint>();
  /** Where the client is, or was last, or is to be first. */
  current: Address | undefined;
  /** The room that was last to name servers, and those of them that are known. */
  #lastLogId: bigint | undefined;
  #listed: readonly Address[] = [];
  readonly #excluded: Address[] = [];
  /** By name, in small letters, the IP address that it was last found at; the one to expect of our own machine. */
  readonly #ips = new LruMap(MAX_SERVERS, [["localhost", "127.0.0.1"]]);

  constructor(servers: Iterable<Address> = []) {
    for (const server of servers) this.add(server);
  }

  /** Adds a server behind the others, unless it is known, or distrusted, or there are too many and no room
   * named any of them. */
  add(server: Address): void {
    this.#append(server, { kept: [server] });
  }

  /** The client is on a server, which it found at this IP address. */
  setCurrent(server: Address, ip: string): void {
    this.current = server;
    this.#ips.set(server.host.toLowerCase(), ip);
  }

  /** A room, by its instance, names these servers, and none of the others that it named before. They come next after
   * the one where the client is, but for its own other names: all who are there go the same way, whatever else they
   * know. */
  update(servers: readonly Address[], room: bigint): void {
    // A room of many servers has an order for each client, and tells all of them alike who comes and goes.
    const before = room === this.#lastLogId
      ? this.#inTurn().filter((known) => this.#listed.includes(known))
      : [];
    for (const known of this.#servers) {
      const isGone = this.#logIds.get(known) === room && indexOf(servers, known) < 0;
      if (isGone && !this.#isCurrent(known)) this.#remove(known);
    }
    for (const server of servers.slice(0, MAX_SERVERS)) this.#append(server, { room, kept: servers });
    const named = servers.flatMap((server) => this.#servers[indexOf(this.#servers, server)] ?? []);
    this.#lastLogId = room;
    this.#listed = named;
    const current = this.current;
    if (!current) return;
    const isNext = (known: Address) => named.includes(known) && !this.isSame(known, current);
    const next = new Set([...before, ...named].filter(isNext));
    this.#servers = this.#servers.filter((known) => !next.has(known));
    this.#servers.splice(indexOf(this.#servers, current) + 1, 0, ...next);
  }

  #append(server: Address, { room, kept }: { room?: bigint; kept: readonly Address[] }): void {
    if (this.has(server) || indexOf(this.#excluded, server) >= 0) return;
    const added = { ...server };
    this.#servers.push(added);
    if (room !== undefined) this.#logIds.set(added, room);
    if (this.#servers.length <= MAX_SERVERS) return;
    const isKept = (known: Address) => indexOf(kept, known) >= 0 || this.#isCurrent(known);
    this.#remove(this.#logIds.keys().find((known) => !isKept(known)) ?? added);
  }

  #remove(known: Address): void {
    this.#servers = this.#servers.filter((server) => server !== known);
    this.#logIds.delete(known);
  }

  /** Takes a server out for good, whoever names it again. */
  exclude(server: Address): void {
    const known = this.#servers[indexOf(this.#servers, server)];
    if (known) this.#remove(known);
    this.#excluded.push(server);
    if (this.#excluded.length > MAX_SERVERS) this.#excluded.shift();
  }

  /** Whether two addresses seem to be of one server. A name may have moved since, or be found again where an address is
   * not: both stay in the rotation. */
  isSame(one: Address, other: Address): boolean {
    return one.port === other.port && this.#ipOf(one.host) === this.#ipOf(other.host);
  }

  /** Whether a server is known. */
  has(server: Address): boolean {
    return indexOf(this.#servers, server) >= 0;
  }

  /** Whether a server with this host is known. */
  hasHost(host: string): boolean {
    return this.#servers.some((server) => server.host.toLowerCase() === host.toLowerCase());
  }

  /** The server to try after `last`; itself if it is the only one. */
  nextAfter(last: Address): Address {
    const index = indexOf(this.#servers, last);
    return this.#servers[(index + 1) % this.#servers.length] ?? last;
  }

  /** The same, but for those that seem to be `last` under another name; `last` if there is no other. */
  nextDistinct(last: Address): Address {
    let next = this.nextAfter(last);
    for (let i = 1; i < this.size && this.isSame(next, last); i++) next = this.nextAfter(next);
    return this.isSame(next, last) ? last : next;
  }

  /** How many servers are known. */
  get size(): number {
    return this.#servers.length;
  }

  /** All that are known, the one where the client is last. */
  #inTurn(): Address[] {
    const next = this.current ? indexOf(this.#servers, this.current) + 1 : 0;
    return [...this.#servers.slice(next), ...this.#servers.slice(0, next)];
  }

  #isCurrent(server: Address): boolean {
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
