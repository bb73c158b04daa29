// Which servers a client trusts, and what each must show before a word is said to it: nothing, as long as no server
// was known to speak TLS, and once one has shown its certificate, always one.

import { type Address, type Backup, formatAddress } from "../net/address.ts";
import { ConnectError } from "../errors.ts";
import { knownFingerprint, serverKey, upsertServer } from "./known_servers.ts";
import { readStateFile, writeStateFile } from "../base/files.ts";
import type { TlsRequirement } from "../net/tls.ts";

/** Most servers whose fingerprints others may announce. */
const MAX_PEER_PINS = 64;

/** What a client is told when it starts. */
export interface TrustStoreOptions {
  readonly isTls?: boolean;
  /** Authorities in PEM: what they vouch for is trusted, and nothing else. */
  readonly ca?: string;
  /** Of certificates that the person vouches for, whoever shows them. */
  readonly fingerprints?: readonly string[];
  /** Servers that the person named; those with a fingerprint are to show it. */
  readonly backups?: readonly Backup[];
  /** Path of the file of known servers. Undefined: what is trusted is trusted until the end of the program. */
  readonly path?: string;
}

/** The trust of one client. It grows only by what the person says, and by what servers say that were trusted. */
export class TrustStore {
  readonly #options: TrustStoreOptions;
  #isTls: boolean;
  /** Whether some server was to be spoken to in plain text: then one that is not there takes nothing back. */
  #hasUsedPlaintext = false;
  /** The text of the file of known servers. */
  #known: string;
  readonly #pinnedByPeers = new Map<string, string>();
  /** The server that was last to say so. */
  #requiresTls: string | undefined;

  private constructor(options: TrustStoreOptions, known: string) {
    const { isTls = false, ca, fingerprints = [], backups = [] } = options;
    this.#options = options;
    this.#known = known;
    this.#isTls = isTls || ca !== undefined || fingerprints.length > 0;
    for (const backup of backups) this.#addPeerPin(backup);
  }

  /** Reads what is known.
   * @throws {InputError} `file-unreadable` */
  static async open(options: TrustStoreOptions): Promise<TrustStore> {
    const { path } = options;
    return new TrustStore(options, path === undefined ? "" : await readStateFile(path) ?? "");
  }

  /** What a server must show; undefined if it may be spoken to in plain text. Whoever has shown it, or is the first
   * of all to have to, is followed by others that have to as well: there is no way back. */
  requirementFor(server: Address): TlsRequirement | undefined {
    const isExpected = this.#expectedFingerprint(server) !== undefined;
    this.#isTls ||= isExpected && !this.#hasUsedPlaintext;
    if (!this.#isTls && !isExpected && serverKey(server) !== this.#requiresTls) {
      this.#hasUsedPlaintext = true;
      return undefined;
    }
    const { ca } = this.#options;
    return ca === undefined ? { verify: (fingerprint) => this.#verify(server, fingerprint) } : { ca };
  }

  /** In plain text a server has said that it speaks nothing but TLS: it is spoken to so next time, and others as
   * soon as the person trusts it. */
  requireTls(server: Address): void {
    this.#requiresTls = serverKey(server);
  }

  /** A server that has shown what it must names others. In plain text anybody could have said that. */
  addPeerPins(backups: readonly Backup[]): void {
    if (this.#isTls) { for (const backup of backups) this.#addPeerPin(backup); }
  }

  /** The person trusts a certificate of a server. Returns whether that outlasts the program.
   * @throws {InputError} `file-unwritable`; until the end of the program it is trusted nevertheless */
  async pin(server: Address, fingerprint: string): Promise<boolean> {
    const { path } = this.#options;
    this.#known = upsertServer(this.#known, server, fingerprint);
    if (path === undefined) return false;
    // Other clients of the same person may have written meanwhile.
    const text = upsertServer(await readStateFile(path) ?? "", server, fingerprint);
    await writeStateFile(path, text);
    return true;
  }

  #addPeerPin({ server, fingerprint }: Backup): void {
    const key = serverKey(server);
    const hasRoom = this.#pinnedByPeers.has(key) || this.#pinnedByPeers.size < MAX_PEER_PINS;
    if (fingerprint !== undefined && hasRoom) this.#pinnedByPeers.set(key, fingerprint);
  }

  #expectedFingerprint(server: Address): string | undefined {
    return knownFingerprint(this.#known, server) ?? this.#pinnedByPeers.get(serverKey(server));
  }

  #verify(server: Address, fingerprint: string): void {
    const { fingerprints = [], path = "" } = this.#options;
    const known = this.#expectedFingerprint(server);
    if (fingerprints.includes(fingerprint) || known === fingerprint) {
      this.#isTls = true;
      return;
    }
    const isKnown = knownFingerprint(this.#known, server) !== undefined;
    const code = known === undefined
      ? "certificate-unknown"
      : isKnown
      ? "certificate-changed"
      : "certificate-other";
    const details = { server: formatAddress(server), fingerprint, known: known ?? "", path };
    throw new ConnectError(code, details);
  }
}
