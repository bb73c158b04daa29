// When a PING is due and when a peer is given up, on a clock that the test holds.

import { assertEquals } from "@std/assert";
import { Heartbeat, PING_MS, PING_TIMEOUT_MS } from "../../lib/net/heartbeat.ts";

const pure = { permissions: "none" } as const;

const T0 = 1_000_000;
const TIMES = { pingMs: 5, pingTimeoutMs: 15, pingAlways: false };

/** When something is due if nothing more comes, and what. Before that moment, nothing is. */
function due(heartbeat: Heartbeat): [number, "dead" | "ping" | undefined] {
  const ms = heartbeat.nextCheckMs;
  assertEquals(heartbeat.check(ms - 1), undefined);
  return [ms - T0, heartbeat.check(ms)];
}

Deno.test(
  "Heartbeat wants a PING after 5 s of silence, and gives up in time to say so within 15 s",
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

Deno.test("Heartbeat begins its silence anew with all that is heard", pure, () => {
  const heartbeat = new Heartbeat(TIMES, T0);
  heartbeat.onData(T0 + 4);
  assertEquals(due(heartbeat), [9, "ping"]);
  assertEquals(heartbeat.check(T0 + 18), "ping");
  assertEquals(heartbeat.check(T0 + 19), "dead");
});

Deno.test("Heartbeat wants one PING after another while the silence lasts, then gives up", pure, () => {
  const heartbeat = new Heartbeat(TIMES, T0);
  const dues = [];
  for (let [ms, what] = due(heartbeat); what === "ping"; [ms, what] = due(heartbeat)) {
    heartbeat.onPingSent(T0 + ms);
    dues.push(ms);
  }
  assertEquals(dues, [5, 10]);
  assertEquals(due(heartbeat), [15, "dead"]);
});

Deno.test("Heartbeat wants no PING while the peer talks", pure, () => {
  const heartbeat = new Heartbeat(TIMES, T0);
  for (let ms = 0; ms <= 100; ms += 4) {
    heartbeat.onData(T0 + ms);
    assertEquals(due(heartbeat), [ms + 5, "ping"]);
  }
});

Deno.test("Heartbeat with `always` wants a PING every 5 s though the peer talks", pure, () => {
  const heartbeat = new Heartbeat({ ...TIMES, pingAlways: true }, T0);
  heartbeat.onData(T0 + 4);
  assertEquals(due(heartbeat), [5, "ping"]);
  heartbeat.onPingSent(T0 + 6);
  heartbeat.onData(T0 + 10);
  assertEquals(due(heartbeat), [11, "ping"]);
});

Deno.test("Heartbeat gives up a peer that talks but leaves a PING unanswered", pure, () => {
  const heartbeat = new Heartbeat(TIMES, T0);
  heartbeat.onPingSent(T0 + 5);
  heartbeat.onData(T0 + 18);
  assertEquals(due(heartbeat), [20, "dead"]);
});

Deno.test("Heartbeat takes each PONG for the answer to the oldest PING", pure, () => {
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

Deno.test("Heartbeat.ponged() has nothing to say of a PONG that nobody asked for", pure, () => {
  const heartbeat = new Heartbeat(TIMES, T0);
  assertEquals(heartbeat.onPong(T0 + 1), undefined);
  heartbeat.onPingSent(T0 + 5);
  assertEquals(heartbeat.onPong(T0 + 5), 0);
  assertEquals(heartbeat.onPong(T0 + 6), undefined);
});

Deno.test("Heartbeat.excuse() moves both deadlines", pure, () => {
  const heartbeat = new Heartbeat({ pingMs: 5_000, pingTimeoutMs: 10_000, pingAlways: false }, 0);
  heartbeat.onPingSent(9_000);
  heartbeat.extend(3_000);
  assertEquals(heartbeat.check(12_999), undefined); // unheard since 3,000
  assertEquals(heartbeat.check(13_000), "dead");
  heartbeat.onData(13_000);
  assertEquals(heartbeat.check(21_999), "ping"); // unanswered since 12,000
  assertEquals(heartbeat.check(22_000), "dead");
  heartbeat.onPong(22_000);
  assertEquals(heartbeat.check(22_000), "ping");
});
