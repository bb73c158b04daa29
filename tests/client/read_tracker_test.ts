// How far a client has read, when it was caught up, and what it shows.

import { assertEquals } from "@std/assert";
import { type Delivery, ReadTracker } from "../../lib/client/read_tracker.ts";
import type { Joined, Left, LogEntry, Said, Welcome } from "../../lib/protocol/frames.ts";
import { testClientConfig } from "../testing/test_config.ts";

const pure = { permissions: "none" } as const;

const ANA = 1n;
const BETO = 2n;
const NEVER = 0xffff_ffff;

/** WELCOME of a server whose log continues at `startSeq`; live entries begin at `head`. */
function welcome(logId: bigint, startSeq: number, head = startSeq): Welcome {
  return {
    type: "welcome",
    version: 1,
    sessionId: 9n,
    logId,
    nick: "yo",
    lastClientSeq: 0,
    startSeq,
    head,
    backups: [],
    memberCount: 0,
    members: [],
  };
}

function said(seq: number, sessionId: bigint, clientSeq: number): Said {
  return {
    type: "said",
    seq,
    timeMs: 0,
    sessionId,
    clientSeq,
    redelivered: false,
    nick: "ana",
    text: "hola",
  };
}

function joined(seq: number): Joined {
  return {
    type: "joined",
    seq,
    timeMs: 0,
    sessionId: ANA,
    rejoined: false,
    nick: "ana",
    address: "10.0.0.7",
  };
}

function left(seq: number): Left {
  return {
    type: "left",
    seq,
    timeMs: 0,
    sessionId: ANA,
    connectionLost: false,
    nick: "ana",
    address: "10.0.0.7",
  };
}

/** A tracker that was welcomed once, at 0 ms. */
function trackerOn(logId: bigint, next: number, head = next): ReadTracker {
  const tracker = new ReadTracker(testClientConfig().readTracker);
  tracker.onWelcome(welcome(logId, next, head), 0);
  return tracker;
}

function readNumbers(tracker: ReadTracker, sessionId: bigint, numbers: number[]): Delivery[] {
  return numbers.map((n, seq) => tracker.onEntry(said(seq, sessionId, n)));
}

function nextOn(tracker: ReadTracker, logId: bigint): number | undefined {
  return tracker.resumeInfo(0).resumePoints.find((point) => point.logId === logId)?.nextSeq;
}

Deno.test("ReadTracker.resumeInfo() before the first join has never been caught up", pure, () => {
  assertEquals(new ReadTracker(testClientConfig().readTracker).resumeInfo(5_000), {
    lagMs: NEVER,
    resumePoints: [],
  });
});

Deno.test("ReadTracker.resumeInfo() has a resume point from WELCOME on", pure, () => {
  assertEquals(trackerOn(7n, 3, 5).resumeInfo(0).resumePoints, [{ logId: 7n, nextSeq: 3 }]);
});

Deno.test("ReadTracker.resumeInfo() continues after the last entry, of any type", pure, () => {
  const tracker = trackerOn(7n, 3);
  for (const [entry, next] of [[said(3, ANA, 1), 4], [joined(4), 5], [left(5), 6]] as const) {
    tracker.onEntry(entry);
    assertEquals(nextOn(tracker, 7n), next);
  }
});

Deno.test("ReadTracker.resumeInfo() has a resume point for each log", pure, () => {
  const tracker = trackerOn(7n, 3);
  tracker.onWelcome(welcome(8n, 100), 0);
  tracker.onEntry(joined(100));
  assertEquals([nextOn(tracker, 7n), nextOn(tracker, 8n)], [3, 101]);
  tracker.onWelcome(welcome(7n, 3), 0);
  tracker.onEntry(joined(3));
  assertEquals([nextOn(tracker, 7n), nextOn(tracker, 8n)], [4, 101]);
});

Deno.test("ReadTracker.resumeInfo() remembers the last 16 logs", pure, () => {
  const tracker = new ReadTracker(testClientConfig().readTracker);
  const visit = (logId: number) => tracker.onWelcome(welcome(BigInt(logId), 0), 0);
  for (let logId = 0; logId < 16; logId++) visit(logId);
  visit(0);
  visit(16);
  const known = tracker.resumeInfo(0).resumePoints.map(({ logId }) => Number(logId));
  assertEquals(known, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 16]);
});

Deno.test("ReadTracker.onWelcome() returns how many entries are truncated", pure, () => {
  const tracker = trackerOn(7n, 3);
  tracker.onEntry(joined(3));
  assertEquals(tracker.onWelcome(welcome(7n, 10), 0), 6);
  assertEquals(nextOn(tracker, 7n), 10);
  assertEquals(tracker.onWelcome(welcome(7n, 10), 0), 0);
  assertEquals(tracker.onWelcome(welcome(7n, 9), 0), 0);
  assertEquals(tracker.onWelcome(welcome(8n, 50), 0), 0);
});

Deno.test("ReadTracker is caught up at its first WELCOME", pure, () => {
  assertEquals(trackerOn(7n, 0, 50).resumeInfo(2_000).lagMs, 2_000);
});

Deno.test("ReadTracker lags since it was last caught up, whatever WELCOME comes", pure, () => {
  const tracker = trackerOn(7n, 0);
  tracker.onWelcome(welcome(8n, 0), 1_000);
  tracker.onWelcome(welcome(7n, 0), 1_500);
  assertEquals(tracker.resumeInfo(2_000).lagMs, 2_000);
});

Deno.test(
  "ReadTracker is caught up with its first server, and with another one after 120 s there",
  pure,
  () => {
    const tracker = trackerOn(7n, 0);
    tracker.onPing(0, 10_000);
    tracker.onDisconnect(20_000);
    assertEquals(tracker.resumeInfo(300_000).lagMs, 290_000);
    // Disconnected for minutes, then alone on a server, known or not, and silence after that.
    for (const [logId, cameMs] of [[8n, 300_000], [7n, 600_000], [9n, 900_000]] as const) {
      tracker.onWelcome(welcome(logId, 0), cameMs);
      tracker.onPing(0, cameMs + 5_000);
      tracker.onDisconnect(cameMs + 119_999);
      assertEquals(tracker.resumeInfo(cameMs + 200_000).lagMs, cameMs + 190_000);
    }
    tracker.onWelcome(welcome(9n, 0), 1_200_000);
    tracker.onPing(0, 1_205_000);
    tracker.onDisconnect(1_320_000);
    assertEquals(tracker.resumeInfo(1_400_000).lagMs, 195_000);
  },
);

Deno.test("ReadTracker.resumeInfo() rounds the lag up to an integer below NEVER_CAUGHT_UP", pure, () => {
  const tracker = trackerOn(7n, 0);
  assertEquals(tracker.resumeInfo(0.25).lagMs, 1);
  assertEquals(tracker.resumeInfo(NEVER - 1).lagMs, NEVER - 1);
  assertEquals(tracker.resumeInfo(NEVER).lagMs, NEVER - 1);
  assertEquals(tracker.resumeInfo(NEVER * 2).lagMs, NEVER - 1);
});

Deno.test("ReadTracker.onPing() is caught up at once if everything before the head was read", pure, () => {
  for (const head of [4, 3]) {
    const tracker = trackerOn(7n, 4);
    tracker.onPing(head, 1_000);
    assertEquals(tracker.resumeInfo(1_500).lagMs, 500);
  }
});

Deno.test(
  "ReadTracker was caught up when the PING came whose head it has reached, not when it reached the head",
  pure,
  () => {
    const tracker = trackerOn(7n, 3);
    tracker.onPing(5, 1_000);
    tracker.onEntry(joined(3));
    assertEquals(tracker.resumeInfo(1_500).lagMs, 1_500);
    tracker.onEntry(joined(4));
    assertEquals(tracker.resumeInfo(1_500).lagMs, 500);
  },
);

Deno.test(
  "ReadTracker that lags was last caught up at the first PING whose head it has reached",
  pure,
  () => {
    const tracker = trackerOn(7n, 3);
    tracker.onPing(4, 1_000);
    tracker.onPing(5, 2_000);
    tracker.onEntry(joined(3));
    assertEquals(tracker.resumeInfo(3_000).lagMs, 2_000);
    tracker.onEntry(joined(4));
    tracker.onPing(5, 2_500);
    assertEquals(tracker.resumeInfo(3_000).lagMs, 500);
  },
);

Deno.test("ReadTracker is not caught up by a PING of a server that it left", pure, () => {
  const tracker = trackerOn(7n, 3);
  tracker.onPing(5, 1_000);
  tracker.onWelcome(welcome(8n, 100), 1_500);
  tracker.onEntry(joined(100));
  assertEquals(tracker.resumeInfo(2_000).lagMs, 2_000);
});

Deno.test("ReadTracker is caught up by entries of the current log, not of another one", pure, () => {
  const tracker = trackerOn(7n, 100);
  tracker.onWelcome(welcome(8n, 0), 0);
  tracker.onPing(50, 1_000);
  assertEquals(tracker.resumeInfo(1_000).lagMs, 1_000);
});

Deno.test("ReadTracker.onEntry() shows each message of a session once and in order", pure, () => {
  assertEquals(readNumbers(trackerOn(7n, 0), ANA, [1, 1, 3, 2, 3, 4]), [
    "live",
    "duplicate",
    "live",
    "duplicate",
    "duplicate",
    "live",
  ]);
});

Deno.test("ReadTracker.onEntry() counts each session separately, across all logs", pure, () => {
  const tracker = trackerOn(7n, 0);
  readNumbers(tracker, ANA, [1, 2]);
  assertEquals(readNumbers(tracker, BETO, [1]), ["live"]);
  tracker.onWelcome(welcome(8n, 0), 0);
  assertEquals(readNumbers(tracker, ANA, [1, 2, 3]), ["duplicate", "duplicate", "live"]);
});

Deno.test("ReadTracker.onEntry() shows messages from before the first join as history", pure, () => {
  assertEquals(readNumbers(trackerOn(7n, 0, 2), ANA, [1, 2, 3]), ["history", "history", "live"]);
});

Deno.test("ReadTracker.onEntry() shows messages that were sent during a disconnect as missed", pure, () => {
  const tracker = trackerOn(7n, 0);
  tracker.onWelcome(welcome(7n, 0, 2), 0);
  assertEquals(readNumbers(tracker, ANA, [1, 2, 3]), ["missed", "missed", "live"]);
});

Deno.test(
  "ReadTracker.onEntry() shows messages from before the first join on a second server as backfill",
  pure,
  () => {
    const tracker = trackerOn(7n, 0);
    tracker.onWelcome(welcome(8n, 0, 2), 0);
    assertEquals(readNumbers(tracker, ANA, [1, 2, 3]), ["backfill", "backfill", "live"]);
    tracker.onWelcome(welcome(8n, 3, 4), 0);
    assertEquals(readNumbers(tracker, ANA, [4]), ["missed"]);
  },
);

Deno.test("ReadTracker.onEntry() hides the joins and leaves that are in WELCOME's member list", pure, () => {
  const tracker = trackerOn(7n, 0, 2);
  assertEquals([joined(0), left(1), joined(2), left(3)].map((entry) => tracker.onEntry(entry)), [
    "duplicate",
    "duplicate",
    "live",
    "live",
  ]);
});

Deno.test(
  "ReadTracker.onEntry() hides past renames and backups, and shows past announcements",
  pure,
  () => {
    const at = (seq: number) => ({ seq, timeMs: 0 });
    const entries = (seq: number): LogEntry[] => [
      { type: "renamed", ...at(seq), sessionId: ANA, oldNick: "a", nick: "b" },
      { type: "backups", ...at(seq + 1), backups: [] },
      { type: "announced", ...at(seq + 2), text: "hola" },
    ];
    const tracker = trackerOn(7n, 0, 3);
    assertEquals(entries(0).map((entry) => tracker.onEntry(entry)), ["duplicate", "duplicate", "history"]);
    assertEquals(entries(3).map((entry) => tracker.onEntry(entry)), ["live", "live", "live"]);
    tracker.onWelcome(welcome(8n, 0, 3), 0);
    assertEquals(entries(0).map((entry) => tracker.onEntry(entry)), ["duplicate", "duplicate", "backfill"]);
  },
);

Deno.test("ReadTracker.onEntry() shows no NOOP, and continues after it", pure, () => {
  const tracker = trackerOn(7n, 3);
  tracker.onPing(4, 5_000);
  assertEquals(tracker.onEntry({ type: "noop", seq: 3 }), "duplicate");
  assertEquals([nextOn(tracker, 7n), tracker.resumeInfo(6_000).lagMs], [4, 1_000]);
});

Deno.test("ReadTracker forgets the least recent session when there are too many", pure, () => {
  const tracker = new ReadTracker({ maxSessions: 2 });
  tracker.onWelcome(welcome(7n, 0), 0);
  for (const sessionId of [1n, 2n, 1n, 3n]) readNumbers(tracker, sessionId, [5]);
  // Session 1 came again since, though it was not shown. The order of these checks evicts nothing else.
  assertEquals(readNumbers(tracker, 1n, [5]), ["duplicate"]);
  assertEquals(readNumbers(tracker, 3n, [5]), ["duplicate"]);
  assertEquals(readNumbers(tracker, 2n, [5]), ["live"]);
});

Deno.test("ReadTracker remembers the highest clientSeq shown when a lower one comes", pure, () => {
  assertEquals(readNumbers(trackerOn(7n, 0), ANA, [5, 2, 4]), ["live", "duplicate", "duplicate"]);
});

Deno.test("ReadTracker remembers ten thousand sessions by default", pure, () => {
  const tracker = trackerOn(7n, 0);
  for (let sessionId = 0n; sessionId <= 10_000n; sessionId++) readNumbers(tracker, sessionId, [1]);
  assertEquals(readNumbers(tracker, 1n, [1]), ["duplicate"]);
  assertEquals(readNumbers(tracker, 0n, [1]), ["live"]);
});

Deno.test(
  "ReadTracker.onEntry() shows no private message from before the first join, but those missed during a disconnect",
  pure,
  () => {
    const secret = (seq: number): LogEntry => ({
      ...{
        type: "said",
        seq,
        timeMs: 0,
        sessionId: ANA,
        clientSeq: seq + 1,
        redelivered: false,
        nick: "ana",
        text: "secreto",
      },
      to: { sessionId: BETO, nick: "beto" },
    });
    const tracker = trackerOn(7n, 0, 1);
    assertEquals([tracker.onEntry(secret(0)), tracker.onEntry(secret(1))], ["duplicate", "live"]);
    tracker.onWelcome(welcome(7n, 2, 3), 0);
    assertEquals(tracker.onEntry(secret(2)), "missed");
  },
);

Deno.test(
  "ReadTracker.resumeInfo() never exceeds what HELLO can carry, whatever a server counts",
  pure,
  () => {
    const tracker = trackerOn(7n, Number.MAX_SAFE_INTEGER);
    tracker.onEntry({ type: "noop", seq: Number.MAX_SAFE_INTEGER });
    assertEquals(nextOn(tracker, 7n), Number.MAX_SAFE_INTEGER);
  },
);
