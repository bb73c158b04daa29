// A client that falls behind the log, over TCP or TLS. hostile_clients_test.ts has clients that break the protocol.

import { assert, assertEquals } from "@std/assert";
import { enterAs, say } from "../testing/raw_peer.ts";
import { startServer } from "../testing/test_server.ts";

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
