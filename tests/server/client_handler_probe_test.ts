// PROBE instead of HELLO: STATUS, and the end.

import { assertEquals } from "@std/assert";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import { PasswordVerifier } from "../../lib/text/text.ts";
import { LOOPBACK } from "../testing/addresses.ts";
import { DelayedCommitLog } from "../testing/delayed_commit_log.ts";
import { dialPeer, enterAs } from "../testing/raw_peer.ts";
import { TestClock } from "../testing/test_clock.ts";
import { startServer } from "../testing/test_server.ts";
import { waitFor } from "../testing/waiting.ts";

/** What a server answers to a PROBE, and all that it says of it. */
async function probe({ address }: ChatServer) {
  using peer = await dialPeer(address);
  await peer.send({ type: "probe" });
  return await peer.receiveAll();
}

/** Fails the test. */
function onReject(_: unknown, error: Error): never {
  throw error;
}

Deno.test("ClientHandler answers PROBE with STATUS, and no member sees anything of it", async () => {
  const commitLog = new DelayedCommitLog({ logId: 7n, entries: [] });
  await using server = startServer({ commitLog, onReject });
  using ana = await enterAs("ana", server);
  assertEquals(await probe(server), [{ type: "status", logId: 7n, heardCount: 1, name: "" }]);
  await waitFor(() => server.stats.connectionCount === 1, "the server to close what probed it");
  await ana.send({ type: "bye" });
  assertEquals(await ana.receiveTypes(), ["left", "bye"]);
});

Deno.test("ClientHandler tells the name that --name gives the room, else that of --room", async () => {
  const nats = { room: "aula", servers: [], advertised: undefined };
  for (const [config, name] of [[{ name: "aula 3", nats }, "aula 3"], [{ nats }, "aula"]] as const) {
    await using server = startServer(config);
    assertEquals((await probe(server)).map((status) => status.type === "status" && status.name), [name]);
  }
});

Deno.test("ClientHandler answers PROBE while its store is blocked, its room full, its password unknown", async () => {
  const commitLog = new DelayedCommitLog();
  await using server = startServer({
    commitLog,
    limits: { maxClients: 1 },
    credentials: { password: new PasswordVerifier("x") },
    onReject,
  });
  using _ana = await enterAs("ana", server, { password: "x" });
  commitLog.isBlocked = true;
  assertEquals((await probe(server)).map(({ type }) => type), ["status"]);
});

Deno.test("ClientHandler counts in STATUS the members that it heard within 10 s", async () => {
  const clock = new TestClock();
  clock.advanceTo(0);
  await using server = startServer({ clock: clock.now, onReject });
  using _ana = await enterAs("ana", server);
  using beto = await enterAs("beto", server);
  const heardAt = async (nowMs: number) => {
    clock.advanceTo(nowMs);
    const [status] = await probe(server);
    return status?.type === "status" ? status.heardCount : undefined;
  };
  assertEquals(await heardAt(10_000), 2);
  await beto.send({ type: "ping" });
  await beto.expect("pong");
  assertEquals(await heardAt(10_001), 1);
});

Deno.test("ClientHandler answers PROBE of a banned address with ERROR, without a report", async () => {
  await using server = startServer({ onReject });
  server.ban(LOOPBACK, 60_000);
  assertEquals((await probe(server)).map((message) => message.type === "error" && message.code), ["banned"]);
});
