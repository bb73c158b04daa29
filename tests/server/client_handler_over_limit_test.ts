// A full server admits a client that resumes its session, and no other.

import { assertEquals } from "@std/assert";
import { ChatError } from "../../lib/errors.ts";
import type { Socket } from "../../lib/net/tls_socket.ts";
import { dialPeer, enterAs, makeHello } from "../testing/raw_peer.ts";
import { startServer } from "../testing/test_server.ts";
import { DelayedCommitLog } from "../testing/delayed_commit_log.ts";
import { LOOPBACK } from "../testing/addresses.ts";
import { waitFor } from "../testing/waiting.ts";

Deno.test("ClientHandler keeps the place of a silent client until it resumes or closes", async () => {
  const codes: string[] = [];
  await using server = startServer({
    onReject: (_, error) => void codes.push(error instanceof ChatError ? error.code : error.message),
    limits: { maxClients: 1 },
    connections: { pingMs: 50, pingTimeoutMs: 300 },
  });
  using broken = (await enterAs("ana", server)).peer; // answers no PING, and does not hang up
  await waitFor(() => codes.includes("silent"), "the server to reject the silent client");
  using bea = await dialPeer(server.address);
  await bea.send(makeHello("bea"));
  assertEquals((await bea.expect("error")).code, "room-full");
  using _ana = (await enterAs("ana", server)).peer;
  assertEquals((await broken.receiveAll()).at(-1)?.type, "error");
});

Deno.test("ClientHandler applies overLimitMs to no HELLO that waits for the commit log", async () => {
  const commitLog = new DelayedCommitLog();
  await using server = startServer({
    commitLog,
    limits: { maxClients: 1 },
    timeouts: { overLimitMs: 200, commitWaitMs: 600 },
  });
  using _broken = (await enterAs("ana", server)).peer;
  commitLog.isBlocked = true;
  const coming = enterAs("ana", server);
  coming.catch(() => {}); // until it is waited for
  using silent = await dialPeer(server.address);
  assertEquals((await silent.expect("error")).code, "room-full");
  commitLog.isBlocked = false;
  using _ana = (await coming).peer;
});

Deno.test("ClientHandler applies no overLimitMs to a resumed session", async () => {
  await using server = startServer({ limits: { maxClients: 1 }, timeouts: { overLimitMs: 50 } });
  using _broken = (await enterAs("ana", server)).peer;
  using ana = (await enterAs("ana", server)).peer;
  using silent = await dialPeer(server.address);
  assertEquals((await silent.expect("error")).code, "room-full");
  await ana.send({ type: "bye" });
  assertEquals((await ana.receiveAll()).at(-1)?.type, "bye");
});

/** A connection, as if it came from another address. */
function asFrom(hostname: string, conn: Deno.TcpConn): Socket {
  return {
    remoteAddr: { ...conn.remoteAddr, hostname },
    setNoDelay: (isOff) => conn.setNoDelay(isOff),
    read: (into) => conn.read(into),
    write: (bytes) => conn.write(bytes),
    closeWrite: () => conn.closeWrite(),
    close: () => conn.close(),
  };
}

Deno.test("ClientHandler holds 64 pending connections of one address, so that others can resume", async () => {
  let hostname = "10.0.0.1";
  const wrapTls = (conn: Deno.TcpConn) => asFrom(hostname, conn);
  await using server = startServer({
    limits: { maxClients: 1 },
    timeouts: { overLimitMs: 60_000 },
    credentials: { wrapTls },
  });
  using _broken = (await enterAs("ana", server)).peer;
  hostname = "10.0.0.66";
  const { port } = server.address;
  const conns = await Promise.all(
    Array.from({ length: 300 }, () => Deno.connect({ hostname: LOOPBACK, port })),
  );
  let closed = 0;
  for (const conn of conns) conn.read(new Uint8Array(1)).catch(() => {}).finally(() => closed++);
  try {
    await waitFor(() => closed === 300 - 64, "the server to close those that are too many");
    hostname = "10.0.0.1";
    using _ana = (await enterAs("ana", server)).peer;
    assertEquals(closed, 300 - 64);
  } finally {
    for (const conn of conns) conn.close();
  }
});
