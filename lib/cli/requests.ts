// What programs write with `--json`: one request a line, as docs/JSON.md describes them.

import { InputError } from "../errors.ts";
import { parseText, truncate } from "../text/text.ts";

const MAX_QUOTED_CHARS = 60;

type Request =
  | { readonly say: string; readonly to?: string }
  | { readonly nick: string }
  /** A command as a person types it. */
  | { readonly command: string }
  | { readonly quit: true };

type Field = Request extends infer Each ? Each extends Request ? keyof Each : never : never;

/** Parses a line. One field that is not expected refuses it all: a misspelt `to` must not make a private message public.
 * @throws {InputError} `request-invalid` */
export function parseRequest(line: string, fields: readonly Field[]): Request {
  const request = parseObject(line);
  const [first, ...more] = Object.keys(request).sort();
  const isAlone = more.length === 0 || (first === "say" && more.length === 1 && more[0] === "to");
  const isValid = Object.entries(request).every(([name, value]) =>
    fields.includes(name as Field) && (name === "quit" ? value === true : typeof value === "string")
  );
  if (first !== undefined && first !== "to" && isAlone && isValid) return request as Request;
  // Some lines are megabytes.
  const quoted = truncate(line.slice(0, 2 * MAX_QUOTED_CHARS), MAX_QUOTED_CHARS);
  throw new InputError("request-invalid", { request: quoted, fields: fields.join(", ") });
}

/** Whether a line is the request to end. */
export function isQuitRequest(line: string): boolean {
  return JSON.stringify(parseObject(line)) === '{"quit":true}';
}

/** The text to say.
 * @throws {InputError} `args-missing` if nothing of it can be seen, or `text-too-long` */
export function sayText({ say }: { readonly say: string }): string {
  const text = parseText(say);
  if (text === "") throw new InputError("args-missing", { usage: "say" });
  return text;
}

/** An empty one if the line is none. */
function parseObject(line: string): object {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}
