// How many may come, in all and from one address, and how often. Pure: monotonic times in ms come in as
// parameters.

import { ProtocolError } from "../errors.ts";
import { type RateLimit, TokenBucket } from "../base/limits.ts";

/** Most connections at a time. */
export const MAX_CLIENTS = 1_024;
/** Most connections at a time from one address. */
export const MAX_PER_ADDRESS = 16;
/** How often one address may come in: all that it may have at a time, and those of {@linkcode MAX_PER_ADDRESS} in any
 * case, twice over, then every other second. When another server falls, all of them come at once. */
function entries(maxPerAddress: number): RateLimit {
  return { burst: 2 * Math.max(maxPerAddress, MAX_PER_ADDRESS), perSecond: 0.5 };
}
/** Messages that are sent again because a server fell, for one address, over and above what its clients may say:
 * each client has at most 256 of them, and keeps them for 120 s. */
const REDELIVERY_RATE: RateLimit = { burst: 1_024, perSecond: 1_024 / 120 };
/** Most connections at a time, above those that are let through, that may say who they are, and are told why they are
 * not served; more are closed without a word. */
const MAX_PENDING_HANDSHAKES = 256;
/** How many of them one address may have, or as many as may be let through from it: it is not to keep others out. */
const MAX_PENDING_PER_ADDRESS = 64;
/** Addresses that are remembered; the one heard of least recently, and that nobody is connected from, goes first. */
const MAX_ADDRESSES = 10_000;

/** Settings of a {@linkcode ConnectionLimiter} and a ban list. */
export interface LimiterConfig {
  readonly maxClients: number;
  readonly maxPerAddress: number;
  /** Addresses that are remembered. */
  readonly maxAddresses: number;
  readonly maxBans: number;
  /** Whether clients of this machine are exempt from the limits of one address. */
  readonly isLoopbackExempt: boolean;
}

/** Limits of a gate. */
export interface LimiterOptions {
  readonly maxClients?: number;
  readonly maxPerAddress?: number;
  readonly maxAddresses?: number;
  /** Which IP addresses may have as many connections, and come in as often, as they like: the machine itself. */
  readonly isExempt?: (ip: string) => boolean;
}

/** What is known of an address. */
interface AddressUsage {
  connections: number;
  readonly joins: TokenBucket;
  readonly redeliveries: TokenBucket;
}

/** Counts who comes, by address. */
export class ConnectionLimiter {
  readonly #maxClients: number;
  readonly #maxPerAddress: number;
  readonly #maxAddresses: number;
  readonly #isExempt: (ip: string) => boolean;
  readonly #origins = new Map<string, AddressUsage>();
  #connections = 0;

  constructor(
    {
      maxClients = MAX_CLIENTS,
      maxPerAddress = MAX_PER_ADDRESS,
      maxAddresses = MAX_ADDRESSES,
      isExempt = isLoopback,
    }: LimiterOptions = {},
  ) {
    this.#isExempt = isExempt;
    this.#maxClients = maxClients;
    this.#maxPerAddress = maxPerAddress;
    this.#maxAddresses = maxAddresses;
  }

  /** How many were let through and have not left. */
  get connections(): number {
    return this.#connections;
  }

  /** How many addresses are remembered. */
  get addresses(): number {
    return this.#origins.size;
  }

  /** Somebody connects from an IP address; {@linkcode leave} is to follow unless it throws.
   * @throws {ProtocolError} `room-full` or `address-crowded` */
  acquire(ip: string, nowMs: number): void {
    if (this.#connections >= this.#maxClients) {
      throw new ProtocolError("room-full");
    }
    const origin = this.#originOf(ip, nowMs);
    if (origin.connections >= this.#maxPerAddress && !this.#isExempt(ip)) {
      throw new ProtocolError("address-crowded");
    }
    this.#count(origin);
  }

  /** Somebody connects whose connection takes the place of another one that was let through: there is room for it;
   * {@linkcode leave} is to follow. */
  promote(ip: string, nowMs: number): void {
    this.#count(this.#originOf(ip, nowMs));
  }

  #count(origin: AddressUsage): void {
    this.#connections++;
    origin.connections++;
  }

  /** A connection that was let through has ended. */
  release(ip: string): void {
    this.#connections--;
    this.#origins.get(addressPrefix(ip))!.connections--;
  }

  /** Somebody who was let through wants to come into the room.
   * @throws {ProtocolError} `entering-too-often` */
  takeJoin(ip: string, nowMs: number): void {
    if (!this.#originOf(ip, nowMs).joins.take(nowMs) && !this.#isExempt(ip)) {
      throw new ProtocolError("entering-too-often");
    }
  }

  /** Somebody who was allowed to {@linkcode enter} was not let in, for no fault of theirs. */
  refundJoin(ip: string, nowMs: number): void {
    this.#originOf(ip, nowMs).joins.refund();
  }

  /** Somebody sends a message again: whether it is none of those that they may say. */
  takeRedelivery(ip: string, nowMs: number): boolean {
    return this.#originOf(ip, nowMs).redeliveries.take(nowMs);
  }

  #originOf(ip: string, nowMs: number): AddressUsage {
    const block = addressPrefix(ip);
    const origin = this.#origins.get(block) ?? {
      connections: 0,
      joins: new TokenBucket(entries(this.#maxPerAddress), nowMs),
      redeliveries: new TokenBucket(REDELIVERY_RATE, nowMs),
    };
    this.#origins.delete(block); // a Map iterates in the order of insertion
    if (this.#origins.size >= this.#maxAddresses) this.#evictOne(); // never the one that is heard of now
    this.#origins.set(block, origin);
    return origin;
  }

  #evictOne(): void {
    for (const [block, { connections }] of this.#origins) {
      if (connections === 0) return void this.#origins.delete(block);
    }
  }
}

/** A gate with these limits lets no more through: this one counts who comes all the same. */
export function pendingHandshakes({ maxPerAddress = 0, isExempt }: LimiterOptions): ConnectionLimiter {
  return new ConnectionLimiter({
    maxClients: MAX_PENDING_HANDSHAKES,
    maxPerAddress: Math.max(maxPerAddress, MAX_PENDING_PER_ADDRESS),
    maxAddresses: MAX_PENDING_HANDSHAKES,
    isExempt,
  });
}

function isLoopback(ip: string): boolean {
  return ip.startsWith("127.") || ip === "::1";
}

/** What counts as one address: an IPv4 address, or the /64 of one of IPv6, which is what one customer has
 * (RFC 6177). */
export function addressPrefix(ip: string): string {
  if (!ip.includes(":")) return ip;
  const [head = "", tail] = ip.split("%", 1)[0]!.split("::", 2);
  const [before, after] = [head, tail ?? ""].map((part) => part === "" ? [] : part.split(":"));
  const gap = tail === undefined ? 0 : 8 - before!.length - after!.length;
  const groups = [...before!, ...Array.from({ length: gap }, () => "0"), ...after!];
  return `${groups.slice(0, 4).map((group) => parseInt(group, 16).toString(16)).join(":")}::/64`;
}
