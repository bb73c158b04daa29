// A commit log that delays, with a store that outlives it: the file of --data, without a file.

import type { Instant } from "../../lib/base/time.ts";
import type { Apply, CommitLog } from "../../lib/room/commit_log.ts";
import type { Uncommitted } from "../../lib/protocol/frames.ts";

export interface Store {
  readonly logId: bigint;
  readonly entries: { readonly entry: Uncommitted; readonly at: Instant }[];
}

/** Stores and commits the pending events during `deliver`. */
export class DelayedCommitLog implements CommitLog {
  readonly firstSeq = 0;
  readonly snapshot = [];
  isBlocked = false;
  /** While set, nothing is committed, as if the store were slow. */
  isHeld = false;
  readonly #store: Store;
  #pending: { entry: Uncommitted; at: Instant }[] = [];
  #apply: Apply = () => {};
  #onReady = () => {};

  constructor(store: Store = { logId: 1n, entries: [] }) {
    this.#store = store;
  }

  get logId(): bigint {
    return this.#store.logId;
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  subscribe(apply: Apply, onReady: () => void): void {
    [this.#apply, this.#onReady] = [apply, onReady];
    for (const [seq, { entry, at }] of this.#store.entries.entries()) apply(entry, seq, at);
  }

  propose(entry: Uncommitted, now: Instant): void {
    this.#pending.push({ entry: { ...entry }, at: now });
    if (this.#pending.length === 1) this.#onReady();
  }

  deliver(): void {
    if (this.isBlocked || this.isHeld) return;
    const pending = this.#pending;
    this.#pending = [];
    const firstSeq = this.#store.entries.length;
    this.#store.entries.push(...pending);
    for (const [index, { entry, at }] of pending.entries()) this.#apply(entry, firstSeq + index, at);
  }
}
