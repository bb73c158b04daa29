// The state of a room: its members, their nicks and message counters, and its backups. Only committed events change it,
// so all nodes reach the same state from the same log.

import { LruMap } from "../base/limits.ts";
import type { Joined, Left, ProposedEvent, Renamed, Said, Uncommitted } from "../protocol/frames.ts";
import { foldNick } from "../text/nick.ts";
import { skeletonsOf } from "../text/skeleton.ts";
import { CommittedBackups } from "./backup_list.ts";

/** Sessions that have left whose `lastClientSeq` is kept; the one that left first is dropped first. */
export const MAX_DEPARTED = 10_000;

export interface Member {
  readonly sessionId: bigint;
  nick: string;
  /** IP address of the last connection. */
  address: string;
  /** When they joined, ms since 1970 UTC. */
  readonly sinceMs: number;
  /** Highest `clientSeq` committed. */
  lastClientSeq: number;
  /** Highest `clientSeq` proposed by this node, or committed. */
  lastProposedSeq: number;
  /** End of the resume grace, in monotonic ms; undefined while connected, or on another node. */
  resumableUntilMs: number | undefined;
  /** The node that the member is connected to; undefined without a cluster. */
  nodeId?: bigint;
}

type NewMember = Omit<Member, "lastClientSeq" | "lastProposedSeq" | "resumableUntilMs">;

/** Iterates over the members in the order in which they joined. */
export class RoomState implements Iterable<Member> {
  readonly backups = new CommittedBackups();
  readonly #bySessionId = new Map<bigint, Member>();
  readonly #byNick = new Map<string, Member>();
  readonly #bySkeleton = new Map<string, Member>();
  readonly #departedClientSeqs: LruMap<bigint, number>;

  /** Only tests pass `maxDeparted`: it must be the same on all nodes, or a duplicate is dropped on some alone. */
  constructor(maxDeparted = MAX_DEPARTED) {
    this.#departedClientSeqs = new LruMap(maxDeparted);
  }

  get size(): number {
    return this.#bySessionId.size;
  }

  [Symbol.iterator](): Iterator<Member> {
    return this.#bySessionId.values();
  }

  /** Sessions that have left and sent messages; the one that left last comes last. */
  get departed(): Iterable<readonly [sessionId: bigint, lastClientSeq: number]> {
    return this.#departedClientSeqs;
  }

  get(sessionId: bigint): Member | undefined {
    return this.#bySessionId.get(sessionId);
  }

  /** Ignores case. */
  findByNick(nick: string): Member | undefined {
    return this.#byNick.get(foldNick(nick));
  }

  /** A member of another session whose nick looks like this one. */
  confusable(nick: string, sessionId: bigint): Member | undefined {
    for (const skeleton of skeletonsOf(nick)) {
      const member = this.#bySkeleton.get(skeleton);
      if (member && member.sessionId !== sessionId) return member;
    }
    return undefined;
  }

  /** Why this session cannot have the nick, if it cannot. */
  nickConflict(nick: string, sessionId: bigint): "nick-taken" | "nick-lookalike" | undefined {
    const holder = this.findByNick(nick);
    if (holder && holder.sessionId !== sessionId) return "nick-taken";
    return this.confusable(nick, sessionId) && "nick-lookalike";
  }

  /** Returns the entry that members read, or undefined if the event is a no-op: a duplicate, a tombstone, or a nick
   * that another member has by now. */
  apply(event: ProposedEvent): Uncommitted | undefined {
    switch (event.type) {
      case "said":
        return this.#applySaid(event);
      case "joined":
        return this.#applyJoined(event);
      case "left":
        return this.#applyLeft(event);
      case "renamed":
        return this.#applyRenamed(event);
      case "announced":
        return event;
      case "backups":
        return this.backups.apply(event);
    }
  }

  /** The fewest events that make the same state from an empty one. */
  *snapshot(): Generator<ProposedEvent> {
    for (const { sessionId, nick, address, sinceMs, lastClientSeq, nodeId } of this) {
      if (lastClientSeq > 0) yield tombstone(sessionId, lastClientSeq);
      const joined = { type: "joined", timeMs: sinceMs, sessionId, rejoined: false, nick, address } as const;
      yield nodeId === undefined ? joined : { ...joined, nodeId };
    }
    for (const [sessionId, lastClientSeq] of this.departed) yield tombstone(sessionId, lastClientSeq);
    yield* this.backups.snapshot();
  }

  /** Records a message of a member or of a departed session. Returns false for a duplicate. */
  recordClientSeq(sessionId: bigint, clientSeq: number): boolean {
    const member = this.#bySessionId.get(sessionId);
    if (!member) {
      if (clientSeq <= (this.#departedClientSeqs.get(sessionId) ?? 0)) return false;
      this.#departedClientSeqs.set(sessionId, clientSeq);
      return true;
    }
    if (clientSeq <= member.lastClientSeq) return false;
    member.lastClientSeq = clientSeq;
    if (clientSeq > member.lastProposedSeq) member.lastProposedSeq = clientSeq;
    return true;
  }

  /** The nick must be free. */
  add(newMember: NewMember): Member {
    const { sessionId } = newMember;
    const lastClientSeq = this.#departedClientSeqs.get(sessionId) ?? 0;
    const member: Member = {
      nodeId: undefined,
      ...newMember,
      lastClientSeq,
      lastProposedSeq: lastClientSeq,
      resumableUntilMs: undefined,
    };
    this.#departedClientSeqs.delete(sessionId);
    this.#bySessionId.set(sessionId, member);
    this.#indexNick(member);
    return member;
  }

  /** The nick must be free, or the member's in another case. */
  rename(member: Member, nick: string): void {
    this.#unindexNick(member);
    member.nick = nick;
    this.#indexNick(member);
  }

  remove(member: Member): void {
    const { sessionId, lastClientSeq } = member;
    this.#bySessionId.delete(sessionId);
    this.#unindexNick(member);
    if (lastClientSeq > 0) this.#departedClientSeqs.set(sessionId, lastClientSeq);
  }

  /** The entry has the sender's nick of now: a rename may have been committed after the message was proposed. */
  #applySaid(event: Uncommitted<Said>): Uncommitted<Said> | undefined {
    const member = this.get(event.sessionId);
    if (!this.recordClientSeq(event.sessionId, event.clientSeq) || event.text === "") return undefined;
    return !member || member.nick === event.nick ? event : { ...event, nick: member.nick };
  }

  /** A session that is in already has reconnected: its address and node change, and members read nothing. */
  #applyJoined({ nodeId, ...joined }: ProposedEvent<Joined>): Uncommitted<Joined> | undefined {
    const { sessionId, nick, address, timeMs } = joined;
    const member = this.get(sessionId);
    if (member) Object.assign(member, { address, nodeId });
    if (member || this.nickConflict(nick, sessionId)) return undefined;
    this.add({ sessionId, nick, address, sinceMs: timeMs, nodeId });
    return joined;
  }

  /** A node removes only members that are still connected to it; without a node the event is a kick. */
  #applyLeft({ nodeId, ...left }: ProposedEvent<Left>): Uncommitted<Left> | undefined {
    const member = this.get(left.sessionId);
    if (!member || (nodeId !== undefined && nodeId !== member.nodeId)) return undefined;
    this.remove(member);
    return { ...left, nick: member.nick };
  }

  #applyRenamed(event: Uncommitted<Renamed>): Uncommitted<Renamed> | undefined {
    const { sessionId, nick } = event;
    const member = this.get(sessionId);
    if (!member || member.nick === nick || this.nickConflict(nick, sessionId)) return undefined;
    const oldNick = member.nick;
    this.rename(member, nick);
    return { ...event, oldNick };
  }

  #indexNick(member: Member): void {
    this.#byNick.set(foldNick(member.nick), member);
    for (const skeleton of skeletonsOf(member.nick)) this.#bySkeleton.set(skeleton, member);
  }

  #unindexNick({ nick }: Member): void {
    this.#byNick.delete(foldNick(nick));
    for (const skeleton of skeletonsOf(nick)) this.#bySkeleton.delete(skeleton);
  }
}

/** A message without its text: it counts for deduplication, and members read nothing. */
export function tombstone(sessionId: bigint, clientSeq: number): Uncommitted<Said> {
  return { type: "said", timeMs: 0, sessionId, clientSeq, redelivered: false, nick: "", text: "" };
}
