// Who is in the room: sessions, nicks, and the highest message number accepted from each, also of those who
// left; and where else they can go. Knows nothing of frames or of the log.

import { skeletonsOf } from "../text/skeleton.ts";
import { foldNick } from "../text/nick.ts";

/** Sessions of people who left that a server remembers, least recently gone first to be forgotten. */
export const MAX_DEPARTED = 10_000;

/** A person in the room. */
export interface Member {
  readonly sessionId: bigint;
  nick: string;
  /** IP address of their last connection. */
  address: string;
  /** When they came, ms since 1970 UTC. */
  readonly sinceMs: number;
  /** Highest `n` accepted from them. */
  lastClientSeq: number;
  /** Highest `n` proposed for them here, or accepted. */
  lastProposedSeq: number;
  /** Until when they may come back unnoticed, in monotonic ms; undefined while they are connected, or elsewhere. */
  resumableUntilMs: number | undefined;
  /** Id of the server through which they are in, if there are many. */
  nodeId: bigint | undefined;
}

/** Somebody who comes. */
type NewMember =
  & Pick<Member, "sessionId" | "nick" | "address" | "sinceMs">
  & Partial<Pick<Member, "nodeId">>;

/** Why somebody cannot have a nick. */
type NickConflict = "nick-taken" | "nick-lookalike";

/** Servers of a room that many serve, as `host:port`, and the id of the one that said so. */
interface ClusterServers {
  readonly backups: readonly string[];
  readonly nodeId: bigint;
}

/** The room's members, and the counters of those who were. */
export class Members implements Iterable<Member> {
  /** Other servers to go to that people have named, as `host:port`. */
  configuredBackups: readonly string[] = [];
  /** Those that serve the same room, so far as that was said. */
  clusterServers: ClusterServers | undefined;
  readonly #bySessionId = new Map<bigint, Member>();
  readonly #byNick = new Map<string, Member>();
  readonly #bySkeleton = new Map<string, Member>();
  readonly #departedClientSeqs = new Map<bigint, number>();
  readonly #maxDeparted: number;

  constructor({ maxDeparted = MAX_DEPARTED }: { maxDeparted?: number } = {}) {
    this.#maxDeparted = maxDeparted;
  }

  get size(): number {
    return this.#bySessionId.size;
  }

  [Symbol.iterator](): Iterator<Member> {
    return this.#bySessionId.values();
  }

  /** Those who were in and of whom something was accepted, and its highest `n`; who left last comes last. */
  get departed(): Iterable<readonly [session: bigint, accepted: number]> {
    return this.#departedClientSeqs;
  }

  get(sessionId: bigint): Member | undefined {
    return this.#bySessionId.get(sessionId);
  }

  /** Who has this nick, or one that differs in case only. */
  findByNick(nick: string): Member | undefined {
    return this.#byNick.get(foldNick(nick));
  }

  /** Who but `session` has a nick that can be taken for this one. */
  confusable(nick: string, sessionId: bigint): Member | undefined {
    for (const look of skeletonsOf(nick)) {
      const member = this.#bySkeleton.get(look);
      if (member && member.sessionId !== sessionId) return member;
    }
    return undefined;
  }

  /** Why `session` cannot have a nick: whose it is, or whose it can be taken for. */
  nickConflict(nick: string, sessionId: bigint): NickConflict | undefined {
    const holder = this.findByNick(nick);
    if (holder && holder.sessionId !== sessionId) return "nick-taken";
    return this.confusable(nick, sessionId) && "nick-lookalike";
  }

  /** Counts a message of somebody who is in or was. Returns whether its `n` is above all before. */
  recordClientSeq(sessionId: bigint, clientSeq: number): boolean {
    const member = this.#bySessionId.get(sessionId);
    if (!member) {
      if (clientSeq <= (this.#departedClientSeqs.get(sessionId) ?? 0)) return false;
      this.#remember(sessionId, clientSeq);
      return true;
    }
    if (clientSeq <= member.lastClientSeq) return false;
    member.lastClientSeq = clientSeq;
    if (clientSeq > member.lastProposedSeq) member.lastProposedSeq = clientSeq;
    return true;
  }

  /** Adds a person. The nick must be free. */
  add({ sessionId, nick, address, sinceMs, nodeId }: NewMember): Member {
    const lastClientSeq = this.#departedClientSeqs.get(sessionId) ?? 0;
    const member = {
      sessionId,
      nick,
      address,
      sinceMs,
      lastClientSeq,
      lastProposedSeq: lastClientSeq,
      resumableUntilMs: undefined,
      nodeId,
    };
    this.#departedClientSeqs.delete(sessionId);
    this.#bySessionId.set(sessionId, member);
    this.#indexNick(member);
    return member;
  }

  /** Gives a person another nick, which must be free or theirs. */
  rename(member: Member, nick: string): void {
    this.#unindexNick(member);
    member.nick = nick;
    this.#indexNick(member);
  }

  /** Removes a person; their counter is remembered. */
  remove(member: Member): void {
    const { sessionId, lastClientSeq } = member;
    this.#bySessionId.delete(sessionId);
    this.#unindexNick(member);
    if (lastClientSeq > 0) this.#remember(sessionId, lastClientSeq);
  }

  #remember(sessionId: bigint, lastClientSeq: number): void {
    this.#departedClientSeqs.delete(sessionId);
    this.#departedClientSeqs.set(sessionId, lastClientSeq);
    if (this.#departedClientSeqs.size > this.#maxDeparted) {
      // A Map iterates in the order of insertion: its first key was set longest ago.
      this.#departedClientSeqs.delete(this.#departedClientSeqs.keys().next().value!);
    }
  }

  #indexNick(member: Member): void {
    this.#byNick.set(foldNick(member.nick), member);
    for (const look of skeletonsOf(member.nick)) this.#bySkeleton.set(look, member);
  }

  #unindexNick({ nick }: Member): void {
    this.#byNick.delete(foldNick(nick));
    for (const look of skeletonsOf(nick)) this.#bySkeleton.delete(look);
  }
}
