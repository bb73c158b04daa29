// The server without sockets. What somebody does is checked and proposed to a journal; what the journal gives back
// has happened, in room_state.ts: only then, and only by it, do the log and the people in the room change. What this
// server alone need know of somebody (until when they may be away, what was proposed for them) changes at once. Pure:
// time comes in as a parameter, so that a simulator can drive it.

import { startSeqFor } from "./backlog.ts";
import type { Instant } from "../base/time.ts";
import { ProtocolError } from "../errors.ts";
import type { CommitLog } from "./commit_log.ts";
import type { Member, Members } from "./state.ts";
import { claimNick } from "./nick_wish.ts";
import { InFlightChanges } from "./pending_changes.ts";
import type {
  Hello,
  Joined,
  Left,
  ProposedEvent,
  Renamed,
  Say,
  Uncommitted,
  WelcomeHeader,
} from "../protocol/frames.ts";
import { NEVER_CAUGHT_UP, PROTOCOL_VERSION } from "../protocol/frames.ts";
import { RoomBackups } from "./backup_list.ts";
import type { Cursor, EventLog, EventLogOptions } from "./event_log.ts";
import { RoomState } from "./room_state.ts";
import { isNick } from "../text/nick.ts";
import { isText, parseText } from "../text/text.ts";

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
  readonly commitLog: CommitLog;
  /** Called when {@linkcode Room.settle} has something to do. */
  readonly onReady?: () => void;
  /** Told who is not in through this server any more by the doing of another one: they came to it, or it threw them
   * out or took this one for dead. */
  readonly onTakenOver?: (member: Member, how: { isKicked: boolean }) => void;
  readonly backups?: readonly string[];
  readonly graceMs?: number;
  readonly log?: EventLogOptions;
}

/** Who asks to come in. */
export interface JoinRequest {
  readonly hello: Hello;
  /** Public id that the token of `hello` gives. */
  readonly sessionId: bigint;
  /** IP address. */
  readonly address: string;
}

/** What somebody who came in is given. */
export interface JoinResult {
  readonly welcome: WelcomeHeader;
  /** The list of people that ends WELCOME. Its memory is shared. */
  readonly online: Uint8Array<ArrayBuffer>;
  /** Reads the log from `welcome.next` on. */
  readonly cursor: Cursor;
  /** Stands for them in what they do next; the same one if they were still in. */
  readonly member: Member;
}

/** A change of who is in. */
type MembershipChange = Uncommitted<Joined | Left | Renamed>;

/** The room. What may take its time, because the journal does, returns undefined or false then, and calls `again`
 * when it is to be asked again. */
export class Room {
  readonly log: EventLog;
  /** Where to go when this server falls. */
  readonly backups: RoomBackups;
  readonly #commitLog: CommitLog;
  readonly #state: RoomState;
  readonly #members: Members;
  /** Changes of who is in that were proposed here and have not come back. */
  readonly #inFlight = new InFlightChanges();
  /** Who came to this server of many, and was announced. */
  readonly #joinsProposed = new WeakSet<JoinRequest>();
  readonly #onTakenOver: NonNullable<RoomOptions["onTakenOver"]>;
  readonly #graceMs: number;

  constructor(options: RoomOptions) {
    const {
      commitLog,
      onReady = () => {},
      onTakenOver = () => {},
      backups = [],
      graceMs = RESUME_GRACE_MS,
      log,
    } = options;
    this.#commitLog = commitLog;
    this.#onTakenOver = onTakenOver;
    this.#graceMs = graceMs;
    this.#state = new RoomState(commitLog, log);
    this.log = this.#state.log;
    this.#members = this.#state.members;
    this.backups = new RoomBackups(commitLog, this.#members);
    commitLog.subscribe((entry, seq, at, isRemote = false) => this.#apply(entry, seq, at, isRemote), onReady);
    this.backups.setOwn(backups); // what was withdrawn before is named again
  }

  /** Has happen what the journal has by now. */
  deliver(): void {
    this.#commitLog.deliver();
  }

  /** Takes somebody in. A session that is in already takes its own place over: nobody is told.
   * @throws {ProtocolError} `nick-invalid`, `nick-mixed`, `nick-taken` or `nick-lookalike` */
  join(request: JoinRequest, now: Instant, again?: () => void): JoinResult | undefined {
    const { hello, sessionId, address } = request;
    if (this.#inFlight.waitFor(sessionId, again)) return undefined;
    const nick = claimNick(hello.nick, sessionId, this.#members);
    const start = startSeqFor(hello, this.log, {
      logId: this.#commitLog.logId,
      monotonicMs: now.monotonicMs,
    });
    if (!this.#join(request, nick, now, again)) return undefined;
    const member = this.#members.get(sessionId)!;
    if (!this.#setNick(member, nick, now, again)) return undefined;
    this.#state.updateAddress(member, address);
    member.resumableUntilMs = undefined;
    const cursor = this.log.cursorAt(start, sessionId);
    const { online } = this.#state;
    return { welcome: this.#welcome(member, Math.max(start, this.log.tail)), online, cursor, member };
  }

  /** Proposes a message unless it was before, or was accepted. A private one reaches its sender, its recipient and the
   * server's console alone.
   * @throws {ProtocolError} `text-invalid` */
  say(member: Member, { clientSeq, timeMs, text, action, to }: Say, now: Instant): void {
    if (!isText(text) || (to && !isNick(to.nick))) {
      throw new ProtocolError("text-invalid");
    }
    if (clientSeq <= member.lastProposedSeq) return;
    member.lastProposedSeq = clientSeq;
    const redelivered = timeMs !== 0;
    const given = redelivered && timeMs <= now.wallMs && timeMs >= now.wallMs - MAX_RESEND_AGE_MS;
    const { sessionId, nick } = member;
    const said = {
      type: "said",
      timeMs: given ? timeMs : now.wallMs,
      sessionId,
      clientSeq,
      redelivered,
      nick,
      text,
    } as const;
    if (!to) return this.#commitLog.propose(action ? { ...said, action } : said, now);
    // By the name that the others know; a recipient who is not here may still come.
    const recipient = { sessionId: to.sessionId, nick: this.#members.get(to.sessionId)?.nick ?? to.nick };
    this.#commitLog.propose({ ...said, action, to: recipient }, now);
  }

  /** Gives somebody another nick. Returns whether they have it.
   * @throws {ProtocolError} `nick-invalid`, `nick-mixed`, `nick-taken` or `nick-lookalike` */
  rename(member: Member, raw: string, now: Instant, again?: () => void): boolean {
    if (this.#inFlight.waitFor(member.sessionId, again)) return false;
    return this.#setNick(member, claimNick(raw, member.sessionId, this.#members), now, again);
  }

  /** Says something to everybody in the server's name.
   * @throws {InputError} `text-too-long` */
  announce(text: string, now: Instant): void {
    this.#commitLog.propose({ type: "announced", timeMs: now.wallMs, text: parseText(text) }, now);
  }

  /** Somebody left by choice. Returns whether they are out. */
  leave(member: Member, now: Instant, again?: () => void): boolean {
    return this.#remove(member, { connectionLost: false, now, nodeId: this.#commitLog.nodeId }, again);
  }

  /** Somebody is thrown out. */
  kick(member: Member, now: Instant): void {
    this.#remove(member, { connectionLost: false, kicked: true, now }, () => this.kick(member, now));
  }

  /** Somebody's connection was lost: they have the grace to come back in. Returns what {@linkcode expire} does. */
  disconnect(member: Member, now: Instant): number {
    if (this.#isLocal(member)) member.resumableUntilMs = now.monotonicMs + this.#graceMs;
    return this.expire(now);
  }

  /** Nobody has a connection yet, whoever was in before: all have the grace to come back in. Returns what
   * {@linkcode expire} does. */
  disconnectAll(now: Instant): number {
    for (const member of this.#members) {
      if (this.#isLocal(member)) member.resumableUntilMs = now.monotonicMs + this.#graceMs;
    }
    return this.expire(now);
  }

  /** Another server is gone: announces the departure of those who were in through it, and are not back elsewhere. */
  nodeDown(nodeId: bigint, now: Instant): void {
    for (const member of this.#members) {
      if (member.nodeId === nodeId) this.#remove(member, { connectionLost: true, now, nodeId });
    }
  }

  /** The servers through which somebody is in, if there are many. */
  *nodeIds(): Generator<bigint> {
    for (const { nodeId } of this.#members) if (nodeId !== undefined) yield nodeId;
  }

  /** Announces the departure of those whose grace has run out. Returns the next monotonic time at which there
   * will be something to announce, in ms, or Infinity. */
  expire(now: Instant): number {
    let nextMs = Infinity;
    for (const member of this.#members) {
      const endMs = member.resumableUntilMs ?? Infinity;
      if (endMs > now.monotonicMs) nextMs = Math.min(nextMs, endMs);
      else if (!this.#remove(member, { connectionLost: true, now, nodeId: this.#commitLog.nodeId })) {
        nextMs = Math.min(nextMs, now.monotonicMs + RECHECK_MS);
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
  findByNick(nick: string): Member | undefined {
    return this.#members.findByNick(nick);
  }

  /** Messages accepted in a second, on average over the last RATE_SECONDS. */
  eventsPerSecond(now: Instant): number {
    return this.#state.eventsPerSecond(now);
  }

  /** Where there are many servers, also who is in already is announced: so all know through which one, and this one
   * has read all that its client was given by another. */
  #join(request: JoinRequest, nick: string, now: Instant, again?: () => void): boolean {
    const { hello, sessionId, address } = request;
    const { nodeId } = this.#commitLog;
    const member = this.#members.get(sessionId);
    if (member && (nodeId === undefined || (this.#isLocal(member) && this.#joinsProposed.has(request)))) {
      return true;
    }
    this.#joinsProposed.add(request);
    const rejoined = hello.lagMs !== NEVER_CAUGHT_UP;
    return this.#proposeChange(
      { type: "joined", timeMs: now.wallMs, sessionId, rejoined, nick, address, ...(nodeId && { nodeId }) },
      now,
      again,
    );
  }

  #isLocal({ nodeId }: Member): boolean {
    return nodeId === this.#commitLog.nodeId;
  }

  #setNick({ sessionId, nick: oldNick }: Member, nick: string, now: Instant, again?: () => void): boolean {
    if (nick === oldNick) return true;
    return this.#proposeChange({ type: "renamed", timeMs: now.wallMs, sessionId, oldNick, nick }, now, again);
  }

  #remove(
    member: Member,
    { now, nodeId, ...how }: { connectionLost: boolean; kicked?: boolean; now: Instant; nodeId?: bigint },
    again?: () => void,
  ): boolean {
    const { sessionId, nick, address } = member;
    if (this.#inFlight.waitFor(sessionId, again)) return false;
    const isIn = this.#members.get(sessionId) === member;
    if (!isIn || (nodeId !== undefined && member.nodeId !== nodeId)) return true;
    const left = { type: "left", timeMs: now.wallMs, sessionId, ...how, nick, address } as const;
    return this.#proposeChange(nodeId === undefined ? left : { ...left, nodeId }, now, again);
  }

  /** Proposes a change of who is in. Returns whether it has happened: a journal that keeps nothing has it happen before
   * `propose` returns, with others the caller is to begin anew when `again` is called. */
  #proposeChange(
    entry: MembershipChange & Pick<ProposedEvent, "nodeId">,
    now: Instant,
    again?: () => void,
  ): boolean {
    this.#inFlight.start(entry.sessionId);
    this.#commitLog.propose(entry, now);
    return !this.#inFlight.waitFor(entry.sessionId, again);
  }

  /** An entry has its place in the journal: it happens, and who waits here for a change of who is in goes on. */
  #apply(proposed: ProposedEvent, seq: number, at: Instant, isRemote: boolean): void {
    this.backups.onCommitted(proposed);
    if (!isMembershipChange(proposed)) return this.#state.apply(proposed, seq, at);
    const { sessionId } = proposed;
    const before = this.#members.get(sessionId);
    const wasHere = before !== undefined && this.#isLocal(before);
    this.#state.apply(proposed, seq, at);
    if (isRemote) {
      if (wasHere) this.#handleTakeover(before, proposed);
    } else if (this.#inFlight.waitFor(sessionId)) {
      if (proposed.type === "joined") this.#onJoined(sessionId, at);
      this.#inFlight.finish(sessionId);
    }
  }

  #onJoined(sessionId: bigint, { monotonicMs }: Instant): void {
    const member = this.#members.get(sessionId);
    // Whoever came here may be gone again.
    if (member && this.#isLocal(member)) {
      member.resumableUntilMs = monotonicMs + Math.max(this.#graceMs, MIN_JOIN_GRACE_MS);
    }
  }

  /** Another server's doing has happened to somebody who was in through this one. */
  #handleTakeover(member: Member, { type, ...how }: ProposedEvent): void {
    if (this.#members.get(member.sessionId) === member && this.#isLocal(member)) return;
    member.resumableUntilMs = undefined;
    this.#onTakenOver(member, { isKicked: type === "left" && "kicked" in how && how.kicked === true });
  }

  #welcome({ sessionId, nick, lastClientSeq }: Member, startSeq: number): WelcomeHeader {
    return {
      type: "welcome",
      version: PROTOCOL_VERSION,
      sessionId,
      logId: this.#commitLog.logId,
      nick,
      lastClientSeq,
      startSeq,
      head: this.log.head,
      backups: this.backups.forSession(sessionId),
      memberCount: this.#members.size,
    };
  }
}

function isMembershipChange(entry: Uncommitted): entry is MembershipChange {
  return entry.type === "joined" || entry.type === "left" || entry.type === "renamed";
}
