// What one connection may say, in which order, how fast. What becomes of those who say it otherwise is in
// hostile_clients_test.ts.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { FrameDecoder } from "../../lib/codec.ts";
import type { Connection } from "../../lib/net/connection.ts";
import { ProtocolError } from "../../lib/errors.ts";
import { ConnectionLimiter } from "../../lib/server/connection_limiter.ts";
import type { Member } from "../../lib/room/state.ts";
import { type ClientMessage, encodeClient, MAX_CLIENT_FRAME_BYTES } from "../../lib/protocol/frames.ts";
import { Visit } from "../../lib/server/visit.ts";

const pure = { permissions: "none" } as const;

const HOME = "10.0.0.7";

const ping: ClientMessage = { type: "ping" };

function say(clientSeq: number, timeMs = 0): ClientMessage {
  return { type: "say", clientSeq, timeMs, text: "hola" };
}

/** Somebody who has said all this, and will be heard from 0 ms on. */
function client(...said: ClientMessage[]) {
  const connection = { isOpen: true };
  const limiter = new ConnectionLimiter();
  const visit = new Visit(connection as Connection, { address: HOME, limiter, nowMs: 0 });
  const frames = new FrameDecoder({ maxFrameBytes: MAX_CLIENT_FRAME_BYTES });
  for (const message of said) frames.push(encodeClient(message));
  const next = (monotonicMs = 0) => visit.next(frames, { wallMs: 0, monotonicMs });
  const countAt = (monotonicMs: number) => {
    let count = 0;
    while (next(monotonicMs)) count++;
    return count;
  };
  return { connection, limiter, visit, next, countAt };
}

Deno.test("Twenty frames are heard at once, and five a second after that", pure, () => {
  const { visit, countAt } = client(...Array<ClientMessage>(30).fill(ping));
  assertEquals([countAt(0), visit.waitMs({ wallMs: 0, monotonicMs: 0 })], [20, 200]);
  assertEquals([countAt(199), countAt(200), countAt(1_000)], [0, 1, 4]);
});

Deno.test("What is sent again is heard at once, as much as one address can have of it", pure, () => {
  const { visit, countAt } = client(...Array.from({ length: 1_100 }, (_, index) => say(index + 1, 5)));
  visit.member = {} as Member;
  assertEquals(countAt(0), 1_024 + 20);
});

Deno.test("Only who is in uses up what one address may send again", pure, () => {
  const { limiter, countAt } = client(...Array.from({ length: 30 }, (_, index) => say(index + 1, 5)));
  assertEquals(countAt(0), 20);
  for (let i = 0; i < 1_024; i++) assert(limiter.takeRedelivery(HOME, 0));
});

Deno.test("What is said for the first time is no part of that", pure, () => {
  assertEquals(client(...Array.from({ length: 30 }, (_, index) => say(index + 1))).countAt(0), 20);
});

Deno.test("Nothing more is heard of who is not served any more, and nobody waits for it", pure, () => {
  const { connection, visit, next } = client(...Array<ClientMessage>(30).fill(ping));
  assertEquals(next(), ping);
  connection.isOpen = false;
  assertEquals(next(), undefined);
  assertEquals(visit.waitMs({ wallMs: 0, monotonicMs: 0 }), 0);
});

Deno.test(
  "Messages of who is in count upwards; before that they have no place, whatever their number",
  pure,
  () => {
    for (
      const [numbers, isIn, isFine] of [
        [[1, 2, 9], true, true],
        [[1, 1], true, false],
        [[2, 1], true, false],
        [[0], true, false],
        [[0, 0], false, true],
      ] as const
    ) {
      const { visit, next } = client(...numbers.map((n) => say(n)));
      if (isIn) visit.member = {} as Member;
      const hearAll = () => numbers.map(() => next());
      if (isFine) assertEquals(hearAll(), numbers.map((n) => say(n)));
      else assertEquals(assertThrows(hearAll, ProtocolError).code, "counter-backwards");
    }
  },
);
