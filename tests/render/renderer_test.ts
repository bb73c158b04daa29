// Renderer: entries of the log as lines. The tests say local times, so that they hold in every zone.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { setColorEnabled } from "@std/fmt/colors";
import { InputError } from "../../lib/errors.ts";
import { translator } from "../../lib/i18n/translate.ts";
import type { Joined, Left, RoomEvent, Said } from "../../lib/protocol/frames.ts";
import {
  COLOR_THEME,
  DEFAULT_DISPLAY,
  displayConfig,
  isMentioned,
  makeRenderer,
  NICK_COLORS,
  Renderer,
} from "../../lib/render/renderer.ts";
import { Timestamps } from "../../lib/render/timestamps.ts";
import { msOf } from "../testing/test_clock.ts";

const pure = { permissions: "none" } as const;
/** For tests of colors, which NO_COLOR takes away. */
const colors = { ...pure, ignore: Deno.noColor };

const TIME = "2026-11-22 13:45:07";
const AT = { seq: 0, timeMs: msOf(TIME) };
const ANA = { sessionId: 1n, nick: "ana" };
const BETO = { sessionId: 2n, nick: "beto" };
const DIRTY = "a\x1b[2J\n\u202e\x9bb";
const CLEAN = "a␛[2J␊��b";

function said(changes: Partial<Said> = {}): Said {
  return { type: "said", ...AT, ...ANA, clientSeq: 1, redelivered: false, text: "hola", ...changes };
}

function joined(changes: Partial<Joined> = {}): Joined {
  return { type: "joined", rejoined: false, ...AT, ...ANA, address: "192.168.1.7", ...changes };
}

function left(changes: Partial<Left> = {}): Left {
  return { type: "left", connectionLost: false, ...AT, ...ANA, address: "192.168.1.7", ...changes };
}

const renamed = { type: "renamed", ...AT, sessionId: 1n, oldNick: "ana", nick: "anita" } as const;
const announced = { type: "announced", ...AT, text: "\x1b[2Jadiós" } as const;
const backups = { type: "backups", ...AT, backups: ["a:1", "b\x07:2#SHA256:c"] } as const;

/** A renderer in Spanish. */
const plain = makeRenderer(DEFAULT_DISPLAY, { language: "es", hasColors: false });

const ENTRIES: Record<
  string,
  [event: RoomEvent, line: string, options?: Parameters<Renderer["entry"]>[1]][]
> = {
  "marks history and redelivered messages": [
    [said(), "ana: hola"],
    [said(), "~ ana: hola", { isHistory: true }],
    [said({ redelivered: true }), "+ ana: hola"],
    [said({ redelivered: true }), "~ ana: hola", { isHistory: true }],
  ],
  "marks private messages and actions": [
    [said({ to: BETO }), "@ ana → beto: hola"],
    [said({ action: true, text: "saluda" }), "• ana saluda"],
    [said({ action: true, to: BETO, redelivered: true, text: "saluda" }), "+ • @ ana → beto saluda"],
  ],
  "tells joins and leaves apart, with the address": [
    [joined(), "* ana (192.168.1.7) se ha conectado"],
    [joined({ rejoined: true }), "* ana (192.168.1.7) se ha reconectado"],
    [left(), "* ana (192.168.1.7) se ha desconectado"],
    [left({ connectionLost: true }), "* ana (192.168.1.7) ha perdido la conexión"],
    [left({ kicked: true }), "* Se ha expulsado a ana (192.168.1.7)"],
  ],
  "has lines for new nicks, announcements and backups": [
    [renamed, "* ana se llama ahora anita"],
    [announced, "# El servidor dice: ␛[2Jadiós"],
    [announced, "~ # El servidor dice: ␛[2Jadiós", { isHistory: true }],
    [backups, "* Servidores de reserva: a:1, b␇:2"],
    [{ ...backups, backups: [] }, "* Ya no hay servidores de reserva"],
  ],
  "makes what a peer sends printable": [
    [said({ text: DIRTY }), `ana: ${CLEAN}`],
    [said({ text: DIRTY }), `ana: ${CLEAN}`, { reader: "eva" }],
    [left({ address: DIRTY }), `* ana (${CLEAN}) se ha desconectado`],
    [joined({ nick: DIRTY }), "* ? (192.168.1.7) se ha conectado"],
    [said({ to: { sessionId: 2n, nick: "a\x1bb" } }), "@ ana → ?: hola"],
    [{ ...renamed, oldNick: "\n", nick: "* x" }, "* ? se llama ahora ?"],
  ],
};
for (const [what, cases] of Object.entries(ENTRIES)) {
  Deno.test(`Renderer.entry() ${what}`, pure, () => {
    for (const [event, line, options] of cases) {
      assertEquals(plain.entry(event, options), `[${TIME}] ${line}`);
    }
  });
}

Deno.test("Renderer.entry() speaks the language of its translator", pure, () => {
  const english = makeRenderer(DEFAULT_DISPLAY, { language: "en", hasColors: false });
  const line = `[${TIME}] * ana (192.168.1.7) has lost the connection`;
  assertEquals(english.entry(left({ connectionLost: true })), line);
});

Deno.test("Renderer.notice(), reply() and member() make their text printable", pure, () => {
  assertEquals(plain.notice(DIRTY, AT.timeMs), `[${TIME}] ! ${CLEAN}`);
  assertEquals(plain.reply("nada\x1b"), ["! nada␛"]);
  assertEquals(plain.reply("Órdenes:", ["  /a"]), ["! Órdenes:", "  /a"]);
  const member = { ...ANA, address: "a\x1b", sinceMs: AT.timeMs };
  assertEquals(plain.member(member), `  ana (a␛), desde ${TIME}`);
});

Deno.test("Renderer.presenceBatch() names each member once, with the time of the last", pure, () => {
  const batch = ["ana", "beto", "ana", "x y"].map((nick, index) =>
    joined({ nick, sessionId: BigInt(nick.length), timeMs: AT.timeMs - 3_000 + index * 1_000 })
  );
  assertEquals(plain.presenceBatch(batch), `[${TIME}] * 2 se han conectado: ?, beto`);
});

Deno.test("Renderer.presenceBatch() shows one event as entry() does, and at most 30 names", pure, () => {
  const lost = left({ connectionLost: true });
  assertEquals(plain.presenceBatch([lost]), plain.entry(lost));
  const batch = Array.from({ length: 33 }, (_, n) => left({ nick: `n${n}`, sessionId: BigInt(n) }));
  const names = batch.map(({ nick }) => nick).slice(0, 30).join(", ");
  assertEquals(plain.presenceBatch(batch), `[${TIME}] * 33 se han desconectado: ${names} y 3 más`);
  assertEquals(plain.presenceBatch(batch.slice(0, 30)), `[${TIME}] * 30 se han desconectado: ${names}`);
});

Deno.test("Renderer applies its theme to times, nicks and mentions of the reader", pure, () => {
  const renderer = new Renderer(translator("es"), {
    time: (text) => `t${text}`,
    nick: (nick, sessionId) => `<${nick} ${sessionId}>`,
    mention: (word) => `!${word}!`,
  }, new Timestamps("es", DEFAULT_DISPLAY));
  const time = `t[${TIME}]`;
  assertEquals(
    renderer.entry(said({ to: BETO, text: "Beto, betos -beto@BETO" }), { reader: "beto" }),
    `${time} @ <ana 1> → <beto 2>: !Beto!, betos -beto@!BETO!`,
  );
  assertEquals(renderer.entry(said({ text: "beto" })), `${time} <ana 1>: beto`);
  assertEquals(renderer.entry(joined()), `${time} * <ana 1> (192.168.1.7) se ha conectado`);
  assertEquals(renderer.notice("beto", AT.timeMs), `${time} ! beto`);
  renderer.dateSeparator(AT.timeMs);
  assertEquals(renderer.dateSeparator(msOf("2026-11-23 00:00")), [
    "t--- lunes, 23 de noviembre de 2026 ---",
  ]);
});

Deno.test("isMentioned() finds a nick as a word of its own, in any case", pure, () => {
  for (const text of ["ana", "¡ANA!", "hola, ana: ven", "@Ana", "(ana)"]) {
    assert(isMentioned(text, "Ana"), text);
  }
  for (const text of ["", "anita", "ana-2", "_ana", "mañana", "ana\u0301"]) {
    assert(!isMentioned(text, "ana"), text);
  }
});

const FLAGS = { time: undefined as string | undefined, utc: false, "no-color": false, plain: false };

Deno.test("makeRenderer() uses no colors with --no-color, --plain or a plain terminal", colors, () => {
  setColorEnabled(true);
  const isColored = (flags: Partial<typeof FLAGS>, hasColors = true) =>
    makeRenderer(displayConfig({ ...FLAGS, ...flags }), { language: "es", hasColors }).notice("x", 0)
      .includes("\x1b");
  assertEquals([isColored({}), isColored({}, false)], [true, false]);
  assertEquals([isColored({ "no-color": true }), isColored({ plain: true })], [false, false]);
});

Deno.test("displayConfig() takes the pattern of --time and the zone of --utc", pure, () => {
  const noon = (flags: Partial<typeof FLAGS>) => {
    const renderer = makeRenderer(displayConfig({ ...FLAGS, ...flags }), {
      language: "es",
      hasColors: false,
    });
    return renderer.formatTime(Date.UTC(2026, 10, 22, 12));
  };
  assertEquals(noon({ utc: true }), "2026-11-22 12:00:00");
  assertEquals(noon({ time: "HH 'h' mm", utc: true }), "12 h 00");
  assertEquals([displayConfig(FLAGS).isUtc, displayConfig({ ...FLAGS, utc: true }).isUtc], [false, true]);
  assertEquals(assertThrows(() => noon({ time: "hola" }), InputError).code, "pattern-invalid");
});

/** Luminance of a color of xterm's cube, 16 to 231 (WCAG 2.2, "relative luminance"). */
function luminanceOf(color: number): number {
  const levels = [0, 95, 135, 175, 215, 255];
  const index = color - 16;
  const [red, green, blue] = [Math.floor(index / 36), Math.floor(index / 6) % 6, index % 6].map((level) => {
    const share = levels[level]! / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

Deno.test("NICK_COLORS have a contrast of 3.5 with black and with white", pure, () => {
  for (const color of NICK_COLORS) {
    const luminance = luminanceOf(color);
    const contrasts = [1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05];
    assert(Math.min(...contrasts) >= 3.5, `${color}: ${contrasts}`);
  }
  assertEquals(new Set(NICK_COLORS).size, NICK_COLORS.length);
});

Deno.test("COLOR_THEME colors a nick by its session, dims times and inverts mentions", colors, () => {
  setColorEnabled(true);
  const { nick, time, mention } = COLOR_THEME;
  assertEquals(nick("ana", 13n), "\x1b[38;5;27mana\x1b[39m");
  assertEquals(nick("anita", 13n), "\x1b[38;5;27manita\x1b[39m");
  assertNotEquals(nick("ana", 12n), nick("ana", 13n));
  assertEquals(nick("ana", 0xffff_ffff_ffff_ffffn), `\x1b[38;5;${NICK_COLORS[3]}mana\x1b[39m`);
  assertEquals([time("a"), mention("b")], ["\x1b[2ma\x1b[22m", "\x1b[7mb\x1b[27m"]);
});
