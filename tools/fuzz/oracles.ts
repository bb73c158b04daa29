// What the fuzzer checks of each stream: codec, replies and log against the reference decoder.

import { FrameDecoder } from "../../lib/codec.ts";
import { ProtocolError } from "../../lib/errors.ts";
import {
  decodeClient,
  decodeServer,
  encodeClient,
  encodeServer,
  type LogEntry,
  MAX_CLIENT_FRAME_BYTES,
  MAX_SERVER_FRAME_BYTES,
} from "../../lib/protocol/frames.ts";
import { Random } from "../../tests/testing/random.ts";
import {
  ENTRIES,
  ERROR,
  isNick,
  isText,
  type Reading,
  readStream,
  serverRefusal,
  type Side,
  STATUS,
  WELCOME,
} from "./reference.ts";

export { clientVerdict, readStream } from "./reference.ts";

/** Most bytes of a stream that are decoded at once. */
const MAX_CHUNK_BYTES = 64;
/** How a server may end the connection of an honest client of the fuzzer, too. */
const OTHER_ENDS: readonly string[] = [
  "replaced",
  "nick-taken",
  "nick-lookalike",
  "nick-mixed",
  "nick-invalid",
];

/** Decodes a stream in random chunks. The real decoder must accept the frames that the reference accepts, with the same
 * content, and refuse the same frame with the same code.
 * @throws {Error} otherwise */
export function checkCodec(side: Side, stream: Uint8Array, seed: number): void {
  const expected = readStream(side, stream);
  const { encoded, refusal } = decodeInChunks(side, stream, new Random(seed));
  const expectedFrames = expected.frames.map(({ bytes }) => hexOf(bytes)).join("\n");
  if (refusal !== expected.refusal) {
    throw new Error(`The decoder says "${refusal}", the reference "${expected.refusal}"`);
  }
  if (encoded.map(hexOf).join("\n") !== expectedFrames) {
    throw new Error(`The decoder read\n${encoded.map(hexOf).join("\n")}\nthe reference\n${expectedFrames}`);
  }
}

function decodeInChunks(
  side: Side,
  stream: Uint8Array,
  random: Random,
): { encoded: Uint8Array[]; refusal?: string } {
  const isClient = side === "client";
  const maxFrameBytes = isClient ? MAX_CLIENT_FRAME_BYTES : MAX_SERVER_FRAME_BYTES;
  const decoder = new FrameDecoder({ maxFrameBytes });
  const encoded: Uint8Array[] = [];
  try {
    for (let at = 0; at < stream.length;) {
      const end = at + 1 + random.below(MAX_CHUNK_BYTES);
      decoder.push(stream.subarray(at, end));
      at = end;
      for (let frame = decoder.next(); frame; frame = decoder.next()) {
        encoded.push(isClient ? encodeClient(decodeClient(frame)) : encodeServer(decodeServer(frame)));
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { encoded, refusal: error.code };
  }
  return { encoded };
}

/** What a server answers to a client's stream: frames as the protocol has them, a log without gaps, and at the end ERROR
 * if the reference refuses the stream, and only then.
 * @throws {Error} otherwise */
export function checkReply(stream: Uint8Array, reply: Uint8Array): void {
  const { frames, refusal } = readStream("server", reply);
  if (refusal) throw new Error(`The server sent what is "${refusal}"`);
  const [first] = frames;
  if (first && ![WELCOME, ERROR, STATUS].includes(first.type)) {
    throw new Error(`The server began with ${first.type}`);
  }
  let nextSeq = first?.fields.startSeq;
  for (const { type, fields } of frames) {
    if (!ENTRIES.includes(type)) continue;
    if (fields.seq !== nextSeq) throw new Error(`The server sent entry ${fields.seq}, not ${nextSeq}`);
    nextSeq = fields.seq as number + 1;
  }
  checkEnd(readStream("client", stream), frames.find(({ type }) => type === ERROR)?.fields.code as string);
}

function checkEnd(reading: Reading, code: string | undefined): void {
  const expected = serverRefusal(reading);
  // The server's word for a length that is the beginning of a TLS handshake.
  if (code === "tls-unexpected" && expected === "frame-too-long") return;
  if (code === expected || OTHER_ENDS.includes(code!)) return;
  throw new Error(`The server ended with ${code ?? "no ERROR"}, the reference with ${expected ?? "none"}`);
}

/** Whether the texts and nicks of an entry are ones that the protocol allows.
 * @throws {Error} otherwise */
export function checkTexts(entry: LogEntry): void {
  if (entry.type === "said" && !isText(entry.text)) {
    throw new Error(`A member said ${JSON.stringify(entry.text)}`);
  }
  const nicks = "nick" in entry
    ? [entry.nick, ...(entry.type === "said" && entry.to ? [entry.to.nick] : [])]
    : [];
  const wrong = nicks.find((nick) => !isNick(nick));
  if (wrong !== undefined) throw new Error(`A nick is ${JSON.stringify(wrong)}`);
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
