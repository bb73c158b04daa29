// Fields and frames as values: one definition gives a frame's type, encoder, decoder and diagram.

import { type Frame, type FrameWriter, MAX_STRING_BYTES } from "../codec.ts";
import { ProtocolError } from "../errors.ts";

/** How a value lies on the wire. Decoders check the limits, encoders do not. */
export interface Field<Value> {
  /** The type of the field in docs/PROTOCOL.md's diagrams. */
  readonly wire: string;
  /** Most bytes that the decoder accepts. */
  readonly maxBytes: number;
  write(writer: FrameWriter, value: Value): void;
  /** @throws {ProtocolError} `frame-malformed` or `version-unsupported` */
  read(frame: Frame): Value;
}

/** A field that frames have only if a flag is set. */
interface Conditional<Value> extends Pick<Field<Value>, "wire" | "maxBytes"> {
  readonly flag: string;
  readonly field: Field<Value>;
}

/** One byte with a bit for each flag, the lowest first. */
interface Flags<Kinds extends FlagKinds> extends Pick<Field<number>, "wire" | "maxBytes"> {
  readonly kinds: Kinds;
}

/** Messages always have a `required` flag as a boolean, an `optional` one only if it is set. They do not have
 * a `presence` flag: it is set if the {@linkcode when} of its name is there. */
type FlagKinds = Readonly<Record<string, "required" | "optional" | "presence">>;

// deno-lint-ignore no-explicit-any -- fields of any values
type Shape = Readonly<Record<string, Field<any> | Conditional<any> | Flags<FlagKinds>>>;

/** The values in the fields of a shape. */
export type ValuesOf<S> = Flatten<
  & { readonly [Name in keyof S as S[Name] extends Field<infer _> ? Name : never]: ValueOf<S[Name]> }
  & { readonly [Name in keyof S as S[Name] extends Conditional<infer _> ? Name : never]?: ValueOf<S[Name]> }
  & (S extends { readonly flags: Flags<infer Kinds> } ? BooleansOf<Kinds> : unknown)
>;

export type ValueOf<F> = F extends { read(frame: Frame): infer Value } ? Value
  : F extends Conditional<infer Value> ? Value
  : never;

type BooleansOf<Kinds> =
  & { readonly [Name in keyof Kinds as Kinds[Name] extends "required" ? Name : never]: boolean }
  & { readonly [Name in keyof Kinds as Kinds[Name] extends "optional" ? Name : never]?: boolean };

/** One object type for an intersection. The fields keep their documentation. */
type Flatten<T> = { [Key in keyof T]: T[Key] };

export const u8 = field("u8", 1, (writer, value: number) => writer.u8(value), (frame) => frame.u8());
export const u16 = field("u16", 2, (writer, value: number) => writer.u16(value), (frame) => frame.u16());
export const u32 = field("u32", 4, (writer, value: number) => writer.u32(value), (frame) => frame.u32());
/** A whole number up to 2^53 - 1. */
export const u64 = field("u64", 8, (writer, value: number) => writer.u64(value), (frame) => frame.u64());
/** Eight bytes that are a name, not a quantity. */
export const id = field("id", 8, (writer, value: bigint) => writer.id(value), (frame) => frame.id());

export function string(maxBytes = MAX_STRING_BYTES): Field<string> {
  return field("string", 2 + maxBytes, (writer, it) => writer.string(it), (frame) => frame.string(maxBytes));
}

export function bytes(count: number): Field<Uint8Array> {
  return field(`${count} bytes`, count, (writer, it) => writer.bytes(it), (frame) => frame.bytes(count));
}

/** The version of a format. The decoder refuses every other one. */
export function version(supported: number): Field<number> {
  return field("u8", 1, (writer, value) => writer.u8(value), (frame) => {
    const version = frame.u8();
    if (version !== supported) throw new ProtocolError("version-unsupported", { version });
    return version;
  });
}

/** Items behind their count. */
export function list<Item>(item: Field<Item>, max: number, count = u8): Field<readonly Item[]> {
  return field(
    `${count.wire} * ${item.wire}`,
    count.maxBytes + max * item.maxBytes,
    (writer, items) => {
      count.write(writer, items.length);
      for (const value of items) item.write(writer, value);
    },
    (frame) => {
      const length = count.read(frame);
      if (length > max) throw new ProtocolError("frame-malformed", { count: length, max });
      return Array.from({ length }, () => item.read(frame));
    },
  );
}

/** Items to the end of the frame. The encoder stops before an item that might exceed `maxFrameBytes`. */
export function toEnd<Item>(item: Field<Item>, maxFrameBytes: number): Field<readonly Item[]> {
  return field(
    `${item.wire} ...`,
    maxFrameBytes,
    (writer, items) => {
      for (const value of items) {
        if (writer.length + item.maxBytes > maxFrameBytes) break;
        item.write(writer, value);
      }
    },
    (frame) => {
      const items: Item[] = [];
      while (!frame.isAtEnd) items.push(item.read(frame));
      return items;
    },
  );
}

/** The field `flags` of a shape. */
export function flags<const Kinds extends FlagKinds>(kinds: Kinds): Flags<Kinds> {
  return { wire: "u8", maxBytes: 1, kinds };
}

/** A field that frames have only if this flag of the same shape is set. */
export function when<Value>(flag: string, field: Field<Value>): Conditional<Value> {
  return { wire: `${field.wire}?`, maxBytes: field.maxBytes, flag, field };
}

type Values = Record<string, unknown>;

/** Fields one behind the other. Diagrams show them under this name. */
export function record<S extends Shape>(name: string, shape: S): Field<ValuesOf<S>> & { readonly shape: S } {
  const parts = Object.entries(shape);
  const flags = flagsIn(parts);

  function write(writer: FrameWriter, values: Values): void {
    for (const [name, part] of parts) {
      if ("kinds" in part) {
        writer.u8(flags.reduce((byte, { bit, value }) => isSet(values[value]) ? byte | bit : byte, 0));
      } else if (!("flag" in part)) part.write(writer, values[name]);
      else if (isSet(values[name])) part.field.write(writer, values[name]);
    }
  }

  function read(frame: Frame): ValuesOf<S> {
    const values: Values = {};
    for (const [name, part] of parts) {
      if ("kinds" in part) readFlags(frame, flags, values);
      else if (!("flag" in part)) values[name] = part.read(frame);
      else if (isSet(values[name])) values[name] = part.field.read(frame);
    }
    return values as ValuesOf<S>;
  }

  const maxBytes = parts.reduce((sum, [, part]) => sum + part.maxBytes, 0);
  return { ...field(name, maxBytes, write, read), shape };
}

interface Flag {
  readonly bit: number;
  readonly kind: FlagKinds[string];
  /** The value that says whether the flag is set. For a `presence` flag, the conditional field. */
  readonly value: string;
}

function flagsIn(parts: [string, Shape[string]][]): Flag[] {
  const kinds = parts.flatMap(([, part]) => "kinds" in part ? Object.entries(part.kinds) : []);
  return kinds.map(([flag, kind], index) => {
    const [value] = parts.find(([, part]) => "flag" in part && part.flag === flag) ?? [flag];
    return { bit: 1 << index, kind, value };
  });
}

/** Reads the flags into the values. A conditional field is true until its own value is read. */
function readFlags(frame: Frame, flags: readonly Flag[], values: Values): void {
  const byte = frame.u8();
  if (byte >> flags.length !== 0) throw new ProtocolError("frame-malformed", { flags: byte });
  for (const { bit, kind, value } of flags) {
    if (byte & bit || kind === "required") values[value] = (byte & bit) !== 0;
  }
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== false;
}

interface FrameDefinition<S> {
  /** The type on the wire. */
  readonly code: number;
  readonly shape: S;
  /** The whole frame, as a view that is valid until the writer's next frame. */
  encode(writer: FrameWriter, values: ValuesOf<S>): Uint8Array<ArrayBuffer>;
  /** @throws {ProtocolError} `frame-unexpected` if it is no such frame, `frame-malformed` or
   * `version-unsupported` */
  decode(frame: Frame | undefined): ValuesOf<S>;
}

export function frame<S extends Shape>(code: number, shape: S): FrameDefinition<S> {
  const body = record("body", shape);
  return {
    code,
    shape,
    encode(writer, values) {
      body.write(writer.begin(code), values);
      return writer.end();
    },
    decode(frame) {
      if (frame?.type !== code) throw new ProtocolError("frame-unexpected");
      const values = body.read(frame);
      frame.end();
      return values;
    },
  };
}

// deno-lint-ignore no-explicit-any -- frames of any shapes
type FrameTable = Readonly<Record<string, FrameDefinition<any>>>;

/** The message in the frame `Type` of a table. */
export type MessageOf<Table, Type extends keyof Table = keyof Table> = Type extends keyof Table
  ? Flatten<{ readonly type: Type } & (Table[Type] extends FrameDefinition<infer S> ? ValuesOf<S> : never)>
  : never;

/** Encodes and decodes the messages of a table of frames. The keys of the table are the `type` of messages. */
export class Protocol<Table extends FrameTable> {
  readonly #table: Table;
  /** Indexed by the type on the wire. */
  readonly #typeByCode: string[] = [];

  constructor(table: Table) {
    this.#table = table;
    for (const [type, { code }] of Object.entries(table)) this.#typeByCode[code] = type;
  }

  /** The whole frame, as a view that is valid until the writer's next frame. */
  encode(writer: FrameWriter, message: MessageOf<Table>): Uint8Array<ArrayBuffer> {
    return this.#table[message.type]!.encode(writer, message);
  }

  /** @throws {ProtocolError} `frame-unknown`, `frame-malformed` or `version-unsupported` */
  decode(frame: Frame): MessageOf<Table> {
    const type = this.#typeByCode[frame.type];
    if (type === undefined) throw new ProtocolError("frame-unknown", { type: frame.type });
    return { type, ...this.#table[type]!.decode(frame) } as MessageOf<Table>;
  }
}

function field<Value>(
  wire: string,
  maxBytes: number,
  write: (writer: FrameWriter, value: Value) => void,
  read: (frame: Frame) => Value,
): Field<Value> {
  return { wire, maxBytes, write, read };
}
