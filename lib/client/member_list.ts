// Who is online, as far as a client knows. Pure.

import { suggest } from "../text/text.ts";
import type { MemberInfo, RoomEvent } from "../protocol/frames.ts";
import { foldNick, isNick } from "../text/nick.ts";

/** Most people that are known at a time. */
const MAX_MEMBERS = 10_000;

/** The people online. */
export class MemberList implements Iterable<MemberInfo> {
  readonly #max: number;
  readonly #people = new Map<bigint, MemberInfo>();
  #staleSinceMs: number | undefined;

  constructor({ max = MAX_MEMBERS }: { max?: number } = {}) {
    this.#max = max;
  }

  [Symbol.iterator](): Iterator<MemberInfo> {
    return this.#people.values();
  }

  /** Since when nothing is heard of them, in ms since 1970 UTC; undefined while it is, or never was. */
  get staleSinceMs(): number | undefined {
    return this.#staleSinceMs;
  }

  /** The server that tells of them is lost, at this time, in ms since 1970 UTC. */
  markStale(timeMs: number): void {
    this.#staleSinceMs = timeMs;
  }

  /** A server has said who is in. */
  replace(people: Iterable<MemberInfo>): void {
    this.#staleSinceMs = undefined;
    this.#people.clear();
    for (const person of people) this.#people.set(person.sessionId, person);
  }

  /** Something happened in the room. */
  apply(event: RoomEvent): void {
    switch (event.type) {
      case "joined": {
        if (this.#people.size >= this.#max) return;
        const { sessionId, nick, address, timeMs: sinceMs } = event;
        this.#people.set(sessionId, { sessionId, nick, address, sinceMs });
        return;
      }
      case "left":
        this.#people.delete(event.sessionId);
        return;
      case "renamed": {
        const person = this.#people.get(event.sessionId);
        if (person) this.#people.set(event.sessionId, { ...person, nick: event.nick });
        return;
      }
    }
  }

  /** Who has this nick, or one that differs in case only. */
  find(nick: string): MemberInfo | undefined {
    const key = foldNick(nick);
    return this.#byNick().find((person) => foldNick(person.nick) === key);
  }

  /** The nick online that looks most like this one; undefined if none does. */
  suggest(nick: string): string | undefined {
    return suggest(nick, this.#byNick().map((person) => person.nick));
  }

  /** Those whose nick can be one, whatever a server says. */
  #byNick(): MemberInfo[] {
    return [...this.#people.values()].filter(({ nick }) => isNick(nick));
  }
}
