// `host:port`, `[v6]:port`, names: parsing and printing. Knows nothing of sockets.

import { InputError } from "../errors.ts";

/** Port that servers listen on and clients try when nobody says otherwise. */
export const DEFAULT_PORT = 5_000;

/** Where a server can be reached. An IPv6 host is held without brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A TCP port, 1 to 65535.
 * @throws {InputError} `port-invalid` */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text.trim()) ? Number(text) : 0;
  if (port < 1 || port > 65_535) {
    throw new InputError("port-invalid", { port: text });
  }
  return port;
}

/** A host or `host:port` as people write them: `10.0.0.7`, `aula.uni.es:5001`, `::1`, `[::1]:5001`.
 * @throws {InputError} `address-invalid` or `port-invalid` */
export function parseAddress(text: string): { host: string; port?: number } {
  const trimmed = text.trim();
  const bracketed = /^\[(.+)\](?::([^:/]*))?$/.exec(trimmed);
  const [, host = "", port] = bracketed ?? /^([^:]+)(?::([^:/]*))?$/.exec(trimmed) ?? [trimmed, trimmed];
  if (!(host.includes(":") ? isIPv6(host) : !bracketed && isHostname(host))) {
    throw new InputError("address-invalid", { address: text });
  }
  return port === undefined ? { host } : { host, port: parsePort(port) };
}

/** What somebody typed, with a colon where they put a blank before the port: `10.0.0.7 5001`. */
export function normalizeHostPort(text: string): string {
  return text.trim().replace(/^(?!\d+\s)([^\s#]+)\s+(\d+)(?=$|#)/, (typed, host, port) => {
    if (isIPv6(host)) return `[${host}]:${port}`;
    return /^\[.*\]$|^[^:]*$/.test(host) ? `${host}:${port}` : typed;
  });
}

/** A port, or a whole address from somebody who sees at the question for the port that the host is wrong.
 * @throws {InputError} `address-invalid` or `port-invalid` */
export function parsePortOrAddress(text: string): { host?: string; port?: number } {
  const typed = normalizeHostPort(text);
  return /[.:]/.test(typed) ? parseAddress(typed) : { port: parsePort(text) };
}

/** An IPv6 address, with a zone or without (RFC 4007, section 11). */
function isIPv6(host: string): boolean {
  const [address, zone = "0"] = host.split("%", 2);
  return /^[\w.-]+$/.test(zone) && URL.canParse(`http://[${address}]`);
}

/** Whether a host is an IP address, not a name. */
export function isIP(host: string): boolean {
  return host.includes(":") || isNumeric(host);
}

function isNumeric(host: string): boolean {
  return /^[\d.]+$/.test(host);
}

/** An IPv4 address or a name; what is all digits and dots must be the former, in full. None begins with a
 * hyphen (RFC 1123, section 2.1). */
function isHostname(host: string): boolean {
  if (isNumeric(host) && host.split(".").length !== 4) return false;
  return /^(?!-)[\p{L}\p{N}._-]{1,253}$/u.test(host) && URL.canParse(`http://${host}`);
}

/** An IP address, in the form in which sockets give it.
 * @throws {InputError} `ip-invalid` */
export function parseIP(text: string): string {
  const trimmed = unmapIPv4(text.trim());
  const [address = "", ...zone] = trimmed.split("%");
  if (isNumeric(address) && zone.length === 0 && normalizeHost(address) === address) return address;
  if (address.includes(":") && isIPv6(trimmed)) {
    return [normalizeHost(`[${address}]`)!.slice(1, -1), ...zone].join("%");
  }
  throw new InputError("ip-invalid", { ip: text });
}

/** The host of a URL (WHATWG URL, section 3.5), which has one form for each address. */
function normalizeHost(host: string): string | undefined {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : undefined;
}

/** The same with a port for certain. */
export function parseServerAddress(text: string, defaultPort = DEFAULT_PORT): Address {
  const { host, port = defaultPort } = parseAddress(text);
  return { host, port };
}

/** `host:port`, an IPv6 host in brackets (RFC 3986, section 3.2.2). */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether two addresses are written the same way. */
export function isSameAddress(a: Address, b: Address): boolean {
  return a.host.toLowerCase() === b.host.toLowerCase() && a.port === b.port;
}

/** Whether a server that listens at `own` can be reached at this address; `local` are the IPs of its machine. */
export function isSelf(
  { host, port }: Address,
  { own, local }: { own: Address; local: readonly string[] },
): boolean {
  if (port !== own.port) return false;
  if (host === own.host) return true;
  const isLoopback = host.toLowerCase() === "localhost" || host.startsWith("127.");
  if (["0.0.0.0", "::"].includes(own.host)) return isLoopback || local.includes(host);
  return host.toLowerCase() === "localhost" && /^(127\.|::1$)/.test(own.host);
}

/** An IPv4 peer of a socket that listens on `::` as the IPv4 address that it is (RFC 4291, section 2.5.5.2). */
export function unmapIPv4(ip: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1] ?? ip;
}
