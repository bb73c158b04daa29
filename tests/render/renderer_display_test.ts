// How lines look, as the flags say.

import { assertEquals, assertThrows } from "@std/assert";
import { setColorEnabled } from "@std/fmt/colors";
import { displayConfig, makeRenderer } from "../../lib/render/renderer.ts";
import { InputError } from "../../lib/errors.ts";

const pure = { permissions: "none" } as const;

const NONE = { time: undefined, utc: false, "no-color": false, plain: false };
const NOON_MS = Date.UTC(2026, 10, 22, 12);

Deno.test("Colours are for screens that show them, unless somebody wants none or lines alone", {
  ...pure,
  ignore: Deno.noColor,
}, () => {
  setColorEnabled(true);
  const isPainted = (flags: Partial<typeof NONE>, hasColors = true) =>
    makeRenderer(displayConfig({ ...NONE, ...flags }), { language: "es", hasColors }).notice("x", 0)
      .includes("\x1b");
  assertEquals([isPainted({}), isPainted({}, false)], [true, false]);
  assertEquals([isPainted({ "no-color": true }), isPainted({ plain: true })], [false, false]);
});

Deno.test("Times look as --time says, and are those of UTC with --utc", pure, () => {
  const stampWith = (flags: { time?: string; utc?: boolean }) =>
    makeRenderer(displayConfig({ ...NONE, ...flags }), { language: "es", hasColors: false }).formatTime(
      NOON_MS,
    );
  assertEquals(stampWith({ utc: true }), "2026-11-22 12:00:00");
  assertEquals(stampWith({ time: "HH 'h' mm", utc: true }), "12 h 00");
  assertEquals(assertThrows(() => stampWith({ time: "hola" }), InputError).code, "pattern-invalid");
});
