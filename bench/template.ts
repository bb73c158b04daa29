// Templates of the frames that a load generator sends: bytes, and the offsets of their fields, found by encoding.
//
//   deno task bench:template
//
// prints them for load generators in other languages, one frame a line: its name, its bytes in hex, and then for
// each field `name@offset,length`. A client is to be told apart by nick and token, `n` counts its messages from 1.

import {
  type ClientMessage,
  encodeClient,
  type Hello,
  NEVER_CAUGHT_UP,
  PROTOCOL_VERSION,
  type Say,
  TOKEN_BYTES,
} from "../lib/protocol/frames.ts";

/** Bytes of a message's text. */
export const TEXT_BYTES = 100;
const NICK = "u00000";

/** Where a field lies in a frame, in bytes. */
interface Field {
  readonly offset: number;
  readonly length: number;
}

/** A frame with fields to fill in. */
interface Template<Name extends string = string> {
  readonly bytes: Uint8Array;
  readonly fields: Readonly<Record<Name, Field>>;
}

/** HELLO of a first join without history. */
export function helloTemplate(): Template<"nick" | "token"> {
  return template(hello(), {
    nick: hello({ nick: "v11111" }),
    token: hello({ resumeToken: new Uint8Array(TOKEN_BYTES).fill(0xff) }),
  });
}

/** SAY with a text of {@linkcode TEXT_BYTES}. */
export function sayTemplate(): Template<"n" | "text"> {
  return template(say(), { n: say({ clientSeq: 0xffff_ffff }), text: say({ text: "y".repeat(TEXT_BYTES) }) });
}

/** All of them as text. `idle` is what a client may send now and then to show that it is there. */
export function templateText(): string {
  const frames = { hello: helloTemplate(), say: sayTemplate(), idle: template({ type: "pong" }, {}) };
  return Object.entries<Template>(frames).map(([name, { bytes, fields }]) => {
    const places = Object.entries(fields).map(([field, { offset, length }]) =>
      `${field}@${offset},${length}`
    );
    return [name, bytes.toHex(), ...places].join(" ");
  }).join("\n");
}

function hello(changes: Partial<Hello> = {}): Hello {
  const resumeToken = new Uint8Array(TOKEN_BYTES);
  const defaults = {
    resumeToken,
    nick: NICK,
    password: "",
    lagMs: NEVER_CAUGHT_UP,
    historyCount: 0,
    resumePoints: [],
  };
  return { type: "hello", version: PROTOCOL_VERSION, ...defaults, ...changes };
}

function say(changes: Partial<Say> = {}): Say {
  return { type: "say", clientSeq: 0, timeMs: 0, text: "x".repeat(TEXT_BYTES), ...changes };
}

/** A message's frame. `others` has the same message for each field, every byte of that field changed. */
function template<Name extends string>(
  message: ClientMessage,
  others: Readonly<Record<Name, ClientMessage>>,
): Template<Name> {
  const bytes = encodeClient(message);
  const fields = Object.entries<ClientMessage>(others).map(([name, other]) => {
    return [name, difference(bytes, encodeClient(other))];
  });
  return { bytes, fields: Object.fromEntries(fields) };
}

/** The one stretch in which two frames differ.
 * @throws {Error} if there is none, or if there are several */
export function difference(one: Uint8Array, other: Uint8Array): Field {
  const isSame = (byte: number, at: number) => byte === other[at];
  const offset = one.findIndex((byte, at) => !isSame(byte, at));
  const end = one.findLastIndex((byte, at) => !isSame(byte, at)) + 1;
  if (
    one.length !== other.length || offset < 0 ||
    one.subarray(offset, end).some((byte, at) => isSame(byte, offset + at))
  ) {
    throw new Error("Cannot find field: the frames do not differ in one stretch");
  }
  return { offset, length: end - offset };
}

if (import.meta.main) console.log(templateText());
