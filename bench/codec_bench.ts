// Measures encoding and decoding of a message of 100 bytes.

import { Buffer } from "node:buffer";
import { Frame, FrameDecoder, LENGTH_BYTES, splitFrames } from "../lib/codec.ts";
import {
  decodeClient,
  decodeServer,
  encodeClient,
  encodeEntry,
  MAX_CLIENT_FRAME_BYTES,
  type Said,
  type Say,
} from "../lib/protocol/frames.ts";

const SAY: Say = { type: "say", clientSeq: 1, timeMs: 0, text: "x".repeat(100) };
const SPANISH: Say = { ...SAY, text: "¿dónde estábamos? ".repeat(5) };
const SAID: Said = {
  ...{
    type: "said",
    seq: 1_000_000,
    timeMs: 1_795_355_110_250,
    sessionId: 0xbe45cb2605bf36ben,
    clientSeq: 1,
    redelivered: false,
  },
  ...{ nick: "u00000", text: SAY.text },
};

Deno.bench("encode SAY", () => void encodeClient(SAY));
Deno.bench("encode SAID for the log", () => void encodeEntry(SAID, SAID.seq));

for (const [name, message] of [["SAY", SAY], ["SAY with accents", SPANISH]] as const) {
  const bytes = Buffer.from(encodeClient(message));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  Deno.bench(`decode ${name}`, () => {
    decodeClient(new Frame(bytes, view, { start: LENGTH_BYTES, end: bytes.length }));
  });
}

const slice = Buffer.concat(Array.from({ length: 1_000 }, () => encodeEntry(SAID, SAID.seq)));
Deno.bench("decode 1,000 SAID out of a slice", () => {
  for (const frame of splitFrames(slice)) decodeServer(frame);
});

const stream = Buffer.concat(Array.from({ length: 1_000 }, () => encodeClient(SAY)));
const decoder = new FrameDecoder({ maxFrameBytes: MAX_CLIENT_FRAME_BYTES });
Deno.bench("cut a stream into 1,000 SAY", () => {
  // As a socket would give it.
  for (let at = 0; at < stream.length;) {
    const space = decoder.reserve();
    const count = Math.min(space.length, stream.length - at);
    space.set(stream.subarray(at, at + count));
    decoder.commit(count);
    at += count;
    while (decoder.next());
  }
});
