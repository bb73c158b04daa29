// The client's own messages: unacked, acked and retained, resent, dropped.

import { assert, assertEquals } from "@std/assert";
import { Outbox, type OutboxConfig } from "../../lib/client/outbox.ts";
import { testClientConfig } from "../testing/test_config.ts";
import { pure } from "../testing/test_options.ts";

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

function echo(outbox: Outbox, clientSeq: number, nowMs = 0, timeMs = TIME_MS + clientSeq): void {
  outbox.onEcho({ clientSeq, timeMs }, nowMs);
}

/** The `clientSeq` of everything that a server with this much of it would be sent. */
function resent(outbox: Outbox, lastClientSeq = 0): number[] {
  return outbox.onWelcome(lastClientSeq, 0).map(({ clientSeq }) => clientSeq);
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
  echo(outbox, 2);
  assertEquals(outbox.unacked, [{ text: "tres" }]);
});

Deno.test("Outbox.onWelcome() returns all messages that the server lacks, in order", pure, () => {
  const outbox = outboxOf(4);
  echo(outbox, 2);
  assertEquals(resent(outbox), [1, 2, 3, 4]);
  assertEquals(outbox.unacked.length, 4);
  assertEquals(resent(outbox, 3), [4]);
  assertEquals(outbox.unacked.length, 1);
  // What that server has is retained: it may crash as well.
  assertEquals(resent(outbox), [1, 2, 3, 4]);
  assertEquals(outbox.add("t").clientSeq, 5);
});

Deno.test("Outbox.onWelcome() returns a message with the time of its first echo alone", pure, () => {
  const outbox = outboxOf(4);
  echo(outbox, 1, 0, TIME_MS);
  echo(outbox, 3, 0, TIME_MS + 5); // acks the second as well, and says nothing of its time
  outbox.onWelcome(0, 0);
  echo(outbox, 1, 0, TIME_MS + 9);
  assertEquals(outbox.onWelcome(0, 0).map(({ timeMs }) => timeMs), [TIME_MS, 0, TIME_MS + 5, 0]);
});

Deno.test("Outbox.onWelcome() returns a message with its options", pure, () => {
  const outbox = newOutbox();
  const to = { sessionId: 2n, nick: "beto" };
  outbox.add("saluda", { action: true });
  outbox.add("secreto", { to });
  assertEquals(outbox.onWelcome(0, 0), [
    { type: "say", clientSeq: 1, timeMs: 0, text: "saluda", action: true },
    { type: "say", clientSeq: 2, timeMs: 0, text: "secreto", to },
  ]);
});

/** What happens to two messages, and which of them the next server is sent. */
const AGES: [what: string, act: (outbox: Outbox) => void, kept: number[]][] = [
  ["keeps a message for 120 s after its echo", (outbox) => {
    echo(outbox, 1, 1_000);
    echo(outbox, 2, 2_000);
    outbox.onDisconnect(121_000);
  }, [1, 2]],
  ["drops a message 120 s after its echo", (outbox) => {
    echo(outbox, 1, 1_000);
    echo(outbox, 2, 2_000);
    outbox.onDisconnect(121_001);
  }, [2]],
  ["drops old messages while the connection lasts", (outbox) => {
    echo(outbox, 1, 0);
    echo(outbox, 2, 120_001);
  }, [2]],
  ["counts the age of a message from its first ack", (outbox) => {
    echo(outbox, 1, 0);
    echo(outbox, 2, 100_000); // that the server has 1 as well is no news
    outbox.onDisconnect(120_001);
  }, [2]],
  ["restarts the age of a message at a second echo", (outbox) => {
    echo(outbox, 1, 0);
    echo(outbox, 1, 100_000);
    outbox.onDisconnect(220_000);
  }, [1, 2]],
  ["restarts the age of a message on another server that has it", (outbox) => {
    echo(outbox, 1, 0);
    outbox.onWelcome(1, 100_000);
    outbox.onDisconnect(220_000);
  }, [1, 2]],
  ["drops no message that is unacked or being resent", (outbox) => {
    echo(outbox, 1, 0);
    outbox.onWelcome(0, 100_000);
    outbox.onDisconnect(1_000_000);
  }, [1, 2]],
  ["ages no message between two servers", (outbox) => {
    echo(outbox, 1, 0);
    outbox.onDisconnect(60_000);
    outbox.onDisconnect(1_000_000); // a connection that did not reach WELCOME
  }, [1, 2]],
];

for (const [what, act, kept] of AGES) {
  Deno.test(`Outbox ${what}`, pure, () => {
    const outbox = outboxOf(2);
    act(outbox);
    assertEquals(resent(outbox), kept);
  });
}

Deno.test("Outbox keeps 256 messages, and evicts the oldest acked one first", pure, () => {
  const outbox = outboxOf(255);
  echo(outbox, 10);
  addMore(outbox, 1);
  assertEquals(resent(outbox).at(0), 1);
  outbox.onWelcome(10, 0);
  addMore(outbox, 3);
  const numbers = resent(outbox);
  assertEquals([numbers.length, numbers.at(0)], [256, 4]);
});

Deno.test("Outbox evicts no unacked message for a new one, but is full", pure, () => {
  const outbox = outboxOf(2, { maxMessages: 3 });
  outbox.onWelcome(0, 0);
  assert(!outbox.isFull);
  addMore(outbox, 1);
  assert(outbox.isFull);
  addMore(outbox, 1); // against the rule
  assertEquals(resent(outbox), [1, 2, 3, 4]);
  echo(outbox, 2);
  assert(!outbox.isFull);
});

Deno.test("Outbox.isFull counts acked messages while there is no server", pure, () => {
  const outbox = outboxOf(3, { maxMessages: 3 });
  outbox.onWelcome(0, 0);
  echo(outbox, 3);
  assert(!outbox.isFull);
  outbox.onDisconnect(0);
  assert(outbox.isFull);
  assertEquals(resent(outbox), [1, 2, 3]);
  echo(outbox, 3);
  assert(!outbox.isFull);
});

Deno.test("Outbox counts bytes of UTF-8 as well as messages", pure, () => {
  const outbox = newOutbox({ maxBytes: 8 });
  outbox.onWelcome(0, 0);
  for (const text of ["ñ", "ñññ"]) {
    assert(!outbox.isFull);
    outbox.add(text);
  }
  assert(outbox.isFull);
  echo(outbox, 2);
  assert(!outbox.isFull);
  outbox.add("a"); // evicts the first alone
  outbox.add("a");
  assertEquals(resent(outbox), [2, 3, 4]);
});

Deno.test("Outbox keeps a mebibyte of text by default", pure, () => {
  const outbox = newOutbox();
  outbox.add("x".repeat(1_048_575));
  assert(!outbox.isFull);
  outbox.add("x");
  assert(outbox.isFull);
});
