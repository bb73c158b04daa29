// Who is in the room: sessions, nicks, and the highest message number accepted from each, also of those who
// left; and where else they can go. Knows nothing of frames or of the log.

import { skeletonsOf } from "./lookalikes.ts";
import { foldNick } from "./text.ts";

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
  graceEndMs: number | undefined;
  /** Id of the server through which they are in, if there are many. */
  nodeId: bigint | undefined;
}

/** Somebody who comes. */
export type NewMember =
  & Pick<Member, "sessionId" | "nick" | "address" | "sinceMs">
  & Partial<Pick<Member, "nodeId">>;

/** Why somebody cannot have a nick. */
export type NickConflict = "nick-taken" | "nick-lookalike";

/** Servers of a room that many serve, as `host:port`, and the id of the one that said so. */
export interface ClusterServers {
  readonly backups: readonly string[];
  readonly nodeId: bigint;
}

/** The room's members, and the counters of those who were. */
export class Members implements Iterable<Member> {
  /** Other servers to go to that people have named, as `host:port`. */
  named: readonly string[] = [];
  /** Those that serve the same room, so far as that was said. */
  serving: ClusterServers | undefined;
  readonly #bySession = new Map<bigint, Member>();
  readonly #byNick = new Map<string, Member>();
  readonly #byLook = new Map<string, Member>();
  readonly #acceptedOfGone = new Map<bigint, number>();
  readonly #remembered: number;

  constructor({ remembered = MAX_DEPARTED }: { remembered?: number } = {}) {
    this.#remembered = remembered;
  }

  get size(): number {
    return this.#bySession.size;
  }

  [Symbol.iterator](): Iterator<Member> {
    return this.#bySession.values();
  }

  /** Those who were in and of whom something was accepted, and its highest `n`; who left last comes last. */
  get gone(): Iterable<readonly [session: bigint, accepted: number]> {
    return this.#acceptedOfGone;
  }

  get(sessionId: bigint): Member | undefined {
    return this.#bySession.get(sessionId);
  }

  /** Who has this nick, or one that differs in case only. */
  withNick(nick: string): Member | undefined {
    return this.#byNick.get(foldNick(nick));
  }

  /** Who but `session` has a nick that can be taken for this one. */
  lookalike(nick: string, sessionId: bigint): Member | undefined {
    for (const look of skeletonsOf(nick)) {
      const member = this.#byLook.get(look);
      if (member && member.sessionId !== sessionId) return member;
    }
    return undefined;
  }

  /** Why `session` cannot have a nick: whose it is, or whose it can be taken for. */
  rival(nick: string, sessionId: bigint): NickConflict | undefined {
    const holder = this.withNick(nick);
    if (holder && holder.sessionId !== sessionId) return "nick-taken";
    return this.lookalike(nick, sessionId) && "nick-lookalike";
  }

  /** Counts a message of somebody who is in or was. Returns whether its `n` is above all before. */
  accept(sessionId: bigint, clientSeq: number): boolean {
    const member = this.#bySession.get(sessionId);
    if (!member) {
      if (clientSeq <= (this.#acceptedOfGone.get(sessionId) ?? 0)) return false;
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
    const lastClientSeq = this.#acceptedOfGone.get(sessionId) ?? 0;
    const member = {
      sessionId,
      nick,
      address,
      sinceMs,
      lastClientSeq,
      lastProposedSeq: lastClientSeq,
      graceEndMs: undefined,
      nodeId,
    };
    this.#acceptedOfGone.delete(sessionId);
    this.#bySession.set(sessionId, member);
    this.#name(member);
    return member;
  }

  /** Gives a person another nick, which must be free or theirs. */
  rename(member: Member, nick: string): void {
    this.#unname(member);
    member.nick = nick;
    this.#name(member);
  }

  /** Removes a person; their counter is remembered. */
  remove(member: Member): void {
    const { sessionId, lastClientSeq } = member;
    this.#bySession.delete(sessionId);
    this.#unname(member);
    if (lastClientSeq > 0) this.#remember(sessionId, lastClientSeq);
  }

  #remember(sessionId: bigint, lastClientSeq: number): void {
    this.#acceptedOfGone.delete(sessionId);
    this.#acceptedOfGone.set(sessionId, lastClientSeq);
    if (this.#acceptedOfGone.size > this.#remembered) {
      // A Map iterates in the order of insertion: its first key was set longest ago.
      this.#acceptedOfGone.delete(this.#acceptedOfGone.keys().next().value!);
    }
  }

  #name(member: Member): void {
    this.#byNick.set(foldNick(member.nick), member);
    for (const look of skeletonsOf(member.nick)) this.#byLook.set(look, member);
  }

  #unname({ nick }: Member): void {
    this.#byNick.delete(foldNick(nick));
    for (const look of skeletonsOf(nick)) this.#byLook.delete(look);
  }
}
