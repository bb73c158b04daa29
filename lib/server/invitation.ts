// How to join a server: the commands that its console shows, and the answer to a web browser.

import { clientCommand } from "../cli/process.ts";
import { LANGUAGES, type Message, type Translate, translator } from "../i18n/translate.ts";
import {
  type Address,
  formatAddress,
  isLinkLocal,
  isLoopback,
  isWildcard,
  unmapIPv4,
} from "../net/address.ts";

function joinCommand({ host, port }: Address, isTls: boolean): string {
  return `${clientCommand()} --host ${host} --port ${port}${isTls ? " --tls" : ""}`;
}

/** A line with a command for each address at which others reach a server; for this machine alone if there is none. */
export function joinMessages(
  { listening: { host, port }, localIPs, isTls }: {
    listening: Address;
    localIPs: readonly string[];
    isTls: boolean;
  },
  t: Translate,
): Message[] {
  const reachable = reachableHosts({ host, port }, localIPs);
  if (reachable.length === 0) {
    const command = joinCommand({ host: isWildcard(host) ? "127.0.0.1" : host, port }, isTls);
    return [t.message("server.join-here", { command })];
  }
  return reachable.map((host) => {
    // Each machine has a name of its own for its interface to a link-local address.
    const named = isLinkLocal(host) ? `${host.split("%", 1)[0]}%${t("server.zone")}` : host;
    const message = t.message("server.join", { command: joinCommand({ host: named, port }, isTls) });
    return named.includes("%") ? { ...message, text: `${message.text} ${t("join.zone")}` } : message;
  });
}

/** The addresses at which other machines reach a server. */
export function reachableHosts({ host }: Address, localIPs: readonly string[]): string[] {
  const candidates = isWildcard(host) ? localIPs.filter((ip) => host === "::" || !ip.includes(":")) : [host];
  // A link-local address has a zone, which is another one on each machine (RFC 4007, section 6).
  return candidates.filter((ip) => !isLoopback(ip) && !(isWildcard(host) && ip.includes("%")));
}

/** The first four bytes of the requests of HTTP (RFC 9110, section 9). */
const HTTP_METHODS = ["GET ", "HEAD", "POST", "PUT ", "DELE", "CONN", "OPTI", "TRAC", "PATC"];
const HTTP_STARTS: ReadonlySet<number> = new Set(
  HTTP_METHODS.map((method) => new DataView(new TextEncoder().encode(method).buffer).getUint32(0)),
);

/** The first four bytes of a request of HTTP whose answer has no body. */
const HEAD_START = new DataView(new TextEncoder().encode("HEAD").buffer).getUint32(0);

/** Whether a stream begins like a request of HTTP; `start` is its first u32. */
export function isHttp(start: number): boolean {
  return HTTP_STARTS.has(start);
}

/** The answer to any request of HTTP: text, in every language. `start` is the first u32 of the request, `local` the
 * address that the client reached. */
export function httpAnswer(
  start: number,
  { hostname, port }: Deno.NetAddr,
  isTls: boolean,
): Uint8Array<ArrayBuffer> {
  const address = { host: unmapIPv4(hostname), port };
  const values = { command: joinCommand(address, isTls), server: formatAddress(address) };
  const body = LANGUAGES.map((language) => `${translator(language)("http.answer", values)}\n`).join("\n");
  const bytes = new TextEncoder().encode(body);
  const head = [
    "HTTP/1.1 400 Bad Request",
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${bytes.length}`,
    "Connection: close",
  ];
  return new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n${start === HEAD_START ? "" : body}`);
}
