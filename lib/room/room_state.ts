// What has happened in a room: its log, who is in, and what follows from both. It changes by the entries of a journal,
// one after the other; addresses alone change without one. Pure.

import { MemberListCache } from "./welcome.ts";
import type { Instant } from "../base/time.ts";
import { applyEvent } from "./fold.ts";
import type { CommitLog } from "./commit_log.ts";
import { type Member, Members } from "./state.ts";
import { encodeEntry, encodeServer, type ProposedEvent, type Uncommitted } from "../protocol/frames.ts";
import { Rate } from "./rate.ts";
import { EventLog, type EventLogOptions } from "./event_log.ts";

/** What comes to nothing. */
const NOOP_EVENT = { type: "noop" } as const;

/** The state of a room. */
export class RoomState {
  readonly log: EventLog;
  readonly members = new Members();
  readonly #memberListCache = new MemberListCache();
  /** Of messages. */
  readonly #rate = new Rate();

  constructor({ firstSeq, snapshot }: Pick<CommitLog, "firstSeq" | "snapshot">, options?: EventLogOptions) {
    this.log = new EventLog({
      ...options,
      firstSeq,
      placeholder: (seq) => encodeServer({ type: "noop", seq }),
    });
    for (const entry of snapshot) applyEvent(this.members, entry);
    this.#memberListCache.invalidate();
  }

  /** An entry has its place in the journal: it happens. What comes to nothing has its `seq` all the same. */
  apply(proposed: ProposedEvent, seq: number, { monotonicMs }: Instant): void {
    if (proposed.type === "joined") {
      this.updateAddress(this.members.get(proposed.sessionId), proposed.address);
    }
    const entry = applyEvent(this.members, proposed);
    const frame = encodeEntry(entry ?? NOOP_EVENT, seq);
    this.log.append(frame, monotonicMs, entry && audienceOf(entry));
    if (entry?.type === "said") this.#rate.note(monotonicMs);
    else if (entry?.type === "joined") this.#memberListCache.add(this.members.get(entry.sessionId)!);
    else if (entry?.type === "left" || entry?.type === "renamed") this.#memberListCache.invalidate();
  }

  /** Somebody who is in comes from this IP address now: nobody need be told. */
  updateAddress(member: Member | undefined, address: string): void {
    if (!member || member.address === address) return;
    member.address = address;
    this.#memberListCache.invalidate();
  }

  /** The list of people that ends WELCOME. Its memory is shared. */
  get online(): Uint8Array<ArrayBuffer> {
    return this.#memberListCache.encode(this.members);
  }

  /** Messages accepted in a second, on average over the last RATE_SECONDS. */
  eventsPerSecond({ monotonicMs }: Instant): number {
    return this.#rate.perSecond(monotonicMs);
  }
}

/** Who alone may read an entry, if it is not for everybody. */
function audienceOf(entry: Uncommitted): { audience: readonly bigint[] } | undefined {
  return entry.type === "said" && entry.to ? { audience: [entry.sessionId, entry.to.sessionId] } : undefined;
}
