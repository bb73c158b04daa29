// Who is in, in the bytes in which WELCOME lists them: everybody who comes is given the same memory, in which
// only those are added who come after them. Pure.

import { HEADER_BYTES } from "../codec.ts";
import {
  encodeMemberInfo,
  MAX_BACKUP_BYTES,
  MAX_BACKUPS,
  MAX_NICK_BYTES,
  MAX_SERVER_FRAME_BYTES,
  type MemberInfo,
} from "../protocol/frames.ts";

/** Bytes that all of WELCOME before its list of people takes, at most. */
const MAX_WELCOME_HEADER_BYTES = HEADER_BYTES + 1 + 2 * 8 + 2 + MAX_NICK_BYTES + 4 + 2 * 8 + 1 +
  MAX_BACKUPS * (2 + MAX_BACKUP_BYTES) + 4;
/** Longest list. */
export const MAX_MEMBERS_BYTES = MAX_SERVER_FRAME_BYTES - MAX_WELCOME_HEADER_BYTES;

const INITIAL_BYTES = 1_024;

/** The encoded list of who is in. A list that was given is never changed. */
export class MemberListCache {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #length = 0;
  #isStale = false;

  /** Somebody came. */
  add(person: MemberInfo): void {
    if (!this.#isStale) this.#append(person);
  }

  /** Somebody left, or is not what they were: the next list is made anew. */
  invalidate(): void {
    this.#isStale = true;
  }

  /** The records of as many as fit into WELCOME, of `people` who were added and no others. */
  encode(people: Iterable<MemberInfo>): Uint8Array<ArrayBuffer> {
    if (this.#isStale) {
      this.#isStale = false;
      this.#bytes = new Uint8Array(INITIAL_BYTES);
      this.#length = 0;
      for (const person of people) this.#append(person);
    }
    return this.#bytes.subarray(0, this.#length);
  }

  #append(person: MemberInfo): void {
    const record = encodeMemberInfo(person);
    const end = this.#length + record.length;
    if (end > MAX_MEMBERS_BYTES) return;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(record, this.#length);
    this.#length = end;
  }
}
