// Where a client goes after a loss, and when it goes back.

import { assertEquals } from "@std/assert";
import { DEFAULT_CONFIG } from "../../lib/client/config.ts";
import { Failover, type Joined } from "../../lib/client/failover.ts";
import { pure } from "../testing/test_options.ts";

const A: Joined = { server: { host: "a", port: 5_000 }, ip: "10.0.0.1", logId: 1n };
const B: Joined = { server: { host: "b", port: 5_000 }, ip: "10.0.0.2", logId: 2n };
const C: Joined = { server: { host: "c", port: 5_000 }, ip: "10.0.0.3", logId: 3n };
const LOSS = { isFinal: false, saidBye: false };
/** A server that never died, and has members. */
const alive = ({ logId }: Joined) => ({ logId, heardCount: 1 });

/** A client that lost each of these servers but the last. */
function failoverOn(joined: readonly Joined[], { random = () => 0.5 as number } = {}): Failover {
  const failover = new Failover(DEFAULT_CONFIG.failover, random);
  for (const [index, one] of joined.entries()) {
    if (index > 0) failover.onLost(LOSS, 0);
    failover.onJoined(one, 0);
  }
  return failover;
}

/** Has the client that is on B go back to A. */
function returnToA(failover: Failover, nowMs: number): void {
  assertEquals(failover.onHomeProbed(A, { there: alive(A) }, nowMs), true);
  failover.onLost({ isFinal: true, saidBye: false }, nowMs);
  assertEquals(failover.returning?.server, A.server);
  failover.onJoined(A, nowMs);
}

Deno.test("Failover.limits() are 1 s and three round trips, for an answer if it must come", pure, () => {
  const failover = failoverOn([A]);
  assertEquals(failover.limits({ mustAnswer: false }), { dialTimeoutMs: 1_000 });
  failover.onLost({ ...LOSS, rttMs: 800 }, 0);
  assertEquals(failover.limits({ mustAnswer: false }), { dialTimeoutMs: 3_400 });
  assertEquals(failover.limits({ mustAnswer: true }), { dialTimeoutMs: 3_400, answerTimeoutMs: 3_400 });
});

for (const [random, waitMs] of [[0, 20_000], [0.5, 30_000], [1, 40_000]] as const) {
  Deno.test(`Failover.nextHome() is the server that was left, after ${waitMs} ms at ${random}`, pure, () => {
    const failover = failoverOn([A, B], { random: () => random });
    const next = failover.nextHome(5_000);
    assertEquals([next?.home.server, next?.home.ip, next?.waitMs], [A.server, A.ip, waitMs - 5_000]);
    assertEquals(failover.onHomeProbed(A, { there: undefined }, 50_000), false);
    assertEquals(failover.nextHome(50_000)?.waitMs, waitMs);
    assertEquals(failover.nextHome(599_999)?.waitMs, 0);
    assertEquals(failover.nextHome(600_000), undefined);
  });
}

const NO_HOME: [why: string, make: () => Failover][] = [
  ["the client lost no server", () => failoverOn([A])],
  ["the client is back on the same server", () => failoverOn([A, A])],
  ["the other server is a node of the same room", () => failoverOn([A, { ...B, logId: A.logId }])],
  ["the server broke the protocol", () => {
    const failover = failoverOn([A]);
    failover.onLost({ isFinal: true, saidBye: false }, 0);
    failover.onJoined(B, 0);
    return failover;
  }],
];

Deno.test(
  "Failover returns to a server that is lost soon after each return, after twice the time",
  pure,
  () => {
    const failover = failoverOn([A, B]);
    let nowMs = 30_000;
    for (const waitMs of [60_000, 120_000, 240_000, 300_000, 300_000]) {
      returnToA(failover, nowMs);
      failover.onLost(LOSS, nowMs + 1_000);
      failover.onJoined(B, nowMs + 1_000);
      const nextMs = Math.min(2 * waitMs, 300_000);
      assertEquals(failover.onHomeProbed(A, { there: alive(A) }, nowMs + nextMs - 1), false);
      nowMs += nextMs;
    }
    // Once it lasts, the next return may come after 60 s again.
    returnToA(failover, nowMs);
    failover.onLost(LOSS, nowMs + 600_000);
    failover.onJoined(B, nowMs + 600_000);
    assertEquals(failover.onHomeProbed(A, { there: alive(A) }, nowMs + 600_000), true);
  },
);

for (const [why, make] of NO_HOME) {
  Deno.test(`Failover.nextHome() is undefined if ${why}`, pure, () => {
    assertEquals(make().nextHome(90_000), undefined);
  });
}

for (const [logId, least] of [[B.logId, 4], [0n, 3]] as const) {
  Deno.test(
    `Failover has a client that left ${
      logId ? "a higher" : "a lower"
    } log id for home go back for more members`,
    pure,
    () => {
      const other = { ...B, logId };
      const failover = failoverOn([A, other]);
      returnToA(failover, 30_000);
      const { home } = failover.nextHome(90_000)!;
      assertEquals([home.server, home.wasReturnedFrom], [B.server, true]);
      const here = { logId: A.logId, heardCount: 3 };
      const goesFor = (heardCount: number) =>
        failover.onHomeProbed(home, { there: { logId, heardCount }, here }, 90_000);
      assertEquals([
        failover.onHomeProbed(home, { there: alive(other) }, 90_000),
        goesFor(least - 1),
        goesFor(least),
      ], [false, false, true]);
    },
  );
}

/** How the client learns that the process of a server has ended. */
const ENDS: Record<string, (failover: Failover) => void> = {
  "said BYE": (failover) => failover.onLost({ ...LOSS, saidBye: true }, 0),
  "refused the redial": (failover) => {
    failover.onLost(LOSS, 0);
    failover.onEnded(A.server);
  },
  "refuses the return": (failover) => {
    failover.onLost(LOSS, 0);
    failover.onJoined(B, 0);
    assertEquals(failover.onHomeProbed(A, { there: alive(A) }, -60_000), true);
    failover.onLost({ ...LOSS, isFinal: true }, 0);
    failover.onEnded(A.server);
    failover.onReturnFailed("unreached", -60_000);
  },
};

for (const [did, end] of Object.entries(ENDS)) {
  Deno.test(`Failover.onHomeProbed() compares the members if the server ${did}`, pure, () => {
    const goes = (there: number, here: number | undefined, logId: bigint) => {
      const failover = failoverOn([A]);
      end(failover);
      failover.onJoined({ ...B, logId }, 0);
      const { home } = failover.nextHome(30_000)!;
      assertEquals([home.server, failover.needsCount(home)], [A.server, true]);
      const answers = { there: { ...alive(A), heardCount: there }, here: { logId, heardCount: here } };
      return failover.onHomeProbed(home, answers, 30_000);
    };
    // A new member alone on a server that started again with its room gets no class (found by a teacher).
    assertEquals([goes(1, 20, B.logId), goes(19, 20, B.logId), goes(1, undefined, B.logId)], [
      false,
      false,
      false,
    ]);
    assertEquals([goes(21, 20, B.logId), goes(20, 20, B.logId), goes(20, 20, 0n)], [true, true, false]);
    // Alone, the client goes whatever the log ids are.
    assertEquals([goes(1, 1, 0n), goes(0, 1, B.logId)], [true, false]);
  });
}

Deno.test("Failover.needsCount() is false for a server that fell silent", pure, () => {
  const failover = failoverOn([A, B]);
  failover.onEnded(C.server);
  assertEquals(failover.needsCount(failover.nextHome(0)!.home), false);
});

Deno.test("Failover.onReturnFailed() forgets the server if it never lets the client in", pure, () => {
  for (const how of ["barred", "unreached"] as const) {
    const isBarred = how === "barred";
    const failover = failoverOn([A, B, C]);
    assertEquals(failover.onHomeProbed(A, { there: alive(A) }, 30_000), true);
    failover.onLost({ ...LOSS, isFinal: true }, 30_000);
    assertEquals(failover.onReturnFailed(how, 30_000), C);
    failover.onJoined(C, 30_000);
    assertEquals(failover.onHomeProbed(B, { there: undefined }, 90_000), false);
    assertEquals(failover.nextHome(90_000)!.home.server, isBarred ? B.server : A.server);
    assertEquals(failover.onHomeProbed(A, { there: alive(A) }, 90_000), !isBarred);
  }
});

Deno.test("Failover returns to a server that refuses it at growing intervals, and for hours", pure, () => {
  const failover = failoverOn([A, B]);
  const returns = [];
  for (let nowMs = 0; nowMs <= 3_600_000; nowMs += 30_000) {
    if (!failover.nextHome(nowMs) || !failover.onHomeProbed(A, { there: alive(A) }, nowMs)) continue;
    returns.push(nowMs / 60_000);
    failover.onLost({ ...LOSS, isFinal: true }, nowMs);
    assertEquals(failover.onReturnFailed("refused", nowMs), B);
    failover.onJoined(B, nowMs);
    // A loss of the other server is none of a return.
    failover.onLost(LOSS, nowMs + 90_000);
    failover.onJoined(B, nowMs + 90_000);
  }
  assertEquals(returns, [0, 2, 6, 11, 16, 21, 26, 31, 36, 41, 46, 51, 56]);
});

const STAYS: [why: string, answer: ReturnType<typeof alive> | Record<never, never> | undefined][] = [
  ["does not answer", undefined],
  ["does not tell its log", {}],
  ["was restarted", { logId: 9n, heardCount: 5 }],
  ["has no members", { logId: A.logId, heardCount: 0 }],
];

for (const [why, answer] of STAYS) {
  Deno.test(`Failover.onHomeProbed() has the client stay if the server ${why}`, pure, () => {
    const failover = failoverOn([A, B]);
    assertEquals([failover.onHomeProbed(A, { there: answer }, 30_000), failover.returning], [
      false,
      undefined,
    ]);
  });
}

Deno.test("Failover.onHomeProbed() allows a return 60 s after the last one began", pure, () => {
  const failover = failoverOn([A, B]);
  returnToA(failover, 30_000);
  failover.onLost(LOSS, 90_000);
  failover.onJoined(B, 90_000);
  assertEquals(failover.nextHome(90_000)?.home.server, A.server);
  assertEquals(failover.onHomeProbed(A, { there: alive(A) }, 90_000), true);
  assertEquals(failover.onReturnFailed("unreached", 90_000), B);
  assertEquals([failover.returning, failover.onHomeProbed(A, { there: alive(A) }, 149_999)], [
    undefined,
    false,
  ]);
  assertEquals(failover.onHomeProbed(A, { there: alive(A) }, 150_000), true);
});

Deno.test("Failover remembers each server that it left, and forgets one that it is on again", pure, () => {
  const failover = failoverOn([A, B, C]);
  assertEquals(failover.onHomeProbed(B, { there: undefined }, 30_000), false);
  assertEquals(failover.nextHome(30_000)?.home.server, A.server);
  assertEquals(failover.onHomeProbed(A, { there: undefined }, 31_000), false);
  assertEquals(failover.nextHome(31_000)?.home.server, B.server);
  returnToA(failover, 61_000);
  assertEquals(failover.nextHome(61_000)?.home.server, B.server);
});

Deno.test("Failover.hasSameLog() is whether the server lives that the client was on", pure, () => {
  const failover = failoverOn([A]);
  assertEquals([alive(A), alive(B), {}].map((answer) => failover.hasSameLog(answer)), [true, false, false]);
});

Deno.test("Failover.onNickTaken() retries for 21 s on each server, anew after a join", pure, () => {
  const failover = failoverOn([A]);
  const tried = ([["a", 0], ["a", 20_999], ["b", 20_999], ["a", 21_000], ["b", 41_998]] as const)
    .map(([key, nowMs]) => failover.onNickTaken(key, nowMs));
  assertEquals(tried, ["retry", "retry", "retry", "next", "retry"]);
  assertEquals(["a", "b", "c"].map((key) => failover.isNickLost(key, 41_998)), [true, false, false]);
  failover.onJoined(B, 50_000);
  assertEquals(failover.onNickTaken("a", 50_000), "retry");
});
