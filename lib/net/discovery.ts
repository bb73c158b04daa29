// Multicast DNS (RFC 6762): announces a server on the local network, and looks for others. Loaded only where it is
// needed. Without multicast, or the port, nothing is announced and nothing found.

import { TokenBucket } from "../base/limits.ts";
import { delay, withTimeout } from "../base/time.ts";
import makeMulticastDns from "multicast-dns";
import {
  type Announcement,
  type Discovery,
  type DnsPacket,
  type DnsRecord,
  type FoundService,
  isAskedFor,
  recordsOf,
  SERVICE_TYPE,
  servicesIn,
} from "./dns_sd.ts";
import { formatAddress } from "./address.ts";

/** A socket of the package, which has no types. */
interface MulticastSocket {
  on(event: "error", listener: (error: Error) => void): void;
  on(event: "query" | "response", listener: (packet: DnsPacket, from: { address: string }) => void): void;
  on(event: "packet", listener: () => void): void;
  query(packet: { questions: { type: string; name: string }[] }): void;
  respond(packet: { answers: readonly DnsRecord[] }, done?: () => void): void;
  destroy(): void;
}

/** Packets of a network that a program reads. With more, it stops until {@linkcode REFRESH_MS} have passed: each takes
 * its time, and any machine can send them. */
const PACKET_RATE = { burst: 500, perSecond: 100 };
/** An answer waits for so long, in ms, and at random for `ANSWER_SPREAD_MS` more, so that it is one for all who ask
 * meanwhile, and servers do not answer all at once (RFC 6762, section 6). */
const ANSWER_DELAY_MS = 20;
const ANSWER_SPREAD_MS = 80;
/** Between the first two announcements, and the first two queries, in ms. */
const REPEAT_MS = 1_000;
/** How often a server looks for other addresses of its machine, in ms. */
const REFRESH_MS = 60_000;
const MAX_QUERY_INTERVAL_MS = 60_000;
/** How long a goodbye may take, in ms. */
const GOODBYE_MS = 100;
/** Most servers that are found. */
const MAX_FOUND = 32;
/** Most interfaces that are used. */
const MAX_INTERFACES = 8;

const now = () => performance.now();

/** IPv4 addresses of this machine that others may reach, one for each network. */
function interfacesOf(localIPs: readonly string[]): string[] {
  return localIPs.filter((ip) => !ip.includes(":") && !ip.startsWith("127.")).slice(0, MAX_INTERFACES);
}

/** A socket for one interface: one for all would send on one alone. */
function openSocket(ip: string, onFlooded: () => void): MulticastSocket {
  const socket: MulticastSocket = makeMulticastDns({ interface: ip, bind: "0.0.0.0" });
  const packets = new TokenBucket(PACKET_RATE, now());
  socket.on("error", () => {}); // there is nothing to be found
  socket.on("packet", () => packets.take(now()) || onFlooded());
  return socket;
}

class Announcer {
  readonly #announcement: Announcement;
  readonly #addresses: Parameters<Discovery["announce"]>[1];
  readonly #id: string;
  readonly #sockets = new Map<MulticastSocket, readonly DnsRecord[]>();
  readonly #ended = new AbortController();
  /** The addresses that are announced. */
  #announced = "";
  #isAnswering = false;

  constructor(announcement: Announcement, addresses: Parameters<Discovery["announce"]>[1]) {
    this.#announcement = announcement;
    this.#addresses = addresses;
    this.#id = addresses.hosts()[0] ?? "";
    void this.#run(this.#ended.signal);
  }

  async end(): Promise<void> {
    this.#ended.abort();
    await withTimeout(GOODBYE_MS, this.#send({ isGoodbye: true }));
    this.#close();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#refresh()) {
        void this.#send();
        await delay(REPEAT_MS, signal);
        if (!signal.aborted) void this.#send();
      }
      await delay(REFRESH_MS, signal);
    }
  }

  /** Returns whether there is something new to announce. */
  #refresh(): boolean {
    const hosts = this.#addresses.hosts();
    const ips = interfacesOf(this.#addresses.localIPs());
    const announced = [...hosts, "", ...ips].join(" ");
    if (announced === this.#announced) return false;
    this.#close();
    this.#announced = announced;
    for (const ip of ips) {
      const reached = hosts.filter((host) => host === ip || host.includes(":"));
      if (reached.length > 0) this.#open(ip, reached);
    }
    return true;
  }

  #open(ip: string, ips: readonly string[]): void {
    const records = recordsOf(this.#announcement, { id: this.#id, ips });
    const socket = openSocket(ip, () => this.#close());
    socket.on("query", (query) => isAskedFor(records, query) && void this.#answer());
    this.#sockets.set(socket, records);
  }

  async #answer(): Promise<void> {
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    await delay(ANSWER_DELAY_MS + ANSWER_SPREAD_MS * Math.random(), this.#ended.signal);
    this.#isAnswering = false;
    if (!this.#ended.signal.aborted) await this.#send();
  }

  async #send({ isGoodbye = false } = {}): Promise<void> {
    await Promise.all(Array.from(this.#sockets, ([socket, records]) => {
      const answers = isGoodbye ? goodbyeOf(records) : records;
      return new Promise<void>((resolve) => socket.respond({ answers }, resolve));
    }));
  }

  /** Until the next refresh. */
  #close(): void {
    for (const socket of this.#sockets.keys()) socket.destroy();
    this.#sockets.clear();
    this.#announced = "";
  }
}

/** The type of service stays: other servers may have it. */
function goodbyeOf(records: readonly DnsRecord[]): DnsRecord[] {
  return records.filter(({ data }) => data !== SERVICE_TYPE).map((record) => ({ ...record, ttl: 0 }));
}

async function browse(
  localIPs: readonly string[],
  onFound: (service: FoundService) => void,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  const found = new Set<string>();
  const onResponse = (packet: DnsPacket, { address }: { address: string }) => {
    for (const service of servicesIn(packet, address)) {
      const key = formatAddress(service.server);
      if (signal.aborted || found.has(key) || found.size >= MAX_FOUND) continue;
      found.add(key);
      onFound(service);
    }
  };
  const flooded = new AbortController();
  const over = AbortSignal.any([signal, flooded.signal]);
  const sockets = interfacesOf(localIPs).map((ip) => openSocket(ip, () => flooded.abort()));
  for (const socket of sockets) socket.on("response", onResponse);
  for (let waitMs = REPEAT_MS; !over.aborted; waitMs = Math.min(2 * waitMs, MAX_QUERY_INTERVAL_MS)) {
    for (const socket of sockets) socket.query({ questions: [{ type: "PTR", name: SERVICE_TYPE }] });
    await delay(waitMs, over);
  }
  for (const socket of sockets) socket.destroy();
}

export const discovery: Discovery = {
  announce: (announcement, addresses) => new Announcer(announcement, addresses),
  browse: (localIPs, onFound, options) => void browse(localIPs, onFound, options),
};
