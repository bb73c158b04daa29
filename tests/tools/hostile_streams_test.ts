// The streams of `deno task fuzz`.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type Frame, FrameDecoder } from "../../lib/codec.ts";
import { ProtocolError } from "../../lib/errors.ts";
import {
  decodeClient,
  decodeServer,
  MAX_CLIENT_FRAME_BYTES,
  MAX_SERVER_FRAME_BYTES,
} from "../../lib/protocol/frames.ts";
import { clientStream, serverStream } from "../../tools/fuzz/hostile_streams.ts";
import { pure } from "../testing/test_options.ts";

const SEEDS = 5_000;

/** Counts, in many streams, frames by type, errors by code, and streams that end within a frame. */
function census(
  stream: (seed: number) => Uint8Array,
  decode: (frame: Frame) => unknown,
  maxFrameBytes: number,
) {
  const counts: Record<string, number> = {};
  const count = (kind: string) => counts[kind] = (counts[kind] ?? 0) + 1;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const decoder = new FrameDecoder({ maxFrameBytes });
    decoder.push(stream(seed));
    try {
      for (let frame = decoder.next(); frame; frame = decoder.next()) {
        count((decode(frame) as { type: string }).type);
      }
      count(decoder.bufferedBytes > 0 ? "cut off" : "whole");
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      count(error.code);
    }
  }
  return counts;
}

Deno.test("clientStream() and serverStream() give each seed a stream of its own", pure, () => {
  assertEquals(clientStream(7), clientStream(7));
  assertEquals(serverStream(7, 1n), serverStream(7, 1n));
  assertNotEquals(clientStream(7), clientStream(8));
  assertNotEquals(serverStream(7, 1n), serverStream(8, 1n));
});

const ENTRIES = ["said", "joined", "left", "renamed", "announced", "backups", "noop"];
const CENSUSES = {
  clientStream: {
    counts: () => census(clientStream, decodeClient, MAX_CLIENT_FRAME_BYTES),
    frames: ["hello", "say", "ping", "pong", "bye", "nick"],
  },
  serverStream: {
    counts: () => census((seed) => serverStream(seed, 1n), decodeServer, MAX_SERVER_FRAME_BYTES),
    frames: ["welcome", "ping", "pong", "error", ...ENTRIES],
  },
};
for (const [name, { counts, frames }] of Object.entries(CENSUSES)) {
  Deno.test(`${name}() gives frames of every type, whole streams, and every error`, pure, () => {
    const found = counts();
    const errors = ["frame-too-long", "frame-malformed", "frame-unknown", "version-unsupported"];
    for (const kind of [...frames, "whole", "cut off", ...errors]) {
      assert(found[kind]! > 5, `${kind} in ${Deno.inspect(found)}`);
    }
  });
}
