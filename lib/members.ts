// Who is in the room: sessions, nicks, and the highest message number accepted from each, also of those who
// left. Knows nothing of frames or of the log.

import { nickKey } from "./text.ts";

/** Sessions of people who left that a server remembers, least recently gone first to be forgotten. */
export const REMEMBERED_SESSIONS = 10_000;

/** A person in the room. */
export interface Member {
  readonly session: bigint;
  nick: string;
  /** IP address of their last connection. */
  address: string;
  /** When they came, ms since 1970 UTC. */
  readonly sinceMs: number;
  /** Highest `n` accepted from them. */
  accepted: number;
  /** Until when they may come back unnoticed, in monotonic ms; undefined while they are connected. */
  graceEndMs: number | undefined;
}

/** The room's members, and the counters of those who were. */
export class Members implements Iterable<Member> {
  readonly #bySession = new Map<bigint, Member>();
  readonly #byNick = new Map<string, Member>();
  readonly #acceptedOfGone = new Map<bigint, number>();
  readonly #remembered: number;

  constructor({ remembered = REMEMBERED_SESSIONS }: { remembered?: number } = {}) {
    this.#remembered = remembered;
  }

  get size(): number {
    return this.#bySession.size;
  }

  [Symbol.iterator](): Iterator<Member> {
    return this.#bySession.values();
  }

  get(session: bigint): Member | undefined {
    return this.#bySession.get(session);
  }

  /** Who has this nick, or one that differs in case only. */
  withNick(nick: string): Member | undefined {
    return this.#byNick.get(nickKey(nick));
  }

  /** Adds a person. The nick must be free. */
  add({ session, nick, address, sinceMs }: Omit<Member, "accepted" | "graceEndMs">): Member {
    const member = {
      session,
      nick,
      address,
      sinceMs,
      accepted: this.#acceptedOfGone.get(session) ?? 0,
      graceEndMs: undefined,
    };
    this.#acceptedOfGone.delete(session);
    this.#bySession.set(session, member);
    this.#byNick.set(nickKey(nick), member);
    return member;
  }

  /** Gives a person another nick, which must be free or theirs. */
  rename(member: Member, nick: string): void {
    this.#byNick.delete(nickKey(member.nick));
    member.nick = nick;
    this.#byNick.set(nickKey(nick), member);
  }

  /** Removes a person; their counter is remembered. */
  remove({ session, nick, accepted }: Member): void {
    this.#bySession.delete(session);
    this.#byNick.delete(nickKey(nick));
    if (accepted === 0) return; // nothing to remember
    this.#acceptedOfGone.set(session, accepted);
    if (this.#acceptedOfGone.size > this.#remembered) {
      // A Map iterates in the order of insertion: its first key was set longest ago.
      this.#acceptedOfGone.delete(this.#acceptedOfGone.keys().next().value!);
    }
  }
}
