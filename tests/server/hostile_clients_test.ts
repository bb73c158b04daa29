// Hostile clients: each gets its error code, the other clients chat on, and the server keeps nothing of it.

import { assertEquals } from "@std/assert";
import type { WireCode } from "../../lib/errors.ts";
import {
  CLIENT_FRAMES,
  type ClientMessage,
  encodeClient,
  type Hello,
  MAX_CLIENT_FRAME_BYTES,
  SERVER_FRAMES,
} from "../../lib/protocol/frames.ts";
import { DEFAULT_CONFIG } from "../../lib/server/config.ts";
import { frame, makeHello, type Peer, say } from "../testing/raw_peer.ts";
import { type Case, COMES_AND_GOES, eva, POLL_MS, runAttack } from "../testing/victims.ts";
import { waitFor } from "../testing/waiting.ts";

/** Time for HELLO, in ms: also for the bystanders, on a busy machine, over TLS. */
const HANDSHAKE_TIMEOUT_MS = 800;

/** A copy of a frame with some of its bytes replaced, longer if they go beyond its end. */
function patched(frame: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = new Uint8Array(Math.max(frame.length, at + values.length));
  copy.set(frame);
  copy.set(values, at);
  new DataView(copy.buffer).setUint32(0, copy.length - 4);
  return copy;
}

function cutOff(frame: Uint8Array, count: number): Uint8Array {
  return patched(frame.slice(0, frame.length - count), 4, frame[4]!);
}

/** Where the nick of a HELLO begins: length, type, version, token, its own length. */
const NICK_AT = 4 + 1 + 1 + 16 + 2;

const helloBytes = encodeClient(eva);
const sayBytes = encodeClient(say(1, "hola"));

function hello(nick: string): Hello {
  return makeHello("eva", { nick });
}

/** What a client sends instead of a HELLO that the server accepts, by the code of the server's ERROR. */
const BEFORE_JOIN: { [Code in WireCode]?: Record<string, Uint8Array | ClientMessage> } = {
  "frame-unexpected": {
    "SAY": say(1),
    "PING": { type: "ping" },
    "PONG": { type: "pong" },
    "BYE": { type: "bye" },
    "NICK": { type: "nick", nick: "eva" },
  },
  "frame-too-long": {
    "a length of 4 GiB": Uint8Array.of(0xff, 0xff, 0xff, 0xff),
    "a length over the limit": Uint8Array.of(0, 0, MAX_CLIENT_FRAME_BYTES >> 8, 1),
    "an SSH banner": new TextEncoder().encode("SSH-2.0-OpenSSH_9.2\r\n"),
    "a telnet line": new TextEncoder().encode("hola\r\n"),
  },
  "tls-unexpected": { "the ClientHello of TLS": Uint8Array.of(0x16, 3, 1, 0, 0xf4, 1) },
  "frame-unknown": {
    "type 0": frame(0),
    "a WELCOME": frame(SERVER_FRAMES.welcome.code, 1),
    "a SAID": frame(SERVER_FRAMES.said.code, 1),
  },
  "frame-malformed": {
    "a length of 0": Uint8Array.of(0, 0, 0, 0),
    "a HELLO that ends early": cutOff(helloBytes, 1),
    "a HELLO with a byte too many": patched(helloBytes, helloBytes.length, 0),
    "a nick that is not UTF-8": patched(helloBytes, NICK_AT, 0xff),
  },
  "version-unsupported": { "version 255": patched(helloBytes, 5, 255) },
  "nick-invalid": { "a nick of 16,000 characters": hello("x".repeat(16_000)) },
  "nick-taken": { "the nick of a member in full-width letters": hello("ａｎａ") },
};

/** The same of a member. */
const AFTER_JOIN: { [Code in WireCode]?: Record<string, Parameters<Peer["send"]>> } = {
  "frame-unexpected": { "a second HELLO": [eva], "PROBE": [{ type: "probe" }] },
  "counter-backwards": { "message 0": [say(0)] },
  "text-invalid": { "a text of 2,001 characters": [say(1, "x".repeat(2_001))] },
  "frame-malformed": {
    "a PING with a body": [frame(CLIENT_FRAMES.ping.code, 0)],
    "a length of 0": [Uint8Array.of(0, 0, 0, 0)],
  },
  "frame-unknown": { "an unknown type, and 500,000 bytes more": [frame(0x7f), new Uint8Array(500_000)] },
  "frame-too-long": { "a length over the limit": [Uint8Array.of(0, 0, 0x40, 1, CLIENT_FRAMES.say.code)] },
};

const SLOW_HELLO = {
  connections: { handshakeMs: HANDSHAKE_TIMEOUT_MS, pingTimeoutMs: 4 * HANDSHAKE_TIMEOUT_MS },
};

const CASES: Record<string, Case> = {
  "a client that sends nothing": { code: "hello-late", server: SLOW_HELLO, attack: async () => {} },
  "a client that sends half a HELLO": {
    code: "hello-late",
    server: SLOW_HELLO,
    attack: (peer) => peer.send(helloBytes.subarray(0, 20)),
  },
  "a frame that does not end": {
    code: "frame-late",
    server: { connections: { frameMs: 20, pingTimeoutMs: 600 } },
    bystanderLines: COMES_AND_GOES,
    attack: (peer) => peer.send(eva, sayBytes.subarray(0, -1)),
  },
  "a frame that comes byte by byte without an end": {
    code: "frame-late",
    server: { connections: { frameMs: 40, pingTimeoutMs: 600 } },
    bystanderLines: COMES_AND_GOES,
    attack: async (peer) => {
      await peer.send(eva, Uint8Array.of(0, 0, 0x40, 0, CLIENT_FRAMES.say.code));
      for (let i = 0; i < 15; i++) {
        await peer.send(Uint8Array.of(0)).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
  },
  "garbage behind a BYE": {
    bystanderLines: COMES_AND_GOES,
    attack: async (peer) => {
      await peer.send(eva, { type: "bye" }, Uint8Array.of(0xff, 0xff, 0xff, 0xff));
      assertEquals((await peer.receiveTypes()).at(-1), "bye");
    },
  },
  "more PONGs than PINGs": {
    bystanderLines: COMES_AND_GOES,
    attack: (peer) => peer.send(eva, ...new Array<ClientMessage>(10).fill({ type: "pong" })),
  },
  "100 connections that are closed at once": {
    attack: async (_, { address }) => {
      for (let i = 0; i < 100; i++) {
        (await Deno.connect({ hostname: address.host, port: address.port })).close();
      }
    },
  },
  "5,000 messages at once, which are slowed": {
    server: { messages: { burst: 20, perSecond: 0.001 }, connections: { pingMs: 500, pingTimeoutMs: 5_000 } },
    bystanderLines: [...COMES_AND_GOES, ...Array.from({ length: 20 }, (_, i) => `eva: ${i + 1}`)],
    attack: async (peer, server) => {
      await peer.send(eva);
      const flood = Array.from({ length: 5_000 }, (_, i) => say(i + 1, String(i + 1))).map(encodeClient);
      await peer.send(new Uint8Array(await new Blob(flood).arrayBuffer()));
      await waitFor(() => server.log.head >= 24, "the burst"); // with three JOINED and "before"
    },
  },
  "10,000 PINGs at once": {
    server: { messages: DEFAULT_CONFIG.messages },
    bystanderLines: COMES_AND_GOES,
    attack: async (peer) => {
      await peer.send(eva);
      await peer.send(
        new Uint8Array(await new Blob(new Array(10_000).fill(frame(CLIENT_FRAMES.ping.code))).arrayBuffer()),
      );
      await peer.expect("welcome");
    },
  },
};

for (
  const [code, messages] of Object.entries(BEFORE_JOIN) as [WireCode, typeof BEFORE_JOIN["nick-invalid"]][]
) {
  for (const [name, message] of Object.entries(messages!)) {
    Deno.test(`ClientHandler answers ERROR ${code} to a stranger that sends ${name}`, () => {
      const attack = (peer: Peer) => peer.send(message, say(9));
      return runAttack({ code, rejections: [`${code} -`], attack });
    });
  }
}

for (const [code, all] of Object.entries(AFTER_JOIN) as [WireCode, typeof AFTER_JOIN["frame-unknown"]][]) {
  for (const [name, messages] of Object.entries(all!)) {
    Deno.test(`ClientHandler answers ERROR ${code} to a member that sends ${name}`, () => {
      const attack = (peer: Peer) => peer.send(eva, ...messages, say(9));
      return runAttack({ code, rejections: [`${code} eva`], bystanderLines: COMES_AND_GOES, attack });
    });
  }
}

for (const [name, attack] of Object.entries(CASES)) {
  Deno.test(`ChatServer outlives ${name}`, () => runAttack(attack));
}
