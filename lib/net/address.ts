// Server addresses as text, `host:port[#fingerprint]`: parsing, printing, comparing.

import { InputError } from "../errors.ts";

export const DEFAULT_PORT = 5_000;

/** An IPv6 host is held without brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Backup {
  readonly server: Address;
  /** Undefined if unknown; the server may still use TLS. */
  readonly fingerprint?: string;
}

/** @throws {InputError} `port-invalid` */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text.trim()) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new InputError("port-invalid", { port: text });
  return port;
}

/** Parses `10.0.0.7`, `aula.uni.es:5001`, `::1` or `[::1]:5001`.
 * @throws {InputError} `address-invalid` or `port-invalid` */
export function parseAddress(text: string): { host: string; port?: number } {
  const trimmed = text.trim();
  const bracketed = /^\[(.+)\](?::([^:/]*))?$/.exec(trimmed);
  const [, typed = "", port] = bracketed ?? /^([^:]+)(?::([^:/]*))?$/.exec(trimmed) ?? [trimmed, trimmed];
  const host = toAscii(typed);
  if (!(host.includes(":") ? isIPv6(host) : !bracketed && isHostname(host))) {
    throw new InputError("address-invalid", { address: text });
  }
  return port === undefined ? { host } : { host, port: parsePort(port) };
}

export function parseServerAddress(text: string, defaultPort = DEFAULT_PORT): Address {
  const { host, port = defaultPort } = parseAddress(text);
  return { host, port };
}

/** Puts a colon between host and port where a blank was typed: `10.0.0.7 5001`. */
export function normalizeHostPort(text: string): string {
  return text.trim().replace(/^(?!\d+\s)([^\s#]+)\s+(\d+)(?=$|#)/, (typed, host, port) => {
    if (isIPv6(host)) return `[${host}]:${port}`;
    return /^\[.*\]$|^[^:]*$/.test(host) ? `${host}:${port}` : typed;
  });
}

/** `host:port`, an IPv6 host in brackets (RFC 3986, section 3.2.2). */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Names are not resolved. */
export function isSameAddress(a: Address, b: Address): boolean {
  return a.host.toLowerCase() === b.host.toLowerCase() && a.port === b.port;
}

/** All addresses of a machine, of IPv4 or of IPv6 and IPv4. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

export function isLoopback(host: string): boolean {
  return host.startsWith("127.") || host === "::1" || host.toLowerCase() === "localhost";
}

export function isIP(host: string): boolean {
  return host.includes(":") || isNumeric(host);
}

/** Parses an IP address into the form that members have: as sockets report a peer, without a zone, and IPv4 if it is an
 * IPv4-mapped one.
 * @throws {InputError} `ip-invalid` */
export function parseIP(text: string): string {
  const trimmed = text.trim();
  if (isNumeric(trimmed) && normalizeHost(trimmed) === trimmed) return trimmed;
  if (!trimmed.includes(":") || !isIPv6(trimmed)) throw new InputError("ip-invalid", { ip: text });
  const ip = normalizeHost(`[${trimmed.split("%", 1)[0]}]`)!.slice(1, -1);
  const [, high, low] = /^::ffff:([\da-f]+):([\da-f]+)$/.exec(ip) ?? [];
  return high
    ? [high, low].flatMap((word) => [parseInt(word!, 16) >> 8, parseInt(word!, 16) & 255]).join(".")
    : ip;
}

/** Turns an IPv4-mapped address, as sockets on `::` report it, into IPv4 (RFC 4291, section 2.5.5.2). */
export function unmapIPv4(ip: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1] ?? ip;
}

/** Whether an IPv6 address needs a zone, which is another one on each machine (RFC 4007, section 6). */
export function isLinkLocal(host: string): boolean {
  return /^fe[89ab][\da-f]:|%/i.test(host);
}

/** An IPv6 address, with or without a zone (RFC 4007, section 11). `isIPv6` of node:net refuses zones such as
 * `eth_0`. */
function isIPv6(host: string): boolean {
  const [address, zone = "0"] = host.split("%", 2);
  return /^[\w.-]+$/.test(zone) && URL.canParse(`http://[${address}]`);
}

function isNumeric(host: string): boolean {
  return /^[\d.]+$/.test(host);
}

/** The form in which an international name is looked up (RFC 5891): `Deno.connect()` and `Deno.listen()` take no other. */
export function toAscii(host: string): string {
  return /^[\w.-]*\P{ASCII}(?:[\w.-]|\P{ASCII})*$/u.test(host) ? normalizeHost(host) ?? host : host;
}

/** A name or an IPv4 address. An IPv4 address must be four decimal numbers (a URL also takes `127.1` and `0x7f.1`), no
 * name begins with a hyphen (RFC 1123, section 2.1), and no label is empty: `Deno.connect()` would not look for it. */
function isHostname(host: string): boolean {
  if (!/^(?![-.])(?!.*\.\.)[a-z0-9._-]{1,253}$/i.test(host)) return false;
  const normalized = normalizeHost(host);
  if (normalized === undefined) return false;
  return isNumeric(normalized) ? isNumeric(host) && host.split(".").length === 4 : true;
}

/** The host of a URL (WHATWG URL, section 3.5), which has one form for each address. */
function normalizeHost(host: string): string | undefined {
  return URL.parse(`http://${host}`)?.hostname;
}

type SelfAddresses = { readonly listening: Address; readonly localIPs: readonly string[] };

/** Whether an address leads to the server itself. */
export function isSelf(server: Address, { listening, localIPs }: SelfAddresses): boolean {
  if (server.port !== listening.port) return false;
  const host = /^::ffff:/i.test(server.host) ? parseIP(server.host) : server.host;
  if (host === listening.host) return true;
  if (isWildcard(listening.host)) return isLoopback(host) || localIPs.includes(host);
  return host.toLowerCase() === "localhost" && /^(127\.|::1$)/.test(listening.host);
}

/** Parses the text of {@linkcode formatBackup}, whose port may be left out.
 * @throws {InputError} `address-invalid`, `port-invalid` or `fingerprint-invalid` */
export function parseBackup(text: string, defaultPort = DEFAULT_PORT): Backup {
  const [, server, fingerprint] = /^([^#]*)(?:#([^]*))?$/.exec(text)!;
  return {
    server: parseServerAddress(server!, defaultPort),
    ...(fingerprint !== undefined && { fingerprint: parseFingerprint(fingerprint) }),
  };
}

/** For the address of a server that clients are told.
 * @throws {InputError} `address-link-local` */
export function checkShareable(backup: Backup): Backup {
  const { server } = backup;
  if (!isLinkLocal(server.host)) return backup;
  throw new InputError("address-link-local", { server: formatAddress(server) });
}

/** @throws {InputError} `backup-is-self` */
export function checkBackup({ server }: Backup, self: SelfAddresses): void {
  if (isSelf(server, self)) throw new InputError("backup-is-self", { server: formatAddress(server) });
}

/** `host:port[#fingerprint]`. */
export function formatBackup({ server, fingerprint }: Backup): string {
  return fingerprint === undefined ? formatAddress(server) : `${formatAddress(server)}#${fingerprint}`;
}

/** As much of a fingerprint as people compare by eye. */
export function shortFingerprint(fingerprint: string): string {
  return `${fingerprint.slice(0, "SHA256:".length + 8)}…`;
}

/** Leaves out the invalid ones of a peer's list. */
export function readBackups(texts: readonly string[]): Backup[] {
  return texts.flatMap((text) => {
    try {
      return [parseBackup(text)];
    } catch (error) {
      if (error instanceof InputError) return [];
      throw error;
    }
  });
}

/** 32 bytes in base64 without padding, as SSH writes those of keys: the last character holds four bits. The full stop of
 * a sentence may have been copied with it.
 * @throws {InputError} `fingerprint-invalid` */
export function parseFingerprint(text: string): string {
  const fingerprint = text.trim().replace(/\.$/, "");
  if (/^SHA256:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]$/.test(fingerprint)) return fingerprint;
  throw new InputError("fingerprint-invalid", { fingerprint: text });
}
