// A room that many servers serve: what joins one server to the others.

import { type Address, formatBackup } from "../net/address.ts";
import { type Clock, randomId, withTimeout } from "../base/time.ts";
import { type NatsCode, NatsError } from "../errors.ts";
import { type NatsConfig, parseCredentials } from "./nats_access.ts";
import { Membership } from "./membership.ts";
import { readUserFile } from "../base/files.ts";
import { ReplicatedCommitLog } from "./commit_log.ts";
import type { NatsRoom, NatsRoomOptions } from "./store.ts";

/** How long a server that ends waits for what was said to be stored, in ms. */
const LEAVE_TIMEOUT_MS = 1_000;
/** Hosts that stand for all addresses of a machine. */
const WILDCARDS = ["0.0.0.0", "::"];

/** A room in NATS, and how to reach it. */
export interface NatsTarget extends NatsConfig {
  readonly room: string;
  /** `host:port[#fingerprint]` under which clients reach this server, unless it is the address it listens on. */
  readonly advertised?: string;
  readonly credentialsFile?: string;
  /** PEM of the authorities to trust instead of the system's. */
  readonly caFile?: string;
}

/** Settings of a cluster's parts; times in ms. */
export interface ClusterConfig {
  readonly unavailableAfterMs: number;
  readonly deletedMs: number;
  readonly openTimeoutMs: number;
  readonly maxUncommittedBytes: number;
  readonly snapshotEntries: number;
  readonly renewMs: number;
  readonly suspectMs: number;
  readonly advertiseMs: number;
}

/** What a cluster does with the server that it attaches. */
export interface ClusterHost {
  readonly address: Address;
  /** Addresses that clients have been told of. */
  readonly clusterServers: readonly string[];
  /** Ids of the nodes that members are connected to. */
  readonly nodeIds: Iterable<bigint>;
  nodeDown(nodeId: bigint): void;
  publishOwnBackups(): void;
  setClusterServers(addresses: readonly string[]): void;
}

/** What a room with many servers needs of this one. */
export interface ClusterOptions {
  readonly clock: Clock;
  readonly config: ClusterConfig;
  /** Connects to NATS, and makes what is not there yet. */
  readonly openNats: (options: NatsRoomOptions) => Promise<NatsRoom>;
  /** Told when what is said has to wait for NATS, and when that is over. */
  readonly onStalled: (isUnavailable: boolean) => void;
  /** Told that the room has too many people for NATS's largest message: so many bytes would have to fit. `isKept`:
   * NATS forgets nothing until they do. */
  readonly onSnapshotTooLarge: (bytes: number, how: { isKept: boolean }) => void;
}

/** A room that many servers serve, as this one sees it. */
export class Cluster implements AsyncDisposable {
  readonly name: string;
  readonly commitLog: ReplicatedCommitLog;
  /** NATS servers, without passwords. */
  readonly servers: readonly string[];
  /** On how many machines NATS keeps the log. */
  readonly replicas: number;
  /** Rejects if the room cannot go on.
   * @throws {NatsError} */
  readonly failed: Promise<never>;
  readonly #nats: NatsRoom;
  readonly #membership: Membership;
  readonly #setAddress: (address: string) => void;
  readonly #advertised: string | undefined;
  #closing: Promise<void> | undefined;

  private constructor(parts: {
    name: string;
    servers: readonly string[];
    commitLog: ReplicatedCommitLog;
    failed: Promise<never>;
    nats: NatsRoom;
    membership: Membership;
    setAddress: (address: string) => void;
    advertised: string | undefined;
  }) {
    this.name = parts.name;
    this.servers = parts.servers;
    this.commitLog = parts.commitLog;
    this.failed = parts.failed;
    this.replicas = parts.nats.store.replicas;
    this.#nats = parts.nats;
    this.#membership = parts.membership;
    this.#setAddress = parts.setAddress;
    this.#advertised = parts.advertised;
  }

  /** @throws {InputError} about files
   * @throws {NatsError} */
  static async open(
    target: NatsTarget,
    { clock, config, openNats, onStalled, onSnapshotTooLarge }: ClusterOptions,
  ): Promise<Cluster> {
    const { room: name, advertised } = target;
    const access = await readAccess(target);
    let address = "";
    const [nodeId, logId] = [randomId(), randomId()];
    const nats = await openNats({ ...access, room: name, nodeId, address: () => address })
      .catch((error) => {
        throw natsError(error, access);
      });
    try {
      const { promise: failed, reject: onFailed } = Promise.withResolvers<never>();
      failed.catch(() => {}); // whoever waits for it is told
      const commitLog = await ReplicatedCommitLog.open(nats.store, {
        ...config,
        nodeId,
        logId,
        clock,
        onStalled,
        onSnapshotTooLarge,
        onFailed,
      });
      const membership = await Membership.join(nats.leases, { ...config, nodeId, clock });
      const setAddress = (known: string) => address = known;
      const { servers } = access;
      return new Cluster({ name, servers, commitLog, failed, nats, membership, setAddress, advertised });
    } catch (error) {
      await nats.close();
      throw natsError(error, access);
    }
  }

  /** Has a server take part, from now on. `fingerprint` is that of its certificate. */
  attach(server: ClusterHost, { fingerprint }: { fingerprint?: string }): void {
    const { address } = server;
    const isKnown = !WILDCARDS.includes(address.host);
    const own = isKnown ? formatBackup({ server: address, fingerprint }) : "";
    this.#setAddress(this.#advertised ?? own);
    server.publishOwnBackups();
    this.#membership.start({
      nodeIds: () => server.nodeIds,
      advertised: () => server.clusterServers,
      onNodeDown: (nodeId) => server.nodeDown(nodeId),
      onNodesChanged: (addresses, { isLeader }) => {
        this.commitLog.verifyTail().catch(() => {}); // next time
        if (!isLeader) return;
        server.setClusterServers(addresses);
        this.commitLog.snapshotIfDue();
      },
    });
  }

  /** Whether clients of other servers can be told of this one, so far as it knows itself. */
  isRoutable(server: ClusterHost): boolean {
    return this.#advertised !== undefined || !WILDCARDS.includes(server.address.host);
  }

  /** Takes leave of the others, once what was said is stored. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    await this.commitLog.close({ drainTimeoutMs: LEAVE_TIMEOUT_MS });
    await withTimeout(LEAVE_TIMEOUT_MS, this.#membership[Symbol.asyncDispose]());
    await this.#nats.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function readAccess(
  { servers, credentials, isTls, credentialsFile: creds, caFile: ca }: NatsTarget,
): Promise<NatsConfig> {
  return {
    servers,
    credentials: creds === undefined ? credentials : parseCredentials(await readUserFile(creds), creds),
    ...(ca === undefined ? { isTls } : { ca: await readUserFile(ca), isTls: true }),
  };
}

/** What the module that is loaded apart throws is none of our classes. */
function natsError(cause: unknown, { servers }: NatsConfig): unknown {
  const { name, message, code, details } = cause as Error & {
    code: NatsCode;
    details: Record<string, string>;
  };
  if (name === "NatsModuleError") return new NatsError(code, details, { cause });
  if (name === "NatsError") return cause;
  const known = { servers: servers.join(", "), reason: message };
  return new NatsError("nats-unreachable", known, { cause });
}
