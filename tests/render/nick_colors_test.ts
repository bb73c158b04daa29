// NickColors: the same color for a nick on every screen, and no two of one color while there are others.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { MemberInfo, RoomEvent } from "../../lib/protocol/frames.ts";
import { NICK_COLORS, NickColors } from "../../lib/render/nick_colors.ts";
import { LINE_COLORS } from "../../lib/render/renderer.ts";
import { pure } from "../testing/test_options.ts";

function member(nick: string, sinceMs: number): MemberInfo {
  return { sessionId: BigInt(sinceMs + 1), nick, sinceMs, address: "::1" };
}

function joined(nick: string, timeMs: number): RoomEvent {
  return { type: "joined", seq: 0, timeMs, rejoined: false, ...member(nick, timeMs) };
}

function left(nick: string, sinceMs: number): RoomEvent {
  return { type: "left", seq: 0, timeMs: sinceMs, connectionLost: false, ...member(nick, sinceMs) };
}

/** The colors of nicks in a room that these members came into one after the other. */
function colorsOf(nicks: readonly string[]): number[] {
  const colors = new NickColors();
  colors.replace(nicks.map(member));
  return nicks.map((nick) => colors.colorOf(nick));
}

/** Two nicks that have the same color, each alone. */
const OTHER = Array.from({ length: 100 }, (_, n) => `n${n}`)
  .find((nick) => colorsOf([nick])[0] === colorsOf(["ana"])[0])!;

Deno.test("NickColors makes a color from the nick alone, in any case", pure, () => {
  const colors = new NickColors();
  assertEquals([colors.colorOf("ana"), colors.colorOf("ANA")], [...colorsOf(["ana"]), ...colorsOf(["Ana"])]);
  // Colors are kept from one version to the next: screens of two versions show the same.
  assertEquals(["ana", "beto", "ñandú"].map((nick) => colors.colorOf(nick)), [30, 32, 98]);
});

Deno.test("NickColors gives later members the next free color, in any order of learning", pure, () => {
  const [ana, other] = colorsOf(["ana", OTHER]);
  assertEquals([ana, ...colorsOf([OTHER])], [...colorsOf(["ana"]), ana]);
  assertEquals(other, NICK_COLORS[(NICK_COLORS.indexOf(ana as never) + 1) % NICK_COLORS.length]);
  const live = new NickColors();
  live.apply(joined(OTHER, 1));
  live.apply(joined("ana", 0));
  assertEquals([live.colorOf("ana"), live.colorOf(OTHER)], [ana, other]);
  const late = new NickColors();
  late.replace([member(OTHER, 1), member("ana", 0)]);
  assertEquals(late.colorOf(OTHER), other);
});

Deno.test("NickColors gives different colors while there are any, then each nick its own", pure, () => {
  const nicks = Array.from({ length: 40 }, (_, n) => `n${n}`);
  const colors = colorsOf(nicks);
  assertEquals(new Set(colors.slice(0, NICK_COLORS.length)).size, NICK_COLORS.length);
  for (const [n, nick] of [...nicks.entries()].slice(NICK_COLORS.length)) {
    assertEquals(colors[n], colorsOf([nick])[0]);
  }
});

Deno.test("NickColors shows the same after leaves and new nicks as a screen that comes later", pure, () => {
  const colors = new NickColors();
  for (const event of [joined("ana", 0), joined(OTHER, 1)]) colors.apply(event);
  const displaced = colors.colorOf(OTHER);
  colors.apply(left("ana", 0));
  assertNotEquals(colors.colorOf(OTHER), displaced);
  assertEquals([colors.colorOf(OTHER)], colorsOf([OTHER]));
  colors.apply(joined("eva", 2));
  colors.apply({ type: "renamed", seq: 0, timeMs: 3, sessionId: 3n, oldNick: "eva", nick: "ana" });
  assertEquals([OTHER, "ana"].map((nick) => colors.colorOf(nick)), colorsOf([OTHER, "ana"]));
});

/** Levels of red, green and blue of a color of xterm's cube, 16 to 231. */
function levelsOf(color: number): [red: number, green: number, blue: number] {
  const levels = [0, 95, 135, 175, 215, 255];
  const index = color - 16;
  return [Math.floor(index / 36), Math.floor(index / 6) % 6, index % 6].map((n) => levels[n]!) as never;
}

/** WCAG 2.2, "relative luminance". */
function luminanceOf(color: number): number {
  const [red, green, blue] = levelsOf(color).map((level) => {
    const share = level / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

Deno.test("NICK_COLORS and LINE_COLORS have a contrast of 3.5 with black and with white", pure, () => {
  const colors = [...NICK_COLORS, ...Object.values(LINE_COLORS)];
  for (const color of colors) {
    const luminance = luminanceOf(color);
    const contrasts = [1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05];
    assert(Math.min(...contrasts) >= 3.5, `${color}: ${contrasts}`);
  }
  assertEquals(new Set(colors).size, colors.length);
});

Deno.test("NICK_COLORS has no red", pure, () => {
  const isRed = (color: number) => {
    const [red, green, blue] = levelsOf(color);
    return red > 2.5 * Math.max(green, blue);
  };
  assertEquals([isRed(LINE_COLORS.loss), NICK_COLORS.filter(isRed)], [true, []]);
});
