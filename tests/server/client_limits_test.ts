// Rates, timeouts and limits of ChatServer, over TCP or TLS. hostile_clients_test.ts has more.

import { assert, assertEquals } from "@std/assert";
import { enterAs, type Peer, say } from "../testing/raw_peer.ts";
import { startServer } from "../testing/test_server.ts";
import { TestClock } from "../testing/test_clock.ts";

/** Waits until the server has taken in all that this client said. */
async function sync(peer: Peer): Promise<void> {
  await peer.send({ type: "ping" });
  await peer.expect("pong");
}

Deno.test("ChatServer disconnects with ERROR silent a client that sends messages but no PONG", async () => {
  const clock = new TestClock();
  clock.advanceTo(0);
  await using server = startServer({
    clock: clock.now,
    room: { graceMs: 0 },
    connections: { pingMs: 20, pingTimeoutMs: 60 },
  });
  using ana = await enterAs("ana", server);
  using bea = await enterAs("bea", server);
  await ana.expect("joined");
  for (const monotonicMs of [20, 40, 60, 79]) {
    clock.advanceTo(monotonicMs);
    await ana.send({ type: "pong" });
    for (const peer of [ana, bea]) {
      if (monotonicMs < 79) await peer.expect("ping");
      await sync(peer);
    }
  }
  clock.advanceTo(80);
  const messages = await bea.receiveAll();
  assertEquals(messages.flatMap((message) => message.type === "error" ? [message.code] : []), ["silent"]);
  bea[Symbol.dispose]();
  await ana.expect("ping");
  const { nick, connectionLost } = await ana.expect("left");
  assertEquals([nick, connectionLost], ["bea", true]);
});

Deno.test("ChatServer disconnects with ERROR too-slow a client that falls behind the log, and delays no other", async () => {
  await using server = startServer({
    room: { graceMs: 0, log: { segmentBytes: 65_536, retainedBytes: 524_288 } },
  });
  using slow = await enterAs("slow", server);
  using ana = await enterAs("ana", server);
  using bea = await enterAs("bea", server);
  await ana.expect("joined");
  // More than what the sockets between the two ends hold, until ana and bea have read that the other two have left.
  const [batch, text] = [25, "🙂".repeat(2_000)];
  let [count, gone] = [0, 0];
  while (gone < 2) {
    for (let i = 0; i < batch; i++) await ana.send(say(++count, text));
    for (const peer of [ana, bea]) {
      for (let heard = 0; heard < batch;) {
        const { type } = (await peer.receive())!;
        if (type === "said") heard++;
        else if (type === "left") gone++;
      }
    }
    assert(count < 10_000);
  }
  const messages = await slow.receiveAll();
  const last = messages.at(-1);
  assertEquals(last?.type === "error" && last.code, "too-slow");
  const numbers = messages.flatMap((message) => message.type === "said" ? [message.clientSeq] : []);
  assert(numbers.length > 0 && numbers.length < count);
  assertEquals(numbers, numbers.map((_, index) => index + 1));
});
