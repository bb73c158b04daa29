// The frames of `bench:template`, filled in as a load generator in another language does it.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { difference, helloTemplate, sayTemplate, templateText, TEXT_BYTES } from "../../bench/template.ts";
import { FrameDecoder } from "../../lib/codec.ts";
import {
  decodeClient,
  MAX_CLIENT_FRAME_BYTES,
  NEVER_CAUGHT_UP,
  PROTOCOL_VERSION,
} from "../../lib/protocol/frames.ts";
import { pure } from "../testing/test_options.ts";

/** A frame of the text, and its fields by name. */
function lineOf(name: string) {
  const line = templateText().split("\n").find((line) => line.startsWith(`${name} `));
  const [, hex, ...places] = line!.split(" ");
  const fields = new Map(places.map((place) => {
    const [, field, offset, length] = /^(\w+)@(\d+),(\d+)$/.exec(place)!;
    return [field!, { offset: Number(offset), length: Number(length) }];
  }));
  return { bytes: Uint8Array.fromHex(hex!), fields };
}

/** The message of a frame with these values in its fields. */
function filled(name: string, values: Record<string, Uint8Array>) {
  const { bytes, fields } = lineOf(name);
  assertEquals([...fields.keys()].sort(), Object.keys(values).sort());
  for (const [field, value] of Object.entries(values)) {
    const { offset, length } = fields.get(field)!;
    assertEquals(length, value.length, field);
    bytes.set(value, offset);
  }
  const decoder = new FrameDecoder({ maxFrameBytes: MAX_CLIENT_FRAME_BYTES });
  decoder.push(bytes);
  const message = decodeClient(decoder.next()!);
  assertEquals(decoder.bufferedBytes, 0);
  return message;
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("templateText() has a HELLO with a nick and a token, without history", pure, () => {
  const resumeToken = Uint8Array.from({ length: 16 }, (_, index) => 255 - index);
  assertEquals(filled("hello", { nick: bytesOf("u00042"), token: resumeToken }), {
    ...{ type: "hello", version: PROTOCOL_VERSION, resumeToken, nick: "u00042" },
    ...{ password: "", lagMs: NEVER_CAUGHT_UP, historyCount: 0, resumePoints: [] },
  });
});

Deno.test("templateText() has a SAY with a number and a text", pure, () => {
  const text = "`~^".padEnd(TEXT_BYTES, "z");
  assertEquals(filled("say", { n: Uint8Array.of(1, 2, 3, 4), text: bytesOf(text) }), {
    ...{ type: "say", clientSeq: 0x01020304, timeMs: 0, text },
  });
});

Deno.test("templateText() has a PONG for idle clients of a load generator", pure, () => {
  assertEquals(filled("idle", {}), { type: "pong" });
});

Deno.test("templateText() has a line for each template", pure, () => {
  assertEquals(templateText().split("\n").map((line) => line.split(" ")[0]), ["hello", "say", "idle"]);
  assertEquals(helloTemplate().bytes, lineOf("hello").bytes);
  assertEquals(sayTemplate().bytes, lineOf("say").bytes);
});

Deno.test("difference() finds the one field in which two frames differ", pure, () => {
  const bytes = Uint8Array.of(0, 1, 2, 3, 4);
  assertEquals(difference(bytes, Uint8Array.of(0, 9, 9, 3, 4)), { offset: 1, length: 2 });
  assertEquals(difference(bytes, Uint8Array.of(9, 1, 2, 3, 4)), { offset: 0, length: 1 });
  assertEquals(difference(bytes, Uint8Array.of(0, 1, 2, 3, 9)), { offset: 4, length: 1 });
  for (const other of [[0, 1, 2, 3, 4], [0, 9, 2, 9, 4], [0, 1, 2, 3], [0, 9, 2, 3, 4, 5]]) {
    const error = assertThrows(() => difference(bytes, Uint8Array.from(other)), Error);
    assert(error.message.startsWith("Cannot find field"));
  }
});
