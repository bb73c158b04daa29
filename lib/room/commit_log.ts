// What stands between a proposal and an entry of the room's log: it gives entries their `seq`, and keeps them as
// long as it can. Knows nothing of what they mean.

import type { Instant } from "../base/time.ts";
import type { ProposedEvent } from "../protocol/frames.ts";

/** Is given each entry once, in the order of `seq`, without a gap. `at` is when the journal got it, on the clocks
 * of this process; the monotonic one never goes back. `isRemote`: another server proposed it. */
export type Apply = (entry: ProposedEvent, seq: number, at: Instant, isRemote?: boolean) => void;

/** Numbers what is proposed, and gives it back when it has it: from then on it has happened, and whoever follows
 * the same journal, now or later, is given the same. What is proposed is given back in the end, unless the process
 * dies; what one session says, in the order in which it was proposed here. It may be given back twice: the room
 * sees to it that it happens once. */
export interface CommitLog {
  /** Tells what is numbered here from what is numbered anywhere else; not zero. */
  readonly logId: bigint;
  /** `seq` of the first entry that it gives. */
  readonly firstSeq: number;
  /** Entries that make those members who were in before the first: what it still knows of a time that it does not
   * keep. */
  readonly snapshot: Iterable<ProposedEvent>;
  /** Id of this server, if others follow the same journal; not zero. */
  readonly nodeId?: bigint;
  /** Whether it can keep nothing for the moment: what is proposed waits, and nobody should say more. */
  readonly isBlocked: boolean;
  /** Whether what is proposed waits already for longer than anybody who comes in would. */
  readonly isUnavailable?: boolean;
  /** Gives what it has to `take`; later entries only during {@linkcode propose} and {@linkcode settle}. `onReady` is
   * called when the latter has something to do. */
  subscribe(apply: Apply, onReady: () => void): void;
  /** Takes an entry that is to happen. */
  propose(entry: ProposedEvent, now: Instant): void;
  /** Gives back what it has by now. */
  deliver(): void;
  /** How much it keeps, in bytes; undefined if nothing, or nobody can tell. */
  readonly storedBytes?: number;
}

/** Keeps nothing, and so has everything at once. */
export class InMemoryCommitLog implements CommitLog {
  readonly logId: bigint;
  readonly firstSeq = 0;
  readonly snapshot = [];
  readonly isBlocked = false;
  #seq = 0;
  #apply: Apply = () => {};

  constructor(logId: bigint) {
    this.logId = logId;
  }

  subscribe(apply: Apply): void {
    this.#apply = apply;
  }

  propose(entry: ProposedEvent, now: Instant): void {
    this.#apply(entry, this.#seq++, now);
  }

  deliver(): void {}
}
