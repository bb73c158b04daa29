// The server without sockets. What somebody does is checked and proposed to a journal; what the journal gives back
// has happened, in room_state.ts: only then, and only by it, do the log and the people in the room change. What this
// server alone need know of somebody (until when they may be away, what was proposed for them) changes at once. Pure:
// time comes in as a parameter, so that a simulator can drive it.

import { startSeqFor } from "./backlog.ts";
import type { Moment } from "./clock.ts";
import { ProtocolError } from "./errors.ts";
import type { CommitLog } from "./journal.ts";
import type { Member, Members } from "./members.ts";
import { claimNick } from "./nick_wish.ts";
import { InFlightChanges } from "./pending_changes.ts";
import type {
  Hello,
  Joined,
  Left,
  ProposedEvent,
  Renamed,
  Say,
  Unnumbered,
  WelcomeHeader,
} from "./protocol.ts";
import { NEVER_CAUGHT_UP, PROTOCOL_VERSION } from "./protocol.ts";
import { RoomBackups } from "./room_backups.ts";
import type { Cursor, EventLog, RoomLogOptions } from "./room_log.ts";
import { RoomState } from "./room_state.ts";
import { isNick, isText, parseText } from "./text.ts";

/** Oldest time that a message sent again may carry. */
export const MAX_RESEND_AGE_MS = 3_600_000;
/** How long a lost connection may stay away before the others are told. */
export const RESUME_GRACE_MS = 3_000;
/** How long somebody who is in by now has at least to be welcomed, in ms. */
const MIN_JOIN_GRACE_MS = 1_000;
/** When to look again whether somebody whose grace has run out, and of whom the journal still has to give
 * something back, has left, in ms. */
const RECHECK_MS = 100;

/** Settings of a room. */
export interface RoomOptions {
  readonly journal: CommitLog;
  /** Called when {@linkcode Room.settle} has something to do. */
  readonly onWork?: () => void;
  /** Told who is not in through this server any more by the doing of another one: they came to it, or it threw them
   * out or took this one for dead. */
  readonly onTaken?: (member: Member, how: { isKicked: boolean }) => void;
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
  readonly welcome: WelcomeHeader;
  /** The list of people that ends WELCOME. Its memory is shared. */
  readonly online: Uint8Array<ArrayBuffer>;
  /** Reads the log from `welcome.next` on. */
  readonly cursor: Cursor;
  /** Stands for them in what they do next; the same one if they were still in. */
  readonly member: Member;
}

/** A change of who is in. */
type MembershipChange = Unnumbered<Joined | Left | Renamed>;

/** The room. What may take its time, because the journal does, returns undefined or false then, and calls `again`
 * when it is to be asked again. */
export class Room {
  readonly log: EventLog;
  /** Where to go when this server falls. */
  readonly backups: RoomBackups;
  readonly #journal: CommitLog;
  readonly #state: RoomState;
  readonly #members: Members;
  /** Changes of who is in that were proposed here and have not come back. */
  readonly #pending = new InFlightChanges();
  /** Who came to this server of many, and was announced. */
  readonly #announced = new WeakSet<Arrival>();
  readonly #onTaken: NonNullable<RoomOptions["onTaken"]>;
  readonly #graceMs: number;

  constructor(options: RoomOptions) {
    const { journal, onWork = () => {}, onTaken = () => {}, backups = [], graceMs = RESUME_GRACE_MS, log } =
      options;
    this.#journal = journal;
    this.#onTaken = onTaken;
    this.#graceMs = graceMs;
    this.#state = new RoomState(journal, log);
    this.log = this.#state.log;
    this.#members = this.#state.members;
    this.backups = new RoomBackups(journal, this.#members);
    journal.follow((entry, seq, at, isForeign = false) => this.#apply(entry, seq, at, isForeign), onWork);
    this.backups.begin(backups); // what was withdrawn before is named again
  }

  /** Has happen what the journal has by now. */
  settle(): void {
    this.#journal.settle();
  }

  /** Takes somebody in. A session that is in already takes its own place over: nobody is told.
   * @throws {ProtocolError} `nick-invalid`, `nick-mixed`, `nick-taken` or `nick-lookalike` */
  enter(arrival: Arrival, now: Moment, again?: () => void): Admission | undefined {
    const { hello, session, address } = arrival;
    if (this.#pending.has(session, again)) return undefined;
    const nick = claimNick(hello.nick, session, this.#members);
    const start = startSeqFor(hello, this.log, { instance: this.#journal.instance, tickMs: now.tickMs });
    if (!this.#join(arrival, nick, now, again)) return undefined;
    const member = this.#members.get(session)!;
    if (!this.#setNick(member, nick, now, again)) return undefined;
    this.#state.readdress(member, address);
    member.graceEndMs = undefined;
    const cursor = this.log.cursorAt(start, session);
    const { online } = this.#state;
    return { welcome: this.#welcome(member, Math.max(start, this.log.tail)), online, cursor, member };
  }

  /** Proposes a message unless it was before, or was accepted. A private one reaches its sender, its recipient and the
   * server's console alone.
   * @throws {ProtocolError} `text-invalid` */
  say(member: Member, { n, timeMs, text, action, to }: Say, now: Moment): void {
    if (!isText(text) || (to && !isNick(to.nick))) {
      throw new ProtocolError("text-invalid", "Cannot accept message: its text is not allowed");
    }
    if (n <= member.proposed) return;
    member.proposed = n;
    const late = timeMs !== 0;
    const given = late && timeMs <= now.wallMs && timeMs >= now.wallMs - MAX_RESEND_AGE_MS;
    const { session, nick } = member;
    const said = { type: "said", timeMs: given ? timeMs : now.wallMs, session, n, late, nick, text } as const;
    if (!to) return this.#journal.propose(action ? { ...said, action } : said, now);
    // By the name that the others know; a recipient who is not here may still come.
    const recipient = { session: to.session, nick: this.#members.get(to.session)?.nick ?? to.nick };
    this.#journal.propose({ ...said, action, to: recipient }, now);
  }

  /** Gives somebody another nick. Returns whether they have it.
   * @throws {ProtocolError} `nick-invalid`, `nick-mixed`, `nick-taken` or `nick-lookalike` */
  rename(member: Member, raw: string, now: Moment, again?: () => void): boolean {
    if (this.#pending.has(member.session, again)) return false;
    return this.#setNick(member, claimNick(raw, member.session, this.#members), now, again);
  }

  /** Says something to everybody in the server's name.
   * @throws {InputError} `text-too-long` */
  announce(text: string, now: Moment): void {
    this.#journal.propose({ type: "announced", timeMs: now.wallMs, text: parseText(text) }, now);
  }

  /** Somebody left by choice. Returns whether they are out. */
  leave(member: Member, now: Moment, again?: () => void): boolean {
    return this.#remove(member, { lost: false, now, home: this.#journal.home }, again);
  }

  /** Somebody is thrown out. */
  kick(member: Member, now: Moment): void {
    this.#remove(member, { lost: false, kicked: true, now }, () => this.kick(member, now));
  }

  /** Somebody's connection was lost: they have the grace to come back in. Returns what {@linkcode expire} does. */
  lose(member: Member, now: Moment): number {
    if (this.#isHere(member)) member.graceEndMs = now.tickMs + this.#graceMs;
    return this.expire(now);
  }

  /** Nobody has a connection yet, whoever was in before: all have the grace to come back in. Returns what
   * {@linkcode expire} does. */
  loseAll(now: Moment): number {
    for (const member of this.#members) {
      if (this.#isHere(member)) member.graceEndMs = now.tickMs + this.#graceMs;
    }
    return this.expire(now);
  }

  /** Another server is gone: announces the departure of those who were in through it, and are not back elsewhere. */
  loseServer(home: bigint, now: Moment): void {
    for (const member of this.#members) {
      if (member.home === home) this.#remove(member, { lost: true, now, home });
    }
  }

  /** The servers through which somebody is in, if there are many. */
  *homes(): Generator<bigint> {
    for (const { home } of this.#members) if (home !== undefined) yield home;
  }

  /** Announces the departure of those whose grace has run out. Returns the next monotonic time at which there
   * will be something to announce, in ms, or Infinity. */
  expire(now: Moment): number {
    let nextMs = Infinity;
    for (const member of this.#members) {
      const endMs = member.graceEndMs ?? Infinity;
      if (endMs > now.tickMs) nextMs = Math.min(nextMs, endMs);
      else if (!this.#remove(member, { lost: true, now, home: this.#journal.home })) {
        nextMs = Math.min(nextMs, now.tickMs + RECHECK_MS);
      }
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
    return this.#state.messagesPerSecond(now);
  }

  /** Where there are many servers, also who is in already is announced: so all know through which one, and this one
   * has read all that its client was given by another. */
  #join(arrival: Arrival, nick: string, now: Moment, again?: () => void): boolean {
    const { hello, session, address } = arrival;
    const { home } = this.#journal;
    const member = this.#members.get(session);
    if (member && (home === undefined || (this.#isHere(member) && this.#announced.has(arrival)))) return true;
    this.#announced.add(arrival);
    const back = hello.lackMs !== NEVER_CAUGHT_UP;
    return this.#change(
      { type: "joined", timeMs: now.wallMs, session, back, nick, address, ...(home && { home }) },
      now,
      again,
    );
  }

  #isHere({ home }: Member): boolean {
    return home === this.#journal.home;
  }

  #setNick({ session, nick: before }: Member, nick: string, now: Moment, again?: () => void): boolean {
    if (nick === before) return true;
    return this.#change({ type: "renamed", timeMs: now.wallMs, session, before, nick }, now, again);
  }

  #remove(
    member: Member,
    { now, home, ...how }: { lost: boolean; kicked?: boolean; now: Moment; home?: bigint },
    again?: () => void,
  ): boolean {
    const { session, nick, address } = member;
    if (this.#pending.has(session, again)) return false;
    const isIn = this.#members.get(session) === member;
    if (!isIn || (home !== undefined && member.home !== home)) return true;
    const left = { type: "left", timeMs: now.wallMs, session, ...how, nick, address } as const;
    return this.#change(home === undefined ? left : { ...left, home }, now, again);
  }

  /** Proposes a change of who is in. Returns whether it has happened: a journal that keeps nothing has it happen before
   * `propose` returns, with others the caller is to begin anew when `again` is called. */
  #change(entry: MembershipChange & Pick<ProposedEvent, "home">, now: Moment, again?: () => void): boolean {
    this.#pending.begin(entry.session);
    this.#journal.propose(entry, now);
    return !this.#pending.has(entry.session, again);
  }

  /** An entry has its place in the journal: it happens, and who waits here for a change of who is in goes on. */
  #apply(proposed: ProposedEvent, seq: number, at: Moment, isForeign: boolean): void {
    this.backups.note(proposed);
    if (!isMembershipChange(proposed)) return this.#state.apply(proposed, seq, at);
    const { session } = proposed;
    const before = this.#members.get(session);
    const wasHere = before !== undefined && this.#isHere(before);
    this.#state.apply(proposed, seq, at);
    if (isForeign) {
      if (wasHere) this.#noteTaken(before, proposed);
    } else if (this.#pending.has(session)) {
      if (proposed.type === "joined") this.#noteCome(session, at);
      this.#pending.end(session);
    }
  }

  #noteCome(session: bigint, { tickMs }: Moment): void {
    const member = this.#members.get(session);
    // Whoever came here may be gone again.
    if (member && this.#isHere(member)) {
      member.graceEndMs = tickMs + Math.max(this.#graceMs, MIN_JOIN_GRACE_MS);
    }
  }

  /** Another server's doing has happened to somebody who was in through this one. */
  #noteTaken(member: Member, { type, ...how }: ProposedEvent): void {
    if (this.#members.get(member.session) === member && this.#isHere(member)) return;
    member.graceEndMs = undefined;
    this.#onTaken(member, { isKicked: type === "left" && "kicked" in how && how.kicked === true });
  }

  #welcome({ session, nick, accepted }: Member, next: number): WelcomeHeader {
    return {
      type: "welcome",
      version: PROTOCOL_VERSION,
      session,
      instance: this.#journal.instance,
      nick,
      accepted,
      next,
      head: this.log.head,
      backups: this.backups.for(session),
      onlineCount: this.#members.size,
    };
  }
}

function isMembershipChange(entry: Unnumbered): entry is MembershipChange {
  return entry.type === "joined" || entry.type === "left" || entry.type === "renamed";
}
