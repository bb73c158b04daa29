// TLS over an open TCP connection: how much is read and written at once, and how it ends.

import { assertEquals, assertRejects } from "@std/assert";
import { TcpStream, type TlsSocket } from "../../lib/net/tls_socket.ts";
import { addressOf, LOOPBACK } from "../testing/addresses.ts";
import { pure } from "../testing/test_options.ts";
import { tlsWire } from "../testing/transport.ts";
import { flushTasks, waitFor, withTimeout } from "../testing/waiting.ts";

const CHUNK_BYTES = 16_384;

/** A connection that always has more to read, and takes ten bytes of each write. */
class EndlessConn {
  reads = 0;
  hasEndedWriting = false;
  closes = 0;
  readonly written: number[] = [];

  read(into: Uint8Array): Promise<number> {
    this.reads++;
    return Promise.resolve(into.fill(7).length);
  }

  write(bytes: Uint8Array): Promise<number> {
    const part = bytes.subarray(0, 10);
    this.written.push(...part);
    return Promise.resolve(part.length);
  }

  closeWrite(): Promise<void> {
    this.hasEndedWriting = true;
    return Promise.resolve();
  }

  close(): void {
    if (++this.closes > 1) throw new Deno.errors.BadResource("closed");
  }
}

function newStream(onFirstChunk?: (bytes: Uint8Array) => boolean) {
  const conn = new EndlessConn();
  return { conn, stream: new TcpStream(conn as unknown as Deno.TcpConn, onFirstChunk) };
}

Deno.test("TcpStream reads nothing while 16 KiB wait, and goes on with resumeRead()", pure, async () => {
  const { conn, stream } = newStream();
  stream.readableBytes = () => CHUNK_BYTES;
  stream.read(0);
  stream.resumeRead();
  await flushTasks();
  assertEquals(conn.reads, 0);
  stream.readableBytes = () => CHUNK_BYTES - 1;
  stream.resumeRead();
  await waitFor(() => conn.reads > 0);
  stream.destroy();
});

Deno.test("TcpStream ends where its first chunk is refused, and asks only once", pure, async () => {
  const chunks: number[] = [];
  const { stream: refused } = newStream(() => false);
  for await (const _ of refused) chunks.push(0);
  assertEquals(chunks, []);
  let asked = 0;
  const { stream } = newStream((bytes) => ++asked === 1 && bytes[0] === 7);
  for await (const chunk of stream) {
    if (chunks.push(chunk.length) === 8) break;
  }
  assertEquals([asked, chunks.length], [1, 8]);
});

Deno.test("TcpStream writes all that the connection takes in parts, ends and closes", pure, async () => {
  const { conn, stream } = newStream();
  const bytes = Uint8Array.from({ length: 95 }, (_, i) => i);
  stream.end(bytes);
  await waitFor(() => conn.hasEndedWriting);
  assertEquals(conn.written, [...bytes]);
  stream.destroy();
  await waitFor(() => conn.closes === 1);
});

Deno.test("TcpStream survives that its connection is closed already", pure, async () => {
  const { conn, stream } = newStream();
  conn.close();
  stream.destroy();
  await waitFor(() => conn.closes === 2);
});

const wire = await tlsWire(LOOPBACK);

/** A client and a server that have shaken hands. */
async function connectedPair() {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const dialling = wire.dial(addressOf(listener), { signal: new AbortController().signal });
  const server = wire.wrapTls(await listener.accept()) as TlsSocket;
  const first = read(server);
  const client = await withTimeout(dialling, "the handshake") as TlsSocket;
  await client.write(Uint8Array.of(1));
  assertEquals(await first, [1]);
  return { client, server };
}

/** The bytes of one read, or null at the end. */
async function read(socket: TlsSocket, maxBytes = 100): Promise<number[] | null> {
  const into = new Uint8Array(maxBytes);
  const count = await withTimeout(socket.read(into), "a read");
  return count === null ? null : [...into.subarray(0, count)];
}

Deno.test("TlsSocket.write() takes one record at a time, so that a slow peer shows progress", async () => {
  const { client, server } = await connectedPair();
  assertEquals(await client.write(new Uint8Array(100_000)), CHUNK_BYTES);
  assertEquals(await client.write(new Uint8Array(10)), 10);
  for (const socket of [client, server]) socket.close();
});

Deno.test("TlsSocket.read() goes on after 16 KiB that waited to be read", async () => {
  const { client, server } = await connectedPair();
  const records = 20;
  for (let i = 0; i < records; i++) await client.write(new Uint8Array(CHUNK_BYTES));
  await flushTasks(20);
  let count = 0;
  while (count < records * CHUNK_BYTES) count += (await read(server, 10_000))!.length;
  assertEquals(count, records * CHUNK_BYTES);
  for (const socket of [client, server]) socket.close();
});

Deno.test("TlsSocket.read() gives the bytes there are, the rest later, and null at the end", async () => {
  const { client, server } = await connectedPair();
  await client.write(Uint8Array.of(2, 3, 4));
  assertEquals([await read(server, 2), await read(server)], [[2, 3], [4]]);
  await client.closeWrite();
  assertEquals(await read(server), null);
  await server.write(Uint8Array.of(5));
  assertEquals(await read(client), [5]);
  for (const socket of [client, server]) socket.close();
});

Deno.test("TlsSocket.read() throws the error of a handshake that fails", async () => {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  using client = await Deno.connect({ hostname: LOOPBACK, port: listener.addr.port });
  const server = wire.wrapTls(await listener.accept()) as TlsSocket;
  const reading = assertRejects(() => read(server), Error);
  await client.write(Uint8Array.of(22, 3, 1, 0, 5, 0, 0, 0, 1, 0)); // no ClientHello
  assertEquals(`${((await reading) as { code?: string }).code}`.startsWith("ERR_SSL"), true);
  server.close();
});

Deno.test("TlsSocket.close() ends a read that waits, and may be called again", async () => {
  const { client, server } = await connectedPair();
  const reading = assertRejects(() => read(client), Deno.errors.Interrupted);
  await flushTasks();
  for (let i = 0; i < 2; i++) client.close();
  await reading;
  assertEquals(client.remoteAddr.hostname, LOOPBACK);
  server.close();
});
