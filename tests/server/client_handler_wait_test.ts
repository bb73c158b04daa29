// Clients that wait for the commit log.

import { assertEquals } from "@std/assert";
import { splitFrames } from "../../lib/codec.ts";
import { decodeServer, encodeServer } from "../../lib/protocol/frames.ts";
import { makeHello } from "../testing/raw_peer.ts";
import { type Attempt, makeClient } from "../testing/handler_fixture.ts";

const pure = { permissions: "none" } as const;

const rename = { type: "nick", nick: "eva" } as const;

/** Something that is done the second time. */
function secondAttempt() {
  const attempts: (() => void)[] = [];
  const attempt: Attempt = (_now, onSettled) => attempts.push(onSettled) > 1;
  return { attempts, attempt };
}

/** The code of an ERROR. */
function codeOf(frame: Uint8Array | undefined): string | undefined {
  const [message] = [...splitFrames(frame!)].map(decodeServer);
  return message?.type === "error" ? message.code : undefined;
}

Deno.test("What can be done at once is not waited for", pure, async () => {
  const { seen, join, send } = makeClient();
  await join();
  await send(rename);
  assertEquals(seen.paused, []);
});

Deno.test("What takes its time is tried again as soon as it can be, and not before", pure, async () => {
  const { attempts, attempt } = secondAttempt();
  const { seen, join, send, advance } = makeClient({ attempt });
  await join();
  await send(rename);
  await advance(1_000);
  assertEquals([attempts.length, seen.paused], [1, [1_000, 1_000]]);
  attempts[0]!();
  await advance(0);
  assertEquals([attempts.length, seen.paused.length, seen.expiries], [2, 2, 0]);
});

Deno.test("Who is not in is sent away after a while, whatever they wait for", pure, async () => {
  for (const options of [{ attempt: () => false }, { isBlocked: true }]) {
    const { connection, limiter, seen, send, advance } = makeClient(options);
    await send(makeHello("ana"));
    for (let time = 0; time < 3; time++) {
      assertEquals(connection.isOpen, true);
      await advance(1_000);
    }
    assertEquals([connection.isOpen, seen.paused.length, limiter.connectionCount], [false, 3, 1]);
    assertEquals(codeOf(seen.last), "store-away");
  }
});

Deno.test("Who is in waits for as long as it takes", pure, async () => {
  const { attempts, attempt } = secondAttempt();
  const { commitLog, seen, join, send, advance } = makeClient({ attempt });
  await join();
  commitLog.isBlocked = true;
  await send(rename);
  for (let time = 0; time < 60; time++) await advance(1_000);
  assertEquals(attempts.length, 0);
  commitLog.isBlocked = false;
  await advance(1_000);
  for (let time = 0; time < 60; time++) await advance(1_000);
  attempts[0]!();
  await advance(0);
  assertEquals([attempts.length, seen.paused.length], [2, 122]);
});

Deno.test("Who wants to come in is not held for longer than they would wait", pure, async () => {
  const { connection, seen, send, advance } = makeClient({ attempt: () => false, commitWaitMs: 300 });
  await send(makeHello("ana"));
  await advance(300);
  assertEquals([connection.isOpen, seen.paused], [false, [300]]);
});

Deno.test(
  "Who waits for a store that takes nothing is given a sign of life, if they are in",
  pure,
  async () => {
    const pong = encodeServer({ type: "pong" });
    for (const isIn of [true, false]) {
      const { commitLog, seen, join, send, advance } = makeClient();
      if (isIn) await join();
      commitLog.isBlocked = true;
      await send(isIn ? rename : makeHello("ana"));
      await advance(1_000);
      commitLog.isBlocked = false;
      await advance(1_000);
      assertEquals(seen.sent, isIn ? [pong] : []);
    }
  },
);

Deno.test("Something comes of what those asked for who are gone: others are told", pure, async () => {
  const { attempts, attempt } = secondAttempt();
  const { connection, seen, join, send, advance } = makeClient({ attempt });
  await join();
  await send(rename);
  connection.isOpen = false;
  await advance(1_000);
  assertEquals([attempts.length, seen.expiries], [1, 1]);
  attempts[0]!();
  assertEquals(seen.expiries, 2);
});
