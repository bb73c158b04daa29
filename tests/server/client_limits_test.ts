// Limits of ChatServer and honest clients, over TCP or TLS.

import { assert, assertEquals } from "@std/assert";
import { encodeClient } from "../../lib/protocol/frames.ts";
import { dialPeer, join, makeHello, say } from "../testing/raw_peer.ts";
import { eva, POLL_MS } from "../testing/victims.ts";
import { startServer } from "../testing/test_server.ts";
import { TestClock } from "../testing/test_clock.ts";
import { waitFor } from "../testing/waiting.ts";
import { TCP } from "../testing/transport.ts";

Deno.test("ChatServer keeps a slowed client whose PONG waits behind its messages, and loses none of them", async () => {
  await using server = startServer({
    messages: { burst: 2, perSecond: 12 },
    connections: { pingMs: 200, pingTimeoutMs: 1_000 },
  });
  const { peer } = await join(server.address, makeHello("eva"));
  using _ = peer;
  const messages = Array.from({ length: 30 }, (_, i) => encodeClient(say(i + 1)));
  await peer.send(new Uint8Array(await new Blob(messages).arrayBuffer()));
  let last = 0;
  while (last < 30) {
    const message = await peer.receive();
    if (message?.type === "ping") await peer.send({ type: "pong" });
    else if (message?.type === "said") assertEquals(message.clientSeq, ++last);
    else throw new Error(Deno.inspect(message));
  }
});

Deno.test("ChatServer at its limit answers 256 pending clients with ERROR, and closes the other connections", async () => {
  await using server = startServer({ limits: { maxClients: 1 } });
  const { peer } = await join(server.address, eva);
  using _ = peer;
  const dialling = Array.from({ length: 400 }, () => dialPeer(server.address));
  // Over TLS some do not get so far: the TLS handshake takes part of the time that ERROR has.
  const batch = (await Promise.allSettled(dialling)).flatMap((one) => "value" in one ? [one.value] : []);
  const told = await Promise.all(batch.map(async (stranger) => {
    using _ = stranger;
    const messages = await stranger.receiveAll().catch(() => []);
    await waitFor(() => server.stats.connectionCount <= 258, "most sockets to be closed");
    return messages.length;
  }));
  const count = told.filter((messages) => messages > 0).length;
  assert(count >= (TCP.wrapTls ? 1 : 256) && count < 400, `${count}`);
});

Deno.test("ChatServer applies no frame timeout while it slows a client", async () => {
  await using server = startServer({
    messages: { burst: 2, perSecond: 20 },
    connections: { frameMs: 250, pingTimeoutMs: 1_000 },
  });
  const { peer } = await join(server.address, eva);
  using _ = peer;
  const frames = await new Blob(Array.from({ length: 12 }, (_, i) => encodeClient(say(i + 1)))).bytes();
  await peer.send(frames.subarray(0, 10));
  await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  await peer.send(frames.subarray(10));
  for (let n = 1; n <= 12; n++) assertEquals((await peer.expect("said")).clientSeq, n);
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
  const { peer } = await join(server.address, eva);
  using _ = peer;
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
