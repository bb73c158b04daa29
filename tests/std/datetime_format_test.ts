// The stand-in for @std/datetime's format(): the original's documented examples, then each field and literal.
// Local dates are built from local fields, so that every time zone gives the same text.

import { assertEquals } from "@std/assert";
import { format } from "../../lib/std/datetime_format.ts";

const pure = { permissions: "none" } as const;
const utc = { timeZone: "UTC" } as const;

/** The same date in many formats. */
function assertFormats(date: Date, expected: Record<string, string>): void {
  for (const [formatString, text] of Object.entries(expected)) {
    assertEquals(format(date, formatString), text, `as ${formatString}`);
  }
}

/** The same format of many dates. */
function assertDates(formatString: string, expected: [Date, string][]): void {
  for (const [date, text] of expected) assertEquals(format(date, formatString), text);
}

/** 22 November 2026 at a time of day. */
function at(hour: number, minute = 0, second = 0, ms = 0): Date {
  return new Date(2026, 10, 22, hour, minute, second, ms);
}

Deno.test("format() gives what the original's documentation says", pure, () => {
  const date = new Date(2019, 0, 20, 16, 34, 23, 123);
  assertFormats(date, {
    "dd-MM-yyyy": "20-01-2019",
    "yyyy-MM-dd": "2019-01-20",
    "dd.MM.yyyy": "20.01.2019",
    "MM-dd-yyyy HH:mm": "01-20-2019 16:34",
    "MM-dd-yyyy hh:mm a": "01-20-2019 04:34 PM",
    "HH:mm MM-dd-yyyy": "16:34 01-20-2019",
    "MM-dd-yyyy HH:mm:ss.SSS": "01-20-2019 16:34:23.123",
    "'today:' yyyy-MM-dd": "today: 2019-01-20",
  });
  const inNewYork = new Date("2019-01-20T16:34:23.123-05:00");
  assertEquals(format(inNewYork, "yyyy-MM-dd HH:mm:ss", utc), "2019-01-20 21:34:23");
});

Deno.test("format() gives the time stamp of a chat line", pure, () => {
  assertEquals(format(at(13, 45, 7), "yyyy-MM-dd HH:mm:ss"), "2026-11-22 13:45:07");
});

Deno.test("format() pads a doubled field and no single one", pure, () => {
  assertFormats(new Date(2009, 1, 3, 4, 5, 6), {
    "yy-MM-dd HH hh:mm:ss": "09-02-03 04 04:05:06",
    "M-d H h:m:s": "2-3 4 4:5:6",
  });
  assertFormats(new Date(2010, 11, 31, 22, 59, 58), {
    "yy-MM-dd HH hh:mm:ss": "10-12-31 22 10:59:58",
    "M-d H h:m:s": "12-31 22 10:59:58",
  });
});

Deno.test("format() does not pad yyyy, and takes the last two digits for yy", pure, () => {
  const year = (value: number) => {
    const date = new Date(2000, 0, 1);
    date.setFullYear(value);
    return date;
  };
  assertDates("yyyy yy", [[year(20_202), "20202 02"], [year(987), "987 87"], [year(5), "5 05"]]);
});

Deno.test("format() counts twelve hours from 12, and AM and PM from midnight and noon", pure, () => {
  assertDates("hh h HH a", [
    [at(0), "12 12 00 AM"],
    [at(1), "01 1 01 AM"],
    [at(11, 59), "11 11 11 AM"],
    [at(12), "12 12 12 PM"],
    [at(13), "01 1 13 PM"],
    [at(23), "11 11 23 PM"],
  ]);
});

Deno.test("format() cuts fractions of a second and does not round them", pure, () => {
  assertDates("S SS SSS", [
    [at(0, 0, 0, 0), "0 00 000"],
    [at(0, 0, 0, 7), "0 00 007"],
    [at(0, 0, 0, 58), "0 05 058"],
    [at(0, 0, 0, 999), "9 99 999"],
  ]);
});

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

Deno.test("format() gives back all that is no field", pure, () => {
  assertFormats(at(13, 45, 7), {
    "": "",
    "./-,: \n ñ 💥": "./-,: \n ñ 💥",
    "yyyyMMddTHHmmssZ": "20261122T134507Z",
    "EEE LLL u y D A aa": "EEE LLL u y D A aPM",
  });
});

Deno.test("format() reads a run that is too long as letters before the longest field", pure, () => {
  assertFormats(new Date(2026, 1, 3, 4, 5, 6, 78), {
    "yyy yyyyy": "y26 y2026",
    "MMM MMMM": "M02 MM02",
    "ddd HHH hhh mmm sss": "d03 H04 h04 m05 s06",
    "SSSS": "S078",
  });
});

Deno.test("format() takes what is between single quotes as it is", pure, () => {
  assertFormats(at(13, 45, 7), {
    "HH 'HH' HH": "13 HH 13",
    "HH'h'mm'm'": "13h45m",
    "'a\nb'": "a\nb",
    "HH''mm": "1345",
    "'\\''HH": "\\'13",
    "'\\'HH": "\\13",
    "HH 'mm": "13 '45",
  });
});

Deno.test("format() shows an invalid date as such instead of throwing", pure, () => {
  assertEquals(format(new Date(NaN), "yyyy-MM-dd HH:mm:ss h"), "NaN-NaN-NaN NaN:NaN:NaN NaN");
});
