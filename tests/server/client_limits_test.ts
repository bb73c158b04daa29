// Rates, timeouts and limits of ChatServer, over TCP or TLS. hostile_clients_test.ts has more.

import { assert, assertEquals } from "@std/assert";
import { encodeClient } from "../../lib/protocol/frames.ts";
import { dialPeer, enterAs, join, makeHello, type Peer, say } from "../testing/raw_peer.ts";
import { eva, POLL_MS } from "../testing/victims.ts";
import { startServer } from "../testing/test_server.ts";
import { TestClock } from "../testing/test_clock.ts";
import { waitFor } from "../testing/waiting.ts";

Deno.test("ChatServer keeps a slowed client whose PONG waits behind its messages, and loses none of them", async () => {
  await using server = startServer({
    messages: { burst: 2, perSecond: 12 },
    connections: { pingMs: 200, pingTimeoutMs: 1_000 },
  });
  using peer = await join(server.address, eva);
  const messages = Array.from({ length: 30 }, (_, i) => encodeClient(say(i + 1)));
  await peer.send(new Uint8Array(await new Blob(messages).arrayBuffer()));
  let last = 0;
  while (last < 30) {
    const message = await peer.receive();
    if (message?.type === "ping") await peer.send({ type: "pong" });
    else if (message?.type === "said") assertEquals(message.clientSeq, ++last);
    else if (message?.type !== "pong") throw new Error(Deno.inspect(message));
  }
});

Deno.test("ChatServer at its limit closes the oldest of 256 pending connections, and answers the newest", async () => {
  await using server = startServer({ limits: { maxClients: 1 } });
  using _peer = await join(server.address, eva);
  const silent = await Promise.all(Array.from({ length: 400 }, () => dialPeer(server.address)));
  try {
    await waitFor(() => server.stats.connectionCount <= 257, "the oldest sockets to be closed");
    using stranger = await dialPeer(server.address);
    await stranger.send(makeHello("ana"));
    assertEquals((await stranger.expect("error")).code, "room-full");
  } finally {
    for (const stranger of silent) stranger[Symbol.dispose]();
  }
});

Deno.test("ChatServer applies no frame timeout while it slows a client", async () => {
  await using server = startServer({
    messages: { burst: 2, perSecond: 20 },
    connections: { frameMs: 250, pingTimeoutMs: 1_000 },
  });
  using peer = await join(server.address, eva);
  const frames = await new Blob(Array.from({ length: 12 }, (_, i) => encodeClient(say(i + 1)))).bytes();
  await peer.send(frames.subarray(0, 10));
  await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  await peer.send(frames.subarray(10));
  for (let n = 1; n <= 12;) {
    const message = await peer.receive();
    if (message?.type === "said") assertEquals(message.clientSeq, n++);
    else assertEquals(message?.type, "pong");
  }
});

Deno.test("ChatServer applies the frame timeout to each frame anew", async () => {
  const clock = new TestClock();
  const [pingMs, frameMs] = [20, 50];
  clock.advanceTo(0);
  await using server = startServer({
    clock: clock.now,
    // checks its clients every 10 ms
    connections: { frameMs, pingMs, pingTimeoutMs: 600 },
  });
  using peer = await join(server.address, eva);
  const frames = await new Blob(Array.from({ length: 10 }, (_, i) => encodeClient(say(i + 1, "hola"))))
    .bytes();
  const size = frames.length / 10;
  await peer.send(frames.subarray(0, size - 5));
  for (let n = 1; n < 10; n++) {
    await peer.send(frames.subarray(n * size - 5, (n + 1) * size - 5));
    assertEquals((await peer.expect("said")).clientSeq, n);
    // Comes after the check of timeouts.
    clock.advanceTo(n * pingMs);
    await peer.expect("ping");
  }
});

Deno.test("ChatServer applies no handshake timeout after HELLO", async () => {
  await using server = startServer({ connections: { handshakeMs: 150 } });
  using ana = await enterAs("ana", server);
  using late = await dialPeer(server.address);
  assertEquals((await late.expect("error")).code, "hello-late"); // so ana's time is over too
  await ana.send(say(1, "hola"));
  await ana.expect("said");
});

/** Waits until the server has taken in all that this client said. */
async function sync(peer: Peer): Promise<void> {
  await peer.send({ type: "ping" });
  await peer.expect("pong");
}

Deno.test("ChatServer disconnects with ERROR silent a client that sends nothing, and keeps one that sends PONG", async () => {
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
  for (const monotonicMs of [20, 40, 59]) {
    clock.advanceTo(monotonicMs);
    if (monotonicMs < 59) await ana.expect("ping");
    await ana.send({ type: "pong" });
    await sync(ana);
  }
  clock.advanceTo(60);
  assertEquals(await bea.receiveTypes(), ["ping", "ping", "error"]);
  bea[Symbol.dispose]();
  await ana.expect("ping");
  const { nick, connectionLost } = await ana.expect("left");
  assertEquals([nick, connectionLost], ["bea", true]);
});

Deno.test("ChatServer disconnects a client that sends messages but no PONG", async () => {
  const clock = new TestClock();
  clock.advanceTo(0);
  await using server = startServer({
    clock: clock.now,
    connections: { pingMs: 20, pingTimeoutMs: 60 },
  });
  using ana = await enterAs("ana", server);
  for (const monotonicMs of [20, 40, 60]) {
    clock.advanceTo(monotonicMs);
    await ana.expect("ping");
    await sync(ana);
  }
  clock.advanceTo(80);
  const messages = await ana.receiveAll();
  assertEquals(messages.flatMap((message) => message.type === "error" ? [message.code] : []), ["silent"]);
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
