// PresenceBatcher: which joins and departures share a line on a screen, and when.

import { assertEquals } from "@std/assert";
import {
  BATCH_WINDOW_MS,
  DEBOUNCE_MS,
  MAX_BATCH_DELAY_MS,
  MAX_UNBATCHED,
  PresenceBatcher,
} from "../../lib/client/chat_view.ts";
import { sessionIdOf } from "../../lib/protocol/frames.ts";
import type { Presence } from "../../lib/render/renderer.ts";
import { makeToken } from "../testing/raw_peer.ts";
import { pure } from "../testing/test_options.ts";

/** What all events of a member have. */
function of(nick: string) {
  return { seq: 0, timeMs: 0, sessionId: sessionIdOf(makeToken(nick)), nick, address: "::1" };
}

function joined(nick: string, { rejoined = true } = {}): Presence {
  return { type: "joined", ...of(nick), rejoined };
}

function left(nick: string, { connectionLost = false } = {}): Presence {
  return { type: "left", ...of(nick), connectionLost };
}

function nicksOf(batches: Presence[][]): string[][] {
  return batches.map((batch) => batch.map(({ nick }) => nick));
}

/** A batcher that has shown as many as it does one by one, at 0. */
function busyBatcher(): PresenceBatcher {
  const batcher = new PresenceBatcher();
  for (let n = 0; n < MAX_UNBATCHED; n++) assertEquals(batcher.shouldShowNow(joined("x"), 0), true);
  return batcher;
}

Deno.test("PresenceBatcher shows few events one by one", pure, () => {
  const batcher = new PresenceBatcher();
  for (let nowMs = 0; nowMs < 20_000; nowMs += BATCH_WINDOW_MS / (MAX_UNBATCHED - 1)) {
    assertEquals(batcher.shouldShowNow(joined("ana"), nowMs), true);
  }
  assertEquals([batcher.dueMs, batcher.take()], [undefined, []]);
});

Deno.test("PresenceBatcher holds many events back, and batches each kind by itself", pure, () => {
  const batcher = busyBatcher();
  const lost = left("e", { connectionLost: true });
  for (
    const one of [joined("a"), left("b"), joined("c"), joined("d", { rejoined: false }), lost, left("f")]
  ) {
    assertEquals(batcher.shouldShowNow(one, 10), false);
  }
  assertEquals(nicksOf(batcher.take()), [["a", "c"], ["d"], ["b", "f"], ["e"]]);
  assertEquals([batcher.dueMs, batcher.take()], [undefined, []]);
});

Deno.test("PresenceBatcher is due when it is quiet, or has waited long enough", pure, () => {
  const batcher = busyBatcher();
  for (const nowMs of [100, 400]) {
    batcher.shouldShowNow(joined("a"), nowMs);
    assertEquals(batcher.dueMs, nowMs + DEBOUNCE_MS);
  }
  for (let nowMs = 800; nowMs < 4_000; nowMs += 400) batcher.shouldShowNow(joined("c"), nowMs);
  assertEquals(batcher.dueMs, 100 + MAX_BATCH_DELAY_MS);
});

Deno.test("PresenceBatcher lets no event overtake a batch, and shows few singly after it", pure, () => {
  const batcher = busyBatcher();
  batcher.shouldShowNow(joined("a"), 100);
  assertEquals(batcher.shouldShowNow(joined("b"), BATCH_WINDOW_MS), false);
  assertEquals(nicksOf(batcher.take()), [["a", "b"]]);
  assertEquals(batcher.shouldShowNow(joined("c"), BATCH_WINDOW_MS), true);
});

Deno.test("PresenceBatcher batches events that go on after a batch", pure, () => {
  const batcher = busyBatcher();
  batcher.shouldShowNow(joined("a"), 100);
  batcher.take();
  assertEquals(batcher.shouldShowNow(joined("b"), BATCH_WINDOW_MS - 1), false);
  assertEquals(batcher.dueMs, BATCH_WINDOW_MS - 1 + DEBOUNCE_MS);
});

for (
  const [what, events, batches] of [
    ["arrivals before departures", "-a +b -b +c -c +d", ["+b +c +d", "-a -b -c"]],
    ["members who come back after all have gone", "-a -b +a +b +c", ["-a -b", "+a +b +c"]],
    ["a member who comes twice in batches of their own", "+b +a -a +a -a", ["+b +a", "-a", "+a", "-a"]],
  ] as const
) {
  Deno.test(`PresenceBatcher.take() shows ${what}: ${events}`, pure, () => {
    const batcher = busyBatcher();
    for (const event of events.split(" ")) {
      batcher.shouldShowNow(event.startsWith("+") ? joined(event.slice(1)) : left(event.slice(1)), 10);
    }
    const shown = batcher.take().map((batch) => {
      return batch.map(({ type, nick }) => (type === "joined" ? "+" : "-") + nick).join(" ");
    });
    assertEquals<unknown>(shown, batches);
  });
}
