// A journal that takes its time, and whose store outlives it: what a file is to a server, without the file.

import type { Moment } from "../lib/clock.ts";
import type { Apply, CommitLog } from "../lib/journal.ts";
import type { Unnumbered } from "../lib/protocol.ts";

/** What is stored. */
export interface Store {
  readonly instance: bigint;
  readonly entries: { readonly entry: Unnumbered; readonly at: Moment }[];
}

/** Stores what is proposed when it is told to, and gives it back then. */
export class StagedJournal implements CommitLog {
  readonly firstSeq = 0;
  readonly past = [];
  isStuck = false;
  readonly #store: Store;
  #staged: { entry: Unnumbered; at: Moment }[] = [];
  #take: Apply = () => {};
  #onWork = () => {};

  constructor(store: Store = { instance: 1n, entries: [] }) {
    this.#store = store;
  }

  get instance(): bigint {
    return this.#store.instance;
  }

  follow(take: Apply, onWork: () => void): void {
    [this.#take, this.#onWork] = [take, onWork];
    for (const [seq, { entry, at }] of this.#store.entries.entries()) take(entry, seq, at);
  }

  propose(entry: Unnumbered, now: Moment): void {
    this.#staged.push({ entry: { ...entry }, at: now });
    if (this.#staged.length === 1) this.#onWork();
  }

  settle(): void {
    if (this.isStuck) return;
    const staged = this.#staged;
    this.#staged = [];
    const firstSeq = this.#store.entries.length;
    this.#store.entries.push(...staged);
    for (const [index, { entry, at }] of staged.entries()) this.#take(entry, firstSeq + index, at);
  }
}
