// Visitors who wait for the journal.

import { assertEquals, assertRejects } from "@std/assert";
import type { Connection } from "../../lib/net/connection.ts";
import { ProtocolError } from "../../lib/errors.ts";
import { InMemoryCommitLog } from "../../lib/room/commit_log.ts";
import { type Attempt, Patience } from "../../lib/server/patience.ts";
import { encodeServer } from "../../lib/protocol/frames.ts";
import { TestClock } from "../support.ts";

const pure = { permissions: "none" } as const;

/** A visitor of a server whose time goes by when it is told to. */
function newVisit({ isIn = false, isBlocked = false, commitWaitMs = 3_000 } = {}) {
  const clock = new TestClock();
  let nowMs = 0;
  clock.advanceTo(nowMs);
  const commitLog = Object.assign(new InMemoryCommitLog(1n), { isBlocked });
  const seen = { held: [] as number[], sent: [] as Uint8Array[], gone: 0 };
  let held = Promise.withResolvers<void>();
  const connection = {
    isOpen: true,
    heartbeat: isIn ? {} : undefined,
    pauseReading: (ms: number) => {
      seen.held.push(ms);
      held = Promise.withResolvers();
      return held.promise;
    },
    resumeReading: () => held.resolve(),
    send: (frame: Uint8Array) => seen.sent.push(frame),
  };
  const commitWait = new Patience({
    commitLog,
    clock: clock.now,
    commitWaitMs,
    onGone: () => seen.gone++,
  });
  return {
    ...{ commitLog, connection, seen },
    tries: (attempt: Attempt) => commitWait.try(attempt, connection as unknown as Connection),
    waits: () => commitWait.whileBlocked(connection as unknown as Connection),
    /** What it is held for is over. */
    passes: async (ms: number) => {
      clock.advanceTo(nowMs += ms);
      held.resolve();
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    },
  };
}

/** Something that is done the second time. */
function secondAttempt() {
  const attempts: (() => void)[] = [];
  const attempt: Attempt = (_now, again) => attempts.push(again) > 1;
  return { attempts, attempt };
}

Deno.test("What can be done at once is not waited for", pure, () => {
  const { tries, waits } = newVisit();
  assertEquals([tries(() => true), waits()], [undefined, undefined]);
});

Deno.test("What takes its time is tried again as soon as it can be, and not before", pure, async () => {
  const { tries, seen, passes } = newVisit({ isIn: true });
  const { attempts, attempt } = secondAttempt();
  const waiting = tries(attempt);
  await passes(1_000);
  assertEquals([attempts.length, seen.held], [1, [1_000, 1_000]]);
  attempts[0]!();
  await waiting;
  assertEquals([attempts.length, seen.held.length, seen.gone], [2, 2, 0]);
});

Deno.test("Who is not in is sent away after a while, whatever they wait for", pure, async () => {
  for (const what of ["tries", "waits"] as const) {
    const visit = newVisit({ isBlocked: true });
    const refused = assertRejects(() => visit[what](() => false)!, ProtocolError);
    for (let time = 0; time < 3; time++) await visit.passes(1_000);
    assertEquals([(await refused).code, visit.seen.held.length], ["store-away", 3]);
  }
});

Deno.test("Who is in waits for as long as it takes", pure, async () => {
  const { tries, waits, commitLog, seen, passes } = newVisit({ isIn: true, isBlocked: true });
  const stuck = waits();
  for (let time = 0; time < 60; time++) await passes(1_000);
  commitLog.isBlocked = false;
  await passes(1_000);
  await stuck;
  const { attempts, attempt } = secondAttempt();
  const waiting = tries(attempt);
  for (let time = 0; time < 60; time++) await passes(1_000);
  attempts[0]!();
  await waiting;
  assertEquals([attempts.length, seen.held.length], [2, 122]);
});

Deno.test("Who wants to come in is not held for longer than they would wait", pure, async () => {
  const { tries, seen, passes } = newVisit({ commitWaitMs: 300 });
  const waiting = assertRejects(() => tries(() => false)!, ProtocolError);
  await passes(300);
  await waiting;
  assertEquals(seen.held, [300]);
});

Deno.test(
  "Who waits for a store that takes nothing is given a sign of life, if they are in",
  pure,
  async () => {
    const pong = encodeServer({ type: "pong" });
    for (const isIn of [true, false]) {
      const { waits, commitLog, seen, passes } = newVisit({ isIn, isBlocked: true });
      const waiting = waits();
      await passes(1_000);
      commitLog.isBlocked = false;
      await passes(1_000);
      await waiting;
      assertEquals(seen.sent, isIn ? [pong] : []);
    }
  },
);

Deno.test("Something comes of what those asked for who are gone: others are told", pure, async () => {
  const { tries, connection, seen, passes } = newVisit({ isIn: true });
  const { attempts, attempt } = secondAttempt();
  const waiting = tries(attempt);
  connection.isOpen = false;
  await passes(1_000);
  await waiting;
  assertEquals([attempts.length, seen.gone], [1, 1]);
  attempts[0]!();
  assertEquals(seen.gone, 2);
});
