// A server that follows a log in a store in memory, and what servers say to it.

import { concat } from "@std/bytes/concat";
import { systemClock } from "../../lib/base/time.ts";
import type { NatsError } from "../../lib/errors.ts";
import { encodeBlockHead, encodeProposal } from "../../lib/cluster/nats_block.ts";
import type { ProposedEvent, Said } from "../../lib/protocol/frames.ts";
import { ReplicatedCommitLog, type ReplicatedCommitLogOptions } from "../../lib/cluster/commit_log.ts";
import { type FakeLog, FakeStore } from "./fake_store.ts";

/** Message `n` of a session. */
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

/** Somebody comes, on a server. */
export function joined(sessionId: bigint, nodeId: bigint): ProposedEvent {
  const who = { nick: `u${sessionId}`, address: "::1" };
  return { type: "joined", timeMs: 5, sessionId, rejoined: false, ...who, nodeId };
}

/** Block `number` of a server, with one entry. */
export function encodeBlock(nodeId: bigint, entry: ProposedEvent, batchSeq = 1): Uint8Array {
  return concat([encodeBlockHead({ nodeId, batchSeq }), encodeProposal(entry)]);
}

/** A server that follows a log. */
export class ClusterNode implements AsyncDisposable {
  readonly commitLog: ReplicatedCommitLog;
  readonly applied: { entry: ProposedEvent; seq: number; isRemote: boolean | undefined }[] = [];
  readonly store: FakeStore;
  readonly news: (boolean | NatsError)[];

  readonly past: readonly ProposedEvent[];

  private constructor(commitLog: ReplicatedCommitLog, store: FakeStore, news: ClusterNode["news"]) {
    this.past = commitLog.snapshot;
    this.commitLog = commitLog;
    this.store = store;
    this.news = news;
    commitLog.subscribe(
      (entry, seq, _at, isRemote) => this.applied.push({ entry, seq, isRemote }),
      () => queueMicrotask(() => commitLog.deliver()),
    );
  }

  static async open(log: FakeLog, nodeId: bigint, options: Partial<ReplicatedCommitLogOptions> = {}) {
    const store = new FakeStore(log);
    const news: ClusterNode["news"] = [];
    const commitLog = await ReplicatedCommitLog.open(store, {
      nodeId,
      logId: 100n + nodeId,
      clock: systemClock,
      onStalled: (isUnavailable) => news.push(isUnavailable),
      onFailed: (error) => news.push(error),
      openTimeoutMs: 0,
      ...options,
    });
    return new ClusterNode(commitLog, store, news);
  }

  say(...entries: ProposedEvent[]): void {
    for (const entry of entries) this.commitLog.propose(entry);
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
