// The hand-written codecs of SAY and SAID do what the table of frames says.

import { assert, assertEquals } from "@std/assert";
import { type Frame, splitFrames } from "../../lib/codec.ts";
import { ProtocolError } from "../../lib/errors.ts";
import {
  CLIENT_FRAMES,
  decodeClient,
  decodeServer,
  encodeClient,
  encodeEntry,
  encodeServer,
  type Said,
  type Say,
  SERVER_FRAMES,
} from "../../lib/protocol/frames.ts";
import { Random } from "../testing/random.ts";

const RUNS = 5_000;
const STRINGS = ["", "a", "Ñandú", "🙂", "\ufeffx", "\ufffd", "x".repeat(25), "€".repeat(27)];

/** Each frame: its hand-written decoder, and the one that the table gives. */
const SIDES = {
  say: {
    byHand: decodeClient,
    byTable: (frame: Frame) => ({ type: "say", ...CLIENT_FRAMES.say.decode(frame) }),
  },
  said: {
    byHand: decodeServer,
    byTable: (frame: Frame) => ({ type: "said", ...SERVER_FRAMES.said.decode(frame) }),
  },
};

test("decode any message as the table does", (random) => {
  for (const message of [randomSay(random), randomSaid(random)]) {
    const { byHand, byTable } = SIDES[message.type];
    const bytes = message.type === "say" ? encodeClient(message) : encodeServer(message);
    assertEquals(byHand(only(bytes)), message);
    assertEquals(byTable(only(bytes)), message);
  }
});

test("encode any SAID for the log as the table does", (random) => {
  const said = randomSaid(random);
  const { seq, ...entry } = said;
  assertEquals(encodeEntry(entry, seq).slice(), encodeServer(said));
});

let accepted = 0;
let refused = 0;
test("accept and refuse spoiled frames as the table does", (random) => {
  for (const message of [randomSay(random), randomSaid(random)]) {
    const { byHand, byTable } = SIDES[message.type];
    const bytes = spoil(message.type === "say" ? encodeClient(message) : encodeServer(message), random);
    const result = outcome(() => byHand(only(bytes)));
    assertEquals(result, outcome(() => byTable(only(bytes))), `${bytes}`);
    if (typeof result === "string") refused++;
    else accepted++;
  }
}, () => assert(accepted > RUNS / 10 && refused > RUNS / 10, `${accepted} accepted, ${refused} refused`));

function test(name: string, check: (random: Random) => void, end = () => {}): void {
  Deno.test(`The hand-written codecs ${name}`, { permissions: "none" }, () => {
    for (let seed = 0; seed < RUNS; seed++) check(new Random(seed));
    end();
  });
}

function randomSay(random: Random): Say {
  return {
    type: "say",
    clientSeq: randomUint(random, 0xffff_ffff),
    timeMs: randomUint(random, Number.MAX_SAFE_INTEGER),
    ...randomBody(random),
  };
}

function randomSaid(random: Random): Said {
  return {
    type: "said",
    seq: randomUint(random, Number.MAX_SAFE_INTEGER),
    timeMs: randomUint(random, Number.MAX_SAFE_INTEGER),
    sessionId: random.bigint(),
    clientSeq: randomUint(random, 0xffff_ffff),
    redelivered: random.chance(0.5),
    nick: random.pick(STRINGS.slice(0, 7)),
    ...randomBody(random),
  };
}

function randomBody(random: Random) {
  return {
    text: random.pick(STRINGS) + random.pick(STRINGS),
    ...(random.chance(0.3) && { action: true }),
    ...(random.chance(0.3) && { to: { sessionId: random.bigint(), nick: random.pick(STRINGS.slice(0, 7)) } }),
  };
}

function randomUint(random: Random, max: number): number {
  return random.chance(0.1) ? max : Math.floor(random.spread(1, max)) - 1;
}

/** A frame with up to three changes behind its type: bytes changed, added, or missing. */
function spoil(frame: Uint8Array, random: Random): Uint8Array {
  const bytes = [...frame];
  for (let changes = random.below(3); changes >= 0; changes--) {
    const at = 5 + random.below(bytes.length - 5);
    const added = Array.from({ length: random.below(3) }, () => random.below(0x100));
    if (random.chance(0.5)) bytes[at]! ^= 1 << random.below(8);
    else bytes.splice(at, random.below(3), ...added);
  }
  const spoiled = Uint8Array.from(bytes);
  new DataView(spoiled.buffer).setUint32(0, spoiled.length - 4);
  return spoiled;
}

/** What a decoder gives, or the code with which it refuses. */
function outcome(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    assert(error instanceof ProtocolError, String(error));
    return error.code;
  }
}

function only(bytes: Uint8Array): Frame {
  const [frame] = splitFrames(bytes);
  return frame!;
}
