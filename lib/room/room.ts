// The chat room as a pure state machine: requests are checked and proposed to the commit log, and only committed events
// change the members and the event log. Time is a parameter, so that the simulator can drive it.

import type { Instant } from "../base/time.ts";
import { InputError, ProtocolError } from "../errors.ts";
import {
  encodeEntry,
  encodeServer,
  type Hello,
  type Joined,
  type Left,
  NEVER_CAUGHT_UP,
  type ProposedEvent,
  PROTOCOL_VERSION,
  type Renamed,
  type Say,
  SERVER_FRAMES,
  type Uncommitted,
  type WelcomeHeader,
} from "../protocol/frames.ts";
import { isNick, parseNick } from "../text/nick.ts";
import { isText, parseText } from "../text/text.ts";
import { BackupList } from "./backup_list.ts";
import type { CommitLog } from "./commit_log.ts";
import { type Cursor, EventLog, type EventLogConfig } from "./event_log.ts";
import { type Member, RoomState } from "./state.ts";
import { MemberListCache, startSeqFor } from "./welcome.ts";

/** A redelivered message keeps its time if it is at most this old. */
export const MAX_RESEND_AGE_MS = 3_600_000;
export const RESUME_GRACE_MS = 3_000;
/** Least time in which a client whose join is committed must be welcomed. */
const MIN_JOIN_GRACE_MS = 1_000;
/** How soon expire() looks again at a member who cannot be removed yet. */
const RECHECK_MS = 100;
/** How far back the message rate looks. */
const RATE_SECONDS = 10;

export interface RoomConfig {
  /** How long a member may be without a connection until the room is told that they left. */
  readonly graceMs: number;
  readonly log: EventLogConfig;
}

export interface JoinRequest {
  readonly hello: Hello;
  /** Derived from the resume token of `hello`. */
  readonly sessionId: bigint;
  /** IP address. */
  readonly address: string;
}

export interface JoinResult {
  readonly welcome: WelcomeHeader;
  /** The member list at the end of WELCOME. Shared memory: do not write to it. */
  readonly membersBytes: Uint8Array<ArrayBuffer>;
  /** Reads the log from `welcome.startSeq` on. */
  readonly cursor: Cursor;
  /** The same object as before if the session was still in. */
  readonly member: Member;
}

type MembershipChange = ProposedEvent<Joined | Left | Renamed>;

/** The room. A request whose change is not committed yet returns undefined or false and calls `onSettled` later; the
 * caller then repeats the request, a join with the same request object: `#joinsProposed` knows it by identity. */
export class Room {
  readonly log: EventLog;
  readonly backups: BackupList;
  /** {@linkcode Room.deliver} has events to apply. */
  onReady: () => void = () => {};
  /** Another node took over a member of this node, kicked them, or took this node for dead. */
  onTakenOver: (member: Member, how: { isKicked: boolean }) => void = () => {};
  readonly #commitLog: CommitLog;
  readonly #graceMs: number;
  readonly #state = new RoomState();
  readonly #memberListCache = new MemberListCache();
  readonly #inFlight = new InFlightChanges();
  /** Requests whose JOINED was proposed: in a cluster even a member must wait for its own. */
  readonly #joinsProposed = new WeakSet<JoinRequest>();
  #messageCount = 0;

  /** Replays the commit log. */
  constructor(commitLog: CommitLog, { graceMs, log }: RoomConfig) {
    this.#commitLog = commitLog;
    this.#graceMs = graceMs;
    this.log = new EventLog(commitLog.firstSeq, (seq) => encodeServer({ type: "noop", seq }), log);
    for (const event of commitLog.snapshot) this.#state.apply(event);
    this.#memberListCache.invalidate();
    this.backups = new BackupList(commitLog, this.#state.backups);
    commitLog.subscribe(
      (event, seq, at, isRemote = false) => this.#onCommitted(event, seq, at, isRemote),
      () => this.onReady(),
    );
    this.#messageCount = 0; // without those that were replayed
  }

  deliver(): void {
    this.#commitLog.deliver();
  }

  /** A session that is in the room already resumes, without a notice to the others.
   * @throws {ProtocolError} `nick-invalid`, `nick-mixed`, `nick-taken`, `nick-lookalike`, or `replaced` if the session has
   * joined another node since */
  join(request: JoinRequest, now: Instant, onSettled?: () => void): JoinResult | undefined {
    const { hello, sessionId, address } = request;
    if (this.#inFlight.waitIfInFlight(sessionId, onSettled)) return undefined;
    const nick = claimNick(hello.nick, sessionId, this.#state);
    const { logId } = this.#commitLog;
    const start = startSeqFor(hello, this.log, { logId, monotonicMs: now.monotonicMs });
    if (!this.#proposeJoin(request, nick, now, onSettled)) return undefined;
    const member = this.#state.get(sessionId)!;
    if (!this.#proposeNick(member, nick, now, onSettled)) return undefined;
    this.#updateAddress(member, address);
    member.resumableUntilMs = undefined;
    return {
      welcome: {
        type: "welcome",
        version: PROTOCOL_VERSION,
        sessionId,
        logId,
        nick: member.nick,
        lastClientSeq: member.lastClientSeq,
        startSeq: Math.max(start, this.log.tail),
        head: this.log.head,
        backups: this.backups.forSession(sessionId),
        memberCount: this.#state.size,
      },
      membersBytes: this.#memberListCache.encode(this.#state),
      cursor: this.log.cursorAt(start, sessionId),
      member,
    };
  }

  /** Drops a message that was proposed or committed before. A private one is read by its sender, its recipient and the
   * server's console.
   * @throws {ProtocolError} `text-invalid` */
  say(member: Member, { clientSeq, timeMs, text, action, to }: Say, now: Instant): void {
    if (!isText(text) || (to && !isNick(to.nick))) throw new ProtocolError("text-invalid");
    if (clientSeq <= member.lastProposedSeq) return;
    member.lastProposedSeq = clientSeq;
    const redelivered = timeMs !== 0;
    const keepsTime = redelivered && timeMs <= now.wallMs && timeMs >= now.wallMs - MAX_RESEND_AGE_MS;
    const { sessionId, nick } = member;
    const said = {
      type: "said",
      timeMs: keepsTime ? timeMs : now.wallMs,
      sessionId,
      clientSeq,
      redelivered,
      nick,
      text,
    } as const;
    if (!to) return this.#commitLog.propose(action ? { ...said, action } : said, now);
    // A recipient who is in may have another nick by now; one who is not in may still come.
    const recipient = { sessionId: to.sessionId, nick: this.#state.get(to.sessionId)?.nick ?? to.nick };
    this.#commitLog.propose({ ...said, action, to: recipient }, now);
  }

  /** Returns whether the member has the nick.
   * @throws {ProtocolError} `nick-invalid`, `nick-mixed`, `nick-taken` or `nick-lookalike` */
  rename(member: Member, nick: string, now: Instant, onSettled?: () => void): boolean {
    if (this.#inFlight.waitIfInFlight(member.sessionId, onSettled)) return false;
    return this.#proposeNick(member, claimNick(nick, member.sessionId, this.#state), now, onSettled);
  }

  /** @throws {InputError} `text-too-long` */
  announce(text: string, now: Instant): void {
    this.#commitLog.propose({ type: "announced", timeMs: now.wallMs, text: parseText(text) }, now);
  }

  /** Returns whether the member is out. */
  leave(member: Member, now: Instant, onSettled?: () => void): boolean {
    return this.#remove(member, { connectionLost: false, now, nodeId: this.#commitLog.nodeId }, onSettled);
  }

  kick(member: Member, now: Instant): void {
    this.#remove(member, { connectionLost: false, kicked: true, now }, () => this.kick(member, now));
  }

  /** Starts the grace of members whose connection was lost. Returns the same as {@linkcode expire}. */
  disconnect(members: Iterable<Member>, now: Instant): number {
    for (const member of members) {
      if (this.#isLocal(member)) member.resumableUntilMs = now.monotonicMs + this.#graceMs;
    }
    return this.expire(now);
  }

  /** Removes the members of a node that is down, unless they have moved to another. */
  nodeDown(nodeId: bigint, now: Instant): void {
    for (const member of this.#state) {
      if (member.nodeId === nodeId) this.#remove(member, { connectionLost: true, now, nodeId });
    }
  }

  /** The node of each member, in a cluster; with duplicates. */
  *nodeIds(): Generator<bigint> {
    for (const { nodeId } of this.#state) if (nodeId !== undefined) yield nodeId;
  }

  /** Removes the members whose grace is over. Returns when to call it next, in monotonic ms, or Infinity. */
  expire(now: Instant): number {
    let nextMs = Infinity;
    for (const member of this.#state) {
      const endMs = member.resumableUntilMs ?? Infinity;
      if (endMs > now.monotonicMs) nextMs = Math.min(nextMs, endMs);
      else if (!this.#remove(member, { connectionLost: true, now, nodeId: this.#commitLog.nodeId })) {
        nextMs = Math.min(nextMs, now.monotonicMs + RECHECK_MS);
      }
    }
    return nextMs;
  }

  get size(): number {
    return this.#state.size;
  }

  get members(): Iterable<Member> {
    return this.#state;
  }

  /** Ignores case. */
  findByNick(nick: string): Member | undefined {
    return this.#state.findByNick(nick);
  }

  /** Messages since the start, of all nodes. */
  get messageCount(): number {
    return this.#messageCount;
  }

  /** Average over the last RATE_SECONDS, of what the log retains. */
  messagesPerSecond({ monotonicMs }: Instant): number {
    return this.log.countSince(monotonicMs - RATE_SECONDS * 1_000, SERVER_FRAMES.said.code) / RATE_SECONDS;
  }

  /** Returns whether the member is in. In a cluster a resuming session proposes JOINED again: that tells the others its
   * new node, and once it is committed here, this node has everything that the client read on the old one. A second JOINED
   * for the same request would take the member from the node of a younger connection (found by the simulator).
   * @throws {ProtocolError} `replaced` */
  #proposeJoin(request: JoinRequest, nick: string, now: Instant, onSettled?: () => void): boolean {
    const { hello, sessionId, address } = request;
    const { nodeId } = this.#commitLog;
    const member = this.#state.get(sessionId);
    if (member && nodeId === undefined) return true;
    if (member && this.#joinsProposed.has(request)) {
      if (this.#isLocal(member)) return true;
      throw new ProtocolError("replaced");
    }
    this.#joinsProposed.add(request);
    const rejoined = hello.lagMs !== NEVER_CAUGHT_UP;
    const joined = { type: "joined", timeMs: now.wallMs, sessionId, rejoined, nick, address } as const;
    return this.#proposeChange({ ...joined, ...(nodeId && { nodeId }) }, now, onSettled);
  }

  /** Whether the member is connected to this node, or in its grace here. */
  #isLocal({ nodeId }: Member): boolean {
    return nodeId === this.#commitLog.nodeId;
  }

  #proposeNick(member: Member, nick: string, now: Instant, onSettled?: () => void): boolean {
    const { sessionId, nick: oldNick } = member;
    if (nick === oldNick) return true;
    const renamed = { type: "renamed", timeMs: now.wallMs, sessionId, oldNick, nick } as const;
    return this.#proposeChange(renamed, now, onSettled);
  }

  /** Returns true if nothing is left to remove: the member is out, or is on another node than `nodeId`. */
  #remove(
    member: Member,
    { now, nodeId, ...how }: { connectionLost: boolean; kicked?: boolean; now: Instant; nodeId?: bigint },
    onSettled?: () => void,
  ): boolean {
    const { sessionId, nick, address } = member;
    if (this.#inFlight.waitIfInFlight(sessionId, onSettled)) return false;
    const isIn = this.#state.get(sessionId) === member;
    if (!isIn || (nodeId !== undefined && member.nodeId !== nodeId)) return true;
    const left = { type: "left", timeMs: now.wallMs, sessionId, ...how, nick, address } as const;
    return this.#proposeChange({ ...left, ...(nodeId && { nodeId }) }, now, onSettled);
  }

  /** Returns whether the change is committed: the log in memory commits before `propose` returns. */
  #proposeChange(event: MembershipChange, now: Instant, onSettled?: () => void): boolean {
    this.#inFlight.start(event.sessionId);
    this.#commitLog.propose(event, now);
    return !this.#inFlight.waitIfInFlight(event.sessionId, onSettled);
  }

  #onCommitted(event: ProposedEvent, seq: number, at: Instant, isRemote: boolean): void {
    this.backups.onCommitted(event);
    if (!isMembershipChange(event)) return this.#apply(event, seq, at);
    const { sessionId } = event;
    const before = this.#state.get(sessionId);
    const wasLocal = before !== undefined && this.#isLocal(before);
    const wasConnected = wasLocal && before.resumableUntilMs === undefined;
    if (event.type === "joined") this.#updateAddress(before, event.address);
    this.#apply(event, seq, at);
    if (isRemote) {
      if (wasLocal) this.#handleTakeover(before, event);
    } else if (this.#inFlight.has(sessionId)) {
      // The join may be that of an older connection, long closed: it must not end a younger one (found by the simulator).
      if (event.type === "joined" && !wasConnected) this.#onJoined(sessionId, at);
      this.#inFlight.finish(sessionId);
    }
  }

  /** Changes the state and appends to the event log; a no-op takes a `seq` too. */
  #apply(event: ProposedEvent, seq: number, { monotonicMs }: Instant): void {
    const entry = this.#state.apply(event);
    this.log.append(encodeEntry(entry ?? { type: "noop" }, seq), monotonicMs, entry && audienceOf(entry));
    if (entry?.type === "said") this.#messageCount++;
    else if (entry?.type === "joined") this.#memberListCache.add(this.#state.get(entry.sessionId)!);
    else if (entry?.type === "left" || entry?.type === "renamed") this.#memberListCache.invalidate();
  }

  #updateAddress(member: Member | undefined, address: string): void {
    if (!member || member.address === address) return;
    member.address = address;
    this.#memberListCache.invalidate();
  }

  /** Starts the grace of a client whose join is committed: its connection may be gone by now. */
  #onJoined(sessionId: bigint, { monotonicMs }: Instant): void {
    const member = this.#state.get(sessionId);
    if (member && this.#isLocal(member)) {
      member.resumableUntilMs = monotonicMs + Math.max(this.#graceMs, MIN_JOIN_GRACE_MS);
    }
  }

  #handleTakeover(member: Member, event: MembershipChange): void {
    if (this.#state.get(member.sessionId) === member && this.#isLocal(member)) return;
    member.resumableUntilMs = undefined;
    this.onTakenOver(member, { isKicked: event.type === "left" && event.kicked === true });
  }
}

function isMembershipChange(event: ProposedEvent): event is MembershipChange {
  return event.type === "joined" || event.type === "left" || event.type === "renamed";
}

/** The only sessions that may read an entry, or undefined if all may. */
function audienceOf(entry: Uncommitted): { audience: readonly bigint[] } | undefined {
  return entry.type === "said" && entry.to ? { audience: [entry.sessionId, entry.to.sessionId] } : undefined;
}

/** @throws {ProtocolError} `nick-invalid`, `nick-mixed`, `nick-taken` or `nick-lookalike` */
function claimNick(raw: string, sessionId: bigint, state: RoomState): string {
  let nick: string;
  try {
    nick = parseNick(raw);
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    const code = cause.code === "nick-mixed" ? cause.code : "nick-invalid";
    throw new ProtocolError(code, cause.details, { cause });
  }
  const conflict = state.nickConflict(nick, sessionId);
  if (conflict) throw new ProtocolError(conflict, { nick });
  return nick;
}

/** The membership changes that this node has proposed and that are not committed: at most one a session. */
export class InFlightChanges {
  readonly #waiting = new Map<bigint, (() => void)[]>();

  start(sessionId: bigint): void {
    this.#waiting.set(sessionId, []);
  }

  has(sessionId: bigint): boolean {
    return this.#waiting.has(sessionId);
  }

  /** Returns whether a change is in flight; if so, calls `onSettled` when it is committed. */
  waitIfInFlight(sessionId: bigint, onSettled?: () => void): boolean {
    if (onSettled) this.#waiting.get(sessionId)?.push(onSettled);
    return this.has(sessionId);
  }

  finish(sessionId: bigint): void {
    const waiting = this.#waiting.get(sessionId) ?? [];
    this.#waiting.delete(sessionId);
    for (const onSettled of waiting) onSettled();
  }
}
