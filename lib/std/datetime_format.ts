// Stands in for `format` of @std/datetime 0.225, which the npm copy lacks: same signature, fields and literals.

interface FormatOptions {
  /** Default: the machine's zone. */
  timeZone?: "UTC";
}

type Reader = (date: Date, utc: boolean) => number;
type Field = (date: Date, utc: boolean) => string;

const year: Reader = (date, utc) => utc ? date.getUTCFullYear() : date.getFullYear();
const month: Reader = (date, utc) => (utc ? date.getUTCMonth() : date.getMonth()) + 1;
const day: Reader = (date, utc) => utc ? date.getUTCDate() : date.getDate();
const hour: Reader = (date, utc) => utc ? date.getUTCHours() : date.getHours();
const hour12: Reader = (date, utc) => (hour(date, utc) + 11) % 12 + 1;
const minute: Reader = (date, utc) => utc ? date.getUTCMinutes() : date.getMinutes();
const second: Reader = (date, utc) => utc ? date.getUTCSeconds() : date.getSeconds();
const millisecond: Reader = (date, utc) => utc ? date.getUTCMilliseconds() : date.getMilliseconds();

const plain = (read: Reader): Field => (date, utc) => String(read(date, utc));
const padded = (read: Reader, width = 2): Field => (date, utc) =>
  String(read(date, utc)).padStart(width, "0");
const cut = (field: Field, start: number, end?: number): Field => (date, utc) =>
  field(date, utc).slice(start, end);

const FIELDS = new Map<string, Field>([
  ["yyyy", plain(year)],
  ["yy", cut(padded(year), -2)],
  ["M", plain(month)],
  ["MM", padded(month)],
  ["d", plain(day)],
  ["dd", padded(day)],
  ["H", plain(hour)],
  ["HH", padded(hour)],
  ["h", plain(hour12)],
  ["hh", padded(hour12)],
  ["m", plain(minute)],
  ["mm", padded(minute)],
  ["s", plain(second)],
  ["ss", padded(second)],
  ["S", cut(padded(millisecond, 3), 0, 1)],
  ["SS", cut(padded(millisecond, 3), 0, 2)],
  ["SSS", padded(millisecond, 3)],
  // The original takes the local hour here even when the rest is UTC.
  ["a", (date, utc) => hour(date, utc) >= 12 ? "PM" : "AM"],
]);

// A quoted literal, a run of one letter, or any other character (even a line break, on which the original throws).
const PART = /'(\\.|[^']*)'|([a-zA-Z])\2*|[^]/y;

// Never evicted: formats come from flags and constants, so there are few.
const compiled = new Map<string, (string | Field)[]>();

/** Formats a date. Fields are those of Unicode LDML: `yyyy` `yy` `MM` `M` `dd` `d`, `HH` `H` (0 to 23), `hh` `h` (1 to
 * 12) with `a` (AM or PM), `mm` `m` `ss` `s`, `S` `SS` `SSS` (tenths, hundredths, thousandths). Everything else, and
 * everything between single quotes, is a literal. */
export function format(date: Date, formatString: string, options: FormatOptions = {}): string {
  let parts = compiled.get(formatString);
  if (parts === undefined) compiled.set(formatString, parts = compile(formatString));
  const utc = options.timeZone === "UTC";
  let text = "";
  for (const part of parts) text += typeof part === "string" ? part : part(date, utc);
  return text;
}

function compile(formatString: string): (string | Field)[] {
  const parts: (string | Field)[] = [];
  for (let at = 0; at < formatString.length;) {
    PART.lastIndex = at;
    const [part, quoted] = PART.exec(formatString)!;
    const field = FIELDS.get(part);
    // Of a run that is no field, only the first letter is a literal: `yyy` is `y` and a year of two digits.
    parts.push(quoted ?? field ?? part.charAt(0));
    at += quoted === undefined && field === undefined ? 1 : part.length;
  }
  return parts;
}
