// A backup as servers name it: `host:port`, and if its certificate is known, `host:port#SHA256:...`. Pure.

import { type Address, formatAddress, isSelf, parseServerAddress } from "./address.ts";
import { InputError } from "../errors.ts";
import { parseFingerprint } from "./fingerprint.ts";

/** A server to go to when another falls. */
export interface Backup {
  readonly server: Address;
  /** Of its certificate. Undefined if nobody said: it may be without TLS as well. */
  readonly fingerprint?: string;
}

/** A backup as a person or a server writes it.
 * @throws {InputError} `address-invalid`, `port-invalid` or `fingerprint-invalid` */
export function parseBackup(text: string): Backup {
  const [, server, fingerprint] = /^([^#]*)(?:#([^]*))?$/.exec(text)!;
  return {
    server: parseServerAddress(server!),
    ...(fingerprint !== undefined && { fingerprint: parseFingerprint(fingerprint) }),
  };
}

/** Makes sure that a backup is not the server itself; `local` are the IPs of its machine.
 * @throws {InputError} `backup-is-self` */
export function checkBackup({ server }: Backup, place: { own: Address; local: readonly string[] }): void {
  if (!isSelf(server, place)) return;
  const details = { server: formatAddress(server) };
  throw new InputError("backup-is-self", details);
}

/** A backup as it is written. */
export function formatBackup({ server, fingerprint }: Backup): string {
  return fingerprint === undefined ? formatAddress(server) : `${formatAddress(server)}#${fingerprint}`;
}

/** Backups as a server writes them, those that can be understood: a peer's mistakes are not ours to report. */
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
