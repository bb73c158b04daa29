// Clients of a server whose commit log delays: what they asked for is committed while they wait, or after they are gone.

import { assertEquals } from "@std/assert";
import { encodeClient } from "../../lib/protocol/frames.ts";
import { DelayedCommitLog } from "../testing/delayed_commit_log.ts";
import { dialPeer, enterAs, makeHello, type Peer, say } from "../testing/raw_peer.ts";
import { startServer } from "../testing/test_server.ts";
import { waitFor } from "../testing/waiting.ts";

/** What a peer reads, up to a message of this type or text. */
async function readUntil(peer: Peer, last: string): Promise<string[]> {
  const seen: string[] = [];
  while (seen.at(-1) !== last) {
    const message = (await peer.receive())!;
    seen.push(message.type === "said" ? message.text : message.type);
  }
  return seen;
}

<<<<<<< HEAD
Deno.test("ClientHandler stops reading while the commit log is blocked, keeps clients, and goes on", async () => {
  const commitLog = new DelayedCommitLog();
  await using server = startServer({ commitLog, connections: { pingMs: 200, pingTimeoutMs: 1_200 } });
  using ana = await enterAs("ana", server);
  commitLog.isBlocked = true;
  await ana.send(say(1), { type: "ping" }, say(2));
  // PINGs for longer than `pingTimeoutMs`, though no PONG is read; PONGs, so that the client does not give up either.
  const counts = { ping: 0, pong: 0 };
  while (counts.ping < 8 || counts.pong === 0) {
    const { type } = (await ana.receive())!;
    assert(type === "ping" || type === "pong", type);
    counts[type]++;
    if (type === "ping") await ana.send({ type: "pong" });
  }
  commitLog.isBlocked = false;
  const said = (await readUntil(ana, "t2")).filter((seen) => !/^p[io]ng$/.test(seen));
  assertEquals(said, ["t1", "t2"]);
});

Deno.test("ClientHandler refunds a join that failed because nothing could be stored", async () => {
  const commitLog = new DelayedCommitLog();
  const limits = { isLocalExempt: false };
  await using server = startServer({ commitLog, timeouts: { commitWaitMs: 5 }, limits });
  commitLog.isHeld = true;
  for (let time = 0; time <= 2 * MAX_PER_ADDRESS; time++) {
    using ana = await dialPeer(server.address);
    await ana.send(makeHello("ana"));
    assertEquals((await ana.expect("error")).code, "store-away");
    await ana.receiveAll();
  }
  commitLog.isHeld = false;
  server.announce("again"); // and everything that waited is stored
  using ana = await enterAs("ana", server);
  assertEquals(ana.welcome.nick, "ana");
});

=======
>>>>>>> 70957ac (Tell limits, waits and scenarios in the tests of their own classes)
Deno.test("ClientHandler gives the grace to a client that got store-away before its join is committed", async () => {
  const commitLog = new DelayedCommitLog();
  await using server = startServer({
    commitLog,
    room: { graceMs: 50 },
    timeouts: { commitWaitMs: 300 },
    connections: { handshakeMs: 100 },
  });
  using beto = await enterAs("beto", server);
  commitLog.isHeld = true;
  using ana = await dialPeer(server.address);
  await ana.send(makeHello("ana"));
  assertEquals((await ana.expect("error")).code, "store-away");
  await ana.receiveAll();
  ana[Symbol.dispose]();
  await waitFor(() => server.stats.connectionCount === 1, "the connection to be uncounted");
  assertEquals(commitLog.pendingCount, 1);
  commitLog.isHeld = false;
  await beto.send(say(1));
  assertEquals(await readUntil(beto, "left"), ["joined", "t1", "left"]);
});

Deno.test("ClientHandler keeps a member that resumes before the BYE of the old connection is committed", async () => {
  const commitLog = new DelayedCommitLog();
  await using server = startServer({ commitLog });
  using beto = await enterAs("beto", server);
  using before = await enterAs("ana", server);
  commitLog.isHeld = true;
  using again = await dialPeer(server.address);
  await again.send(makeHello("ana", { nick: "eva" }));
  await waitFor(() => commitLog.pendingCount === 1, "the rename to be proposed");
  // In one write: once PONG is here, BYE waits for the rename.
  await before.send(Uint8Array.of(...encodeClient({ type: "ping" }), ...encodeClient({ type: "bye" })));
  await before.expect("pong");
  commitLog.isHeld = false;
  await beto.send(say(1));
  await again.expect("welcome");
  await again.send(say(1, "here"));
  assertEquals(await readUntil(beto, "here"), ["joined", "renamed", "t1", "here"]);
});
