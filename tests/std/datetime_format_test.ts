// format(), the stand-in for that of @std/datetime: the original's documented examples, then each field and literal.
// Local dates are built from local fields, so that every time zone gives the same text.

import { assertEquals } from "@std/assert";
import { format } from "../../lib/std/datetime_format.ts";
import { pure } from "../testing/test_options.ts";

const utc = { timeZone: "UTC" } as const;

/** 22 November 2026 at a time of day. */
function at(hour: number, minute = 0, second = 0, ms = 0): Date {
  return new Date(2026, 10, 22, hour, minute, second, ms);
}

function yearOf(year: number): Date {
  const date = new Date(2000, 0, 1);
  date.setFullYear(year);
  return date;
}

const DOCUMENTED = new Date(2019, 0, 20, 16, 34, 23, 123);
const FEBRUARY = new Date(2026, 1, 3, 4, 5, 6, 78);
const FORMATTED: Record<string, [date: Date, formatString: string, text: string][]> = {
  "gives what the original's documentation says": [
    [DOCUMENTED, "dd-MM-yyyy", "20-01-2019"],
    [DOCUMENTED, "MM-dd-yyyy HH:mm", "01-20-2019 16:34"],
    [DOCUMENTED, "MM-dd-yyyy hh:mm a", "01-20-2019 04:34 PM"],
    [DOCUMENTED, "MM-dd-yyyy HH:mm:ss.SSS", "01-20-2019 16:34:23.123"],
    [DOCUMENTED, "'today:' yyyy-MM-dd", "today: 2019-01-20"],
  ],
  "pads a doubled field and no single one": [
    [new Date(2009, 1, 3, 4, 5, 6), "yy-MM-dd HH hh:mm:ss", "09-02-03 04 04:05:06"],
    [new Date(2009, 1, 3, 4, 5, 6), "M-d H h:m:s", "2-3 4 4:5:6"],
    [new Date(2010, 11, 31, 22, 59, 58), "yy-MM-dd HH hh:mm:ss", "10-12-31 22 10:59:58"],
    [new Date(2010, 11, 31, 22, 59, 58), "M-d H h:m:s", "12-31 22 10:59:58"],
  ],
  "does not pad yyyy, and takes the last two digits for yy": [
    [yearOf(20_202), "yyyy yy", "20202 02"],
    [yearOf(987), "yyyy yy", "987 87"],
    [yearOf(5), "yyyy yy", "5 05"],
  ],
  "counts hh from 12, and a from midnight and noon": [
    [at(0), "hh h HH a", "12 12 00 AM"],
    [at(1), "hh h HH a", "01 1 01 AM"],
    [at(11, 59), "hh h HH a", "11 11 11 AM"],
    [at(12), "hh h HH a", "12 12 12 PM"],
    [at(13), "hh h HH a", "01 1 13 PM"],
    [at(23), "hh h HH a", "11 11 23 PM"],
  ],
  "truncates fractions of a second": [
    [at(0, 0, 0, 0), "S SS SSS", "0 00 000"],
    [at(0, 0, 0, 7), "S SS SSS", "0 00 007"],
    [at(0, 0, 0, 58), "S SS SSS", "0 05 058"],
    [at(0, 0, 0, 999), "S SS SSS", "9 99 999"],
  ],
  "leaves all that is no field": [
    [at(13, 45, 7), "", ""],
    [at(13, 45, 7), "./-,: \n ñ 💥", "./-,: \n ñ 💥"],
    [at(13, 45, 7), "yyyyMMddTHHmmssZ", "20261122T134507Z"],
    [at(13, 45, 7), "EEE LLL u y D A aa", "EEE LLL u y D A aPM"],
  ],
  "takes a run that is too long for letters before the longest field": [
    [FEBRUARY, "yyy yyyyy", "y26 y2026"],
    [FEBRUARY, "MMM MMMM", "M02 MM02"],
    [FEBRUARY, "ddd HHH hhh mmm sss", "d03 H04 h04 m05 s06"],
    [FEBRUARY, "SSSS", "S078"],
  ],
  "leaves what is between single quotes": [
    [at(13, 45, 7), "HH 'HH' HH", "13 HH 13"],
    [at(13, 45, 7), "HH'h'mm'm'", "13h45m"],
    [at(13, 45, 7), "'a\nb'", "a\nb"],
    [at(13, 45, 7), "HH''mm", "1345"],
    [at(13, 45, 7), "'\\''HH", "\\'13"],
    [at(13, 45, 7), "'\\'HH", "\\13"],
    [at(13, 45, 7), "HH 'mm", "13 '45"],
  ],
  "shows an invalid date as NaN": [[new Date(NaN), "yyyy-MM-dd HH:mm:ss h", "NaN-NaN-NaN NaN:NaN:NaN NaN"]],
};
for (const [what, cases] of Object.entries(FORMATTED)) {
  Deno.test(`format() ${what}`, pure, () => {
    for (const [date, formatString, text] of cases) assertEquals(format(date, formatString), text);
  });
}

Deno.test("format() reads every field in UTC if asked, and in local time if not", pure, () => {
  // No zone is this far from UTC: each field differs, wherever the test runs.
  const date = Object.assign(new Date("2020-01-02T03:04:05.006Z"), {
    getFullYear: () => 2019,
    getMonth: () => 11,
    getDate: () => 31,
    getHours: () => 22,
    getMinutes: () => 58,
    getSeconds: () => 57,
    getMilliseconds: () => 956,
  });
  const all = "yyyy yy MM M dd d HH H hh h mm m ss s SSS SS S a";
  assertEquals(format(date, all), "2019 19 12 12 31 31 22 22 10 10 58 58 57 57 956 95 9 PM");
  assertEquals(format(date, all, {}), format(date, all));
  assertEquals(format(date, all, utc), "2020 20 01 1 02 2 03 3 03 3 04 4 05 5 006 00 0 AM");
});
