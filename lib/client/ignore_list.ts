// The members whose messages the user does not want to see, on this client alone.

import type { RoomEvent } from "../protocol/frames.ts";
import { foldNick } from "../text/nick.ts";

interface Ignored {
  readonly nick: string;
  /** Undefined if the member was not here when the user named them. */
  readonly sessionId?: bigint;
}

/** Sessions are the same on every server. A nick is ignored with its session, because a client that is started again has
 * another session; it follows when the session takes another nick. */
export class IgnoreList implements Iterable<Ignored> {
  #list: readonly Ignored[] = [];

  [Symbol.iterator](): Iterator<Ignored> {
    return this.#list[Symbol.iterator]();
  }

  /** Returns whether the member is ignored from now on, and no more if they were. */
  toggle(member: Ignored): boolean {
    const others = this.#list.filter((ignored) => !isSame(ignored, member));
    const isNew = others.length === this.#list.length;
    this.#list = isNew ? [...others, member] : others;
    return isNew;
  }

  /** Whether an event is not to be shown. To be called with every event of the room. */
  hides(event: RoomEvent): boolean {
    if (this.#list.length === 0) return false;
    if (event.type === "said") return this.#list.some((ignored) => isSame(ignored, event));
    if (event.type === "renamed") {
      const { sessionId, nick } = event;
      this.#list = this.#list.map((ignored) =>
        ignored.sessionId === sessionId ? { sessionId, nick } : ignored
      );
    } else if (event.type === "joined") {
      const { sessionId, nick } = event;
      this.#list = this.#list.map((ignored) => isSame(ignored, event) ? { sessionId, nick } : ignored);
    }
    return false;
  }
}

function isSame(one: Ignored, other: Ignored): boolean {
  return one.sessionId === other.sessionId && one.sessionId !== undefined ||
    foldNick(one.nick) === foldNick(other.nick);
}
