// Limits and honest clients: a fast sender is slowed and loses nothing, and a full room admits clients again later.

import { assert, assertEquals } from "@std/assert";
import { encodeClient } from "../../lib/protocol/frames.ts";
import { UNLIMITED } from "../../lib/base/limits.ts";
import { dialPeer, join, makeHello, say } from "../testing/raw_peer.ts";
import { eva, POLL_MS } from "../testing/victims.ts";
import { startServer } from "../testing/test_server.ts";
import { TestClock } from "../testing/test_clock.ts";
import { waitFor } from "../testing/waiting.ts";
import { TCP } from "../testing/transport.ts";

Deno.test("A client that says much at once loses nothing, in the order in which it said it, at the pace allowed", async () => {
  await using server = startServer({ messages: { burst: 5, perSecond: 200 } });
  const { peer } = await join(server.address, makeHello("eva"));
  using _ = peer;
  const began = performance.now();
  for (let n = 1; n <= 60; n++) await peer.send(say(n));
  const heard: number[] = [];
  while (heard.length < 60) heard.push((await peer.expect("said")).clientSeq);
  assertEquals(heard, Array.from({ length: 60 }, (_, i) => i + 1));
  // 56 beyond the burst, HELLO being one of it, less what rounding may give.
  const lastProgressMs = performance.now() - began;
  assert(lastProgressMs >= 250, `${lastProgressMs}`);
});

Deno.test("A client that is slowed is not taken for dead, however long its PONGs wait behind its messages", async () => {
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
    else if (message?.type === "said") last = message.clientSeq;
    else throw new Error(Deno.inspect(message));
  }
});

Deno.test("What is sent again after a failover is not slowed", async () => {
  await using server = startServer({ messages: { burst: 2, perSecond: 1 } });
  const { peer } = await join(server.address, makeHello("eva"));
  using _ = peer;
  for (let n = 1; n <= 256; n++) await peer.send(say(n, "hola", { timeMs: 1 }));
  for (let n = 1; n <= 256; n++) assertEquals((await peer.expect("said")).clientSeq, n);
});

Deno.test("Whoever leaves a full room makes room for another", async () => {
  await using server = startServer({ limits: { maxClients: 1 } });
  for (let i = 0; i < 3; i++) {
    const { peer } = await join(server.address, eva);
    using _ = peer;
    await peer.send({ type: "bye" });
    await peer.receiveAll();
    peer[Symbol.dispose]();
    await waitFor(() => server.stats.connectionCount === 0, "the socket to be closed");
  }
});

Deno.test("A full server tells 256 pending clients why it rejects them, and closes the other connections", async () => {
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

Deno.test("A client that is slowed between the halves of a frame is not late with it", async () => {
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

Deno.test("A client whose every read ends within a frame is not late with any", async () => {
  const clock = new TestClock();
  const [pingMs, frameMs] = [20, 50];
  clock.advanceTo(0);
  await using server = startServer({
    messages: UNLIMITED,
    clock: clock.now,
    // looks at its clients every 10 ms
    connections: { frameMs, pingMs, pingTimeoutMs: 600 },
  });
  const { peer } = await join(server.address, eva);
  using _ = peer;
  const frames = await new Blob(Array.from({ length: 10 }, (_, i) => encodeClient(say(i + 1)))).bytes();
  const size = frames.length / 10;
  await peer.send(frames.subarray(0, size - 5));
  for (let n = 1; n < 10; n++) {
    await peer.send(frames.subarray(n * size - 5, (n + 1) * size - 5));
    assertEquals((await peer.expect("said")).clientSeq, n);
    // What follows a look at who is late.
    clock.advanceTo(n * pingMs);
    await peer.expect("ping");
  }
});

Deno.test("Without a limit nobody is slowed", async () => {
  await using server = startServer({ messages: UNLIMITED });
  const { peer } = await join(server.address, makeHello("eva"));
  using _ = peer;
  for (let n = 1; n <= 500; n++) await peer.send(say(n));
  for (let n = 1; n <= 500; n++) assertEquals((await peer.expect("said")).clientSeq, n);
});
