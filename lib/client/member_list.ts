// The members of the room, as the client knows them.

import { suggest } from "../text/text.ts";
import type { MemberInfo, RoomEvent } from "../protocol/frames.ts";
import { foldNick, isNick } from "../text/nick.ts";

export const MAX_MEMBERS = 10_000;

export class MemberList implements Iterable<MemberInfo> {
  readonly #maxMembers: number;
  readonly #members = new Map<bigint, MemberInfo>();
  /** Members of whom only the number is known. */
  #unlistedCount = 0;
  #staleSinceMs: number | undefined;

  constructor({ maxMembers }: { readonly maxMembers: number }) {
    this.#maxMembers = maxMembers;
  }

  [Symbol.iterator](): Iterator<MemberInfo> {
    return this.#members.values();
  }

  /** Of all members, not only those that are listed. */
  get count(): number {
    return this.#members.size + this.#unlistedCount;
  }

  /** When the list stopped being current, in ms since 1970 UTC; undefined while it is current, and before the first
   * {@linkcode replace}. */
  get staleSinceMs(): number | undefined {
    return this.#staleSinceMs;
  }

  markStale(timeMs: number): void {
    this.#staleSinceMs = timeMs;
  }

  replace(members: Iterable<MemberInfo>, unlistedCount = 0): void {
    this.#staleSinceMs = undefined;
    this.#unlistedCount = unlistedCount;
    this.#members.clear();
    for (const member of members) this.#members.set(member.sessionId, member);
  }

  apply(event: RoomEvent): void {
    switch (event.type) {
      case "joined": {
        if (this.#members.size >= this.#maxMembers) {
          this.#unlistedCount++;
          return;
        }
        const { sessionId, nick, address, timeMs: sinceMs } = event;
        this.#members.set(sessionId, { sessionId, nick, address, sinceMs });
        return;
      }
      case "left":
        if (!this.#members.delete(event.sessionId) && this.#unlistedCount > 0) this.#unlistedCount--;
        return;
      case "renamed": {
        const member = this.#members.get(event.sessionId);
        if (member) this.#members.set(event.sessionId, { ...member, nick: event.nick });
        return;
      }
    }
  }

  has(sessionId: bigint): boolean {
    return this.#members.has(sessionId);
  }

  /** The member with this nick, in any case. */
  find(nick: string): MemberInfo | undefined {
    const key = foldNick(nick);
    return this.#byNick().find((member) => foldNick(member.nick) === key);
  }

  suggest(nick: string): string | undefined {
    return suggest(nick, this.#byNick().map((member) => member.nick));
  }

  /** Leaves out nicks that a server must not have accepted. */
  #byNick(): MemberInfo[] {
    return [...this.#members.values()].filter(({ nick }) => isNick(nick));
  }
}
