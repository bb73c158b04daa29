// The server without sockets: an event in; entries for the log, answers, or a refusal out. Pure: time and
// identity come in as parameters, so that a simulator can drive it.

import type { Moment } from "./clock.ts";
import { InputError, ProtocolError } from "./errors.ts";
import { type Member, Members } from "./members.ts";
import {
  encodeEntry,
  FRAME,
  type Hello,
  MAX_HISTORY,
  NEVER_WHOLE_MS,
  PROTOCOL_VERSION,
  RECENT_MS,
  type Say,
  type Unnumbered,
  type Welcome,
} from "./protocol.ts";
import { type Cursor, RoomLog, type RoomLogOptions } from "./room_log.ts";
import { isText, parseNick } from "./text.ts";

/** What is added to {@linkcode RECENT_MS} for messages on their way, in ms. */
export const WINDOW_MARGIN_MS = 30_000;
/** Oldest time that a message sent again may carry. */
export const OLDEST_GIVEN_MS = 3_600_000;
/** How long a lost connection may stay away before the others are told. */
export const GRACE_MS = 3_000;

/** Settings of a room. */
export interface RoomOptions {
  /** Random and not zero: tells this run of the server from all others. */
  readonly instance: bigint;
  readonly backups?: readonly string[];
  readonly graceMs?: number;
  readonly log?: RoomLogOptions;
}

/** Who asks to come in. */
export interface Arrival {
  readonly hello: Hello;
  /** Public id that the token of `hello` gives. */
  readonly session: bigint;
  /** IP address. */
  readonly address: string;
}

/** What somebody who came in is given. */
export interface Admission {
  readonly welcome: Welcome;
  /** Reads the log from `welcome.next` on. */
  readonly cursor: Cursor;
  /** Stands for them in what they do next; the same one if they were still in. */
  readonly member: Member;
}

/** The room. */
export class Room {
  readonly log: RoomLog;
  readonly #members = new Members();
  readonly #instance: bigint;
  readonly #backups: readonly string[];
  readonly #graceMs: number;

  constructor({ instance, backups = [], graceMs = GRACE_MS, log }: RoomOptions) {
    this.#instance = instance;
    this.#backups = backups;
    this.#graceMs = graceMs;
    this.log = new RoomLog(log);
  }

  /** Takes somebody in. A session that is in already takes its own place over: nobody is told.
   * @throws {ProtocolError} `nick-invalid`, `nick-mixed`, `nick-taken` or `nick-lookalike` */
  enter({ hello, session, address }: Arrival, now: Moment): Admission {
    const nick = this.#nickFor(hello.nick, session);
    const start = this.#startFor(hello, now);
    const member = this.#members.get(session) ?? this.#admit({ hello, session, address }, nick, now);
    if (member.nick !== nick) this.#rename(member, nick, now);
    member.address = address;
    member.graceEndMs = undefined;
    const cursor = this.log.cursorAt(start);
    return { welcome: this.#welcome(member, Math.max(start, this.log.tail)), cursor, member };
  }

  /** Appends a message unless it was accepted before.
   * @throws {ProtocolError} `text-invalid` */
  say(member: Member, { n, timeMs, text }: Say, now: Moment): void {
    if (!isText(text)) {
      throw new ProtocolError("text-invalid", "Cannot accept message: its text is not allowed");
    }
    if (n <= member.accepted) return;
    member.accepted = n;
    const late = timeMs !== 0;
    const given = late && timeMs <= now.wallMs && timeMs >= now.wallMs - OLDEST_GIVEN_MS;
    this.#append({
      type: "said",
      timeMs: given ? timeMs : now.wallMs,
      session: member.session,
      n,
      late,
      nick: member.nick,
      text,
    }, now);
  }

  /** Somebody left by choice. */
  leave(member: Member, now: Moment): void {
    this.#remove(member, { lost: false, now });
  }

  /** Somebody's connection was lost: they have the grace to come back in. Returns what {@linkcode expire} does. */
  lose(member: Member, now: Moment): number {
    member.graceEndMs = now.tickMs + this.#graceMs;
    return this.expire(now);
  }

  /** Announces the departure of those whose grace has run out. Returns the next monotonic time at which there
   * will be something to announce, in ms, or Infinity. */
  expire(now: Moment): number {
    let nextMs = Infinity;
    for (const member of this.#members) {
      const endMs = member.graceEndMs ?? Infinity;
      if (endMs <= now.tickMs) this.#remove(member, { lost: true, now });
      else nextMs = Math.min(nextMs, endMs);
    }
    return nextMs;
  }

  /** How many are in. */
  get size(): number {
    return this.#members.size;
  }

  #admit({ hello, session, address }: Arrival, nick: string, now: Moment): Member {
    const member = this.#members.add({ session, nick, address, sinceMs: now.wallMs });
    const back = hello.lackMs !== NEVER_WHOLE_MS;
    this.#append({ type: "joined", timeMs: now.wallMs, session, back, nick, address }, now);
    return member;
  }

  /** Somebody came back under another nick: nobody speaks under a name that the others were not told. */
  #rename(member: Member, nick: string, now: Moment): void {
    const { session, address } = member;
    const timeMs = now.wallMs;
    this.#append({ type: "left", timeMs, session, lost: false, nick: member.nick, address }, now);
    this.#members.rename(member, nick);
    this.#append({ type: "joined", timeMs, session, back: true, nick, address }, now);
  }

  #nickFor(raw: string, session: bigint): string {
    let nick: string;
    try {
      nick = parseNick(raw);
    } catch (cause) {
      if (!(cause instanceof InputError)) throw cause;
      const code = cause.code === "nick-mixed" ? cause.code : "nick-invalid";
      throw new ProtocolError(code, cause.message, { cause, details: cause.details });
    }
    const holder = this.#members.withNick(nick);
    if (holder && holder.session !== session) {
      throw new ProtocolError("nick-taken", `Cannot enter as ${nick}: somebody in the room has this nick`, {
        details: { nick },
      });
    }
    if (this.#members.lookalike(nick, session)) {
      throw new ProtocolError("nick-lookalike", `Cannot call you ${nick}: somebody's nick looks the same`, {
        details: { nick },
      });
    }
    return nick;
  }

  /** `seq` from which the log is to be read to somebody who comes in: where they stopped if they were on this
   * instance, the room's last messages if they are new, and otherwise all that they may have missed elsewhere
   * and its senders may have sent again here (docs/DESIGN.md, "Exactly once"). */
  #startFor({ resume, lackMs, history }: Hello, now: Moment): number {
    const known = resume.find(({ instance }) => instance === this.#instance);
    if (known) return Math.min(known.next, this.log.head);
    if (lackMs === NEVER_WHOLE_MS) return this.log.seqOfLast(Math.min(history, MAX_HISTORY), FRAME.said);
    return this.log.seqSince(now.tickMs - lackMs - RECENT_MS - WINDOW_MARGIN_MS);
  }

  #welcome({ session, nick, accepted }: Member, next: number): Welcome {
    return {
      type: "welcome",
      version: PROTOCOL_VERSION,
      session,
      instance: this.#instance,
      nick,
      accepted,
      next,
      head: this.log.head,
      backups: this.#backups,
      onlineCount: this.#members.size,
      online: [...this.#members],
    };
  }

  #remove(member: Member, { lost, now }: { lost: boolean; now: Moment }): void {
    this.#members.remove(member);
    const { session, nick, address } = member;
    this.#append({ type: "left", timeMs: now.wallMs, session, lost, nick, address }, now);
  }

  #append(entry: Unnumbered, now: Moment): void {
    this.log.append(encodeEntry({ ...entry, seq: this.log.head }), now.tickMs);
  }
}
