// The server without sockets: an event in; entries for the log, answers, or a refusal out. Pure: time and
// identity come in as parameters, so that a simulator can drive it.

import { Attendance } from "./attendance.ts";
import type { Moment } from "./clock.ts";
import { InputError, ProtocolError } from "./errors.ts";
import { type Member, Members } from "./members.ts";
import {
  encodeEntry,
  encodeServer,
  FRAME,
  type Hello,
  MAX_BACKUPS,
  MAX_HISTORY,
  NEVER_WHOLE_MS,
  PROTOCOL_VERSION,
  RECENT_MS,
  type Say,
  type Unnumbered,
  type WelcomeHead,
} from "./protocol.ts";
import { Rate } from "./rate.ts";
import { type Cursor, RoomLog, type RoomLogOptions } from "./room_log.ts";
import { isNick, isText, parseNick, parseText } from "./text.ts";

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
  readonly welcome: WelcomeHead;
  /** The list of people that ends WELCOME. Its memory is shared. */
  readonly online: Uint8Array<ArrayBuffer>;
  /** Reads the log from `welcome.next` on. */
  readonly cursor: Cursor;
  /** Stands for them in what they do next; the same one if they were still in. */
  readonly member: Member;
}

/** The room. */
export class Room {
  readonly log: RoomLog;
  readonly #members = new Members();
  readonly #attendance = new Attendance();
  readonly #instance: bigint;
  readonly #backups: string[];
  /** Of messages. */
  readonly #rate = new Rate();
  readonly #graceMs: number;

  constructor({ instance, backups = [], graceMs = GRACE_MS, log }: RoomOptions) {
    this.#instance = instance;
    this.#backups = [...backups];
    this.#graceMs = graceMs;
    this.log = new RoomLog({ ...log, substitute: (seq) => encodeServer({ type: "hidden", seq }) });
  }

  /** Takes somebody in. A session that is in already takes its own place over: nobody is told.
   * @throws {ProtocolError} `nick-invalid`, `nick-mixed`, `nick-taken` or `nick-lookalike` */
  enter({ hello, session, address }: Arrival, now: Moment): Admission {
    const nick = this.#nickFor(hello.nick, session);
    const start = this.#startFor(hello, now);
    const member = this.#members.get(session) ?? this.#admit({ hello, session, address }, nick, now);
    this.#setNick(member, nick, now);
    if (member.address !== address) this.#attendance.outdate();
    member.address = address;
    member.graceEndMs = undefined;
    const cursor = this.log.cursorAt(start, session);
    const online = this.#attendance.listOf(this.#members);
    return { welcome: this.#welcome(member, Math.max(start, this.log.tail)), online, cursor, member };
  }

  /** Appends a message unless it was accepted before. A private one reaches its sender, its recipient and the
   * server's console alone.
   * @throws {ProtocolError} `text-invalid` */
  say(member: Member, { n, timeMs, text, action, to }: Say, now: Moment): void {
    if (!isText(text) || (to && !isNick(to.nick))) {
      throw new ProtocolError("text-invalid", "Cannot accept message: its text is not allowed");
    }
    if (n <= member.accepted) return;
    member.accepted = n;
    this.#rate.note(now.tickMs);
    const late = timeMs !== 0;
    const given = late && timeMs <= now.wallMs && timeMs >= now.wallMs - OLDEST_GIVEN_MS;
    const { session, nick } = member;
    const said = { type: "said", timeMs: given ? timeMs : now.wallMs, session, n, late, nick, text } as const;
    if (!to) return this.#append(action ? { ...said, action } : said, now);
    // By the name that the others know; a recipient who is not here may still come.
    const recipient = { session: to.session, nick: this.#members.get(to.session)?.nick ?? to.nick };
    this.#append({ ...said, action, to: recipient }, now, { audience: [session, to.session] });
  }

  /** Gives somebody another nick.
   * @throws {ProtocolError} `nick-invalid` or `nick-taken` */
  rename(member: Member, raw: string, now: Moment): void {
    this.#setNick(member, this.#nickFor(raw, member.session), now);
  }

  /** Says something to everybody in the server's name.
   * @throws {InputError} `text-too-long` */
  announce(text: string, now: Moment): void {
    this.#append({ type: "announced", timeMs: now.wallMs, text: parseText(text) }, now);
  }

  /** Tells everybody of one more server to go to when this one falls, as `host:port`.
   * @throws {InputError} `backups-full` */
  addBackup(backup: string, now: Moment): void {
    if (!this.#backups.includes(backup)) {
      if (this.#backups.length >= MAX_BACKUPS) {
        throw new InputError("backups-full", "Cannot add a backup", { details: { max: MAX_BACKUPS } });
      }
      this.#backups.push(backup);
    }
    this.#append({ type: "backups", timeMs: now.wallMs, backups: this.#backups }, now);
  }

  /** Somebody left by choice. */
  leave(member: Member, now: Moment): void {
    this.#remove(member, { lost: false, now });
  }

  /** Somebody is thrown out. */
  kick(member: Member, now: Moment): void {
    this.#remove(member, { lost: false, kicked: true, now });
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

  /** Who is in. */
  get members(): Iterable<Member> {
    return this.#members;
  }

  /** Who has this nick, or one that differs in case only. */
  withNick(nick: string): Member | undefined {
    return this.#members.withNick(nick);
  }

  /** Messages accepted in a second, on average over the last RATE_SECONDS. */
  messagesPerSecond(now: Moment): number {
    return this.#rate.perSecond(now.tickMs);
  }

  #admit({ hello, session, address }: Arrival, nick: string, now: Moment): Member {
    const member = this.#members.add({ session, nick, address, sinceMs: now.wallMs });
    this.#attendance.add(member);
    const back = hello.lackMs !== NEVER_WHOLE_MS;
    this.#append({ type: "joined", timeMs: now.wallMs, session, back, nick, address }, now);
    return member;
  }

  #setNick(member: Member, nick: string, now: Moment): void {
    if (nick === member.nick) return;
    const { session, nick: before } = member;
    this.#members.rename(member, nick);
    this.#attendance.outdate();
    this.#append({ type: "renamed", timeMs: now.wallMs, session, before, nick }, now);
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
      throw new ProtocolError("nick-taken", `Cannot call you ${nick}: somebody in the room has this nick`, {
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

  #welcome({ session, nick, accepted }: Member, next: number): WelcomeHead {
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
    };
  }

  #remove(member: Member, { now, ...how }: { lost: boolean; kicked?: boolean; now: Moment }): void {
    this.#members.remove(member);
    this.#attendance.outdate();
    const { session, nick, address } = member;
    this.#append({ type: "left", timeMs: now.wallMs, session, ...how, nick, address }, now);
  }

  #append(entry: Unnumbered, now: Moment, options?: { audience: readonly bigint[] }): void {
    this.log.append(encodeEntry({ ...entry, seq: this.log.head }), now.tickMs, options);
  }
}
