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
