// Renderer: entries of the log as lines. The tests say local times, so that they hold in every zone.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { setColorEnabled } from "@std/fmt/colors";
import { InputError } from "../../lib/errors.ts";
import { translator } from "../../lib/i18n/translate.ts";
import type { Joined, Left, RoomEvent, Said } from "../../lib/protocol/frames.ts";
import {
  DEFAULT_DISPLAY,
  displayConfig,
  isMentioned,
  LINE_COLORS,
  LineRenderer,
  makeRenderer,
  type Renderer,
  type Theme,
} from "../../lib/render/renderer.ts";
import { Timestamps } from "../../lib/render/timestamps.ts";
import { messageOf } from "../testing/message.ts";
import { msOf } from "../testing/test_clock.ts";
import { pure } from "../testing/test_options.ts";

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
    [said({ text: DIRTY }), `ana: ${CLEAN}`, { reader: { sessionId: 3n, nick: "eva" } }],
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

Deno.test("Renderer.notice(), reply() and members() make their text printable", pure, () => {
  const list = ["  /a", messageOf("b\x1b")];
  assertEquals(plain.notice(messageOf(DIRTY), AT.timeMs, list), [`[${TIME}] ! ${CLEAN}`, "  /a", "  b␛"]);
  assertEquals(plain.reply(messageOf("nada\x1b"), 0, list), ["! nada␛", "  /a", "  b␛"]);
  const member = { ...ANA, address: "a\x1b", sinceMs: AT.timeMs };
  assertEquals(plain.members(messageOf("Hay:"), [member], 0), ["! Hay:", `  ana (a␛), desde ${TIME}`]);
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

/** Marks what a theme colors. */
const MARKED: Theme = {
  time: (text) => `t${text}`,
  nick: (nick) => `<${nick}>`,
  own: (nick) => `own${nick}`,
  mention: (word) => `!${word}!`,
  presence: (line) => `presence ${line}`,
  private: (line) => `private ${line}`,
  announced: (line) => `announced ${line}`,
  loss: (line) => `loss ${line}`,
};
const marked = new LineRenderer(translator("es"), MARKED, new Timestamps("es", DEFAULT_DISPLAY));
const MARKED_LINES: Record<
  string,
  [event: RoomEvent, line: string, options?: Parameters<Renderer["entry"]>[1]][]
> = {
  "times and nicks": [[said({ text: "beto" }), `t[${TIME}] <ana>: beto`]],
  "the reader's own nick as the one who speaks, not in what they say": [
    [said({ text: "ana" }), `t[${TIME}] own<ana>: ana`, { reader: ANA }],
    [said({ to: BETO }), `private [${TIME}] @ ownana → beto: hola`, { reader: ANA }],
  ],
  "the reader's nick in a message, and the one who wrote it": [
    [said({ text: "Beto, betos -beto@BETO" }), `t[${TIME}] !<ana>!: !Beto!, betos -beto@!BETO!`, {
      reader: BETO,
    }],
    [said({ text: "betos" }), `t[${TIME}] <ana>: betos`, { reader: BETO }],
    [said({ action: true, text: "ve a beto" }), `t[${TIME}] • !<ana>! ve a !beto!`, { reader: BETO }],
  ],
  "private messages, announcements and who comes and goes as whole lines": [
    [said({ to: BETO, text: "¡beto!" }), `private [${TIME}] @ !ana! → beto: ¡!beto!!`, { reader: BETO }],
    [announced, `announced [${TIME}] # El servidor dice: ␛[2Jadiós`],
    [joined(), `presence [${TIME}] * ana (192.168.1.7) se ha conectado`],
    [left({ kicked: true }), `presence [${TIME}] * Se ha expulsado a ana (192.168.1.7)`],
    [renamed, `presence [${TIME}] * ana se llama ahora anita`],
    [backups, `t[${TIME}] * Servidores de reserva: a:1, b␇:2`],
  ],
};
for (const [what, cases] of Object.entries(MARKED_LINES)) {
  Deno.test(`Renderer.entry() colors ${what}`, pure, () => {
    for (const [event, line, options] of cases) assertEquals(marked.entry(event, options), line);
  });
}

Deno.test("Renderer colors batches as presence, dates as times, members by nick, no notice", pure, () => {
  const batch = [joined(), joined(BETO)];
  assertEquals(marked.presenceBatch(batch), `presence [${TIME}] * 2 se han conectado: ana, beto`);
  assertEquals(marked.notice(messageOf("beto"), AT.timeMs), [`t[${TIME}] ! beto`]);
  const member = { ...BETO, address: "::1", sinceMs: AT.timeMs };
  assertEquals(marked.members(messageOf("beto"), [member], 0), ["! beto", `  <beto> (::1), desde ${TIME}`]);
  marked.dateSeparator(AT.timeMs);
  assertEquals(marked.dateSeparator(msOf("2026-11-23 00:00")), ["t--- lunes, 23 de noviembre de 2026 ---"]);
});

Deno.test("Renderer.loss() draws a rule as wide as the screen is now, and none for a pipe", pure, () => {
  const terminal: { columns?: number } = { columns: 90 };
  const times = new Timestamps("es", DEFAULT_DISPLAY);
  const screen = new LineRenderer(
    translator("es"),
    MARKED,
    times,
    terminal as { columns: number | undefined },
  );
  const line = `loss [${TIME}] ! se cayó␛`;
  assertEquals(screen.loss(messageOf("se cayó\x1b"), AT.timeMs), [`loss ${"─".repeat(90)}`, line]);
  terminal.columns = 30;
  assertEquals(screen.loss(messageOf("se cayó"), AT.timeMs)[0], `loss ${"─".repeat(30)}`);
  assertEquals(marked.loss(messageOf("se cayó\x1b"), AT.timeMs), [line]);
});

Deno.test("Renderer shortens the times of lines on a narrow screen, not those within a text", pure, () => {
  const terminal = { columns: 60 };
  const screen = makeRenderer(DEFAULT_DISPLAY, { language: "es", hasColors: false, terminal });
  assertEquals(screen.dateSeparator(AT.timeMs), ["--- domingo, 22 de noviembre de 2026 ---"]);
  assertEquals(screen.entry(said()), "[13:45:07] ana: hola");
  terminal.columns = 59;
  assertEquals(screen.notice(messageOf("hola"), AT.timeMs), ["[13:45] ! hola"]);
  assertEquals(screen.formatTime(AT.timeMs), TIME);
});

Deno.test("Renderer colors nicks by who is in the room", colors, () => {
  setColorEnabled(true);
  const renderer = makeRenderer(DEFAULT_DISPLAY, { language: "es", hasColors: true });
  const nicks = ["ana", "beto", "caro", "dani", "eva", "fede", "gina"];
  const distinct = () => new Set(nicks.map((nick) => renderer.nick(nick).replace(nick, ""))).size;
  assert(distinct() < nicks.length);
  renderer.setMembers([{ sessionId: 1n, nick: "ana", address: "", sinceMs: 0 }]);
  for (const nick of nicks.slice(1)) {
    renderer.follow(joined({ nick, sessionId: BigInt(nicks.indexOf(nick) + 1) }));
  }
  assertEquals(distinct(), nicks.length);
});

Deno.test("isMentioned() finds a nick as a word of its own, in any case", pure, () => {
  for (const text of ["ana", "¡ANA!", "hola, ana: ven", "@Ana", "(ana)"]) {
    assert(isMentioned(text, "Ana"), text);
  }
  for (const text of ["", "anita", "ana-2", "_ana", "mañana", "ana\u0301"]) {
    assert(!isMentioned(text, "ana"), text);
  }
});

const FLAGS = {
  ...{ time: undefined as string | undefined, utc: false },
  ...{ "no-color": false, plain: false, json: false },
};

Deno.test("makeRenderer() uses no colors with --no-color, --plain or a plain terminal", colors, () => {
  setColorEnabled(true);
  const isColored = (flags: Partial<typeof FLAGS>, hasColors = true) =>
    makeRenderer(displayConfig({ ...FLAGS, ...flags }), { language: "es", hasColors }).entry(said())
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

Deno.test("COLOR_THEME has a line wholly in one color, red and bold for a loss", colors, () => {
  setColorEnabled(true);
  const renderer = makeRenderer(DEFAULT_DISPLAY, { language: "es", hasColors: true });
  const color = (name: keyof typeof LINE_COLORS) => `\x1b[38;5;${LINE_COLORS[name]}m`;
  const time = `[${TIME}]`;
  assertEquals(
    renderer.entry(said({ to: BETO, text: "beto" }), { reader: BETO }),
    `${color("private")}${time} @ \x1b[7mana\x1b[27m → beto: \x1b[7mbeto\x1b[27m\x1b[39m`,
  );
  assertEquals(renderer.entry(left()), `\x1b[2m${time} * ana (192.168.1.7) se ha desconectado\x1b[22m`);
  assertEquals(renderer.loss(messageOf("x"), AT.timeMs), [
    `\x1b[1m${color("loss")}${time} ! x\x1b[39m\x1b[22m`,
  ]);
  assertEquals(
    renderer.entry(said(), { reader: ANA }),
    `\x1b[2m${time}\x1b[22m \x1b[1m${renderer.nick("ana")}\x1b[22m: hola`,
  );
});
