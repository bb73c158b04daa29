// A node of a cluster whose store is in memory, and entries to propose.

import { concat } from "@std/bytes/concat";
import { type Clock, systemClock } from "../../lib/base/time.ts";
import type { NatsError } from "../../lib/errors.ts";
import { encodeBatchHeader, encodeEvent } from "../../lib/cluster/store.ts";
import type { ProposedEvent, Said } from "../../lib/protocol/frames.ts";
import type { ClusterConfig } from "../../lib/cluster/cluster.ts";
import { ReplicatedCommitLog } from "../../lib/cluster/commit_log.ts";
import { testConfig } from "./test_config.ts";
import { FakeLeases, type FakeLog, FakeStore } from "./fake_store.ts";
import { waitFor } from "./waiting.ts";

export function said(sessionId: bigint, clientSeq: number): ProposedEvent {
  return {
    type: "said",
    timeMs: 5,
    sessionId,
    clientSeq,
    redelivered: false,
    nick: "ana",
    text: `t${clientSeq}`,
  };
}

/** A member joins on a node. */
export function joined(sessionId: bigint, nodeId: bigint): ProposedEvent {
  const member = { nick: `u${sessionId}`, address: "::1" };
  return { type: "joined", timeMs: 5, sessionId, rejoined: false, ...member, nodeId };
}

/** Entries of one session, numbered from 1. */
export function saidUpTo(count: number, sessionId = 1n): ProposedEvent[] {
  return Array.from({ length: count }, (_, index) => said(sessionId, index + 1));
}

/** A record as a node of a later version writes it. */
export function newer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  copy[5]!++; // frame length, type, version
  return copy;
}

/** A batch with one entry. */
export function encodeBatch(nodeId: bigint, entry: ProposedEvent, batchSeq = 1): Uint8Array {
  return concat([encodeBatchHeader({ nodeId, batchSeq }), encodeEvent(entry)]);
}

/** The defaults, except that opening a log is tried once. */
export function clusterConfig(overrides: Partial<ClusterConfig> = {}): ClusterConfig {
  return testConfig({ cluster: { openTimeoutMs: 0, ...overrides } }).cluster;
}

interface NodeOptions extends Partial<ClusterConfig> {
  readonly clock?: Clock;
  /** Of the other nodes. */
  readonly leases?: FakeLeases;
}

/** A node of a cluster, with its commit log in a {@linkcode FakeStore}. */
export class ClusterNode implements AsyncDisposable {
  readonly commitLog: ReplicatedCommitLog;
  readonly applied: { entry: ProposedEvent; seq: number; isRemote: boolean | undefined }[] = [];
  readonly store: FakeStore;
  /** Arguments of `onStalled`, and the error of `failed`. */
  readonly news: (boolean | NatsError)[] = [];
  /** Sizes of the snapshots that were too large. */
  readonly tooLargeBytes: number[] = [];
  readonly snapshot: readonly ProposedEvent[];

  private constructor(commitLog: ReplicatedCommitLog, store: FakeStore) {
    this.snapshot = commitLog.snapshot;
    this.commitLog = commitLog;
    this.store = store;
    commitLog.onStalled = (isUnavailable) => this.news.push(isUnavailable);
    commitLog.onSnapshotTooLarge = (bytes) => this.tooLargeBytes.push(bytes);
    commitLog.failed.catch((error) => this.news.push(error));
    commitLog.subscribe(
      (entry, seq, _at, isRemote) => this.applied.push({ entry, seq, isRemote }),
      () => queueMicrotask(() => commitLog.deliver()),
    );
  }

  static async open(log: FakeLog, nodeId: bigint, options: NodeOptions = {}): Promise<ClusterNode> {
    const store = new FakeStore(log);
    return new ClusterNode(await openCommitLog(store, nodeId, options), store);
  }

  propose(...entries: ProposedEvent[]): void {
    for (const entry of entries) this.commitLog.propose(entry);
  }

  /** Proposes entries, and waits until this node has applied as many. */
  async commit(...entries: ProposedEvent[]): Promise<void> {
    const count = this.applied.length + entries.length;
    this.propose(...entries);
    await waitFor(() => this.applied.length >= count);
  }

  /** As a poll of the leases does. */
  check({ isLeader = false } = {}): Promise<void> {
    return this.commitLog.checkStore({ isLeader });
  }

  /** Waits for the error that ends this node. Returns its code. */
  async failure(): Promise<string> {
    const errors = () => this.news.filter((one) => typeof one !== "boolean");
    await waitFor(() => errors().length > 0);
    return errors()[0]!.code;
  }

  get texts(): string[] {
    return this.applied.map(({ entry, seq }) => {
      const { sessionId, clientSeq } = entry as Said;
      return `${seq}:${entry.type === "said" ? `${sessionId}.${clientSeq}` : `${entry.type} ${sessionId}`}`;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.commitLog.close();
  }
}

/** Opens a commit log; a room without one gets the `logId` 100 + `nodeId`. */
export function openCommitLog(
  store: FakeStore,
  nodeId: bigint,
  { clock = systemClock, leases = new FakeLeases(), ...config }: NodeOptions = {},
): Promise<ReplicatedCommitLog> {
  const source = { store, leases, nodeId, logId: 100n + nodeId };
  return ReplicatedCommitLog.open(source, clusterConfig(config), clock);
}
