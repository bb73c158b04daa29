// Colours that can be read on any background.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { setColorEnabled } from "@std/fmt/colors";
import { COLOR_THEME, NICK_COLORS, PLAIN_THEME } from "../../lib/render/renderer.ts";

const pure = { permissions: "none" } as const;
/** For tests of colours, which NO_COLOR takes away. */
const colours = { ...pure, ignore: Deno.noColor };

/** Luminance of a colour of xterm's cube, 16 to 231 (WCAG 2.2, "relative luminance"). */
function luminanceOf(colour: number): number {
  const levels = [0, 95, 135, 175, 215, 255];
  const index = colour - 16;
  const [red, green, blue] = [Math.floor(index / 36), Math.floor(index / 6) % 6, index % 6].map((level) => {
    const share = levels[level]! / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

Deno.test("Every colour of a nick stands out from black and from white", pure, () => {
  for (const colour of NICK_COLORS) {
    const luminance = luminanceOf(colour);
    const contrasts = [1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05];
    assert(Math.min(...contrasts) >= 3.5, `${colour}: ${contrasts}`);
  }
  assertEquals(new Set(NICK_COLORS).size, NICK_COLORS.length);
});

Deno.test("A session has the same colour under every nick, and others have others", colours, () => {
  setColorEnabled(true);
  assertEquals(COLOR_THEME.nick("ana", 13n), "\x1b[38;5;27mana\x1b[39m");
  assertEquals(COLOR_THEME.nick("anita", 13n), "\x1b[38;5;27manita\x1b[39m");
  assertNotEquals(COLOR_THEME.nick("ana", 12n), COLOR_THEME.nick("ana", 13n));
  assertEquals(
    COLOR_THEME.nick("ana", 0xffff_ffff_ffff_ffffn),
    "\x1b[38;5;129mana\x1b[39m".replace("129", String(NICK_COLORS[3])),
  );
});

Deno.test("A time stands back, and who is spoken to stands out, on whatever background", colours, () => {
  setColorEnabled(true);
  assertEquals([COLOR_THEME.time("a"), COLOR_THEME.mention("b")], ["\x1b[2ma\x1b[22m", "\x1b[7mb\x1b[27m"]);
});

Deno.test("Without colours everything looks as it is", pure, () => {
  assertEquals([PLAIN_THEME.time("a"), PLAIN_THEME.nick("b", 1n), PLAIN_THEME.mention("c")], ["a", "b", "c"]);
});
