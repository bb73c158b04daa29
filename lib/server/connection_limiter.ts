// Limits on connections and joins, and the banned addresses. Pure: monotonic times in ms are parameters.

import { LruMap, type RateLimit, TokenBucket } from "../base/limits.ts";
import { ProtocolError, type WireCode } from "../errors.ts";
import { RETAIN_ACKED_MS } from "../protocol/frames.ts";

export const MAX_CLIENTS = 1_024;
export const MAX_PER_ADDRESS = 16;
/** From one address, after its burst. */
export const JOINS_PER_SECOND = 0.5;
/** PROBEs from one address. */
const PROBE_RATE: RateLimit = { burst: 20, perSecond: 2 };
/** Redelivered messages from one address that count toward no client's rate: four full outboxes in RETAIN_ACKED_MS. */
const REDELIVERY_RATE: RateLimit = { burst: 1_024, perSecond: 1_024_000 / RETAIN_ACKED_MS };
/** Connections that have not joined; as many as there are free places, if these are more. */
export const MAX_PENDING_HANDSHAKES = 256;
/** From one address; more if its limit is higher. */
export const MAX_PENDING_PER_ADDRESS = 64;
/** What the /64 of a network that this machine is in may have in all, in shares of one address. */
export const NETWORK_SHARE = 4;
/** How long the addresses of this machine are believed, in ms: a laptop changes its network. */
const LOCAL_ADDRESSES_MS = 10_000;

export interface LimiterConfig {
  readonly maxClients: number;
  readonly maxPerAddress: number;
  readonly maxAddresses: number;
  readonly maxBans: number;
  /** Whether the limits of one address do not apply to the server's machine. */
  readonly isLocalExempt: boolean;
}

/** What one address has, or one network. */
interface Usage {
  joinedCount: number;
  pendingCount: number;
  readonly maxJoined: number;
  readonly maxPending: number;
  readonly joins: TokenBucket;
  readonly probes: TokenBucket;
  readonly redeliveries: TokenBucket;
}

/** A connection that may have to make room for another one. */
interface Evictable {
  close(): void;
}

/** A connection as the limiter counts it. */
export interface Slot {
  /** Of its address, and of its network if that has a limit of its own. */
  readonly usages: readonly Usage[];
  readonly isExempt: boolean;
  readonly connection: Evictable;
  state: "pending" | "joined" | "released";
}

/** Counts connections in all and by address. An address is an IPv4 address, or the /64 of an IPv6 address. In a network
 * that this machine is in, every IPv6 address counts alone: all of a LAN is one /64. */
export class ConnectionLimiter {
  readonly #config: LimiterConfig;
  readonly #localIPs: () => readonly string[];
  #local = { ips: new Set<string>(), prefixes: new Set<string>(), readAtMs: -Infinity };
  readonly #joinRate: RateLimit;
  /** Least recently used first. */
  readonly #usageByKey = new Map<string, Usage>();
  /** Oldest first. */
  readonly #pending = new Set<Slot>();
  #joinedCount = 0;

  /** `localIPs` are the addresses of this machine's interfaces. */
  constructor(config: LimiterConfig, localIPs: () => readonly string[] = () => []) {
    this.#config = config;
    this.#localIPs = localIPs;
    // Twice as many as may be connected: when another server fails, all its clients come at once.
    const burst = 2 * Math.max(config.maxPerAddress, MAX_PER_ADDRESS);
    this.#joinRate = { burst, perSecond: JOINS_PER_SECOND };
  }

  get joinedCount(): number {
    return this.#joinedCount;
  }

  get addressCount(): number {
    return this.#usageByKey.size;
  }

  /** Counts a connection as a pending handshake until {@linkcode join} or {@linkcode release}. If there are too many, the
   * oldest is evicted: an honest client says HELLO at once. */
  open(ip: string, nowMs: number, connection: Evictable): Slot {
    const isExempt = this.#isExempt(ip, nowMs);
    const slot: Slot = {
      usages: this.#usagesOf(ip, nowMs, isExempt),
      isExempt,
      connection,
      state: "pending",
    };
    const full = slot.usages.find(({ pendingCount, maxPending }) => pendingCount >= maxPending);
    const maxPending = Math.max(MAX_PENDING_HANDSHAKES, this.#config.maxClients - this.#joinedCount);
    if (full && !isExempt) this.#evictOldest(({ usages }) => usages.includes(full));
    else if (this.#pending.size >= maxPending) this.#evictOldest(() => true);
    this.#pending.add(slot);
    for (const usage of slot.usages) usage.pendingCount++;
    return slot;
  }

  /** Why a connection may not join; undefined if it may. */
  joinRefusal({ usages, isExempt }: Slot): WireCode | undefined {
    if (this.#joinedCount >= this.#config.maxClients) return "room-full";
    const isAddressFull = usages.some(({ joinedCount, maxJoined }) => joinedCount >= maxJoined);
    return isAddressFull && !isExempt ? "address-crowded" : undefined;
  }

  /** Counts a pending handshake as a join, also over the limit: it may replace another connection. */
  join(slot: Slot): void {
    if (slot.state !== "pending") return;
    this.release(slot);
    slot.state = "joined";
    this.#joinedCount++;
    for (const usage of slot.usages) usage.joinedCount++;
  }

  release(slot: Slot): void {
    if (slot.state === "pending") {
      this.#pending.delete(slot);
      for (const usage of slot.usages) usage.pendingCount--;
    } else if (slot.state === "joined") {
      this.#joinedCount--;
      for (const usage of slot.usages) usage.joinedCount--;
    }
    slot.state = "released";
  }

  /** @throws {ProtocolError} `entering-too-often` */
  takeJoin({ usages, isExempt }: Slot, nowMs: number): void {
    if (!takeAll(usages.map(({ joins }) => joins), nowMs) && !isExempt) {
      throw new ProtocolError("entering-too-often");
    }
  }

  /** Whether a PROBE is answered. */
  takeProbe({ usages, isExempt }: Slot, nowMs: number): boolean {
    return takeAll(usages.map(({ probes }) => probes), nowMs) || isExempt;
  }

  /** For a join that failed through no fault of the client. */
  refundJoin({ usages }: Slot): void {
    for (const { joins } of usages) joins.refund();
  }

  /** Whether a redelivered message is exempt from the rate limit of its client. */
  takeRedelivery({ usages }: Slot, nowMs: number): boolean {
    return takeAll(usages.map(({ redeliveries }) => redeliveries), nowMs);
  }

  #evictOldest(isEvictable: (slot: Slot) => boolean): void {
    const oldest = this.#pending.values().find(isEvictable);
    if (!oldest) return;
    this.release(oldest);
    oldest.connection.close();
  }

  #isExempt(ip: string, nowMs: number): boolean {
    if (!this.#config.isLocalExempt) return false;
    return ip.startsWith("127.") || ip === "::1" || this.#readLocal(nowMs).ips.has(withoutZone(ip));
  }

  #readLocal(nowMs: number) {
    if (nowMs - this.#local.readAtMs >= LOCAL_ADDRESSES_MS) {
      const ips = this.#localIPs().map(withoutZone);
      const prefixes = ips.filter((ip) => ip.includes(":") && ip !== "::1").map(addressPrefix);
      this.#local = { ips: new Set(ips), prefixes: new Set(prefixes), readAtMs: nowMs };
    }
    return this.#local;
  }

  #usagesOf(ip: string, nowMs: number, isExempt: boolean): Usage[] {
    const prefix = addressPrefix(ip);
    if (isExempt) return [this.#usageOf(ip, nowMs)];
    if (prefix === ip || !this.#readLocal(nowMs).prefixes.has(prefix)) return [this.#usageOf(prefix, nowMs)];
    return [
      this.#usageOf(`network ${prefix}`, nowMs, NETWORK_SHARE),
      this.#usageOf(withoutZone(ip), nowMs),
    ];
  }

  #usageOf(key: string, nowMs: number, share = 1): Usage {
    const { maxPerAddress } = this.#config;
    const bucket = ({ burst, perSecond }: RateLimit) =>
      new TokenBucket({ burst: share * burst, perSecond: share * perSecond }, nowMs);
    const usage = this.#usageByKey.get(key) ?? {
      joinedCount: 0,
      pendingCount: 0,
      maxJoined: share * maxPerAddress,
      maxPending: share * Math.max(maxPerAddress, MAX_PENDING_PER_ADDRESS),
      joins: bucket(this.#joinRate),
      probes: bucket(PROBE_RATE),
      redeliveries: bucket(REDELIVERY_RATE),
    };
    this.#usageByKey.delete(key);
    if (this.#usageByKey.size >= this.#config.maxAddresses) this.#evictUnused();
    this.#usageByKey.set(key, usage);
    return usage;
  }

  #evictUnused(): void {
    for (const [key, { joinedCount, pendingCount }] of this.#usageByKey) {
      if (joinedCount + pendingCount === 0) return void this.#usageByKey.delete(key);
    }
  }
}

/** Takes a token from each of the buckets, or from none. */
function takeAll(buckets: readonly TokenBucket[], nowMs: number): boolean {
  return buckets.every((bucket) => bucket.waitMs(nowMs) === 0) &&
    buckets.every((bucket) => bucket.take(nowMs));
}

function withoutZone(ip: string): string {
  return ip.split("%", 1)[0]!;
}

/** What counts as one address: an IPv4 address, or the /64 of an IPv6 address, which one customer has (RFC 6177). */
export function addressPrefix(ip: string): string {
  if (!ip.includes(":")) return ip;
  const [before = [], after = []] = withoutZone(ip).split("::", 2).map((part) =>
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

  /** Returns whether the address was banned. */
  remove(address: string, nowMs: number): boolean {
    return this.has(address, nowMs) && this.#expiresAtMs.delete(address);
  }

  has(address: string, nowMs: number): boolean {
    return nowMs < (this.#expiresAtMs.get(address) ?? -Infinity);
  }
}
