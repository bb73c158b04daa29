// Limits on connections and joins, and the banned addresses. Pure: monotonic times in ms are parameters.

import { LruMap, type RateLimit, TokenBucket } from "../base/limits.ts";
import { ProtocolError } from "../errors.ts";
import { RETAIN_ACKED_MS } from "../protocol/frames.ts";

export const MAX_CLIENTS = 1_024;
export const MAX_PER_ADDRESS = 16;
/** From one address, after its burst. */
const JOINS_PER_SECOND = 0.5;
/** PROBEs from one address. */
const PROBE_RATE: RateLimit = { burst: 20, perSecond: 2 };
/** Redelivered messages from one address that count toward no client's rate: four full outboxes in RETAIN_ACKED_MS. */
const REDELIVERY_RATE: RateLimit = { burst: 1_024, perSecond: 1_024_000 / RETAIN_ACKED_MS };
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
  connectionCount: number;
  readonly joins: TokenBucket;
  readonly probes: TokenBucket;
  readonly redeliveries: TokenBucket;
}

/** Counts connections in all and by address: an IPv4 address, or the /64 of an IPv6 address. */
export class ConnectionLimiter {
  readonly #config: LimiterConfig;
  readonly #joinRate: RateLimit;
  /** Least recently used first. */
  readonly #usageByPrefix = new Map<string, AddressUsage>();
  readonly #pendingByPrefix = new Map<string, number>();
  #connectionCount = 0;
  #pendingCount = 0;

  constructor(config: LimiterConfig) {
    this.#config = config;
    // Twice as many as may be connected: when another server fails, all its clients come at once.
    const burst = 2 * Math.max(config.maxPerAddress, MAX_PER_ADDRESS);
    this.#joinRate = { burst, perSecond: JOINS_PER_SECOND };
  }

  get connectionCount(): number {
    return this.#connectionCount;
  }

  get addressCount(): number {
    return this.#usageByPrefix.size;
  }

  /** Counts a connection until {@linkcode release}.
   * @throws {ProtocolError} `room-full` or `address-crowded` */
  acquire(ip: string, nowMs: number): void {
    if (this.#connectionCount >= this.#config.maxClients) throw new ProtocolError("room-full");
    const usage = this.#usageOf(ip, nowMs);
    if (usage.connectionCount >= this.#config.maxPerAddress && !this.#isExempt(ip)) {
      throw new ProtocolError("address-crowded");
    }
    this.#count(usage);
  }

  release(ip: string): void {
    this.#connectionCount--;
    this.#usageByPrefix.get(addressPrefix(ip))!.connectionCount--;
  }

  /** Counts a connection over the limit until {@linkcode releasePending}. Returns false if there are too many. */
  acquirePending(ip: string): boolean {
    const prefix = addressPrefix(ip);
    const count = this.#pendingByPrefix.get(prefix) ?? 0;
    const maxPerAddress = Math.max(this.#config.maxPerAddress, MAX_PENDING_PER_ADDRESS);
    if (this.#pendingCount >= MAX_PENDING_HANDSHAKES) return false;
    if (count >= maxPerAddress && !this.#isExempt(ip)) return false;
    this.#pendingCount++;
    this.#pendingByPrefix.set(prefix, count + 1);
    return true;
  }

  releasePending(ip: string): void {
    const prefix = addressPrefix(ip);
    const count = this.#pendingByPrefix.get(prefix)! - 1;
    this.#pendingCount--;
    if (count > 0) this.#pendingByPrefix.set(prefix, count);
    else this.#pendingByPrefix.delete(prefix);
  }

  /** Makes a pending connection a counted one, even over the limit: it replaces one that is about to close. */
  promote(ip: string, nowMs: number): void {
    this.releasePending(ip);
    this.#count(this.#usageOf(ip, nowMs));
  }

  /** @throws {ProtocolError} `entering-too-often` */
  takeJoin(ip: string, nowMs: number): void {
    if (!this.#usageOf(ip, nowMs).joins.take(nowMs) && !this.#isExempt(ip)) {
      throw new ProtocolError("entering-too-often");
    }
  }

  /** Whether a PROBE is answered. */
  takeProbe(ip: string, nowMs: number): boolean {
    return this.#usageOf(ip, nowMs).probes.take(nowMs) || this.#isExempt(ip);
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
    this.#connectionCount++;
    usage.connectionCount++;
  }

  #isExempt(ip: string): boolean {
    return this.#config.isLoopbackExempt && (ip.startsWith("127.") || ip === "::1");
  }

  #usageOf(ip: string, nowMs: number): AddressUsage {
    const prefix = addressPrefix(ip);
    const usage = this.#usageByPrefix.get(prefix) ?? {
      connectionCount: 0,
      joins: new TokenBucket(this.#joinRate, nowMs),
      probes: new TokenBucket(PROBE_RATE, nowMs),
      redeliveries: new TokenBucket(REDELIVERY_RATE, nowMs),
    };
    this.#usageByPrefix.delete(prefix);
    if (this.#usageByPrefix.size >= this.#config.maxAddresses) this.#evictOne();
    this.#usageByPrefix.set(prefix, usage);
    return usage;
  }

  #evictOne(): void {
    for (const [prefix, { connectionCount }] of this.#usageByPrefix) {
      if (connectionCount === 0) return void this.#usageByPrefix.delete(prefix);
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
