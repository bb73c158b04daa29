// The backups of a room, the servers to which clients fail over: the committed ones, and the changes that this node
// proposes. In the `backups` of a proposed event, `-host:port` removes a server: no host begins with a `-`. A server that
// is listed again takes its new fingerprint, or none, at its old place.

import type { Instant } from "../base/time.ts";
import { InputError } from "../errors.ts";
import {
  type BackupsChanged,
  MAX_BACKUPS,
  type ProposedEvent,
  type Uncommitted,
} from "../protocol/frames.ts";
import type { CommitLog } from "./commit_log.ts";

/** The nodes that serve the room, as `host:port`, and the node that proposed them. */
interface ClusterServers {
  readonly backups: readonly string[];
  readonly nodeId: bigint;
}

/** The backups that committed events have set: a part of the room's state. */
export class CommittedBackups {
  #configured: readonly string[] = [];
  #cluster: ClusterServers | undefined;

  /** Backups that an admin added, as `host:port#fingerprint`. */
  get configured(): readonly string[] {
    return this.#configured;
  }

  get cluster(): ClusterServers | undefined {
    return this.#cluster;
  }

  /** Returns the entry that members read, or undefined if the event changes nothing. */
  apply({ nodeId, ...event }: ProposedEvent<BackupsChanged>): Uncommitted<BackupsChanged> | undefined {
    const { backups } = event;
    if (nodeId === undefined) {
      const all = latestBackups([...this.#configured, ...backups]);
      this.#configured = withoutRemoved(all, backups).slice(0, MAX_BACKUPS);
    } else if (isSameSet(backups, this.#cluster?.backups ?? [])) return undefined;
    else this.#cluster = { backups, nodeId };
    return { ...event, backups: this.ordered() };
  }

  /** The events that set the same backups. */
  *snapshot(): Generator<ProposedEvent> {
    if (this.#configured.length > 0) yield { type: "backups", timeMs: 0, backups: this.#configured };
    if (this.#cluster) yield { type: "backups", timeMs: 0, ...this.#cluster };
  }

  /** At most MAX_BACKUPS: the cluster's nodes from index `first` on, then `own`, then the configured ones. If there are
   * too many, nodes of the cluster are left out. */
  ordered({ own = [], first = 0 }: { own?: readonly string[]; first?: number } = {}): readonly string[] {
    const servers = this.#cluster?.backups ?? [];
    const nodeKeys = new Set(servers.map(serverOf));
    // The own ones decide about a fingerprint: a stored one may be that of an earlier start.
    const others = latestBackups([...own, ...this.#configured, ...own]).slice(0, MAX_BACKUPS)
      .filter((backup) => !nodeKeys.has(serverOf(backup)));
    const nodes = servers.slice(0, MAX_BACKUPS - others.length);
    return [...nodes.slice(first), ...nodes.slice(0, first), ...others];
  }
}

/** Proposes changes of the backups. Adds those that only this node was started with. */
export class BackupList {
  readonly #commitLog: CommitLog;
  readonly #committed: CommittedBackups;
  /** Set at start, less those removed since. */
  #ownBackups: readonly string[] = [];

  constructor(commitLog: CommitLog, committed: CommittedBackups) {
    this.#commitLog = commitLog;
    this.#committed = committed;
  }

  /** Sets the backups that this node was started with. Call it after the log is replayed: backups that were removed
   * before are back. */
  setOwn(backups: readonly string[]): void {
    this.#ownBackups = [...backups];
  }

  /** The backups for WELCOME. Each session gets another first node, so that the clients of a failed node spread. */
  forSession(sessionId: bigint): readonly string[] {
    const first = Number(sessionId % BigInt(Math.max(1, this.clusterServers.length)));
    return this.#committed.ordered({ own: this.#ownBackups, first });
  }

  get clusterServers(): readonly string[] {
    return this.#committed.cluster?.backups ?? [];
  }

  /** Replaces one of the same server.
   * @throws {InputError} `backups-full` */
  add(backup: string, now: Instant): void {
    if (latestBackups([...this.#ownBackups, ...this.#committed.configured, backup]).length > MAX_BACKUPS) {
      throw new InputError("backups-full", { max: MAX_BACKUPS });
    }
    // Without the configured ones: proposing them again would undo a removal in flight.
    this.#propose({ backups: latestBackups([...this.#ownBackups, backup]) }, now);
    this.#ownBackups = replaced(this.#ownBackups, [backup]); // now: the next change must not name the old one again
  }

  /** Removes a server, whatever its fingerprint.
   * @throws {InputError} `backup-serves` or `backup-unknown` */
  remove(server: string, now: Instant): void {
    const removal = `-${server}`;
    const isAmong = (backups: readonly string[]) =>
      withoutRemoved(backups, [removal]).length < backups.length;
    const isServing = isAmong(this.clusterServers);
    if (isServing || !isAmong([...this.#ownBackups, ...this.#committed.configured])) {
      throw new InputError(isServing ? "backup-serves" : "backup-unknown", { server });
    }
    this.#ownBackups = withoutRemoved(this.#ownBackups, [removal]); // now: the next add() must not name it again
    this.#propose({ backups: [...this.#ownBackups.slice(0, MAX_BACKUPS - 1), removal] }, now);
  }

  /** Proposes the own backups, so that the clients of all nodes get them. */
  publishOwn(now: Instant): void {
    const isNews = this.#ownBackups.some((backup) => !this.#committed.configured.includes(backup));
    if (isNews) this.#propose({ backups: this.#ownBackups }, now);
  }

  /** Proposes the addresses of the cluster's nodes if they have changed. */
  setCluster(addresses: readonly string[], now: Instant): void {
    const backups = addresses.slice(0, MAX_BACKUPS);
    const isAlone = this.clusterServers.length === 0 && backups.length < 2;
    if (isAlone || isSameSet(backups, this.clusterServers)) return;
    this.#propose({ backups, nodeId: this.#commitLog.nodeId }, now);
  }

  /** Forgets the own backups that a committed event removes, and takes the fingerprints that it changes. */
  onCommitted(event: ProposedEvent): void {
    if (event.type !== "backups") return;
    const own = withoutRemoved(this.#ownBackups, event.backups);
    this.#ownBackups = event.nodeId === undefined ? replaced(own, event.backups) : own;
  }

  #propose(change: { backups: readonly string[]; nodeId?: bigint }, now: Instant): void {
    this.#commitLog.propose({ type: "backups", timeMs: now.wallMs, ...change }, now);
  }
}

/** `backups` without removals and without the servers that `changes` removes. */
function withoutRemoved(backups: readonly string[], changes: readonly string[]): readonly string[] {
  const removals = new Set(changes.map((backup) => backup.toLowerCase()));
  const isLeft = (backup: string) => !backup.startsWith("-") && !removals.has(`-${serverOf(backup)}`);
  return backups.filter(isLeft);
}

/** `host:port` of a backup, in lower case. */
function serverOf(backup: string): string {
  return backup.split("#", 1)[0]!.toLowerCase();
}

/** One of each server: the last one, where the first one stands. */
function latestBackups(backups: readonly string[]): readonly string[] {
  return [...new Map(backups.map((backup) => [serverOf(backup), backup])).values()];
}

/** `backups` with what `changes` says of the same servers. */
function replaced(backups: readonly string[], changes: readonly string[]): readonly string[] {
  return backups.map((backup) =>
    changes.findLast((change) => serverOf(change) === serverOf(backup)) ?? backup
  );
}

/** Neither list has duplicates. */
function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((backup) => others.includes(backup));
}
