// Command-line options of the tools and benchmarks.

import { parseArgs } from "@std/cli/parse-args";
import { EXIT } from "../lib/cli/process.ts";

/** The options of a command and their defaults, whose types are theirs too: a number is above 0, or also 0 if that is its
 * default, `false` is a switch, a string is any text, and an array is an option that may be given several times. */
type Defaults = Readonly<Record<string, number | string | false | readonly string[]>>;

type Options<D extends Defaults> = {
  readonly [Name in keyof D]: D[Name] extends number ? number
    : D[Name] extends string ? string
    : D[Name] extends false ? boolean
    : readonly string[];
};

/** Parses the arguments of this process. `--help` prints all options and ends it with 0, an error with 2. */
export function parseOptions<const D extends Defaults>(defaults: D): Options<D> {
  if (Deno.args.includes("--help")) {
    console.log(usage(defaults));
    Deno.exit(EXIT.ok);
  }
  try {
    return readOptions(defaults, Deno.args);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(`${error.message}\n${usage(defaults)}`);
    Deno.exit(EXIT.usage);
  }
}

/** Pure: parses `args`.
 * @throws {RangeError} that names an unknown option, or one whose value is missing or cannot be used */
export function readOptions<const D extends Defaults>(defaults: D, args: readonly string[]): Options<D> {
  const names = Object.keys(defaults);
  const flags = parseArgs([...args], {
    boolean: names.filter((name) => defaults[name] === false),
    string: names.filter((name) => defaults[name] !== false),
    collect: names.filter((name) => typeof defaults[name] === "object"),
    unknown: (arg) => {
      throw new RangeError(`Unknown option: ${arg}`);
    },
  }) as Record<string, unknown>;
  return Object.fromEntries(names.map((name) => {
    const [given, byDefault] = [flags[name], defaults[name]!];
    if (given === undefined || (Array.isArray(given) && given.length === 0)) return [name, byDefault];
    if ([given].flat().includes("")) throw new RangeError(`Option without a value: --${name}`);
    return [name, typeof byDefault === "number" ? numberOf(given, name, byDefault === 0) : given];
  })) as Options<D>;
}

/** A number above 0, or 0 if it may be.
 * @throws {RangeError} */
export function numberOf(value: unknown, name: string, mayBeZero = false): number {
  const number = value === "" ? NaN : Number(value);
  if (number > 0 && number <= Number.MAX_SAFE_INTEGER || mayBeZero && number === 0) return number;
  throw new RangeError(
    `Cannot use --${name} ${value}: it is not a number ${mayBeZero ? "from 0 on" : "above 0"}`,
  );
}

function usage(defaults: Defaults): string {
  const options = Object.entries(defaults).map(([name, value]) => {
    if (value === false) return `[--${name}]`;
    if (typeof value === "object") return `[--${name} TEXT]...`;
    return `[--${name} ${value === "" ? "TEXT" : value}]`;
  });
  return `Options: ${options.join(" ")}`;
}
