// What stands between a proposal and an entry of the room's log: it gives entries their `seq`, and keeps them as
// long as it can. Knows nothing of what they mean.

import type { Moment } from "./clock.ts";
import type { ProposedEvent } from "./protocol.ts";

/** Is given each entry once, in the order of `seq`, without a gap. `at` is when the journal got it, on the clocks
 * of this process; the monotonic one never goes back. `isForeign`: another server proposed it. */
export type Apply = (entry: ProposedEvent, seq: number, at: Moment, isForeign?: boolean) => void;

/** Numbers what is proposed, and gives it back when it has it: from then on it has happened, and whoever follows
 * the same journal, now or later, is given the same. What is proposed is given back in the end, unless the process
 * dies; what one session says, in the order in which it was proposed here. It may be given back twice: the room
 * sees to it that it happens once. */
export interface CommitLog {
  /** Tells what is numbered here from what is numbered anywhere else; not zero. */
  readonly instance: bigint;
  /** `seq` of the first entry that it gives. */
  readonly firstSeq: number;
  /** Entries that make those members who were in before the first: what it still knows of a time that it does not
   * keep. */
  readonly past: Iterable<ProposedEvent>;
  /** Id of this server, if others follow the same journal; not zero. */
  readonly home?: bigint;
  /** Whether it can keep nothing for the moment: what is proposed waits, and nobody should say more. */
  readonly isStuck: boolean;
  /** Whether what is proposed waits already for longer than anybody who comes in would. */
  readonly isAway?: boolean;
  /** Gives what it has to `take`; later entries only during {@linkcode propose} and {@linkcode settle}. `onWork` is
   * called when the latter has something to do. */
  follow(take: Apply, onWork: () => void): void;
  /** Takes an entry that is to happen. */
  propose(entry: ProposedEvent, now: Moment): void;
  /** Gives back what it has by now. */
  settle(): void;
  /** How much it keeps, in bytes; undefined if nothing, or nobody can tell. */
  readonly storedBytes?: number;
}

/** Keeps nothing, and so has everything at once. */
export class InMemoryCommitLog implements CommitLog {
  readonly instance: bigint;
  readonly firstSeq = 0;
  readonly past = [];
  readonly isStuck = false;
  #seq = 0;
  #take: Apply = () => {};

  constructor(instance: bigint) {
    this.instance = instance;
  }

  follow(take: Apply): void {
    this.#take = take;
  }

  propose(entry: ProposedEvent, now: Moment): void {
    this.#take(entry, this.#seq++, now);
  }

  settle(): void {}
}
