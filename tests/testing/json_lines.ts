// Lines that programs print with `--json`, checked against docs/chat.schema.json.

import { assert, assertEquals } from "@std/assert";
import { Ajv2020 } from "ajv/2020";
import schema from "../../docs/chat.schema.json" with { type: "json" };

/** A line, parsed. */
type JsonLine = Readonly<Record<string, unknown>> & { readonly type: keyof typeof schema.$defs };

const ajv = new Ajv2020({ allErrors: true, strictRequired: false }).addSchema(schema, "chat");
const checkLine = ajv.getSchema("chat")!;
/** Types whose fields depend on the code. */
const OPEN_TYPES = ["error", "lost", "members", "notice", "skipped"];

/** Whether a value is what a part of the schema describes. */
export function isValid(value: unknown, part: "request" | "consoleRequest"): boolean {
  return ajv.validate(`chat#/$defs/${part}`, value);
}

/** The objects of whole lines. Each must be as the schema says, without fields that it does not name. */
export function parseLines(output: string): JsonLine[] {
  return output.split("\n").slice(0, -1).map((line) => {
    const value = JSON.parse(line);
    assert(checkLine(value), `${line}\n${ajv.errorsText(checkLine.errors)}`);
    const { properties } = schema.$defs[value.type as "said"];
    const unknown = Object.keys(value).filter((name) => !Object.hasOwn(properties, name));
    if (!OPEN_TYPES.includes(value.type)) assertEquals(unknown, [], line);
    return value;
  });
}
