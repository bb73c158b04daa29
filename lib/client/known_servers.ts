// The servers whose certificates a person trusts, as lines of a file: `host:port SHA256:...`. Pure.

import { type Address, formatAddress, parseFingerprint } from "../net/address.ts";

/** Most lines that the file may have; when one more comes, the oldest goes. */
export const MAX_KNOWN_SERVERS = 1_000;

/** The fingerprint of a server's certificate in the text of a file; undefined if the server is not in it. */
export function knownFingerprint(text: string, server: Address): string | undefined {
  const line = text.split("\n").findLast((line) => isEntryFor(line, server));
  // What cannot be read is no reason to trust anybody: no certificate has it.
  return line?.trim().split(/\s+/)[1] ?? (line && "");
}

/** The text with one more server in it, in place of what it said of this server. */
export function upsertServer(text: string, server: Address, fingerprint: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !isEntryFor(line, server));
  const line = `${serverKey(server)} ${parseFingerprint(fingerprint)}`;
  return [...lines, line].slice(-MAX_KNOWN_SERVERS).map((line) => `${line}\n`).join("");
}

/** How a server is written in the file. */
export function serverKey(server: Address): string {
  return formatAddress(server).toLowerCase();
}

function isEntryFor(line: string, server: Address): boolean {
  return line.trim().split(/\s+/)[0]?.toLowerCase() === serverKey(server);
}
