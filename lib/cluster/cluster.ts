// A room that many servers serve: the flags about it, and what joins one server to the others. NATS itself is loaded
// only here.

import { formatBackup, parseBackup } from "../net/address.ts";
import type { ChatServer } from "../server/chat_server.ts";
import { type Clock, randomId, withTimeout } from "../base/time.ts";
import { type NatsCode, NatsError } from "../errors.ts";
import { checkCombinations, type FlagTable, type FlagValues } from "../cli/flags.ts";
import { type NatsConfig, parseCredentials, parseNats, parseRoom } from "./nats_access.ts";
import type { NatsRoom } from "./nats/room.ts";
import { Membership } from "./membership.ts";
import { readUserFile } from "../base/files.ts";
import { ReplicatedCommitLog } from "./commit_log.ts";

/** How long a server that ends waits for what was said to be stored, in ms. */
const LEAVE_TIMEOUT_MS = 1_000;
/** Hosts that stand for all addresses of a machine. */
const WILDCARDS = ["0.0.0.0", "::"];

/** Flags about rooms with many servers. */
export const SHARED_ROOM_FLAGS = {
  nats: { value: "URL", help: "flag.nats" },
  room: { value: "NAME", help: "flag.room" },
  "nats-creds": { value: "FILE", help: "flag.nats-creds" },
  "nats-ca": { value: "FILE", help: "flag.nats-ca" },
  advertise: { value: "HOST:N", help: "flag.advertise" },
} as const satisfies FlagTable;

/** What a room with many servers needs of this one. */
export interface ClusterOptions {
  readonly clock: Clock;
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

  /** Opens the room that the flags name; undefined if they name none.
   * @throws {InputError} about flags and files
   * @throws {NatsError} */
  static async open(
    flags: FlagValues<typeof SHARED_ROOM_FLAGS> & { readonly data?: string },
    { clock, onStalled, onSnapshotTooLarge }: ClusterOptions,
  ): Promise<Cluster | undefined> {
    const alone = ["room", "nats-creds", "nats-ca", "advertise"].map((flag) => [flag, "nats"] as const);
    checkCombinations(flags, { requires: [["nats", "room"], ...alone], conflicts: [["nats", "data"]] });
    if (flags.nats === undefined || flags.room === undefined) return undefined;
    const name = parseRoom(flags.room);
    const advertised = flags.advertise === undefined ? undefined : formatBackup(parseBackup(flags.advertise));
    const access = await accessOf(flags.nats, flags);
    let address = "";
    const [nodeId, logId] = [randomId(), randomId()];
    const nats = await openNats({ ...access, room: name, nodeId, address: () => address });
    try {
      const { promise: failed, reject: onFailed } = Promise.withResolvers<never>();
      failed.catch(() => {}); // whoever waits for it is told
      const commitLog = await ReplicatedCommitLog.open(nats.store, {
        nodeId,
        logId,
        clock,
        onStalled,
        onSnapshotTooLarge,
        onFailed,
      });
      const membership = await Membership.join(nats.leases, { nodeId, clock });
      const setAddress = (known: string) => address = known;
      const { servers } = access;
      return new Cluster({ name, servers, commitLog, failed, nats, membership, setAddress, advertised });
    } catch (error) {
      await nats.close();
      throw natsError(error, access);
    }
  }

  /** Has a server take part, from now on. `fingerprint` is that of its certificate. */
  attach(server: ChatServer, { fingerprint }: { fingerprint?: string }): void {
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
  isRoutable(server: ChatServer): boolean {
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

async function accessOf(
  urls: string,
  { "nats-creds": creds, "nats-ca": ca }: FlagValues<typeof SHARED_ROOM_FLAGS>,
): Promise<NatsConfig> {
  const access = parseNats(urls);
  return {
    ...access,
    ...(creds !== undefined && { credentials: parseCredentials(await readUserFile(creds), creds) }),
    ...(ca !== undefined && { ca: await readUserFile(ca), isTls: true }),
  };
}

async function openNats(
  options: Parameters<typeof import("./nats/room.ts").openNatsRoom>[0],
): Promise<NatsRoom> {
  const { openNatsRoom } = await import("./nats/room.ts");
  try {
    return await openNatsRoom(options);
  } catch (error) {
    throw natsError(error, options);
  }
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
