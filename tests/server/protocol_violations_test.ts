// Which clients a server disconnects: those that break the protocol, fall silent, or read too slowly.

import { assert, assertEquals } from "@std/assert";
import type { ChatError, WireCode } from "../../lib/errors.ts";
import { encodeClient } from "../../lib/protocol/frames.ts";
import type { RejectedClient } from "../../lib/server/client_handler.ts";
import { dialPeer, enterAs, makeHello, type Peer, say } from "../testing/raw_peer.ts";
import { startServer } from "../testing/test_server.ts";
import { LOOPBACK } from "../testing/addresses.ts";
import { TestClock } from "../testing/test_clock.ts";

/** What a client says that breaks a rule, once it is in as `beto` or instead of coming in. */
const VIOLATIONS: [WireCode, string, "in" | "out", ...(Parameters<Peer["send"]>)][] = [
  ["frame-too-long", "length is over the limit", "in", new Uint8Array([0, 0, 0x40, 1])],
  ["frame-too-long", "first frame is over the limit", "out", new Uint8Array([0xff, 0xff, 0xff, 0xff])],
  ["frame-malformed", "length is 0", "in", new Uint8Array(4)],
  ["frame-malformed", "body is too short", "in", new Uint8Array([0, 0, 0, 2, 2, 0])],
  ["frame-unknown", "type is a server's", "in", new Uint8Array([0, 0, 0, 1, 0x85])],
  ["frame-unexpected", "HELLO comes twice", "in", makeHello("beto")],
  ["frame-unexpected", "SAY comes first", "out", say(1, "hola")],
  ["frame-unexpected", "PING comes first", "out", { type: "ping" }],
  ["version-unsupported", "version is another", "out", new Uint8Array([0, 0, 0, 2, 1, 99])],
  ["nick-invalid", "nick has a space", "out", makeHello("b c")],
  ["nick-taken", "nick is somebody's", "out", makeHello("ANA")],
  ["text-invalid", "text is empty", "in", say(1, "")],
  ["text-invalid", "text moves the cursor", "in", say(1, "\x1b[2J")],
];

for (const [code, what, where, ...violation] of VIOLATIONS) {
  Deno.test(`ChatServer answers with ERROR ${code} and the end if ${what}`, async () => {
    const refused: [RejectedClient, string][] = [];
    await using server = startServer({
      onReject: (peer, error) => refused.push([peer, (error as ChatError).code]),
    });
    using ana = (await enterAs("ana", server)).peer;
    using beto = where === "in" ? (await enterAs("beto", server)).peer : await dialPeer(server.address);
    await beto.send(...violation, say(7, "never"));
    const messages = await beto.receiveAll();
    assertEquals(messages.map((message) => message.type === "error" && message.code), [code]);
    assertEquals(refused, [[{ address: LOOPBACK, nick: where === "in" ? "beto" : undefined }, code]]);
    // The others are served as ever.
    await ana.send(say(1, "still here"));
    if (where === "in") await ana.expect("joined");
    assertEquals((await ana.expect("said")).text, "still here");
  });
}

Deno.test("ChatServer has lost at once whom it does not serve any longer", async () => {
  await using server = startServer({ room: { graceMs: 0 } });
  using ana = (await enterAs("ana", server)).peer;
  using beto = (await enterAs("beto", server)).peer;
  await ana.expect("joined");
  await beto.send(new Uint8Array(4));
  assertEquals((await ana.expect("left")).connectionLost, true); // though beto's end of the connection is still open
});

Deno.test("ChatServer takes what came before a violation, in the same packet too", async () => {
  await using server = startServer();
  using ana = (await enterAs("ana", server)).peer;
  await ana.send(new Uint8Array([...encodeClient(say(1, "good")), 0, 0, 0, 0]));
  assertEquals(await ana.receiveTypes(), ["said", "error"]);
});

Deno.test("ChatServer answers with ERROR hello-late whoever does not introduce themselves", async () => {
  await using server = startServer({ connections: { handshakeMs: 20 } });
  using late = await dialPeer(server.address);
  await late.send(new Uint8Array([0, 0, 0]));
  assertEquals((await late.expect("error")).code, "hello-late");
  assertEquals(await late.receive(), undefined);
});

Deno.test("ChatServer does not call late who introduced themselves in time", async () => {
  await using server = startServer({ connections: { handshakeMs: 150 } });
  using ana = (await enterAs("ana", server)).peer;
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

Deno.test("ChatServer sends PING at its pace however much is said, and keeps who answers", async () => {
  const clock = new TestClock();
  clock.advanceTo(0);
  await using server = startServer({
    clock: clock.now,
    connections: { pingMs: 20, pingTimeoutMs: 60 },
  });
  using ana = (await enterAs("ana", server)).peer;
  for (let monotonicMs = 10; monotonicMs < 200; monotonicMs += 20) {
    clock.advanceTo(monotonicMs);
    await sync(ana);
    clock.advanceTo(monotonicMs + 10);
    assertEquals((await ana.expect("ping")).head, 1);
    await ana.send({ type: "pong" });
  }
});

Deno.test("ChatServer answers with ERROR silent who gives no sign of life, and they are lost", async () => {
  const clock = new TestClock();
  clock.advanceTo(0);
  await using server = startServer({
    clock: clock.now,
    room: { graceMs: 0 },
    connections: { pingMs: 20, pingTimeoutMs: 60 },
  });
  using ana = (await enterAs("ana", server)).peer;
  using beto = (await enterAs("beto", server)).peer;
  await ana.expect("joined");
  for (const monotonicMs of [20, 40, 59]) {
    clock.advanceTo(monotonicMs);
    if (monotonicMs < 59) await ana.expect("ping");
    await ana.send({ type: "pong" });
    await sync(ana);
  }
  clock.advanceTo(60);
  assertEquals(await beto.receiveTypes(), ["ping", "ping", "error"]);
  beto[Symbol.dispose]();
  await ana.expect("ping");
  const { nick, connectionLost } = await ana.expect("left");
  assertEquals([nick, connectionLost], ["beto", true]);
});

Deno.test("ChatServer gives up who talks but leaves a PING unanswered", async () => {
  const clock = new TestClock();
  clock.advanceTo(0);
  await using server = startServer({
    clock: clock.now,
    connections: { pingMs: 20, pingTimeoutMs: 60 },
  });
  using ana = (await enterAs("ana", server)).peer;
  for (const monotonicMs of [20, 40, 60]) {
    clock.advanceTo(monotonicMs);
    await ana.expect("ping");
    await sync(ana);
  }
  clock.advanceTo(80);
  const messages = await ana.receiveAll();
  assertEquals(messages.flatMap((message) => message.type === "error" ? [message.code] : []), ["silent"]);
});

Deno.test("ChatServer answers with ERROR too-slow who falls off the log, and nobody waits", async () => {
  await using server = startServer({
    room: { graceMs: 0, log: { segmentBytes: 65_536, retainedBytes: 524_288 } },
  });
  using slow = (await enterAs("slow", server)).peer;
  using ana = (await enterAs("ana", server)).peer;
  using beto = (await enterAs("beto", server)).peer;
  await ana.expect("joined");
  // More than what the sockets between the two ends hold, until everybody knows that they are gone.
  const [batch, text] = [25, "🙂".repeat(2_000)];
  let [count, gone] = [0, 0];
  while (gone < 2) {
    for (let i = 0; i < batch; i++) await ana.send(say(++count, text));
    for (const peer of [ana, beto]) {
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
