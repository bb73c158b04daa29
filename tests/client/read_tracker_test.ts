// How far a client has read, when it was caught up, and what it shows.

import { assertEquals } from "@std/assert";
import { type Delivery, ReadTracker } from "../../lib/client/read_tracker.ts";
import type { LogEntry, RoomEvent } from "../../lib/protocol/frames.ts";
import { makeSaid, welcomeTo } from "../testing/raw_peer.ts";
import { testClientConfig } from "../testing/test_config.ts";
import { pure } from "../testing/test_options.ts";

const NEVER = 0xffff_ffff;

function newTracker(): ReadTracker {
  return new ReadTracker(testClientConfig().readTracker);
}

/** Joins a server whose log continues at `startSeq`; live entries begin at `head`. */
function join(
  tracker: ReadTracker,
  logId: bigint,
  startSeq: number,
  { head = startSeq, nowMs = 0 } = {},
): number {
  return tracker.onWelcome(welcomeTo("yo", { logId, startSeq, head }), nowMs).truncatedCount;
}

/** A tracker that joined log 7 at 0 ms. */
function trackerAt(startSeq: number, head = startSeq): ReadTracker {
  const tracker = newTracker();
  join(tracker, 7n, startSeq, { head });
  return tracker;
}

function said(seq: number, clientSeq: number, sessionId = 1n): LogEntry {
  return makeSaid("ana", { seq, clientSeq, text: "hola", sessionId });
}

/** An entry of a type that is shown only if it is live. */
function joined(seq: number): RoomEvent {
  return { type: "joined", seq, timeMs: 0, sessionId: 1n, rejoined: false, nick: "ana", address: "::1" };
}

/** Reads messages of a session from `seq` 0 on. */
function readNumbers(tracker: ReadTracker, numbers: number[], sessionId?: bigint): Delivery[] {
  return numbers.map((n, seq) => tracker.onEntry(said(seq, n, sessionId)));
}

function nextOn(tracker: ReadTracker, logId = 7n): number | undefined {
  return tracker.resumeInfo(0).resumePoints.find((point) => point.logId === logId)?.nextSeq;
}

function lagAt(tracker: ReadTracker, nowMs: number): number {
  return tracker.resumeInfo(nowMs).lagMs;
}

Deno.test("ReadTracker.resumeInfo() before the first join was never caught up", pure, () => {
  assertEquals(newTracker().resumeInfo(5_000), { lagMs: NEVER, resumePoints: [] });
});

Deno.test("ReadTracker.resumeInfo() continues after the last entry, of any type", pure, () => {
  const tracker = trackerAt(3, 5);
  assertEquals(tracker.resumeInfo(0).resumePoints, [{ logId: 7n, nextSeq: 3 }]);
  for (const entry of [said(3, 1), joined(4), { type: "noop", seq: 5 } as const]) {
    tracker.onEntry(entry);
    assertEquals(nextOn(tracker), entry.seq + 1);
  }
});

Deno.test("ReadTracker.resumeInfo() has a resume point for each log", pure, () => {
  const tracker = trackerAt(3);
  join(tracker, 8n, 100);
  tracker.onEntry(joined(100));
  assertEquals([nextOn(tracker), nextOn(tracker, 8n)], [3, 101]);
  join(tracker, 7n, 3);
  tracker.onEntry(joined(3));
  assertEquals([nextOn(tracker), nextOn(tracker, 8n)], [4, 101]);
});

Deno.test("ReadTracker.resumeInfo() remembers the last 16 logs", pure, () => {
  const tracker = newTracker();
  for (let logId = 0n; logId < 16n; logId++) join(tracker, logId, 0);
  join(tracker, 0n, 0);
  join(tracker, 16n, 0);
  const known = tracker.resumeInfo(0).resumePoints.map(({ logId }) => Number(logId));
  assertEquals(known, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 16]);
});

Deno.test("ReadTracker.resumeInfo() never exceeds what HELLO can carry", pure, () => {
  const tracker = trackerAt(Number.MAX_SAFE_INTEGER);
  tracker.onEntry({ type: "noop", seq: Number.MAX_SAFE_INTEGER });
  assertEquals(nextOn(tracker), Number.MAX_SAFE_INTEGER);
});

Deno.test("ReadTracker.resumeInfo() rounds the lag up to an integer below NEVER_CAUGHT_UP", pure, () => {
  const tracker = trackerAt(0);
  for (
    const [nowMs, lagMs] of [[0.25, 1], [NEVER - 1, NEVER - 1], [NEVER, NEVER - 1], [NEVER * 2, NEVER - 1]]
  ) {
    assertEquals(lagAt(tracker, nowMs!), lagMs);
  }
});

Deno.test("ReadTracker.onWelcome() returns how many entries are truncated", pure, () => {
  const tracker = trackerAt(3);
  tracker.onEntry(joined(3));
  assertEquals(join(tracker, 7n, 10), 6);
  assertEquals(nextOn(tracker), 10);
  assertEquals([join(tracker, 7n, 10), join(tracker, 7n, 9), join(tracker, 8n, 50)], [0, 0, 0]);
});

Deno.test("ReadTracker is caught up with its first server, with another after 120 s there", pure, () => {
  const tracker = trackerAt(0);
  tracker.onPing(0, 10_000);
  tracker.onDisconnect(20_000, 20_000);
  assertEquals(lagAt(tracker, 300_000), 290_000);
  // Disconnected for minutes, then alone on a server, known or not, and silence after that.
  for (const [logId, nowMs] of [[8n, 300_000], [7n, 600_000], [9n, 900_000]] as const) {
    join(tracker, logId, 0, { nowMs });
    tracker.onPing(0, nowMs + 5_000);
    tracker.onDisconnect(nowMs + 119_999, nowMs + 119_999);
    assertEquals(lagAt(tracker, nowMs + 200_000), nowMs + 190_000);
  }
  join(tracker, 9n, 0, { nowMs: 1_200_000 });
  tracker.onPing(0, 1_205_000);
  tracker.onDisconnect(1_320_000, 1_320_000);
  assertEquals(lagAt(tracker, 1_400_000), 195_000);
});

/** What happens on a server whose entries are read up to `nextSeq`, and the lag at 3,000 ms. */
const LAGS: [what: string, nextSeq: number, act: (tracker: ReadTracker) => void, lagMs: number][] = [
  ["is caught up at once if all before the head was read", 4, (tracker) => tracker.onPing(4, 1_000), 2_000],
  ["is caught up at once if more was read", 4, (tracker) => tracker.onPing(3, 1_000), 2_000],
  ["is not caught up before all before the head is read", 3, (tracker) => {
    tracker.onPing(5, 1_000);
    tracker.onEntry(joined(3));
  }, 3_000],
  ["counts from the PING whose head is read later", 3, (tracker) => {
    tracker.onPing(5, 1_000);
    for (const seq of [3, 4]) tracker.onEntry({ type: "noop", seq });
  }, 2_000],
  ["counts from the first PING whose head was not read", 3, (tracker) => {
    tracker.onPing(4, 1_000);
    tracker.onPing(5, 2_000);
    tracker.onEntry(joined(3));
  }, 2_000],
  ["counts from a later PING once all is read", 3, (tracker) => {
    tracker.onPing(4, 1_000);
    for (const seq of [3, 4]) tracker.onEntry(joined(seq));
    tracker.onPing(5, 2_500);
  }, 500],
  ["ignores a PING of a server that it left", 3, (tracker) => {
    tracker.onPing(5, 1_000);
    join(tracker, 8n, 100, { nowMs: 1_500 });
    tracker.onEntry(joined(100));
  }, 3_000],
  ["ignores entries of another log", 100, (tracker) => {
    join(tracker, 8n, 0);
    tracker.onPing(50, 1_000);
  }, 3_000],
];

for (const [what, nextSeq, act, lagMs] of LAGS) {
  Deno.test(`ReadTracker.onPing() ${what}`, pure, () => {
    const tracker = trackerAt(nextSeq);
    act(tracker);
    assertEquals(lagAt(tracker, 3_000), lagMs);
  });
}

const [live, duplicate, history, missed, backfill] = ["live", "duplicate", "history", "missed", "backfill"];

/** Message numbers of one session that come from `seq` 0 on, and how each is delivered. */
const DELIVERIES: [what: string, tracker: () => ReadTracker, numbers: number[], expected: unknown[]][] = [
  ["shows each message once and in order", () => trackerAt(0), [1, 1, 3, 2, 3, 4], [
    ...[live, duplicate, live, duplicate, duplicate, live],
  ]],
  ["shows messages from before the first join as history", () => trackerAt(0, 2), [1, 2, 3], [
    ...[history, history, live],
  ]],
  [
    "shows messages that were sent during a disconnect as missed",
    () => {
      const tracker = trackerAt(0);
      join(tracker, 7n, 0, { head: 2 });
      return tracker;
    },
    [1, 2, 3],
    [missed, missed, live],
  ],
  [
    "shows the rest of a history as history that the client was reading at a disconnect",
    () => {
      const tracker = trackerAt(0, 2);
      join(tracker, 7n, 0, { head: 3 });
      return tracker;
    },
    [1, 2, 3, 4],
    [history, history, missed, live],
  ],
  [
    "shows messages from before the join on a second server as backfill",
    () => {
      const tracker = trackerAt(0);
      join(tracker, 8n, 0, { head: 2 });
      return tracker;
    },
    [1, 2, 3],
    [backfill, backfill, live],
  ],
];

for (const [what, newTracker, numbers, expected] of DELIVERIES) {
  Deno.test(`ReadTracker.onEntry() ${what}`, pure, () => {
    assertEquals<unknown>(readNumbers(newTracker(), numbers), expected);
  });
}

Deno.test("ReadTracker.onEntry() counts each session by itself, across all logs", pure, () => {
  const tracker = trackerAt(0);
  readNumbers(tracker, [1, 2]);
  assertEquals(readNumbers(tracker, [1], 2n), ["live"]);
  join(tracker, 8n, 0);
  assertEquals(readNumbers(tracker, [1, 2, 3]), ["duplicate", "duplicate", "live"]);
});

Deno.test("ReadTracker.onEntry() hides a JOINED from before the client joined", pure, () => {
  const tracker = trackerAt(0, 1);
  assertEquals([0, 1].map((seq) => tracker.onEntry(joined(seq))), ["duplicate", "live"]);
});

Deno.test("ReadTracker.onEntry() shows past announcements", pure, () => {
  const tracker = trackerAt(0, 1);
  const announced = (seq: number) => tracker.onEntry({ type: "announced", seq, timeMs: 0, text: "hola" });
  assertEquals([0, 1].map(announced), ["history", "live"]);
  join(tracker, 8n, 0, { head: 1 });
  assertEquals(announced(0), "backfill");
});

Deno.test("ReadTracker.onEntry() shows no private message from before the first join", pure, () => {
  const secret = (seq: number) =>
    ({ ...said(seq, seq + 1), to: { sessionId: 2n, nick: "beto" } }) as LogEntry;
  const tracker = trackerAt(0, 1);
  assertEquals([tracker.onEntry(secret(0)), tracker.onEntry(secret(1))], ["duplicate", "live"]);
  join(tracker, 7n, 2, { head: 3 });
  assertEquals(tracker.onEntry(secret(2)), "missed");
});

Deno.test("ReadTracker forgets the least recent of 10,000 sessions", pure, () => {
  const tracker = trackerAt(0);
  for (let sessionId = 0n; sessionId < 10_000n; sessionId++) readNumbers(tracker, [1], sessionId);
  assertEquals(readNumbers(tracker, [1], 0n), ["duplicate"]); // it is recent again, though not shown
  readNumbers(tracker, [1], 10_000n);
  assertEquals(readNumbers(tracker, [1], 0n), ["duplicate"]);
  assertEquals(readNumbers(tracker, [1], 1n), ["live"]);
});

Deno.test("ReadTracker.onWelcome() returns how far back the client reads in a log new to it", pure, () => {
  const tracker = newTracker();
  const behindAt = (logId: bigint, nowMs: number) => {
    const { behindMs } = tracker.onWelcome(welcomeTo("yo", { logId }), nowMs);
    return behindMs;
  };
  assertEquals(behindAt(1n, 0), undefined);
  tracker.onPing(0, 5_000);
  tracker.onDisconnect(6_000, 6_000);
  assertEquals([behindAt(1n, 200_000), behindAt(2n, 200_000)], [undefined, 195_000]);
});

/** From when to when a client is on one server after another, in s, and at which it may lack messages. */
const STAYS: [
  what: string,
  stays: [logId: bigint, fromS: number, toS: number][],
  mayLack: ReturnType<ReadTracker["onWelcome"]>["mayLack"][],
][] = [
  ["may lack nothing on its first server, nor on one where it was last", [
    [1n, 500, 600],
    [1n, 900, 901],
  ], [undefined, undefined]],
  ["may lack messages after more than 120 s on no server", [
    [1n, 0, 10],
    [2n, 130, 135],
    [3n, 256, 260],
    [4n, 261, 262],
  ], [undefined, undefined, "any", undefined]],
  ["may lack messages of its last server on one that it read before", [
    [1n, 0, 10],
    [2n, 15, 20],
    [1n, 160, 161],
  ], [undefined, undefined, "any"]],
  ["may lack nothing after short times on no server, however many", [
    [1n, 0, 10],
    [2n, 78, 80],
    [3n, 143, 150],
    [4n, 194, 200],
    [5n, 261, 300],
  ], [undefined, undefined, undefined, undefined, undefined]],
];

for (const [what, stays, expected] of STAYS) {
  Deno.test(`ReadTracker.onWelcome() tells that a client ${what}`, pure, () => {
    const tracker = newTracker();
    const mayLack = stays.map(([logId, fromS, toS]) => {
      const welcome = tracker.onWelcome(welcomeTo("yo", { logId }), fromS * 1_000);
      tracker.onDisconnect(toS * 1_000, toS * 1_000);
      return welcome.mayLack;
    });
    assertEquals(mayLack, expected);
  });
}

Deno.test("ReadTracker.onWelcome() tells whether a client was cut off before its server died", pure, () => {
  for (const [silentMs, expected] of [[5_000, undefined], [6_001, "of-departed"]] as const) {
    const tracker = newTracker();
    const mayLackOn = (logId: bigint) => tracker.onWelcome(welcomeTo("yo", { logId }), 50_000).mayLack;
    mayLackOn(1n);
    tracker.onDisconnect(40_000, 40_000 + silentMs);
    assertEquals([mayLackOn(1n), mayLackOn(2n)], [undefined, expected]);
  }
});
