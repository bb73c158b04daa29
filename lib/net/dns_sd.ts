// What DNS-SD (RFC 6763) tells of a server: as records of DNS, and back.

import type { Address } from "./address.ts";

/** What a server announces. */
export interface Announcement {
  /** Of the room, for people. */
  readonly name: string;
  readonly port: number;
  /** Of the protocol. */
  readonly version: number;
  /** Of the certificate; undefined without TLS. */
  readonly fingerprint?: string;
  readonly hasPassword: boolean;
}

/** A server that was found. Any machine on the network can have sent this. */
export interface FoundService {
  /** As it came: not safe for a terminal. */
  readonly name: string;
  readonly server: Address;
  /** Undefined if the service does not tell. */
  readonly version: number | undefined;
  readonly isTls: boolean;
  readonly hasPassword: boolean;
}

/** Multicast DNS. Tests make their own. */
export interface Discovery {
  /** Announces a server until `end()`, which says goodbye. `hosts` are the IPs at which others reach it at the moment, and
   * `localIPs` those of this machine. */
  announce(
    announcement: Announcement,
    addresses: { readonly hosts: () => readonly string[]; readonly localIPs: () => readonly string[] },
  ): { end(): Promise<void> };
  /** Looks for servers until the signal is aborted, and tells each once. */
  browse(
    localIPs: readonly string[],
    onFound: (service: FoundService) => void,
    options: { signal: AbortSignal },
  ): void;
}

export interface DnsRecord {
  readonly type: string;
  readonly name: string;
  /** In seconds; 0 says goodbye. */
  readonly ttl?: number;
  /** No other machine has a record of this name and type. */
  readonly flush?: boolean;
  readonly data?: unknown;
}

/** The parts of a packet that matter here. */
export interface DnsPacket {
  readonly questions: readonly Pick<DnsRecord, "type" | "name">[];
  readonly answers: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

/** The services of chat servers. */
export const SERVICE_TYPE = "_chat._tcp.local";
/** The types of all services on a network (RFC 6763, section 9). */
const ALL_TYPES = "_services._dns-sd._udp.local";
/** A server that was killed says no goodbye: it is forgotten after this, in seconds. */
const TTL_SECONDS = 120;
/** Longest label of DNS, in bytes. */
const MAX_LABEL_BYTES = 63;
/** Most services of one packet that are read. */
const MAX_SERVICES = 32;

/** The records of a server. Its names hold `id`, an address of it, so that no other server has them and none need be
 * asked whether it has (RFC 6762, section 8). `ips` are those of the interface that they are sent on. */
export function recordsOf(
  { name, port, version, fingerprint, hasPassword }: Announcement,
  { id, ips }: { id: string; ips: readonly string[] },
): DnsRecord[] {
  const suffix = `${id.replaceAll(/[^\da-f]+/gi, "-")}-${port}`;
  const instance = `${instanceLabel(name, ` (${suffix})`)}.${SERVICE_TYPE}`;
  const target = `chat-${suffix}.local`;
  const txt = [
    `v=${version}`,
    `room=${name}`,
    ...(fingerprint === undefined ? [] : [`tls=${fingerprint}`]),
    ...(hasPassword ? ["password=1"] : []),
  ];
  const own = { ttl: TTL_SECONDS, flush: true };
  return [
    { type: "PTR", name: SERVICE_TYPE, ttl: TTL_SECONDS, data: instance },
    { type: "PTR", name: ALL_TYPES, ttl: TTL_SECONDS, data: SERVICE_TYPE },
    { type: "SRV", name: instance, ...own, data: { port, target } },
    { type: "TXT", name: instance, ...own, data: txt },
    ...ips.map((ip) => ({ type: ip.includes(":") ? "AAAA" : "A", name: target, ...own, data: ip })),
  ];
}

/** A label without dots, which the codec takes for the end of a label, short enough with its suffix. */
function instanceLabel(name: string, suffix: string): string {
  const chars = [...name.replaceAll(".", " ")];
  const bytesOf = (text: string) => new TextEncoder().encode(text).length;
  while (bytesOf(chars.join("") + suffix) > MAX_LABEL_BYTES) chars.pop();
  return chars.join("") + suffix;
}

/** Whether a query asks for one of the records, and does not have the service already (RFC 6762, section 7.1). */
export function isAskedFor(records: readonly DnsRecord[], { questions, answers }: DnsPacket): boolean {
  const isKnown = answers.some(({ type, data, ttl = 0 }) =>
    type === "PTR" && data === records[0]!.data && ttl >= TTL_SECONDS / 2
  );
  return questions.some(({ type, name }) =>
    records.some((record) => isSameName(record.name, name) && (type === record.type || type === "ANY")) &&
    !(isKnown && isSameName(name, SERVICE_TYPE))
  );
}

/** The chat servers that a response tells of with all that it takes to reach them. `sender` is the IP that sent it. */
export function servicesIn({ answers, additionals }: DnsPacket, sender: string): FoundService[] {
  const records = [...answers, ...additionals].filter(({ ttl = 0 }) => ttl > 0);
  const dataOf = (types: readonly string[], name: string) =>
    records.filter((record) => types.includes(record.type) && isSameName(record.name, name))
      .map(({ data }) => data);
  return dataOf(["PTR"], SERVICE_TYPE).slice(0, MAX_SERVICES).flatMap((instance) => {
    if (typeof instance !== "string") return [];
    const [srv] = dataOf(["SRV"], instance) as { port: number; target: string }[];
    if (!srv || srv.port === 0) return [];
    const ips = (dataOf(["A", "AAAA"], srv.target) as string[]).filter(isReachable);
    // Of several addresses, the one that is on this network.
    const host = ips.includes(sender) ? sender : ips[0];
    if (host === undefined) return [];
    const txt = parseTxt(dataOf(["TXT"], instance)[0]);
    const version = txt.get("v");
    return [{
      name: txt.get("room") ?? instance.slice(0, -`.${SERVICE_TYPE}`.length),
      server: { host, port: srv.port },
      version: version === undefined ? undefined : Number(version),
      isTls: txt.has("tls"),
      hasPassword: txt.has("password"),
    }];
  });
}

/** Not this machine, no group, and no address that would need a zone. */
function isReachable(ip: string): boolean {
  return !/^(?:0|127|22[4-9]|2[345]\d)\.|^::|^f[ef]/i.test(ip);
}

/** Keys in lower case; the first of several counts (RFC 6763, section 6.4). */
function parseTxt(data: unknown): Map<string, string> {
  const values = new Map<string, string>();
  for (const bytes of [data ?? []].flat()) {
    if (!(bytes instanceof Uint8Array)) continue;
    const [, key, value = ""] = /^([^=]+)(?:=([^]*))?$/.exec(new TextDecoder().decode(bytes)) ?? [];
    const name = key?.toLowerCase();
    if (name !== undefined && !values.has(name)) values.set(name, value);
  }
  return values;
}

function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
