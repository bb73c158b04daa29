// The commit log: orders the proposed events of a room, stores them, and gives them back as committed. The one in memory
// stores nothing.

import type { Instant } from "../base/time.ts";
import type { ProposedEvent } from "../protocol/frames.ts";

/** Called once for each event, by ascending `seq` without a gap. `at` is when the log got the event, on the clocks of
 * this process; its `monotonicMs` never decreases. `isRemote`: another node proposed it. */
export type Apply = (event: ProposedEvent, seq: number, at: Instant, isRemote?: boolean) => void;

/** All subscribers of one log get the same events with the same `seq`. A proposed event is committed in the end, unless
 * the process dies; events that one node proposes for one session keep their order. An event may be committed twice:
 * the room deduplicates.
 *
 * A log is stalled, as clients and operators are told, while it is blocked by a failed write or is unavailable. */
export interface CommitLog {
  /** Random and not zero. */
  readonly logId: bigint;
  /** `seq` of the first event that `subscribe` gives. */
  readonly firstSeq: number;
  /** Events that make the room's state before `firstSeq`. Read it before `subscribe`. */
  readonly snapshot: Iterable<ProposedEvent>;
  /** Id of this node in a cluster, not zero. */
  readonly nodeId?: bigint;
  /** Writing fails, or too many events wait: clients are read no further for now. */
  readonly isBlocked: boolean;
  /** Events have waited for seconds for the store of a cluster: clients that join get an error. */
  readonly isUnavailable?: boolean;
  /** Applies all events stored so far; later ones only during {@linkcode propose} and {@linkcode deliver}. Calls
   * `onReady` when `deliver` has something to do. */
  subscribe(apply: Apply, onReady: () => void): void;
  propose(event: ProposedEvent, now: Instant): void;
  /** Applies the events committed since the last call. A log that writes to a file writes the proposed ones first. */
  deliver(): void;
  /** Undefined if the log stores nothing, or cannot tell. */
  readonly storedBytes?: number;
}

/** Commits each event during `propose`. */
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

  propose(event: ProposedEvent, now: Instant): void {
    this.#apply(event, this.#seq++, now);
  }

  deliver(): void {}
}
