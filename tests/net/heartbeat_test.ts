// Due PINGs and dead peers, on a fake clock.

import { assertEquals } from "@std/assert";
import { Heartbeat, PING_MS, PING_TIMEOUT_MS } from "../../lib/net/heartbeat.ts";

const T0 = 1_000_000;

/** At some ms after T0: what happens, or what {@linkcode Heartbeat.check} gives. */
type Step = readonly [ms: number, what: "data" | "sent" | "quiet" | "ping" | "dead", isNext?: "due"];

/** With a PING after 5 ms of silence, and a limit of 15 ms. A step that is `due` is what comes next without data. */
const SCENARIOS: Record<string, readonly Step[]> = {
  "wants a PING after a silence, and is dead after a longer one": [[5, "ping", "due"], [14, "ping"], [
    15,
    "dead",
  ]],
  "restarts its deadlines with each data": [[4, "data"], [9, "ping", "due"], [18, "ping"], [19, "dead"]],
  "wants PINGs during a silence": [
    ...[[5, "ping", "due"], [5, "sent"], [10, "ping", "due"], [10, "sent"], [15, "dead", "due"]] as const,
  ],
  "wants no PING while data arrives": [
    ...[[4, "data"], [8, "data"], [8, "quiet"], [12, "data"], [16, "data"], [16, "quiet"]] as const,
    [21, "ping", "due"],
  ],
  "is dead when a PING stays unanswered although data arrives": [[5, "sent"], [18, "data"], [
    20,
    "dead",
    "due",
  ]],
};

const ALWAYS: readonly Step[] = [
  ...[[4, "data"], [5, "ping", "due"], [6, "sent"], [10, "data"], [11, "ping", "due"]] as const,
];

function test(title: string, check: () => void): void {
  Deno.test(`Heartbeat${title}`, { permissions: "none" }, check);
}

function newHeartbeat({ pingAlways = false } = {}): Heartbeat {
  return new Heartbeat({ pingMs: 5, pingTimeoutMs: 15, pingAlways }, T0);
}

function play(heartbeat: Heartbeat, steps: readonly Step[]): void {
  for (const [ms, what, due] of steps) {
    if (what === "data") heartbeat.onData(T0 + ms);
    else if (what === "sent") heartbeat.onPingSent(T0 + ms);
    else assertEquals([ms, heartbeat.check(T0 + ms)], [ms, what === "quiet" ? undefined : what]);
    if (due) {
      assertEquals(heartbeat.nextCheckMs - T0, ms);
      assertEquals(heartbeat.check(T0 + ms - 1), undefined);
    }
  }
}

for (const [title, steps] of Object.entries(SCENARIOS)) test(` ${title}`, () => play(newHeartbeat(), steps));

test(" with `pingAlways` wants a PING at intervals although data arrives", () => {
  play(newHeartbeat({ pingAlways: true }), ALWAYS);
});

test(" wants a PING after 5 s by default, and is dead before 15 s", () => {
  assertEquals([PING_MS, PING_TIMEOUT_MS], [5_000, 14_500]);
});

test(".onPong() answers the oldest PING, and ignores a PONG without one", () => {
  const heartbeat = newHeartbeat();
  assertEquals(heartbeat.onPong(T0 + 1), undefined);
  play(heartbeat, [[5, "sent"], [10, "sent"], [17, "data"]]);
  assertEquals(heartbeat.onPong(T0 + 17), 12);
  play(heartbeat, [[21, "data"], [25, "dead", "due"]]);
  assertEquals(heartbeat.onPong(T0 + 22), 12);
  play(heartbeat, [[26, "ping", "due"]]);
  assertEquals(heartbeat.onPong(T0 + 26), undefined);
});

test(".extend() moves both deadlines", () => {
  const heartbeat = newHeartbeat();
  play(heartbeat, [[13, "sent"]]);
  heartbeat.extend(5);
  play(heartbeat, [[17, "quiet"], [18, "ping"], [20, "dead"], [30, "data"], [32, "quiet"], [33, "dead"]]);
  heartbeat.onPong(T0 + 33);
  play(heartbeat, [[34, "quiet"], [35, "ping", "due"]]);
});
