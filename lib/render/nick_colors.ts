// The color of each nick: made from the nick and from who is in the room, so it is the same on every screen.

import type { MemberInfo, RoomEvent } from "../protocol/frames.ts";
import { foldNick } from "../text/nick.ts";

/** Colors of xterm's 256, none of them red: red means a loss. Each has a contrast of at least 3.5 with black and with
 * white, where 4.6 is the best possible (WCAG 2.2, "contrast ratio"). */
export const NICK_COLORS = [28, 129, 166, 32, 94, 98, 64, 133, 27, 30] as const;
/** A hostile server could send members without end. */
const MAX_MEMBERS = 10_000;

/** FNV-1a, 32 bits. */
const HASH_OFFSET = 0x811c_9dc5;
const HASH_PRIME = 0x0100_0193;

type NamedMember = Pick<MemberInfo, "sessionId" | "nick" | "sinceMs">;

/** Follows the members of a room. While there are colors left no two members have the same: the one who joined later has
 * the next free one. */
export class NickColors {
  readonly #members = new Map<bigint, NamedMember>();
  /** Indexes of colors by folded nick, of members whose own color another member has. Undefined until it is needed. */
  #displaced: ReadonlyMap<string, number> | undefined;

  replace(members: Iterable<NamedMember>): void {
    this.#members.clear();
    for (const member of members) this.#add(member);
    this.#displaced = undefined;
  }

  apply(event: RoomEvent): void {
    if (event.type === "joined") {
      const { sessionId, nick, timeMs } = event;
      this.#add({ sessionId, nick, sinceMs: timeMs });
    } else if (event.type === "left") {
      this.#members.delete(event.sessionId);
    } else if (event.type === "renamed") {
      const member = this.#members.get(event.sessionId);
      if (member) this.#members.set(event.sessionId, { ...member, nick: event.nick });
    } else return;
    this.#displaced = undefined;
  }

  colorOf(nick: string): number {
    const key = foldNick(nick);
    this.#displaced ??= this.#findDisplaced();
    return NICK_COLORS[this.#displaced.get(key) ?? ownColor(key)]!;
  }

  #add(member: NamedMember): void {
    if (this.#members.size < MAX_MEMBERS) this.#members.set(member.sessionId, member);
  }

  #findDisplaced(): ReadonlyMap<string, number> {
    const displaced = new Map<string, number>();
    const taken = new Set<number>();
    // Members do not come in the same order on every screen.
    const byAge = [...this.#members.values()].sort((one, other) =>
      one.sinceMs - other.sinceMs || (one.sessionId < other.sessionId ? -1 : 1)
    );
    for (const { nick } of byAge) {
      if (taken.size === NICK_COLORS.length) break;
      const key = foldNick(nick);
      let index = ownColor(key);
      if (taken.has(index)) {
        while (taken.has(index)) index = (index + 1) % NICK_COLORS.length;
        displaced.set(key, index);
      }
      taken.add(index);
    }
    return displaced;
  }
}

/** Index of the color that a folded nick has if it is free. */
function ownColor(key: string): number {
  let hash = HASH_OFFSET;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), HASH_PRIME);
  return (hash >>> 0) % NICK_COLORS.length;
}
