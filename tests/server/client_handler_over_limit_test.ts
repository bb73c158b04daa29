// A full server admits a client that resumes its session, and no other.

import { assertEquals } from "@std/assert";
import { ChatError } from "../../lib/errors.ts";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import type { Socket } from "../../lib/net/tls_socket.ts";
import { dialPeer, enterAs, makeHello } from "../testing/raw_peer.ts";
import { startServer, type TestServerOptions } from "../testing/test_server.ts";
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
  using broken = await enterAs("ana", server); // answers no PING, and does not hang up
  await waitFor(() => codes.includes("silent"), "the server to reject the silent client");
  using bea = await dialPeer(server.address);
  await bea.send(makeHello("bea"));
  assertEquals((await bea.expect("error")).code, "room-full");
  using _ana = await enterAs("ana", server);
  assertEquals((await broken.receiveAll()).at(-1)?.type, "error");
});

Deno.test("ClientHandler counts joins that wait for the commit log", async () => {
  const commitLog = new DelayedCommitLog();
  await using server = startServer({ commitLog, limits: { maxClients: 2 } });
  commitLog.isHeld = true;
  const joining = ["ana", "bea"].map((nick) => enterAs(nick, server));
  await waitFor(() => commitLog.pendingCount === 2, "two joins to be proposed");
  using carla = await dialPeer(server.address);
  await carla.send(makeHello("carla"));
  assertEquals((await carla.expect("error")).code, "room-full");
  commitLog.isHeld = false;
  server.announce("again"); // and everything that waited is stored
  for (const peer of await Promise.all(joining)) peer[Symbol.dispose]();
});

/** A connection, as if it came from another address. */
function asFrom(hostname: string, conn: Deno.TcpConn): Socket {
  return {
    localAddr: conn.localAddr,
    remoteAddr: { ...conn.remoteAddr, hostname },
    setNoDelay: (isOff) => conn.setNoDelay(isOff),
    read: (into) => conn.read(into),
    write: (bytes) => conn.write(bytes),
    closeWrite: () => conn.closeWrite(),
    close: () => conn.close(),
  };
}

/** A server whose clients come from any address. */
function startServerFor(options: TestServerOptions) {
  const from = { hostname: "10.0.0.1" };
  const credentials = { wrapTls: (conn: Deno.TcpConn) => asFrom(from.hostname, conn) };
  return { from, server: startServer({ ...options, credentials }) };
}

/** Connections that send nothing. The newest are open until they are disposed of. */
async function openSilent({ address: { port } }: ChatServer, count: number) {
  const conns: Deno.TcpConn[] = [];
  const closed = new Set<number>();
  for (let index = 0; index < count; index++) {
    const conn = await Deno.connect({ hostname: LOOPBACK, port });
    conns.push(conn);
    conn.read(new Uint8Array(1)).catch(() => {}).finally(() => closed.add(index));
  }
  return {
    closed,
    [Symbol.dispose]() {
      for (const conn of conns) conn.close();
    },
  };
}

Deno.test("ClientHandler closes the oldest of 64 silent connections of one address, and lets it in", async () => {
  const { from, server } = startServerFor({ room: { graceMs: 0 } });
  await using _server = server;
  from.hostname = "10.0.0.66";
  using silent = await openSilent(server, 70);
  await waitFor(() => silent.closed.size === 6, "the oldest to be closed");
  assertEquals([...silent.closed].sort(), [0, 1, 2, 3, 4, 5]);
  using _ana = await enterAs("ana", server);
  from.hostname = "10.0.0.1";
  using _bea = await enterAs("bea", server);
  await waitFor(() => silent.closed.size === 7, "the next to be closed");
});

Deno.test("ClientHandler lets a client in past 300 silent connections that fill a full server", async () => {
  const { from, server } = startServerFor({ limits: { maxClients: 1 } });
  await using _server = server;
  using _broken = await enterAs("ana", server);
  from.hostname = "10.0.0.66";
  using silent = await openSilent(server, 300);
  await waitFor(() => silent.closed.size === 300 - 64, "the server to close those that are too many");
  from.hostname = "10.0.0.1";
  using _ana = await enterAs("ana", server);
  assertEquals(silent.closed.size, 300 - 64);
});
