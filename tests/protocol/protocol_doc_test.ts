// The diagrams, examples and tables of docs/PROTOCOL.md are those of the program. Needs --allow-read=., else it is
// skipped.

import { assert, assertEquals } from "@std/assert";
import * as outbox from "../../lib/client/outbox.ts";
import * as readTracker from "../../lib/client/read_tracker.ts";
import { FrameDecoder } from "../../lib/codec.ts";
import { WIRE_CODES } from "../../lib/errors.ts";
import * as address from "../../lib/net/address.ts";
import * as connection from "../../lib/net/connection.ts";
import * as connectionManager from "../../lib/net/connection_manager.ts";
import * as heartbeat from "../../lib/net/heartbeat.ts";
import * as protocol from "../../lib/protocol/frames.ts";
import * as eventLog from "../../lib/room/event_log.ts";
import * as room from "../../lib/room/room.ts";
import * as state from "../../lib/room/state.ts";
import * as welcome from "../../lib/room/welcome.ts";
import * as connectionLimiter from "../../lib/server/connection_limiter.ts";
import * as nick from "../../lib/text/nick.ts";
import * as text from "../../lib/text/text.ts";

const DOC = new URL("../../docs/PROTOCOL.md", import.meta.url);
const canRead = (await Deno.permissions.query({ name: "read", path: DOC })).state === "granted";
const doc = canRead ? await Deno.readTextFile(DOC) : "";

type ClientMessage = protocol.ClientMessage;
type ServerMessage = protocol.ServerMessage;
type Message = ClientMessage | ServerMessage;

/** A line of an example: the bytes and the value of one field. */
interface Field {
  readonly path: string;
  readonly value: unknown;
  digits: string;
  /** In parentheses behind the value. */
  readonly note: string | undefined;
}

/** A part of a frame's shape. */
interface Part {
  readonly wire: string;
  readonly kinds?: Readonly<Record<string, unknown>>;
}

interface FrameDefinition {
  readonly code: number;
  readonly shape: Readonly<Record<string, Part>>;
}

/** Every frame by its label, `client HELLO`. */
const FRAMES = new Map<string, FrameDefinition>([
  ...Object.entries(protocol.CLIENT_FRAMES).map(([type, it]) => [labelOf("client", type), it] as const),
  ...Object.entries(protocol.SERVER_FRAMES).map(([type, it]) => [labelOf("server", type), it] as const),
]);
const FRAME_HEADER = { length: { wire: "u32" }, type: { wire: "u8" } };
const EXAMPLES = blocks("hex").map(({ label, content }) => ({ label, fields: parseExample(content) }));
const DIAGRAMS = new Map(blocks("bytes").map(({ label, content }) => [label, content]));
const MAX_DIAGRAM_COLUMNS = 100;
const BYTES_OF_TYPE: Readonly<Record<string, number>> = {
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
  id: 8,
  "16 bytes": 16,
};

test("each line of an example holds the bytes of what it says in words", () => {
  for (const { label, fields } of EXAMPLES) {
    for (const { path, value, digits, note } of fields) {
      assertEquals(digits, digitsOf(value, digits.length), `${label}: ${path}`);
      if (/^\d{4}-/.test(note ?? "")) assertEquals(note, new Date(Number(value)).toISOString(), path);
    }
  }
});

test("decoders and encoders turn each example into the message that its words give, and back", () => {
  for (const { label, fields } of EXAMPLES) {
    const [bytes, message] = [wholeOf(fields), messageOf(label, fields)];
    const decoder = new FrameDecoder({ maxFrameBytes: protocol.MAX_SERVER_FRAME_BYTES });
    decoder.push(bytes);
    const frame = decoder.next();
    assert(frame && decoder.bufferedBytes === 0, label);
    assertEquals(sideOf(label).decode(frame), message, label);
    assertEquals(sideOf(label).encode(message), bytes, label);
  }
});

test("each diagram shows the fields that the program reads, in order and at their offsets", () => {
  const { resumePoint, recipient, member } = protocol;
  const expected = new Map(
    [resumePoint, recipient, member].map(({ wire, shape }) => [wire, drawDiagram(shape)]),
  );
  for (const [label, { shape }] of FRAMES) {
    const isEmpty = Object.keys(shape).length === 0;
    expected.set(isEmpty ? "empty" : label, drawDiagram({ ...FRAME_HEADER, ...shape }));
  }
  for (const [label, diagram] of expected) assertEquals(DIAGRAMS.get(label), diagram, label);
  assertEquals(DIAGRAMS.size, expected.size);
});

test("each example has the fields of its frame, in order and in their size", () => {
  for (const { label, fields } of EXAMPLES) {
    const sizes = new Map<string, number>();
    for (const { path, digits } of fields) {
      const name = path.match(/^\w+/)![0];
      sizes.set(name, (sizes.get(name) ?? 0) + digits.length / 2);
    }
    const parts = Object.entries<Part>({ ...FRAME_HEADER, ...frameOf(label).shape })
      .filter(([name, { wire }]) => !wire.endsWith("?") || sizes.has(name));
    assertEquals([...sizes.keys()], parts.map(([name]) => name), label);
    for (const [name, { wire }] of parts) {
      assertEquals(sizes.get(name), BYTES_OF_TYPE[wire] ?? sizes.get(name), `${label}: size of ${name}`);
    }
  }
});

test("every frame type is in the table of frames and has an example", () => {
  const codes: unknown = [...FRAMES].map(([label, { code }]) => [label, code]).sort();
  const listed = table("Frames").map(([code, frame, side]) => [`${side} ${frame}`, Number(code)]);
  assertEquals<unknown>(listed.sort(), codes);
  const shown = new Map(EXAMPLES.map(({ label, fields }) => [label, fields[1]!.value]));
  assertEquals<unknown>([...shown].sort(), codes);
});

test("the table of limits has the constants' values, and all constants of the wire", () => {
  const wire = numbersOf(protocol, nick, text, heartbeat);
  const all = {
    ...wire,
    ...numbersOf(
      address,
      welcome,
      connection,
      connectionLimiter,
      connectionManager,
      readTracker,
      state,
      outbox,
      room,
      eventLog,
    ),
  };
  const listed = new Map(table("Limits").map(([name, value]) => [name!, Number(value!.replaceAll(",", ""))]));
  for (const [name, value] of listed) assertEquals(value, all[name], name);
  for (const name of Object.keys(wire)) assert(listed.has(name), name);
});

test("the table of flags has the bits of every frame, and examples name those that are set", () => {
  const names = new Map(
    [...FRAMES].filter(([, { shape }]) => shape.flags)
      .map(([label, { shape }]) => [label.split(" ")[1]!, Object.keys(shape.flags!.kinds!)]),
  );
  const rows = table("Conventions", 1).map((
    [frame, ...cells],
  ) => [frame!, cells.slice(0, 3).filter(Boolean)]);
  assertEquals(rows, [...names]);
  for (const { label, fields } of EXAMPLES) {
    const flags = fields.find(({ path }) => path === "flags");
    if (!flags) continue;
    const set = names.get(label.split(" ")[1]!)!.filter((_, bit) => Number(flags.value) >> bit & 1);
    assertEquals(set.join(", "), flags.note ?? "", label);
  }
});

test("the table of errors has the codes that the program knows", () => {
  assertEquals(table("Errors").map(([code]) => code), [...WIRE_CODES]);
});

test("the lists of code points are those of the runtime", () => {
  const lists = [["White space", /\s/u], ["Default_Ignorable_Code_Point", /\p{DI}/u]] as const;
  for (const [name, property] of lists) {
    const item = doc.split(`\n- **${name}** is `)[1]!.split("\n- ")[0]!;
    const ranges = item.matchAll(/U\+([0-9A-F]+)(?:\s+to\s+U\+([0-9A-F]+))?/g);
    const listed = Array.from(ranges, ([, first, last = first]) => codePoints(`0x${first}`, `0x${last}`));
    const known = codePoints(0, 0x10ffff).filter((code) => property.test(String.fromCodePoint(code)));
    assertEquals(listed.flat(), known, name);
  }
});

function codePoints(first: number | string, last: number | string): number[] {
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index);
}

function test(name: string, check: () => void): void {
  Deno.test(`docs/PROTOCOL.md: ${name}`, { permissions: "none", ignore: !canRead }, check);
}

function blocks(language: string): { label: string; content: string }[] {
  const found = doc.matchAll(new RegExp(`^\`\`\`${language} (.+)\\n([^]*?)\\n\`\`\`$`, "gm"));
  return Array.from(found, ([, label, content]) => ({ label: label!, content: content! }));
}

/** The cells of a table under a heading, the first unless told otherwise, without those of its head. */
function table(heading: string, index = 0): string[][] {
  const section = doc.split(`\n## ${heading}\n`)[1]!.split("\n##")[0]!;
  const tables = section.trim().split(/\n\n+/).filter((part) => part.startsWith("|"));
  const rows = tables[index]!.split("\n").filter((line) => line.startsWith("|")).slice(2);
  return rows.map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim().replaceAll("`", "")));
}

/** Lines of `00 01  path = value (note)`; a line without a path has more bytes of the field above. */
function parseExample(content: string): Field[] {
  const fields: Field[] = [];
  for (const line of content.split("\n")) {
    const match = /^((?:[0-9a-f]{2} ?)+)(?: +(\S+) = (".*"|\S+)(?: \((.*)\))?)?$/.exec(line);
    assert(match, `Cannot read line of an example: ${line}`);
    const [, bytes, path, value, note] = match;
    const digits = bytes!.replaceAll(" ", "");
    if (path && value) fields.push({ path, value: parseValue(value), digits, note });
    else fields.at(-1)!.digits += digits;
  }
  return fields;
}

/** A string or flag, a decimal number, `0x` and a frame type, `0x` and an id, or `0x` and bytes. */
function parseValue(words: string): unknown {
  if (!words.startsWith("0x")) return JSON.parse(words);
  if (words.length === 2 + 2) return Number(words);
  return words.length === 2 + 16 ? BigInt(words) : bytesOf(words.slice(2));
}

/** What a value is on the wire, worked out without the program; numbers take as many hex digits as they are given. */
function digitsOf(value: unknown, count: number): string {
  if (value instanceof Uint8Array) return toHex(value);
  if (typeof value === "boolean") return value ? "01" : "00";
  if (typeof value !== "string") return (value as number | bigint).toString(16).padStart(count, "0");
  const bytes = new TextEncoder().encode(value);
  return bytes.length.toString(16).padStart(4, "0") + toHex(bytes);
}

/** Rows of five lines: offsets, border, names, types, border. */
function drawDiagram(shape: Readonly<Record<string, Part>>): string {
  const rows: [offsets: string, border: string, names: string, types: string][] = [];
  let fixed = 0;
  let letters = "";
  for (const [name, { wire }] of Object.entries(shape)) {
    const width = Math.max(name.length, wire.length);
    if (!rows.length || rows.at(-1)![1].length + width + 3 > MAX_DIAGRAM_COLUMNS) {
      rows.push(["", "+", "|", "|"]);
    }
    const row = rows.at(-1)!;
    row[0] = row[0].padEnd(row[1].length - 1) + fixed + letters.replaceAll(/./g, "+$&");
    row[1] += `${"-".repeat(width + 2)}+`;
    row[2] += ` ${name.padEnd(width)} |`;
    row[3] += ` ${wire.padEnd(width)} |`;
    if (wire in BYTES_OF_TYPE) fixed += BYTES_OF_TYPE[wire]!;
    else letters += "abc"[letters.length];
  }
  return rows.flatMap(([offsets, border, names, types]) => [offsets, border, names, types, border]).join(
    "\n",
  );
}

/** The message whose fields are told as `nick = "ana"`, `resume.length = 1`, `resume[0].next = 42`. */
function messageOf(label: string, fields: readonly Field[]): Message {
  const message = { type: label.split(" ")[1]!.toLowerCase() };
  for (const { path, value, note } of fields) {
    if (path === "length" || path === "type") continue;
    if (path === "flags") {
      Object.assign(message, flagsOf(label, note));
      continue;
    }
    // deno-lint-ignore no-explicit-any -- a tree of objects and lists, as the paths have it
    let at: any = message;
    const keys = path.match(/\w+/g)!;
    keys.slice(0, -1).forEach((key, i) => at = at[key] ??= /^(\d+|length)$/.test(keys[i + 1]!) ? [] : {});
    at[keys.at(-1)!] = value;
  }
  return message as Message;
}

/** What the flags in an example's note say: those that every message has, and those that are set. */
function flagsOf(label: string, note = ""): Record<string, boolean> {
  const set = note.split(", ");
  const kinds = Object.entries(frameOf(label).shape.flags!.kinds!);
  return Object.fromEntries(
    kinds.filter(([flag, kind]) => kind === "required" || kind === "optional" && set.includes(flag))
      .map(([flag]) => [flag, set.includes(flag)]),
  );
}

function labelOf(side: string, type: string): string {
  return `${side} ${type.toUpperCase()}`;
}

function frameOf(label: string): FrameDefinition {
  return FRAMES.get(label)!;
}

function sideOf(label: string) {
  return label.startsWith("client ")
    ? { decode: protocol.decodeClient, encode: (it: Message) => protocol.encodeClient(it as ClientMessage) }
    : { decode: protocol.decodeServer, encode: (it: Message) => protocol.encodeServer(it as ServerMessage) };
}

function numbersOf(...modules: object[]): Record<string, number> {
  const exported = modules.flatMap((module) => Object.entries(module));
  return Object.fromEntries(exported.filter(([, value]) => typeof value === "number"));
}

function wholeOf(fields: readonly Field[]): Uint8Array {
  return bytesOf(fields.map(({ digits }) => digits).join(""));
}

function bytesOf(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../g)!, (byte) => parseInt(byte, 16));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
