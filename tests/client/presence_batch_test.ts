// Few presence events are shown one by one, many in a batch.

import { assertEquals } from "@std/assert";
import {
  BATCH_WINDOW_MS,
  DEBOUNCE_MS,
  MAX_BATCH_DELAY_MS,
  MAX_UNBATCHED,
  PresenceBatcher,
} from "../../lib/client/chat_view.ts";
import type { Presence } from "../../lib/render/renderer.ts";

const pure = { permissions: "none" } as const;

function joined(nick: string, { rejoined = false } = {}): Presence {
  return { type: "joined", seq: 0, timeMs: 0, sessionId: 0n, nick, address: "::1", rejoined };
}

function left(nick: string, { connectionLost = false } = {}): Presence {
  return { type: "left", seq: 0, timeMs: 0, sessionId: 0n, nick, address: "::1", connectionLost };
}

function nicksOf(batches: Presence[][]): string[][] {
  return batches.map((batch) => batch.map(({ nick }) => nick));
}

/** A batcher that has shown as many as it does one by one, at 0. */
function busyFolder(): PresenceBatcher {
  const folder = new PresenceBatcher();
  for (let n = 0; n < MAX_UNBATCHED; n++) assertEquals(folder.shouldShowNow(joined("x"), 0), true);
  return folder;
}

Deno.test("PresenceBatcher shows few events one by one", pure, () => {
  const folder = new PresenceBatcher();
  for (let nowMs = 0; nowMs < 20_000; nowMs += BATCH_WINDOW_MS / (MAX_UNBATCHED - 1)) {
    assertEquals(folder.shouldShowNow(joined("ana"), nowMs), true);
  }
  assertEquals(folder.dueMs, undefined);
  assertEquals(folder.take(), []);
});

Deno.test("PresenceBatcher batches many events, each kind by itself", pure, () => {
  const folder = busyFolder();
  const batch = [
    joined("a"),
    left("b"),
    joined("c"),
    joined("d", { rejoined: true }),
    left("e", { connectionLost: true }),
  ];
  for (const one of [...batch, left("f")]) assertEquals(folder.shouldShowNow(one, 10), false);
  assertEquals(nicksOf(folder.take()), [["a", "c"], ["b", "f"], ["d"], ["e"]]);
  assertEquals([folder.dueMs, folder.take()], [undefined, []]);
});

Deno.test("PresenceBatcher is due when it is quiet, or has waited long enough", pure, () => {
  const folder = busyFolder();
  folder.shouldShowNow(joined("a"), 100);
  assertEquals(folder.dueMs, 100 + DEBOUNCE_MS);
  folder.shouldShowNow(joined("b"), 400);
  assertEquals(folder.dueMs, 400 + DEBOUNCE_MS);
  for (let nowMs = 800; nowMs < 4_000; nowMs += 400) folder.shouldShowNow(joined("c"), nowMs);
  assertEquals(folder.dueMs, 100 + MAX_BATCH_DELAY_MS);
});

Deno.test(
  "PresenceBatcher lets no event overtake a batch, and shows few one by one again after it",
  pure,
  () => {
    const folder = busyFolder();
    folder.shouldShowNow(joined("a"), 100);
    assertEquals(folder.shouldShowNow(joined("b"), BATCH_WINDOW_MS), false);
    assertEquals(nicksOf(folder.take()), [["a", "b"]]);
    assertEquals(folder.shouldShowNow(joined("c"), BATCH_WINDOW_MS), true);
  },
);

Deno.test("PresenceBatcher batches events that go on after a batch", pure, () => {
  const folder = busyFolder();
  folder.shouldShowNow(joined("a"), 100);
  folder.take();
  assertEquals(folder.shouldShowNow(joined("b"), BATCH_WINDOW_MS - 1), false);
  assertEquals(folder.dueMs, BATCH_WINDOW_MS - 1 + DEBOUNCE_MS);
});
