// The rules of docs/ARCHITECTURE.md, "Exactly once", and what is left of them when one is weakened: the simulator
// must find what is lost then, or shown twice.

import { RESUME_MARGIN_MS } from "../../lib/room/welcome.ts";
import { DEFAULT_CONFIG } from "../../lib/client/config.ts";
import { SessionState } from "../../lib/client/session_state.ts";
import type { Member } from "../../lib/room/state.ts";
import {
  type Hello,
  type LogEntry,
  type MessageBody,
  RETAIN_ACKED_MS,
  type Say,
  type Welcome,
} from "../../lib/protocol/frames.ts";
import { type JoinRequest, type JoinResult, Room } from "../../lib/room/room.ts";
import { ALL_ENTRIES } from "../../lib/room/event_log.ts";
import type { Instant } from "../../lib/base/time.ts";
import type { Apply } from "../../lib/room/commit_log.ts";
import type { Delivery } from "../../lib/client/read_tracker.ts";
import type { Uncommitted } from "../../lib/protocol/frames.ts";
import { DelayedCommitLog } from "../room/delayed_commit_log.ts";
import type { Fault } from "./ledger.ts";
import type { Rules } from "./world.ts";

/** The rules as they are. */
export const CORRECT_RULES: Rules = {
  newSessionState: (resumeToken) => new SessionState(resumeToken, DEFAULT_CONFIG),
  newRoom: (commitLog, config) => new Room(commitLog, config),
  newCommitLog: (store) => new DelayedCommitLog(store),
  losesReplaced: false,
  trustsLateBytes: false,
  agesUntilNoticed: false,
};

/** Keeps when each of its messages was last read back. */
class WatchedSessionState extends SessionState {
  protected readonly echoedAtMs = new Map<number, number>();
  #keptBack = 0;

  override get unacked(): MessageBody[] {
    return super.unacked.slice(this.#keptBack);
  }

  override onEntry(entry: LogEntry, nowMs: number): Delivery {
    if (entry.type === "said" && entry.sessionId === this.sessionId) {
      this.echoedAtMs.set(entry.clientSeq, nowMs);
    }
    return super.onEntry(entry, nowMs);
  }

  /** Keeps back some of what is to be sent again. */
  protected keepBack(welcome: Welcome, nowMs: number, isKept: (message: Say) => boolean) {
    const { resend, truncatedCount } = super.onWelcome(welcome, nowMs);
    this.#keptBack = resend.filter(isKept).length;
    return { resend: resend.slice(this.#keptBack), truncatedCount };
  }
}

class OnlyPendingIsSentAgain extends WatchedSessionState {
  override onWelcome(welcome: Welcome, nowMs: number) {
    return this.keepBack(welcome, nowMs, ({ clientSeq }) => this.echoedAtMs.has(clientSeq));
  }
}

class RecentAgesOnTheWay extends WatchedSessionState {
  override onWelcome(welcome: Welcome, nowMs: number) {
    const isDue = ({ clientSeq }: Say) => nowMs - (this.echoedAtMs.get(clientSeq) ?? nowMs) > RETAIN_ACKED_MS;
    return this.keepBack(welcome, nowMs, isDue);
  }
}

class LacksSinceDisconnected extends SessionState {
  #staleSinceMs: number | undefined;

  override onDisconnect(nowMs: number): void {
    this.#staleSinceMs = nowMs;
    super.onDisconnect(nowMs);
  }

  override hello(nick: string, nowMs: number): Hello {
    const hello = super.hello(nick, nowMs);
    return this.#staleSinceMs === undefined
      ? hello
      : { ...hello, lagMs: Math.ceil(nowMs - this.#staleSinceMs) };
  }
}

class AlwaysCaughtUp extends SessionState {
  #wasIn = false;

  override onWelcome(welcome: Welcome, nowMs: number) {
    this.#wasIn = true;
    return super.onWelcome(welcome, nowMs);
  }

  override hello(nick: string, nowMs: number): Hello {
    const hello = super.hello(nick, nowMs);
    return this.#wasIn ? { ...hello, lagMs: 0 } : hello;
  }
}

class ForgetsWhereItStopped extends SessionState {
  override hello(nick: string, nowMs: number): Hello {
    return { ...super.hello(nick, nowMs), resumePoints: [] };
  }
}

class NoClientDedup extends SessionState {
  override onEntry(entry: LogEntry, nowMs: number): Delivery {
    const place = super.onEntry(entry, nowMs);
    return place === "duplicate" && entry.type === "said" ? "missed" : place;
  }
}

class NoWindow extends Room {
  override join({ hello, ...request }: JoinRequest, now: Instant, again: () => void): JoinResult | undefined {
    const lagMs = hello.lagMs - RETAIN_ACKED_MS - RESUME_MARGIN_MS;
    return super.join({ ...request, hello: { ...hello, lagMs } }, now, again);
  }
}

class AcceptsAgain extends Room {
  override join(request: JoinRequest, now: Instant, again: () => void): JoinResult | undefined {
    const joined = super.join(request, now, again);
    return joined && { ...joined, welcome: { ...joined.welcome, lastClientSeq: 0 } };
  }

  override say(member: Member, message: Say, now: Instant): void {
    member.lastClientSeq = member.lastProposedSeq = 0;
    super.say(member, message, now);
  }
}

class ShowsAllToAll extends Room {
  override join(request: JoinRequest, now: Instant, again: () => void): JoinResult | undefined {
    const joined = super.join(request, now, again);
    return joined && { ...joined, cursor: this.log.cursorAt(joined.welcome.startSeq, ALL_ENTRIES) };
  }
}

/** Lets happen what it has not stored yet. */
class ApplyBeforeCommit extends DelayedCommitLog {
  #seq = 0;
  #take: Apply = () => {};

  override subscribe(take: Apply, onReady: () => void): void {
    this.#take = take;
    const note: Apply = (entry, seq, at) => {
      // What is stored by now has happened long ago.
      if (seq < this.#seq) return;
      this.#seq = seq + 1;
      take(entry, seq, at);
    };
    super.subscribe(note, onReady);
  }

  override propose(entry: Uncommitted, now: Instant): void {
    super.propose(entry, now);
    this.#take(entry, this.#seq++, now);
  }
}

/** One rule less, and what then goes wrong. */
export interface Mutation {
  readonly rules: Partial<Rules>;
  readonly fault: Fault;
}

/** What can become of the rules. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "only pending messages are sent again": {
    rules: { newSessionState: (resumeToken) => new OnlyPendingIsSentAgain(resumeToken, DEFAULT_CONFIG) },
    fault: "lost",
  },
  "the window is shorter than a few reconnections": {
    rules: {
      newSessionState: (resumeToken) => {
        const outbox = { ...DEFAULT_CONFIG.outbox, retainAckedMs: 5_000 };
        return new SessionState(resumeToken, { ...DEFAULT_CONFIG, outbox });
      },
    },
    fault: "lost",
  },
  "the cursor goes back only as far as the client was disconnected": {
    rules: {
      newSessionState: (resumeToken) => new LacksSinceDisconnected(resumeToken, DEFAULT_CONFIG),
      newRoom: (commitLog, config) => new NoWindow(commitLog, config),
    },
    fault: "lost",
  },
  "the cursor goes back without the window's length": {
    rules: { newRoom: (commitLog, config) => new NoWindow(commitLog, config) },
    fault: "lost",
  },
  "recent messages go on ageing while they are being sent again": {
    rules: { newSessionState: (resumeToken) => new RecentAgesOnTheWay(resumeToken, DEFAULT_CONFIG) },
    fault: "lost",
  },
  "the cursor goes back by the window's length alone": {
    rules: { newSessionState: (resumeToken) => new AlwaysCaughtUp(resumeToken, DEFAULT_CONFIG) },
    fault: "lost",
  },
  "the client forgets where it stopped reading": {
    rules: { newSessionState: (resumeToken) => new ForgetsWhereItStopped(resumeToken, DEFAULT_CONFIG) },
    fault: "lost",
  },
  "the client does not drop duplicates by n": {
    rules: { newSessionState: (resumeToken) => new NoClientDedup(resumeToken, DEFAULT_CONFIG) },
    fault: "shown twice",
  },
  "the server does not drop duplicates by n": {
    rules: { newRoom: (commitLog, config) => new AcceptsAgain(commitLog, config) },
    fault: "logged twice",
  },
  "what is private goes to everybody": {
    rules: { newRoom: (commitLog, config) => new ShowsAllToAll(commitLog, config) },
    fault: "overheard",
  },
  "the loss of a replaced connection counts": {
    rules: { losesReplaced: true },
    fault: "wrong departure",
  },
  "a server lets happen what it has not stored": {
    rules: { newCommitLog: (store) => new ApplyBeforeCommit(store) },
    fault: "lost",
  },
  "a client that was suspended believes what waits in its socket": {
    rules: { trustsLateBytes: true },
    fault: "lost",
  },
  "what was sent ages until the loss is noticed": {
    rules: { agesUntilNoticed: true },
    fault: "lost",
  },
};
