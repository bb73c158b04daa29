// Joins this node to the others of its room: the commit log, the membership, and where NATS is.

import {
  type Address,
  formatAddress,
  formatBackup,
  isLinkLocal,
  isWildcard,
  parseServerAddress,
} from "../net/address.ts";
import { readCertificates, readUserFile } from "../base/files.ts";
import { type Clock, randomId, withTimeout } from "../base/time.ts";
import { InputError, type NatsCode, NatsError } from "../errors.ts";
import { ReplicatedCommitLog, type ReplicatedLogConfig } from "./commit_log.ts";
import { Membership, type MembershipConfig, type MembershipHost } from "./membership.ts";
import type { NatsConfig, NatsCredentials, NatsRoom, OpenNatsRoom } from "./store.ts";

const NATS_PORT = 4_222;
/** Room names are part of the names of streams and subjects. */
const ROOM_NAME = /^[\w-]{1,32}$/;

/** The room of `--nats`, and where NATS is. */
export interface NatsTarget extends NatsConfig {
  readonly room: string;
  /** `host:port[#fingerprint]` where clients reach this node, if not where it listens. */
  readonly advertised?: string;
  /** Takes precedence over `credentials`. */
  readonly credentialsFile?: string;
  /** PEM of the authorities to trust instead of those of the system. */
  readonly caFile?: string;
}

export interface ClusterConfig extends ReplicatedLogConfig, MembershipConfig {
  /** How long {@linkcode Cluster.close} waits for proposed events to be stored, and again for the lease to be released, in
   * ms. */
  readonly leaveTimeoutMs: number;
}

/** The server that serves the room on this node. */
export interface ClusterHost extends MembershipHost {
  readonly address: Address;
  publishOwnBackups(): void;
  setClusterServers(addresses: readonly string[]): void;
}

export class Cluster implements AsyncDisposable {
  readonly target: NatsTarget;
  readonly commitLog: ReplicatedCommitLog;
  /** On how many machines NATS keeps the log. */
  readonly replicas: number;
  readonly #config: ClusterConfig;
  readonly #nats: NatsRoom;
  readonly #membership: Membership;
  #closing: Promise<void> | undefined;

  private constructor(
    parts: { target: NatsTarget; nats: NatsRoom; commitLog: ReplicatedCommitLog; membership: Membership },
    config: ClusterConfig,
  ) {
    this.target = parts.target;
    this.commitLog = parts.commitLog;
    this.replicas = parts.nats.store.replicas;
    this.#config = config;
    this.#nats = parts.nats;
    this.#membership = parts.membership;
  }

  /** @throws {InputError} about the files of `target`
   * @throws {NatsError} also if the signal is aborted meanwhile */
  static async open(
    { target, openNatsRoom, signal }: {
      target: NatsTarget;
      openNatsRoom: OpenNatsRoom;
      signal?: AbortSignal;
    },
    config: ClusterConfig,
    clock: Clock,
  ): Promise<Cluster> {
    const access = await readAccess(target);
    const nodeId = randomId();
    try {
      const nats = await openNatsRoom(access, { room: target.room, nodeId, signal });
      try {
        const { store, leases } = nats;
        const source = { store, leases, nodeId, logId: randomId() };
        const commitLog = await ReplicatedCommitLog.open(source, config, clock);
        const membership = await Membership.join({ leases, nodeId }, config, clock);
        return new Cluster({ target, nats, commitLog, membership }, config);
      } catch (error) {
        await nats.close();
        throw error;
      }
    } catch (error) {
      throw toNatsError(error, target);
    }
  }

  /** Whether this node has an address that other nodes can tell clients. Known once it is attached. */
  get isRoutable(): boolean {
    return this.#membership.ownAddress !== "";
  }

  /** Makes a server a node of the room. `fingerprint` is that of its certificate. */
  attach(host: ClusterHost, { fingerprint }: { fingerprint?: string }): void {
    const { address } = host;
    const own = isWildcard(address.host) || isLinkLocal(address.host)
      ? ""
      : formatBackup({ server: address, fingerprint });
    this.#membership.ownAddress = this.target.advertised ?? own;
    host.publishOwnBackups();
    this.#membership.onNodesChanged = (addresses, { isLeader }) => {
      this.commitLog.checkStore({ isLeader }).catch(() => {}); // the next poll tries again
      if (isLeader) host.setClusterServers(addresses);
    };
    this.#membership.start(host);
  }

  /** Leaves the cluster once all proposed events are stored. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    const { leaveTimeoutMs } = this.#config;
    await this.commitLog.close({ drainTimeoutMs: leaveTimeoutMs });
    await withTimeout(leaveTimeoutMs, this.#membership[Symbol.asyncDispose]());
    await this.#nats.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function readAccess(target: NatsTarget): Promise<NatsConfig> {
  const { servers, credentials, isTls, credentialsFile, caFile } = target;
  return {
    servers,
    credentials: credentialsFile === undefined
      ? credentials
      : parseCredentials(await readUserFile(credentialsFile), credentialsFile),
    ...(caFile === undefined ? { isTls } : { ca: await readCertificates(caFile), isTls: true }),
  };
}

/** The lazily loaded module has error classes of its own in a bundle: its errors are known by name. */
function toNatsError(cause: unknown, { servers }: NatsConfig): NatsError {
  if (cause instanceof NatsError) return cause;
  const { name, message, code, details } = cause as Error & {
    code: NatsCode;
    details: Record<string, string>;
  };
  if (name === "NatsModuleError") return new NatsError(code, details, { cause });
  return new NatsError("nats-unreachable", { servers: servers.join(", "), reason: message }, { cause });
}

/** Parses NATS servers as users of NATS write them, with commas between: `nats://host:4222`, `tls://user:password@host`,
 * `host`.
 * @throws {InputError} `nats-url-invalid` */
export function parseNats(text: string): NatsConfig {
  const urls = text.split(",").map((url) => parseUrl(url.trim()));
  return {
    servers: urls.map(({ server }) => server),
    credentials: urls.find(({ credentials }) => credentials)?.credentials,
    isTls: urls.some(({ isTls }) => isTls),
  };
}

function parseUrl(text: string): { server: string; isTls: boolean; credentials?: NatsCredentials } {
  const [, scheme = "nats", login, address = ""] =
    /^(?:(nats|tls):\/\/)?(?:(.*)@)?([^@/?#]+)\/?$/i.exec(text) ?? [];
  try {
    const server = formatAddress(parseServerAddress(address, NATS_PORT));
    const credentials = login === undefined ? undefined : credentialsOf(login, decodeURIComponent);
    return { server, isTls: scheme.toLowerCase() === "tls", credentials };
  } catch (cause) {
    // The text may hold a password.
    const url = text.replace(/\/\/.*@/, "//***@");
    throw new InputError("nats-url-invalid", { url }, { cause });
  }
}

/** Parses `user:password`, or a token. */
function credentialsOf(text: string, decode: (part: string) => string): NatsCredentials {
  const colon = text.indexOf(":");
  if (colon < 0) return { type: "token", token: decode(text) };
  return { type: "user", user: decode(text.slice(0, colon)), password: decode(text.slice(colon + 1)) };
}

/** Parses the text of a credentials file: one of NATS's own, or `user:password` or a token in its first line.
 * @throws {InputError} `nats-creds-invalid` */
export function parseCredentials(text: string, path: string): NatsCredentials {
  if (text.includes("BEGIN NATS USER JWT")) return { type: "creds", text };
  const [line = ""] = text.split(/\r?\n/, 1);
  if (line.trim() !== "") return credentialsOf(line.trim(), (part) => part);
  throw new InputError("nats-creds-invalid", { path });
}

/** @throws {InputError} `room-invalid` */
export function parseRoom(text: string): string {
  if (ROOM_NAME.test(text)) return text;
  throw new InputError("room-invalid", { room: text });
}
