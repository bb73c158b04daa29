// The streams that `deno task fuzz` throws: the same for a seed every time, and of all kinds.

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

const pure = { permissions: "none" } as const;
const SEEDS = 5_000;

/** How often each thing is met in many streams: frames by type, codes, and what does not end. */
function census(
  stream: (seed: number) => Uint8Array,
  decode: (frame: Frame) => unknown,
  maxFrameBytes: number,
) {
  const counts: Record<string, number> = {};
  const note = (what: string) => counts[what] = (counts[what] ?? 0) + 1;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const decoder = new FrameDecoder({ maxFrameBytes });
    decoder.push(stream(seed));
    try {
      for (let frame = decoder.next(); frame; frame = decoder.next()) {
        note((decode(frame) as { type: string }).type);
      }
      note(decoder.bufferedBytes > 0 ? "cut off" : "whole");
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      note(error.code);
    }
  }
  return counts;
}

Deno.test("A stream is the same for its seed every time, and another for every other", pure, () => {
  assertEquals(clientStream(7), clientStream(7));
  assertEquals(serverStream(7, 1n), serverStream(7, 1n));
  assertNotEquals(clientStream(7), clientStream(8));
  assertNotEquals(serverStream(7, 1n), serverStream(8, 1n));
});

Deno.test(
  "Streams of clients have frames of every type, whole streams, and everything that can be wrong",
  pure,
  () => {
    const counts = census(clientStream, decodeClient, MAX_CLIENT_FRAME_BYTES);
    const kinds = ["hello", "say", "ping", "pong", "bye", "nick", "whole", "cut off"];
    const codes = ["frame-too-long", "frame-malformed", "frame-unknown", "version-unsupported"];
    for (const kind of [...kinds, ...codes]) assert(counts[kind]! > 5, `${kind} in ${Deno.inspect(counts)}`);
  },
);

Deno.test(
  "Streams of servers have frames of every type, whole streams, and everything that can be wrong",
  pure,
  () => {
    const counts = census((seed) => serverStream(seed, 1n), decodeServer, MAX_SERVER_FRAME_BYTES);
    const entries = ["said", "joined", "left", "renamed", "announced", "backups", "noop"];
    const kinds = ["welcome", "ping", "pong", "error", ...entries, "whole", "cut off"];
    const codes = ["frame-too-long", "frame-malformed", "frame-unknown", "version-unsupported"];
    for (const kind of [...kinds, ...codes]) assert(counts[kind]! > 5, `${kind} in ${Deno.inspect(counts)}`);
  },
);
