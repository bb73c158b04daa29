// ClientHandler: the order and rate of a client's messages, passwords, and the wait for the commit log.

import { assertEquals } from "@std/assert";
import { splitFrames } from "../../lib/codec.ts";
import { ProtocolError } from "../../lib/errors.ts";
import { type ClientMessage, decodeServer, encodeServer } from "../../lib/protocol/frames.ts";
import { type Attempt, HOME, makeClient } from "../testing/handler_fixture.ts";
import { makeHello, say } from "../testing/raw_peer.ts";
import { pure } from "../testing/test_options.ts";

const ping: ClientMessage = { type: "ping" };
const pong: ClientMessage = { type: "pong" };
const rename = { type: "nick", nick: "eva" } as const;

/** The messages 1 to `count`; `timeMs` makes them redeliveries. */
function messages(count: number, timeMs = 0): ClientMessage[] {
  return Array.from({ length: count }, (_, index) => say(index + 1, "hola", { timeMs }));
}

/** The code of an ERROR. */
function codeOf(frame: Uint8Array | undefined): string | undefined {
  const [message] = [...splitFrames(frame!)].map(decodeServer);
  return message?.type === "error" ? message.code : undefined;
}

/** A request of the room that succeeds at the second attempt. */
function secondAttempt() {
  const attempts: (() => void)[] = [];
  const attempt: Attempt = (_now, onSettled) => attempts.push(onSettled) > 1;
  return { attempts, attempt };
}

Deno.test("ClientHandler processes 20 messages and NICKs at once, and then five a second", pure, async () => {
  const { seen, join, send, advance } = makeClient();
  await join();
  const counts: number[] = [];
  await send(...Array.from({ length: 5 }, () => rename), ...messages(25));
  for (const ms of [0, 199, 1, 800]) {
    await advance(ms);
    counts.push(seen.said.length);
  }
  assertEquals([counts, seen.paused[0]], [[15, 15, 16, 20], 200]);
});

Deno.test("ClientHandler answers PING behind many messages, and reads no further", pure, async () => {
  const { seen, join, send, advance } = makeClient();
  await join();
  await send(...messages(20), ping);
  assertEquals([seen.sent.length, seen.paused], [1, []]);
  await send(say(21), ping, say(22), ping);
  // The two PINGs wait. A PONG at once, and one every second, has the client know that the server lives.
  assertEquals([seen.said.length, seen.sent.length], [20, 2]);
  await advance(200);
  await advance(200);
  assertEquals([seen.said.length, seen.sent.length], [22, 4]);
  await send(...messages(40).slice(22));
  for (let ms = 400; ms < 3_000; ms += 200) await advance(200);
  assertEquals(seen.sent.length, 7);
});

Deno.test("ClientHandler sends PONG every second also if a message waits for longer", pure, async () => {
  const { seen, join, send, advance } = makeClient({ messages: { burst: 1, perSecond: 0.001 } });
  await join();
  await send(...messages(2));
  for (let i = 0; i < 5; i++) await advance(1_000);
  assertEquals([seen.said.length, seen.sent.length, seen.paused.at(-1)], [1, 6, 1_000]);
});

Deno.test("ClientHandler processes 500 PINGs and PONGs at once, and then 20 every second", pure, async () => {
  const { seen, join, send, advance } = makeClient();
  await join();
  await send(...Array.from({ length: 200 }, () => pong), ping);
  assertEquals([seen.sent.length, seen.paused], [1, []]);
  await send(...Array.from({ length: 1_000 }, () => ping));
  const counts = [seen.sent.length];
  for (let i = 0; i < 3; i++) {
    await advance(1_000);
    counts.push(seen.sent.length);
  }
  // 299 answers, and one PONG unasked; then 20, and one unasked.
  assertEquals([counts, seen.paused], [[301, 322, 343, 364], [1_000, 1_000, 1_000, 1_000]]);
});

Deno.test("ClientHandler processes redeliveries at once, up to a limit by address", pure, async () => {
  for (const [count, timeMs, processed] of [[1_100, 5, 1_024 + 20], [30, 0, 20]] as const) {
    const { seen, join, send } = makeClient();
    await join();
    await send(...messages(count, timeMs));
    assertEquals(seen.said.length, processed);
  }
});

Deno.test("ClientHandler takes no redelivery from a client that has not joined", pure, async () => {
  const { limiter, seen, send } = makeClient();
  await send(...messages(30, 5));
  assertEquals(seen.said, []);
  let free = 0;
  const slot = limiter.open(HOME, 0, { close() {} });
  while (limiter.takeRedelivery(slot, 0)) free++;
  assertEquals(free, 1_024);
});

Deno.test("ClientHandler processes nothing after the connection has ended", pure, async () => {
  const { connection, seen, join, send } = makeClient();
  await join();
  const sent = seen.sent.push;
  seen.sent.push = (...frames) => {
    connection.isOpen = false;
    return sent.apply(seen.sent, frames);
  };
  await send(...Array<ClientMessage>(30).fill(ping));
  assertEquals([seen.sent.length, seen.paused], [1, []]);
});

const COUNTERS: [numbers: number[], isMember: boolean, code?: string][] = [
  [[1, 2, 9], true],
  [[1, 1], true, "counter-backwards"],
  [[2, 1], true, "counter-backwards"],
  [[0], true, "counter-backwards"],
  [[0, 0], false, "frame-unexpected"],
];

for (const [numbers, isMember, code] of COUNTERS) {
  const who = isMember ? "a member" : "a stranger";
  Deno.test(`ClientHandler answers ${code ?? "nothing"} to SAY ${numbers} of ${who}`, pure, async () => {
    const { seen, join, send } = makeClient();
    if (isMember) await join();
    await send(...numbers.map((n) => say(n)));
    assertEquals(seen.rejections.map((error) => (error as ProtocolError).code), code ? [code] : []);
    if (!code) assertEquals(seen.said, numbers.map((n) => say(n)));
  });
}

Deno.test("ClientHandler counts wrong passwords as joins of their address", pure, async () => {
  const { limiter } = makeClient();
  const answerTo = async (password: string) => {
    const { seen, send } = makeClient({ password: "secret", limiter });
    await send(makeHello("ana", { password }));
    return codeOf(seen.last);
  };
  const answers: unknown[] = [];
  for (let guess = 0; guess < 32; guess++) answers.push(await answerTo("guess"));
  assertEquals(answers, Array(32).fill("password-wrong"));
  assertEquals(await answerTo("secret"), "entering-too-often");
});

Deno.test("ClientHandler asks for a password without counting a join, and accepts it", pure, async () => {
  const { seen, limiter, send } = makeClient({ password: "secret" });
  await send(makeHello("ana"));
  assertEquals([codeOf(seen.last), seen.rejections], ["password-needed", []]);
  const slot = limiter.open(HOME, 0, { close() {} });
  for (let join = 0; join < 32; join++) limiter.takeJoin(slot, 0);
  const ana = makeClient({ password: "secret" });
  await ana.send(makeHello("ana", { password: "secret" }), say(1));
  assertEquals(ana.seen.said, [say(1)]);
});

Deno.test("ClientHandler does not pause for a change that is committed at once", pure, async () => {
  const { seen, join, send } = makeClient();
  await join();
  await send(rename);
  assertEquals(seen.paused, []);
});

Deno.test("ClientHandler repeats a request once its change is committed, not before", pure, async () => {
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

for (
  const [why, options] of [["join waits", { attempt: () => false }], ["log is blocked", {
    isBlocked: true,
  }]] as const
) {
  Deno.test(`ClientHandler answers store-away if the ${why} for commitWaitMs`, pure, async () => {
    for (const [commitWaitMs, pauses] of [[3_000, [1_000, 1_000, 1_000]], [300, [300]]] as const) {
      const { connection, limiter, seen, send, advance } = makeClient({ ...options, commitWaitMs });
      await send(makeHello("ana"));
      for (const ms of pauses) {
        assertEquals(connection.isOpen, true);
        await advance(ms);
      }
      assertEquals([connection.isOpen, seen.paused], [false, [...pauses]]);
      assertEquals([codeOf(seen.last), seen.rejections], ["store-away", []]);
      const slot = limiter.open(HOME, commitWaitMs, { close() {} });
      for (let join = 0; join < 32; join++) limiter.takeJoin(slot, commitWaitMs); // refunded
    }
  });
}

Deno.test("ClientHandler does not report a client that has a newer connection", pure, async () => {
  const attempt = () => {
    throw new ProtocolError("replaced");
  };
  const { seen, send } = makeClient({ attempt });
  await send(makeHello("ana"));
  assertEquals([codeOf(seen.last), seen.rejections], ["replaced", []]);
});

Deno.test("ClientHandler has a member wait for a blocked log without a limit", pure, async () => {
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

Deno.test("ClientHandler sends PONG to a member alone while the log is blocked", pure, async () => {
  const pong = encodeServer({ type: "pong" });
  for (const isMember of [true, false]) {
    const { commitLog, seen, join, send, advance } = makeClient();
    if (isMember) await join();
    commitLog.isBlocked = true;
    await send(isMember ? rename : makeHello("ana"));
    await advance(1_000);
    commitLog.isBlocked = false;
    await advance(1_000);
    assertEquals(seen.sent, isMember ? [pong] : []);
  }
});

Deno.test("ClientHandler expires graces if a change is committed after its client left", pure, async () => {
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

Deno.test("ClientHandler joins no client that closes while the log is blocked", pure, async () => {
  const { attempts, attempt } = secondAttempt();
  const { commitLog, connection, send, advance } = makeClient({ attempt, isBlocked: true });
  await send(makeHello("ana"));
  connection.isOpen = false;
  commitLog.isBlocked = false;
  await advance(1_000);
  assertEquals(attempts.length, 0);
});

Deno.test("ClientHandler rejects a banned client, and kicks one banned while it waited", pure, async () => {
  const { attempts, attempt } = secondAttempt();
  const { bans, seen, send, advance } = makeClient({ attempt });
  await send(makeHello("ana"));
  bans.add(HOME, 60_000);
  attempts[0]!();
  await advance(0);
  assertEquals([attempts.length, seen.kicks, seen.last], [2, ["banned"], undefined]);
  const late = makeClient();
  late.bans.add(HOME, 60_000);
  await late.send(makeHello("ana"));
  assertEquals(codeOf(late.seen.last), "banned");
});
