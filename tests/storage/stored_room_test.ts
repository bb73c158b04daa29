// Servers that store their room: one on the file of another that was killed, and one whose disk is full.

import { assert, assertEquals } from "@std/assert";
import { startServer } from "../testing/test_server.ts";
import { systemClock } from "../../lib/base/time.ts";
import { SqliteStore } from "../../lib/storage/sqlite_store.ts";
import { SqliteCommitLog } from "../../lib/storage/sqlite_commit_log.ts";
import { DEFAULT_CONFIG } from "../../lib/server/config.ts";
import { MAX_PER_ADDRESS } from "../../lib/server/connection_limiter.ts";
import { encodeClient, type LogEntry, type Say } from "../../lib/protocol/frames.ts";
import { dialPeer, join, makeHello, type RawClient } from "../testing/raw_peer.ts";
import { DelayedCommitLog } from "../testing/delayed_commit_log.ts";
import { LOOPBACK } from "../testing/addresses.ts";
import { waitFor } from "../testing/waiting.ts";
import { TestFolder, writing } from "../testing/test_folder.ts";

async function openCommitLog(path: string): Promise<SqliteCommitLog> {
  return new SqliteCommitLog(await SqliteStore.open(path), DEFAULT_CONFIG.storage, systemClock);
}

function say(clientSeq: number, text = `t${clientSeq}`): Say {
  return { type: "say", clientSeq, timeMs: 0, text };
}

/** Copies the file as it is on the disk when its server is killed. */
async function copyAsKilled(path: string): Promise<string> {
  const copy = `${path}.killed`;
  for (const end of ["", "-wal"]) await Deno.copyFile(`${path}${end}`, `${copy}${end}`);
  return copy;
}

/** Makes a commit log deliver nothing until `release`; counts the events proposed. */
function hold(commitLog: DelayedCommitLog) {
  const { deliver, propose } = commitLog;
  const held = { count: 0, release: () => void (commitLog.deliver = deliver) };
  commitLog.deliver = () => {};
  commitLog.propose = (event, now) => {
    held.count++;
    propose.call(commitLog, event, now);
  };
  return held;
}

Deno.test(
  "After a kill the room continues: a client that resumes in time has not left, another one has",
  writing,
  async () => {
    await using folder = new TestFolder();
    const path = `${folder.path}/room`;
    let before: RawClient;
    let copy: string;
    {
      await using commitLog = await openCommitLog(path);
      await using server = startServer({ commitLog });
      before = await join(server.address, makeHello("ana"));
      using ana = before.peer;
      using beto = (await join(server.address, makeHello("beto"))).peer;
      using eva = (await join(server.address, makeHello("eva"))).peer;
      await eva.send(say(1, "and goodbye"));
      await eva.expect("said");
      await eva.send({ type: "bye" });
      await eva.expect("left");
      await eva.expect("bye");
      await ana.send(say(1), say(2));
      while ((await ana.receive() as LogEntry).seq !== 6);
      await beto.receive();
      copy = await copyAsKilled(path);
    }
    await using commitLog = await openCommitLog(copy);
    await using server = startServer({ commitLog, room: { graceMs: 200 } });
    const { logId } = before.welcome;
    const ana = await join(
      server.address,
      makeHello("ana", { lagMs: 0, resumePoints: [{ logId, nextSeq: 3 }] }),
    );
    using _ana = ana.peer;
    assertEquals([ana.welcome.logId, ana.welcome.startSeq, ana.welcome.head], [logId, 3, 7]);
    assertEquals([ana.welcome.lastClientSeq, ana.welcome.members.map(({ nick }) => nick)], [2, [
      "ana",
      "beto",
    ]]);
    assertEquals(ana.history.map((entry) => entry.type === "said" ? entry.text : entry.type), [
      "and goodbye",
      "left",
      "t1",
      "t2",
    ]);
    assertEquals((await ana.peer.expect("left")).nick, "beto");
    const eva = await join(server.address, makeHello("eva", { historyCount: 5 }));
    using _eva = eva.peer;
    assertEquals([eva.welcome.lastClientSeq, eva.history.filter(({ type }) => type === "said").length], [
      1,
      3,
    ]);
    await eva.peer.send(say(1), say(2, "again"));
    assertEquals((await eva.peer.expect("said")).text, "again");
  },
);

Deno.test("A server whose disk is full stops reading, keeps its clients, and continues by itself", async () => {
  const commitLog = new DelayedCommitLog();
  // The timeouts of real programs, shortened.
  await using server = startServer({
    commitLog,
    connections: { pingMs: 200, pingTimeoutMs: 1_200 },
  });
  const { peer: ana } = await join(server.address, makeHello("ana"));
  using _ana = ana;
  commitLog.isBlocked = true;
  await ana.send(say(1), { type: "ping" }, say(2));
  const heard = new Set<string>();
  const endMs = performance.now() + 2_000;
  while (performance.now() < endMs) {
    const { type } = (await ana.receive())!;
    heard.add(type);
    // Unread frames do not block it.
    if (type === "ping") await ana.send({ type: "pong" });
  }
  assertEquals(heard, new Set(["ping", "pong"]));
  commitLog.isBlocked = false;
  const texts: string[] = [];
  while (texts.length < 2) {
    const message = (await ana.receive())!;
    if (message.type === "said") texts.push(message.text);
    else assert(message.type === "ping" || message.type === "pong", message.type);
  }
  assertEquals(texts, ["t1", "t2"]);
});

Deno.test("A client that joins while the disk is full is let in afterwards", async () => {
  const commitLog = new DelayedCommitLog();
  await using server = startServer({ commitLog });
  commitLog.isBlocked = true;
  const coming = join(server.address, makeHello("ana"));
  await waitFor(() => server.stats.connectionCount === 1, "a connection");
  commitLog.isBlocked = false;
  const { peer, welcome } = await coming;
  using _ = peer;
  assertEquals(welcome.nick, "ana");
});

Deno.test("A client that joins while the disk stays full gets store-away", async () => {
  const commitLog = new DelayedCommitLog();
  await using server = startServer({
    commitLog,
    timeouts: { commitWaitMs: 1_300 },
    connections: { handshakeMs: 100, pingTimeoutMs: 1_200 },
  });
  commitLog.isBlocked = true;
  using ana = await dialPeer(server.address);
  using silent = await dialPeer(server.address);
  const hello = makeHello("ana");
  await ana.send(hello);
  assertEquals((await ana.receiveAll()).map((message) => message.type === "error" && message.code), [
    "store-away",
  ]);
  // The handshake times out, also then.
  assertEquals((await silent.expect("error")).code, "hello-late");
  commitLog.isBlocked = false;
  const { peer } = await join(server.address, hello);
  peer[Symbol.dispose]();
});

Deno.test("Joins that failed because nothing could be stored do not count against the join rate", async () => {
  const commitLog = new DelayedCommitLog();
  await using server = startServer({
    commitLog,
    timeouts: { commitWaitMs: 5 },
    limits: { isLoopbackExempt: false },
  });
  const held = hold(commitLog);
  for (let time = 0; time <= 2 * MAX_PER_ADDRESS; time++) {
    using ana = await dialPeer(server.address);
    await ana.send(makeHello("ana"));
    assertEquals((await ana.expect("error")).code, "store-away");
    await ana.receiveAll();
  }
  held.release();
  server.announce("again"); // and everything that waited is stored
  const { peer, welcome } = await join(server.address, makeHello("ana"));
  using _ = peer;
  assertEquals(welcome.nick, "ana");
});

Deno.test("A client that closes before its join is committed gets the grace, and then leaves", async () => {
  const commitLog = new DelayedCommitLog();
  await using server = startServer({ commitLog, room: { graceMs: 50 } });
  const { peer: beto } = await join(server.address, makeHello("beto"));
  using _beto = beto;
  const held = hold(commitLog);
  const ana = await Deno.connect({ hostname: LOOPBACK, port: server.address.port });
  await ana.write(encodeClient(makeHello("ana")));
  await waitFor(() => held.count === 1, "a proposed join");
  ana.close();
  held.release();
  await beto.send(say(1));
  const types: string[] = [];
  while (types.at(-1) !== "left") types.push((await beto.receive())!.type);
  assertEquals(types, ["joined", "said", "left"]);
});

Deno.test("A client that times out before its join is committed gets the grace, and then leaves", async () => {
  const commitLog = new DelayedCommitLog();
  await using server = startServer({
    commitLog,
    room: { graceMs: 50 },
    timeouts: { commitWaitMs: 300 },
    connections: { handshakeMs: 100 },
  });
  const { peer: beto } = await join(server.address, makeHello("beto"));
  using _beto = beto;
  const held = hold(commitLog);
  using ana = await dialPeer(server.address);
  await ana.send(makeHello("ana"));
  assertEquals((await ana.expect("error")).code, "store-away");
  await ana.receiveAll();
  ana[Symbol.dispose]();
  await waitFor(() => server.stats.connectionCount === 1, "them to be gone");
  assertEquals(held.count, 1);
  held.release();
  await beto.send(say(1));
  const types: string[] = [];
  while (types.at(-1) !== "left") types.push((await beto.receive())!.type);
  assertEquals(types, ["joined", "said", "left"]);
});

Deno.test("A client that resumes before its leave is committed stays in", async () => {
  const commitLog = new DelayedCommitLog();
  await using server = startServer({ commitLog });
  const { peer: beto } = await join(server.address, makeHello("beto"));
  using _beto = beto;
  const { peer: before } = await join(server.address, makeHello("ana"));
  using _before = before;
  const settle = commitLog.deliver.bind(commitLog);
  commitLog.deliver = () => {};
  const again = await dialPeer(server.address);
  using _again = again;
  await again.send(makeHello("ana", { nick: "eva" }));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await before.send({ type: "bye" });
  await new Promise((resolve) => setTimeout(resolve, 50));
  commitLog.deliver = settle;
  await beto.send(say(1));
  await again.expect("welcome");
  await again.send(say(1, "here"));
  const seen: string[] = [];
  while (!seen.includes("here")) {
    const entry = (await beto.receive())!;
    seen.push(entry.type === "said" ? entry.text : entry.type);
  }
  assertEquals(seen, ["joined", "renamed", "t1", "here"]);
});

Deno.test("A client banned before its join is committed is kicked right after it", async () => {
  const commitLog = new DelayedCommitLog();
  await using server = startServer({ commitLog });
  const held = hold(commitLog);
  using ana = await dialPeer(server.address);
  await ana.send(makeHello("ana"));
  await waitFor(() => held.count === 1, "a proposed join");
  assertEquals(server.ban(LOOPBACK, 60_000), 0);
  held.release();
  server.announce("again"); // and everything that waited is stored
  await ana.expect("welcome");
  assertEquals((await ana.expect("error")).code, "banned");
  await waitFor(() => server.stats.memberCount === 0, "them to be out");
});
