// Mutations that break one rule each, by replacing methods of lib/: the simulator must find the fault of every mutation.

import type { Instant } from "../../lib/base/time.ts";
import { DEFAULT_CONFIG } from "../../lib/client/config.ts";
import { Failover } from "../../lib/client/failover.ts";
import { Outbox } from "../../lib/client/outbox.ts";
import { RECOVERY } from "../../lib/client/recovery.ts";
import { SessionState } from "../../lib/client/session_state.ts";
import { ServerPool } from "../../lib/client/server_pool.ts";
import { ServerSelector } from "../../lib/client/server_selector.ts";
import { HEADER_BYTES } from "../../lib/codec.ts";
import type { Address } from "../../lib/net/address.ts";
import { Connection } from "../../lib/net/connection.ts";
import { CLIENT_FRAMES, type Hello, NEVER_CAUGHT_UP, RETAIN_ACKED_MS } from "../../lib/protocol/frames.ts";
import type { Apply } from "../../lib/room/commit_log.ts";
import { ALL_ENTRIES } from "../../lib/room/event_log.ts";
import { Room } from "../../lib/room/room.ts";
import type { Member } from "../../lib/room/state.ts";
import { RESUME_MARGIN_MS } from "../../lib/room/welcome.ts";
import { Sessions } from "../../lib/server/sessions.ts";
import { SqliteCommitLog } from "../../lib/storage/sqlite_commit_log.ts";
import type { Fault } from "./ledger.ts";
import { currentClock, Process } from "./process.ts";
import { Disk } from "./stores.ts";

/** Puts another value in place of a property, and returns how to undo that. */
type Replacement = () => () => void;

export interface Mutation {
  readonly fault: Fault;
  /** The runs that show it; "messages" unless it says otherwise. */
  readonly kind?: "failover";
  /** Whether the fault takes minutes. */
  readonly needsLongRun?: boolean;
  readonly replacements: readonly Replacement[];
}

/** Until it is disposed of, the rule is broken. */
export function plant({ replacements }: Mutation): Disposable {
  const undo = replacements.map((replace) => replace());
  return {
    [Symbol.dispose]() {
      for (const restore of undo) restore();
    },
  };
}

export function replacing<Owner extends object, Name extends keyof Owner>(
  owner: Owner,
  name: Name,
  make: (original: Owner[Name]) => Owner[Name],
): Replacement {
  return () => {
    const original = owner[name];
    owner[name] = make(original);
    return () => owner[name] = original;
  };
}

/** What a mutation remembers of an object. */
function remembering<Value>(initial: () => Value): { of(owner: object): Value } {
  const values = new WeakMap<object, Value>();
  return {
    of(owner) {
      const value = values.get(owner) ?? initial();
      values.set(owner, value);
      return value;
    },
  };
}

/** At WELCOME, `isForgotten` messages count as acked by every server. `echoedAtMs` of a message is when it was last
 * echoed. */
function forgettingEchoed(isForgotten: (echoedAtMs: number, nowMs: number) => boolean): Replacement[] {
  const echoed = remembering(() => new Map<number, number>());
  return [
    replacing(Outbox.prototype, "onEcho", (onEcho) =>
      function (this: Outbox, echo, nowMs) {
        echoed.of(this).set(echo.clientSeq, nowMs);
        onEcho.call(this, echo, nowMs);
      }),
    replacing(Outbox.prototype, "onWelcome", (onWelcome) =>
      function (this: Outbox, lastClientSeq, nowMs) {
        const forgotten = [...echoed.of(this)].filter(([, atMs]) => isForgotten(atMs, nowMs));
        return onWelcome.call(this, Math.max(lastClientSeq, ...forgotten.map(([seq]) => seq)), nowMs);
      }),
  ];
}

function changingHello(change: (hello: Hello, nowMs: number, state: SessionState) => Partial<Hello>) {
  return replacing(
    SessionState.prototype,
    "hello",
    (hello) =>
      function (this: SessionState, nick, nowMs, password) {
        const message = hello.call(this, nick, nowMs, password);
        return { ...message, ...change(message, nowMs, this) };
      },
  );
}

function noResumeWindow(): Replacement {
  const windowMs = RETAIN_ACKED_MS + RESUME_MARGIN_MS;
  const changed = new WeakSet<Hello>();
  return replacing(Room.prototype, "join", (join) =>
    function (this: Room, request, now, onSettled) {
      // A join that waits for the commit log is repeated with the same request.
      if (!changed.has(request.hello)) {
        const hello = { ...request.hello, lagMs: request.hello.lagMs - windowMs };
        changed.add(hello);
        Object.assign(request, { hello });
      }
      return join.call(this, request, now, onSettled);
    });
}

function lagSinceDisconnect(): Replacement[] {
  const disconnected = remembering<{ atMs?: number }>(() => ({}));
  return [
    replacing(
      SessionState.prototype,
      "onDisconnect",
      (onDisconnect) =>
        function (this: SessionState, lastReceivedMs, nowMs) {
          disconnected.of(this).atMs = lastReceivedMs;
          onDisconnect.call(this, lastReceivedMs, nowMs);
        },
    ),
    changingHello(({ lagMs }, nowMs, state) => ({
      lagMs: Math.ceil(nowMs - (disconnected.of(state).atMs ?? nowMs - lagMs)),
    })),
  ];
}

function noServerDedup(): Replacement[] {
  return [
    replacing(Room.prototype, "join", (join) =>
      function (this: Room, ...request) {
        const joined = join.apply(this, request);
        return joined && { ...joined, welcome: { ...joined.welcome, lastClientSeq: 0 } };
      }),
    replacing(Room.prototype, "say", (say) =>
      function (this: Room, member, message, now) {
        member.lastClientSeq = member.lastProposedSeq = 0;
        say.call(this, member, message, now);
      }),
  ];
}

function losingReplaced(): Replacement[] {
  const memberOf = new WeakMap<Connection, Member>();
  return [
    replacing(Sessions.prototype, "attach", (attach) =>
      function (this: Sessions, joined, connection) {
        memberOf.set(connection, joined.member);
        attach.call(this, joined, connection);
      }),
    replacing(Sessions.prototype, "memberOf", () => (connection) => memberOf.get(connection)),
  ];
}

function applyingBeforeCommit(): Replacement[] {
  const applied = remembering<{ seq: number; apply: Apply }>(() => ({ seq: 0, apply: () => {} }));
  return [
    replacing(
      SqliteCommitLog.prototype,
      "subscribe",
      (subscribe) =>
        function (this: SqliteCommitLog, apply, onReady) {
          const log = applied.of(this);
          log.apply = apply;
          subscribe.call(this, (event, seq, at) => {
            if (seq < log.seq) return;
            log.seq = seq + 1;
            apply(event, seq, at);
          }, onReady);
        },
    ),
    replacing(
      SqliteCommitLog.prototype,
      "propose",
      (propose) =>
        function (this: SqliteCommitLog, event, ...rest: unknown[]) {
          const log = applied.of(this);
          propose.call(this, event);
          log.apply(event, log.seq++, rest[0] as Instant);
        },
    ),
  ];
}

function clockStandingStill(): Replacement[] {
  const suspended = remembering<{ atMs?: number }>(() => ({}));
  const nowMs = ({ world }: Process) => world.timeline.nowMs;
  return [
    replacing(Process.prototype, "suspend", (suspend) =>
      function (this: Process) {
        suspended.of(this).atMs ??= nowMs(this);
        suspend.call(this);
      }),
    replacing(Process.prototype, "resume", (resume) =>
      function (this: Process) {
        const state = suspended.of(this);
        this.startedMs += nowMs(this) - (state.atMs ?? nowMs(this));
        delete state.atMs;
        resume.call(this);
      }),
  ];
}

function forgettingDelisted(): Replacement {
  const lists = remembering<{ last: readonly Address[] }>(() => ({ last: [] }));
  return replacing(ServerPool.prototype, "update", (update) =>
    function (this: ServerPool, servers, logId) {
      const list = lists.of(this);
      for (const server of list.last) this.remove(server);
      list.last = servers;
      update.call(this, servers, logId);
    });
}

/** By the name that `--weaken` takes. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  "only unacked messages are sent again": {
    fault: "lost",
    replacements: forgettingEchoed(() => true),
  },
  "acked messages are retained for 5 s only": {
    fault: "lost",
    replacements: [
      replacing(DEFAULT_CONFIG.outbox as { retainAckedMs: number }, "retainAckedMs", () => 5_000),
    ],
  },
  "the cursor goes back only as far as the client was disconnected": {
    fault: "lost",
    replacements: [...lagSinceDisconnect(), noResumeWindow()],
  },
  "the cursor goes back without the resume window": {
    fault: "lost",
    replacements: [noResumeWindow()],
  },
  "acked messages go on ageing while they are being sent again": {
    fault: "lost",
    needsLongRun: true,
    replacements: forgettingEchoed((echoedAtMs, nowMs) => nowMs - echoedAtMs > RETAIN_ACKED_MS),
  },
  "the cursor goes back by the resume window alone": {
    fault: "lost",
    needsLongRun: true,
    replacements: [changingHello(({ lagMs }) => ({ lagMs: lagMs === NEVER_CAUGHT_UP ? lagMs : 0 }))],
  },
  "the client forgets its resume points": {
    fault: "lost",
    replacements: [changingHello(() => ({ resumePoints: [] }))],
  },
  "the client does not drop duplicates by clientSeq": {
    fault: "shown twice",
    replacements: [
      replacing(SessionState.prototype, "onEntry", (onEntry) =>
        function (this: SessionState, entry, nowMs) {
          const delivery = onEntry.call(this, entry, nowMs);
          return delivery === "duplicate" && entry.type === "said" ? "missed" : delivery;
        }),
    ],
  },
  "the server does not drop duplicates by clientSeq": {
    fault: "logged twice",
    replacements: noServerDedup(),
  },
  "private messages go to all members": {
    fault: "overheard",
    replacements: [
      replacing(Room.prototype, "join", (join) =>
        function (this: Room, ...request) {
          const joined = join.apply(this, request);
          return joined && { ...joined, cursor: this.log.cursorAt(joined.welcome.startSeq, ALL_ENTRIES) };
        }),
    ],
  },
  "the end of a replaced connection counts as a disconnect": {
    fault: "wrong departure",
    replacements: losingReplaced(),
  },
  "a server applies events before they are committed": {
    fault: "garbled",
    replacements: applyingBeforeCommit(),
  },
  "the clock of a client stands still while it is suspended": {
    fault: "lost",
    needsLongRun: true,
    replacements: clockStandingStill(),
  },
  "acked messages age until the disconnect is noticed": {
    fault: "lost",
    needsLongRun: true,
    replacements: [
      replacing(SessionState.prototype, "onDisconnect", (onDisconnect) =>
        function (this: SessionState) {
          const { monotonicMs } = currentClock();
          onDisconnect.call(this, monotonicMs, monotonicMs);
        }),
    ],
  },
  "a failed sync counts as one": {
    fault: "garbled",
    replacements: [
      replacing(Disk.prototype, "sync", (sync) =>
        function (this: Disk, ...rest) {
          return sync.apply(this, rest).catch(() => {});
        }),
    ],
  },
  "a client does not dial again when its connection breaks": {
    fault: "strayed",
    kind: "failover",
    replacements: (["closed", "broken"] as const).map((code) =>
      replacing(RECOVERY.ConnectionLostError, code, () => ({ action: "next", serverStatus: "down" }) as never)
    ),
  },
  "a client that has not joined does not dial again when its connection breaks": {
    fault: "strayed",
    kind: "failover",
    replacements: [
      replacing(RECOVERY.ConnectError, "not-a-chat-server", (row) => ({ ...row, action: "next" }) as never),
    ],
  },
  "a redial has 300 ms": {
    fault: "strayed",
    kind: "failover",
    replacements: [replacing(Failover.prototype, "limits", () => () => ({ dialTimeoutMs: 300 }))],
  },
  "a redial waits for the name": {
    fault: "strayed",
    kind: "failover",
    replacements: [
      replacing(ServerSelector.prototype, "next", (next) =>
        async function (this: ServerSelector, ...rest) {
          const target = await next.apply(this, rest);
          return target && { ...target, ip: undefined };
        }),
    ],
  },
  "each client has its own order of servers": {
    fault: "apart",
    kind: "failover",
    replacements: [
      replacing(ServerPool.prototype, "nextAfter", (nextAfter) =>
        function (this: ServerPool, last) {
          return nextAfter.call(this, Math.random() < 0.5 ? last : nextAfter.call(this, last));
        }),
    ],
  },
  "a client that waits does not notice that its server is back": {
    fault: "strayed",
    kind: "failover",
    replacements: [replacing(Failover.prototype, "hasSameLog", () => () => false)],
  },
  "a client does not go home": {
    fault: "apart",
    kind: "failover",
    replacements: [replacing(Failover.prototype, "onHomeProbed", () => () => false)],
  },
  "a client forgets a node that has ended": {
    fault: "not settled",
    kind: "failover",
    replacements: [forgettingDelisted()],
  },
  "a client forgets a server that refuses it for a while": {
    fault: "apart",
    kind: "failover",
    replacements: [
      replacing(
        Failover.prototype,
        "onReturnFailed",
        (onReturnFailed) =>
          function (this: Failover, how, nowMs) {
            return onReturnFailed.call(this, how === "refused" ? "barred" : how, nowMs);
          },
      ),
    ],
  },
  "a client goes home though its server is empty": {
    fault: "strayed",
    kind: "failover",
    replacements: [
      replacing(
        Failover.prototype,
        "onHomeProbed",
        (onHomeProbed) =>
          function (this: Failover, home, { there, ...rest }, nowMs) {
            return onHomeProbed.call(
              this,
              home,
              { ...rest, there: there && { ...there, heardCount: 1 } },
              nowMs,
            );
          },
      ),
    ],
  },
  "a client does not notice that the process of its server has ended": {
    fault: "strayed",
    kind: "failover",
    replacements: [
      replacing(Failover.prototype, "needsCount", () => ({ wasReturnedFrom }) => wasReturnedFrom),
    ],
  },
  "a client sends no PONG": {
    fault: "dropped",
    kind: "failover",
    replacements: [
      replacing(Connection.prototype, "send", (send) =>
        function (this: Connection, frame) {
          if (frame[HEADER_BYTES - 1] !== CLIENT_FRAMES.pong.code) send.call(this, frame);
        }),
    ],
  },
};
