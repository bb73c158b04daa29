// The order and the rate of one client's messages. hostile_clients_test.ts has the clients that break them.

import { assert, assertEquals } from "@std/assert";
import { type ProtocolError } from "../../lib/errors.ts";
import type { ClientMessage } from "../../lib/protocol/frames.ts";
import { HOME, makeClient } from "../testing/handler_fixture.ts";

const pure = { permissions: "none" } as const;

const ping: ClientMessage = { type: "ping" };

function say(clientSeq: number, timeMs = 0): ClientMessage {
  return { type: "say", clientSeq, timeMs, text: "hola" };
}

/** A client that has said all this, and how much of it was heard at a time. */
async function client(...said: ClientMessage[]) {
  const client = makeClient();
  await client.join();
  const heard = () => client.seen.sent.length + client.seen.said.length;
  let before = heard();
  const count = () => {
    const more = heard() - before;
    before += more;
    return more;
  };
  await client.send(...said);
  const countAfter = async (ms: number) => {
    await client.advance(ms);
    return count();
  };
  return { ...client, count, countAfter };
}

Deno.test("Twenty frames are heard at once, and five a second after that", pure, async () => {
  const { seen, count, countAfter } = await client(...Array<ClientMessage>(30).fill(ping));
  assertEquals([count(), seen.paused], [20, [200]]);
  assertEquals([await countAfter(199), await countAfter(1), await countAfter(800)], [0, 1, 4]);
});

Deno.test("What is sent again is heard at once, as much as one address can have of it", pure, async () => {
  const { count } = await client(...Array.from({ length: 1_100 }, (_, index) => say(index + 1, 5)));
  assertEquals(count(), 1_024 + 20);
});

Deno.test("Only who is in uses up what one address may send again", pure, async () => {
  const { limiter, seen, send } = makeClient();
  await send(...Array.from({ length: 30 }, (_, index) => say(index + 1, 5)));
  assertEquals(seen.said, []);
  for (let i = 0; i < 1_024; i++) assert(limiter.takeRedelivery(HOME, 0));
});

Deno.test("What is said for the first time is no part of that", pure, async () => {
  const { count } = await client(...Array.from({ length: 30 }, (_, index) => say(index + 1)));
  assertEquals(count(), 20);
});

Deno.test("Nothing more is heard of who is not served any more, and nobody waits for it", pure, async () => {
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

Deno.test(
  "Messages of who is in count upwards; before that they have no place, whatever their number",
  pure,
  async () => {
    for (
      const [numbers, isIn, code] of [
        [[1, 2, 9], true, undefined],
        [[1, 1], true, "counter-backwards"],
        [[2, 1], true, "counter-backwards"],
        [[0], true, "counter-backwards"],
        [[0, 0], false, "frame-unexpected"],
      ] as const
    ) {
      const { seen, join, send } = makeClient();
      if (isIn) await join();
      await send(...numbers.map((n) => say(n)));
      assertEquals(seen.rejections.map((error) => (error as ProtocolError).code), code ? [code] : []);
      if (!code) assertEquals(seen.said, numbers.map((n) => say(n)));
    }
  },
);
