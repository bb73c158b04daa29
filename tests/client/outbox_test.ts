// The client's own messages: unacked, acked and retained, resent, dropped.

import { assert, assertEquals } from "@std/assert";
import { Outbox, type OutboxConfig } from "../../lib/client/outbox.ts";
import { testClientConfig } from "../testing/test_config.ts";

const pure = { permissions: "none" } as const;

const TIME_MS = 1_700_000_000_000;

function newOutbox(overrides: Partial<OutboxConfig> = {}): Outbox {
  return new Outbox(testClientConfig({ outbox: overrides }).outbox);
}

/** An outbox on a server that has nothing of it yet, with `count` unacked messages. */
function outboxOf(count: number, overrides?: Partial<OutboxConfig>): Outbox {
  const outbox = newOutbox(overrides);
  outbox.onWelcome(0, 0);
  addMore(outbox, count);
  return outbox;
}

function addMore(outbox: Outbox, count: number): void {
  for (let i = 0; i < count; i++) outbox.add("t");
}

function readBack(outbox: Outbox, clientSeq: number, nowMs = 0): void {
  outbox.onEcho({ clientSeq, timeMs: TIME_MS + clientSeq }, nowMs);
}

/** The `clientSeq` of everything that a server without any of it would be sent. */
function resent(outbox: Outbox, nowMs = 0): number[] {
  return outbox.onWelcome(0, nowMs).map(({ clientSeq }) => clientSeq);
}

Deno.test("Outbox.add() numbers messages from 1, without a time", pure, () => {
  const outbox = newOutbox();
  assertEquals(outbox.add("hola"), { type: "say", clientSeq: 1, timeMs: 0, text: "hola" });
  assertEquals(outbox.add("adiós"), { type: "say", clientSeq: 2, timeMs: 0, text: "adiós" });
  assertEquals(outbox.unacked, [{ text: "hola" }, { text: "adiós" }]);
});

Deno.test("Outbox.onEcho() acks a message and all before it", pure, () => {
  const outbox = newOutbox();
  for (const text of ["uno", "dos", "tres"]) outbox.add(text);
  readBack(outbox, 2);
  assertEquals(outbox.unacked, [{ text: "tres" }]);
});

Deno.test("Outbox.onWelcome() resends unacked and retained messages, in order", pure, () => {
  const outbox = outboxOf(4);
  readBack(outbox, 2);
  assertEquals(resent(outbox), [1, 2, 3, 4]);
  assertEquals(outbox.unacked.length, 4);
});

Deno.test("Outbox.onWelcome() does not resend what the server has", pure, () => {
  const outbox = outboxOf(4);
  readBack(outbox, 1);
  assertEquals(outbox.onWelcome(3, 0).map(({ clientSeq }) => clientSeq), [4]);
  assertEquals(outbox.unacked.length, 1);
  // It is retained nevertheless: that server may crash as well.
  assertEquals(resent(outbox), [1, 2, 3, 4]);
});

Deno.test("Outbox.onWelcome() continues the numbers", pure, () => {
  const outbox = outboxOf(2);
  outbox.onWelcome(2, 0);
  assertEquals(outbox.add("t").clientSeq, 3);
});

Deno.test("Outbox.onWelcome() resends a message with its first time", pure, () => {
  const outbox = outboxOf(3);
  outbox.onEcho({ clientSeq: 1, timeMs: TIME_MS }, 0);
  outbox.onEcho({ clientSeq: 2, timeMs: TIME_MS + 5 }, 0);
  outbox.onWelcome(0, 0);
  outbox.onEcho({ clientSeq: 1, timeMs: TIME_MS + 9 }, 0);
  assertEquals(outbox.onWelcome(0, 0).map(({ timeMs }) => timeMs), [TIME_MS, TIME_MS + 5, 0]);
});

Deno.test("Outbox gives no message the time of another", pure, () => {
  const outbox = outboxOf(2);
  readBack(outbox, 2);
  assertEquals(outbox.onWelcome(0, 0).map(({ timeMs }) => timeMs), [0, TIME_MS + 2]);
});

Deno.test("Outbox drops a message 120 s after its echo", pure, () => {
  for (const [staleSinceMs, kept] of [[121_000, [1, 2]], [121_001, [2]], [122_001, []]] as const) {
    const outbox = outboxOf(2);
    readBack(outbox, 1, 1_000);
    readBack(outbox, 2, 2_000);
    outbox.onDisconnect(staleSinceMs);
    assertEquals(resent(outbox), [...kept]);
  }
});

Deno.test("Outbox drops old messages while the connection lasts", pure, () => {
  const outbox = outboxOf(2);
  readBack(outbox, 1, 0);
  readBack(outbox, 2, 120_001);
  assertEquals(resent(outbox), [2]);
});

Deno.test("Outbox counts the age of a message from its first ack", pure, () => {
  const outbox = outboxOf(2);
  readBack(outbox, 1, 0);
  readBack(outbox, 2, 100_000); // the server has 1 as well, but that is no news
  outbox.onDisconnect(120_001);
  assertEquals(resent(outbox), [2]);
});

Deno.test("Outbox restarts the age of a message at a second echo", pure, () => {
  const outbox = outboxOf(1);
  readBack(outbox, 1, 0);
  readBack(outbox, 1, 100_000);
  outbox.onDisconnect(220_000);
  assertEquals(resent(outbox), [1]);
});

Deno.test("Outbox restarts the age of a message on another server that has it", pure, () => {
  const outbox = outboxOf(1);
  readBack(outbox, 1, 0);
  outbox.onWelcome(1, 100_000);
  outbox.onDisconnect(220_000);
  assertEquals(resent(outbox), [1]);
});

Deno.test("Outbox never drops an unacked message, nor one that is being resent", pure, () => {
  const outbox = outboxOf(2);
  readBack(outbox, 1, 0);
  assertEquals(resent(outbox, 100_000), [1, 2]);
  outbox.onDisconnect(1_000_000);
  assertEquals(resent(outbox), [1, 2]);
});

Deno.test("Outbox does not age messages between two servers", pure, () => {
  const outbox = outboxOf(1);
  readBack(outbox, 1, 0);
  outbox.onDisconnect(60_000);
  outbox.onDisconnect(1_000_000); // a connection that never came to a WELCOME
  assertEquals(resent(outbox, 2_000_000), [1]);
});

Deno.test("Outbox keeps 256 messages, and evicts the oldest acked one first", pure, () => {
  const outbox = outboxOf(256);
  readBack(outbox, 10);
  assertEquals(resentAfter(outbox, 0), { count: 256, first: 1 });
  outbox.onWelcome(10, 0);
  assertEquals(resentAfter(outbox, 3), { count: 256, first: 4 });
});

function resentAfter(outbox: Outbox, added: number): { count: number; first: number | undefined } {
  addMore(outbox, added);
  const numbers = resent(outbox);
  return { count: numbers.length, first: numbers[0] };
}

Deno.test("Outbox never evicts an unacked message for a new one, but is full", pure, () => {
  const outbox = outboxOf(2, { maxMessages: 3 });
  assert(!outbox.isFull);
  addMore(outbox, 1);
  assert(outbox.isFull);
  addMore(outbox, 1); // against the rule
  assertEquals(resent(outbox), [1, 2, 3, 4]);
});

Deno.test("Outbox is not filled by acked messages", pure, () => {
  const outbox = outboxOf(3, { maxMessages: 3 });
  readBack(outbox, 1);
  assert(!outbox.isFull);
});

Deno.test("Outbox counts bytes of UTF-8 as well as messages", pure, () => {
  const outbox = newOutbox({ maxBytes: 8 });
  for (const text of ["ñ", "ñññ"]) {
    assert(!outbox.isFull);
    outbox.add(text);
  }
  assert(outbox.isFull);
  readBack(outbox, 2);
  assert(!outbox.isFull);
  outbox.add("a");
  assertEquals(resent(outbox), [2, 3]);
});

Deno.test("Outbox keeps a mebibyte of text by default", pure, () => {
  const outbox = newOutbox();
  outbox.add("x".repeat(1_048_575));
  assert(!outbox.isFull);
  outbox.add("x");
  assert(outbox.isFull);
});

Deno.test("Outbox evicts no acked message while all just fit", pure, () => {
  const outbox = newOutbox({ maxBytes: 4 });
  outbox.add("ab");
  readBack(outbox, 1);
  outbox.add("cd");
  assertEquals(resent(outbox), [1, 2]);
});

Deno.test("Outbox resends a message with its options", pure, () => {
  const outbox = newOutbox();
  const to = { sessionId: 2n, nick: "beto" };
  outbox.add("saluda", { action: true });
  outbox.add("secreto", { to });
  assertEquals(outbox.onWelcome(0, 0), [
    { type: "say", clientSeq: 1, timeMs: 0, text: "saluda", action: true },
    { type: "say", clientSeq: 2, timeMs: 0, text: "secreto", to },
  ]);
});
