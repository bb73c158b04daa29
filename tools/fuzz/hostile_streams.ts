// Hostile byte streams, reproducible from a seed: random bytes, and mutated streams of honest peers.

import {
  type ClientMessage,
  encodeClient,
  encodeServer,
  NEVER_CAUGHT_UP,
  PROTOCOL_VERSION,
  type ServerMessage,
} from "../../lib/protocol/frames.ts";
import { Random } from "../../tests/testing/random.ts";

/** Most frames of a stream before it goes wrong. */
const MOST_FRAMES = 8;
/** Most bytes of a stream of random bytes. */
const MOST_BYTES = 300;
/** Edge values of lengths, counts and numbers. */
const EDGES = [0, 1, 2, 0x7f, 0x80, 0xff];

/** What a hostile client sends. */
export function clientStream(seed: number): Uint8Array<ArrayBuffer> {
  const random = new Random(seed);
  if (random.chance(0.1)) return noise(random);
  const frames = [encodeClient(hello(random))];
  while (frames.length < 1 + random.below(MOST_FRAMES)) frames.push(encodeClient(clientMessage(random)));
  if (random.chance(0.1)) frames.shift();
  return mutated(joined(frames), random);
}

/** What a hostile server sends to the client that has this session. */
export function serverStream(seed: number, sessionId: bigint): Uint8Array<ArrayBuffer> {
  const random = new Random(seed);
  if (random.chance(0.1)) return noise(random);
  const frames = [encodeServer(welcome(random, sessionId))];
  while (frames.length < 1 + random.below(MOST_FRAMES)) {
    frames.push(encodeServer(serverMessage(random, frames.length - 1)));
  }
  if (random.chance(0.1)) frames.shift();
  return mutated(joined(frames), random);
}

/** The bytes with random changes. */
export function changedStream(seed: number, honest: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return mutated(honest.slice(), new Random(seed));
}

function noise(random: Random): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from({ length: random.below(MOST_BYTES) }, () => random.below(256));
  // A plausible length, so that the decoder reads beyond the first frame.
  if (bytes.length > 4 && random.chance(0.8)) bytes.set([0, 0, 0, random.below(bytes.length)]);
  return bytes;
}

/** Up to three changes: bytes set, inserted, removed, repeated, or truncated. */
function mutated(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  let result = bytes;
  for (let changes = random.below(4); changes > 0 && result.length > 0; changes--) {
    const at = random.below(result.length);
    const end = Math.min(result.length, at + 1 + random.below(16));
    switch (random.below(6)) {
      case 0:
        result[at]! ^= 1 << random.below(8);
        break;
      case 1:
        result[at] = random.chance(0.5) ? random.pick(EDGES) : random.below(256);
        break;
      case 2:
        result = joined([result.subarray(0, at), noise(random), result.subarray(at)]);
        break;
      case 3:
        result = joined([result.subarray(0, at), result.subarray(end)]);
        break;
      case 4:
        result = joined([result.subarray(0, end), result.subarray(at, end), result.subarray(end)]);
        break;
      case 5:
        result = result.slice(0, at);
    }
  }
  return result;
}

function hello(random: Random): ClientMessage {
  return {
    type: "hello",
    version: PROTOCOL_VERSION,
    // Few of them, so that sessions meet themselves again.
    resumeToken: new Uint8Array(16).fill(random.below(50)),
    nick: random.chance(0.7) ? `f${random.below(50)}` : text(random, 30),
    password: random.pick(["", "", "secret"]),
    lagMs: random.pick([NEVER_CAUGHT_UP, 0, 1, 5_000]),
    historyCount: random.below(5),
    resumePoints: Array.from(
      { length: random.chance(0.9) ? random.below(3) : 15 + random.below(4) },
      () => ({ logId: id(random), nextSeq: random.below(100) }),
    ),
  };
}

function clientMessage(random: Random): ClientMessage {
  const clientSeq = 1 + random.below(20);
  switch (random.below(9)) {
    case 0:
      return { type: "ping" };
    case 1:
      return { type: "pong" };
    case 2:
      return { type: "bye" };
    case 3:
      return { type: "nick", nick: text(random, 25) };
    case 4:
      return hello(random);
    case 5:
      return { type: "say", clientSeq, timeMs: random.pick([0, 1, Date.now()]), text: text(random, 200) };
    case 6:
      return {
        ...{
          type: "say",
          clientSeq,
          timeMs: 0,
          text: random.chance(0.5) ? "hola" : text(random, 50),
          action: random.chance(0.5),
        },
        to: { sessionId: id(random), nick: random.chance(0.8) ? `f${random.below(50)}` : text(random, 20) },
      };
    case 7:
      return { type: "probe" };
    default:
      return { type: "say", clientSeq, timeMs: 0, text: `hola ${clientSeq}` };
  }
}

function welcome(random: Random, sessionId: bigint): ServerMessage {
  const next = random.below(3);
  return {
    type: "welcome",
    version: PROTOCOL_VERSION,
    sessionId: random.chance(0.9) ? sessionId : id(random),
    logId: id(random),
    nick: text(random, 20),
    lastClientSeq: random.chance(0.9) ? 0 : random.below(10),
    startSeq: random.chance(0.9) ? 0 : random.below(4),
    head: next,
    backups: Array.from({ length: random.chance(0.9) ? random.below(3) : 17 }, () => text(random, 30)),
    memberCount: random.below(10),
    members: Array.from({ length: random.below(3) }, () => ({ ...person(random), sinceMs: 0 })),
  };
}

function serverMessage(random: Random, seq: number): ServerMessage {
  const timeMs = random.pick([0, 1e12, Number.MAX_SAFE_INTEGER]);
  const event = { seq, timeMs, ...person(random) };
  switch (random.below(11)) {
    case 0:
      return { type: "ping", head: random.below(20) };
    case 1:
      return { type: "pong" };
    case 2:
      return { type: "joined", rejoined: random.chance(0.5), ...event };
    case 3:
      return { type: "left", connectionLost: random.chance(0.5), ...event };
    case 4:
      return { type: "error", code: text(random, 20), reason: text(random, 50) };
    case 5:
      return { type: "renamed", oldNick: text(random, 20), ...event };
    case 6:
      return { type: "announced", seq, timeMs, text: text(random, 100) };
    case 7:
      return { type: "backups", seq, timeMs, backups: [text(random, 30)] };
    case 8:
      return { type: "noop", seq };
    default:
      return {
        type: "said",
        clientSeq: random.below(10),
        redelivered: random.chance(0.5),
        text: text(random, 100),
        ...event,
      };
  }
}

function person(random: Random): { sessionId: bigint; nick: string; address: string } {
  return {
    sessionId: id(random),
    nick: text(random, 20),
    address: random.pick(["10.0.0.7", text(random, 20)]),
  };
}

/** Fewer than `most` characters, from ranges that are hard for terminals and decoders. */
function text(random: Random, most: number): string {
  const ranges = [[0x20, 0x7f], [0, 0xa0], [0x200b, 0x2070], [0x300, 0x370], [0x400, 0x500], [
    0x1f600,
    0x1f650,
  ]];
  const chars = Array.from({ length: random.below(most) }, () => {
    const [low, high] = random.pick(ranges);
    return String.fromCodePoint(low! + random.below(high! - low!));
  });
  const joined = chars.join("");
  // Nicks and addresses of servers have a limit in bytes.
  return new TextEncoder().encode(joined).length > 60 && most <= 30 ? joined.slice(0, 10) : joined;
}

function id(random: Random): bigint {
  return BigInt(random.below(50));
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
