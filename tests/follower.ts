// A server that follows a log in a store in memory, and what servers say to it.

import { concat } from "@std/bytes/concat";
import { systemClock } from "../lib/clock.ts";
import type { NatsError } from "../lib/errors.ts";
import { encodeBlockHead, encodeProposal } from "../lib/nats_block.ts";
import type { ProposedEvent, Said } from "../lib/protocol.ts";
import { ReplicatedCommitLog, type SharedJournalOptions } from "../lib/shared_journal.ts";
import { type FakeLog, FakeStore } from "./fake_store.ts";

/** Message `n` of a session. */
export function said(session: bigint, n: number): ProposedEvent {
  return { type: "said", timeMs: 5, session, n, late: false, nick: "ana", text: `t${n}` };
}

/** Somebody comes, on a server. */
export function joined(session: bigint, home: bigint): ProposedEvent {
  const who = { nick: `u${session}`, address: "::1" };
  return { type: "joined", timeMs: 5, session, back: false, ...who, home };
}

/** Block `number` of a server, with one entry. */
export function encodeBlock(server: bigint, entry: ProposedEvent, number = 1): Uint8Array {
  return concat([encodeBlockHead({ server, number }), encodeProposal(entry)]);
}

/** A server that follows a log. */
export class Follower implements AsyncDisposable {
  readonly journal: ReplicatedCommitLog;
  readonly taken: { entry: ProposedEvent; seq: number; isForeign: boolean | undefined }[] = [];
  readonly store: FakeStore;
  readonly news: (boolean | NatsError)[];

  readonly past: readonly ProposedEvent[];

  private constructor(journal: ReplicatedCommitLog, store: FakeStore, news: Follower["news"]) {
    this.past = journal.past;
    this.journal = journal;
    this.store = store;
    this.news = news;
    journal.follow(
      (entry, seq, _at, isForeign) => this.taken.push({ entry, seq, isForeign }),
      () => queueMicrotask(() => journal.settle()),
    );
  }

  static async open(log: FakeLog, home: bigint, options: Partial<SharedJournalOptions> = {}) {
    const store = new FakeStore(log);
    const news: Follower["news"] = [];
    const journal = await ReplicatedCommitLog.open(store, {
      home,
      instance: 100n + home,
      clock: systemClock,
      onAway: (isAway) => news.push(isAway),
      onBroken: (error) => news.push(error),
      openingMs: 0,
      ...options,
    });
    return new Follower(journal, store, news);
  }

  say(...entries: ProposedEvent[]): void {
    for (const entry of entries) this.journal.propose(entry);
  }

  get words(): string[] {
    return this.taken.map(({ entry, seq }) => {
      const { session, n } = entry as Said;
      return `${seq}:${entry.type === "said" ? `${session}.${n}` : `${entry.type} ${session}`}`;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.journal.close();
  }
}
