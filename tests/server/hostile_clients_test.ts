// Hostile clients: each gets its error code, the other clients chat on, and the server keeps nothing of it.

import { assert, assertEquals } from "@std/assert";
import type { WireCode } from "../../lib/errors.ts";
import {
  CLIENT_FRAMES,
  encodeClient,
  type Hello,
  MAX_CLIENT_FRAME_BYTES,
  SERVER_FRAMES,
} from "../../lib/protocol/frames.ts";
import { DEFAULT_CONFIG } from "../../lib/server/config.ts";
import { dialPeer, makeHello, makeToken, type Peer, say } from "../testing/raw_peer.ts";
import { type Case, eva, POLL_MS, runAttack } from "../testing/victims.ts";
import { waitFor } from "../testing/waiting.ts";
import { TCP } from "../testing/transport.ts";

/** How long those who are honest may take to say HELLO, in ms: over TLS they shake hands first. */
const HANDSHAKE_TIMEOUT_MS = TCP.wrapTls ? 600 : 150;

/** A frame of any type and body. */
function frame(type: number, ...body: number[]): Uint8Array {
  return new Uint8Array([0, 0, (body.length + 1) >> 8, (body.length + 1) & 0xff, type, ...body]);
}

function bytes(...values: number[]): Uint8Array {
  return new Uint8Array(values);
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A frame with bytes of its body replaced; its length stays, unless they go beyond it. */
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
/** Where the text of a SAY begins: length, type, n, time, its own length. */
const TEXT_AT = 4 + 1 + 4 + 8 + 2;

const helloBytes = encodeClient(eva);
const sayBytes = encodeClient(say(1, "hola"));

const COMES_AND_GOES = ["joined eva", "left eva"];

function stranger(code: WireCode, message: Uint8Array | Hello): Case {
  return { code, attack: (peer) => peer.send(message) };
}

/** Somebody who is in already. */
function client(code: WireCode, ...messages: Parameters<Peer["send"]>): Case {
  return { code, bystanderLines: COMES_AND_GOES, attack: (peer) => peer.send(eva, ...messages) };
}

function named(code: WireCode, nick: string): Case {
  return stranger(code, makeHello("eva", { nick }));
}

function saying(code: WireCode, text: string): Case {
  return client(code, say(1, text));
}

const CASES: Record<string, Case> = {
  // Who is not in yet
  "SAY before HELLO": stranger("frame-unexpected", encodeClient(say(1))),
  "PING before HELLO": stranger("frame-unexpected", frame(CLIENT_FRAMES.ping.code)),
  "PONG before HELLO": stranger("frame-unexpected", frame(CLIENT_FRAMES.pong.code)),
  "BYE before HELLO": stranger("frame-unexpected", frame(CLIENT_FRAMES.bye.code)),
  "NICK before HELLO": stranger("frame-unexpected", encodeClient({ type: "nick", nick: "eva" })),
  "a length of 0": stranger("frame-malformed", bytes(0, 0, 0, 0)),
  "a length of 4 GiB": stranger("frame-too-long", bytes(0xff, 0xff, 0xff, 0xff)),
  "a length of 2 GiB": stranger("frame-too-long", bytes(0x80, 0, 0, 0, 1)),
  "a length over the limit, and nothing behind it": stranger(
    "frame-too-long",
    bytes(0, 0, MAX_CLIENT_FRAME_BYTES >> 8, 1),
  ),
  "type 0": stranger("frame-unknown", frame(0)),
  "type 255": stranger("frame-unknown", frame(0xff)),
  "a server's WELCOME": stranger("frame-unknown", frame(SERVER_FRAMES.welcome.code, 1)),
  "a server's SAID": stranger("frame-unknown", frame(SERVER_FRAMES.said.code, 1)),
  "a request of a web browser": stranger("frame-too-long", ascii("GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
  "the banner of an SSH client": stranger("frame-too-long", ascii("SSH-2.0-OpenSSH_9.2\r\n")),
  "the ClientHello of TLS": stranger("tls-unexpected", bytes(0x16, 3, 1, 0, 0xf4, 1)),
  "a line of a telnet client": stranger("frame-too-long", ascii("hola\r\n")),
  "an IRC client": stranger("frame-too-long", ascii("NICK eva\r\nUSER eva 0 * :eva\r\n")),
  "a HELLO without a body": stranger("frame-malformed", frame(CLIENT_FRAMES.hello.code)),
  "a HELLO that ends early": stranger("frame-malformed", cutOff(helloBytes, 1)),
  "a HELLO with a byte too many": stranger("frame-malformed", patched(helloBytes, helloBytes.length, 0)),
  "a HELLO of version 0": stranger("version-unsupported", patched(helloBytes, 5, 0)),
  "a HELLO of version 255": stranger("version-unsupported", patched(helloBytes, 5, 255)),
  "a nick that is longer than its frame": stranger(
    "frame-malformed",
    patched(helloBytes, NICK_AT - 2, 0xff, 0xff),
  ),
  "a nick of bytes that are no UTF-8": stranger("frame-malformed", patched(helloBytes, NICK_AT, 0xff)),
  "a nick with an overlong form of U+0000": stranger(
    "frame-malformed",
    patched(helloBytes, NICK_AT, 0xc0, 0x80),
  ),
  "a nick with half of a surrogate pair": stranger(
    "frame-malformed",
    patched(helloBytes, NICK_AT, 0xed, 0xa0, 0x80),
  ),
  "a nick that breaks off in a character": stranger(
    "frame-malformed",
    patched(helloBytes, NICK_AT + 2, 0xf0),
  ),
  "17 servers known": stranger("frame-malformed", patched(helloBytes, helloBytes.length - 1, 17)),
  "16 servers known, and none told": stranger(
    "frame-malformed",
    patched(helloBytes, helloBytes.length - 1, 16),
  ),
  "a place in the log beyond 2^53": stranger(
    "frame-malformed",
    patched(helloBytes, helloBytes.length - 1, 1, ...new Array(16).fill(0xff)),
  ),
  "no nick": named("nick-invalid", ""),
  "a nick of 21 characters": named("nick-invalid", "x".repeat(21)),
  "a nick of 16,000 characters": named("nick-invalid", "x".repeat(16_000)),
  "a nick that NFKC makes 18 times as long": named("nick-invalid", "\ufdfa".repeat(20)),
  "a nick with ESC": named("nick-invalid", "eva\u001b[2J"),
  "a nick with a bell": named("nick-invalid", "eva\u0007"),
  "a nick with the C1 form of CSI": named("nick-invalid", "eva\u009b2J"),
  "a nick of two lines": named("nick-invalid", "eva\nana: hola"),
  "a nick with a carriage return": named("nick-invalid", "eva\rana"),
  "a nick that turns the line round": named("nick-invalid", "eva\u202eana"),
  "a nick with a zero-width space": named("nick-invalid", "a\u200bna"),
  "a nick with a joiner": named("nick-invalid", "a\u200dna"),
  "a nick with a soft hyphen": named("nick-invalid", "a\u00adna"),
  "a nick with a variation selector": named("nick-invalid", "ana\ufe0f"),
  "a nick of a filler": named("nick-invalid", "\u3164"),
  "a nick that is a whole line": named("nick-invalid", "ana: hola"),
  "a nick with the mark of an event": named("nick-invalid", "*"),
  "a nick with the mark of a notice": named("nick-invalid", "!"),
  "a nick that begins like a time": named("nick-invalid", "[2026-11-22"),
  "a nick with a pile of marks": named("nick-invalid", "eva\u0335\u0336\u0337\u0338\u0330"),
  "a nick that somebody has": named("nick-taken", "ana"),
  "a nick that somebody has in small letters": named("nick-taken", "ANA"),
  "a nick that somebody has, in full-width letters": named("nick-taken", "ａｎａ"),
  "a nick with a Cyrillic letter among Latin ones": named("nick-mixed", "аna"),
  "a nick that looks like another in Greek": named("nick-lookalike", "ΑΝΑ"),
  "a nick that looks like another with a digit": named("nick-lookalike", "bet0"),

  // Who says nothing, or not all of it
  "nothing at all": {
    code: "hello-late",
    server: {
      connections: {
        handshakeMs: HANDSHAKE_TIMEOUT_MS,
        pingTimeoutMs: 4 * HANDSHAKE_TIMEOUT_MS,
      },
    },
    attack: async () => {},
  },
  "half a HELLO": {
    code: "hello-late",
    server: {
      connections: {
        handshakeMs: HANDSHAKE_TIMEOUT_MS,
        pingTimeoutMs: 4 * HANDSHAKE_TIMEOUT_MS,
      },
    },
    attack: (peer) => peer.send(helloBytes.subarray(0, 20)),
  },
  "a frame that does not end": {
    code: "frame-late",
    server: { connections: { frameMs: 20, pingTimeoutMs: 600 } },
    bystanderLines: COMES_AND_GOES,
    attack: (peer) => peer.send(eva, sayBytes.subarray(0, -1)),
  },
  "a frame a byte at a time, for ever": {
    code: "frame-late",
    server: { connections: { frameMs: 40, pingTimeoutMs: 600 } },
    bystanderLines: COMES_AND_GOES,
    attack: async (peer) => {
      await peer.send(eva, bytes(0, 0, 0x40, 0, CLIENT_FRAMES.say.code));
      for (let i = 0; i < 15; i++) {
        await peer.send(bytes(0)).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
  },
  "no answer to PING": {
    code: "silent",
    server: { connections: { pingMs: 30, pingTimeoutMs: 120 } },
    bystanderLines: COMES_AND_GOES,
    attack: (peer) => peer.send(eva),
  },

  // Who is in
  "a second HELLO": client("frame-unexpected", eva),
  "a second HELLO under another name": client("frame-unexpected", makeHello("otra")),
  "message 0": client("counter-backwards", say(0)),
  "the same message twice": {
    ...client("counter-backwards", say(1), say(1)),
    bystanderLines: [...COMES_AND_GOES, "eva: t1"],
  },
  "a message before the last": {
    ...client("counter-backwards", say(7), say(6)),
    bystanderLines: [...COMES_AND_GOES, "eva: t7"],
  },
  "the last message there is, and one more": {
    ...client("counter-backwards", say(0xffff_ffff), say(1)),
    bystanderLines: [...COMES_AND_GOES, "eva: t4294967295"],
  },
  "an empty text": saying("text-invalid", ""),
  "a text of spaces": saying("text-invalid", "   "),
  "a text that ends with a space": saying("text-invalid", "hola "),
  "a text that nobody can see": saying("text-invalid", "\u200b\u2060"),
  "a text with ESC": saying("text-invalid", "\u001b]0;title\u0007"),
  "a text with the C1 form of CSI": saying("text-invalid", "x\u009b31m"),
  "a text of two lines": saying("text-invalid", "x\n[2026-11-22 13:45:07] ana: hola"),
  "a text with a carriage return": saying("text-invalid", "x\rana: hola"),
  "a text with a line separator": saying("text-invalid", "x\u2028ana: hola"),
  "a text with a backspace": saying("text-invalid", "x\b\b\b\b\bana: hola"),
  "a text that turns the line round": saying("text-invalid", "x\u202eana"),
  "a text with an isolate that never ends": saying("text-invalid", "x\u2067y"),
  "a text with a pile of marks": saying("text-invalid", `z${"\u0335".repeat(9)}`),
  "a text of 2,001 characters": saying("text-invalid", "x".repeat(2_001)),
  "a text that is no UTF-8": client("frame-malformed", patched(sayBytes, TEXT_AT, 0xff)),
  "a text with an unpaired surrogate": client(
    "frame-malformed",
    patched(sayBytes, TEXT_AT, 0xed, 0xbf, 0xbf),
  ),
  "a text beyond Unicode": client("frame-malformed", patched(sayBytes, TEXT_AT, 0xf4, 0x90, 0x80, 0x80)),
  "a text that is longer than its frame": client(
    "frame-malformed",
    patched(sayBytes, TEXT_AT - 2, 0xff, 0xff),
  ),
  "a time beyond 2^53": client("frame-malformed", patched(sayBytes, 9, 0xff)),
  "a PING with a body": client("frame-malformed", frame(CLIENT_FRAMES.ping.code, 0)),
  "a PONG with a body": client("frame-malformed", frame(CLIENT_FRAMES.pong.code, 0)),
  "a BYE with a body": client("frame-malformed", frame(CLIENT_FRAMES.bye.code, 0)),
  "a SAY without a body": client("frame-malformed", frame(CLIENT_FRAMES.say.code)),
  "a frame of an unknown type": client("frame-unknown", frame(0x7f)),
  "a frame over the limit": client("frame-too-long", bytes(0, 0, 0x40, 1, CLIENT_FRAMES.say.code)),
  "a length of 0 from inside": client("frame-malformed", bytes(0, 0, 0, 0)),
  "garbage behind a BYE": {
    bystanderLines: COMES_AND_GOES,
    attack: async (peer) => {
      await peer.send(eva, { type: "bye" }, bytes(0xff, 0xff, 0xff, 0xff));
      assertEquals((await peer.receiveAll()).at(-1)?.type, "bye");
    },
  },
  "much more behind an offence": client("frame-unknown", frame(0x7f), new Uint8Array(500_000)),
  "more PONGs than PINGs": {
    bystanderLines: COMES_AND_GOES,
    attack: async (peer) => {
      for (let i = 0; i < 10; i++) await peer.send(...i === 0 ? [eva] : [], { type: "pong" });
    },
  },
  "a name that is another's, asked for from inside": {
    bystanderLines: COMES_AND_GOES,
    attack: async (peer) => {
      await peer.send(eva, { type: "nick", nick: "ana" }, { type: "nick", nick: "АNA" }, { type: "bye" });
      const refused = (await peer.receiveAll()).flatMap((message) =>
        message.type === "rejected" ? [message.code] : []
      );
      assertEquals(refused, ["nick-taken", "nick-mixed"]);
    },
  },

  // Who is too many, too fast, or in two places
  "one client more than there is room for": {
    code: "room-full",
    server: { limits: { maxClients: 2 } },
    attack: (peer) => peer.send(eva),
  },
  "300 clients more than there is room for": {
    server: { limits: { maxClients: 2 } },
    attack: async (_, { address }) => {
      const conns = await Promise.all(
        Array.from({ length: 300 }, () => Deno.connect({ hostname: address.host, port: address.port })),
      );
      for (const conn of conns) conn.close();
    },
  },
  "one connection more than an address may have": {
    code: "address-crowded",
    server: { limits: { maxPerAddress: 2, isLoopbackExempt: false } },
    attack: (peer) => peer.send(eva),
  },
  "one who comes in more often than an address may": {
    bystanderLines: new Array(30).fill(COMES_AND_GOES).flat(),
    server: { limits: { isLoopbackExempt: false } },
    code: "entering-too-often",
    attack: async (last, { address }) => {
      // ana and beto have the same address.
      for (let i = 0; i < 30; i++) {
        using peer = await dialPeer(address);
        await peer.send(eva, { type: "bye" });
        await peer.receiveAll();
      }
      await last.send(eva);
    },
  },
  "100 who hang up at once": {
    attack: async (_, { address }) => {
      for (let i = 0; i < 100; i++) {
        (await Deno.connect({ hostname: address.host, port: address.port })).close();
      }
    },
  },
  "one who comes and goes 20 times": {
    bystanderLines: new Array(20).fill(COMES_AND_GOES).flat(),
    attack: async (_, { address }) => {
      for (let i = 0; i < 20; i++) {
        using peer = await dialPeer(address);
        await peer.send(eva, { type: "bye" });
        await peer.receiveAll();
      }
    },
  },
  "one who ends its own side and reads on": {
    bystanderLines: COMES_AND_GOES,
    attack: async (peer) => {
      await peer.send(eva);
      await peer.conn.closeWrite();
      assertEquals((await peer.receiveAll())[0]?.type, "welcome");
    },
  },
  "one session on two connections": {
    code: "replaced",
    bystanderLines: COMES_AND_GOES,
    attack: async (peer, { address }) => {
      await peer.send(eva);
      await peer.expect("welcome");
      using again = await dialPeer(address);
      await again.send(eva);
      await again.expect("welcome");
      await again.send({ type: "bye" });
      await again.receiveAll();
    },
  },
  "another's name with a token of one's own": stranger(
    "nick-taken",
    makeHello("ana", { resumeToken: makeToken("eva") }),
  ),
  "one who was thrown out": {
    code: "kicked",
    bystanderLines: COMES_AND_GOES,
    attack: async (peer, server) => {
      await peer.send(eva);
      await peer.expect("welcome");
      assert(server.kick("eva", "why"));
    },
  },
  "5,000 messages at once, into the slowed lane": {
    server: {
      messages: { burst: 20, perSecond: 0.001 },
      connections: { pingMs: 500, pingTimeoutMs: 5_000 },
    },
    bystanderLines: [...COMES_AND_GOES, ...Array.from({ length: 19 }, (_, i) => `eva: ${i + 1}`)],
    attack: async (peer, server) => {
      await peer.send(eva);
      const flood = Array.from({ length: 5_000 }, (_, i) => say(i + 1, String(i + 1))).map(encodeClient);
      await peer.send(new Uint8Array(await new Blob(flood).arrayBuffer()));
      await waitFor(() => server.log.head >= 23, "the burst"); // with three JOINED and "before"
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

for (const [name, offence] of Object.entries(CASES)) {
  Deno.test(`Hostile client: ${name}`, () => runAttack(offence));
}
