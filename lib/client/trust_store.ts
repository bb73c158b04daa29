// Which certificate each server must show: fingerprints pinned by the user or by trusted servers, trust on first use.

import { clientCommand } from "../cli/process.ts";
import { type Address, type Backup, formatAddress, parseFingerprint } from "../net/address.ts";
import { ConnectError } from "../errors.ts";
import { readStateFile, writeStateFile } from "../base/files.ts";
import type { TlsRequirement } from "../net/tls.ts";

export const MAX_KNOWN_SERVERS = 1_000;
const MAX_PEER_PINS = 64;

export interface TrustConfig {
  readonly isTls: boolean;
  /** Certificate authorities in PEM. With them, only what they have signed is trusted. */
  readonly ca: string | undefined;
  /** Trusted on any server. */
  readonly fingerprints: readonly string[];
  /** Path of known_servers. Undefined: pins are forgotten when the program ends. */
  readonly knownServersPath: string | undefined;
  /** Those with a fingerprint must show it. */
  readonly backups: readonly Backup[];
}

/** Only the user, and servers that were trusted before, add to it. */
export class TrustStore {
  readonly #config: TrustConfig;
  /** Once true, stays true: the client never downgrades to plain text, unless the user says so before a certificate
   * was proven: see {@linkcode canForget}. */
  #isTls: boolean;
  /** Flags demand TLS, or a certificate was shown and matched. */
  #isTlsProven: boolean;
  /** Some server was allowed plain text. From then on an expected fingerprint does not set `#isTls`: only a
   * certificate that was shown and matched does. */
  #hasUsedPlaintext = false;
  #knownServers: string;
  /** Fingerprints by server, as flags and trusted servers announced them. */
  readonly #pinnedByPeers = new Map<string, string>();
  /** The server that last sent `tls-needed`. */
  #serverThatNeedsTls: string | undefined;

  private constructor(config: TrustConfig, knownServers: string) {
    this.#config = config;
    this.#knownServers = knownServers;
    this.#isTls = this.#isTlsProven = config.isTls || config.ca !== undefined ||
      config.fingerprints.length > 0;
    for (const backup of config.backups) this.#addPeerPin(backup);
  }

  /** @throws {InputError} `file-unreadable` */
  static async open(config: TrustConfig): Promise<TrustStore> {
    const { knownServersPath: path } = config;
    return new TrustStore(config, path === undefined ? "" : await readStateFile(path) ?? "");
  }

  /** Once one server needed TLS, all later ones do. */
  allowsPlaintext(server: Address): boolean {
    return !this.#isTls && this.#expectedFingerprint(server) === undefined &&
      serverKey(server) !== this.#serverThatNeedsTls;
  }

  /** The TLS requirement for a dial that follows, or undefined for plain text. Records which of them was used: see
   * `#isTls` and `#hasUsedPlaintext`. */
  requirementFor(server: Address): TlsRequirement | undefined {
    if (this.allowsPlaintext(server)) {
      this.#hasUsedPlaintext = true;
      return undefined;
    }
    this.#isTls ||= !this.#hasUsedPlaintext && this.#expectedFingerprint(server) !== undefined;
    return this.#requirement(server, () => this.#isTls = this.#isTlsProven = true);
  }

  /** The same for a probe, which records nothing: a server that the client has not joined, and which the network or a
   * server without TLS may have named, does not decide whether others need TLS. */
  probeRequirementFor(server: Address): TlsRequirement | undefined {
    return this.allowsPlaintext(server) ? undefined : this.#requirement(server, () => {});
  }

  /** For a server that sent `tls-needed` in plain text, where an attacker could have: other servers need TLS only once
   * the user trusts this one. */
  requireTls(server: Address): void {
    this.#serverThatNeedsTls = serverKey(server);
  }

  /** Takes the fingerprints that a server announced, unless it did so in plain text, where an attacker could have. */
  addPeerPins(backups: readonly Backup[]): void {
    if (!this.#isTls) return;
    for (const backup of backups) this.#addPeerPin(backup);
  }

  /** Trusts a certificate that the user accepted. Returns whether the file has it.
   * @throws {InputError} `file-unwritable`; then it is trusted until the program ends */
  async pin(server: Address, fingerprint: string): Promise<boolean> {
    const { knownServersPath: path } = this.#config;
    this.#knownServers = upsertServer(this.#knownServers, server, fingerprint);
    if (path === undefined) return false;
    // Another client of this user may have written the file since it was read.
    const text = upsertServer(await readStateFile(path) ?? "", server, fingerprint);
    await writeStateFile(path, text);
    return true;
  }

  /** Says where a server is remembered that was to speak TLS and does not. Returns other errors as they are. */
  explain(error: unknown, server: Address): unknown {
    const { knownServersPath: path } = this.#config;
    if (!(error instanceof ConnectError) || error.code !== "not-tls" || path === undefined) return error;
    const line = this.#knownServers.split("\n").findLastIndex((line) => isEntryFor(line, server)) + 1;
    if (line === 0) return error;
    const details = { server: formatAddress(server), path, line, client: clientCommand() };
    return new ConnectError("tls-gone", details, { cause: error });
  }

  /** Whether plain text is possible once the server is forgotten. */
  canForget(server: Address): boolean {
    const isPinned = knownFingerprint(this.#knownServers, server) !== undefined;
    return isPinned && !this.#isTlsProven && !this.#pinnedByPeers.has(serverKey(server));
  }

  /** Forgets the certificate of a server, as the user asked. Returns whether there was one.
   * @throws {InputError} `file-unwritable`; then it is forgotten until the program ends */
  async forget(server: Address): Promise<boolean> {
    const { knownServersPath: path } = this.#config;
    if (path === undefined || knownFingerprint(this.#knownServers, server) === undefined) return false;
    this.#knownServers = removeServer(this.#knownServers, server);
    this.#isTls = this.#isTlsProven;
    await writeStateFile(path, removeServer(await readStateFile(path) ?? "", server));
    return true;
  }

  #addPeerPin({ server, fingerprint }: Backup): void {
    const key = serverKey(server);
    const hasSpace = this.#pinnedByPeers.has(key) || this.#pinnedByPeers.size < MAX_PEER_PINS;
    if (fingerprint !== undefined && hasSpace) this.#pinnedByPeers.set(key, fingerprint);
  }

  #expectedFingerprint(server: Address): string | undefined {
    return knownFingerprint(this.#knownServers, server) ?? this.#pinnedByPeers.get(serverKey(server));
  }

  /** `onProven` is called when the server shows a certificate that is trusted, unless an authority vouches for it. */
  #requirement(server: Address, onProven: () => void): TlsRequirement {
    const { ca } = this.#config;
    if (ca !== undefined) return { ca };
    return {
      verify: (fingerprint) => {
        this.#verify(server, fingerprint);
        onProven();
      },
    };
  }

  #verify(server: Address, fingerprint: string): void {
    const known = this.#expectedFingerprint(server);
    if (this.#config.fingerprints.includes(fingerprint) || known === fingerprint) return;
    const isPinned = knownFingerprint(this.#knownServers, server) !== undefined;
    const mismatch = isPinned ? "certificate-changed" : "certificate-other";
    const code = known === undefined ? "certificate-unknown" : mismatch;
    const details = {
      server: formatAddress(server),
      fingerprint,
      known: known ?? "",
      client: clientCommand(),
    };
    throw new ConnectError(code, details);
  }
}

/** The fingerprint of a server in the text of known_servers, which has lines `host:port SHA256:...`. A line that
 * cannot be read gives "", which no certificate has: it must not be taken for a server that is new. */
export function knownFingerprint(text: string, server: Address): string | undefined {
  const line = text.split("\n").findLast((line) => isEntryFor(line, server));
  return line?.trim().split(/\s+/)[1] ?? (line && "");
}

/** @throws {InputError} `fingerprint-invalid` */
export function upsertServer(text: string, server: Address, fingerprint: string): string {
  const line = `${serverKey(server)} ${parseFingerprint(fingerprint)}`;
  return textOf([...linesWithout(text, server), line].slice(-MAX_KNOWN_SERVERS));
}

function removeServer(text: string, server: Address): string {
  return textOf(linesWithout(text, server));
}

function linesWithout(text: string, server: Address): string[] {
  return text.split("\n").filter((line) => line.trim() !== "" && !isEntryFor(line, server));
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

/** The same for all spellings of a server's address. */
export function serverKey(server: Address): string {
  return formatAddress(server).toLowerCase();
}

function isEntryFor(line: string, server: Address): boolean {
  return line.trim().split(/\s+/)[0]?.toLowerCase() === serverKey(server);
}
