// Hostile TLS: no handshake, a bad one, or many, and records that are torn or changed on their way.

import { assert, assertEquals } from "@std/assert";
import type { Address } from "../../lib/net/address.ts";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import { encodeClient } from "../../lib/protocol/frames.ts";
import { type Case, COMES_AND_GOES, eva, POLL_MS, runAttack } from "../testing/victims.ts";
import { startServer } from "../testing/test_server.ts";
import { dialPeer, join, type Peer, say } from "../testing/raw_peer.ts";
import { LOOPBACK } from "../testing/addresses.ts";
import { waitFor, withTimeout } from "../testing/waiting.ts";
import { clientHello, tlsWire } from "../testing/transport.ts";

const wire = await tlsWire(LOOPBACK);
/** Time for the handshake and HELLO, in ms. */
const HANDSHAKE_TIMEOUT_MS = 800;

/** Types of records, and the version that they begin with (RFC 8446, section 5.1). */
const [ALERT, HANDSHAKE, DATA] = [21, 22, 23];
const VERSION = [3, 3];

/** Writes on a connection without TLS, and reads until the server closes. */
async function exchange({ address }: ChatServer, ...parts: Uint8Array[]): Promise<Uint8Array> {
  using conn = await Deno.connect({ hostname: address.host, port: address.port });
  for (const part of parts) await conn.write(part).catch(() => {});
  const heard: number[] = [];
  const buffer = new Uint8Array(4_096);
  for (;;) {
    const count = await withTimeout(conn.read(buffer).catch(() => null), "the server to hang up");
    if (count === null) return Uint8Array.from(heard);
    heard.push(...buffer.subarray(0, count));
  }
}

/** A proxy that tampers with what a client sends. */
class Relay implements AsyncDisposable {
  readonly address: Address;
  /** Changes what the client sends next; undefined to cut its connection. */
  tamper: (bytes: Uint8Array) => Uint8Array | undefined = (bytes) => bytes;
  readonly #listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  readonly #relaying: Promise<void>;

  constructor(server: Address) {
    this.address = { host: LOOPBACK, port: this.#listener.addr.port };
    this.#relaying = this.#relay(server);
  }

  async #relay({ host, port }: Address): Promise<void> {
    using client = await this.#listener.accept();
    using server = await Deno.connect({ hostname: host, port });
    const back = server.readable.pipeTo(client.writable).catch(() => {});
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const count = await client.read(buffer).catch(() => null);
      const changed = count === null ? undefined : this.tamper(buffer.slice(0, count));
      if (!changed) break;
      await server.write(changed).catch(() => {});
    }
    await server.closeWrite().catch(() => {});
    await withTimeout(back, "the server to end");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#relaying.catch(() => {});
  }
}

/** eva joins through a relay that tampers with her next message. */
function tampering(tamper: Relay["tamper"], server: Case["server"] = {}): Case {
  return {
    server,
    bystanderLines: COMES_AND_GOES,
    attack: async (_, { address }) => {
      await using relay = new Relay(address);
      using peer = await dialPeer(relay.address, wire);
      await peer.send(eva);
      await peer.expect("welcome");
      relay.tamper = tamper;
      await peer.send(say(1));
      await peer.receiveAll().catch(() => {}); // neither side is owed a last frame
    },
  };
}

/** The server waits for a handshake as long as for HELLO. */
const WAITING: Case["server"] = { connections: { handshakeMs: HANDSHAKE_TIMEOUT_MS } };
/** The server does not wait for the rest of a bad handshake. */
const PATIENT: Case["server"] = { connections: { handshakeMs: 60_000, pingTimeoutMs: 60_000 } };

const hello = await clientHello(wire);

/** What a client sends instead of a handshake, in writes, and how the server's answer begins. */
const HANDSHAKES: Record<string, [server: Case["server"], writes: Uint8Array[], answer?: Uint8Array]> = {
  "a handshake that never begins": [WAITING, []],
  "a ClientHello and nothing more": [WAITING, [hello], Uint8Array.of(HANDSHAKE)],
  "two ClientHellos": [PATIENT, [hello, hello]],
  "garbage that begins as a handshake does": [PATIENT, [
    Uint8Array.of(HANDSHAKE, ...VERSION, 0x40, 0, ...Array.from({ length: 0x4000 }, (_, i) => i * 7 & 0xff)),
  ]],
  "a handshake of 16 MiB": [PATIENT, [
    Uint8Array.of(HANDSHAKE, ...VERSION, 0x40, 0, 1, 0xff, 0xff, 0xff, ...new Array(0x3ffc).fill(0)),
    Uint8Array.of(HANDSHAKE, ...VERSION, 0x40, 0, ...new Array(0x4000).fill(0)),
  ]],
  "a record that is too long": [PATIENT, [
    Uint8Array.of(HANDSHAKE, ...VERSION, 0xff, 0xff, ...new Array(0xffff).fill(0)),
  ]],
  "plain text": [{}, [encodeClient(eva)], wire.refusal],
  "an alert before a handshake": [{}, [Uint8Array.of(ALERT, ...VERSION, 0, 2, 2, 40)], wire.refusal],
  "data before a handshake": [{}, [Uint8Array.of(DATA, ...VERSION, 0, 1, 0)], wire.refusal],
};

/** Sends until the server takes no more. Returns the number of bytes. */
async function flood({ conn }: Peer, chunk: Uint8Array, mostBytes: number): Promise<number> {
  let sent = 0;
  let seen = -1;
  let isOver = false;
  const sending = (async () => {
    while (sent < mostBytes && !isOver) sent += await conn.write(chunk.subarray(sent % chunk.length));
  })().catch(() => {});
  while (sent < mostBytes && sent !== seen) {
    seen = sent;
    await new Promise((resolve) => setTimeout(resolve, 60 * POLL_MS));
  }
  isOver = true;
  conn.close();
  await sending;
  return sent;
}

const CASES: Record<string, Case> = {
  ...Object.fromEntries(
    Object.entries(HANDSHAKES).map(([name, [server, writes, answer]]) => [name, {
      server,
      attack: async (_: Peer, server: ChatServer) => {
        const heard = await exchange(server, ...writes);
        if (answer) assertEquals(heard.subarray(0, answer.length), answer);
      },
    }]),
  ),
  "a ClientHello with a byte changed": {
    server: WAITING,
    attack: async (_, server) => {
      const changed = [1, 3, 5, 6, 9, 11, 43, 44, 76, 78, -1].map((at) =>
        hello.with(at, hello.at(at)! ^ 0xff)
      );
      await Promise.all(changed.map((hello) => exchange(server, hello)));
    },
  },
  "200 ClientHellos without an end": {
    server: WAITING,
    attack: async (_, server) => {
      await Promise.all(Array.from({ length: 200 }, () => exchange(server, hello)));
    },
  },
  "100 handshakes at once, of connections that are closed": {
    attack: async (_, { address }) => {
      const peers = await Promise.all(Array.from({ length: 100 }, () => dialPeer(address, wire)));
      for (const peer of peers) peer[Symbol.dispose]();
    },
  },
  "a bit of a record changed on its way": tampering((record) => record.with(-1, record.at(-1)! ^ 1)),
  "a record said twice": tampering((record) => new Uint8Array([...record, ...record])),
  "plain text in the midst of TLS": tampering(() => encodeClient(say(1))),
  "a record that never ends": tampering((record) => record.subarray(0, -1), {
    connections: { pingMs: 50, pingTimeoutMs: 300 },
  }),
  "a record that is cut off": tampering(() => undefined),
  "a connection closed within a frame, without a TLS alert": {
    bystanderLines: COMES_AND_GOES,
    attack: async (peer) => {
      await peer.send(eva);
      await peer.expect("welcome");
      await peer.send(encodeClient(say(1)).subarray(0, -1));
      peer[Symbol.dispose]();
    },
  },
  "a flood without an end of a client that is slowed": {
    server: { messages: { burst: 20, perSecond: 0.001 }, connections: { pingMs: 500, pingTimeoutMs: 5_000 } },
    bystanderLines: [...COMES_AND_GOES, ...Array.from({ length: 20 }, (_, i) => `eva: ${i + 1}`)],
    attack: async (peer, server) => {
      await peer.send(eva);
      await peer.expect("welcome");
      const burst = Array.from({ length: 20 }, (_, i) => encodeClient(say(i + 1, `${i + 1}`)));
      await peer.send(await new Blob(burst).bytes());
      await waitFor(() => server.log.head >= 24, "the burst"); // with three JOINED and "before"
      // What fits into both sockets and a little more, and not into the server's memory.
      const more = new Array(512).fill(encodeClient(say(21, "x".repeat(2_000))));
      const sent = await flood(peer, await new Blob(more).bytes(), 67_108_864);
      assert(sent < 33_554_432, `${sent}`);
    },
  },
};

for (const [name, offence] of Object.entries(CASES)) {
  Deno.test(`tlsServer() outlives ${name}`, () => runAttack(offence, wire));
}

Deno.test("tlsServer() closes a rejected connection that goes on sending", async () => {
  await using server = startServer({}, wire);
  using peer = await dialPeer(server.address, wire);
  await peer.send(Uint8Array.of(0, 0, 0, 0)); // no frame
  await flood(peer, new Uint8Array(65_536), 1_048_576);
  await waitFor(() => server.stats.connectionCount === 0, "the socket to be closed");
});

Deno.test("tlsServer() loses nothing of a client that is slowed", async () => {
  await using server = startServer({ messages: { burst: 2, perSecond: 200 } }, wire);
  using peer = await join(server.address, eva, wire);
  const messages = Array.from({ length: 100 }, (_, i) => encodeClient(say(i + 1, "x".repeat(1_900))));
  await peer.send(await new Blob(messages).bytes());
  for (let n = 1; n <= 100;) {
    const message = await peer.receive();
    if (message?.type === "said") assertEquals(message.clientSeq, n++);
    else assertEquals(message?.type, "pong");
  }
});
