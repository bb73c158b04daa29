// Limits on connections and joins, and the banned addresses. Pure: monotonic times in ms are parameters.

import { LruMap, type RateLimit, TokenBucket } from "../base/limits.ts";
import { ProtocolError } from "../errors.ts";

export const MAX_CLIENTS = 1_024;
export const MAX_PER_ADDRESS = 16;
/** Redelivered messages from one address, beside the rate limit of its clients: each client retains at most 256 of them
 * for 120 s. */
const REDELIVERY_RATE: RateLimit = { burst: 1_024, perSecond: 1_024 / 120 };
/** Connections over the limit that may complete their handshake, to be told why they are rejected. */
const MAX_PENDING_HANDSHAKES = 256;
/** From one address; more if its limit is higher. */
const MAX_PENDING_PER_ADDRESS = 64;

export interface LimiterConfig {
  readonly maxClients: number;
  readonly maxPerAddress: number;
  readonly maxAddresses: number;
  readonly maxBans: number;
  /** Whether the limits of one address do not apply to the server's machine. */
  readonly isLoopbackExempt: boolean;
}

interface AddressUsage {
  connections: number;
  readonly joins: TokenBucket;
  readonly redeliveries: TokenBucket;
}

/** Counts connections in all and by address: an IPv4 address, or the /64 of an IPv6 address. */
export class ConnectionLimiter {
  readonly #config: LimiterConfig;
  readonly #joinRate: RateLimit;
  /** Least recently used first. */
  readonly #usage = new Map<string, AddressUsage>();
  readonly #pending = new Map<string, number>();
  #connections = 0;
  #pendingConnections = 0;

  constructor(config: LimiterConfig) {
    this.#config = config;
    // Twice as many as may be connected: when another server fails, all its clients come at once.
    this.#joinRate = { burst: 2 * Math.max(config.maxPerAddress, MAX_PER_ADDRESS), perSecond: 0.5 };
  }

  get connections(): number {
    return this.#connections;
  }

  get addresses(): number {
    return this.#usage.size;
  }

  /** Counts a connection until {@linkcode release}.
   * @throws {ProtocolError} `room-full` or `address-crowded` */
  acquire(ip: string, nowMs: number): void {
    if (this.#connections >= this.#config.maxClients) throw new ProtocolError("room-full");
    const usage = this.#usageOf(ip, nowMs);
    if (usage.connections >= this.#config.maxPerAddress && !this.#isExempt(ip)) {
      throw new ProtocolError("address-crowded");
    }
    this.#count(usage);
  }

  release(ip: string): void {
    this.#connections--;
    this.#usage.get(addressPrefix(ip))!.connections--;
  }

  /** Counts a connection over the limit until {@linkcode releasePending}. Returns false if there are too many. */
  acquirePending(ip: string): boolean {
    const prefix = addressPrefix(ip);
    const count = this.#pending.get(prefix) ?? 0;
    const maxPerAddress = Math.max(this.#config.maxPerAddress, MAX_PENDING_PER_ADDRESS);
    if (this.#pendingConnections >= MAX_PENDING_HANDSHAKES) return false;
    if (count >= maxPerAddress && !this.#isExempt(ip)) return false;
    this.#pendingConnections++;
    this.#pending.set(prefix, count + 1);
    return true;
  }

  releasePending(ip: string): void {
    const prefix = addressPrefix(ip);
    const count = this.#pending.get(prefix)! - 1;
    this.#pendingConnections--;
    if (count > 0) this.#pending.set(prefix, count);
    else this.#pending.delete(prefix);
  }

  /** Counts a connection until {@linkcode release}, even over the limit: it replaces one that is about to close. */
  promote(ip: string, nowMs: number): void {
    this.#count(this.#usageOf(ip, nowMs));
  }

  /** @throws {ProtocolError} `entering-too-often` */
  takeJoin(ip: string, nowMs: number): void {
    if (!this.#usageOf(ip, nowMs).joins.take(nowMs) && !this.#isExempt(ip)) {
      throw new ProtocolError("entering-too-often");
    }
  }

  /** For a join that failed through no fault of the client. */
  refundJoin(ip: string, nowMs: number): void {
    this.#usageOf(ip, nowMs).joins.refund();
  }

  /** Whether a redelivered message is exempt from the rate limit of its client. */
  takeRedelivery(ip: string, nowMs: number): boolean {
    return this.#usageOf(ip, nowMs).redeliveries.take(nowMs);
  }

  #count(usage: AddressUsage): void {
    this.#connections++;
    usage.connections++;
  }

  #isExempt(ip: string): boolean {
    return this.#config.isLoopbackExempt && (ip.startsWith("127.") || ip === "::1");
  }

  #usageOf(ip: string, nowMs: number): AddressUsage {
    const prefix = addressPrefix(ip);
    const usage = this.#usage.get(prefix) ?? {
      connections: 0,
      joins: new TokenBucket(this.#joinRate, nowMs),
      redeliveries: new TokenBucket(REDELIVERY_RATE, nowMs),
    };
    this.#usage.delete(prefix);
    if (this.#usage.size >= this.#config.maxAddresses) this.#evictOne();
    this.#usage.set(prefix, usage);
    return usage;
  }

  #evictOne(): void {
    for (const [prefix, { connections }] of this.#usage) {
      if (connections === 0) return void this.#usage.delete(prefix);
    }
  }
}

/** What counts as one address: an IPv4 address, or the /64 of an IPv6 address, which one customer has (RFC 6177). */
export function addressPrefix(ip: string): string {
  if (!ip.includes(":")) return ip;
  const [before = [], after = []] = ip.split("%", 1)[0]!.split("::", 2).map((part) =>
    part === "" ? [] : part.split(":")
  );
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  const groups = [...before, ...zeros, ...after];
  return `${groups.slice(0, 4).map((group) => parseInt(group, 16).toString(16)).join(":")}::/64`;
}

/** IP addresses that may not join. If the list is full, a new ban ends the oldest one. */
export class BanList {
  readonly #expiresAtMs: LruMap<string, number>;

  constructor({ maxBans }: Pick<LimiterConfig, "maxBans">) {
    this.#expiresAtMs = new LruMap(maxBans);
  }

  add(address: string, expiresAtMs: number): void {
    this.#expiresAtMs.set(address, expiresAtMs);
  }

  remove(address: string): void {
    this.#expiresAtMs.delete(address);
  }

  has(address: string, nowMs: number): boolean {
    return nowMs < (this.#expiresAtMs.get(address) ?? -Infinity);
  }
}
