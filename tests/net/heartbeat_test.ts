// Due PINGs and dead peers, on a fake clock.

import { assertEquals } from "@std/assert";
import { Heartbeat, PING_MS, PING_TIMEOUT_MS } from "../../lib/net/heartbeat.ts";

const pure = { permissions: "none" } as const;

const T0 = 1_000_000;
const TIMES = { pingMs: 5, pingTimeoutMs: 15, pingAlways: false };

/** When something is due without further data, relative to T0, and what. */
function due(heartbeat: Heartbeat): [number, "dead" | "ping" | undefined] {
  const ms = heartbeat.nextCheckMs;
  assertEquals(heartbeat.check(ms - 1), undefined);
  return [ms - T0, heartbeat.check(ms)];
}

Deno.test(
  "Heartbeat wants a PING after 5 s of silence, and is dead before 15 s",
  pure,
  () => {
    assertEquals([PING_MS, PING_TIMEOUT_MS], [5_000, 14_500]);
    const heartbeat = new Heartbeat(
      { pingMs: PING_MS, pingTimeoutMs: PING_TIMEOUT_MS, pingAlways: false },
      T0,
    );
    assertEquals(due(heartbeat), [5_000, "ping"]);
    assertEquals(heartbeat.check(T0 + 14_499), "ping");
    assertEquals(heartbeat.check(T0 + 14_500), "dead");
  },
);

Deno.test("Heartbeat restarts its deadlines with each data", pure, () => {
  const heartbeat = new Heartbeat(TIMES, T0);
  heartbeat.onData(T0 + 4);
  assertEquals(due(heartbeat), [9, "ping"]);
  assertEquals(heartbeat.check(T0 + 18), "ping");
  assertEquals(heartbeat.check(T0 + 19), "dead");
});

Deno.test("Heartbeat wants PINGs during a silence, then is dead", pure, () => {
  const heartbeat = new Heartbeat(TIMES, T0);
  const dues = [];
  for (let [ms, what] = due(heartbeat); what === "ping"; [ms, what] = due(heartbeat)) {
    heartbeat.onPingSent(T0 + ms);
    dues.push(ms);
  }
  assertEquals(dues, [5, 10]);
  assertEquals(due(heartbeat), [15, "dead"]);
});

Deno.test("Heartbeat wants no PING while data arrives", pure, () => {
  const heartbeat = new Heartbeat(TIMES, T0);
  for (let ms = 0; ms <= 100; ms += 4) {
    heartbeat.onData(T0 + ms);
    assertEquals(due(heartbeat), [ms + 5, "ping"]);
  }
});

Deno.test("Heartbeat with `pingAlways` wants a PING every 5 s although data arrives", pure, () => {
  const heartbeat = new Heartbeat({ ...TIMES, pingAlways: true }, T0);
  heartbeat.onData(T0 + 4);
  assertEquals(due(heartbeat), [5, "ping"]);
  heartbeat.onPingSent(T0 + 6);
  heartbeat.onData(T0 + 10);
  assertEquals(due(heartbeat), [11, "ping"]);
});

Deno.test("Heartbeat is dead when a PING stays unanswered although data arrives", pure, () => {
  const heartbeat = new Heartbeat(TIMES, T0);
  heartbeat.onPingSent(T0 + 5);
  heartbeat.onData(T0 + 18);
  assertEquals(due(heartbeat), [20, "dead"]);
});

Deno.test("Heartbeat.onPong() answers the oldest PING", pure, () => {
  const heartbeat = new Heartbeat(TIMES, T0);
  heartbeat.onPingSent(T0 + 5);
  heartbeat.onPingSent(T0 + 10);
  heartbeat.onData(T0 + 17);
  assertEquals(heartbeat.onPong(T0 + 17), 12);
  heartbeat.onData(T0 + 21);
  assertEquals(due(heartbeat), [25, "dead"]);
  assertEquals(heartbeat.onPong(T0 + 22), 12);
  assertEquals(due(heartbeat), [26, "ping"]);
});

Deno.test("Heartbeat.onPong() ignores a PONG without a PING", pure, () => {
  const heartbeat = new Heartbeat(TIMES, T0);
  assertEquals(heartbeat.onPong(T0 + 1), undefined);
  heartbeat.onPingSent(T0 + 5);
  assertEquals(heartbeat.onPong(T0 + 5), 0);
  assertEquals(heartbeat.onPong(T0 + 6), undefined);
});

Deno.test("Heartbeat.extend() moves both deadlines", pure, () => {
  const heartbeat = new Heartbeat({ pingMs: 5_000, pingTimeoutMs: 10_000, pingAlways: false }, 0);
  heartbeat.onPingSent(9_000);
  heartbeat.extend(3_000);
  assertEquals(heartbeat.check(12_999), undefined); // silent since 3,000
  assertEquals(heartbeat.check(13_000), "dead");
  heartbeat.onData(13_000);
  assertEquals(heartbeat.check(21_999), "ping"); // unanswered since 12,000
  assertEquals(heartbeat.check(22_000), "dead");
  heartbeat.onPong(22_000);
  assertEquals(heartbeat.check(22_000), "ping");
});
