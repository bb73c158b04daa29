// What can be done to TLS itself: to shake no hand, a bad one, or many, and to tear or change what is on its way.

import { assert, assertEquals } from "@std/assert";
import type { Address } from "../../lib/net/address.ts";
import type { ChatServer } from "../../lib/server/chat_server.ts";
import { encodeClient } from "../../lib/protocol/frames.ts";
import { type Case, POLL_MS, runAttack } from "../testing/victims.ts";
import { startServer } from "../testing/test_server.ts";
import { dialPeer, join, makeHello, type Peer, say } from "../testing/raw_peer.ts";
import { LOOPBACK } from "../testing/addresses.ts";
import { waitFor, withTimeout } from "../testing/waiting.ts";
import { clientHello, tlsWire } from "../testing/transport.ts";

const wire = await tlsWire(LOOPBACK);
/** How long those who are honest may take to shake hands and say HELLO, in ms. */
const HANDSHAKE_TIMEOUT_MS = 400;
const eva = makeHello("eva");
const COMES_AND_GOES = ["joined eva", "left eva"];

/** Types of records, and the version that they begin with (RFC 8446, section 5.1). */
const [ALERT, HANDSHAKE, DATA] = [21, 22, 23];
const VERSION = [3, 3];

function bytes(...values: number[]): Uint8Array {
  return new Uint8Array(values);
}

/** Says something on a connection that speaks no TLS, and hears the server out. */
async function saying({ address }: ChatServer, ...parts: Uint8Array[]): Promise<Uint8Array> {
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

/** What lies on the way to a server, and does something to what clients say. */
class Relay implements AsyncDisposable {
  readonly address: Address;
  /** Makes something else of what a client says next; undefined to cut its connection. */
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

/** eva is in, through a relay that then does something to the next that she says. */
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

/** Who does not shake hands is waited for as long as who says no HELLO. */
function waiting(...parts: Uint8Array[]): Case {
  return {
    server: { connections: { handshakeMs: HANDSHAKE_TIMEOUT_MS } },
    attack: (_, server) => saying(server, ...parts),
  };
}

/** Who shakes hands badly is not waited for. */
function garbage(...parts: Uint8Array[]): Case {
  return {
    server: { connections: { handshakeMs: 60_000, pingTimeoutMs: 60_000 } },
    attack: (_, server) => saying(server, ...parts),
  };
}

/** Somebody who would send without end, until nothing more is taken. Returns how many bytes were. */
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
  "a handshake that never begins": waiting(),
  "a handshake that never ends": waiting(bytes(HANDSHAKE, ...VERSION, 0, 200, 1)),
  "the first byte of a handshake": waiting(bytes(HANDSHAKE)),
  "a ClientHello and nothing more": {
    server: { connections: { handshakeMs: HANDSHAKE_TIMEOUT_MS } },
    attack: async (_, server) => assertEquals((await saying(server, await clientHello(wire)))[0], HANDSHAKE),
  },
  "a ClientHello that is cut off": {
    server: { connections: { handshakeMs: HANDSHAKE_TIMEOUT_MS } },
    attack: async (_, server) => await saying(server, (await clientHello(wire)).subarray(0, -1)),
  },
  "a ClientHello with a byte changed": {
    server: { connections: { handshakeMs: HANDSHAKE_TIMEOUT_MS } },
    attack: async (_, server) => {
      const hello = await clientHello(wire);
      const changed = [1, 3, 5, 6, 9, 11, 43, 44, 76, 78, -1].map((at) =>
        hello.with(at, hello.at(at)! ^ 0xff)
      );
      await Promise.all(changed.map((hello) => saying(server, hello)));
    },
  },
  "a ClientHello a byte at a time, for ever": {
    server: { connections: { handshakeMs: HANDSHAKE_TIMEOUT_MS } },
    attack: async (_, { address }) => {
      using conn = await Deno.connect({ hostname: address.host, port: address.port });
      const ended = conn.read(new Uint8Array(1)).catch(() => null);
      let hasEnded = false;
      ended.then(() => hasEnded = true);
      for (const byte of await clientHello(wire)) {
        if (hasEnded) break;
        await conn.write(bytes(byte)).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      await withTimeout(ended, "the server to hang up");
    },
  },
  "two ClientHellos": {
    server: { connections: { handshakeMs: 60_000, pingTimeoutMs: 60_000 } },
    attack: async (_, server) => await saying(server, await clientHello(wire), await clientHello(wire)),
  },
  "garbage that begins as a handshake does": garbage(
    bytes(HANDSHAKE, ...VERSION, 0x40, 0, ...Array.from({ length: 0x4000 }, (_, i) => i * 7 & 0xff)),
  ),
  "a handshake of 16 MiB": garbage(
    bytes(HANDSHAKE, ...VERSION, 0x40, 0, 1, 0xff, 0xff, 0xff, ...new Array(0x3ffc).fill(0)),
    bytes(HANDSHAKE, ...VERSION, 0x40, 0, ...new Array(0x4000).fill(0)),
  ),
  "a record that is too long": garbage(
    bytes(HANDSHAKE, ...VERSION, 0xff, 0xff, ...new Array(0xffff).fill(0)),
  ),
  "200 ClientHellos without an end": {
    server: { connections: { handshakeMs: HANDSHAKE_TIMEOUT_MS } },
    attack: async (_, server) => {
      const hello = await clientHello(wire);
      await Promise.all(Array.from({ length: 200 }, () => saying(server, hello)));
    },
  },
  "100 who shake hands at once, and hang up": {
    attack: async (_, { address }) => {
      const peers = await Promise.all(Array.from({ length: 100 }, () => dialPeer(address, wire)));
      for (const peer of peers) peer[Symbol.dispose]();
    },
  },
  "plain text": {
    attack: async (_, server) => assertEquals(await saying(server, encodeClient(eva)), wire.refusal),
  },
  "an alert before a handshake": {
    attack: async (_, server) =>
      assertEquals(await saying(server, bytes(ALERT, ...VERSION, 0, 2, 2, 40)), wire.refusal),
  },
  "data before a handshake": {
    attack: async (_, server) =>
      assertEquals(await saying(server, bytes(DATA, ...VERSION, 0, 1, 0)), wire.refusal),
  },
  "a bit of a record changed on its way": tampering((record) => record.with(-1, record.at(-1)! ^ 1)),
  "a record said twice": tampering((record) => new Uint8Array([...record, ...record])),
  "plain text in the midst of TLS": tampering(() => encodeClient(say(1))),
  "a record that never ends": tampering((record) => record.subarray(0, -1), {
    connections: { pingMs: 50, pingTimeoutMs: 300 },
  }),
  "a record that is cut off": tampering(() => undefined),
  "who hangs up in the midst of a frame, without a word of TLS": {
    bystanderLines: COMES_AND_GOES,
    attack: async (peer) => {
      await peer.send(eva);
      await peer.expect("welcome");
      await peer.send(encodeClient(say(1)).subarray(0, -1));
      peer[Symbol.dispose]();
    },
  },
  "a flood without end into the slowed lane": {
    server: {
      messages: { burst: 20, perSecond: 0.001 },
      connections: { pingMs: 500, pingTimeoutMs: 5_000 },
    },
    bystanderLines: [...COMES_AND_GOES, ...Array.from({ length: 19 }, (_, i) => `eva: ${i + 1}`)],
    attack: async (peer, server) => {
      await peer.send(eva);
      await peer.expect("welcome");
      const burst = Array.from({ length: 19 }, (_, i) => encodeClient(say(i + 1, `${i + 1}`)));
      await peer.send(await new Blob(burst).bytes());
      await waitFor(() => server.log.head >= 23, "the burst"); // with three JOINED and "before"
      // What fits into both sockets and a little more, and not into the server's memory.
      const sent = await flood(peer, new Uint8Array(1_048_576), 67_108_864);
      assert(sent < 33_554_432, `${sent}`);
    },
  },
};

for (const [name, offence] of Object.entries(CASES)) {
  Deno.test(`Hostile TLS: ${name}`, () => runAttack(offence, wire));
}

Deno.test("Hostile TLS: who floods a server that is done with it has it close", async () => {
  await using server = startServer({}, wire);
  using peer = await dialPeer(server.address, wire);
  await peer.send(bytes(0, 0, 0, 0)); // no frame
  await flood(peer, new Uint8Array(65_536), 1_048_576);
  await waitFor(() => server.stats.connectionCount === 0, "the socket to be closed");
});

Deno.test("Who is slowed over TLS loses nothing of what waited in between", async () => {
  await using server = startServer({ messages: { burst: 2, perSecond: 200 } }, wire);
  const { peer } = await join(server.address, eva, wire);
  using _ = peer;
  const messages = Array.from({ length: 100 }, (_, i) => encodeClient(say(i + 1, "x".repeat(1_900))));
  await peer.send(await new Blob(messages).bytes());
  for (let n = 1; n <= 100; n++) assertEquals((await peer.expect("said")).clientSeq, n);
});
