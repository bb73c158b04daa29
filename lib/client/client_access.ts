// How a client gets in where it is not enough to come: the flags about passwords and TLS, and what they give.

import { join } from "node:path";
import { type Address, type Backup, parseFingerprint } from "../net/address.ts";
import { dial, type DialOptions } from "../net/tcp.ts";
import { InputError } from "../errors.ts";
import { checkTlsSupport, dialTls, fingerprint } from "../net/tls.ts";
import { checkCombinations, type FlagTable, type FlagValues } from "../cli/flags.ts";
import { parsePassword } from "../text/text.ts";
import { readUserFile } from "../base/files.ts";
import type { ProcessContext } from "../cli/process.ts";
import type { Socket } from "../net/tls_socket.ts";
import { TrustStore } from "./trust_store.ts";

/** Flags about getting in. */
export const CLIENT_ACCESS_FLAGS = {
  "password-file": { value: "FILE", help: "flag.client-password" },
  tls: { help: "flag.tls" },
  "tls-fingerprint": { value: "SHA256:...", isRepeatable: true, help: "flag.tls-fingerprint" },
  ca: { value: "FILE", help: "flag.ca" },
} as const satisfies FlagTable;

/** What a client gets in with. */
export interface ClientAccess {
  readonly password?: string;
  readonly trust: TrustStore;
  /** Connects to a server, once it has shown what it must. */
  readonly dial: (server: Address, options: DialOptions) => Promise<Socket>;
}

/** Reads what the flags name, and what is known of servers; from then on the program has no more to do with files
 * than it must.
 * @throws {InputError} about flags and files */
export async function clientAccess(
  flags: FlagValues<typeof CLIENT_ACCESS_FLAGS>,
  { program, backups, isAuto }: { program: ProcessContext; backups: readonly Backup[]; isAuto: boolean },
): Promise<ClientAccess> {
  checkCombinations(flags, { conflicts: [["ca", "tls-fingerprint"]] });
  const { "password-file": passwordFile, "tls-fingerprint": fingerprints, ca } = flags;
  if (flags.tls || ca !== undefined || fingerprints.length > 0) checkTlsSupport(program.buildInfo.runtime);
  const { configFolder, terminal } = program;
  const password = passwordFile === undefined ? undefined : parsePassword(await readUserFile(passwordFile));
  const trust = await TrustStore.open({
    isTls: flags.tls,
    ca: ca === undefined ? undefined : await readCaFile(ca),
    fingerprints: fingerprints.map(parseFingerprint),
    backups,
    path: configFolder === undefined ? undefined : join(configFolder, "known_servers"),
  });
  // Only who may be asked whom to trust has something to write down.
  if (isAuto || !terminal.isTty || ca !== undefined) program.dropFilePermissions();
  return {
    password,
    trust,
    dial: (server, options) => {
      const tlsRequirement = trust.requirementFor(server);
      if (!tlsRequirement) return dial(server, options);
      checkTlsSupport(program.buildInfo.runtime); // whoever is known to speak it
      return dialTls(server, { ...options, tlsRequirement });
    },
  };
}

async function readCaFile(path: string): Promise<string> {
  const pem = await readUserFile(path);
  try {
    fingerprint(pem);
  } catch (cause) {
    const details = { path };
    throw new InputError("certificate-invalid", details, { cause });
  }
  return pem;
}
