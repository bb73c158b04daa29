// Timestamps: times of lines and date separators; parsePattern(). Times are local, so that the tests hold in every
// zone, or UTC.

import { assertEquals, assertThrows } from "@std/assert";
import { InputError } from "../../lib/errors.ts";
import { DEFAULT_DISPLAY } from "../../lib/render/renderer.ts";
import { parsePattern, Timestamps } from "../../lib/render/timestamps.ts";
import { msOf } from "../testing/test_clock.ts";
import { pure } from "../testing/test_options.ts";

Deno.test("Timestamps.formatTime() shows each second, also after another one", pure, () => {
  const times = new Timestamps("es", DEFAULT_DISPLAY);
  for (
    const time of ["2026-11-22 13:45:07", "2026-11-22 13:45:08", "2026-11-22 13:45:07", "2026-01-02 03:04:05"]
  ) {
    assertEquals(times.formatTime(msOf(time)), time);
    assertEquals(times.formatTime(msOf(time) + 999), time);
  }
});

Deno.test("Timestamps.formatTime() follows its pattern", pure, () => {
  const timeMs = Date.UTC(2026, 10, 22, 13, 45, 7, 89);
  const fine = new Timestamps("es", { pattern: "ss.SSS", isUtc: true });
  assertEquals([timeMs, timeMs + 1].map((ms) => fine.formatTime(ms)), ["07.089", "07.090"]);
  const local = msOf("2026-11-22 23:59:59");
  assertEquals(new Timestamps("es", { pattern: "d HH", isUtc: false }).formatTime(local), "22 23");
});

/** Local getters of Date that are 14 hours ahead of UTC, which no zone of a test machine is. */
const FAR_EAST = Object.fromEntries(
  (["FullYear", "Month", "Date", "Hours"] as const).map((part) => [
    `get${part}`,
    function (this: Date) {
      return new Date(this.getTime() + 14 * 3_600_000)[`getUTC${part}`]();
    },
  ]),
);

Deno.test("Timestamps go by UTC if asked, wherever they are", pure, () => {
  const { getFullYear, getMonth, getDate, getHours } = Date.prototype;
  Object.assign(Date.prototype, FAR_EAST);
  try {
    const midnightMs = Date.UTC(2026, 10, 23);
    const utc = new Timestamps("en", { pattern: "dd/MM HH", isUtc: true });
    assertEquals(utc.formatTime(midnightMs - 1), "22/11 23");
    const lines = [midnightMs - 1, midnightMs, midnightMs + 86_399_999].map((ms) =>
      utc.dateSeparator(ms, 80)
    );
    assertEquals(lines, [undefined, "--- Monday, November 23, 2026 ---", undefined]);
    const local = new Timestamps("en", { pattern: "dd/MM HH", isUtc: false });
    assertEquals(local.formatTime(midnightMs - 1), "23/11 13");
  } finally {
    Object.assign(Date.prototype, { getFullYear, getMonth, getDate, getHours });
  }
});

Deno.test("Timestamps.formatTime() shows times beyond the last date as the last date", pure, () => {
  const times = new Timestamps("es", DEFAULT_DISPLAY);
  assertEquals(times.formatTime(Number.MAX_SAFE_INTEGER), times.formatTime(8.64e15));
});

Deno.test("Timestamps.dateSeparator() shows the date if the day has changed", pure, () => {
  const times = new Timestamps("es", DEFAULT_DISPLAY);
  const lines = [
    "2026-11-22 00:00:00",
    "2026-11-22 23:59:59.999",
    "2026-11-23 00:00:00",
    "2026-11-23 12:00",
    "2026-11-22 23:59:58",
    "2027-11-22 12:00",
  ].map((time) => times.dateSeparator(msOf(time), undefined));
  assertEquals(lines, [
    undefined,
    undefined,
    "--- lunes, 23 de noviembre de 2026 ---",
    undefined,
    "--- domingo, 22 de noviembre de 2026 ---",
    "--- lunes, 22 de noviembre de 2027 ---",
  ]);
});

Deno.test("Timestamps.dateSeparator() takes times beyond the last date for the last date", pure, () => {
  const times = new Timestamps("es", DEFAULT_DISPLAY);
  for (let i = 0; i < 3; i++) times.dateSeparator(Number.MAX_SAFE_INTEGER, 80);
  assertEquals(times.dateSeparator(msOf("2026-11-22 00:00"), 80), "--- domingo, 22 de noviembre de 2026 ---");
});

Deno.test("Timestamps.lineTime() fits the screen as it is now, unless a pattern was given", pure, () => {
  const timeMs = msOf("2026-11-22 13:45:07");
  const widths = [undefined, 80, 79, 60, 59, 1, 80];
  const times = new Timestamps("es", DEFAULT_DISPLAY);
  assertEquals(widths.map((columns) => times.lineTime(timeMs, columns)), [
    ...["2026-11-22 13:45:07", "2026-11-22 13:45:07", "13:45:07", "13:45:07", "13:45", "13:45"],
    "2026-11-22 13:45:07",
  ]);
  const own = new Timestamps("es", { pattern: "d HH", isUtc: false });
  assertEquals(widths.map((columns) => own.lineTime(timeMs, columns)), widths.map(() => "22 13"));
});

Deno.test("Timestamps.dateSeparator() begins with the date where lines have none, or shorter", pure, () => {
  const timeMs = msOf("2026-11-22 13:45:07");
  const first = (columns: number, pattern?: string) =>
    new Timestamps("es", { pattern, isUtc: false }).dateSeparator(timeMs, columns);
  assertEquals([first(80), first(30, "HH:mm")], [undefined, undefined]);
  assertEquals(
    [79, 40].map((columns) => first(columns)),
    Array(2).fill("--- domingo, 22 de noviembre de 2026 ---"),
  );
  assertEquals(first(39), "--- 22 nov 2026 ---");
});

Deno.test("parsePattern() accepts fields and literals", pure, () => {
  const patterns = ["yyyy-MM-dd HH:mm:ss", "yyyyMMdd", "h:mm a", "HH 'h' mm", "d.M.yy", "SSS", "HH:mm ☀"];
  patterns.push(`HH${" ".repeat(62)}`);
  for (const pattern of patterns) assertEquals(parsePattern(pattern), pattern);
});

Deno.test("parsePattern() refuses patterns without a field, unknown fields and controls", pure, () => {
  const wrong = ["", " ", "hola", "'HH'", "HH:mm 'h", "YYYY", "yyy", "yyyyy", "MMM", "HHH", "SSSS"];
  for (const pattern of [...wrong, "HH:mm\x1b[2J", "HH\n", `HH${" ".repeat(63)}`]) {
    const { code } = assertThrows(() => parsePattern(pattern), InputError);
    assertEquals([pattern, code], [pattern, "pattern-invalid"]);
  }
});
