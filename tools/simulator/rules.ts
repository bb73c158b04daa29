// The correct rules, and mutations that break one rule each: the simulator must find the fault of every mutation.

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
import { DelayedCommitLog } from "../../tests/testing/delayed_commit_log.ts";
import type { Fault } from "./ledger.ts";
import type { Rules } from "./world.ts";

export const CORRECT_RULES: Rules = {
  newSessionState: (resumeToken) => new SessionState(resumeToken, DEFAULT_CONFIG),
  newRoom: (commitLog, config) => new Room(commitLog, config),
  newCommitLog: (store) => new DelayedCommitLog(store),
  losesReplaced: false,
  trustsLateBytes: false,
  agesUntilNoticed: false,
};

/** Records when each of its messages was last echoed. */
class WatchedSessionState extends SessionState {
  protected readonly echoedAtMs = new Map<number, number>();
  #droppedCount = 0;

  override get unacked(): MessageBody[] {
    return super.unacked.slice(this.#droppedCount);
  }

  override onEntry(entry: LogEntry, nowMs: number): Delivery {
    if (entry.type === "said" && entry.sessionId === this.sessionId) {
      this.echoedAtMs.set(entry.clientSeq, nowMs);
    }
    return super.onEntry(entry, nowMs);
  }

  /** Does not send the messages again for which `isDropped`. */
  protected dropResend(welcome: Welcome, nowMs: number, isDropped: (message: Say) => boolean) {
    const { resend, truncatedCount } = super.onWelcome(welcome, nowMs);
    this.#droppedCount = resend.filter(isDropped).length;
    return { resend: resend.slice(this.#droppedCount), truncatedCount };
  }
}

class ResendsOnlyUnacked extends WatchedSessionState {
  override onWelcome(welcome: Welcome, nowMs: number) {
    return this.dropResend(welcome, nowMs, ({ clientSeq }) => this.echoedAtMs.has(clientSeq));
  }
}

class AgesDuringResend extends WatchedSessionState {
  override onWelcome(welcome: Welcome, nowMs: number) {
    const isDue = ({ clientSeq }: Say) => nowMs - (this.echoedAtMs.get(clientSeq) ?? nowMs) > RETAIN_ACKED_MS;
    return this.dropResend(welcome, nowMs, isDue);
  }
}

class LagSinceDisconnect extends SessionState {
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
  #hasJoined = false;

  override onWelcome(welcome: Welcome, nowMs: number) {
    this.#hasJoined = true;
    return super.onWelcome(welcome, nowMs);
  }

  override hello(nick: string, nowMs: number): Hello {
    const hello = super.hello(nick, nowMs);
    return this.#hasJoined ? { ...hello, lagMs: 0 } : hello;
  }
}

class NoResumePoints extends SessionState {
  override hello(nick: string, nowMs: number): Hello {
    return { ...super.hello(nick, nowMs), resumePoints: [] };
  }
}

class NoClientDedup extends SessionState {
  override onEntry(entry: LogEntry, nowMs: number): Delivery {
    const delivery = super.onEntry(entry, nowMs);
    return delivery === "duplicate" && entry.type === "said" ? "missed" : delivery;
  }
}

class NoResumeWindow extends Room {
  override join(
    { hello, ...request }: JoinRequest,
    now: Instant,
    onSettled: () => void,
  ): JoinResult | undefined {
    const lagMs = hello.lagMs - RETAIN_ACKED_MS - RESUME_MARGIN_MS;
    return super.join({ ...request, hello: { ...hello, lagMs } }, now, onSettled);
  }
}

class NoServerDedup extends Room {
  override join(request: JoinRequest, now: Instant, onSettled: () => void): JoinResult | undefined {
    const joined = super.join(request, now, onSettled);
    return joined && { ...joined, welcome: { ...joined.welcome, lastClientSeq: 0 } };
  }

  override say(member: Member, message: Say, now: Instant): void {
    member.lastClientSeq = member.lastProposedSeq = 0;
    super.say(member, message, now);
  }
}

class NoPrivacy extends Room {
  override join(request: JoinRequest, now: Instant, onSettled: () => void): JoinResult | undefined {
    const joined = super.join(request, now, onSettled);
    return joined && { ...joined, cursor: this.log.cursorAt(joined.welcome.startSeq, ALL_ENTRIES) };
  }
}

/** Applies events that are not stored yet. */
class ApplyBeforeCommit extends DelayedCommitLog {
  #seq = 0;
  #apply: Apply = () => {};

  override subscribe(apply: Apply, onReady: () => void): void {
    this.#apply = apply;
    const skipApplied: Apply = (event, seq, at) => {
      if (seq < this.#seq) return;
      this.#seq = seq + 1;
      apply(event, seq, at);
    };
    super.subscribe(skipApplied, onReady);
  }

  override propose(event: Uncommitted, now: Instant): void {
    super.propose(event, now);
    this.#apply(event, this.#seq++, now);
  }
}

interface Mutation {
  readonly rules: Partial<Rules>;
  readonly fault: Fault;
}

/** By the name that `--weaken` takes. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "only unacked messages are sent again": {
    rules: { newSessionState: (resumeToken) => new ResendsOnlyUnacked(resumeToken, DEFAULT_CONFIG) },
    fault: "lost",
  },
  "acked messages are retained for 5 s only": {
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
      newSessionState: (resumeToken) => new LagSinceDisconnect(resumeToken, DEFAULT_CONFIG),
      newRoom: (commitLog, config) => new NoResumeWindow(commitLog, config),
    },
    fault: "lost",
  },
  "the cursor goes back without the resume window": {
    rules: { newRoom: (commitLog, config) => new NoResumeWindow(commitLog, config) },
    fault: "lost",
  },
  "acked messages go on ageing while they are being sent again": {
    rules: { newSessionState: (resumeToken) => new AgesDuringResend(resumeToken, DEFAULT_CONFIG) },
    fault: "lost",
  },
  "the cursor goes back by the resume window alone": {
    rules: { newSessionState: (resumeToken) => new AlwaysCaughtUp(resumeToken, DEFAULT_CONFIG) },
    fault: "lost",
  },
  "the client forgets its resume points": {
    rules: { newSessionState: (resumeToken) => new NoResumePoints(resumeToken, DEFAULT_CONFIG) },
    fault: "lost",
  },
  "the client does not drop duplicates by clientSeq": {
    rules: { newSessionState: (resumeToken) => new NoClientDedup(resumeToken, DEFAULT_CONFIG) },
    fault: "shown twice",
  },
  "the server does not drop duplicates by clientSeq": {
    rules: { newRoom: (commitLog, config) => new NoServerDedup(commitLog, config) },
    fault: "logged twice",
  },
  "private messages go to all members": {
    rules: { newRoom: (commitLog, config) => new NoPrivacy(commitLog, config) },
    fault: "overheard",
  },
  "the end of a replaced connection counts as a disconnect": {
    rules: { losesReplaced: true },
    fault: "wrong departure",
  },
  "a server applies events before they are committed": {
    rules: { newCommitLog: (store) => new ApplyBeforeCommit(store) },
    fault: "lost",
  },
  "a client that was suspended reads what its socket buffered": {
    rules: { trustsLateBytes: true },
    fault: "lost",
  },
  "acked messages age until the disconnect is noticed": {
    rules: { agesUntilNoticed: true },
    fault: "lost",
  },
};
