// Fields and frames as values: one definition gives a frame's type, encoder, decoder and diagram.

import { type Frame, type FrameWriter, MAX_STRING_BYTES } from "../codec.ts";
import { ProtocolError } from "../errors.ts";

/** How a value lies on the wire. Decoders check the limits, encoders do not. */
interface Field<Value> {
  /** The type of the field in docs/PROTOCOL.md's diagrams. */
  readonly wire: string;
  /** Most bytes that the decoder accepts. */
  readonly maxBytes: number;
  readonly isOptional?: boolean;
  write(writer: FrameWriter, value: Value): void;
  /** Flags and records read into `values`.
   * @throws {ProtocolError} `frame-malformed` or `version-unsupported` */
  read(frame: Frame, values?: Values): Value;
}

type OptionalField<Value> = Field<Value> & { readonly isOptional: true };

/** Messages always have a `required` flag as a boolean, an `optional` one only if it is set. A `presenceOf` flag is set
 * if the message has the {@linkcode optional} field of this name. */
type FlagKinds = Readonly<Record<string, "required" | "optional" | { readonly presenceOf: string }>>;

/** Writes the flags among the values of a message, and reads them. */
interface Flags<Kinds extends FlagKinds> extends Field<Values> {
  readonly kinds: Kinds;
}

type Values = Record<string, unknown>;

// deno-lint-ignore no-explicit-any -- fields of any values
type Shape = Readonly<Record<string, Field<any> | Flags<FlagKinds>>>;

/** The values in the fields of a shape. */
export type ValuesOf<S> = Flatten<
  & {
    readonly [Name in keyof S as S[Name] extends { kinds: unknown } | { isOptional: true } ? never : Name]:
      ValueOf<S[Name]>;
  }
  & { readonly [Name in keyof S as S[Name] extends OptionalField<infer _> ? Name : never]?: ValueOf<S[Name]> }
  & (S extends { readonly flags: Flags<infer Kinds> } ? BooleansOf<Kinds> : unknown)
>;

export type ValueOf<F> = F extends Field<infer Value> ? Value : never;

type BooleansOf<Kinds> =
  & { readonly [Name in keyof Kinds as Kinds[Name] extends "required" ? Name : never]: boolean }
  & { readonly [Name in keyof Kinds as Kinds[Name] extends "optional" ? Name : never]?: boolean };

/** One object type for an intersection. The fields keep their documentation. */
type Flatten<T> = { [Key in keyof T]: T[Key] };

function field<Value>(
  wire: string,
  maxBytes: number,
  write: (writer: FrameWriter, value: Value) => void,
  read: (frame: Frame) => Value,
): Field<Value> {
  return { wire, maxBytes, write, read };
}

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
  return {
    wire: `${count.wire} * ${item.wire}`,
    maxBytes: count.maxBytes + max * item.maxBytes,
    write(writer, items) {
      count.write(writer, items.length);
      for (const value of items) item.write(writer, value);
    },
    read(frame) {
      const length = count.read(frame);
      if (length > max) throw new ProtocolError("frame-malformed", { count: length, max });
      return Array.from({ length }, () => item.read(frame));
    },
  };
}

/** Items to the end of the frame. The encoder stops before an item that might exceed `maxFrameBytes`. */
export function toEnd<Item>(item: Field<Item>, maxFrameBytes: number): Field<readonly Item[]> {
  return {
    wire: `${item.wire} ...`,
    maxBytes: maxFrameBytes,
    write(writer, items) {
      for (const value of items) {
        if (writer.length + item.maxBytes > maxFrameBytes) break;
        item.write(writer, value);
      }
    },
    read(frame) {
      const items: Item[] = [];
      while (!frame.isAtEnd) items.push(item.read(frame));
      return items;
    },
  };
}

/** One byte with a bit for each flag, the lowest first: the field `flags` of a shape. */
export function flags<const Kinds extends FlagKinds>(kinds: Kinds): Flags<Kinds> {
  const bits = Object.entries(kinds).map(([flag, kind], index) => (
    { bit: 1 << index, name: typeof kind === "string" ? flag : kind.presenceOf, kind }
  ));
  const isSet = (value: unknown) => value !== undefined && value !== false;
  return {
    kinds,
    wire: "u8",
    maxBytes: 1,
    write(writer, values) {
      writer.u8(bits.reduce((byte, { bit, name }) => isSet(values[name]) ? byte | bit : byte, 0));
    },
    read(frame, values = {}) {
      const byte = frame.u8();
      if (byte >> bits.length !== 0) throw new ProtocolError("frame-malformed", { flags: byte });
      for (const { bit, name, kind } of bits) {
        if (byte & bit || kind === "required") values[name] = (byte & bit) !== 0;
      }
      return values;
    },
  };
}

/** A field that frames have only if the `presenceOf` flag of its name is set. */
export function optional<Value>(field: Field<Value>): OptionalField<Value> {
  return { ...field, wire: `${field.wire}?`, isOptional: true };
}

/** Fields one behind the other. Diagrams show them under this name. */
export function record<S extends Shape>(name: string, shape: S): Field<ValuesOf<S>> & { readonly shape: S } {
  const parts = Object.entries<Field<unknown>>(shape).map(([name, part]) => ({
    name,
    part,
    isFlags: "kinds" in part,
  }));
  return {
    shape,
    wire: name,
    maxBytes: parts.reduce((sum, { part }) => sum + part.maxBytes, 0),
    write(writer, values: Values) {
      for (const { name, part, isFlags } of parts) {
        if (isFlags) part.write(writer, values);
        else if (!part.isOptional || values[name] !== undefined) part.write(writer, values[name]);
      }
    },
    read(frame, values = {}) {
      for (const { name, part, isFlags } of parts) {
        // The flags come before optional fields, and have set those that follow to true.
        if (isFlags) part.read(frame, values);
        else if (!part.isOptional || values[name]) values[name] = part.read(frame);
      }
      return values as ValuesOf<S>;
    },
  };
}

interface FrameDefinition<S> {
  /** The type on the wire. */
  readonly code: number;
  readonly shape: S;
  /** The whole frame, as a view that is valid until the writer's next frame. */
  encode(writer: FrameWriter, values: ValuesOf<S>): Uint8Array<ArrayBuffer>;
  /** Decodes into `values`.
   * @throws {ProtocolError} `frame-unexpected` if it is no such frame, `frame-malformed` or
   * `version-unsupported` */
  decode(frame: Frame | undefined, values?: Values): ValuesOf<S>;
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
    decode(frame, values) {
      if (frame?.type !== code) throw new ProtocolError("frame-unexpected");
      const message = body.read(frame, values);
      frame.end();
      return message;
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
    return this.#table[type]!.decode(frame, { type }) as MessageOf<Table>;
  }
}
